/* Release to attested state: what a policy approves opens, and nothing else does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "evidence/receipt.h"
#include "evidence/tpm_quote.h"
#include "model.h"
#include "policy.h"

static struct test_p256 authority;
static CK_OBJECT_HANDLE key;

static int set_up(void **state)
{
    (void)state;
    test_p256_make(&authority);
    flow_begin(FLOW_TPM, "pcrs = 0,7\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    flow_end();
    test_p256_free(&authority);
    return 0;
}

/* A model that is released to the TPM's present state, by policy version 1. */
static void make_model(void)
{
    assert_ok(flow_policy_approve(1, &authority));
    key = flow_tiny("tiny", "tpm", authority.point);
    assert_true(flow_bool(key, CKA_BULLA_ATTESTED));
    assert_ok(flow_run(key));
    flow_assert_nothing_loaded();
}

static void relogin(void)
{
    flow_relogin();
    key = flow_key("tiny");
}

static void a_changed_pcr_is_refused_until_a_policy_approves_it(void **state)
{
    (void)state;
    struct flow_refusal why;
    make_model();
    test_swtpm_extend(&flow.tpm, 7, 0x5a);
    assert_ok(flow_run(key)); /* within the lease PCRs are not read again */
    relogin();
    assert_refused(flow_run(key), CKR_FUNCTION_REJECTED, "tpm-pcr-changed");
    flow_why(&why);
    assert_non_null(strstr(why.remedy, "policy"));
    flow_assert_nothing_loaded();
    assert_ok(flow_policy_approve(2, &authority)); /* without resealing */
    assert_ok(flow_run(key));
    flow_assert_nothing_loaded();
    test_swtpm_extend(&flow.tpm, 11, 1); /* a PCR that no policy names */
    relogin();
    assert_ok(flow_run(key));
}

static void the_object_route_is_refused_like_the_mechanism(void **state)
{
    (void)state;
    CK_OBJECT_CLASS data = CKO_DATA;
    CK_OBJECT_HANDLE object = 0;
    static const char application[] = BULLA_INFER_APPLICATION;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &data, sizeof data},
        {CKA_APPLICATION, (void *)(uintptr_t)application, strlen(application)},
        {CKA_LABEL, (void *)(uintptr_t) "tiny", 4},
        {CKA_VALUE, (void *)(uintptr_t) "clay", 4},
    };
    make_model();
    assert_ok(flow.p11->C_CreateObject(flow.session, template, 4, &object));
    assert_ok(flow.p11->C_DestroyObject(flow.session, object));
    test_swtpm_extend(&flow.tpm, 0, 1);
    relogin();
    assert_refused(
        flow.p11->C_CreateObject(flow.session, template, 4, &object), CKR_FUNCTION_REJECTED, "tpm-pcr-changed");
}

static void several_states_are_approved_by_one_policy(void **state)
{
    (void)state;
    struct bulla_policy both, other;
    make_model();
    flow_policy_now(2, &both);
    test_swtpm_extend(&flow.tpm, 0, 7);
    flow_policy_now(2, &other);
    both.states[1] = both.states[0];
    both.states[0] = other.states[0];
    both.state_count = 2;
    assert_ok(flow_policy_load(&both, &authority));
    relogin();
    assert_ok(flow_run(key));
    test_swtpm_stop(&flow.tpm); /* PCRs are back at their first values: the second state */
    test_swtpm_restart(&flow.tpm);
    relogin();
    assert_ok(flow_run(key));
}

static void a_state_that_was_withdrawn_is_refused_by_the_module(void **state)
{
    (void)state;
    struct bulla_policy policy;
    make_model();
    flow_policy_now(2, &policy);
    policy.states[0].pcr_digest[0] ^= 1; /* another machine's */
    assert_ok(flow_policy_load(&policy, &authority));
    relogin();
    assert_refused(flow_run(key), CKR_FUNCTION_REJECTED, "tpm-pcr-changed");
}

/* --- policies that are not taken --- */

static void a_policy_that_is_missing_is_said_so(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE made = 0;
    CK_MECHANISM seal = {CKM_BULLA_SEAL, NULL, 0};
    assert_ok(flow_key_make("tiny", "tpm", authority.point, &made));
    assert_refused(flow.p11->C_EncryptInit(flow.session, &seal, made), CKR_FUNCTION_REJECTED, "policy-missing");
    flow_assert_nothing_loaded();
}

static void wrong_signatures_are_refused(void **state)
{
    (void)state;
    struct bulla_policy policy;
    struct test_p256 other;
    make_model();
    test_p256_make(&other);
    flow_policy_now(2, &policy);
    struct bulla_bytes bundle = flow_policy_sign(&policy, &authority);
    uint8_t *bytes = (uint8_t *)(uintptr_t)bundle.data;
    bytes[bundle.size - 1] ^= 1; /* the signature's last byte */
    assert_refused(flow_policy_load_bytes(bundle), CKR_SIGNATURE_INVALID, "policy-signature");
    bytes[bundle.size - 1] ^= 1;
    bytes[bundle.size - 70] ^= 1; /* within the payload */
    assert_int_not_equal(flow_policy_load_bytes(bundle), CKR_OK);
    bytes[bundle.size - 70] ^= 1;
    uint8_t *point = memmem(bytes, bundle.size, authority.point, 65);
    assert_non_null(point);
    memcpy(point, other.point, 65); /* signed by one, in the name of another */
    assert_refused(flow_policy_load_bytes(bundle), CKR_SIGNATURE_INVALID, "policy-signature");
    memcpy(point, authority.point, 65);
    for (size_t cut = 0; cut < bundle.size; cut += 13)
        assert_int_not_equal(flow_policy_load_bytes((struct bulla_bytes){bytes, cut}), CKR_OK);
    assert_ok(flow_policy_load_bytes(bundle)); /* which was right all along */
    free(bytes);
    test_p256_free(&other);
}

static void expired_early_and_older_policies_are_refused(void **state)
{
    (void)state;
    struct bulla_policy policy;
    uint64_t now = (uint64_t)time(NULL);
    make_model();
    flow_policy_now(2, &policy);
    policy.not_after = now - 10;
    assert_refused(flow_policy_load(&policy, &authority), CKR_FUNCTION_REJECTED, "policy-expired");
    policy.not_before = now + 100;
    policy.not_after = now + 1000;
    assert_refused(flow_policy_load(&policy, &authority), CKR_FUNCTION_REJECTED, "policy-not-yet-valid");
    assert_refused(flow_policy_approve(1, &authority), CKR_FUNCTION_REJECTED, "policy-older");
    assert_ok(flow_policy_approve(5, &authority));
    assert_refused(flow_policy_approve(5, &authority), CKR_FUNCTION_REJECTED, "policy-older");
    assert_refused(flow_policy_approve(4, &authority), CKR_FUNCTION_REJECTED, "policy-older");
    CK_OBJECT_HANDLE object = flow_find(CKO_BULLA_POLICY, NULL); /* destroyed: the version stays taken */
    assert_int_equal(flow_ulong(object, CKA_BULLA_VERSION), 5);
    assert_ok(flow.p11->C_DestroyObject(flow.session, object));
    assert_refused(flow_policy_approve(5, &authority), CKR_FUNCTION_REJECTED, "policy-older");
    relogin();
    assert_refused(flow_run(key), CKR_FUNCTION_REJECTED, "policy-missing");
    assert_ok(flow_policy_approve(6, &authority));
    assert_ok(flow_run(key));
}

static void a_policy_that_expires_closes_the_model(void **state)
{
    (void)state;
    struct bulla_policy policy;
    make_model();
    flow_policy_now(2, &policy);
    policy.not_after = (uint64_t)time(NULL) + 2;
    assert_ok(flow_policy_load(&policy, &authority));
    relogin();
    assert_ok(flow_run(key));
    (void)usleep(3200000);
    relogin();
    assert_refused(flow_run(key), CKR_FUNCTION_REJECTED, "policy-expired");
}

static void another_authoritys_policy_opens_nothing(void **state)
{
    (void)state;
    struct test_p256 other;
    make_model();
    test_p256_make(&other);
    assert_ok(flow_policy_approve(9, &other)); /* a policy of its own, for objects of its own */
    test_swtpm_extend(&flow.tpm, 0, 3);
    assert_ok(flow_policy_approve(10, &other));
    relogin();
    assert_refused(flow_run(key), CKR_FUNCTION_REJECTED, "tpm-pcr-changed");
    CK_OBJECT_HANDLE own = 0;
    assert_ok(flow_key_make("own", "tpm", other.point, &own));
    test_p256_free(&other);
}

static void an_epochs_policy_moves_the_object_to_it(void **state)
{
    (void)state;
    struct bulla_policy policy;
    make_model();
    flow_policy_now(1, &policy);
    policy.epoch = 1;
    assert_ok(flow_policy_load(&policy, &authority)); /* versions ascend within an epoch */
    relogin();
    assert_ok(flow_run(key));
    key = flow_key("tiny");
    assert_int_equal(flow_ulong(key, CKA_BULLA_EPOCH), 1);
    relogin();
    assert_ok(flow_run(key));
    test_swtpm_extend(&flow.tpm, 0, 9); /* approved under the epoch before: no longer enough */
    assert_ok(flow_policy_approve(2, &authority));
    relogin();
    assert_refused(flow_run(key), CKR_FUNCTION_REJECTED, "tpm-pcr-changed");
}

static void a_policy_needs_the_user_and_the_token(void **state)
{
    (void)state;
    struct bulla_policy policy;
    flow_policy_now(1, &policy);
    struct bulla_bytes bundle = flow_policy_sign(&policy, &authority);
    CK_OBJECT_CLASS object_class = CKO_BULLA_POLICY;
    CK_OBJECT_HANDLE object = 0;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &object_class, sizeof object_class},
        {CKA_VALUE, (void *)(uintptr_t)bundle.data, bundle.size},
    };
    assert_int_equal(flow.p11->C_CreateObject(flow.session, template, 2, &object), CKR_TEMPLATE_INCONSISTENT);
    assert_ok(flow.p11->C_Logout(flow.session));
    assert_int_equal(flow_policy_load_bytes(bundle), CKR_USER_NOT_LOGGED_IN);
    assert_ok(flow_login(FLOW_PIN));
    assert_ok(flow_policy_load_bytes(bundle));
    free((void *)(uintptr_t)bundle.data);
}

/* --- evidence --- */

static CK_RV attest(const void *nonce, size_t size, uint8_t *document, CK_ULONG *document_size)
{
    CK_MECHANISM mechanism = {CKM_BULLA_ATTEST, NULL, 0};
    CK_OBJECT_HANDLE receipt_key = flow_find(CKO_PRIVATE_KEY, "bulla receipt key");
    assert_int_not_equal(receipt_key, 0);
    CK_RV rv = flow.p11->C_SignInit(flow.session, &mechanism, receipt_key);
    return rv == CKR_OK
               ? flow.p11->C_Sign(flow.session, (unsigned char *)(uintptr_t)nonce, size, document, document_size)
               : rv;
}

static void receipt_point(uint8_t point[static 32])
{
    uint8_t der[34];
    CK_OBJECT_HANDLE object = flow_find(CKO_PUBLIC_KEY, "bulla receipt key");
    assert_int_equal(flow_bytes(object, CKA_EC_POINT, der, sizeof der), sizeof der);
    memcpy(point, der + 2, 32);
}

/* Everything that a relying party checks of a document but its trust anchor. */
static void assert_evidence(
    struct bulla_bytes document, enum bulla_purpose purpose, struct bulla_bytes nonce, struct bulla_report *report)
{
    static struct bulla_tpm_evidence evidence;
    struct bulla_tpm_claims claims;
    uint8_t point[32], pcr[32];
    receipt_point(point);
    if (bulla_tpm_evidence_read(document, &evidence) != BULLA_OK ||
        bulla_tpm_evidence_verify(&evidence, BULLA_UNPINNED, &claims) != BULLA_OK ||
        bulla_report_read(evidence.report, report) != BULLA_OK)
        fail_msg("%s", bulla_detail());
    assert_int_equal(report->purpose, purpose);
    assert_true(bulla_bytes_equal(report->nonce, nonce));
    assert_true(bulla_bytes_equal(report->public_key, BULLA_BYTES(point)));
    assert_int_equal(claims.pcr_mask, FLOW_PCRS);
    test_swtpm_pcr(&flow.tpm, 7, pcr);
    assert_memory_equal(evidence.values[7], pcr, 32);
    uint8_t name[34];
    memcpy(name, claims.key_name.bytes, sizeof name);
    assert_int_equal(bulla_tpm_evidence_verify(&evidence, BULLA_BYTES(name), &claims), BULLA_OK);
    name[33] ^= 1;
    assert_int_equal(bulla_tpm_evidence_verify(&evidence, BULLA_BYTES(name), &claims), BULLA_EVIDENCE_UNTRUSTED);
}

static void evidence_attests_the_state_for_a_nonce(void **state)
{
    (void)state;
    static const uint8_t nonce[65] = "0123456789abcdef0123456789abcdef";
    uint8_t document[BULLA_EVIDENCE_LARGEST];
    CK_ULONG size = sizeof document;
    struct bulla_report report;
    test_swtpm_extend(&flow.tpm, 7, 0x77);
    assert_ok(attest(nonce, 32, document, &size));
    assert_evidence(
        (struct bulla_bytes){document, size}, BULLA_PURPOSE_ATTEST, (struct bulla_bytes){nonce, 32}, &report);
    static const size_t good[] = {8, 64}, bad[] = {0, 7, 65};
    for (size_t i = 0; i < 2; i++) {
        size = sizeof document;
        assert_ok(attest(nonce, good[i], document, &size));
    }
    for (size_t i = 0; i < 3; i++) {
        size = sizeof document;
        assert_refused(attest(nonce, bad[i], document, &size), CKR_DATA_LEN_RANGE, "too-large");
    }
    flow_assert_nothing_loaded();
}

/* An attest document is none for a receipt: its purpose is part of what the TPM signed. */
static void evidence_for_one_purpose_is_none_for_another(void **state)
{
    (void)state;
    static const uint8_t nonce[16] = "0123456789abcde";
    static struct bulla_tpm_evidence evidence;
    uint8_t document[BULLA_EVIDENCE_LARGEST], forged[BULLA_REPORT_LARGEST];
    CK_ULONG size = sizeof document;
    struct bulla_report report;
    struct bulla_tpm_claims claims;
    struct bulla_writer writer;
    assert_ok(attest(nonce, sizeof nonce, document, &size));
    assert_evidence((struct bulla_bytes){document, size}, BULLA_PURPOSE_ATTEST, BULLA_BYTES(nonce), &report);
    assert_int_equal(bulla_tpm_evidence_read((struct bulla_bytes){document, size}, &evidence), BULLA_OK);
    report.purpose = BULLA_PURPOSE_RECEIPT;
    report.operation = BULLA_TEXT("receipt");
    bulla_writer_open(&writer, forged, sizeof forged);
    assert_int_equal(bulla_report_write(&report, &writer), BULLA_OK);
    evidence.report = bulla_writer_bytes(&writer);
    assert_int_equal(bulla_tpm_evidence_verify(&evidence, BULLA_UNPINNED, &claims), BULLA_EVIDENCE_MISMATCH);
}

static void receipts_of_a_released_model_are_attested(void **state)
{
    (void)state;
    struct flow_answer answer;
    struct bulla_receipt receipt;
    struct bulla_report report;
    uint8_t point[32];
    make_model();
    assert_ok(flow_policy_approve(3, &authority));
    relogin();
    assert_ok(flow_infer_text(key, "clay", &answer));
    receipt_point(point);
    const struct bulla_receipt_expectation expectation = {.request = BULLA_TEXT("clay"),
        .request_salt = answer.request_salt.string,
        .response = answer.embeddings.encoded,
        .response_salt = answer.response_salt.string};
    if (bulla_receipt_verify(answer.receipt.string, point, &expectation, &receipt) != BULLA_OK)
        fail_msg("%s", bulla_detail());
    assert_true(bulla_bytes_equal_text(receipt.security_mode, "attested"));
    assert_string_equal(receipt.measurement_type, "tpm-pcr-sha256");
    assert_int_equal(receipt.measurement_count, 2);
    assert_true(receipt.policy_version.size > 2 &&
                memcmp(receipt.policy_version.data + receipt.policy_version.size - 2, "/3", 2) == 0);
    assert_int_equal(answer.evidence.kind, BULLA_CBOR_BSTR);
    assert_evidence(answer.evidence.string, BULLA_PURPOSE_RECEIPT, (struct bulla_bytes){NULL, 0}, &report);
    assert_int_equal(report.policy_version, 3);
    assert_true(bulla_bytes_equal(report.authority, BULLA_BYTES(authority.point)));
    flow_answer_free(&answer);
}

/* What releases is the SHA-256 bank all the same; what is quoted is another. */
static void receipts_name_the_bank_that_was_quoted(void **state)
{
    (void)state;
    static struct bulla_tpm_evidence evidence;
    struct bulla_tpm_claims claims;
    struct flow_answer answer;
    struct bulla_receipt receipt;
    uint8_t point[32];
    flow_close();
    flow_configure("pcrs = 0,7\npcr-bank = sha384\n");
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    make_model();
    assert_ok(flow_infer_text(key, "clay", &answer));
    receipt_point(point);
    const struct bulla_receipt_expectation expectation = {.request = BULLA_TEXT("clay"),
        .request_salt = answer.request_salt.string,
        .response = answer.embeddings.encoded,
        .response_salt = answer.response_salt.string};
    if (bulla_receipt_verify(answer.receipt.string, point, &expectation, &receipt) != BULLA_OK)
        fail_msg("%s", bulla_detail());
    assert_string_equal(receipt.measurement_type, "tpm-pcr-sha384");
    assert_int_equal(receipt.measurement_count, 2);
    assert_int_equal(bulla_tpm_evidence_read(answer.evidence.string, &evidence), BULLA_OK);
    assert_int_equal(bulla_tpm_evidence_verify(&evidence, BULLA_UNPINNED, &claims), BULLA_OK);
    assert_int_equal(claims.bank, BULLA_SHA384);
    assert_int_equal(receipt.measurements[1].value.size, 48);
    assert_memory_equal(receipt.measurements[1].value.data, evidence.values[7], 48);
    flow_answer_free(&answer);
}

static void a_token_without_a_tpm_attests_nothing(void **state)
{
    (void)state;
    uint8_t document[BULLA_EVIDENCE_LARGEST];
    CK_ULONG size = sizeof document;
    flow_end();
    flow_begin(FLOW_PLAIN, "");
    assert_refused(attest("0123456789abcdef", 16, document, &size), CKR_FUNCTION_REJECTED, "unsupported");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_changed_pcr_is_refused_until_a_policy_approves_it),
        T(the_object_route_is_refused_like_the_mechanism),
        T(several_states_are_approved_by_one_policy),
        T(a_state_that_was_withdrawn_is_refused_by_the_module),
        T(a_policy_that_is_missing_is_said_so),
        T(wrong_signatures_are_refused),
        T(expired_early_and_older_policies_are_refused),
        T(a_policy_that_expires_closes_the_model),
        T(another_authoritys_policy_opens_nothing),
        T(an_epochs_policy_moves_the_object_to_it),
        T(a_policy_needs_the_user_and_the_token),
        T(evidence_attests_the_state_for_a_nonce),
        T(evidence_for_one_purpose_is_none_for_another),
        T(receipts_of_a_released_model_are_attested),
        T(receipts_name_the_bank_that_was_quoted),
        T(a_token_without_a_tpm_attests_nothing),
    };
    if (!test_swtpm_available())
        return test_skip("swtpm");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
