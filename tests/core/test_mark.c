/* A number that processes share by a mapping of a file. */
#include "core/mark.h"

#include <fcntl.h>
#include <unistd.h>

#include "support/folder.h"
#include "support/test.h"

struct fixture {
    char folder[64], path[80];
    int file;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    test_folder_make(fixture.folder, sizeof fixture.folder);
    test_folder_join(fixture.path, sizeof fixture.path, fixture.folder, "lock");
    fixture.file = open(fixture.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    *state = &fixture;
    return fixture.file < 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    (void)close(fixture->file);
    test_folder_remove(fixture->folder);
    return 0;
}

static void an_empty_file_and_a_short_one_begin_at_zero(void **state)
{
    const struct fixture *fixture = *state;
    struct bulla_mark mark = {0};
    assert_int_equal(bulla_mark_map(&mark, fixture->file), BULLA_OK);
    assert_int_equal(bulla_mark_read(&mark), 0);
    bulla_mark_unmap(&mark);
    assert_int_equal(pwrite(fixture->file, "\xff\xff\xff", 3, 0), 3);
    assert_int_equal(ftruncate(fixture->file, 3), 0);
    assert_int_equal(bulla_mark_map(&mark, fixture->file), BULLA_OK);
    assert_int_equal(bulla_mark_read(&mark), 0);
    bulla_mark_unmap(&mark);
}

static void what_one_advances_another_one_sees(void **state)
{
    const struct fixture *fixture = *state;
    struct bulla_mark one = {0}, other = {0};
    int file = open(fixture->path, O_RDWR | O_CLOEXEC);
    assert_int_equal(bulla_mark_map(&one, fixture->file), BULLA_OK);
    assert_int_equal(bulla_mark_map(&other, file), BULLA_OK);
    for (uint64_t i = 1; i < 4; i++) {
        assert_int_equal(bulla_mark_advance(&one, fixture->file), BULLA_OK);
        assert_int_equal(bulla_mark_read(&one), i);
        assert_int_equal(bulla_mark_read(&other), i);
    }
    assert_int_equal(bulla_mark_map(&other, file), BULLA_OK); /* in place of what was mapped, and as it was */
    assert_int_equal(bulla_mark_read(&other), 3);
    bulla_mark_unmap(&one);
    bulla_mark_unmap(&other);
    bulla_mark_unmap(&other); /* nothing is mapped */
    (void)close(file);
}

static void a_file_that_can_not_be_written_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    struct bulla_mark mark = {0};
    int file = open(fixture->path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(bulla_mark_map(&mark, file), BULLA_STORE_IO); /* it is too short, and can't be mended */
    assert_null(mark.mapping);
    assert_int_equal(bulla_mark_map(&mark, fixture->file), BULLA_OK);
    assert_int_equal(bulla_mark_advance(&mark, file), BULLA_STORE_IO);
    assert_int_equal(bulla_mark_read(&mark), 0);
    assert_int_equal(bulla_mark_map(&mark, -1), BULLA_STORE_IO); /* what was mapped stays */
    assert_int_equal(bulla_mark_read(&mark), 0);
    bulla_mark_unmap(&mark);
    (void)close(file);
}

int main(void)
{
#define MARK_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        MARK_TEST(an_empty_file_and_a_short_one_begin_at_zero),
        MARK_TEST(what_one_advances_another_one_sees),
        MARK_TEST(a_file_that_can_not_be_written_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
