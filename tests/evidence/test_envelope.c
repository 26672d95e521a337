/* Envelopes written out by hand from docs/formats.md, "Evidence envelope", one thing of which is wrong. What is inside
 * is a real document. */
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

#include "evidence/verifier.h"
#include "quote_maker.h"
#include "real_documents.h"

static struct bulla_bytes document; /* a real Nitro document */
static uint8_t report[BULLA_REPORT_LARGEST], memory[65536];
static size_t report_size;

static struct bulla_writer begin(size_t pairs)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, memory, sizeof memory);
    bulla_cbor_write_map(&writer, pairs);
    return writer;
}

static void format(struct bulla_writer *writer, const char *text)
{
    bulla_cbor_write_uint(writer, 0);
    bulla_cbor_write_tstr(writer, text);
}

static void kind(struct bulla_writer *writer, uint64_t number)
{
    bulla_cbor_write_uint(writer, 1);
    bulla_cbor_write_uint(writer, number);
}

static void bytes(struct bulla_writer *writer, uint64_t key, struct bulla_bytes value)
{
    bulla_cbor_write_uint(writer, key);
    bulla_cbor_write_bstr(writer, value);
}

static struct bulla_bytes report_view(void)
{
    return (struct bulla_bytes){report, report_size};
}

static enum bulla_reason read_back(const struct bulla_writer *writer, struct bulla_envelope *envelope)
{
    static const struct bulla_envelope nothing;
    memset(envelope, 0xa5, sizeof *envelope);
    enum bulla_reason reason = bulla_envelope_read(bulla_writer_bytes(writer), envelope);
    if (reason != BULLA_OK) {
        assert_int_equal(envelope->kind, BULLA_EVIDENCE_NONE);
        assert_true(envelope->document.data == nothing.document.data && envelope->report.data == NULL);
    }
    return reason;
}

static void an_envelope_is_the_map_that_the_format_says(void **state)
{
    (void)state;
    struct bulla_envelope envelope;
    for (unsigned certificates = 0; certificates < 2; certificates++) {
        struct bulla_writer writer = begin(4 + certificates);
        static uint8_t again[65536];
        struct bulla_writer other;
        format(&writer, "bulla/1 evidence");
        kind(&writer, 2); /* Nitro */
        bytes(&writer, 2, document);
        bytes(&writer, 3, report_view());
        if (certificates)
            bytes(&writer, 4, BULLA_TEXT("certificates"));
        assert_int_equal(read_back(&writer, &envelope), BULLA_OK);
        assert_int_equal(envelope.kind, BULLA_EVIDENCE_NITRO);
        assert_true(bulla_bytes_equal(envelope.document, document));
        assert_true(bulla_bytes_equal(envelope.report, report_view()));
        assert_int_equal(envelope.certificates.size, certificates ? 12 : 0);
        bulla_writer_open(&other, again, sizeof again);
        assert_int_equal(bulla_envelope_write(&envelope, &other), BULLA_OK);
        assert_true(bulla_bytes_equal(bulla_writer_bytes(&other), bulla_writer_bytes(&writer)));
    }
}

static void what_the_format_does_not_have_is_refused(void **state)
{
    (void)state;
    struct bulla_envelope envelope;
    static const struct {
        const char *format;
        uint64_t kind, last_key;
        size_t report_size; /* 0: the report's own */
        enum bulla_reason reason;
    } rows[] = {
        {"bulla/1 evidence", 2, 4, 0, BULLA_OK},
        {"bulla/2 evidence", 2, 4, 0, BULLA_MALFORMED},
        {"bulla/1 evidence", 3, 4, 0, BULLA_EVIDENCE_KIND}, /* SEV-SNP is something else */
        {"bulla/1 evidence", 1, 4, 0, BULLA_EVIDENCE_KIND}, /* and so is a TPM's */
        {"bulla/1 evidence", 0, 4, 0, BULLA_MALFORMED},
        {"bulla/1 evidence", 6, 4, 0, BULLA_MALFORMED},
        {"bulla/1 evidence", 2, 5, 0, BULLA_UNKNOWN_FIELD},
        {"bulla/1 evidence", 2, 3, 0, BULLA_DUPLICATE},
        {"bulla/1 evidence", 2, 4, 1025, BULLA_MALFORMED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bulla_writer writer = begin(5);
        format(&writer, rows[i].format);
        kind(&writer, rows[i].kind);
        bytes(&writer, 2, document);
        bytes(&writer, 3, rows[i].report_size ? (struct bulla_bytes){memory, rows[i].report_size} : report_view());
        bytes(&writer, rows[i].last_key, BULLA_TEXT("c"));
        enum bulla_reason reason = read_back(&writer, &envelope);
        if (reason != rows[i].reason)
            fail_msg("row %zu: %s (%s)", i, bulla_reason_code(reason), bulla_detail());
    }
}

static void every_part_is_needed(void **state)
{
    (void)state;
    struct bulla_envelope envelope;
    for (unsigned missing = 0; missing < 4; missing++) {
        struct bulla_writer writer = begin(3);
        if (missing != 0)
            format(&writer, "bulla/1 evidence");
        if (missing != 1)
            kind(&writer, 2);
        if (missing != 2)
            bytes(&writer, 2, document);
        if (missing != 3)
            bytes(&writer, 3, report_view());
        assert_int_equal(read_back(&writer, &envelope), BULLA_MALFORMED);
    }
}

static void a_cut_or_longer_envelope_is_refused(void **state)
{
    (void)state;
    struct bulla_envelope envelope;
    struct bulla_writer writer = begin(4);
    format(&writer, "bulla/1 evidence");
    kind(&writer, 2);
    bytes(&writer, 2, document);
    bytes(&writer, 3, report_view());
    struct bulla_bytes whole = bulla_writer_bytes(&writer);
    for (size_t size = 0; size < whole.size; size += size < 40 || size > whole.size - 100 ? 1 : 37) {
        uint8_t *exact = real_document_copy((struct bulla_bytes){whole.data, size ? size : 1});
        assert_int_not_equal(bulla_envelope_read((struct bulla_bytes){exact, size}, &envelope), BULLA_OK);
        free(exact);
    }
    memory[whole.size] = 0;
    assert_int_equal(bulla_envelope_read((struct bulla_bytes){whole.data, whole.size + 1}, &envelope), BULLA_TRAILING);
    assert_int_equal(bulla_envelope_read((struct bulla_bytes){memory, sizeof memory}, &envelope), BULLA_TOO_LARGE);
}

static void what_would_not_be_read_is_not_written(void **state)
{
    (void)state;
    struct bulla_envelope envelope = {.kind = BULLA_EVIDENCE_NITRO, .document = document, .report = report_view()};
    struct bulla_writer writer;
    bulla_writer_open(&writer, memory, sizeof memory);
    assert_int_equal(bulla_envelope_write(&envelope, &writer), BULLA_OK);
    bulla_writer_open(&writer, memory, 100);
    assert_int_not_equal(bulla_envelope_write(&envelope, &writer), BULLA_OK);
    static const enum bulla_evidence_kind others[] = {BULLA_EVIDENCE_NONE, BULLA_EVIDENCE_KINDS,
        (enum bulla_evidence_kind)99, BULLA_EVIDENCE_TPM, BULLA_EVIDENCE_SEV_SNP, BULLA_EVIDENCE_TDX,
        BULLA_EVIDENCE_SGX};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        envelope.kind = others[i];
        bulla_writer_open(&writer, memory, sizeof memory);
        assert_int_equal(bulla_envelope_write(&envelope, &writer), i < 3 ? BULLA_ARGUMENT : BULLA_EVIDENCE_KIND);
    }
    envelope.kind = BULLA_EVIDENCE_NITRO;
    envelope.report = (struct bulla_bytes){NULL, 0};
    bulla_writer_open(&writer, memory, sizeof memory);
    assert_int_not_equal(bulla_envelope_write(&envelope, &writer), BULLA_OK);
}

/* TPM evidence has its report inside: it is its own envelope. */
static void tpm_evidence_is_read_as_one(void **state)
{
    (void)state;
    static struct quote_maker maker;
    static uint8_t quoted[BULLA_EVIDENCE_LARGEST];
    struct test_p256 key;
    struct bulla_tpm_evidence evidence;
    struct bulla_envelope envelope;
    struct bulla_writer writer;
    test_p256_make(&key);
    quote_maker_init(&maker);
    quote_maker_make(&maker, &key, &evidence);
    bulla_writer_open(&writer, quoted, sizeof quoted);
    assert_int_equal(bulla_tpm_evidence_write(&evidence, &writer), BULLA_OK);
    assert_int_equal(bulla_envelope_read(bulla_writer_bytes(&writer), &envelope), BULLA_OK);
    assert_int_equal(envelope.kind, BULLA_EVIDENCE_TPM);
    assert_true(bulla_bytes_equal(envelope.document, bulla_writer_bytes(&writer)));
    assert_true(bulla_bytes_equal(envelope.report, (struct bulla_bytes){maker.report, maker.report_size}));
    test_p256_free(&key);
}

static int set_up(void **state)
{
    (void)state;
    const struct bulla_report wanted = {.purpose = BULLA_PURPOSE_ATTEST, .token = BULLA_TEXT("0123456789abcdef")};
    struct bulla_writer writer;
    document = real_document("nitro/20240226_base_prod_3a4a0301.cbor");
    bulla_writer_open(&writer, report, sizeof report);
    assert_int_equal(bulla_report_write(&wanted, &writer), BULLA_OK);
    report_size = writer.size;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    real_document_free(&document);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_envelope_is_the_map_that_the_format_says),
        cmocka_unit_test(what_the_format_does_not_have_is_refused),
        cmocka_unit_test(every_part_is_needed),
        cmocka_unit_test(a_cut_or_longer_envelope_is_refused),
        cmocka_unit_test(what_would_not_be_read_is_not_written),
        cmocka_unit_test(tpm_evidence_is_read_as_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
