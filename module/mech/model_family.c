#include <sodium.h>

#include "families.h"
#include "model.h"

static enum bulla_reason generate_key(const CK_MECHANISM *mechanism, uint8_t *value, size_t size)
{
    if (mechanism->pParameter || mechanism->ulParameterLen)
        return bulla_refuse(BULLA_ARGUMENT, "CKM_BULLA_MODEL_KEY_GEN takes no parameter");
    randombytes_buf(value, size);
    return BULLA_OK;
}

static const CK_MECHANISM_TYPE model_mechanisms[] = {CKM_BULLA_SEAL, CKM_BULLA_INFER, 0};
static const CK_ATTRIBUTE_TYPE model_usages[] = {CKA_ENCRYPT, CKA_DECRYPT, 0};

static const struct bulla_mechanism rows[] = {
    {
        .type = CKM_BULLA_MODEL_KEY_GEN,
        .info = {32, 32, CKF_GENERATE},
        .key_class = CKO_SECRET_KEY,
        .key_type = CKK_GENERIC_SECRET,
        .only_by_name = true,
        .generate = generate_key,
        .key_bytes = 32,
        .allowed = model_mechanisms,
        .usages = model_usages,
    },
    {
        .type = CKM_BULLA_SEAL,
        .info = {32, 32, CKF_ENCRYPT},
        .key_class = CKO_SECRET_KEY,
        .key_type = CKK_GENERIC_SECRET,
        .only_by_name = true,
        .processors = {[BULLA_ENCRYPT] = &bulla_seal_processor},
    },
    {
        .type = CKM_BULLA_INFER,
        .info = {32, 32, CKF_DECRYPT},
        .key_class = CKO_SECRET_KEY,
        .key_type = CKK_GENERIC_SECRET,
        .only_by_name = true,
        .processors = {[BULLA_DECRYPT] = &bulla_infer_processor},
    },
    {
        .type = CKM_BULLA_ATTEST,
        .info = {32, 32, CKF_SIGN},
        .key_class = CKO_PRIVATE_KEY,
        .key_type = CKK_EC_EDWARDS,
        .only_by_name = true,
        .processors = {[BULLA_SIGN] = &bulla_attest_processor},
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
