/* Revocation lists: what they revoke, who may issue them, when they are in force, and how they are read. */
#include "chain_fixture.h"

#include <stdlib.h>
#include <string.h>

static struct test_pki_crl list_by(struct chain_fixture *fixture, size_t link)
{
    static const char *const digests[] = {"SHA384", "SHA256", "SHA256"};
    return (struct test_pki_crl){.issuer = fixture->wanted[link].subject,
        .signer = fixture->wanted[link].key,
        .digest = digests[link],
        .from = FROM,
        .until = UNTIL};
}

static enum bulla_reason judge_list(struct chain_fixture *fixture, const struct test_pki_crl *wanted)
{
    uint8_t der[CHAIN_DER];
    BULLA_CRL struct bulla_crl *crl = NULL;
    size_t size = test_pki_crl_make(wanted, der, sizeof der);
    BULLA_TRY(bulla_crl_read((struct bulla_bytes){der, size}, "a list", &crl));
    fixture->crls[0] = crl;
    fixture->rules.crl_count = 1;
    enum bulla_reason reason = chain_verify(fixture);
    fixture->rules.crl_count = 0;
    return reason;
}

static void a_list_revokes_what_its_issuer_signed(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    chain_make(fixture);
    for (size_t issuer = ROOT; issuer < LEAF; issuer++) {
        struct test_pki_crl wanted = list_by(fixture, issuer);
        assert_int_equal(judge_list(fixture, &wanted), BULLA_OK);
        wanted.revoked[0] = 1; /* a serial of somebody else's */
        wanted.revoked[1] = fixture->wanted[LEAF].serial + (issuer == LOWER);
        assert_int_equal(judge_list(fixture, &wanted), BULLA_OK);
        wanted.revoked[1] = fixture->wanted[issuer + 1].serial;
        assert_int_equal(judge_list(fixture, &wanted), BULLA_CERTIFICATE_REVOKED);
    }
    struct test_pki_crl wanted = list_by(fixture, ROOT);
    wanted.revoked[0] = fixture->wanted[ROOT].serial;
    assert_int_equal(judge_list(fixture, &wanted), BULLA_CERTIFICATE_REVOKED);
    chain_end(fixture);
}

static void a_list_that_nobody_of_the_chain_signed_is_refused(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    chain_make(fixture);
    struct test_pki_crl wanted = list_by(fixture, UPPER);
    wanted.issuer = "somebody";
    assert_int_equal(judge_list(fixture, &wanted), BULLA_CERTIFICATE_INVALID);
    wanted = list_by(fixture, UPPER);
    wanted.signer = fixture->keys[TEST_PKI_P384];
    wanted.digest = "SHA384";
    assert_int_equal(judge_list(fixture, &wanted), BULLA_CERTIFICATE_INVALID);
    wanted = list_by(fixture, UPPER);
    wanted.issuer = "leaf"; /* which is no CA */
    wanted.signer = fixture->wanted[LEAF].key;
    assert_int_equal(judge_list(fixture, &wanted), BULLA_CERTIFICATE_INVALID);
    chain_end(fixture);
    fixture = chain_begin();
    fixture->wanted[UPPER].usage = "critical,keyCertSign";
    chain_make(fixture);
    wanted = list_by(fixture, UPPER);
    assert_int_equal(judge_list(fixture, &wanted), BULLA_CERTIFICATE_INVALID);
    chain_end(fixture);
}

/* One list is none of the other two issuers'. */
static void a_list_by_each_issuer_can_be_asked_for(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    chain_make(fixture);
    fixture->rules.crls_of_all = true;
    for (size_t issuer = ROOT; issuer < LEAF; issuer++) {
        struct test_pki_crl wanted = list_by(fixture, issuer);
        assert_int_equal(judge_list(fixture, &wanted), BULLA_CERTIFICATE_INVALID);
        assert_non_null(strstr(bulla_detail(), "there is no revocation list of it"));
    }
    chain_end(fixture);
}

static void a_list_out_of_force_is_refused(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    chain_make(fixture);
    struct test_pki_crl wanted = list_by(fixture, UPPER);
    wanted.from = NOW + 1;
    assert_int_equal(judge_list(fixture, &wanted), BULLA_CERTIFICATE_NOT_YET);
    wanted.from = FROM;
    wanted.until = NOW - 1;
    assert_int_equal(judge_list(fixture, &wanted), BULLA_CERTIFICATE_EXPIRED);
    wanted.until = 0; /* for ever */
    assert_int_equal(judge_list(fixture, &wanted), BULLA_MALFORMED);
    chain_end(fixture);
}

static void a_list_that_is_not_whole_is_refused(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    chain_make(fixture);
    struct test_pki_crl wanted = list_by(fixture, UPPER);
    wanted.critical = "2.5.29.28"; /* issuingDistributionPoint */
    assert_int_equal(judge_list(fixture, &wanted), BULLA_CERTIFICATE_INVALID);
    wanted.critical = "2.5.29.27"; /* deltaCRLIndicator */
    assert_int_equal(judge_list(fixture, &wanted), BULLA_CERTIFICATE_INVALID);
    chain_end(fixture);
}

static void a_list_changed_in_any_byte_is_refused(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    uint8_t der[CHAIN_DER];
    chain_make(fixture);
    struct test_pki_crl wanted = list_by(fixture, ROOT);
    size_t size = test_pki_crl_make(&wanted, der, sizeof der);
    for (size_t i = 0; i < size; i++) {
        BULLA_CRL struct bulla_crl *crl = NULL;
        der[i] ^= 1;
        enum bulla_reason reason = bulla_crl_read((struct bulla_bytes){der, size}, "a changed list", &crl);
        fixture->crls[0] = crl;
        fixture->rules.crl_count = 1;
        if (reason == BULLA_OK)
            reason = chain_verify(fixture);
        fixture->rules.crl_count = 0;
        assert_int_not_equal(reason, BULLA_OK);
        der[i] ^= 1;
    }
    chain_end(fixture);
}

static void lists_are_read_from_der_and_pem_and_fill_it(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    uint8_t der[CHAIN_DER];
    char twice[2 * CHAIN_DER];
    struct test_pki_crl wanted = list_by(fixture, ROOT);
    size_t size = test_pki_crl_make(&wanted, der, sizeof der - 1);
    char *pem = test_pki_pem("X509 CRL", der, size);
    char *certificate = test_pki_pem("CERTIFICATE", der, size);
    struct bulla_crl *crl = NULL;
    der[size] = 0;
    assert_int_equal(bulla_crl_read((struct bulla_bytes){der, size + 1}, "a list", &crl), BULLA_TRAILING);
    assert_int_equal(bulla_crl_read((struct bulla_bytes){der, size - 1}, "a list", &crl), BULLA_MALFORMED);
    assert_int_equal(bulla_crl_read((struct bulla_bytes){der, 0}, "a list", &crl), BULLA_MALFORMED);
    assert_int_equal(bulla_crl_read(BULLA_TEXT(certificate), "a list", &crl), BULLA_MALFORMED);
    (void)strcpy(twice, pem);
    (void)strcat(twice, pem);
    assert_int_equal(bulla_crl_read(BULLA_TEXT(twice), "a list", &crl), BULLA_TRAILING);
    assert_null(crl);
    assert_int_equal(bulla_crl_read(BULLA_TEXT(pem), "a list", &crl), BULLA_OK);
    bulla_crl_free(&crl);
    assert_int_equal(bulla_crl_read((struct bulla_bytes){der, size}, "a list", &crl), BULLA_OK);
    bulla_crl_free(&crl);
    free(pem);
    free(certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_revokes_what_its_issuer_signed),
        cmocka_unit_test(a_list_that_nobody_of_the_chain_signed_is_refused),
        cmocka_unit_test(a_list_by_each_issuer_can_be_asked_for),
        cmocka_unit_test(a_list_out_of_force_is_refused),
        cmocka_unit_test(a_list_that_is_not_whole_is_refused),
        cmocka_unit_test(a_list_changed_in_any_byte_is_refused),
        cmocka_unit_test(lists_are_read_from_der_and_pem_and_fill_it),
    };
    return cmocka_run_group_tests(tests, chain_keys_make, chain_keys_free);
}
