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

enum bulla_reason bulla_ledger_table_raise(
    const struct bulla_ledger_table *old, const char *name, uint64_t number, struct bulla_ledger_table *raised)
{
    struct bulla_cbor map, key, value;
    BULLA_TRY(table_entries(old, &map));
    uint64_t before = table_find(&map, name);
    bool present = before != 0, written = false;
    if (number <= before) {
        memcpy(raised, old, offsetof(struct bulla_ledger_table, bytes) + old->size);
        return BULLA_OK;
    }
    if (!present && map.number >= BULLA_LEDGER_NAMES) /* a table with more would never be read again */
        return bulla_refuse(
            BULLA_TOO_LARGE, "the ledger holds %d numbers, and %s is not one of them", BULLA_LEDGER_NAMES, name);
    struct bulla_writer writer;
    bulla_writer_open(&writer, raised->bytes, sizeof raised->bytes);
    bulla_cbor_write_map(&writer, (size_t)map.number + (present ? 0 : 1));
    struct bulla_cbor_walk walk = bulla_cbor_inside(&map);
    while (bulla_cbor_next(&walk, &key) && bulla_cbor_next(&walk, &value)) {
        int order = key_order(key.string, name);
        if (order >= 0 && !written) {
            bulla_cbor_write_tstr(&writer, name);
            bulla_cbor_write_uint(&writer, number);
            written = true;
        }
        if (order != 0) {
            bulla_write_bytes(&writer, key.encoded);
            bulla_write_bytes(&writer, value.encoded);
        }
    }
    if (!written) {
        bulla_cbor_write_tstr(&writer, name);
        bulla_cbor_write_uint(&writer, number);
    }
    raised->size = writer.size;
    return bulla_writer_finish(&writer, "the ledger");
}

enum bulla_reason bulla_ledger_table_find(const struct bulla_ledger_table *table, const char *name, uint64_t *number)
{
    struct bulla_cbor map;
    BULLA_TRY(table_entries(table, &map));
    *number = table_find(&map, name);
    return BULLA_OK;
}
