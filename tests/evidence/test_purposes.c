/* Evidence is bound to its purpose: for every kind that a token can have its evidence by, evidence for each purpose is
 * offered for every other, in every way that whoever holds it could try. The attesters are of paper: what they sign is
 * genuine, whatever they were asked to sign. */
#include "support/test.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "evidence/intel_maker.h"
#include "evidence/nitro_maker.h"
#include "evidence/quote_maker.h"
#include "evidence/snp_maker.h"
#include "evidence/verifier.h"

static const uint8_t nonce[16] = "0123456789abcdef", other_nonce[16] = "0123456789abcdeF", key[32] = {7};

/* A document over a report's digest, as the attester gives it, and what a verifier is told to trust. */
struct document {
    uint8_t bytes[16384];
    size_t size;
    struct bulla_verification trusted;
};

static struct bulla_bytes view(const struct document *document)
{
    return (struct bulla_bytes){document->bytes, document->size};
}

static void put(struct document *document, const uint8_t *bytes, size_t size)
{
    assert_true(size <= sizeof document->bytes);
    memcpy(document->bytes, bytes, size);
    document->size = size;
}

/* --- attesters --- */

static struct test_p256 tpm_key;
static struct nitro_pki pki;
static struct snp_maker snp;
static struct intel_maker tdx;

static void make_tpm(const struct bulla_report *report, struct bulla_bytes encoded, struct document *document)
{
    static struct quote_maker quote;
    struct bulla_tpm_evidence evidence;
    struct bulla_writer writer;
    (void)report;
    quote_maker_init(&quote);
    memcpy(quote.report, encoded.data, encoded.size);
    quote.report_size = encoded.size;
    SHA256(encoded.data, encoded.size, quote.extra_data);
    quote_maker_make(&quote, &tpm_key, &evidence);
    bulla_writer_open(&writer, document->bytes, sizeof document->bytes);
    assert_int_equal(bulla_tpm_evidence_write(&evidence, &writer), BULLA_OK);
    document->size = writer.size;
    document->trusted = (struct bulla_verification){.at = 0};
}

static void make_nitro(const struct bulla_report *report, struct bulla_bytes encoded, struct document *document)
{
    static struct nitro_document wanted;
    uint8_t digest[32];
    SHA256(encoded.data, encoded.size, digest);
    for (size_t i = 0; i < NITRO_PCRS; i++)
        memset(wanted.pcrs[i], (int)(0x30 + i), 48);
    wanted.user_data = BULLA_BYTES(digest);
    wanted.nonce = report->nonce;
    wanted.public_key = report->public_key;
    wanted.timestamp = (uint64_t)time(NULL) * 1000;
    document->size = nitro_document_make(&pki, &wanted, document->bytes, sizeof document->bytes);
    document->trusted = (struct bulla_verification){.roots = (const uint8_t(*)[32])pki.root, .root_count = 1};
}

/* ATTESTATION_REPORT: REPORT_DATA is at 0x50. */
static void make_snp(const struct bulla_report *report, struct bulla_bytes encoded, struct document *document)
{
    (void)report;
    memset(snp.report + 0x50, 0, 64);
    SHA256(encoded.data, encoded.size, snp.report + 0x50);
    snp_maker_make(&snp);
    put(document, snp.report, sizeof snp.report);
    document->trusted = snp_maker_verification(&snp);
}

/* TDREPORT: REPORTDATA is at 520 of the body. */
static void make_tdx(const struct bulla_report *report, struct bulla_bytes encoded, struct document *document)
{
    (void)report;
    memset(tdx.body + 520, 0, 64);
    SHA256(encoded.data, encoded.size, tdx.body + 520);
    intel_maker_make(&tdx);
    put(document, tdx.quote, tdx.quote_size);
    document->trusted = intel_maker_verification(&tdx);
}

static const struct kind {
    enum bulla_evidence_kind kind;
    void (*make)(const struct bulla_report *report, struct bulla_bytes encoded, struct document *document);
} kinds[] = {
    {BULLA_EVIDENCE_TPM, make_tpm},
    {BULLA_EVIDENCE_NITRO, make_nitro},
    {BULLA_EVIDENCE_SEV_SNP, make_snp},
    {BULLA_EVIDENCE_TDX, make_tdx},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* --- evidence --- */

struct made {
    enum bulla_evidence_kind kind;
    uint8_t report[BULLA_REPORT_LARGEST];
    size_t report_size;
    struct document document;
    struct bulla_claims claims; /* as they were verified */
};

static void make(const struct kind *kind, const struct bulla_report *wanted, struct made *made)
{
    struct bulla_writer writer;
    made->kind = kind->kind;
    bulla_writer_open(&writer, made->report, sizeof made->report);
    assert_int_equal(bulla_report_write(wanted, &writer), BULLA_OK);
    made->report_size = writer.size;
    kind->make(wanted, bulla_writer_bytes(&writer), &made->document);
    struct bulla_verification verification = made->document.trusted;
    verification.document = view(&made->document);
    if (bulla_evidence_verify(&verification, &made->claims) != BULLA_OK)
        fail_msg("kind %d: %s", (int)kind->kind, bulla_detail());
    assert_int_equal(made->claims.kind, kind->kind);
}

static struct bulla_report report_for(enum bulla_purpose purpose)
{
    return (struct bulla_report){.purpose = purpose,
        .nonce = BULLA_BYTES(nonce),
        .public_key = BULLA_BYTES(key),
        .token = BULLA_TEXT("0123456789abcdef"),
        .operation = BULLA_TEXT(bulla_purpose_name(purpose))};
}

static enum bulla_reason bind(
    const struct made *made, struct bulla_bytes report, enum bulla_purpose purpose, struct bulla_bytes wanted_nonce)
{
    struct bulla_report read;
    return bulla_evidence_bind(&made->claims, report, purpose, wanted_nonce, &read);
}

static struct bulla_bytes own(const struct made *made)
{
    return (struct bulla_bytes){made->report, made->report_size};
}

#define EACH(kind, purpose)                                                                                            \
    for (size_t kind = 0; kind < KINDS; kind++)                                                                        \
        for (int purpose = 0; purpose < BULLA_PURPOSE_COUNT; purpose++)

static void evidence_is_taken_for_its_own_purpose_alone(void **state)
{
    (void)state;
    static struct made made;
    EACH(kind, purpose)
    {
        const struct bulla_report report = report_for((enum bulla_purpose)purpose);
        make(&kinds[kind], &report, &made);
        for (int wanted = 0; wanted < BULLA_PURPOSE_COUNT; wanted++)
            assert_int_equal(bind(&made, own(&made), (enum bulla_purpose)wanted, BULLA_BYTES(nonce)),
                wanted == purpose ? BULLA_OK : BULLA_EVIDENCE_MISMATCH);
        assert_int_equal(
            bind(&made, own(&made), (enum bulla_purpose)purpose, BULLA_BYTES(other_nonce)), BULLA_EVIDENCE_MISMATCH);
    }
}

/* The report is no secret, and whoever holds the document can write another. */
static void another_report_does_not_change_the_purpose(void **state)
{
    (void)state;
    static struct made made;
    uint8_t forged[BULLA_REPORT_LARGEST];
    EACH(kind, purpose)
    {
        struct bulla_report report = report_for((enum bulla_purpose)purpose);
        make(&kinds[kind], &report, &made);
        for (int wanted = 0; wanted < BULLA_PURPOSE_COUNT; wanted++) {
            struct bulla_writer writer;
            if (wanted == purpose)
                continue;
            report = report_for((enum bulla_purpose)wanted);
            bulla_writer_open(&writer, forged, sizeof forged);
            assert_int_equal(bulla_report_write(&report, &writer), BULLA_OK);
            assert_int_equal(bind(&made, bulla_writer_bytes(&writer), (enum bulla_purpose)wanted, BULLA_BYTES(nonce)),
                BULLA_EVIDENCE_UNBOUND);
        }
    }
}

/* What travels: an envelope whose report was exchanged verifies as a document, and binds nothing. */
static void an_envelope_with_another_report_binds_nothing(void **state)
{
    (void)state;
    static struct made made, other;
    static uint8_t bytes[20480];
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct bulla_report report = report_for(BULLA_PURPOSE_ATTEST);
        struct bulla_writer writer;
        struct bulla_envelope envelope;
        if (kinds[kind].kind == BULLA_EVIDENCE_TPM)
            continue; /* its report lies inside: test_tpm_quote.c changes it */
        make(&kinds[kind], &report, &made);
        report = report_for(BULLA_PURPOSE_RELEASE);
        make(&kinds[kind], &report, &other);
        const struct bulla_envelope swapped = {
            .kind = made.kind, .document = view(&made.document), .report = own(&other)};
        bulla_writer_open(&writer, bytes, sizeof bytes);
        assert_int_equal(bulla_envelope_write(&swapped, &writer), BULLA_OK);
        assert_int_equal(bulla_envelope_read(bulla_writer_bytes(&writer), &envelope), BULLA_OK);
        assert_int_equal(
            bind(&made, envelope.report, BULLA_PURPOSE_RELEASE, BULLA_BYTES(nonce)), BULLA_EVIDENCE_UNBOUND);
        assert_int_equal(bind(&other, envelope.report, BULLA_PURPOSE_RELEASE, BULLA_BYTES(nonce)), BULLA_OK);
    }
}

/* One kind's document in an envelope that names another kind. */
static void a_kind_is_not_taken_for_another(void **state)
{
    (void)state;
    static struct made made;
    static uint8_t bytes[20480];
    for (size_t kind = 0; kind < KINDS; kind++)
        for (size_t named = 0; named < KINDS; named++) {
            const struct bulla_report report = report_for(BULLA_PURPOSE_RELEASE);
            struct bulla_writer writer;
            make(&kinds[kind], &report, &made);
            const struct bulla_envelope envelope = {
                .kind = kinds[named].kind, .document = view(&made.document), .report = own(&made)};
            bulla_writer_open(&writer, bytes, sizeof bytes);
            enum bulla_reason reason = bulla_envelope_write(&envelope, &writer);
            if (named != kind)
                assert_int_equal(reason, BULLA_EVIDENCE_KIND);
        }
}

/* What an attester with fields of its own says there must be what the report says. */
static void a_documents_own_fields_agree_with_the_report(void **state)
{
    (void)state;
    static const uint8_t other_key[32] = {8};
    static struct made made;
    struct bulla_report report = report_for(BULLA_PURPOSE_RELEASE);
    make(&kinds[1], &report, &made);
    assert_int_equal(bind(&made, own(&made), BULLA_PURPOSE_RELEASE, BULLA_BYTES(nonce)), BULLA_OK);
    made.claims.public_key = BULLA_BYTES(other_key);
    assert_int_equal(bind(&made, own(&made), BULLA_PURPOSE_RELEASE, BULLA_BYTES(nonce)), BULLA_EVIDENCE_MISMATCH);
    made.claims.public_key = BULLA_BYTES(key);
    made.claims.nonce = BULLA_BYTES(other_nonce);
    assert_int_equal(bind(&made, own(&made), BULLA_PURPOSE_RELEASE, BULLA_BYTES(nonce)), BULLA_EVIDENCE_MISMATCH);
}

/* Report data of 64 bytes is the digest and zeros, and nothing that somebody else put behind it. */
static void what_stands_behind_the_digest_is_zero(void **state)
{
    (void)state;
    static struct made made;
    uint8_t data[64];
    const struct bulla_report report = report_for(BULLA_PURPOSE_RELEASE);
    make(&kinds[2], &report, &made);
    assert_int_equal(made.claims.report_data.size, 64);
    memcpy(data, made.claims.report_data.data, 64);
    made.claims.report_data = BULLA_BYTES(data);
    for (size_t i = 0; i < 64; i++) {
        data[i] ^= 1;
        assert_int_equal(bind(&made, own(&made), BULLA_PURPOSE_RELEASE, BULLA_BYTES(nonce)), BULLA_EVIDENCE_UNBOUND);
        data[i] ^= 1;
    }
    for (size_t size = 0; size < 64; size++) {
        made.claims.report_data.size = size;
        assert_int_equal(bind(&made, own(&made), BULLA_PURPOSE_RELEASE, BULLA_BYTES(nonce)),
            size == 32 ? BULLA_OK : BULLA_EVIDENCE_UNBOUND);
    }
}

static int set_up(void **state)
{
    (void)state;
    uint64_t now = (uint64_t)time(NULL);
    test_p256_make(&tpm_key);
    nitro_pki_make(&pki, now - 3600, now + 3600);
    snp_maker_init(&snp);
    intel_maker_init(&tdx, INTEL_TD_V4);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_p256_free(&tpm_key);
    nitro_pki_free(&pki);
    snp_maker_free(&snp);
    intel_maker_free(&tdx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evidence_is_taken_for_its_own_purpose_alone),
        cmocka_unit_test(another_report_does_not_change_the_purpose),
        cmocka_unit_test(an_envelope_with_another_report_binds_nothing),
        cmocka_unit_test(a_kind_is_not_taken_for_another),
        cmocka_unit_test(a_documents_own_fields_agree_with_the_report),
        cmocka_unit_test(what_stands_behind_the_digest_is_zero),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
