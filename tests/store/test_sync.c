/* What a commit costs and what it survives: syncs are counted, and made to fail, by functions of this program that
 * stand before the C library's. */
#include "help.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int syncs;
static int failing;

static int sync_by(long call, int file)
{
    syncs++;
    if (failing) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, file);
}

__attribute__((visibility("default"))) int fsync(int file)
{
    return sync_by(SYS_fsync, file);
}

__attribute__((visibility("default"))) int fdatasync(int file)
{
    return sync_by(SYS_fdatasync, file);
}

/* The first commit into a fresh log syncs its header as well. */
static void a_commit_is_one_sync(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(store_add(fixture->store, 0), BULLA_OK);
    for (uint32_t i = 1; i < 51; i++) {
        syncs = 0;
        assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
        assert_int_equal(store_put(fixture->store, i), BULLA_OK);
        assert_int_equal(syncs, 0);
        assert_int_equal(bulla_store_commit(fixture->store), BULLA_OK);
        assert_int_equal(syncs, 1);
    }
}

static void reading_and_rolling_back_sync_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {0};
    assert_int_equal(store_add(fixture->store, 0), BULLA_OK);
    syncs = 0;
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    assert_int_equal(store_put(fixture->store, 1), BULLA_OK);
    bulla_store_rollback(fixture->store);
    assert_int_equal(syncs, 0);
}

static void a_new_store_and_its_folder_are_synced(void **state)
{
    struct fixture *fixture = *state;
    struct bulla_store *store = NULL;
    char folder[128];
    test_folder_join(folder, sizeof folder, fixture->base, "other");
    syncs = 0;
    assert_int_equal(bulla_store_create(folder, &store), BULLA_OK);
    /* The parent, the new file's content and the folder: three at the least. */
    assert_true(syncs >= 3);
    bulla_store_close(store);
}

static void a_commit_that_cannot_be_synced_is_refused_and_gone(void **state)
{
    struct fixture *fixture = *state;
    struct seen seen = {0};
    assert_int_equal(store_add(fixture->store, 1), BULLA_OK);
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_OK);
    assert_int_equal(store_put(fixture->store, 2), BULLA_OK);
    failing = 1;
    assert_int_equal(bulla_store_commit(fixture->store), BULLA_STORE_IO);
    failing = 0;
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_int_equal(store_seen_count(&seen), 1);
    assert_true(bulla_store_generation(fixture->store) == seen.now);
    assert_int_equal(store_add(fixture->store, 3), BULLA_OK);
    bulla_store_close(fixture->store);
    assert_int_equal(bulla_store_open(fixture->folder, &fixture->store), BULLA_OK);
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    assert_true(seen.present[1] && !seen.present[2] && seen.present[3]);
}

static void a_folder_that_cannot_be_synced_refuses_creation(void **state)
{
    struct fixture *fixture = *state;
    struct bulla_store *store = NULL;
    char folder[128];
    test_folder_join(folder, sizeof folder, fixture->base, "other");
    failing = 1;
    assert_int_equal(bulla_store_create(folder, &store), BULLA_STORE_IO);
    failing = 0;
    assert_null(store);
    assert_int_equal(bulla_store_create(folder, &store), BULLA_OK);
    bulla_store_close(store);
}

static double seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Ratios, not limits: the disk decides. Beside a commit stands one write and fdatasync of a page in the same folder. */
static void the_cost_of_a_commit_is_printed(void **state)
{
    struct fixture *fixture = *state;
    enum { COMMITS = 200 };
    char path[128];
    static char page[4096];
    test_folder_join(path, sizeof path, fixture->folder, "page");
    test_file_write(path, page, sizeof page);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    double commits = 0;
    double pages = 0;
    for (uint32_t i = 0; i < COMMITS; i++) {
        double from = seconds_now();
        assert_int_equal(store_add(fixture->store, i), BULLA_OK);
        double between = seconds_now();
        assert_int_equal(pwrite(fileno(file), page, sizeof page, 0), sizeof page);
        assert_int_equal(fdatasync(fileno(file)), 0);
        commits += between - from;
        pages += seconds_now() - between;
    }
    assert_int_equal(fclose(file), 0);
    struct seen seen = {0};
    double from = seconds_now();
    assert_int_equal(store_follow(fixture->store, &seen), BULLA_OK);
    double walked = seconds_now() - from;
    assert_int_equal(seen.rows, COMMITS);
    print_message("commit %.1f us, a page with fdatasync %.1f us, ratio %.2f; walk of %d rows %.1f us\n",
        commits / COMMITS * 1e6, pages / COMMITS * 1e6, commits / pages, COMMITS, walked * 1e6);
}

int main(void)
{
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_commit_is_one_sync),
        STORE_TEST(reading_and_rolling_back_sync_nothing),
        STORE_TEST(a_new_store_and_its_folder_are_synced),
        STORE_TEST(a_commit_that_cannot_be_synced_is_refused_and_gone),
        STORE_TEST(a_folder_that_cannot_be_synced_refuses_creation),
        STORE_TEST(the_cost_of_a_commit_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
