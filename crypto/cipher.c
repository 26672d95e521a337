/* AEAD, HKDF and SHA-256.
 *
 * AES-256-GCM and ChaCha20-Poly1305 are OpenSSL's. XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03, section 2.3) is
 * ChaCha20-Poly1305 under the subkey HChaCha20(key, first 16 bytes of the nonce) with the nonce 0⁴ ‖ last 8 bytes:
 * OpenSSL lacks HChaCha20, libsodium has it, and OpenSSL's ChaCha20-Poly1305 is the faster one. A context lives for one
 * call; EVP_CIPHER_CTX_free cleanses the key schedule that it holds.
 *
 * HKDF and SHA-256 are built on libsodium, whose states lie where we want them and cannot fail. */
#include "cipher.h"

#include "arena.h"
#include "library.h"

enum { LARGEST = 1 << 30, IV_SIZE = 12, HKDF_BLOCK = crypto_auth_hmacsha256_BYTES };

struct aead_row {
    enum bulla_aead aead;
    size_t nonce_size;
    const EVP_CIPHER *(*cipher)(void);
    bool extended; /* subkey from the nonce's first 16 bytes */
};

static const struct aead_row aeads[] = {
    {BULLA_AEAD_AES_256_GCM, 12, bulla_openssl_aes_256_gcm, false},
    {BULLA_AEAD_XCHACHA20, 24, bulla_openssl_chacha20_poly1305, true},
};

static const struct aead_row *aead_row(enum bulla_aead aead)
{
    for (size_t i = 0; i < sizeof aeads / sizeof *aeads; i++)
        if (aeads[i].aead == aead)
            return &aeads[i];
    return NULL;
}

size_t bulla_aead_nonce_size(enum bulla_aead aead)
{
    const struct aead_row *row = aead_row(aead);
    return row ? row->nonce_size : 0;
}

/* A context with key and nonce set, in *context; the caller frees it, also on refusal. */
static enum bulla_reason aead_begin(
    const struct aead_row *row, const uint8_t *key, const uint8_t *nonce, int sealing, EVP_CIPHER_CTX **context)
{
    BULLA_SECRET uint8_t *subkey = NULL;
    uint8_t iv[IV_SIZE] = {0}; /* public */
    if (row->extended) {
        void *memory = NULL;
        BULLA_TRY(bulla_secret_allocate(crypto_core_hchacha20_OUTPUTBYTES, &memory));
        subkey = memory;
        bulla_sodium_ready();
        (void)crypto_core_hchacha20(subkey, nonce, key, NULL);
        memcpy(iv + 4, nonce + 16, 8);
    } else {
        memcpy(iv, nonce, IV_SIZE);
    }
    const EVP_CIPHER *cipher = row->cipher();
    *context = cipher ? EVP_CIPHER_CTX_new() : NULL;
    if (!*context || EVP_CipherInit_ex2(*context, cipher, subkey ? subkey : key, iv, sealing, NULL) != 1)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "OpenSSL gives no cipher context");
    return BULLA_OK;
}

static bool aead_update(EVP_CIPHER_CTX *context, struct bulla_bytes in, uint8_t *out)
{
    int written = 0;
    return in.size == 0 || EVP_CipherUpdate(context, out, &written, in.data, (int)in.size) == 1;
}

static bool aead_finish(EVP_CIPHER_CTX *context)
{
    uint8_t none[16]; /* AEAD modes hold nothing back: never written */
    int written = 0;
    return EVP_CipherFinal_ex(context, none, &written) == 1;
}

static enum bulla_reason aead_check(const struct aead_row *row, struct bulla_bytes aad, struct bulla_bytes in)
{
    if (!row)
        return bulla_refuse(BULLA_UNSUPPORTED, "no such AEAD");
    if (aad.size > LARGEST || in.size > LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "an AEAD takes at most %d bytes at once", LARGEST);
    return BULLA_OK;
}

enum bulla_reason bulla_aead_seal(enum bulla_aead aead, const uint8_t key[static 32], const uint8_t *nonce,
    struct bulla_bytes aad, struct bulla_bytes in, uint8_t *out)
{
    const struct aead_row *row = aead_row(aead);
    BULLA_TRY(aead_check(row, aad, in));
    EVP_CIPHER_CTX *context = NULL;
    enum bulla_reason reason = aead_begin(row, key, nonce, 1, &context);
    if (reason == BULLA_OK &&
        (!aead_update(context, aad, NULL) || !aead_update(context, in, out) || !aead_finish(context) ||
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, BULLA_AEAD_TAG, out + in.size) != 1))
        reason = bulla_refuse(BULLA_INTERNAL, "OpenSSL does not encrypt");
    EVP_CIPHER_CTX_free(context);
    return reason;
}

enum bulla_reason bulla_aead_open(enum bulla_aead aead, const uint8_t key[static 32], const uint8_t *nonce,
    struct bulla_bytes aad, struct bulla_bytes in, uint8_t *out)
{
    const struct aead_row *row = aead_row(aead);
    BULLA_TRY(aead_check(row, aad, in));
    if (in.size < BULLA_AEAD_TAG)
        return bulla_refuse(BULLA_TRUNCATED, "the ciphertext is shorter than its tag");
    struct bulla_bytes sealed = {in.data, in.size - BULLA_AEAD_TAG};
    uint8_t tag[BULLA_AEAD_TAG]; /* public */
    memcpy(tag, in.data + sealed.size, sizeof tag);
    EVP_CIPHER_CTX *context = NULL;
    enum bulla_reason reason = aead_begin(row, key, nonce, 0, &context);
    if (reason == BULLA_OK &&
        (EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, BULLA_AEAD_TAG, tag) != 1 ||
            !aead_update(context, aad, NULL) || !aead_update(context, sealed, out) || !aead_finish(context)))
        reason = bulla_refuse(BULLA_AUTHENTICATION, "the tag of %zu bytes of ciphertext is wrong", sealed.size);
    EVP_CIPHER_CTX_free(context);
    if (reason != BULLA_OK && sealed.size > 0)
        bulla_wipe(out, sealed.size);
    return reason;
}

struct hkdf {
    crypto_auth_hmacsha256_state state;
    uint8_t extracted[HKDF_BLOCK];
    uint8_t block[HKDF_BLOCK];
};

/* T(counter) = HMAC(PRK, T(counter - 1) ‖ info ‖ counter), RFC 5869 section 2.3. */
static void hkdf_block(struct hkdf *hkdf, struct bulla_bytes info, uint8_t counter)
{
    (void)crypto_auth_hmacsha256_init(&hkdf->state, hkdf->extracted, sizeof hkdf->extracted);
    if (counter > 1)
        (void)crypto_auth_hmacsha256_update(&hkdf->state, hkdf->block, sizeof hkdf->block);
    if (info.size > 0)
        (void)crypto_auth_hmacsha256_update(&hkdf->state, info.data, info.size);
    (void)crypto_auth_hmacsha256_update(&hkdf->state, &counter, 1);
    (void)crypto_auth_hmacsha256_final(&hkdf->state, hkdf->block);
}

enum bulla_reason bulla_hkdf(
    struct bulla_bytes key, struct bulla_bytes salt, struct bulla_bytes info, uint8_t *out, size_t out_size)
{
    if (out_size > (size_t)255 * HKDF_BLOCK)
        return bulla_refuse(BULLA_TOO_LARGE, "HKDF gives at most 8160 bytes");
    BULLA_SECRET void *memory = NULL;
    BULLA_TRY(bulla_secret_allocate(sizeof(struct hkdf), &memory));
    struct hkdf *hkdf = memory;
    bulla_sodium_ready();
    (void)crypto_auth_hmacsha256_init(&hkdf->state, salt.size > 0 ? salt.data : (const uint8_t *)"", salt.size);
    if (key.size > 0)
        (void)crypto_auth_hmacsha256_update(&hkdf->state, key.data, key.size);
    (void)crypto_auth_hmacsha256_final(&hkdf->state, hkdf->extracted);
    for (size_t done = 0; done < out_size; done += HKDF_BLOCK) {
        hkdf_block(hkdf, info, (uint8_t)(done / HKDF_BLOCK + 1));
        size_t left = out_size - done;
        memcpy(out + done, hkdf->block, left < HKDF_BLOCK ? left : HKDF_BLOCK);
    }
    return BULLA_OK;
}

void bulla_sha256(struct bulla_bytes bytes, uint8_t digest[static 32])
{
    bulla_sha256_parts(&bytes, 1, digest);
}

/* The state is wiped because what is hashed may be a secret. */
void bulla_sha256_parts(const struct bulla_bytes *parts, size_t count, uint8_t digest[static 32])
{
    crypto_hash_sha256_state state;
    bulla_sodium_ready();
    (void)crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < count; i++)
        if (parts[i].size > 0)
            (void)crypto_hash_sha256_update(&state, parts[i].data, parts[i].size);
    (void)crypto_hash_sha256_final(&state, digest);
    bulla_wipe(&state, sizeof state);
}
