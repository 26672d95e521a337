/* The object route: a data object of application "bulla.infer" whose value is a request becomes one whose value is the
 * answer. It survives p11-kit's remoting, which drops vendor mechanisms, and today's pkcs11-tool, which refuses them.
 * Only the answer is kept, always private, and only until the lease ends. */
#include <sodium.h>
#include <time.h>

#include "objects.h"
#include "refusal.h"

bool bulla_request_is(const struct bulla_attribute_list *list)
{
    const struct bulla_attribute *application = bulla_list_find(list, CKA_APPLICATION);
    return application && bulla_bytes_equal_text(application->value, BULLA_INFER_APPLICATION);
}

static bool names(const struct bulla_object *object, struct bulla_bytes model)
{
    char hex[2 * 64 + 1];
    struct bulla_bytes id = bulla_attributes_get(object->attributes, CKA_ID);
    if (bulla_bytes_equal(bulla_attributes_get(object->attributes, CKA_LABEL), model))
        return true;
    if (id.size == 0 || id.size > 64)
        return false;
    (void)sodium_bin2hex(hex, sizeof hex, id.data, id.size);
    return bulla_bytes_equal_text(model, hex);
}

/* The handle of the model key that the label names; 0: none, or more than one of that label. */
static CK_OBJECT_HANDLE find_model(struct bulla_token *token, struct bulla_bytes model)
{
    CK_OBJECT_HANDLE found = 0;
    unsigned count = 0;
    (void)pthread_rwlock_rdlock(&token->lock);
    for (size_t i = 0; i < token->index.count; i++) {
        const struct bulla_object *object = token->index.objects[i];
        if (object->object_class != CKO_SECRET_KEY || !bulla_object_is_visible(token, object) ||
            !bulla_attributes_get(object->attributes, CKA_ALLOWED_MECHANISMS).data ||
            !bulla_attributes_allow(object->attributes, CKM_BULLA_INFER) || !names(object, model))
            continue;
        found = object->handle;
        count++;
    }
    (void)pthread_rwlock_unlock(&token->lock);
    return count == 1 ? found : 0;
}

/* "MODEL" or "MODEL#tag": the longest part before a '#' that names a model, for both may hold one. */
static CK_OBJECT_HANDLE find_labelled(struct bulla_token *token, struct bulla_bytes label)
{
    struct bulla_bytes model = label;
    CK_OBJECT_HANDLE found = find_model(token, model);
    while (!found && model.size) {
        const uint8_t *mark = memrchr(model.data, '#', model.size);
        model.size = mark ? (size_t)(mark - model.data) : 0;
        found = model.size ? find_model(token, model) : 0;
    }
    return found;
}

/* Which of two answers of one label stays: the one that was written first. */
static bool is_before(const struct bulla_object *left, const struct bulla_object *right)
{
    return left->generation != right->generation ? left->generation < right->generation : left->handle < right->handle;
}

/* Whether an answer is kept under the label: any, or one from before `own`. */
static bool answer_is_pending(struct bulla_token *token, struct bulla_bytes label, CK_OBJECT_HANDLE own)
{
    bool pending = false;
    (void)pthread_rwlock_rdlock(&token->lock);
    const struct bulla_object *mine = own ? bulla_index_find(&token->index, own) : NULL;
    for (size_t i = 0; i < token->index.count && !pending; i++) {
        const struct bulla_object *object = token->index.objects[i];
        pending = object != mine && bulla_attributes_get(object->attributes, CKA_BULLA_EXPIRES).data &&
                  bulla_object_is_visible(token, object) &&
                  bulla_bytes_equal(bulla_attributes_get(object->attributes, CKA_LABEL), label) &&
                  (!mine || is_before(object, mine));
    }
    (void)pthread_rwlock_unlock(&token->lock);
    return pending;
}

static enum bulla_reason refuse_pending(void)
{
    return bulla_refuse(BULLA_ANSWER_PENDING, "an answer with this label is still kept");
}

/* Two that asked under one label at the same time have both been written by now: one is taken back. */
static enum bulla_reason settle(struct bulla_token *token, struct bulla_bytes label, CK_OBJECT_HANDLE own)
{
    BULLA_TRY(bulla_token_refresh(token));
    if (!answer_is_pending(token, label, own))
        return BULLA_OK;
    struct bulla_object *object = bulla_token_object(token, own);
    enum bulla_reason reason = object ? bulla_vault_erase(token, object) : BULLA_OK;
    bulla_object_drop(object);
    return reason == BULLA_OK ? refuse_pending() : reason;
}

void bulla_request_expire(struct bulla_session *session)
{
    struct bulla_token *token = session->token;
    CK_OBJECT_HANDLE over = 0;
    uint64_t now = (uint64_t)time(NULL), next = 0;
    if (!token->next_expiry || now < token->next_expiry || bulla_token_login_state(token) != BULLA_USER)
        return;
    (void)pthread_rwlock_wrlock(&token->lock);
    for (size_t i = 0; i < token->index.count; i++) {
        const struct bulla_object *object = token->index.objects[i];
        CK_ULONG expires = bulla_attributes_ulong(object->attributes, CKA_BULLA_EXPIRES, 0);
        if (expires && expires <= now)
            over = object->handle;
        else if (expires && (!next || expires < next))
            next = expires;
    }
    struct bulla_object *object = bulla_object_keep(bulla_index_find(&token->index, over));
    token->next_expiry = object ? now : next; /* one a time: the next search takes the next */
    (void)pthread_rwlock_unlock(&token->lock);
    if (object && bulla_vault_erase(token, object) != BULLA_OK)
        bulla_detail_clear(); /* it stays invisible, and is tried again */
    bulla_object_drop(object);
}

CK_RV bulla_request_create(struct bulla_session *session, struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle)
{
    const struct bulla_attribute *label = bulla_list_find(list, CKA_LABEL), *request = bulla_list_find(list, CKA_VALUE);
    const CK_MECHANISM infer = {CKM_BULLA_INFER, NULL, 0};
    BULLA_RELEASED struct bulla_secret answer = {0};
    size_t size = 0;
    if (!label || !label->value.size || !request)
        return CKR_TEMPLATE_INCOMPLETE;
    if (bulla_token_login_state(session->token) != BULLA_USER)
        return CKR_USER_NOT_LOGGED_IN;
    if (answer_is_pending(session->token, label->value, 0))
        return bulla_token_refusal(session->token, "request", refuse_pending());
    CK_OBJECT_HANDLE model = find_labelled(session->token, label->value);
    if (!model)
        return bulla_token_refusal(session->token, "request",
            bulla_refuse(BULLA_MODEL_MISSING, "no model key, or more than one, has the label of the request \"%.*s\"",
                (int)(label->value.size & 0xff), (const char *)label->value.data));
    CK_RV rv = bulla_operation_once(session, BULLA_DECRYPT, &infer, model, request->value, &answer, &size);
    if (rv != CKR_OK)
        return rv;
    CK_ULONG expires = (CK_ULONG)time(NULL) + session->token->config->lease;
    if (!bulla_list_put(list, CKA_VALUE, (struct bulla_bytes){answer.data, size}) ||
        !bulla_list_put(list, CKA_BULLA_EXPIRES, (struct bulla_bytes){(const uint8_t *)&expires, sizeof expires}) ||
        !bulla_list_put_bool(list, CKA_PRIVATE, true))
        return CKR_HOST_MEMORY;
    CK_OBJECT_HANDLE own = 0;
    rv = bulla_objects_put(session, list, "answer", &own);
    if (rv == CKR_OK)
        rv = bulla_token_refusal(session->token, "request", settle(session->token, label->value, own));
    if (rv == CKR_OK)
        *handle = own;
    return rv;
}
