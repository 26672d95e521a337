/* Keys that evolve by a chain's clock. Periods here are days: a slot has a second, a period 86,400 slots. */

#include "kes.h"
#include "support/shifted_time.h"

enum { DAY = 86400 };

static CK_OBJECT_HANDLE public_key, key;

/* Its period 0 began an hour ago. */
static int set_up(void **state)
{
    (void)state;
    shift = 0;
    flow_begin(FLOW_PLAIN, "");
    const struct flow_kes_settings settings = {.depth = 2, .start = (CK_ULONG)time(NULL) - 3600, .slots = DAY};
    return flow_kes_generate(&settings, &public_key, &key) == CKR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    return 0;
}

/* A login reads the time anew. */
static void set_clock(int64_t seconds)
{
    shift = seconds;
    flow_reopen();
    key = flow_find(CKO_PRIVATE_KEY, "kes");
}

static CK_RV sign(void)
{
    struct flow_kes_signature signature;
    return flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature);
}

static void a_signature_evolves_the_key_by_one_period(void **state)
{
    (void)state;
    assert_ok(sign());
    assert_int_equal(flow_kes_period(key), 0);
    set_clock(DAY);
    assert_int_equal(flow_kes_period(key), 0); /* reading evolves nothing */
    assert_ok(sign());
    assert_int_equal(flow_kes_period(key), 1);
    assert_ok(sign());
    assert_int_equal(flow_kes_period(key), 1);
    set_clock(2 * DAY);
    assert_ok(sign());
    assert_int_equal(flow_kes_period(key), 2);
}

static void a_clock_that_jumps_is_believed_when_somebody_says_so(void **state)
{
    (void)state;
    set_clock(2 * DAY);
    assert_refused(sign(), CKR_FUNCTION_REJECTED, "kes-clock");
    assert_int_equal(flow_kes_period(key), 0);
    assert_ok(flow_kes_evolve(key, 2));
    assert_ok(sign());
    assert_int_equal(flow_kes_period(key), 2);
}

static void no_period_begins_before_the_clock_says_so(void **state)
{
    (void)state;
    assert_refused(flow_kes_evolve(key, 1), CKR_FUNCTION_REJECTED, "kes-clock");
    assert_int_equal(flow_kes_period(key), 0);
    set_clock(DAY);
    assert_refused(flow_kes_evolve(key, 2), CKR_FUNCTION_REJECTED, "kes-clock");
    assert_ok(flow_kes_evolve(key, 1));
    assert_refused(flow_kes_evolve(key, 0), CKR_FUNCTION_REJECTED, "kes-past");
}

static void after_the_last_period_it_is_over(void **state)
{
    (void)state;
    set_clock(3 * DAY);
    assert_ok(flow_kes_evolve(key, 3));
    assert_ok(sign());
    set_clock(4 * DAY);
    assert_refused(sign(), CKR_FUNCTION_REJECTED, "kes-over");
    assert_refused(flow_kes_evolve(key, 4), CKR_FUNCTION_REJECTED, "kes-over");
    assert_int_equal(flow_kes_period(key), 3);
}

static void a_clock_behind_the_key_signs_nothing(void **state)
{
    (void)state;
    set_clock(DAY);
    assert_ok(sign());
    shift = 0; /* the floor that the token keeps is younger than a login: this is within the same one */
    CK_RV rv = sign();
    assert_int_equal(rv, CKR_FUNCTION_REJECTED);
    shift = DAY;
    assert_ok(sign());
}

static void a_key_whose_first_period_is_to_come_waits(void **state)
{
    (void)state;
    const struct flow_kes_settings settings = {
        .label = "later", .depth = 2, .start = (CK_ULONG)time(NULL) + 3600, .slots = DAY};
    assert_ok(flow_kes_generate(&settings, &public_key, &key));
    assert_refused(sign(), CKR_FUNCTION_REJECTED, "kes-clock");
    assert_refused(flow_kes_evolve(key, 1), CKR_FUNCTION_REJECTED, "kes-clock");
}

int main(void)
{
#define FLOW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        FLOW(a_signature_evolves_the_key_by_one_period),
        FLOW(a_clock_that_jumps_is_believed_when_somebody_says_so),
        FLOW(no_period_begins_before_the_clock_says_so),
        FLOW(after_the_last_period_it_is_over),
        FLOW(a_clock_behind_the_key_signs_nothing),
        FLOW(a_key_whose_first_period_is_to_come_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
