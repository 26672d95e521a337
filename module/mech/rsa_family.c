/* RSA (RFC 8017; PKCS#11 3.0, section 2.1): the kind of key and its mechanisms. Sizes are bits of the modulus. */
#include <openssl/rsa.h>

#include "families.h"
#include "rsa.h"
#include "rsa_padding.h"

static const struct bulla_key_rule rsa_keys = {.pair = true, .count = 1, .types = {CKK_RSA}};

#define SIZES RSA_SMALLEST, RSA_LARGEST

static const struct bulla_rsa_scheme pkcs = {RSA_PKCS1_PADDING, 0}, raw = {RSA_NO_PADDING, 0},
                                     pss = {RSA_PKCS1_PSS_PADDING, 0}, oaep = {RSA_PKCS1_OAEP_PADDING, 0};

/* A mechanism that hashes, by PKCS#1 v1.5 and by PSS. */
#define HASHED(its_padding, its_hash)                                                                                  \
    .info = {SIZES, CKF_SIGN | CKF_VERIFY}, .keys = &rsa_keys,                                                         \
    .detail = &(const struct bulla_rsa_scheme){(its_padding), (its_hash)},                                             \
    .processors = {                                                                                                    \
        [BULLA_SIGN] = &bulla_rsa_sign_hashed,                                                                         \
        [BULLA_VERIFY] = &bulla_rsa_verify_hashed,                                                                     \
    }
#define HASHED_PKCS(its_type, its_hash)                                                                                \
    {                                                                                                                  \
        .type = (its_type), .name = #its_type, HASHED(RSA_PKCS1_PADDING, its_hash)                                     \
    }
#define HASHED_PSS(its_type, its_hash)                                                                                 \
    {                                                                                                                  \
        .type = (its_type), .name = #its_type, .parameter = "CK_RSA_PKCS_PSS_PARAMS",                                  \
        HASHED(RSA_PKCS1_PSS_PADDING, its_hash)                                                                        \
    }

#define ENCRYPTION_FLAGS (CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | CKF_UNWRAP)
#define SIGNING_FLAGS (CKF_SIGN | CKF_VERIFY | CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER)

static const struct bulla_mechanism rows[] = {
    {BULLA_MECHANISM(CKM_RSA_PKCS_KEY_PAIR_GEN), .info = {SIZES, CKF_GENERATE_KEY_PAIR}, .keys = &rsa_keys,
        .generate_pair = bulla_rsa_generate},
    {BULLA_MECHANISM(CKM_RSA_PKCS), .info = {SIZES, ENCRYPTION_FLAGS | SIGNING_FLAGS}, .keys = &rsa_keys,
        .detail = &pkcs,
        .processors =
            {
                [BULLA_ENCRYPT] = &bulla_rsa_encrypt,
                [BULLA_DECRYPT] = &bulla_rsa_decrypt,
                [BULLA_SIGN] = &bulla_rsa_sign,
                [BULLA_VERIFY] = &bulla_rsa_verify_data,
                [BULLA_SIGN_RECOVER] = &bulla_rsa_sign,
                [BULLA_VERIFY_RECOVER] = &bulla_rsa_verify_recover,
            }},
    {BULLA_MECHANISM(CKM_RSA_X_509), .info = {SIZES, ENCRYPTION_FLAGS | SIGNING_FLAGS}, .keys = &rsa_keys,
        .value_at_end = true, .detail = &raw,
        .processors =
            {
                [BULLA_ENCRYPT] = &bulla_rsa_encrypt,
                [BULLA_DECRYPT] = &bulla_rsa_decrypt,
                [BULLA_SIGN] = &bulla_rsa_sign,
                [BULLA_VERIFY] = &bulla_rsa_verify_data,
                [BULLA_SIGN_RECOVER] = &bulla_rsa_sign,
                [BULLA_VERIFY_RECOVER] = &bulla_rsa_verify_recover,
            }},
    {BULLA_MECHANISM(CKM_RSA_PKCS_PSS), .parameter = "CK_RSA_PKCS_PSS_PARAMS", .info = {SIZES, CKF_SIGN | CKF_VERIFY},
        .keys = &rsa_keys, .detail = &pss,
        .processors = {[BULLA_SIGN] = &bulla_rsa_sign, [BULLA_VERIFY] = &bulla_rsa_verify}},
    {BULLA_MECHANISM(CKM_RSA_PKCS_OAEP), .parameter = "CK_RSA_PKCS_OAEP_PARAMS", .info = {SIZES, ENCRYPTION_FLAGS},
        .keys = &rsa_keys, .detail = &oaep,
        .processors = {[BULLA_ENCRYPT] = &bulla_rsa_encrypt, [BULLA_DECRYPT] = &bulla_rsa_decrypt}},
    {BULLA_MECHANISM(CKM_RSA_AES_KEY_WRAP), .parameter = "CK_RSA_AES_KEY_WRAP_PARAMS",
        .info = {SIZES, CKF_WRAP | CKF_UNWRAP}, .keys = &rsa_keys,
        .processors = {[BULLA_ENCRYPT] = &bulla_rsa_aes_wrap, [BULLA_DECRYPT] = &bulla_rsa_aes_unwrap}},
    HASHED_PKCS(CKM_SHA1_RSA_PKCS, CKM_SHA_1),
    HASHED_PKCS(CKM_SHA224_RSA_PKCS, CKM_SHA224),
    HASHED_PKCS(CKM_SHA256_RSA_PKCS, CKM_SHA256),
    HASHED_PKCS(CKM_SHA384_RSA_PKCS, CKM_SHA384),
    HASHED_PKCS(CKM_SHA512_RSA_PKCS, CKM_SHA512),
    HASHED_PKCS(CKM_SHA3_224_RSA_PKCS, CKM_SHA3_224),
    HASHED_PKCS(CKM_SHA3_256_RSA_PKCS, CKM_SHA3_256),
    HASHED_PKCS(CKM_SHA3_384_RSA_PKCS, CKM_SHA3_384),
    HASHED_PKCS(CKM_SHA3_512_RSA_PKCS, CKM_SHA3_512),
    HASHED_PSS(CKM_SHA1_RSA_PKCS_PSS, CKM_SHA_1),
    HASHED_PSS(CKM_SHA224_RSA_PKCS_PSS, CKM_SHA224),
    HASHED_PSS(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256),
    HASHED_PSS(CKM_SHA384_RSA_PKCS_PSS, CKM_SHA384),
    HASHED_PSS(CKM_SHA512_RSA_PKCS_PSS, CKM_SHA512),
    HASHED_PSS(CKM_SHA3_224_RSA_PKCS_PSS, CKM_SHA3_224),
    HASHED_PSS(CKM_SHA3_256_RSA_PKCS_PSS, CKM_SHA3_256),
    HASHED_PSS(CKM_SHA3_384_RSA_PKCS_PSS, CKM_SHA3_384),
    HASHED_PSS(CKM_SHA3_512_RSA_PKCS_PSS, CKM_SHA3_512),
};

const struct bulla_family bulla_rsa_family = {
    .name = "rsa",
    .mechanisms = rows,
    .count = sizeof rows / sizeof rows[0],
    .kinds = &bulla_rsa_kind,
    .kind_count = 1,
};
