/* Outlines of plain rows, and rows that are read one by one. */
#include "help.h"

#include <sqlite3.h>
#include <string.h>

enum { ROWS = 40 };

static bool is_plain(uint32_t number)
{
    return number % 4 != 0;
}

/* Rows that are plain but for every fourth, in one transaction each. */
static void fill(struct bulla_store *store)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        uint8_t content[64];
        store_content(i, content);
        struct bulla_store_row row = store_object(i, content);
        row.plain = is_plain(i);
        row.marks[0] = i + 1;
        row.marks[1] = UINT64_MAX - i;
        assert_int_equal(bulla_store_begin(store), BULLA_OK);
        assert_int_equal(bulla_store_put(store, &row), BULLA_OK);
        assert_int_equal(bulla_store_commit(store), BULLA_OK);
    }
}

struct found {
    uint32_t numbers[2 * ROWS];
    size_t count, outlines, wrong;
};

static enum bulla_reason find(void *context, const struct bulla_store_row *row)
{
    struct found *found = context;
    uint8_t content[64];
    uint32_t number = 0;
    memcpy(&number, row->id + 12, sizeof number);
    store_content(number, content);
    struct bulla_store_row expected = store_object(number, content);
    if (row->outline)
        found->wrong += row->marks[0] != number + 1 || row->marks[1] != UINT64_MAX - number || !is_plain(number) ||
                        row->attributes.size || row->sealed.size || row->tag.size;
    else
        found->wrong += row->object_class != expected.object_class ||
                        !bulla_bytes_equal(row->attributes, expected.attributes) ||
                        !bulla_bytes_equal(row->sealed, expected.sealed) || !bulla_bytes_equal(row->tag, expected.tag);
    found->outlines += row->outline;
    found->numbers[found->count++ % (2 * ROWS)] = number;
    return BULLA_OK;
}

static enum bulla_reason find_gone(void *context, const uint8_t *id)
{
    (void)id;
    ((struct found *)context)->wrong++;
    return BULLA_OK;
}

static void walk(struct bulla_store *store, uint64_t *since, struct found *found)
{
    const struct bulla_store_visitor visitor = {.each = find, .gone = find_gone, .context = found, .outlines = true};
    *found = (struct found){0};
    assert_int_equal(bulla_store_changes(store, *since, &visitor, since), BULLA_OK);
    assert_int_equal(found->wrong, 0);
}

static void plain_rows_come_as_outlines_from_the_beginning_alone(void **state)
{
    struct fixture *fixture = *state;
    struct found found;
    uint64_t since = 0;
    fill(fixture->store);
    walk(fixture->store, &since, &found);
    assert_int_equal(found.count, ROWS);
    assert_int_equal(found.outlines, ROWS - ROWS / 4);
    for (uint32_t i = 0; i < ROWS; i++) /* in the order of their generations, whatever they are */
        assert_int_equal(found.numbers[i], i);
    assert_int_equal(store_add(fixture->store, 1), BULLA_OK);
    walk(fixture->store, &since, &found);
    assert_true(found.count == 1 && found.outlines == 0);
}

/* Another tool wrote: all rows come once more, to one who has them, and so whole. */
static void a_walk_that_brings_all_rows_again_brings_them_whole(void **state)
{
    struct fixture *fixture = *state;
    struct found found;
    uint64_t since = 0;
    char path[128];
    sqlite3 *database = NULL;
    fill(fixture->store);
    walk(fixture->store, &since, &found);
    test_folder_join(path, sizeof path, fixture->folder, "token.db");
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "UPDATE object SET mark_1 = 7", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    walk(fixture->store, &since, &found);
    assert_true(found.count == ROWS && found.outlines == 0);
}

static void a_row_is_read_as_it_is_now(void **state)
{
    struct fixture *fixture = *state;
    struct found found = {0};
    uint8_t content[64];
    fill(fixture->store);
    store_content(5, content);
    struct bulla_store_row row = store_object(5, content);
    assert_int_equal(bulla_store_row(fixture->store, row.id, find, &found), BULLA_OK);
    assert_true(found.count == 1 && found.numbers[0] == 5 && found.outlines == 0 && found.wrong == 0);
    assert_int_equal(store_drop(fixture->store, 5), BULLA_OK);
    assert_int_equal(bulla_store_row(fixture->store, row.id, find, &found), BULLA_OK);
    assert_int_equal(found.count, 1);
    found = (struct found){0};
    assert_int_equal(bulla_store_rows(fixture->store, find, &found), BULLA_OK);
    assert_true(found.count == ROWS - 1 && found.outlines == 0 && found.wrong == 0);
}

static enum bulla_reason refuse(void *context, const struct bulla_store_row *row)
{
    (void)row;
    ++*(int *)context;
    return bulla_refuse(BULLA_OUT_OF_MEMORY, "a test");
}

static void what_refuses_a_row_ends_the_reading(void **state)
{
    struct fixture *fixture = *state;
    struct found found = {0};
    int asked = 0;
    fill(fixture->store);
    assert_int_equal(bulla_store_rows(fixture->store, refuse, &asked), BULLA_OUT_OF_MEMORY);
    assert_int_equal(asked, 1);
    assert_int_equal(bulla_store_rows(fixture->store, find, &found), BULLA_OK); /* and leaves nothing behind */
    assert_int_equal(found.count, ROWS);
}

static void rows_are_not_read_inside_a_transaction(void **state)
{
    struct fixture *fixture = *state;
    struct found found = {0};
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    assert_int_equal(bulla_store_rows(fixture->store, find, &found), BULLA_INTERNAL);
    bulla_store_rollback(fixture->store);
}

static void execute(const char *path, const char *text)
{
    sqlite3 *database = NULL;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    if (sqlite3_exec(database, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", text, sqlite3_errmsg(database));
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

/* A file may hold what its schema forbids: SQLite looks at constraints when it writes. */
static void a_row_without_a_class_is_no_row(void **state)
{
    struct fixture *fixture = *state;
    struct found found = {0};
    uint8_t content[64];
    char path[128];
    fill(fixture->store);
    store_content(5, content);
    struct bulla_store_row row = store_object(5, content);
    test_folder_join(path, sizeof path, fixture->folder, "token.db");
    execute(path, "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET "
                  "sql = replace(sql, 'class INTEGER NOT NULL', 'class INTEGER') WHERE name = 'object'");
    execute(path, "UPDATE object SET class = NULL WHERE mark_1 = 6");
    execute(path, "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET "
                  "sql = replace(sql, 'class INTEGER', 'class INTEGER NOT NULL') WHERE name = 'object'");
    assert_int_equal(bulla_store_rows(fixture->store, find, &found), BULLA_STORE_CORRUPT);
    found = (struct found){0};
    assert_int_equal(bulla_store_row(fixture->store, row.id, find, &found), BULLA_STORE_CORRUPT);
    assert_int_equal(found.count, 0);
}

int main(void)
{
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(plain_rows_come_as_outlines_from_the_beginning_alone),
        STORE_TEST(a_walk_that_brings_all_rows_again_brings_them_whole),
        STORE_TEST(a_row_is_read_as_it_is_now),
        STORE_TEST(what_refuses_a_row_ends_the_reading),
        STORE_TEST(rows_are_not_read_inside_a_transaction),
        STORE_TEST(a_row_without_a_class_is_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
