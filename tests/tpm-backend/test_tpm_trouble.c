/* What goes wrong between us and the TPM: at every command of every call, in every way, the call ends in time with a
 * refusal, gives out nothing, and leaves nothing loaded. */
#include "trouble_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void strike_everywhere(enum proxy_act act, enum bulla_reason expected)
{
    for (size_t call = 0; call < CALLS; call++) {
        int commands = commands_of(call);
        for (int at = 0; at < commands; at++) {
            proxy_reset(&proxy);
            proxy.at = at;
            proxy.act = act;
            proxy.error = 0x101; /* TPM_RC_FAILURE */
            enum bulla_reason reason = calls[call].call();
            assert_refused(call, at, reason);
            if (expected != BULLA_OK)
                assert_int_equal(reason, expected);
            assert_nothing_loaded();
        }
    }
}

static void an_error_at_any_command_leaves_nothing_behind(void **state)
{
    (void)state;
    strike_everywhere(PROXY_ERROR, BULLA_TPM_FAILED);
}

static void a_connection_lost_at_any_command_leaves_nothing_behind(void **state)
{
    (void)state;
    strike_everywhere(PROXY_CLOSE, BULLA_TPM_UNREACHABLE);
}

/* Of commands that load nothing: a TPM whose handles can't be read keeps what they name. */
static void half_an_answer_or_one_without_end_is_none(void **state)
{
    (void)state;
    static const enum proxy_act acts[] = {PROXY_SHORT, PROXY_HUGE};
    for (size_t i = 0; i < 2; i++) {
        for (size_t call = 0; call < CALLS; call++) {
            proxy_reset(&proxy);
            proxy.at = 0;
            proxy.act = acts[i];
            enum bulla_reason reason = calls[call].call();
            assert_refused(call, 0, reason);
            assert_reason(reason, BULLA_TPM_UNREACHABLE);
        }
        proxy_reset(&proxy);
        proxy.at_code = CC_UNSEAL;
        proxy.act = acts[i];
        enum bulla_reason reason = calls[CALL_OBJECT_OPEN].call();
        assert_refused(CALL_OBJECT_OPEN, 0, reason);
        assert_reason(reason, BULLA_TPM_UNREACHABLE);
    }
}

/* --- deadlines --- */

static void a_hang_at_any_command_ends_at_the_deadline(void **state)
{
    (void)state;
    static const size_t some[] = {CALL_TOKEN_OPEN, CALL_OBJECT_OPEN, CALL_QUOTE, CALL_ACTIVATE, CALL_COUNTER_CREATE};
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        int commands = commands_of(some[i]);
        for (int at = 0; at < commands; at++) {
            proxy_reset(&proxy);
            proxy.at = at;
            proxy.act = PROXY_HANG;
            bulla_tpm_deadline_set(DEADLINE_MS);
            double start = now_ms();
            enum bulla_reason reason = calls[some[i]].call();
            assert_in_time(start);
            bulla_tpm_deadline_set(0);
            assert_refused(some[i], at, reason);
            assert_reason(reason, BULLA_TPM_TIMEOUT);
        }
    }
}

static void what_a_late_answer_loaded_is_flushed(void **state)
{
    (void)state;
    static const uint32_t codes[] = {CC_CREATE_PRIMARY, CC_START_SESSION, CC_LOAD, CC_POLICY_PCR};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        proxy_reset(&proxy);
        proxy.at_code = codes[i];
        proxy.act = PROXY_DELAY;
        proxy.delay_ms = DEADLINE_MS + 50;
        bulla_tpm_deadline_set(DEADLINE_MS);
        enum bulla_reason reason = calls[CALL_OBJECT_OPEN].call();
        bulla_tpm_deadline_set(0);
        assert_refused(CALL_OBJECT_OPEN, (int)i, reason);
        assert_reason(reason, BULLA_TPM_TIMEOUT);
    }
}

static void a_frozen_tpm_is_a_timeout_and_goes_on_unharmed(void **state)
{
    (void)state;
    struct bulla_leaf_request request = proxied_object();
    request.tcti = tpm.tcti;
    bulla_tpm_deadline_set(DEADLINE_MS);
    test_swtpm_freeze(&tpm);
    double start = now_ms();
    assert_int_equal(open_blob(&request, &object_blob, opened), BULLA_TPM_TIMEOUT);
    assert_in_time(start);
    test_swtpm_thaw(&tpm);
    bulla_tpm_deadline_set(0);
    assert_reason(open_blob(&request, &object_blob, opened), BULLA_OK);
    assert_memory_equal(opened, share, 32);
}

static void a_client_that_keeps_the_tpm_is_a_timeout(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", tpm.socket);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    struct bulla_leaf_request request = proxied_object();
    request.tcti = tpm.tcti;
    bulla_tpm_deadline_set(DEADLINE_MS);
    double start = now_ms();
    assert_int_equal(open_blob(&request, &object_blob, opened), BULLA_TPM_TIMEOUT);
    assert_in_time(start);
    bulla_tpm_deadline_set(0);
    (void)close(fd);
    assert_reason(open_blob(&request, &object_blob, opened), BULLA_OK);
}

/* A socket that nobody accepts on: first it takes connections into its queue, then it is full. */
static void a_server_that_never_accepts_is_a_timeout(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char tcti[160];
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/deaf", tpm.folder);
    (void)snprintf(tcti, sizeof tcti, "swtpm:path=%s", address.sun_path);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), filler[4];
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 0), 0);
    struct bulla_tpm_status status;
    bulla_tpm_deadline_set(DEADLINE_MS);
    for (int i = 0; i < 4; i++) {
        double start = now_ms();
        assert_int_equal(bulla_tpm_status_read(tcti, &status), BULLA_TPM_TIMEOUT);
        assert_in_time(start);
        filler[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(filler[i], (const struct sockaddr *)&address, sizeof address);
    }
    bulla_tpm_deadline_set(0);
    for (int i = 0; i < 4; i++)
        (void)close(filler[i]);
    (void)close(listener);
    assert_int_equal(bulla_tpm_status_read(tcti, &status), BULLA_TPM_UNREACHABLE);
}

/* --- a TPM that dies --- */

static void *hang_up(void *listener)
{
    for (int fd; (fd = accept(*(int *)listener, NULL, NULL)) >= 0;)
        (void)close(fd);
    return NULL;
}

/* Some of the commands are then written to a connection that is closed: SIGPIPE would end this program. */
static void a_server_that_hangs_up_at_once_is_unreachable_and_raises_no_signal(void **state)
{
    (void)state;
    enum { OFTEN = 300 };
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char tcti[160];
    struct bulla_tpm_status status;
    pthread_t thread;
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/rude", tpm.folder);
    (void)snprintf(tcti, sizeof tcti, "swtpm:path=%s", address.sun_path);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(pthread_create(&thread, NULL, hang_up, &listener), 0);
    for (int i = 0; i < OFTEN; i++)
        assert_int_equal(bulla_tpm_status_read(tcti, &status), BULLA_TPM_UNREACHABLE);
    (void)shutdown(listener, SHUT_RDWR);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)close(listener);
}

static void kill_tpm(struct proxy *at)
{
    (void)at;
    test_swtpm_kill(&tpm);
}

static void a_tpm_killed_in_the_middle_is_unreachable_and_the_leaf_opens_after_its_restart(void **state)
{
    (void)state;
    static const uint32_t codes[] = {CC_CREATE_PRIMARY, CC_LOAD, CC_UNSEAL};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        proxy_reset(&proxy);
        proxy.at_code = codes[i];
        proxy.before = kill_tpm;
        proxy.act = PROXY_CLOSE;
        struct bulla_leaf_request request = proxied_object();
        /* What is left of the burst meets a proxy without a TPM behind it: the proxy must not abort on it. */
        enum bulla_reason reason = open_blob(&request, &object_blob, opened);
        assert_int_equal(reason, BULLA_TPM_UNREACHABLE);
        test_swtpm_restart(&tpm);
        proxy_reset(&proxy);
        assert_reason(open_blob(&request, &object_blob, opened), BULLA_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_error_at_any_command_leaves_nothing_behind, trouble_approve),
        cmocka_unit_test_setup(a_connection_lost_at_any_command_leaves_nothing_behind, trouble_approve),
        cmocka_unit_test_setup(half_an_answer_or_one_without_end_is_none, trouble_approve),
        cmocka_unit_test_setup(a_hang_at_any_command_ends_at_the_deadline, trouble_approve),
        cmocka_unit_test_setup(what_a_late_answer_loaded_is_flushed, trouble_approve),
        cmocka_unit_test_setup(a_frozen_tpm_is_a_timeout_and_goes_on_unharmed, trouble_approve),
        cmocka_unit_test_setup(a_client_that_keeps_the_tpm_is_a_timeout, trouble_approve),
        cmocka_unit_test_setup(a_server_that_never_accepts_is_a_timeout, trouble_approve),
        cmocka_unit_test_setup(a_server_that_hangs_up_at_once_is_unreachable_and_raises_no_signal, trouble_approve),
        cmocka_unit_test_setup(
            a_tpm_killed_in_the_middle_is_unreachable_and_the_leaf_opens_after_its_restart, trouble_approve),
    };
    if (!test_swtpm_setup_available())
        return test_skip("swtpm_setup with swtpm_localca");
    return cmocka_run_group_tests(tests, trouble_begin, trouble_end);
}
