#include "objects.h"

#include <sodium.h>
#include <stdlib.h>
#include <time.h>

#include "refusal.h"
#include "release/tree.h"
#include "template.h"

/* How often a change is begun again because somebody else was faster. */
enum { OVERTAKEN_MOST = 100 };

static bool list_bool(const struct bulla_attribute_list *list, CK_ATTRIBUTE_TYPE type)
{
    const struct bulla_attribute *item = bulla_list_find(list, type);
    return item && item->value.size == 1 && item->value.data[0] == CK_TRUE;
}

CK_RV bulla_objects_may_write(const struct bulla_session *session, const struct bulla_attribute_list *list)
{
    bool on_token = list_bool(list, CKA_TOKEN);
    enum bulla_login login = bulla_token_login_state(session->token);
    if (on_token && !session->writable)
        return CKR_SESSION_READ_ONLY;
    if ((on_token || list_bool(list, CKA_PRIVATE)) && login != BULLA_USER)
        return CKR_USER_NOT_LOGGED_IN;
    return CKR_OK;
}

CK_RV bulla_objects_put(
    struct bulla_session *session, const struct bulla_attribute_list *list, const char *event, CK_OBJECT_HANDLE *handle)
{
    static const uint8_t new_id[16] = {0};
    struct bulla_bytes passphrase = {session->passphrase.data, session->passphrase.size};
    enum bulla_reason reason = list_bool(list, CKA_TOKEN)
                                   ? bulla_vault_store(session->token, list, new_id, passphrase, handle)
                                   : bulla_vault_hold(session->token, list, session->handle, handle);
    return bulla_token_refusal(session->token, event, reason);
}

/* --- creating --- */

static CK_RV create_policy(struct bulla_session *session, struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle)
{
    if (!list_bool(list, CKA_TOKEN))
        return CKR_TEMPLATE_INCONSISTENT; /* a policy in force is the token's, not a session's */
    if (list_bool(list, CKA_PRIVATE))
        return CKR_TEMPLATE_INCONSISTENT; /* nor is it sealed: what asks for it may have no key open */
    enum bulla_reason reason = bulla_token_policy_admit(session->token, list);
    if (reason != BULLA_OK)
        return bulla_token_refusal(session->token, "policy", reason);
    CK_RV rv = bulla_objects_put(session, list, "policy", handle);
    if (rv == CKR_OK) {
        CK_ULONG epoch = 0;
        memcpy(&epoch, bulla_list_find(list, CKA_BULLA_EPOCH)->value.data, sizeof epoch);
        reason = bulla_token_policy_enforce(session->token, bulla_list_find(list, CKA_BULLA_AUTHORITY)->value, epoch);
        rv = bulla_token_refusal(session->token, "policy", reason);
    }
    if (rv == CKR_OK) {
        CK_ULONG version = 0;
        memcpy(&version, bulla_list_find(list, CKA_BULLA_VERSION)->value.data, sizeof version);
        const struct bulla_audit_field field = {"version", NULL, version};
        bulla_token_record(session->token, "policy", &field, 1);
        bulla_token_record_head(session->token);
    }
    return rv;
}

CK_RV bulla_objects_create(
    struct bulla_session *session, const CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *handle)
{
    struct bulla_attribute_list list = {0};
    CK_RV rv = bulla_template_form(attributes, count);
    if (rv != CKR_OK)
        return rv;
    CK_OBJECT_CLASS object_class = bulla_template_ulong(attributes, count, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
    if (object_class == CK_UNAVAILABLE_INFORMATION)
        return CKR_TEMPLATE_INCOMPLETE;
    rv = bulla_template_new(attributes, count, BULLA_CREATED, object_class, &list);
    if (rv == CKR_OK)
        rv = bulla_objects_may_write(session, &list);
    if (rv != CKR_OK)
        return rv;
    if (object_class == CKO_BULLA_POLICY)
        return create_policy(session, &list, handle);
    if (bulla_request_is(&list))
        return bulla_request_create(session, &list, handle);
    if (bulla_list_find(&list, CKA_BULLA_RELEASE))
        return CKR_TEMPLATE_INCONSISTENT; /* only keys that are made inside get a tree of their own */
    return bulla_objects_put(session, &list, "create", handle);
}

/* --- generating --- */

/* An attesting leaf of an object opens by an authority's policy, so somebody has to be named. */
static enum bulla_reason check_authority(const struct bulla_tree_shape *shape, const struct bulla_attribute_list *list)
{
    for (unsigned i = 0; i < shape->count; i++)
        if (shape->nodes[i].scheme && shape->nodes[i].scheme->attests && !bulla_list_find(list, CKA_BULLA_AUTHORITY))
            return bulla_refuse(BULLA_AUTHORITY_MISSING, "the leaf %s of a key's release tree needs an authority",
                shape->nodes[i].scheme->name);
    return BULLA_OK;
}

static CK_RV add_release(struct bulla_session *session, struct bulla_attribute_list *list)
{
    const char *standard = session->token->config->model_release;
    const struct bulla_attribute *given = bulla_list_find(list, CKA_BULLA_RELEASE);
    char text[BULLA_CONFIG_TEXT];
    struct bulla_tree_shape shape;
    if (!given && *standard)
        (void)bulla_list_put(list, CKA_BULLA_RELEASE, BULLA_TEXT(standard));
    given = bulla_list_find(list, CKA_BULLA_RELEASE);
    if (!given)
        return CKR_OK;
    if (given->value.size == 0 || given->value.size >= sizeof text || !list_bool(list, CKA_TOKEN))
        return given->value.size ? CKR_TEMPLATE_INCONSISTENT : CKR_ATTRIBUTE_VALUE_INVALID;
    memcpy(text, given->value.data, given->value.size);
    text[given->value.size] = '\0';
    enum bulla_reason reason = bulla_tree_parse(text, &shape);
    if (reason == BULLA_OK)
        reason = check_authority(&shape, list);
    if (reason != BULLA_OK)
        return bulla_token_refusal(session->token, "release", reason);
    (void)bulla_list_put_bool(list, CKA_BULLA_ATTESTED, bulla_tree_attested(&shape));
    return CKR_OK;
}

/* What the mechanism says of its keys; a template may repeat it, not contradict it. */
static CK_RV add_of_mechanism(const struct bulla_mechanism *mechanism, struct bulla_attribute_list *list)
{
    size_t allowed = 0;
    const struct bulla_attribute *given = bulla_list_find(list, CKA_ALLOWED_MECHANISMS);
    while (mechanism->allowed && mechanism->allowed[allowed])
        allowed++;
    struct bulla_bytes own = {(const uint8_t *)mechanism->allowed, allowed * sizeof(CK_MECHANISM_TYPE)};
    if (allowed && given && !bulla_bytes_equal(given->value, own))
        return CKR_TEMPLATE_INCONSISTENT;
    if (allowed)
        (void)bulla_list_put(list, CKA_ALLOWED_MECHANISMS, own);
    for (size_t i = 0; mechanism->usages && mechanism->usages[i]; i++)
        (void)bulla_list_put_bool(list, mechanism->usages[i], true);
    if (mechanism->only_by_name && (!list_bool(list, CKA_SENSITIVE) || list_bool(list, CKA_EXTRACTABLE)))
        return CKR_TEMPLATE_INCONSISTENT;
    return CKR_OK;
}

/* Values that the list will point to while the object is written. */
struct generated {
    CK_OBJECT_CLASS object_class;
    CK_KEY_TYPE type;
    CK_ULONG size;
    CK_MECHANISM_TYPE mechanism;
    uint8_t id[8];
};

static CK_RV fill_generated(const struct bulla_mechanism *mechanism, struct generated *made, const uint8_t *value,
    struct bulla_attribute_list *list)
{
    const struct bulla_attribute own[] = {
        {CKA_CLASS, {(const uint8_t *)&made->object_class, sizeof(CK_ULONG)}},
        {CKA_KEY_TYPE, {(const uint8_t *)&made->type, sizeof(CK_ULONG)}},
        {CKA_VALUE_LEN, {(const uint8_t *)&made->size, sizeof(CK_ULONG)}},
        {CKA_KEY_GEN_MECHANISM, {(const uint8_t *)&made->mechanism, sizeof(CK_ULONG)}},
        {CKA_VALUE, {value, mechanism->key_bytes}},
    };
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        const struct bulla_attribute *given = bulla_list_find(list, own[i].type);
        if (given && !bulla_bytes_equal(given->value, own[i].value))
            return CKR_TEMPLATE_INCONSISTENT;
        if (!bulla_list_put(list, own[i].type, own[i].value))
            return CKR_TEMPLATE_INCONSISTENT;
    }
    const struct bulla_attribute *id = bulla_list_find(list, CKA_ID);
    if (!id || id->value.size == 0) {
        randombytes_buf(made->id, sizeof made->id);
        (void)bulla_list_put(list, CKA_ID, BULLA_BYTES(made->id));
    }
    return CKR_OK;
}

static CK_RV generate(struct bulla_session *session, const struct bulla_mechanism *row, const CK_MECHANISM *mechanism,
    struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle)
{
    BULLA_SECRET void *value = NULL;
    struct generated made = {row->key_class, row->key_type, row->key_bytes, row->type, {0}};
    enum bulla_reason reason = bulla_secret_allocate(row->key_bytes, &value);
    if (reason == BULLA_OK)
        reason = row->generate(mechanism, value, row->key_bytes);
    if (reason == BULLA_ARGUMENT)
        return CKR_MECHANISM_PARAM_INVALID;
    if (reason != BULLA_OK)
        return bulla_token_refusal(session->token, "generate", reason);
    CK_RV rv = fill_generated(row, &made, value, list);
    if (rv == CKR_OK)
        rv = add_of_mechanism(row, list);
    if (rv == CKR_OK)
        rv = add_release(session, list);
    return rv == CKR_OK ? bulla_objects_put(session, list, "generate", handle) : rv;
}

CK_RV bulla_objects_generate(struct bulla_session *session, const CK_MECHANISM *mechanism,
    const CK_ATTRIBUTE *attributes, CK_ULONG count, CK_OBJECT_HANDLE *handle)
{
    struct bulla_attribute_list list = {0};
    const struct bulla_mechanism *row = bulla_mechanism_find(mechanism->mechanism);
    if (!row || !row->generate)
        return CKR_MECHANISM_INVALID;
    CK_RV rv = bulla_template_new(attributes, count, BULLA_GENERATED, row->key_class, &list);
    if (rv == CKR_OK)
        rv = bulla_objects_may_write(session, &list);
    return rv == CKR_OK ? generate(session, row, mechanism, &list, handle) : rv;
}

/* --- changing --- */

/* A model key's value is nobody's attribute: it has none to ask for, sensitive or not. */
static bool is_model_key(const struct bulla_object *object)
{
    return object->object_class == CKO_SECRET_KEY &&
           bulla_attributes_get(object->attributes, CKA_ALLOWED_MECHANISMS).data &&
           bulla_attributes_allow(object->attributes, CKM_BULLA_SEAL);
}

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
    if (bulla_attributes_bool(object->attributes, CKA_COPYABLE) && !is_model_key(object) &&
        !bulla_attributes_get(object->attributes, CKA_BULLA_RELEASE).size && object->object_class != CKO_BULLA_POLICY) {
        enum bulla_reason reason = whole_list(session, object, &list, numbers, &opened);
        rv = reason == BULLA_OK ? bulla_template_change(attributes, count, true, &list)
                                : bulla_token_refusal(session->token, "copy", reason);
        if (rv == CKR_OK)
            rv = bulla_objects_may_write(session, &list);
        if (rv == CKR_OK)
            rv = bulla_objects_put(session, &list, "copy", handle);
    }
    bulla_object_drop(object);
    return rv;
}

static bool is_own_key(const struct bulla_object *object)
{
    return object->object_class == CKO_SECRET_KEY || object->object_class == CKO_PRIVATE_KEY;
}

/* What families keep of a key goes with it; what they keep of the token's other keys is opened again when it is asked
 * for. */
static void forget_opened(const struct bulla_token *token)
{
    for (size_t i = 0; bulla_families[i]; i++)
        if (bulla_families[i]->forget)
            bulla_families[i]->forget((const uint8_t *)token->serial);
}

CK_RV bulla_objects_destroy(struct bulla_session *session, CK_OBJECT_HANDLE handle)
{
    struct bulla_object *object = bulla_token_object(session->token, handle);
    if (!object)
        return CKR_OBJECT_HANDLE_INVALID;
    CK_RV rv = CKR_OK;
    if (object->owner == 0 && !session->writable)
        rv = CKR_SESSION_READ_ONLY;
    else if (!object->transient && !bulla_attributes_bool(object->attributes, CKA_DESTROYABLE))
        rv = CKR_ACTION_PROHIBITED;
    else
        rv = bulla_token_refusal(session->token, "destroy", bulla_vault_erase(session->token, object));
    if (rv == CKR_OK && is_own_key(object))
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

/* CKA_BULLA_RELEASE: the object is opened as it is, and sealed anew under the tree that is given. */
static CK_RV set_release(struct bulla_session *session, struct bulla_object *object, const CK_ATTRIBUTE *attribute)
{
    CK_ULONG numbers[BULLA_ATTRIBUTES_LARGEST];
    struct bulla_attribute_list list = {0};
    if (object->owner || !is_own_key(object) || !attribute->ulValueLen)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    BULLA_RELEASED struct bulla_secret opened = {0};
    enum bulla_reason reason = whole_list(session, object, &list, numbers, &opened);
    if (reason != BULLA_OK)
        return bulla_token_refusal(session->token, "release", reason);
    (void)bulla_list_put(&list, CKA_BULLA_RELEASE, (struct bulla_bytes){attribute->pValue, attribute->ulValueLen});
    CK_RV rv = add_release(session, &list);
    if (rv == CKR_OK) {
        struct bulla_bytes passphrase = {session->passphrase.data, session->passphrase.size};
        reason = bulla_vault_reseal(session->token, object, &list, passphrase);
        rv = bulla_token_refusal(session->token, "release", reason);
    }
    if (rv == CKR_OK)
        bulla_token_record(session->token, "release-changed", NULL, 0);
    return rv;
}

/* Attributes whose setting is a decision, made alone and not as one change among others. */
static const struct {
    CK_ATTRIBUTE_TYPE type;
    CK_RV (*set)(struct bulla_session *session, struct bulla_object *object, const CK_ATTRIBUTE *attribute);
} decisions[] = {
    {CKA_BULLA_GENERATION, set_generation},
    {CKA_BULLA_RELEASE, set_release},
};

static CK_RV decide(struct bulla_session *session, struct bulla_object *object, const CK_ATTRIBUTE *attributes,
    CK_ULONG count, bool *decided)
{
    *decided = false;
    for (CK_ULONG i = 0; i < count; i++)
        for (size_t j = 0; j < sizeof decisions / sizeof decisions[0]; j++) {
            if (attributes[i].type != decisions[j].type)
                continue;
            *decided = true;
            return count == 1 ? decisions[j].set(session, object, &attributes[i]) : CKR_TEMPLATE_INCONSISTENT;
        }
    return CKR_OK;
}

/* `overtaken`: another process or thread changed the object meanwhile, and the change is to be judged again. */
static CK_RV set_attributes(struct bulla_session *session, struct bulla_object *object, const CK_ATTRIBUTE *attributes,
    CK_ULONG count, bool *overtaken)
{
    struct bulla_attribute_list list;
    bulla_list_from(&list, object->attributes);
    bool decided = false;
    CK_RV rv = decide(session, object, attributes, count, &decided);
    if (decided)
        return rv;
    rv = bulla_template_change(attributes, count, false, &list);
    if (rv != CKR_OK)
        return rv;
    if (object->owner == 0) {
        enum bulla_reason reason = bulla_vault_restate(session->token, object, &list);
        *overtaken = reason == BULLA_STORE_BUSY;
        return *overtaken ? CKR_FUNCTION_FAILED : bulla_token_refusal(session->token, "change", reason);
    }
    struct bulla_attributes *changed = bulla_attributes_make(&list);
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

static CK_RV set_once(struct bulla_session *session, CK_OBJECT_HANDLE handle, const CK_ATTRIBUTE *attributes,
    CK_ULONG count, bool *overtaken)
{
    CK_RV rv = CKR_OK;
    struct bulla_object *object = bulla_token_object(session->token, handle);
    if (!object)
        return CKR_OBJECT_HANDLE_INVALID;
    if (object->owner == 0 && !session->writable)
        rv = CKR_SESSION_READ_ONLY;
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

/* --- reading --- */

static void answer(CK_ATTRIBUTE *attribute, struct bulla_bytes value, CK_RV *rv)
{
    if (!attribute->pValue)
        attribute->ulValueLen = value.size;
    else if (attribute->ulValueLen < value.size) {
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        *rv = CKR_BUFFER_TOO_SMALL;
    } else {
        if (value.size)
            memcpy(attribute->pValue, value.data, value.size);
        attribute->ulValueLen = value.size;
    }
}

static void refuse_attribute(CK_ATTRIBUTE *attribute, CK_RV code, CK_RV *rv)
{
    attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
    *rv = code;
}

static void get_sealed(struct bulla_session *session, struct bulla_object *object, CK_ATTRIBUTE *attribute, CK_RV *rv)
{
    struct bulla_bytes passphrase = {session->passphrase.data, session->passphrase.size};
    enum bulla_reason reason = bulla_vault_open(session->token, object, passphrase);
    if (reason != BULLA_OK) {
        refuse_attribute(attribute, bulla_token_refusal(session->token, "read", reason), rv);
        return;
    }
    struct bulla_bytes value = bulla_vault_value(object, attribute->type);
    if (value.data)
        answer(attribute, value, rv);
    else
        refuse_attribute(attribute, CKR_ATTRIBUTE_TYPE_INVALID, rv);
    (void)pthread_mutex_unlock(&object->lock);
}

/* Tools ask every RSA public key for its size, and few of them give it. */
static CK_ULONG modulus_bits(const struct bulla_object *object)
{
    struct bulla_bytes modulus = bulla_attributes_get(object->attributes, CKA_MODULUS);
    while (modulus.size && !*modulus.data) {
        modulus.data++;
        modulus.size--;
    }
    return modulus.size ? 8 * modulus.size - (unsigned)(__builtin_clz(*modulus.data) - 24) : 0;
}

static void get_one(struct bulla_session *session, struct bulla_object *object, CK_ATTRIBUTE *attribute, CK_RV *rv)
{
    const struct bulla_attribute_row *row = bulla_attribute_row(attribute->type);
    struct bulla_bytes value = bulla_attributes_get(object->attributes, attribute->type);
    if (attribute->type == CKA_UNIQUE_ID) {
        char hex[33];
        (void)sodium_bin2hex(hex, sizeof hex, object->id, 16);
        answer(attribute, BULLA_TEXT(hex), rv);
    } else if (value.data) {
        answer(attribute, value, rv);
    } else if (attribute->type == CKA_MODULUS_BITS && object->object_class == CKO_PUBLIC_KEY && modulus_bits(object)) {
        CK_ULONG bits = modulus_bits(object);
        answer(attribute, (struct bulla_bytes){(const uint8_t *)&bits, sizeof bits}, rv);
    } else if (!row || !(row->classes & bulla_class_bit(object->object_class)) || !(row->flags & BULLA_SENSITIVE) ||
               is_model_key(object)) {
        refuse_attribute(attribute, CKR_ATTRIBUTE_TYPE_INVALID, rv);
    } else if (is_own_key(object) && (bulla_attributes_bool(object->attributes, CKA_SENSITIVE) ||
                                         !bulla_attributes_bool(object->attributes, CKA_EXTRACTABLE))) {
        refuse_attribute(attribute, CKR_ATTRIBUTE_SENSITIVE, rv);
    } else {
        get_sealed(session, object, attribute, rv);
    }
}

CK_RV bulla_objects_get(
    struct bulla_session *session, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CK_RV rv = CKR_OK;
    struct bulla_object *object = bulla_token_object(session->token, handle);
    if (!object)
        return CKR_OBJECT_HANDLE_INVALID;
    for (CK_ULONG i = 0; i < count; i++)
        get_one(session, object, &attributes[i], &rv);
    bulla_object_drop(object);
    return rv;
}

CK_RV bulla_objects_size(struct bulla_session *session, CK_OBJECT_HANDLE handle, CK_ULONG *size)
{
    struct bulla_object *object = bulla_token_object(session->token, handle);
    if (!object)
        return CKR_OBJECT_HANDLE_INVALID;
    *size = object->sealed_size;
    for (size_t i = 0; i < object->attributes->count; i++)
        *size += object->attributes->items[i].value.size;
    bulla_object_drop(object);
    return CKR_OK;
}
