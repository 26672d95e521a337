#include "follow.h"

#include "refusal.h"

bool bulla_follow_is_behind(struct bulla_token *token, uint64_t seen)
{
    return !token->store || token->renewed || bulla_store_generation(token->store) != seen;
}

CK_RV bulla_follow_all(struct bulla_session *session)
{
    enum bulla_reason reason = bulla_token_refresh_in_session(session->token);
    return reason == BULLA_OK ? CKR_OK : bulla_token_refusal(session->token, "refresh", reason);
}

/* Where another thread has walked since, the store answers true, for its news begin there. */
CK_RV bulla_follow_marks(struct bulla_session *session, uint64_t seen, const uint64_t *marks, size_t count, bool *taken)
{
    struct bulla_token *token = session->token;
    *taken = !token->store || token->renewed || bulla_store_concerns(token->store, seen, marks, count);
    return *taken ? bulla_follow_all(session) : CKR_OK;
}

/* Attributes are sorted, and the module's own come last. Every key says whether it is released to attested state alone;
 * who else has one of these depends on more than on himself. */
static bool is_alone(const struct bulla_object *object)
{
    const struct bulla_attributes *attributes = object->attributes;
    for (size_t i = attributes->count; i-- > 0 && attributes->items[i].type & CKA_VENDOR_DEFINED;)
        if (attributes->items[i].type != CKA_BULLA_ATTESTED)
            return false;
    return !(object->object_class & CKO_VENDOR_DEFINED) && !bulla_object_is_model_key(object);
}

static CK_RV follow_anew(
    struct bulla_session *session, uint64_t seen, struct bulla_object *object, uint64_t calm, bool *taken)
{
    CK_RV rv = CKR_OK;
    if (bulla_follow_is_behind(session->token, seen)) {
        uint64_t mark = bulla_store_id_mark(object->id);
        rv = bulla_follow_marks(session, seen, &mark, 1, taken);
    }
    if (!*taken)
        atomic_store_explicit(&object->calm, calm, memory_order_relaxed);
    return rv;
}

/* The same object is asked for again and again: while nothing moved the answer is a comparison. */
CK_RV bulla_follow_object(struct bulla_session *session, uint64_t seen, struct bulla_object *object, bool *taken)
{
    struct bulla_token *token = session->token;
    uint64_t calm = token->store && !token->renewed ? bulla_store_calm(token->store) : 0;
    *taken = false;
    if (calm && object && atomic_load_explicit(&object->calm, memory_order_relaxed) == calm)
        return CKR_OK;
    if (object && is_alone(object))
        return follow_anew(session, seen, object, calm, taken);
    *taken = bulla_follow_is_behind(token, seen);
    return *taken ? bulla_follow_all(session) : CKR_OK;
}

CK_RV bulla_follow_handle(struct bulla_session *session, CK_OBJECT_HANDLE handle, struct bulla_object **object)
{
    bool taken;
    uint64_t seen = session->token->seen;
    *object = bulla_token_object(session->token, handle);
    CK_RV rv = bulla_follow_object(session, seen, *object, &taken);
    if (rv == CKR_OK && !taken)
        return CKR_OK;
    bulla_object_drop(*object);
    *object = rv == CKR_OK ? bulla_token_object(session->token, handle) : NULL;
    return rv;
}
