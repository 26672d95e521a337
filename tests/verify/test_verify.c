/* A relying party: nothing of bulla but libbulla-verify.so and its header. */
#include "support/test.h"

#include <bulla_verify.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/folder.h"

static char folder[64];
static struct bulla_verifier *verifier;

struct file {
    unsigned char *data;
    size_t size;
};

static struct file load(const char *name)
{
    char path[512];
    struct file file;
    test_folder_join(path, sizeof path, folder, name);
    file.data = test_file_read(path, &file.size);
    assert_non_null(file.data);
    return file;
}

static struct file load_vector(const char *name)
{
    char path[512];
    struct file file;
    (void)snprintf(path, sizeof path, "%s/tests/vectors/%s", BULLA_SOURCE_FOLDER, name);
    file.data = test_file_read(path, &file.size);
    assert_non_null(file.data);
    return file;
}

/* Evidence for a nonce of this verifier's. */
static void attest(uint8_t nonce[static 32])
{
    char command[1024];
    int used = snprintf(command, sizeof command, "'%s' '%s' ", BULLA_MAKE_EVIDENCE, folder);
    assert_int_equal(bulla_verifier_nonce(verifier, nonce), 0);
    for (size_t i = 0; i < 32; i++)
        used += snprintf(command + used, sizeof command - (size_t)used, "%02x", nonce[i]);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of the build's
}

static void trust(const char *root)
{
    struct file file = load(root);
    assert_int_equal(bulla_verifier_root(verifier, file.data, file.size), 0);
    free(file.data);
}

static void take_policy(void)
{
    struct file bundle = load("policy"), authority = load("authority");
    assert_int_equal(authority.size, 65);
    assert_int_equal(bulla_verifier_policy(verifier, bundle.data, bundle.size, authority.data), 0);
    memset(bundle.data, 0, bundle.size); /* copied: the caller keeps nothing alive */
    memset(authority.data, 0, authority.size);
    free(bundle.data);
    free(authority.data);
}

/* The code; the result, where there is one, is freed unless it is asked for. */
static const char *judge(const char *name, struct bulla_verify_question question, struct bulla_verify_result **kept)
{
    struct bulla_verify_result *result = (struct bulla_verify_result *)(void *)folder;
    struct file file = load(name);
    question.evidence = file.data;
    question.evidence_size = file.size;
    int status = bulla_verifier_judge(verifier, &question, &result);
    memset(file.data, 0, file.size);
    free(file.data);
    const char *code = bulla_verifier_code(verifier);
    assert_int_equal(status == 0, strcmp(code, "ok") == 0);
    assert_int_equal(bulla_verifier_detail(verifier)[0] == '\0', status == 0);
    assert_int_equal(bulla_verifier_remedy(verifier)[0] == '\0', status == 0);
    if (status == 0)
        assert_non_null(result);
    if (status != 0 && result)
        assert_string_equal(bulla_verify_status(result), "contraindicated");
    if (kept)
        *kept = result;
    else
        bulla_verify_result_free(result);
    return code;
}

static int begin(void **state)
{
    (void)state;
    verifier = bulla_verifier_new();
    assert_non_null(verifier);
    assert_string_equal(bulla_verifier_code(verifier), "ok");
    test_folder_make(folder, sizeof folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    bulla_verifier_free(verifier);
    test_folder_remove(folder);
    return 0;
}

/* --- evidence --- */

static void evidence_is_affirmed_by_nonce_purpose_root_and_policy(void **state)
{
    (void)state;
    static const uint8_t key[32] = {7};
    uint8_t nonce[32], value[64], found[64];
    struct bulla_verify_result *result = NULL;
    attest(nonce);
    trust("root.der");
    take_policy();
    const struct bulla_verify_question question = {.nonce = nonce, .purpose = "attest"};
    assert_string_equal(judge("evidence", question, &result), "ok");
    assert_string_equal(bulla_verify_status(result), "affirming");
    assert_string_equal(bulla_verify_kind(result), "nitro");
    assert_int_equal(bulla_verify_measurement(result, "pcr1", value), 48);
    for (size_t i = 0; i < 48; i++)
        assert_int_equal(value[i], 0x31);
    assert_int_equal(bulla_verify_measurement(result, "pcr99", value), 0);
    assert_int_equal(bulla_verify_public_key(result, found, sizeof found), 32);
    assert_memory_equal(found, key, 32);
    assert_int_equal(bulla_verify_public_key(result, found, 31), 0);
    const char *ear = bulla_verify_ear(result);
    assert_non_null(ear);
    assert_ptr_equal(bulla_verify_ear(result), ear);
    assert_non_null(strstr(ear, "\"ear_status\": \"affirming\""));
    assert_non_null(strstr(ear, "\"eat_nonce\""));
    bulla_verify_result_free(result);
}

static void a_nonce_is_used_up_whatever_comes_of_it(void **state)
{
    (void)state;
    uint8_t nonce[32];
    attest(nonce);
    trust("root.der");
    struct bulla_verify_question question = {.nonce = nonce, .purpose = "nonsense"};
    assert_string_equal(judge("evidence", question, NULL), "argument");
    question.purpose = NULL;
    assert_string_equal(judge("evidence", question, NULL), "nonce-unknown");
    attest(nonce);
    question.purpose = "attest";
    trust("root.der");
    assert_string_equal(judge("evidence", question, NULL), "ok");
    assert_string_equal(judge("evidence", question, NULL), "nonce-unknown");
    attest(nonce);
    trust("root.der");
    nonce[31] ^= 1;
    assert_string_equal(judge("evidence", question, NULL), "nonce-unknown");
}

static void evidence_for_another_nonce_is_refused(void **state)
{
    (void)state;
    uint8_t nonce[32], other[32];
    struct bulla_verify_result *result = NULL;
    attest(nonce);
    trust("root.der");
    assert_int_equal(bulla_verifier_nonce(verifier, other), 0);
    const struct bulla_verify_question question = {.nonce = other};
    assert_string_equal(judge("evidence", question, &result), "evidence-mismatch");
    uint8_t key[64];
    assert_int_equal(bulla_verify_public_key(result, key, sizeof key), 0); /* nothing is vouched for */
    assert_int_equal(bulla_verify_measurement(result, "pcr0", key), 48);   /* and yet it can be looked at */
    assert_non_null(strstr(bulla_verify_ear(result), "\"evidence-mismatch\""));
    bulla_verify_result_free(result);
}

static void each_thing_that_is_asked_for_can_refuse(void **state)
{
    (void)state;
    uint8_t nonce[32];
    attest(nonce);
    struct bulla_verify_question question = {.purpose = "attest"};
    assert_string_equal(judge("evidence", question, NULL), "certificate-untrusted");
    trust("other.der");
    assert_string_equal(judge("evidence", question, NULL), "certificate-untrusted");
    trust("root.der");
    assert_string_equal(judge("evidence", question, NULL), "ok");
    assert_string_equal(judge("bare", question, NULL), "evidence-unbound");
    question.purpose = "receipt";
    assert_string_equal(judge("evidence", question, NULL), "evidence-mismatch");
    question.purpose = NULL;
    assert_string_equal(judge("bare", question, NULL), "ok");
    question.nonce = nonce;
    assert_string_equal(judge("bare", question, NULL), "ok"); /* in the document's own field */
    question.nonce = NULL;
    question.at = 1000000000;
    assert_string_equal(judge("evidence", question, NULL), "certificate-not-yet-valid");
    question.at = 4000000000;
    assert_string_equal(judge("evidence", question, NULL), "certificate-expired");
}

static void without_a_policy_nothing_is_affirmed(void **state)
{
    (void)state;
    uint8_t nonce[32];
    struct bulla_verify_result *result = NULL;
    attest(nonce);
    trust("root.der");
    const struct bulla_verify_question question = {.nonce = nonce};
    assert_string_equal(judge("evidence", question, &result), "ok");
    assert_string_equal(bulla_verify_status(result), "none");
    bulla_verify_result_free(result);
}

/* A policy that does not verify leaves the one that is there in force. */
static void a_policy_is_its_authoritys(void **state)
{
    (void)state;
    uint8_t nonce[32];
    struct bulla_verify_result *result = NULL;
    attest(nonce);
    trust("root.der");
    take_policy();
    struct file bundle = load("policy"), authority = load("authority");
    authority.data[64] ^= 1;
    assert_int_equal(bulla_verifier_policy(verifier, bundle.data, bundle.size, authority.data), -1);
    authority.data[64] ^= 1;
    for (size_t i = 0; i < bundle.size; i += 7) {
        bundle.data[i] ^= 0x10;
        assert_int_equal(bulla_verifier_policy(verifier, bundle.data, bundle.size, authority.data), -1);
        bundle.data[i] ^= 0x10;
    }
    assert_int_equal(bulla_verifier_policy(verifier, bundle.data, bundle.size - 1, authority.data), -1);
    const struct bulla_verify_question question = {.nonce = nonce};
    assert_string_equal(judge("evidence", question, &result), "ok");
    assert_string_equal(bulla_verify_status(result), "affirming");
    bulla_verify_result_free(result);
    assert_int_equal(bulla_verifier_policy(verifier, bundle.data, bundle.size, authority.data), 0);
    free(bundle.data);
    free(authority.data);
}

/* Each byte of evidence that was fine a moment ago. */
static void changed_evidence_is_refused(void **state)
{
    (void)state;
    uint8_t nonce[32];
    attest(nonce);
    trust("root.der");
    struct file file = load("evidence");
    for (size_t i = 0; i < file.size; i += 101) {
        struct bulla_verify_result *result = NULL;
        file.data[i] ^= 4;
        const struct bulla_verify_question question = {.evidence = file.data, .evidence_size = file.size};
        if (bulla_verifier_judge(verifier, &question, &result) == 0)
            fail_msg("byte %zu", i);
        file.data[i] ^= 4;
        bulla_verify_result_free(result);
    }
    free(file.data);
}

/* --- real documents --- */

static const char *judge_real(const char *name, uint64_t at, const char **status)
{
    struct file file = load_vector(name);
    struct bulla_verify_result *result = NULL;
    const struct bulla_verify_question question = {
        .evidence = file.data, .evidence_size = file.size, .at = at, .oldest = 300};
    int answer = bulla_verifier_judge(verifier, &question, &result);
    assert_int_equal(answer == 0, strcmp(bulla_verifier_code(verifier), "ok") == 0);
    *status = bulla_verify_status(result);
    bulla_verify_result_free(result);
    free(file.data);
    return bulla_verifier_code(verifier);
}

/* What AWS, AMD and Intel signed, under the roots that are inside: at its own time, a day later, and the debugged. */
static void real_documents_are_judged_under_the_roots_inside(void **state)
{
    (void)state;
    static const char base[] = "nitro/20240226_base_prod_3a4a0301.cbor";
    const char *status;
    struct file collateral = load_vector("tdx/phala-collateral.json"), vcek = load_vector("sev-snp/milan-vcek.der"),
                chain = load_vector("sev-snp/cert_chain_milan.pem");
    assert_string_equal(judge_real(base, 1708930921, &status), "ok");
    assert_string_equal(status, "none");
    assert_string_equal(judge_real(base, 1708930921 + 301, &status), "evidence-stale");
    assert_string_equal(status, "contraindicated");
    assert_string_equal(judge_real(base, 1708930921 + 86400, &status), "certificate-expired");
    assert_string_equal(
        judge_real("nitro/20230918_evervault_debug_6f80ac25.cbor", 1695049410, &status), "evidence-debug");
    assert_string_equal(
        judge_real("nitro/20221109_veracruz-project_BADSIG_7df2cdc0.cbor", 1668034320, &status), "signature");
    assert_string_equal(judge_real("tdx/debug-v4.bin", 1675814400, &status), "evidence-debug");

    assert_int_equal(bulla_verifier_endorse(verifier, BULLA_VERIFY_COLLATERAL, collateral.data, collateral.size), 0);
    assert_string_equal(judge_real("tdx/phala-v4.bin", 1750377600, &status), "ok");
    assert_string_not_equal(judge_real("sev-snp/milan-report.bin", 1680566400, &status), "ok");
    vcek.data = realloc(vcek.data, vcek.size + chain.size);
    assert_non_null(vcek.data);
    memcpy(vcek.data + vcek.size, chain.data, chain.size);
    assert_int_equal(bulla_verifier_endorse(verifier, BULLA_VERIFY_CERTIFICATES, vcek.data, vcek.size + chain.size), 0);
    assert_string_equal(judge_real("sev-snp/milan-report.bin", 1680566400, &status), "ok");
    free(collateral.data);
    free(vcek.data);
    free(chain.data);
}

/* --- arguments --- */

#define REFUSED(call, code_)                                                                                           \
    do {                                                                                                               \
        assert_int_equal(call, -1);                                                                                    \
        assert_string_equal(bulla_verifier_code(verifier), code_);                                                     \
        assert_true(bulla_verifier_detail(verifier)[0] != '\0');                                                       \
    } while (0)

static void wrong_arguments_are_refused_and_not_followed(void **state)
{
    (void)state;
    static uint8_t bytes[(1 << 20) + 1];
    struct bulla_verify_result *result = NULL;
    struct bulla_verify_question question = {.evidence = bytes, .evidence_size = 1};
    uint8_t value[65];
    REFUSED(bulla_verifier_root(verifier, NULL, 10), "argument");
    REFUSED(bulla_verifier_root(verifier, bytes, 0), "argument");
    REFUSED(bulla_verifier_root(verifier, bytes, 100), "malformed");
    REFUSED(bulla_verifier_root(verifier, bytes, sizeof bytes), "too-large");
    REFUSED(bulla_verifier_attestation_key(verifier, NULL, 34), "argument");
    REFUSED(bulla_verifier_attestation_key(verifier, bytes, 33), "argument");
    REFUSED(bulla_verifier_attestation_key(verifier, bytes, 67), "argument");
    REFUSED(bulla_verifier_endorse(verifier, (enum bulla_verify_endorsement)3, bytes, 1), "argument");
    REFUSED(bulla_verifier_endorse(verifier, (enum bulla_verify_endorsement) - 1, bytes, 1), "argument");
    REFUSED(bulla_verifier_endorse(verifier, BULLA_VERIFY_COLLATERAL, NULL, 1), "argument");
    REFUSED(bulla_verifier_endorse(verifier, BULLA_VERIFY_COLLATERAL, bytes, 0), "argument");
    REFUSED(bulla_verifier_endorse(verifier, BULLA_VERIFY_COLLATERAL, bytes, sizeof bytes), "too-large");
    REFUSED(bulla_verifier_policy(verifier, NULL, 1, value), "argument");
    REFUSED(bulla_verifier_policy(verifier, bytes, 0, value), "argument");
    REFUSED(bulla_verifier_policy(verifier, bytes, 1, NULL), "argument");
    REFUSED(bulla_verifier_policy(verifier, bytes, sizeof bytes, value), "too-large");
    REFUSED(bulla_verifier_nonce(verifier, NULL), "argument");
    REFUSED(bulla_verifier_judge(verifier, NULL, &result), "argument");
    REFUSED(bulla_verifier_judge(verifier, &question, NULL), "argument");
    question.evidence = NULL;
    REFUSED(bulla_verifier_judge(verifier, &question, &result), "argument");
    question = (struct bulla_verify_question){.evidence = bytes, .evidence_size = 65537};
    REFUSED(bulla_verifier_judge(verifier, &question, &result), "too-large");
    question.evidence_size = 0;
    REFUSED(bulla_verifier_judge(verifier, &question, &result), "argument");
    assert_null(result);
    question.evidence_size = 1;
    REFUSED(bulla_verifier_judge(verifier, &question, &result), "evidence-kind");
    assert_non_null(result);
    assert_string_equal(bulla_verify_kind(result), "none");
    assert_int_equal(bulla_verify_measurement(result, NULL, value), 0);
    assert_int_equal(bulla_verify_measurement(result, "pcr0", NULL), 0);
    assert_int_equal(bulla_verify_public_key(result, NULL, 64), 0);
    bulla_verify_result_free(result);
}

static void without_a_verifier_or_result_the_answer_is_no(void **state)
{
    (void)state;
    static const uint8_t bytes[65];
    struct bulla_verify_result *result = NULL;
    const struct bulla_verify_question question = {.evidence = bytes, .evidence_size = 1};
    uint8_t value[64];
    bulla_verifier_free(NULL);
    bulla_verify_result_free(NULL);
    assert_string_equal(bulla_verifier_code(NULL), "argument");
    assert_true(bulla_verifier_detail(NULL)[0] != '\0' && bulla_verifier_remedy(NULL)[0] != '\0');
    assert_int_equal(bulla_verifier_root(NULL, bytes, 1), -1);
    assert_int_equal(bulla_verifier_attestation_key(NULL, bytes, 34), -1);
    assert_int_equal(bulla_verifier_endorse(NULL, BULLA_VERIFY_CERTIFICATES, bytes, 1), -1);
    assert_int_equal(bulla_verifier_policy(NULL, bytes, 1, bytes), -1);
    assert_int_equal(bulla_verifier_nonce(NULL, value), -1);
    assert_int_equal(bulla_verifier_judge(NULL, &question, &result), -1);
    assert_null(result);
    assert_string_equal(bulla_verify_status(NULL), "contraindicated");
    assert_string_equal(bulla_verify_kind(NULL), "none");
    assert_null(bulla_verify_ear(NULL));
    assert_int_equal(bulla_verify_measurement(NULL, "pcr0", value), 0);
    assert_int_equal(bulla_verify_public_key(NULL, value, sizeof value), 0);
}

static void eight_roots_are_taken_and_no_ninth(void **state)
{
    (void)state;
    uint8_t nonce[32];
    attest(nonce);
    for (size_t i = 0; i < 8; i++)
        trust("other.der");
    struct file file = load("root.der");
    REFUSED(bulla_verifier_root(verifier, file.data, file.size), "too-large");
    free(file.data);
    struct file pem = load_vector("sev-snp/cert_chain_milan.pem"); /* two certificates are not one */
    bulla_verifier_free(verifier);
    verifier = bulla_verifier_new();
    REFUSED(bulla_verifier_root(verifier, pem.data, pem.size), "too-large");
    free(pem.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(evidence_is_affirmed_by_nonce_purpose_root_and_policy, begin, end),
        cmocka_unit_test_setup_teardown(a_nonce_is_used_up_whatever_comes_of_it, begin, end),
        cmocka_unit_test_setup_teardown(evidence_for_another_nonce_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(each_thing_that_is_asked_for_can_refuse, begin, end),
        cmocka_unit_test_setup_teardown(without_a_policy_nothing_is_affirmed, begin, end),
        cmocka_unit_test_setup_teardown(a_policy_is_its_authoritys, begin, end),
        cmocka_unit_test_setup_teardown(changed_evidence_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(real_documents_are_judged_under_the_roots_inside, begin, end),
        cmocka_unit_test_setup_teardown(wrong_arguments_are_refused_and_not_followed, begin, end),
        cmocka_unit_test_setup_teardown(without_a_verifier_or_result_the_answer_is_no, begin, end),
        cmocka_unit_test_setup_teardown(eight_roots_are_taken_and_no_ninth, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
