#include "signers.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>

static void must(bool done)
{
    if (!done)
        abort();
}

static enum bulla_reason sign_p256(void *context, struct bulla_bytes bytes, uint8_t signature[static 64])
{
    unsigned char der[80];
    size_t size = sizeof der;
    const unsigned char *at = der;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    must(EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, context) == 1);
    must(EVP_DigestSign(digest, der, &size, bytes.data, bytes.size) == 1);
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)size);
    must(pair != NULL);
    must(BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, 32) == 32);
    must(BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + 32, 32) == 32);
    ECDSA_SIG_free(pair);
    EVP_MD_CTX_free(digest);
    return BULLA_OK;
}

void test_p256_make(struct test_p256 *key)
{
    size_t size = 0;
    EVP_PKEY *made = EVP_EC_gen("P-256");
    must(made != NULL);
    must(EVP_PKEY_get_octet_string_param(made, OSSL_PKEY_PARAM_PUB_KEY, key->point, sizeof key->point, &size) == 1);
    must(size == sizeof key->point);
    key->key = made;
    key->signer = (struct bulla_cose_signer){BULLA_COSE_ES256, sign_p256, made};
}

void test_p256_free(struct test_p256 *key)
{
    EVP_PKEY_free(key->key);
}

static enum bulla_reason sign_ed25519(void *context, struct bulla_bytes bytes, uint8_t signature[static 64])
{
    must(crypto_sign_detached(signature, NULL, bytes.data, bytes.size, context) == 0);
    return BULLA_OK;
}

void test_ed25519_make(struct test_ed25519 *key, const uint8_t seed[static 32])
{
    must(sodium_init() >= 0);
    must(crypto_sign_seed_keypair(key->point, key->secret, seed) == 0);
    key->signer = (struct bulla_cose_signer){BULLA_COSE_EDDSA, sign_ed25519, key->secret};
}
