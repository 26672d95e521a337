/* Post-quantum algorithms: the kinds of keys and their mechanisms, where the OpenSSL that runs has them. Sizes are
 * those of public keys, in bytes. */
#include "families.h"
#include "pq_kem.h"
#include "pq_key.h"
#include "pq_pkey.h"
#include "pq_sign.h"

/* CKA_VALUE comes first where a public key has it (core/template.c). A private key has CKA_VALUE or CKA_SEED. */
static const CK_ATTRIBUTE_TYPE public_needs[] = {CKA_VALUE, CKA_PARAMETER_SET, 0};
static const CK_ATTRIBUTE_TYPE private_needs[] = {CKA_PARAMETER_SET, 0};
static const CK_ATTRIBUTE_TYPE kem_uses[] = {CKA_ENCAPSULATE, CKA_DECAPSULATE, 0};
static const CK_ATTRIBUTE_TYPE signing_uses[] = {CKA_SIGN, CKA_VERIFY, 0};

#define KIND(its_type, its_uses)                                                                                       \
    {                                                                                                                  \
        .type = (its_type), .name = #its_type, .public_needs = public_needs, .private_needs = private_needs,           \
        .uses = (its_uses), .complete = bulla_pq_complete, .open = bulla_pq_open, .export = bulla_pq_export,           \
        .import = bulla_pq_import                                                                                      \
    }
#define INFO(smallest, largest, flags)                                                                                 \
    {                                                                                                                  \
        (smallest), (largest), (flags)                                                                                 \
    }
#define FAMILY(its_name, kind, its_rows, its_present)                                                                  \
    {                                                                                                                  \
        .name = (its_name), .mechanisms = (its_rows), .count = sizeof(its_rows) / sizeof(its_rows)[0],                 \
        .kinds = &(kind), .kind_count = 1, .present = (its_present)                                                    \
    }
#define GENERATES(number, smallest, largest, rule)                                                                     \
    {                                                                                                                  \
        .type = (number), .name = #number, .info = INFO(smallest, largest, CKF_GENERATE_KEY_PAIR), .keys = &(rule),    \
        .generate_pair = bulla_pq_generate_pair                                                                        \
    }
#define SIGNS(number, smallest, largest, rule)                                                                         \
    {                                                                                                                  \
        .type = (number), .name = #number, .parameter = "none, or CK_SIGN_ADDITIONAL_CONTEXT",                         \
        .info = INFO(smallest, largest, CKF_SIGN | CKF_VERIFY), .keys = &(rule), .processors = {                       \
            [BULLA_SIGN] = &bulla_pq_sign_processor,                                                                   \
            [BULLA_VERIFY] = &bulla_pq_sign_processor                                                                  \
        }                                                                                                              \
    }

/* --- ML-KEM --- */

static const struct bulla_key_kind ml_kem_kind = KIND(CKK_ML_KEM, kem_uses);
static const struct bulla_key_rule ml_kem_keys = {.pair = true, .count = 1, .types = {CKK_ML_KEM}};
static const struct bulla_mechanism ml_kem_rows[] = {
    GENERATES(CKM_ML_KEM_KEY_PAIR_GEN, 800, 1568, ml_kem_keys),
    {BULLA_MECHANISM(CKM_ML_KEM), .info = INFO(800, 1568, CKF_ENCAPSULATE | CKF_DECAPSULATE), .keys = &ml_kem_keys,
        .encapsulate = bulla_ml_kem_encapsulate, .decapsulate = bulla_ml_kem_decapsulate,
        .encapsulation_size = bulla_ml_kem_encapsulation_size},
};

static bool has_ml_kem(void)
{
    return bulla_pq_present(CKK_ML_KEM);
}
const struct bulla_family bulla_ml_kem_family = FAMILY("ml-kem", ml_kem_kind, ml_kem_rows, has_ml_kem);

/* --- ML-DSA --- */

static const struct bulla_key_kind ml_dsa_kind = KIND(CKK_ML_DSA, signing_uses);
static const struct bulla_key_rule ml_dsa_keys = {.pair = true, .count = 1, .types = {CKK_ML_DSA}};
static const struct bulla_mechanism ml_dsa_rows[] = {
    GENERATES(CKM_ML_DSA_KEY_PAIR_GEN, 1312, 2592, ml_dsa_keys),
    SIGNS(CKM_ML_DSA, 1312, 2592, ml_dsa_keys),
};

static bool has_ml_dsa(void)
{
    return bulla_pq_present(CKK_ML_DSA);
}
const struct bulla_family bulla_ml_dsa_family = FAMILY("ml-dsa", ml_dsa_kind, ml_dsa_rows, has_ml_dsa);

/* --- SLH-DSA --- */

static const struct bulla_key_kind slh_dsa_kind = KIND(CKK_SLH_DSA, signing_uses);
static const struct bulla_key_rule slh_dsa_keys = {.pair = true, .count = 1, .types = {CKK_SLH_DSA}};
static const struct bulla_mechanism slh_dsa_rows[] = {
    GENERATES(CKM_SLH_DSA_KEY_PAIR_GEN, 32, 64, slh_dsa_keys),
    SIGNS(CKM_SLH_DSA, 32, 64, slh_dsa_keys),
};

static bool has_slh_dsa(void)
{
    return bulla_pq_present(CKK_SLH_DSA);
}
const struct bulla_family bulla_slh_dsa_family = FAMILY("slh-dsa", slh_dsa_kind, slh_dsa_rows, has_slh_dsa);
