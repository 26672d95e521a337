/* C_DeriveKey: a secret key from the value that a mechanism derives. */
#include "objects.h"
#include "refusal.h"
#include "template.h"

/* How many bytes a key of this type has when the template does not say; 0: as many as there are. */
static size_t wanted_size(const struct bulla_attribute_list *list)
{
    const struct bulla_attribute *length = bulla_list_find(list, CKA_VALUE_LEN);
    CK_ULONG size = 0;
    if (length && length->value.size == sizeof size)
        memcpy(&size, length->value.data, sizeof size);
    return size;
}

static enum bulla_reason run(const struct bulla_derivation *derivation, struct bulla_draft *draft)
{
    BULLA_RELEASED struct bulla_secret memory = {0};
    struct bulla_writer out;
    BULLA_TRY(bulla_secret_hold(&memory, BULLA_DERIVED_LARGEST, "a derived key"));
    bulla_writer_open(&out, memory.data, memory.size);
    BULLA_TRY(derivation->row->derive(derivation, &out));
    BULLA_TRY(bulla_writer_finish(&out, "a derived key"));
    size_t size = derivation->size ? derivation->size : out.size;
    if (size > out.size || size == 0)
        return bulla_refuse(BULLA_KEY_VALUE, "the mechanism derives %zu bytes, not %zu", out.size, size);
    BULLA_TRY(bulla_draft_put(draft, CKA_VALUE, (struct bulla_bytes){memory.data, size}));
    BULLA_TRY(bulla_draft_put_ulong(draft, CKA_VALUE_LEN, size));
    return bulla_key_complete(draft);
}

/* A derived key was never more protected than what it came from (2.40, 10.9: CKA_ALWAYS_SENSITIVE and
 * CKA_NEVER_EXTRACTABLE). */
static void put_history(const struct bulla_object *base, struct bulla_attribute_list *list)
{
    (void)bulla_list_put_bool(list, CKA_ALWAYS_SENSITIVE,
        bulla_attributes_bool(base->attributes, CKA_ALWAYS_SENSITIVE) && bulla_list_bool(list, CKA_SENSITIVE));
    (void)bulla_list_put_bool(list, CKA_NEVER_EXTRACTABLE,
        bulla_attributes_bool(base->attributes, CKA_NEVER_EXTRACTABLE) && !bulla_list_bool(list, CKA_EXTRACTABLE));
}

static CK_RV derive(struct bulla_session *session, struct bulla_derivation *derivation, const struct bulla_object *base,
    struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle)
{
    BULLA_DRAFT draft = {0};
    derivation->size = wanted_size(list);
    put_history(base, list);
    enum bulla_reason reason = bulla_key_draft(list, &draft);
    if (reason == BULLA_OK)
        reason = run(derivation, &draft);
    if (reason == BULLA_OK)
        reason = bulla_key_undraft(&draft, true, list);
    CK_RV rv = bulla_token_refusal(session->token, "derive", reason);
    return rv == CKR_OK ? bulla_objects_put(session, list, "derive", handle) : rv;
}

/* Before anything is opened: a template that asks for what can't be is refused whatever the key. */
static CK_RV make_list(struct bulla_session *session, struct bulla_template template, struct bulla_attribute_list *list)
{
    static const CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
    static const CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
    CK_RV rv = bulla_template_form(template.attributes, template.count);
    if (rv != CKR_OK)
        return rv;
    if (bulla_template_ulong(template.attributes, template.count, CKA_CLASS, secret_class) != secret_class)
        return CKR_TEMPLATE_INCONSISTENT;
    (void)bulla_list_put(list, CKA_CLASS, (struct bulla_bytes){(const uint8_t *)&secret_class, sizeof secret_class});
    (void)bulla_list_put(list, CKA_KEY_TYPE, (struct bulla_bytes){(const uint8_t *)&generic, sizeof generic});
    rv = bulla_template_new(template.attributes, template.count, BULLA_DERIVED, secret_class, list);
    return rv == CKR_OK ? bulla_objects_may_write(session, list) : rv;
}

CK_RV bulla_objects_derive(struct bulla_session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
    struct bulla_template template, CK_OBJECT_HANDLE *handle)
{
    BULLA_TAKEN_KEY base_key = {0};
    BULLA_TAKEN_KEY other_key = {0};
    struct bulla_attribute_list list = {0};
    const struct bulla_mechanism *row = bulla_mechanism_find(mechanism->mechanism);
    if (!row || !row->derive)
        return CKR_MECHANISM_INVALID;
    if (!mechanism->pParameter && mechanism->ulParameterLen)
        return CKR_MECHANISM_PARAM_INVALID;
    CK_RV rv = bulla_key_take(session, base, row, BULLA_DERIVE, &base_key);
    if (rv == CKR_OK && row->other)
        rv = bulla_key_take(session, row->other(mechanism), row, BULLA_DERIVE, &other_key);
    if (rv == CKR_OK)
        rv = make_list(session, template, &list);
    struct bulla_derivation derivation = {mechanism, row, &base_key.key, row->other ? &other_key.key : NULL, 0};
    return rv == CKR_OK ? derive(session, &derivation, base_key.object, &list, handle) : rv;
}
