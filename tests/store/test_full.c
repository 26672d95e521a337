/* A full disk: by a limit of file sizes, and on a small file system of its own where one may be mounted. */
#include "help.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NO_MOUNT = 77 };

/* Adds large objects until one is refused; the refused transaction has two rows, and neither may stay. */
static enum bulla_reason fill_up(struct bulla_store *store, int *count)
{
    static uint8_t content[64 << 10];
    struct bulla_store_row row = {.attributes = {content, sizeof content}};
    enum bulla_reason reason = BULLA_OK;
    for (*count = 0; *count < 1000 && reason == BULLA_OK; ++*count) {
        memcpy(row.id, count, sizeof *count);
        row.id[15] = 0;
        BULLA_TRY(bulla_store_begin(store));
        reason = bulla_store_put(store, &row);
        row.id[15] = 1;
        if (reason == BULLA_OK)
            reason = bulla_store_put(store, &row);
        if (reason == BULLA_OK)
            reason = bulla_store_commit(store);
        else
            bulla_store_rollback(store);
    }
    --*count;
    return reason;
}

static enum bulla_reason count_row(void *context, const struct bulla_store_row *row)
{
    (void)row;
    ++*(int *)context;
    return BULLA_OK;
}

static enum bulla_reason count_gone(void *context, const uint8_t *id)
{
    (void)context;
    (void)id;
    return BULLA_OK;
}

static int rows_of(struct bulla_store *store)
{
    int rows = 0;
    uint64_t now = 0;
    struct bulla_store_visitor visitor = {.each = count_row, .gone = count_gone, .context = &rows};
    return bulla_store_changes(store, 0, &visitor, &now) == BULLA_OK ? rows : -1;
}

static int fill_to_the_limit(void *context)
{
    struct fixture *fixture = context;
    struct bulla_store *store = NULL;
    struct rlimit limit;
    int count = 0;
    (void)signal(SIGXFSZ, SIG_IGN);
    bulla_store_abandon(fixture->store);
    if (bulla_store_open(fixture->folder, &store) != BULLA_OK)
        return 1;
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 2;
    limit.rlim_cur = 2 << 20;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 2;
    enum bulla_reason reason = fill_up(store, &count);
    if (reason != BULLA_STORE_FULL) {
        print_message("%s: %s\n", bulla_reason_code(reason), bulla_detail());
        return 3;
    }
    if (count < 1 || rows_of(store) != 2 * count)
        return 4;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || store_add(store, 1) != BULLA_OK || rows_of(store) != 2 * count + 1)
        return 5;
    bulla_store_close(store);
    return 0;
}

/* An object larger than the page cache meets the limit in the middle of a transaction, which SQLite then ends itself.
 */
static int go_on_after_an_error(void *context)
{
    struct fixture *fixture = context;
    struct bulla_store *store = NULL;
    struct rlimit limit;
    static uint8_t content[8 << 20];
    struct bulla_store_row row = {.id = {9}, .attributes = {content, sizeof content}};
    (void)signal(SIGXFSZ, SIG_IGN);
    bulla_store_abandon(fixture->store);
    if (bulla_store_open(fixture->folder, &store) != BULLA_OK || getrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 1;
    limit.rlim_cur = 2 << 20;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 2;
    if (bulla_store_begin(store) != BULLA_OK || store_put(store, 1) != BULLA_OK ||
        bulla_store_put(store, &row) != BULLA_STORE_FULL)
        return 3;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 4;
    if (store_put(store, 2) != BULLA_STORE_IO || bulla_store_commit(store) != BULLA_STORE_IO || rows_of(store) != 0)
        return 5;
    if (store_add(store, 3) != BULLA_OK || rows_of(store) != 1)
        return 6;
    bulla_store_close(store);
    return 0;
}

static void nothing_is_written_after_a_transaction_has_failed(void **state)
{
    struct fixture *fixture = *state;
    int status = store_in_child(go_on_after_an_error, fixture);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_file_that_may_not_grow_is_full(void **state)
{
    struct fixture *fixture = *state;
    int status = store_in_child(fill_to_the_limit, fixture);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int fill_small_file_system(void *context)
{
    struct fixture *fixture = context;
    struct bulla_store *store = NULL;
    char folder[96];
    int count = 0;
    test_folder_join(folder, sizeof folder, fixture->base, "token");
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", fixture->base, "tmpfs", 0, "size=2m,mode=0700") != 0)
        return NO_MOUNT;
    if (bulla_store_create(folder, &store) != BULLA_OK)
        return 1;
    if (fill_up(store, &count) != BULLA_STORE_FULL)
        return 2;
    if (count < 1 || rows_of(store) != 2 * count)
        return 3;
    bulla_store_close(store);
    if (bulla_store_open(folder, &store) != BULLA_OK || rows_of(store) != 2 * count)
        return 4;
    if (mount("none", fixture->base, "tmpfs", MS_REMOUNT, "size=8m") != 0)
        return 5;
    if (store_add(store, 1) != BULLA_OK || rows_of(store) != 2 * count + 1)
        return 6;
    bulla_store_close(store);
    return 0;
}

static void a_full_file_system_is_full_and_recovers(void **state)
{
    struct fixture *fixture = *state;
    bulla_store_close(fixture->store);
    fixture->store = NULL;
    int status = store_in_child(fill_small_file_system, fixture);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_MOUNT)
        print_message("SKIPPED: no right to mount a tmpfs; the size limit was tested alone\n");
    else
        assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_file_that_may_not_grow_is_full),
        STORE_TEST(nothing_is_written_after_a_transaction_has_failed),
        STORE_TEST(a_full_file_system_is_full_and_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
