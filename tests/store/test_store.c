/* Rows, values and walks of one process. */
#include "help.h"

#include <stdlib.h>
#include <string.h>

static void rows_come_back_as_they_were_put(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {0};
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    for (uint32_t i = 0; i < 50; i++)
        assert_int_equal(store_put(fixture->store, i), BULLA_OK);
    assert_int_equal(bulla_store_commit(fixture->store), BULLA_OK);
    bulla_store_close(fixture->store);
    assert_int_equal(bulla_store_open(fixture->folder, &fixture->store), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(seen.rows, 50);
    assert_int_equal(seen.wrong, 0);
    assert_int_equal(seen.gone + seen.anew, 0);
}

static enum bulla_reason keep_generation(void *context, const struct bulla_store_row *row)
{
    *(uint64_t *)context = row->generation;
    return BULLA_OK;
}

static enum bulla_reason ignore_gone(void *context, const uint8_t *id)
{
    (void)context;
    (void)id;
    return BULLA_OK;
}

static void a_row_carries_the_generation_that_was_promised(void **state)
{
    struct fixture *fixture = *state;
    uint64_t carried = 0;
    uint64_t now = 0;
    struct bulla_store_visitor visitor = {.each = keep_generation, .gone = ignore_gone, .context = &carried};
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    uint64_t promised = bulla_store_next_generation(fixture->store);
    assert_int_equal(store_put(fixture->store, 1), BULLA_OK);
    assert_int_equal(bulla_store_commit(fixture->store), BULLA_OK);
    assert_int_equal(bulla_store_changes(fixture->store, 0, &visitor, &now), BULLA_OK);
    assert_true(carried == promised && now == promised && bulla_store_generation(fixture->store) == promised);
}

static void a_walk_brings_only_what_is_newer(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {0};
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(store_add(fixture->store, i), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(seen.rows, 5);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(seen.rows, 5);
    assert_int_equal(store_add(fixture->store, 2), BULLA_OK); /* an update */
    assert_int_equal(store_add(fixture->store, 7), BULLA_OK);
    assert_int_equal(store_drop(fixture->store, 3), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(seen.rows, 7);
    assert_int_equal(seen.gone, 1);
    assert_int_equal(store_seen_count(&seen), 5);
    assert_int_equal(seen.present[3], 0);
    assert_int_equal(seen.wrong + seen.anew, 0);
}

static void an_erased_object_that_is_put_again_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {0};
    assert_int_equal(store_add(fixture->store, 4), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(store_drop(fixture->store, 4), BULLA_OK);
    assert_int_equal(store_add(fixture->store, 4), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(seen.present[4], 1);
    assert_int_equal(store_drop(fixture->store, 4), BULLA_OK);
    assert_int_equal(store_drop(fixture->store, 4), BULLA_OK); /* erasing what is gone is nothing */
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(seen.present[4], 0);
    assert_int_equal(seen.gone, 1);
}

static enum bulla_reason refuse_row(void *context, const struct bulla_store_row *row)
{
    (void)row;
    return bulla_refuse(BULLA_CANCELLED, "row %d", ++*(int *)context);
}

static void a_refusing_visitor_stops_the_walk(void **state)
{
    struct fixture *fixture = *state;
    int calls = 0;
    uint64_t now = 99;
    struct bulla_store_visitor visitor = {.each = refuse_row, .gone = ignore_gone, .context = &calls};
    assert_int_equal(store_add(fixture->store, 1), BULLA_OK);
    assert_int_equal(store_add(fixture->store, 2), BULLA_OK);
    assert_int_equal(bulla_store_changes(fixture->store, 0, &visitor, &now), BULLA_CANCELLED);
    assert_string_equal(bulla_detail(), "row 1");
    assert_int_equal(calls, 1);
    assert_int_equal(now, 99);
    assert_int_equal(store_add(fixture->store, 3), BULLA_OK);
}

static void rollback_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {0};
    uint64_t before = bulla_store_generation(fixture->store);
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    assert_int_equal(store_put(fixture->store, 1), BULLA_OK);
    assert_int_equal(bulla_store_value_put(fixture->store, "label", BULLA_TEXT("x")), BULLA_OK);
    bulla_store_rollback(fixture->store);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(seen.rows, 0);
    assert_int_equal(bulla_store_next_generation(fixture->store), 0);
    assert_int_equal(bulla_store_generation(fixture->store), before);
    struct bulla_writer writer;
    bulla_writer_open(&writer, NULL, 0);
    assert_int_equal(bulla_store_value_get(fixture->store, "label", &writer), BULLA_STORE_MISSING);
}

static void values_round_trip_and_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *large = calloc(1, (256 << 10) + 1);
    uint8_t out[16];
    struct bulla_writer writer;
    assert_non_null(large);
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    assert_int_equal(bulla_store_value_put(fixture->store, "label", BULLA_TEXT("old")), BULLA_OK);
    assert_int_equal(bulla_store_value_put(fixture->store, "label", BULLA_TEXT("a token")), BULLA_OK);
    assert_int_equal(bulla_store_value_put(fixture->store, "empty", (struct bulla_bytes){NULL, 0}), BULLA_OK);
    assert_int_equal(bulla_store_value_put(fixture->store, "most", (struct bulla_bytes){large, 256 << 10}), BULLA_OK);
    assert_int_equal(
        bulla_store_value_put(fixture->store, "more", (struct bulla_bytes){large, (256 << 10) + 1}), BULLA_TOO_LARGE);
    assert_int_equal(bulla_store_value_put(fixture->store, "", BULLA_TEXT("x")), BULLA_ARGUMENT);
    assert_int_equal(bulla_store_commit(fixture->store), BULLA_OK);
    bulla_writer_open(&writer, out, sizeof out);
    assert_int_equal(bulla_store_value_get(fixture->store, "label", &writer), BULLA_OK);
    assert_true(bulla_bytes_equal_text(bulla_writer_bytes(&writer), "a token"));
    bulla_writer_open(&writer, out, 3);
    assert_int_equal(bulla_store_value_get(fixture->store, "label", &writer), BULLA_BUFFER_SMALL);
    assert_int_equal(writer.size, 7);
    bulla_writer_open(&writer, out, sizeof out);
    assert_int_equal(bulla_store_value_get(fixture->store, "empty", &writer), BULLA_OK);
    assert_int_equal(writer.size, 0);
    assert_int_equal(bulla_store_value_get(fixture->store, "none", &writer), BULLA_STORE_MISSING);
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    assert_int_equal(bulla_store_value_erase(fixture->store, "label"), BULLA_OK);
    assert_int_equal(bulla_store_value_erase(fixture->store, "label"), BULLA_OK);
    assert_int_equal(bulla_store_commit(fixture->store), BULLA_OK);
    assert_int_equal(bulla_store_value_get(fixture->store, "label", &writer), BULLA_STORE_MISSING);
    free(large);
}

static void rows_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *large = calloc(1, BULLA_STORE_ROW_LARGEST + 1);
    struct bulla_store_row row = {.id = {1}, .attributes = {large, BULLA_STORE_ROW_LARGEST - 8}, .sealed = {large, 8}};
    assert_non_null(large);
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    assert_int_equal(bulla_store_put(fixture->store, &row), BULLA_OK);
    row.sealed.size = 9;
    assert_int_equal(bulla_store_put(fixture->store, &row), BULLA_TOO_LARGE);
    row.attributes.size = SIZE_MAX;
    assert_int_equal(bulla_store_put(fixture->store, &row), BULLA_TOO_LARGE);
    row.attributes.size = 1;
    row.tag = (struct bulla_bytes){large, 31};
    assert_int_equal(bulla_store_put(fixture->store, &row), BULLA_ARGUMENT);
    assert_int_equal(bulla_store_commit(fixture->store), BULLA_OK);
    uint64_t generation = 0;
    uint64_t now = 0;
    struct bulla_store_visitor visitor = {.each = keep_generation, .gone = ignore_gone, .context = &generation};
    assert_int_equal(bulla_store_changes(fixture->store, 0, &visitor, &now), BULLA_OK);
    assert_int_equal(generation, now);
    free(large);
}

static void a_write_outside_a_transaction_is_refused(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t id[16] = {0};
    assert_int_equal(store_put(fixture->store, 1), BULLA_INTERNAL);
    assert_int_equal(bulla_store_erase(fixture->store, id), BULLA_INTERNAL);
    assert_int_equal(bulla_store_value_put(fixture->store, "a", BULLA_TEXT("b")), BULLA_INTERNAL);
    assert_int_equal(bulla_store_commit(fixture->store), BULLA_INTERNAL);
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_INTERNAL);
    assert_int_equal(store_put(fixture->store, 1), BULLA_OK);
    assert_int_equal(bulla_store_commit(fixture->store), BULLA_OK);
}

/* Two readers: one a single erasure behind the last 4096, the other one further. */
static void who_is_too_far_behind_starts_anew(void **state)
{
    struct fixture *fixture = *state;
    static struct seen near, far;
    enum { ERASED = 4097 };
    memset(&near, 0, sizeof near);
    memset(&far, 0, sizeof far);
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    for (uint32_t i = 0; i < ERASED + 3; i++)
        assert_int_equal(store_put(fixture->store, i), BULLA_OK);
    assert_int_equal(bulla_store_commit(fixture->store), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &far), BULLA_OK);
    assert_int_equal(store_drop(fixture->store, 0), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &near), BULLA_OK);
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    for (uint32_t i = 1; i < ERASED; i++) {
        uint8_t content[64];
        store_content(i, content);
        assert_int_equal(bulla_store_erase(fixture->store, store_object(i, content).id), BULLA_OK);
    }
    assert_int_equal(bulla_store_commit(fixture->store), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &near), BULLA_OK);
    assert_int_equal(near.gone, 4096);
    assert_int_equal(near.anew, 0);
    assert_int_equal(store_seen_count(&near), 3);
    assert_int_equal(store_follow(fixture->store, &far), BULLA_OK);
    assert_int_equal(far.anew, 1);
    assert_int_equal(store_seen_count(&far), 3);
    assert_int_equal(far.wrong + near.wrong, 0);
}

static void creating_over_a_store_empties_it_for_everyone(void **state)
{
    struct fixture *fixture = *state;
    struct bulla_store *again = NULL;
    struct seen old = {0};
    char backup[128];
    test_folder_join(backup, sizeof backup, fixture->folder, "token.db.schema-7");
    test_file_write(backup, "x", 1);
    assert_int_equal(store_add(fixture->store, 1), BULLA_OK);
    assert_int_equal(store_add(fixture->store, 2), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &old), BULLA_OK);
    assert_int_equal(bulla_store_create(fixture->folder, &again), BULLA_OK);
    assert_int_equal(store_add(again, 3), BULLA_OK);
    assert_true(bulla_store_generation(fixture->store) != old.now);
    assert_int_equal(store_follow(fixture->store, &old), BULLA_OK);
    assert_int_equal(old.anew, 1);
    assert_int_equal(store_seen_count(&old), 1);
    assert_int_equal(old.present[3], 1);
    size_t size = 0;
    assert_null(test_file_read(backup, &size));
    bulla_store_close(again);
}

static int file_holds(const char *folder, const char *name, const char *needle)
{
    char path[128];
    size_t size = 0;
    test_folder_join(path, sizeof path, folder, name);
    unsigned char *data = test_file_read(path, &size);
    int found = data && memmem(data, size, needle, strlen(needle)) != NULL;
    free(data);
    return found;
}

static void nothing_of_the_old_store_stays_in_the_files(void **state)
{
    struct fixture *fixture = *state;
    const char *needle = "a needle that no other file holds";
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    assert_int_equal(bulla_store_value_put(fixture->store, "needle", BULLA_TEXT(needle)), BULLA_OK);
    assert_int_equal(bulla_store_commit(fixture->store), BULLA_OK);
    assert_true(file_holds(fixture->folder, "token.db-wal", needle));
    bulla_store_close(fixture->store);
    assert_true(file_holds(fixture->folder, "token.db", needle));
    assert_int_equal(bulla_store_create(fixture->folder, &fixture->store), BULLA_OK);
    assert_false(file_holds(fixture->folder, "token.db", needle));
    assert_false(file_holds(fixture->folder, "token.db-wal", needle));
}

int main(void)
{
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(rows_come_back_as_they_were_put),
        STORE_TEST(a_row_carries_the_generation_that_was_promised),
        STORE_TEST(a_walk_brings_only_what_is_newer),
        STORE_TEST(an_erased_object_that_is_put_again_is_there),
        STORE_TEST(a_refusing_visitor_stops_the_walk),
        STORE_TEST(rollback_leaves_nothing),
        STORE_TEST(values_round_trip_and_are_bounded),
        STORE_TEST(rows_are_bounded),
        STORE_TEST(a_write_outside_a_transaction_is_refused),
        STORE_TEST(who_is_too_far_behind_starts_anew),
        STORE_TEST(creating_over_a_store_empties_it_for_everyone),
        STORE_TEST(nothing_of_the_old_store_stays_in_the_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
