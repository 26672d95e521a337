/* The floor under the clock. The figures are worked out by hand from the rules in time_floor.h: 85 % of what the TPM's
 * clock has gone on, and a minute of tolerance. */
#include "core/time_floor.h"

#include "support/test.h"

enum { NOON = 1800000000 };

static uint64_t floor_of(uint64_t time, uint64_t then, uint64_t clock)
{
    const struct bulla_time_mark mark = {time, then};
    return bulla_time_floor(&mark, clock);
}

static void the_floor_is_the_highest_time_that_was_seen(void **state)
{
    (void)state;
    assert_int_equal(floor_of(NOON, 0, 0), NOON);
    assert_int_equal(floor_of(0, 0, 5000000), 0); /* a token that never saw a time */
}

static void the_floor_goes_on_with_what_is_sure_of_the_tpms_clock(void **state)
{
    (void)state;
    assert_int_equal(floor_of(NOON, 1000, 1000), NOON);
    assert_int_equal(floor_of(NOON, 1000, 101000), NOON + 85);
    assert_int_equal(floor_of(NOON, 5000, 5000 + 86400000), NOON + 73440); /* a day: 20 h 24 min */
    assert_int_equal(floor_of(NOON, 1000, 1999), NOON);                    /* less than a second */
    assert_int_equal(
        floor_of(NOON, 0, UINT64_MAX), NOON + UINT64_C(15679732462653118)); /* (2^64 - 1) ms in exact arithmetic */
}

static void a_clock_that_is_behind_says_nothing(void **state)
{
    (void)state;
    assert_int_equal(floor_of(NOON, 86400000, 0), NOON);
    assert_int_equal(floor_of(NOON, 86400000, 86399999), NOON);
}

static enum bulla_reason judged(uint64_t floor, uint64_t system, uint64_t *now)
{
    return bulla_time_judge(floor, system, now);
}

static void a_clock_that_was_turned_back_is_refused(void **state)
{
    (void)state;
    uint64_t now;
    assert_int_equal(judged(NOON, NOON + 5, &now), BULLA_OK);
    assert_int_equal(now, NOON + 5);
    assert_int_equal(judged(NOON, NOON - 60, &now), BULLA_OK);
    assert_int_equal(now, NOON); /* what was corrected by a little does not go back, either */
    assert_int_equal(judged(NOON, NOON - 61, &now), BULLA_CLOCK_BACK);
    assert_int_equal(judged(NOON, 0, &now), BULLA_CLOCK_BACK);
    assert_int_equal(judged(0, 0, &now), BULLA_OK);
}

static void a_new_mark_never_falls_and_takes_the_clock_as_it_is(void **state)
{
    (void)state;
    const struct bulla_time_mark mark = {NOON, 1000000};
    struct bulla_time_mark next = bulla_time_next(&mark, 1100000, NOON + 200);
    assert_int_equal(next.time, NOON + 200);
    assert_int_equal(next.clock, 1100000);
    next = bulla_time_next(&mark, 1100000, NOON - 100000); /* turned back: the TPM's clock has gone on by 100 s */
    assert_int_equal(next.time, NOON + 85);
    next = bulla_time_next(&mark, 7, NOON - 100000); /* and the TPM was cleared */
    assert_int_equal(next.time, NOON);
    assert_int_equal(next.clock, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_floor_is_the_highest_time_that_was_seen),
        cmocka_unit_test(the_floor_goes_on_with_what_is_sure_of_the_tpms_clock),
        cmocka_unit_test(a_clock_that_is_behind_says_nothing),
        cmocka_unit_test(a_clock_that_was_turned_back_is_refused),
        cmocka_unit_test(a_new_mark_never_falls_and_takes_the_clock_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
