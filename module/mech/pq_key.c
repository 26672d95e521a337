/* A seed is the shorter secret of the two and gives the other: where it is known, the expanded key is computed from it
 * and never believed. Seeds come from libsodium's generator, as those of curves do. */
#include "pq_key.h"

#include <openssl/evp.h>
#include <sodium.h>

#include "crypto/library.h"
#include "der.h"
#include "pkcs8.h"
#include "pq_pkey.h"

enum { SEED_ALONE = 0x80 /* [0] IMPLICIT OCTET STRING */ };

/* --- the public half --- */

/* SubjectPublicKeyInfo, which must not contradict the one that is there. */
static enum bulla_reason put_info(
    const struct bulla_pq_set *set, struct bulla_bytes public_value, struct bulla_draft *key)
{
    uint8_t memory[BULLA_PQ_INFO_LARGEST], algorithm[BULLA_PQ_ALGORITHM];
    struct bulla_bytes given = bulla_draft_get(key, CKA_PUBLIC_KEY_INFO);
    struct bulla_writer out;
    bulla_writer_open(&out, memory, sizeof memory);
    bulla_pq_algorithm(set, algorithm);
    bulla_der_head(&out, BULLA_DER_SEQUENCE, sizeof algorithm + bulla_der_size(1 + public_value.size));
    bulla_write(&out, algorithm, sizeof algorithm);
    bulla_der_head(&out, BULLA_DER_BIT_STRING, 1 + public_value.size);
    bulla_write_u8(&out, 0); /* no bit of the last byte is unused */
    bulla_write_bytes(&out, public_value);
    BULLA_TRY(bulla_writer_finish(&out, "a public key"));
    if (given.size && !bulla_bytes_equal(given, bulla_writer_bytes(&out)))
        return bulla_refuse(BULLA_KEY_INCONSISTENT, "CKA_PUBLIC_KEY_INFO is that of another key");
    return bulla_draft_put(key, CKA_PUBLIC_KEY_INFO, bulla_writer_bytes(&out));
}

static enum bulla_reason put_info_of(const struct bulla_pq_set *set, const EVP_PKEY *pkey, struct bulla_draft *key)
{
    uint8_t value[BULLA_PQ_PUBLIC_LARGEST];
    BULLA_TRY(bulla_pq_value(pkey, BULLA_PQ_PUBLIC, value, set->public_size));
    return put_info(set, (struct bulla_bytes){value, set->public_size}, key);
}

static enum bulla_reason check_size(
    const struct bulla_pq_set *set, const char *what, struct bulla_bytes value, size_t size)
{
    if (value.size != size)
        return bulla_refuse(BULLA_KEY_VALUE, "%s of %s has %zu bytes, not %zu", what, set->name, size, value.size);
    return BULLA_OK;
}

static enum bulla_reason public_pkey(const struct bulla_pq_set *set, const struct bulla_draft *key, EVP_PKEY **pkey)
{
    struct bulla_bytes value = bulla_draft_get(key, CKA_VALUE);
    BULLA_TRY(check_size(set, "the public key", value, set->public_size));
    return bulla_pq_pkey(set, BULLA_PQ_PUBLIC, value, pkey);
}

static enum bulla_reason complete_public(const struct bulla_pq_set *set, struct bulla_draft *key)
{
    EVP_PKEY *pkey = NULL;
    BULLA_TRY(public_pkey(set, key, &pkey));
    EVP_PKEY_free(pkey);
    return put_info(set, bulla_draft_get(key, CKA_VALUE), key);
}

/* --- the private half --- */

/* The expanded key, which must be the one that is there. */
static enum bulla_reason put_expanded(const struct bulla_pq_set *set, const EVP_PKEY *pkey, struct bulla_draft *key)
{
    struct bulla_bytes given = bulla_draft_get(key, CKA_VALUE);
    BULLA_SECRET void *value = NULL;
    uint8_t *space = NULL;
    if (!given.data) {
        BULLA_TRY(bulla_draft_space(key, CKA_VALUE, set->private_size, &space));
        return bulla_pq_value(pkey, BULLA_PQ_PRIVATE, space, set->private_size);
    }
    BULLA_TRY(check_size(set, "the private key", given, set->private_size));
    BULLA_TRY(bulla_secret_allocate(set->private_size, &value));
    BULLA_TRY(bulla_pq_value(pkey, BULLA_PQ_PRIVATE, value, set->private_size));
    if (sodium_memcmp(value, given.data, given.size) != 0)
        return bulla_refuse(BULLA_KEY_INCONSISTENT, "CKA_SEED and CKA_VALUE are of two keys");
    return BULLA_OK;
}

static enum bulla_reason private_pkey(const struct bulla_pq_set *set, const struct bulla_draft *key, EVP_PKEY **pkey)
{
    struct bulla_bytes value = bulla_draft_get(key, CKA_VALUE);
    BULLA_TRY(check_size(set, "the private key", value, set->private_size));
    return bulla_pq_pkey(set, BULLA_PQ_PRIVATE, value, pkey);
}

static enum bulla_reason complete_seed(const struct bulla_pq_set *set, struct bulla_bytes seed, struct bulla_draft *key)
{
    EVP_PKEY *pkey = NULL;
    if (!set->seed_size)
        return bulla_refuse(BULLA_KEY_INCONSISTENT, "keys of %s have no seed", set->name);
    BULLA_TRY(check_size(set, "the seed", seed, set->seed_size));
    BULLA_TRY(bulla_pq_pkey(set, BULLA_PQ_SEED, seed, &pkey));
    enum bulla_reason reason = put_expanded(set, pkey, key);
    if (reason == BULLA_OK)
        reason = put_info_of(set, pkey, key);
    EVP_PKEY_free(pkey);
    return reason;
}

static enum bulla_reason complete_expanded(const struct bulla_pq_set *set, struct bulla_draft *key)
{
    EVP_PKEY *pkey = NULL;
    BULLA_TRY(private_pkey(set, key, &pkey));
    enum bulla_reason reason = bulla_pq_check(set, pkey);
    if (reason == BULLA_OK)
        reason = put_info_of(set, pkey, key);
    EVP_PKEY_free(pkey);
    return reason;
}

enum bulla_reason bulla_pq_complete(struct bulla_draft *key)
{
    const struct bulla_pq_set *set = NULL;
    struct bulla_bytes seed = bulla_draft_get(key, CKA_SEED);
    BULLA_TRY(bulla_pq_set_of(key, &set));
    if (key->object_class != CKO_PRIVATE_KEY)
        return complete_public(set, key);
    if (seed.data)
        return complete_seed(set, seed, key);
    if (!bulla_draft_get(key, CKA_VALUE).data)
        return bulla_refuse(BULLA_KEY_INCOMPLETE, "there is neither CKA_VALUE nor CKA_SEED");
    return complete_expanded(set, key);
}

enum bulla_reason bulla_pq_open(const struct bulla_draft *key, struct bulla_material *material)
{
    const struct bulla_pq_set *set = NULL;
    BULLA_TRY(bulla_pq_set_of(key, &set));
    material->curve = (CK_ULONG)(set - bulla_pq_sets);
    material->size = set->public_size;
    return key->object_class == CKO_PRIVATE_KEY ? private_pkey(set, key, &material->pkey)
                                                : public_pkey(set, key, &material->pkey);
}

/* --- wrapping --- */

static void write_octets(struct bulla_writer *out, struct bulla_bytes octets)
{
    bulla_der_head(out, BULLA_DER_OCTET_STRING, octets.size);
    bulla_write_bytes(out, octets);
}

enum bulla_reason bulla_pq_export(const struct bulla_draft *key, struct bulla_writer *out)
{
    const struct bulla_pq_set *set = NULL;
    uint8_t algorithm[BULLA_PQ_ALGORITHM];
    struct bulla_bytes value = bulla_draft_get(key, CKA_VALUE), seed = bulla_draft_get(key, CKA_SEED);
    BULLA_TRY(bulla_pq_set_of(key, &set));
    if (key->object_class != CKO_PRIVATE_KEY)
        return bulla_refuse(BULLA_KEY_NOT_WRAPPABLE, "public keys are not wrapped");
    bulla_pq_algorithm(set, algorithm);
    if (!set->seed_size) {
        bulla_pkcs8_head(out, BULLA_BYTES(algorithm), value.size);
        bulla_write_bytes(out, value);
        return BULLA_OK;
    }
    size_t both = bulla_der_size(seed.size) + bulla_der_size(value.size);
    bulla_pkcs8_head(out, BULLA_BYTES(algorithm), seed.size ? bulla_der_size(both) : bulla_der_size(value.size));
    if (seed.size) {
        bulla_der_head(out, BULLA_DER_SEQUENCE, both);
        write_octets(out, seed);
    }
    write_octets(out, value);
    return BULLA_OK;
}

/* The choice of RFC 9935 and RFC 9881: a seed, an expanded key, or both; views. */
static bool read_choice(struct bulla_bytes der, struct bulla_bytes *seed, struct bulla_bytes *value)
{
    struct bulla_reader outer, reader;
    bulla_reader_open(&outer, der);
    uint8_t tag = der.size ? der.data[0] : 0;
    if (tag == BULLA_DER_SEQUENCE) {
        bulla_reader_open(&reader, bulla_der_read(&outer, BULLA_DER_SEQUENCE));
        *seed = bulla_der_read(&reader, BULLA_DER_OCTET_STRING);
        *value = bulla_der_read(&reader, BULLA_DER_OCTET_STRING);
        return !outer.failed && !reader.failed && !bulla_reader_left(&outer) && !bulla_reader_left(&reader);
    }
    if (tag == SEED_ALONE)
        *seed = bulla_der_read(&outer, SEED_ALONE);
    else
        *value = bulla_der_read(&outer, BULLA_DER_OCTET_STRING);
    return !outer.failed && !bulla_reader_left(&outer);
}

static enum bulla_reason check_named(const struct bulla_pq_set *set, struct bulla_draft *key)
{
    const struct bulla_pq_set *named = NULL;
    if (!bulla_draft_get(key, CKA_PARAMETER_SET).data)
        BULLA_TRY(bulla_draft_put_ulong(key, CKA_PARAMETER_SET, set->number));
    BULLA_TRY(bulla_pq_set_of(key, &named));
    return named == set ? BULLA_OK
                        : bulla_refuse(BULLA_KEY_INCONSISTENT, "the wrapped key is of another set: %s", set->name);
}

enum bulla_reason bulla_pq_import(struct bulla_bytes plain, struct bulla_draft *key)
{
    struct bulla_pkcs8 parts;
    struct bulla_bytes seed = {NULL, 0}, value = {NULL, 0};
    BULLA_TRY(bulla_pkcs8_split(plain, &parts));
    const struct bulla_pq_set *set = bulla_pq_by_algorithm(parts.algorithm);
    if (!set || set->type != key->key_type)
        return bulla_refuse(BULLA_KEY_INCONSISTENT, "what was wrapped is no key of type 0x%lx", key->key_type);
    BULLA_TRY(check_named(set, key));
    if (!set->seed_size)
        value = parts.key;
    else if (!read_choice(parts.key, &seed, &value))
        return bulla_refuse(BULLA_WRAPPED_KEY, "what was wrapped is no private key of %s", set->name);
    if (seed.data)
        BULLA_TRY(bulla_draft_put(key, CKA_SEED, seed));
    return value.data ? bulla_draft_put(key, CKA_VALUE, value) : BULLA_OK;
}

/* --- generation --- */

/* A fresh seed goes into the draft, and gives the key; SLH-DSA's comes from OpenSSL. */
static enum bulla_reason make_pkey(const struct bulla_pq_set *set, struct bulla_draft *private_key, EVP_PKEY **pkey)
{
    uint8_t *seed = NULL;
    if (!set->seed_size)
        return bulla_pq_generate(set, pkey);
    BULLA_TRY(bulla_draft_space(private_key, CKA_SEED, set->seed_size, &seed));
    bulla_sodium_ready();
    randombytes_buf(seed, set->seed_size);
    return bulla_pq_pkey(set, BULLA_PQ_SEED, (struct bulla_bytes){seed, set->seed_size}, pkey);
}

static enum bulla_reason put_pair(const struct bulla_pq_set *set, const EVP_PKEY *pkey, struct bulla_draft *public_key,
    struct bulla_draft *private_key)
{
    uint8_t *space = NULL;
    BULLA_TRY(bulla_draft_space(public_key, CKA_VALUE, set->public_size, &space));
    BULLA_TRY(bulla_pq_value(pkey, BULLA_PQ_PUBLIC, space, set->public_size));
    BULLA_TRY(put_expanded(set, pkey, private_key));
    BULLA_TRY(put_info(set, bulla_draft_get(public_key, CKA_VALUE), public_key));
    return put_info(set, bulla_draft_get(public_key, CKA_VALUE), private_key);
}

enum bulla_reason bulla_pq_generate_pair(
    const CK_MECHANISM *mechanism, struct bulla_draft *public_key, struct bulla_draft *private_key)
{
    const struct bulla_pq_set *set = NULL, *named = NULL;
    EVP_PKEY *pkey = NULL;
    BULLA_TRY(bulla_mechanism_bare(mechanism));
    BULLA_TRY(bulla_pq_set_of(public_key, &set));
    if (!bulla_draft_get(private_key, CKA_PARAMETER_SET).data)
        BULLA_TRY(bulla_draft_put_ulong(private_key, CKA_PARAMETER_SET, set->number));
    BULLA_TRY(bulla_pq_set_of(private_key, &named));
    if (named != set)
        return bulla_refuse(BULLA_KEY_INCONSISTENT, "the two templates name different parameter sets");
    BULLA_TRY(make_pkey(set, private_key, &pkey));
    enum bulla_reason reason = put_pair(set, pkey, public_key, private_key);
    EVP_PKEY_free(pkey);
    return reason;
}
