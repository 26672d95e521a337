/* What becomes of objects: copying, destroying, changing. */
#include <sodium.h>
#include <stdio.h>

#include "evolving.h"
#include "grants.h"
#include "objects.h"
#include "principal.h"
#include "roles.h"
#include "template.h"

/* How often a change is begun again because somebody else was faster. */
enum { OVERTAKEN_MOST = 100 };

/* A list of everything that an object says, its sealed attributes included, which are views into `opened`: a copy of
 * the caller's, so that the object's lock is not held while the list is written somewhere. */
static enum bulla_reason whole_list(struct bulla_session *session, struct bulla_object *object,
    struct bulla_attribute_list *list, CK_ULONG *numbers, struct bulla_secret *opened)
{
    struct bulla_bytes passphrase = {session->passphrase.data, session->passphrase.size};
    BULLA_TRY(bulla_vault_open(session->token, object, passphrase));
    enum bulla_reason reason = BULLA_OK;
    if (object->opened.data)
        reason = bulla_secret_hold(opened, object->opened.size, "an object's sealed attributes");
    if (opened->data)
        memcpy(opened->data, object->opened.data, opened->size);
    (void)pthread_mutex_unlock(&object->lock);
    bulla_list_from(list, object->attributes);
    if (opened->data)
        reason = bulla_attributes_decode((struct bulla_bytes){opened->data, opened->size}, numbers, list);
    return reason;
}

/* A grant names an object by its id: under another one the key would be somebody else's to use. */
static CK_RV check_id_stays(const struct bulla_object *object, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    for (CK_ULONG i = 0; i < count && bulla_grants_govern(object); i++)
        if (attributes[i].type == CKA_ID && !bulla_bytes_equal(bulla_attributes_get(object->attributes, CKA_ID),
                                                (struct bulla_bytes){attributes[i].pValue, attributes[i].ulValueLen}))
            return CKR_ATTRIBUTE_READ_ONLY;
    return CKR_OK;
}

CK_RV bulla_objects_copy(struct bulla_session *session, CK_OBJECT_HANDLE source, const CK_ATTRIBUTE *attributes,
    CK_ULONG count, CK_OBJECT_HANDLE *handle)
{
    CK_ULONG numbers[BULLA_ATTRIBUTES_LARGEST];
    struct bulla_attribute_list list = {0};
    BULLA_RELEASED struct bulla_secret opened = {0};
    struct bulla_object *object = bulla_token_object(session->token, source);
    if (!object)
        return CKR_OBJECT_HANDLE_INVALID;
    CK_RV rv = CKR_ACTION_PROHIBITED;
    /* A copied model key would begin its generations anew: an older file would open with it. */
    if (bulla_attributes_bool(object->attributes, CKA_COPYABLE) && !bulla_object_is_model_key(object) &&
        !bulla_attributes_get(object->attributes, CKA_BULLA_RELEASE).size && object->object_class != CKO_BULLA_POLICY) {
        enum bulla_reason reason = whole_list(session, object, &list, numbers, &opened);
        rv = reason == BULLA_OK ? bulla_template_change(attributes, count, true, &list)
                                : bulla_token_refusal(session->token, "copy", reason);
        if (rv == CKR_OK)
            rv = check_id_stays(object, attributes, count);
        if (rv == CKR_OK)
            rv = bulla_objects_may_write(session, &list);
        if (rv == CKR_OK)
            rv = bulla_objects_put(session, &list, "copy", handle);
    }
    bulla_object_drop(object);
    return rv;
}

/* What families keep of a key goes with it; what they keep of the token's other keys is opened again when it is asked
 * for. */
static void forget_opened(const struct bulla_token *token)
{
    for (size_t i = 0; bulla_families[i]; i++)
        if (bulla_families[i]->forget)
            bulla_families[i]->forget((const uint8_t *)token->serial);
    bulla_sessions_cool(token);
}

CK_RV bulla_objects_destroy(struct bulla_session *session, CK_OBJECT_HANDLE handle)
{
    struct bulla_object *object = bulla_token_object(session->token, handle);
    if (!object)
        return CKR_OBJECT_HANDLE_INVALID;
    CK_RV rv = CKR_OK;
    if (object->owner == 0 && !session->writable)
        rv = CKR_SESSION_READ_ONLY;
    else if (object->object_class == CKO_PROFILE ||
             (!object->transient && !bulla_attributes_bool(object->attributes, CKA_DESTROYABLE)))
        rv = CKR_ACTION_PROHIBITED;
    else if (object->object_class == CKO_BULLA_PRINCIPAL)
        rv = bulla_principal_destroy(session, object);
    else
        rv = bulla_token_refusal(session->token, "destroy", bulla_evolving_erase(session->token, object));
    if (rv == CKR_OK && bulla_object_is_own_key(object))
        forget_opened(session->token);
    bulla_object_drop(object);
    return rv;
}

/* CKA_BULLA_GENERATION is the one attribute whose setting is a decision: nothing older opens from now on. */
static CK_RV set_generation(struct bulla_session *session, struct bulla_object *object, const CK_ATTRIBUTE *attribute)
{
    CK_ULONG wanted, latest = bulla_attributes_ulong(object->attributes, CKA_BULLA_GENERATION, 0);
    struct bulla_services services;
    if (attribute->ulValueLen != sizeof wanted)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    memcpy(&wanted, attribute->pValue, sizeof wanted);
    if (object->owner || wanted == 0 || wanted != latest)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    bulla_token_services(session->token, &services);
    return bulla_token_refusal(
        session->token, "generation", services.generation_raise(session->token, object->id, wanted));
}

/* Whose policy an attested key is released by did not agree to a tree that goes without. */
static enum bulla_reason check_still_attested(
    const struct bulla_object *object, const struct bulla_attribute_list *list)
{
    if (!bulla_attributes_bool(object->attributes, CKA_BULLA_ATTESTED) || bulla_list_bool(list, CKA_BULLA_ATTESTED))
        return BULLA_OK;
    return bulla_refuse(BULLA_TREE_LOOSER, "the new release tree would open without attested state");
}

static void record_tree(struct bulla_token *token, const struct bulla_object *object, struct bulla_bytes tree)
{
    char id[33], before[BULLA_CONFIG_TEXT], after[BULLA_CONFIG_TEXT];
    struct bulla_bytes old = bulla_attributes_get(object->attributes, CKA_BULLA_RELEASE);
    (void)sodium_bin2hex(id, sizeof id, object->id, sizeof object->id);
    (void)snprintf(before, sizeof before, "%.*s", (int)old.size, (const char *)old.data);
    (void)snprintf(after, sizeof after, "%.*s", (int)tree.size, (const char *)tree.data);
    const struct bulla_audit_field fields[] = {{"object", id, 0}, {"from", before, 0}, {"to", after, 0}};
    bulla_token_record(token, "release-changed", fields, 3);
}

/* The object is opened as it is, and sealed anew under the tree that the list has. */
static enum bulla_reason reseal(
    struct bulla_session *session, struct bulla_object *object, struct bulla_bytes tree, CK_RV *rv)
{
    CK_ULONG numbers[BULLA_ATTRIBUTES_LARGEST];
    struct bulla_attribute_list list = {0};
    BULLA_RELEASED struct bulla_secret opened = {0};
    struct bulla_bytes passphrase = {session->passphrase.data, session->passphrase.size};
    BULLA_TRY(whole_list(session, object, &list, numbers, &opened));
    (void)bulla_list_put(&list, CKA_BULLA_RELEASE, tree);
    *rv = bulla_objects_release(session, &list);
    if (*rv != CKR_OK)
        return BULLA_OK; /* it was refused, and recorded, there */
    BULLA_TRY(check_still_attested(object, &list));
    return bulla_vault_reseal(session->token, object, &list, passphrase);
}

/* CKA_BULLA_RELEASE. */
static CK_RV set_release(struct bulla_session *session, struct bulla_object *object, const CK_ATTRIBUTE *attribute)
{
    struct bulla_bytes tree = {attribute->pValue, attribute->ulValueLen};
    CK_RV rv = CKR_OK;
    if (object->owner || !bulla_object_is_own_key(object) || !tree.size)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    enum bulla_reason reason = reseal(session, object, tree, &rv);
    if (reason != BULLA_OK)
        return bulla_token_refusal(session->token, "release", reason);
    if (rv == CKR_OK)
        record_tree(session->token, object, tree);
    return rv;
}

/* Attributes whose setting is a decision, made alone and not as one change among others. */
static const struct {
    CK_ATTRIBUTE_TYPE type;
    unsigned classes; /* of which it is one */
    CK_RV (*set)(struct bulla_session *session, struct bulla_object *object, const CK_ATTRIBUTE *attribute);
} decisions[] = {
    {CKA_BULLA_GENERATION, ~0U, set_generation},
    {CKA_BULLA_RELEASE, ~0U, set_release},
    {CKA_BULLA_KES_PERIOD, BULLA_IN_PRIVATE, bulla_evolving_set},
};

static CK_RV decide(struct bulla_session *session, struct bulla_object *object, const CK_ATTRIBUTE *attributes,
    CK_ULONG count, bool *decided)
{
    *decided = false;
    for (CK_ULONG i = 0; i < count; i++)
        for (size_t j = 0; j < sizeof decisions / sizeof decisions[0]; j++) {
            if (attributes[i].type != decisions[j].type ||
                !(decisions[j].classes & bulla_class_bit(object->object_class)))
                continue;
            *decided = true;
            return count == 1 ? decisions[j].set(session, object, &attributes[i]) : CKR_TEMPLATE_INCONSISTENT;
        }
    return CKR_OK;
}

/* The SO says of a public object that it is trusted, or not; CKR_ATTRIBUTE_READ_ONLY where the SO can't. */
static CK_RV set_trust(
    struct bulla_session *session, struct bulla_object *object, const CK_ATTRIBUTE *attribute, bool *overtaken)
{
    const struct bulla_attribute_row *row = bulla_attribute_row(CKA_TRUSTED);
    if (!(row->classes & bulla_class_bit(object->object_class)))
        return CKR_ATTRIBUTE_TYPE_INVALID;
    if (object->owner)
        return CKR_ATTRIBUTE_READ_ONLY; /* of a session, which ends */
    bool trusted = *(const CK_BBOOL *)attribute->pValue == CK_TRUE;
    enum bulla_reason reason = bulla_token_trust(session->token, object->handle, trusted);
    *overtaken = reason == BULLA_STORE_BUSY;
    if (*overtaken)
        return CKR_FUNCTION_FAILED;
    CK_RV rv = bulla_token_refusal(session->token, "trust", reason);
    return reason == BULLA_SO_CANNOT_OPEN ? CKR_ATTRIBUTE_READ_ONLY : rv;
}

static bool is_trust(const struct bulla_session *session, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    return count == 1 && attributes->type == CKA_TRUSTED && bulla_token_login_state(session->token) == BULLA_OFFICER;
}

CK_RV bulla_objects_replace(
    struct bulla_session *session, struct bulla_object *object, const struct bulla_attribute_list *list)
{
    struct bulla_attributes *changed = bulla_attributes_make(list);
    struct bulla_object *replacement = changed ? bulla_object_make(changed) : NULL;
    if (!replacement)
        return CKR_HOST_MEMORY;
    (void)pthread_mutex_lock(&object->lock);
    replacement->handle = object->handle;
    replacement->owner = object->owner;
    memcpy(replacement->id, object->id, 16);
    replacement->opened = object->opened; /* moves: the old object is unreachable from here on */
    object->opened = (struct bulla_secret){0};
    (void)pthread_mutex_unlock(&object->lock);
    (void)pthread_rwlock_wrlock(&session->token->lock);
    bool put = bulla_index_put(&session->token->index, replacement);
    (void)pthread_rwlock_unlock(&session->token->lock);
    if (!put)
        bulla_object_drop(replacement);
    return put ? CKR_OK : CKR_HOST_MEMORY;
}

/* `overtaken`: another process or thread changed the object meanwhile, and the change is to be judged again. */
static CK_RV set_attributes(struct bulla_session *session, struct bulla_object *object, const CK_ATTRIBUTE *attributes,
    CK_ULONG count, bool *overtaken)
{
    struct bulla_attribute_list list;
    if (is_trust(session, attributes, count))
        return set_trust(session, object, attributes, overtaken);
    bulla_list_from(&list, object->attributes);
    bool decided = false;
    CK_RV rv = decide(session, object, attributes, count, &decided);
    if (decided)
        return rv;
    rv = bulla_template_change(attributes, count, false, &list);
    if (rv == CKR_OK)
        rv = check_id_stays(object, attributes, count);
    if (rv == CKR_OK)
        rv = bulla_roles_check(&list);
    if (rv != CKR_OK)
        return rv;
    if (object->owner == 0) {
        enum bulla_reason reason = bulla_vault_restate(session->token, object, &list);
        *overtaken = reason == BULLA_STORE_BUSY;
        return *overtaken ? CKR_FUNCTION_FAILED : bulla_token_refusal(session->token, "change", reason);
    }
    return bulla_objects_replace(session, object, &list);
}

static CK_RV set_once(struct bulla_session *session, CK_OBJECT_HANDLE handle, const CK_ATTRIBUTE *attributes,
    CK_ULONG count, bool *overtaken)
{
    CK_RV rv = CKR_OK;
    struct bulla_object *object = bulla_token_object(session->token, handle);
    if (!object)
        return CKR_OBJECT_HANDLE_INVALID;
    if (object->owner == 0 && !session->writable)
        rv = CKR_SESSION_READ_ONLY;
    else if (object->object_class == CKO_BULLA_PRINCIPAL)
        rv = bulla_principal_set(session, object, attributes, count);
    else if (object->transient || !bulla_attributes_bool(object->attributes, CKA_MODIFIABLE))
        rv = CKR_ACTION_PROHIBITED;
    else
        rv = set_attributes(session, object, attributes, count, overtaken);
    bulla_object_drop(object);
    return rv;
}

CK_RV bulla_objects_set(
    struct bulla_session *session, CK_OBJECT_HANDLE handle, const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CK_RV rv = bulla_template_form(attributes, count);
    bool overtaken = rv == CKR_OK;
    for (int i = 0; i < OVERTAKEN_MOST && overtaken; i++) {
        overtaken = false;
        enum bulla_reason reason = bulla_token_refresh(session->token);
        rv = reason == BULLA_OK ? set_once(session, handle, attributes, count, &overtaken)
                                : bulla_token_refusal(session->token, "change", reason);
    }
    return rv;
}
