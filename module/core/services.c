/* What the token does for mechanisms: receipts, evidence, generations, and the record of it all. */
#include <sodium.h>
#include <stdio.h>

#include "crypto/cipher.h"
#include "evidence/policy.h"
#include "evidence/tpm_quote.h"
#include "evolving.h"
#include "heap.h"
#include "inference/pool.h"
#include "lease.h"
#include "mech/mechanism.h"
#include "release/backend.h"
#include "token.h"

/* --- the receipt key --- */

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

/* A key that the TPM wrapped signs for tokens that have one; other attesters sign with what the machine has. */
static enum bulla_reason write_evidence(struct bulla_token *token, const struct bulla_attester *attester,
    const struct bulla_report *report, struct bulla_writer *evidence)
{
    uint8_t encoded[BULLA_REPORT_LARGEST];
    struct bulla_token_identity identity = {.size = 0};
    struct bulla_writer report_writer;
    bulla_writer_open(&report_writer, encoded, sizeof encoded);
    BULLA_TRY(bulla_report_write(report, &report_writer));
    if (attester->needs_key)
        BULLA_TRY(bulla_token_identity_get(token, &identity));
    const struct bulla_attester_request request = {.report = bulla_writer_bytes(&report_writer),
        .nonce = report->nonce,
        .public_key = report->public_key,
        .tcti = token->config->tcti,
        .pcrs = token->config->pcrs,
        .bank = token->config->pcr_bank,
        .key_blob = {identity.blob, identity.size}};
    return attester->evidence(&request, evidence);
}

/* The policy in force for an object, if it has an authority and there is one; `policy` is the caller's. */
static bool policy_of(struct bulla_token *token, const struct bulla_object *object, struct bulla_policy *policy)
{
    struct bulla_bytes authority = bulla_attributes_get(object->attributes, CKA_BULLA_AUTHORITY);
    uint64_t epoch = bulla_attributes_ulong(object->attributes, CKA_BULLA_EPOCH, 0);
    return authority.size && bulla_token_policy(token, authority, epoch, policy) == BULLA_OK;
}

/* Only the receipt key vouches for the token; `attest` by another key is about that key. */
static bool is_receipt_key(struct bulla_token *token, const uint8_t object[static 16])
{
    struct bulla_object *receipt = bulla_token_receipt_object(token, CKO_PRIVATE_KEY);
    bool same = receipt && memcmp(receipt->id, object, 16) == 0;
    bulla_object_drop(receipt);
    return same;
}

static enum bulla_reason name_key(struct bulla_token *token, const struct bulla_evidence_request *wanted,
    uint8_t key[static 32], const char **operation)
{
    *operation = bulla_purpose_name(wanted->purpose);
    if (wanted->purpose != BULLA_PURPOSE_ATTEST || is_receipt_key(token, wanted->object))
        return receipt_key(token, key);
    if (wanted->key_hash.size != 32)
        return bulla_refuse(BULLA_UNSUPPORTED, "the key's public half is not known: nothing could be said of it");
    memcpy(key, wanted->key_hash.data, 32);
    *operation = "key";
    return BULLA_OK;
}

static size_t evidence_largest(void *context)
{
    const struct bulla_attester *attester = bulla_token_attester(context);
    return attester ? attester->evidence_largest : BULLA_EVIDENCE_LARGEST;
}

static enum bulla_reason evidence(
    void *context, const struct bulla_evidence_request *wanted, struct bulla_writer *document)
{
    struct bulla_token *token = context;
    const struct bulla_attester *attester = bulla_token_attester(token);
    const char *operation;
    uint8_t key[32];
    BULLA_HEAP struct bulla_policy *policy = NULL;
    if (!attester)
        return bulla_refuse(BULLA_UNSUPPORTED, "the token has no TPM and runs in no enclave: nothing could attest");
    BULLA_TRY(bulla_heap_allocate(sizeof *policy, "reading a policy", (void **)&policy));
    BULLA_TRY(name_key(token, wanted, key, &operation));
    struct bulla_object *object = bulla_token_object_by_id(token, wanted->object);
    struct bulla_report report = {.purpose = wanted->purpose,
        .nonce = wanted->nonce,
        .public_key = BULLA_BYTES(key),
        .token = bulla_token_serial(token),
        .object = {wanted->object, 16},
        .operation = BULLA_TEXT(operation)};
    if (object)
        report.authority = bulla_attributes_get(object->attributes, CKA_BULLA_AUTHORITY);
    if (object && policy_of(token, object, policy))
        report.policy_version = policy->version;
    enum bulla_reason reason = write_evidence(token, attester, &report, document);
    bulla_object_drop(object);
    return reason;
}

static enum bulla_reason activate(
    void *context, const uint8_t object_id[static 16], struct bulla_bytes credential, struct bulla_writer *secret)
{
    struct bulla_token *token = context;
    struct bulla_token_identity identity;
    if (!is_receipt_key(token, object_id))
        return bulla_refuse(BULLA_KEY_INVALID, "only the token's receipt key stands for its attestation key");
    if (!bulla_token_can_enroll(token))
        return bulla_refuse(BULLA_UNSUPPORTED, "the token has no TPM: there is nothing that could be enrolled");
    BULLA_TRY(bulla_token_identity_get(token, &identity));
    return bulla_token_backend->activate(
        token->config->tcti, (struct bulla_bytes){identity.blob, identity.size}, credential, secret);
}

static void policy_version(void *context, const uint8_t object_id[static 16], char *text, size_t size)
{
    struct bulla_token *token = context;
    struct bulla_object *object = bulla_token_object_by_id(token, object_id);
    BULLA_HEAP struct bulla_policy *policy = NULL;
    uint8_t digest[32];
    char hex[17];
    (void)snprintf(text, size, "none");
    if (object && bulla_heap_allocate(sizeof *policy, "reading a policy", (void **)&policy) == BULLA_OK &&
        policy_of(token, object, policy)) {
        bulla_sha256(bulla_attributes_get(object->attributes, CKA_BULLA_AUTHORITY), digest);
        (void)sodium_bin2hex(hex, sizeof hex, digest, 8);
        (void)snprintf(text, size, "%s/%llu", hex, (unsigned long long)policy->version);
    }
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

static enum bulla_reason state_use(void *context, const uint8_t id[static 16], bulla_services_state *use, void *with)
{
    struct bulla_object *object = bulla_token_object_by_id(context, id);
    if (!object)
        return bulla_refuse(BULLA_OBJECT_HIDDEN, "the key was destroyed");
    enum bulla_reason reason = bulla_evolving_use(context, object, use, with);
    bulla_object_drop(object);
    return reason;
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
        .evidence_largest = evidence_largest,
        .activate = activate,
        .released = released,
        .policy_version = policy_version,
        .state_use = state_use,
        .sequence = sequence,
        .audit = audit,
    };
    memcpy(services->serial, token->serial, 16);
}
