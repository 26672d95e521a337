/* A connection of SQLite for a file that may be hostile and a host process that may do anything.
 *
 * DEFENSIVE, an untrusted schema, no triggers, views, extensions or strings in double quotes: together with the check
 * that the schema is ours word for word (schema.c), a file runs no SQL of its own. mmap_size 0: a truncated file is an
 * error, not a SIGBUS. temp_store in memory: nothing is written outside the folder. A small cache: what was read is in
 * the token's index, nobody reads it here again, and each page more is one that the kernel has to find. The connection
 * has no mutex of its own: the token's lock serialises it. */
#include <errno.h>
#include <string.h>

#include "inside.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *const texts[BULLA_SQL_COUNT] = {
    [BULLA_SQL_BEGIN_READ] = "BEGIN",
    [BULLA_SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [BULLA_SQL_COMMIT] = "COMMIT",
    [BULLA_SQL_ROLLBACK] = "ROLLBACK",
    [BULLA_SQL_DATA_VERSION] = "PRAGMA data_version",
    [BULLA_SQL_USER_VERSION] = "PRAGMA user_version",
    [BULLA_SQL_STATE] = "SELECT generation, floor FROM state WHERE one = 1",
    [BULLA_SQL_ADVANCE] = "UPDATE state SET generation = ?1 WHERE one = 1",
    [BULLA_SQL_FLOOR] = "UPDATE state SET floor = ?1 WHERE one = 1",
    [BULLA_SQL_RAISE_FLOOR] = ("UPDATE state SET floor = max(floor, coalesce((SELECT max(generation) FROM erased "
                               "WHERE sequence <= (SELECT max(sequence) FROM erased) - ?1), 0)) WHERE one = 1"),
    [BULLA_SQL_TRIM] = "DELETE FROM erased WHERE sequence <= (SELECT max(sequence) FROM erased) - ?1",
    [BULLA_SQL_PUT] =
        ("INSERT INTO object(id, generation, class, attributes, sealed, tag, plain, mark_1, mark_2) "
         "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
         "ON CONFLICT(id) DO UPDATE SET generation = excluded.generation, class = excluded.class, "
         "attributes = excluded.attributes, sealed = excluded.sealed, tag = excluded.tag, plain = excluded.plain, "
         "mark_1 = excluded.mark_1, mark_2 = excluded.mark_2"),
    [BULLA_SQL_ERASE] = "DELETE FROM object WHERE id = ?1",
    [BULLA_SQL_REMEMBER_ERASED] = "INSERT INTO erased(id, generation) VALUES(?1, ?2)",
    [BULLA_SQL_FORGET_ERASED] = "DELETE FROM erased WHERE id = ?1",
    /* These three have the same columns. */
    [BULLA_SQL_CHANGES] = ("SELECT id, generation, class, attributes, sealed, tag, plain, mark_1, mark_2 FROM object "
                           "WHERE generation > ?1 UNION ALL "
                           "SELECT id, generation, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM erased "
                           "WHERE generation > ?2 ORDER BY 2"),
    /* Of a plain row nothing is asked but what its entry of object_outline has: the row itself is not looked up. */
    [BULLA_SQL_OUTLINES] = ("SELECT id, generation, iif(plain, NULL, class), iif(plain, NULL, attributes), "
                            "iif(plain, NULL, sealed), iif(plain, NULL, tag), plain, mark_1, mark_2 "
                            "FROM object INDEXED BY object_outline ORDER BY generation"),
    [BULLA_SQL_ROW] = ("SELECT id, generation, class, attributes, sealed, tag, plain, mark_1, mark_2 FROM object "
                       "WHERE id = ?1"),
    [BULLA_SQL_VALUE_PUT] = ("INSERT INTO value(name, value) VALUES(?1, ?2) "
                             "ON CONFLICT(name) DO UPDATE SET value = excluded.value"),
    [BULLA_SQL_VALUE_GET] = "SELECT value FROM value WHERE name = ?1",
    [BULLA_SQL_VALUE_ERASE] = "DELETE FROM value WHERE name = ?1",
    [BULLA_SQL_CLEAR_OBJECTS] = "DELETE FROM object",
    [BULLA_SQL_CLEAR_ERASED] = "DELETE FROM erased",
    [BULLA_SQL_CLEAR_VALUES] = "DELETE FROM value",
};

/* Primary result codes; what is not here is a defect of ours. */
static const struct {
    int code;
    enum bulla_reason reason;
} reasons[] = {
    {SQLITE_BUSY, BULLA_STORE_BUSY},
    {SQLITE_LOCKED, BULLA_STORE_BUSY},
    {SQLITE_PROTOCOL, BULLA_STORE_BUSY},
    {SQLITE_FULL, BULLA_STORE_FULL},
    {SQLITE_IOERR, BULLA_STORE_IO},
    {SQLITE_CANTOPEN, BULLA_STORE_IO},
    {SQLITE_NOLFS, BULLA_STORE_IO},
    {SQLITE_CORRUPT, BULLA_STORE_CORRUPT},
    {SQLITE_NOTADB, BULLA_STORE_CORRUPT},
    {SQLITE_FORMAT, BULLA_STORE_CORRUPT},
    {SQLITE_SCHEMA, BULLA_STORE_CORRUPT},
    {SQLITE_TOOBIG, BULLA_STORE_CORRUPT},     /* sizes are checked before they are bound */
    {SQLITE_CONSTRAINT, BULLA_STORE_CORRUPT}, /* no statement of ours breaks one in a sound file */
    {SQLITE_MISMATCH, BULLA_STORE_CORRUPT},
    {SQLITE_READONLY, BULLA_STORE_READ_ONLY},
    {SQLITE_PERM, BULLA_STORE_READ_ONLY},
    {SQLITE_AUTH, BULLA_STORE_READ_ONLY},
    {SQLITE_NOMEM, BULLA_OUT_OF_MEMORY},
};

static enum bulla_reason reason_of(sqlite3 *database, int code)
{
    if (code == SQLITE_READONLY_DBMOVED)
        return BULLA_STORE_MISSING;
    if (code == SQLITE_IOERR_NOMEM)
        return BULLA_OUT_OF_MEMORY;
    /* SQLite takes ENOSPC alone for a full disk, and a failed COMMIT leaves its own copy of errno unset. */
    int errors[2] = {database ? sqlite3_system_errno(database) : 0, errno};
    for (int i = 0; i < 2 && (code & 0xff) == SQLITE_IOERR; i++)
        if (errors[i] == ENOSPC || errors[i] == EDQUOT || errors[i] == EFBIG)
            return BULLA_STORE_FULL;
    for (size_t i = 0; i < COUNT(reasons); i++)
        if (reasons[i].code == (code & 0xff))
            return reasons[i].reason;
    return BULLA_INTERNAL;
}

/* Where a file turned out to be damaged it is read through once, for the person who has to judge what is left of it. */
static void examine(sqlite3 *database, char *words, size_t size)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(database, "PRAGMA integrity_check(1)", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        const unsigned char *text = sqlite3_column_text(statement, 0);
        (void)sqlite3_snprintf((int)size, words, "; the check says: %.160s", text ? (const char *)text : "");
    }
    (void)sqlite3_finalize(statement);
}

enum bulla_reason bulla_connection_refuse(sqlite3 *database, int code, const char *doing)
{
    enum bulla_reason reason = reason_of(database, code);
    const char *path = database ? sqlite3_db_filename(database, "main") : NULL;
    char said[160];
    char words[200] = "";
    /* A copy: examine() replaces the connection's message. */
    (void)sqlite3_snprintf(sizeof said, said, "%s", database ? sqlite3_errmsg(database) : sqlite3_errstr(code));
    if (reason == BULLA_STORE_CORRUPT && database)
        examine(database, words, sizeof words);
    return bulla_refuse(
        reason, "%s: %s (SQLite %d)%s, at: %s", path && *path ? path : "token.db", said, code, words, doing);
}

enum bulla_reason bulla_connection_execute(sqlite3 *database, const char *text, const char *doing)
{
    int code = sqlite3_exec(database, text, NULL, NULL, NULL);
    return code == SQLITE_OK ? BULLA_OK : bulla_connection_refuse(database, code, doing);
}

enum bulla_reason bulla_connection_number(sqlite3 *database, const char *text, int64_t *number)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(database, text, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *number = sqlite3_column_int64(statement, 0);
    enum bulla_reason reason = BULLA_OK;
    if (code == SQLITE_DONE)
        reason = bulla_refuse(BULLA_STORE_CORRUPT, "token.db: nothing answers %s", text);
    else if (code != SQLITE_ROW)
        reason = bulla_connection_refuse(database, code, "read its header");
    (void)sqlite3_finalize(statement);
    return reason;
}

/* Options that SQLite takes only through its API. */
static int harden(sqlite3 *database)
{
    static const struct {
        int option;
        int value;
    } options[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
        {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},
        {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    };
    int code = SQLITE_OK;
    for (size_t i = 0; i < COUNT(options) && code == SQLITE_OK; i++)
        code = sqlite3_db_config(database, options[i].option, options[i].value, NULL);
    /* A row may be a little more than its three blobs. */
    (void)sqlite3_limit(database, SQLITE_LIMIT_LENGTH, BULLA_STORE_ROW_LARGEST + (64 << 10));
    (void)sqlite3_limit(database, SQLITE_LIMIT_ATTACHED, 1); /* VACUUM INTO, the backup, attaches its target */
    return code == SQLITE_OK ? sqlite3_busy_timeout(database, BULLA_STORE_TIMEOUT) : code;
}

/* Two processes that switch a new file to WAL at the same moment may both be refused without the busy handler. */
static enum bulla_reason switch_to_wal(sqlite3 *database)
{
    sqlite3_stmt *statement = NULL;
    const unsigned char *mode = NULL;
    int code = sqlite3_prepare_v2(database, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
    for (int waited = 0; code == SQLITE_OK; waited += 10) {
        code = sqlite3_step(statement);
        if ((code & 0xff) != SQLITE_BUSY || waited >= BULLA_STORE_TIMEOUT)
            break;
        (void)sqlite3_sleep(10);
        (void)sqlite3_reset(statement);
        code = SQLITE_OK;
    }
    if (code == SQLITE_ROW)
        mode = sqlite3_column_text(statement, 0);
    enum bulla_reason reason = BULLA_OK;
    if (code != SQLITE_ROW)
        reason = bulla_connection_refuse(database, code, "use write-ahead logging");
    else if (!mode || sqlite3_stricmp((const char *)mode, "wal") != 0)
        reason = bulla_refuse(BULLA_STORE_IO, "token.db: the file system cannot share memory for write-ahead logging");
    (void)sqlite3_finalize(statement);
    return reason;
}

enum bulla_reason bulla_connection_open(const char *path, sqlite3 **database)
{
    static const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX |
                             SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(path, database, flags, NULL);
    if (code == SQLITE_OK)
        code = harden(*database);
    enum bulla_reason reason = code == SQLITE_OK ? BULLA_OK : bulla_connection_refuse(*database, code, "open it");
    if (reason == BULLA_OK && sqlite3_db_readonly(*database, "main") != 0)
        reason = bulla_refuse(BULLA_STORE_READ_ONLY, "%s cannot be written", path);
    if (reason == BULLA_OK)
        reason = bulla_connection_execute(*database,
            "PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON; "
            "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 4194304; PRAGMA cache_size = -256",
            "configure it");
    if (reason == BULLA_OK)
        reason = switch_to_wal(*database);
    if (reason != BULLA_OK) {
        (void)sqlite3_close(*database);
        *database = NULL;
    }
    return reason;
}

enum bulla_reason bulla_statements_prepare(struct bulla_store *store)
{
    for (int i = 0; i < BULLA_SQL_COUNT; i++) {
        int code =
            sqlite3_prepare_v3(store->database, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL);
        if (code != SQLITE_OK)
            return bulla_connection_refuse(store->database, code, "prepare a statement");
    }
    return BULLA_OK;
}

void bulla_statements_finalize(struct bulla_store *store)
{
    for (int i = 0; i < BULLA_SQL_COUNT; i++) {
        (void)sqlite3_finalize(store->statements[i]);
        store->statements[i] = NULL;
    }
}

enum bulla_reason bulla_statement_step(struct bulla_store *store, enum bulla_statement which, int *code)
{
    errno = 0; /* for reason_of */
    *code = sqlite3_step(store->statements[which]);
    if (*code == SQLITE_ROW || *code == SQLITE_DONE)
        return BULLA_OK;
    enum bulla_reason reason = bulla_connection_refuse(store->database, *code, texts[which]);
    bulla_statement_reset(store, which);
    return reason;
}

void bulla_statement_reset(struct bulla_store *store, enum bulla_statement which)
{
    (void)sqlite3_reset(store->statements[which]);
    /* The bindings are views into the caller's memory. */
    (void)sqlite3_clear_bindings(store->statements[which]);
}

enum bulla_reason bulla_statement_run(struct bulla_store *store, enum bulla_statement which)
{
    int code = SQLITE_DONE;
    BULLA_TRY(bulla_statement_step(store, which, &code));
    bulla_statement_reset(store, which);
    return BULLA_OK;
}

void bulla_statement_bind(sqlite3_stmt *statement, int index, struct bulla_bytes bytes)
{
    /* Fails only for a wrong index or a statement in use, which the step then shows. */
    (void)sqlite3_bind_blob64(statement, index, bytes.size ? (const void *)bytes.data : "", bytes.size, SQLITE_STATIC);
}

enum bulla_reason bulla_statement_blob(sqlite3_stmt *statement, int column, size_t largest, struct bulla_bytes *bytes)
{
    if (sqlite3_column_type(statement, column) != SQLITE_BLOB)
        return bulla_refuse(BULLA_STORE_CORRUPT, "token.db: a column is not a blob");
    const void *data = sqlite3_column_blob(statement, column);
    size_t size = (size_t)sqlite3_column_bytes(statement, column);
    if (size > largest)
        return bulla_refuse(BULLA_STORE_CORRUPT, "token.db: a blob of %zu bytes where %zu are the most", size, largest);
    if (size != 0 && !data)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "token.db: reading a blob of %zu bytes", size);
    *bytes = (struct bulla_bytes){data, size};
    return BULLA_OK;
}
