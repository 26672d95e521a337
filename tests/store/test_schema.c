/* Schemas: foreign, newer, changed ones, and the migration of an older one, killed at each step. */
#include "help.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/schema.h"

static void execute(const char *path, const char *text)
{
    sqlite3 *database = NULL;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    int code = sqlite3_exec(database, text, NULL, NULL, NULL);
    if (code != SQLITE_OK)
        fail_msg("%s: %s", text, sqlite3_errmsg(database));
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

static int64_t number(const char *path, const char *query)
{
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(database, query, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t found = sqlite3_column_int64(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    return found;
}

static enum bulla_reason open_and_walk(struct fixture *fixture)
{
    static struct seen seen;
    struct bulla_store *store = NULL;
    seen = (struct seen){0};
    BULLA_TRY(bulla_store_open(fixture->folder, &store));
    enum bulla_reason reason = store_follow(store, &seen);
    bulla_store_close(store);
    return reason;
}

/* Each statement spoils a sound store. */
static const struct {
    const char *text;
    enum bulla_reason reason;
} spoilers[] = {
    {"PRAGMA user_version = 3", BULLA_STORE_NEWER},
    {"PRAGMA user_version = 0", BULLA_STORE_CORRUPT},
    {"PRAGMA user_version = -1", BULLA_STORE_CORRUPT},
    {"PRAGMA application_id = 1", BULLA_STORE_CORRUPT},
    {"CREATE TRIGGER t AFTER INSERT ON object BEGIN DELETE FROM value; END", BULLA_STORE_CORRUPT},
    {"CREATE VIEW v AS SELECT 1", BULLA_STORE_CORRUPT},
    {"CREATE TABLE zz(a)", BULLA_STORE_CORRUPT},
    {"DROP INDEX object_outline", BULLA_STORE_CORRUPT},
    {"DROP TABLE value; CREATE TABLE value(name TEXT PRIMARY KEY NOT NULL, value BLOB)", BULLA_STORE_CORRUPT},
    {"DELETE FROM state", BULLA_STORE_CORRUPT},
    {"UPDATE state SET generation = -1", BULLA_STORE_CORRUPT},
    {"UPDATE state SET generation = 0x7ffffffffffffffe", BULLA_STORE_CORRUPT},
    {"UPDATE state SET floor = generation + 1", BULLA_STORE_CORRUPT},
    {"UPDATE object SET id = zeroblob(15)", BULLA_STORE_CORRUPT},
    {"UPDATE object SET id = zeroblob(17)", BULLA_STORE_CORRUPT},
    {"UPDATE object SET tag = zeroblob(31)", BULLA_STORE_CORRUPT},
    {"UPDATE object SET tag = zeroblob(33)", BULLA_STORE_CORRUPT},
    {"UPDATE object SET attributes = zeroblob(16777215), sealed = zeroblob(2)", BULLA_STORE_CORRUPT},
    {"UPDATE object SET sealed = zeroblob(17000000)", BULLA_STORE_CORRUPT},
    {"ANALYZE", BULLA_OK},
    {"PRAGMA journal_mode = DELETE", BULLA_OK},
};

static void what_is_not_ours_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    test_folder_join(path, sizeof path, fixture->folder, "token.db");
    for (size_t i = 0; i < sizeof spoilers / sizeof spoilers[0]; i++) {
        bulla_store_close(fixture->store);
        test_folder_remove(fixture->folder);
        assert_int_equal(bulla_store_create(fixture->folder, &fixture->store), BULLA_OK);
        assert_int_equal(store_add(fixture->store, 1), BULLA_OK);
        bulla_store_close(fixture->store);
        fixture->store = NULL;
        assert_int_equal(open_and_walk(fixture), BULLA_OK);
        execute(path, spoilers[i].text);
        enum bulla_reason reason = open_and_walk(fixture);
        if (reason != spoilers[i].reason)
            fail_msg("%s: %s (%s)", spoilers[i].text, bulla_reason_code(reason), bulla_detail());
        struct bulla_store *store = NULL;
        if (reason == BULLA_STORE_NEWER) /* nor is it overwritten */
            assert_int_equal(bulla_store_create(fixture->folder, &store), BULLA_STORE_NEWER);
    }
}

static void an_oversized_value_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct bulla_writer writer;
    char path[128];
    test_folder_join(path, sizeof path, fixture->folder, "token.db");
    execute(path, "INSERT INTO value VALUES('a', zeroblob(262145))");
    bulla_writer_open(&writer, NULL, 0);
    assert_int_equal(bulla_store_value_get(fixture->store, "a", &writer), BULLA_STORE_CORRUPT);
    assert_int_equal(writer.size, 0);
}

static enum bulla_reason note_row(void *count, const struct bulla_store_row *row)
{
    (void)row;
    ++*(int *)count;
    return BULLA_OK;
}

/* A process of an older bulla notices that the store was migrated under it. */
static void a_store_migrated_while_open_is_newer(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {0};
    uint8_t content[64] = {0};
    char path[128];
    int rows = 0;
    assert_int_equal(store_add(fixture->store, 1), BULLA_OK);
    test_folder_join(path, sizeof path, fixture->folder, "token.db");
    execute(path, "PRAGMA user_version = 3");
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_STORE_NEWER);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_STORE_NEWER);
    assert_int_equal(bulla_store_rows(fixture->store, note_row, &rows), BULLA_STORE_NEWER);
    assert_int_equal(bulla_store_row(fixture->store, store_object(1, content).id, note_row, &rows), BULLA_STORE_NEWER);
    assert_int_equal(rows, 0);
    execute(path, "PRAGMA user_version = 2");
    assert_int_equal(bulla_store_rows(fixture->store, note_row, &rows), BULLA_OK);
    assert_int_equal(rows, 1);
}

/* Of schemas to come: from the present one, the second, two steps on. */
static const char *const steps_texts[] = {
    "INSERT INTO nothing VALUES('this step was made long ago')",
    "ALTER TABLE object ADD COLUMN second INTEGER NOT NULL DEFAULT 2; UPDATE object SET second = class",
    "CREATE TABLE third(a); INSERT INTO third SELECT count(*) FROM object",
};
static const struct bulla_schema_steps steps = {steps_texts, 3};
static const char *const failing_texts[] = {"SELECT 1", "CREATE TABLE second(a)", "INSERT INTO nothing VALUES(1)"};
static const struct bulla_schema_steps failing = {failing_texts, 3};

struct migration {
    struct fixture *fixture;
    const struct bulla_schema_steps *steps;
    const char *fault;
};

static enum bulla_reason migrate(struct migration *migration)
{
    char path[128];
    sqlite3 *database = NULL;
    test_folder_join(path, sizeof path, migration->fixture->folder, "token.db");
    int folder = open(migration->fixture->folder, O_RDONLY | O_DIRECTORY);
    enum bulla_reason reason = BULLA_INTERNAL;
    if (folder >= 0 && sqlite3_open(path, &database) == SQLITE_OK)
        reason = bulla_schema_migrate(database, folder, path, 2, migration->steps);
    (void)sqlite3_close(database);
    (void)close(folder);
    return reason;
}

static void make_two(struct fixture *fixture)
{
    bulla_store_close(fixture->store);
    test_folder_remove(fixture->folder);
    assert_int_equal(bulla_store_create(fixture->folder, &fixture->store), BULLA_OK);
    assert_int_equal(store_add(fixture->store, 1), BULLA_OK);
    assert_int_equal(store_add(fixture->store, 2), BULLA_OK);
    bulla_store_close(fixture->store);
    fixture->store = NULL;
}

static void make_older(struct fixture *fixture, char path[static 128], char backup[static 128])
{
    test_folder_join(path, 128, fixture->folder, "token.db");
    test_folder_join(backup, 128, fixture->folder, "token.db.schema-2");
    make_two(fixture);
}

static void assert_older(const char *path)
{
    assert_int_equal(number(path, "PRAGMA user_version"), 2);
    assert_int_equal(number(path, "SELECT count(*) FROM object"), 2);
    assert_int_equal(number(path, "SELECT count(*) FROM sqlite_schema WHERE name IN ('second', 'third')"), 0);
    assert_int_equal(number(path, "SELECT count(*) FROM pragma_table_info('object')"), 9);
}

static void assert_migrated(const char *path)
{
    assert_int_equal(number(path, "PRAGMA user_version"), 4);
    assert_int_equal(number(path, "SELECT count(*) FROM object WHERE second = class"), 2);
    assert_int_equal(number(path, "SELECT a FROM third"), 2);
}

static void an_older_schema_is_migrated_after_a_backup(void **state)
{
    struct fixture *fixture = *state;
    struct migration migration = {fixture, &steps, NULL};
    char path[128];
    char backup[128];
    struct stat status;
    make_older(fixture, path, backup);
    mode_t mask = umask(0);
    assert_int_equal(migrate(&migration), BULLA_OK);
    (void)umask(mask);
    assert_migrated(path);
    assert_older(backup);
    assert_int_equal(stat(backup, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void a_failing_migration_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct migration migration = {fixture, &failing, NULL};
    char path[128];
    char backup[128];
    make_older(fixture, path, backup);
    assert_int_not_equal(migrate(&migration), BULLA_OK);
    assert_older(path);
    assert_int_equal(bulla_store_open(fixture->folder, &fixture->store), BULLA_OK);
}

/* The first schema, word for word as it was, with the objects 1 and 2 of generations 2 and 3. */
static void make_first(struct fixture *fixture, const char *path)
{
    static const char first[] =
        "CREATE TABLE erased(sequence INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, generation INTEGER NOT NULL) "
        "STRICT;"
        "CREATE INDEX erased_generation ON erased(generation);"
        "CREATE TABLE object(id BLOB PRIMARY KEY NOT NULL, generation INTEGER NOT NULL, class INTEGER NOT NULL, "
        "attributes BLOB NOT NULL, sealed BLOB NOT NULL, tag BLOB NOT NULL) STRICT;"
        "CREATE INDEX object_generation ON object(generation);"
        "INSERT INTO object SELECT id, generation, class, attributes, sealed, tag FROM moved; DROP TABLE moved;"
        "PRAGMA user_version = 1";
    make_two(fixture);
    execute(path, "CREATE TABLE moved AS SELECT * FROM object; DROP TABLE object; DROP TABLE erased");
    execute(path, first);
}

static void a_store_of_the_first_schema_opens(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {0};
    char path[128], backup[128];
    test_folder_join(path, sizeof path, fixture->folder, "token.db");
    test_folder_join(backup, sizeof backup, fixture->folder, "token.db.schema-1");
    make_first(fixture, path);
    int64_t generation = number(path, "SELECT max(generation) FROM object");
    assert_int_equal(bulla_store_open(fixture->folder, &fixture->store), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_true(seen.rows == 2 && seen.wrong == 0 && seen.last == (uint64_t)generation);
    assert_int_equal(store_add(fixture->store, 3), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_true(seen.rows == 3 && seen.wrong == 0);
    bulla_store_close(fixture->store);
    fixture->store = NULL;
    assert_int_equal(number(backup, "PRAGMA user_version"), 1);
    assert_int_equal(number(backup, "SELECT count(*) FROM object"), 2);
    assert_int_equal(number(path, "PRAGMA user_version"), BULLA_STORE_SCHEMA);
    assert_int_equal(number(path, "SELECT count(*) FROM object WHERE plain"), 0);
    assert_int_equal(
        bulla_store_open(fixture->folder, &fixture->store), BULLA_OK); /* the words of its schema are ours */
}

/* A process of the first bulla has the store open, and reads, while another one migrates it. Its snapshot stays whole;
 * what it would write then, even unasked, the new table refuses. */
static void an_older_process_beside_a_migration_reads_on_and_writes_nothing(void **state)
{
    static const char count[] = "SELECT count(*) FROM object";
    static const char write[] = "INSERT INTO object(id, generation, class, attributes, sealed, tag) "
                                "VALUES(zeroblob(16), 9, 0, x'a0', x'', x'')";
    struct fixture *fixture = *state;
    struct seen seen = {0};
    char path[128];
    sqlite3 *older = NULL;
    sqlite3_stmt *counting = NULL, *writing = NULL;
    test_folder_join(path, sizeof path, fixture->folder, "token.db");
    make_first(fixture, path);
    assert_int_equal(sqlite3_open(path, &older), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v3(older, count, -1, SQLITE_PREPARE_PERSISTENT, &counting, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v3(older, write, -1, SQLITE_PREPARE_PERSISTENT, &writing, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(older, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
    for (int migrated = 0; migrated < 2; migrated++) {
        assert_int_equal(sqlite3_step(counting), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int(counting, 0), 2);
        assert_int_equal(sqlite3_reset(counting), SQLITE_OK);
        if (!migrated)
            assert_int_equal(bulla_store_open(fixture->folder, &fixture->store), BULLA_OK);
    }
    assert_int_equal(sqlite3_exec(older, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(writing), SQLITE_CONSTRAINT);
    (void)sqlite3_finalize(counting);
    (void)sqlite3_finalize(writing);
    assert_int_equal(sqlite3_close(older), SQLITE_OK);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_true(seen.rows == 2 && seen.wrong == 0);
}

static int open_first(void *context)
{
    struct fixture *fixture = context;
    static struct seen seen;
    struct bulla_store *store = NULL;
    seen = (struct seen){0};
    if (bulla_store_open(fixture->folder, &store) != BULLA_OK || store_follow(store, &seen) != BULLA_OK)
        return 1;
    bulla_store_close(store);
    return seen.rows == 2 && seen.wrong == 0 ? 0 : 2;
}

static void processes_that_open_the_first_schema_at_once_all_find_the_second(void **state)
{
    enum { PROCESSES = 8 };
    struct fixture *fixture = *state;
    char path[128];
    pid_t processes[PROCESSES];
    test_folder_join(path, sizeof path, fixture->folder, "token.db");
    make_first(fixture, path);
    for (int i = 0; i < PROCESSES; i++) {
        processes[i] = fork();
        assert_true(processes[i] >= 0);
        if (processes[i] == 0)
            _exit(open_first(fixture));
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = -1;
        assert_int_equal(waitpid(processes[i], &status, 0), processes[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(number(path, "PRAGMA user_version"), BULLA_STORE_SCHEMA);
}

#ifdef BULLA_FAULTS
struct opening {
    struct fixture *fixture;
    const char *fault;
};

static int die_opening(void *context)
{
    struct opening *opening = context;
    return setenv("BULLA_FAULT", opening->fault, 1) == 0 ? open_first(opening->fixture) : 255;
}

static void a_first_schema_whose_migration_was_killed_opens(void **state)
{
    static const struct {
        const char *fault;
        int version;
    } rows[] = {
        {"store-migrate-copied", 1},
        {"store-migrate-backed-up", 1},
        {"store-migrate-before-commit", 1},
        {"store-migrate-after-commit", 2},
    };
    struct fixture *fixture = *state;
    char path[128], backup[128];
    test_folder_join(path, sizeof path, fixture->folder, "token.db");
    test_folder_join(backup, sizeof backup, fixture->folder, "token.db.schema-1");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct opening opening = {fixture, rows[i].fault};
        make_first(fixture, path);
        int status = store_in_child(die_opening, &opening);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(number(path, "PRAGMA user_version"), rows[i].version);
        assert_int_equal(number(path, "SELECT count(*) FROM object"), 2);
        for (int again = 0; again < 2; again++)
            assert_int_equal(open_first(fixture), 0);
        assert_int_equal(number(path, "PRAGMA user_version"), 2);
        assert_int_equal(number(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'moving'"), 0);
        assert_int_equal(number(backup, "PRAGMA user_version"), 1);
        assert_int_equal(number(backup, "SELECT count(*) FROM object"), 2);
    }
}

static int die_migrating(void *context)
{
    struct migration *migration = context;
    return setenv("BULLA_FAULT", migration->fault, 1) == 0 ? (int)migrate(migration) : 255;
}

static void a_killed_migration_leaves_old_or_new(void **state)
{
    static const struct {
        const char *fault;
        int migrated;
    } rows[] = {
        {"store-migrate-copied", 0},
        {"store-migrate-backed-up", 0},
        {"store-migrate-before-commit", 0},
        {"store-migrate-after-commit", 1},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct migration migration = {fixture, &steps, rows[i].fault};
        char path[128];
        char backup[128];
        make_older(fixture, path, backup);
        int status = store_in_child(die_migrating, &migration);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        (rows[i].migrated ? assert_migrated : assert_older)(path);
        if (!rows[i].migrated)
            assert_int_equal(migrate(&migration), BULLA_OK);
        assert_migrated(path);
        assert_older(backup);
    }
}
#endif

int main(void)
{
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(what_is_not_ours_is_refused),
        STORE_TEST(an_oversized_value_is_refused),
        STORE_TEST(a_store_migrated_while_open_is_newer),
        STORE_TEST(an_older_schema_is_migrated_after_a_backup),
        STORE_TEST(a_failing_migration_changes_nothing),
        STORE_TEST(a_store_of_the_first_schema_opens),
        STORE_TEST(an_older_process_beside_a_migration_reads_on_and_writes_nothing),
        STORE_TEST(processes_that_open_the_first_schema_at_once_all_find_the_second),
#ifdef BULLA_FAULTS
        STORE_TEST(a_killed_migration_leaves_old_or_new),
        STORE_TEST(a_first_schema_whose_migration_was_killed_opens),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
