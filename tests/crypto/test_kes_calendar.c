/* Periods by a chain's clock. Mainnet's: the Shelley era began with slot 4492800 at 2020-07-29T21:44:51Z, in slots of a
 * second (cardano-ledger's genesis files); a KES period has 129600 of them, so 34 periods are 4406400 slots. */
#include "crypto/kes_calendar.h"

#include "support/test.h"

enum { SHELLEY_TIME = 1596059091, SHELLEY_SLOT = 4492800, PERIOD = 129600 };

static const struct bulla_kes_calendar mainnet = {SHELLEY_TIME - SHELLEY_SLOT, 1000, 0, PERIOD};

static void the_chains_first_shelley_slot_is_in_period_34(void **state)
{
    (void)state;
    uint64_t period = 0;
    assert_true(bulla_kes_calendar_period(&mainnet, SHELLEY_TIME, &period));
    assert_int_equal(period, 34);
}

static void a_period_begins_and_ends_with_its_slots(void **state)
{
    (void)state;
    struct bulla_kes_calendar calendar = mainnet;
    const uint64_t begin = mainnet.start_time + 35ULL * PERIOD;
    uint64_t period = 99;
    calendar.start_slot = 35ULL * PERIOD;
    assert_false(bulla_kes_calendar_period(&calendar, begin - 1, &period));
    assert_int_equal(period, 99);
    assert_true(bulla_kes_calendar_period(&calendar, begin, &period));
    assert_int_equal(period, 0);
    assert_true(bulla_kes_calendar_period(&calendar, begin + PERIOD - 1, &period));
    assert_int_equal(period, 0);
    assert_true(bulla_kes_calendar_period(&calendar, begin + PERIOD, &period));
    assert_int_equal(period, 1);
    assert_true(bulla_kes_calendar_period(&calendar, begin + 200ULL * PERIOD, &period)); /* whatever the key has */
    assert_int_equal(period, 200);
}

/* Five slots a second: 10 slots are two seconds. */
static void slots_may_be_shorter_than_a_second(void **state)
{
    (void)state;
    const struct bulla_kes_calendar quick = {1000, 200, 5, 10};
    uint64_t period = 99;
    assert_false(bulla_kes_calendar_period(&quick, 1000, &period));
    assert_true(bulla_kes_calendar_period(&quick, 1001, &period));
    assert_int_equal(period, 0);
    assert_true(bulla_kes_calendar_period(&quick, 1002, &period));
    assert_int_equal(period, 0);
    assert_true(bulla_kes_calendar_period(&quick, 1003, &period));
    assert_int_equal(period, 1);
}

static void no_clock_no_past_and_no_end_of_time_have_a_period(void **state)
{
    (void)state;
    const struct bulla_kes_calendar none[] = {{0, 1000, 0, 0}, {0, 0, 0, 1}, {0, 0, 0, 0}};
    uint64_t period = 99;
    for (unsigned i = 0; i < 3; i++) {
        assert_false(bulla_kes_calendar_is_set(&none[i]));
        assert_false(bulla_kes_calendar_period(&none[i], 5, &period));
    }
    assert_true(bulla_kes_calendar_is_set(&mainnet));
    assert_false(bulla_kes_calendar_period(&mainnet, mainnet.start_time - 1, &period));
    assert_false(bulla_kes_calendar_period(&mainnet, 0, &period));
    assert_false(bulla_kes_calendar_period(&mainnet, UINT64_MAX, &period));
    assert_int_equal(period, 99);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chains_first_shelley_slot_is_in_period_34),
        cmocka_unit_test(a_period_begins_and_ends_with_its_slots),
        cmocka_unit_test(slots_may_be_shorter_than_a_second),
        cmocka_unit_test(no_clock_no_past_and_no_end_of_time_have_a_period),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
