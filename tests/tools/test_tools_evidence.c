/* `bulla evidence verify` and `explain` as people run them: on real documents (tests/vectors), and on a paper TPM's
 * quote of the PCRs that a real event log leads to. */
#include "support/test.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cose.h"
#include "evidence/event_log_values.h"
#include "evidence/quote_maker.h"
#include "program.h"
#include "support/folder.h"
#include "support/vectors.h"
#include "tools/exit.h"
#include "tools/options.h"

#define VECTOR(name) BULLA_SOURCE_FOLDER "/tests/vectors/" name
#define BASE VECTOR("nitro/20240226_base_prod_3a4a0301.cbor")
#define DEBUG VECTOR("nitro/20230918_evervault_debug_6f80ac25.cbor")
#define BADSIG VECTOR("nitro/20221109_veracruz-project_BADSIG_7df2cdc0.cbor")
#define MILAN VECTOR("sev-snp/milan-report.bin")

static char folder[64], certificates[128], quote_path[128], name_hex[2 * 34 + 1];

static char *in_folder(const char *name, char path[static 128])
{
    test_folder_join(path, 128, folder, name);
    return path;
}

/* --- real documents --- */

static const char *claim(const struct program_result *result, const char *kind, const char *name)
{
    const json_t *submodule = json_object_get(json_object_get(result->json, "submods"), kind);
    const json_t *claims = json_object_get(submodule, "ear_verifier_claims");
    const json_t *found = json_object_get(submodule, name);
    return json_string_value(found ? found : json_object_get(claims, name));
}

static void each_document_ends_with_its_status_and_code(void **state)
{
    (void)state;
    static const struct {
        const char *words[8];
        int status;
        const char *kind, *ear_status, *reason;
    } rows[] = {
        {{BASE, "--at", "own"}, BULLA_EXIT_OK, "nitro", "none", "ok"},
        {{BASE}, BULLA_EXIT_UNVERIFIED, "nitro", "contraindicated", "certificate-expired"},
        {{BASE, "--at", "2024-02-26T07:07:01Z"}, BULLA_EXIT_OK, "nitro", "none", "ok"},
        {{BASE, "--at", "2024-02-26T07:07:02Z"}, BULLA_EXIT_UNVERIFIED, "nitro", "contraindicated", "evidence-stale"},
        {{BASE, "--at", "2024-02-26T07:07:02Z", "--max-age", "301"}, BULLA_EXIT_OK, "nitro", "none", "ok"},
        {{DEBUG, "--at", "own"}, BULLA_EXIT_UNVERIFIED, "nitro", "contraindicated", "evidence-debug"},
        {{BADSIG, "--at", "own"}, BULLA_EXIT_UNVERIFIED, "nitro", "contraindicated", "signature"},
        {{BASE, "--at", "own", "--nonce", "0011223344556677"}, BULLA_EXIT_UNVERIFIED, "nitro", "contraindicated",
            "evidence-mismatch"},
        {{BASE, "--at", "own", "--purpose", "attest"}, BULLA_EXIT_UNVERIFIED, "nitro", "contraindicated",
            "evidence-unbound"},
        {{MILAN, "--certificates", certificates}, BULLA_EXIT_OK, "sev-snp", "none", "ok"},
        {{MILAN, "--certificates", certificates, "--at", "own"}, BULLA_EXIT_OK, "sev-snp", "none", "ok"},
        {{MILAN, "--certificates", VECTOR("sev-snp/milan-vcek.der")}, BULLA_EXIT_UNVERIFIED, "sev-snp",
            "contraindicated", "certificate-untrusted"},
        {{VECTOR("tdx/phala-v4.bin"), "--collateral", VECTOR("tdx/phala-collateral.json"), "--at", "2025-06-20"},
            BULLA_EXIT_OK, "tdx", "none", "ok"},
        {{VECTOR("sgx/phala-v3.bin"), "--collateral", VECTOR("sgx/phala-collateral.json"), "--at", "2025-06-20"},
            BULLA_EXIT_OK, "sgx", "warning", "ok"},
        {{VECTOR("tdx/debug-v4.bin"), "--at", "2023-02-08"}, BULLA_EXIT_UNVERIFIED, "tdx", "contraindicated",
            "evidence-debug"},
        {{VECTOR("tpm/tools-rsapss-quote")}, BULLA_EXIT_UNVERIFIED, "none", "contraindicated", "evidence-kind"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *words[16] = {"evidence", "verify", "--json", "--quiet"};
        struct program_result result;
        size_t count = 4;
        for (size_t k = 0; rows[i].words[k]; k++)
            words[count++] = rows[i].words[k];
        program_run(&result, NULL, words);
        const char *status = claim(&result, rows[i].kind, "ear_status");
        const char *reason = claim(&result, rows[i].kind, "reason");
        if (result.status != rows[i].status || !status || strcmp(status, rows[i].ear_status) != 0 || !reason ||
            strcmp(reason, rows[i].reason) != 0)
            fail_msg("row %zu: status %d, %s%s", i, result.status, result.out, result.err);
        assert_int_equal(strstr(result.err, rows[i].reason) != NULL, rows[i].status != BULLA_EXIT_OK);
        program_result_free(&result);
    }
}

static void mistakes_are_told_before_anything_is_judged(void **state)
{
    (void)state;
    static const struct {
        const char *words[8];
        const char *says;
    } rows[] = {
        {{"verify", BASE, "--policcy", "x"}, "did you mean '--policy'?"},
        {{"verify", BASE, "--purpose", "nonsense"}, "attest, receipt or release"},
        {{"verify", BASE, "--at", "yesterday"}, "--at"},
        {{"verify", BASE, "--nonce", "xy"}, "nonce"},
        {{"verify", BASE, "--nonce", "0011"}, "nonce"},
        {{"verify", BASE, "--attestation-key", "0011"}, "attestation-key"},
        {{"verify", BASE, "--max-age", "0"}, "max-age"},
        {{"verify", BASE, "--cwt", "x"}, "--cwt and --key go together"},
        {{"verify", BASE, "--key", "x"}, "--cwt and --key go together"},
        {{"verify", BASE, "--policy", "x"}, "--policy needs --authority"},
        {{"verify", BASE, "--authority", "x"}, "--authority goes with --policy"},
        {{"verify"}, "FILE"},
        {{"verify", BASE, BASE}, "too many arguments"},
        {{"explain", BASE, "--cwt", "x"}, "--cwt"},
        {{"explain", BASE, "--event-logg", "x"}, "did you mean '--event-log'?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *words[16] = {"evidence"};
        struct program_result result;
        for (size_t k = 0; rows[i].words[k]; k++)
            words[1 + k] = rows[i].words[k];
        program_run(&result, NULL, words);
        if (result.status != BULLA_EXIT_USAGE || !strstr(result.err, rows[i].says))
            fail_msg("row %zu: status %d, %s", i, result.status, result.err);
        program_result_free(&result);
    }
}

static void files_that_are_not_there_or_no_certificates_are_told(void **state)
{
    (void)state;
    struct program_result result;
    RUN(&result, "evidence", "verify", "/nowhere/evidence");
    assert_int_not_equal(result.status, BULLA_EXIT_OK);
    assert_non_null(strstr(result.err, "/nowhere/evidence"));
    program_result_free(&result);
    RUN(&result, "evidence", "verify", BASE, "--at", "own", "--root", BASE);
    assert_int_not_equal(result.status, BULLA_EXIT_OK);
    program_result_free(&result);
}

/* A VCEK that is named as a root needs no chain: how --root is read, in DER and in PEM. */
static void a_root_is_named_by_its_file(void **state)
{
    (void)state;
    struct program_result result;
    static const char vcek[] = VECTOR("sev-snp/milan-vcek.der");
    RUN(&result, "evidence", "verify", MILAN, "--certificates", vcek, "--root", vcek);
    assert_int_equal(result.status, BULLA_EXIT_OK);
    program_result_free(&result);
    RUN(&result, "evidence", "verify", MILAN, "--certificates", vcek, "--root", VECTOR("sev-snp/milan-test-vcek.der"));
    assert_int_equal(result.status, BULLA_EXIT_UNVERIFIED);
    program_result_free(&result);
}

/* --- a policy, made and signed with the program's own commands --- */

static void a_signed_policy_accepts_or_not(void **state)
{
    (void)state;
    char key[128], public_key[160], bundle[128];
    struct program_result result;
    RUN(&result, "policy", "keygen", "-o", in_folder("authority.pem", key));
    if (result.status != BULLA_EXIT_OK)
        fail_msg("%s", result.err);
    program_result_free(&result);
    (void)snprintf(public_key, sizeof public_key, "%s.pub", key);
    static const char reference[] =
        "image=nitro:pcr0=17bf8f048519797be90497001a7559a3d555395937117d76f8baaedf56ca6d97952de79479bc0c76e5d176d20f66"
        "3790";
    static const char other[] =
        "image=nitro:pcr0=17bf8f048519797be90497001a7559a3d555395937117d76f8baaedf56ca6d97952de79479bc0c76e5d176d20f66"
        "3791";
    const char *const wanted[] = {reference, other};
    for (size_t i = 0; i < 2; i++) {
        RUN(&result, "policy", "sign", "--key", key, "--version", "1", "--reference", wanted[i], "-o",
            in_folder(i ? "other.policy" : "right.policy", bundle));
        if (result.status != BULLA_EXIT_OK)
            fail_msg("%s", result.err);
        program_result_free(&result);
        RUN(&result, "evidence", "verify", BASE, "--at", "own", "--policy", bundle, "--authority", public_key,
            "--json");
        assert_int_equal(result.status, i ? BULLA_EXIT_REFUSED : BULLA_EXIT_OK);
        assert_string_equal(claim(&result, "nitro", "ear_status"), i ? "contraindicated" : "affirming");
        assert_string_equal(claim(&result, "nitro", "reason"), i ? "policy-state" : "ok");
        program_result_free(&result);
    }
    RUN(&result, "policy", "keygen", "-o", in_folder("stranger.pem", key));
    program_result_free(&result);
    (void)snprintf(public_key, sizeof public_key, "%s.pub", key);
    RUN(&result, "evidence", "verify", BASE, "--at", "own", "--policy", in_folder("right.policy", bundle),
        "--authority", public_key);
    assert_int_not_equal(result.status, BULLA_EXIT_OK);
    assert_non_null(strstr(result.err, "policy-authority"));
    program_result_free(&result);
}

/* --- the CWT --- */

static void a_cwt_is_written_for_a_yes_and_for_a_no(void **state)
{
    (void)state;
    char key[128], cwt[128];
    struct program_result result;
    RUN(&result, "policy", "keygen", "-o", in_folder("verifier.pem", key));
    assert_int_equal(result.status, BULLA_EXIT_OK);
    program_result_free(&result);
    in_folder("result.cwt", cwt);
    for (unsigned no = 0; no < 2; no++) {
        struct bulla_cose_message message;
        struct bulla_cbor payload;
        size_t size = 0;
        RUN(&result, "evidence", "verify", no ? DEBUG : BASE, "--at", "own", "--cwt", cwt, "--key", key);
        assert_int_equal(result.status, no ? BULLA_EXIT_UNVERIFIED : BULLA_EXIT_OK);
        program_result_free(&result);
        unsigned char *data = test_file_read(cwt, &size);
        assert_non_null(data);
        assert_int_equal(bulla_cose_sign1_read((struct bulla_bytes){data, size}, "EAR", &message), BULLA_OK);
        assert_int_equal(message.algorithm, BULLA_COSE_ES256);
        assert_int_equal(message.content_type, 61);
        assert_int_equal(bulla_cbor_decode(message.payload, "EAR", &payload), BULLA_OK);
        assert_int_equal(payload.kind, BULLA_CBOR_MAP);
        /* 1000: 0 (none), or 96 (contraindicated) */
        static const uint8_t none[] = {0x19, 0x03, 0xe8, 0x00}, contra[] = {0x19, 0x03, 0xe8, 0x18, 0x60};
        assert_non_null(no ? memmem(message.payload.data, message.payload.size, contra, sizeof contra)
                           : memmem(message.payload.data, message.payload.size, none, sizeof none));
        free(data);
    }
}

/* --- explain --- */

static void assert_says(const struct program_result *result, const char *const *texts)
{
    for (; *texts; texts++)
        if (!strstr(result->out, *texts))
            fail_msg("not \"%s\": %s", *texts, result->out);
}
#define SAYS(result, ...) assert_says(result, (const char *const[]){__VA_ARGS__, NULL})

static void explain_tells_a_refused_document_too(void **state)
{
    (void)state;
    struct program_result result;
    RUN(&result, "evidence", "explain", BASE, "--at", "own");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    SAYS(&result, "AWS Nitro Enclave", "2024-02-26T07:02:01Z", "i-0df237f0418feb41e-enc018d1c7ef94eb110",
        "17bf8f048519797be90497001a7559a3d555395937117d76f8baaedf56ca6d97952de79479bc0c76e5d176d20f663790",
        "d239fd059dd0e0a01e280bec44903bb8143bae7e578b9844c6df5fd6351eddc0", "none");
    program_result_free(&result);
    RUN(&result, "evidence", "explain", BASE); /* its chain is over: it is shown all the same */
    assert_int_equal(result.status, BULLA_EXIT_OK);
    SAYS(&result, "2024-02-26T07:02:01Z", "17bf8f048519797b", "refused (certificate-expired)");
    program_result_free(&result);
    RUN(&result, "evidence", "explain", DEBUG, "--at", "own");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    SAYS(&result, "it runs with debugging", "4a9329d69c836267", "refused (evidence-debug)");
    program_result_free(&result);
    RUN(&result, "evidence", "explain", VECTOR("tdx/debug-v4.bin"), "--at", "2023-02-08");
    SAYS(&result, "it runs with debugging", "705ee9381b8633a9", "refused (evidence-debug)");
    program_result_free(&result);
    RUN(&result, "evidence", "explain", BADSIG, "--at", "own"); /* nobody signed what it says */
    assert_int_equal(result.status, BULLA_EXIT_OK);
    SAYS(&result, "refused (signature)");
    assert_null(strstr(result.out, "what was measured"));
    program_result_free(&result);
}

static void explain_as_json_is_the_verdict(void **state)
{
    (void)state;
    struct program_result result;
    RUN(&result, "evidence", "explain", DEBUG, "--at", "own", "--json");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_non_null(result.json);
    assert_string_equal(claim(&result, "nitro", "ear_status"), "contraindicated");
    assert_string_equal(claim(&result, "nitro", "reason"), "evidence-debug");
    program_result_free(&result);
}

/* --- the event log --- */

/* A quote of PCRs 0, 7 and 23 whose first two are what crypto-agile.log leads to; 23 is in no log. */
static void quote_make(const char *pcr7, uint8_t pcr23)
{
    static struct quote_maker maker;
    static uint8_t document[BULLA_EVIDENCE_LARGEST];
    struct test_p256 key;
    struct bulla_tpm_evidence evidence;
    struct bulla_writer writer;
    quote_maker_init(&maker);
    for (size_t i = 0; i < sizeof event_log_values / sizeof *event_log_values; i++)
        if (strcmp(event_log_values[i].log, "crypto-agile.log") == 0 && event_log_values[i].pcr == 0)
            (void)test_hex(event_log_values[i].value, maker.pcrs[0], 32);
    (void)test_hex(pcr7, maker.pcrs[7], 32);
    memset(maker.pcrs[23], pcr23, 32);
    test_p256_make(&key);
    quote_maker_make(&maker, &key, &evidence);
    test_p256_free(&key);
    bulla_hex_write(maker.name, sizeof maker.name, name_hex);
    bulla_writer_open(&writer, document, sizeof document);
    assert_int_equal(bulla_tpm_evidence_write(&evidence, &writer), BULLA_OK);
    test_file_write(in_folder("quote", quote_path), document, writer.size);
}

static const char right_pcr7[] = "3d6207f9a2c3fa1db729f06e71b09d2e7ca7c0c198f6c1410c2186bbe2cc1826";
#define LOG VECTOR("tpm/crypto-agile.log")

static bool is_explained(const struct program_result *result, const char *pcr, size_t *events)
{
    const json_t *pcrs = json_object_get(json_object_get(result->json, "event_log"), "pcrs");
    const json_t *row = json_object_get(pcrs, pcr);
    assert_non_null(row);
    *events = json_array_size(json_object_get(row, "events"));
    return json_is_true(json_object_get(row, "explained"));
}

/* crypto-agile.log has 27 events; those of PCR 0 and PCR 7 were counted with tests/vectors/tpm/replay.py's reader. */
static void an_event_log_explains_the_quoted_pcrs(void **state)
{
    (void)state;
    struct program_result result;
    size_t events;
    quote_make(right_pcr7, 0);
    RUN(&result, "evidence", "explain", quote_path, "--attestation-key", name_hex, "--event-log", LOG, "--json");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_true(json_is_true(json_object_get(json_object_get(result.json, "event_log"), "explained")));
    assert_true(is_explained(&result, "0", &events) && events == 4);
    assert_true(is_explained(&result, "7", &events) && events == 6);
    assert_true(is_explained(&result, "23", &events) && events == 0);
    program_result_free(&result);
    RUN(&result, "evidence", "explain", quote_path, "--attestation-key", name_hex, "--event-log", LOG);
    SAYS(&result, "EV_SEPARATOR", "EV_EFI_VARIABLE_DRIVER_CONFIG", "SecureBoot", "PCR 23", "nothing was measured");
    assert_null(strstr(result.out, "not explained"));
    program_result_free(&result);
}

static void what_the_log_does_not_lead_to_is_told(void **state)
{
    (void)state;
    struct program_result result;
    size_t events;
    quote_make("3d6207f9a2c3fa1db729f06e71b09d2e7ca7c0c198f6c1410c2186bbe2cc1827", 0x23);
    RUN(&result, "evidence", "explain", quote_path, "--attestation-key", name_hex, "--event-log", LOG, "--json");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_true(json_is_false(json_object_get(json_object_get(result.json, "event_log"), "explained")));
    assert_true(is_explained(&result, "0", &events));
    assert_false(is_explained(&result, "7", &events));
    assert_false(is_explained(&result, "23", &events));
    program_result_free(&result);
    RUN(&result, "evidence", "explain", quote_path, "--attestation-key", name_hex, "--event-log", LOG);
    SAYS(&result, "these events lead to another value", "the log has no event of it, and it was extended");
    program_result_free(&result);
}

/* An unpinned quote is refused and told all the same, its log with it. */
static void an_unpinned_quote_is_refused_and_explained(void **state)
{
    (void)state;
    struct program_result result;
    quote_make(right_pcr7, 0);
    RUN(&result, "evidence", "verify", quote_path);
    assert_int_equal(result.status, BULLA_EXIT_UNVERIFIED);
    assert_non_null(strstr(result.err, "evidence-untrusted"));
    program_result_free(&result);
    RUN(&result, "evidence", "verify", quote_path, "--attestation-key", name_hex);
    assert_int_equal(result.status, BULLA_EXIT_OK);
    program_result_free(&result);
    RUN(&result, "evidence", "explain", quote_path, "--event-log", LOG);
    assert_int_equal(result.status, BULLA_EXIT_OK);
    SAYS(&result, "its key is not pinned", "these events lead to the quoted value", "refused (evidence-untrusted)");
    program_result_free(&result);
}

static void a_log_that_is_none_or_has_unknown_events_is_refused(void **state)
{
    (void)state;
    char path[128];
    struct program_result result;
    size_t size = 0;
    quote_make(right_pcr7, 0);
    unsigned char *log = test_file_read(LOG, &size);
    assert_non_null(log);
    test_file_write(in_folder("cut.log", path), log, size - 1);
    RUN(&result, "evidence", "explain", quote_path, "--attestation-key", name_hex, "--event-log", path);
    assert_int_not_equal(result.status, BULLA_EXIT_OK);
    assert_non_null(strstr(result.err, "(truncated)"));
    program_result_free(&result);
    /* The second event's type, behind the first: TCG_PCClientPCREvent of 32 bytes and its data, whose size is at 28. */
    size_t second = 32 + (log[28] | (size_t)log[29] << 8);
    log[second + 4] ^= 0x40;
    test_file_write(in_folder("unknown.log", path), log, size);
    RUN(&result, "evidence", "explain", quote_path, "--attestation-key", name_hex, "--event-log", path);
    assert_int_not_equal(result.status, BULLA_EXIT_OK);
    assert_non_null(strstr(result.err, "(unknown-field)"));
    program_result_free(&result);
    free(log);
    RUN(&result, "evidence", "explain", quote_path, "--attestation-key", name_hex, "--event-log",
        VECTOR("tpm/debian-10.log")); /* SHA-1 alone */
    assert_int_equal(result.status, BULLA_EXIT_UNVERIFIED);
    assert_non_null(strstr(result.err, "evidence-mismatch"));
    program_result_free(&result);
    RUN(&result, "evidence", "explain", BASE, "--at", "own", "--event-log", LOG);
    assert_int_equal(result.status, BULLA_EXIT_USAGE);
    program_result_free(&result);
}

static int set_up(void **state)
{
    (void)state;
    static const char *const names[] = {VECTOR("sev-snp/milan-vcek.der"), VECTOR("sev-snp/cert_chain_milan.pem")};
    static unsigned char both[16384];
    size_t used = 0;
    test_folder_make(folder, sizeof folder);
    for (size_t i = 0; i < 2; i++) {
        size_t size = 0;
        unsigned char *data = test_file_read(names[i], &size);
        assert_true(data && used + size <= sizeof both);
        memcpy(both + used, data, size);
        used += size;
        free(data);
    }
    test_file_write(in_folder("amd", certificates), both, used);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_document_ends_with_its_status_and_code),
        cmocka_unit_test(mistakes_are_told_before_anything_is_judged),
        cmocka_unit_test(files_that_are_not_there_or_no_certificates_are_told),
        cmocka_unit_test(a_root_is_named_by_its_file),
        cmocka_unit_test(a_signed_policy_accepts_or_not),
        cmocka_unit_test(a_cwt_is_written_for_a_yes_and_for_a_no),
        cmocka_unit_test(explain_tells_a_refused_document_too),
        cmocka_unit_test(explain_as_json_is_the_verdict),
        cmocka_unit_test(an_event_log_explains_the_quoted_pcrs),
        cmocka_unit_test(what_the_log_does_not_lead_to_is_told),
        cmocka_unit_test(an_unpinned_quote_is_refused_and_explained),
        cmocka_unit_test(a_log_that_is_none_or_has_unknown_events_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
