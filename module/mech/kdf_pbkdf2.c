/* PBKDF2 (RFC 8018, 5.2), as C_GenerateKey with CK_PKCS5_PBKD2_PARAMS2, the structure of 2.40 errata and 3.0, or with
 * the older CK_PKCS5_PBKD2_PARAMS, which has the same size and a pointer to the password's length where the newer one
 * has the length.
 *
 * Nothing tells them apart but that number. No password is so long that its length could be an address, and no address
 * is so low that it could be one: the kernel maps nothing below 64 KiB, and passwords of more than 4 KiB are refused.
 * So a number above both is followed, but not by a plain read: the kernel copies what is there, and a number that is no
 * address of readable memory is a refusal instead of a fault in the application. */
#include <sys/uio.h>
#include <unistd.h>

#include "kdf.h"

enum { PASSWORD_LARGEST = 4096, ITERATIONS_MOST = 100000000, ADDRESS_LOWEST = 65536 };

struct parameter {
    const struct bulla_hash *hash;
    struct bulla_bytes password, salt;
    CK_ULONG iterations;
};

static const struct bulla_hash *hash_of(CK_ULONG prf)
{
    static const struct {
        CK_ULONG prf;
        enum bulla_hash_index hash;
    } rows[] = {
        {CKP_PKCS5_PBKD2_HMAC_SHA1, BULLA_SHA1},
        {CKP_PKCS5_PBKD2_HMAC_SHA224, BULLA_SHA224},
        {CKP_PKCS5_PBKD2_HMAC_SHA256, BULLA_SHA256},
        {CKP_PKCS5_PBKD2_HMAC_SHA384, BULLA_SHA384},
        {CKP_PKCS5_PBKD2_HMAC_SHA512, BULLA_SHA512},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].prf == prf)
            return &bulla_hashes[rows[i].hash];
    return NULL;
}

static enum bulla_reason password_size(CK_ULONG given, CK_ULONG *size)
{
    struct iovec to = {size, sizeof *size}, from = {.iov_base = NULL, .iov_len = sizeof *size};
    *size = given;
    if (given < ADDRESS_LOWEST)
        return BULLA_OK;
    memcpy(&from.iov_base, &given, sizeof given);
    if (given % _Alignof(CK_ULONG) || process_vm_readv(getpid(), &to, 1, &from, 1, 0) != (ssize_t)sizeof *size)
        return bulla_refuse(BULLA_PARAMETER, "0x%lx is neither a length of a password nor the address of one", given);
    return BULLA_OK;
}

static enum bulla_reason read_parameter(const CK_MECHANISM *mechanism, struct parameter *parameter)
{
    CK_PKCS5_PBKD2_PARAMS2 given;
    CK_ULONG size = 0;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof given));
    memcpy(&given, mechanism->pParameter, sizeof given);
    parameter->hash = hash_of(given.prf);
    parameter->iterations = given.iterations;
    if (!parameter->hash || given.ulPrfDataLen != 0)
        return bulla_refuse(BULLA_PARAMETER, "PBKDF2 by a function that is none (%lu)", given.prf);
    if (given.saltSource != CKZ_SALT_SPECIFIED)
        return bulla_refuse(BULLA_PARAMETER, "a salt from nowhere");
    if (given.iterations == 0 || given.iterations > ITERATIONS_MOST)
        return bulla_refuse(BULLA_PARAMETER, "%lu iterations", given.iterations);
    BULLA_TRY(password_size(given.ulPasswordLen, &size));
    if (size > PASSWORD_LARGEST)
        return bulla_refuse(BULLA_PARAMETER, "a password of more than %d bytes", PASSWORD_LARGEST);
    BULLA_TRY(bulla_kdf_string(given.pPassword, size, "a password", &parameter->password));
    return bulla_kdf_string(given.pSaltSourceData, given.ulSaltSourceDataLen, "salt", &parameter->salt);
}

/* One block: the xor of all rounds, into `sum`; `round` is as large. Both lie in locked memory. */
static enum bulla_reason make_block(struct bulla_hmac *hmac, const struct parameter *parameter, uint32_t index,
    uint8_t sum[static BULLA_HASH_LARGEST], uint8_t round[static BULLA_HASH_LARGEST])
{
    const uint8_t number[4] = {(uint8_t)(index >> 24), (uint8_t)(index >> 16), (uint8_t)(index >> 8), (uint8_t)index};
    const struct bulla_bytes first[] = {parameter->salt, BULLA_BYTES(number)};
    const struct bulla_bytes next = {round, parameter->hash->size};
    BULLA_TRY(bulla_hmac_whole(hmac, first, 2, round));
    memcpy(sum, round, next.size);
    for (CK_ULONG i = 1; i < parameter->iterations; i++) {
        BULLA_TRY(bulla_hmac_whole(hmac, &next, 1, round));
        for (size_t j = 0; j < next.size; j++)
            sum[j] ^= round[j];
    }
    return BULLA_OK;
}

enum bulla_reason bulla_generate_pbkdf2(const CK_MECHANISM *mechanism, struct bulla_draft *key)
{
    BULLA_HMAC *hmac = NULL;
    BULLA_SECRET uint8_t *blocks = NULL;
    struct parameter parameter;
    uint8_t *value = NULL;
    CK_ULONG size = bulla_draft_ulong(key, CKA_VALUE_LEN, key->key_type == CKK_CHACHA20 ? 32 : 0);
    const struct bulla_key_kind *kind = bulla_key_kind_find(key->key_type);
    BULLA_TRY(read_parameter(mechanism, &parameter));
    if (size == 0)
        return bulla_refuse(BULLA_KEY_INCOMPLETE, "the template does not say how long the key is (CKA_VALUE_LEN)");
    BULLA_TRY(bulla_draft_space(key, CKA_VALUE, size, &value));
    BULLA_TRY(kind->complete(key)); /* before the work: whether there are such keys of this size */
    BULLA_TRY(bulla_hmac_make(parameter.hash, parameter.password, &hmac));
    BULLA_TRY(bulla_secret_allocate((size_t)2 * BULLA_HASH_LARGEST, (void **)&blocks));
    for (size_t made = 0, step; made < size; made += step) {
        step = size - made < parameter.hash->size ? size - made : parameter.hash->size;
        uint32_t index = (uint32_t)(made / parameter.hash->size) + 1;
        BULLA_TRY(make_block(hmac, &parameter, index, blocks, blocks + BULLA_HASH_LARGEST));
        memcpy(value + made, blocks, step);
    }
    return BULLA_OK;
}
