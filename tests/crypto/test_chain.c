/* Chains: in each, one thing at a time is wrong while every signature stays right. */
#include "chain_fixture.h"

#include <stdbool.h>
#include <string.h>

#define REFUSED_FOR(fixture, reason, words)                                                                            \
    do {                                                                                                               \
        assert_int_equal(chain_verdict(fixture), reason);                                                              \
        if (!strstr(bulla_detail(), words))                                                                            \
            fail_msg("\"%s\" does not say \"%s\"", bulla_detail(), words);                                             \
    } while (0)

static void a_right_chain_of_every_kind_of_key_verifies(void **state)
{
    (void)state;
    assert_int_equal(chain_verdict(chain_begin()), BULLA_OK);
    struct chain_fixture *fixture = chain_begin();
    fixture->wanted[LOWER].key = fixture->keys[TEST_PKI_ED25519];
    fixture->wanted[LEAF].signer = fixture->keys[TEST_PKI_ED25519];
    fixture->wanted[LEAF].digest = NULL;
    assert_int_equal(chain_verdict(fixture), BULLA_OK);
}

static void rsa_pss_signatures_verify(void **state)
{
    (void)state;
    static const char *const digests[] = {"SHA256", "SHA384", "SHA512"};
    for (size_t i = 0; i < 3; i++) {
        struct chain_fixture *fixture = chain_begin();
        fixture->wanted[LEAF].pss = true;
        fixture->wanted[LEAF].digest = digests[i];
        assert_int_equal(chain_verdict(fixture), BULLA_OK);
    }
}

static void sha1_is_refused_under_either_padding(void **state)
{
    (void)state;
    for (int pss = 0; pss < 2; pss++) {
        struct chain_fixture *fixture = chain_begin();
        fixture->wanted[LEAF].pss = pss;
        fixture->wanted[LEAF].digest = "SHA1";
        assert_int_equal(chain_verdict(fixture), BULLA_CERTIFICATE_INVALID);
    }
}

static void a_pinned_root_alone_is_a_chain_where_a_ca_may_stand_last(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    fixture->count = 1;
    assert_int_equal(chain_verdict(fixture), BULLA_CERTIFICATE_INVALID);
    fixture->rules.leaf_is_ca = true;
    assert_int_equal(chain_verdict(fixture), BULLA_OK);
    fixture->count = 0;
    assert_int_equal(chain_verify(fixture), BULLA_CERTIFICATE_INVALID);
}

static void only_a_pinned_root_is_trusted(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    chain_make(fixture);
    assert_int_equal(chain_verify(fixture), BULLA_OK);
    fixture->pins[1][31] ^= 1;
    assert_int_equal(chain_verify(fixture), BULLA_CERTIFICATE_UNTRUSTED);
    fixture->pins[1][31] ^= 1;
    fixture->rules.pin_count = 1;
    assert_int_equal(chain_verify(fixture), BULLA_CERTIFICATE_UNTRUSTED);
    bulla_certificate_fingerprint(fixture->chain[UPPER], fixture->pins[0]);
    assert_int_equal(chain_verify(fixture), BULLA_CERTIFICATE_UNTRUSTED); /* not at its place */
    chain_end(fixture);
}

static void a_certificate_in_the_middle_that_is_no_ca_is_refused(void **state)
{
    (void)state;
    static const char *const constraints[] = {NULL, "critical,CA:FALSE"};
    for (size_t link = ROOT; link < LEAF; link++) {
        for (size_t i = 0; i < 2; i++) {
            struct chain_fixture *fixture = chain_begin();
            fixture->wanted[link].constraints = constraints[i];
            REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "is no CA");
        }
    }
}

static void the_path_length_of_each_ca_is_kept(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    fixture->wanted[ROOT].constraints = "critical,CA:TRUE,pathlen:2";
    assert_int_equal(chain_verdict(fixture), BULLA_OK);
    fixture->wanted[ROOT].constraints = "critical,CA:TRUE,pathlen:1";
    REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "pathLen");
    fixture = chain_begin();
    fixture->wanted[UPPER].constraints = "critical,CA:TRUE,pathlen:0";
    REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "pathLen");
}

static void key_usage_is_kept(void **state)
{
    (void)state;
    static const char *const usages[] = {NULL, "critical,digitalSignature", "critical,cRLSign,digitalSignature"};
    for (size_t i = 0; i < 3; i++) {
        struct chain_fixture *fixture = chain_begin();
        fixture->wanted[UPPER].usage = usages[i];
        REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "keyCertSign");
    }
    struct chain_fixture *fixture = chain_begin();
    fixture->wanted[LEAF].usage = "critical,keyAgreement";
    REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "digitalSignature");
    fixture->wanted[LEAF].usage = NULL;
    assert_int_equal(chain_verdict(fixture), BULLA_OK);
}

static void a_leaf_that_is_a_ca_is_refused_unless_allowed(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    fixture->wanted[LEAF].constraints = "critical,CA:TRUE";
    REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "is a CA");
    fixture->rules.leaf_is_ca = true;
    assert_int_equal(chain_verdict(fixture), BULLA_OK);
    fixture->wanted[LEAF].constraints = NULL;
    assert_int_equal(chain_verdict(fixture), BULLA_OK);
    fixture->rules.leaf_is_ca = false;
    assert_int_equal(chain_verdict(fixture), BULLA_OK);
}

static void each_certificate_must_be_valid_at_the_time(void **state)
{
    (void)state;
    for (size_t link = ROOT; link <= LEAF; link++) {
        struct chain_fixture *fixture = chain_begin();
        fixture->wanted[link].from = NOW;
        assert_int_equal(chain_verdict(fixture), BULLA_OK);
        fixture->wanted[link].from = NOW + 1;
        assert_int_equal(chain_verdict(fixture), BULLA_CERTIFICATE_NOT_YET);
        fixture = chain_begin();
        fixture->wanted[link].until = NOW;
        assert_int_equal(chain_verdict(fixture), BULLA_OK);
        fixture->wanted[link].until = NOW - 1;
        assert_int_equal(chain_verdict(fixture), BULLA_CERTIFICATE_EXPIRED);
    }
}

static void the_issuers_name_must_be_its_own(void **state)
{
    (void)state;
    for (size_t link = UPPER; link <= LEAF; link++) {
        struct chain_fixture *fixture = chain_begin();
        fixture->wanted[link].issuer = "somebody";
        REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "another issuer");
    }
}

static void a_signature_by_another_key_is_refused(void **state)
{
    (void)state;
    for (size_t link = UPPER; link <= LEAF; link++) {
        struct chain_fixture *fixture = chain_begin();
        void *other = test_pki_key_make(link == LEAF ? TEST_PKI_RSA : link == LOWER ? TEST_PKI_P256 : TEST_PKI_P384);
        fixture->wanted[link].signer = other;
        REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "is not signed by the one before it");
        test_pki_key_free(other);
    }
    struct chain_fixture *fixture = chain_begin();
    fixture->wanted[LEAF].signer = fixture->keys[TEST_PKI_P256]; /* not even of the issuer's kind */
    REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "is not signed by the one before it");
}

static void a_byte_changed_anywhere_is_refused(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    chain_make(fixture);
    for (size_t link = ROOT; link <= LEAF; link++) {
        struct bulla_certificate *kept = fixture->chain[link];
        for (size_t i = 0; i < fixture->size[link]; i++) {
            fixture->der[link][i] ^= 1;
            fixture->chain[link] = NULL;
            enum bulla_reason reason = bulla_certificate_read(
                (struct bulla_bytes){fixture->der[link], fixture->size[link]}, "a changed link", &fixture->chain[link]);
            if (reason == BULLA_OK)
                reason = chain_verify(fixture);
            assert_int_not_equal(reason, BULLA_OK);
            bulla_certificate_free(&fixture->chain[link]);
            fixture->der[link][i] ^= 1;
        }
        fixture->chain[link] = kept;
    }
    assert_int_equal(chain_verify(fixture), BULLA_OK);
    chain_end(fixture);
}

static void another_order_or_a_missing_link_is_refused(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    chain_make(fixture);
    const struct bulla_certificate *swapped[] = {
        fixture->chain[ROOT], fixture->chain[LOWER], fixture->chain[UPPER], fixture->chain[LEAF]};
    const struct bulla_certificate *missing[] = {fixture->chain[ROOT], fixture->chain[LOWER], fixture->chain[LEAF]};
    const struct bulla_certificate *reversed[] = {
        fixture->chain[LEAF], fixture->chain[LOWER], fixture->chain[UPPER], fixture->chain[ROOT]};
    assert_int_equal(bulla_chain_verify(swapped, 4, &fixture->rules), BULLA_CERTIFICATE_INVALID);
    assert_int_equal(bulla_chain_verify(missing, 3, &fixture->rules), BULLA_CERTIFICATE_INVALID);
    assert_int_equal(bulla_chain_verify(reversed, 4, &fixture->rules), BULLA_CERTIFICATE_UNTRUSTED);
    chain_end(fixture);
}

static void an_unknown_critical_extension_is_refused_unless_the_caller_judges_it(void **state)
{
    (void)state;
    static const char *const judged[] = {"2.5.29.17", "1.2.3.4.5", NULL};
    static const char *const others[] = {"1.2.3.4", "1.2.3.4.5.6", NULL};
    for (size_t link = ROOT; link <= LEAF; link++) {
        struct chain_fixture *fixture = chain_begin();
        fixture->wanted[link].extra[0] = (struct test_pki_extension){"1.2.3.4.5", "0500", false};
        assert_int_equal(chain_verdict(fixture), BULLA_OK);
        fixture->wanted[link].extra[0].critical = true;
        REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "critical extension");
        fixture->rules.known_critical = others;
        REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "critical extension");
        fixture->rules.known_critical = judged;
        assert_int_equal(chain_verdict(fixture), BULLA_OK);
    }
}

static void an_extension_that_occurs_twice_is_refused(void **state)
{
    (void)state;
    for (size_t link = ROOT; link <= LEAF; link++) {
        struct chain_fixture *fixture = chain_begin();
        fixture->wanted[link].extra[0] = (struct test_pki_extension){"1.2.3.4.5", "0500", false};
        fixture->wanted[link].extra[1] = (struct test_pki_extension){"1.2.3.4.5", "0500", false};
        REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "twice");
        /* CA:TRUE behind the CA:FALSE or CA:TRUE that is there */
        fixture->wanted[link].extra[0] = (struct test_pki_extension){"2.5.29.19", "30030101ff", true};
        fixture->wanted[link].extra[1].oid = NULL;
        REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "twice");
    }
}

static void constraints_that_cannot_be_read_are_refused(void **state)
{
    (void)state;
    static const char *const encodings[] = {"", "0500", "30030101", "30030101ff00", "30060101ff0201ff"};
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++) {
        for (size_t link = UPPER; link <= LEAF; link++) {
            struct chain_fixture *fixture = chain_begin();
            fixture->wanted[link].constraints = NULL;
            fixture->wanted[link].extra[0] = (struct test_pki_extension){"2.5.29.19", encodings[i], true};
            REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "can't be read");
        }
    }
}

/* Signatures of CAs are remembered: nothing else of a chain may be. */
static void a_chain_that_verified_before_is_judged_anew(void **state)
{
    (void)state;
    struct chain_fixture *fixture = chain_begin();
    chain_make(fixture);
    for (int i = 0; i < 2; i++) {
        fixture->rules.at = NOW;
        assert_int_equal(chain_verify(fixture), BULLA_OK);
        fixture->rules.at = UNTIL + 1;
        assert_int_equal(chain_verify(fixture), BULLA_CERTIFICATE_EXPIRED);
        fixture->rules.at = FROM - 1;
        assert_int_equal(chain_verify(fixture), BULLA_CERTIFICATE_NOT_YET);
        fixture->rules.at = NOW;
        fixture->pins[1][0] ^= 1;
        assert_int_equal(chain_verify(fixture), BULLA_CERTIFICATE_UNTRUSTED);
        fixture->pins[1][0] ^= 1;
    }
    chain_end(fixture);
    fixture->wanted[UPPER].signer = fixture->keys[TEST_PKI_P256]; /* by the same name, not the same key */
    fixture->wanted[UPPER].digest = "SHA256";
    assert_int_equal(chain_verdict(fixture), BULLA_CERTIFICATE_INVALID);
}

static void more_chains_than_are_remembered_verify(void **state)
{
    (void)state;
    for (long round = 0; round < 140; round++) {
        struct chain_fixture *fixture = chain_begin();
        void *other = fixture->keys[TEST_PKI_P256];
        fixture->wanted[UPPER].serial = fixture->wanted[LOWER].serial = round % 70;
        assert_int_equal(chain_verdict(fixture), BULLA_OK);
        fixture->wanted[UPPER].signer = other;
        fixture->wanted[UPPER].digest = "SHA256";
        assert_int_equal(chain_verdict(fixture), BULLA_CERTIFICATE_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_chain_of_every_kind_of_key_verifies),
        cmocka_unit_test(rsa_pss_signatures_verify),
        cmocka_unit_test(sha1_is_refused_under_either_padding),
        cmocka_unit_test(a_pinned_root_alone_is_a_chain_where_a_ca_may_stand_last),
        cmocka_unit_test(only_a_pinned_root_is_trusted),
        cmocka_unit_test(a_certificate_in_the_middle_that_is_no_ca_is_refused),
        cmocka_unit_test(the_path_length_of_each_ca_is_kept),
        cmocka_unit_test(key_usage_is_kept),
        cmocka_unit_test(a_leaf_that_is_a_ca_is_refused_unless_allowed),
        cmocka_unit_test(each_certificate_must_be_valid_at_the_time),
        cmocka_unit_test(the_issuers_name_must_be_its_own),
        cmocka_unit_test(a_signature_by_another_key_is_refused),
        cmocka_unit_test(a_byte_changed_anywhere_is_refused),
        cmocka_unit_test(another_order_or_a_missing_link_is_refused),
        cmocka_unit_test(an_unknown_critical_extension_is_refused_unless_the_caller_judges_it),
        cmocka_unit_test(an_extension_that_occurs_twice_is_refused),
        cmocka_unit_test(constraints_that_cannot_be_read_are_refused),
        cmocka_unit_test(a_chain_that_verified_before_is_judged_anew),
        cmocka_unit_test(more_chains_than_are_remembered_verify),
    };
    return cmocka_run_group_tests(tests, chain_keys_make, chain_keys_free);
}
