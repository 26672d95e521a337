/* What the token does for mechanisms: receipts' key, evidence, generations, and the record of it all. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/cipher.h"
#include "evidence/policy.h"
#include "evidence/tpm_quote.h"
#include "inference/pool.h"
#include "lease.h"
#include "mech/mechanism.h"
#include "release/backend.h"
#include "token.h"

static const char receipt_label[] = "bulla receipt key";
static const char receipt_id[] = "receipt";
/* OID 1.3.101.112, id-Ed25519 (RFC 8410). */
static const uint8_t ed25519_oid[] = {0x06, 0x03, 0x2b, 0x65, 0x70};

/* --- the receipt key --- */

struct bulla_object *bulla_token_receipt_object(struct bulla_token *token, CK_OBJECT_CLASS object_class)
{
    struct bulla_object *found = NULL;
    (void)pthread_rwlock_rdlock(&token->lock);
    for (size_t i = 0; i < token->index.count && !found; i++) {
        struct bulla_object *object = token->index.objects[i];
        if (object->object_class == object_class && !object->hidden && !object->owner &&
            bulla_attributes_bool(object->attributes, CKA_LOCAL) &&
            bulla_bytes_equal_text(bulla_attributes_get(object->attributes, CKA_ID), receipt_id))
            found = bulla_object_keep(object);
    }
    (void)pthread_rwlock_unlock(&token->lock);
    return found;
}

static bool put_all(struct bulla_attribute_list *list, const struct bulla_attribute *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!bulla_list_put(list, items[i].type, items[i].value))
            return false;
    return true;
}

#define BYTES_OF(value)                                                                                                \
    {                                                                                                                  \
        (const uint8_t *)&(value), sizeof(value)                                                                       \
    }
#define TEXT_OF(text)                                                                                                  \
    {                                                                                                                  \
        (const uint8_t *)(text), sizeof(text) - 1                                                                      \
    }

static enum bulla_reason put_receipt_half(
    struct bulla_token *token, CK_OBJECT_CLASS object_class, const struct bulla_attribute *own, size_t own_count)
{
    static const CK_KEY_TYPE type = CKK_EC_EDWARDS;
    static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    bool is_private = object_class == CKO_PRIVATE_KEY;
    const CK_BBOOL *secret = is_private ? &yes : &no;
    const struct bulla_attribute common[] = {
        {CKA_CLASS, BYTES_OF(object_class)},
        {CKA_KEY_TYPE, BYTES_OF(type)},
        {CKA_TOKEN, BYTES_OF(yes)},
        {CKA_PRIVATE, {secret, 1}},
        {CKA_LABEL, TEXT_OF(receipt_label)},
        {CKA_ID, TEXT_OF(receipt_id)},
        {CKA_LOCAL, BYTES_OF(yes)},
        {CKA_MODIFIABLE, BYTES_OF(no)},
        {CKA_COPYABLE, BYTES_OF(no)},
        {CKA_DESTROYABLE, BYTES_OF(no)},
        {CKA_EC_PARAMS, BYTES_OF(ed25519_oid)},
        {CKA_DERIVE, BYTES_OF(no)},
        {CKA_SUBJECT, {(const uint8_t *)"", 0}},
        {CKA_START_DATE, {(const uint8_t *)"", 0}},
        {CKA_END_DATE, {(const uint8_t *)"", 0}},
    };
    struct bulla_attribute_list list = {0};
    struct bulla_object *object = NULL;
    uint8_t id[16];
    if (!put_all(&list, common, sizeof common / sizeof common[0]) || !put_all(&list, own, own_count))
        return bulla_refuse(BULLA_INTERNAL, "too many attributes");
    randombytes_buf(id, sizeof id);
    enum bulla_reason reason = bulla_vault_put(token, &list, id, &object);
    bulla_object_drop(object); /* the index takes it from the store, with the next refresh */
    return reason;
}

static enum bulla_reason put_receipt_pair(struct bulla_token *token)
{
    static const CK_MECHANISM_TYPE only = CKM_BULLA_ATTEST;
    static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    uint8_t point[34] = {0x04, 32}; /* DER OCTET STRING */
    BULLA_SECRET void *seed = NULL;
    BULLA_SECRET void *expanded = NULL;
    BULLA_TRY(bulla_secret_allocate(crypto_sign_SEEDBYTES, &seed));
    BULLA_TRY(bulla_secret_allocate(crypto_sign_SECRETKEYBYTES, &expanded));
    randombytes_buf(seed, crypto_sign_SEEDBYTES);
    (void)crypto_sign_seed_keypair(point + 2, expanded, seed);
    const struct bulla_attribute private_half[] = {
        {CKA_VALUE, {seed, crypto_sign_SEEDBYTES}},
        {CKA_SENSITIVE, BYTES_OF(yes)},
        {CKA_ALWAYS_SENSITIVE, BYTES_OF(yes)},
        {CKA_EXTRACTABLE, BYTES_OF(no)},
        {CKA_NEVER_EXTRACTABLE, BYTES_OF(yes)},
        {CKA_SIGN, BYTES_OF(yes)},
        {CKA_SIGN_RECOVER, BYTES_OF(no)},
        {CKA_DECRYPT, BYTES_OF(no)},
        {CKA_UNWRAP, BYTES_OF(no)},
        {CKA_ALWAYS_AUTHENTICATE, BYTES_OF(no)},
        {CKA_WRAP_WITH_TRUSTED, BYTES_OF(no)},
        {CKA_ALLOWED_MECHANISMS, BYTES_OF(only)},
        {CKA_BULLA_ATTESTED, BYTES_OF(no)},
    };
    const struct bulla_attribute public_half[] = {
        {CKA_EC_POINT, BYTES_OF(point)},
        {CKA_VERIFY, BYTES_OF(yes)},
        {CKA_VERIFY_RECOVER, BYTES_OF(no)},
        {CKA_ENCRYPT, BYTES_OF(no)},
        {CKA_WRAP, BYTES_OF(no)},
        {CKA_TRUSTED, BYTES_OF(no)},
    };
    BULLA_TRY(put_receipt_half(token, CKO_PRIVATE_KEY, private_half, sizeof private_half / sizeof private_half[0]));
    return put_receipt_half(token, CKO_PUBLIC_KEY, public_half, sizeof public_half / sizeof public_half[0]);
}

static bool has_attester(const struct bulla_token *token)
{
    return *token->config->tcti && bulla_token_backend;
}

enum bulla_reason bulla_token_identity_make(struct bulla_token *token, struct bulla_token_identity *identity)
{
    struct bulla_writer writer;
    identity->size = 0;
    if (!has_attester(token))
        return BULLA_OK;
    bulla_writer_open(&writer, identity->blob, sizeof identity->blob);
    BULLA_TRY(bulla_token_backend->key_create(token->config->tcti, &writer));
    identity->size = writer.size;
    return bulla_writer_finish(&writer, "attestation key");
}

/* The blob is the TPM's to open; the box says that it is this token's own. */
enum { IDENTITY_AAD = 23 + 16, IDENTITY_BOX = sizeof((struct bulla_token_identity *)0)->blob + BULLA_BOX_OVERHEAD };

static void identity_aad(const struct bulla_token *token, struct bulla_writer *aad)
{
    bulla_write(aad, "bulla/1 attestation key", 23);
    bulla_write_bytes(aad, bulla_token_serial(token));
}

enum bulla_reason bulla_token_identity_put(struct bulla_token *token, const struct bulla_token_identity *identity)
{
    uint8_t aad_bytes[IDENTITY_AAD], box[IDENTITY_BOX];
    struct bulla_writer aad, writer;
    BULLA_TRY(put_receipt_pair(token));
    if (!identity->size)
        return BULLA_OK;
    bulla_writer_open(&aad, aad_bytes, sizeof aad_bytes);
    bulla_writer_open(&writer, box, sizeof box);
    identity_aad(token, &aad);
    BULLA_TRY(bulla_box_seal(
        token->keys->wrap, bulla_writer_bytes(&aad), (struct bulla_bytes){identity->blob, identity->size}, &writer));
    return bulla_store_value_put(token->store, BULLA_VALUE_ATTESTATION_KEY, bulla_writer_bytes(&writer));
}

/* BULLA_UNSUPPORTED: the token was made without a TPM, and given one since. */
static enum bulla_reason identity_get(struct bulla_token *token, struct bulla_token_identity *identity)
{
    uint8_t aad_bytes[IDENTITY_AAD], box[IDENTITY_BOX];
    struct bulla_writer aad, writer;
    bulla_writer_open(&aad, aad_bytes, sizeof aad_bytes);
    bulla_writer_open(&writer, box, sizeof box);
    enum bulla_reason reason = bulla_token_value(token, BULLA_VALUE_ATTESTATION_KEY, &writer);
    if (reason == BULLA_STORE_MISSING)
        return bulla_refuse(BULLA_UNSUPPORTED, "the token was made without a TPM: it has no attestation key");
    BULLA_TRY(reason);
    BULLA_TRY(bulla_writer_finish(&writer, "attestation key"));
    if (writer.size < BULLA_BOX_OVERHEAD)
        return bulla_refuse(BULLA_STORE_CORRUPT, "the attestation key has %zu bytes", writer.size);
    identity_aad(token, &aad);
    identity->size = writer.size - BULLA_BOX_OVERHEAD;
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    reason = token->keys ? bulla_box_open(
                               token->keys->wrap, bulla_writer_bytes(&aad), bulla_writer_bytes(&writer), identity->blob)
                         : bulla_refuse(BULLA_NOT_LOGGED_IN, "the attestation key is used by the token's user");
    (void)pthread_rwlock_unlock(&token->keys_lock);
    return reason;
}

static enum bulla_reason receipt_key(void *context, uint8_t key[static 32])
{
    struct bulla_object *object = bulla_token_receipt_object(context, CKO_PUBLIC_KEY);
    if (!object)
        return bulla_refuse(BULLA_OBJECT_HIDDEN, "the token's receipt key is not there");
    struct bulla_bytes point = bulla_attributes_get(object->attributes, CKA_EC_POINT);
    bool whole = point.size == 34;
    if (whole)
        memcpy(key, point.data + 2, 32);
    bulla_object_drop(object);
    return whole ? BULLA_OK : bulla_refuse(BULLA_OBJECT_HIDDEN, "the token's receipt key has another form");
}

static enum bulla_reason sign_with(
    struct bulla_object *object, struct bulla_bytes message, uint8_t signature[static 64])
{
    struct bulla_bytes seed = bulla_vault_value(object, CKA_VALUE);
    uint8_t public_key[32];
    BULLA_SECRET void *expanded = NULL;
    if (seed.size != crypto_sign_SEEDBYTES)
        return bulla_refuse(BULLA_KEY_INVALID, "the receipt key has %zu bytes", seed.size);
    BULLA_TRY(bulla_secret_allocate(crypto_sign_SECRETKEYBYTES, &expanded));
    (void)crypto_sign_seed_keypair(public_key, expanded, seed.data);
    if (crypto_sign_detached(signature, NULL, message.data, message.size, expanded) != 0)
        return bulla_refuse(BULLA_INTERNAL, "signing failed");
    return BULLA_OK;
}

static enum bulla_reason receipt_sign(void *context, struct bulla_bytes message, uint8_t signature[static 64])
{
    static const struct bulla_bytes nothing = {NULL, 0};
    struct bulla_token *token = context;
    struct bulla_object *object = bulla_token_receipt_object(token, CKO_PRIVATE_KEY);
    if (!object)
        return bulla_refuse(BULLA_OBJECT_HIDDEN, "the token's receipt key is not there");
    enum bulla_reason reason = bulla_vault_open(token, object, nothing);
    if (reason == BULLA_OK) {
        reason = sign_with(object, message, signature);
        (void)pthread_mutex_unlock(&object->lock);
    }
    bulla_object_drop(object);
    return reason;
}

/* --- evidence --- */

static enum bulla_reason write_evidence(
    struct bulla_token *token, const struct bulla_report *report, struct bulla_writer *document)
{
    uint8_t encoded[BULLA_REPORT_LARGEST];
    struct bulla_token_identity identity;
    struct bulla_writer report_writer;
    bulla_writer_open(&report_writer, encoded, sizeof encoded);
    BULLA_TRY(bulla_report_write(report, &report_writer));
    BULLA_TRY(identity_get(token, &identity));
    return bulla_token_backend->evidence(token->config->tcti, (struct bulla_bytes){identity.blob, identity.size},
        token->config->pcrs, bulla_writer_bytes(&report_writer), document);
}

static enum bulla_reason evidence(void *context, enum bulla_purpose purpose, struct bulla_bytes nonce,
    const uint8_t object_id[static 16], struct bulla_writer *document)
{
    struct bulla_token *token = context;
    uint8_t key[32];
    if (!has_attester(token))
        return bulla_refuse(BULLA_UNSUPPORTED, "the token has no TPM: there is nothing that could attest");
    BULLA_TRY(receipt_key(token, key));
    struct bulla_object *object = bulla_token_object_by_id(token, object_id);
    struct bulla_report report = {.purpose = purpose,
        .nonce = nonce,
        .public_key = BULLA_BYTES(key),
        .token = bulla_token_serial(token),
        .object = {object_id, 16},
        .operation = BULLA_TEXT(bulla_purpose_name(purpose))};
    struct bulla_policy *policy = malloc(sizeof *policy);
    if (object && policy) {
        report.authority = bulla_attributes_get(object->attributes, CKA_BULLA_AUTHORITY);
        uint64_t epoch = bulla_attributes_ulong(object->attributes, CKA_BULLA_EPOCH, 0);
        if (report.authority.size && bulla_token_policy(token, report.authority, epoch, policy) == BULLA_OK)
            report.policy_version = policy->version;
    }
    enum bulla_reason reason = write_evidence(token, &report, document);
    free(policy);
    bulla_object_drop(object);
    return reason;
}

static void policy_version(void *context, const uint8_t object_id[static 16], char *text, size_t size)
{
    struct bulla_token *token = context;
    struct bulla_object *object = bulla_token_object_by_id(token, object_id);
    struct bulla_policy *policy = malloc(sizeof *policy);
    (void)snprintf(text, size, "none");
    if (object && policy) {
        struct bulla_bytes authority = bulla_attributes_get(object->attributes, CKA_BULLA_AUTHORITY);
        uint64_t epoch = bulla_attributes_ulong(object->attributes, CKA_BULLA_EPOCH, 0);
        uint8_t digest[32];
        char hex[17];
        if (authority.size && bulla_token_policy(token, authority, epoch, policy) == BULLA_OK) {
            bulla_sha256(authority, digest);
            (void)sodium_bin2hex(hex, sizeof hex, digest, 8);
            (void)snprintf(text, size, "%s/%llu", hex, (unsigned long long)policy->version);
        }
    }
    free(policy);
    bulla_object_drop(object);
}

/* --- generations --- */

static void generation_name(const uint8_t object[static 16], char name[static 48])
{
    char hex[33];
    (void)sodium_bin2hex(hex, sizeof hex, object, 16);
    (void)snprintf(name, 48, "model:%s", hex);
}

static enum bulla_reason generation_floor(void *token, const uint8_t object[static 16], uint64_t *generation)
{
    char name[48];
    generation_name(object, name);
    return bulla_ledger_read(token, name, generation);
}

static enum bulla_reason generation_raise(void *token, const uint8_t object[static 16], uint64_t generation)
{
    char name[48];
    generation_name(object, name);
    return bulla_ledger_raise(token, name, generation);
}

static enum bulla_reason sealed(void *context, const uint8_t id[static 16], const struct bulla_sealing *sealing)
{
    struct bulla_token *token = context;
    BULLA_TRY(bulla_token_refresh(token)); /* sealing took its time */
    struct bulla_object *object = bulla_token_object_by_id(token, id);
    if (!object)
        return bulla_refuse(BULLA_OBJECT_HIDDEN, "the model's key was destroyed while it was sealed");
    CK_ULONG generation = (CK_ULONG)sealing->generation, dimension = (CK_ULONG)sealing->dimension;
    CK_ULONG present = bulla_attributes_ulong(object->attributes, CKA_BULLA_GENERATION, 0);
    struct bulla_attribute_list list;
    bulla_list_from(&list, object->attributes);
    enum bulla_reason reason = BULLA_OK;
    if (generation <= present) /* another sealing began later and ended first */
        reason = bulla_refuse(BULLA_MODEL_OLDER,
            "generation %lu of this model was sealed meanwhile, and this one would be %lu: seal it again", present,
            generation);
    else if (object->owner == 0 &&
             bulla_list_put(
                 &list, CKA_BULLA_GENERATION, (struct bulla_bytes){(const uint8_t *)&generation, sizeof generation}) &&
             bulla_list_put(
                 &list, CKA_BULLA_DIMENSION, (struct bulla_bytes){(const uint8_t *)&dimension, sizeof dimension}))
        reason = bulla_vault_restate(token, object, &list);
    else
        reason = bulla_refuse(BULLA_UNSUPPORTED, "models are sealed by keys of the token, not of a session");
    bulla_object_drop(object);
    return reason;
}

/* --- the rest --- */

static void released(void *context, uint64_t expires)
{
    (void)context;
    bulla_lease_note(expires);
}

static struct bulla_pool *pool(void *context)
{
    struct bulla_token *token = context;
    (void)pthread_rwlock_wrlock(&token->lock);
    if (!token->pool && !token->without_threads)
        token->pool = bulla_pool_open((unsigned)token->config->threads);
    struct bulla_pool *opened = token->pool;
    (void)pthread_rwlock_unlock(&token->lock);
    return opened;
}

static uint64_t sequence(void *context)
{
    struct bulla_token *token = context;
    return atomic_fetch_add(&token->sequence, 1) + 1;
}

static void audit(void *context, const char *event, const struct bulla_audit_field *fields, size_t count)
{
    bulla_token_record(context, event, fields, count);
}

void bulla_token_services(struct bulla_token *token, struct bulla_services *services)
{
    *services = (struct bulla_services){
        .token = token,
        .models = token->config->models,
        .lease = (unsigned)token->config->lease,
        .threads = !token->without_threads,
        .pool = pool,
        .generation_floor = generation_floor,
        .generation_raise = generation_raise,
        .sealed = sealed,
        .receipt_sign = receipt_sign,
        .receipt_key = receipt_key,
        .evidence = evidence,
        .released = released,
        .policy_version = policy_version,
        .sequence = sequence,
        .audit = audit,
    };
    memcpy(services->serial, token->serial, 16);
}
