#include "objects.h"

#include <sodium.h>

#include "evolving.h"
#include "grants.h"
#include "principal.h"
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
    if (bulla_evolving_is(list))
        return bulla_evolving_put(session, list, NULL, event, handle);
    struct bulla_bytes passphrase = {session->passphrase.data, session->passphrase.size};
    enum bulla_reason reason = bulla_list_bool(list, CKA_TOKEN)
                                   ? bulla_vault_store(session->token, list, new_id, passphrase, handle)
                                   : bulla_vault_hold(session->token, list, session->handle, handle);
    return bulla_token_refusal(session->token, event, reason);
}

static CK_RV put_rows(struct bulla_session *session, const struct bulla_vault_new *public_half,
    const struct bulla_vault_new *private_half, const char *event)
{
    const struct bulla_bytes passphrase = {session->passphrase.data, session->passphrase.size};
    const struct bulla_vault_new both[] = {*private_half, *public_half};
    if (bulla_evolving_is(private_half->list))
        return bulla_evolving_put(session, private_half->list, public_half, event, private_half->handle);
    return bulla_token_refusal(session->token, event, bulla_vault_store_all(session->token, both, 2, passphrase));
}

/* The half that is the session's comes first: it is memory, and can always be taken back. */
static CK_RV put_mixed(struct bulla_session *session, const struct bulla_vault_new *first,
    const struct bulla_vault_new *second, const char *event)
{
    CK_RV rv = bulla_objects_put(session, first->list, event, first->handle);
    if (rv != CKR_OK)
        return rv;
    rv = bulla_objects_put(session, second->list, event, second->handle);
    if (rv == CKR_OK)
        return rv;
    struct bulla_object *alone = bulla_token_object(session->token, *first->handle);
    if (alone && bulla_vault_erase(session->token, alone) != BULLA_OK)
        rv = CKR_GENERAL_ERROR; /* unreachable: nothing of it was written */
    bulla_object_drop(alone);
    return rv;
}

CK_RV bulla_objects_put_pair(struct bulla_session *session, const struct bulla_vault_new *public_half,
    const struct bulla_vault_new *private_half, const char *event)
{
    bool public_row = bulla_list_bool(public_half->list, CKA_TOKEN);
    if (public_row && bulla_list_bool(private_half->list, CKA_TOKEN))
        return put_rows(session, public_half, private_half, event);
    return public_row ? put_mixed(session, private_half, public_half, event)
                      : put_mixed(session, public_half, private_half, event);
}

/* --- creating --- */

static CK_RV create_bundle(struct bulla_session *session, struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle)
{
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

/* A grant that stands alone is in force once it is there, a revocation before it is. */
static CK_RV create_document(struct bulla_session *session, struct bulla_attribute_list *list, const char *event,
    enum bulla_reason (*admit)(struct bulla_token *token, struct bulla_attribute_list *list), CK_OBJECT_HANDLE *handle)
{
    CK_RV rv = bulla_token_refusal(session->token, event, admit(session->token, list));
    if (rv == CKR_OK)
        rv = bulla_objects_put(session, list, event, handle);
    if (rv == CKR_OK)
        bulla_token_record_head(session->token);
    return rv;
}

static CK_RV create_policy(struct bulla_session *session, struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle)
{
    if (!bulla_list_bool(list, CKA_TOKEN))
        return CKR_TEMPLATE_INCONSISTENT; /* a policy in force is the token's, not a session's */
    if (bulla_list_bool(list, CKA_PRIVATE))
        return CKR_TEMPLATE_INCONSISTENT; /* nor is it sealed: what asks for it may have no key open */
    enum bulla_policy_document kind = bulla_policy_document_kind(bulla_list_find(list, CKA_VALUE)->value);
    if (kind == BULLA_DOCUMENT_GRANT)
        return create_document(session, list, "grant", bulla_grants_admit, handle);
    if (kind == BULLA_DOCUMENT_REVOCATION)
        return create_document(session, list, "revoke", bulla_grants_revoke, handle);
    return create_bundle(session, list, handle);
}

/* A key's values are judged and completed by its kind before it is written. */
static CK_RV create_whole(struct bulla_session *session, struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle)
{
    BULLA_DRAFT draft = {0};
    if (!bulla_list_find(list, CKA_KEY_TYPE))
        return bulla_objects_put(session, list, "create", handle);
    enum bulla_reason reason = bulla_key_draft(list, &draft);
    if (reason == BULLA_OK)
        reason = bulla_key_complete(&draft);
    if (reason == BULLA_OK)
        reason = bulla_key_undraft(&draft, false, list);
    return reason == BULLA_OK ? bulla_objects_put(session, list, "create", handle)
                              : bulla_token_refusal(session->token, "create", reason);
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
    if (object_class == CKO_BULLA_PRINCIPAL)
        return bulla_principal_create(session, &list, handle);
    if (bulla_request_is(&list))
        return bulla_request_create(session, &list, handle);
    if (bulla_list_find(&list, CKA_BULLA_RELEASE))
        return CKR_TEMPLATE_INCONSISTENT; /* only keys that are made inside get a tree of their own */
    return create_whole(session, &list, handle);
}

/* --- release trees --- */

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
