#include "ledger_table.h"

#include <string.h>

#include "crypto/cbor.h"

static enum bulla_reason table_entries(const struct bulla_ledger_table *table, struct bulla_cbor *map)
{
    BULLA_TRY(bulla_cbor_decode((struct bulla_bytes){table->bytes, table->size}, "the ledger", map));
    if (map->kind != BULLA_CBOR_MAP || map->number > BULLA_LEDGER_NAMES)
        return bulla_refuse(BULLA_STORE_CORRUPT, "the ledger is not a map");
    return BULLA_OK;
}

static uint64_t table_find(const struct bulla_cbor *map, const char *name)
{
    struct bulla_cbor key, value;
    struct bulla_cbor_walk walk = bulla_cbor_inside(map);
    while (bulla_cbor_next(&walk, &key) && bulla_cbor_next(&walk, &value))
        if (bulla_bytes_equal_text(key.string, name))
            return value.number;
    return 0;
}

/* Deterministic order of text keys: shorter first, then by bytes. */
static int key_order(struct bulla_bytes key, const char *name)
{
    size_t size = strlen(name);
    return key.size != size ? (key.size < size ? -1 : 1) : memcmp(key.data, name, size);
}

void bulla_ledger_table_copy(const struct bulla_ledger_table *from, struct bulla_ledger_table *to)
{
    memcpy(to, from, offsetof(struct bulla_ledger_table, bytes) + from->size);
}

void bulla_ledger_table_clear(struct bulla_ledger_table *table)
{
    static const uint8_t empty_map = 0xa0;
    table->bytes[0] = empty_map;
    table->size = 1;
}

static void write_entry(struct bulla_writer *writer, const char *name, uint64_t number)
{
    if (!number)
        return;
    bulla_cbor_write_tstr(writer, name);
    bulla_cbor_write_uint(writer, number);
}

static enum bulla_reason write_changed(
    const struct bulla_cbor *map, const char *name, uint64_t number, struct bulla_ledger_table *changed)
{
    struct bulla_cbor key, value;
    struct bulla_writer writer;
    bool present = table_find(map, name) != 0, written = false;
    bulla_writer_open(&writer, changed->bytes, sizeof changed->bytes);
    bulla_cbor_write_map(&writer, (size_t)map->number + (number != 0) - present);
    struct bulla_cbor_walk walk = bulla_cbor_inside(map);
    while (bulla_cbor_next(&walk, &key) && bulla_cbor_next(&walk, &value)) {
        int order = key_order(key.string, name);
        if (order >= 0 && !written)
            write_entry(&writer, name, number);
        written |= order >= 0;
        if (order != 0) {
            bulla_write_bytes(&writer, key.encoded);
            bulla_write_bytes(&writer, value.encoded);
        }
    }
    if (!written)
        write_entry(&writer, name, number);
    changed->size = writer.size;
    return bulla_writer_finish(&writer, "the ledger");
}

enum bulla_reason bulla_ledger_table_set(
    const struct bulla_ledger_table *old, const char *name, uint64_t number, struct bulla_ledger_table *changed)
{
    struct bulla_cbor map;
    BULLA_TRY(table_entries(old, &map));
    uint64_t before = table_find(&map, name);
    if (number == before) {
        bulla_ledger_table_copy(old, changed);
        return BULLA_OK;
    }
    if (!before && map.number >= BULLA_LEDGER_NAMES) /* a table with more would never be read again */
        return bulla_refuse(
            BULLA_TOO_LARGE, "the ledger holds %d numbers, and %s is not one of them", BULLA_LEDGER_NAMES, name);
    return write_changed(&map, name, number, changed);
}

enum bulla_reason bulla_ledger_table_raise(
    const struct bulla_ledger_table *old, const char *name, uint64_t number, struct bulla_ledger_table *raised)
{
    uint64_t before;
    BULLA_TRY(bulla_ledger_table_find(old, name, &before));
    return bulla_ledger_table_set(old, name, number > before ? number : before, raised);
}

enum bulla_reason bulla_ledger_table_find(const struct bulla_ledger_table *table, const char *name, uint64_t *number)
{
    struct bulla_cbor map;
    BULLA_TRY(table_entries(table, &map));
    *number = table_find(&map, name);
    return BULLA_OK;
}

enum bulla_reason bulla_ledger_table_walk(
    const struct bulla_ledger_table *table, bulla_ledger_visit *visit, void *context)
{
    struct bulla_cbor map, key, value;
    BULLA_TRY(table_entries(table, &map));
    struct bulla_cbor_walk walk = bulla_cbor_inside(&map);
    while (bulla_cbor_next(&walk, &key) && bulla_cbor_next(&walk, &value))
        visit(context, key.string, value.number);
    return BULLA_OK;
}
