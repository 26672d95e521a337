/* Small files that are overwritten in place. That they are synced, and in which order, test_flow_kes_sync shows. */
#include "core/states_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/token.h"
#include "core/turn.h"
#include "support/folder.h"
#include "support/test.h"

static struct bulla_token_config config;
static struct bulla_token token = {.config = &config};
static char folder[64], path[80];

static int set_up(void **state)
{
    (void)state;
    test_folder_make(folder, sizeof folder);
    (void)snprintf(config.path, sizeof config.path, "%s", folder);
    test_folder_join(path, sizeof path, folder, "file");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static void assert_file_is(const void *bytes, size_t wanted)
{
    size_t size = 0;
    unsigned char *file = test_file_read(path, &size);
    assert_non_null(file);
    assert_int_equal(size, wanted);
    assert_memory_equal(file, bytes, size);
    free(file);
}

static enum bulla_reason write_text(const char *text)
{
    return bulla_state_file_write(&token, "file", BULLA_TEXT(text));
}

static enum bulla_reason read_into(size_t room, struct bulla_writer *writer)
{
    static uint8_t memory[64];
    bulla_writer_open(writer, memory, room);
    return bulla_state_file_read(&token, "file", writer);
}

static void a_file_grows_and_what_is_behind_its_content_is_zeros(void **state)
{
    (void)state;
    struct stat before, after;
    mode_t mask = umask(0);
    assert_int_equal(write_text("four"), BULLA_OK);
    (void)umask(mask);
    assert_file_is("four", 4);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(before.st_mode & 07777, 0600);
    assert_int_equal(write_text("eleven long"), BULLA_OK);
    assert_file_is("eleven long", 11);
    assert_int_equal(write_text("four"), BULLA_OK);
    assert_file_is("four\0\0\0\0\0\0\0", 11);
    assert_int_equal(write_text(""), BULLA_OK);
    assert_file_is("\0\0\0\0\0\0\0\0\0\0\0", 11);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino); /* in place */
}

/* As the store's own files: what a umask took from the owner nobody could open again, but root. */
static void modes_do_not_depend_on_the_umask(void **state)
{
    (void)state;
    static const mode_t masks[] = {0, 0277, 0777};
    struct stat status;
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        struct bulla_turn turn;
        mode_t mask = umask(masks[i]);
        enum bulla_reason written = write_text("four"), taken = bulla_turn_take(folder, "lock", &turn);
        (void)umask(mask);
        assert_int_equal(written, BULLA_OK);
        assert_int_equal(taken, BULLA_OK);
        assert_int_equal(fstat(turn.file, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        char lock[80];
        test_folder_join(lock, sizeof lock, folder, "lock");
        bulla_turn_give(&turn);
        assert_int_equal(unlink(lock), 0);
        assert_int_equal(unlink(path), 0);
    }
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    struct bulla_writer writer;
    assert_int_equal(read_into(64, &writer), BULLA_STORE_MISSING);
    assert_int_equal(write_text("eleven long"), BULLA_OK);
    assert_int_equal(read_into(11, &writer), BULLA_OK);
    assert_int_equal(writer.size, 11);
    assert_memory_equal(writer.data, "eleven long", 11);
    assert_int_equal(read_into(10, &writer), BULLA_BUFFER_SMALL);
    assert_int_equal(writer.size, 11);
}

static void a_wiped_file_has_its_size_and_nothing_else(void **state)
{
    (void)state;
    enum { SIZE = 1300 }; /* in more than one write */
    static const uint8_t zeros[SIZE];
    uint8_t bytes[SIZE];
    for (int durable = 0; durable < 2; durable++) {
        assert_int_equal(bulla_state_file_wipe(&token, "file", durable), BULLA_OK); /* nothing, where there is none */
        memset(bytes, 0xa5, sizeof bytes);
        assert_int_equal(bulla_state_file_write(&token, "file", BULLA_BYTES(bytes)), BULLA_OK);
        assert_int_equal(bulla_state_file_wipe(&token, "file", durable), BULLA_OK);
        assert_file_is(zeros, sizeof zeros);
        assert_int_equal(unlink(path), 0);
    }
}

/* Another name of the file shows what became of its content. */
static void a_removed_file_was_wiped(void **state)
{
    (void)state;
    char other[80];
    test_folder_join(other, sizeof other, folder, "other");
    bulla_state_file_remove(&token, "file"); /* there is none */
    assert_int_equal(write_text("four"), BULLA_OK);
    assert_int_equal(link(path, other), 0);
    bulla_state_file_remove(&token, "file");
    assert_int_not_equal(access(path, F_OK), 0);
    test_folder_join(path, sizeof path, folder, "other");
    assert_file_is("\0\0\0\0", 4);
}

static void a_link_is_neither_read_nor_written(void **state)
{
    (void)state;
    char target[80];
    struct bulla_writer writer;
    test_folder_join(target, sizeof target, folder, "target");
    test_file_write(target, "somebody's", 10);
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(read_into(64, &writer), BULLA_STORE_IO);
    assert_int_equal(write_text("four"), BULLA_STORE_IO);
    assert_int_equal(bulla_state_file_wipe(&token, "file", true), BULLA_STORE_IO);
    test_folder_join(path, sizeof path, folder, "target");
    assert_file_is("somebody's", 10);
}

static void a_folder_that_is_gone_is_refused(void **state)
{
    (void)state;
    (void)snprintf(config.path, sizeof config.path, "%s/nowhere", folder);
    assert_int_equal(write_text("four"), BULLA_STORE_IO);
}

int main(void)
{
#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        FILE_TEST(a_file_grows_and_what_is_behind_its_content_is_zeros),
        FILE_TEST(modes_do_not_depend_on_the_umask),
        FILE_TEST(what_was_written_is_read),
        FILE_TEST(a_wiped_file_has_its_size_and_nothing_else),
        FILE_TEST(a_removed_file_was_wiped),
        FILE_TEST(a_link_is_neither_read_nor_written),
        FILE_TEST(a_folder_that_is_gone_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
