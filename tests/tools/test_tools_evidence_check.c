/* How commands judge evidence that they were just given: at the time that it states or, where its kind states none, at
 * the caller's; with the certificates that it brings, or the caller's. Nitro modules and processors are of paper. */
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/cipher.h"
#include "evidence/judgement.h"
#include "evidence/nitro_maker.h"
#include "evidence/snp_maker.h"
#include "tools/evidence_check.h"

enum { YEARS_LATER = 2000000000 };

static uint8_t report[BULLA_REPORT_LARGEST], digest[32];
static size_t report_size;
static uint8_t evidence[65536];
static size_t evidence_size;

static int report_make(void **state)
{
    (void)state;
    struct bulla_writer writer;
    const struct bulla_report wanted = {.purpose = BULLA_PURPOSE_RECEIPT, .token = BULLA_TEXT("0123456789abcdef")};
    bulla_writer_open(&writer, report, sizeof report);
    assert_int_equal(bulla_report_write(&wanted, &writer), BULLA_OK);
    report_size = writer.size;
    bulla_report_digest(bulla_writer_bytes(&writer), digest);
    return 0;
}

static void evidence_make(enum bulla_evidence_kind kind, struct bulla_bytes document, struct bulla_bytes certificates)
{
    struct bulla_writer writer;
    const struct bulla_envelope envelope = {kind, document, {report, report_size}, certificates};
    bulla_writer_open(&writer, evidence, sizeof evidence);
    assert_int_equal(bulla_envelope_write(&envelope, &writer), BULLA_OK);
    evidence_size = writer.size;
}

static enum bulla_reason check(const uint8_t (*root)[32], uint64_t now, struct bulla_verified_evidence *verified)
{
    const struct bulla_evidence_trust trust = {.roots = root, .root_count = 1, .now = now};
    return bulla_evidence_check((struct bulla_bytes){evidence, evidence_size}, &trust, verified);
}

static void a_report_of_snp_is_judged_at_the_callers_time(void **state)
{
    (void)state;
    static struct bulla_verified_evidence verified;
    struct bulla_report read;
    struct snp_maker *maker = malloc(sizeof *maker);
    snp_maker_init(maker);
    memcpy(maker->report + 0x50, digest, sizeof digest);
    memset(maker->report + 0x70, 0, 32);
    snp_maker_make(maker);
    evidence_make(BULLA_EVIDENCE_SEV_SNP, BULLA_BYTES(maker->report),
        (struct bulla_bytes){maker->certificates, maker->certificates_size});
    const uint8_t(*root)[32] = (const uint8_t(*)[32])maker->root;
    assert_int_equal(check(root, SNP_MAKER_AT, &verified), BULLA_OK);
    assert_int_equal(verified.claims.kind, BULLA_EVIDENCE_SEV_SNP);
    assert_int_equal(bulla_evidence_bind(&verified.claims, verified.envelope.report, BULLA_PURPOSE_RECEIPT,
                         (struct bulla_bytes){NULL, 0}, &read),
        BULLA_OK);
    assert_int_equal(check(root, SNP_MAKER_FROM - 1, &verified), BULLA_CERTIFICATE_NOT_YET);
    assert_int_equal(check(root, YEARS_LATER, &verified), BULLA_CERTIFICATE_EXPIRED);
    assert_int_equal(check(root, 0, &verified), BULLA_EVIDENCE_STALE);
    assert_int_equal(verified.claims.kind, BULLA_EVIDENCE_NONE);

    /* and so it is where its own time was asked for */
    static struct bulla_attestation_result result;
    struct bulla_judgement judgement = {.evidence = {evidence, evidence_size},
        .trusted = {.roots = root, .root_count = 1},
        .now = SNP_MAKER_AT,
        .at_its_own_time = true};
    assert_int_equal(bulla_evidence_judge(&judgement, &result), BULLA_OK);
    judgement.now = YEARS_LATER;
    assert_int_equal(bulla_evidence_judge(&judgement, &result), BULLA_CERTIFICATE_EXPIRED);
    snp_maker_free(maker);
    free(maker);
}

/* A host need not give certificates; and those that it gives are not better than the caller's. */
static void the_callers_certificates_stand_in_for_the_hosts(void **state)
{
    (void)state;
    static struct bulla_verified_evidence verified;
    static const uint8_t rubbish[] = {0x30, 0x03, 0x02, 0x01, 0x00};
    struct snp_maker *maker = malloc(sizeof *maker);
    snp_maker_init(maker);
    snp_maker_make(maker);
    struct bulla_evidence_trust trust = {
        .roots = (const uint8_t(*)[32])maker->root, .root_count = 1, .now = SNP_MAKER_AT};
    const struct bulla_bytes right = {maker->certificates, maker->certificates_size}, none = {NULL, 0};
    const struct {
        struct bulla_bytes host, caller;
        enum bulla_reason reason;
    } rows[] = {
        {none, none, BULLA_CERTIFICATE_UNTRUSTED},
        {none, right, BULLA_OK},
        {BULLA_BYTES(rubbish), none, BULLA_MALFORMED},
        {BULLA_BYTES(rubbish), right, BULLA_OK},
        {right, BULLA_BYTES(rubbish), BULLA_MALFORMED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        evidence_make(BULLA_EVIDENCE_SEV_SNP, BULLA_BYTES(maker->report), rows[i].host);
        trust.endorsements.certificates = rows[i].caller;
        assert_int_equal(
            bulla_evidence_check((struct bulla_bytes){evidence, evidence_size}, &trust, &verified), rows[i].reason);
    }
    snp_maker_free(maker);
    free(maker);
}

static void a_nitro_document_is_judged_at_its_own(void **state)
{
    (void)state;
    static struct bulla_verified_evidence verified;
    static uint8_t document[NITRO_DOCUMENT];
    struct nitro_pki pki;
    struct nitro_document wanted = {.user_data = BULLA_BYTES(digest), .timestamp = UINT64_C(1750000000) * 1000};
    nitro_pki_make(&pki, 1749999000, 1750009800);
    memset(wanted.pcrs, 0x30, sizeof wanted.pcrs);
    size_t size = nitro_document_make(&pki, &wanted, document, sizeof document);
    evidence_make(BULLA_EVIDENCE_NITRO, (struct bulla_bytes){document, size}, (struct bulla_bytes){NULL, 0});
    const uint8_t(*root)[32] = (const uint8_t(*)[32]) & pki.root;
    assert_int_equal(check(root, YEARS_LATER, &verified), BULLA_OK);
    assert_int_equal(verified.claims.made_at, 1750000000);
    nitro_pki_free(&pki);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_report_of_snp_is_judged_at_the_callers_time, report_make),
        cmocka_unit_test_setup(the_callers_certificates_stand_in_for_the_hosts, report_make),
        cmocka_unit_test_setup(a_nitro_document_is_judged_at_its_own, report_make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
