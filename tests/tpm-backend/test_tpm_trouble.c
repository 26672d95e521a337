/* What goes wrong between us and the TPM: at every command of every call, in every way, the call ends in time with a
 * refusal, gives out nothing, and leaves nothing loaded. */
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fixture.h"
#include "proxy.h"

enum { DEADLINE_MS = 300, SLACK_MS = 1500 /* the grace for flushing, and a slow machine */ };
enum { PCR = 10 /* not 16 or 23: the TPM does not count their changes */ };

enum {
    CC_CREATE_PRIMARY = 0x131,
    CC_NV_INCREMENT = 0x134,
    CC_CREATE = 0x153,
    CC_LOAD = 0x157,
    CC_QUOTE = 0x158,
    CC_UNSEAL = 0x15e,
    CC_START_SESSION = 0x176,
    CC_POLICY_PCR = 0x17f,
};

static struct proxy proxy;
static uint8_t share[32], auth[32], point[65];
static EVP_PKEY *authority;
static struct bulla_approval approval;
static struct blob token_blob, object_blob, key_blob;
static uint32_t counter;

static struct bulla_leaf_request object(void)
{
    struct bulla_leaf_request request = object_request(point, auth);
    request.tcti = proxy.tcti;
    request.approvals = &approval;
    request.approval_count = 1;
    return request;
}

static struct bulla_leaf_request token(void)
{
    struct bulla_leaf_request request = token_request("1234");
    request.tcti = proxy.tcti;
    return request;
}

static int begin(void **state)
{
    (void)fixture_begin(state);
    for (unsigned i = 0; i < 32; i++) {
        share[i] = (uint8_t)(0xc3 ^ (i * 5));
        auth[i] = (uint8_t)(0x35 + i * 7);
    }
    authority = authority_make(point);
    proxy_start(&proxy, &tpm, PROXY_UNIX);
    struct bulla_leaf_request request = object();
    uint64_t value;
    struct bulla_writer writer;
    bulla_writer_open(&writer, key_blob.data, sizeof key_blob.data);
    approval_make(&approval, authority, request.policy_ref, 1U << PCR);
    assert_reason(seal(&request, share, &object_blob), BULLA_OK);
    request = token();
    assert_reason(seal(&request, share, &token_blob), BULLA_OK);
    assert_reason(bulla_tpm_attestation_key_create(tpm.tcti, &writer), BULLA_OK);
    key_blob.size = writer.size;
    assert_reason(bulla_tpm_counter_create(tpm.tcti, auth, &counter, &value), BULLA_OK);
    return 0;
}

/* Before each test: nothing goes wrong, and the state is approved. */
static int approve(void **state)
{
    (void)state;
    struct bulla_leaf_request request = object();
    bulla_tpm_deadline_set(0);
    proxy_reset(&proxy);
    approval_make(&approval, authority, request.policy_ref, 1U << PCR);
    return 0;
}

static int end(void **state)
{
    bulla_tpm_deadline_set(0);
    proxy_stop(&proxy);
    EVP_PKEY_free(authority);
    return fixture_end(state);
}

/* --- the calls --- */

static uint8_t opened[32];

static enum bulla_reason call_token_seal(void)
{
    struct bulla_leaf_request request = token();
    struct blob blob;
    return seal(&request, share, &blob);
}

static enum bulla_reason call_object_seal(void)
{
    struct bulla_leaf_request request = object();
    struct blob blob;
    return seal(&request, share, &blob);
}

static enum bulla_reason call_token_open(void)
{
    struct bulla_leaf_request request = token();
    memset(opened, 0xff, sizeof opened);
    return open_blob(&request, &token_blob, opened);
}

static enum bulla_reason call_object_open(void)
{
    struct bulla_leaf_request request = object();
    memset(opened, 0xff, sizeof opened);
    return open_blob(&request, &object_blob, opened);
}

static enum bulla_reason call_status(void)
{
    struct bulla_tpm_status status;
    return bulla_tpm_status_read(proxy.tcti, &status);
}

static enum bulla_reason call_pcr_read(void)
{
    uint8_t values[BULLA_PCR_COUNT][32];
    return bulla_tpm_pcr_read(proxy.tcti, 0xffffff, values);
}

static enum bulla_reason call_key_create(void)
{
    uint8_t data[BULLA_LEAF_BLOB_LARGEST];
    struct bulla_writer writer;
    bulla_writer_open(&writer, data, sizeof data);
    return bulla_tpm_attestation_key_create(proxy.tcti, &writer);
}

static enum bulla_reason call_quote(void)
{
    uint8_t data[BULLA_EVIDENCE_LARGEST];
    struct bulla_writer writer;
    bulla_writer_open(&writer, data, sizeof data);
    return bulla_tpm_quote(
        proxy.tcti, (struct bulla_bytes){key_blob.data, key_blob.size}, 1, BULLA_TEXT("a report"), &writer);
}

static enum bulla_reason call_counter_create(void)
{
    uint32_t index = 0;
    uint64_t value;
    enum bulla_reason reason = bulla_tpm_counter_create(proxy.tcti, auth, &index, &value);
    /* Left defined when the connection was lost behind its definition; not there when it went wrong before or
     * otherwise. */
    enum bulla_reason removed = index != 0 ? bulla_tpm_counter_remove(tpm.tcti, index) : BULLA_OK;
    assert_true(removed == BULLA_OK || removed == BULLA_TPM_NV);
    return reason;
}

static enum bulla_reason call_counter_read(void)
{
    uint64_t value;
    return bulla_tpm_counter_read(proxy.tcti, counter, auth, &value);
}

static enum bulla_reason call_counter_increment(void)
{
    uint64_t value;
    return bulla_tpm_counter_increment(proxy.tcti, counter, auth, &value);
}

static const struct {
    const char *name;
    enum bulla_reason (*call)(void);
    bool opens;
} calls[] = {
    {"token seal", call_token_seal, false},
    {"object seal", call_object_seal, false},
    {"token open", call_token_open, true},
    {"object open", call_object_open, true},
    {"status", call_status, false},
    {"PCR read", call_pcr_read, false},
    {"attestation key", call_key_create, false},
    {"quote", call_quote, false},
    {"counter create", call_counter_create, false},
    {"counter read", call_counter_read, false},
    {"counter increment", call_counter_increment, false},
};
enum { CALLS = sizeof calls / sizeof calls[0] };

/* How many commands a call has that goes well. The first use of a protected object after a start has one more: the TPM
 * notes the use in NV and has the command sent again (TPM_RC_RETRY). */
static int commands_of(size_t call)
{
    assert_reason(calls[call].call(), BULLA_OK);
    proxy_reset(&proxy);
    assert_reason(calls[call].call(), BULLA_OK);
    return atomic_load(&proxy.seen);
}

static void assert_refused(size_t call, int at, enum bulla_reason reason)
{
    if (reason == BULLA_OK || !atomic_load(&proxy.struck)) {
        print_error("%s: command %d went wrong, and the call did not\n", calls[call].name, at);
        fail();
    }
    for (size_t i = 0; calls[call].opens && i < sizeof opened; i++)
        assert_int_equal(opened[i], 0);
}

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
        enum bulla_reason reason = call_object_open();
        assert_refused(3, 0, reason);
        assert_reason(reason, BULLA_TPM_UNREACHABLE);
    }
}

/* --- deadlines --- */

static void assert_in_time(double start)
{
    double taken = now_ms() - start;
    if (taken > DEADLINE_MS + SLACK_MS) {
        print_error("%.0f ms\n", taken);
        fail();
    }
}

static void a_hang_at_any_command_ends_at_the_deadline(void **state)
{
    (void)state;
    static const size_t some[] = {2, 3, 7, 8}; /* token open, object open, quote, counter create */
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
        enum bulla_reason reason = call_object_open();
        bulla_tpm_deadline_set(0);
        assert_refused(3, (int)i, reason);
        assert_reason(reason, BULLA_TPM_TIMEOUT);
    }
}

static void a_frozen_tpm_is_a_timeout_and_goes_on_unharmed(void **state)
{
    (void)state;
    struct bulla_leaf_request request = object();
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
    struct bulla_leaf_request request = object();
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
        struct bulla_leaf_request request = object();
        /* What is left of the burst meets a proxy without a TPM behind it: the proxy must not abort on it. */
        enum bulla_reason reason = open_blob(&request, &object_blob, opened);
        assert_int_equal(reason, BULLA_TPM_UNREACHABLE);
        test_swtpm_restart(&tpm);
        proxy_reset(&proxy);
        assert_reason(open_blob(&request, &object_blob, opened), BULLA_OK);
    }
}

/* --- an interposer --- */

static void extend_pcr(struct proxy *at)
{
    test_swtpm_extend(at->tpm, PCR, 9);
}

static void a_pcr_that_changes_in_the_middle_is_noticed(void **state)
{
    (void)state;
    static const uint32_t codes[] = {CC_POLICY_PCR, CC_LOAD, CC_UNSEAL};
    struct bulla_leaf_request request = object();
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        proxy_reset(&proxy);
        proxy.at_code = codes[i];
        proxy.before = extend_pcr;
        enum bulla_reason reason = call_object_open();
        assert_refused(3, (int)i, reason);
        assert_reason(reason, BULLA_TPM_PCR);
        approval_make(&approval, authority, request.policy_ref, 1U << PCR);
    }
}

static void a_pcr_that_changes_before_the_quote_is_quoted_with_its_new_value(void **state)
{
    (void)state;
    uint8_t data[BULLA_EVIDENCE_LARGEST], value[32];
    struct bulla_report report = {.purpose = BULLA_PURPOSE_ATTEST};
    uint8_t encoded[BULLA_REPORT_LARGEST], token_serial[16] = {1};
    struct bulla_writer writer, report_writer;
    struct bulla_tpm_evidence evidence;
    struct bulla_tpm_claims claims;
    report.token = BULLA_BYTES(token_serial);
    bulla_writer_open(&report_writer, encoded, sizeof encoded);
    assert_int_equal(bulla_report_write(&report, &report_writer), BULLA_OK);
    proxy_reset(&proxy);
    proxy.at_code = CC_QUOTE;
    proxy.before = extend_pcr;
    bulla_writer_open(&writer, data, sizeof data);
    assert_reason(bulla_tpm_quote(proxy.tcti, (struct bulla_bytes){key_blob.data, key_blob.size}, 1U << PCR,
                      bulla_writer_bytes(&report_writer), &writer),
        BULLA_OK);
    assert_true(atomic_load(&proxy.struck));
    assert_int_equal(bulla_tpm_evidence_read(bulla_writer_bytes(&writer), &evidence), BULLA_OK);
    assert_int_equal(bulla_tpm_evidence_verify(&evidence, NULL, &claims), BULLA_OK);
    test_swtpm_pcr(&tpm, PCR, value);
    assert_memory_equal(evidence.pcrs[PCR], value, 32);
}

static void an_answer_that_was_changed_on_its_way_is_refused(void **state)
{
    (void)state;
    /* CreatePrimary and Load: the end of the answer is not authenticated by a password session, so nothing notices a
     * flip there; what is in front of it is checked against the pinned name. */
    static const uint32_t codes[] = {CC_UNSEAL};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        for (size_t call = 2; call <= 3; call++) {
            proxy_reset(&proxy);
            proxy.at_code = codes[i];
            proxy.act = PROXY_FLIP;
            enum bulla_reason reason = calls[call].call();
            assert_refused(call, (int)i, reason);
            assert_reason(reason, BULLA_TPM_FAILED);
        }
    }
    proxy_reset(&proxy);
    proxy.at_code = CC_NV_INCREMENT;
    proxy.act = PROXY_FLIP;
    enum bulla_reason reason = call_counter_increment();
    assert_refused(10, 0, reason);
    assert_reason(reason, BULLA_TPM_FAILED);
}

static void neither_share_nor_auth_value_goes_over_the_wire_in_the_clear(void **state)
{
    (void)state;
    proxy_reset(&proxy);
    assert_reason(call_token_seal(), BULLA_OK);
    assert_reason(call_object_seal(), BULLA_OK);
    assert_reason(call_token_open(), BULLA_OK);
    assert_reason(call_object_open(), BULLA_OK);
    assert_reason(call_counter_create(), BULLA_OK);
    assert_reason(call_counter_increment(), BULLA_OK);
    assert_false(proxy_saw(&proxy, share, 8));
    assert_false(proxy_saw(&proxy, share + 24, 8));
    assert_false(proxy_saw(&proxy, auth, 8));
    assert_false(proxy_saw(&proxy, auth + 24, 8));
    /* It does see what is not secret: the authority's point. */
    assert_true(proxy_saw(&proxy, point + 1, 32));
}

/* --- other ways to reach a TPM, and several at once --- */

static void tcp_and_the_simulators_protocol_work_and_have_the_same_deadline(void **state)
{
    (void)state;
    static const enum proxy_form forms[] = {PROXY_TCP, PROXY_SIMULATOR};
    for (size_t i = 0; i < 2; i++) {
        struct proxy other;
        proxy_start(&other, &tpm, forms[i]);
        struct bulla_leaf_request request = object();
        struct blob blob;
        request.tcti = other.tcti;
        assert_reason(seal(&request, share, &blob), BULLA_OK);
        assert_reason(open_blob(&request, &blob, opened), BULLA_OK);
        assert_memory_equal(opened, share, 32);
        proxy_reset(&other);
        other.at_code = CC_UNSEAL;
        other.act = PROXY_HANG;
        bulla_tpm_deadline_set(DEADLINE_MS);
        double start = now_ms();
        assert_int_equal(open_blob(&request, &blob, opened), BULLA_TPM_TIMEOUT);
        assert_in_time(start);
        bulla_tpm_deadline_set(0);
        proxy_stop(&other);
        assert_int_equal(open_blob(&request, &blob, opened), BULLA_TPM_UNREACHABLE);
        assert_nothing_loaded();
    }
}

static void *open_many(void *failures)
{
    for (int i = 0; i < 5; i++) {
        uint8_t mine[32];
        struct bulla_leaf_request request = object();
        request.tcti = tpm.tcti;
        if (open_blob(&request, &object_blob, mine) != BULLA_OK || memcmp(mine, share, 32) != 0) {
            print_error("%s\n", bulla_detail());
            atomic_fetch_add((atomic_int *)failures, 1);
        }
    }
    return NULL;
}

/* Each burst takes two of swtpm's three slots. */
static void bursts_take_turns(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    atomic_int failures = 0;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_many, &failures), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&failures), 0);
    assert_nothing_loaded();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_error_at_any_command_leaves_nothing_behind, approve),
        cmocka_unit_test_setup(a_connection_lost_at_any_command_leaves_nothing_behind, approve),
        cmocka_unit_test_setup(half_an_answer_or_one_without_end_is_none, approve),
        cmocka_unit_test_setup(a_hang_at_any_command_ends_at_the_deadline, approve),
        cmocka_unit_test_setup(what_a_late_answer_loaded_is_flushed, approve),
        cmocka_unit_test_setup(a_frozen_tpm_is_a_timeout_and_goes_on_unharmed, approve),
        cmocka_unit_test_setup(a_client_that_keeps_the_tpm_is_a_timeout, approve),
        cmocka_unit_test_setup(a_server_that_never_accepts_is_a_timeout, approve),
        cmocka_unit_test_setup(a_server_that_hangs_up_at_once_is_unreachable_and_raises_no_signal, approve),
        cmocka_unit_test_setup(a_tpm_killed_in_the_middle_is_unreachable_and_the_leaf_opens_after_its_restart, approve),
        cmocka_unit_test_setup(a_pcr_that_changes_in_the_middle_is_noticed, approve),
        cmocka_unit_test_setup(a_pcr_that_changes_before_the_quote_is_quoted_with_its_new_value, approve),
        cmocka_unit_test_setup(an_answer_that_was_changed_on_its_way_is_refused, approve),
        cmocka_unit_test_setup(neither_share_nor_auth_value_goes_over_the_wire_in_the_clear, approve),
        cmocka_unit_test_setup(tcp_and_the_simulators_protocol_work_and_have_the_same_deadline, approve),
        cmocka_unit_test_setup(bursts_take_turns, approve),
    };
    if (!test_swtpm_available())
        return test_skip("swtpm");
    return cmocka_run_group_tests(tests, begin, end);
}
