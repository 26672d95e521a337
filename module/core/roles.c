/* The rules against attacks by the interface alone (Clulow 2003; Bortolozzo, Centenaro, Focardi, Steel 2010):
 *
 * - wrap and decrypt: what a key wraps, it would give away in the clear;
 * - unwrap and encrypt: what a key encrypts, it would take in as a key;
 * - the same two by one value in two objects: a key of these roles is wrapped by a trusted key only, so that it does
 *   not come back with other roles. For that CKA_WRAP stays what it was made: a key that lost it could be wrapped;
 * - a value that is nowhere in the clear comes back readable: what a key unwraps is as unreadable as the key itself;
 *
 * What is derived from a base key with that key's own bytes in it is derive.c's to judge.
 *
 * Pairs are left out of the first two: whoever has a public key encrypts and wraps under it without the token. */
#include "roles.h"

static const struct {
    unsigned classes;
    CK_ATTRIBUTE_TYPE one, other;
} conflicts[] = {
    {BULLA_IN_SECRET, CKA_WRAP, CKA_DECRYPT},
    {BULLA_IN_SECRET, CKA_UNWRAP, CKA_ENCRYPT},
};

/* What stays as it was made, or may only be given up. */
static const struct {
    CK_ATTRIBUTE_TYPE type;
    unsigned classes;
    bool may_end;
} fixed[] = {
    {CKA_WRAP, BULLA_IN_SECRET, false},
    {CKA_UNWRAP, BULLA_IN_SECRET, true},
    {CKA_ENCRYPT, BULLA_IN_SECRET, true},
    {CKA_DECRYPT, BULLA_IN_SECRET, true},
};

static unsigned class_of(const struct bulla_attribute_list *list)
{
    const struct bulla_attribute *item = bulla_list_find(list, CKA_CLASS);
    CK_OBJECT_CLASS object_class = CK_UNAVAILABLE_INFORMATION;
    if (item && item->value.size == sizeof object_class)
        memcpy(&object_class, item->value.data, sizeof object_class);
    return bulla_class_bit(object_class);
}

/* A key whose authority has a say, and whose value nobody is asked for. */
static bool is_everybodys(unsigned class_bit, const struct bulla_attribute_list *list)
{
    const struct bulla_attribute *authority = bulla_list_find(list, CKA_BULLA_AUTHORITY);
    return (class_bit & (BULLA_IN_SECRET | BULLA_IN_PRIVATE)) && authority && authority->value.size &&
           !bulla_list_bool(list, CKA_SENSITIVE) && bulla_list_bool(list, CKA_EXTRACTABLE);
}

CK_RV bulla_roles_check(const struct bulla_attribute_list *list)
{
    unsigned class_bit = class_of(list);
    /* A session's key whose value anybody in the application may read protects nothing by its uses: pkcs11-tool asks
     * for every use of what it derives, and reads it. It can't be kept, nor be made sensitive later (change.c). */
    bool readable = !bulla_list_bool(list, CKA_TOKEN) && !bulla_list_bool(list, CKA_SENSITIVE) &&
                    bulla_list_bool(list, CKA_EXTRACTABLE);
    for (size_t i = 0; i < sizeof conflicts / sizeof conflicts[0]; i++)
        if (!readable && (conflicts[i].classes & class_bit) && bulla_list_bool(list, conflicts[i].one) &&
            bulla_list_bool(list, conflicts[i].other))
            return CKR_TEMPLATE_INCONSISTENT;
    if (bulla_list_bool(list, CKA_ALWAYS_AUTHENTICATE) && !bulla_list_bool(list, CKA_PRIVATE))
        return CKR_TEMPLATE_INCONSISTENT;
    return is_everybodys(class_bit, list) ? CKR_TEMPLATE_INCONSISTENT : CKR_OK;
}

CK_RV bulla_roles_change(unsigned class_bit, CK_ATTRIBUTE_TYPE type, bool now)
{
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if ((fixed[i].classes & class_bit) && fixed[i].type == type && (now || !fixed[i].may_end))
            return CKR_ATTRIBUTE_READ_ONLY;
    return CKR_OK;
}

/* Its value can be had by C_GetAttributeValue, so that it protects nothing. */
static bool is_readable(const struct bulla_object *key)
{
    return !bulla_attributes_bool(key->attributes, CKA_SENSITIVE) &&
           bulla_attributes_bool(key->attributes, CKA_EXTRACTABLE);
}

static bool is_for_keys(const struct bulla_object *key)
{
    return key->object_class == CKO_SECRET_KEY &&
           (bulla_attributes_bool(key->attributes, CKA_WRAP) || bulla_attributes_bool(key->attributes, CKA_UNWRAP));
}

/* --- templates that keys carry --- */

/* The attributes of a template that the key carries; none where it carries none. */
static bool read_nested(
    const struct bulla_object *key, CK_ATTRIBUTE_TYPE which, CK_ULONG *numbers, struct bulla_attribute_list *nested)
{
    struct bulla_bytes encoded = bulla_attributes_get(key->attributes, which);
    nested->count = 0;
    return !encoded.size || bulla_attributes_decode(encoded, numbers, nested) == BULLA_OK;
}

static CK_RV check_wrap_template(const struct bulla_object *key, const struct bulla_object *wrapping)
{
    CK_ULONG numbers[BULLA_ATTRIBUTES_LARGEST];
    struct bulla_attribute_list nested;
    if (!read_nested(wrapping, CKA_WRAP_TEMPLATE, numbers, &nested))
        return CKR_GENERAL_ERROR;
    for (size_t i = 0; i < nested.count; i++) {
        struct bulla_bytes value = bulla_attributes_get(key->attributes, nested.items[i].type);
        if (!value.data || !bulla_bytes_equal(value, nested.items[i].value))
            return CKR_KEY_HANDLE_INVALID;
    }
    return CKR_OK;
}

static const CK_ATTRIBUTE *find(const CK_ATTRIBUTE *attributes, CK_ULONG count, CK_ATTRIBUTE_TYPE type)
{
    for (CK_ULONG i = 0; i < count; i++)
        if (attributes[i].type == type)
            return &attributes[i];
    return NULL;
}

CK_RV bulla_roles_merge(const struct bulla_object *key, CK_ATTRIBUTE_TYPE added, const CK_ATTRIBUTE *attributes,
    CK_ULONG count, struct bulla_merged *merged)
{
    struct bulla_attribute_list nested;
    CK_RV rv = bulla_template_form(attributes, count);
    if (rv != CKR_OK)
        return rv;
    if (count)
        memcpy(merged->attributes, attributes, count * sizeof *attributes);
    merged->count = count;
    if (!read_nested(key, added, merged->numbers, &nested))
        return CKR_GENERAL_ERROR;
    for (size_t i = 0; i < nested.count; i++) {
        const struct bulla_attribute *item = &nested.items[i];
        const CK_ATTRIBUTE *given = find(attributes, count, item->type);
        if (given && !bulla_bytes_equal((struct bulla_bytes){given->pValue, given->ulValueLen}, item->value))
            return CKR_TEMPLATE_INCONSISTENT;
        if (given)
            continue;
        if (merged->count == BULLA_ATTRIBUTES_LARGEST)
            return CKR_TEMPLATE_INCONSISTENT;
        merged->attributes[merged->count++] =
            (CK_ATTRIBUTE){item->type, (void *)(uintptr_t)item->value.data, item->value.size};
    }
    return CKR_OK;
}

/* --- keys from keys --- */

CK_RV bulla_roles_wrap(const struct bulla_object *key, const struct bulla_object *wrapping)
{
    bool trusted = bulla_attributes_bool(wrapping->attributes, CKA_TRUSTED);
    if (!bulla_object_is_own_key(key))
        return CKR_KEY_NOT_WRAPPABLE;
    if (!bulla_attributes_bool(key->attributes, CKA_EXTRACTABLE))
        return CKR_KEY_UNEXTRACTABLE;
    if (!trusted && (bulla_attributes_bool(key->attributes, CKA_WRAP_WITH_TRUSTED) || is_for_keys(key)))
        return CKR_KEY_NOT_WRAPPABLE;
    return check_wrap_template(key, wrapping);
}

/* The new key is kept for trusted keys, too; a template that denies it asks for what it doesn't get. */
static CK_RV keep_for_trusted(const struct bulla_merged *merged, struct bulla_attribute_list *list)
{
    if (find(merged->attributes, merged->count, CKA_WRAP_WITH_TRUSTED) && !bulla_list_bool(list, CKA_WRAP_WITH_TRUSTED))
        return CKR_TEMPLATE_INCONSISTENT;
    return bulla_list_put_bool(list, CKA_WRAP_WITH_TRUSTED, true) ? CKR_OK : CKR_HOST_MEMORY;
}

CK_RV bulla_roles_unwrap(
    const struct bulla_object *unwrapping, const struct bulla_merged *merged, struct bulla_attribute_list *list)
{
    bool readable = !bulla_list_bool(list, CKA_SENSITIVE) && bulla_list_bool(list, CKA_EXTRACTABLE);
    if (readable && !is_readable(unwrapping))
        return CKR_TEMPLATE_INCONSISTENT;
    /* What was wrapped by a trusted key may have been kept for trusted keys alone. */
    return bulla_attributes_bool(unwrapping->attributes, CKA_TRUSTED) ? keep_for_trusted(merged, list) : CKR_OK;
}
