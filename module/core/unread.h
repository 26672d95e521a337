/* The rows of a token that were not read yet: what is needed to find them, and the
 * handles that their objects will have, in the order in which they were written.
 *
 * When a token is opened nobody knows which of its objects a program will ask for, and most programs ask for a few. Of
 * a plain row (bulla_object_is_plain) only the outline is read then; whoever looks for something has the rows that it
 * may be read first (rows.h). What was read is in the index, and not here any more. Not thread-safe: the token's lock
 * guards it. */
#ifndef BULLA_CORE_UNREAD_H
#define BULLA_CORE_UNREAD_H

#include <stdatomic.h>
#include <stdbool.h>

#include "bulla_pkcs11.h"
#include "store/store.h"

/* What a row is found by: its id, and its marks in the order of bulla_store_row's. */
enum bulla_unread_key { BULLA_UNREAD_ROW, BULLA_UNREAD_LABEL, BULLA_UNREAD_ID, BULLA_UNREAD_KEYS };
_Static_assert(BULLA_UNREAD_KEYS == 1 + BULLA_STORE_MARKS, "a key for each mark");

struct bulla_unread_row {
    CK_OBJECT_HANDLE handle;
    uint8_t id[16];
    uint64_t marks[BULLA_STORE_MARKS];
    uint32_t next[BULLA_UNREAD_KEYS]; /* 1 + the place of the next one in the chain; 0 ends it */
    bool taken;
};

struct bulla_unread {
    struct bulla_unread_row *rows;
    uint32_t *heads; /* of 2^bits chains, for all keys */
    size_t used, capacity;
    unsigned bits;
    atomic_size_t count; /* of those that were not taken; read without the lock */
};

/* False without memory. */
bool bulla_unread_add(struct bulla_unread *unread, CK_OBJECT_HANDLE handle, const struct bulla_store_row *outline);
/* NULL: no such row. The views stay until the next call that adds or frees. */
const struct bulla_unread_row *bulla_unread_find_id(const struct bulla_unread *unread, const uint8_t id[static 16]);
/* The next one behind `after` (NULL begins) whose marks are these; a mark of 0 is any. With no mark at all: NULL. */
const struct bulla_unread_row *bulla_unread_marked(const struct bulla_unread *unread,
    const uint64_t marks[static BULLA_STORE_MARKS], const struct bulla_unread_row *after);
/* Takes the row of this id out, and gives its handle; 0: there is none. */
CK_OBJECT_HANDLE bulla_unread_take(struct bulla_unread *unread, const uint8_t id[static 16]);
/* Empties it. */
void bulla_unread_free(struct bulla_unread *unread);

#endif
