/* Transactions, and what a connection remembers between them. The order of a commit is explained in generation.c.
 *
 * A stored generation lower than was seen before means that an older file was put in place of this one: the next walk
 * starts anew. The same generation under another PRAGMA data_version means that somebody may have changed rows with
 * another tool: the next walk brings all rows once more. It makes nobody forget anything, because data_version also
 * changes when a writer of ours has restarted the log and has yet to commit (SQLite then drops its cache, and counts
 * that). What another tool removed without a word is found at the next open.
 *
 * SQLite rolls a transaction back by itself after some errors (a full disk, an I/O error). What followed would then
 * commit by itself, statement by statement; bulla_store_writing refuses it. */
#include <time.h>
#include <unistd.h>

#include "inside.h"

enum bulla_reason bulla_store_own(const struct bulla_store *store)
{
    if (store->process != getpid())
        return bulla_refuse(BULLA_FORKED, "%s was opened by process %d", store->path, (int)store->process);
    return BULLA_OK;
}

enum bulla_reason bulla_store_writing(const struct bulla_store *store)
{
    if (store->next == 0)
        return bulla_refuse(BULLA_INTERNAL, "%s: a write outside a transaction", store->path);
    BULLA_TRY(bulla_store_own(store));
    if (sqlite3_get_autocommit(store->database))
        return bulla_refuse(BULLA_STORE_IO, "%s: an error before has ended this transaction", store->path);
    return BULLA_OK;
}

static enum bulla_reason first_number(struct bulla_store *store, enum bulla_statement which, int64_t numbers[static 2])
{
    int code = SQLITE_DONE;
    BULLA_TRY(bulla_statement_step(store, which, &code));
    sqlite3_stmt *statement = store->statements[which];
    for (int i = 0; i < 2 && i < sqlite3_column_count(statement); i++)
        numbers[i] = sqlite3_column_int64(statement, i);
    bulla_statement_reset(store, which);
    if (code != SQLITE_ROW)
        return bulla_refuse(BULLA_STORE_CORRUPT, "%s: its generation is missing", store->path);
    return BULLA_OK;
}

enum bulla_reason bulla_store_same_schema(struct bulla_store *store)
{
    int64_t schema[2] = {0};
    BULLA_TRY(first_number(store, BULLA_SQL_USER_VERSION, schema));
    if (schema[0] != BULLA_STORE_SCHEMA)
        return bulla_refuse(BULLA_STORE_NEWER, "%s: another process migrated it", store->path);
    return BULLA_OK;
}

enum bulla_reason bulla_store_observe(struct bulla_store *store, uint64_t *generation, uint64_t *floor)
{
    int64_t version[2] = {0};
    int64_t state[2] = {0};
    BULLA_TRY(first_number(store, BULLA_SQL_DATA_VERSION, version));
    BULLA_TRY(bulla_store_same_schema(store));
    BULLA_TRY(first_number(store, BULLA_SQL_STATE, state));
    if (state[1] < 1 || state[0] < state[1] || state[0] > INT64_MAX / 2)
        return bulla_refuse(BULLA_STORE_CORRUPT, "%s: its generation is out of bounds", store->path);
    *generation = (uint64_t)state[0];
    *floor = (uint64_t)state[1];
    if (store->seen_generation > *generation)
        store->restart = true;
    if (store->seen_generation == *generation && store->seen_version != version[0])
        store->revisit = true;
    store->seen_generation = *generation;
    store->seen_version = version[0];
    return BULLA_OK;
}

/* Whether the path still leads to the files that are open here: what is written to removed files is lost. */
static enum bulla_reason still_there(const struct bulla_store *store)
{
    const char *paths[2] = {store->path, store->generation_path};
    for (int i = 0; i < 2; i++) {
        struct stat status;
        if (stat(paths[i], &status) != 0 || status.st_dev != store->files[i].st_dev ||
            status.st_ino != store->files[i].st_ino)
            return bulla_refuse(BULLA_STORE_MISSING, "%s was removed or replaced while it was open", paths[i]);
    }
    return BULLA_OK;
}

static void roll_back(struct bulla_store *store)
{
    if (!sqlite3_get_autocommit(store->database))
        (void)sqlite3_step(store->statements[BULLA_SQL_ROLLBACK]);
    bulla_statement_reset(store, BULLA_SQL_ROLLBACK);
    store->next = 0;
    atomic_store(&store->in_use, false);
}

enum bulla_reason bulla_store_begin(struct bulla_store *store)
{
    uint64_t generation = 0;
    uint64_t floor = 0;
    BULLA_TRY(bulla_store_own(store));
    if (store->next != 0)
        return bulla_refuse(BULLA_INTERNAL, "%s: a transaction inside a transaction", store->path);
    BULLA_TRY(still_there(store));
    atomic_store(&store->in_use, true);
    enum bulla_reason reason = bulla_statement_run(store, BULLA_SQL_BEGIN_WRITE);
    if (reason == BULLA_OK)
        reason = bulla_store_observe(store, &generation, &floor);
    if (reason != BULLA_OK) {
        roll_back(store);
        return reason;
    }
    store->next = generation + 1;
    store->erased = false;
    store->change = (struct bulla_change){.reach = BULLA_CHANGE_NO_ROW};
    bulla_fault_point("store-begin");
    return BULLA_OK;
}

static enum bulla_reason run_with(struct bulla_store *store, enum bulla_statement which, uint64_t number)
{
    (void)sqlite3_bind_int64(store->statements[which], 1, (int64_t)number); /* a failure shows in the step */
    return bulla_statement_run(store, which);
}

/* What can't be told readers find out by themselves: the commit is made. */
static void tell_end(struct bulla_store *store)
{
    store->change.finished = true;
    if (bulla_generation_note(&store->generation, store->next, &store->change) != BULLA_OK)
        bulla_detail_clear();
    bulla_fault_point("store-end-noted");
    bulla_generation_finish(&store->generation, store->next);
}

static enum bulla_reason commit(struct bulla_store *store)
{
    BULLA_TRY(bulla_store_writing(store));
    if (store->erased) {
        BULLA_TRY(run_with(store, BULLA_SQL_RAISE_FLOOR, BULLA_STORE_ERASURES_KEPT));
        BULLA_TRY(run_with(store, BULLA_SQL_TRIM, BULLA_STORE_ERASURES_KEPT));
    }
    BULLA_TRY(run_with(store, BULLA_SQL_ADVANCE, store->next));
    bulla_fault_point("store-before-commit");
    BULLA_TRY(bulla_generation_note(&store->generation, store->next, &store->change));
    bulla_fault_point("store-change-noted");
    BULLA_TRY(bulla_generation_write(&store->generation, store->next));
    bulla_fault_point("store-generation-advanced");
    BULLA_TRY(bulla_statement_run(store, BULLA_SQL_COMMIT));
    bulla_fault_point("store-after-commit");
    tell_end(store);
    return BULLA_OK;
}

enum bulla_reason bulla_store_commit(struct bulla_store *store)
{
    if (store->next == 0 || store->process != getpid())
        return bulla_store_writing(store);
    enum bulla_reason reason = commit(store);
    if (reason == BULLA_OK)
        store->seen_generation = store->next;
    roll_back(store); /* after a commit there is nothing left to roll back */
    return reason;
}

void bulla_store_rollback(struct bulla_store *store)
{
    if (store->next != 0 && store->process == getpid())
        roll_back(store);
}

uint64_t bulla_store_next_generation(const struct bulla_store *store)
{
    return store->next;
}

uint64_t bulla_store_generation(const struct bulla_store *store)
{
    return bulla_generation_read(&store->generation);
}

uint64_t bulla_store_tally(const struct bulla_store *store)
{
    return bulla_generation_tally(&store->generation);
}

enum bulla_reason bulla_store_tally_write(struct bulla_store *store, uint64_t tally)
{
    return bulla_generation_tally_write(&store->generation, tally);
}

static uint64_t milliseconds(void)
{
    struct timespec time = {0};
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* Threads that ask at the same time note the same generation, at about the same time. */
bool bulla_store_awaits(struct bulla_store *store, uint64_t generation)
{
    uint64_t now = milliseconds();
    if (atomic_load_explicit(&store->awaited, memory_order_acquire) == generation)
        return now - atomic_load_explicit(&store->awaited_since, memory_order_relaxed) < BULLA_STORE_PATIENCE;
    atomic_store_explicit(&store->awaited_since, now, memory_order_relaxed);
    atomic_store_explicit(&store->awaited, generation, memory_order_release);
    return true;
}

/* D is read after M: where M tells of a commit that is finished, so does D. */
bool bulla_store_has_news(struct bulla_store *store, uint64_t reached)
{
    uint64_t generation = bulla_store_generation(store);
    if (generation == reached)
        return false;
    if (bulla_generation_done(&store->generation) != atomic_load_explicit(&store->walked_done, memory_order_relaxed))
        return true;
    return !bulla_store_awaits(store, generation);
}

enum bulla_reason bulla_store_settle(struct bulla_store *store, bool wait)
{
    uint64_t generation = 0;
    uint64_t floor = 0;
    int code = SQLITE_OK;
    atomic_store(&store->in_use, true);
    (void)sqlite3_busy_timeout(store->database, wait ? BULLA_STORE_TIMEOUT : 0);
    /* Stepped here: where nobody waits, a busy store is no refusal and leaves no detail. */
    code = sqlite3_step(store->statements[BULLA_SQL_BEGIN_WRITE]);
    (void)sqlite3_busy_timeout(store->database, BULLA_STORE_TIMEOUT);
    enum bulla_reason reason = BULLA_OK;
    if (code == SQLITE_DONE) {
        reason = bulla_store_observe(store, &generation, &floor);
        if (reason == BULLA_OK && bulla_store_generation(store) != generation)
            reason = bulla_generation_write(&store->generation, generation);
    } else if (wait || (code & 0xff) != SQLITE_BUSY) {
        reason = bulla_connection_refuse(store->database, code, "lock it");
    }
    bulla_statement_reset(store, BULLA_SQL_BEGIN_WRITE);
    roll_back(store);
    return reason;
}

void bulla_store_concern_all(struct bulla_store *store)
{
    store->change.reach = BULLA_CHANGE_ANY;
}

enum bulla_reason bulla_store_clear(struct bulla_store *store)
{
    BULLA_TRY(bulla_store_writing(store));
    bulla_store_concern_all(store);
    BULLA_TRY(bulla_statement_run(store, BULLA_SQL_CLEAR_OBJECTS));
    BULLA_TRY(bulla_statement_run(store, BULLA_SQL_CLEAR_ERASED));
    BULLA_TRY(bulla_statement_run(store, BULLA_SQL_CLEAR_VALUES));
    return run_with(store, BULLA_SQL_FLOOR, store->next);
}
