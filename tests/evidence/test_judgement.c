/* Every real document under tests/vectors gets its verdict at its own time and on a later day; then each thing that a
 * relying party can ask for, asked of real documents and of those that attesters of paper sign. */
#include "support/test.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/judgement.h"
#include "nitro_maker.h"
#include "quote_maker.h"
#include "real_documents.h"
#include "snp_maker.h"
#include "support/vectors.h"

enum { OWN = 0, LATER = 1795694400 /* 2026-11-26 */ };

static struct bulla_attestation_result result;

static enum bulla_reason judge(const struct bulla_judgement *judgement)
{
    memset(&result, 0xa5, sizeof result);
    enum bulla_reason reason = bulla_evidence_judge(judgement, &result);
    assert_int_equal(result.reason, reason);
    assert_int_equal(result.detail[0] == '\0', reason == BULLA_OK);
    assert_true(result.judged_at == judgement->now);
    return reason;
}

static void assert_vector(int identity, int configuration, int executables, int hardware)
{
    assert_int_equal(result.vector[BULLA_TRUST_INSTANCE_IDENTITY], identity);
    assert_int_equal(result.vector[BULLA_TRUST_CONFIGURATION], configuration);
    assert_int_equal(result.vector[BULLA_TRUST_EXECUTABLES], executables);
    assert_int_equal(result.vector[BULLA_TRUST_HARDWARE], hardware);
}

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

/* --- bulla's own evidence, by attesters of paper --- */

static const uint8_t nonce[16] = "0123456789abcdef", other_nonce[16] = "0123456789abcdeF", public_key[32] = {7};

static struct test_p256 tpm_key;
static struct nitro_pki pki;
static uint8_t report_bytes[BULLA_REPORT_LARGEST], evidence_bytes[20480];

static struct bulla_bytes report_make(enum bulla_purpose purpose)
{
    const struct bulla_report report = {.purpose = purpose,
        .nonce = BULLA_BYTES(nonce),
        .public_key = BULLA_BYTES(public_key),
        .token = BULLA_TEXT("0123456789abcdef")};
    struct bulla_writer writer;
    bulla_writer_open(&writer, report_bytes, sizeof report_bytes);
    assert_int_equal(bulla_report_write(&report, &writer), BULLA_OK);
    return bulla_writer_bytes(&writer);
}

/* A Nitro document over `over`, in an envelope with `report`. */
static struct bulla_bytes nitro_make(struct bulla_bytes over, struct bulla_bytes report)
{
    static struct nitro_document wanted;
    static uint8_t document[NITRO_DOCUMENT];
    uint8_t digest[32];
    struct bulla_writer writer;
    SHA256(over.data, over.size, digest);
    for (size_t i = 0; i < NITRO_PCRS; i++)
        memset(wanted.pcrs[i], (int)(0x30 + i), 48);
    wanted.user_data = BULLA_BYTES(digest);
    wanted.timestamp = UINT64_C(1000) * LATER;
    size_t size = nitro_document_make(&pki, &wanted, document, sizeof document);
    const struct bulla_envelope envelope = {
        .kind = BULLA_EVIDENCE_NITRO, .document = {document, size}, .report = report};
    bulla_writer_open(&writer, evidence_bytes, sizeof evidence_bytes);
    assert_int_equal(bulla_envelope_write(&envelope, &writer), BULLA_OK);
    return bulla_writer_bytes(&writer);
}

static struct bulla_judgement nitro_judgement(enum bulla_purpose purpose)
{
    struct bulla_bytes report = report_make(purpose);
    return (struct bulla_judgement){.evidence = nitro_make(report, report),
        .trusted = {.roots = (const uint8_t(*)[32])pki.root, .root_count = 1},
        .now = LATER,
        .nonce = BULLA_BYTES(nonce)};
}

static void evidence_is_for_its_own_purpose_and_nonce(void **state)
{
    (void)state;
    for (int purpose = 0; purpose < BULLA_PURPOSE_COUNT; purpose++) {
        struct bulla_judgement judgement = nitro_judgement((enum bulla_purpose)purpose);
        assert_int_equal(judge(&judgement), BULLA_OK); /* whatever it says */
        assert_int_equal(result.report.purpose, purpose);
        assert_true(result.reported && bulla_bytes_equal(result.nonce, BULLA_BYTES(nonce)));
        judgement.has_purpose = true;
        for (int wanted = 0; wanted < BULLA_PURPOSE_COUNT; wanted++) {
            judgement.purpose = (enum bulla_purpose)wanted;
            assert_int_equal(judge(&judgement), wanted == purpose ? BULLA_OK : BULLA_EVIDENCE_MISMATCH);
            assert_true(result.reported);
        }
        judgement.purpose = (enum bulla_purpose)purpose;
        judgement.nonce = BULLA_BYTES(other_nonce);
        assert_int_equal(judge(&judgement), BULLA_EVIDENCE_MISMATCH);
        assert_int_equal(result.nonce.size, 0);
        judgement.nonce = (struct bulla_bytes){nonce, 15};
        assert_int_equal(judge(&judgement), BULLA_EVIDENCE_MISMATCH);
        judgement.nonce = (struct bulla_bytes){NULL, 0};
        assert_int_equal(judge(&judgement), BULLA_OK);
    }
}

/* Nothing of a report that the attester did not sign is in a result. */
static void a_report_that_was_exchanged_is_not_told(void **state)
{
    (void)state;
    static const struct bulla_report nothing;
    uint8_t copy[BULLA_REPORT_LARGEST];
    struct bulla_bytes other = report_make(BULLA_PURPOSE_ATTEST);
    memcpy(copy, other.data, other.size);
    struct bulla_judgement judgement = nitro_judgement(BULLA_PURPOSE_ATTEST);
    struct bulla_bytes over = report_make(BULLA_PURPOSE_RECEIPT);
    judgement.evidence = nitro_make(over, (struct bulla_bytes){copy, other.size});
    assert_int_equal(judge(&judgement), BULLA_EVIDENCE_UNBOUND);
    assert_false(result.reported);
    assert_memory_equal(&result.report, &nothing, sizeof nothing);
    assert_int_equal(result.claims.kind, BULLA_EVIDENCE_NITRO);
}

static void a_root_that_nobody_named_is_not_trusted(void **state)
{
    (void)state;
    struct bulla_judgement judgement = nitro_judgement(BULLA_PURPOSE_ATTEST);
    assert_int_equal(judge(&judgement), BULLA_OK);
    judgement.trusted.root_count = 0;
    assert_int_equal(judge(&judgement), BULLA_CERTIFICATE_UNTRUSTED);
    assert_vector(99, 99, 99, 99);
}

static struct bulla_bytes tpm_make(struct quote_maker *quote)
{
    struct bulla_tpm_evidence evidence;
    struct bulla_writer writer;
    struct bulla_bytes report = report_make(BULLA_PURPOSE_ATTEST);
    quote_maker_init(quote);
    memcpy(quote->report, report.data, report.size);
    quote->report_size = report.size;
    SHA256(report.data, report.size, quote->extra_data);
    quote_maker_make(quote, &tpm_key, &evidence);
    bulla_writer_open(&writer, evidence_bytes, sizeof evidence_bytes);
    assert_int_equal(bulla_tpm_evidence_write(&evidence, &writer), BULLA_OK);
    return bulla_writer_bytes(&writer);
}

/* Anybody can make a key in software that says it is a TPM's: without its name it is no evidence, and yet shown. */
static void a_quote_is_worth_what_its_key_is(void **state)
{
    (void)state;
    static struct quote_maker quote;
    struct bulla_judgement judgement = {.evidence = tpm_make(&quote), .now = LATER, .nonce = BULLA_BYTES(nonce)};
    assert_int_equal(judge(&judgement), BULLA_EVIDENCE_UNTRUSTED);
    assert_vector(97, 3, 0, 0);
    assert_int_equal(result.tier, BULLA_TIER_CONTRA);
    assert_int_equal(result.claims.kind, BULLA_EVIDENCE_TPM);
    judgement.trusted.attestation_key = BULLA_BYTES(quote.name);
    assert_int_equal(judge(&judgement), BULLA_OK);
    assert_vector(2, 3, 0, 2);
    assert_int_equal(result.tier, BULLA_TIER_NONE);
    uint8_t other[34];
    memcpy(other, quote.name, sizeof other);
    other[33] ^= 1;
    judgement.trusted.attestation_key = BULLA_BYTES(other);
    assert_int_equal(judge(&judgement), BULLA_EVIDENCE_UNTRUSTED);
    assert_vector(99, 99, 99, 99);
}

static void a_policys_state_is_compared_with_the_quoted_pcrs(void **state)
{
    (void)state;
    static struct quote_maker quote;
    uint8_t values[3][32];
    struct bulla_judgement judgement = {.evidence = tpm_make(&quote), .now = LATER, .policy = &policy};
    judgement.trusted.attestation_key = BULLA_BYTES(quote.name);
    memcpy(values[0], quote.pcrs[0], 32);
    memcpy(values[1], quote.pcrs[7], 32);
    memcpy(values[2], quote.pcrs[23], 32);
    allow(BULLA_EVIDENCE_NITRO, "pcr0", base_pcr0, 0);
    assert_int_equal(judge(&judgement), BULLA_POLICY_STATE);
    policy.state_count = 1;
    policy.states[0].pcr_mask = 1 | 1 << 7 | 1 << 23;
    SHA256(values[0], sizeof values, policy.states[0].pcr_digest);
    (void)snprintf(policy.states[0].label, sizeof policy.states[0].label, "kernel");
    assert_int_equal(judge(&judgement), BULLA_OK);
    assert_string_equal(result.label, "kernel");
    assert_vector(2, 2, 3, 2);
    policy.states[0].pcr_digest[0] ^= 1;
    assert_int_equal(judge(&judgement), BULLA_POLICY_STATE);
    assert_vector(2, 3, 33, 2);
}

/* A real quote over a nonce is none over a report, whatever report is put beside it. */
static void a_real_quote_binds_no_report_of_ours(void **state)
{
    (void)state;
    REAL_DOCUMENT struct bulla_bytes attest = real_document("tpm/tools-rsapss-quote");
    REAL_DOCUMENT struct bulla_bytes signature = real_document("tpm/tools-rsapss-signature");
    REAL_DOCUMENT struct bulla_bytes key = real_document("tpm/tools-rsapss-ak.pub"); /* TPM2B_PUBLIC */
    REAL_DOCUMENT struct bulla_bytes name = real_document("tpm/tools-rsapss-ak.name");
    REAL_DOCUMENT struct bulla_bytes pcrs = real_document("tpm/tools-rsapss-pcrs");
    static struct bulla_tpm_evidence evidence;
    struct bulla_writer writer;
    evidence.attest = attest;
    evidence.signature = signature;
    evidence.key = (struct bulla_bytes){key.data + 2, key.size - 2};
    evidence.report = report_make(BULLA_PURPOSE_ATTEST);
    assert_int_equal(bulla_tpm_pcr_file_read(pcrs, &evidence.bank, &evidence.pcr_mask, evidence.values), BULLA_OK);
    bulla_writer_open(&writer, evidence_bytes, sizeof evidence_bytes);
    assert_int_equal(bulla_tpm_evidence_write(&evidence, &writer), BULLA_OK);
    const struct bulla_judgement judgement = {
        .evidence = bulla_writer_bytes(&writer), .now = LATER, .trusted.attestation_key = name};
    assert_int_equal(judge(&judgement), BULLA_EVIDENCE_MISMATCH);
    assert_int_equal(result.kind, BULLA_EVIDENCE_TPM);
    assert_int_equal(result.claims.kind, BULLA_EVIDENCE_NONE);
}

/* The policy of the guest, at offset 8 of the report: bit 18 lets a migration agent move it. */
static void what_may_migrate_is_warned_of(void **state)
{
    (void)state;
    static struct snp_maker maker;
    snp_maker_init(&maker);
    uint64_t guest_policy = 0;
    for (size_t i = 8; i-- > 0;)
        guest_policy = guest_policy << 8 | maker.report[8 + i];
    snp_maker_put(&maker, 8, guest_policy | 1 << 18, 8);
    snp_maker_make(&maker);
    struct bulla_judgement judgement = {
        .evidence = BULLA_BYTES(maker.report), .trusted = snp_maker_verification(&maker), .now = SNP_MAKER_AT};
    assert_int_equal(judge(&judgement), BULLA_OK);
    assert_vector(2, 32, 0, 2);
    assert_int_equal(result.tier, BULLA_TIER_WARNING);
    snp_maker_free(&maker);
}

/* An attester's own certificates help where the caller named none, and are no roots. */
static void certificates_travel_with_the_evidence(void **state)
{
    (void)state;
    static struct snp_maker maker;
    struct bulla_writer writer;
    snp_maker_init(&maker);
    struct bulla_bytes report = report_make(BULLA_PURPOSE_ATTEST);
    memset(maker.report + 0x50, 0, 64);
    SHA256(report.data, report.size, maker.report + 0x50);
    snp_maker_make(&maker);
    struct bulla_judgement judgement = {.trusted = snp_maker_verification(&maker), .now = SNP_MAKER_AT};
    const struct bulla_envelope envelope = {.kind = BULLA_EVIDENCE_SEV_SNP,
        .document = BULLA_BYTES(maker.report),
        .report = report,
        .certificates = judgement.trusted.endorsements.certificates};
    bulla_writer_open(&writer, evidence_bytes, sizeof evidence_bytes);
    assert_int_equal(bulla_envelope_write(&envelope, &writer), BULLA_OK);
    judgement.evidence = bulla_writer_bytes(&writer);
    judgement.trusted.endorsements.certificates = (struct bulla_bytes){NULL, 0};
    assert_int_equal(judge(&judgement), BULLA_OK);
    judgement.trusted.root_count = 0;
    assert_int_equal(judge(&judgement), BULLA_CERTIFICATE_UNTRUSTED);
    snp_maker_free(&maker);
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

static int set_up(void **state)
{
    (void)state;
    test_p256_make(&tpm_key);
    nitro_pki_make(&pki, LATER - 3600, LATER + 3600);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_p256_free(&tpm_key);
    nitro_pki_free(&pki);
    return 0;
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
        cmocka_unit_test(evidence_is_for_its_own_purpose_and_nonce),
        cmocka_unit_test(a_report_that_was_exchanged_is_not_told),
        cmocka_unit_test(a_root_that_nobody_named_is_not_trusted),
        cmocka_unit_test(a_quote_is_worth_what_its_key_is),
        cmocka_unit_test(a_policys_state_is_compared_with_the_quoted_pcrs),
        cmocka_unit_test(a_real_quote_binds_no_report_of_ours),
        cmocka_unit_test(what_may_migrate_is_warned_of),
        cmocka_unit_test(certificates_travel_with_the_evidence),
        cmocka_unit_test(tiers_have_their_names),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
