/* Creating, checking and migrating the schema.
 *
 * A migration is one transaction: killed at any point, the file is of the old version or of the new. Before it the
 * database is copied by VACUUM INTO, which reads one snapshot; the copy is made under another name, synced and renamed,
 * so that a file called token.db.schema-N is whole. It is made 0600 first: SQLite would give it the umask's mode. */
#include "schema.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "inside.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* object_outline has what a process needs of an object that nobody has asked it for. */
#define OBJECT_TABLE                                                                                                   \
    "CREATE TABLE object(id BLOB PRIMARY KEY NOT NULL, generation INTEGER NOT NULL, class INTEGER NOT NULL, "          \
    "attributes BLOB NOT NULL, sealed BLOB NOT NULL, tag BLOB NOT NULL, plain INTEGER NOT NULL, "                      \
    "mark_1 INTEGER NOT NULL, mark_2 INTEGER NOT NULL) STRICT"
#define OBJECT_OUTLINE "CREATE INDEX object_outline ON object(generation, plain, mark_1, mark_2, id)"

/* In the order of their names, as the check reads them. `sequence` counts erasures and tells which are the oldest. */
static const char *const schema[] = {
    "CREATE TABLE erased(sequence INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, generation INTEGER NOT NULL) STRICT",
    "CREATE INDEX erased_generation ON erased(generation)",
    (OBJECT_TABLE),
    OBJECT_OUTLINE,
    ("CREATE TABLE state(one INTEGER PRIMARY KEY CHECK(one = 1), generation INTEGER NOT NULL, floor INTEGER NOT NULL) "
     "STRICT"),
    "CREATE TABLE value(name TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT",
};

/* 1 to 2: rows that have no marks are read when the store is opened, as all were, until they are written again. */
static const char *const step_texts[] = {
    "CREATE TEMP TABLE moving AS SELECT * FROM object; DROP TABLE object; " OBJECT_TABLE "; " OBJECT_OUTLINE "; "
    "INSERT INTO object SELECT id, generation, class, attributes, sealed, tag, 0, 0, 0 FROM moving; "
    "DROP TABLE moving",
};
_Static_assert(COUNT(step_texts) == BULLA_STORE_SCHEMA - 1, "a step to each schema");
const struct bulla_schema_steps bulla_schema_steps = {step_texts, COUNT(step_texts)};

enum bulla_reason bulla_schema_version(sqlite3 *database, int newest, int *version)
{
    int64_t application = 0;
    int64_t number = 0;
    int64_t tables = 0;
    BULLA_TRY(bulla_connection_number(database, "PRAGMA application_id", &application));
    BULLA_TRY(bulla_connection_number(database, "PRAGMA user_version", &number));
    BULLA_TRY(bulla_connection_number(database, "SELECT count(*) FROM sqlite_schema", &tables));
    if (application == 0 && number == 0 && tables == 0)
        return bulla_refuse(BULLA_STORE_MISSING, "token.db is empty: its creation was interrupted");
    if (application != BULLA_STORE_APPLICATION || number < 1)
        return bulla_refuse(BULLA_STORE_CORRUPT, "token.db is a database of another program");
    if (number > newest)
        return bulla_refuse(
            BULLA_STORE_NEWER, "token.db has schema %lld; this version knows up to %d", (long long)number, newest);
    *version = (int)number;
    return BULLA_OK;
}

static enum bulla_reason finish(sqlite3 *database, enum bulla_reason reason)
{
    if (reason == BULLA_OK)
        reason = bulla_connection_execute(database, "COMMIT", "commit its schema");
    if (reason != BULLA_OK && !sqlite3_get_autocommit(database))
        (void)sqlite3_exec(database, "ROLLBACK", NULL, NULL, NULL);
    return reason;
}

enum bulla_reason bulla_schema_create(sqlite3 *database)
{
    char header[160];
    (void)snprintf(header, sizeof header,
        "PRAGMA application_id = %d; PRAGMA user_version = %d; INSERT INTO state VALUES(1, 1, 1)",
        BULLA_STORE_APPLICATION, BULLA_STORE_SCHEMA);
    enum bulla_reason reason = bulla_connection_execute(database, "BEGIN IMMEDIATE", "lock it");
    for (size_t i = 0; i < COUNT(schema) && reason == BULLA_OK; i++)
        reason = bulla_connection_execute(database, schema[i], "make its schema");
    if (reason == BULLA_OK)
        reason = bulla_connection_execute(database, header, "write its header");
    bulla_fault_point("store-create-schema");
    return finish(database, reason);
}

enum bulla_reason bulla_schema_check(sqlite3 *database)
{
    sqlite3_stmt *statement = NULL;
    size_t found = 0;
    /* sqlite_%: the indexes that SQLite makes itself, and ANALYZE's figures, which only the planner reads. */
    int code = sqlite3_prepare_v2(database,
        "SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name", -1, &statement,
        NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        if (found == COUNT(schema) || !text || strcmp(text, schema[found]) != 0)
            break;
        found++;
        code = SQLITE_OK;
    }
    enum bulla_reason reason = BULLA_OK;
    if (code == SQLITE_ROW || (code == SQLITE_DONE && found != COUNT(schema)))
        reason =
            bulla_refuse(BULLA_STORE_CORRUPT, "token.db: its schema is not that of version %d", BULLA_STORE_SCHEMA);
    else if (code != SQLITE_DONE)
        reason = bulla_connection_refuse(database, code, "read its schema");
    (void)sqlite3_finalize(statement);
    return reason;
}

static enum bulla_reason copy_into(sqlite3 *database, const char *path)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(database, "VACUUM INTO ?1", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    enum bulla_reason reason = code == SQLITE_DONE ? BULLA_OK : bulla_connection_refuse(database, code, "back it up");
    (void)sqlite3_finalize(statement);
    return reason;
}

static enum bulla_reason sync_file(int folder, const char *name)
{
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0)
        return bulla_folder_refuse("open", name);
    enum bulla_reason reason = fsync(file) == 0 ? BULLA_OK : bulla_folder_refuse("sync", name);
    (void)close(file);
    return reason;
}

static enum bulla_reason back_up(sqlite3 *database, int folder, const char *path, int version)
{
    char name[64];
    char part[80];
    char part_path[PATH_MAX + 96];
    (void)snprintf(name, sizeof name, "token.db.schema-%d", version);
    (void)snprintf(part, sizeof part, "%s.part", name);
    (void)snprintf(part_path, sizeof part_path, "%.*s%s", (int)(strrchr(path, '/') - path + 1), path, part);
    if (unlinkat(folder, part, 0) != 0 && errno != ENOENT)
        return bulla_folder_refuse("remove", part);
    enum bulla_reason reason = bulla_folder_file_make(folder, part);
    if (reason == BULLA_OK)
        reason = copy_into(database, part_path);
    bulla_fault_point("store-migrate-copied");
    if (reason == BULLA_OK)
        reason = sync_file(folder, part);
    if (reason == BULLA_OK && renameat(folder, part, folder, name) != 0)
        reason = bulla_folder_refuse("rename", part);
    if (reason != BULLA_OK) {
        (void)unlinkat(folder, part, 0);
        return reason;
    }
    return bulla_folder_sync(folder);
}

enum bulla_reason bulla_schema_migrate(
    sqlite3 *database, int folder, const char *path, int version, const struct bulla_schema_steps *steps)
{
    char header[64];
    BULLA_TRY(back_up(database, folder, path, version));
    bulla_fault_point("store-migrate-backed-up");
    enum bulla_reason reason = bulla_connection_execute(database, "BEGIN IMMEDIATE", "lock it");
    for (int i = version - 1; i < steps->count && reason == BULLA_OK; i++)
        reason = bulla_connection_execute(database, steps->texts[i], "migrate it");
    (void)snprintf(header, sizeof header, "PRAGMA user_version = %d", steps->count + 1);
    if (reason == BULLA_OK)
        reason = bulla_connection_execute(database, header, "write its version");
    bulla_fault_point("store-migrate-before-commit");
    reason = finish(database, reason);
    bulla_fault_point("store-migrate-after-commit");
    return reason;
}

enum bulla_reason bulla_schema_forget_backups(int folder)
{
    static const char prefix[] = "token.db.schema-";
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    if (!entries) {
        enum bulla_reason reason = bulla_folder_refuse("list", "the folder");
        if (copy >= 0)
            (void)close(copy);
        return reason;
    }
    enum bulla_reason reason = BULLA_OK;
    for (struct dirent *entry = readdir(entries); entry && reason == BULLA_OK; entry = readdir(entries)) // NOLINT
        if (strncmp(entry->d_name, prefix, sizeof prefix - 1) == 0 && unlinkat(folder, entry->d_name, 0) != 0)
            reason = bulla_folder_refuse("remove", entry->d_name);
    (void)closedir(entries);
    return reason;
}
