#include "support/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/arena.h"
#include "heap.h"
#include "support/folder.h"
#include "tools/file.h"

static char folder[64], path[128];

static int set_up(void **state)
{
    (void)state;
    test_folder_make(folder, sizeof folder);
    test_folder_join(path, sizeof path, folder, "file");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static unsigned entries(void)
{
    unsigned count = 0;
    DIR *open_folder = opendir(folder);
    while (readdir(open_folder))
        count++;
    (void)closedir(open_folder);
    return count - 2;
}

static void assert_holds(const char *text)
{
    size_t size = 0;
    unsigned char *data = test_file_read(path, &size);
    assert_non_null(data);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(data, text, size);
    free(data);
}

static void a_file_is_replaced_as_a_whole(void **state)
{
    (void)state;
    struct stat status;
    assert_int_equal(bulla_file_write(path, 0600, BULLA_TEXT("old")), BULLA_OK);
    assert_int_equal(bulla_file_write(path, 0640, BULLA_TEXT("newer")), BULLA_OK);
    assert_holds("newer");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_int_equal(entries(), 1);
}

static void a_dropped_writer_leaves_the_old_file_and_nothing_else(void **state)
{
    (void)state;
    struct bulla_file_writer writer;
    test_file_write(path, "old", 3);
    assert_int_equal(bulla_file_writer_open(&writer, path, 0600), BULLA_OK);
    assert_int_equal(bulla_file_writer_reserve(&writer, 1 << 20), BULLA_OK);
    assert_int_equal(bulla_file_writer_put(&writer, BULLA_TEXT("new")), BULLA_OK);
    assert_int_equal(entries(), 2);
    bulla_file_writer_drop(&writer);
    bulla_file_writer_drop(&writer); /* a second time does nothing */
    assert_int_equal(entries(), 1);
    assert_holds("old");
}

static void what_was_reserved_and_not_written_is_given_back(void **state)
{
    (void)state;
    struct bulla_file_writer writer;
    struct stat status;
    assert_int_equal(bulla_file_writer_open(&writer, path, 0600), BULLA_OK);
    assert_int_equal(bulla_file_writer_reserve(&writer, 8 << 20), BULLA_OK);
    assert_int_equal(bulla_file_writer_put(&writer, BULLA_TEXT("new")), BULLA_OK);
    assert_int_equal(bulla_file_writer_finish(&writer), BULLA_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 3);
    assert_true(status.st_blocks * 512 < 1 << 20);
}

static void create_refuses_what_is_there(void **state)
{
    (void)state;
    assert_int_equal(bulla_file_create(path, 0600, BULLA_TEXT("first")), BULLA_OK);
    assert_int_equal(bulla_file_create(path, 0600, BULLA_TEXT("second")), BULLA_FILE);
    assert_holds("first");
}

static void places_that_take_no_file_are_named(void **state)
{
    (void)state;
    assert_int_equal(bulla_file_write("/nowhere/at/all", 0600, BULLA_TEXT("x")), BULLA_FILE);
    assert_non_null(strstr(bulla_detail(), "/nowhere/at/all"));
    assert_int_equal(bulla_file_write(folder, 0600, BULLA_TEXT("x")), BULLA_FILE); /* it is a folder */
    assert_int_equal(entries(), 0);
}

static void links_and_devices_stay_what_they_are(void **state)
{
    (void)state;
    struct stat status;
    char link[128];
    test_folder_join(link, sizeof link, folder, "link");
    test_file_write(path, "old", 3);
    assert_int_equal(symlink("file", link), 0);
    assert_int_equal(bulla_file_write(link, 0600, BULLA_TEXT("newer")), BULLA_OK);
    assert_holds("newer");
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    test_folder_join(link, sizeof link, folder, "null");
    assert_int_equal(symlink("/dev/null", link), 0);
    assert_int_equal(bulla_file_write(link, 0600, BULLA_TEXT("nothing")), BULLA_OK);
    assert_int_equal(bulla_file_create(link, 0600, BULLA_TEXT("nothing")), BULLA_OK); /* overwrites nothing */
    assert_int_equal(stat("/dev/null", &status), 0);
    assert_true(S_ISCHR(status.st_mode));
    assert_int_equal(bulla_file_create(folder, 0600, BULLA_TEXT("x")), BULLA_FILE);
}

static void assert_link(const char *link)
{
    struct stat status;
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
}

/* /dev/stdout and a shell's >(command) are links to what has no name. */
static void what_has_no_name_is_written_to_or_refused_and_never_replaced(void **state)
{
    (void)state;
    char link[128], target[64], read_back[8] = "";
    int ends[2];
    test_folder_join(link, sizeof link, folder, "link");
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    (void)snprintf(target, sizeof target, "/proc/self/fd/%d", ends[1]);
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(bulla_file_write(link, 0600, BULLA_TEXT("one")), BULLA_OK);
    assert_int_equal(bulla_file_create(link, 0600, BULLA_TEXT("two")), BULLA_OK);
    assert_int_equal(read(ends[0], read_back, sizeof read_back), 6);
    assert_memory_equal(read_back, "onetwo", 6);
    assert_link(link);
    assert_int_equal(unlink(link), 0);
    test_file_write(path, "old", 3);
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(target, sizeof target, "/proc/self/fd/%d", file);
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(bulla_file_write(link, 0600, BULLA_TEXT("newer")), BULLA_FILE);
    assert_link(link);
    (void)close(file);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* Who makes a pipe in a shared folder, under the name that a key is exported to, gets nothing. */
static void a_named_pipe_is_written_to_where_it_is_ones_own(void **state)
{
    (void)state;
    char read_back[8] = "";
    assert_int_equal(mkfifo(path, 0666), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_int_equal(bulla_file_create(path, 0600, BULLA_TEXT("own")), BULLA_OK);
    assert_int_equal(read(reader, read_back, sizeof read_back), 3);
    if (geteuid() == 0) { /* who else could give it away? */
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_int_equal(bulla_file_create(path, 0600, BULLA_TEXT("secret")), BULLA_FILE);
        assert_int_equal(bulla_file_write(path, 0600, BULLA_TEXT("secret")), BULLA_FILE);
        assert_int_equal(read(reader, read_back, sizeof read_back), 0);
    }
    (void)close(reader);
}

static void leftovers_of_a_killed_process_are_removed(void **state)
{
    (void)state;
    char old[128];
    char young[128];
    char held[128];
    char other[128];
    struct timespec long_ago[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    test_folder_join(old, sizeof old, folder, ".file.Ab12Cd");
    test_folder_join(young, sizeof young, folder, ".file.Ef34Gh");
    test_folder_join(held, sizeof held, folder, ".file.Ij56Kl");
    test_folder_join(other, sizeof other, folder, ".files.Ab12C");
    test_file_write(old, "x", 1);
    test_file_write(young, "x", 1);
    test_file_write(held, "x", 1);
    int holder = open(held, O_RDONLY);
    assert_int_equal(flock(holder, LOCK_EX), 0); /* a lock is its open file's: it stands for another process's */
    assert_int_equal(utimensat(AT_FDCWD, held, long_ago, 0), 0);
    test_file_write(other, "x", 1);
    assert_int_equal(utimensat(AT_FDCWD, old, long_ago, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, other, long_ago, 0), 0);
    assert_int_equal(bulla_file_write(path, 0600, BULLA_TEXT("new")), BULLA_OK);
    assert_int_not_equal(access(old, F_OK), 0);
    assert_int_not_equal(access(young, F_OK), 0);
    assert_int_equal(access(held, F_OK), 0); /* of a process that works on it */
    assert_int_equal(access(other, F_OK), 0);
    assert_int_equal(close(holder), 0);
    bulla_file_leftovers_remove(folder, "ile");
    assert_int_not_equal(access(held, F_OK), 0);
    assert_int_equal(access(other, F_OK), 0); /* not a temporary file of any name */
    assert_int_equal(access(path, F_OK), 0);
}

/* Two writers of one name: neither takes the other's file for a leftover. */
static void a_writer_at_work_keeps_its_file(void **state)
{
    (void)state;
    struct bulla_file_writer one;
    struct bulla_file_writer other;
    assert_int_equal(bulla_file_writer_open(&one, path, 0600), BULLA_OK);
    assert_int_equal(bulla_file_writer_open(&other, path, 0600), BULLA_OK);
    assert_int_equal(entries(), 2);
    assert_int_equal(bulla_file_writer_put(&one, BULLA_TEXT("one")), BULLA_OK);
    assert_int_equal(bulla_file_writer_finish(&one), BULLA_OK);
    assert_holds("one");
    bulla_file_writer_drop(&other);
    assert_int_equal(entries(), 1);
}

/* RLIMIT_FSIZE stands for a disk that is full in the middle: write gives EFBIG after the first bytes. */
static void a_full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    int status = 0;
    static uint8_t large[65536];
    test_file_write(path, "old", 3);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit limit = {4096, 4096};
        (void)signal(SIGXFSZ, SIG_IGN);
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        _exit((int)bulla_file_write(path, 0600, BULLA_BYTES(large)));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), BULLA_STORE_FULL);
    assert_holds("old");
    assert_int_equal(entries(), 1);
}

/* The folder can't be opened, and so not synced, by a process that has no descriptor left. */
static enum bulla_reason write_without_descriptors(void)
{
    struct bulla_file_writer writer;
    struct rlimit limit;
    if (bulla_file_writer_open(&writer, path, 0600) != BULLA_OK || getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
        bulla_file_writer_put(&writer, BULLA_TEXT("new")) != BULLA_OK)
        return BULLA_OK;
    limit.rlim_cur = (rlim_t)writer.file + 1;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? bulla_file_writer_finish(&writer) : BULLA_OK;
}

static void a_folder_that_is_not_synced_leaves_what_was_there(void **state)
{
    (void)state;
    for (int there = 0; there < 2; there++) {
        int status = 0;
        if (there)
            test_file_write(path, "old", 3);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit((int)write_without_descriptors());
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), BULLA_FILE);
        assert_int_equal(entries(), there);
        if (there)
            assert_holds("old");
    }
}

static void reading_is_bounded(void **state)
{
    (void)state;
    uint8_t *data = NULL;
    size_t size = 0;
    test_file_write(path, "12345", 5);
    assert_int_equal(bulla_file_read(path, 5, &data, &size), BULLA_OK);
    assert_int_equal(size, 5);
    free(data);
    assert_int_equal(bulla_file_read(path, 4, &data, &size), BULLA_TOO_LARGE);
    assert_null(data);
    assert_int_equal(bulla_file_read("/dev/zero", 100000, &data, &size), BULLA_TOO_LARGE);
    assert_int_equal(bulla_file_read("/nowhere/at/all", 4, &data, &size), BULLA_FILE);
    assert_int_equal(bulla_file_read(folder, 4, &data, &size), BULLA_FILE);
}

/* Long enough to be moved twice while it is read. */
static void what_was_read_and_freed_is_nowhere(void **state)
{
    (void)state;
    static const char needle[] = "a text that its owner keeps to himself";
    static char text[300000];
    uint8_t *data = NULL;
    size_t size = 0;
    for (size_t at = 0; at + sizeof needle < sizeof text; at += sizeof needle)
        memcpy(text + at, needle, sizeof needle);
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(file, text, sizeof text), sizeof text);
    assert_int_equal(close(file), 0);
    void *spread = malloc(100); /* so that what follows can't grow in its place */
    assert_int_equal(bulla_file_read(path, sizeof text, &data, &size), BULLA_OK);
    assert_memory_equal(data, text, sizeof text);
    bulla_file_free(data, size);
    assert_false(heap_holds(needle));
    assert_int_equal(bulla_file_read(path, 200000, &data, &size), BULLA_TOO_LARGE);
    assert_false(heap_holds(needle));
    free(spread);
}

/* Nothing of it passes through the heap. */
static void a_secret_is_read_into_the_arena_alone(void **state)
{
    (void)state;
    BULLA_SECRET uint8_t *secret = NULL;
    size_t size = 0;
    char text[64];
    char needle[48];
    (void)snprintf(needle, sizeof needle, "0123456789abcdef in the arena only %ld", (long)getpid());
    (void)snprintf(text, sizeof text, "kept: %s", needle);
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600); /* without stdio, which would keep it */
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    assert_int_equal(close(file), 0);
    assert_int_equal(bulla_file_read_secret(path, strlen(text), &secret, &size), BULLA_OK);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(secret, text, size);
    assert_false(heap_holds(needle));
    uint8_t *other = NULL;
    assert_int_equal(bulla_file_read_secret(path, strlen(text) - 1, &other, &size), BULLA_TOO_LARGE);
    assert_null(other);
    assert_int_equal(bulla_file_read_secret(folder, 100, &other, &size), BULLA_FILE);
    assert_int_equal(bulla_file_read_secret("/nowhere/at/all", 100, &other, &size), BULLA_FILE);
    assert_int_equal(bulla_arena_taken(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_replaced_as_a_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dropped_writer_leaves_the_old_file_and_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_reserved_and_not_written_is_given_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(create_refuses_what_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(places_that_take_no_file_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_and_devices_stay_what_they_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_has_no_name_is_written_to_or_refused_and_never_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_named_pipe_is_written_to_where_it_is_ones_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_writer_at_work_keeps_its_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leftovers_of_a_killed_process_are_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_leaves_the_old_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_is_not_synced_leaves_what_was_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reading_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_read_and_freed_is_nowhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_secret_is_read_into_the_arena_alone, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
