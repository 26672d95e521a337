/* Searches compare what is not sealed; a sealed attribute never matches. Status objects are made for the search that
 * asks for their class by name, and no other search sees them. */
#include <sodium.h>
#include <stdlib.h>

#include "objects.h"
#include "template.h"

/* The unique id is the object's own, not one of its attributes. */
static bool is_unique_id(const struct bulla_object *object, struct bulla_bytes wanted)
{
    char hex[33];
    (void)sodium_bin2hex(hex, sizeof hex, object->id, sizeof object->id);
    return bulla_bytes_equal_text(wanted, hex);
}

static bool matches(const struct bulla_object *object, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    for (CK_ULONG i = 0; i < count; i++) {
        struct bulla_bytes value = bulla_attributes_get(object->attributes, attributes[i].type);
        struct bulla_bytes wanted = {attributes[i].pValue, attributes[i].ulValueLen};
        if (attributes[i].type == CKA_UNIQUE_ID ? !is_unique_id(object, wanted)
                                                : !value.data || !bulla_bytes_equal(value, wanted))
            return false;
    }
    return true;
}

static CK_RV put_status(struct bulla_session *session, const char *label, char *json)
{
    static const CK_OBJECT_CLASS status_class = CKO_BULLA_STATUS;
    struct bulla_attribute_list list = {0};
    struct bulla_attributes *attributes = NULL;
    if (json &&
        bulla_list_put(&list, CKA_CLASS, (struct bulla_bytes){(const uint8_t *)&status_class, sizeof status_class}) &&
        bulla_list_put_bool(&list, CKA_TOKEN, false) && bulla_list_put_bool(&list, CKA_PRIVATE, false) &&
        bulla_list_put(&list, CKA_LABEL, BULLA_TEXT(label)) && bulla_list_put(&list, CKA_VALUE, BULLA_TEXT(json))) {
        attributes = bulla_attributes_make(&list);
    }
    free(json);
    struct bulla_object *object = attributes ? bulla_object_make(attributes) : NULL;
    if (!object)
        return CKR_HOST_MEMORY;
    object->owner = session->handle;
    object->transient = true;
    (void)pthread_rwlock_wrlock(&session->token->lock);
    bool put = bulla_index_put(&session->token->index, object);
    (void)pthread_rwlock_unlock(&session->token->lock);
    return put ? CKR_OK : CKR_HOST_MEMORY;
}

/* Whether the template leaves it open or names this label. */
static bool asks_for(const CK_ATTRIBUTE *attributes, CK_ULONG count, const char *label)
{
    for (CK_ULONG i = 0; i < count; i++)
        if (attributes[i].type == CKA_LABEL)
            return bulla_bytes_equal_text((struct bulla_bytes){attributes[i].pValue, attributes[i].ulValueLen}, label);
    return true;
}

/* Fresh ones in place of those that this session's last search made. Only "status" asks the TPM: "why" answers at once
 * after the TPM has failed. */
static CK_RV make_status(struct bulla_session *session, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    struct bulla_token *token = session->token;
    (void)pthread_rwlock_wrlock(&token->lock);
    for (size_t i = token->index.count; i-- > 0;)
        if (token->index.objects[i]->transient && token->index.objects[i]->owner == session->handle)
            bulla_index_remove(&token->index, token->index.objects[i]->handle);
    (void)pthread_rwlock_unlock(&token->lock);
    CK_RV rv = CKR_OK;
    if (asks_for(attributes, count, "status"))
        rv = put_status(session, "status", bulla_token_status_json(token));
    if (rv == CKR_OK && asks_for(attributes, count, "why"))
        rv = put_status(session, "why", bulla_token_why_json(token));
    return rv;
}

static CK_RV collect(
    struct bulla_session *session, const CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_CLASS wanted)
{
    struct bulla_token *token = session->token;
    struct bulla_search *search = &session->search;
    (void)pthread_rwlock_rdlock(&token->lock);
    search->handles = malloc((token->index.count + 1) * sizeof *search->handles);
    for (size_t i = 0; search->handles && i < token->index.count; i++) {
        const struct bulla_object *object = token->index.objects[i];
        bool offered = (!(object->object_class & CKO_VENDOR_DEFINED) || object->object_class == wanted) &&
                       (!object->transient || object->owner == session->handle);
        if (offered && bulla_object_is_visible(token, object) && matches(object, attributes, count))
            search->handles[search->count++] = object->handle;
    }
    (void)pthread_rwlock_unlock(&token->lock);
    return search->handles ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV bulla_search_begin(struct bulla_session *session, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    if (session->search.handles)
        return CKR_OPERATION_ACTIVE;
    if (!attributes && count)
        return CKR_ARGUMENTS_BAD;
    for (CK_ULONG i = 0; i < count; i++)
        if (!attributes[i].pValue && attributes[i].ulValueLen)
            return CKR_ARGUMENTS_BAD;
    CK_OBJECT_CLASS wanted = bulla_template_ulong(attributes, count, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
    bulla_request_expire(session);
    CK_RV rv = wanted == CKO_BULLA_STATUS ? make_status(session, attributes, count) : CKR_OK;
    return rv == CKR_OK ? collect(session, attributes, count, wanted) : rv;
}

CK_RV bulla_search_next(struct bulla_session *session, CK_OBJECT_HANDLE *handles, CK_ULONG most, CK_ULONG *count)
{
    struct bulla_search *search = &session->search;
    if (!search->handles)
        return CKR_OPERATION_NOT_INITIALIZED;
    CK_ULONG given = 0;
    while (given < most && search->next < search->count)
        handles[given++] = search->handles[search->next++];
    *count = given;
    return CKR_OK;
}

CK_RV bulla_search_end(struct bulla_session *session)
{
    if (!session->search.handles)
        return CKR_OPERATION_NOT_INITIALIZED;
    free(session->search.handles);
    session->search = (struct bulla_search){0};
    return CKR_OK;
}
