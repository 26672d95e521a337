#include "template.h"

#include "key.h"
#include "mech/mechanism.h"
#include "roles.h"

/* Sizes that a value may have, by kind; octets are bounded so that lengths never overflow later. */
enum { VALUE_LARGEST = 1 << 20 };

static CK_RV check_forms(const CK_ATTRIBUTE *attributes, CK_ULONG count, bool nested);

/* An array of attributes: few, of which none is secret or an array itself. */
static CK_RV check_nested(const CK_ATTRIBUTE *attribute)
{
    const CK_ATTRIBUTE *inside = attribute->pValue;
    CK_ULONG count = attribute->ulValueLen / sizeof *inside;
    if (attribute->ulValueLen % sizeof *inside || count > BULLA_NESTED_MOST)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    return check_forms(inside, count, true);
}

static CK_RV check_form(const CK_ATTRIBUTE *attribute, bool nested)
{
    if (!attribute->pValue && attribute->ulValueLen)
        return CKR_ARGUMENTS_BAD;
    const struct bulla_attribute_row *row = bulla_attribute_row(attribute->type);
    if (!row)
        return CKR_ATTRIBUTE_TYPE_INVALID;
    if (nested && ((row->flags & BULLA_SENSITIVE) || row->kind == BULLA_TEMPLATE))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    CK_ULONG size = attribute->ulValueLen;
    if (size > VALUE_LARGEST)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (row->kind == BULLA_BOOL)
        return size == 1 && *(const CK_BBOOL *)attribute->pValue <= CK_TRUE ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
    if (row->kind == BULLA_ULONG)
        return size == sizeof(CK_ULONG) ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
    if (row->kind == BULLA_ULONGS)
        return size % sizeof(CK_ULONG) == 0 && size <= 64 * sizeof(CK_ULONG) ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
    return row->kind == BULLA_TEMPLATE ? check_nested(attribute) : CKR_OK;
}

static CK_RV check_forms(const CK_ATTRIBUTE *attributes, CK_ULONG count, bool nested)
{
    for (CK_ULONG i = 0; i < count; i++) {
        CK_RV rv = check_form(&attributes[i], nested);
        if (rv != CKR_OK)
            return rv;
        for (CK_ULONG j = 0; j < i; j++)
            if (attributes[j].type == attributes[i].type)
                return CKR_TEMPLATE_INCONSISTENT;
    }
    return CKR_OK;
}

CK_RV bulla_template_form(const CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    if (!attributes && count)
        return CKR_ARGUMENTS_BAD;
    return count > BULLA_ATTRIBUTES_LARGEST ? CKR_TEMPLATE_INCONSISTENT : check_forms(attributes, count, false);
}

CK_ULONG bulla_template_ulong(const CK_ATTRIBUTE *attributes, CK_ULONG count, CK_ATTRIBUTE_TYPE type, CK_ULONG absent)
{
    for (CK_ULONG i = 0; i < count; i++)
        if (attributes[i].type == type && attributes[i].pValue && attributes[i].ulValueLen == sizeof absent)
            memcpy(&absent, attributes[i].pValue, sizeof absent);
    return absent;
}

static struct bulla_bytes value_of(const CK_ATTRIBUTE *attribute)
{
    return (struct bulla_bytes){attribute->pValue, attribute->ulValueLen};
}

static bool same_value(const struct bulla_attribute_list *list, const CK_ATTRIBUTE *attribute)
{
    const struct bulla_attribute *present = bulla_list_find(list, attribute->type);
    return present && bulla_bytes_equal(present->value, value_of(attribute));
}

static bool put_defaults(unsigned class_bit, struct bulla_attribute_list *list)
{
    size_t count;
    const struct bulla_attribute_row *rows = bulla_attribute_rows(&count);
    for (size_t i = 0; i < count; i++) {
        const struct bulla_attribute_row *row = &rows[i];
        if (!(row->classes & class_bit) || (row->flags & BULLA_NO_DEFAULT) || bulla_list_find(list, row->type))
            continue;
        bool put = row->flags & BULLA_DEFAULT_EMPTY
                       ? bulla_list_put(list, row->type, (struct bulla_bytes){(const uint8_t *)"", 0})
                       : bulla_list_put_bool(list, row->type, (row->flags & BULLA_DEFAULT_TRUE) != 0);
        if (!put)
            return false;
    }
    return true;
}

/* What follows from the template: a data object without a value has an empty one, a secret key has its value's length.
 * The view of that length is the template's own field. */
static CK_RV put_derived(
    const CK_ATTRIBUTE *attributes, CK_ULONG count, struct bulla_attribute_list *list, unsigned class_bit)
{
    const struct bulla_attribute *length = bulla_list_find(list, CKA_VALUE_LEN);
    if (class_bit == BULLA_IN_DATA && !bulla_list_find(list, CKA_VALUE))
        (void)bulla_list_put(list, CKA_VALUE, (struct bulla_bytes){(const uint8_t *)"", 0});
    for (CK_ULONG i = 0; class_bit == BULLA_IN_SECRET && i < count; i++) {
        struct bulla_bytes own = {(const uint8_t *)&attributes[i].ulValueLen, sizeof(CK_ULONG)};
        if (attributes[i].type != CKA_VALUE)
            continue;
        if (length && !bulla_bytes_equal(length->value, own))
            return CKR_TEMPLATE_INCONSISTENT;
        (void)bulla_list_put(list, CKA_VALUE_LEN, own);
    }
    return CKR_OK;
}

/* Keys and data are private unless the template says otherwise, public keys, certificates and policies are not. */
static bool put_privacy(unsigned class_bit, struct bulla_attribute_list *list)
{
    if (bulla_list_find(list, CKA_PRIVATE))
        return true;
    return bulla_list_put_bool(list, CKA_PRIVATE, (class_bit & (BULLA_IN_PRIVATE | BULLA_IN_SECRET)) != 0);
}

/* What the module says of a key's past, from where it came and what it is. */
static bool put_history(unsigned class_bit, enum bulla_origin origin, struct bulla_attribute_list *list)
{
    bool generated = origin == BULLA_GENERATED;
    if (!(class_bit & (BULLA_IN_PUBLIC | BULLA_IN_PRIVATE | BULLA_IN_SECRET)))
        return true;
    bool done = bulla_list_put_bool(list, CKA_LOCAL, generated);
    if (done && !(class_bit & BULLA_IN_PUBLIC))
        done = bulla_list_put_bool(list, CKA_ALWAYS_SENSITIVE, generated && bulla_list_bool(list, CKA_SENSITIVE)) &&
               bulla_list_put_bool(list, CKA_NEVER_EXTRACTABLE, generated && !bulla_list_bool(list, CKA_EXTRACTABLE));
    return done;
}

static const struct bulla_key_kind *kind_of(const struct bulla_attribute_list *list)
{
    const struct bulla_attribute *type = bulla_list_find(list, CKA_KEY_TYPE);
    CK_KEY_TYPE key_type;
    if (!type || type->value.size != sizeof key_type)
        return NULL;
    memcpy(&key_type, type->value.data, sizeof key_type);
    return bulla_key_kind_find(key_type);
}

/* What C_CreateObject demands for a type of key, beside the table. */
static CK_RV check_key_needs(CK_OBJECT_CLASS object_class, const struct bulla_attribute_list *list)
{
    if (!bulla_list_find(list, CKA_KEY_TYPE))
        return CKR_OK;
    const struct bulla_key_kind *kind = kind_of(list);
    if (!kind)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    const CK_ATTRIBUTE_TYPE *needs = bulla_key_kind_needs(kind, object_class);
    if (object_class == CKO_PUBLIC_KEY && bulla_list_find(list, CKA_VALUE) && (!needs || *needs != CKA_VALUE))
        return CKR_TEMPLATE_INCONSISTENT; /* another class has it */
    if (!needs)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    for (; *needs; needs++) {
        const struct bulla_attribute *item = bulla_list_find(list, *needs);
        if (!item)
            return CKR_TEMPLATE_INCOMPLETE;
        if (item->value.size == 0)
            return CKR_ATTRIBUTE_VALUE_INVALID;
    }
    return CKR_OK;
}

/* A template that names no use gets those that keys of this kind are for. A use that no key of the kind has is none:
 * pkcs11-tool asks for generic secrets that encrypt, and then signs with them. */
static bool put_uses(unsigned class_bit, struct bulla_attribute_list *list)
{
    static const CK_ATTRIBUTE_TYPE uses[] = {CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_SIGN, CKA_SIGN_RECOVER,
        CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_DERIVE, CKA_ENCAPSULATE, CKA_DECAPSULATE};
    const struct bulla_key_kind *kind = kind_of(list);
    if (!kind || !kind->uses)
        return true;
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++)
        if (bulla_list_find(list, uses[i]) && bulla_key_type_has_use(kind->type, uses[i]))
            return true;
    for (const CK_ATTRIBUTE_TYPE *use = kind->uses; *use; use++) {
        const struct bulla_attribute_row *row = bulla_attribute_row(*use);
        if ((row->classes & class_bit) && !bulla_list_put_bool(list, *use, true))
            return false;
    }
    return true;
}

static CK_RV check_required(unsigned class_bit, const struct bulla_attribute_list *list)
{
    size_t count;
    const struct bulla_attribute_row *rows = bulla_attribute_rows(&count);
    for (size_t i = 0; i < count; i++)
        if ((rows[i].required & class_bit) && !bulla_list_find(list, rows[i].type))
            return CKR_TEMPLATE_INCOMPLETE;
    return CKR_OK;
}

static CK_RV check_allowed(const CK_ATTRIBUTE *attribute, unsigned class_bit, enum bulla_origin origin)
{
    const struct bulla_attribute_row *row = bulla_attribute_row(attribute->type);
    if (!(row->classes & class_bit))
        return CKR_TEMPLATE_INCONSISTENT;
    if (row->flags & BULLA_BY_MODULE)
        return CKR_ATTRIBUTE_READ_ONLY;
    if ((row->flags & BULLA_BY_OFFICER) && *(const CK_BBOOL *)attribute->pValue == CK_TRUE)
        return CKR_ATTRIBUTE_READ_ONLY;
    if (origin != BULLA_CREATED && (row->flags & BULLA_NOT_IN_GENERATE))
        return CKR_TEMPLATE_INCONSISTENT;
    return CKR_OK;
}

static bool put_value(const CK_ATTRIBUTE *attribute, struct bulla_attribute_list *list)
{
    if (bulla_attribute_row(attribute->type)->kind != BULLA_TEMPLATE)
        return bulla_list_put(list, attribute->type, value_of(attribute));
    return bulla_list_put_nested(
        list, attribute->type, attribute->pValue, attribute->ulValueLen / sizeof(CK_ATTRIBUTE));
}

/* A key that comes in wrapped could leave: so it may again, unless the template says otherwise (5.18.4); the standard
 * says the same of one that comes in encapsulated (3.2, 5.18.8 and 5.18.9). */
static bool put_extractable(unsigned class_bit, enum bulla_origin origin, struct bulla_attribute_list *list)
{
    bool comes_in = origin == BULLA_UNWRAPPED || origin == BULLA_ENCAPSULATED;
    if (!comes_in || !(class_bit & (BULLA_IN_PRIVATE | BULLA_IN_SECRET)) || bulla_list_find(list, CKA_EXTRACTABLE))
        return true;
    return bulla_list_put_bool(list, CKA_EXTRACTABLE, true);
}

CK_RV bulla_template_new(const CK_ATTRIBUTE *attributes, CK_ULONG count, enum bulla_origin origin,
    CK_OBJECT_CLASS object_class, struct bulla_attribute_list *list)
{
    CK_RV rv = bulla_template_form(attributes, count);
    if (rv != CKR_OK)
        return rv;
    unsigned class_bit = bulla_class_bit(object_class);
    if (!class_bit || (class_bit & (BULLA_IN_STATUS | BULLA_IN_PROFILE)))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    for (CK_ULONG i = 0; i < count; i++) {
        rv = check_allowed(&attributes[i], class_bit, origin);
        if (rv != CKR_OK)
            return rv;
        if (!put_value(&attributes[i], list))
            return CKR_TEMPLATE_INCONSISTENT;
    }
    if (origin == BULLA_CREATED) {
        rv = check_required(class_bit, list);
        if (rv == CKR_OK)
            rv = check_key_needs(object_class, list);
        if (rv == CKR_OK)
            rv = put_derived(attributes, count, list, class_bit);
        if (rv != CKR_OK)
            return rv;
    }
    bool put = put_privacy(class_bit, list) && put_uses(class_bit, list) && put_extractable(class_bit, origin, list) &&
               put_defaults(class_bit, list) && put_history(class_bit, origin, list);
    return put ? bulla_roles_check(list) : CKR_HOST_MEMORY;
}

static CK_RV check_change(const CK_ATTRIBUTE *attribute, bool copying, const struct bulla_attribute_list *list)
{
    const struct bulla_attribute_row *row = bulla_attribute_row(attribute->type);
    const struct bulla_attribute *item = bulla_list_find(list, CKA_CLASS);
    CK_OBJECT_CLASS object_class;
    memcpy(&object_class, item->value.data, sizeof object_class);
    if (!(row->classes & bulla_class_bit(object_class)))
        return CKR_ATTRIBUTE_TYPE_INVALID;
    /* Whether a key's secret is the one given is not told, nor how far it is. */
    bool secret = row->flags & BULLA_SENSITIVE && (object_class == CKO_SECRET_KEY || object_class == CKO_PRIVATE_KEY);
    bool settable = row->flags & (copying ? BULLA_SETTABLE | BULLA_COPY_SET : BULLA_SETTABLE);
    if (!secret && (copying || settable) && same_value(list, attribute))
        return CKR_OK; /* a copy may be described whole */
    bool now = row->kind == BULLA_BOOL && *(const CK_BBOOL *)attribute->pValue == CK_TRUE;
    if (!settable)
        return CKR_ATTRIBUTE_READ_ONLY;
    if (((row->flags & BULLA_ONLY_RAISE) && !now) || ((row->flags & BULLA_ONLY_LOWER) && now))
        return CKR_ATTRIBUTE_READ_ONLY;
    return row->kind == BULLA_BOOL ? bulla_roles_change(bulla_class_bit(object_class), row->type, now) : CKR_OK;
}

CK_RV bulla_template_change(
    const CK_ATTRIBUTE *attributes, CK_ULONG count, bool copying, struct bulla_attribute_list *list)
{
    CK_RV rv = bulla_template_form(attributes, count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++)
        rv = check_change(&attributes[i], copying, list);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++)
        if (!bulla_list_put(list, attributes[i].type, value_of(&attributes[i])))
            rv = CKR_TEMPLATE_INCONSISTENT;
    return rv == CKR_OK && copying ? bulla_roles_check(list) : rv;
}
