/* Small named values. */
#include "inside.h"

static enum bulla_reason bind_name(struct bulla_store *store, enum bulla_statement which, const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size > BULLA_STORE_NAME_LARGEST)
        return bulla_refuse(BULLA_ARGUMENT, "the name of a value has %zu bytes", size);
    (void)sqlite3_bind_text(store->statements[which], 1, name, (int)size, SQLITE_STATIC); /* shows in the step */
    return BULLA_OK;
}

enum bulla_reason bulla_store_value_put(struct bulla_store *store, const char *name, struct bulla_bytes value)
{
    BULLA_TRY(bulla_store_writing(store));
    if (value.size > BULLA_STORE_VALUE_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "value %.64s has %zu bytes", name, value.size);
    BULLA_TRY(bind_name(store, BULLA_SQL_VALUE_PUT, name));
    bulla_statement_bind(store->statements[BULLA_SQL_VALUE_PUT], 2, value);
    BULLA_TRY(bulla_statement_run(store, BULLA_SQL_VALUE_PUT));
    bulla_fault_point("store-value-put");
    return BULLA_OK;
}

enum bulla_reason bulla_store_value_erase(struct bulla_store *store, const char *name)
{
    BULLA_TRY(bulla_store_writing(store));
    BULLA_TRY(bind_name(store, BULLA_SQL_VALUE_ERASE, name));
    return bulla_statement_run(store, BULLA_SQL_VALUE_ERASE);
}

static enum bulla_reason read_value(struct bulla_store *store, const char *name, struct bulla_writer *writer)
{
    int code = SQLITE_DONE;
    struct bulla_bytes value = {NULL, 0};
    BULLA_TRY(bulla_statement_step(store, BULLA_SQL_VALUE_GET, &code));
    if (code != SQLITE_ROW)
        return bulla_refuse(BULLA_STORE_MISSING, "%s: there is no value %.64s", store->path, name);
    BULLA_TRY(bulla_statement_blob(store->statements[BULLA_SQL_VALUE_GET], 0, BULLA_STORE_VALUE_LARGEST, &value));
    bulla_write_bytes(writer, value);
    return bulla_writer_finish(writer, name);
}

enum bulla_reason bulla_store_value_read(struct bulla_store *store, const char *name, struct bulla_writer *writer)
{
    BULLA_TRY(bind_name(store, BULLA_SQL_VALUE_GET, name));
    enum bulla_reason reason = read_value(store, name, writer);
    bulla_statement_reset(store, BULLA_SQL_VALUE_GET);
    return reason;
}

enum bulla_reason bulla_store_value_get(struct bulla_store *store, const char *name, struct bulla_writer *writer)
{
    BULLA_TRY(bulla_store_own(store));
    atomic_store(&store->in_use, true);
    enum bulla_reason reason = bulla_store_value_read(store, name, writer);
    if (store->next == 0)
        atomic_store(&store->in_use, false);
    return reason;
}
