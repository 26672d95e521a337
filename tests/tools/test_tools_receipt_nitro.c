/* `bulla receipt verify` on bundles whose evidence is a Nitro document, of which one thing is wrong at a time. What is
 * the same for a TPM's quote is in test_tools_receipt.c. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "program.h"
#include "receipt_maker.h"
#include "support/folder.h"
#include "tools/exit.h"
#include "tools/options.h"

static struct receipt_maker maker;
static struct nitro_pki pki;
static char folder[64], path[128], root[128], key[65];

static int set_up(void **state)
{
    (void)state;
    uint64_t now = (uint64_t)time(NULL);
    nitro_pki_make(&pki, now - 3600, now + 3600);
    receipt_maker_init(&maker);
    maker.nitro = &pki;
    maker.receipt.profile = BULLA_TEXT(BULLA_RECEIPT_PROFILE_AIR);
    maker.measurements = 6;
    for (size_t i = 0; i < NITRO_PCRS; i++)
        memset(maker.document.pcrs[i], (int)(0x30 + i), 48);
    bulla_hex_write(maker.receipt_key.point, 32, key);
    test_folder_make(folder, sizeof folder);
    test_folder_join(path, sizeof path, folder, "answer.receipt");
    test_folder_join(root, sizeof root, folder, "root.der");
    test_file_write(root, pki.der[0], pki.size[0]);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    receipt_maker_free(&maker);
    nitro_pki_free(&pki);
    test_folder_remove(folder);
    return 0;
}

static void verify(struct program_result *result, const char *const *more)
{
    const char *words[24] = {"receipt", "verify", path, "--json"};
    size_t count = 4;
    receipt_maker_make(&maker);
    test_file_write(path, maker.bundle, maker.bundle_size);
    for (size_t i = 0; more[i]; i++)
        words[count++] = more[i];
    program_run(result, NULL, words);
    assert_non_null(result->json);
}

static const json_t *line(const struct program_result *result, const char *check)
{
    size_t i;
    const json_t *row;
    json_array_foreach(json_object_get(result->json, "checks"), i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "check")), check) == 0)
            return row;
    }
    fail_msg("there is no check %s: %s", check, result->out);
    return NULL;
}

/* The check fails, its detail says so, and nothing is called attested. */
static void assert_fails(const char *check, const char *detail, const char *const *more)
{
    struct program_result result;
    verify(&result, more);
    const json_t *row = line(&result, check);
    if (result.status != BULLA_EXIT_UNVERIFIED ||
        strcmp(json_string_value(json_object_get(row, "result")), "failed") != 0 ||
        !strstr(json_string_value(json_object_get(row, "detail")), detail))
        fail_msg("status %d, not \"%s\": %s", result.status, detail, result.out);
    assert_true(json_is_null(json_object_get(result.json, "receipt")));
    program_result_free(&result);
}
#define FAILS(check, detail, ...)                                                                                      \
    assert_fails(check, detail, (const char *const[]){"--root", root, ##__VA_ARGS__, NULL})

static void assert_attested(void)
{
    struct program_result result;
    verify(&result, (const char *const[]){"--root", root, NULL});
    if (result.status != BULLA_EXIT_OK)
        fail_msg("%s", result.out);
    assert_true(json_is_true(json_object_get(json_object_get(result.json, "receipt"), "attested")));
    assert_string_equal(program_text(&result, "receipt.evidence"), "nitro");
    program_result_free(&result);
}

static void everything_right_is_attested(void **state)
{
    (void)state;
    assert_attested();
}

static void a_root_that_nobody_named_is_not_trusted(void **state)
{
    (void)state;
    assert_fails("evidence", "root", (const char *const[]){NULL});
    struct nitro_pki other;
    char other_root[128];
    nitro_pki_make(&other, 1, 2000000000);
    test_folder_join(other_root, sizeof other_root, folder, "other.der");
    test_file_write(other_root, other.der[0], other.size[0]);
    assert_fails("evidence", "root", (const char *const[]){"--root", other_root, NULL});
    nitro_pki_free(&other);
}

static void evidence_for_another_purpose_is_none_for_a_receipt(void **state)
{
    (void)state;
    maker.purpose = BULLA_PURPOSE_ATTEST;
    FAILS("receipt key", "purpose attest");
    maker.purpose = BULLA_PURPOSE_RELEASE;
    FAILS("receipt key", "purpose release");
    maker.purpose = BULLA_PURPOSE_RECEIPT;
    assert_attested();
}

static void the_document_binds_the_report_and_the_key(void **state)
{
    (void)state;
    maker.document_unbound = true;
    FAILS("receipt key", "over another report");
    maker.document_unbound = false;
    maker.document_key = maker.other_key.point;
    FAILS("receipt key", "public key is not its report's");
    maker.document_key = NULL;
    maker.evidence_flipped = true;
    FAILS("evidence", "");
    maker.evidence_flipped = false;
    assert_attested();
}

static void the_key_that_signed_is_the_one_vouched_for(void **state)
{
    (void)state;
    maker.vouched = maker.other_key.point;
    FAILS("signature", "");
    FAILS("receipt key", "another receipt key", "--key", key);
    maker.vouched = maker.receipt_key.point;
    maker.signer = &maker.other_key;
    FAILS("signature", "");
}

static void the_measurements_are_the_documents(void **state)
{
    (void)state;
    for (maker.measurement_flipped = 1; maker.measurement_flipped <= 6; maker.measurement_flipped++)
        FAILS("measurements", "is not the evidence's");
    maker.measurement_flipped = 0;
    for (maker.measurements = 3; maker.measurements < 6; maker.measurements++)
        FAILS("measurements", "the evidence 6");
}

static void an_enclave_in_debug_mode_attests_nothing(void **state)
{
    (void)state;
    memset(maker.document.pcrs, 0, 3 * sizeof maker.document.pcrs[0]);
    FAILS("evidence", "");
}

static void a_tpms_key_is_not_looked_for_in_it(void **state)
{
    (void)state;
    FAILS("evidence", "no TPM's evidence", "--attestation-key",
        "000b0000000000000000000000000000000000000000000000000000000000000000");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(everything_right_is_attested),
        T(a_root_that_nobody_named_is_not_trusted),
        T(evidence_for_another_purpose_is_none_for_a_receipt),
        T(the_document_binds_the_report_and_the_key),
        T(the_key_that_signed_is_the_one_vouched_for),
        T(the_measurements_are_the_documents),
        T(an_enclave_in_debug_mode_attests_nothing),
        T(a_tpms_key_is_not_looked_for_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
