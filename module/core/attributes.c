#include "attributes.h"

#include <stdlib.h>

#include "crypto/cbor.h"

static const CK_BBOOL truth[2] = {CK_FALSE, CK_TRUE};

static struct bulla_attribute *list_find(struct bulla_attribute_list *list, CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].type == type)
            return &list->items[i];
    return NULL;
}

const struct bulla_attribute *bulla_list_find(const struct bulla_attribute_list *list, CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].type == type)
            return &list->items[i];
    return NULL;
}

bool bulla_list_put(struct bulla_attribute_list *list, CK_ATTRIBUTE_TYPE type, struct bulla_bytes value)
{
    struct bulla_attribute *item = list_find(list, type);
    if (!item) {
        if (list->count == BULLA_ATTRIBUTES_LARGEST)
            return false;
        item = &list->items[list->count++];
    }
    *item = (struct bulla_attribute){type, value};
    return true;
}

bool bulla_list_put_bool(struct bulla_attribute_list *list, CK_ATTRIBUTE_TYPE type, bool value)
{
    return bulla_list_put(list, type, (struct bulla_bytes){&truth[value], 1});
}

bool bulla_list_bool(const struct bulla_attribute_list *list, CK_ATTRIBUTE_TYPE type)
{
    const struct bulla_attribute *item = bulla_list_find(list, type);
    return item && item->value.size == 1 && item->value.data[0] == CK_TRUE;
}

void bulla_list_from(struct bulla_attribute_list *list, const struct bulla_attributes *attributes)
{
    list->nested_used = 0;
    list->count = attributes->count < BULLA_ATTRIBUTES_LARGEST ? attributes->count : BULLA_ATTRIBUTES_LARGEST;
    memcpy(list->items, attributes->items, list->count * sizeof list->items[0]);
}

bool bulla_list_seals(const struct bulla_attribute_list *list)
{
    const struct bulla_attribute *class_item = bulla_list_find(list, CKA_CLASS);
    CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
    if (class_item && class_item->value.size == sizeof object_class)
        memcpy(&object_class, class_item->value.data, sizeof object_class);
    return bulla_list_bool(list, CKA_PRIVATE) || object_class == CKO_SECRET_KEY || object_class == CKO_PRIVATE_KEY;
}

static bool is_of_module(struct bulla_bytes number)
{
    CK_ULONG value = 0;
    if (number.size == sizeof value)
        memcpy(&value, number.data, sizeof value);
    return value & CKA_VENDOR_DEFINED; /* one bit for classes, key types and attributes */
}

/* Model keys and others that name their mechanisms, keys that evolve, what is released by a tree of its own, answers,
 * policies, users, and the receipt key, are looked for by the module itself. */
bool bulla_list_is_plain(const struct bulla_attribute_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct bulla_attribute *item = &list->items[i];
        bool kind = item->type == CKA_CLASS || item->type == CKA_KEY_TYPE;
        bool of_module = item->type & CKA_VENDOR_DEFINED && item->type != CKA_BULLA_ATTESTED;
        if (of_module || (kind && is_of_module(item->value)) || item->type == CKA_ALLOWED_MECHANISMS ||
            (item->type == CKA_ID && bulla_bytes_equal_text(item->value, BULLA_RECEIPT_ID)))
            return false;
    }
    return true;
}

static bool is_sealed(CK_ATTRIBUTE_TYPE type, bool list_seals)
{
    const struct bulla_attribute_row *row = bulla_attribute_row(type);
    return !row || (list_seals && (row->flags & BULLA_SENSITIVE));
}

static int by_type(const void *left, const void *right)
{
    CK_ATTRIBUTE_TYPE a = ((const struct bulla_attribute *)left)->type;
    CK_ATTRIBUTE_TYPE b = ((const struct bulla_attribute *)right)->type;
    return (a > b) - (a < b);
}

/* Values are aligned to 8 bytes, so that a CK_ULONG may be read in place. */
static size_t rounded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

struct bulla_attributes *bulla_attributes_make(const struct bulla_attribute_list *list)
{
    size_t count = 0, bytes = 0;
    bool seals = bulla_list_seals(list);
    for (size_t i = 0; i < list->count; i++)
        if (!is_sealed(list->items[i].type, seals)) {
            count++;
            bytes += rounded(list->items[i].value.size);
        }
    struct bulla_attributes *set = malloc(sizeof *set + count * sizeof set->items[0] + bytes);
    if (!set)
        return NULL;
    set->encoded = (struct bulla_bytes){NULL, 0};
    set->count = 0;
    uint8_t *at = (uint8_t *)&set->items[count];
    for (size_t i = 0; i < list->count; i++) {
        const struct bulla_attribute *item = &list->items[i];
        if (is_sealed(item->type, seals))
            continue;
        if (item->value.size)
            memcpy(at, item->value.data, item->value.size);
        set->items[set->count++] = (struct bulla_attribute){item->type, {at, item->value.size}};
        at += rounded(item->value.size);
    }
    qsort(set->items, set->count, sizeof set->items[0], by_type);
    return set;
}

void bulla_attributes_free(struct bulla_attributes *attributes)
{
    free(attributes);
}

struct bulla_bytes bulla_attributes_get(const struct bulla_attributes *attributes, CK_ATTRIBUTE_TYPE type)
{
    size_t low = 0, high = attributes->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (attributes->items[middle].type == type)
            return attributes->items[middle].value;
        if (attributes->items[middle].type < type)
            low = middle + 1;
        else
            high = middle;
    }
    return (struct bulla_bytes){NULL, 0};
}

bool bulla_attributes_bool(const struct bulla_attributes *attributes, CK_ATTRIBUTE_TYPE type)
{
    struct bulla_bytes value = bulla_attributes_get(attributes, type);
    return value.size == 1 && value.data[0] == CK_TRUE;
}

CK_ULONG bulla_attributes_ulong(const struct bulla_attributes *attributes, CK_ATTRIBUTE_TYPE type, CK_ULONG absent)
{
    struct bulla_bytes value = bulla_attributes_get(attributes, type);
    CK_ULONG number = absent;
    if (value.size == sizeof number)
        memcpy(&number, value.data, sizeof number);
    return number;
}

bool bulla_attributes_allow(const struct bulla_attributes *attributes, CK_MECHANISM_TYPE mechanism)
{
    struct bulla_bytes allowed = bulla_attributes_get(attributes, CKA_ALLOWED_MECHANISMS);
    if (!allowed.data)
        return true;
    for (size_t i = 0; i + sizeof mechanism <= allowed.size; i += sizeof mechanism)
        if (memcmp(allowed.data + i, &mechanism, sizeof mechanism) == 0)
            return true;
    return false;
}

/* --- the store's form --- */

/* CK_ULONGs are 8 bytes big-endian there, whatever the host. */
static void encode_value(
    const struct bulla_attribute *item, enum bulla_attribute_kind kind, struct bulla_writer *writer)
{
    if (kind != BULLA_ULONG && kind != BULLA_ULONGS) {
        bulla_cbor_write_bstr(writer, item->value);
        return;
    }
    uint8_t numbers[64 * 8];
    size_t used = 0;
    for (size_t i = 0; i + sizeof(CK_ULONG) <= item->value.size && used + 8 <= sizeof numbers; i += sizeof(CK_ULONG)) {
        CK_ULONG number;
        memcpy(&number, item->value.data + i, sizeof number);
        for (int shift = 56; shift >= 0; shift -= 8)
            numbers[used++] = (uint8_t)((uint64_t)number >> shift);
    }
    bulla_cbor_write_bstr(writer, (struct bulla_bytes){numbers, used});
}

enum bulla_reason bulla_attributes_encode(
    const struct bulla_attribute_list *list, bool sealed, struct bulla_writer *writer)
{
    const struct bulla_attribute *sorted[BULLA_ATTRIBUTES_LARGEST];
    size_t count = 0;
    bool seals = bulla_list_seals(list);
    for (size_t i = 0; i < list->count; i++) {
        if (is_sealed(list->items[i].type, seals) != sealed)
            continue;
        size_t at = count++;
        for (; at > 0 && sorted[at - 1]->type > list->items[i].type; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = &list->items[i];
    }
    bulla_cbor_write_map(writer, count);
    for (size_t i = 0; i < count; i++) {
        const struct bulla_attribute_row *row = bulla_attribute_row(sorted[i]->type);
        if (!row)
            return bulla_refuse(BULLA_INTERNAL, "attribute 0x%lx has no row", sorted[i]->type);
        bulla_cbor_write_uint(writer, sorted[i]->type);
        encode_value(sorted[i], row->kind, writer);
    }
    return bulla_writer_finish(writer, "attributes");
}

size_t bulla_attributes_encoded_size(const struct bulla_attribute_list *list, bool sealed)
{
    struct bulla_writer counter;
    bulla_writer_open(&counter, NULL, 0);
    enum bulla_reason expected = bulla_attributes_encode(list, sealed, &counter); /* too small, by intent */
    return expected == BULLA_OK || expected == BULLA_BUFFER_SMALL ? counter.size : 0;
}

bool bulla_list_put_nested(
    struct bulla_attribute_list *list, CK_ATTRIBUTE_TYPE type, const CK_ATTRIBUTE *attributes, size_t count)
{
    struct bulla_attribute_list inside;
    struct bulla_writer writer;
    inside.count = 0;
    for (size_t i = 0; i < count; i++)
        if (!bulla_list_put(
                &inside, attributes[i].type, (struct bulla_bytes){attributes[i].pValue, attributes[i].ulValueLen}))
            return false;
    bulla_writer_open(&writer, list->nested + list->nested_used, sizeof list->nested - list->nested_used);
    if (bulla_attributes_encode(&inside, false, &writer) != BULLA_OK)
        return false;
    list->nested_used += writer.size;
    return bulla_list_put(list, type, bulla_writer_bytes(&writer));
}

static enum bulla_reason decode_value(const struct bulla_attribute_row *row, struct bulla_bytes stored,
    CK_ULONG **numbers, const CK_ULONG *end, struct bulla_bytes *value)
{
    *value = stored;
    if (row->kind == BULLA_OCTETS || row->kind == BULLA_TEMPLATE || (row->kind == BULLA_BOOL && stored.size == 1))
        return BULLA_OK;
    size_t count = stored.size / 8;
    if (row->kind == BULLA_BOOL || stored.size % 8 || (row->kind == BULLA_ULONG && count != 1) ||
        count > (size_t)(end - *numbers))
        return bulla_refuse(BULLA_MALFORMED, "attribute 0x%lx has %zu bytes", row->type, stored.size);
    struct bulla_reader reader;
    bulla_reader_open(&reader, stored);
    *value = (struct bulla_bytes){(const uint8_t *)*numbers, count * sizeof(CK_ULONG)};
    for (size_t i = 0; i < count; i++)
        *(*numbers)++ = (CK_ULONG)bulla_read_u64(&reader);
    return BULLA_OK;
}

enum bulla_reason bulla_attributes_decode(
    struct bulla_bytes bytes, CK_ULONG *numbers, struct bulla_attribute_list *list)
{
    struct bulla_cbor map, key, stored;
    const CK_ULONG *end = numbers + BULLA_ATTRIBUTES_LARGEST;
    BULLA_TRY(bulla_cbor_decode(bytes, "attributes", &map));
    if (map.kind != BULLA_CBOR_MAP)
        return bulla_refuse(BULLA_MALFORMED, "attributes are not a map");
    struct bulla_cbor_walk walk = bulla_cbor_inside(&map);
    while (bulla_cbor_next(&walk, &key) && bulla_cbor_next(&walk, &stored)) {
        const struct bulla_attribute_row *row =
            key.kind == BULLA_CBOR_UINT ? bulla_attribute_row((CK_ATTRIBUTE_TYPE)key.number) : NULL;
        struct bulla_bytes value;
        if (!row || stored.kind != BULLA_CBOR_BSTR)
            return bulla_refuse(BULLA_UNKNOWN_FIELD, "attribute 0x%llx", (unsigned long long)key.number);
        BULLA_TRY(decode_value(row, stored.string, &numbers, end, &value));
        if (!bulla_list_put(list, row->type, value))
            return bulla_refuse(BULLA_TOO_LARGE, "more than %d attributes", BULLA_ATTRIBUTES_LARGEST);
    }
    return BULLA_OK;
}
