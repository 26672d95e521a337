/* How fast a grant may be used. The rule is checked against an exact count of every window, kept by the test. */
#include "core/pace.h"

#include <stdlib.h>

#include "support/test.h"

enum { NOON = 1800000000 };

static void so_many_uses_in_a_window_and_no_more(void **state)
{
    (void)state;
    struct bulla_pace pace = {0};
    for (int i = 0; i < 3; i++)
        assert_int_equal(bulla_pace_count(&pace, 3, 10, NOON), BULLA_OK);
    assert_int_equal(bulla_pace_count(&pace, 3, 10, NOON), BULLA_GRANT_TOO_FAST);
    assert_int_equal(bulla_pace_count(&pace, 3, 10, NOON + 10), BULLA_GRANT_TOO_FAST); /* NOON may be 10.9 s ago */
    for (int i = 0; i < 3; i++)
        assert_int_equal(bulla_pace_count(&pace, 3, 10, NOON + 11), BULLA_OK);
    assert_int_equal(bulla_pace_count(&pace, 3, 10, NOON + 11), BULLA_GRANT_TOO_FAST);
}

static void a_refused_use_is_not_counted(void **state)
{
    (void)state;
    struct bulla_pace pace = {0};
    assert_int_equal(bulla_pace_count(&pace, 1, 5, NOON), BULLA_OK);
    for (uint64_t i = 1; i < 6; i++)
        assert_int_equal(bulla_pace_count(&pace, 1, 5, NOON + i), BULLA_GRANT_TOO_FAST);
    assert_int_equal(bulla_pace_count(&pace, 1, 5, NOON + 6), BULLA_OK);
}

static void a_clock_that_goes_back_wins_nothing(void **state)
{
    (void)state;
    struct bulla_pace pace = {0};
    assert_int_equal(bulla_pace_count(&pace, 1, 3600, NOON), BULLA_OK);
    assert_int_equal(bulla_pace_count(&pace, 1, 3600, NOON - 59), BULLA_GRANT_TOO_FAST);
    assert_int_equal(bulla_pace_count(&pace, 1, 3600, NOON - 7200), BULLA_GRANT_TOO_FAST);
}

/* The grant was signed anew under its id: what was had is had, and is over when the new window is. */
static void another_window_forgets_nothing_and_ends(void **state)
{
    (void)state;
    static const struct {
        uint32_t before, after;
    } cases[] = {{10, 600}, {600, 10}, {1, 86400}, {86400, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bulla_pace pace = {0};
        for (int j = 0; j < 3; j++)
            assert_int_equal(bulla_pace_count(&pace, 3, cases[i].before, NOON), BULLA_OK);
        assert_int_equal(bulla_pace_count(&pace, 3, cases[i].after, NOON), BULLA_GRANT_TOO_FAST);
        uint64_t later = NOON + cases[i].after + cases[i].after / 60 + 2;
        for (int j = 0; j < 3; j++)
            assert_int_equal(bulla_pace_count(&pace, 3, cases[i].after, later), BULLA_OK);
        assert_int_equal(bulla_pace_count(&pace, 3, cases[i].after, later), BULLA_GRANT_TOO_FAST);
    }
}

/* The same figures in each run (the multiplier is Knuth's). */
static uint64_t next_number(void)
{
    static uint64_t number = 1;
    number = number * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return number >> 33;
}

/* Every window of so many seconds that ends at a use, by brute force. */
static void no_window_ever_has_more(void **state)
{
    (void)state;
    static const struct {
        uint32_t rate, seconds;
    } cases[] = {{1, 1}, {2, 7}, {5, 59}, {7, 60}, {7, 61}, {20, 3600}, {100, 86400}, {3, 4000000000U}};
    enum { STEPS = 4000 };
    uint64_t *had = calloc(STEPS, sizeof *had);
    assert_non_null(had);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bulla_pace pace = {0};
        size_t count = 0, first = 0;
        uint64_t now = NOON;
        for (int step = 0; step < STEPS; step++) {
            now += next_number() % (2 * (uint64_t)cases[i].seconds / cases[i].rate + 2);
            if (bulla_pace_count(&pace, cases[i].rate, cases[i].seconds, now) != BULLA_OK)
                continue;
            had[count++] = now;
            while (had[first] + cases[i].seconds < now + 1) /* (now - seconds, now] */
                first++;
            assert_true(count - first <= cases[i].rate);
        }
        assert_true(count > STEPS / 8); /* and it is no standstill either */
    }
    free(had);
}

static void the_form_is_read_as_it_was_written(void **state)
{
    (void)state;
    uint8_t bytes[BULLA_PACE_SIZE + 1] = {0};
    struct bulla_pace pace = {0}, again;
    struct bulla_writer writer;
    assert_int_equal(bulla_pace_count(&pace, 9, 600, NOON), BULLA_OK);
    assert_int_equal(bulla_pace_count(&pace, 9, 600, NOON + 100), BULLA_OK);
    bulla_writer_open(&writer, bytes, sizeof bytes);
    bulla_pace_write(&pace, &writer);
    assert_int_equal(writer.size, BULLA_PACE_SIZE);
    assert_int_equal(bulla_pace_read(bulla_writer_bytes(&writer), &again), BULLA_OK);
    assert_int_equal(again.last, pace.last);
    assert_int_equal(again.seconds, 600);
    assert_memory_equal(again.counts, pace.counts, sizeof pace.counts);
    assert_int_equal(bulla_pace_read((struct bulla_bytes){bytes, sizeof bytes}, &again), BULLA_TRAILING);
    assert_int_equal(bulla_pace_read((struct bulla_bytes){bytes, BULLA_PACE_SIZE - 1}, &again), BULLA_TRUNCATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_uses_in_a_window_and_no_more),
        cmocka_unit_test(a_refused_use_is_not_counted),
        cmocka_unit_test(a_clock_that_goes_back_wins_nothing),
        cmocka_unit_test(another_window_forgets_nothing_and_ends),
        cmocka_unit_test(no_window_ever_has_more),
        cmocka_unit_test(the_form_is_read_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
