/* What is refused before a database is opened. */
#include "help.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/folder.h"

enum { NOBODY = 65534 };

static enum bulla_reason open_again(struct fixture *fixture)
{
    struct bulla_store *store = NULL;
    enum bulla_reason reason = bulla_store_open(fixture->folder, &store);
    bulla_store_close(store);
    return reason;
}

static void path_of(struct fixture *fixture, const char *name, char path[static 128])
{
    test_folder_join(path, 128, fixture->folder, name);
}

/* Magic numbers: statfs(2) of man-pages 6.03. */
static void network_file_systems_are_refused(void **state)
{
    (void)state;
    static const unsigned long refused[] = {0x6969, 0x517b, 0xfe534d42, 0xff534d42, 0x01021997, 0x564c, 0x5346414f,
        0x73757245, 0x7461636f, 0x65735546, 0xfffffffffe534d42UL};
    /* ext4, btrfs, XFS, tmpfs, overlayfs, F2FS, ZFS */
    static const unsigned long taken[] = {
        0xef53, 0x9123683e, 0x58465342, 0x01021994, 0x794c7630, 0xf2f52010, 0x2fc12fc1};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_non_null(bulla_filesystem_refused(refused[i]));
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        assert_null(bulla_filesystem_refused(taken[i]));
}

static void only_known_local_programs_behind_fuse_are_taken(void **state)
{
    (void)state;
    assert_true(bulla_filesystem_is_local_fuse("fuse.gocryptfs"));
    assert_true(bulla_filesystem_is_local_fuse("fuse.fuse-overlayfs"));
    assert_false(bulla_filesystem_is_local_fuse("fuse.sshfs"));
    assert_false(bulla_filesystem_is_local_fuse("fuse"));
    assert_false(bulla_filesystem_is_local_fuse("fuse.gocryptfs2"));
    assert_false(bulla_filesystem_is_local_fuse(""));
}

static void what_is_missing_is_missing(void **state)
{
    struct fixture *fixture = *state;
    struct bulla_store *store = NULL;
    char path[128];
    assert_int_equal(bulla_store_open("/nonexistent/token", &store), BULLA_STORE_MISSING);
    assert_null(store);
    assert_int_equal(bulla_store_create("/nonexistent/token", &store), BULLA_STORE_MISSING);
    assert_null(store);
    path_of(fixture, "token.db", path);
    assert_int_equal(bulla_store_open(path, &store), BULLA_STORE_MISSING); /* a file, not a folder */
    assert_int_equal(bulla_store_open("", &store), BULLA_ARGUMENT);
    assert_int_equal(bulla_store_open(fixture->base, &store), BULLA_STORE_MISSING); /* a folder without a store */
    assert_null(store);
}

static void a_creation_that_stopped_at_an_empty_file_is_missing(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    test_folder_join(path, sizeof path, fixture->base, "token.db");
    test_file_write(path, "", 0);
    assert_int_equal(chmod(path, 0600), 0);
    struct bulla_store *store = NULL;
    assert_int_equal(bulla_store_open(fixture->base, &store), BULLA_STORE_MISSING);
    assert_int_equal(bulla_store_create(fixture->base, &store), BULLA_OK);
    assert_int_equal(store_add(store, 1), BULLA_OK);
    bulla_store_close(store);
}

static void a_folder_or_file_open_to_others_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const mode_t modes[] = {0720, 0702, 0740, 0704, 0710, 0701, 0770, 01777};
    static const mode_t file_modes[] = {0620, 0602, 0640, 0604};
    static const char *const names[] = {"token.db", "token.db-wal", "token.db-shm", "generation"};
    assert_int_equal(open_again(fixture), BULLA_OK);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(fixture->folder, modes[i]), 0);
        assert_int_equal(open_again(fixture), BULLA_STORE_PERMISSION);
        struct bulla_store *store = NULL;
        assert_int_equal(bulla_store_create(fixture->folder, &store), BULLA_STORE_PERMISSION);
    }
    assert_int_equal(chmod(fixture->folder, 0700), 0);
    for (size_t i = 0; i < 4; i++) {
        char path[128];
        path_of(fixture, names[i], path);
        assert_int_equal(chmod(path, file_modes[i]), 0);
        assert_int_equal(open_again(fixture), BULLA_STORE_PERMISSION);
        assert_int_equal(chmod(path, 0600), 0);
        assert_int_equal(open_again(fixture), BULLA_OK);
    }
}

static void symbolic_links_are_refused_in_the_last_component_only(void **state)
{
    struct fixture *fixture = *state;
    struct bulla_store *store = NULL;
    char link[128];
    char through[192];
    char file[128];
    test_folder_join(link, sizeof link, fixture->base, "link");
    assert_int_equal(symlink(fixture->folder, link), 0);
    assert_int_equal(bulla_store_open(link, &store), BULLA_STORE_PERMISSION);
    assert_int_equal(bulla_store_create(link, &store), BULLA_STORE_PERMISSION);
    (void)snprintf(through, sizeof through, "%s/", link);
    assert_int_equal(bulla_store_open(through, &store), BULLA_STORE_PERMISSION);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink(fixture->base, link), 0);
    (void)snprintf(through, sizeof through, "%s/token", link);
    assert_int_equal(bulla_store_open(through, &store), BULLA_OK);
    bulla_store_close(store);
    path_of(fixture, "generation", file);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(symlink("/dev/null", file), 0);
    assert_int_equal(open_again(fixture), BULLA_STORE_PERMISSION);
}

static int open_as_nobody(void *context)
{
    struct fixture *fixture = context;
    if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
        return 255;
    return (int)open_again(fixture);
}

/* Root may write everywhere; what it opens here it opens as another user. */
static enum bulla_reason open_as_user(struct fixture *fixture)
{
    if (geteuid() != 0)
        return open_again(fixture);
    return (enum bulla_reason)WEXITSTATUS(store_in_child(open_as_nobody, fixture));
}

static void give_away(struct fixture *fixture)
{
    static const char *const names[] = {"token.db", "token.db-wal", "token.db-shm", "generation"};
    assert_int_equal(chmod(fixture->base, 0755), 0);
    assert_int_equal(chown(fixture->folder, NOBODY, NOBODY), 0);
    for (size_t i = 0; i < 4; i++) {
        char path[128];
        path_of(fixture, names[i], path);
        if (access(path, F_OK) == 0)
            assert_int_equal(chown(path, NOBODY, NOBODY), 0);
    }
}

static void another_owner_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct bulla_store *store = NULL;
    char path[128];
    if (geteuid() != 0) { /* what can be had without root: a folder of root's */
        assert_int_equal(bulla_store_open("/usr", &store), BULLA_STORE_PERMISSION);
        return;
    }
    path_of(fixture, "token.db", path);
    assert_int_equal(chown(path, NOBODY, NOBODY), 0);
    assert_int_equal(open_again(fixture), BULLA_STORE_PERMISSION);
    give_away(fixture);
    assert_int_equal(open_again(fixture), BULLA_STORE_PERMISSION);
    assert_int_equal(bulla_store_create(fixture->folder, &store), BULLA_STORE_PERMISSION);
    assert_int_equal(chown(fixture->folder, 0, 0), 0);
    assert_int_equal(chmod(fixture->base, 0755), 0);
    assert_int_equal(WEXITSTATUS(store_in_child(open_as_nobody, fixture)), BULLA_STORE_PERMISSION);
}

static void what_cannot_be_written_is_read_only(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    bulla_store_close(fixture->store);
    fixture->store = NULL;
    if (geteuid() == 0)
        give_away(fixture);
    assert_int_equal(open_as_user(fixture), BULLA_OK);
    path_of(fixture, "token.db", path);
    assert_int_equal(chmod(path, 0400), 0);
    assert_int_equal(open_as_user(fixture), BULLA_STORE_READ_ONLY);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(chmod(fixture->folder, 0500), 0);
    assert_int_equal(open_as_user(fixture), BULLA_STORE_READ_ONLY);
    assert_int_equal(chmod(fixture->folder, 0700), 0);
}

static void modes_do_not_depend_on_the_umask(void **state)
{
    struct fixture *fixture = *state;
    static const mode_t masks[] = {0, 077, 0777};
    static const char *const names[] = {"token.db", "token.db-wal", "token.db-shm", "generation"};
    for (size_t i = 0; i < 3; i++) {
        char folder[128];
        char path[160];
        char name[16];
        struct bulla_store *store = NULL;
        struct stat status;
        (void)snprintf(name, sizeof name, "mask%zu", i);
        test_folder_join(folder, sizeof folder, fixture->base, name);
        mode_t before = umask(masks[i]);
        enum bulla_reason reason = bulla_store_create(folder, &store);
        if (reason == BULLA_OK)
            reason = store_add(store, 1);
        (void)umask(before);
        assert_int_equal(reason, BULLA_OK);
        assert_int_equal(stat(folder, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0700);
        for (size_t j = 0; j < 4; j++) {
            test_folder_join(path, sizeof path, folder, names[j]);
            assert_int_equal(stat(path, &status), 0);
            assert_int_equal(status.st_mode & 07777, 0600);
        }
        bulla_store_close(store);
    }
}

static void a_store_that_was_removed_takes_no_more_writes(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    char away[128];
    path_of(fixture, "generation", path);
    path_of(fixture, "elsewhere", away);
    assert_int_equal(rename(path, away), 0);
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_STORE_MISSING);
    assert_int_equal(rename(away, path), 0);
    assert_int_equal(store_add(fixture->store, 1), BULLA_OK);
    path_of(fixture, "token.db", path);
    assert_int_equal(rename(path, away), 0);
    assert_int_equal(bulla_store_begin(fixture->store), BULLA_STORE_MISSING);
}

int main(void)
{
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(network_file_systems_are_refused),
        cmocka_unit_test(only_known_local_programs_behind_fuse_are_taken),
        STORE_TEST(what_is_missing_is_missing),
        STORE_TEST(a_creation_that_stopped_at_an_empty_file_is_missing),
        STORE_TEST(a_folder_or_file_open_to_others_is_refused),
        STORE_TEST(symbolic_links_are_refused_in_the_last_component_only),
        STORE_TEST(another_owner_is_refused),
        STORE_TEST(what_cannot_be_written_is_read_only),
        STORE_TEST(modes_do_not_depend_on_the_umask),
        STORE_TEST(a_store_that_was_removed_takes_no_more_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
