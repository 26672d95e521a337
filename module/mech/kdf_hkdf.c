/* HKDF (RFC 5869): extract, expand or both. The salt is none, data, or another key. */
#include "kdf.h"

struct parameter {
    const struct bulla_hash *hash;
    bool extract, expand;
    CK_ULONG salt_type;
    struct bulla_bytes salt, info;
    CK_OBJECT_HANDLE salt_key;
};

static enum bulla_reason read_salt(const CK_HKDF_PARAMS *given, struct parameter *parameter)
{
    parameter->salt_type = given->ulSaltType;
    switch (given->ulSaltType) {
    case CKF_HKDF_SALT_NULL:
        return BULLA_OK;
    case CKF_HKDF_SALT_DATA:
        return bulla_kdf_string(given->pSalt, given->ulSaltLen, "salt", &parameter->salt);
    case CKF_HKDF_SALT_KEY:
        parameter->salt_key = given->hSaltKey;
        return given->hSaltKey != CK_INVALID_HANDLE ? BULLA_OK : bulla_refuse(BULLA_PARAMETER, "the salt key is none");
    default:
        return bulla_refuse(BULLA_PARAMETER, "there is no salt of type %lu", given->ulSaltType);
    }
}

static enum bulla_reason read(const CK_MECHANISM *mechanism, struct parameter *parameter)
{
    CK_HKDF_PARAMS given;
    *parameter = (struct parameter){0};
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof given));
    memcpy(&given, mechanism->pParameter, sizeof given);
    parameter->hash = bulla_hash_find(given.prfHashMechanism);
    parameter->extract = given.bExtract;
    parameter->expand = given.bExpand;
    if (!parameter->hash || (!given.bExtract && !given.bExpand))
        return bulla_refuse(BULLA_PARAMETER, "HKDF by a hash that is none, or of neither step");
    if (given.bExtract)
        BULLA_TRY(read_salt(&given, parameter));
    if (given.bExpand)
        BULLA_TRY(bulla_kdf_string(given.pInfo, given.ulInfoLen, "info", &parameter->info));
    return BULLA_OK;
}

enum bulla_reason bulla_hkdf_other(const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE *other)
{
    struct parameter parameter;
    BULLA_TRY(read(mechanism, &parameter));
    *other = parameter.salt_key;
    return BULLA_OK;
}

/* An absent salt is as many zeroes as the hash has bytes, which to HMAC is an empty key. */
static enum bulla_reason extract(
    const struct parameter *parameter, const struct bulla_derivation *derivation, uint8_t *key)
{
    BULLA_HMAC *hmac = NULL;
    struct bulla_bytes salt = derivation->other ? derivation->other->secret : parameter->salt;
    BULLA_TRY(bulla_hmac_make(parameter->hash, salt, &hmac));
    return bulla_hmac_whole(hmac, &derivation->base->secret, 1, key);
}

static enum bulla_reason expand(
    const struct parameter *parameter, struct bulla_bytes key, size_t size, struct bulla_writer *out)
{
    BULLA_HMAC *hmac = NULL;
    size_t block = parameter->hash->size;
    uint8_t counter = 0;
    struct bulla_bytes parts[3] = {{NULL, 0}, parameter->info, {&counter, 1}};
    if (size > 255 * block)
        return bulla_refuse(BULLA_KEY_VALUE, "HKDF by %s gives at most %zu bytes", parameter->hash->name, 255 * block);
    BULLA_TRY(bulla_hmac_make(parameter->hash, key, &hmac));
    for (size_t made = 0; made < size; made += block) {
        uint8_t *space = bulla_write_space(out, block);
        if (!space)
            return BULLA_OK; /* the writer says so */
        counter++;
        BULLA_TRY(bulla_hmac_whole(hmac, parts, 3, space));
        parts[0] = (struct bulla_bytes){space, block};
    }
    return BULLA_OK;
}

enum bulla_reason bulla_derive_hkdf(const struct bulla_derivation *derivation, struct bulla_writer *out)
{
    BULLA_SECRET uint8_t *extracted = NULL;
    struct parameter parameter;
    struct bulla_bytes key = derivation->base->secret;
    BULLA_TRY(read(derivation->mechanism, &parameter));
    BULLA_TRY(bulla_secret_allocate(BULLA_HASH_LARGEST, (void **)&extracted));
    if (parameter.extract) {
        BULLA_TRY(extract(&parameter, derivation, extracted));
        key = (struct bulla_bytes){extracted, parameter.hash->size};
    }
    if (parameter.expand)
        return expand(&parameter, key, derivation->size ? derivation->size : parameter.hash->size, out);
    bulla_write_bytes(out, key);
    return BULLA_OK;
}
