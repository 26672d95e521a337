#include "support/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crypto/arena.h"
#include "memory_map.h"

/* Sanitizers make everything slower; the figure is printed in any case. */
#if defined __SANITIZE_ADDRESS__ || !defined __OPTIMIZE__
enum { NANOSECONDS_LARGEST = 20000 };
#else
enum { NANOSECONDS_LARGEST = 2000 };
#endif

static const size_t sizes[] = {
    1, 16, 32, 63, 64, 65, 255, 256, 257, 1023, 1024, 1025, 4096, 4097, 16384, 16385, 65535, 65536};
enum { SIZES = sizeof sizes / sizeof *sizes };

static uint8_t *take(size_t size)
{
    void *memory = NULL;
    if (bulla_secret_allocate(size, &memory) != BULLA_OK) {
        (void)fprintf(stderr, "%s\n", bulla_detail());
        abort();
    }
    return memory;
}

static bool is_zero(const uint8_t *memory, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (memory[i] != 0)
            return false;
    return true;
}

static int close_arena(void **state)
{
    (void)state;
    bulla_arena_close();
    return 0;
}

static void nothing_is_locked_before_the_first_secret_nor_after_closing(void **state)
{
    (void)state;
    assert_int_equal(bulla_arena_locked(), 0);
    bulla_secret_free(take(32));
    assert_in_range(bulla_arena_locked(), 4096, 256 << 10);
    bulla_arena_close();
    assert_int_equal(bulla_arena_locked(), 0);
}

static void memory_is_zeroed_aligned_and_of_the_size_asked_for(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        uint8_t *memory[SIZES];
        for (size_t i = 0; i < SIZES; i++) {
            memory[i] = take(sizes[i]);
            assert_int_equal((uintptr_t)memory[i] % 16, 0);
            assert_true(is_zero(memory[i], sizes[i]));
            memset(memory[i], (int)i + 1, sizes[i]);
        }
        assert_int_equal(bulla_arena_taken(), SIZES);
        for (size_t i = 0; i < SIZES; i++)
            for (size_t at = 0; at < sizes[i]; at++)
                assert_int_equal(memory[i][at], i + 1);
        for (size_t i = 0; i < SIZES; i++)
            bulla_secret_free(memory[i]);
        assert_int_equal(bulla_arena_taken(), 0);
    }
}

static void a_returned_secret_is_wiped_with_its_canary(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        uint8_t *memory = take(sizes[i]);
        memset(memory, 0x5a, sizes[i]);
        assert_false(is_zero(memory + sizes[i], 16));
        bulla_secret_free(memory);
        assert_true(is_zero(memory, sizes[i] + 16)); /* the region is still mapped */
    }
}

static void sizes_that_the_arena_does_not_hold_are_refused(void **state)
{
    (void)state;
    void *memory = &memory;
    assert_int_equal(bulla_secret_allocate(0, &memory), BULLA_TOO_LARGE);
    assert_null(memory);
    assert_int_equal(bulla_secret_allocate(BULLA_ARENA_LARGEST + 1, &memory), BULLA_TOO_LARGE);
    assert_int_equal(bulla_secret_allocate(SIZE_MAX, &memory), BULLA_TOO_LARGE);
    assert_null(memory);
}

static void many_secrets_grow_the_arena_and_none_overlap(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    static uint8_t *memory[MANY];
    for (uint32_t i = 0; i < MANY; i++) {
        memory[i] = take(32);
        memcpy(memory[i], &i, sizeof i);
        memset(memory[i] + 4, 0xff, 28);
    }
    for (uint32_t i = 0; i < MANY; i++)
        assert_memory_equal(memory[i], &i, sizeof i);
    size_t locked = bulla_arena_locked();
    for (uint32_t i = 0; i < MANY; i += 2)
        bulla_secret_free(memory[i]);
    for (uint32_t i = 0; i < MANY; i += 2)
        memory[i] = take(64);
    assert_int_equal(bulla_arena_locked(), locked); /* slots are used again */
    for (uint32_t i = 0; i < MANY; i++)
        bulla_secret_free(memory[i]);
}

static void pages_are_locked_undumped_wiped_on_fork_and_fenced(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        struct test_mapping mapping;
        struct test_mapping fence;
        uint8_t *memory = take(sizes[i]);
        assert_true(test_mapping_of(memory, &mapping));
        assert_string_equal(mapping.access, "rw-p");
        assert_non_null(strstr(mapping.flags, " lo"));
        assert_non_null(strstr(mapping.flags, " dd"));
        assert_non_null(strstr(mapping.flags, " wf"));
        assert_true(test_mapping_of((const void *)(mapping.start - 1), &fence));
        assert_string_equal(fence.access, "---p");
        assert_true(test_mapping_of((const void *)mapping.end, &fence));
        assert_string_equal(fence.access, "---p");
        bulla_secret_free(memory);
    }
}

static int write_past_the_end(void)
{
    volatile uint8_t *memory = take(33);
    memory[33] ^= 1;
    bulla_secret_free((void *)(uintptr_t)memory);
    return 0;
}

static int write_past_the_end_of_a_full_slot(void)
{
    volatile uint8_t *memory = take(65536);
    memory[65536 + 15] ^= 0x80;
    bulla_secret_free((void *)(uintptr_t)memory);
    return 0;
}

static int free_twice(void)
{
    uint8_t *memory = take(64);
    bulla_secret_free(memory);
    bulla_secret_free(memory);
    return 0;
}

static int free_what_is_on_the_stack(void)
{
    uint8_t memory[64] = {0};
    bulla_secret_free(take(64));
    bulla_secret_free(memory);
    return 0;
}

static int free_the_middle(void)
{
    bulla_secret_free(take(64) + 16);
    return 0;
}

static int free_after_closing(void)
{
    uint8_t *memory = take(64);
    bulla_arena_close();
    bulla_secret_free(memory);
    return 0;
}

static void misuse_ends_the_process_with_one_line(void **state)
{
    (void)state;
    static const struct {
        int (*body)(void);
        const char *line;
    } rows[] = {
        {write_past_the_end, "bulla: secret memory: bytes were written past the end of a slot\n"},
        {write_past_the_end_of_a_full_slot, "bulla: secret memory: bytes were written past the end of a slot\n"},
        {free_twice, "bulla: secret memory: a slot was freed twice\n"},
        {free_what_is_on_the_stack, "bulla: secret memory: a pointer that is not the arena's was freed\n"},
        {free_the_middle, "bulla: secret memory: a pointer into the middle of a slot was freed\n"},
        {free_after_closing, "bulla: secret memory: a pointer that is not the arena's was freed\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[4096];
        int status = test_in_child(rows[i].body, line, sizeof line);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
        assert_string_equal(line, rows[i].line);
    }
}

static uint8_t *inherited;

static int use_in_a_told_child(void)
{
    bulla_arena_after_fork();
    if (!is_zero(inherited, 64) || bulla_arena_taken() != 0 || bulla_arena_locked() != 0)
        return 1;
    bulla_secret_free(inherited); /* nothing there, and no harm */
    uint8_t *own = take(64);
    struct test_mapping mapping;
    if (own == inherited || !test_mapping_of(own, &mapping) || !strstr(mapping.flags, " lo"))
        return 2;
    memset(own, 1, 64);
    if (bulla_arena_taken() != 1)
        return 3;
    bulla_secret_free(own);
    bulla_arena_close();
    return bulla_arena_locked() == 0 ? 0 : 4;
}

static int use_in_an_untold_child(void)
{
    uint8_t *one = take(64);
    uint8_t *two = take(64);
    if (one == inherited || two == inherited || one == two || bulla_arena_taken() != 2)
        return 1;
    bulla_secret_free(inherited);
    bulla_secret_free(one);
    bulla_secret_free(two);
    return bulla_arena_taken() == 0 ? 0 : 2;
}

static void a_forked_child_holds_nothing_and_can_begin_again(void **state)
{
    (void)state;
    int (*const bodies[])(void) = {use_in_a_told_child, use_in_an_untold_child};
    for (size_t i = 0; i < 2; i++) {
        char line[4096];
        inherited = take(64);
        memset(inherited, 0x77, 64);
        int status = test_in_child(bodies[i], line, sizeof line);
        assert_string_equal(line, "");
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_int_equal(inherited[63], 0x77); /* the parent's own stays */
        bulla_secret_free(inherited);
    }
}

static atomic_bool stop;

static void *take_and_return(void *argument)
{
    uint8_t mark = (uint8_t)(uintptr_t)argument;
    for (unsigned i = 0; !atomic_load(&stop); i++) {
        size_t size = sizes[i % SIZES];
        uint8_t *memory = take(size);
        bool clean = is_zero(memory, size);
        memset(memory, mark, size);
        for (size_t at = 0; at < size; at++)
            clean = clean && memory[at] == mark;
        bulla_secret_free(memory);
        if (!clean)
            abort();
    }
    return NULL;
}

static int allocate_in_a_told_child(void)
{
    bulla_arena_after_fork();
    bulla_secret_free(take(64));
    return 0;
}

/* Two threads are inside the arena nearly all the time, so some of the forks happen while its lock is held: a child
 * that took that lock would hang until its alarm. */
static void threads_share_the_arena_and_a_fork_among_them_does_not_hang(void **state)
{
    (void)state;
    pthread_t threads[2];
    atomic_store(&stop, false);
    for (uintptr_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_return, (void *)(i + 1)), 0);
    for (int i = 0; i < 50; i++) {
        char line[4096];
        int status = test_in_child(allocate_in_a_told_child, line, sizeof line);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(bulla_arena_taken(), 0);
}

enum { COULD_NOT_LIMIT = 99 };

static int allocate_without_any_locked_memory(void)
{
    void *memory = NULL;
    if (!test_limit_locked_memory(0))
        return COULD_NOT_LIMIT;
    if (bulla_secret_allocate(32, &memory) != BULLA_MEMORY_LOCK || memory)
        return 1;
    (void)fputs(bulla_detail(), stderr);
    return bulla_arena_locked() == 0 ? 0 : 2;
}

/* 64 KiB was the default for long: small secrets must work there, and running out must be a refusal, not a crash. */
static int allocate_until_the_limit(void)
{
    void *memory = NULL;
    unsigned count = 0;
    if (!test_limit_locked_memory(64 << 10))
        return COULD_NOT_LIMIT;
    while (bulla_secret_allocate(64, &memory) == BULLA_OK && count < 10000)
        count++;
    (void)fputs(bulla_detail(), stderr);
    return memory == NULL && count >= 300 && count < 1000 && bulla_arena_locked() <= 64 << 10 ? 0 : 1;
}

static void a_limit_on_locked_memory_is_a_refusal_that_says_what_to_do(void **state)
{
    (void)state;
    static const struct {
        int (*body)(void);
        const char *limit;
    } rows[] = {
        {allocate_without_any_locked_memory, "RLIMIT_MEMLOCK is 0 bytes"},
        {allocate_until_the_limit, "RLIMIT_MEMLOCK is 65536 bytes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[4096];
        int status = test_in_child(rows[i].body, line, sizeof line);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == COULD_NOT_LIMIT)
            skip();
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_non_null(strstr(line, rows[i].limit));
        assert_non_null(strstr(line, "more bytes are needed"));
        assert_non_null(strstr(line, bulla_reason_remedy(BULLA_MEMORY_LOCK)));
    }
}

static uint8_t *keep_one(bool keep)
{
    BULLA_SECRET uint8_t *key = take(32);
    return keep ? BULLA_SECRET_KEEP(key) : NULL;
}

static void a_scope_returns_its_secret_unless_it_is_kept(void **state)
{
    (void)state;
    (void)keep_one(false);
    assert_int_equal(bulla_arena_taken(), 0);
    uint8_t *kept = keep_one(true);
    assert_int_equal(bulla_arena_taken(), 1);
    bulla_secret_free(kept);
    bulla_secret_free(NULL);
    assert_int_equal(bulla_arena_taken(), 0);
}

static void taking_and_returning_is_fast(void **state)
{
    (void)state;
    enum { ROUNDS = 200000 };
    struct timespec start;
    struct timespec end;
    bulla_secret_free(take(32));
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < ROUNDS; i++)
        bulla_secret_free(take(32));
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    double elapsed = (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
    print_message("a secret of 32 bytes taken and returned: %.0f ns\n", elapsed / ROUNDS);
    assert_true(elapsed / ROUNDS < NANOSECONDS_LARGEST);
}

static void wiping_leaves_zeros(void **state)
{
    (void)state;
    uint8_t memory[40];
    memset(memory, 0xee, sizeof memory);
    bulla_wipe(memory, 39);
    assert_true(is_zero(memory, 39));
    assert_int_equal(memory[39], 0xee);
    bulla_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(nothing_is_locked_before_the_first_secret_nor_after_closing, close_arena),
        cmocka_unit_test_teardown(memory_is_zeroed_aligned_and_of_the_size_asked_for, close_arena),
        cmocka_unit_test_teardown(a_returned_secret_is_wiped_with_its_canary, close_arena),
        cmocka_unit_test_teardown(sizes_that_the_arena_does_not_hold_are_refused, close_arena),
        cmocka_unit_test_teardown(many_secrets_grow_the_arena_and_none_overlap, close_arena),
        cmocka_unit_test_teardown(pages_are_locked_undumped_wiped_on_fork_and_fenced, close_arena),
        cmocka_unit_test_teardown(misuse_ends_the_process_with_one_line, close_arena),
        cmocka_unit_test_teardown(a_forked_child_holds_nothing_and_can_begin_again, close_arena),
        cmocka_unit_test_teardown(threads_share_the_arena_and_a_fork_among_them_does_not_hang, close_arena),
        cmocka_unit_test_teardown(a_limit_on_locked_memory_is_a_refusal_that_says_what_to_do, close_arena),
        cmocka_unit_test_teardown(a_scope_returns_its_secret_unless_it_is_kept, close_arena),
        cmocka_unit_test_teardown(taking_and_returning_is_fast, close_arena),
        cmocka_unit_test(wiping_leaves_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
