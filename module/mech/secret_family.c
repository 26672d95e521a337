/* Secret keys: their kinds, and the mechanisms that make them. What uses them is in the families of ciphers, MACs and
 * derivations. */
#include <sodium.h>

#include "families.h"

enum { SECRET_LARGEST = 8192 }; /* bytes */

/* --- kinds --- */

/* The sizes that a type of key may have, in bytes. */
static bool size_fits(CK_KEY_TYPE type, size_t size)
{
    switch (type) {
    case CKK_AES:
        return size == 16 || size == 24 || size == 32;
    case CKK_AES_XTS:
        return size == 32 || size == 64;
    case CKK_CHACHA20:
        return size == 32;
    default:
        return size > 0 && size <= SECRET_LARGEST;
    }
}

static enum bulla_reason check_size(CK_KEY_TYPE type, size_t size)
{
    return size_fits(type, size) ? BULLA_OK
                                 : bulla_refuse(BULLA_KEY_VALUE, "a key of type 0x%lx has not %zu bytes", type, size);
}

/* XTS with one key twice is no XTS (SP 800-38E, IEEE 1619-2018). */
static bool halves_are_equal(struct bulla_bytes value)
{
    return sodium_memcmp(value.data, value.data + value.size / 2, value.size / 2) == 0;
}

static enum bulla_reason complete(struct bulla_draft *key)
{
    struct bulla_bytes value = bulla_draft_get(key, CKA_VALUE);
    BULLA_TRY(check_size(key->key_type, value.size));
    if (key->key_type == CKK_AES_XTS && halves_are_equal(value))
        return bulla_refuse(BULLA_KEY_VALUE, "the two halves of an XTS key are the same");
    if (bulla_draft_ulong(key, CKA_VALUE_LEN, value.size) != value.size)
        return bulla_refuse(BULLA_KEY_INCONSISTENT, "CKA_VALUE_LEN is not the value's length");
    return bulla_draft_put_ulong(key, CKA_VALUE_LEN, value.size);
}

static enum bulla_reason open_secret(const struct bulla_draft *key, struct bulla_material *material)
{
    struct bulla_bytes value = bulla_draft_get(key, CKA_VALUE);
    BULLA_TRY(check_size(key->key_type, value.size));
    BULLA_TRY(bulla_secret_hold(&material->value, value.size, "a key"));
    memcpy(material->value.data, value.data, value.size);
    material->size = value.size;
    return BULLA_OK;
}

static enum bulla_reason export_secret(const struct bulla_draft *key, struct bulla_writer *out)
{
    bulla_write_bytes(out, bulla_draft_get(key, CKA_VALUE));
    return BULLA_OK;
}

/* Mechanisms that pad what they wrap with zeroes (RSA X.509, CBC) leave it to the template to say how long a key is. */
static enum bulla_reason import_secret(struct bulla_bytes plain, struct bulla_draft *key)
{
    CK_ULONG size = bulla_draft_ulong(key, CKA_VALUE_LEN, plain.size);
    if (size > plain.size || size == 0)
        return bulla_refuse(BULLA_KEY_INCONSISTENT, "the wrapped key has %zu bytes, not %lu", plain.size, size);
    return bulla_draft_put(key, CKA_VALUE, (struct bulla_bytes){plain.data, size});
}

static const CK_ATTRIBUTE_TYPE needs[] = {CKA_VALUE, 0};
static const CK_ATTRIBUTE_TYPE cipher_uses[] = {CKA_ENCRYPT, CKA_DECRYPT, 0};
static const CK_ATTRIBUTE_TYPE mac_uses[] = {CKA_SIGN, CKA_VERIFY, 0};
static const CK_ATTRIBUTE_TYPE generic_uses[] = {CKA_SIGN, CKA_VERIFY, CKA_DERIVE, 0};
static const CK_ATTRIBUTE_TYPE derive_uses[] = {CKA_DERIVE, 0};

#define SECRET(its_type, its_uses)                                                                                     \
    {                                                                                                                  \
        .type = (its_type), .name = #its_type, .secret_needs = needs, .uses = (its_uses), .complete = complete,        \
        .open = open_secret, .export = export_secret, .import = import_secret                                          \
    }
static const struct bulla_key_kind kinds[] = {
    SECRET(CKK_GENERIC_SECRET, generic_uses),
    SECRET(CKK_AES, cipher_uses),
    SECRET(CKK_AES_XTS, cipher_uses),
    SECRET(CKK_CHACHA20, cipher_uses),
    SECRET(CKK_HKDF, derive_uses),
    SECRET(CKK_SHA_1_HMAC, mac_uses),
    SECRET(CKK_SHA224_HMAC, mac_uses),
    SECRET(CKK_SHA256_HMAC, mac_uses),
    SECRET(CKK_SHA384_HMAC, mac_uses),
    SECRET(CKK_SHA512_HMAC, mac_uses),
    SECRET(CKK_SHA512_224_HMAC, mac_uses),
    SECRET(CKK_SHA512_256_HMAC, mac_uses),
    SECRET(CKK_SHA3_224_HMAC, mac_uses),
    SECRET(CKK_SHA3_256_HMAC, mac_uses),
    SECRET(CKK_SHA3_384_HMAC, mac_uses),
    SECRET(CKK_SHA3_512_HMAC, mac_uses),
    SECRET(CKK_BLAKE2B_160_HMAC, mac_uses),
    SECRET(CKK_BLAKE2B_256_HMAC, mac_uses),
    SECRET(CKK_BLAKE2B_384_HMAC, mac_uses),
    SECRET(CKK_BLAKE2B_512_HMAC, mac_uses),
};

/* --- generation --- */

/* Random bytes, as many as CKA_VALUE_LEN says; types that have one size need not be told. */
static enum bulla_reason generate(const CK_MECHANISM *mechanism, struct bulla_draft *key)
{
    uint8_t *value = NULL;
    size_t standard = key->key_type == CKK_CHACHA20 ? 32 : 0;
    CK_ULONG size = bulla_draft_ulong(key, CKA_VALUE_LEN, standard);
    BULLA_TRY(bulla_mechanism_bare(mechanism));
    if (!bulla_draft_get(key, CKA_VALUE_LEN).data && !standard)
        return bulla_refuse(BULLA_KEY_INCOMPLETE, "the template does not say how long the key is (CKA_VALUE_LEN)");
    BULLA_TRY(check_size(key->key_type, size));
    BULLA_TRY(bulla_draft_space(key, CKA_VALUE, size, &value));
    randombytes_buf(value, size);
    return bulla_draft_put_ulong(key, CKA_VALUE_LEN, size);
}

static const struct bulla_key_rule aes_keys = {.count = 1, .types = {CKK_AES}};
static const struct bulla_key_rule aes_xts_keys = {.count = 1, .types = {CKK_AES_XTS}};
static const struct bulla_key_rule chacha20_keys = {.count = 1, .types = {CKK_CHACHA20}};
static const struct bulla_key_rule hkdf_keys = {.count = 2, .types = {CKK_HKDF, CKK_GENERIC_SECRET}};
/* pkcs11-tool makes HMAC keys by this mechanism as well. */
static const struct bulla_key_rule generic_keys = {
    .count = 6,
    .types = {CKK_GENERIC_SECRET, CKK_SHA_1_HMAC, CKK_SHA224_HMAC, CKK_SHA256_HMAC, CKK_SHA384_HMAC, CKK_SHA512_HMAC},
};

#define HMAC_KEYS(name) static const struct bulla_key_rule name##_keys = {.count = 1, .types = {CKK_##name##_HMAC}};
HMAC_KEYS(SHA_1)
HMAC_KEYS(SHA224)
HMAC_KEYS(SHA256)
HMAC_KEYS(SHA384)
HMAC_KEYS(SHA512)
HMAC_KEYS(SHA512_224)
HMAC_KEYS(SHA512_256)
HMAC_KEYS(SHA3_224)
HMAC_KEYS(SHA3_256)
HMAC_KEYS(SHA3_384)
HMAC_KEYS(SHA3_512)
HMAC_KEYS(BLAKE2B_160)
HMAC_KEYS(BLAKE2B_256)
HMAC_KEYS(BLAKE2B_384)
HMAC_KEYS(BLAKE2B_512)
#define HMAC_ROW(name)                                                                                                 \
    {                                                                                                                  \
        BULLA_MECHANISM(CKM_##name##_KEY_GEN), .info = {1, SECRET_LARGEST, CKF_GENERATE}, .keys = &name##_keys,        \
                                               .generate = generate                                                    \
    }

static const struct bulla_mechanism rows[] = {
    {BULLA_MECHANISM(CKM_GENERIC_SECRET_KEY_GEN), .info = {1, SECRET_LARGEST, CKF_GENERATE}, .keys = &generic_keys,
        .generate = generate},
    {BULLA_MECHANISM(CKM_AES_KEY_GEN), .info = {16, 32, CKF_GENERATE}, .keys = &aes_keys, .generate = generate},
    {BULLA_MECHANISM(CKM_AES_XTS_KEY_GEN), .info = {32, 64, CKF_GENERATE}, .keys = &aes_xts_keys, .generate = generate},
    {BULLA_MECHANISM(CKM_CHACHA20_KEY_GEN), .info = {32, 32, CKF_GENERATE}, .keys = &chacha20_keys,
        .generate = generate},
    {BULLA_MECHANISM(CKM_HKDF_KEY_GEN), .info = {1, SECRET_LARGEST, CKF_GENERATE}, .keys = &hkdf_keys,
        .generate = generate},
    HMAC_ROW(SHA_1),
    HMAC_ROW(SHA224),
    HMAC_ROW(SHA256),
    HMAC_ROW(SHA384),
    HMAC_ROW(SHA512),
    HMAC_ROW(SHA512_224),
    HMAC_ROW(SHA512_256),
    HMAC_ROW(SHA3_224),
    HMAC_ROW(SHA3_256),
    HMAC_ROW(SHA3_384),
    HMAC_ROW(SHA3_512),
    HMAC_ROW(BLAKE2B_160),
    HMAC_ROW(BLAKE2B_256),
    HMAC_ROW(BLAKE2B_384),
    HMAC_ROW(BLAKE2B_512),
};

const struct bulla_family bulla_secret_family = {
    .name = "secret",
    .mechanisms = rows,
    .count = sizeof rows / sizeof rows[0],
    .kinds = kinds,
    .kind_count = sizeof kinds / sizeof kinds[0],
};
