/* Policies as an authority makes them: keygen, sign, show, and what each refuses. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evidence/policy.h"
#include "program.h"
#include "support/folder.h"
#include "tools/exit.h"

#define DIGEST_AB "abababababababababababababababababababababababababababababababab"
#define DIGEST_CD "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"

static char folder[64], key[128], other_key[128], bundle[128], second[128];

static int set_up(void **state)
{
    (void)state;
    struct program_result result;
    test_folder_make(folder, sizeof folder);
    test_folder_join(key, sizeof key, folder, "authority.pem");
    test_folder_join(other_key, sizeof other_key, folder, "other.pem");
    test_folder_join(bundle, sizeof bundle, folder, "a.policy");
    test_folder_join(second, sizeof second, folder, "b.policy");
    RUN(&result, "policy", "keygen", "-o", key, "--json");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_int_equal(strlen(program_text(&result, "authority")), 130);
    program_result_free(&result);
    RUN(&result, "policy", "keygen", "-o", other_key);
    assert_int_equal(result.status, BULLA_EXIT_OK);
    program_result_free(&result);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static void sign_first(void)
{
    struct program_result result;
    RUN(&result, "policy", "sign", "--key", key, "--version", "3", "--epoch", "2", "--note", "for the test", "--state",
        "one=0-7:" DIGEST_AB, "-o", bundle);
    assert_int_equal(result.status, BULLA_EXIT_OK);
    program_result_free(&result);
}

static void assert_status(enum bulla_exit status, const char *says, const char *const *words)
{
    struct program_result result;
    program_run(&result, NULL, words);
    if (result.status != (int)status || !strstr(result.err, says))
        fail_msg("%d instead of %d: %s", result.status, (int)status, result.err);
    program_result_free(&result);
}
#define FAILS(status, says, ...) assert_status(status, says, (const char *const[]){__VA_ARGS__, NULL})

static void what_was_signed_is_shown(void **state)
{
    (void)state;
    struct program_result result;
    char public_key[140];
    sign_first();
    (void)snprintf(public_key, sizeof public_key, "%s.pub", key);
    RUN(&result, "policy", "show", bundle, "--authority", public_key, "--json");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_non_null(result.json);
    assert_int_equal(json_integer_value(json_object_get(result.json, "version")), 3);
    assert_int_equal(json_integer_value(json_object_get(result.json, "epoch")), 2);
    assert_true(json_is_true(json_object_get(result.json, "current")));
    assert_true(json_is_true(json_object_get(result.json, "pinned")));
    assert_string_equal(program_text(&result, "note"), "for the test");
    const json_t *one = json_array_get(json_object_get(result.json, "states"), 0);
    assert_string_equal(json_string_value(json_object_get(one, "label")), "one");
    assert_string_equal(json_string_value(json_object_get(one, "pcrs")), "0-7");
    assert_string_equal(json_string_value(json_object_get(one, "digest")), DIGEST_AB);
    program_result_free(&result);
}

/* The bundle is what evidence/ reads, approvals included. */
static void the_bundle_is_a_policy_with_approvals(void **state)
{
    (void)state;
    struct bulla_policy policy;
    uint8_t approved[32];
    size_t size = 0;
    sign_first();
    unsigned char *data = test_file_read(bundle, &size);
    assert_int_equal(
        bulla_policy_read((struct bulla_bytes){data, size}, (struct bulla_bytes){NULL, 0}, &policy), BULLA_OK);
    bulla_policy_pcr_digest(0xff, policy.states[0].pcr_digest, approved);
    assert_memory_equal(policy.states[0].approved_policy, approved, 32);
    free(data);
}

static void a_base_gives_its_states_and_the_next_version(void **state)
{
    (void)state;
    struct program_result result;
    sign_first();
    RUN(&result, "policy", "sign", "--key", key, "--base", bundle, "--state", "two=0,7:" DIGEST_CD, "--state",
        "one again=0-7:" DIGEST_AB, "-o", second, "--json");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_int_equal(json_integer_value(json_object_get(result.json, "version")), 4);
    assert_int_equal(json_integer_value(json_object_get(result.json, "epoch")), 2);
    assert_int_equal(json_integer_value(json_object_get(result.json, "states")), 2); /* a state counts once */
    assert_non_null(strstr(result.err, "same state"));
    program_result_free(&result);
    FAILS(BULLA_EXIT_USAGE, "must follow it", "policy", "sign", "--key", key, "--base", bundle, "--version", "3", "-o",
        second);
    FAILS(BULLA_EXIT_USAGE, "must follow it", "policy", "sign", "--key", key, "--base", bundle, "--epoch", "1", "-o",
        second);
    FAILS(
        BULLA_EXIT_REFUSED, "another authority", "policy", "sign", "--key", other_key, "--base", bundle, "-o", second);
}

static void a_bundle_that_was_changed_does_not_verify(void **state)
{
    (void)state;
    size_t size = 0;
    sign_first();
    unsigned char *data = test_file_read(bundle, &size);
    unsigned char *label = memmem(data, size, "one", 3);
    assert_non_null(label);
    label[0] = 'O';
    test_file_write(second, data, size);
    FAILS(BULLA_EXIT_UNVERIFIED, "", "policy", "show", second);
    FAILS(BULLA_EXIT_UNVERIFIED, "", "policy", "load", second); /* before any token is looked for */
    label[0] = 'o';
    for (size_t cut = 0; cut < size; cut += 37) {
        test_file_write(second, data, cut);
        FAILS(BULLA_EXIT_UNVERIFIED, "", "policy", "show", second);
    }
    free(data);
}

static void another_authority_is_refused(void **state)
{
    (void)state;
    char public_key[140];
    sign_first();
    (void)snprintf(public_key, sizeof public_key, "%s.pub", other_key);
    FAILS(BULLA_EXIT_REFUSED, "authority", "policy", "show", bundle, "--authority", public_key);
}

static void what_can_not_be_signed_is_named(void **state)
{
    (void)state;
    char missing[128];
    test_folder_join(missing, sizeof missing, folder, "missing.pem");
    FAILS(BULLA_EXIT_FAILED, "policy keygen", "policy", "sign", "--key", missing, "--version", "1", "--state",
        "a=0:" DIGEST_AB, "-o", bundle);
    FAILS(BULLA_EXIT_USAGE, "--version", "policy", "sign", "--key", key, "--state", "a=0:" DIGEST_AB, "-o", bundle);
    FAILS(BULLA_EXIT_USAGE, "nothing to approve", "policy", "sign", "--key", key, "--version", "1", "-o", bundle);
    FAILS(BULLA_EXIT_USAGE, "LABEL=PCRS:DIGEST", "policy", "sign", "--key", key, "--version", "1", "--state", "x", "-o",
        bundle);
    FAILS(BULLA_EXIT_USAGE, "not a list of PCRs", "policy", "sign", "--key", key, "--version", "1", "--from-token",
        "0-99", "-o", bundle);
    FAILS(BULLA_EXIT_FAILED, "not overwritten", "policy", "keygen", "-o", key);
    FAILS(BULLA_EXIT_FAILED, "/nowhere", "policy", "sign", "--key", key, "--version", "1", "--state", "a=0:" DIGEST_AB,
        "-o", "/nowhere/at/all");
}

/* Without --json, too, what is said of it goes to standard error; a file of that name is never made. */
static void what_goes_to_standard_output_is_all_that_goes_there(void **state)
{
    (void)state;
    struct program_result result;
    struct bulla_policy policy;
    char made[128];
    static const char begin[] = "-----BEGIN PRIVATE KEY-----\n", end[] = "-----END PRIVATE KEY-----\n";
    assert_int_equal(chdir(folder), 0);
    for (int json = 0; json < 2; json++) {
        RUN(&result, "policy", "keygen", "-o", "-", json ? "--json" : NULL);
        assert_int_equal(result.status, BULLA_EXIT_OK);
        assert_int_equal(strncmp(result.out, begin, sizeof begin - 1), 0);
        assert_string_equal(result.out + result.out_size - (sizeof end - 1), end);
        assert_non_null(strstr(result.err, json ? "\"private_key\": \"-\"" : "private key  standard output"));
        assert_null(strstr(result.err, ".pub"));
        test_folder_join(made, sizeof made, folder, "piped.pem");
        test_file_write(made, result.out, result.out_size);
        program_result_free(&result);
        RUN(&result, "policy", "sign", "--key", made, "--version", "3", "--state", "one=0-7:" DIGEST_AB, "--output=-",
            json ? "--json" : NULL);
        assert_int_equal(result.status, BULLA_EXIT_OK);
        assert_int_equal(bulla_policy_read((struct bulla_bytes){(const uint8_t *)result.out, result.out_size},
                             (struct bulla_bytes){NULL, 0}, &policy),
            BULLA_OK);
        assert_non_null(strstr(result.err, json ? "\"file\": \"-\"" : "standard output"));
        program_result_free(&result);
    }
    assert_int_not_equal(access("-", F_OK), 0);
    assert_int_not_equal(access("-.pub", F_OK), 0);
    RUN(&result, "policy", "sign", "--key", made, "--json", "-o",
        "-"); /* refused: nothing was written, nothing is there */
    assert_int_equal(result.status, BULLA_EXIT_USAGE);
    assert_string_equal(result.out, "");
    program_result_free(&result);
    RUN(&result, "policy", "sign", "--help", "-o", "-");
    assert_non_null(strstr(result.out, "where the bundle goes; -: standard output (needed)"));
    program_result_free(&result);
    assert_int_equal(chdir("/"), 0);
}

static void a_refusal_is_json_where_json_was_asked_for(void **state)
{
    (void)state;
    struct program_result result;
    RUN(&result, "policy", "show", "/nowhere/at/all", "--json");
    assert_int_equal(result.status, BULLA_EXIT_FAILED);
    assert_string_equal(program_text(&result, "error.reason"), "file");
    assert_non_null(strstr(program_text(&result, "error.detail"), "/nowhere/at/all"));
    assert_non_null(program_text(&result, "error.remedy"));
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(result.json, "error"), "status")), BULLA_EXIT_FAILED);
    program_result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_signed_is_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_bundle_is_a_policy_with_approvals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_base_gives_its_states_and_the_next_version, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bundle_that_was_changed_does_not_verify, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_authority_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_can_not_be_signed_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_goes_to_standard_output_is_all_that_goes_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_is_json_where_json_was_asked_for, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
