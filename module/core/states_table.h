/* The table of states, in the arena but for what is public, and as bytes:
 *     { 16 bytes object id => [ depth, period, raw key ] }    deterministic CBOR (RFC 8949, 4.2)  */
#ifndef BULLA_CORE_STATES_TABLE_H
#define BULLA_CORE_STATES_TABLE_H

#include "crypto/kes.h"

enum { BULLA_STATES_MOST = 64, BULLA_STATES_LARGEST = 8 + BULLA_STATES_MOST * (17 + 8 + 3 + BULLA_KES_RAW_LARGEST) };

struct bulla_state {
    uint8_t id[16];
    struct bulla_kes_key key;
    struct bulla_kes_secret *secret; /* in the arena */
};
struct bulla_state_table {
    size_t count;
    struct bulla_state *items[BULLA_STATES_MOST]; /* ascending by id */
    unsigned slot;                                /* where it is in the store */
    bool kept;                                    /* false: nothing opens one yet, it was never written */
};

/* Empty; BULLA_OUT_OF_MEMORY. Freed with everything in it, wiped; NULL is allowed. */
enum bulla_reason bulla_state_table_make(struct bulla_state_table **table) BULLA_MUST_USE;
void bulla_state_table_free(struct bulla_state_table *table);
void bulla_state_table_cleanup(struct bulla_state_table **table);
#define BULLA_STATE_TABLE __attribute__((cleanup(bulla_state_table_cleanup))) struct bulla_state_table

struct bulla_state *bulla_state_table_find(const struct bulla_state_table *table, const uint8_t id[static 16]);
/* BULLA_TOO_LARGE, BULLA_DUPLICATE, and what bulla_kes_import refuses. */
enum bulla_reason bulla_state_table_add(struct bulla_state_table *table, const uint8_t id[static 16],
    struct bulla_bytes raw, unsigned depth, unsigned period) BULLA_MUST_USE;
void bulla_state_table_remove(struct bulla_state_table *table, const uint8_t id[static 16]);

enum bulla_reason bulla_state_table_write(
    const struct bulla_state_table *table, struct bulla_writer *writer) BULLA_MUST_USE;
/* Into an empty table. Every key is checked as an imported one is. */
enum bulla_reason bulla_state_table_read(struct bulla_bytes bytes, struct bulla_state_table *table) BULLA_MUST_USE;
/* Takes over the public nodes that an older reading had made already. */
void bulla_state_table_adopt(struct bulla_state_table *table, const struct bulla_state_table *older);

#endif
