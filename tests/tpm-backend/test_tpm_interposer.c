/* Whoever stands between us and the TPM: sees no secret, changes no answer unnoticed, and no PCR behind our back. And
 * the other ways to reach a TPM, and several bursts at once. */
#include "trouble_fixture.h"

#include <pthread.h>

static void extend_pcr(struct proxy *at)
{
    test_swtpm_extend(at->tpm, PCR, 9);
}

static void a_pcr_that_changes_in_the_middle_is_noticed(void **state)
{
    (void)state;
    static const uint32_t codes[] = {CC_POLICY_PCR, CC_LOAD, CC_UNSEAL};
    struct bulla_leaf_request request = proxied_object();
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        proxy_reset(&proxy);
        proxy.at_code = codes[i];
        proxy.before = extend_pcr;
        enum bulla_reason reason = calls[CALL_OBJECT_OPEN].call();
        assert_refused(CALL_OBJECT_OPEN, (int)i, reason);
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
    assert_reason(
        bulla_tpm_quote(proxy.tcti, (struct bulla_bytes){key_blob.data, key_blob.size},
            (struct bulla_tpm_selected){BULLA_SHA256, 1U << PCR}, bulla_writer_bytes(&report_writer), &writer),
        BULLA_OK);
    assert_true(atomic_load(&proxy.struck));
    assert_int_equal(bulla_tpm_evidence_read(bulla_writer_bytes(&writer), &evidence), BULLA_OK);
    assert_int_equal(bulla_tpm_evidence_verify(&evidence, BULLA_UNPINNED, &claims), BULLA_OK);
    test_swtpm_pcr(&tpm, PCR, value);
    assert_memory_equal(evidence.values[PCR], value, 32);
}

static void an_answer_that_was_changed_on_its_way_is_refused(void **state)
{
    (void)state;
    /* CreatePrimary and Load: the end of the answer is not authenticated by a password session, so nothing notices a
     * flip there; what is in front of it is checked against the pinned name. */
    static const uint32_t codes[] = {CC_UNSEAL};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        for (size_t call = CALL_TOKEN_OPEN; call <= CALL_OBJECT_OPEN; call++) {
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
    enum bulla_reason reason = calls[CALL_COUNTER_INCREMENT].call();
    assert_refused(CALL_COUNTER_INCREMENT, 0, reason);
    assert_reason(reason, BULLA_TPM_FAILED);
}

static void neither_share_nor_auth_value_goes_over_the_wire_in_the_clear(void **state)
{
    (void)state;
    proxy_reset(&proxy);
    assert_reason(calls[CALL_TOKEN_SEAL].call(), BULLA_OK);
    assert_reason(calls[CALL_OBJECT_SEAL].call(), BULLA_OK);
    assert_reason(calls[CALL_TOKEN_OPEN].call(), BULLA_OK);
    assert_reason(calls[CALL_OBJECT_OPEN].call(), BULLA_OK);
    assert_reason(calls[CALL_COUNTER_CREATE].call(), BULLA_OK);
    assert_reason(calls[CALL_COUNTER_INCREMENT].call(), BULLA_OK);
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
        struct bulla_leaf_request request = proxied_object();
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
        struct bulla_leaf_request request = proxied_object();
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
        cmocka_unit_test_setup(a_pcr_that_changes_in_the_middle_is_noticed, trouble_approve),
        cmocka_unit_test_setup(a_pcr_that_changes_before_the_quote_is_quoted_with_its_new_value, trouble_approve),
        cmocka_unit_test_setup(an_answer_that_was_changed_on_its_way_is_refused, trouble_approve),
        cmocka_unit_test_setup(neither_share_nor_auth_value_goes_over_the_wire_in_the_clear, trouble_approve),
        cmocka_unit_test_setup(tcp_and_the_simulators_protocol_work_and_have_the_same_deadline, trouble_approve),
        cmocka_unit_test_setup(bursts_take_turns, trouble_approve),
    };
    if (!test_swtpm_setup_available())
        return test_skip("swtpm_setup with swtpm_localca");
    return cmocka_run_group_tests(tests, trouble_begin, trouble_end);
}
