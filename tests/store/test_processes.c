/* Several processes with one store: none misses what another one wrote; what a fork leaves. */
#include "help.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EACH = 200, WRITERS = 2 };

struct writer {
    const char *folder;
    uint32_t first;
};

/* Writes its own objects and follows the others'; done when it has seen those of all. */
static int write_and_follow(void *context)
{
    const struct writer *writer = context;
    static struct seen seen;
    struct bulla_store *store = NULL;
    const struct timespec nap = {.tv_nsec = 1000000};
    memset(&seen, 0, sizeof seen);
    if (bulla_store_open(writer->folder, &store) != BULLA_OK)
        return 1;
    for (uint32_t i = 0; i < EACH; i++) {
        if (store_add(store, writer->first + i) != BULLA_OK)
            return 2;
        if (bulla_store_generation(store) != seen.now && store_follow(store, &seen) != BULLA_OK)
            return 3;
    }
    for (int i = 0; i < 60000 && store_seen_count(&seen) != WRITERS * EACH; i++) {
        (void)nanosleep(&nap, NULL);
        /* Only the mapping tells that there is news. */
        if (bulla_store_generation(store) != seen.now && store_follow(store, &seen) != BULLA_OK)
            return 4;
    }
    int failed = seen.wrong != 0 || seen.anew != 0 || store_seen_count(&seen) != WRITERS * EACH;
    bulla_store_close(store);
    return failed ? 5 : 0;
}

static void two_writers_lose_nothing_and_see_each_other(void **state)
{
    struct fixture *fixture = *state;
    struct writer writers[WRITERS] = {{fixture->folder, 0}, {fixture->folder, 1000}};
    pid_t children[WRITERS];
    static struct seen seen;
    memset(&seen, 0, sizeof seen);
    bulla_store_close(fixture->store); /* the children inherit no handle */
    fixture->store = NULL;
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(write_and_follow(&writers[i]));
    }
    for (int i = 0; i < WRITERS; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(bulla_store_open(fixture->folder, &fixture->store), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(store_seen_count(&seen), WRITERS * EACH);
    assert_int_equal(seen.wrong, 0);
}

static double nanoseconds(struct timespec from, struct timespec to)
{
    return (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
}

static void a_reader_learns_by_the_mapping_alone(void **state)
{
    struct fixture *fixture = *state;
    struct bulla_store *reader = NULL;
    struct timespec from;
    struct timespec to;
    enum { READS = 10000000 };
    uint64_t sum = 0;
    assert_int_equal(bulla_store_open(fixture->folder, &reader), BULLA_OK);
    uint64_t before = bulla_store_generation(reader);
    assert_int_equal(store_add(fixture->store, 1), BULLA_OK);
    assert_true(bulla_store_generation(reader) > before);
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < READS; i++)
        sum += bulla_store_generation(reader);
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    assert_true(sum != 0);
    double each = nanoseconds(from, to) / READS;
    print_message("generation read in %.2f ns\n", each);
    assert_true(each < 1000); /* generous: a system call would pass it under a sanitizer at most */
    bulla_store_close(reader);
}

/* A writer that was killed after it had advanced the mapping, or anything else that left a wrong number there. */
static void a_wrong_mapped_generation_is_put_right(void **state)
{
    struct fixture *fixture = *state;
    static const uint64_t wrong[] = {0, 1, 77, UINT64_MAX};
    struct seen seen = {0};
    char path[128];
    test_folder_join(path, sizeof path, fixture->folder, "generation");
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(store_add(fixture->store, i), BULLA_OK);
        FILE *file = fopen(path, "r+b");
        assert_non_null(file);
        assert_int_equal(fwrite(&wrong[i], sizeof wrong[i], 1, file), 1);
        assert_int_equal(fclose(file), 0);
        assert_true(bulla_store_generation(fixture->store) != seen.now);
        assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
        assert_int_equal(store_seen_count(&seen), i + 1);
        assert_true(bulla_store_generation(fixture->store) == seen.now);
    }
    assert_true(seen.now < 77);
    /* The same found at open. */
    test_file_write(path, "", 0);
    bulla_store_close(fixture->store);
    assert_int_equal(bulla_store_open(fixture->folder, &fixture->store), BULLA_OK);
    assert_true(bulla_store_generation(fixture->store) == seen.now);
}

/* It is the user's alone: no commit touches it, and a file that is new or was cut has none. */
static void a_tally_is_seen_by_every_process_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct bulla_store *other = NULL;
    char path[128];
    test_folder_join(path, sizeof path, fixture->folder, "generation");
    assert_int_equal(bulla_store_open(fixture->folder, &other), BULLA_OK);
    assert_true(bulla_store_tally(fixture->store) == 0);
    for (uint64_t mark = UINT64_MAX - 1; mark != 1; mark++) {
        assert_int_equal(bulla_store_tally_write(other, mark), BULLA_OK);
        assert_true(bulla_store_tally(fixture->store) == mark && bulla_store_tally(other) == mark);
    }
    assert_int_equal(bulla_store_tally_write(other, 7), BULLA_OK);
    uint64_t before = bulla_store_generation(fixture->store);
    assert_int_equal(store_add(fixture->store, 1), BULLA_OK);
    assert_true(bulla_store_tally(other) == 7 && bulla_store_generation(other) == before + 1);
    assert_int_equal(truncate(path, 17), 0); /* the page is there still: no SIGBUS */
    assert_true(bulla_store_tally(other) == 7 && bulla_store_generation(other) == before + 1);
    assert_int_equal(truncate(path, 16), 0);
    assert_true(bulla_store_tally(other) == 0);
    bulla_store_close(other);
    bulla_store_close(fixture->store);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(bulla_store_open(fixture->folder, &fixture->store), BULLA_OK);
    assert_true(bulla_store_tally(fixture->store) == 0 && bulla_store_generation(fixture->store) == before + 1);
}

/* Overwrites one of the file's numbers: 0, the generation; 1, the last commit that was finished. */
static void overwrite(const struct fixture *fixture, unsigned which, uint64_t number)
{
    char path[128];
    test_folder_join(path, sizeof path, fixture->folder, "generation");
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)(which * sizeof number), SEEK_SET), 0);
    assert_int_equal(fwrite(&number, sizeof number, 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

static void wait_beyond_patience(void)
{
    const struct timespec time = {0, (BULLA_STORE_PATIENCE + 20) * 1000000L};
    (void)nanosleep(&time, NULL);
}

static void a_finished_commit_is_news_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct bulla_store *reader = NULL;
    struct seen seen = {0};
    assert_int_equal(bulla_store_open(fixture->folder, &reader), BULLA_OK);
    assert_int_equal(store_follow(reader, &seen), BULLA_OK);
    for (uint32_t i = 1; i < 200; i++) {
        assert_false(bulla_store_has_news(reader, seen.now));
        assert_int_equal(store_add(fixture->store, i), BULLA_OK);
        assert_true(bulla_store_has_news(reader, seen.now));
        assert_int_equal(store_follow(reader, &seen), BULLA_OK);
        assert_int_equal(store_seen_count(&seen), i);
    }
    bulla_store_close(reader);
}

static void a_commit_under_way_is_no_news_before_its_end_or_the_end_of_patience(void **state)
{
    struct fixture *fixture = *state;
    struct bulla_store *reader = NULL;
    struct seen seen = {0};
    assert_int_equal(bulla_store_open(fixture->folder, &reader), BULLA_OK);
    assert_int_equal(store_follow(reader, &seen), BULLA_OK);
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    overwrite(fixture, 0, bulla_store_next_generation(fixture->store)); /* as a commit does before it syncs */
    assert_false(bulla_store_has_news(reader, seen.now));
    wait_beyond_patience();
    assert_true(bulla_store_has_news(reader, seen.now));
    assert_int_equal(store_follow(reader, &seen), BULLA_OK);
    assert_false(bulla_store_has_news(reader, seen.now)); /* it begins anew */
    assert_int_equal(store_put(fixture->store, 9), BULLA_OK);
    assert_int_equal(bulla_store_commit(fixture->store), BULLA_OK);
    assert_true(bulla_store_has_news(reader, seen.now));
    assert_int_equal(store_follow(reader, &seen), BULLA_OK);
    assert_true(seen.present[9]);
    bulla_store_close(reader);
}

/* Its writer was killed before it could tell, or could not write that: readers come to it by themselves. */
static void a_commit_whose_end_was_not_told_is_found(void **state)
{
    struct fixture *fixture = *state;
    struct bulla_store *reader = NULL;
    struct seen seen = {0};
    assert_int_equal(bulla_store_open(fixture->folder, &reader), BULLA_OK);
    assert_int_equal(store_add(fixture->store, 1), BULLA_OK);
    assert_int_equal(store_follow(reader, &seen), BULLA_OK);
    uint64_t before = seen.now;
    assert_int_equal(store_add(fixture->store, 2), BULLA_OK);
    overwrite(fixture, 1, before);
    assert_false(bulla_store_has_news(reader, seen.now));
    wait_beyond_patience();
    assert_true(bulla_store_has_news(reader, seen.now));
    assert_int_equal(store_follow(reader, &seen), BULLA_OK);
    assert_true(seen.present[2]);
    assert_false(bulla_store_has_news(reader, seen.now));
    bulla_store_close(reader);
}

/* While a writer holds the lock, a walk leaves a mapping that is ahead to it. */
static void a_mapping_ahead_of_a_commit_under_way_is_left(void **state)
{
    struct fixture *fixture = *state;
    struct bulla_store *reader = NULL;
    struct seen seen = {0};
    char path[128];
    assert_int_equal(bulla_store_open(fixture->folder, &reader), BULLA_OK);
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    uint64_t next = bulla_store_next_generation(fixture->store);
    test_folder_join(path, sizeof path, fixture->folder, "generation");
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fwrite(&next, sizeof next, 1, file), 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(store_follow(reader, &seen), BULLA_OK);
    assert_true(seen.now < next);
    assert_true(bulla_store_generation(reader) == next);
    assert_int_equal(store_put(fixture->store, 9), BULLA_OK);
    assert_int_equal(bulla_store_commit(fixture->store), BULLA_OK);
    assert_int_equal(store_follow(reader, &seen), BULLA_OK);
    assert_true(seen.present[9] && seen.now == next);
    bulla_store_close(reader);
}

static void execute(const char *folder, const char *text)
{
    char path[128];
    sqlite3 *database = NULL;
    test_folder_join(path, sizeof path, folder, "token.db");
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

/* Row 2 loses what it held: every walk that brings it counts one that is wrong. */
static const char spoil[] = "UPDATE object SET attributes = randomblob(70) WHERE class & 0xffff = 2";

static void a_commit_of_another_tool_brings_all_rows_once_more(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {0};
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(store_add(fixture->store, i), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(seen.rows, 3);
    execute(fixture->folder, spoil);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(seen.rows, 6);
    assert_int_equal(seen.wrong, 1);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(seen.rows, 6);
    /* Right after a commit of our own, too. */
    assert_int_equal(store_add(fixture->store, 7), BULLA_OK);
    execute(fixture->folder, spoil);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(seen.rows, 10);
    assert_int_equal(seen.anew, 0);
}

static void an_older_file_in_its_place_makes_readers_start_anew(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {0};
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(store_add(fixture->store, i), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    execute(fixture->folder, "DELETE FROM object WHERE generation = (SELECT max(generation) FROM object); "
                             "UPDATE state SET generation = generation - 1");
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(seen.anew, 1);
    assert_int_equal(store_seen_count(&seen), 2);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(seen.anew, 1);
    /* Noticed too when writes have brought the generation up again before the walk. */
    execute(fixture->folder, "DELETE FROM object; UPDATE state SET generation = generation - 1");
    assert_int_equal(store_add(fixture->store, 7), BULLA_OK);
    assert_int_equal(store_add(fixture->store, 8), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(seen.anew, 2);
    assert_int_equal(store_seen_count(&seen), 2);
}

static void commits_of_other_stores_are_not_taken_for_another_tool(void **state)
{
    struct fixture *fixture = *state;
    struct bulla_store *other = NULL;
    struct seen seen = {0};
    assert_int_equal(bulla_store_open(fixture->folder, &other), BULLA_OK);
    for (uint32_t i = 0; i < 40; i++) {
        assert_int_equal(store_add(i % 3 ? fixture->store : other, i), BULLA_OK);
        if (i % 4 == 0)
            assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    }
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(store_seen_count(&seen), 40);
    assert_int_equal(seen.anew, 0);
    assert_int_equal(seen.rows, 40);
    bulla_store_close(other);
}

static void a_held_lock_is_busy_after_five_seconds(void **state)
{
    struct fixture *fixture = *state;
    struct bulla_store *other = NULL;
    struct timespec from;
    struct timespec to;
    struct seen seen = {0};
    assert_int_equal(bulla_store_open(fixture->folder, &other), BULLA_OK);
    assert_int_equal(bulla_store_begin(other), BULLA_OK);
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_STORE_BUSY);
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    assert_true(nanoseconds(from, to) > 4.5e9 && nanoseconds(from, to) < 15e9);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK); /* readers do not wait */
    bulla_store_rollback(other);
    bulla_store_close(other);
    assert_int_equal(store_add(fixture->store, 1), BULLA_OK);
}

static int use_after_fork(void *context)
{
    struct fixture *fixture = context;
    struct seen seen = {0};
    struct bulla_writer writer;
    bulla_writer_open(&writer, NULL, 0);
    if (bulla_store_begin(fixture->store) != BULLA_FORKED || store_follow(fixture->store, &seen) != BULLA_FORKED ||
        bulla_store_value_get(fixture->store, "a", &writer) != BULLA_FORKED)
        return 1;
    bulla_store_abandon(fixture->store);
    return 0;
}

static void a_child_cannot_use_what_it_inherited(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(store_add(fixture->store, 1), BULLA_OK);
    assert_int_equal(store_in_child(use_after_fork, fixture), 0);
    assert_int_equal(store_add(fixture->store, 2), BULLA_OK);
}

static int reopen_while_in_use(void *context)
{
    struct fixture *fixture = context;
    struct bulla_store *store = NULL;
    if (store_put(fixture->store, 5) != BULLA_FORKED || bulla_store_commit(fixture->store) != BULLA_FORKED)
        return 1;
    bulla_store_close(fixture->store); /* abandons */
    if (bulla_store_open(fixture->folder, &store) != BULLA_FORKED)
        return 2;
    return bulla_store_open(fixture->folder, &store) == BULLA_FORKED ? 0 : 3;
}

static void a_transaction_under_way_survives_a_fork(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {0};
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    assert_int_equal(store_put(fixture->store, 1), BULLA_OK);
    assert_int_equal(store_in_child(reopen_while_in_use, fixture), 0);
    assert_int_equal(store_put(fixture->store, 2), BULLA_OK);
    assert_int_equal(bulla_store_commit(fixture->store), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(store_seen_count(&seen), 2);
}

struct relay {
    struct fixture *fixture;
    int to_child[2];
    int to_parent[2];
};

/* Opens the store anew in the child; after the parent has closed it, still writes into the one that others see. */
static int reopen_and_outlive(void *context)
{
    struct relay *relay = context;
    struct bulla_store *store = NULL;
    char byte = 0;
    bulla_store_abandon(relay->fixture->store);
    if (bulla_store_open(relay->fixture->folder, &store) != BULLA_OK || store_add(store, 100) != BULLA_OK)
        return 1;
    if (write(relay->to_parent[1], "x", 1) != 1 || read(relay->to_child[0], &byte, 1) != 1)
        return 2;
    for (uint32_t i = 101; i < 120; i++)
        if (store_add(store, i) != BULLA_OK)
            return 3;
    bulla_store_close(store);
    return 0;
}

static void a_child_that_opens_anew_outlives_its_parents_handle(void **state)
{
    struct fixture *fixture = *state;
    struct relay relay = {.fixture = fixture};
    static struct seen seen;
    char byte = 0;
    int status = -1;
    memset(&seen, 0, sizeof seen);
    assert_int_equal(pipe(relay.to_child) + pipe(relay.to_parent), 0);
    assert_int_equal(store_add(fixture->store, 1), BULLA_OK);
    pid_t child = fork();
    if (child == 0)
        _exit(reopen_and_outlive(&relay));
    assert_int_equal(read(relay.to_parent[0], &byte, 1), 1);
    /* Were the child without locks, this would count as the last close and remove the log under the child. */
    bulla_store_close(fixture->store);
    assert_int_equal(bulla_store_open(fixture->folder, &fixture->store), BULLA_OK);
    assert_int_equal(store_add(fixture->store, 2), BULLA_OK);
    assert_int_equal(write(relay.to_child[1], "x", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(store_add(fixture->store, 3), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(store_seen_count(&seen), 23);
    assert_int_equal(seen.wrong, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(close(relay.to_child[i]) + close(relay.to_parent[i]), 0);
}

int main(void)
{
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(two_writers_lose_nothing_and_see_each_other),
        STORE_TEST(a_reader_learns_by_the_mapping_alone),
        STORE_TEST(a_wrong_mapped_generation_is_put_right),
        STORE_TEST(a_tally_is_seen_by_every_process_at_once),
        STORE_TEST(a_finished_commit_is_news_at_once),
        STORE_TEST(a_commit_under_way_is_no_news_before_its_end_or_the_end_of_patience),
        STORE_TEST(a_commit_whose_end_was_not_told_is_found),
        STORE_TEST(a_mapping_ahead_of_a_commit_under_way_is_left),
        STORE_TEST(a_commit_of_another_tool_brings_all_rows_once_more),
        STORE_TEST(an_older_file_in_its_place_makes_readers_start_anew),
        STORE_TEST(commits_of_other_stores_are_not_taken_for_another_tool),
        STORE_TEST(a_held_lock_is_busy_after_five_seconds),
        STORE_TEST(a_child_cannot_use_what_it_inherited),
        STORE_TEST(a_transaction_under_way_survives_a_fork),
        STORE_TEST(a_child_that_opens_anew_outlives_its_parents_handle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
