/* Opening, creating, closing, and what is left of a store after a fork.
 *
 * Creation. The folder's lock serialises it. An absent or empty token.db gets its schema in one transaction. A store
 * that is there is emptied in one ordinary write transaction, not unlinked: other processes have it open, and killed at
 * any point it is the old one or the empty one. Then the log is checkpointed and truncated and the backups are removed,
 * so that nothing of the old store stays on the disk. What is there but damaged, newer or another program's is refused:
 * whoever wants that gone removes the folder.
 *
 * Fork. SQLite keeps its POSIX locks in a table of the process, by inode. A forked child inherits the table but not the
 * locks: were it to open the store again, SQLite would believe that the child holds the parent's locks, take none, and
 * another process could remove the log under it. SQLite's own rule is to leave inherited handles alone, so abandon
 * touches none and only remembers them. When the child later opens a store it first closes the remembered handles that
 * were idle at the fork: with NO_CKPT_ON_CLOSE that neither locks nor writes anything, it unmaps, closes descriptors
 * (the parent's locks are the parent's) and clears the table. A handle that was in use at the fork can't be closed, as
 * its rollback would write to memory shared with the parent; its folder is refused in that child. A host that forks
 * under the token's lock never gets there. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "folder.h"
#include "inside.h"
#include "schema.h"

static _Atomic(struct bulla_store *) abandoned;

static void release(struct bulla_store *store)
{
    bulla_news_close(&store->news);
    bulla_statements_finalize(store);
    (void)sqlite3_close(store->database);
    bulla_generation_close(&store->generation);
    free(store);
}

void bulla_store_close(struct bulla_store *store)
{
    if (!store)
        return;
    if (store->process != getpid()) {
        bulla_store_abandon(store);
        return;
    }
    bulla_store_rollback(store);
    release(store);
}

void bulla_store_abandon(struct bulla_store *store)
{
    if (!store)
        return;
    bulla_generation_close(&store->generation); /* not SQLite's: no locks hang on it */
    store->abandoned = atomic_load(&abandoned);
    while (!atomic_compare_exchange_weak(&abandoned, &store->abandoned, store))
        ;
}

/* Closes what was idle at the fork; gives the rest back to the list and refuses when `path` is among it. */
static enum bulla_reason close_abandoned(const char *path)
{
    enum bulla_reason reason = BULLA_OK;
    struct bulla_store *store = atomic_exchange(&abandoned, NULL);
    while (store) {
        struct bulla_store *following = store->abandoned;
        if (atomic_load(&store->in_use)) {
            if (strcmp(store->path, path) == 0)
                reason = bulla_refuse(BULLA_FORKED, "%s was in use when this process was forked", path);
            bulla_store_abandon(store);
        } else {
            (void)sqlite3_db_config(store->database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
            release(store);
        }
        store = following;
    }
    return reason;
}

static enum bulla_reason migrate(struct bulla_store *store, int folder, int *version)
{
    BULLA_TRY(bulla_folder_lock(folder));
    BULLA_TRY(bulla_schema_version(store->database, BULLA_STORE_SCHEMA, version)); /* another one may have been first */
    if (*version == BULLA_STORE_SCHEMA)
        return BULLA_OK;
    return bulla_schema_migrate(store->database, folder, store->path, *version, &bulla_schema_steps);
}

static enum bulla_reason examine_schema(struct bulla_store *store, int folder, bool make)
{
    int version = 0;
    enum bulla_reason reason = bulla_schema_version(store->database, BULLA_STORE_SCHEMA, &version);
    if (reason == BULLA_STORE_MISSING && make) {
        version = BULLA_STORE_SCHEMA;
        reason = bulla_schema_create(store->database);
    }
    if (reason == BULLA_OK && version < BULLA_STORE_SCHEMA)
        reason = migrate(store, folder, &version);
    return reason == BULLA_OK ? bulla_schema_check(store->database) : reason;
}

static enum bulla_reason map_generation(struct bulla_store *store, int folder)
{
    BULLA_TRY(bulla_generation_open(&store->generation, folder));
    if (stat(store->path, &store->files[0]) != 0 || fstat(store->generation.file, &store->files[1]) != 0)
        return bulla_folder_refuse("examine", store->path);
    int64_t stored = 0;
    BULLA_TRY(bulla_connection_number(store->database, "SELECT generation FROM state", &stored));
    uint64_t mapped = bulla_store_generation(store);
    if (mapped == (uint64_t)stored)
        return BULLA_OK;
    return bulla_store_settle(store, mapped < (uint64_t)stored);
}

static enum bulla_reason attach(struct bulla_store *store, int folder, bool make)
{
    struct stat status;
    if (!make && stat(store->path, &status) != 0)
        return bulla_folder_refuse("find", store->path);
    BULLA_TRY(bulla_connection_open(store->path, &store->database));
    BULLA_TRY(examine_schema(store, folder, make));
    BULLA_TRY(bulla_statements_prepare(store));
    return map_generation(store, folder);
}

static enum bulla_reason open_store(const char *real, int folder, bool make, struct bulla_store **store)
{
    struct bulla_store *opened = calloc(1, sizeof *opened);
    if (!opened)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "opening %s", real);
    bulla_news_open(&opened->news);
    opened->process = getpid();
    opened->generation.file = -1;
    /* The folder's path was bounded so that these fit. */
    (void)snprintf(opened->path, sizeof opened->path, "%.*s/token.db", PATH_MAX - 32, real);
    (void)snprintf(opened->generation_path, sizeof opened->generation_path, "%.*s/generation", PATH_MAX - 32, real);
    enum bulla_reason reason = close_abandoned(opened->path);
    if (reason == BULLA_OK)
        reason = attach(opened, folder, make);
    if (reason != BULLA_OK) {
        release(opened);
        return reason;
    }
    *store = opened;
    return BULLA_OK;
}

enum bulla_reason bulla_store_open(const char *path, struct bulla_store **store)
{
    char real[PATH_MAX];
    int folder = -1;
    *store = NULL;
    BULLA_TRY(bulla_folder_open(path, real, &folder));
    enum bulla_reason reason = open_store(real, folder, false, store);
    (void)close(folder);
    return reason;
}

static enum bulla_reason empty(struct bulla_store *store, int folder)
{
    BULLA_TRY(bulla_store_begin(store));
    enum bulla_reason reason = bulla_store_clear(store);
    bulla_fault_point("store-create-cleared");
    if (reason != BULLA_OK) {
        bulla_store_rollback(store);
        return reason;
    }
    BULLA_TRY(bulla_store_commit(store));
    bulla_fault_point("store-create-committed");
    BULLA_TRY(bulla_schema_forget_backups(folder));
    /* A reader of another process may stand in the way for longer than the timeout; the store is empty all the same,
     * and a later checkpoint overwrites what is left. */
    int code = sqlite3_wal_checkpoint_v2(store->database, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY)
        return bulla_connection_refuse(store->database, code, "checkpoint it");
    return bulla_folder_sync(folder);
}

static enum bulla_reason create_in(const char *real, int folder, struct bulla_store **store)
{
    char path[PATH_MAX + 32];
    struct stat status;
    BULLA_TRY(bulla_folder_lock(folder));
    (void)snprintf(path, sizeof path, "%s/token.db", real);
    if (lstat(path, &status) != 0)
        BULLA_TRY(bulla_folder_file_make(folder, "token.db"));
    bulla_fault_point("store-create-file");
    struct bulla_store *created = NULL;
    BULLA_TRY(open_store(real, folder, true, &created));
    enum bulla_reason reason = created ? empty(created, folder) : BULLA_INTERNAL;
    if (reason != BULLA_OK) {
        bulla_store_close(created);
        return reason;
    }
    *store = created;
    return BULLA_OK;
}

enum bulla_reason bulla_store_create(const char *path, struct bulla_store **store)
{
    char real[PATH_MAX];
    int folder = -1;
    *store = NULL;
    BULLA_TRY(bulla_folder_make(path));
    BULLA_TRY(bulla_folder_open(path, real, &folder));
    enum bulla_reason reason = create_in(real, folder, store);
    (void)close(folder);
    return reason;
}
