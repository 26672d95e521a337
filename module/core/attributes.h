/* Attributes: the values of an object, and the one table of what each attribute is.
 *
 * A set is sorted by type, each type at most once, and immutable once an object holds it: a change makes a new set, so
 * readers need no lock. Values are in the host's form: CK_BBOOL one byte, CK_ULONG sizeof(CK_ULONG) bytes, anything
 * else bytes. In the store they are deterministic CBOR {type: bstr}, a CK_ULONG as 8 bytes big-endian; an array of
 * attributes is the bytes of such a map. */
#ifndef BULLA_CORE_ATTRIBUTES_H
#define BULLA_CORE_ATTRIBUTES_H

#include <stdbool.h>

#include "bulla_pkcs11.h"
#include "crypto/bytes.h"

/* BULLA_TEMPLATE is an array of attributes: CK_ATTRIBUTEs of the caller's in a template, and everywhere else the
 * store's form of a list, so that no value holds a pointer. */
enum bulla_attribute_kind { BULLA_BOOL, BULLA_ULONG, BULLA_OCTETS, BULLA_ULONGS, BULLA_TEMPLATE };

enum bulla_attribute_flag {
    BULLA_SETTABLE = 1 << 0,   /* C_SetAttributeValue and C_CopyObject may change it */
    BULLA_COPY_SET = 1 << 1,   /* C_CopyObject may change it */
    BULLA_SENSITIVE = 1 << 2,  /* sealed at rest in private objects and keys (bulla_list_seals) */
    BULLA_BY_MODULE = 1 << 3,  /* no template may name it, but for its right value */
    BULLA_ONLY_RAISE = 1 << 4, /* a boolean that may turn true, never false */
    BULLA_ONLY_LOWER = 1 << 5, /* a boolean that may turn false, never true */
    BULLA_DEFAULT_TRUE = 1 << 6,
    BULLA_DEFAULT_EMPTY = 1 << 7,   /* octets: present and empty; booleans without a default flag: false */
    BULLA_NO_DEFAULT = 1 << 8,      /* absent unless given */
    BULLA_NOT_IN_GENERATE = 1 << 9, /* templates of key generation may not name it */
    BULLA_BY_OFFICER = 1 << 10,     /* a boolean that the SO alone makes true */
    BULLA_WRITE_ONLY = 1 << 11,     /* given, and never kept */
};

/* Classes as bits, for the table's columns. */
enum bulla_class_bit {
    BULLA_IN_DATA = 1 << 0,
    BULLA_IN_CERTIFICATE = 1 << 1,
    BULLA_IN_PUBLIC = 1 << 2,
    BULLA_IN_PRIVATE = 1 << 3,
    BULLA_IN_SECRET = 1 << 4,
    BULLA_IN_POLICY = 1 << 5,
    BULLA_IN_STATUS = 1 << 6,
    BULLA_IN_PROFILE = 1 << 7,
    BULLA_IN_PRINCIPAL = 1 << 8,
};

/* The CKA_ID of a token's receipt keys. */
#define BULLA_RECEIPT_ID "receipt"

struct bulla_attribute_row {
    CK_ATTRIBUTE_TYPE type;
    enum bulla_attribute_kind kind;
    unsigned classes;  /* which may have it */
    unsigned required; /* which must be given it by C_CreateObject */
    unsigned flags;
};

/* NULL for a type that is in no row. The table is sorted by type. */
const struct bulla_attribute_row *bulla_attribute_row(CK_ATTRIBUTE_TYPE type);
const struct bulla_attribute_row *bulla_attribute_rows(size_t *count);
/* 0 for a class that is not supported. */
unsigned bulla_class_bit(CK_OBJECT_CLASS object_class);

struct bulla_attribute {
    CK_ATTRIBUTE_TYPE type;
    struct bulla_bytes value;
};
struct bulla_attributes {
    struct bulla_bytes encoded; /* of a set that was read from the store: its form there, in the same block */
    size_t count;
    struct bulla_attribute items[]; /* the values lie behind, in the same block */
};

/* --- building: a list of views that becomes a set --- */
enum { BULLA_ATTRIBUTES_LARGEST = 96, BULLA_NESTED_MOST = 16, BULLA_NESTED_LARGEST = 3072 };
struct bulla_attribute_list {
    size_t count;
    struct bulla_attribute items[BULLA_ATTRIBUTES_LARGEST];
    size_t nested_used; /* of the store's forms of arrays of attributes, which are made here */
    uint8_t nested[BULLA_NESTED_LARGEST];
};
/* Adds or replaces; false when the list is full. The view must outlive the list. */
bool bulla_list_put(struct bulla_attribute_list *list, CK_ATTRIBUTE_TYPE type, struct bulla_bytes value);
bool bulla_list_put_bool(struct bulla_attribute_list *list, CK_ATTRIBUTE_TYPE type, bool value);
/* Puts an array of attributes whose form was checked; its store's form lies in `list`, which must not move. False also
 * when that is too large. */
bool bulla_list_put_nested(
    struct bulla_attribute_list *list, CK_ATTRIBUTE_TYPE type, const CK_ATTRIBUTE *attributes, size_t count);
const struct bulla_attribute *bulla_list_find(const struct bulla_attribute_list *list, CK_ATTRIBUTE_TYPE type);
/* Whether the list's sensitive attributes are sealed: it is a private or secret key, or a private object. A public
 * certificate's or data object's value is not. */
bool bulla_list_seals(const struct bulla_attribute_list *list);
/* bulla_object_is_plain of what the list will be. */
bool bulla_list_is_plain(const struct bulla_attribute_list *list);
/* False when absent. */
bool bulla_list_bool(const struct bulla_attribute_list *list, CK_ATTRIBUTE_TYPE type);
void bulla_list_from(struct bulla_attribute_list *list, const struct bulla_attributes *attributes);

/* Copies the list's values that are not sealed into a set of its own, malloc'd; NULL without memory. Sealed values are
 * never copied to the heap. */
struct bulla_attributes *bulla_attributes_make(const struct bulla_attribute_list *list);
/* The set of a row's public part, malloc'd, with a copy of `encoded`: what bulla_attributes_decode gives, and
 * bulla_attributes_make leaves of it, in one pass and one block. The same refusals, and BULLA_OUT_OF_MEMORY. */
enum bulla_reason bulla_attributes_read(
    struct bulla_bytes encoded, struct bulla_attributes **attributes) BULLA_MUST_USE;
void bulla_attributes_free(struct bulla_attributes *attributes);

/* Empty with data NULL when absent. */
struct bulla_bytes bulla_attributes_get(const struct bulla_attributes *attributes, CK_ATTRIBUTE_TYPE type);
bool bulla_attributes_bool(const struct bulla_attributes *attributes, CK_ATTRIBUTE_TYPE type);
CK_ULONG bulla_attributes_ulong(const struct bulla_attributes *attributes, CK_ATTRIBUTE_TYPE type, CK_ULONG absent);
/* Whether mechanism is in CKA_ALLOWED_MECHANISMS, or there is no such list. */
bool bulla_attributes_allow(const struct bulla_attributes *attributes, CK_MECHANISM_TYPE mechanism);

/* The store's form. `sealed` chooses which of a list's attributes are written: those that are sealed, or the others. */
enum bulla_reason bulla_attributes_encode(
    const struct bulla_attribute_list *list, bool sealed, struct bulla_writer *writer) BULLA_MUST_USE;
size_t bulla_attributes_encoded_size(const struct bulla_attribute_list *list, bool sealed);
/* Views into `bytes`, except CK_ULONGs, which go to `numbers` (BULLA_ATTRIBUTES_LARGEST of them). */
enum bulla_reason bulla_attributes_decode(
    struct bulla_bytes bytes, CK_ULONG *numbers, struct bulla_attribute_list *list) BULLA_MUST_USE;

#endif
