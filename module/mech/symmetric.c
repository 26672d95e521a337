#include "symmetric.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "crypto/library.h"

/* --- OpenSSL's ciphers --- */

enum { SIZES = 3 };

static const char *const names[BULLA_CIPHER_MODES][SIZES] = {
    [BULLA_ECB] = {"AES-128-ECB", "AES-192-ECB", "AES-256-ECB"},
    [BULLA_CBC] = {"AES-128-CBC", "AES-192-CBC", "AES-256-CBC"},
    [BULLA_CTR] = {"AES-128-CTR", "AES-192-CTR", "AES-256-CTR"},
    [BULLA_GCM] = {"AES-128-GCM", "AES-192-GCM", "AES-256-GCM"},
    [BULLA_CCM] = {"AES-128-CCM", "AES-192-CCM", "AES-256-CCM"},
    [BULLA_XTS] = {"AES-128-XTS", NULL, "AES-256-XTS"},
    [BULLA_KW] = {"AES-128-WRAP", "AES-192-WRAP", "AES-256-WRAP"},
    [BULLA_KWP] = {"AES-128-WRAP-PAD", "AES-192-WRAP-PAD", "AES-256-WRAP-PAD"},
    [BULLA_CHACHA20] = {NULL, NULL, "ChaCha20"},
    [BULLA_CHACHA20_POLY1305] = {NULL, NULL, "ChaCha20-Poly1305"},
};
/* Fetched at their first use, which costs some microseconds, and kept until C_Finalize. */
static _Atomic(EVP_CIPHER *) fetched[BULLA_CIPHER_MODES][SIZES];

static EVP_CIPHER *fetch(enum bulla_cipher_mode mode, size_t place)
{
    EVP_CIPHER *none = NULL;
    OSSL_LIB_CTX *library = bulla_openssl_context();
    (void)ERR_set_mark();
    EVP_CIPHER *cipher = library && names[mode][place] ? EVP_CIPHER_fetch(library, names[mode][place], NULL) : NULL;
    (void)ERR_pop_to_mark();
    if (cipher && !atomic_compare_exchange_strong(&fetched[mode][place], &none, cipher)) {
        EVP_CIPHER_free(cipher); /* another thread was faster */
        cipher = none;
    }
    return cipher;
}

/* NULL where there is none of this size. */
static const EVP_CIPHER *find(enum bulla_cipher_mode mode, size_t key_size)
{
    size_t place = (mode == BULLA_XTS ? key_size / 2 : key_size) / 8 - 2;
    if (place >= SIZES)
        return NULL;
    EVP_CIPHER *cipher = atomic_load_explicit(&fetched[mode][place], memory_order_acquire);
    return cipher ? cipher : fetch(mode, place);
}

void bulla_ciphers_close(void)
{
    for (int mode = 0; mode < BULLA_CIPHER_MODES; mode++)
        for (int place = 0; place < SIZES; place++)
            EVP_CIPHER_free(atomic_exchange(&fetched[mode][place], NULL));
}

/* --- contexts --- */

/* OpenSSL's own padding is off. It is told so by a parameter: what EVP_CIPHER_CTX_set_padding sets is told to the
 * cipher again with every IV, by a search through names that takes some 300 instructions. */
static bool set_key(struct bulla_cipher_state *state, const EVP_CIPHER *cipher, const uint8_t *key)
{
    unsigned none = 0;
    const OSSL_PARAM unpadded[] = {
        OSSL_PARAM_construct_uint(OSSL_CIPHER_PARAM_PADDING, &none), OSSL_PARAM_construct_end()};
    if (!state->context && !(state->context = EVP_CIPHER_CTX_new()))
        return false;
    if (EVP_CIPHER_CTX_reset(state->context) != 1)
        return false;
    EVP_CIPHER_CTX_set_flags(state->context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    return EVP_CipherInit_ex2(state->context, cipher, key, NULL, state->encrypting, unpadded) == 1;
}

enum bulla_reason bulla_cipher_prepare(struct bulla_run *run)
{
    struct bulla_cipher_state *state = run->state;
    const struct bulla_cipher_detail *detail = run->mechanism->detail;
    const EVP_CIPHER *cipher = find(detail->mode, run->key->secret.size);
    if (state->cipher == cipher && cipher)
        return BULLA_OK;
    state->cipher = NULL;
    state->nonce_size = state->tag_size = 0;
    (void)ERR_set_mark();
    bool keyed = cipher && set_key(state, cipher, run->key->secret.data);
    (void)ERR_pop_to_mark();
    if (!keyed)
        return bulla_refuse(BULLA_LIBRARY, "OpenSSL does not take a key of %zu bytes for mechanism 0x%lx",
            run->key->secret.size, run->mechanism->type);
    state->cipher = cipher;
    return BULLA_OK;
}

enum bulla_reason bulla_cipher_restart(struct bulla_cipher_state *state, const uint8_t *key, const uint8_t *iv)
{
    return EVP_CipherInit_ex2(state->context, NULL, key, iv, state->encrypting, NULL) == 1
               ? BULLA_OK
               : bulla_refuse(BULLA_LIBRARY, "OpenSSL does not take an IV");
}

enum bulla_reason bulla_cipher_feed(struct bulla_cipher_state *state, struct bulla_bytes in, uint8_t *out)
{
    static const size_t most = (size_t)1 << 30; /* OpenSSL counts in int */
    while (in.size) {
        size_t part = in.size < most ? in.size : most;
        int written = 0;
        if (EVP_CipherUpdate(state->context, out, &written, in.data, (int)part) != 1)
            return bulla_refuse(BULLA_LIBRARY, "OpenSSL does not take %zu bytes", part);
        in = (struct bulla_bytes){in.data + part, in.size - part};
        out = out ? out + part : NULL;
    }
    return BULLA_OK;
}

void bulla_cipher_end(void *memory)
{
    struct bulla_cipher_state *state = memory;
    EVP_CIPHER_CTX_free(state->context);
    bulla_gather_clear(&state->gather);
}

/* --- gathered input --- */

static enum bulla_reason grow(struct bulla_gather *gather, bool secret, size_t capacity)
{
    if (!secret) {
        uint8_t *data = realloc(gather->data, capacity);
        if (!data)
            return bulla_refuse(BULLA_OUT_OF_MEMORY, "%zu bytes of ciphertext", capacity);
        gather->data = data;
    } else {
        struct bulla_secret memory;
        BULLA_TRY(bulla_secret_hold(&memory, capacity, "data of an operation in parts"));
        if (gather->size)
            memcpy(memory.data, gather->data, gather->size);
        bulla_secret_release(&gather->memory);
        gather->memory = memory;
        gather->data = memory.data;
    }
    gather->capacity = capacity;
    return BULLA_OK;
}

enum bulla_reason bulla_gather_add(struct bulla_gather *gather, bool secret, struct bulla_bytes in)
{
    enum { FIRST = 4096 };
    if (in.size > BULLA_GATHER_LARGEST - gather->size)
        return bulla_refuse(BULLA_TOO_LARGE, "this mechanism takes at most %d bytes in parts", BULLA_GATHER_LARGEST);
    size_t capacity = gather->capacity ? gather->capacity : FIRST;
    while (capacity < gather->size + in.size)
        capacity *= 2;
    if (capacity > gather->capacity)
        BULLA_TRY(grow(gather, secret, capacity));
    if (in.size)
        memcpy(gather->data + gather->size, in.data, in.size);
    gather->size += in.size;
    return BULLA_OK;
}

struct bulla_bytes bulla_gather_bytes(const struct bulla_gather *gather)
{
    return (struct bulla_bytes){gather->data, gather->size};
}

void bulla_gather_clear(struct bulla_gather *gather)
{
    if (gather->memory.data)
        bulla_secret_release(&gather->memory);
    else
        free(gather->data);
    *gather = (struct bulla_gather){0};
}
