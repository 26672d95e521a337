/* TPM evidence through the table of verifiers. */
#include "support/test.h"

#include <string.h>

#include "evidence/tpm_verifier.h"
#include "quote_maker.h"

static struct test_p256 key;

struct made {
    struct quote_maker maker;
    uint8_t document[BULLA_EVIDENCE_LARGEST];
    struct bulla_verification verification;
    struct bulla_claims claims;
};

static void make(struct made *made)
{
    struct bulla_tpm_evidence evidence;
    struct bulla_writer writer;
    memset(made, 0, sizeof *made);
    quote_maker_init(&made->maker);
    quote_maker_make(&made->maker, &key, &evidence);
    bulla_writer_open(&writer, made->document, sizeof made->document);
    assert_int_equal(bulla_tpm_evidence_write(&evidence, &writer), BULLA_OK);
    made->verification.document = bulla_writer_bytes(&writer);
    made->verification.attestation_key = BULLA_BYTES(made->maker.name);
}

static const char *fact(const struct bulla_claims *claims, const char *name)
{
    for (size_t i = 0; i < claims->fact_count; i++)
        if (strcmp(claims->facts[i].name, name) == 0)
            return claims->facts[i].text;
    return "";
}

static void a_document_gives_its_claims(void **state)
{
    (void)state;
    struct made made;
    uint8_t digest[32];
    make(&made);
    assert_ptr_equal(bulla_evidence_recognise(made.verification.document), &bulla_tpm_verifier);
    assert_ptr_equal(bulla_evidence_named("tpm"), &bulla_tpm_verifier);
    assert_int_equal(bulla_evidence_verify(&made.verification, &made.claims), BULLA_OK);
    assert_int_equal(made.claims.kind, BULLA_EVIDENCE_TPM);
    assert_true(made.claims.pinned);
    assert_int_equal(made.claims.measurement_count, 3);
    assert_memory_equal(bulla_claims_find(&made.claims, "pcr7")->value, made.maker.pcrs[7], 32);
    assert_int_equal(bulla_claims_find(&made.claims, "pcr23")->size, 32);
    assert_null(bulla_claims_find(&made.claims, "pcr1"));
    bulla_report_digest((struct bulla_bytes){made.maker.report, made.maker.report_size}, digest);
    assert_true(bulla_bytes_equal(made.claims.report_data, BULLA_BYTES(digest)));
    assert_string_equal(fact(&made.claims, "resets"), "17");
    assert_string_equal(fact(&made.claims, "restarts"), "3");
    assert_string_equal(fact(&made.claims, "clock"), "123456789 ms");
    assert_string_equal(fact(&made.claims, "firmware"), "8224.1540.0.1 (0x20200604 0x00000001), as this key shows it");
    assert_string_equal(fact(&made.claims, "bank"), "SHA-256");
    assert_int_equal(strncmp(fact(&made.claims, "attestation key"), "000b", 4), 0);
    assert_null(strstr(fact(&made.claims, "attestation key"), "unpinned"));
}

static void what_is_not_pinned_says_so(void **state)
{
    (void)state;
    struct made made;
    make(&made);
    made.verification.attestation_key = BULLA_UNPINNED;
    assert_int_equal(bulla_evidence_verify(&made.verification, &made.claims), BULLA_OK);
    assert_false(made.claims.pinned);
    assert_non_null(strstr(fact(&made.claims, "attestation key"), "unpinned"));
}

static void another_pinned_key_or_a_changed_document_claims_nothing(void **state)
{
    (void)state;
    struct made made;
    static const struct bulla_claims nothing;
    make(&made);
    made.maker.name[20] ^= 1;
    assert_int_equal(bulla_evidence_verify(&made.verification, &made.claims), BULLA_EVIDENCE_UNTRUSTED);
    made.maker.name[20] ^= 1;
    made.verification.attestation_key.size = 33;
    assert_int_equal(bulla_evidence_verify(&made.verification, &made.claims), BULLA_EVIDENCE_UNTRUSTED);
    made.verification.attestation_key.size = 34;
    for (size_t i = 0; i < made.verification.document.size; i++) {
        made.document[i] ^= 1;
        assert_int_not_equal(bulla_evidence_verify(&made.verification, &made.claims), BULLA_OK);
        assert_memory_equal(&made.claims, &nothing, sizeof nothing);
        made.document[i] ^= 1;
    }
    for (size_t size = 0; size < made.verification.document.size; size++) {
        struct bulla_verification cut = made.verification;
        cut.document.size = size;
        assert_int_not_equal(bulla_evidence_verify(&cut, &made.claims), BULLA_OK);
    }
}

static void only_its_own_form_is_recognised(void **state)
{
    (void)state;
    struct made made;
    make(&made);
    for (size_t size = 0; size < 24; size++)
        assert_false(bulla_tpm_verifier.recognises((struct bulla_bytes){made.document, size}));
    made.document[0] = 0xa6;
    assert_false(bulla_tpm_verifier.recognises(made.verification.document));
    made.document[0] = 0xa8;
    assert_true(bulla_tpm_verifier.recognises(made.verification.document));
    made.document[10] ^= 1;
    assert_false(bulla_tpm_verifier.recognises(made.verification.document));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_gives_its_claims),
        cmocka_unit_test(what_is_not_pinned_says_so),
        cmocka_unit_test(another_pinned_key_or_a_changed_document_claims_nothing),
        cmocka_unit_test(only_its_own_form_is_recognised),
    };
    test_p256_make(&key);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_p256_free(&key);
    return failed;
}
