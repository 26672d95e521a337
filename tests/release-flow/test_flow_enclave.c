/* A token in an enclave, reached as an application reaches it: evidence about keys that were made in it, and models
 * released to a guest's measurement. The machines are ones that tests play (enclave-backend/test_machine.h). */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bulla.h"
#include "enclave-backend/test_root.h"
#include "evidence/verifier.h"
#include "model.h"
#include "policy.h"

static const uint8_t nonce[16] = "0123456789abcdef";

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(setenv("BULLA_TEST_NSM", "an image", 1), 0);
    flow_begin(FLOW_PLAIN, "attester = nitro\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unsetenv("BULLA_TEST_NSM");
    (void)unsetenv("BULLA_TEST_SNP");
    flow_end();
    return 0;
}

/* --- keys --- */

static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
static const uint8_t x25519[] = {0x06, 0x03, 0x2b, 0x65, 0x6e};
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

struct wanted {
    CK_MECHANISM_TYPE generation;
    const uint8_t *curve;
    size_t curve_size;
    CK_BBOOL sensitive, extractable, sign;
    const CK_MECHANISM_TYPE *allowed; /* NULL: no list */
};
static const struct wanted good[] = {
    {CKM_EC_KEY_PAIR_GEN, p256, sizeof p256, CK_TRUE, CK_FALSE, CK_TRUE, NULL},
    {CKM_EC_EDWARDS_KEY_PAIR_GEN, ed25519, sizeof ed25519, CK_TRUE, CK_FALSE, CK_TRUE, NULL},
    {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0, CK_TRUE, CK_FALSE, CK_TRUE, NULL},
};

static void generate(const struct wanted *wanted, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
    CK_MECHANISM mechanism = {wanted->generation, NULL, 0};
    CK_ULONG bits = 2048;
    CK_BBOOL sensitive = wanted->sensitive, extractable = wanted->extractable, sign = wanted->sign;
    CK_ATTRIBUTE public_template[] = {
        {wanted->curve ? CKA_EC_PARAMS : CKA_MODULUS_BITS,
            wanted->curve ? (void *)(uintptr_t)wanted->curve : (void *)&bits,
            wanted->curve ? wanted->curve_size : sizeof bits},
        {CKA_TOKEN, &yes, sizeof yes},
    };
    CK_ATTRIBUTE private_template[6] = {
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_SENSITIVE, &sensitive, sizeof sensitive},
        {CKA_EXTRACTABLE, &extractable, sizeof extractable},
    };
    CK_ULONG count = 3;
    if (wanted->curve != x25519)
        private_template[count++] = (CK_ATTRIBUTE){CKA_SIGN, &sign, sizeof sign};
    if (wanted->allowed)
        private_template[count++] =
            (CK_ATTRIBUTE){CKA_ALLOWED_MECHANISMS, (void *)(uintptr_t)wanted->allowed, sizeof wanted->allowed[0]};
    assert_ok(flow.p11->C_GenerateKeyPair(
        flow.session, &mechanism, public_template, 2, private_template, count, public_key, private_key));
}

static CK_RV attest(CK_OBJECT_HANDLE key, uint8_t *evidence, CK_ULONG *size)
{
    CK_MECHANISM mechanism = {CKM_BULLA_ATTEST, NULL, 0};
    CK_RV rv = flow.p11->C_SignInit(flow.session, &mechanism, key);
    return rv == CKR_OK
               ? flow.p11->C_Sign(flow.session, (unsigned char *)(uintptr_t)nonce, sizeof nonce, evidence, size)
               : rv;
}

/* Everything that a relying party checks, with the test root trusted; the report's views are into `evidence`. */
static void check_evidence(struct bulla_bytes evidence, enum bulla_evidence_kind kind, struct bulla_report *report)
{
    static struct bulla_claims claims;
    struct bulla_envelope envelope;
    uint8_t root[1][32];
    SHA256(bulla_test_root, sizeof bulla_test_root, root[0]);
    if (bulla_envelope_read(evidence, &envelope) != BULLA_OK)
        fail_msg("%s", bulla_detail());
    assert_int_equal(envelope.kind, kind);
    const struct bulla_verification verification = {
        .document = envelope.document, .roots = (const uint8_t(*)[32])root, .root_count = 1};
    if (bulla_evidence_verify(&verification, &claims) != BULLA_OK ||
        bulla_evidence_bind(&claims, envelope.report, BULLA_PURPOSE_ATTEST, BULLA_BYTES(nonce), report) != BULLA_OK)
        fail_msg("%s", bulla_detail());
    assert_true(claims.pinned);
    assert_true(bulla_bytes_equal(claims.public_key, report->public_key));
    assert_int_equal(bulla_evidence_bind(&claims, envelope.report, BULLA_PURPOSE_RECEIPT, BULLA_BYTES(nonce), report),
        BULLA_EVIDENCE_MISMATCH);
    assert_int_equal(
        bulla_evidence_bind(&claims, envelope.report, BULLA_PURPOSE_ATTEST, BULLA_BYTES(nonce), report), BULLA_OK);
}

/* CKA_UNIQUE_ID is the id in hex. */
static void assert_is_object(struct bulla_bytes id, CK_OBJECT_HANDLE key)
{
    uint8_t text[64];
    char hex[33] = "";
    size_t size = flow_bytes(key, CKA_UNIQUE_ID, text, sizeof text);
    for (size_t i = 0; i < id.size && i < 16; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", id.data[i]);
    assert_int_equal(size, 32);
    assert_memory_equal(text, hex, 32);
}

static void keys_that_were_made_here_are_attested(void **state)
{
    (void)state;
    uint8_t evidence[32768], info[1024], hash[32];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CK_OBJECT_HANDLE public_key = 0, private_key = 0;
        CK_ULONG size = sizeof evidence;
        struct bulla_report report;
        generate(&good[i], &public_key, &private_key);
        assert_ok(attest(private_key, evidence, &size));
        check_evidence((struct bulla_bytes){evidence, size}, BULLA_EVIDENCE_NITRO, &report);
        assert_true(bulla_bytes_equal_text(report.operation, "key"));
        SHA256(info, flow_bytes(public_key, CKA_PUBLIC_KEY_INFO, info, sizeof info), hash);
        assert_true(bulla_bytes_equal(report.public_key, BULLA_BYTES(hash)));
        assert_is_object(report.object, private_key);
    }
}

static void the_receipt_key_attests_the_token_itself(void **state)
{
    (void)state;
    uint8_t evidence[32768], point[34];
    CK_ULONG size = sizeof evidence;
    struct bulla_report report;
    CK_OBJECT_HANDLE key = flow_find(CKO_PRIVATE_KEY, "bulla receipt key");
    assert_ok(attest(key, evidence, &size));
    check_evidence((struct bulla_bytes){evidence, size}, BULLA_EVIDENCE_NITRO, &report);
    assert_true(bulla_bytes_equal_text(report.operation, "attest"));
    assert_int_equal(
        flow_bytes(flow_find(CKO_PUBLIC_KEY, "bulla receipt key"), CKA_EC_POINT, point, sizeof point), sizeof point);
    assert_true(bulla_bytes_equal(report.public_key, (struct bulla_bytes){point + 2, 32}));
}

static void keys_that_could_be_elsewhere_are_not_attested(void **state)
{
    (void)state;
    static const struct wanted loose[] = {
        {CKM_EC_KEY_PAIR_GEN, p256, sizeof p256, CK_FALSE, CK_FALSE, CK_TRUE, NULL},
        {CKM_EC_KEY_PAIR_GEN, p256, sizeof p256, CK_TRUE, CK_TRUE, CK_TRUE, NULL},
    };
    uint8_t evidence[32768];
    CK_ULONG size = sizeof evidence;
    CK_OBJECT_HANDLE public_key = 0, private_key = 0;
    for (size_t i = 0; i < 2; i++) {
        CK_ATTRIBUTE strict[] = {{CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no}};
        generate(&loose[i], &public_key, &private_key);
        assert_refused(attest(private_key, evidence, &size), CKR_FUNCTION_REJECTED, "unsupported");
        assert_ok(flow.p11->C_SetAttributeValue(flow.session, private_key, strict, 2)); /* what was, stays */
        assert_refused(attest(private_key, evidence, &size), CKR_FUNCTION_REJECTED, "unsupported");
    }
}

static void a_key_that_was_brought_in_is_not_attested(void **state)
{
    (void)state;
    uint8_t evidence[32768];
    CK_ULONG size = sizeof evidence;
    CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_EC_EDWARDS;
    uint8_t seed[32] = {1};
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &object_class, sizeof object_class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_EC_PARAMS, (void *)(uintptr_t)ed25519, sizeof ed25519},
        {CKA_VALUE, seed, sizeof seed},
        {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_SIGN, &yes, sizeof yes},
    };
    CK_OBJECT_HANDLE key = 0;
    assert_ok(flow.p11->C_CreateObject(flow.session, template, sizeof template / sizeof template[0], &key));
    assert_refused(attest(key, evidence, &size), CKR_FUNCTION_REJECTED, "unsupported");
}

static void a_keys_own_rules_hold(void **state)
{
    (void)state;
    static const CK_MECHANISM_TYPE sign_only[] = {CKM_ECDSA}, attest_only[] = {CKM_BULLA_ATTEST};
    uint8_t evidence[32768];
    CK_ULONG size = sizeof evidence;
    CK_OBJECT_HANDLE public_key = 0, private_key = 0;
    struct wanted wanted = good[0];
    wanted.allowed = sign_only;
    generate(&wanted, &public_key, &private_key);
    assert_int_equal(attest(private_key, evidence, &size), CKR_KEY_FUNCTION_NOT_PERMITTED);
    wanted.allowed = attest_only;
    generate(&wanted, &public_key, &private_key);
    assert_ok(attest(private_key, evidence, &size));
    size = sizeof evidence;
    wanted.allowed = NULL;
    wanted.sign = CK_FALSE;
    generate(&wanted, &public_key, &private_key);
    assert_int_equal(attest(private_key, evidence, &size), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_int_equal(attest(public_key, evidence, &size), CKR_KEY_TYPE_INCONSISTENT);
    const struct wanted agreement = {
        CKM_EC_MONTGOMERY_KEY_PAIR_GEN, x25519, sizeof x25519, CK_TRUE, CK_FALSE, CK_FALSE, NULL};
    generate(&agreement, &public_key, &private_key);
    assert_int_equal(attest(private_key, evidence, &size), CKR_KEY_TYPE_INCONSISTENT);
}

static void without_an_attester_no_key_is_attested(void **state)
{
    (void)state;
    uint8_t evidence[32768];
    CK_ULONG size = sizeof evidence;
    CK_OBJECT_HANDLE public_key = 0, private_key = 0;
    generate(&good[0], &public_key, &private_key);
    flow_configure("attester = none\n");
    flow_reopen();
    private_key = flow_find(CKO_PRIVATE_KEY, "");
    assert_int_not_equal(private_key, 0);
    assert_refused(attest(private_key, evidence, &size), CKR_FUNCTION_REJECTED, "unsupported");
}

/* --- the leaf snp --- */

static void load_policy(uint64_t version, uint64_t not_after, const struct test_p256 *authority)
{
    struct bulla_policy policy = {
        .version = version, .not_before = (uint64_t)time(NULL) - 3600, .not_after = not_after, .reference_count = 1};
    struct bulla_policy_reference *reference = &policy.references[0];
    reference->kind = BULLA_EVIDENCE_SEV_SNP;
    (void)snprintf(reference->label, sizeof reference->label, "an image");
    reference->measurement_count = 1;
    reference->measurements[0].size = 48;
    (void)snprintf(reference->measurements[0].name, sizeof reference->measurements[0].name, "measurement");
    reference->tcb_accepted = 1U << BULLA_TCB_UP_TO_DATE;
    assert_ok(flow_policy_load(&policy, authority));
}

static void a_model_is_released_to_its_measurement_only(void **state)
{
    (void)state;
    struct test_p256 authority;
    test_p256_make(&authority);
    assert_int_equal(setenv("BULLA_TEST_SNP", "an image", 1), 0);
    load_policy(1, (uint64_t)time(NULL) + 3600, &authority);
    CK_OBJECT_HANDLE key = flow_tiny("tiny", "snp", authority.point);
    assert_true(flow_bool(key, CKA_BULLA_ATTESTED));
    assert_ok(flow_run(key));
    flow_relogin();
    assert_ok(flow_run(flow_key("tiny")));
    assert_int_equal(setenv("BULLA_TEST_SNP", "another image", 1), 0);
    assert_ok(flow_run(flow_key("tiny"))); /* within the lease */
    flow_relogin();
    assert_refused(flow_run(flow_key("tiny")), CKR_FUNCTION_REJECTED, "evidence-mismatch");
    assert_int_equal(unsetenv("BULLA_TEST_SNP"), 0);
    flow_relogin();
    assert_refused(flow_run(flow_key("tiny")), CKR_DEVICE_ERROR, "enclave-unreachable");
    assert_int_equal(setenv("BULLA_TEST_SNP", "an image", 1), 0);
    flow_relogin();
    assert_ok(flow_run(flow_key("tiny")));
    test_p256_free(&authority);
}

static void without_its_authoritys_policy_it_stays_closed(void **state)
{
    (void)state;
    struct test_p256 authority;
    CK_OBJECT_HANDLE key = 0;
    test_p256_make(&authority);
    assert_int_equal(setenv("BULLA_TEST_SNP", "an image", 1), 0);
    assert_int_equal(flow_key_make("bare", "snp", NULL, &key), CKR_TEMPLATE_INCOMPLETE); /* no authority */
    assert_ok(flow_key_make("tiny", "snp", authority.point, &key));
    struct flow_archive archive = flow_archive_tiny();
    struct flow_sealed sealed;
    assert_refused(flow_seal(key, &archive, 0, &sealed), CKR_FUNCTION_REJECTED, "policy-missing");
    load_policy(1, (uint64_t)time(NULL) + 3600, &authority);
    assert_ok(flow_seal(key, &archive, 0, &sealed));
    flow_sealed_free(&sealed);
    flow_archive_free(&archive);
    test_p256_free(&authority);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(keys_that_were_made_here_are_attested),
        T(the_receipt_key_attests_the_token_itself),
        T(keys_that_could_be_elsewhere_are_not_attested),
        T(a_key_that_was_brought_in_is_not_attested),
        T(a_keys_own_rules_hold),
        T(without_an_attester_no_key_is_attested),
        T(a_model_is_released_to_its_measurement_only),
        T(without_its_authoritys_policy_it_stays_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
