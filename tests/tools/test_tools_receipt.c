/* `bulla receipt verify` on bundles of which one thing is wrong at a time. */
#include "support/test.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "receipt_maker.h"
#include "support/folder.h"
#include "tools/exit.h"
#include "tools/options.h"

static struct receipt_maker maker;
static char folder[64], path[128], name[69], key[65], other_key[65];

static int set_up(void **state)
{
    (void)state;
    receipt_maker_init(&maker);
    bulla_hex_write(maker.receipt_key.point, 32, key);
    bulla_hex_write(maker.other_key.point, 32, other_key);
    test_folder_make(folder, sizeof folder);
    test_folder_join(path, sizeof path, folder, "answer.receipt");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    receipt_maker_free(&maker);
    test_folder_remove(folder);
    return 0;
}

static void verify_words(struct program_result *result, const char *const *more)
{
    const char *words[24] = {"receipt", "verify", path, "--json"};
    size_t count = 4;
    receipt_maker_make(&maker);
    bulla_hex_write(maker.quote.name, sizeof maker.quote.name, name);
    test_file_write(path, maker.bundle, maker.bundle_size);
    for (size_t i = 0; more[i]; i++)
        words[count++] = more[i];
    program_run(result, NULL, words);
    assert_non_null(result->json);
}
#define VERIFY(result, ...) verify_words(result, (const char *const[]){__VA_ARGS__, NULL})

/* "ok", "failed", "not checked", or "" when there is no such line. */
static const char *line(const struct program_result *result, const char *check)
{
    size_t i;
    const json_t *row;
    json_array_foreach(json_object_get(result->json, "checks"), i,
        row) if (strcmp(json_string_value(json_object_get(row, "check")), check) ==
                 0) return json_string_value(json_object_get(row, "result"));
    return "";
}

static void assert_fails(const char *check, const char *const *more)
{
    struct program_result result;
    verify_words(&result, more);
    if (result.status != BULLA_EXIT_UNVERIFIED || strcmp(line(&result, check), "failed") != 0)
        fail_msg("status %d, \"%s\" is \"%s\": %s", result.status, check, line(&result, check), result.out);
    assert_true(json_is_false(json_object_get(result.json, "valid")));
    assert_true(json_is_null(json_object_get(result.json, "receipt")));
    program_result_free(&result);
}
#define FAILS(check, ...) assert_fails(check, (const char *const[]){__VA_ARGS__, NULL})
#define FAILS_PLAINLY(check) assert_fails(check, (const char *const[]){NULL})

static void everything_right_and_pinned_is_attested(void **state)
{
    (void)state;
    static const char *const lines[] = {"bundle", "receipt form", "evidence hash", "evidence", "attestation key",
        "receipt key", "clock", "token", "policy version", "measurements", "signature", "request", "answer", "nonce",
        "model", "age"};
    struct program_result result;
    char model[65];
    receipt_maker_make(&maker);
    bulla_hex_write(maker.quote.name, sizeof maker.quote.name, name);
    bulla_hex_write(maker.receipt.model_hash, 32, model);
    VERIFY(&result, "--attestation-key", name, "--key", key, "--nonce", "0011223344556677", "--model-hash", model,
        "--max-age", "60");
    if (result.status != BULLA_EXIT_OK)
        fail_msg("%s", result.out);
    assert_int_equal(json_array_size(json_object_get(result.json, "checks")), sizeof lines / sizeof *lines);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_string_equal(line(&result, lines[i]), "ok");
    assert_true(json_is_true(json_object_get(json_object_get(result.json, "receipt"), "attested")));
    assert_true(json_is_true(json_object_get(json_object_get(result.json, "receipt"), "pinned")));
    assert_true(json_is_true(json_object_get(json_object_get(result.json, "receipt"), "clock_safe")));
    assert_string_equal(program_text(&result, "receipt.receipt_key"), key);
    assert_string_equal(program_text(&result, "receipt.attestation_key_name"), name);
    program_result_free(&result);
}

static void without_a_pinned_key_it_says_so(void **state)
{
    (void)state;
    struct program_result result;
    VERIFY(&result, "--quiet");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_string_equal(line(&result, "attestation key"), "not checked");
    assert_non_null(strstr(result.out, "unpinned attestation key"));
    assert_true(json_is_false(json_object_get(json_object_get(result.json, "receipt"), "pinned")));
    program_result_free(&result);
}

static void without_evidence_it_is_unattested(void **state)
{
    (void)state;
    struct program_result result;
    maker.evidence_left_out = true;
    maker.evidence_unnamed = true;
    maker.receipt.security_mode = BULLA_TEXT("unattested");
    VERIFY(&result, "--key", key);
    if (result.status != BULLA_EXIT_OK)
        fail_msg("%s", result.out);
    assert_string_equal(line(&result, "evidence"), "not checked");
    assert_non_null(strstr(result.out, "unattested"));
    assert_true(json_is_false(json_object_get(json_object_get(result.json, "receipt"), "attested")));
    program_result_free(&result);
    FAILS_PLAINLY("signature"); /* no key at all */
    FAILS("signature", "--key", other_key);
    FAILS("evidence", "--key", key, "--attestation-key", name);
}

static void evidence_that_is_named_must_be_there(void **state)
{
    (void)state;
    maker.evidence_left_out = true;
    FAILS("evidence", "--key", key);
}

static void evidence_that_the_receipt_does_not_name_is_refused(void **state)
{
    (void)state;
    maker.evidence_unnamed = true;
    maker.receipt.security_mode = BULLA_TEXT("unattested");
    FAILS("evidence hash", "--key", key);
}

static void evidence_is_bound_to_its_purpose_and_key(void **state)
{
    (void)state;
    maker.purpose = BULLA_PURPOSE_ATTEST;
    FAILS_PLAINLY("receipt key");
    maker.purpose = BULLA_PURPOSE_RELEASE;
    FAILS_PLAINLY("receipt key");
    maker.purpose = BULLA_PURPOSE_RECEIPT;
    FAILS("receipt key", "--key", other_key);
    maker.vouched = maker.other_key.point;
    FAILS_PLAINLY("signature"); /* the key that the evidence vouches for did not sign */
    FAILS("receipt key", "--key", key);
}

static void evidence_of_another_token_is_refused(void **state)
{
    (void)state;
    maker.token = "0123456789abcdee";
    FAILS_PLAINLY("token");
    maker.token = "0123456789abcdef";
    maker.receipt.issuer = BULLA_TEXT("bulla:0123456789abcde");
    FAILS_PLAINLY("token");
    maker.receipt.issuer = BULLA_TEXT("other:0123456789abcdef");
    FAILS_PLAINLY("token");
}

/* The name of an authority is the beginning of its SHA-256: of "abc", that of FIPS 180-2's example. */
static void the_receipt_and_its_evidence_name_one_policy(void **state)
{
    (void)state;
    struct program_result result;
    maker.authority = BULLA_TEXT("abc");
    maker.policy_version = 7;
    maker.receipt.policy_version = BULLA_TEXT("ba7816bf8f01cfea/7");
    VERIFY(&result, "--key", key);
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_string_equal(line(&result, "policy version"), "ok");
    program_result_free(&result);
    static const char *const others[] = {"ba7816bf8f01cfea/8", "ba7816bf8f01cfeb/7", "ba7816bf8f01cfea/07", "none", ""};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        maker.receipt.policy_version = BULLA_TEXT(others[i]);
        FAILS_PLAINLY("policy version");
    }
    maker.authority = (struct bulla_bytes){NULL, 0};
    maker.policy_version = 0;
    maker.receipt.policy_version = BULLA_TEXT("ba7816bf8f01cfea/7"); /* and the evidence names none */
    FAILS_PLAINLY("policy version");
}

static void a_clock_that_is_not_safe_is_said(void **state)
{
    (void)state;
    struct program_result result;
    maker.quote.clock_unsafe = true;
    VERIFY(&result, "--key", key);
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_string_equal(line(&result, "clock"), "not checked");
    assert_true(json_is_false(json_object_get(json_object_get(result.json, "receipt"), "clock_safe")));
    program_result_free(&result);
}

static void a_quote_that_does_not_verify_is_refused(void **state)
{
    (void)state;
    maker.evidence_flipped = true;
    FAILS_PLAINLY("evidence");
    maker.evidence_flipped = false;
    maker.quote.attributes &= ~(UINT32_C(1) << 16); /* the key is not restricted */
    FAILS_PLAINLY("evidence");
}

static void another_attestation_key_is_refused(void **state)
{
    (void)state;
    FAILS("evidence", "--attestation-key", "000b0000000000000000000000000000000000000000000000000000000000000000");
}

static void the_measurements_are_the_quoted_ones(void **state)
{
    (void)state;
    for (maker.measurement_flipped = 1; maker.measurement_flipped <= 3; maker.measurement_flipped++)
        FAILS_PLAINLY("measurements");
    maker.measurement_flipped = 0;
    maker.measurements = 2;
    FAILS_PLAINLY("measurements");
}

static void a_changed_receipt_request_answer_or_salt_shows(void **state)
{
    (void)state;
    maker.receipt_flipped = true;
    FAILS_PLAINLY("signature");
    maker.receipt_flipped = false;
    maker.request_flipped = true;
    FAILS_PLAINLY("request");
    maker.request_flipped = false;
    maker.answer_flipped = true;
    FAILS_PLAINLY("answer");
    maker.answer_flipped = false;
    maker.salt_flipped = true;
    FAILS_PLAINLY("request");
    maker.salt_flipped = false;
    maker.signer = &maker.other_key;
    FAILS_PLAINLY("signature");
}

static void nonce_model_and_age_are_compared(void **state)
{
    (void)state;
    FAILS("nonce", "--nonce", "0011223344556678");
    FAILS("model", "--model-hash", "0000000000000000000000000000000000000000000000000000000000000001");
    maker.receipt.issued_at -= 1000;
    FAILS("age", "--max-age", "900");
    maker.receipt.issued_at += 10000; /* from the future */
    FAILS("age", "--max-age", "900");
    maker.receipt.issued_at -= 9000;
    maker.receipt.nonce = (struct bulla_bytes){NULL, 0};
    FAILS("nonce", "--nonce", "0011223344556677");
}

/* Every byte of a bundle matters: the request's and answer's to their hashes, the rest to a form or a signature. The
 * model's label is told but not part of what is signed; nothing is claimed of it. */
static void a_bit_flipped_anywhere_shows(void **state)
{
    (void)state;
    receipt_maker_make(&maker);
    bulla_hex_write(maker.quote.name, sizeof maker.quote.name, name);
    uint8_t *label = memmem(maker.bundle, maker.bundle_size, "fminilm", 7);
    size_t untold = label ? (size_t)(label - maker.bundle) : 0;
    for (size_t at = 0; at < maker.bundle_size; at += 29) {
        struct program_result result;
        if (at > untold && at <= untold + 6)
            continue;
        maker.bundle[at] ^= 0x10;
        test_file_write(path, maker.bundle, maker.bundle_size);
        RUN(&result, "receipt", "verify", path, "--attestation-key", name);
        if (result.status != BULLA_EXIT_UNVERIFIED)
            fail_msg("byte %zu of %zu: status %d, %s", at, maker.bundle_size, result.status, result.out);
        program_result_free(&result);
        maker.bundle[at] ^= 0x10;
    }
}

static void what_is_no_bundle_is_not_verified(void **state)
{
    (void)state;
    struct program_result result;
    receipt_maker_make(&maker);
    for (size_t size = 0; size < maker.bundle_size; size += 211) {
        test_file_write(path, maker.bundle, size);
        RUN(&result, "receipt", "verify", path);
        assert_int_equal(result.status, BULLA_EXIT_UNVERIFIED);
        program_result_free(&result);
    }
    RUN(&result, "receipt", "verify", "/nowhere/at/all");
    assert_int_equal(result.status, BULLA_EXIT_FAILED);
    program_result_free(&result);
}

/* The digest that a policy names is computed here, over PCRs 0 and 7 of the quote. */
static void a_policy_allows_the_quoted_state_or_not(void **state)
{
    (void)state;
    struct program_result result;
    uint8_t values[64];
    uint8_t digest[32];
    char hex[65];
    char allowed[128];
    char authority[128];
    char policy[128];
    char public_key[140];
    memcpy(values, maker.quote.pcrs[0], 32);
    memcpy(values + 32, maker.quote.pcrs[7], 32);
    SHA256(values, sizeof values, digest);
    bulla_hex_write(digest, sizeof digest, hex);
    test_folder_join(authority, sizeof authority, folder, "authority.pem");
    test_folder_join(policy, sizeof policy, folder, "policy");
    (void)snprintf(allowed, sizeof allowed, "this one=0,7:%s", hex);
    RUN(&result, "policy", "keygen", "-o", authority);
    program_result_free(&result);
    RUN(&result, "policy", "sign", "--key", authority, "--version", "1", "--state", allowed, "-o", policy);
    assert_int_equal(result.status, BULLA_EXIT_OK);
    program_result_free(&result);
    VERIFY(&result, "--policy", policy, "--quiet");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_string_equal(line(&result, "policy"), "ok");
    assert_string_equal(line(&result, "policy's dates"), "ok");
    assert_string_equal(line(&result, "policy's authority"), "not checked");
    program_result_free(&result);
    (void)snprintf(public_key, sizeof public_key, "%s.pub", authority);
    VERIFY(&result, "--policy", policy, "--authority", public_key);
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_string_equal(line(&result, "policy's authority"), "ok");
    program_result_free(&result);
    char stranger[128];
    char strangers_key[140];
    test_folder_join(stranger, sizeof stranger, folder, "stranger.pem");
    (void)snprintf(strangers_key, sizeof strangers_key, "%s.pub", stranger);
    RUN(&result, "policy", "keygen", "-o", stranger);
    program_result_free(&result);
    FAILS("policy's authority", "--policy", policy, "--authority", strangers_key);
    maker.receipt.issued_at -= 86400; /* before the policy's first day */
    FAILS("policy's dates", "--policy", policy);
    maker.receipt.issued_at += (uint64_t)86400 * 367; /* and after its last */
    FAILS("policy's dates", "--policy", policy);
    maker.receipt.issued_at -= (uint64_t)86400 * 366;
    (void)snprintf(allowed, sizeof allowed, "another=0,8:%s", hex); /* PCR 8 was not quoted */
    RUN(&result, "policy", "sign", "--key", authority, "--version", "2", "--state", allowed, "-o", policy);
    program_result_free(&result);
    FAILS("policy", "--policy", policy);
}

static void people_read_lines(void **state)
{
    (void)state;
    struct program_result result;
    receipt_maker_make(&maker);
    test_file_write(path, maker.bundle, maker.bundle_size);
    RUN(&result, "receipt", "verify", path);
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_non_null(strstr(result.out, "ok          signature: by the receipt key\n"));
    assert_non_null(strstr(result.out, "not checked attestation key: unpinned attestation key"));
    assert_non_null(strstr(result.out, "issued by bulla:0123456789abcdef at "));
    assert_string_equal(result.err, "");
    program_result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_right_and_pinned_is_attested, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_pinned_key_it_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_evidence_it_is_unattested, set_up, tear_down),
        cmocka_unit_test_setup_teardown(evidence_that_is_named_must_be_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(evidence_that_the_receipt_does_not_name_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(evidence_is_bound_to_its_purpose_and_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(evidence_of_another_token_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_receipt_and_its_evidence_name_one_policy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_is_not_safe_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_quote_that_does_not_verify_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_attestation_key_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_measurements_are_the_quoted_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_changed_receipt_request_answer_or_salt_shows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nonce_model_and_age_are_compared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bit_flipped_anywhere_shows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_bundle_is_not_verified, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_policy_allows_the_quoted_state_or_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(people_read_lines, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
