/* C_GenerateKey and C_GenerateKeyPair: the template, what the row says of its keys, and the values that it makes. */
#include <sodium.h>

#include "objects.h"
#include "refusal.h"
#include "roles.h"
#include "template.h"

/* What the mechanism says of its keys; a template may repeat it, not contradict it. */
static CK_RV add_of_mechanism(const struct bulla_mechanism *row, struct bulla_attribute_list *list)
{
    size_t allowed = 0;
    const struct bulla_attribute *given = bulla_list_find(list, CKA_ALLOWED_MECHANISMS);
    while (row->allowed && row->allowed[allowed])
        allowed++;
    struct bulla_bytes own = {(const uint8_t *)row->allowed, allowed * sizeof(CK_MECHANISM_TYPE)};
    if (allowed && given && !bulla_bytes_equal(given->value, own))
        return CKR_TEMPLATE_INCONSISTENT;
    if (allowed)
        (void)bulla_list_put(list, CKA_ALLOWED_MECHANISMS, own);
    for (size_t i = 0; row->usages && row->usages[i]; i++)
        (void)bulla_list_put_bool(list, row->usages[i], true);
    if (row->only_by_name && (!bulla_list_bool(list, CKA_SENSITIVE) || bulla_list_bool(list, CKA_EXTRACTABLE)))
        return CKR_TEMPLATE_INCONSISTENT;
    return bulla_roles_check(list);
}

/* A key in the making. The list's views point into it: it outlives the writing. */
struct making {
    struct bulla_attribute_list list;
    struct bulla_draft draft;
    CK_OBJECT_CLASS object_class;
    CK_KEY_TYPE type;
    CK_MECHANISM_TYPE mechanism;
    uint8_t id[8];
};

static void making_release(struct making *making)
{
    bulla_draft_release(&making->draft);
}
#define MAKING __attribute__((cleanup(making_release))) struct making

static struct bulla_bytes number(const CK_ULONG *value)
{
    return (struct bulla_bytes){(const uint8_t *)value, sizeof *value};
}

/* The class and type that the template repeats or leaves out. */
static CK_RV put_identity(const struct bulla_mechanism *row, struct bulla_template template, struct making *making)
{
    CK_OBJECT_CLASS given_class =
        bulla_template_ulong(template.attributes, template.count, CKA_CLASS, making->object_class);
    making->type = bulla_template_ulong(template.attributes, template.count, CKA_KEY_TYPE, row->keys->types[0]);
    making->mechanism = row->type;
    if (given_class != making->object_class || !bulla_key_type_fits(row->keys, making->type))
        return CKR_TEMPLATE_INCONSISTENT;
    (void)bulla_list_put(&making->list, CKA_CLASS, number(&making->object_class));
    (void)bulla_list_put(&making->list, CKA_KEY_TYPE, number(&making->type));
    return CKR_OK;
}

static CK_RV begin(struct bulla_session *session, const struct bulla_mechanism *row, struct bulla_template template,
    CK_OBJECT_CLASS object_class, struct making *making)
{
    making->object_class = object_class;
    CK_RV rv = bulla_template_form(template.attributes, template.count);
    if (rv == CKR_OK)
        rv = put_identity(row, template, making);
    if (rv == CKR_OK)
        rv = bulla_template_new(template.attributes, template.count, BULLA_GENERATED, object_class, &making->list);
    if (rv == CKR_OK)
        rv = bulla_objects_may_write(session, &making->list);
    if (rv != CKR_OK)
        return rv;
    (void)bulla_list_put(&making->list, CKA_KEY_GEN_MECHANISM, number(&making->mechanism));
    return bulla_token_refusal(session->token, "generate", bulla_key_draft(&making->list, &making->draft));
}

/* All that is to be said of the key before it is written. */
static CK_RV end(struct bulla_session *session, const struct bulla_mechanism *row, struct making *making)
{
    CK_RV rv = bulla_token_refusal(session->token, "generate", bulla_key_undraft(&making->draft, true, &making->list));
    if (rv == CKR_OK)
        rv = add_of_mechanism(row, &making->list);
    const struct bulla_attribute *id = bulla_list_find(&making->list, CKA_ID);
    if (rv == CKR_OK && row->only_by_name && (!id || id->value.size == 0)) {
        randombytes_buf(making->id, sizeof making->id); /* a model's file is named by it */
        (void)bulla_list_put(&making->list, CKA_ID, BULLA_BYTES(making->id));
    }
    bool own = making->object_class != CKO_PUBLIC_KEY;
    if (rv == CKR_OK && own && (row->only_by_name || bulla_list_find(&making->list, CKA_BULLA_RELEASE)))
        rv = bulla_objects_release(session, &making->list);
    return rv;
}

CK_RV bulla_objects_generate(struct bulla_session *session, const CK_MECHANISM *mechanism,
    struct bulla_template template, CK_OBJECT_HANDLE *handle)
{
    MAKING making = {0};
    const struct bulla_mechanism *row = bulla_mechanism_find(mechanism->mechanism);
    if (!row || !row->generate)
        return CKR_MECHANISM_INVALID;
    CK_RV rv = begin(session, row, template, CKO_SECRET_KEY, &making);
    if (rv == CKR_OK)
        rv = bulla_token_refusal(session->token, "generate", row->generate(mechanism, &making.draft));
    if (rv == CKR_OK)
        rv = end(session, row, &making);
    return rv == CKR_OK ? bulla_objects_put(session, &making.list, "generate", handle) : rv;
}

static CK_RV write_pair(struct bulla_session *session, const struct bulla_mechanism *row, struct making *public_half,
    struct making *private_half, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
    const struct bulla_vault_new new_public = {&public_half->list, NULL, public_key},
                                 new_private = {&private_half->list, NULL, private_key};
    CK_RV rv = end(session, row, private_half);
    if (rv == CKR_OK)
        rv = end(session, row, public_half);
    return rv == CKR_OK ? bulla_objects_put_pair(session, &new_public, &new_private, "generate") : rv;
}

CK_RV bulla_objects_generate_pair(struct bulla_session *session, const CK_MECHANISM *mechanism,
    const struct bulla_template *public_template, const struct bulla_template *private_template,
    CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
    MAKING public_half = {0};
    MAKING private_half = {0};
    const struct bulla_mechanism *row = bulla_mechanism_find(mechanism->mechanism);
    if (!row || !row->generate_pair)
        return CKR_MECHANISM_INVALID;
    CK_RV rv = begin(session, row, *public_template, CKO_PUBLIC_KEY, &public_half);
    if (rv == CKR_OK)
        rv = begin(session, row, *private_template, CKO_PRIVATE_KEY, &private_half);
    if (rv == CKR_OK && public_half.type != private_half.type)
        rv = CKR_TEMPLATE_INCONSISTENT;
    if (rv == CKR_OK)
        rv = bulla_token_refusal(
            session->token, "generate", row->generate_pair(mechanism, &public_half.draft, &private_half.draft));
    return rv == CKR_OK ? write_pair(session, row, &public_half, &private_half, public_key, private_key) : rv;
}
