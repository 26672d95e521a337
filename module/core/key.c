/* An ordinary key's material is made at its first use and stays with the object while that is open: from then on taking
 * the key is finding it, checking a few attributes and counting a reference. */
#include "key.h"

#include <sodium.h>

#include "grants.h"
#include "refusal.h"
#include "session.h"

const struct bulla_key_use bulla_key_uses[BULLA_KEY_USES] = {
    [BULLA_ENCRYPT] = {"encrypt", CKF_ENCRYPT, CKA_ENCRYPT, BULLA_ENCRYPT, true},
    [BULLA_DECRYPT] = {"decrypt", CKF_DECRYPT, CKA_DECRYPT, BULLA_DECRYPT, false},
    [BULLA_DIGEST] = {"digest", CKF_DIGEST, 0, BULLA_DIGEST, false},
    [BULLA_SIGN] = {"sign", CKF_SIGN, CKA_SIGN, BULLA_SIGN, false},
    [BULLA_VERIFY] = {"verify", CKF_VERIFY, CKA_VERIFY, BULLA_VERIFY, true},
    [BULLA_SIGN_RECOVER] = {"sign-recover", CKF_SIGN_RECOVER, CKA_SIGN_RECOVER, BULLA_SIGN_RECOVER, false},
    [BULLA_VERIFY_RECOVER] = {"verify-recover", CKF_VERIFY_RECOVER, CKA_VERIFY_RECOVER, BULLA_VERIFY_RECOVER, true},
    [BULLA_MESSAGE_ENCRYPT] = {"encrypt-message", CKF_MESSAGE_ENCRYPT, CKA_ENCRYPT, BULLA_MESSAGE_ENCRYPT, true},
    [BULLA_MESSAGE_DECRYPT] = {"decrypt-message", CKF_MESSAGE_DECRYPT, CKA_DECRYPT, BULLA_MESSAGE_DECRYPT, false},
    [BULLA_WRAP] = {"wrap", CKF_WRAP, CKA_WRAP, BULLA_ENCRYPT, true},
    [BULLA_UNWRAP] = {"unwrap", CKF_UNWRAP, CKA_UNWRAP, BULLA_DECRYPT, false},
    [BULLA_WRAP_AUTHENTICATED] = {"wrap", CKF_WRAP, CKA_WRAP, BULLA_MESSAGE_ENCRYPT, true},
    [BULLA_UNWRAP_AUTHENTICATED] = {"unwrap", CKF_UNWRAP, CKA_UNWRAP, BULLA_MESSAGE_DECRYPT, false},
    [BULLA_DERIVE] = {"derive", CKF_DERIVE, CKA_DERIVE, BULLA_FUNCTIONS, false},
    [BULLA_ENCAPSULATE] = {"encapsulate", CKF_ENCAPSULATE, CKA_ENCAPSULATE, BULLA_FUNCTIONS, true},
    [BULLA_DECAPSULATE] = {"decapsulate", CKF_DECAPSULATE, CKA_DECAPSULATE, BULLA_FUNCTIONS, false},
};

bool bulla_key_type_fits(const struct bulla_key_rule *rule, CK_KEY_TYPE type)
{
    for (unsigned i = 0; i < rule->count; i++)
        if (rule->types[i] == type)
            return true;
    return false;
}

static CK_FLAGS flags_of(CK_ATTRIBUTE_TYPE usage)
{
    CK_FLAGS flags = 0;
    for (int i = 0; i < BULLA_KEY_USES; i++)
        if (bulla_key_uses[i].usage == usage)
            flags |= bulla_key_uses[i].flag;
    return flags;
}

bool bulla_key_type_has_use(CK_KEY_TYPE type, CK_ATTRIBUTE_TYPE usage)
{
    size_t count;
    const struct bulla_mechanism *const *rows = bulla_mechanisms(&count);
    CK_FLAGS flags = flags_of(usage);
    for (size_t i = 0; i < count; i++)
        if ((rows[i]->info.flags & flags) && rows[i]->keys && !rows[i]->only_by_name &&
            bulla_key_type_fits(rows[i]->keys, type))
            return true;
    return false;
}

static CK_OBJECT_CLASS class_for(const struct bulla_key_rule *rule, enum bulla_function use)
{
    if (!rule->pair)
        return CKO_SECRET_KEY;
    return bulla_key_uses[use].public_half ? CKO_PUBLIC_KEY : CKO_PRIVATE_KEY;
}

static CK_RV check(const struct bulla_object *object, const struct bulla_mechanism *row, enum bulla_function use)
{
    const struct bulla_attributes *attributes = object->attributes;
    CK_KEY_TYPE type = bulla_attributes_ulong(attributes, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
    if (object->object_class != class_for(row->keys, use) || !bulla_key_type_fits(row->keys, type))
        return CKR_KEY_TYPE_INCONSISTENT;
    bool listed = bulla_attributes_get(attributes, CKA_ALLOWED_MECHANISMS).data != NULL;
    bool used = row->goes_with || bulla_attributes_bool(attributes, bulla_key_uses[use].usage);
    CK_MECHANISM_TYPE named = row->goes_with ? row->goes_with : row->type;
    if (!used || !bulla_attributes_allow(attributes, named) || (row->only_by_name && !listed))
        return CKR_KEY_FUNCTION_NOT_PERMITTED;
    return CKR_OK;
}

/* --- drafts --- */

enum bulla_reason bulla_key_draft(const struct bulla_attribute_list *list, struct bulla_draft *draft)
{
    CK_ULONG number;
    for (size_t i = 0; i < list->count; i++) {
        const struct bulla_attribute *item = &list->items[i];
        BULLA_TRY(bulla_draft_view(draft, item->type, item->value));
        if ((item->type != CKA_CLASS && item->type != CKA_KEY_TYPE) || item->value.size != sizeof number)
            continue;
        memcpy(&number, item->value.data, sizeof number);
        *(item->type == CKA_CLASS ? &draft->object_class : &draft->key_type) = number;
    }
    return BULLA_OK;
}

/* Of values that may be secret: where they differ no time tells. */
static bool is_same(struct bulla_bytes a, struct bulla_bytes b)
{
    return a.size == b.size && sodium_memcmp(a.data, b.data, a.size) == 0;
}

enum bulla_reason bulla_key_undraft(const struct bulla_draft *draft, bool strict, struct bulla_attribute_list *list)
{
    for (size_t i = 0; i < draft->count; i++) {
        const struct bulla_draft_item *item = &draft->items[i];
        const struct bulla_attribute *given = bulla_list_find(list, item->type);
        if (!item->made)
            continue;
        if (strict && given && given->value.size && !is_same(given->value, item->value))
            return bulla_refuse(
                BULLA_KEY_INCONSISTENT, "the template's attribute 0x%lx is not what it came to be", item->type);
        if (!bulla_list_put(list, item->type, item->value))
            return bulla_refuse(BULLA_INTERNAL, "too many attributes");
    }
    return BULLA_OK;
}

enum bulla_reason bulla_key_draft_object(const struct bulla_object *object, struct bulla_draft *draft)
{
    CK_ULONG numbers[BULLA_ATTRIBUTES_LARGEST]; /* sealed attributes are octets: no view points here */
    struct bulla_attribute_list list;
    bulla_list_from(&list, object->attributes);
    if (object->opened.data)
        BULLA_TRY(
            bulla_attributes_decode((struct bulla_bytes){object->opened.data, object->opened.size}, numbers, &list));
    return bulla_key_draft(&list, draft);
}

enum bulla_reason bulla_key_complete(struct bulla_draft *draft)
{
    const struct bulla_key_kind *kind = bulla_key_kind_find(draft->key_type);
    if (!kind)
        return bulla_refuse(BULLA_KEY_VALUE, "there are no keys of type 0x%lx", draft->key_type);
    return kind->complete ? kind->complete(draft) : BULLA_OK;
}

/* --- taking --- */

static enum bulla_reason make_material(struct bulla_object *object)
{
    BULLA_DRAFT draft = {0}; /* some kilobytes: the caller has seen that it is needed */
    BULLA_TRY(bulla_key_draft_object(object, &draft));
    const struct bulla_key_kind *kind = bulla_key_kind_find(draft.key_type);
    if (!kind)
        return bulla_refuse(BULLA_KEY_TYPE, "there is no way to use keys of type 0x%lx", draft.key_type);
    return bulla_material_make(kind, &draft, &object->material);
}

static enum bulla_reason copy_value(struct bulla_object *object, struct bulla_taken_key *taken)
{
    struct bulla_bytes value = bulla_vault_value(object, CKA_VALUE);
    if (!value.size)
        return BULLA_OK;
    BULLA_TRY(bulla_secret_hold(&taken->secret, value.size, "a key"));
    memcpy(taken->secret.data, value.data, value.size);
    taken->key.secret = (struct bulla_bytes){taken->secret.data, taken->secret.size};
    return BULLA_OK;
}

/* The object's lock is held. */
static enum bulla_reason take_opened(const struct bulla_mechanism *row, struct bulla_taken_key *taken)
{
    struct bulla_object *object = taken->object;
    taken->key.expires = object->expires;
    if (row->without_secret)
        return BULLA_OK;
    if (row->only_by_name)
        return copy_value(object, taken);
    if (!object->material)
        BULLA_TRY(make_material(object));
    struct bulla_material *material = bulla_material_keep(object->material);
    taken->key.material = material;
    taken->key.secret = (struct bulla_bytes){material->value.data, material->value.size};
    return BULLA_OK;
}

static void describe(const struct bulla_object *object, struct bulla_key *key)
{
    const struct bulla_attributes *attributes = object->attributes;
    memcpy(key->object, object->id, 16);
    key->object_class = object->object_class;
    key->type = bulla_attributes_ulong(attributes, CKA_KEY_TYPE, 0);
    key->id = bulla_attributes_get(attributes, CKA_ID);
    key->label = bulla_attributes_get(attributes, CKA_LABEL);
}

/* What only those ask for that say something of a key, without its value. */
static void describe_birth(const struct bulla_object *object, struct bulla_key *key)
{
    const struct bulla_attributes *attributes = object->attributes;
    key->public_info = bulla_attributes_get(attributes, CKA_PUBLIC_KEY_INFO);
    key->born_here = bulla_attributes_bool(attributes, CKA_LOCAL) &&
                     bulla_attributes_bool(attributes, CKA_ALWAYS_SENSITIVE) &&
                     bulla_attributes_bool(attributes, CKA_NEVER_EXTRACTABLE);
}

/* What only the keys of models have. */
static void describe_release(const struct bulla_object *object, struct bulla_key *key)
{
    const struct bulla_attributes *attributes = object->attributes;
    key->authority = bulla_attributes_get(attributes, CKA_BULLA_AUTHORITY);
    key->epoch = bulla_attributes_ulong(attributes, CKA_BULLA_EPOCH, 0);
    key->sealing.generation = bulla_attributes_ulong(attributes, CKA_BULLA_GENERATION, 0);
    key->sealing.dimension = bulla_attributes_ulong(attributes, CKA_BULLA_DIMENSION, 0);
}

static enum bulla_reason open_key(
    struct bulla_session *session, const struct bulla_mechanism *row, struct bulla_taken_key *taken)
{
    struct bulla_object *object = taken->object;
    struct bulla_bytes passphrase = {session->passphrase.data, session->passphrase.size};
    describe(object, &taken->key);
    if (row->only_by_name)
        describe_release(object, &taken->key);
    if (row->without_secret)
        describe_birth(object, &taken->key);
    BULLA_TRY(bulla_vault_open(session->token, object, passphrase));
    enum bulla_reason reason = take_opened(row, taken);
    (void)pthread_mutex_unlock(&object->lock);
    if (reason != BULLA_OK || !taken->key.material || !row->info.ulMaxKeySize)
        return reason;
    size_t size = taken->key.material->size;
    if (size < row->info.ulMinKeySize || size > row->info.ulMaxKeySize)
        return bulla_refuse(BULLA_KEY_SIZE, "mechanism 0x%lx takes keys of %lu to %lu, not %zu", row->type,
            row->info.ulMinKeySize, row->info.ulMaxKeySize, size);
    return BULLA_OK;
}

CK_RV bulla_key_take(struct bulla_session *session, CK_OBJECT_HANDLE handle, const struct bulla_mechanism *row,
    enum bulla_function use, struct bulla_taken_key *taken)
{
    *taken = (struct bulla_taken_key){.object = bulla_token_object(session->token, handle)};
    if (!taken->object)
        return CKR_KEY_HANDLE_INVALID;
    taken->governed = bulla_grants_govern(taken->object);
    CK_RV rv = check(taken->object, row, use);
    if (rv == CKR_OK)
        rv = bulla_token_refusal(session->token, bulla_key_uses[use].name, open_key(session, row, taken));
    if (rv != CKR_OK)
        bulla_key_give_back(taken);
    return rv;
}

void bulla_key_give_back(struct bulla_taken_key *taken)
{
    bulla_material_drop(taken->key.material);
    bulla_secret_release(&taken->secret);
    bulla_object_drop(taken->object);
    *taken = (struct bulla_taken_key){0};
}
