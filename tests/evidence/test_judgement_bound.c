/* bulla's own evidence, which binds a report, by attesters of paper: what a relying party can ask of it. */
#include "support/test.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "judged.h"
#include "nitro_maker.h"
#include "quote_maker.h"
#include "real_documents.h"
#include "snp_maker.h"

enum { LATER = 1795694400 /* 2026-11-26 */ };

static struct bulla_policy policy;
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
    policy = (struct bulla_policy){.not_after = LATER + 1};
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
        cmocka_unit_test(evidence_is_for_its_own_purpose_and_nonce),
        cmocka_unit_test(a_report_that_was_exchanged_is_not_told),
        cmocka_unit_test(a_root_that_nobody_named_is_not_trusted),
        cmocka_unit_test(a_quote_is_worth_what_its_key_is),
        cmocka_unit_test(a_policys_state_is_compared_with_the_quoted_pcrs),
        cmocka_unit_test(a_real_quote_binds_no_report_of_ours),
        cmocka_unit_test(what_may_migrate_is_warned_of),
        cmocka_unit_test(certificates_travel_with_the_evidence),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
