/* A receipt's words for what was measured: of real evidence (tests/vectors), at the offsets that the makers' documents
 * give, and of claims made by hand. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/real_documents.h"
#include "evidence/receipt_measure.h"

static struct bulla_claims claims;
static struct bulla_receipt receipt;

static void measured(enum bulla_evidence_kind kind, struct bulla_bytes document)
{
    const struct bulla_envelope envelope = {.kind = kind, .document = document};
    if (bulla_evidence_measured(&envelope, &claims) != BULLA_OK || bulla_receipt_measure(&claims, &receipt) != BULLA_OK)
        fail_msg("%s", bulla_detail());
    assert_int_equal(claims.kind, kind);
    assert_false(claims.pinned);
    assert_true(bulla_bytes_equal_text(receipt.security_mode, "attested"));
}

static void assert_measurement(size_t index, const char *name, const uint8_t *value, size_t size)
{
    assert_true(index < receipt.measurement_count);
    assert_string_equal(receipt.measurements[index].name, name);
    assert_true(bulla_bytes_equal(receipt.measurements[index].value, (struct bulla_bytes){value, size}));
}

/* PCR0's first bytes were read out of the document with Python's cbor2 (test_nitro.c). */
static void a_nitro_document_is_named_as_air_does(void **state)
{
    (void)state;
    static const char *const names[] = {"pcr0", "pcr1", "pcr2", "pcr3", "pcr4", "pcr8"};
    static const uint8_t pcr0[] = {0x17, 0xbf, 0x8f, 0x04, 0x85, 0x19, 0x79, 0x7b};
    static struct bulla_claims verified;
    REAL_DOCUMENT struct bulla_bytes document = real_document("nitro/20240226_base_prod_3a4a0301.cbor");
    measured(BULLA_EVIDENCE_NITRO, document);
    assert_string_equal(receipt.measurement_type, "nitro-pcr");
    assert_true(bulla_bytes_equal_text(receipt.profile, BULLA_RECEIPT_PROFILE_AIR));
    assert_int_equal(receipt.measurement_count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(receipt.measurements[i].name, names[i]);
    assert_int_equal(receipt.measurements[0].value.size, 48);
    assert_memory_equal(receipt.measurements[0].value.data, pcr0, sizeof pcr0);
    /* What the form alone gives is what a verifier finds. */
    const struct bulla_verification verification = {.document = document};
    assert_int_equal(bulla_evidence_verify(&verification, &verified), BULLA_OK);
    assert_int_equal(verified.measurement_count, claims.measurement_count);
    for (size_t i = 0; i < claims.measurement_count; i++) {
        const struct bulla_measurement *same = bulla_claims_find(&verified, claims.measurements[i].name);
        assert_non_null(same);
        assert_memory_equal(same->value, claims.measurements[i].value, 48);
    }
}

/* ATTESTATION_REPORT (AMD 56860): MEASUREMENT is at 0x90. */
static void a_guest_of_sev_snp_has_one_measurement(void **state)
{
    (void)state;
    REAL_DOCUMENT struct bulla_bytes document = real_document("sev-snp/genoa-v5-report.bin");
    measured(BULLA_EVIDENCE_SEV_SNP, document);
    assert_string_equal(receipt.measurement_type, "snp-measurement");
    assert_true(bulla_bytes_equal_text(receipt.profile, BULLA_RECEIPT_PROFILE));
    assert_int_equal(receipt.measurement_count, 1);
    assert_measurement(0, "pcr0", document.data + 0x90, 48);
}

/* TDREPORT in a quote of version 4 (Intel TDX DCAP, A.3): MRTD at 48 + 136, RTMR0 at 48 + 328. AIR v1: pcr0 is MRTD. */
static void a_guest_of_tdx_is_named_as_air_does(void **state)
{
    (void)state;
    REAL_DOCUMENT struct bulla_bytes document = real_document("tdx/phala-v4.bin");
    measured(BULLA_EVIDENCE_TDX, document);
    assert_string_equal(receipt.measurement_type, "tdx-mrtd-rtmr");
    assert_true(bulla_bytes_equal_text(receipt.profile, BULLA_RECEIPT_PROFILE_AIR));
    assert_int_equal(receipt.measurement_count, 5);
    assert_measurement(0, "pcr0", document.data + 48 + 136, 48);
    for (size_t i = 0; i < 4; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "pcr%u", (unsigned)i + 1);
        assert_measurement(i + 1, name, document.data + 48 + 328 + 48 * i, 48);
    }
}

static void kinds_without_words_are_refused(void **state)
{
    (void)state;
    REAL_DOCUMENT struct bulla_bytes sgx = real_document("sgx/phala-v3.bin");
    const struct bulla_envelope of_sgx = {.kind = BULLA_EVIDENCE_SGX, .document = sgx};
    assert_int_equal(bulla_evidence_measured(&of_sgx, &claims), BULLA_EVIDENCE_KIND);
    const struct bulla_envelope as_tdx = {.kind = BULLA_EVIDENCE_TDX, .document = sgx};
    assert_int_not_equal(bulla_evidence_measured(&as_tdx, &claims), BULLA_OK);
    assert_int_equal(claims.measurement_count, 0);
    static const enum bulla_evidence_kind none[] = {
        BULLA_EVIDENCE_NONE, BULLA_EVIDENCE_SGX, BULLA_EVIDENCE_KINDS, (enum bulla_evidence_kind)99};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        claims = (struct bulla_claims){.kind = none[i]};
        assert_int_equal(bulla_receipt_measure(&claims, &receipt), BULLA_EVIDENCE_KIND);
        const struct bulla_envelope envelope = {.kind = none[i], .document = sgx};
        assert_int_equal(bulla_evidence_measured(&envelope, &claims), BULLA_EVIDENCE_KIND);
    }
}

static void no_beginning_of_a_document_is_measured(void **state)
{
    (void)state;
    static const struct {
        enum bulla_evidence_kind kind;
        const char *file;
    } documents[] = {{BULLA_EVIDENCE_NITRO, "nitro/20240226_base_prod_3a4a0301.cbor"},
        {BULLA_EVIDENCE_SEV_SNP, "sev-snp/genoa-v5-report.bin"}, {BULLA_EVIDENCE_TDX, "tdx/phala-v4.bin"}};
    for (size_t i = 0; i < 3; i++) {
        REAL_DOCUMENT struct bulla_bytes document = real_document(documents[i].file);
        for (size_t size = 0; size < 1184; size += 7) {
            const struct bulla_envelope envelope = {.kind = documents[i].kind, .document = {document.data, size}};
            assert_int_not_equal(bulla_evidence_measured(&envelope, &claims), BULLA_OK);
            assert_int_equal(claims.kind, BULLA_EVIDENCE_NONE);
        }
    }
}

static void measure(const char *name, size_t size)
{
    static const uint8_t value[64] = {1};
    assert_int_equal(bulla_claims_measure(&claims, name, (struct bulla_bytes){value, size}), BULLA_OK);
}

static void measurements_of_another_size_are_refused(void **state)
{
    (void)state;
    claims = (struct bulla_claims){.kind = BULLA_EVIDENCE_NITRO};
    measure("pcr0", 48);
    measure("pcr1", 32);
    assert_int_equal(bulla_receipt_measure(&claims, &receipt), BULLA_UNSUPPORTED);
    claims = (struct bulla_claims){.kind = BULLA_EVIDENCE_TPM};
    measure("pcr0", 32);
    measure("pcr7", 48);
    assert_int_equal(bulla_receipt_measure(&claims, &receipt), BULLA_UNSUPPORTED);
}

/* PCRs that a receipt's type has no place for are left out: whoever wants them reads the evidence. */
static void what_a_type_does_not_name_is_left_out(void **state)
{
    (void)state;
    claims = (struct bulla_claims){.kind = BULLA_EVIDENCE_NITRO};
    measure("pcr16", 48);
    measure("pcr2", 48);
    measure("pcr0", 48);
    measure("pcr9", 48);
    assert_int_equal(bulla_receipt_measure(&claims, &receipt), BULLA_OK);
    assert_int_equal(receipt.measurement_count, 2);
    assert_string_equal(receipt.measurements[0].name, "pcr0"); /* ascending, whatever the claims' order */
    assert_string_equal(receipt.measurements[1].name, "pcr2");
}

static void a_tpms_bank_is_told_by_its_size(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        const char *type;
    } banks[] = {{32, "tpm-pcr-sha256"}, {48, "tpm-pcr-sha384"}, {64, "tpm-pcr-sha512"}};
    for (size_t i = 0; i < 3; i++) {
        claims = (struct bulla_claims){.kind = BULLA_EVIDENCE_TPM};
        measure("pcr0", banks[i].size);
        measure("pcr23", banks[i].size);
        assert_int_equal(bulla_receipt_measure(&claims, &receipt), BULLA_OK);
        assert_string_equal(receipt.measurement_type, banks[i].type);
        assert_true(bulla_bytes_equal_text(receipt.profile, BULLA_RECEIPT_PROFILE));
        assert_int_equal(receipt.measurement_count, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_nitro_document_is_named_as_air_does),
        cmocka_unit_test(a_guest_of_sev_snp_has_one_measurement),
        cmocka_unit_test(a_guest_of_tdx_is_named_as_air_does),
        cmocka_unit_test(kinds_without_words_are_refused),
        cmocka_unit_test(no_beginning_of_a_document_is_measured),
        cmocka_unit_test(measurements_of_another_size_are_refused),
        cmocka_unit_test(what_a_type_does_not_name_is_left_out),
        cmocka_unit_test(a_tpms_bank_is_told_by_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
