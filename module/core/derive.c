/* C_DeriveKey: a secret key, data, or several keys (derive_many.c), from the bytes that a mechanism derives.
 *
 * What is one-way (HKDF, a KDF, a PRF, ECDH) follows its template, as the standard says: whoever may derive from a key
 * says what becomes of it. What has the key's own bytes in it (`keeps`: concatenation, XOR, extraction) would be a way
 * around the key's attributes, so the new key is no less protected than any it came from: it is sensitive,
 * unextractable and wrapped by trusted keys only where one of them is; a template that asks for less is refused
 * (2.40, 2.36: the standard's rules), never quietly corrected. And such a copy is not made of a key that wraps: one
 * half would wrap what the other decrypts. */
#include "derive.h"

#include "grants.h"
#include "refusal.h"

size_t bulla_derive_wanted(const struct bulla_merged *merged)
{
    CK_KEY_TYPE type = bulla_template_ulong(merged->attributes, merged->count, CKA_KEY_TYPE, CKK_GENERIC_SECRET);
    return bulla_template_ulong(merged->attributes, merged->count, CKA_VALUE_LEN, type == CKK_CHACHA20 ? 32 : 0);
}

/* What each way of coming to a key adds of the base, and whether the key has the base's history. */
static const struct {
    CK_ATTRIBUTE_TYPE added;
    enum bulla_origin origin;
    bool inherits;
} ways[BULLA_KEY_USES] = {
    [BULLA_DERIVE] = {CKA_DERIVE_TEMPLATE, BULLA_DERIVED, true},
    [BULLA_ENCAPSULATE] = {CKA_ENCAPSULATE_TEMPLATE, BULLA_ENCAPSULATED, false},
    [BULLA_DECAPSULATE] = {CKA_DECAPSULATE_TEMPLATE, BULLA_ENCAPSULATED, false},
};

/* --- what is to be --- */

static bool base_has(const struct bulla_object *base, CK_ATTRIBUTE_TYPE type)
{
    return base && bulla_attributes_bool(base->attributes, type);
}

/* A derived key was never more protected than what it came from (2.40, 10.9: CKA_ALWAYS_SENSITIVE and
 * CKA_NEVER_EXTRACTABLE). */
static void put_history(const struct bulla_deriving *deriving, struct bulla_attribute_list *list)
{
    const struct bulla_object *base = deriving->base.object, *other = deriving->other.object;
    if (!ways[deriving->use].inherits)
        return; /* as put_history of template.c left it: nobody knows where such a value was */
    bool sensitive = base_has(base, CKA_ALWAYS_SENSITIVE) && (!other || base_has(other, CKA_ALWAYS_SENSITIVE));
    bool kept = base_has(base, CKA_NEVER_EXTRACTABLE) && (!other || base_has(other, CKA_NEVER_EXTRACTABLE));
    (void)bulla_list_put_bool(list, CKA_ALWAYS_SENSITIVE, sensitive && bulla_list_bool(list, CKA_SENSITIVE));
    (void)bulla_list_put_bool(list, CKA_NEVER_EXTRACTABLE, kept && !bulla_list_bool(list, CKA_EXTRACTABLE));
}

static CK_RV check_no_weaker(const struct bulla_object *base, const struct bulla_attribute_list *list)
{
    if (!base)
        return CKR_OK;
    if (base_has(base, CKA_SENSITIVE) && !bulla_list_bool(list, CKA_SENSITIVE))
        return CKR_TEMPLATE_INCONSISTENT;
    if (!base_has(base, CKA_EXTRACTABLE) && bulla_list_bool(list, CKA_EXTRACTABLE))
        return CKR_TEMPLATE_INCONSISTENT;
    if (base_has(base, CKA_WRAP_WITH_TRUSTED) && !bulla_list_bool(list, CKA_WRAP_WITH_TRUSTED))
        return CKR_TEMPLATE_INCONSISTENT;
    return CKR_OK;
}

static bool is_guarded(const struct bulla_object *base)
{
    return base && (base_has(base, CKA_SENSITIVE) || !base_has(base, CKA_EXTRACTABLE));
}

static bool wraps(const struct bulla_object *base)
{
    return base_has(base, CKA_WRAP) || base_has(base, CKA_UNWRAP) || base_has(base, CKA_TRUSTED);
}

/* A template of data may say how long it is, though data have no such attribute. */
static struct bulla_template without_length(struct bulla_template template, CK_ATTRIBUTE *room)
{
    CK_ULONG count = 0;
    for (CK_ULONG i = 0; i < template.count; i++)
        if (template.attributes[i].type != CKA_VALUE_LEN)
            room[count++] = template.attributes[i];
    return (struct bulla_template){room, count};
}

static CK_RV make_list(const struct bulla_deriving *deriving, struct bulla_template template,
    CK_OBJECT_CLASS object_class, struct bulla_attribute_list *list)
{
    static const CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY, data_class = CKO_DATA;
    static const CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
    bool data = object_class == CKO_DATA;
    const CK_OBJECT_CLASS *its_class = data ? &data_class : &secret_class;
    if (bulla_template_ulong(template.attributes, template.count, CKA_CLASS, object_class) != object_class)
        return CKR_TEMPLATE_INCONSISTENT;
    (void)bulla_list_put(list, CKA_CLASS, (struct bulla_bytes){(const uint8_t *)its_class, sizeof *its_class});
    if (data)
        (void)bulla_list_put_bool(list, CKA_PRIVATE, true); /* as a key is, unless the template says otherwise */
    else
        (void)bulla_list_put(list, CKA_KEY_TYPE, (struct bulla_bytes){(const uint8_t *)&generic, sizeof generic});
    CK_RV rv = bulla_template_new(template.attributes, template.count, ways[deriving->use].origin, object_class, list);
    if (rv == CKR_OK && data && bulla_request_is(list))
        rv = CKR_TEMPLATE_INCONSISTENT;
    return rv == CKR_OK ? bulla_objects_may_write(deriving->session, list) : rv;
}

CK_RV bulla_derive_list(const struct bulla_deriving *deriving, struct bulla_template template,
    CK_OBJECT_CLASS object_class, struct bulla_merged *merged, struct bulla_attribute_list *list)
{
    CK_ATTRIBUTE room[BULLA_ATTRIBUTES_LARGEST];
    CK_RV rv = bulla_roles_merge(
        deriving->base.object, ways[deriving->use].added, template.attributes, template.count, merged);
    if (rv != CKR_OK)
        return rv;
    template = (struct bulla_template){merged->attributes, merged->count};
    rv = make_list(deriving, object_class == CKO_DATA ? without_length(template, room) : template, object_class, list);
    if (rv != CKR_OK || object_class == CKO_DATA)
        return rv;
    put_history(deriving, list);
    if (!deriving->derivation.row->keeps)
        return CKR_OK;
    rv = check_no_weaker(deriving->base.object, list);
    return rv == CKR_OK ? check_no_weaker(deriving->other.object, list) : rv;
}

/* --- deriving --- */

enum bulla_reason bulla_derive_granted(struct bulla_session *session, const struct bulla_taken_key *taken)
{
    return taken->governed ? bulla_grants_use(session, taken->object, BULLA_MAY_DERIVE) : BULLA_OK;
}

enum bulla_reason bulla_derive_run(const struct bulla_deriving *deriving, struct bulla_secret *memory, size_t *size)
{
    struct bulla_writer out;
    BULLA_TRY(bulla_derive_granted(deriving->session, &deriving->base));
    BULLA_TRY(bulla_derive_granted(deriving->session, &deriving->other));
    BULLA_TRY(bulla_secret_hold(memory, BULLA_DERIVED_LARGEST, "a derived key"));
    bulla_writer_open(&out, memory->data, memory->size);
    BULLA_TRY(deriving->derivation.row->derive(&deriving->derivation, &out));
    *size = out.size;
    return bulla_writer_finish(&out, "a derived key");
}

static enum bulla_reason make(struct bulla_bytes value, struct bulla_attribute_list *list, struct bulla_draft *draft)
{
    BULLA_TRY(bulla_key_draft(list, draft));
    BULLA_TRY(bulla_draft_put(draft, CKA_VALUE, value));
    if (draft->object_class != CKO_DATA) {
        BULLA_TRY(bulla_draft_put_ulong(draft, CKA_VALUE_LEN, value.size));
        BULLA_TRY(bulla_key_complete(draft));
    }
    return bulla_key_undraft(draft, true, list);
}

CK_RV bulla_derive_put(const struct bulla_deriving *deriving, struct bulla_bytes value,
    struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle)
{
    BULLA_DRAFT draft = {0};
    const char *event = bulla_key_uses[deriving->use].name;
    CK_RV rv = bulla_token_refusal(deriving->session->token, event, make(value, list, &draft));
    return rv == CKR_OK ? bulla_objects_put(deriving->session, list, event, handle) : rv;
}

CK_RV bulla_derive_end(const struct bulla_deriving *deriving, struct bulla_bytes given,
    struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle)
{
    size_t size = deriving->derivation.size ? deriving->derivation.size : given.size;
    if (size <= given.size && size > 0)
        return bulla_derive_put(deriving, (struct bulla_bytes){given.data, size}, list, handle);
    return bulla_token_refusal(deriving->session->token, bulla_key_uses[deriving->use].name,
        bulla_refuse(BULLA_KEY_VALUE, "the mechanism gives %zu bytes, not %zu", given.size, size));
}

static CK_RV derive_one(struct bulla_deriving *deriving, struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle)
{
    BULLA_RELEASED struct bulla_secret memory = {0};
    size_t given = 0;
    CK_RV rv = bulla_token_refusal(deriving->session->token, "derive", bulla_derive_run(deriving, &memory, &given));
    return rv == CKR_OK ? bulla_derive_end(deriving, (struct bulla_bytes){memory.data, given}, list, handle) : rv;
}

static CK_RV derive(struct bulla_deriving *deriving, struct bulla_template template, CK_OBJECT_HANDLE *handle)
{
    struct bulla_attribute_list list = {0};
    struct bulla_merged merged;
    struct bulla_shares shares = {0};
    const struct bulla_mechanism *row = deriving->derivation.row;
    CK_RV rv = bulla_derive_list(deriving, template, row->makes_data ? CKO_DATA : CKO_SECRET_KEY, &merged, &list);
    if (rv != CKR_OK)
        return rv;
    deriving->derivation.size = bulla_derive_wanted(&merged);
    if (row->divide)
        rv = bulla_token_refusal(deriving->session->token, "derive", row->divide(&deriving->derivation, &shares));
    if (rv == CKR_OK && shares.count) {
        deriving->derivation.shares = &shares;
        return bulla_derive_many(deriving, template, &shares, handle);
    }
    if (rv == CKR_OK && !handle)
        rv = CKR_ARGUMENTS_BAD;
    return rv == CKR_OK ? derive_one(deriving, &list, handle) : rv;
}

bool bulla_derive_asks_again(const struct bulla_taken_key *key)
{
    return key->object && bulla_attributes_bool(key->object->attributes, CKA_ALWAYS_AUTHENTICATE);
}

static CK_RV take(struct bulla_deriving *deriving, CK_OBJECT_HANDLE base, CK_OBJECT_HANDLE other)
{
    const struct bulla_mechanism *row = deriving->derivation.row;
    CK_RV rv = bulla_key_take(deriving->session, base, row, BULLA_DERIVE, &deriving->base);
    if (rv == CKR_OK && other != CK_INVALID_HANDLE)
        rv = bulla_key_take(deriving->session, other, row, BULLA_DERIVE, &deriving->other);
    if (rv == CKR_OK && (bulla_derive_asks_again(&deriving->base) || bulla_derive_asks_again(&deriving->other)))
        rv = CKR_KEY_FUNCTION_NOT_PERMITTED; /* there is no Init to give the PIN after */
    if (rv == CKR_OK && row->keeps && (wraps(deriving->base.object) || wraps(deriving->other.object)))
        rv = CKR_KEY_FUNCTION_NOT_PERMITTED;
    deriving->derivation.base = &deriving->base.key;
    deriving->derivation.other = deriving->other.object ? &deriving->other.key : NULL;
    deriving->derivation.guarded = is_guarded(deriving->base.object) || is_guarded(deriving->other.object);
    deriving->derivation.random = base_has(deriving->base.object, CKA_LOCAL);
    return rv;
}

CK_RV bulla_objects_derive(struct bulla_session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
    struct bulla_template template, CK_OBJECT_HANDLE *handle)
{
    const struct bulla_mechanism *row = bulla_mechanism_find(mechanism->mechanism);
    struct bulla_deriving deriving = {
        .session = session, .use = BULLA_DERIVE, .derivation = {.mechanism = mechanism, .row = row}};
    CK_OBJECT_HANDLE other = CK_INVALID_HANDLE;
    if (!row || !row->derive)
        return CKR_MECHANISM_INVALID;
    if (!mechanism->pParameter && mechanism->ulParameterLen)
        return CKR_MECHANISM_PARAM_INVALID;
    CK_RV rv = CKR_OK;
    if (row->other)
        rv = bulla_token_refusal(session->token, "derive", row->other(mechanism, &other));
    if (rv == CKR_OK)
        rv = take(&deriving, base, other);
    if (rv == CKR_OK)
        rv = derive(&deriving, template, handle);
    bulla_key_give_back(&deriving.other);
    bulla_key_give_back(&deriving.base);
    return rv;
}
