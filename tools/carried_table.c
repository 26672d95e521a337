#include "carried_table.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "carried.h"
#include "options.h"

#ifndef CKK_EC_EDWARDS
#define CKK_EC_EDWARDS 0x40UL
#endif
#ifndef CKK_EC_MONTGOMERY
#define CKK_EC_MONTGOMERY 0x41UL
#endif

enum {
    DATA = 1 << 0,
    CERTIFICATE = 1 << 1,
    PUBLIC = 1 << 2,
    PRIVATE = 1 << 3,
    SECRET = 1 << 4,
    OWN_KEYS = PRIVATE | SECRET,
    KEYS = PUBLIC | OWN_KEYS,
    ALL = DATA | CERTIFICATE | KEYS,
};

static const struct {
    CK_OBJECT_CLASS class;
    unsigned bit;
    const char *words;
} classes[] = {
    {CKO_DATA, DATA, "data"},
    {CKO_CERTIFICATE, CERTIFICATE, "certificate"},
    {CKO_PUBLIC_KEY, PUBLIC, "public key"},
    {CKO_PRIVATE_KEY, PRIVATE, "private key"},
    {CKO_SECRET_KEY, SECRET, "secret key"},
};

enum { RSA = 1 << 0, EC = 1 << 1, SYMMETRIC = 1 << 2, OTHER = 1 << 3 };

/* Key types whose parts the rows below name; a secret key is its value, whatever its type. */
static const struct {
    CK_KEY_TYPE type;
    unsigned bit;
    const char *words;
} types[] = {
    {CKK_RSA, RSA, "RSA"},
    {CKK_EC, EC, "EC"},
    {CKK_EC_EDWARDS, EC, "Edwards"},
    {CKK_EC_MONTGOMERY, EC, "Montgomery"},
    {CKK_GENERIC_SECRET, SYMMETRIC, "generic"},
    {CKK_AES, SYMMETRIC, "AES"},
    {CKK_DES3, SYMMETRIC, "DES3"},
    {CKK_DES2, SYMMETRIC, "DES2"},
    {CKK_DES, SYMMETRIC, "DES"},
    {CKK_DSA, OTHER, "DSA"},
    {CKK_DH, OTHER, "DH"},
};

static const struct bulla_carried_row rows[] = {
    {CKA_CLASS, ALL, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_KEY_TYPE, KEYS, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_CERTIFICATE_TYPE, CERTIFICATE, 0, BULLA_CARRIED_PLAIN, true},
    {CKA_PRIVATE, ALL, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_LABEL, ALL, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_ID, CERTIFICATE | KEYS, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_MODIFIABLE, ALL, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_COPYABLE, ALL, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_DESTROYABLE, ALL, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_APPLICATION, DATA, 0, BULLA_CARRIED_PLAIN, true},
    {CKA_OBJECT_ID, DATA, 0, BULLA_CARRIED_PLAIN, true},
    {CKA_VALUE, DATA | CERTIFICATE, 0, BULLA_CARRIED_PLAIN, true},
    {CKA_SUBJECT, CERTIFICATE | PUBLIC | PRIVATE, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_ISSUER, CERTIFICATE, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_SERIAL_NUMBER, CERTIFICATE, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_CERTIFICATE_CATEGORY, CERTIFICATE, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_URL, CERTIFICATE, 0, BULLA_CARRIED_PLAIN, true},
    {CKA_START_DATE, CERTIFICATE | KEYS, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_END_DATE, CERTIFICATE | KEYS, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_SENSITIVE, OWN_KEYS, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_EXTRACTABLE, OWN_KEYS, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_ENCRYPT, PUBLIC | SECRET, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_DECRYPT, OWN_KEYS, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_SIGN, OWN_KEYS, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_SIGN_RECOVER, PRIVATE, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_VERIFY, PUBLIC | SECRET, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_VERIFY_RECOVER, PUBLIC, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_WRAP, PUBLIC | SECRET, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_UNWRAP, OWN_KEYS, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_DERIVE, KEYS, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_ALWAYS_AUTHENTICATE, PRIVATE, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_WRAP_WITH_TRUSTED, OWN_KEYS, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_ALLOWED_MECHANISMS, KEYS, 0, BULLA_CARRIED_PLAIN, false},
    {CKA_MODULUS, PUBLIC | PRIVATE, RSA, BULLA_CARRIED_PART, true},
    {CKA_PUBLIC_EXPONENT, PUBLIC | PRIVATE, RSA, BULLA_CARRIED_PART, true},
    {CKA_PRIVATE_EXPONENT, PRIVATE, RSA, BULLA_CARRIED_SECRET, false},
    {CKA_PRIME_1, PRIVATE, RSA, BULLA_CARRIED_PART, false},
    {CKA_PRIME_2, PRIVATE, RSA, BULLA_CARRIED_PART, false},
    {CKA_EXPONENT_1, PRIVATE, RSA, BULLA_CARRIED_PART, false},
    {CKA_EXPONENT_2, PRIVATE, RSA, BULLA_CARRIED_PART, false},
    {CKA_COEFFICIENT, PRIVATE, RSA, BULLA_CARRIED_PART, false},
    {CKA_EC_PARAMS, PUBLIC | PRIVATE, EC, BULLA_CARRIED_PART, true},
    {CKA_EC_POINT, PUBLIC | PRIVATE, EC, BULLA_CARRIED_PART, true},
    {CKA_VALUE, PRIVATE, EC, BULLA_CARRIED_SECRET, true},
    {CKA_VALUE, SECRET, 0, BULLA_CARRIED_SECRET, true},
    {CKA_VALUE_LEN, SECRET, 0, BULLA_CARRIED_READ, true},
    {CKA_LOCAL, KEYS, 0, BULLA_CARRIED_READ, false},
    {CKA_TRUSTED, CERTIFICATE | PUBLIC | SECRET, 0, BULLA_CARRIED_READ, false},
};

const struct bulla_carried_row *bulla_carried_rows(size_t *count)
{
    *count = BULLA_COUNT(rows);
    return rows;
}

static unsigned class_bit(CK_OBJECT_CLASS class)
{
    for (size_t i = 0; i < BULLA_COUNT(classes); i++)
        if (classes[i].class == class)
            return classes[i].bit;
    return 0;
}

static unsigned type_bit(CK_KEY_TYPE type)
{
    for (size_t i = 0; i < BULLA_COUNT(types); i++)
        if (types[i].type == type)
            return types[i].bit;
    return 0;
}

bool bulla_carried_row_fits(const struct bulla_carried_row *row, CK_OBJECT_CLASS class, CK_KEY_TYPE type)
{
    return (row->classes & class_bit(class)) && (!row->types || (row->types & type_bit(type)));
}

bool bulla_carried_is_key(CK_OBJECT_CLASS class)
{
    return (class_bit(class) & KEYS) != 0;
}

bool bulla_carried_is_known(CK_OBJECT_CLASS class, CK_KEY_TYPE type)
{
    if (class == CKO_PUBLIC_KEY || class == CKO_PRIVATE_KEY)
        return (type_bit(type) & (RSA | EC)) != 0;
    return class_bit(class) != 0;
}

/* --- telling objects apart, and naming them --- */

/* A point may stand in a DER octet string or by itself, a number may have zeros in front. */
static struct bulla_bytes value_bare(const CK_ATTRIBUTE *attribute, CK_OBJECT_CLASS class)
{
    struct bulla_bytes value = {attribute->pValue, attribute->ulValueLen};
    bool number = attribute->type == CKA_MODULUS || attribute->type == CKA_PUBLIC_EXPONENT ||
                  (attribute->type == CKA_VALUE && class == CKO_PRIVATE_KEY);
    bool point = attribute->type == CKA_EC_POINT;
    while (number && value.size > 1 && value.data[0] == 0)
        value = (struct bulla_bytes){value.data + 1, value.size - 1};
    size_t long_form = point && value.size > 2 && value.data[1] == 0x81 ? 1 : 0;
    size_t head = 2 + long_form;
    if (point && value.size > head && value.data[0] == 0x04 && value.data[1 + long_form] == value.size - head)
        value = (struct bulla_bytes){value.data + head, value.size - head};
    return value;
}

static bool is_same(struct bulla_carried *one, struct bulla_carried *other, CK_ATTRIBUTE_TYPE type, bool both)
{
    const CK_ATTRIBUTE *first = bulla_carried_find(one, type);
    const CK_ATTRIBUTE *second = bulla_carried_find(other, type);
    if (!first || !second)
        return both ? !first && !second : true;
    struct bulla_bytes left = value_bare(first, one->class);
    struct bulla_bytes right = value_bare(second, one->class);
    return left.size == right.size && sodium_memcmp(left.data, right.data, left.size) == 0;
}

bool bulla_carried_same(struct bulla_carried *one, struct bulla_carried *other)
{
    if (one->class != other->class || one->type != other->type || !is_same(one, other, CKA_ID, true) ||
        !is_same(one, other, CKA_LABEL, true))
        return false;
    for (size_t i = 0; i < BULLA_COUNT(rows); i++) {
        /* Edwards and Montgomery curves have several names. */
        bool told = rows[i].told && (rows[i].type != CKA_EC_PARAMS || one->type == CKK_EC);
        bool always = one->class == CKO_DATA || one->class == CKO_CERTIFICATE;
        if (told && bulla_carried_row_fits(&rows[i], one->class, one->type) &&
            !is_same(one, other, rows[i].type, always))
            return false;
    }
    return true;
}

const char *bulla_carried_class(const struct bulla_carried *carried)
{
    for (size_t i = 0; i < BULLA_COUNT(classes); i++)
        if (classes[i].class == carried->class)
            return classes[i].words;
    return "object of another class";
}

const char *bulla_carried_type(const struct bulla_carried *carried)
{
    if (!bulla_carried_is_key(carried->class))
        return "";
    for (size_t i = 0; i < BULLA_COUNT(types); i++)
        if (types[i].type == carried->type)
            return types[i].words;
    return "of another type";
}

void bulla_carried_name(struct bulla_carried *carried, char name[static BULLA_CARRIED_NAME])
{
    enum { ID_SHOWN = 20 };
    const CK_ATTRIBUTE *label = bulla_carried_find(carried, CKA_LABEL);
    const CK_ATTRIBUTE *id = bulla_carried_find(carried, CKA_ID);
    const char *type = bulla_carried_type(carried);
    char hex[2 * ID_SHOWN + 1] = "";
    if (id)
        bulla_hex_write(id->pValue, id->ulValueLen < ID_SHOWN ? id->ulValueLen : ID_SHOWN, hex);
    (void)snprintf(name, BULLA_CARRIED_NAME, "%s%s%s \"%.*s\"%s%s%s", bulla_carried_class(carried), *type ? " " : "",
        type, label ? (int)(label->ulValueLen < 100 ? label->ulValueLen : 100) : 0, label ? (char *)label->pValue : "",
        id ? " (id " : "", hex, id ? ")" : "");
}
