/* Numbers that never go back: policy versions, models' generations, grants' uses, the time.
 *
 * The ledger is one sealed table, { name: number }. With a TPM it is bound to an NV counter: the row "ledger.<c>" is in
 * force where c is the counter's value. A step writes "ledger.<c+1>", durably; increments the counter, which is the
 * commit; and erases "ledger.<c>". A crash before the increment leaves the old table in force, one after it the new
 * one; a folder put back from a backup holds neither, and is refused (BULLA_ROLLED_BACK).
 *
 * Changing is two steps: the first with the table as it is, the second with the raised one. A crash before an increment
 * leaves a row for a value that the counter has yet to reach, and somebody may keep it. The first step passes over that
 * value, so that each changed table has a value for which no other attempt ever wrote a row: what is answered as
 * committed can't be exchanged for what an earlier attempt left. That holds for a number that is lowered (uses given
 * back), too: whoever lowers one has given up what it stands for before the first row is written.
 *
 * Each change carries the time along, and the TPM's clock with it (time_floor.h), at no further step.
 *
 * Processes take turns by a lock on a file of the folder. Without a TPM the row is "ledger.0", replaced in place: as
 * strong as the file system, and shown as such by `bulla status` (it has no counter). */
#include <stdio.h>

#include "crypto/cipher.h"
#include "heap.h"
#include "ledger_table.h"
#include "now.h"
#include "release/backend.h"
#include "token.h"
#include "turn.h"

enum { INDEX_SIZE = 4, AAD_SIZE = 14 + 16 + 8 };

static void row_name(uint64_t counter, char name[static 32])
{
    (void)snprintf(name, 32, "ledger.%llu", (unsigned long long)counter);
}

static void write_aad(const struct bulla_token *token, uint64_t counter, struct bulla_writer *aad)
{
    bulla_write(aad, "bulla/1 ledger", 14);
    bulla_write_bytes(aad, bulla_token_serial(token));
    bulla_write_u64(aad, counter);
}

enum bulla_reason bulla_ledger_index_read(struct bulla_token *token, uint32_t *index)
{
    uint8_t value[INDEX_SIZE];
    struct bulla_writer writer;
    bulla_writer_open(&writer, value, sizeof value);
    BULLA_TRY(bulla_token_value(token, BULLA_VALUE_COUNTER, &writer));
    struct bulla_reader reader;
    bulla_reader_open(&reader, bulla_writer_bytes(&writer));
    *index = bulla_read_u32(&reader);
    return bulla_reader_finish(&reader, "the counter's index");
}

uint32_t bulla_ledger_index(struct bulla_token *token)
{
    uint32_t index = 0;
    if (bulla_ledger_index_read(token, &index) == BULLA_OK)
        return index;
    bulla_detail_clear();
    return 0;
}

/* A token that was made without a TPM has no counter, also where it was given a TPM since. */
static enum bulla_reason anchor_read(struct bulla_token *token, struct bulla_ledger_anchor *anchor)
{
    *anchor = (struct bulla_ledger_anchor){0};
    if (!token->keys)
        return bulla_refuse(BULLA_NOT_LOGGED_IN, "the ledger is read with the token key");
    BULLA_TRY(bulla_ledger_index_read(token, &anchor->index));
    if (!anchor->index)
        return BULLA_OK;
    if (!*token->config->tcti || !bulla_token_backend)
        return bulla_refuse(BULLA_TPM_UNREACHABLE, "the token has a counter in a TPM, and bulla.conf names no tcti");
    return bulla_token_backend->counter_read(
        token->config->tcti, anchor->index, token->keys->counter, &anchor->counter);
}

/* --- the table --- */

/* A table and its sealed form, together on the heap. */
struct sheet {
    struct bulla_ledger_table table;
    uint8_t sealed[BULLA_LEDGER_LARGEST + BULLA_BOX_OVERHEAD];
    size_t sealed_size;
};

static enum bulla_reason sheet_make(struct sheet **sheet)
{
    return bulla_heap_allocate(sizeof **sheet, "the ledger", (void **)sheet);
}

static enum bulla_reason sheet_seal(struct bulla_token *token, struct sheet *sheet, uint64_t counter)
{
    uint8_t aad_bytes[AAD_SIZE];
    struct bulla_writer aad, sealed;
    bulla_writer_open(&aad, aad_bytes, sizeof aad_bytes);
    bulla_writer_open(&sealed, sheet->sealed, sizeof sheet->sealed);
    write_aad(token, counter, &aad);
    BULLA_TRY(bulla_box_seal(token->keys->ledger, bulla_writer_bytes(&aad),
        (struct bulla_bytes){sheet->table.bytes, sheet->table.size}, &sealed));
    sheet->sealed_size = sealed.size;
    return bulla_writer_finish(&sealed, "the ledger");
}

static enum bulla_reason sheet_load(struct bulla_token *token, uint64_t counter, struct sheet *sheet)
{
    uint8_t aad_bytes[AAD_SIZE];
    struct bulla_writer writer, aad;
    char name[32];
    row_name(counter, name);
    bulla_writer_open(&writer, sheet->sealed, sizeof sheet->sealed);
    enum bulla_reason reason = bulla_token_value(token, name, &writer);
    if (reason == BULLA_STORE_MISSING)
        return bulla_refuse(BULLA_ROLLED_BACK, "the TPM's counter is at %llu, and the store has no ledger for it",
            (unsigned long long)counter);
    BULLA_TRY(reason);
    BULLA_TRY(bulla_writer_finish(&writer, "the ledger"));
    if (writer.size < BULLA_BOX_OVERHEAD)
        return bulla_refuse(BULLA_STORE_CORRUPT, "the ledger has %zu bytes", writer.size);
    bulla_writer_open(&aad, aad_bytes, sizeof aad_bytes);
    write_aad(token, counter, &aad);
    sheet->table.size = writer.size - BULLA_BOX_OVERHEAD;
    return bulla_box_open(
        token->keys->ledger, bulla_writer_bytes(&aad), bulla_writer_bytes(&writer), sheet->table.bytes);
}

/* --- reading and raising --- */

enum bulla_reason bulla_ledger_counter(struct bulla_token *token, uint64_t *counter)
{
    struct bulla_ledger_anchor anchor;
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    enum bulla_reason reason = anchor_read(token, &anchor);
    (void)pthread_rwlock_unlock(&token->keys_lock);
    *counter = anchor.counter;
    return reason;
}

/* Readers take no turns: between the counter and its row another may have raised both, and then they are read again. */
static enum bulla_reason sheet_in_force(struct bulla_token *token, struct sheet *sheet)
{
    struct bulla_ledger_anchor anchor;
    BULLA_TRY(anchor_read(token, &anchor));
    for (;;) {
        enum bulla_reason reason = sheet_load(token, anchor.counter, sheet);
        uint64_t before = anchor.counter;
        if (reason != BULLA_ROLLED_BACK)
            return reason;
        BULLA_TRY(anchor_read(token, &anchor));
        if (anchor.counter == before)
            return reason;
    }
}

static enum bulla_reason walk_entries(struct bulla_token *token, bulla_ledger_visit *visit, void *context)
{
    BULLA_HEAP struct sheet *sheet = NULL;
    BULLA_TRY(sheet_make(&sheet));
    BULLA_TRY(sheet_in_force(token, sheet));
    return bulla_ledger_table_walk(&sheet->table, visit, context);
}

enum bulla_reason bulla_ledger_walk(struct bulla_token *token, bulla_ledger_visit *visit, void *context)
{
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    enum bulla_reason reason = walk_entries(token, visit, context);
    (void)pthread_rwlock_unlock(&token->keys_lock);
    return reason;
}

static enum bulla_reason read_entries(
    struct bulla_token *token, size_t count, const char *const *names, uint64_t *numbers)
{
    BULLA_HEAP struct sheet *sheet = NULL;
    BULLA_TRY(sheet_make(&sheet));
    BULLA_TRY(sheet_in_force(token, sheet));
    for (size_t i = 0; i < count; i++)
        BULLA_TRY(bulla_ledger_table_find(&sheet->table, names[i], &numbers[i]));
    return BULLA_OK;
}

enum bulla_reason bulla_ledger_read_many(
    struct bulla_token *token, size_t count, const char *const *names, uint64_t *numbers)
{
    memset(numbers, 0, count * sizeof *numbers);
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    enum bulla_reason reason = read_entries(token, count, names, numbers);
    (void)pthread_rwlock_unlock(&token->keys_lock);
    return reason;
}

enum bulla_reason bulla_ledger_read(struct bulla_token *token, const char *name, uint64_t *number)
{
    return bulla_ledger_read_many(token, 1, &name, number);
}

struct rows {
    const char *put, *erase; /* NULL: none */
    struct bulla_bytes value;
};

static enum bulla_reason write_rows(struct bulla_token *token, void *context)
{
    const struct rows *rows = context;
    if (rows->put)
        BULLA_TRY(bulla_store_value_put(token->store, rows->put, rows->value));
    return rows->erase ? bulla_store_value_erase(token->store, rows->erase) : BULLA_OK;
}

static enum bulla_reason put_sheet(struct bulla_token *token, uint64_t counter, struct sheet *sheet)
{
    char name[32];
    row_name(counter, name);
    BULLA_TRY(sheet_seal(token, sheet, counter));
    struct rows rows = {.put = name, .value = {sheet->sealed, sheet->sealed_size}};
    return bulla_token_transaction(token, write_rows, &rows);
}

static enum bulla_reason erase_row(struct bulla_token *token, uint64_t counter)
{
    char name[32];
    row_name(counter, name);
    struct rows rows = {.erase = name};
    return bulla_token_transaction(token, write_rows, &rows);
}

/* A connection that was lost may have lost the answer alone: the counter itself says whether it moved. */
static enum bulla_reason increment(struct bulla_token *token, const struct bulla_ledger_anchor *anchor)
{
    struct bulla_ledger_anchor now = {.index = anchor->index};
    struct bulla_detail_kept detail;
    enum bulla_reason reason =
        bulla_token_backend->counter_increment(token->config->tcti, anchor->index, token->keys->counter, &now.counter);
    if (reason != BULLA_OK) {
        bulla_detail_keep(&detail);
        bool moved = anchor_read(token, &now) == BULLA_OK && now.counter != anchor->counter;
        bulla_detail_restore(&detail);
        if (!moved)
            return reason;
    }
    if (now.counter != anchor->counter + 1)
        return bulla_refuse(BULLA_ROLLED_BACK, "the counter went from %llu to %llu: somebody else moves it",
            (unsigned long long)anchor->counter, (unsigned long long)now.counter);
    return BULLA_OK;
}

/* One step: row c+1, increment, erase row c. */
static enum bulla_reason advance(struct bulla_token *token, struct bulla_ledger_anchor *anchor, struct sheet *sheet)
{
    BULLA_TRY(put_sheet(token, anchor->counter + 1, sheet));
    bulla_fault_point("ledger-written");
    BULLA_TRY(increment(token, anchor));
    bulla_fault_point("ledger-incremented");
    return erase_row(token, anchor->counter++);
}

static enum bulla_reason replace(
    struct bulla_token *token, struct bulla_ledger_anchor *anchor, struct sheet *present, struct sheet *changed)
{
    if (!anchor->index)
        return put_sheet(token, 0, changed);
    BULLA_TRY(advance(token, anchor, present));
    return advance(token, anchor, changed);
}

static enum bulla_reason set_number(struct bulla_ledger_table *table, const char *name, uint64_t number)
{
    BULLA_HEAP struct bulla_ledger_table *before = NULL;
    BULLA_TRY(bulla_heap_allocate(sizeof *before, "the ledger", (void **)&before));
    bulla_ledger_table_copy(table, before);
    return bulla_ledger_table_set(before, name, number, table);
}

static enum bulla_reason set_mark(struct bulla_ledger_table *table, const struct bulla_time_mark *mark)
{
    BULLA_TRY(set_number(table, BULLA_LEDGER_TIME, mark->time));
    return set_number(table, BULLA_LEDGER_CLOCK, mark->clock);
}

static enum bulla_reason find_mark(const struct bulla_ledger_table *table, struct bulla_time_mark *mark)
{
    BULLA_TRY(bulla_ledger_table_find(table, BULLA_LEDGER_TIME, &mark->time));
    return bulla_ledger_table_find(table, BULLA_LEDGER_CLOCK, &mark->clock);
}

static enum bulla_reason carry_time(
    struct bulla_token *token, const struct bulla_ledger_anchor *anchor, struct bulla_ledger_table *table)
{
    struct bulla_time_mark mark;
    uint64_t clock = 0;
    BULLA_TRY(find_mark(table, &mark));
    if (anchor->index)
        BULLA_TRY(bulla_token_clock(token, &clock));
    mark = bulla_time_next(&mark, clock, bulla_system_seconds());
    return set_mark(table, &mark);
}

struct changing {
    size_t count;
    const char *const *names;
    bulla_ledger_decision *decide;
    void *context;
    bool forced; /* for the time's sake, where nothing else changes */
};

static enum bulla_reason decide_changes(const struct changing *changing, struct bulla_ledger_table *table)
{
    uint64_t numbers[BULLA_LEDGER_CHANGES];
    if (changing->count > BULLA_LEDGER_CHANGES)
        return bulla_refuse(BULLA_INTERNAL, "%zu changes of the ledger at once", changing->count);
    for (size_t i = 0; i < changing->count; i++)
        BULLA_TRY(bulla_ledger_table_find(table, changing->names[i], &numbers[i]));
    if (changing->decide)
        BULLA_TRY(changing->decide(changing->context, numbers));
    for (size_t i = 0; i < changing->count; i++)
        BULLA_TRY(set_number(table, changing->names[i], numbers[i]));
    return BULLA_OK;
}

static bool is_same(const struct bulla_ledger_table *left, const struct bulla_ledger_table *right)
{
    return left->size == right->size && memcmp(left->bytes, right->bytes, left->size) == 0;
}

static enum bulla_reason change_in_turn(struct bulla_token *token, void *context)
{
    const struct changing *changing = context;
    struct bulla_ledger_anchor anchor;
    struct bulla_time_mark mark;
    BULLA_HEAP struct sheet *present = NULL;
    BULLA_HEAP struct sheet *changed = NULL;
    BULLA_TRY(sheet_make(&present));
    BULLA_TRY(sheet_make(&changed));
    BULLA_TRY(anchor_read(token, &anchor));
    BULLA_TRY(sheet_load(token, anchor.counter, present));
    bulla_ledger_table_copy(&present->table, &changed->table);
    BULLA_TRY(decide_changes(changing, &changed->table));
    if (!changing->forced && is_same(&present->table, &changed->table))
        return BULLA_OK;
    BULLA_TRY(carry_time(token, &anchor, &changed->table));
    BULLA_TRY(replace(token, &anchor, present, changed));
    BULLA_TRY(find_mark(&changed->table, &mark));
    bulla_token_time_note(token, &mark);
    return BULLA_OK;
}

static enum bulla_reason in_turn(struct bulla_token *token, bulla_ledger_action *action, void *context)
{
    BULLA_TURN struct bulla_turn own;
    BULLA_TRY(bulla_turn_take(token->config->path, "ledger.lock", &own));
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    enum bulla_reason reason = action(token, context);
    (void)pthread_rwlock_unlock(&token->keys_lock);
    return reason;
}

enum bulla_reason bulla_ledger_change(
    struct bulla_token *token, size_t count, const char *const *names, bulla_ledger_decision *decide, void *context)
{
    struct changing changing = {count, names, decide, context, false};
    return in_turn(token, change_in_turn, &changing);
}

enum bulla_reason bulla_ledger_keep_time(struct bulla_token *token)
{
    struct changing changing = {.forced = true};
    return in_turn(token, change_in_turn, &changing);
}

struct raising {
    size_t count;
    const uint64_t *numbers;
};

static enum bulla_reason raise_numbers(void *context, uint64_t *numbers)
{
    const struct raising *raising = context;
    for (size_t i = 0; i < raising->count; i++)
        if (raising->numbers[i] > numbers[i])
            numbers[i] = raising->numbers[i];
    return BULLA_OK;
}

enum bulla_reason bulla_ledger_raise_many(
    struct bulla_token *token, size_t count, const char *const *names, const uint64_t *numbers)
{
    struct raising raising = {count, numbers};
    return bulla_ledger_change(token, count, names, raise_numbers, &raising);
}

enum bulla_reason bulla_ledger_raise(struct bulla_token *token, const char *name, uint64_t number)
{
    return bulla_ledger_raise_many(token, 1, &name, &number);
}

enum bulla_reason bulla_ledger_turn(struct bulla_token *token, bulla_ledger_action *action, void *context)
{
    return in_turn(token, action, context);
}

struct anchoring {
    bulla_anchored *action;
    void *context;
};

static enum bulla_reason anchor_in_turn(struct bulla_token *token, void *context)
{
    const struct anchoring *anchoring = context;
    struct bulla_ledger_anchor anchor;
    BULLA_TRY(anchor_read(token, &anchor));
    return anchoring->action(token, anchor.counter, anchoring->context);
}

enum bulla_reason bulla_ledger_anchor(struct bulla_token *token, bulla_anchored *action, void *context)
{
    struct anchoring anchoring = {action, context};
    return in_turn(token, anchor_in_turn, &anchoring);
}

/* --- a new token --- */

enum bulla_reason bulla_ledger_anchor_make(
    struct bulla_token *token, const struct bulla_token_keys *keys, struct bulla_ledger_anchor *anchor)
{
    *anchor = (struct bulla_ledger_anchor){0};
    if (!*token->config->tcti || !bulla_token_backend)
        return BULLA_OK;
    BULLA_TRY(bulla_token_clock(token, &anchor->clock));
    return bulla_token_backend->counter_create(token->config->tcti, keys->counter, &anchor->index, &anchor->counter);
}

enum bulla_reason bulla_ledger_put(struct bulla_token *token, const struct bulla_ledger_anchor *anchor)
{
    const struct bulla_time_mark none = {0}, mark = bulla_time_next(&none, anchor->clock, bulla_system_seconds());
    uint8_t index[INDEX_SIZE];
    struct bulla_writer writer;
    char name[32];
    BULLA_HEAP struct sheet *sheet = NULL;
    BULLA_TRY(sheet_make(&sheet));
    bulla_writer_open(&writer, index, sizeof index);
    bulla_write_u32(&writer, anchor->index);
    BULLA_TRY(bulla_store_value_put(token->store, BULLA_VALUE_COUNTER, bulla_writer_bytes(&writer)));
    bulla_ledger_table_clear(&sheet->table);
    BULLA_TRY(set_mark(&sheet->table, &mark));
    BULLA_TRY(sheet_seal(token, sheet, anchor->counter));
    row_name(anchor->counter, name);
    return bulla_store_value_put(token->store, name, (struct bulla_bytes){sheet->sealed, sheet->sealed_size});
}

void bulla_ledger_anchor_remove(struct bulla_token *token, uint32_t index)
{
    struct bulla_detail_kept detail;
    if (!index || !*token->config->tcti || !bulla_token_backend)
        return;
    bulla_detail_keep(&detail);
    enum bulla_reason ignored = bulla_token_backend->counter_remove(token->config->tcti, index);
    (void)ignored; /* where it stays, status counts one free index less */
    bulla_detail_restore(&detail);
}
