/* Objects: writing them, and walking what changed.
 *
 * Each id is in one of two tables: `object`, or `erased` once it is gone. A walk from generation R merges both in the
 * order of their generations, from one snapshot, and brings the caller to the snapshot's generation. `floor` is the
 * lowest R from which that is complete: erasures at or below it may have been forgotten. bulla_store_create raises it
 * to its own generation, so that everyone who read the old store starts anew. */
#include "inside.h"

static enum bulla_reason check_row(const struct bulla_store_row *row)
{
    if (row->tag.size != 0 && row->tag.size != 32)
        return bulla_refuse(BULLA_ARGUMENT, "a row's tag has %zu bytes", row->tag.size);
    const size_t largest = BULLA_STORE_ROW_LARGEST;
    if (row->attributes.size > largest || row->sealed.size > largest - row->attributes.size)
        return bulla_refuse(BULLA_TOO_LARGE, "an object of %zu and %zu bytes; %zu are the most", row->attributes.size,
            row->sealed.size, largest);
    return BULLA_OK;
}

/* A commit tells which row it changed where that is one. */
static void note_change(struct bulla_store *store, const uint8_t id[static 16], const uint64_t *marks)
{
    struct bulla_change *change = &store->change;
    if (change->reach != BULLA_CHANGE_NO_ROW) {
        change->reach = BULLA_CHANGE_ANY;
        return;
    }
    change->reach = BULLA_CHANGE_ONE_ROW;
    change->marks[0] = bulla_store_id_mark(id);
    for (int i = 0; marks && i < BULLA_STORE_MARKS; i++)
        change->marks[1 + i] = marks[i];
}

static void bind_id(struct bulla_store *store, enum bulla_statement which, const uint8_t id[static 16])
{
    bulla_statement_bind(store->statements[which], 1, (struct bulla_bytes){id, 16});
}

enum bulla_reason bulla_store_put(struct bulla_store *store, const struct bulla_store_row *row)
{
    BULLA_TRY(bulla_store_writing(store));
    BULLA_TRY(check_row(row));
    sqlite3_stmt *statement = store->statements[BULLA_SQL_PUT];
    bind_id(store, BULLA_SQL_FORGET_ERASED, row->id);
    BULLA_TRY(bulla_statement_run(store, BULLA_SQL_FORGET_ERASED));
    bind_id(store, BULLA_SQL_PUT, row->id);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)store->next);
    (void)sqlite3_bind_int64(statement, 3, (int64_t)row->object_class);
    bulla_statement_bind(statement, 4, row->attributes);
    bulla_statement_bind(statement, 5, row->sealed);
    bulla_statement_bind(statement, 6, row->tag);
    (void)sqlite3_bind_int(statement, 7, row->plain);
    for (int i = 0; i < BULLA_STORE_MARKS; i++)
        (void)sqlite3_bind_int64(statement, 8 + i, (int64_t)row->marks[i]);
    BULLA_TRY(bulla_statement_run(store, BULLA_SQL_PUT));
    note_change(store, row->id, row->marks);
    bulla_fault_point("store-put");
    return BULLA_OK;
}

enum bulla_reason bulla_store_erase(struct bulla_store *store, const uint8_t id[static 16])
{
    BULLA_TRY(bulla_store_writing(store));
    bind_id(store, BULLA_SQL_ERASE, id);
    BULLA_TRY(bulla_statement_run(store, BULLA_SQL_ERASE));
    if (sqlite3_changes(store->database) == 0)
        return BULLA_OK;
    store->erased = true;
    note_change(store, id, NULL);
    bind_id(store, BULLA_SQL_REMEMBER_ERASED, id);
    (void)sqlite3_bind_int64(store->statements[BULLA_SQL_REMEMBER_ERASED], 2, (int64_t)store->next);
    BULLA_TRY(bulla_statement_run(store, BULLA_SQL_REMEMBER_ERASED));
    bulla_fault_point("store-erase");
    return BULLA_OK;
}

static enum bulla_reason read_row(sqlite3_stmt *statement, struct bulla_store_row *row)
{
    struct bulla_bytes id;
    BULLA_TRY(bulla_statement_blob(statement, 0, sizeof row->id, &id));
    if (id.size != sizeof row->id)
        return bulla_refuse(BULLA_STORE_CORRUPT, "token.db: an object's id has %zu bytes", id.size);
    memcpy(row->id, id.data, id.size);
    row->generation = (uint64_t)sqlite3_column_int64(statement, 1);
    row->plain = sqlite3_column_int64(statement, 6) != 0;
    for (int i = 0; i < BULLA_STORE_MARKS; i++)
        row->marks[i] = (uint64_t)sqlite3_column_int64(statement, 7 + i);
    if (sqlite3_column_type(statement, 2) == SQLITE_NULL)
        return BULLA_OK;
    row->object_class = (uint64_t)sqlite3_column_int64(statement, 2);
    BULLA_TRY(bulla_statement_blob(statement, 3, BULLA_STORE_ROW_LARGEST, &row->attributes));
    BULLA_TRY(bulla_statement_blob(statement, 4, BULLA_STORE_ROW_LARGEST - row->attributes.size, &row->sealed));
    BULLA_TRY(bulla_statement_blob(statement, 5, 32, &row->tag));
    if (row->tag.size != 0 && row->tag.size != 32)
        return bulla_refuse(BULLA_STORE_CORRUPT, "token.db: an object's tag has %zu bytes", row->tag.size);
    return BULLA_OK;
}

/* No class: of BULLA_SQL_CHANGES what was erased, of BULLA_SQL_OUTLINES an outline. Else it is a row that no writer of
 * ours made: a file may hold what its schema forbids. */
static enum bulla_reason visit(
    sqlite3_stmt *statement, enum bulla_statement which, const struct bulla_store_visitor *visitor)
{
    struct bulla_store_row row = {0};
    BULLA_TRY(read_row(statement, &row));
    bool whole = sqlite3_column_type(statement, 2) != SQLITE_NULL;
    if (!whole && which == BULLA_SQL_CHANGES && visitor->gone)
        return visitor->gone(visitor->context, row.id);
    if (!whole && which != BULLA_SQL_OUTLINES)
        return bulla_refuse(BULLA_STORE_CORRUPT, "token.db: an object has no class");
    row.outline = !whole;
    return visitor->each(visitor->context, &row);
}

static enum bulla_reason visit_all(
    struct bulla_store *store, enum bulla_statement which, const struct bulla_store_visitor *visitor)
{
    for (;;) {
        int code = SQLITE_DONE;
        BULLA_TRY(bulla_statement_step(store, which, &code));
        enum bulla_reason reason = code == SQLITE_ROW ? visit(store->statements[which], which, visitor) : BULLA_OK;
        if (reason != BULLA_OK || code == SQLITE_DONE) {
            bulla_statement_reset(store, which);
            return reason;
        }
    }
}

/* `erased_since` apart: who starts from nothing has nothing to forget. */
static enum bulla_reason walk(
    struct bulla_store *store, uint64_t since, uint64_t erased_since, const struct bulla_store_visitor *visitor)
{
    sqlite3_stmt *statement = store->statements[BULLA_SQL_CHANGES];
    (void)sqlite3_bind_int64(statement, 1, (int64_t)since);
    (void)sqlite3_bind_int64(statement, 2, (int64_t)erased_since);
    return visit_all(store, BULLA_SQL_CHANGES, visitor);
}

static void end_reading(struct bulla_store *store)
{
    if (!sqlite3_get_autocommit(store->database))
        (void)sqlite3_step(store->statements[BULLA_SQL_ROLLBACK]); /* nothing was written */
    bulla_statement_reset(store, BULLA_SQL_ROLLBACK);
}

/* --- rows as they are now --- */

static enum bulla_reason read_now(
    struct bulla_store *store, enum bulla_statement which, bulla_store_each *each, void *context)
{
    const struct bulla_store_visitor visitor = {.each = each, .context = context};
    BULLA_TRY(bulla_store_own(store));
    if (store->next != 0)
        return bulla_refuse(BULLA_INTERNAL, "%s: rows are read inside a transaction", store->path);
    atomic_store(&store->in_use, true);
    enum bulla_reason reason = bulla_statement_run(store, BULLA_SQL_BEGIN_READ);
    if (reason == BULLA_OK)
        reason = bulla_store_same_schema(store);
    if (reason == BULLA_OK)
        reason = visit_all(store, which, &visitor);
    end_reading(store);
    atomic_store(&store->in_use, false);
    return reason;
}

enum bulla_reason bulla_store_row(
    struct bulla_store *store, const uint8_t id[static 16], bulla_store_each *each, void *context)
{
    bind_id(store, BULLA_SQL_ROW, id);
    return read_now(store, BULLA_SQL_ROW, each, context);
}

/* What was erased is not asked for. */
enum bulla_reason bulla_store_rows(struct bulla_store *store, bulla_store_each *each, void *context)
{
    sqlite3_stmt *statement = store->statements[BULLA_SQL_CHANGES];
    (void)sqlite3_bind_int64(statement, 1, 0);
    (void)sqlite3_bind_int64(statement, 2, INT64_MAX);
    return read_now(store, BULLA_SQL_CHANGES, each, context);
}

static enum bulla_reason read_changes(
    struct bulla_store *store, uint64_t since, const struct bulla_store_visitor *visitor, uint64_t *now)
{
    uint64_t floor = 0;
    BULLA_TRY(bulla_store_observe(store, now, &floor));
    if (since != 0 && (store->restart || since < floor || since > *now)) {
        since = 0;
        BULLA_TRY(visitor->gone(visitor->context, NULL));
    }
    if (since == *now && store->next == 0 && !store->revisit)
        return BULLA_OK;
    if (since == 0 && visitor->outlines)
        BULLA_TRY(visit_all(store, BULLA_SQL_OUTLINES, visitor));
    else
        BULLA_TRY(walk(store, store->revisit ? 0 : since, since == 0 ? INT64_MAX : since, visitor));
    store->revisit = false;
    store->restart = false;
    return BULLA_OK;
}

static enum bulla_reason read_snapshot(
    struct bulla_store *store, uint64_t since, const struct bulla_store_visitor *visitor, uint64_t *now)
{
    BULLA_TRY(read_changes(store, since, visitor, now));
    return visitor->name ? bulla_store_value_read(store, visitor->name, visitor->value) : BULLA_OK;
}

/* What a walk has seen is no news any more. Where the mapped generation is another one, its writer may be dead: unless
 * it was met just now, that is looked into. */
static enum bulla_reason note_reached(struct bulla_store *store, uint64_t reached, uint64_t done)
{
    uint64_t mapped = bulla_store_generation(store);
    bool known = atomic_load(&store->awaited) == mapped;
    atomic_store(&store->walked_done, done);
    bulla_news_restart(&store->news, reached, done);
    if (mapped == reached || (known && bulla_store_awaits(store, mapped)))
        return BULLA_OK;
    atomic_store(&store->awaited, 0); /* the patience begins anew */
    return bulla_store_settle(store, false);
}

enum bulla_reason bulla_store_changes(
    struct bulla_store *store, uint64_t since, const struct bulla_store_visitor *visitor, uint64_t *now)
{
    uint64_t reached = 0;
    BULLA_TRY(bulla_store_own(store));
    if (store->next != 0) /* inside a write transaction the snapshot is its own */
        BULLA_TRY(bulla_store_writing(store));
    uint64_t done = bulla_generation_done(&store->generation); /* before the snapshot is taken */
    atomic_store(&store->in_use, true);
    enum bulla_reason reason = store->next ? BULLA_OK : bulla_statement_run(store, BULLA_SQL_BEGIN_READ);
    if (reason == BULLA_OK)
        reason = read_snapshot(store, since, visitor, &reached);
    if (store->next == 0) {
        end_reading(store);
        if (reason == BULLA_OK)
            reason = note_reached(store, reached, done);
        atomic_store(&store->in_use, false);
    }
    if (reason == BULLA_OK)
        *now = reached;
    return reason;
}
