#include "grants.h"

#include <sodium.h>
#include <stdio.h>

#include "grants_inside.h"
#include "principal.h"
#include "session.h"

bool bulla_grants_govern(const struct bulla_object *object)
{
    return bulla_attributes_get(object->attributes, CKA_BULLA_AUTHORITY).size != 0;
}

uint32_t bulla_grants_operation(const struct bulla_mechanism *row, enum bulla_function use)
{
    static const uint32_t operations[BULLA_KEY_USES] = {
        [BULLA_ENCRYPT] = BULLA_MAY_ENCRYPT,
        [BULLA_DECRYPT] = BULLA_MAY_DECRYPT,
        [BULLA_SIGN] = BULLA_MAY_SIGN,
        [BULLA_VERIFY] = BULLA_MAY_VERIFY,
        [BULLA_SIGN_RECOVER] = BULLA_MAY_SIGN,
        [BULLA_VERIFY_RECOVER] = BULLA_MAY_VERIFY,
        [BULLA_MESSAGE_ENCRYPT] = BULLA_MAY_ENCRYPT,
        [BULLA_MESSAGE_DECRYPT] = BULLA_MAY_DECRYPT,
        [BULLA_WRAP] = BULLA_MAY_WRAP,
        [BULLA_UNWRAP] = BULLA_MAY_UNWRAP,
        [BULLA_WRAP_AUTHENTICATED] = BULLA_MAY_WRAP,
        [BULLA_UNWRAP_AUTHENTICATED] = BULLA_MAY_UNWRAP,
        [BULLA_DERIVE] = BULLA_MAY_DERIVE,
        [BULLA_ENCAPSULATE] = BULLA_MAY_DERIVE,
        [BULLA_DECAPSULATE] = BULLA_MAY_DERIVE,
    };
    if (row->type == CKM_BULLA_INFER)
        return BULLA_MAY_INFER;
    return row->type == CKM_BULLA_SEAL ? (uint32_t)BULLA_MAY_SEAL : operations[use];
}

/* --- deciding --- */

enum { PRINCIPALS = 1 + BULLA_SESSION_PRINCIPALS_MOST, ROUNDS = 8 };

/* One operation that is asked for. A grant that allows it and turns out to be too fast now, or to be used up by another
 * process, is passed over in the next round. */
struct asking {
    struct bulla_session *session;
    const struct bulla_object *object;
    struct bulla_access access;
    struct bulla_principal principals[PRINCIPALS];
    uint8_t passed_over[ROUNDS][BULLA_GRANT_MARK];
    size_t passed_count;
    bool granted;             /* it needs no grant, or has one without limits */
    struct bulla_grant grant; /* else: the one that allows it, */
    struct bulla_use use;     /* and what is to be taken of it */
};

struct remembering {
    struct bulla_token *token;
    const struct bulla_grants_of *of;
    const struct asking *asking;
};

static const struct bulla_grant_mark *mark_of(const struct remembering *remembering, const struct bulla_grant *grant)
{
    return &remembering->of->marks[grant - remembering->of->list];
}

static bool is_revoked(void *context, const struct bulla_grant *grant)
{
    return mark_of(context, grant)->revoked;
}

static bool is_passed_over(const struct asking *asking, const struct bulla_grant_mark *mark)
{
    for (size_t i = 0; i < asking->passed_count; i++)
        if (memcmp(asking->passed_over[i], mark->mark, BULLA_GRANT_MARK) == 0)
            return true;
    return false;
}

/* What was debited and not had is in this process. */
static uint64_t had(struct bulla_token *token, const struct bulla_grant_mark *mark)
{
    uint64_t remaining = bulla_uses_remaining(token, mark->mark);
    return mark->used > remaining ? mark->used - remaining : 0;
}

static bool is_used_up(void *context, const struct bulla_grant *grant)
{
    const struct remembering *remembering = context;
    const struct bulla_grant_mark *mark = mark_of(remembering, grant);
    return is_passed_over(remembering->asking, mark) || had(remembering->token, mark) >= grant->uses;
}

/* A grant that is not counted is never asked whether it is used up; paced ones may have to be passed over. */
static bool is_revoked_or_passed_over(void *context, const struct bulla_grant *grant)
{
    const struct remembering *remembering = context;
    return is_revoked(context, grant) || (!grant->uses && is_passed_over(remembering->asking, mark_of(context, grant)));
}

static enum bulla_reason decide_held(struct asking *asking, const struct bulla_grants_of *of)
{
    struct bulla_token *token = asking->session->token;
    struct remembering remembering = {token, of, asking};
    const struct bulla_grant_memory memory = {is_revoked_or_passed_over, is_used_up, &remembering};
    const struct bulla_grant *allowed = NULL;
    asking->granted = !of->policy.restricted;
    if (!of->policy.version)
        return BULLA_OK; /* there never was a bundle */
    BULLA_TRY(bulla_token_now(token, &asking->access.now));
    BULLA_TRY(bulla_policy_check_time(&of->policy, asking->access.now));
    if (asking->granted)
        return BULLA_OK;
    BULLA_TRY(bulla_grants_decide(of->list, of->count, &asking->access, &memory, &allowed));
    asking->grant = *allowed;
    asking->granted = !allowed->uses && !allowed->rate;
    asking->use = (struct bulla_use){
        .uses = allowed->uses, .rate = allowed->rate, .rate_seconds = allowed->rate_seconds, .now = asking->access.now};
    memcpy(asking->use.mark, mark_of(&remembering, allowed)->mark, sizeof asking->use.mark);
    return BULLA_OK;
}

static enum bulla_reason decide(struct asking *asking)
{
    struct bulla_token *token = asking->session->token;
    const struct bulla_attributes *attributes = asking->object->attributes;
    struct bulla_grants_of *of = NULL;
    (void)pthread_mutex_lock(&token->grants.lock);
    enum bulla_reason reason = bulla_grants_hold(token, bulla_attributes_get(attributes, CKA_BULLA_AUTHORITY),
        bulla_attributes_ulong(attributes, CKA_BULLA_EPOCH, 0), &of);
    if (reason == BULLA_OK)
        reason = decide_held(asking, of);
    (void)pthread_mutex_unlock(&token->grants.lock);
    return reason;
}

/* --- telling --- */

static const char *who(
    const struct asking *asking, const struct bulla_grant *grant, char text[static BULLA_PRINCIPAL_TEXT])
{
    (void)snprintf(text, BULLA_PRINCIPAL_TEXT, "nobody");
    if (grant && grant->who.kind != BULLA_PRINCIPAL_ANYONE)
        bulla_principal_text(&grant->who, text);
    else if (asking->access.principal_count)
        bulla_principal_text(&asking->principals[0], text);
    return text;
}

static const char *operation_name(const struct asking *asking)
{
    const char *name = bulla_grant_operation_name((enum bulla_grant_operation)asking->access.operation);
    return name ? name : "use";
}

static void record_use(const struct asking *asking, uint64_t left)
{
    char id[2 * BULLA_GRANT_ID + 1], object[2 * 16 + 1], principal[BULLA_PRINCIPAL_TEXT];
    (void)sodium_bin2hex(id, sizeof id, asking->grant.id, sizeof asking->grant.id);
    (void)sodium_bin2hex(object, sizeof object, asking->object->id, sizeof asking->object->id);
    const struct bulla_audit_field fields[] = {
        {"grant", id, 0},
        {"principal", who(asking, &asking->grant, principal), 0},
        {"object", object, 0},
        {"operation", operation_name(asking), 0},
        {"left", NULL, left},
    };
    bulla_token_record(asking->session->token, "use", fields, asking->grant.uses ? 5 : 4);
}

/* The decision's own words name the grant, and the principal where there is none. */
static enum bulla_reason refuse(const struct asking *asking, enum bulla_reason reason)
{
    char principal[BULLA_PRINCIPAL_TEXT];
    if (reason == BULLA_GRANT_MISSING)
        return reason;
    return bulla_refuse_within(reason, "%s, %s: ", who(asking, NULL, principal), operation_name(asking));
}

/* --- using --- */

static bool is_spent(enum bulla_reason reason)
{
    return reason == BULLA_GRANT_TOO_FAST || reason == BULLA_GRANT_USED_UP || reason == BULLA_GRANT_REVOKED;
}

/* Grants are tried in the order of the decision until one of them gives a use; the refusal is the first one's. */
static enum bulla_reason use(struct asking *asking)
{
    struct bulla_detail_kept detail;
    enum bulla_reason refusal = BULLA_OK;
    uint64_t left = 0;
    while (asking->passed_count < ROUNDS) {
        enum bulla_reason reason = decide(asking);
        if (reason != BULLA_OK && refusal != BULLA_OK)
            break; /* no other grant allows it */
        if (reason != BULLA_OK || asking->granted)
            return reason;
        reason = bulla_uses_take(asking->session->token, &asking->use, &left);
        if (reason == BULLA_OK)
            record_use(asking, left);
        if (!is_spent(reason))
            return reason;
        if (refusal == BULLA_OK) {
            refusal = reason;
            bulla_detail_keep(&detail);
        }
        memcpy(asking->passed_over[asking->passed_count++], asking->use.mark, BULLA_GRANT_MARK);
    }
    bulla_detail_restore(&detail);
    return refusal;
}

enum bulla_reason bulla_grants_use(struct bulla_session *session, const struct bulla_object *object, uint32_t operation)
{
    struct asking asking = {.session = session, .object = object};
    asking.access = (struct bulla_access){
        .principals = asking.principals,
        .principal_count = bulla_session_principals(session, asking.principals, PRINCIPALS),
        .object_id = bulla_attributes_get(object->attributes, CKA_ID),
        .object_unique = BULLA_BYTES(object->id),
        .operation = operation,
    };
    enum bulla_reason reason = use(&asking);
    if (reason != BULLA_OK)
        return refuse(&asking, reason);
    if (asking.access.now) /* it was judged by the time, which a process that runs for days has to write down, too */
        bulla_token_time_keep(session->token);
    return BULLA_OK;
}

/* --- showing --- */

static void show(struct bulla_token *token, const struct bulla_grants_of *of, bulla_grants_visit *visit, void *context)
{
    for (size_t i = 0; i < of->count; i++) {
        const struct bulla_grant_mark *mark = &of->marks[i];
        uint64_t remaining = bulla_uses_remaining(token, mark->mark);
        visit(context, &(struct bulla_grant_state){of->authority, of->policy.epoch, &of->list[i],
                           mark->used > remaining ? mark->used - remaining : 0, mark->revoked});
    }
}

/* The authority of the next bundle behind `after`, of its latest epoch; an authority comes once for each bundle. */
static CK_OBJECT_HANDLE next_bundle(
    struct bulla_token *token, CK_OBJECT_HANDLE after, uint8_t authority[static 65], uint64_t *epoch)
{
    CK_OBJECT_HANDLE found = 0;
    (void)pthread_rwlock_rdlock(&token->lock);
    const struct bulla_object *object = bulla_index_next(&token->index, after);
    for (; object && !found; object = bulla_index_next(&token->index, object->handle)) {
        struct bulla_bytes its = bulla_attributes_get(object->attributes, CKA_BULLA_AUTHORITY);
        if (object->object_class != CKO_BULLA_POLICY || object->owner || its.size != 65 ||
            !bulla_attributes_get(object->attributes, CKA_BULLA_VERSION).data || bulla_object_is_hidden(token, object))
            continue;
        memcpy(authority, its.data, 65);
        *epoch = bulla_attributes_ulong(object->attributes, CKA_BULLA_EPOCH, 0);
        found = object->handle;
    }
    (void)pthread_rwlock_unlock(&token->lock);
    return found;
}

enum bulla_reason bulla_grants_walk(struct bulla_token *token, bulla_grants_visit *visit, void *context)
{
    uint8_t authority[65];
    uint64_t epoch = 0;
    CK_OBJECT_HANDLE handle = 0;
    while ((handle = next_bundle(token, handle, authority, &epoch))) {
        struct bulla_grants_of *of = NULL;
        if (bulla_token_latest_epoch(token, BULLA_BYTES(authority), epoch) != epoch)
            continue;
        (void)pthread_mutex_lock(&token->grants.lock);
        enum bulla_reason reason = bulla_grants_hold(token, BULLA_BYTES(authority), epoch, &of);
        if (reason == BULLA_OK)
            show(token, of, visit, context);
        (void)pthread_mutex_unlock(&token->grants.lock);
        BULLA_TRY(reason);
    }
    return BULLA_OK;
}
