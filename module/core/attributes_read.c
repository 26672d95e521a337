/* Reading a row's public part. A token of ten thousand objects reads as many when it is opened, so this is one pass and
 * one block of memory: the set, its items, the numbers in the host's form, and the row's own bytes, which the other
 * values are views of, and which the row's tag is checked over.
 *
 * The keys of the map ascend, and so do the rows of the table: they are walked side by side. */
#include <endian.h>
#include <stdlib.h>

#include "attributes.h"
#include "crypto/cbor.h"

struct reading {
    struct bulla_attribute_list list;
    CK_ULONG numbers[BULLA_ATTRIBUTES_LARGEST];
    size_t numbers_used;
    bool sensitive,
        unusual; /* whether one was met that is sealed in some objects; one that decode_value knows more of */
};

static enum bulla_reason refuse_size(const struct bulla_attribute_row *row, size_t size)
{
    return bulla_refuse(BULLA_MALFORMED, "attribute 0x%lx has %zu bytes", row->type, size);
}

static enum bulla_reason read_numbers(struct reading *reading, const struct bulla_attribute_row *row,
    struct bulla_bytes stored, struct bulla_bytes *value)
{
    size_t count = stored.size / 8;
    CK_ULONG *numbers = reading->numbers + reading->numbers_used;
    if (stored.size % 8 || (row->kind == BULLA_ULONG && count != 1) ||
        count > BULLA_ATTRIBUTES_LARGEST - reading->numbers_used)
        return refuse_size(row, stored.size);
    for (size_t i = 0; i < count; i++) {
        uint64_t number;
        memcpy(&number, stored.data + 8 * i, 8);
        numbers[i] = (CK_ULONG)be64toh(number);
    }
    *value = (struct bulla_bytes){(const uint8_t *)numbers, count * sizeof(CK_ULONG)};
    reading->numbers_used += count;
    return BULLA_OK;
}

static enum bulla_reason read_value(
    struct reading *reading, const struct bulla_attribute_row *row, struct bulla_bytes stored)
{
    struct bulla_bytes value = stored;
    if (row->kind == BULLA_BOOL && stored.size != 1)
        return refuse_size(row, stored.size);
    if (row->kind == BULLA_ULONG || row->kind == BULLA_ULONGS)
        BULLA_TRY(read_numbers(reading, row, stored, &value));
    reading->unusual |= row->kind > BULLA_ULONGS;
    reading->sensitive |= (row->flags & BULLA_SENSITIVE) != 0;
    reading->list.items[reading->list.count++] = (struct bulla_attribute){row->type, value};
    return BULLA_OK;
}

static enum bulla_reason read_pairs(struct reading *reading, struct bulla_bytes encoded)
{
    size_t rows_left;
    const struct bulla_attribute_row *row = bulla_attribute_rows(&rows_left);
    struct bulla_cbor_pairs pairs;
    BULLA_TRY(bulla_cbor_pairs_open(encoded, "attributes", &pairs));
    if (pairs.left > BULLA_ATTRIBUTES_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "more than %d attributes", BULLA_ATTRIBUTES_LARGEST);
    while (pairs.left) {
        uint64_t key = 0;
        struct bulla_bytes stored = {NULL, 0};
        BULLA_TRY(bulla_cbor_pairs_next(&pairs, &key, &stored));
        for (; rows_left && row->type < key; rows_left--)
            row++;
        if (!rows_left || row->type != key)
            return bulla_refuse(BULLA_UNKNOWN_FIELD, "attribute 0x%llx", (unsigned long long)key);
        BULLA_TRY(read_value(reading, row, stored));
    }
    return bulla_reader_finish(&pairs.reader, "attributes");
}

/* What is sealed does not stand in a public part. Where it does, the row is not ours: nobody gets to see it, and the
 * tag will say the rest. */
static void drop_sealed(struct bulla_attribute_list *list)
{
    size_t kept = 0;
    if (!bulla_list_seals(list))
        return;
    for (size_t i = 0; i < list->count; i++)
        if (!(bulla_attribute_row(list->items[i].type)->flags & BULLA_SENSITIVE))
            list->items[kept++] = list->items[i];
    list->count = kept;
}

/* Views of the row become views of the copy, numbers move behind the items. */
static struct bulla_attributes *copy(const struct reading *reading, struct bulla_bytes encoded)
{
    size_t items = reading->list.count * sizeof reading->list.items[0];
    size_t numbers = reading->numbers_used * sizeof(CK_ULONG);
    struct bulla_attributes *set = malloc(sizeof *set + items + numbers + encoded.size);
    if (!set)
        return NULL;
    uint8_t *own_numbers = (uint8_t *)set->items + items, *own = own_numbers + numbers;
    memcpy(own_numbers, reading->numbers, numbers);
    memcpy(own, encoded.data, encoded.size);
    set->encoded = (struct bulla_bytes){own, encoded.size};
    set->count = reading->list.count;
    for (size_t i = 0; i < set->count; i++) {
        struct bulla_attribute item = reading->list.items[i];
        uintptr_t at = (uintptr_t)item.value.data, in_row = at - (uintptr_t)encoded.data;
        uintptr_t in_numbers = at - (uintptr_t)reading->numbers;
        const uintptr_t places[2] = {(uintptr_t)own_numbers + in_numbers, (uintptr_t)own + in_row};
        item.value.data = (const uint8_t *)places[in_row <= encoded.size]; /* no branch: no guess would be right */
        set->items[i] = item;
    }
    return set;
}

/* A kind of attribute that this file has no short way for. */
static enum bulla_reason read_unusual(struct bulla_bytes encoded, struct bulla_attributes **attributes)
{
    CK_ULONG numbers[BULLA_ATTRIBUTES_LARGEST];
    struct bulla_attribute_list list = {0};
    BULLA_TRY(bulla_attributes_decode(encoded, numbers, &list));
    *attributes = bulla_attributes_make(&list);
    return *attributes ? BULLA_OK : bulla_refuse(BULLA_OUT_OF_MEMORY, "reading an object");
}

enum bulla_reason bulla_attributes_read(struct bulla_bytes encoded, struct bulla_attributes **attributes)
{
    struct reading reading; /* not zeroed: 3 KiB for each row */
    reading.list.count = reading.numbers_used = 0;
    reading.sensitive = reading.unusual = false;
    BULLA_TRY(read_pairs(&reading, encoded));
    if (reading.unusual)
        return read_unusual(encoded, attributes);
    if (reading.sensitive)
        drop_sealed(&reading.list);
    *attributes = copy(&reading, encoded);
    return *attributes ? BULLA_OK : bulla_refuse(BULLA_OUT_OF_MEMORY, "reading an object");
}
