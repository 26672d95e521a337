/* Derivations of keys from keys and from passwords. */
#include "kdf.h"

#include "families.h"

enum { LARGEST = 8192 }; /* bytes of a key */

static const struct bulla_key_rule any_secret = {.count = 12,
    .types = {CKK_GENERIC_SECRET, CKK_HKDF, CKK_AES, CKK_CHACHA20, CKK_AES_XTS, CKK_SHA_1_HMAC, CKK_SHA224_HMAC,
        CKK_SHA256_HMAC, CKK_SHA384_HMAC, CKK_SHA512_HMAC, CKK_SHA3_256_HMAC, CKK_BLAKE2B_256_HMAC}};
static const struct bulla_key_rule hkdf_keys = {.count = 2, .types = {CKK_HKDF, CKK_GENERIC_SECRET}};
static const struct bulla_key_rule aes_keys = {.count = 1, .types = {CKK_AES}};
static const struct bulla_key_rule prf_keys = {.count = 8,
    .types = {CKK_GENERIC_SECRET, CKK_AES, CKK_HKDF, CKK_SHA_1_HMAC, CKK_SHA224_HMAC, CKK_SHA256_HMAC, CKK_SHA384_HMAC,
        CKK_SHA512_HMAC}};
static const struct bulla_key_rule password_keys = {.count = 8,
    .types = {CKK_GENERIC_SECRET, CKK_AES, CKK_CHACHA20, CKK_HKDF, CKK_SHA_1_HMAC, CKK_SHA256_HMAC, CKK_SHA384_HMAC,
        CKK_SHA512_HMAC}};

#define STRING "CK_KEY_DERIVATION_STRING_DATA"

/* One table for all, so that the number of each is written once. */
static const struct bulla_mechanism rows[] = {
    {BULLA_MECHANISM(CKM_CONCATENATE_BASE_AND_KEY), .parameter = "CK_OBJECT_HANDLE: the second key",
        .info = {1, LARGEST, CKF_DERIVE}, .keys = &any_secret, .derive = bulla_derive_base_and_key,
        .other = bulla_base_and_key_other, .keeps = true},
    {BULLA_MECHANISM(CKM_CONCATENATE_BASE_AND_DATA), .parameter = STRING, .info = {1, LARGEST, CKF_DERIVE},
        .keys = &any_secret, .derive = bulla_derive_base_and_data, .keeps = true},
    {BULLA_MECHANISM(CKM_CONCATENATE_DATA_AND_BASE), .parameter = STRING, .info = {1, LARGEST, CKF_DERIVE},
        .keys = &any_secret, .derive = bulla_derive_data_and_base, .keeps = true},
    {BULLA_MECHANISM(CKM_XOR_BASE_AND_DATA), .parameter = STRING, .info = {1, LARGEST, CKF_DERIVE}, .keys = &any_secret,
        .derive = bulla_derive_xor, .keeps = true},
    {BULLA_MECHANISM(CKM_EXTRACT_KEY_FROM_KEY), .parameter = "CK_EXTRACT_PARAMS: the first bit",
        .info = {1, LARGEST, CKF_DERIVE}, .keys = &any_secret, .derive = bulla_derive_extract, .keeps = true},
    {BULLA_MECHANISM(CKM_AES_ECB_ENCRYPT_DATA), .parameter = STRING, .info = {16, 32, CKF_DERIVE}, .keys = &aes_keys,
        .derive = bulla_derive_aes_ecb},
    {BULLA_MECHANISM(CKM_AES_CBC_ENCRYPT_DATA), .parameter = "CK_AES_CBC_ENCRYPT_DATA_PARAMS",
        .info = {16, 32, CKF_DERIVE}, .keys = &aes_keys, .derive = bulla_derive_aes_cbc},
    {BULLA_MECHANISM(CKM_HKDF_DERIVE), .parameter = "CK_HKDF_PARAMS", .info = {1, LARGEST, CKF_DERIVE},
        .keys = &hkdf_keys, .derive = bulla_derive_hkdf, .other = bulla_hkdf_other},
    {BULLA_MECHANISM(CKM_HKDF_DATA), .parameter = "CK_HKDF_PARAMS", .info = {1, LARGEST, CKF_DERIVE},
        .keys = &hkdf_keys, .derive = bulla_derive_hkdf, .other = bulla_hkdf_other, .makes_data = true},
    {BULLA_MECHANISM(CKM_SP800_108_COUNTER_KDF), .parameter = "CK_SP800_108_KDF_PARAMS",
        .info = {1, LARGEST, CKF_DERIVE}, .keys = &prf_keys, .derive = bulla_derive_counter,
        .divide = bulla_divide_counter},
    {BULLA_MECHANISM(CKM_PKCS5_PBKD2), .parameter = "CK_PKCS5_PBKD2_PARAMS2 or the older CK_PKCS5_PBKD2_PARAMS",
        .info = {1, LARGEST, CKF_GENERATE}, .keys = &password_keys, .generate = bulla_generate_pbkdf2},
};

const struct bulla_family bulla_kdf_family = {
    .name = "kdf",
    .mechanisms = rows,
    .count = sizeof rows / sizeof rows[0],
};
