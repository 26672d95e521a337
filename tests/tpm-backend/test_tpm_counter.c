#include <time.h>

#include "fixture.h"

static uint8_t auth[32] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
    26, 27, 28, 29, 30, 31, 0};

/* A counter at an index chosen by the room. */
static uint32_t counter_make(uint64_t *value)
{
    uint32_t index = 0;
    assert_reason(bulla_tpm_counter_create(tpm.tcti, auth, &index, value), BULLA_OK);
    assert_in_range(index, 0x0182B000, 0x0182BFFF);
    return index;
}

static void counter_drop(uint32_t index)
{
    assert_reason(bulla_tpm_counter_remove(tpm.tcti, index), BULLA_OK);
}

static void a_counter_goes_up_by_one(void **state)
{
    (void)state;
    uint64_t first, value;
    uint32_t index = counter_make(&first);
    assert_reason(bulla_tpm_counter_read(tpm.tcti, index, auth, &value), BULLA_OK);
    assert_int_equal(value, first);
    assert_reason(bulla_tpm_counter_increment(tpm.tcti, index, auth, &value), BULLA_OK);
    assert_int_equal(value, first + 1);
    assert_reason(bulla_tpm_counter_read(tpm.tcti, index, auth, &value), BULLA_OK);
    assert_int_equal(value, first + 1);
    counter_drop(index);
}

static void a_recreated_counter_goes_on_above_the_highest_ever(void **state)
{
    (void)state;
    uint64_t value, again;
    uint32_t index = counter_make(&value), same;
    for (int i = 0; i < 5; i++)
        assert_reason(bulla_tpm_counter_increment(tpm.tcti, index, auth, &value), BULLA_OK);
    counter_drop(index);
    same = index;
    assert_reason(bulla_tpm_counter_create(tpm.tcti, auth, &same, &again), BULLA_OK);
    assert_int_equal(same, index);
    assert_true(again > value);
    counter_drop(index);
}

static void a_counter_outlives_a_restart_and_a_kill(void **state)
{
    (void)state;
    uint64_t first, value;
    uint32_t index = counter_make(&first);
    test_swtpm_stop(&tpm);
    test_swtpm_restart(&tpm);
    assert_reason(bulla_tpm_counter_increment(tpm.tcti, index, auth, &value), BULLA_OK);
    assert_int_equal(value, first + 1);
    test_swtpm_kill(&tpm);
    test_swtpm_restart(&tpm);
    assert_reason(bulla_tpm_counter_read(tpm.tcti, index, auth, &value), BULLA_OK);
    assert_int_equal(value, first + 1);
    counter_drop(index);
}

static void another_auth_value_neither_reads_nor_moves_it(void **state)
{
    (void)state;
    uint8_t other[32];
    struct bulla_tpm_status before, after;
    uint64_t first, value;
    uint32_t index = counter_make(&first);
    memcpy(other, auth, sizeof other);
    other[0] ^= 1;
    assert_int_equal(bulla_tpm_status_read(tpm.tcti, &before), BULLA_OK);
    assert_reason(bulla_tpm_counter_read(tpm.tcti, index, other, &value), BULLA_TPM_AUTHORIZATION);
    assert_reason(bulla_tpm_counter_increment(tpm.tcti, index, other, &value), BULLA_TPM_AUTHORIZATION);
    assert_reason(bulla_tpm_counter_read(tpm.tcti, index, auth, &value), BULLA_OK);
    assert_int_equal(value, first);
    assert_int_equal(bulla_tpm_status_read(tpm.tcti, &after), BULLA_OK);
    assert_int_equal(after.lockout_counter, before.lockout_counter);
    counter_drop(index);
}

static void a_counter_that_was_removed_is_missed(void **state)
{
    (void)state;
    uint64_t value;
    uint32_t index = counter_make(&value);
    counter_drop(index);
    assert_reason(bulla_tpm_counter_read(tpm.tcti, index, auth, &value), BULLA_TPM_NV);
    assert_reason(bulla_tpm_counter_increment(tpm.tcti, index, auth, &value), BULLA_TPM_NV);
    assert_reason(bulla_tpm_counter_remove(tpm.tcti, index), BULLA_TPM_NV);
}

static void an_index_in_use_is_not_taken_twice(void **state)
{
    (void)state;
    uint64_t value, second_value;
    uint32_t index = counter_make(&value), taken = index;
    assert_reason(bulla_tpm_counter_create(tpm.tcti, auth, &taken, &second_value), BULLA_TPM_NV);
    uint32_t second = counter_make(&second_value);
    assert_int_not_equal(second, index);
    assert_reason(bulla_tpm_counter_read(tpm.tcti, index, auth, &value), BULLA_OK);
    counter_drop(index);
    /* The gap is found again. */
    uint32_t third = counter_make(&value);
    assert_int_equal(third, index);
    counter_drop(second);
    counter_drop(third);
}

static void indexes_of_others_are_out_of_reach(void **state)
{
    (void)state;
    uint64_t value;
    uint32_t below = 0x0182AFFF, above = 0x0182C000;
    assert_reason(bulla_tpm_counter_create(tpm.tcti, auth, &below, &value), BULLA_ARGUMENT);
    assert_reason(bulla_tpm_counter_create(tpm.tcti, auth, &above, &value), BULLA_ARGUMENT);
    assert_reason(bulla_tpm_counter_read(tpm.tcti, below, auth, &value), BULLA_ARGUMENT);
    assert_reason(bulla_tpm_counter_increment(tpm.tcti, above, auth, &value), BULLA_ARGUMENT);
    assert_reason(bulla_tpm_counter_remove(tpm.tcti, above), BULLA_ARGUMENT);
}

/* TPM2_NV_DefineSpace of an ordinary index without an auth value; false when the TPM refuses. */
static bool ordinary_define(uint32_t index, uint16_t size)
{
    const uint8_t command[45] = {0x80, 0x02, 0, 0, 0, 45, 0, 0, 0x01, 0x2a, 0x40, 0, 0, 0x01, 0, 0, 0, 9, 0x40, 0, 0, 9,
        0, 0, 0, 0, 0, 0, 0, 0, 14, (uint8_t)(index >> 24), (uint8_t)(index >> 16), (uint8_t)(index >> 8),
        (uint8_t)index, 0, 0x0b, 0x00, 0x04, 0x00, 0x04, 0, 0, (uint8_t)(size >> 8), (uint8_t)size};
    uint8_t response[4096];
    (void)test_swtpm_command(&tpm, command, sizeof command, response, sizeof response);
    return memcmp(response + 6, "\0\0\0\0", 4) == 0;
}

static void an_index_of_another_kind_is_not_taken_for_a_counter(void **state)
{
    (void)state;
    uint64_t value;
    assert_true(ordinary_define(0x0182B123, 8));
    assert_reason(bulla_tpm_counter_read(tpm.tcti, 0x0182B123, auth, &value), BULLA_TPM_NV);
    assert_reason(bulla_tpm_counter_increment(tpm.tcti, 0x0182B123, auth, &value), BULLA_TPM_NV);
    assert_reason(bulla_tpm_counter_remove(tpm.tcti, 0x0182B123), BULLA_TPM_NV);
}

/* The floor under a token's time rests on this. */
static void the_clock_goes_on_and_does_not_begin_anew_with_a_restart(void **state)
{
    (void)state;
    struct bulla_backend_clock first, later, restarted;
    struct timespec nap = {.tv_nsec = 50000000};
    assert_reason(bulla_tpm_clock(tpm.tcti, &first), BULLA_OK);
    (void)nanosleep(&nap, NULL);
    assert_reason(bulla_tpm_clock(tpm.tcti, &later), BULLA_OK);
    assert_true(later.milliseconds >= first.milliseconds + 40);
    assert_int_equal(later.resets, first.resets);
    test_swtpm_stop(&tpm); /* clean: the clock that it told is kept */
    test_swtpm_restart(&tpm);
    assert_reason(bulla_tpm_clock(tpm.tcti, &restarted), BULLA_OK);
    assert_true(restarted.milliseconds >= first.milliseconds);
    assert_true(restarted.resets > first.resets);
    assert_int_not_equal(bulla_tpm_clock("swtpm:path=/nonexistent", &restarted), BULLA_OK);
    assert_int_equal(restarted.milliseconds, 0);
}

/* Last: it fills the TPM. */
static void a_full_tpm_says_so_and_shows_no_free_index(void **state)
{
    (void)state;
    enum { MORE_THAN_FIT = 400 };
    struct bulla_tpm_status status;
    uint64_t value;
    enum bulla_reason reason = BULLA_OK;
    assert_int_equal(bulla_tpm_status_read(tpm.tcti, &status), BULLA_OK);
    assert_true(status.nv_indexes_free > 0);
    for (uint32_t i = 0; i < MORE_THAN_FIT && ordinary_define(0x01810000 + i, 1024); i++)
        ;
    for (int i = 0; i < MORE_THAN_FIT && reason == BULLA_OK; i++) {
        uint32_t index = 0;
        reason = bulla_tpm_counter_create(tpm.tcti, auth, &index, &value);
    }
    assert_reason(reason, BULLA_TPM_NV);
    assert_int_equal(bulla_tpm_status_read(tpm.tcti, &status), BULLA_OK);
    assert_int_equal(status.nv_indexes_free, 0);
}

static void times(void **state)
{
    (void)state;
    enum { ROUNDS = 25 };
    double increments[ROUNDS], reads[ROUNDS];
    uint64_t value;
    uint32_t index = counter_make(&value);
    for (int i = 0; i < ROUNDS; i++) {
        double start = now_ms();
        assert_int_equal(bulla_tpm_counter_increment(tpm.tcti, index, auth, &value), BULLA_OK);
        double middle = now_ms();
        assert_int_equal(bulla_tpm_counter_read(tpm.tcti, index, auth, &value), BULLA_OK);
        reads[i] = now_ms() - middle;
        increments[i] = middle - start;
    }
    median_print("counter: increment", increments, ROUNDS);
    median_print("counter: read", reads, ROUNDS);
    counter_drop(index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_goes_up_by_one),
        cmocka_unit_test(a_recreated_counter_goes_on_above_the_highest_ever),
        cmocka_unit_test(a_counter_outlives_a_restart_and_a_kill),
        cmocka_unit_test(another_auth_value_neither_reads_nor_moves_it),
        cmocka_unit_test(a_counter_that_was_removed_is_missed),
        cmocka_unit_test(an_index_in_use_is_not_taken_twice),
        cmocka_unit_test(indexes_of_others_are_out_of_reach),
        cmocka_unit_test(an_index_of_another_kind_is_not_taken_for_a_counter),
        cmocka_unit_test(the_clock_goes_on_and_does_not_begin_anew_with_a_restart),
        cmocka_unit_test(times),
        cmocka_unit_test(a_full_tpm_says_so_and_shows_no_free_index),
    };
    if (!test_swtpm_available())
        return test_skip("swtpm");
    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
