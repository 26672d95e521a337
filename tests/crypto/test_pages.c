#include "support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crypto/pages.h"
#include "memory_map.h"

static void pages_are_zeroed_locked_undumped_wiped_on_fork_and_fenced(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 4096, 4097, 100000, 2 << 20, (2 << 20) + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct bulla_pages pages;
        struct test_mapping mapping;
        struct test_mapping fence;
        assert_int_equal(bulla_pages_lock(&pages, sizes[i], "a test"), BULLA_OK);
        assert_int_equal(pages.size, sizes[i]);
        assert_int_equal((uintptr_t)pages.data % 64, 0);
        if (sizes[i] >= 2 << 20)
            assert_int_equal((uintptr_t)pages.data % (2 << 20), 0);
        for (size_t at = 0; at < pages.size; at++)
            assert_int_equal(pages.data[at], 0);
        assert_true(test_mapping_of(pages.data, &mapping));
        assert_non_null(strstr(mapping.flags, " lo"));
        assert_non_null(strstr(mapping.flags, " dd"));
        assert_non_null(strstr(mapping.flags, " wf"));
        assert_true(mapping.end - (uintptr_t)pages.data < sizes[i] + 4096);
        assert_true(test_mapping_of((const void *)mapping.end, &fence));
        assert_string_equal(fence.access, "---p");
        assert_true(test_mapping_of((const void *)(mapping.start - 1), &fence));
        assert_string_equal(fence.access, "---p");
        bulla_pages_release(&pages);
    }
}

static void released_pages_are_gone_and_the_structure_is_empty(void **state)
{
    (void)state;
    struct bulla_pages pages;
    struct test_mapping mapping;
    assert_int_equal(bulla_pages_lock(&pages, 5000, "a test"), BULLA_OK);
    const uint8_t *was = pages.data;
    memset(pages.data, 0x5a, pages.size);
    bulla_pages_release(&pages);
    assert_null(pages.data);
    assert_null(pages.mapping);
    assert_int_equal(pages.size, 0);
    assert_false(test_mapping_of(was, &mapping) && strcmp(mapping.access, "rw-p") == 0);
    bulla_pages_release(&pages); /* an empty one is allowed */
}

static void no_bytes_are_an_empty_structure_and_too_many_are_refused(void **state)
{
    (void)state;
    struct bulla_pages pages = {.size = 7};
    assert_int_equal(bulla_pages_lock(&pages, 0, "nothing"), BULLA_OK);
    assert_null(pages.data);
    assert_int_equal(pages.size, 0);
    assert_int_equal(bulla_pages_lock(&pages, SIZE_MAX, "everything"), BULLA_TOO_LARGE);
    assert_int_equal(bulla_pages_lock(&pages, SIZE_MAX / 2, "half of everything"), BULLA_OUT_OF_MEMORY);
    assert_null(pages.data);
}

static struct bulla_pages inherited;

static int look_in_a_child(void)
{
    for (size_t i = 0; i < inherited.size; i++)
        if (inherited.data[i] != 0)
            return 1;
    bulla_pages_release(&inherited);
    return inherited.data ? 2 : 0;
}

static void a_forked_child_reads_zeros(void **state)
{
    (void)state;
    static const size_t sizes[] = {10000, 3 << 20};
    for (size_t i = 0; i < 2; i++) {
        char line[4096];
        assert_int_equal(bulla_pages_lock(&inherited, sizes[i], "weights"), BULLA_OK);
        memset(inherited.data, 0x33, inherited.size);
        int status = test_in_child(look_in_a_child, line, sizeof line);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_int_equal(inherited.data[inherited.size - 1], 0x33);
        bulla_pages_release(&inherited);
    }
}

enum { COULD_NOT_LIMIT = 99 };

static int lock_more_than_the_limit(void)
{
    struct bulla_pages pages;
    if (!test_limit_locked_memory(1 << 20))
        return COULD_NOT_LIMIT;
    if (bulla_pages_lock(&pages, 1 << 20, "exactly the limit") != BULLA_OK)
        return 1;
    bulla_pages_release(&pages);
    if (bulla_pages_lock(&pages, 3 << 20, "weights of model 6d69") != BULLA_MEMORY_LOCK || pages.data || pages.mapping)
        return 2;
    (void)fputs(bulla_detail(), stderr);
    return 0;
}

static void more_than_the_limit_is_a_refusal_that_names_limit_need_and_remedy(void **state)
{
    (void)state;
    char line[4096];
    int status = test_in_child(lock_more_than_the_limit, line, sizeof line);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == COULD_NOT_LIMIT)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_non_null(strstr(line, "weights of model 6d69"));
    assert_non_null(strstr(line, "RLIMIT_MEMLOCK is 1048576 bytes"));
    assert_non_null(strstr(line, "3145728 more bytes are needed"));
    assert_non_null(strstr(line, bulla_reason_remedy(BULLA_MEMORY_LOCK)));
}

static void locking_in_bulk_is_measured(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct bulla_pages pages;
        struct timespec start;
        struct timespec end;
        (void)clock_gettime(CLOCK_MONOTONIC, &start);
        enum bulla_reason reason = bulla_pages_lock(&pages, 90 << 20, "90 MiB");
        (void)clock_gettime(CLOCK_MONOTONIC, &end);
        if (reason == BULLA_MEMORY_LOCK)
            skip(); /* not root, and the limit of this machine does not allow it */
        assert_int_equal(reason, BULLA_OK);
        double elapsed = (double)(end.tv_sec - start.tv_sec) * 1e3 + (double)(end.tv_nsec - start.tv_nsec) / 1e6;
        print_message("90 MiB of locked pages: %.1f ms\n", elapsed);
        bulla_pages_release(&pages);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_zeroed_locked_undumped_wiped_on_fork_and_fenced),
        cmocka_unit_test(released_pages_are_gone_and_the_structure_is_empty),
        cmocka_unit_test(no_bytes_are_an_empty_structure_and_too_many_are_refused),
        cmocka_unit_test(a_forked_child_reads_zeros),
        cmocka_unit_test(more_than_the_limit_is_a_refusal_that_names_limit_need_and_remedy),
        cmocka_unit_test(locking_in_bulk_is_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
