#include "objects.h"

#include <sodium.h>

#include "refusal.h"
#include "release/tree.h"
#include "template.h"

CK_RV bulla_objects_may_write(const struct bulla_session *session, const struct bulla_attribute_list *list)
{
    bool on_token = bulla_list_bool(list, CKA_TOKEN);
    enum bulla_login login = bulla_token_login_state(session->token);
    if (on_token && !session->writable)
        return CKR_SESSION_READ_ONLY;
    if ((on_token || bulla_list_bool(list, CKA_PRIVATE)) && login != BULLA_USER)
        return CKR_USER_NOT_LOGGED_IN;
    return CKR_OK;
}

CK_RV bulla_objects_put(
    struct bulla_session *session, const struct bulla_attribute_list *list, const char *event, CK_OBJECT_HANDLE *handle)
{
    static const uint8_t new_id[16] = {0};
    struct bulla_bytes passphrase = {session->passphrase.data, session->passphrase.size};
    enum bulla_reason reason = bulla_list_bool(list, CKA_TOKEN)
                                   ? bulla_vault_store(session->token, list, new_id, passphrase, handle)
                                   : bulla_vault_hold(session->token, list, session->handle, handle);
    return bulla_token_refusal(session->token, event, reason);
}

/* --- creating --- */

static CK_RV create_policy(struct bulla_session *session, struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle)
{
    if (!bulla_list_bool(list, CKA_TOKEN))
        return CKR_TEMPLATE_INCONSISTENT; /* a policy in force is the token's, not a session's */
    if (bulla_list_bool(list, CKA_PRIVATE))
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

/* An attesting leaf of an object opens by an authority's policy, so somebody has to be named: a P-256 key. */
static enum bulla_reason check_authority(const struct bulla_tree_shape *shape, const struct bulla_attribute_list *list)
{
    const struct bulla_attribute *given = bulla_list_find(list, CKA_BULLA_AUTHORITY);
    struct bulla_bytes authority = given ? given->value : (struct bulla_bytes){NULL, 0};
    for (unsigned i = 0; i < shape->count; i++) {
        const struct bulla_leaf_scheme *scheme = shape->nodes[i].scheme;
        if (!scheme || !scheme->attests)
            continue;
        if (!authority.size)
            return bulla_refuse(
                BULLA_AUTHORITY_MISSING, "the leaf %s of a key's release tree needs an authority", scheme->name);
        if (authority.size != 65 || authority.data[0] != 0x04)
            return bulla_refuse(BULLA_KEY_INVALID, "an authority is a P-256 public key of 65 bytes, 0x04 first");
    }
    return BULLA_OK;
}

CK_RV bulla_objects_release(struct bulla_session *session, struct bulla_attribute_list *list)
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
    if (given->value.size == 0 || given->value.size >= sizeof text || !bulla_list_bool(list, CKA_TOKEN))
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
    if (mechanism->only_by_name && (!bulla_list_bool(list, CKA_SENSITIVE) || bulla_list_bool(list, CKA_EXTRACTABLE)))
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
        rv = bulla_objects_release(session, list);
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
