/* Elliptic curves: the kinds of keys (Weierstrass, Edwards, Montgomery) and their mechanisms. */
#include "ec_key.h"
#include "ec_sign.h"
#include "ecdh.h"
#include "edwards.h"
#include "families.h"
#include "hash.h"

static const CK_ATTRIBUTE_TYPE public_needs[] = {CKA_EC_PARAMS, CKA_EC_POINT, 0};
static const CK_ATTRIBUTE_TYPE private_needs[] = {CKA_EC_PARAMS, CKA_VALUE, 0};
static const CK_ATTRIBUTE_TYPE ec_uses[] = {CKA_SIGN, CKA_VERIFY, CKA_DERIVE, 0};
static const CK_ATTRIBUTE_TYPE edwards_uses[] = {CKA_SIGN, CKA_VERIFY, 0};
static const CK_ATTRIBUTE_TYPE montgomery_uses[] = {CKA_DERIVE, 0};

#define KIND(its_type, its_uses)                                                                                       \
    {                                                                                                                  \
        .type = (its_type), .name = #its_type, .public_needs = public_needs, .private_needs = private_needs,           \
        .uses = (its_uses), .complete = bulla_ec_complete, .open = bulla_ec_open, .export = bulla_ec_export,           \
        .import = bulla_ec_import                                                                                      \
    }
static const struct bulla_key_kind kinds[] = {
    KIND(CKK_EC, ec_uses),
    KIND(CKK_EC_EDWARDS, edwards_uses),
    KIND(CKK_EC_MONTGOMERY, montgomery_uses),
};

static const struct bulla_key_rule ec_keys = {.pair = true, .count = 1, .types = {CKK_EC}};
static const struct bulla_key_rule edwards_keys = {.pair = true, .count = 1, .types = {CKK_EC_EDWARDS}};
static const struct bulla_key_rule montgomery_keys = {.pair = true, .count = 1, .types = {CKK_EC_MONTGOMERY}};

/* Parameters are an object identifier or a curve's name; points of Weierstrass curves may come compressed. */
enum {
    NAMED = CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_CURVENAME,
    WEIERSTRASS = NAMED | CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS,
};
/* Bits of the fields. */
#define EC_INFO(flags)                                                                                                 \
    {                                                                                                                  \
        256, 521, (flags) | WEIERSTRASS                                                                                \
    }
#define OTHER_INFO(flags)                                                                                              \
    {                                                                                                                  \
        255, 448, (flags) | NAMED                                                                                      \
    }

static const struct bulla_key_rule agreement_keys = {.pair = true, .count = 2, .types = {CKK_EC, CKK_EC_MONTGOMERY}};

#define ECDSA_ROW(its_type, hash)                                                                                      \
    {                                                                                                                  \
        .type = (its_type), .name = #its_type, .info = EC_INFO(CKF_SIGN | CKF_VERIFY), .keys = &ec_keys,               \
        .detail = &bulla_hashes[(hash)], .processors = {                                                               \
            [BULLA_SIGN] = &bulla_ecdsa_hash_processor,                                                                \
            [BULLA_VERIFY] = &bulla_ecdsa_hash_processor                                                               \
        }                                                                                                              \
    }
#define ECDH_ROW(its_type)                                                                                             \
    {                                                                                                                  \
        .type = (its_type), .name = #its_type, .parameter = "CK_ECDH1_DERIVE_PARAMS",                                  \
        .info = {255, 521, CKF_DERIVE | CKF_ENCAPSULATE | CKF_DECAPSULATE | WEIERSTRASS}, .keys = &agreement_keys,     \
        .derive = bulla_ecdh_derive, .encapsulate = bulla_ecdh_encapsulate, .decapsulate = bulla_ecdh_decapsulate,     \
        .encapsulation_size = bulla_ecdh_encapsulation_size                                                            \
    }

static const struct bulla_mechanism rows[] = {
    {BULLA_MECHANISM(CKM_EC_KEY_PAIR_GEN), .info = EC_INFO(CKF_GENERATE_KEY_PAIR), .keys = &ec_keys,
        .generate_pair = bulla_ec_generate_pair},
    {BULLA_MECHANISM(CKM_EC_EDWARDS_KEY_PAIR_GEN), .info = OTHER_INFO(CKF_GENERATE_KEY_PAIR), .keys = &edwards_keys,
        .generate_pair = bulla_ec_generate_pair},
    {BULLA_MECHANISM(CKM_EC_MONTGOMERY_KEY_PAIR_GEN), .info = OTHER_INFO(CKF_GENERATE_KEY_PAIR),
        .keys = &montgomery_keys, .generate_pair = bulla_ec_generate_pair},
    {BULLA_MECHANISM(CKM_ECDSA), .info = EC_INFO(CKF_SIGN | CKF_VERIFY), .keys = &ec_keys,
        .processors = {[BULLA_SIGN] = &bulla_ecdsa_processor, [BULLA_VERIFY] = &bulla_ecdsa_processor}},
    ECDSA_ROW(CKM_ECDSA_SHA1, BULLA_SHA1),
    ECDSA_ROW(CKM_ECDSA_SHA224, BULLA_SHA224),
    ECDSA_ROW(CKM_ECDSA_SHA256, BULLA_SHA256),
    ECDSA_ROW(CKM_ECDSA_SHA384, BULLA_SHA384),
    ECDSA_ROW(CKM_ECDSA_SHA512, BULLA_SHA512),
    ECDSA_ROW(CKM_ECDSA_SHA3_224, BULLA_SHA3_224),
    ECDSA_ROW(CKM_ECDSA_SHA3_256, BULLA_SHA3_256),
    ECDSA_ROW(CKM_ECDSA_SHA3_384, BULLA_SHA3_384),
    ECDSA_ROW(CKM_ECDSA_SHA3_512, BULLA_SHA3_512),
    ECDH_ROW(CKM_ECDH1_DERIVE),
    ECDH_ROW(CKM_ECDH1_COFACTOR_DERIVE),
    {BULLA_MECHANISM(CKM_ECDH_AES_KEY_WRAP), .parameter = "CK_ECDH_AES_KEY_WRAP_PARAMS",
        .info = EC_INFO(CKF_WRAP | CKF_UNWRAP), .keys = &ec_keys,
        .processors = {[BULLA_ENCRYPT] = &bulla_ecdh_aes_wrap, [BULLA_DECRYPT] = &bulla_ecdh_aes_unwrap}},
    /* GnuTLS 3.7 generates Ed25519 keys by the mechanism that uses them. */
    {BULLA_MECHANISM(CKM_EDDSA), .parameter = "none, or CK_EDDSA_PARAMS",
        .info = OTHER_INFO(CKF_SIGN | CKF_VERIFY | CKF_GENERATE_KEY_PAIR), .keys = &edwards_keys,
        .generate_pair = bulla_ec_generate_pair,
        .processors = {[BULLA_SIGN] = &bulla_eddsa_processor, [BULLA_VERIFY] = &bulla_eddsa_processor}},
};

const struct bulla_family bulla_ec_family = {
    .name = "ec",
    .mechanisms = rows,
    .count = sizeof rows / sizeof rows[0],
    .kinds = kinds,
    .kind_count = sizeof kinds / sizeof kinds[0],
};
