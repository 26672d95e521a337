/* The floor under the clock: what is refused where the system's clock was turned back, stopped or set forward. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "grant.h"
#include "model.h"
#include "support/shifted_time.h"

static const int64_t hour = 3600, day = 86400;

static struct test_p256 authority;
static CK_OBJECT_HANDLE key;

static int set_up_kind(enum flow_kind kind)
{
    shift = 0;
    test_p256_make(&authority);
    flow_begin(kind, "pcrs = 0,7\nlease = 30\n");
    key = flow_governed_key("key", "key-1", &authority);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return set_up_kind(FLOW_PLAIN);
}

static int set_up_tpm(void **state)
{
    (void)state;
    return set_up_kind(FLOW_TPM);
}

static int tear_down(void **state)
{
    (void)state;
    shift = 0;
    flow_end();
    test_p256_free(&authority);
    return 0;
}

static void reopen_at(int64_t seconds)
{
    flow_close();
    shift = seconds;
    flow_open();
    assert_ok(flow_login(FLOW_PIN)); /* a PIN is right at any time */
    key = flow_find(CKO_SECRET_KEY, "key");
}

static void grant_a_day(void)
{
    struct bulla_grant grant = flow_grant(BULLA_MAY_ENCRYPT, 0);
    struct bulla_policy policy = {.version = 1, .state_count = 1};
    uint8_t memory[4096];
    struct bulla_writer writer;
    grant.not_after += (uint64_t)day;
    bulla_writer_open(&writer, memory, sizeof memory);
    assert_int_equal(bulla_policy_grants_write(&grant, 1, &writer), BULLA_OK);
    policy.not_before = (uint64_t)(time(NULL) - 30 * day);
    policy.not_after = (uint64_t)(time(NULL) + 30 * day);
    policy.states[0].pcr_mask = 1;
    policy.restricted = true;
    policy.grants = bulla_writer_bytes(&writer);
    assert_ok(flow_policy_load(&policy, &authority));
}

static json_int_t status_number(const char *name)
{
    char *text = flow_status("status");
    json_t *status = json_loads(text, 0, NULL);
    json_int_t number = json_integer_value(json_object_get(json_object_get(status, "time"), name));
    json_decref(status);
    free(text);
    return number;
}

static void assert_kept_by(const char *expected)
{
    char *text = flow_status("status");
    json_t *status = json_loads(text, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json_object_get(status, "time"), "kept_by")), expected);
    json_decref(status);
    free(text);
}

static void a_clock_that_was_turned_back_brings_no_grant_to_life(void **state)
{
    (void)state;
    grant_a_day();
    assert_ok(flow_encrypt(key));
    reopen_at(2 * day); /* the login is an occasion to write the time down */
    assert_refused(flow_encrypt(key), CKR_FUNCTION_REJECTED, "grant-expired");
    reopen_at(0);
    assert_refused(flow_encrypt(key), CKR_FUNCTION_REJECTED, "clock-back");
    reopen_at(2 * day - 120);
    assert_refused(flow_encrypt(key), CKR_FUNCTION_REJECTED, "clock-back");
    reopen_at(2 * day);
    assert_refused(flow_encrypt(key), CKR_FUNCTION_REJECTED, "grant-expired");
}

/* Restricted or not: what an authority has said for a time it has said for no longer. */
static void a_bundle_that_is_over_frees_nothing(void **state)
{
    (void)state;
    assert_ok(flow_free(1, &authority)); /* for two hours, one of which is over */
    assert_ok(flow_encrypt(key));
    reopen_at(2 * hour);
    assert_refused(flow_encrypt(key), CKR_FUNCTION_REJECTED, "policy-expired");
    assert_ok(flow_free(2, &authority));
    assert_ok(flow_encrypt(key));
}

/* A process that runs for days logs in once: its uses are the occasions. */
static void use_late_and_leave(void *context)
{
    (void)context;
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    shift = 5 * hour;
    _exit(flow_encrypt(flow_find(CKO_SECRET_KEY, "key")) == CKR_OK ? 0 : 1); /* without C_Finalize */
}

static void a_use_writes_the_time_down_too(void **state)
{
    (void)state;
    grant_a_day();
    flow_close();
    assert_int_equal(flow_in_child(use_late_and_leave, NULL), 0);
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    assert_refused(flow_encrypt(flow_find(CKO_SECRET_KEY, "key")), CKR_FUNCTION_REJECTED, "clock-back");
}

static void a_clock_is_turned_back_under_a_running_process_in_vain(void **state)
{
    (void)state;
    grant_a_day();
    assert_ok(flow_encrypt(key));
    shift = -hour / 2; /* within the policy and the grant */
    assert_refused(flow_encrypt(key), CKR_FUNCTION_REJECTED, "clock-back");
    shift = -30; /* a correction */
    assert_ok(flow_encrypt(key));
}

static void no_policy_is_taken_by_a_clock_that_was_turned_back(void **state)
{
    (void)state;
    assert_ok(flow_free(1, &authority));
    reopen_at(day);
    reopen_at(0);
    assert_refused(flow_free(2, &authority), CKR_FUNCTION_REJECTED, "clock-back");
    reopen_at(day);
    assert_ok(flow_free(2, &authority));
}

/* Four hours are long enough to write the time down anew, three are not. */
static void a_login_writes_the_time_down_every_four_hours(void **state)
{
    (void)state;
    reopen_at(3 * hour);
    reopen_at(0);
    assert_ok(flow_free(1, &authority));
    reopen_at(5 * hour);
    reopen_at(0);
    assert_refused(flow_free(2, &authority), CKR_FUNCTION_REJECTED, "clock-back");
}

static void status_shows_the_floor_and_what_keeps_it(void **state)
{
    (void)state;
    assert_kept_by(flow.kind == FLOW_TPM ? "tpm" : "file");
    json_int_t floor = status_number("floor"), now = (json_int_t)time(NULL);
    assert_true(floor <= now + 1 && floor >= now - 60);
    reopen_at(day);
    assert_true(status_number("floor") >= now + day);
    reopen_at(0);
    assert_true(status_number("floor") >= now + day); /* it is shown where the clock is behind it, too */
}

/* --- with a TPM --- */

static void an_attested_opening_needs_a_clock_that_was_not_turned_back(void **state)
{
    (void)state;
    struct bulla_policy policy;
    flow_policy_now(1, &policy);
    policy.not_before -= (uint64_t)(30 * day);
    policy.not_after += (uint64_t)(30 * day);
    assert_ok(flow_policy_load(&policy, &authority));
    CK_OBJECT_HANDLE model = flow_tiny("tiny", "tpm", authority.point);
    assert_ok(flow_run(model));
    reopen_at(day);
    assert_ok(flow_run(flow_key("tiny")));
    reopen_at(0);
    assert_refused(flow_run(flow_key("tiny")), CKR_FUNCTION_REJECTED, "clock-back");
}

/* TPM2_ClockSet with the empty owner auth: the TPM's clock goes on by a day, as it would in a day under power. */
static void advance_tpm_clock(uint64_t milliseconds)
{
    uint8_t read[] = {0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x01, 0x81}, response[128];
    uint8_t set[] = {0x80, 0x02, 0, 0, 0, 35, 0, 0, 0x01, 0x28, 0x40, 0, 0, 0x01, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0};
    uint64_t clock = 0;
    assert_true(test_swtpm_command(&flow.tpm, read, sizeof read, response, sizeof response) >= 26);
    for (int i = 18; i < 26; i++) /* behind the header and `time` */
        clock = clock << 8 | response[i];
    clock += milliseconds;
    for (int i = 0; i < 8; i++)
        set[27 + i] = (uint8_t)(clock >> (56 - 8 * i));
    assert_true(test_swtpm_command(&flow.tpm, set, sizeof set, response, sizeof response) >= 10);
    assert_int_equal(response[8] << 8 | response[9], 0);
}

/* The system's clock stands where it stood, and the TPM says that a day went by. */
static void a_clock_that_was_stopped_is_told_by_the_tpms(void **state)
{
    (void)state;
    grant_a_day();
    assert_ok(flow_encrypt(key));
    advance_tpm_clock(UINT64_C(1000) * (uint64_t)day);
    reopen_at(0);
    assert_refused(flow_encrypt(key), CKR_FUNCTION_REJECTED, "clock-back");
    reopen_at(day * 80 / 100);
    assert_refused(flow_encrypt(key), CKR_FUNCTION_REJECTED, "clock-back");
    reopen_at(day * 86 / 100); /* a TPM's clock may be fast by 15 % */
    assert_ok(flow_encrypt(key));
}

/* A TPM that was off knows of no time that went by: the floor is the last mark then. */
static void a_tpm_that_was_off_says_nothing_of_the_time(void **state)
{
    (void)state;
    grant_a_day();
    flow_close();
    test_swtpm_stop(&flow.tpm);
    test_swtpm_restart(&flow.tpm);
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    assert_ok(flow_encrypt(flow_find(CKO_SECRET_KEY, "key")));
    flow_close();
    test_swtpm_kill(&flow.tpm);
    test_swtpm_restart(&flow.tpm);
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    assert_ok(flow_encrypt(flow_find(CKO_SECRET_KEY, "key")));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TPM(name) cmocka_unit_test_setup_teardown(name, set_up_tpm, tear_down)
    const struct CMUnitTest plain[] = {
        T(a_clock_that_was_turned_back_brings_no_grant_to_life),
        T(a_clock_is_turned_back_under_a_running_process_in_vain),
        T(no_policy_is_taken_by_a_clock_that_was_turned_back),
        T(a_login_writes_the_time_down_every_four_hours),
        T(a_bundle_that_is_over_frees_nothing),
        T(a_use_writes_the_time_down_too),
        T(status_shows_the_floor_and_what_keeps_it),
    };
    const struct CMUnitTest tpm[] = {
        TPM(a_clock_that_was_turned_back_brings_no_grant_to_life),
        TPM(status_shows_the_floor_and_what_keeps_it),
        TPM(an_attested_opening_needs_a_clock_that_was_not_turned_back),
        TPM(a_clock_that_was_stopped_is_told_by_the_tpms),
        TPM(a_tpm_that_was_off_says_nothing_of_the_time),
    };
    int failed = cmocka_run_group_tests(plain, NULL, NULL);
    if (!test_swtpm_available())
        return failed ? failed : test_skip("swtpm");
    return failed + cmocka_run_group_tests(tpm, NULL, NULL);
}
