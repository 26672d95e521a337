#include "library.h"

#include <openssl/provider.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_once_t sodium_once = PTHREAD_ONCE_INIT;
static pthread_once_t openssl_once = PTHREAD_ONCE_INIT;
static OSSL_LIB_CTX *context;
static OSSL_LIB_CTX *reading_context;
static EVP_CIPHER *aes_256_gcm;
static EVP_CIPHER *chacha20_poly1305;

/* It fails only without a source of random numbers, and then nothing that follows could be trusted. */
static void sodium_begin(void)
{
    if (sodium_init() < 0)
        abort();
}

/* The provider "null" keeps the default one from being loaded by itself. */
static OSSL_LIB_CTX *without_algorithms(void)
{
    OSSL_LIB_CTX *made = OSSL_LIB_CTX_new();
    if (made && !OSSL_PROVIDER_load(made, "null")) {
        OSSL_LIB_CTX_free(made);
        return NULL;
    }
    return made;
}

static void openssl_begin(void)
{
    reading_context = without_algorithms();
    context = OSSL_LIB_CTX_new();
    if (!context)
        return;
    aes_256_gcm = EVP_CIPHER_fetch(context, "AES-256-GCM", NULL);
    chacha20_poly1305 = EVP_CIPHER_fetch(context, "ChaCha20-Poly1305", NULL);
}

void bulla_sodium_ready(void)
{
    (void)pthread_once(&sodium_once, sodium_begin);
}

OSSL_LIB_CTX *bulla_openssl_context(void)
{
    (void)pthread_once(&openssl_once, openssl_begin);
    return context;
}

OSSL_LIB_CTX *bulla_openssl_reading_context(void)
{
    (void)pthread_once(&openssl_once, openssl_begin);
    return reading_context;
}

const EVP_CIPHER *bulla_openssl_aes_256_gcm(void)
{
    return bulla_openssl_context() ? aes_256_gcm : NULL;
}

const EVP_CIPHER *bulla_openssl_chacha20_poly1305(void)
{
    return bulla_openssl_context() ? chacha20_poly1305 : NULL;
}
