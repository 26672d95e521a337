/* One array, and for each key a table of chains through it, by places: nothing is allocated for a row. A table has as
 * many chains as the array has room for rows, and is made anew when that grows. What is taken stays where it is, as a
 * gap, until all of it goes. */
#include "unread.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST = 64 };

/* Ids are random, and marks spread their bits (bulla_store_mark). */
static uint64_t word_of(const struct bulla_unread_row *row, enum bulla_unread_key key)
{
    return key == BULLA_UNREAD_ROW ? bulla_store_id_mark(row->id) : row->marks[key - BULLA_UNREAD_LABEL];
}

static uint32_t *head_of(const struct bulla_unread *unread, enum bulla_unread_key key, uint64_t word)
{
    uint64_t spread = word * UINT64_C(0x9e3779b97f4a7c15);
    return &unread->heads[((size_t)key << unread->bits) + (size_t)(spread >> (64 - unread->bits))];
}

static void chain(const struct bulla_unread *unread, size_t place)
{
    struct bulla_unread_row *row = &unread->rows[place];
    for (int key = 0; key < BULLA_UNREAD_KEYS; key++) {
        uint64_t word = word_of(row, key);
        row->next[key] = 0;
        if (!word || row->taken)
            continue;
        uint32_t *head = head_of(unread, key, word);
        row->next[key] = *head;
        *head = (uint32_t)place + 1;
    }
}

static bool grow(struct bulla_unread *unread)
{
    unsigned bits = unread->capacity ? unread->bits + 1 : 6;
    size_t capacity = unread->capacity ? 2 * unread->capacity : FIRST;
    if (bits > 31)
        return false;
    uint32_t *heads = calloc((size_t)BULLA_UNREAD_KEYS << bits, sizeof *heads);
    struct bulla_unread_row *rows = heads ? realloc(unread->rows, capacity * sizeof *rows) : NULL;
    if (!rows) {
        free(heads);
        return false;
    }
    free(unread->heads);
    unread->heads = heads;
    unread->rows = rows;
    unread->bits = bits;
    unread->capacity = capacity;
    for (size_t place = 0; place < unread->used; place++)
        chain(unread, place);
    return true;
}

bool bulla_unread_add(struct bulla_unread *unread, CK_OBJECT_HANDLE handle, const struct bulla_store_row *outline)
{
    if (unread->used == unread->capacity && !grow(unread))
        return false;
    struct bulla_unread_row *row = &unread->rows[unread->used];
    row->handle = handle;
    memcpy(row->id, outline->id, sizeof row->id);
    memcpy(row->marks, outline->marks, sizeof row->marks);
    row->taken = false;
    chain(unread, unread->used++);
    (void)atomic_fetch_add(&unread->count, 1);
    return true;
}

/* The next one of a chain that was not taken; `at` as in `next`. */
static const struct bulla_unread_row *along(
    const struct bulla_unread *unread, enum bulla_unread_key key, uint64_t word, uint32_t at)
{
    while (at && (unread->rows[at - 1].taken || word_of(&unread->rows[at - 1], key) != word))
        at = unread->rows[at - 1].next[key];
    return at ? &unread->rows[at - 1] : NULL;
}

const struct bulla_unread_row *bulla_unread_find_id(const struct bulla_unread *unread, const uint8_t id[static 16])
{
    uint64_t word = bulla_store_id_mark(id);
    if (!atomic_load(&unread->count))
        return NULL;
    uint32_t at = *head_of(unread, BULLA_UNREAD_ROW, word);
    const struct bulla_unread_row *row = along(unread, BULLA_UNREAD_ROW, word, at);
    while (row && memcmp(row->id, id, sizeof row->id) != 0)
        row = along(unread, BULLA_UNREAD_ROW, word, row->next[BULLA_UNREAD_ROW]);
    return row;
}

static bool has_marks(const struct bulla_unread_row *row, const uint64_t marks[static BULLA_STORE_MARKS])
{
    for (int i = 0; i < BULLA_STORE_MARKS; i++)
        if (marks[i] && marks[i] != row->marks[i])
            return false;
    return true;
}

/* Many objects may share a label; few share an id. */
const struct bulla_unread_row *bulla_unread_marked(const struct bulla_unread *unread,
    const uint64_t marks[static BULLA_STORE_MARKS], const struct bulla_unread_row *after)
{
    int mark = BULLA_STORE_MARKS - 1;
    while (mark >= 0 && !marks[mark])
        mark--;
    if (mark < 0 || !atomic_load(&unread->count))
        return NULL;
    enum bulla_unread_key key = (enum bulla_unread_key)(BULLA_UNREAD_LABEL + mark);
    uint32_t at = after ? after->next[key] : *head_of(unread, key, marks[mark]);
    const struct bulla_unread_row *row = along(unread, key, marks[mark], at);
    while (row && !has_marks(row, marks))
        row = along(unread, key, marks[mark], row->next[key]);
    return row;
}

CK_OBJECT_HANDLE bulla_unread_take(struct bulla_unread *unread, const uint8_t id[static 16])
{
    const struct bulla_unread_row *row = bulla_unread_find_id(unread, id);
    if (!row)
        return 0;
    unread->rows[row - unread->rows].taken = true;
    CK_OBJECT_HANDLE handle = row->handle;
    if (atomic_fetch_sub(&unread->count, 1) == 1)
        bulla_unread_free(unread);
    return handle;
}

void bulla_unread_free(struct bulla_unread *unread)
{
    free(unread->rows);
    free(unread->heads);
    unread->rows = NULL;
    unread->heads = NULL;
    unread->used = unread->capacity = 0;
    unread->bits = 0;
    atomic_store(&unread->count, 0);
}
