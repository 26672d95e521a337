/* Certificates of Nitro documents: the document itself is right and signed by its leaf's key, under a root that the
 * verifier is told to trust; one thing at a time is wrong with the chain. */
#include "support/test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/nitro.h"
#include "nitro_maker.h"

enum { FROM = 1700000000, MADE = 1700000100, UNTIL = 1700010800 };

static struct nitro_pki pki, other;
static struct nitro_document wanted;

static int begin(void **state)
{
    (void)state;
    nitro_pki_make(&pki, FROM, UNTIL);
    nitro_pki_make(&other, FROM, UNTIL);
    memset(wanted.pcrs, 7, sizeof wanted.pcrs);
    wanted.timestamp = MADE * UINT64_C(1000);
    wanted.user_data = BULLA_TEXT("user data");
    return 0;
}

static int end(void **state)
{
    (void)state;
    nitro_pki_free(&pki);
    nitro_pki_free(&other);
    return 0;
}

static enum bulla_reason judge(
    const struct nitro_pki *by, const struct bulla_verification *trusted, struct bulla_claims *claims)
{
    static uint8_t memory[NITRO_DOCUMENT];
    struct bulla_verification verification = *trusted;
    verification.document = (struct bulla_bytes){memory, nitro_document_make(by, &wanted, memory, sizeof memory)};
    return bulla_evidence_verify(&verification, claims);
}

static enum bulla_reason verdict(const struct nitro_pki *by)
{
    struct bulla_claims claims;
    const struct bulla_verification trusted = {.roots = (const uint8_t(*)[32])pki.root, .root_count = 1};
    return judge(by, &trusted, &claims);
}

/* The chain with one certificate made anew after a change; the root's own hash is trusted, changed or not. */
static enum bulla_reason renewed(struct nitro_pki *changed)
{
    struct bulla_claims claims;
    nitro_pki_renew(changed);
    const struct bulla_verification trusted = {.roots = (const uint8_t(*)[32])changed->root, .root_count = 1};
    return judge(changed, &trusted, &claims);
}

static void a_root_that_the_caller_names_is_trusted_and_no_other(void **state)
{
    (void)state;
    struct bulla_claims claims;
    uint8_t roots[BULLA_EXTRA_ROOTS + 1][32] = {{1}};
    struct bulla_verification trusted = {.roots = (const uint8_t(*)[32])roots};
    assert_int_equal(judge(&pki, &trusted, &claims), BULLA_CERTIFICATE_UNTRUSTED);
    trusted.root_count = 1;
    assert_int_equal(judge(&pki, &trusted, &claims), BULLA_CERTIFICATE_UNTRUSTED);
    trusted.root_count = BULLA_EXTRA_ROOTS;
    memcpy(roots[BULLA_EXTRA_ROOTS - 1], pki.root, 32);
    assert_int_equal(judge(&pki, &trusted, &claims), BULLA_OK);
    assert_true(claims.pinned);
    assert_true(claims.valid_from == FROM && claims.valid_until == UNTIL && claims.made_at == MADE);
    assert_true(bulla_bytes_equal_text(claims.report_data, "user data"));
    assert_null(claims.nonce.data);
    assert_int_equal(judge(&other, &trusted, &claims), BULLA_CERTIFICATE_UNTRUSTED);
    trusted.root_count = BULLA_EXTRA_ROOTS + 1;
    assert_int_equal(judge(&pki, &trusted, &claims), BULLA_TOO_LARGE);
}

static void no_certificate_can_be_left_out(void **state)
{
    (void)state;
    assert_int_equal(verdict(&pki), BULLA_OK);
    for (size_t i = 0; i < NITRO_LINKS; i++) {
        struct nitro_pki changed = pki;
        changed.size[i] = 0;
        assert_int_equal(verdict(&changed), i == 0            ? BULLA_CERTIFICATE_UNTRUSTED
                                            : i == NITRO_LEAF ? BULLA_MALFORMED
                                                              : BULLA_CERTIFICATE_INVALID);
    }
}

static void no_two_certificates_can_change_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < NITRO_LINKS; i++) {
        for (size_t j = i + 1; j < NITRO_LINKS; j++) {
            struct nitro_pki changed = pki;
            memcpy(changed.der[i], pki.der[j], sizeof pki.der[j]);
            memcpy(changed.der[j], pki.der[i], sizeof pki.der[i]);
            changed.size[i] = pki.size[j];
            changed.size[j] = pki.size[i];
            assert_int_equal(verdict(&changed), i ? BULLA_CERTIFICATE_INVALID : BULLA_CERTIFICATE_UNTRUSTED);
        }
    }
}

/* Of the same names, under another root. */
static void no_certificate_can_be_somebody_elses(void **state)
{
    (void)state;
    for (size_t i = 0; i < NITRO_LINKS; i++) {
        struct nitro_pki changed = pki;
        memcpy(changed.der[i], other.der[i], sizeof other.der[i]);
        changed.size[i] = other.size[i];
        assert_int_equal(verdict(&changed), i ? BULLA_CERTIFICATE_INVALID : BULLA_CERTIFICATE_UNTRUSTED);
    }
}

static void a_document_signed_by_another_key_than_its_leafs_is_refused(void **state)
{
    (void)state;
    struct nitro_pki changed = pki;
    changed.keys[NITRO_LEAF] = pki.keys[NITRO_LEAF - 1];
    assert_int_equal(verdict(&changed), BULLA_SIGNATURE);
}

static void no_byte_of_a_certificate_can_be_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < NITRO_LINKS; i++) {
        struct nitro_pki changed = pki;
        for (size_t at = 0; at < pki.size[i]; at++) {
            changed.der[i][at] ^= 1;
            assert_int_not_equal(verdict(&changed), BULLA_OK);
            changed.der[i][at] ^= 1;
        }
    }
}

static void each_rule_of_the_chain_is_kept(void **state)
{
    (void)state;
    static const struct {
        size_t link;
        const char *constraints, *usage;
        enum bulla_reason reason;
    } rows[] = {
        {0, "critical,CA:TRUE,pathlen:3", "keyCertSign", BULLA_OK},
        {0, "critical,CA:TRUE,pathlen:2", "keyCertSign", BULLA_CERTIFICATE_INVALID},
        {1, "critical,CA:TRUE,pathlen:1", "keyCertSign", BULLA_CERTIFICATE_INVALID},
        {2, "critical,CA:TRUE,pathlen:0", "keyCertSign", BULLA_CERTIFICATE_INVALID},
        {3, "critical,CA:TRUE", "keyCertSign", BULLA_OK},
        {1, "critical,CA:FALSE", "keyCertSign", BULLA_CERTIFICATE_INVALID},
        {2, NULL, "keyCertSign", BULLA_CERTIFICATE_INVALID},
        {3, "critical,CA:FALSE", "keyCertSign", BULLA_CERTIFICATE_INVALID},
        {1, "critical,CA:TRUE", "digitalSignature", BULLA_CERTIFICATE_INVALID},
        {3, "critical,CA:TRUE", NULL, BULLA_CERTIFICATE_INVALID},
        {NITRO_LEAF, NULL, "digitalSignature", BULLA_OK},
        {NITRO_LEAF, "critical,CA:TRUE", "digitalSignature", BULLA_CERTIFICATE_INVALID},
        {NITRO_LEAF, "critical,CA:FALSE", "nonRepudiation", BULLA_CERTIFICATE_INVALID},
        {NITRO_LEAF, "critical,CA:FALSE", NULL, BULLA_CERTIFICATE_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct nitro_pki changed = pki;
        changed.wanted[rows[i].link].constraints = rows[i].constraints;
        changed.wanted[rows[i].link].usage = rows[i].usage;
        enum bulla_reason reason = renewed(&changed);
        if (reason != rows[i].reason)
            fail_msg("row %zu: %s", i, bulla_detail());
    }
}

static void every_certificate_must_be_valid_when_the_document_was_made(void **state)
{
    (void)state;
    for (size_t i = 0; i < NITRO_LINKS; i++) {
        struct nitro_pki changed = pki;
        changed.wanted[i].from = MADE + 1;
        assert_int_equal(renewed(&changed), BULLA_CERTIFICATE_NOT_YET);
        changed.wanted[i].from = FROM;
        changed.wanted[i].until = MADE - 1;
        assert_int_equal(renewed(&changed), BULLA_CERTIFICATE_EXPIRED);
        changed.wanted[i].until = MADE;
        assert_int_equal(renewed(&changed), BULLA_OK);
    }
}

/* A chain that is valid when it is judged says nothing of a document from another time. */
static void a_document_made_outside_its_certificates_is_refused_at_any_time(void **state)
{
    (void)state;
    struct bulla_claims claims;
    const struct bulla_verification trusted = {.roots = (const uint8_t(*)[32])pki.root, .root_count = 1, .at = MADE};
    wanted.timestamp = (FROM - 1) * UINT64_C(1000) + 999;
    assert_int_equal(judge(&pki, &trusted, &claims), BULLA_CERTIFICATE_NOT_YET);
    wanted.timestamp = FROM * UINT64_C(1000);
    assert_int_equal(judge(&pki, &trusted, &claims), BULLA_OK);
    wanted.timestamp = (UNTIL + 1) * UINT64_C(1000);
    assert_int_equal(judge(&pki, &trusted, &claims), BULLA_CERTIFICATE_EXPIRED);
    wanted.timestamp = UINT64_MAX;
    assert_int_equal(judge(&pki, &trusted, &claims), BULLA_CERTIFICATE_EXPIRED);
    wanted.timestamp = MADE * UINT64_C(1000);
}

static void a_leaf_with_a_key_of_another_curve_is_refused(void **state)
{
    (void)state;
    struct nitro_pki changed = pki;
    changed.keys[NITRO_LEAF] = test_pki_key_make(TEST_PKI_P256);
    changed.wanted[NITRO_LEAF].key = changed.keys[NITRO_LEAF];
    assert_int_equal(renewed(&changed), BULLA_CERTIFICATE_INVALID);
    test_pki_key_free(changed.keys[NITRO_LEAF]);
}

static void a_revocation_list_that_is_given_is_kept(void **state)
{
    (void)state;
    struct bulla_claims claims;
    uint8_t der[1024];
    struct test_pki_crl list = {.issuer = pki.wanted[2].subject,
        .signer = pki.keys[2],
        .digest = "SHA384",
        .from = FROM,
        .until = UNTIL,
        .revoked = {77}};
    struct bulla_verification trusted = {.roots = (const uint8_t(*)[32])pki.root, .root_count = 1};
    trusted.endorsements.crls = (struct bulla_bytes){der, test_pki_crl_make(&list, der, sizeof der)};
    assert_int_equal(judge(&pki, &trusted, &claims), BULLA_OK);
    trusted.endorsements.crls.size--;
    assert_int_equal(judge(&pki, &trusted, &claims), BULLA_MALFORMED);
    list.revoked[1] = pki.wanted[3].serial;
    trusted.endorsements.crls.size = test_pki_crl_make(&list, der, sizeof der);
    assert_int_equal(judge(&pki, &trusted, &claims), BULLA_CERTIFICATE_REVOKED);
    list.signer = pki.keys[1];
    trusted.endorsements.crls.size = test_pki_crl_make(&list, der, sizeof der);
    assert_int_not_equal(judge(&pki, &trusted, &claims), BULLA_OK);
    list.issuer = "somebody";
    trusted.endorsements.crls.size = test_pki_crl_make(&list, der, sizeof der);
    assert_int_equal(judge(&pki, &trusted, &claims), BULLA_CERTIFICATE_INVALID);
}

/* One list for each CA, in one file: of the third in PEM, of the fourth in DER. */
static void revocation_lists_stand_one_behind_the_other(void **state)
{
    (void)state;
    struct bulla_claims claims;
    uint8_t der[1024], file[4096];
    struct test_pki_crl list = {.digest = "SHA384", .from = FROM, .until = UNTIL, .revoked = {77}};
    struct bulla_verification trusted = {.roots = (const uint8_t(*)[32])pki.root, .root_count = 1};
    for (unsigned revoked = 0; revoked < 2; revoked++) {
        list.issuer = pki.wanted[2].subject;
        list.signer = pki.keys[2];
        list.revoked[1] = 0;
        char *pem = test_pki_pem("X509 CRL", der, test_pki_crl_make(&list, der, sizeof der));
        size_t size = strlen(pem);
        memcpy(file, pem, size);
        free(pem);
        list.issuer = pki.wanted[3].subject;
        list.signer = pki.keys[3];
        list.revoked[1] = revoked ? pki.wanted[4].serial : 0;
        size += test_pki_crl_make(&list, file + size, sizeof file - size);
        trusted.endorsements.crls = (struct bulla_bytes){file, size};
        assert_int_equal(judge(&pki, &trusted, &claims), revoked ? BULLA_CERTIFICATE_REVOKED : BULLA_OK);
    }
}

/* Each of AWS's CAs has a list of its own. */
static void every_revocation_list_that_is_given_is_kept(void **state)
{
    (void)state;
    struct bulla_claims claims;
    uint8_t der[2048];
    for (size_t revoking = 0; revoking < 3; revoking++) {
        size_t size = 0;
        for (size_t i = 0; i < 2; i++) {
            struct test_pki_crl list = {.issuer = pki.wanted[2 + i].subject,
                .signer = pki.keys[2 + i],
                .digest = "SHA384",
                .from = FROM,
                .until = UNTIL,
                .revoked = {i == revoking ? pki.wanted[3 + i].serial : 77}};
            size += test_pki_crl_make(&list, der + size, sizeof der - size);
        }
        const struct bulla_verification trusted = {
            .roots = (const uint8_t(*)[32])pki.root, .root_count = 1, .endorsements.crls = {der, size}};
        assert_int_equal(judge(&pki, &trusted, &claims), revoking < 2 ? BULLA_CERTIFICATE_REVOKED : BULLA_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_root_that_the_caller_names_is_trusted_and_no_other),
        cmocka_unit_test(no_certificate_can_be_left_out),
        cmocka_unit_test(no_two_certificates_can_change_places),
        cmocka_unit_test(no_certificate_can_be_somebody_elses),
        cmocka_unit_test(a_document_signed_by_another_key_than_its_leafs_is_refused),
        cmocka_unit_test(no_byte_of_a_certificate_can_be_changed),
        cmocka_unit_test(each_rule_of_the_chain_is_kept),
        cmocka_unit_test(every_certificate_must_be_valid_when_the_document_was_made),
        cmocka_unit_test(a_document_made_outside_its_certificates_is_refused_at_any_time),
        cmocka_unit_test(a_revocation_list_that_is_given_is_kept),
        cmocka_unit_test(revocation_lists_stand_one_behind_the_other),
        cmocka_unit_test(every_revocation_list_that_is_given_is_kept),
        cmocka_unit_test(a_leaf_with_a_key_of_another_curve_is_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
