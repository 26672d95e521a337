/* Every real document under tests/vectors gets its verdict at its own time and on a later day; then each thing that a
 * relying party can ask for is asked of them. What is bulla's own is in test_judgement_bound.c. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judged.h"
#include "real_documents.h"
#include "support/vectors.h"

enum { OWN = 0, LATER = 1795694400 /* 2026-11-26 */ };

/* --- real documents --- */

/* `at`: within the document's own time, as the tests of its kind have it. Nitro states its time itself. */
static const struct real {
    const char *document, *first, *second; /* the certificates, or the collateral as `first` alone */
    uint64_t at;
    enum bulla_evidence_kind kind;
    enum bulla_reason then, later;
} reals[] = {
    {"nitro/20210324_anjuna-security_prod_b9db8022.cbor", NULL, NULL, OWN, BULLA_EVIDENCE_NITRO, BULLA_OK,
        BULLA_CERTIFICATE_EXPIRED},
    {"nitro/20221109_veracruz-project_BADSIG_7df2cdc0.cbor", NULL, NULL, OWN, BULLA_EVIDENCE_NITRO, BULLA_SIGNATURE,
        BULLA_CERTIFICATE_EXPIRED},
    {"nitro/20230118_evervault_prod_061b9b75.cbor", NULL, NULL, OWN, BULLA_EVIDENCE_NITRO, BULLA_OK,
        BULLA_CERTIFICATE_EXPIRED},
    {"nitro/20230918_evervault_debug_6f80ac25.cbor", NULL, NULL, OWN, BULLA_EVIDENCE_NITRO, BULLA_EVIDENCE_DEBUG,
        BULLA_CERTIFICATE_EXPIRED},
    {"nitro/20240226_base_prod_3a4a0301.cbor", NULL, NULL, OWN, BULLA_EVIDENCE_NITRO, BULLA_OK,
        BULLA_CERTIFICATE_EXPIRED},
    {"nitro/20241130_base-org_prod_69d51f98.cbor", NULL, NULL, OWN, BULLA_EVIDENCE_NITRO, BULLA_OK,
        BULLA_CERTIFICATE_EXPIRED},
    {"nitro/20250415_MystenLabs_prod_7e916453.cbor", NULL, NULL, OWN, BULLA_EVIDENCE_NITRO, BULLA_OK,
        BULLA_CERTIFICATE_EXPIRED},
    {"sev-snp/milan-report.bin", "sev-snp/milan-vcek.der", "sev-snp/cert_chain_milan.pem", 1680566400,
        BULLA_EVIDENCE_SEV_SNP, BULLA_OK, BULLA_OK},
    {"sev-snp/milan-test-report.bin", "sev-snp/milan-test-vcek.der", "sev-snp/cert_chain_milan.pem", 1674604800,
        BULLA_EVIDENCE_SEV_SNP, BULLA_OK, BULLA_OK},
    {"sev-snp/milan-test-report.bin", "sev-snp/milan-test-vcek-invalid.der", "sev-snp/cert_chain_milan.pem", 1700000000,
        BULLA_EVIDENCE_SEV_SNP, BULLA_CERTIFICATE_INVALID, BULLA_CERTIFICATE_INVALID},
    {"sev-snp/genoa-v5-report.bin", "sev-snp/genoa-vcek.der", "sev-snp/cert_chain_genoa.pem", 1771372800,
        BULLA_EVIDENCE_SEV_SNP, BULLA_OK, BULLA_OK},
    {"tdx/phala-v4.bin", "tdx/phala-collateral.json", NULL, 1750377600, BULLA_EVIDENCE_TDX, BULLA_OK,
        BULLA_CERTIFICATE_EXPIRED},
    {"tdx/debug-v4.bin", NULL, NULL, 1675814400, BULLA_EVIDENCE_TDX, BULLA_EVIDENCE_DEBUG, BULLA_EVIDENCE_DEBUG},
    {"tdx/guest-v5.bin", NULL, NULL, 1710806400, BULLA_EVIDENCE_TDX, BULLA_OK, BULLA_OK},
    {"sgx/phala-v3.bin", "sgx/phala-collateral.json", NULL, 1750377600, BULLA_EVIDENCE_SGX, BULLA_OK,
        BULLA_CERTIFICATE_EXPIRED},
};
enum { REALS = sizeof reals / sizeof *reals, BASE = 4, MILAN = 7, MILAN_TEST = 8, GENOA = 10, TD_V4 = 11, SGX = 14 };

struct given {
    struct bulla_bytes document, endorsement;
    struct bulla_judgement judgement;
};

static void give(struct given *given, const struct real *real)
{
    memset(given, 0, sizeof *given);
    given->document = real_document(real->document);
    if (real->first)
        given->endorsement = real->second ? real_documents(real->first, real->second) : real_document(real->first);
    given->judgement.evidence = given->document;
    if (real->second)
        given->judgement.trusted.endorsements.certificates = given->endorsement;
    else
        given->judgement.trusted.endorsements.collateral = given->endorsement;
    given->judgement.now = real->at ? real->at : LATER;
    given->judgement.at_its_own_time = real->at == OWN;
}

static void give_up(struct given *given)
{
    real_document_free(&given->document);
    real_document_free(&given->endorsement);
}

/* What is refused is contraindicated; what nobody compared with anything is not affirmed. */
static void assert_tier(void)
{
    if (result.reason != BULLA_OK)
        assert_int_equal(result.tier, BULLA_TIER_CONTRA);
    else if (!result.appraised)
        assert_int_not_equal(result.tier, BULLA_TIER_AFFIRMING);
    assert_true(result.reason == BULLA_OK || !result.appraised);
}

static void each_real_document_gets_its_verdict_at_its_own_time_and_later(void **state)
{
    (void)state;
    for (size_t i = 0; i < REALS; i++) {
        struct given given;
        give(&given, &reals[i]);
        if (judge(&given.judgement) != reals[i].then)
            fail_msg("%s: %s (%s)", reals[i].document, bulla_reason_code(result.reason), result.detail);
        assert_int_equal(result.kind, reals[i].kind);
        assert_int_equal(result.claims.kind, reals[i].then == BULLA_OK ? reals[i].kind : BULLA_EVIDENCE_NONE);
        assert_false(result.reported || result.appraised);
        assert_tier();
        given.judgement.at_its_own_time = false;
        given.judgement.now = LATER;
        if (judge(&given.judgement) != reals[i].later)
            fail_msg("%s, later: %s (%s)", reals[i].document, bulla_reason_code(result.reason), result.detail);
        assert_tier();
        give_up(&given);
    }
}

/* SEV-SNP, TDX and SGX: "its own time" is then the one that the caller names. */
static void what_states_no_time_is_judged_at_the_callers(void **state)
{
    (void)state;
    for (size_t i = 0; i < REALS; i++) {
        struct given given;
        give(&given, &reals[i]);
        given.judgement.at_its_own_time = true;
        assert_int_equal(judge(&given.judgement), reals[i].then);
        given.judgement.now = LATER;
        assert_int_equal(judge(&given.judgement), reals[i].at == OWN ? reals[i].then : reals[i].later);
        give_up(&given);
    }
}

static void the_vector_says_what_is_known(void **state)
{
    (void)state;
    static const struct {
        size_t real;
        int identity, configuration, hardware;
        enum bulla_trust_tier tier;
    } rows[] = {
        {BASE, 2, 3, 2, BULLA_TIER_NONE}, {1, 99, 99, 99, BULLA_TIER_CONTRA}, /* its signature is wrong */
        {3, 0, 96, 0, BULLA_TIER_CONTRA},                                     /* debugged: that alone is said */
        {TD_V4, 2, 3, 2, BULLA_TIER_NONE},                                    /* up to date */
        {SGX, 2, 3, 32, BULLA_TIER_WARNING},                                  /* configuration needed, says Intel */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct given given;
        give(&given, &reals[rows[i].real]);
        assert_int_equal(judge(&given.judgement), reals[rows[i].real].then);
        assert_vector(rows[i].identity, rows[i].configuration, rows[i].identity == 99 ? 99 : 0, rows[i].hardware);
        assert_int_equal(result.tier, rows[i].tier);
        give_up(&given);
    }
}

static void what_is_no_evidence_is_told_apart(void **state)
{
    (void)state;
    static uint8_t large[2 * BULLA_EVIDENCE_DOCUMENT_LARGEST + 1];
    REAL_DOCUMENT struct bulla_bytes bare_quote = real_document("tpm/tools-rsapss-quote");
    const struct {
        struct bulla_bytes bytes;
        enum bulla_reason reason;
    } rows[] = {
        {{NULL, 0}, BULLA_EVIDENCE_KIND},
        {BULLA_TEXT("{}"), BULLA_EVIDENCE_KIND},
        {bare_quote, BULLA_EVIDENCE_KIND}, /* a quote without its key and its PCRs */
        {BULLA_TEXT("\xa1\x01\x02"), BULLA_EVIDENCE_KIND},
        {BULLA_TEXT("\xa1\x40\x61x"), BULLA_EVIDENCE_KIND},
        {BULLA_BYTES(large), BULLA_TOO_LARGE},
        {{large, 2 * BULLA_EVIDENCE_DOCUMENT_LARGEST}, BULLA_TOO_LARGE},
        {{large, BULLA_EVIDENCE_DOCUMENT_LARGEST}, BULLA_EVIDENCE_KIND},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct bulla_judgement judgement = {.evidence = rows[i].bytes, .now = LATER};
        if (judge(&judgement) != rows[i].reason)
            fail_msg("row %zu: %s", i, bulla_reason_code(result.reason));
        assert_vector(99, 99, 99, 99);
        assert_int_equal(result.tier, BULLA_TIER_CONTRA);
        assert_int_equal(result.claims.kind, BULLA_EVIDENCE_NONE);
    }
}

/* --- age --- */

/* The document of 2024-02-26 was made 1708930921.439 s after 1970; its chain is valid from 148 s before that to three
 * hours after it. */
static void age_is_judged_to_the_second(void **state)
{
    (void)state;
    enum { MADE = 1708930921 };
    static const struct {
        int64_t after;
        uint64_t oldest;
        enum bulla_reason reason;
    } rows[] = {
        {0, 0, BULLA_OK},
        {300, 0, BULLA_OK},
        {301, 0, BULLA_EVIDENCE_STALE},
        {301, 301, BULLA_OK},
        {302, 301, BULLA_EVIDENCE_STALE},
        {1, 1, BULLA_OK},
        {2, 1, BULLA_EVIDENCE_STALE},
        {-60, 0, BULLA_OK},
        {-61, 0, BULLA_EVIDENCE_STALE},
        {-61, 10000, BULLA_EVIDENCE_STALE},
        {10655, 20000, BULLA_OK}, /* the last second of its chain */
        {10656, 20000, BULLA_CERTIFICATE_EXPIRED},
        {-149, 20000, BULLA_CERTIFICATE_NOT_YET},
    };
    struct given given;
    give(&given, &reals[BASE]);
    given.judgement.at_its_own_time = false;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        given.judgement.now = (uint64_t)(MADE + rows[i].after);
        given.judgement.oldest = rows[i].oldest;
        if (judge(&given.judgement) != rows[i].reason)
            fail_msg("%d s: %s (%s)", (int)rows[i].after, bulla_reason_code(result.reason), result.detail);
    }
    given.judgement.now = MADE + 301;
    given.judgement.oldest = 0;
    given.judgement.at_its_own_time = true;
    assert_int_equal(judge(&given.judgement), BULLA_OK);
    give_up(&given);
}

/* --- nonces and purposes of bare documents --- */

static void a_bare_document_carries_the_nonce_itself(void **state)
{
    (void)state;
    static const struct {
        size_t real;
        const char *nonce; /* hex */
        enum bulla_reason reason;
    } rows[] = {
        /* the report data of milan-test-report.bin: 32 bytes, and zeros */
        {MILAN_TEST, "ec6c52d7533cc2c4f45be7849cf112ab82b2009fe7bd43e71ed08c14400ad7e2", BULLA_OK},
        {MILAN_TEST, "ec6c52d7533cc2c4f45be7849cf112ab82b2009fe7bd43e71ed08c14400ad7e3", BULLA_EVIDENCE_MISMATCH},
        {MILAN_TEST, "ec6c52d7533cc2c4f45be7849cf112ab82b2009fe7bd43e71ed08c14400ad7", BULLA_EVIDENCE_MISMATCH},
        {GENOA, "68656c6c6f2d6174746573746174696f6e", BULLA_OK},       /* "hello-attestation" */
        {GENOA, "68656c6c6f", BULLA_EVIDENCE_MISMATCH},                /* there is more behind it */
        {BASE, "7b22746f74616c5f6d656d6f72", BULLA_EVIDENCE_MISMATCH}, /* its user_data goes on; its nonce is null */
        {BASE, "0011223344556677", BULLA_EVIDENCE_MISMATCH},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct given given;
        uint8_t nonce[64];
        give(&given, &reals[rows[i].real]);
        given.judgement.nonce = (struct bulla_bytes){nonce, test_hex(rows[i].nonce, nonce, sizeof nonce)};
        if (judge(&given.judgement) != rows[i].reason)
            fail_msg("row %zu: %s", i, bulla_reason_code(result.reason));
        assert_int_equal(result.nonce.size, rows[i].reason == BULLA_OK ? given.judgement.nonce.size : 0);
        give_up(&given);
    }
}

/* The document of 2023-01-18 has a nonce of 256 bytes, and 120 bytes of user_data, which is then no nonce. */
static void a_nonce_field_is_the_nonce(void **state)
{
    (void)state;
    struct given given;
    give(&given, &reals[2]);
    assert_int_equal(judge(&given.judgement), BULLA_OK);
    uint8_t nonce[256], user_data[120];
    assert_int_equal(result.claims.nonce.size, sizeof nonce);
    memcpy(nonce, result.claims.nonce.data, sizeof nonce);
    assert_int_equal(result.claims.report_data.size, sizeof user_data);
    memcpy(user_data, result.claims.report_data.data, sizeof user_data);
    given.judgement.nonce = BULLA_BYTES(nonce);
    assert_int_equal(judge(&given.judgement), BULLA_OK);
    nonce[255] ^= 1;
    assert_int_equal(judge(&given.judgement), BULLA_EVIDENCE_MISMATCH);
    given.judgement.nonce = BULLA_BYTES(user_data);
    assert_int_equal(judge(&given.judgement), BULLA_EVIDENCE_MISMATCH);
    give_up(&given);
}

static void a_bare_document_was_made_for_no_purpose(void **state)
{
    (void)state;
    for (size_t i = 0; i < REALS; i++)
        for (int purpose = 0; purpose < BULLA_PURPOSE_COUNT; purpose++) {
            struct given given;
            give(&given, &reals[i]);
            given.judgement.has_purpose = true;
            given.judgement.purpose = (enum bulla_purpose)purpose;
            assert_int_equal(
                judge(&given.judgement), reals[i].then == BULLA_OK ? BULLA_EVIDENCE_UNBOUND : reals[i].then);
            give_up(&given);
        }
}

static void a_tpms_key_that_was_named_is_no_enclaves(void **state)
{
    (void)state;
    static const uint8_t name[34] = {0, 0x0b, 1};
    for (size_t i = 0; i < REALS; i++) {
        struct given given;
        give(&given, &reals[i]);
        given.judgement.trusted.attestation_key = BULLA_BYTES(name);
        assert_int_equal(judge(&given.judgement), BULLA_EVIDENCE_UNTRUSTED);
        give_up(&given);
    }
}

/* --- policies --- */

static struct bulla_policy policy;

/* In force from a day before to a day after `now`, with one reference. */
static void allow(enum bulla_evidence_kind kind, const char *name, const char *hex, uint32_t tcb)
{
    struct bulla_policy_reference *reference = &policy.references[0];
    memset(&policy, 0, sizeof policy);
    memset(policy.authority, 0x41, sizeof policy.authority);
    policy.version = 3;
    policy.epoch = 1;
    policy.not_before = LATER - 86400;
    policy.not_after = LATER + 86400;
    policy.reference_count = 1;
    reference->kind = kind;
    (void)snprintf(reference->label, sizeof reference->label, "the image");
    reference->tcb_accepted = tcb;
    reference->measurement_count = 1;
    (void)snprintf(reference->measurements[0].name, sizeof reference->measurements[0].name, "%s", name);
    reference->measurements[0].size = (uint8_t)test_hex(hex, reference->measurements[0].value, 64);
}

/* PCR0 of the document of 2024-02-26, read out of it with Python's cbor2. */
static const char base_pcr0[] =
    "17bf8f048519797be90497001a7559a3d555395937117d76f8baaedf56ca6d97952de79479bc0c76e5d176d20f663790";

static void a_policy_says_yes_or_no(void **state)
{
    (void)state;
    struct given given;
    give(&given, &reals[BASE]);
    given.judgement.policy = &policy;
    allow(BULLA_EVIDENCE_NITRO, "pcr0", base_pcr0, 0);
    assert_int_equal(judge(&given.judgement), BULLA_OK);
    assert_vector(2, 2, 3, 2);
    assert_int_equal(result.tier, BULLA_TIER_AFFIRMING);
    assert_true(result.appraised && result.has_policy);
    assert_string_equal(result.label, "the image");
    assert_true(result.policy_version == 3 && result.policy_epoch == 1);
    assert_memory_equal(result.authority, policy.authority, sizeof result.authority);

    policy.references[0].measurements[0].value[47] ^= 1;
    assert_int_equal(judge(&given.judgement), BULLA_POLICY_STATE);
    assert_vector(2, 3, 33, 2);
    assert_int_equal(result.tier, BULLA_TIER_CONTRA);
    assert_true(!result.appraised && result.has_policy && result.label[0] == '\0');
    assert_int_equal(result.claims.kind, BULLA_EVIDENCE_NITRO); /* to be looked at */

    allow(BULLA_EVIDENCE_TDX, "mrtd", base_pcr0, 0);
    assert_int_equal(judge(&given.judgement), BULLA_POLICY_STATE);
    give_up(&given);
}

static void a_policy_is_judged_in_force_now(void **state)
{
    (void)state;
    struct given given;
    give(&given, &reals[BASE]);
    given.judgement.policy = &policy;
    allow(BULLA_EVIDENCE_NITRO, "pcr0", base_pcr0, 0);
    given.judgement.now = policy.not_before;
    assert_int_equal(judge(&given.judgement), BULLA_OK);
    given.judgement.now = policy.not_before - 1;
    assert_int_equal(judge(&given.judgement), BULLA_POLICY_NOT_YET);
    assert_vector(2, 3, 0, 2);
    given.judgement.now = policy.not_after + 1;
    assert_int_equal(judge(&given.judgement), BULLA_POLICY_EXPIRED);
    give_up(&given);
}

/* SEV-SNP has no statement of what is current: a policy has to say that it takes that. */
static void a_platform_must_be_accepted_as_well(void **state)
{
    (void)state;
    static const char milan[] =
        "7a1e5c266c0108dbc9bb94fa926951320940915d0aafb42464bd88b579ea158d3e1a0dc39b2c60bd95b9c480cd81841f";
    static const char enclave[] = "33d8736db756ed4997e04ba358d27833188f1932ff7b1d156904d3f560452fbb";
    struct given given;
    give(&given, &reals[MILAN]);
    given.judgement.policy = &policy;
    given.judgement.now = LATER;
    allow(BULLA_EVIDENCE_SEV_SNP, "measurement", milan, 0);
    assert_int_equal(judge(&given.judgement), BULLA_EVIDENCE_TCB);
    assert_int_equal(result.tier, BULLA_TIER_CONTRA);
    allow(BULLA_EVIDENCE_SEV_SNP, "measurement", milan, 1 << BULLA_TCB_UNKNOWN);
    assert_int_equal(judge(&given.judgement), BULLA_OK);
    assert_int_equal(result.tier, BULLA_TIER_AFFIRMING);
    give_up(&given);

    give(&given, &reals[SGX]); /* Intel: configuration needed */
    given.judgement.policy = &policy;
    allow(BULLA_EVIDENCE_SGX, "mrenclave", enclave, 0);
    policy.not_before = 1;
    assert_int_equal(judge(&given.judgement), BULLA_EVIDENCE_TCB);
    policy.references[0].tcb_accepted = 1 << BULLA_TCB_CONFIGURATION_NEEDED;
    assert_int_equal(judge(&given.judgement), BULLA_OK);
    assert_vector(2, 2, 3, 32);
    assert_int_equal(result.tier, BULLA_TIER_WARNING); /* accepted, and told all the same */
    give_up(&given);
}

static void tiers_have_their_names(void **state)
{
    (void)state;
    assert_string_equal(bulla_trust_tier_name(BULLA_TIER_NONE), "none");
    assert_string_equal(bulla_trust_tier_name(BULLA_TIER_AFFIRMING), "affirming");
    assert_string_equal(bulla_trust_tier_name(BULLA_TIER_WARNING), "warning");
    assert_string_equal(bulla_trust_tier_name(BULLA_TIER_CONTRA), "contraindicated");
    assert_string_equal(bulla_trust_tier_name((enum bulla_trust_tier)7), "contraindicated");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_real_document_gets_its_verdict_at_its_own_time_and_later),
        cmocka_unit_test(what_states_no_time_is_judged_at_the_callers),
        cmocka_unit_test(the_vector_says_what_is_known),
        cmocka_unit_test(what_is_no_evidence_is_told_apart),
        cmocka_unit_test(age_is_judged_to_the_second),
        cmocka_unit_test(a_bare_document_carries_the_nonce_itself),
        cmocka_unit_test(a_nonce_field_is_the_nonce),
        cmocka_unit_test(a_bare_document_was_made_for_no_purpose),
        cmocka_unit_test(a_tpms_key_that_was_named_is_no_enclaves),
        cmocka_unit_test(a_policy_says_yes_or_no),
        cmocka_unit_test(a_policy_is_judged_in_force_now),
        cmocka_unit_test(a_platform_must_be_accepted_as_well),
        cmocka_unit_test(tiers_have_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
