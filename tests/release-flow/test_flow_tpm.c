/* TPMs that are gone, hang, die in mid-call and come back; and wrong PINs, which the module counts before the TPM does.
 */
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model.h"
#include "policy.h"

static struct test_p256 authority;
static CK_OBJECT_HANDLE key;

static int set_up(void **state)
{
    (void)state;
    test_p256_make(&authority);
    flow_begin(FLOW_TPM, "pcrs = 0,7\n");
    assert_ok(flow_policy_approve(1, &authority));
    key = flow_tiny("tiny", "tpm", authority.point);
    assert_ok(flow_run(key));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    test_p256_free(&authority);
    return 0;
}

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static struct timespec now(void)
{
    struct timespec start;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    return start;
}

static CK_FLAGS token_flags(void)
{
    CK_TOKEN_INFO info;
    assert_ok(flow.p11->C_GetTokenInfo(flow.slot, &info));
    return info.flags;
}

static double status_number(const char *part, const char *name)
{
    char *text = flow_status("status");
    assert_non_null(text);
    json_t *status = json_loads(text, 0, NULL);
    const json_t *value = json_object_get(part ? json_object_get(status, part) : status, name);
    double number = json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
    if (!value)
        fail_msg("status has no %s: %s", name, text);
    json_decref(status);
    free(text);
    return number;
}

static void assert_works(void)
{
    assert_ok(flow_login(FLOW_PIN));
    key = flow_key("tiny");
    assert_ok(flow_run(key));
    flow_assert_nothing_loaded();
}

/* --- gone --- */

static void without_its_tpm_a_token_is_there_but_nobody_logs_in(void **state)
{
    (void)state;
    flow_close();
    test_swtpm_kill(&flow.tpm);
    flow_open();
    assert_true(token_flags() & CKF_TOKEN_INITIALIZED);
    assert_int_not_equal(flow_find(CKO_PUBLIC_KEY, "bulla receipt key"), 0); /* public objects are readable */
    for (int i = 0; i < 8; i++) /* more often than there are tries: none is lost */
        assert_refused(flow_login(FLOW_PIN), CKR_DEVICE_ERROR, "tpm-unreachable");
    assert_false(token_flags() & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED));
    test_swtpm_restart(&flow.tpm);
    assert_works();
}

static void a_tpm_that_dies_after_the_login_opens_nothing_more(void **state)
{
    (void)state;
    flow_relogin();
    key = flow_key("tiny");
    test_swtpm_kill(&flow.tpm);
    assert_refused(flow_run(key), CKR_DEVICE_ERROR, "tpm-unreachable");
    test_swtpm_restart(&flow.tpm);
    assert_ok(flow_run(key));
    flow_assert_nothing_loaded();
}

/* A model that was released stays so for its lease; its receipts go on to name the policy that released it. */
static void a_released_model_answers_without_the_tpm(void **state)
{
    (void)state;
    struct flow_answer answer;
    test_swtpm_kill(&flow.tpm);
    assert_ok(flow_infer_text(key, "clay", &answer));
    assert_null(memmem(answer.receipt.string.data, answer.receipt.string.size, "none", 4));
    assert_non_null(memmem(answer.receipt.string.data, answer.receipt.string.size, "/1", 2));
    flow_answer_free(&answer);
    test_swtpm_restart(&flow.tpm);
    assert_ok(flow_run(key));
}

static void changes_that_need_the_tpm_are_refused_without_it(void **state)
{
    (void)state;
    struct bulla_policy policy;
    flow_policy_now(2, &policy);
    struct bulla_bytes bundle = flow_policy_sign(&policy, &authority);
    CK_OBJECT_HANDLE made = 0;
    test_swtpm_kill(&flow.tpm);
    assert_refused(flow_policy_load_bytes(bundle), CKR_DEVICE_ERROR, "tpm-unreachable");
    assert_refused(flow_key_make("more", "tpm", authority.point, &made), CKR_DEVICE_ERROR, "tpm-unreachable");
    assert_int_equal(flow_find(CKO_SECRET_KEY, "more"), 0);
    assert_ok(flow_key_make("plain", NULL, NULL, &made)); /* an ordinary object's write needs no TPM */
    test_swtpm_restart(&flow.tpm);
    assert_ok(flow_policy_load_bytes(bundle)); /* the refused one left nothing behind */
    assert_ok(flow_key_make("more", "tpm", authority.point, &made));
    free((void *)(uintptr_t)bundle.data);
}

/* --- in mid-call --- */

static void *kill_soon(void *unused)
{
    (void)unused;
    (void)usleep(400000);
    test_swtpm_kill(&flow.tpm);
    return NULL;
}

/* The TPM stops before the call, and dies while the call waits for it. */
static void die_during(CK_RV (*call)(void))
{
    pthread_t thread;
    struct timespec start = now();
    test_swtpm_freeze(&flow.tpm);
    assert_int_equal(pthread_create(&thread, NULL, kill_soon, NULL), 0);
    struct flow_refusal why;
    CK_RV rv = call();
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(seconds_since(&start) < 5);
    assert_int_equal(rv, CKR_DEVICE_ERROR);
    flow_why(&why);
    assert_true(strcmp(why.reason, "tpm-unreachable") == 0 || strcmp(why.reason, "tpm-failed") == 0);
}

static CK_RV call_login(void)
{
    return flow_login(FLOW_PIN);
}

static CK_RV call_run(void)
{
    return flow_run(key);
}

static void a_tpm_that_dies_in_a_login_costs_no_try(void **state)
{
    (void)state;
    assert_ok(flow.p11->C_Logout(flow.session));
    die_during(call_login);
    assert_false(token_flags() & CKF_USER_PIN_COUNT_LOW);
    test_swtpm_restart(&flow.tpm);
    assert_works();
}

static void a_tpm_that_dies_in_an_opening_is_an_error_of_that_call(void **state)
{
    (void)state;
    flow_relogin();
    key = flow_key("tiny");
    die_during(call_run);
    test_swtpm_restart(&flow.tpm);
    assert_ok(flow_run(key));
}

static void a_tpm_that_hangs_is_given_up_on_at_the_deadline(void **state)
{
    (void)state;
    flow_relogin();
    key = flow_key("tiny");
    test_swtpm_freeze(&flow.tpm);
    struct timespec start = now();
    assert_refused(flow_run(key), CKR_DEVICE_ERROR, "tpm-timeout");
    double took = seconds_since(&start);
    if (took < 8 || took > 14)
        fail_msg("a hanging TPM was given up on after %.1f s", took);
    start = now();
    CK_TOKEN_INFO info;
    assert_ok(flow.p11->C_GetTokenInfo(flow.slot, &info));
    assert_true(seconds_since(&start) < 1);
    test_swtpm_thaw(&flow.tpm);
    assert_ok(flow_run(key));
}

static void a_login_to_a_tpm_that_hangs_ends_at_the_deadline(void **state)
{
    (void)state;
    if (!flow_is_long())
        skip();
    assert_ok(flow.p11->C_Logout(flow.session));
    test_swtpm_freeze(&flow.tpm);
    struct timespec start = now();
    assert_refused(flow_login(FLOW_PIN), CKR_DEVICE_ERROR, "tpm-timeout");
    double took = seconds_since(&start);
    if (took < 8 || took > 14)
        fail_msg("a hanging TPM was given up on after %.1f s", took);
    assert_false(token_flags() & CKF_USER_PIN_COUNT_LOW);
    test_swtpm_thaw(&flow.tpm);
    assert_works();
}

/* --- killed and restarted --- */

/* Right PINs between wrong ones clear the token's count, and not the TPM's: what is left is the fewer of the two. */
static void the_tries_left_are_those_of_the_tpm_where_it_has_fewer(void **state)
{
    (void)state;
    struct flow_refusal why;
    flow_reset_lockout();
    for (int i = 0; i < 2; i++) {
        assert_ok(flow.p11->C_Logout(flow.session));
        assert_refused(flow_login("wrong-pin"), CKR_PIN_INCORRECT, "pin-wrong");
        assert_ok(flow_login(FLOW_PIN));
    }
    assert_int_equal((int)status_number(NULL, "user_pin_tries_left"), 1);
    assert_ok(flow.p11->C_Logout(flow.session));
    assert_refused(flow_login("wrong-pin"), CKR_PIN_INCORRECT, "pin-wrong");
    flow_why(&why);
    assert_non_null(strstr(why.detail, "0 tries are left"));
    assert_int_equal((int)status_number(NULL, "user_pin_tries_left"), 0);
    flow_reset_lockout();
    assert_ok(flow_login(FLOW_PIN));
}

/* Two unclean ends are two failed tries in the TPM's eyes: one below its limit of three. */
static void kills_of_the_tpm_are_survived(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        flow_relogin();
        test_swtpm_kill(&flow.tpm);
        test_swtpm_restart(&flow.tpm);
    }
    flow_close();
    flow_open();
    assert_works();
}

/* --- PINs --- */

static void wrong_pins_lock_the_token_before_the_tpm(void **state)
{
    (void)state;
    int wrong = 0;
    assert_ok(flow.p11->C_Logout(flow.session));
    double tpm_tries = status_number("tpm", "max_tries");
    double left = status_number(NULL, "user_pin_tries_left");
    assert_true(left < tpm_tries);
    while (!(token_flags() & CKF_USER_PIN_LOCKED)) {
        assert_refused(flow_login("wrong-pin"), CKR_PIN_INCORRECT, "pin-wrong");
        assert_true(++wrong < 10);
    }
    assert_int_equal(wrong, (int)left);
    assert_refused(flow_login(FLOW_PIN), CKR_PIN_LOCKED, "pin-locked");
    flow_close();
    flow_open();
    assert_refused(flow_login(FLOW_PIN), CKR_PIN_LOCKED, "pin-locked");
    assert_true(status_number("tpm", "in_lockout") == 0);
    assert_true(status_number("tpm", "lockout_counter") < tpm_tries);
    /* the SO grants another try, with the right one */
    assert_ok(flow.p11->C_Login(flow.session, CKU_SO, (unsigned char *)(uintptr_t)FLOW_SO_PIN, strlen(FLOW_SO_PIN)));
    assert_ok(flow.p11->C_InitPIN(flow.session, (unsigned char *)(uintptr_t)FLOW_PIN, strlen(FLOW_PIN)));
    assert_ok(flow.p11->C_Logout(flow.session));
    assert_works();
}

/* A right PIN clears the token's count, but not the TPM's, which forgets with time only: wrong ones between right ones
 * add up in it. Its lockout is told apart from the token's, says how long it lasts, and costs no try. */
static void the_tpms_own_lockout_is_said_so_and_passes(void **state)
{
    (void)state;
    struct flow_refusal why;
    CK_RV rv = CKR_OK;
    int wrong = 0;
    flow_reset_lockout();
    while (rv == CKR_OK && wrong < 5) {
        assert_ok(flow.p11->C_Logout(flow.session));
        assert_refused(flow_login("wrong-pin"), CKR_PIN_INCORRECT, "pin-wrong");
        wrong++;
        rv = flow_login(FLOW_PIN);
    }
    assert_int_equal(wrong, (int)status_number("tpm", "max_tries"));
    assert_refused(flow_login(FLOW_PIN), CKR_PIN_LOCKED, "tpm-lockout");
    flow_why(&why);
    assert_non_null(strpbrk(why.detail, "123456789"));
    assert_true(status_number("tpm", "in_lockout") == 1);
    assert_false(token_flags() & CKF_USER_PIN_LOCKED);
    flow_reset_lockout();
    assert_works();
}

static void a_changed_pcr_does_not_look_like_a_wrong_pin(void **state)
{
    (void)state;
    assert_ok(flow.p11->C_Logout(flow.session));
    test_swtpm_extend(&flow.tpm, 0, 1);
    assert_ok(flow_login(FLOW_PIN));
    key = flow_key("tiny");
    assert_refused(flow_run(key), CKR_FUNCTION_REJECTED, "tpm-pcr-changed");
    assert_false(token_flags() & CKF_USER_PIN_COUNT_LOW);
}

static void another_tpm_opens_nothing(void **state)
{
    (void)state;
    struct test_swtpm own = flow.tpm;
    flow_close();
    test_swtpm_start(&flow.tpm);
    flow_configure("pcrs = 0,7\n");
    flow_open();
    struct flow_refusal before, why;
    flow_why(&before);
    assert_int_not_equal(flow_login(FLOW_PIN), CKR_OK);
    flow_why(&why);
    assert_true(why.line > before.line);
    assert_string_equal(why.reason, "tpm-other");
    flow_assert_nothing_loaded();
    flow_close();
    test_swtpm_finish(&flow.tpm);
    flow.tpm = own;
    flow_configure("pcrs = 0,7\n");
    flow_open();
    assert_works();
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(without_its_tpm_a_token_is_there_but_nobody_logs_in),
        T(a_tpm_that_dies_after_the_login_opens_nothing_more),
        T(a_released_model_answers_without_the_tpm),
        T(changes_that_need_the_tpm_are_refused_without_it),
        T(a_tpm_that_dies_in_a_login_costs_no_try),
        T(a_tpm_that_dies_in_an_opening_is_an_error_of_that_call),
        T(a_tpm_that_hangs_is_given_up_on_at_the_deadline),
        T(a_login_to_a_tpm_that_hangs_ends_at_the_deadline),
        T(kills_of_the_tpm_are_survived),
        T(wrong_pins_lock_the_token_before_the_tpm),
        T(the_tries_left_are_those_of_the_tpm_where_it_has_fewer),
        T(the_tpms_own_lockout_is_said_so_and_passes),
        T(a_changed_pcr_does_not_look_like_a_wrong_pin),
        T(another_tpm_opens_nothing),
    };
    if (!test_swtpm_available())
        return test_skip("swtpm");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
