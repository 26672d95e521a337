#include "states_table.h"

#include <stdlib.h>

#include "crypto/arena.h"
#include "crypto/cbor.h"

/* --- the table --- */

static void state_free(struct bulla_state *state)
{
    bulla_secret_free(state->secret);
    free(state);
}

enum bulla_reason bulla_state_table_make(struct bulla_state_table **table)
{
    *table = calloc(1, sizeof **table);
    return *table ? BULLA_OK : bulla_refuse(BULLA_OUT_OF_MEMORY, "reading the keys' states");
}

void bulla_state_table_free(struct bulla_state_table *table)
{
    for (size_t i = 0; table && i < table->count; i++)
        state_free(table->items[i]);
    free(table);
}

void bulla_state_table_cleanup(struct bulla_state_table **table)
{
    bulla_state_table_free(*table);
}

/* The place of an id, or where it would be. */
static size_t place_of(const struct bulla_state_table *table, const uint8_t id[static 16])
{
    size_t at = 0;
    while (at < table->count && memcmp(table->items[at]->id, id, 16) < 0)
        at++;
    return at;
}

static bool is_at(const struct bulla_state_table *table, size_t at, const uint8_t id[static 16])
{
    return at < table->count && memcmp(table->items[at]->id, id, 16) == 0;
}

struct bulla_state *bulla_state_table_find(const struct bulla_state_table *table, const uint8_t id[static 16])
{
    size_t at = place_of(table, id);
    return is_at(table, at, id) ? table->items[at] : NULL;
}

static enum bulla_reason import(struct bulla_state *state, struct bulla_bytes raw, unsigned depth, unsigned period)
{
    BULLA_TRY(bulla_secret_allocate(sizeof *state->secret, (void **)&state->secret));
    return bulla_kes_import(raw, depth, period, &state->key, state->secret);
}

enum bulla_reason bulla_state_table_add(struct bulla_state_table *table, const uint8_t id[static 16],
    struct bulla_bytes raw, unsigned depth, unsigned period)
{
    size_t at = place_of(table, id);
    if (is_at(table, at, id))
        return bulla_refuse(BULLA_DUPLICATE, "a key has two states");
    if (table->count == BULLA_STATES_MOST)
        return bulla_refuse(BULLA_TOO_LARGE, "a token has at most %d keys that evolve", BULLA_STATES_MOST);
    struct bulla_state *state = calloc(1, sizeof *state);
    if (!state)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "a key's state");
    enum bulla_reason reason = import(state, raw, depth, period);
    if (reason != BULLA_OK) {
        state_free(state);
        return reason;
    }
    memcpy(state->id, id, 16);
    memmove(&table->items[at + 1], &table->items[at], (table->count - at) * sizeof table->items[0]);
    table->items[at] = state;
    table->count++;
    return BULLA_OK;
}

void bulla_state_table_remove(struct bulla_state_table *table, const uint8_t id[static 16])
{
    size_t at = place_of(table, id);
    if (!is_at(table, at, id))
        return;
    state_free(table->items[at]);
    table->count--;
    memmove(&table->items[at], &table->items[at + 1], (table->count - at) * sizeof table->items[0]);
}

/* A tree is its root's: what hashes to the same root is the same tree. */
void bulla_state_table_adopt(struct bulla_state_table *table, const struct bulla_state_table *older)
{
    for (size_t i = 0; older && i < table->count; i++) {
        struct bulla_kes_key *key = &table->items[i]->key;
        const struct bulla_state *before = bulla_state_table_find(older, table->items[i]->id);
        if (!before || !before->key.whole || before->key.depth != key->depth ||
            memcmp(before->key.nodes[1], key->nodes[1], BULLA_KES_HASH) != 0)
            continue;
        memcpy(key->nodes, before->key.nodes, sizeof key->nodes);
        key->whole = true;
    }
}

/* --- as bytes --- */

enum bulla_reason bulla_state_table_write(const struct bulla_state_table *table, struct bulla_writer *writer)
{
    bulla_cbor_write_map(writer, table->count);
    for (size_t i = 0; i < table->count; i++) {
        const struct bulla_state *state = table->items[i];
        bulla_cbor_write_bstr(writer, BULLA_BYTES(state->id));
        bulla_cbor_write_array(writer, 3);
        bulla_cbor_write_uint(writer, state->key.depth);
        bulla_cbor_write_uint(writer, state->key.period);
        bulla_cbor_write_bstr(writer, (struct bulla_bytes){state->secret->raw, bulla_kes_raw_size(state->key.depth)});
    }
    return bulla_writer_finish(writer, "the keys' states");
}

static enum bulla_reason read_state(
    const struct bulla_cbor *id, const struct bulla_cbor *value, struct bulla_state_table *table)
{
    struct bulla_cbor depth, period, raw;
    struct bulla_cbor_walk walk = bulla_cbor_inside(value);
    if (id->kind != BULLA_CBOR_BSTR || id->string.size != 16 || value->kind != BULLA_CBOR_ARRAY || value->number != 3 ||
        !bulla_cbor_next(&walk, &depth) || !bulla_cbor_next(&walk, &period) || !bulla_cbor_next(&walk, &raw) ||
        depth.kind != BULLA_CBOR_UINT || depth.number > BULLA_KES_DEPTH_LARGEST || period.kind != BULLA_CBOR_UINT ||
        period.number >= BULLA_KES_PERIODS_LARGEST || raw.kind != BULLA_CBOR_BSTR)
        return bulla_refuse(BULLA_STORE_CORRUPT, "a key's state is not [depth, period, key]");
    return bulla_state_table_add(table, id->string.data, raw.string, (unsigned)depth.number, (unsigned)period.number);
}

enum bulla_reason bulla_state_table_read(struct bulla_bytes bytes, struct bulla_state_table *table)
{
    struct bulla_cbor map, id, value;
    BULLA_TRY(bulla_cbor_decode(bytes, "the keys' states", &map));
    if (map.kind != BULLA_CBOR_MAP)
        return bulla_refuse(BULLA_STORE_CORRUPT, "the keys' states are not a map");
    struct bulla_cbor_walk walk = bulla_cbor_inside(&map);
    while (bulla_cbor_next(&walk, &id) && bulla_cbor_next(&walk, &value))
        BULLA_TRY(read_state(&id, &value, table));
    return BULLA_OK;
}
