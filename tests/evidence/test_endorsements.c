/* Files of endorsements: AMD's own certificates in the forms in which its service gives them, and lists of paper. */
#include "support/test.h"

#include <stdlib.h>

#include "evidence/endorsements.h"
#include "real_documents.h"
#include "snp_maker.h"
#include "support/pki.h"

static enum bulla_reason add(struct bulla_endorsed *endorsed, struct bulla_bytes bytes)
{
    return bulla_endorsed_add_certificates(endorsed, bytes, "a test");
}

static void assert_count(struct bulla_bytes bytes, enum bulla_reason reason, size_t count)
{
    BULLA_ENDORSED struct bulla_endorsed endorsed = {.certificate_count = 0};
    assert_int_equal(add(&endorsed, bytes), reason);
    assert_int_equal(endorsed.certificate_count, count);
}

static void der_and_pem_may_follow_one_another(void **state)
{
    (void)state;
    REAL_DOCUMENT struct bulla_bytes der_first =
        real_documents("sev-snp/milan-vcek.der", "sev-snp/cert_chain_milan.pem");
    REAL_DOCUMENT struct bulla_bytes pem_first =
        real_documents("sev-snp/cert_chain_milan.pem", "sev-snp/milan-vcek.der");
    REAL_DOCUMENT struct bulla_bytes two_ders = real_documents("sev-snp/milan-vcek.der", "sev-snp/genoa-vcek.der");
    REAL_DOCUMENT struct bulla_bytes two_pems =
        real_documents("sev-snp/cert_chain_milan.pem", "sev-snp/cert_chain_genoa.pem");
    assert_count(der_first, BULLA_OK, 3);
    assert_count(pem_first, BULLA_OK, 3);
    assert_count(two_ders, BULLA_OK, 2);
    assert_count(two_pems, BULLA_OK, 4);
    assert_count((struct bulla_bytes){NULL, 0}, BULLA_OK, 0);
    assert_count(BULLA_TEXT(" \r\n\t\n"), BULLA_OK, 0);
    assert_count(BULLA_TEXT("# a comment\n"), BULLA_OK, 0);
}

static void what_is_no_certificate_is_refused(void **state)
{
    (void)state;
    assert_count(BULLA_TEXT("hello"), BULLA_MALFORMED, 0);
    assert_count(BULLA_TEXT("0"), BULLA_MALFORMED, 0);
    assert_count((struct bulla_bytes){(const uint8_t *)"\0", 1}, BULLA_MALFORMED, 0);
    assert_count((struct bulla_bytes){(const uint8_t *)"\x30\x00", 2}, BULLA_MALFORMED, 0);
    REAL_DOCUMENT struct bulla_bytes behind = real_documents("sev-snp/milan-vcek.der", "sev-snp/README.md");
    assert_count(behind, BULLA_MALFORMED, 1); /* what came before stays, for the caller to free */
}

static void more_certificates_than_a_chain_has_are_refused(void **state)
{
    (void)state;
    BULLA_ENDORSED struct bulla_endorsed endorsed = {.certificate_count = 0};
    REAL_DOCUMENT struct bulla_bytes two = real_document("sev-snp/cert_chain_milan.pem");
    for (size_t i = 0; i < BULLA_CHAIN_LONGEST / 2; i++)
        assert_int_equal(add(&endorsed, two), BULLA_OK);
    assert_int_equal(add(&endorsed, two), BULLA_TOO_LARGE);
    assert_int_equal(endorsed.certificate_count, BULLA_CHAIN_LONGEST);
}

static void lists_are_taken_as_der_and_as_pem(void **state)
{
    (void)state;
    BULLA_ENDORSED struct bulla_endorsed endorsed = {.certificate_count = 0};
    struct snp_maker maker;
    uint8_t der[4096];
    snp_maker_init(&maker);
    size_t size = snp_maker_crl(&maker, 5, der, 2048);
    char *pem = test_pki_pem("X509 CRL", der, size);
    char *wrong = test_pki_pem("CERTIFICATE", der, size);
    memcpy(der + size, der, size);
    assert_int_equal(bulla_endorsed_add_crls(&endorsed, (struct bulla_bytes){der, 2 * size}, "a test"), BULLA_OK);
    assert_int_equal(bulla_endorsed_add_crls(&endorsed, BULLA_TEXT(pem), "a test"), BULLA_OK);
    assert_int_equal(endorsed.crl_count, 3);
    assert_int_equal(bulla_endorsed_add_crls(&endorsed, BULLA_TEXT(wrong), "a test"), BULLA_MALFORMED);
    assert_int_equal(
        bulla_endorsed_add_crls(&endorsed, (struct bulla_bytes){der, size - 1}, "a test"), BULLA_MALFORMED);
    assert_int_equal(
        bulla_endorsed_add_crls(&endorsed, (struct bulla_bytes){der, 2 * size}, "a test"), BULLA_TOO_LARGE);
    free(pem);
    free(wrong);
    snp_maker_free(&maker);
}

static void the_callers_roots_stand_beside_the_kinds_own(void **state)
{
    (void)state;
    static const uint8_t own[2][32] = {{1}, {2}}, others[BULLA_EXTRA_ROOTS + 1][32] = {{3}, {4}};
    struct bulla_verification verification = {.roots = others, .root_count = 2};
    struct bulla_pins pins;
    assert_int_equal(bulla_pins_gather(&verification, own, 2, &pins), BULLA_OK);
    assert_int_equal(pins.count, 4);
    for (uint8_t i = 0; i < 4; i++)
        assert_int_equal(pins.sha256[i][0], i + 1);
    verification.root_count = BULLA_EXTRA_ROOTS;
    assert_int_equal(bulla_pins_gather(&verification, own, 2, &pins), BULLA_OK);
    verification.root_count++;
    assert_int_equal(bulla_pins_gather(&verification, own, 2, &pins), BULLA_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(der_and_pem_may_follow_one_another),
        cmocka_unit_test(what_is_no_certificate_is_refused),
        cmocka_unit_test(more_certificates_than_a_chain_has_are_refused),
        cmocka_unit_test(lists_are_taken_as_der_and_as_pem),
        cmocka_unit_test(the_callers_roots_stand_beside_the_kinds_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
