/* SP 800-108 in counter mode, with the freedom that PKCS#11 gives (3.0, 2.42): what the PRF gets for each block is a
 * list of fields in the caller's order, of which one is the counter, and at most one the length of what is derived.
 *
 * Further keys of the same call begin at a block of their own; the length in bits counts the keys' bytes or those of
 * their blocks, as the field's method says. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto/library.h"
#include "kdf.h"

enum { FIELDS_MOST = 16, NUMBER_LARGEST = 8, AES_BLOCK = 16 };

/* --- the PRF: HMAC, or AES-CMAC --- */

struct prf {
    size_t size; /* bytes of a block */
    struct bulla_hmac *hmac;
    EVP_MAC_CTX *cmac;
    struct bulla_bytes key;
};

static void prf_free(struct prf *prf)
{
    bulla_hmac_free(&prf->hmac);
    EVP_MAC_CTX_free(prf->cmac); /* wipes the key */
}
#define PRF __attribute__((cleanup(prf_free))) struct prf

static enum bulla_reason make_cmac(struct prf *prf)
{
    static const char *const names[] = {"AES-128-CBC", "AES-192-CBC", "AES-256-CBC"};
    if (prf->key.size < 16 || prf->key.size > 32 || prf->key.size % 8 != 0)
        return bulla_refuse(BULLA_KEY_SIZE, "an AES key of %zu bytes", prf->key.size);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_utf8_string("cipher", (void *)(uintptr_t)names[prf->key.size / 8 - 2], 11), OSSL_PARAM_END};
    EVP_MAC *mac = EVP_MAC_fetch(bulla_openssl_context(), "CMAC", NULL);
    prf->cmac = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);
    bool done = prf->cmac && EVP_MAC_CTX_set_params(prf->cmac, parameters) == 1;
    return done ? BULLA_OK : bulla_refuse(BULLA_LIBRARY, "OpenSSL gives no CMAC");
}

static enum bulla_reason prf_make(const struct bulla_derivation *derivation, CK_MECHANISM_TYPE type, struct prf *prf)
{
    const struct bulla_hash *hash = bulla_hash_find_hmac(type);
    CK_KEY_TYPE key_type = derivation->base->type;
    bool fits = type == CKM_AES_CMAC ? key_type == CKK_AES : hash && key_type != CKK_AES;
    prf->key = derivation->base->secret;
    prf->size = hash ? hash->size : AES_BLOCK;
    if (!hash && type != CKM_AES_CMAC)
        return bulla_refuse(BULLA_PARAMETER, "0x%lx is no PRF for a KDF", type);
    if (!fits)
        return bulla_refuse(BULLA_KEY_TYPE, "a key of type 0x%lx is none for the PRF 0x%lx", key_type, type);
    return hash ? bulla_hmac_make(hash, prf->key, &prf->hmac) : make_cmac(prf);
}

static enum bulla_reason prf_block(struct prf *prf, const struct bulla_bytes *parts, size_t count, uint8_t *out)
{
    size_t made = 0;
    if (prf->hmac)
        return bulla_hmac_whole(prf->hmac, parts, count, out);
    bool done = EVP_MAC_init(prf->cmac, prf->key.data, prf->key.size, NULL) == 1;
    for (size_t i = 0; done && i < count; i++)
        done = parts[i].size == 0 || EVP_MAC_update(prf->cmac, parts[i].data, parts[i].size) == 1;
    done = done && EVP_MAC_final(prf->cmac, out, &made, AES_BLOCK) == 1 && made == AES_BLOCK;
    return done ? BULLA_OK : bulla_refuse(BULLA_LIBRARY, "OpenSSL's CMAC failed");
}

/* --- the fields --- */

struct number {
    bool present, little;
    unsigned size; /* bytes */
    CK_ULONG method;
    uint8_t bytes[NUMBER_LARGEST];
};

struct plan {
    CK_SP800_108_KDF_PARAMS given;
    struct number counter, length;
    size_t count;
    struct bulla_bytes parts[FIELDS_MOST]; /* of the numbers: their bytes above */
};

static enum bulla_reason read_number(
    struct number *number, CK_ULONG bits, CK_BBOOL little, unsigned most, struct bulla_bytes *part)
{
    if (number->present)
        return bulla_refuse(BULLA_PARAMETER, "a counter or a length twice");
    if (bits == 0 || bits % 8 != 0 || bits > most)
        return bulla_refuse(BULLA_PARAMETER, "a counter or a length of %lu bits", bits);
    number->present = true;
    number->little = little;
    number->size = (unsigned)bits / 8;
    *part = (struct bulla_bytes){number->bytes, number->size};
    return BULLA_OK;
}

static enum bulla_reason read_counter(const CK_PRF_DATA_PARAM *field, struct plan *plan, struct bulla_bytes *part)
{
    CK_SP800_108_COUNTER_FORMAT format;
    if (!field->pValue || field->ulValueLen != sizeof format)
        return bulla_refuse(BULLA_PARAMETER, "a counter has a format");
    memcpy(&format, field->pValue, sizeof format);
    return read_number(&plan->counter, format.ulWidthInBits, format.bLittleEndian, 32, part);
}

static enum bulla_reason read_length(const CK_PRF_DATA_PARAM *field, struct plan *plan, struct bulla_bytes *part)
{
    CK_SP800_108_DKM_LENGTH_FORMAT format;
    if (!field->pValue || field->ulValueLen != sizeof format)
        return bulla_refuse(BULLA_PARAMETER, "a length has a format");
    memcpy(&format, field->pValue, sizeof format);
    if (format.dkmLengthMethod != CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS &&
        format.dkmLengthMethod != CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS)
        return bulla_refuse(BULLA_PARAMETER, "a length of a method that is none");
    BULLA_TRY(read_number(&plan->length, format.ulWidthInBits, format.bLittleEndian, 64, part));
    plan->length.method = format.dkmLengthMethod;
    return BULLA_OK;
}

static enum bulla_reason read_field(const CK_PRF_DATA_PARAM *field, struct plan *plan, struct bulla_bytes *part)
{
    switch (field->type) {
    case CK_SP800_108_ITERATION_VARIABLE:
        return read_counter(field, plan, part);
    case CK_SP800_108_DKM_LENGTH:
        return read_length(field, plan, part);
    case CK_SP800_108_BYTE_ARRAY:
        return bulla_kdf_string(field->pValue, field->ulValueLen, "a field", part);
    default:
        return bulla_refuse(BULLA_PARAMETER, "counter mode has no field of type %lu", field->type);
    }
}

static enum bulla_reason read(const CK_MECHANISM *mechanism, struct plan *plan)
{
    *plan = (struct plan){0};
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof plan->given));
    memcpy(&plan->given, mechanism->pParameter, sizeof plan->given);
    plan->count = plan->given.ulNumberOfDataParams;
    if (!plan->given.pDataParams || plan->count > FIELDS_MOST)
        return bulla_refuse(BULLA_PARAMETER, "a KDF of no fields, or of more than %d", FIELDS_MOST);
    for (size_t i = 0; i < plan->count; i++)
        BULLA_TRY(read_field(&plan->given.pDataParams[i], plan, &plan->parts[i]));
    return plan->counter.present ? BULLA_OK : bulla_refuse(BULLA_PARAMETER, "counter mode without a counter");
}

/* BULLA_PARAMETER where it does not fit. */
static enum bulla_reason put_number(struct number *number, uint64_t value)
{
    uint64_t left = value;
    for (unsigned i = 0; i < number->size; i++, left >>= 8)
        number->bytes[number->little ? i : number->size - 1 - i] = (uint8_t)left;
    return left == 0 ? BULLA_OK : bulla_refuse(BULLA_PARAMETER, "a counter or a length does not fit its width");
}

/* --- several keys --- */

static size_t whole_blocks(size_t size, size_t block)
{
    return (size + block - 1) / block * block;
}

/* What a template says of a length; the rest of it is core's to judge. */
static size_t length_of(const CK_DERIVED_KEY *key)
{
    CK_ULONG size = 0;
    for (CK_ULONG i = 0; i < key->ulAttributeCount; i++)
        if (key->pTemplate[i].type == CKA_VALUE_LEN && key->pTemplate[i].pValue &&
            key->pTemplate[i].ulValueLen == sizeof size)
            memcpy(&size, key->pTemplate[i].pValue, sizeof size);
    return size;
}

static enum bulla_reason add(struct bulla_shares *shares, struct bulla_share share, size_t block)
{
    const struct bulla_share *last = shares->count ? &shares->list[shares->count - 1] : NULL;
    share.offset = last ? last->offset + whole_blocks(last->size, block) : 0;
    if (share.size == 0 || share.size > BULLA_KDF_DATA_LARGEST ||
        share.offset + whole_blocks(share.size, block) > BULLA_DERIVED_LARGEST)
        return bulla_refuse(BULLA_KEY_INCOMPLETE, "a key of several has a length (CKA_VALUE_LEN), and not too long");
    shares->list[shares->count++] = share;
    return BULLA_OK;
}

static size_t block_of(CK_MECHANISM_TYPE prf)
{
    const struct bulla_hash *hash = bulla_hash_find_hmac(prf);
    return hash ? hash->size : AES_BLOCK;
}

enum bulla_reason bulla_divide_counter(const struct bulla_derivation *derivation, struct bulla_shares *shares)
{
    struct plan plan;
    BULLA_TRY(read(derivation->mechanism, &plan));
    size_t block = block_of(plan.given.prfType), more = plan.given.ulAdditionalDerivedKeys;
    if (more == 0)
        return BULLA_OK;
    if (more >= BULLA_SHARES_LARGEST || !plan.given.pAdditionalDerivedKeys)
        return bulla_refuse(BULLA_PARAMETER, "%zu more keys, of at most %d", more, BULLA_SHARES_LARGEST - 1);
    BULLA_TRY(add(shares, (struct bulla_share){.form = BULLA_SHARE_KEY, .size = derivation->size}, block));
    for (size_t i = 0; i < more; i++) {
        const CK_DERIVED_KEY *key = &plan.given.pAdditionalDerivedKeys[i];
        if (!key->phKey || (!key->pTemplate && key->ulAttributeCount) || key->ulAttributeCount > 64)
            return bulla_refuse(BULLA_PARAMETER, "one more key without a place or a template");
        BULLA_TRY(add(shares,
            (struct bulla_share){.form = BULLA_SHARE_OWN,
                .size = length_of(key),
                .attributes = key->pTemplate,
                .count = key->ulAttributeCount,
                .handle = key->phKey},
            block));
    }
    return BULLA_OK;
}

/* --- deriving --- */

/* Bytes of all keys, and of all their blocks. */
static void measure(const struct bulla_derivation *derivation, size_t block, size_t *keys, size_t *blocks)
{
    const struct bulla_shares *shares = derivation->shares;
    *keys = derivation->size ? derivation->size : block;
    *blocks = whole_blocks(*keys, block);
    for (size_t i = 1; shares && i < shares->count; i++) {
        *keys += shares->list[i].size;
        *blocks += whole_blocks(shares->list[i].size, block);
    }
}

enum bulla_reason bulla_derive_counter(const struct bulla_derivation *derivation, struct bulla_writer *out)
{
    PRF prf = {0};
    struct plan plan;
    size_t keys, blocks;
    BULLA_TRY(read(derivation->mechanism, &plan));
    (void)ERR_set_mark();
    enum bulla_reason reason = prf_make(derivation, plan.given.prfType, &prf);
    if (reason == BULLA_OK) {
        measure(derivation, prf.size, &keys, &blocks);
        if (plan.length.present)
            reason = put_number(
                &plan.length, (plan.length.method == CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS ? keys : blocks) * 8);
        if (reason == BULLA_OK && blocks > BULLA_DERIVED_LARGEST)
            reason = bulla_refuse(BULLA_KEY_VALUE, "keys of %zu bytes", blocks);
    }
    for (size_t i = 1; reason == BULLA_OK && (i - 1) * prf.size < blocks; i++) {
        uint8_t *space = bulla_write_space(out, prf.size);
        reason = put_number(&plan.counter, i);
        if (reason == BULLA_OK && space)
            reason = prf_block(&prf, plan.parts, plan.count, space);
    }
    (void)ERR_pop_to_mark();
    return reason;
}
