/* What a leaf is told: the binding of an object, the auth value that the token key gives it, and the approvals of the
 * policy in force. The module checks the policy's validity and version here; PCRs are the leaf's. */
#include <sodium.h>
#include <stdio.h>

#include "crypto/cipher.h"
#include "evidence/policy.h"
#include "heap.h"
#include "token.h"

/* One approval array for the request that is being answered, per thread, or why there is none: both are public. */
static _Thread_local struct bulla_approval approvals[BULLA_POLICY_STATES];
static _Thread_local struct bulla_detail_kept refusal_detail;

void bulla_token_request(
    const struct bulla_token *token, const char *path, struct bulla_bytes pin, struct bulla_leaf_request *request)
{
    *request =
        (struct bulla_leaf_request){.purpose = BULLA_LEAF_OF_PIN, .passphrase = pin, .quick = token->config->quick_pin};
    memcpy(request->token, token->serial, 16);
    (void)snprintf(request->path, sizeof request->path, "%s", path);
    request->tcti = *token->config->tcti ? token->config->tcti : NULL;
}

/* Versions ascend within an epoch: a bundle of the epoch before must still open what is to be sealed anew. */
static void ledger_name(const uint8_t authority[static 65], uint64_t epoch, char name[static 48])
{
    uint8_t digest[32];
    char hex[17];
    bulla_sha256((struct bulla_bytes){authority, 65}, digest);
    (void)sodium_bin2hex(hex, sizeof hex, digest, 8);
    (void)snprintf(name, 48, "policy:%s:%llu", hex, (unsigned long long)epoch);
}

static bool is_policy_of(
    const struct bulla_token *token, const struct bulla_object *object, struct bulla_bytes authority, uint64_t epoch)
{
    return object->object_class == CKO_BULLA_POLICY && !object->owner &&
           bulla_attributes_get(object->attributes, CKA_BULLA_VERSION).data && /* a bundle, no grant beside it */
           bulla_attributes_ulong(object->attributes, CKA_BULLA_EPOCH, 0) == epoch &&
           bulla_bytes_equal(bulla_attributes_get(object->attributes, CKA_BULLA_AUTHORITY), authority) &&
           !bulla_object_is_hidden(token, object);
}

static void epoch_ledger_name(const uint8_t authority[static 65], char name[static 48])
{
    ledger_name(authority, 0, name);
    /* "epochs:<authority>:0" NOLINTNEXTLINE(bugprone-not-null-terminated-result): in the midst of a text */
    memcpy(name, "epochs", 6);
}

/* The bundle of this authority and epoch with the highest version (a crash can leave an older one beside it), or with
 * the highest below `below` where that is not 0. */
static struct bulla_object *find_policy(
    struct bulla_token *token, struct bulla_bytes authority, uint64_t epoch, CK_ULONG below)
{
    struct bulla_object *found = NULL;
    CK_ULONG version = 0;
    (void)pthread_rwlock_rdlock(&token->lock);
    for (size_t i = 0; i < token->index.count; i++) {
        struct bulla_object *object = token->index.objects[i];
        CK_ULONG its = bulla_attributes_ulong(object->attributes, CKA_BULLA_VERSION, 0);
        if (!is_policy_of(token, object, authority, epoch) || (below && its >= below) || (found && its <= version))
            continue;
        found = object;
        version = its;
    }
    (void)bulla_object_keep(found);
    (void)pthread_rwlock_unlock(&token->lock);
    return found;
}

/* A bundle's version and its epoch, at once: no crash parts them. */
static enum bulla_reason raise_floor(
    struct bulla_token *token, const uint8_t authority[static 65], uint64_t epoch, uint64_t version)
{
    char name[48], epoch_name[48];
    const char *const names[] = {name, epoch_name};
    const uint64_t numbers[] = {version, epoch};
    ledger_name(authority, epoch, name);
    epoch_ledger_name(authority, epoch_name);
    return bulla_ledger_raise_many(token, epoch ? 2 : 1, names, numbers);
}

static enum bulla_reason check_floor(struct bulla_token *token, const struct bulla_policy *policy)
{
    char name[48], epoch_name[48];
    const char *const names[] = {name, epoch_name};
    uint64_t floors[2];
    ledger_name(policy->authority, policy->epoch, name);
    epoch_ledger_name(policy->authority, epoch_name);
    BULLA_TRY(bulla_ledger_read_many(token, 2, names, floors));
    uint64_t floor = floors[0], epoch = floors[1];
    if (policy->version < floor)
        return bulla_refuse(BULLA_POLICY_OLDER, "the policy's version %llu is below %llu, which this token has seen",
            (unsigned long long)policy->version, (unsigned long long)floor);
    /* An earlier epoch opens an object once more, to be sealed under the latest: whose bundle must be there then. */
    if (policy->epoch < epoch && bulla_token_latest_epoch(token, BULLA_BYTES(policy->authority), policy->epoch) < epoch)
        return bulla_refuse(BULLA_POLICY_MISSING, "the bundle of epoch %llu, which this token has taken, is not there",
            (unsigned long long)epoch);
    /* A crash between a bundle's row and the ledger is mended here, before the bundle is used. */
    return policy->version > floor ? raise_floor(token, policy->authority, policy->epoch, policy->version) : BULLA_OK;
}

static enum bulla_reason judge_bundle(
    struct bulla_token *token, const struct bulla_object *object, uint64_t epoch, struct bulla_policy *policy)
{
    struct bulla_bytes authority = bulla_attributes_get(object->attributes, CKA_BULLA_AUTHORITY);
    BULLA_TRY(bulla_policy_read(bulla_attributes_get(object->attributes, CKA_VALUE), authority, policy));
    if (policy->epoch != epoch)
        return bulla_refuse(BULLA_POLICY_AUTHORITY, "the policy's epoch is not the one its object states");
    return check_floor(token, policy);
}

static enum bulla_reason bundle_now(struct bulla_token *token, struct bulla_bytes authority, uint64_t epoch,
    struct bulla_object **object, struct bulla_policy *policy)
{
    *object = find_policy(token, authority, epoch, 0);
    if (!*object)
        return bulla_refuse(BULLA_POLICY_MISSING, "the token holds no policy of the object's authority for epoch %llu",
            (unsigned long long)epoch);
    enum bulla_reason reason = judge_bundle(token, *object, epoch, policy);
    if (reason == BULLA_OK)
        return BULLA_OK;
    bulla_object_drop(*object);
    *object = NULL;
    return reason;
}

/* Between the bundle and its floor another bundle may have been taken, by a thread or a process: what looks older, or
 * missing, is looked at again for as long as the store has news. */
enum bulla_reason bulla_token_bundle(struct bulla_token *token, struct bulla_bytes authority, uint64_t epoch,
    struct bulla_object **object, struct bulla_policy *policy)
{
    uint64_t before = 0, seen = bulla_token_seen(token);
    enum bulla_reason reason;
    do {
        before = seen;
        reason = bundle_now(token, authority, epoch, object, policy);
        if (reason != BULLA_POLICY_OLDER && reason != BULLA_POLICY_MISSING)
            return reason;
        BULLA_TRY(bulla_token_catch_up(token));
        seen = bulla_token_seen(token);
    } while (seen != before);
    return reason;
}

static enum bulla_reason check_time(struct bulla_token *token, const struct bulla_policy *policy)
{
    uint64_t now;
    BULLA_TRY(bulla_token_now(token, &now));
    return bulla_policy_check_time(policy, now);
}

enum bulla_reason bulla_token_policy(
    struct bulla_token *token, struct bulla_bytes authority, uint64_t epoch, struct bulla_policy *policy)
{
    struct bulla_object *object = NULL;
    BULLA_TRY(bulla_token_bundle(token, authority, epoch, &object, policy));
    bulla_object_drop(object);
    policy->grants = (struct bulla_bytes){NULL, 0}; /* a view into the object */
    return check_time(token, policy);
}

/* Whether a bundle of this authority was ever taken, for this epoch or any. */
enum bulla_reason bulla_token_policy_was_taken(
    struct bulla_token *token, struct bulla_bytes authority, uint64_t epoch, bool *taken)
{
    char name[48], epoch_name[48];
    const char *const names[] = {name, epoch_name};
    uint64_t floors[2];
    ledger_name(authority.data, epoch, name);
    epoch_ledger_name(authority.data, epoch_name);
    BULLA_TRY(bulla_ledger_read_many(token, 2, names, floors));
    *taken = floors[0] || floors[1];
    return BULLA_OK;
}

uint64_t bulla_token_latest_epoch(struct bulla_token *token, struct bulla_bytes authority, uint64_t epoch)
{
    (void)pthread_rwlock_rdlock(&token->lock);
    for (size_t i = 0; i < token->index.count; i++) {
        const struct bulla_object *object = token->index.objects[i];
        uint64_t its = bulla_attributes_ulong(object->attributes, CKA_BULLA_EPOCH, 0);
        if (its > epoch && is_policy_of(token, object, authority, its))
            epoch = its;
    }
    (void)pthread_rwlock_unlock(&token->lock);
    return epoch;
}

/* A policy that is missing or refused is no refusal of the opening yet: another leaf may do without. */
static enum bulla_reason add_approvals(struct bulla_token *token, uint64_t epoch, struct bulla_leaf_request *request)
{
    BULLA_HEAP struct bulla_policy *policy = NULL;
    BULLA_TRY(bulla_heap_allocate(sizeof *policy, "reading a policy", (void **)&policy));
    enum bulla_reason reason = bulla_token_policy(token, request->authority, epoch, policy);
    bulla_detail_keep(&refusal_detail);
    request->policy_refusal = reason;
    request->policy_refusal_detail = refusal_detail.text;
    if (reason == BULLA_OK)
        bulla_token_time_keep(token);
    for (size_t i = 0; reason == BULLA_OK && i < policy->state_count; i++) {
        const struct bulla_policy_state *state = &policy->states[i];
        approvals[i] = (struct bulla_approval){.bank = 0x0b, .pcr_mask = state->pcr_mask};
        memcpy(approvals[i].pcr_digest, state->pcr_digest, 32);
        memcpy(approvals[i].approved_policy, state->approved_policy, 32);
        memcpy(approvals[i].signature, state->approval, 64);
        request->approval_count = i + 1;
    }
    request->approvals = approvals;
    return BULLA_OK;
}

enum bulla_reason bulla_token_object_request(struct bulla_token *token, const struct bulla_attributes *attributes,
    const uint8_t id[static 16], uint8_t *auth_value, bool opening, struct bulla_leaf_request *request)
{
    static const struct bulla_bytes nothing = {NULL, 0};
    uint8_t info_bytes[12 + 16];
    struct bulla_writer info;
    bulla_writer_open(&info, info_bytes, sizeof info_bytes);
    bulla_write_bytes(&info, BULLA_TEXT("bulla/1 leaf"));
    bulla_write(&info, id, 16);
    bulla_token_request(token, "", nothing, request);
    request->purpose = BULLA_LEAF_OF_OBJECT;
    memcpy(request->object, id, 16);
    BULLA_TRY(bulla_hkdf((struct bulla_bytes){token->keys->token, 32}, bulla_token_serial(token),
        bulla_writer_bytes(&info), auth_value, 32));
    request->auth_value = (struct bulla_bytes){auth_value, 32};
    request->authority = bulla_attributes_get(attributes, CKA_BULLA_AUTHORITY);
    if (!request->authority.size)
        return BULLA_OK;
    if (request->authority.size != 65 || request->authority.data[0] != 4)
        return bulla_refuse(BULLA_KEY_INVALID, "an authority is a P-256 public key of 65 bytes, 0x04 first");
    uint64_t epoch = bulla_attributes_ulong(attributes, CKA_BULLA_EPOCH, 0);
    bulla_policy_reference(request->authority.data, epoch, request->policy_ref);
    return opening ? add_approvals(token, epoch, request) : BULLA_OK;
}

/* --- admitting a bundle ---
 *
 * The bundle's row is written first, then the ledger is raised to its version, then the older bundle of its authority
 * and epoch goes. A crash between leaves the new bundle in force: its version is the highest, and using it raises the
 * ledger. In the other order a crash would leave a token that refuses the bundle it has and the one it is given. */

enum { KEPT_NUMBERS = 2 };

enum bulla_reason bulla_token_policy_admit(struct bulla_token *token, struct bulla_attribute_list *list)
{
    static _Thread_local struct bulla_policy policy;
    static _Thread_local CK_ULONG numbers[KEPT_NUMBERS];
    static const struct bulla_bytes any = {NULL, 0};
    char name[48];
    uint64_t floor = 0;
    BULLA_TRY(bulla_policy_read(bulla_list_find(list, CKA_VALUE)->value, any, &policy));
    BULLA_TRY(check_time(token, &policy));
    ledger_name(policy.authority, policy.epoch, name);
    BULLA_TRY(bulla_ledger_read(token, name, &floor));
    if (policy.version <= floor)
        return bulla_refuse(BULLA_POLICY_OLDER, "version %llu is not above %llu, which this token has already taken",
            (unsigned long long)policy.version, (unsigned long long)floor);
    numbers[0] = (CK_ULONG)policy.epoch;
    numbers[1] = (CK_ULONG)policy.version;
    if (!bulla_list_put(list, CKA_BULLA_AUTHORITY, BULLA_BYTES(policy.authority)) ||
        !bulla_list_put(list, CKA_BULLA_EPOCH, (struct bulla_bytes){(const uint8_t *)&numbers[0], sizeof numbers[0]}) ||
        !bulla_list_put(list, CKA_BULLA_VERSION, (struct bulla_bytes){(const uint8_t *)&numbers[1], sizeof numbers[1]}))
        return bulla_refuse(BULLA_INTERNAL, "too many attributes");
    return BULLA_OK;
}

enum bulla_reason bulla_token_policy_enforce(struct bulla_token *token, struct bulla_bytes authority, uint64_t epoch)
{
    struct bulla_object *latest = find_policy(token, authority, epoch, 0), *old;
    if (!latest)
        return bulla_refuse(BULLA_INTERNAL, "a bundle that was just written is not there");
    CK_ULONG version = bulla_attributes_ulong(latest->attributes, CKA_BULLA_VERSION, 0);
    enum bulla_reason reason = raise_floor(token, authority.data, epoch, version);
    while (reason == BULLA_OK && (old = find_policy(token, authority, epoch, version)) != NULL) {
        reason = bulla_vault_erase(token, old);
        bulla_object_drop(old);
    }
    bulla_object_drop(latest);
    return reason;
}
