/* Grants from the command line: grant, revoke, and the policies that take them up; diff and test. */
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
#define HASH48 DIGEST_AB "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
#define ZERO32 "0000000000000000000000000000000000000000000000000000000000000000"
#define ZERO48 ZERO32 "00000000000000000000000000000000"
#define STATE "one=0-7:" DIGEST_AB

static char folder[64], key[128], other_key[128], ann[128], bob[128], bundle[128], second[128], revocation[128];

static void must_run(const char *const *words)
{
    struct program_result result;
    program_run(&result, NULL, words);
    if (result.status != BULLA_EXIT_OK)
        fail_msg("%d: %s", result.status, result.err);
    program_result_free(&result);
}
#define DOES(...) must_run((const char *const[]){__VA_ARGS__, NULL})

static void assert_status(enum bulla_exit status, const char *says, const char *const *words)
{
    struct program_result result;
    program_run(&result, NULL, words);
    if (result.status != (int)status || !strstr(result.err, says))
        fail_msg("%d instead of %d: %s", result.status, (int)status, result.err);
    program_result_free(&result);
}
#define FAILS(status, says, ...) assert_status(status, says, (const char *const[]){__VA_ARGS__, NULL})

static int set_up(void **state)
{
    (void)state;
    test_folder_make(folder, sizeof folder);
    test_folder_join(key, sizeof key, folder, "authority.pem");
    test_folder_join(other_key, sizeof other_key, folder, "other.pem");
    test_folder_join(ann, sizeof ann, folder, "ann.grant");
    test_folder_join(bob, sizeof bob, folder, "bob.grant");
    test_folder_join(bundle, sizeof bundle, folder, "a.policy");
    test_folder_join(second, sizeof second, folder, "b.policy");
    test_folder_join(revocation, sizeof revocation, folder, "revocation");
    DOES("policy", "keygen", "-o", key);
    DOES("policy", "keygen", "-o", other_key);
    DOES("grant", "--key", key, "--to", "user:ann", "--object", "6d31", "--operations", "infer,seal", "--until", "+10d",
        "--uses", "10", "--rate", "2/60", "-o", ann);
    DOES("grant", "--key", key, "--to", "user:bob", "--until", "+10d", "-o", bob);
    DOES("policy", "sign", "--key", key, "--version", "1", "--state", STATE, "--grant", ann, "-o", bundle);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static const json_t *row(const struct program_result *result, const char *list, size_t i)
{
    return json_array_get(json_object_get(result->json, list), i);
}

static const char *text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void a_grant_says_what_its_options_said(void **state)
{
    (void)state;
    struct bulla_grant_document document;
    size_t size = 0;
    test_folder_join(ann, sizeof ann, folder, "said.grant");
    test_folder_join(bob, sizeof bob, folder, "later.grant");
    DOES("grant", "--key", key, "--to", "user:ann", "--object", "6d31", "--operations", "infer,seal", "--from",
        "2026-11-01T00:00:00+01:00", "--until", "2027-01-15", "--uses", "10", "--rate", "2/60", "-o", ann);
    DOES("grant", "--key", key, "--to", "user:bob", "--from", "2026-11-01", "--until", "2027-01-15T08:00:00Z", "-o",
        bob);
    unsigned char *data = test_file_read(ann, &size);
    assert_int_equal(
        bulla_grant_read((struct bulla_bytes){data, size}, (struct bulla_bytes){NULL, 0}, &document), BULLA_OK);
    const struct bulla_grant *grant = &document.grant;
    assert_int_equal(grant->who.kind, BULLA_PRINCIPAL_USER);
    assert_int_equal(grant->object_size, 2);
    assert_memory_equal(grant->object, "m1", 2);
    assert_int_equal(grant->operations, BULLA_MAY_INFER | BULLA_MAY_SEAL);
    assert_int_equal(grant->not_before, 1793487600); /* date -u -d 2026-10-31T23:00:00Z +%s */
    assert_int_equal(grant->not_after, 1800057599);  /* date -u -d 2027-01-15T23:59:59Z +%s: the day's last second */
    assert_int_equal(grant->uses, 10);
    assert_int_equal(grant->rate, 2);
    assert_int_equal(grant->rate_seconds, 60);
    free(data);
    data = test_file_read(bob, &size);
    assert_int_equal(
        bulla_grant_read((struct bulla_bytes){data, size}, (struct bulla_bytes){NULL, 0}, &document), BULLA_OK);
    assert_int_equal(grant->object_size, 0);
    assert_int_equal(grant->operations, BULLA_MAY_INFER);
    assert_int_equal(grant->not_after, 1800000000); /* date -u -d 2027-01-15T08:00:00Z +%s */
    assert_int_equal(grant->uses, 0);
    assert_int_equal(grant->rate, 0);
    free(data);
}

static void no_two_grants_have_one_id(void **state)
{
    (void)state;
    struct program_result one, two;
    RUN(&one, "policy", "show", ann, "--json");
    RUN(&two, "policy", "show", bob, "--json");
    assert_string_equal(program_text(&one, "document"), "grant");
    assert_string_not_equal(text(row(&one, "grants", 0), "id"), text(row(&two, "grants", 0), "id"));
    program_result_free(&one);
    program_result_free(&two);
}

static void options_of_a_grant_that_say_nothing_right_are_usage(void **state)
{
    (void)state;
    static const struct {
        const char *words[5], *says;
    } rows[] = {
        {{"--to", "ann", "--until", "+1d"}, "--to"},
        {{"--to", "user:Ann", "--until", "+1d"}, "--to"},
        {{"--to", "user:ann", "--until", "2026-02-30"}, "--until"},
        {{"--to", "user:ann", "--until", "2020-01-01"}, "before the beginning"},
        {{"--to", "user:ann"}, "--until"},
        {{"--until", "+1d"}, "--to"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        FAILS(BULLA_EXIT_USAGE, rows[i].says, "grant", "--key", key, "-o", second, rows[i].words[0], rows[i].words[1],
            rows[i].words[2], rows[i].words[3]);
#define WRONG(says, option, value)                                                                                     \
    FAILS(BULLA_EXIT_USAGE, says, "grant", "--key", key, "-o", second, "--to", "user:ann", "--until", "+1d", option,   \
        value)
    WRONG("infer", "--operations", "infer,fly");
    WRONG("N/SECONDS", "--rate", "2");
    WRONG("N/SECONDS", "--rate", "/60");
    WRONG("--rate", "--rate", "0/60");
    WRONG("--rate", "--rate", "2/0");
    WRONG("--rate", "--rate", "2/60x");
    WRONG("--rate", "--rate", "4294967296/60");
    WRONG("--uses", "--uses", "0");
    WRONG("--object", "--object", "xyz");
    WRONG("--from", "--from", "yesterday");
}

static void a_policy_takes_grants_up_and_is_restricted_by_them(void **state)
{
    (void)state;
    struct program_result result;
    RUN(&result, "policy", "show", bundle, "--json");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_true(json_is_true(json_object_get(result.json, "restricted")));
    assert_int_equal(json_array_size(json_object_get(result.json, "grants")), 1);
    const json_t *grant = row(&result, "grants", 0);
    assert_string_equal(text(grant, "to"), "user:ann");
    assert_string_equal(text(grant, "object"), "6d31");
    assert_string_equal(text(grant, "operations"), "infer,seal");
    assert_non_null(text(grant, "until"));
    assert_string_equal(text(grant, "rate"), "2/60");
    assert_int_equal(json_integer_value(json_object_get(grant, "uses")), 10);
    program_result_free(&result);
    RUN(&result, "policy", "show", bundle);
    assert_non_null(strstr(result.out, "user:ann may infer,seal with 6d31"));
    program_result_free(&result);
}

static void assert_restriction(const char *path, bool restricted, size_t grants)
{
    struct program_result result;
    RUN(&result, "policy", "show", path, "--json");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_int_equal(json_is_true(json_object_get(result.json, "restricted")), restricted);
    assert_int_equal(json_array_size(json_object_get(result.json, "grants")), grants);
    program_result_free(&result);
}

static void a_base_keeps_its_grants_unless_told_otherwise(void **state)
{
    (void)state;
    DOES("policy", "sign", "--key", key, "--base", bundle, "-o", second);
    assert_restriction(second, true, 1);
    DOES("policy", "sign", "--key", key, "--base", bundle, "--grant", bob, "--grant", ann, "-o", second);
    assert_restriction(second, true, 2); /* ann's was there already */
    DOES("policy", "sign", "--key", key, "--base", bundle, "--no-grants", "-o", second);
    assert_restriction(second, true, 0);
    DOES("policy", "sign", "--key", key, "--base", bundle, "--no-grants", "--grant", bob, "-o", second);
    assert_restriction(second, true, 1);
    DOES("policy", "sign", "--key", key, "--version", "1", "--state", STATE, "--restricted", "-o", second);
    assert_restriction(second, true, 0);
    DOES("policy", "sign", "--key", key, "--version", "1", "--state", STATE, "-o", second);
    assert_restriction(second, false, 0);
}

static void a_policy_takes_up_no_grant_of_another_authority_or_epoch(void **state)
{
    (void)state;
    FAILS(BULLA_EXIT_REFUSED, "another authority", "policy", "sign", "--key", other_key, "--version", "1", "--state",
        STATE, "--grant", ann, "-o", second);
    FAILS(BULLA_EXIT_USAGE, "epoch", "policy", "sign", "--key", key, "--version", "1", "--epoch", "1", "--state", STATE,
        "--grant", ann, "-o", second);
    FAILS(BULLA_EXIT_USAGE, "is a policy", "policy", "sign", "--key", key, "--version", "1", "--state", STATE,
        "--grant", bundle, "-o", second);
    FAILS(BULLA_EXIT_USAGE, "is a grant", "policy", "sign", "--key", key, "--base", ann, "-o", second);
    FAILS(BULLA_EXIT_USAGE, "--base", "policy", "sign", "--key", key, "--version", "1", "--state", STATE, "--no-grants",
        "-o", second);
    test_folder_join(bob, sizeof bob, folder, "later.grant");
    DOES("grant", "--key", key, "--to", "user:ann", "--until", "+1d", "--epoch", "1", "-o", bob);
    DOES("policy", "sign", "--key", key, "--version", "1", "--epoch", "1", "--state", STATE, "--grant", bob, "-o",
        second);
}

/* Whoever lost a grant's id can't revoke it. */
static void a_grants_file_is_not_overwritten(void **state)
{
    (void)state;
    size_t size = 0, again = 0;
    unsigned char *before = test_file_read(ann, &size);
    FAILS(BULLA_EXIT_FAILED, "exists already", "grant", "--key", key, "--to", "user:ann", "--until", "+1d", "-o", ann);
    unsigned char *after = test_file_read(ann, &again);
    assert_int_equal(size, again);
    assert_memory_equal(before, after, size);
    free(before);
    free(after);
}

/* What a pipe takes is the document as a file has it: the next command reads it from standard input. */
static void a_grant_and_a_revocation_go_to_standard_output(void **state)
{
    (void)state;
    struct program_result result;
    char piped[128];
    test_folder_join(piped, sizeof piped, folder, "piped");
    assert_int_equal(chdir(folder), 0);
    RUN(&result, "grant", "--key", key, "--to", "user:ann", "--until", "+1d", "--uses", "1", "-o", "-");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_non_null(strstr(result.err, "standard output"));
    assert_non_null(strstr(result.err, ", 1 time\n"));
    test_file_write(piped, result.out, result.out_size);
    program_result_free(&result);
    DOES("policy", "show", piped);
    RUN(&result, "revoke", "--grant", piped, "--key", key, "-o", "-", "--json");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_non_null(strstr(result.err, "\"revoked\""));
    test_file_write(piped, result.out, result.out_size);
    program_result_free(&result);
    DOES("policy", "show", piped);
    assert_int_not_equal(access("-", F_OK), 0);
    assert_int_equal(chdir("/"), 0);
}

static void references_are_signed_and_shown(void **state)
{
    (void)state;
    struct program_result result;
    DOES("policy", "sign", "--key", key, "--version", "1", "--reference",
        "enclave=nitro:pcr1=" HASH48 ",pcr0=" HASH48 ",tcb=up-to-date+unknown,migratable", "-o", second);
    RUN(&result, "policy", "show", second, "--json");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    const json_t *reference = row(&result, "references", 0);
    assert_string_equal(text(reference, "label"), "enclave");
    assert_string_equal(text(reference, "kind"), "nitro");
    assert_string_equal(text(json_object_get(reference, "measurements"), "pcr1"), HASH48);
    assert_string_equal(text(reference, "tcb"), "unknown+up-to-date");
    assert_true(json_is_true(json_object_get(reference, "migratable")));
    assert_int_equal(json_array_size(json_object_get(result.json, "states")), 0);
    program_result_free(&result);
    DOES("policy", "sign", "--key", key, "--version", "1", "--reference",
        "guest=sev-snp:measurement=" HASH48 ",min-snp=22,max-vmpl=0", "-o", bundle);
    RUN(&result, "policy", "show", bundle, "--json");
    assert_string_equal(text(row(&result, "references", 0), "platform"), "min-snp=22,max-vmpl=0");
    program_result_free(&result);
    DOES("policy", "sign", "--key", key, "--version", "2", "--reference",
        "guest=sev-snp:measurement=" HASH48 ",tcb=unknown,min-snp=22,max-vmpl=1,migratable", "-o", revocation);
    RUN(&result, "policy", "diff", bundle, revocation);
    assert_non_null(strstr(result.out, ", min-snp=22,max-vmpl=0\n"));
    assert_non_null(strstr(result.out, ", tcb=unknown, min-snp=22,max-vmpl=1, migratable\n"));
    program_result_free(&result);
    RUN(&result, "policy", "sign", "--key", key, "--base", second, "--reference",
        "the same=nitro:pcr0=" HASH48 ",pcr1=" HASH48, "-o", bundle, "--json");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_int_equal(json_integer_value(json_object_get(result.json, "references")), 1);
    assert_non_null(strstr(result.err, "which stays"));
    program_result_free(&result);
    FAILS(BULLA_EXIT_USAGE, "LABEL=KIND", "policy", "sign", "--key", key, "--version", "1", "--reference", "x", "-o",
        second);
}

static void a_revocation_names_grants_by_file_or_id_each_once(void **state)
{
    (void)state;
    struct program_result result;
    static const char id[] = "FFeeddccbbaa99887766554433221100";
    RUN(&result, "revoke", "--key", key, "--grant", id, "--grant", ann, "--grant", ann, "-o", revocation, "--json");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_int_equal(json_array_size(json_object_get(result.json, "revoked")), 2);
    program_result_free(&result);
    RUN(&result, "policy", "show", revocation, "--json");
    assert_string_equal(program_text(&result, "document"), "revocation");
    bool found = false;
    for (size_t i = 0; i < 2; i++)
        found |= strcasecmp(json_string_value(row(&result, "revoked", i)), id) == 0;
    assert_true(found);
    program_result_free(&result);
    FAILS(BULLA_EXIT_REFUSED, "another authority", "revoke", "--key", other_key, "--grant", ann, "-o", revocation);
    FAILS(BULLA_EXIT_USAGE, "is a policy", "revoke", "--key", key, "--grant", bundle, "-o", revocation);
    FAILS(BULLA_EXIT_FAILED, "", "revoke", "--key", key, "--grant", "ffeedd", "-o", revocation);
    FAILS(BULLA_EXIT_USAGE, "--grant", "revoke", "--key", key, "-o", revocation);
}

static void a_document_that_was_changed_is_shown_to_nobody(void **state)
{
    (void)state;
    size_t size = 0;
    unsigned char *data = test_file_read(ann, &size);
    unsigned char *name = memmem(data, size, "user:ann", 8);
    assert_non_null(name);
    name[7] = 'm';
    test_file_write(second, data, size);
    FAILS(BULLA_EXIT_UNVERIFIED, "", "policy", "show", second);
    FAILS(BULLA_EXIT_UNVERIFIED, "", "policy", "load", second);
    FAILS(BULLA_EXIT_UNVERIFIED, "", "policy", "sign", "--key", key, "--version", "1", "--state", STATE, "--grant",
        second, "-o", bundle);
    free(data);
    test_file_write(second, "no document", 11);
    FAILS(BULLA_EXIT_UNVERIFIED, "no policy, grant or revocation", "policy", "show", second);
}

static void a_difference_is_shown_row_by_row(void **state)
{
    (void)state;
    struct program_result result;
    DOES("policy", "sign", "--key", key, "--version", "7", "--state", "renamed=0-7:" DIGEST_AB, "--state",
        "new=0:" DIGEST_AB, "--reference", "enclave=nitro:pcr0=" HASH48, "--grant", bob, "-o", second);
    RUN(&result, "policy", "diff", bundle, second, "--json");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_true(json_is_false(json_object_get(result.json, "same")));
    assert_int_equal(json_integer_value(row(&result, "version", 0)), 1);
    assert_int_equal(json_integer_value(row(&result, "version", 1)), 7);
    assert_null(json_object_get(result.json, "epoch"));
    assert_null(json_object_get(result.json, "restricted"));
    const json_t *states = json_object_get(result.json, "states");
    const json_t *grants = json_object_get(result.json, "grants");
    assert_int_equal(json_array_size(json_object_get(states, "added")), 1);
    assert_int_equal(json_array_size(json_object_get(states, "removed")), 0);
    const json_t *changed = json_array_get(json_object_get(states, "changed"), 0);
    assert_string_equal(text(json_array_get(changed, 0), "label"), "one");
    assert_string_equal(text(json_array_get(changed, 1), "label"), "renamed");
    assert_int_equal(json_array_size(json_object_get(json_object_get(result.json, "references"), "added")), 1);
    assert_string_equal(text(json_array_get(json_object_get(grants, "added"), 0), "to"), "user:bob");
    assert_string_equal(text(json_array_get(json_object_get(grants, "removed"), 0), "to"), "user:ann");
    assert_int_equal(json_array_size(json_object_get(grants, "changed")), 0);
    program_result_free(&result);
    RUN(&result, "policy", "diff", bundle, second);
    assert_non_null(strstr(result.out, "version: 1 -> 7"));
    assert_non_null(strstr(result.out, "+ state \"new\""));
    assert_non_null(strstr(result.out, "~- state \"one\""));
    assert_non_null(strstr(result.out, "~+ state \"renamed\""));
    assert_non_null(strstr(result.out, "- grant "));
    program_result_free(&result);
    RUN(&result, "policy", "diff", bundle, bundle, "--json");
    assert_true(json_is_true(json_object_get(result.json, "same")));
    program_result_free(&result);
}

static void a_difference_is_told_of_authorities_and_of_nothing_else_than_policies(void **state)
{
    (void)state;
    struct program_result result;
    char public_key[140];
    DOES("policy", "sign", "--key", other_key, "--version", "1", "--state", STATE, "-o", second);
    RUN(&result, "policy", "diff", bundle, second, "--json");
    assert_int_equal(json_array_size(json_object_get(result.json, "authority")), 2);
    assert_string_equal(json_string_value(row(&result, "restricted", 0)), "yes");
    assert_string_equal(json_string_value(row(&result, "restricted", 1)), "no");
    program_result_free(&result);
    (void)snprintf(public_key, sizeof public_key, "%s.pub", key);
    FAILS(BULLA_EXIT_REFUSED, "another authority", "policy", "diff", bundle, second, "--authority", public_key);
    FAILS(BULLA_EXIT_USAGE, "is a grant", "policy", "diff", bundle, ann);
}

/* --- policy test: what it answers, and with which status it ends --- */

#define ASK(...) "policy", "test", "--policy", bundle, __VA_ARGS__

static void who_is_granted_is_allowed_within_the_times(void **state)
{
    (void)state;
    struct program_result result;
    RUN(&result, ASK("--as", "user:ann", "--object", "6d31", "--operation", "seal", "--json"));
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_true(json_is_true(json_object_get(result.json, "allowed")));
    assert_int_equal(json_array_size(json_object_get(result.json, "answers")), 2);
    program_result_free(&result);
    DOES(ASK("--as", "user:ann", "--object", "6d31", "--at", "+9d"));
    FAILS(BULLA_EXIT_REFUSED, "(grant-expired)", ASK("--as", "user:ann", "--object", "6d31", "--at", "+11d"));
    DOES(ASK("--as", "user:bob", "--as", "user:ann", "--object", "6d31"));
}

static void who_is_not_granted_is_told_so(void **state)
{
    (void)state;
    struct program_result result;
    FAILS(BULLA_EXIT_REFUSED, "(grant-missing)", ASK("--as", "user:bob", "--object", "6d31"));
    FAILS(BULLA_EXIT_REFUSED, "(grant-missing)", ASK("--as", "user:ann", "--object", "6d32"));
    FAILS(BULLA_EXIT_REFUSED, "(grant-missing)", ASK("--as", "user:ann"));
    FAILS(BULLA_EXIT_REFUSED, "(grant-missing)", ASK("--object", "6d31"));
    FAILS(BULLA_EXIT_REFUSED, "(grant-missing)", ASK("--as", "user:ann", "--object", "6d31", "--operation", "sign"));
    RUN(&result, ASK("--as", "user:bob", "--object", "6d31", "--json"));
    assert_int_equal(result.status, BULLA_EXIT_REFUSED);
    assert_true(json_is_false(json_object_get(result.json, "allowed")));
    assert_string_equal(program_text(&result, "reason"), "grant-missing");
    program_result_free(&result);
    DOES("policy", "sign", "--key", key, "--version", "1", "--state", STATE, "-o", second);
    DOES("policy", "test", "--policy", second, "--as", "user:bob", "--object", "6d31");
}

static void a_policy_that_is_not_valid_then_allows_nothing(void **state)
{
    (void)state;
    FAILS(BULLA_EXIT_REFUSED, "(policy-not-yet-valid)",
        ASK("--as", "user:ann", "--object", "6d31", "--at", "2026-11-02"));
    FAILS(BULLA_EXIT_REFUSED, "(policy-expired)", ASK("--as", "user:ann", "--object", "6d31", "--at", "+400d"));
}

static void evidence_that_does_not_verify_decides(void **state)
{
    (void)state;
    test_file_write(second, "no evidence", 11);
    FAILS(BULLA_EXIT_UNVERIFIED, "(evidence-kind)", ASK("--evidence", second, "--as", "user:ann", "--object", "6d31"));
}

/* A document of a production enclave and one of a debugged one; PCR0 to PCR2 of the first as its map has them, read by
 * a few lines of Python (tests/vectors/nitro/README.md says whose they are). */
#define NITRO BULLA_SOURCE_FOLDER "/tests/vectors/nitro/"
#define NITRO_PRODUCTION NITRO "20240226_base_prod_3a4a0301.cbor"
#define NITRO_DEBUG NITRO "20230918_evervault_debug_6f80ac25.cbor"
#define PCR0 "17bf8f048519797be90497001a7559a3d555395937117d76f8baaedf56ca6d97952de79479bc0c76e5d176d20f663790"
#define PCR1 "5d3938eb05288e20a981038b1861062ff4174884968a39aee5982b312894e60561883576cc7381d1a7d05b809936bd16"
#define PCR2 "249037310daa90f4eb0703e7b105a241fdb09f12d3c40b7aea2f39e57b07b887e6ff4e4f9757943e127e391626b5e4d5"

static void a_real_enclave_is_allowed_by_its_measurements_alone(void **state)
{
    (void)state;
    struct program_result result;
    if (access(NITRO_PRODUCTION, R_OK) != 0)
        skip();
    DOES("policy", "sign", "--key", key, "--version", "1", "--reference",
        "oracle=nitro:pcr0=" PCR0 ",pcr1=" PCR1 ",pcr2=" PCR2, "-o", bundle);
    RUN(&result, ASK("--evidence", NITRO_PRODUCTION, "--json"));
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_string_equal(text(row(&result, "answers", 1), "question"), "evidence");
    assert_string_equal(text(row(&result, "answers", 1), "detail"), "it is \"oracle\"");
    program_result_free(&result);
    FAILS(BULLA_EXIT_UNVERIFIED, "(evidence-debug)", ASK("--evidence", NITRO_DEBUG));
    DOES("policy", "sign", "--key", key, "--version", "1", "--reference",
        "oracle=nitro:pcr0=" PCR0 ",pcr1=" PCR2 ",pcr2=" PCR2, "-o", bundle);
    FAILS(BULLA_EXIT_REFUSED, "pcr1 is 5d3938eb", ASK("--evidence", NITRO_PRODUCTION));
}

/* Signed it would be of no use, and nobody would know why before an enclave was refused. */
static void a_reference_that_can_accept_nobody_is_not_signed(void **state)
{
    (void)state;
    static const struct {
        const char *reference, *says;
    } rows[] = {
        {"x=nitro:pcr0=" HASH48 ",tcb=up-to-date", "'x' would accept nobody: nothing tells how current the firmware of "
                                                   "nitro is; accept it by tcb=unknown"},
        {"x=sev-snp:measurement=" HASH48, "accept it by min-COMPONENT=N or tcb=unknown"},
        {"x=sev-snp:measurement=" HASH48 ",min-snp=0", "would accept nobody"},
        {"x=sev-snp:measurement=" HASH48 ",tcb=up-to-date,min-snp=22", "would accept nobody"},
        {"x=nitro:pcr1=" ZERO48, "zeros in pcr1 are a debug enclave's"},
        {"x=nitro:pcr0=" HASH48 ",pcr0=" ZERO48, "pcr0 is there twice"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        FAILS(BULLA_EXIT_USAGE, rows[i].says, "policy", "sign", "--key", key, "--version", "2", "--state", STATE,
            "--reference", rows[i].reference, "-o", second);
        assert_int_not_equal(access(second, F_OK), 0);
    }
    DOES("policy", "sign", "--key", key, "--version", "2", "--reference",
        "x=sev-snp:measurement=" HASH48 ",tcb=unknown", "--reference", "y=tdx:mrtd=" HASH48 ",tcb=out-of-date", "-o",
        second);
}

static void a_question_that_can_not_be_asked_is_usage(void **state)
{
    (void)state;
    FAILS(BULLA_EXIT_USAGE, "--as", ASK("--as", "ann"));
    FAILS(BULLA_EXIT_USAGE, "more than one", ASK("--operation", "infer,sign"));
    FAILS(BULLA_EXIT_USAGE, "infer", ASK("--operation", "fly"));
    FAILS(BULLA_EXIT_USAGE, "--at", ASK("--at", "yesterday"));
    FAILS(BULLA_EXIT_FAILED, "/nowhere", ASK("--evidence", ann, "--root", "/nowhere/at/all"));
    FAILS(BULLA_EXIT_USAGE, "is a grant", "policy", "test", "--policy", ann);
    FAILS(BULLA_EXIT_FAILED, "/nowhere", ASK("--evidence", "/nowhere/at/all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_grant_says_what_its_options_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_two_grants_have_one_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_grants_file_is_not_overwritten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_grant_and_a_revocation_go_to_standard_output, set_up, tear_down),
        cmocka_unit_test_setup_teardown(options_of_a_grant_that_say_nothing_right_are_usage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_policy_takes_grants_up_and_is_restricted_by_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_base_keeps_its_grants_unless_told_otherwise, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_policy_takes_up_no_grant_of_another_authority_or_epoch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(references_are_signed_and_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_revocation_names_grants_by_file_or_id_each_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_document_that_was_changed_is_shown_to_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_difference_is_shown_row_by_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_difference_is_told_of_authorities_and_of_nothing_else_than_policies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_granted_is_allowed_within_the_times, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_not_granted_is_told_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_policy_that_is_not_valid_then_allows_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(evidence_that_does_not_verify_decides, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_real_enclave_is_allowed_by_its_measurements_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reference_that_can_accept_nobody_is_not_signed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_question_that_can_not_be_asked_is_usage, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
