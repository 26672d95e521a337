#include <sodium.h>

#include "families.h"
#include "model.h"

enum { MODEL_KEY = 32 };

static enum bulla_reason generate_key(const CK_MECHANISM *mechanism, struct bulla_draft *key)
{
    uint8_t *value = NULL;
    BULLA_TRY(bulla_mechanism_bare(mechanism));
    BULLA_TRY(bulla_draft_space(key, CKA_VALUE, MODEL_KEY, &value));
    randombytes_buf(value, MODEL_KEY);
    return bulla_draft_put_ulong(key, CKA_VALUE_LEN, MODEL_KEY);
}

static const struct bulla_key_rule model_keys = {.count = 1, .types = {CKK_GENERIC_SECRET}};
static const struct bulla_key_rule identity_keys = {
    .pair = true, .count = 3, .types = {CKK_EC_EDWARDS, CKK_EC, CKK_RSA}};
static const struct bulla_key_rule receipt_keys = {.pair = true, .count = 1, .types = {CKK_EC_EDWARDS}};
static const CK_MECHANISM_TYPE model_mechanisms[] = {CKM_BULLA_SEAL, CKM_BULLA_INFER, 0};
static const CK_ATTRIBUTE_TYPE model_usages[] = {CKA_ENCRYPT, CKA_DECRYPT, 0};

static const struct bulla_mechanism rows[] = {
    {
        BULLA_MECHANISM(CKM_BULLA_MODEL_KEY_GEN),
        .info = {32, 32, CKF_GENERATE},
        .keys = &model_keys,
        .only_by_name = true,
        .generate = generate_key,
        .allowed = model_mechanisms,
        .usages = model_usages,
    },
    {
        BULLA_MECHANISM(CKM_BULLA_SEAL),
        .info = {32, 32, CKF_ENCRYPT},
        .keys = &model_keys,
        .only_by_name = true,
        .processors = {[BULLA_ENCRYPT] = &bulla_seal_processor},
    },
    {
        BULLA_MECHANISM(CKM_BULLA_INFER),
        .info = {32, 32, CKF_DECRYPT},
        .keys = &model_keys,
        .only_by_name = true,
        .processors = {[BULLA_DECRYPT] = &bulla_infer_processor},
    },
    {
        BULLA_MECHANISM(CKM_BULLA_ATTEST),
        .info = {0, 0, CKF_SIGN},
        .keys = &identity_keys,
        .without_secret = true,
        .processors = {[BULLA_SIGN] = &bulla_attest_processor},
    },
    {
        /* The receipt key was made to attest, once and for good: with that goes proving where its attester is. */
        BULLA_MECHANISM(CKM_BULLA_ACTIVATE),
        .info = {32, 32, CKF_DECRYPT},
        .keys = &receipt_keys,
        .only_by_name = true,
        .without_secret = true,
        .goes_with = CKM_BULLA_ATTEST,
        .processors = {[BULLA_DECRYPT] = &bulla_activate_processor},
    },
};

const struct bulla_family bulla_model_family = {
    .name = "model",
    .mechanisms = rows,
    .count = sizeof rows / sizeof rows[0],
    .close = bulla_models_close,
    .forget = bulla_models_forget,
    .lapse = bulla_models_lapse,
    .abandon = bulla_models_abandon,
};
