#include "fixture.h"

static const uint8_t auth[32] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
    25, 26, 27, 28, 29, 30, 31, 1};
static const uint8_t first[BULLA_NV_SECRET] = "the first secret of these thirty";
static const uint8_t second[BULLA_NV_SECRET] = "another one in place of it, same";

static uint32_t counter;

static int set_up(void **state)
{
    (void)state;
    uint64_t value;
    counter = 0;
    return bulla_tpm_counter_create(tpm.tcti, auth, &counter, &value) == BULLA_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return bulla_tpm_counter_remove(tpm.tcti, counter) == BULLA_OK ? 0 : -1;
}

static void assert_holds(const uint8_t *expected)
{
    uint8_t read[BULLA_NV_SECRET];
    assert_reason(bulla_tpm_nv_secret_read(tpm.tcti, counter, auth, read), BULLA_OK);
    assert_memory_equal(read, expected, sizeof read);
}

static void a_secret_is_replaced_whole(void **state)
{
    (void)state;
    assert_reason(bulla_tpm_nv_secret_create(tpm.tcti, counter, auth, first), BULLA_OK);
    assert_holds(first);
    assert_reason(bulla_tpm_nv_secret_write(tpm.tcti, counter, auth, second), BULLA_OK);
    assert_holds(second);
    assert_reason(bulla_tpm_nv_secret_create(tpm.tcti, counter, auth, first), BULLA_OK);
    assert_holds(first);
}

static void it_outlives_a_restart_and_a_kill(void **state)
{
    (void)state;
    assert_reason(bulla_tpm_nv_secret_create(tpm.tcti, counter, auth, first), BULLA_OK);
    test_swtpm_stop(&tpm);
    test_swtpm_restart(&tpm);
    assert_holds(first);
    assert_reason(bulla_tpm_nv_secret_write(tpm.tcti, counter, auth, second), BULLA_OK);
    test_swtpm_kill(&tpm);
    test_swtpm_restart(&tpm);
    assert_holds(second);
}

static void another_auth_value_neither_reads_nor_writes_it(void **state)
{
    (void)state;
    uint8_t other[32], read[BULLA_NV_SECRET];
    memcpy(other, auth, sizeof other);
    other[31] ^= 1;
    assert_reason(bulla_tpm_nv_secret_create(tpm.tcti, counter, auth, first), BULLA_OK);
    assert_reason(bulla_tpm_nv_secret_read(tpm.tcti, counter, other, read), BULLA_TPM_AUTHORIZATION);
    assert_reason(bulla_tpm_nv_secret_write(tpm.tcti, counter, other, second), BULLA_TPM_AUTHORIZATION);
    assert_holds(first);
}

static void where_there_is_none_it_says_so(void **state)
{
    (void)state;
    uint8_t read[BULLA_NV_SECRET];
    assert_reason(bulla_tpm_nv_secret_read(tpm.tcti, counter, auth, read), BULLA_TPM_NV);
    assert_reason(bulla_tpm_nv_secret_write(tpm.tcti, counter, auth, first), BULLA_TPM_NV);
}

static void it_goes_with_its_counter(void **state)
{
    uint8_t read[BULLA_NV_SECRET];
    uint32_t before = counter;
    assert_reason(bulla_tpm_nv_secret_create(tpm.tcti, counter, auth, first), BULLA_OK);
    assert_int_equal(tear_down(state), 0);
    assert_int_equal(set_up(state), 0);
    assert_int_equal(counter, before);
    assert_reason(bulla_tpm_nv_secret_read(tpm.tcti, counter, auth, read), BULLA_TPM_NV);
}

int main(void)
{
    if (!test_swtpm_available())
        return test_skip("swtpm");
#define SECRET(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SECRET(a_secret_is_replaced_whole),
        SECRET(it_outlives_a_restart_and_a_kill),
        SECRET(another_auth_value_neither_reads_nor_writes_it),
        SECRET(where_there_is_none_it_says_so),
        SECRET(it_goes_with_its_counter),
    };
    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
