/* Certificates, chains and revocation lists. The chains are OpenSSL's: root, two CAs and a leaf, in which one thing at
 * a time is wrong while every signature stays right. */
#include "support/test.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/certificate.h"
#include "support/pki.h"

enum { LINKS = 4, ROOT = 0, UPPER, LOWER, LEAF, DER = 2048 };
enum { BEFORE = 1700000000, FROM = 1700000100, NOW = 1700000200, UNTIL = 1700000300, AFTER = 1700000400 };
#define CA_USAGE "critical,keyCertSign,cRLSign"

struct fixture {
    void *keys[TEST_PKI_P521 + 1];
    struct test_pki_certificate wanted[LINKS];
    size_t count;
    uint8_t der[LINKS][DER];
    size_t size[LINKS];
    struct bulla_certificate *chain[LINKS];
    uint8_t pins[2][32];
    const struct bulla_crl *crls[2];
    struct bulla_chain_rules rules;
};
static struct fixture shared;

static int make_keys(void **state)
{
    (void)state;
    for (int kind = 0; kind <= TEST_PKI_P521; kind++)
        shared.keys[kind] = test_pki_key_make((enum test_pki_key)kind);
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    for (int kind = 0; kind <= TEST_PKI_P521; kind++)
        test_pki_key_free(shared.keys[kind]);
    return 0;
}

/* Everything right. */
static struct fixture *begin(void)
{
    struct fixture *fixture = &shared;
    static const char *const names[] = {"root", "root", "upper", "lower", "leaf"};
    static const char *const constraints[] = {
        "critical,CA:TRUE", "critical,CA:TRUE,pathlen:1", "critical,CA:TRUE,pathlen:0", "critical,CA:FALSE"};
    void *const keys[] = {fixture->keys[TEST_PKI_P384], fixture->keys[TEST_PKI_P256], fixture->keys[TEST_PKI_RSA],
        fixture->keys[TEST_PKI_P384]};
    static const char *const digests[] = {"SHA384", "SHA384", "SHA256", "SHA256"};
    for (size_t i = 0; i < LINKS; i++)
        fixture->wanted[i] = (struct test_pki_certificate){
            .subject = names[i + 1],
            .issuer = names[i],
            .key = keys[i],
            .signer = keys[i ? i - 1 : 0],
            .digest = digests[i],
            .serial = (long)(100 + i),
            .from = FROM,
            .until = UNTIL,
            .constraints = constraints[i],
            .usage = i == LEAF ? "critical,digitalSignature" : CA_USAGE,
        };
    fixture->count = LINKS;
    fixture->rules = (struct bulla_chain_rules){
        .pins = (const uint8_t(*)[32])fixture->pins, .pin_count = 2, .at = NOW, .crls = fixture->crls};
    return fixture;
}

static void make(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->count; i++) {
        fixture->size[i] = test_pki_certificate_make(&fixture->wanted[i], fixture->der[i], DER);
        assert_int_equal(bulla_certificate_read(
                             (struct bulla_bytes){fixture->der[i], fixture->size[i]}, "a link", &fixture->chain[i]),
            BULLA_OK);
    }
    memset(fixture->pins, 0, sizeof fixture->pins);
    bulla_certificate_fingerprint(fixture->chain[0], fixture->pins[1]);
}

static enum bulla_reason verify(struct fixture *fixture)
{
    return bulla_chain_verify((const struct bulla_certificate *const *)fixture->chain, fixture->count, &fixture->rules);
}

static void end(struct fixture *fixture)
{
    for (size_t i = 0; i < LINKS; i++)
        bulla_certificate_free(&fixture->chain[i]);
}

static enum bulla_reason verdict(struct fixture *fixture)
{
    make(fixture);
    enum bulla_reason reason = verify(fixture);
    end(fixture);
    return reason;
}

#define REFUSED_FOR(fixture, reason, words)                                                                            \
    do {                                                                                                               \
        assert_int_equal(verdict(fixture), reason);                                                                    \
        if (!strstr(bulla_detail(), words))                                                                            \
            fail_msg("\"%s\" does not say \"%s\"", bulla_detail(), words);                                             \
    } while (0)

static void a_right_chain_of_every_kind_of_key_verifies(void **state)
{
    (void)state;
    assert_int_equal(verdict(begin()), BULLA_OK);
    struct fixture *fixture = begin();
    fixture->wanted[LOWER].key = fixture->keys[TEST_PKI_ED25519];
    fixture->wanted[LEAF].signer = fixture->keys[TEST_PKI_ED25519];
    fixture->wanted[LEAF].digest = NULL;
    assert_int_equal(verdict(fixture), BULLA_OK);
}

static void rsa_pss_signatures_verify(void **state)
{
    (void)state;
    static const char *const digests[] = {"SHA256", "SHA384", "SHA512"};
    for (size_t i = 0; i < 3; i++) {
        struct fixture *fixture = begin();
        fixture->wanted[LEAF].pss = true;
        fixture->wanted[LEAF].digest = digests[i];
        assert_int_equal(verdict(fixture), BULLA_OK);
    }
}

static void sha1_is_refused_under_either_padding(void **state)
{
    (void)state;
    for (int pss = 0; pss < 2; pss++) {
        struct fixture *fixture = begin();
        fixture->wanted[LEAF].pss = pss;
        fixture->wanted[LEAF].digest = "SHA1";
        assert_int_equal(verdict(fixture), BULLA_CERTIFICATE_INVALID);
    }
}

static void a_pinned_root_alone_is_a_chain_where_a_ca_may_stand_last(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    fixture->count = 1;
    assert_int_equal(verdict(fixture), BULLA_CERTIFICATE_INVALID);
    fixture->rules.leaf_is_ca = true;
    assert_int_equal(verdict(fixture), BULLA_OK);
    fixture->count = 0;
    assert_int_equal(verify(fixture), BULLA_CERTIFICATE_INVALID);
}

static void only_a_pinned_root_is_trusted(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    make(fixture);
    assert_int_equal(verify(fixture), BULLA_OK);
    fixture->pins[1][31] ^= 1;
    assert_int_equal(verify(fixture), BULLA_CERTIFICATE_UNTRUSTED);
    fixture->pins[1][31] ^= 1;
    fixture->rules.pin_count = 1;
    assert_int_equal(verify(fixture), BULLA_CERTIFICATE_UNTRUSTED);
    bulla_certificate_fingerprint(fixture->chain[UPPER], fixture->pins[0]);
    assert_int_equal(verify(fixture), BULLA_CERTIFICATE_UNTRUSTED); /* not at its place */
    end(fixture);
}

static void a_certificate_in_the_middle_that_is_no_ca_is_refused(void **state)
{
    (void)state;
    static const char *const constraints[] = {NULL, "critical,CA:FALSE"};
    for (size_t link = ROOT; link < LEAF; link++) {
        for (size_t i = 0; i < 2; i++) {
            struct fixture *fixture = begin();
            fixture->wanted[link].constraints = constraints[i];
            REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "is no CA");
        }
    }
}

static void the_path_length_of_each_ca_is_kept(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    fixture->wanted[ROOT].constraints = "critical,CA:TRUE,pathlen:2";
    assert_int_equal(verdict(fixture), BULLA_OK);
    fixture->wanted[ROOT].constraints = "critical,CA:TRUE,pathlen:1";
    REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "pathLen");
    fixture = begin();
    fixture->wanted[UPPER].constraints = "critical,CA:TRUE,pathlen:0";
    REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "pathLen");
}

static void key_usage_is_kept(void **state)
{
    (void)state;
    static const char *const usages[] = {NULL, "critical,digitalSignature", "critical,cRLSign,digitalSignature"};
    for (size_t i = 0; i < 3; i++) {
        struct fixture *fixture = begin();
        fixture->wanted[UPPER].usage = usages[i];
        REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "keyCertSign");
    }
    struct fixture *fixture = begin();
    fixture->wanted[LEAF].usage = "critical,keyAgreement";
    REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "digitalSignature");
    fixture->wanted[LEAF].usage = NULL;
    assert_int_equal(verdict(fixture), BULLA_OK);
}

static void a_leaf_that_is_a_ca_is_refused_unless_allowed(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    fixture->wanted[LEAF].constraints = "critical,CA:TRUE";
    REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "is a CA");
    fixture->rules.leaf_is_ca = true;
    assert_int_equal(verdict(fixture), BULLA_OK);
    fixture->wanted[LEAF].constraints = NULL;
    assert_int_equal(verdict(fixture), BULLA_OK);
    fixture->rules.leaf_is_ca = false;
    assert_int_equal(verdict(fixture), BULLA_OK);
}

static void each_certificate_must_be_valid_at_the_time(void **state)
{
    (void)state;
    for (size_t link = ROOT; link <= LEAF; link++) {
        struct fixture *fixture = begin();
        fixture->wanted[link].from = NOW;
        assert_int_equal(verdict(fixture), BULLA_OK);
        fixture->wanted[link].from = NOW + 1;
        assert_int_equal(verdict(fixture), BULLA_CERTIFICATE_NOT_YET);
        fixture = begin();
        fixture->wanted[link].until = NOW;
        assert_int_equal(verdict(fixture), BULLA_OK);
        fixture->wanted[link].until = NOW - 1;
        assert_int_equal(verdict(fixture), BULLA_CERTIFICATE_EXPIRED);
    }
}

static void the_issuers_name_must_be_its_own(void **state)
{
    (void)state;
    for (size_t link = UPPER; link <= LEAF; link++) {
        struct fixture *fixture = begin();
        fixture->wanted[link].issuer = "somebody";
        REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "another issuer");
    }
}

static void a_signature_by_another_key_is_refused(void **state)
{
    (void)state;
    for (size_t link = UPPER; link <= LEAF; link++) {
        struct fixture *fixture = begin();
        void *other = test_pki_key_make(link == LEAF ? TEST_PKI_RSA : link == LOWER ? TEST_PKI_P256 : TEST_PKI_P384);
        fixture->wanted[link].signer = other;
        REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "is not signed by the one before it");
        test_pki_key_free(other);
    }
    struct fixture *fixture = begin();
    fixture->wanted[LEAF].signer = fixture->keys[TEST_PKI_P256]; /* not even of the issuer's kind */
    REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "is not signed by the one before it");
}

static void a_byte_changed_anywhere_is_refused(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    make(fixture);
    for (size_t link = ROOT; link <= LEAF; link++) {
        struct bulla_certificate *kept = fixture->chain[link];
        for (size_t i = 0; i < fixture->size[link]; i++) {
            fixture->der[link][i] ^= 1;
            fixture->chain[link] = NULL;
            enum bulla_reason reason = bulla_certificate_read(
                (struct bulla_bytes){fixture->der[link], fixture->size[link]}, "a changed link", &fixture->chain[link]);
            if (reason == BULLA_OK)
                reason = verify(fixture);
            assert_int_not_equal(reason, BULLA_OK);
            bulla_certificate_free(&fixture->chain[link]);
            fixture->der[link][i] ^= 1;
        }
        fixture->chain[link] = kept;
    }
    assert_int_equal(verify(fixture), BULLA_OK);
    end(fixture);
}

static void another_order_or_a_missing_link_is_refused(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    make(fixture);
    const struct bulla_certificate *swapped[] = {
        fixture->chain[ROOT], fixture->chain[LOWER], fixture->chain[UPPER], fixture->chain[LEAF]};
    const struct bulla_certificate *missing[] = {fixture->chain[ROOT], fixture->chain[LOWER], fixture->chain[LEAF]};
    const struct bulla_certificate *reversed[] = {
        fixture->chain[LEAF], fixture->chain[LOWER], fixture->chain[UPPER], fixture->chain[ROOT]};
    assert_int_equal(bulla_chain_verify(swapped, 4, &fixture->rules), BULLA_CERTIFICATE_INVALID);
    assert_int_equal(bulla_chain_verify(missing, 3, &fixture->rules), BULLA_CERTIFICATE_INVALID);
    assert_int_equal(bulla_chain_verify(reversed, 4, &fixture->rules), BULLA_CERTIFICATE_UNTRUSTED);
    end(fixture);
}

static void an_unknown_critical_extension_is_refused_unless_the_caller_judges_it(void **state)
{
    (void)state;
    static const char *const judged[] = {"2.5.29.17", "1.2.3.4.5", NULL};
    static const char *const others[] = {"1.2.3.4", "1.2.3.4.5.6", NULL};
    for (size_t link = ROOT; link <= LEAF; link++) {
        struct fixture *fixture = begin();
        fixture->wanted[link].extra[0] = (struct test_pki_extension){"1.2.3.4.5", "0500", false};
        assert_int_equal(verdict(fixture), BULLA_OK);
        fixture->wanted[link].extra[0].critical = true;
        REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "critical extension");
        fixture->rules.known_critical = others;
        REFUSED_FOR(fixture, BULLA_CERTIFICATE_INVALID, "critical extension");
        fixture->rules.known_critical = judged;
        assert_int_equal(verdict(fixture), BULLA_OK);
    }
}

static void an_extension_that_occurs_twice_is_refused(void **state)
{
    (void)state;
    for (size_t link = ROOT; link <= LEAF; link++) {
        struct fixture *fixture = begin();
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
            struct fixture *fixture = begin();
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
    struct fixture *fixture = begin();
    make(fixture);
    for (int i = 0; i < 2; i++) {
        fixture->rules.at = NOW;
        assert_int_equal(verify(fixture), BULLA_OK);
        fixture->rules.at = UNTIL + 1;
        assert_int_equal(verify(fixture), BULLA_CERTIFICATE_EXPIRED);
        fixture->rules.at = FROM - 1;
        assert_int_equal(verify(fixture), BULLA_CERTIFICATE_NOT_YET);
        fixture->rules.at = NOW;
        fixture->pins[1][0] ^= 1;
        assert_int_equal(verify(fixture), BULLA_CERTIFICATE_UNTRUSTED);
        fixture->pins[1][0] ^= 1;
    }
    end(fixture);
    fixture->wanted[UPPER].signer = fixture->keys[TEST_PKI_P256]; /* by the same name, not the same key */
    fixture->wanted[UPPER].digest = "SHA256";
    assert_int_equal(verdict(fixture), BULLA_CERTIFICATE_INVALID);
}

static void more_chains_than_are_remembered_verify(void **state)
{
    (void)state;
    for (long round = 0; round < 140; round++) {
        struct fixture *fixture = begin();
        void *other = fixture->keys[TEST_PKI_P256];
        fixture->wanted[UPPER].serial = fixture->wanted[LOWER].serial = round % 70;
        assert_int_equal(verdict(fixture), BULLA_OK);
        fixture->wanted[UPPER].signer = other;
        fixture->wanted[UPPER].digest = "SHA256";
        assert_int_equal(verdict(fixture), BULLA_CERTIFICATE_INVALID);
    }
}

/* Lists */

static struct test_pki_crl list_by(struct fixture *fixture, size_t link)
{
    static const char *const digests[] = {"SHA384", "SHA256", "SHA256"};
    return (struct test_pki_crl){.issuer = fixture->wanted[link].subject,
        .signer = fixture->wanted[link].key,
        .digest = digests[link],
        .from = FROM,
        .until = UNTIL};
}

static enum bulla_reason judge_list(struct fixture *fixture, const struct test_pki_crl *wanted)
{
    uint8_t der[DER];
    BULLA_CRL struct bulla_crl *crl = NULL;
    size_t size = test_pki_crl_make(wanted, der, sizeof der);
    BULLA_TRY(bulla_crl_read((struct bulla_bytes){der, size}, "a list", &crl));
    fixture->crls[0] = crl;
    fixture->rules.crl_count = 1;
    enum bulla_reason reason = verify(fixture);
    fixture->rules.crl_count = 0;
    return reason;
}

static void a_list_revokes_what_its_issuer_signed(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    make(fixture);
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
    end(fixture);
}

static void a_list_that_nobody_of_the_chain_signed_is_refused(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    make(fixture);
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
    end(fixture);
    fixture = begin();
    fixture->wanted[UPPER].usage = "critical,keyCertSign";
    make(fixture);
    wanted = list_by(fixture, UPPER);
    assert_int_equal(judge_list(fixture, &wanted), BULLA_CERTIFICATE_INVALID);
    end(fixture);
}

/* One list is none of the other two issuers'. */
static void a_list_by_each_issuer_can_be_asked_for(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    make(fixture);
    fixture->rules.crls_of_all = true;
    for (size_t issuer = ROOT; issuer < LEAF; issuer++) {
        struct test_pki_crl wanted = list_by(fixture, issuer);
        assert_int_equal(judge_list(fixture, &wanted), BULLA_CERTIFICATE_INVALID);
        assert_non_null(strstr(bulla_detail(), "there is no revocation list of it"));
    }
    end(fixture);
}

static void a_list_out_of_force_is_refused(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    make(fixture);
    struct test_pki_crl wanted = list_by(fixture, UPPER);
    wanted.from = NOW + 1;
    assert_int_equal(judge_list(fixture, &wanted), BULLA_CERTIFICATE_NOT_YET);
    wanted.from = FROM;
    wanted.until = NOW - 1;
    assert_int_equal(judge_list(fixture, &wanted), BULLA_CERTIFICATE_EXPIRED);
    wanted.until = 0; /* for ever */
    assert_int_equal(judge_list(fixture, &wanted), BULLA_MALFORMED);
    end(fixture);
}

static void a_list_that_is_not_whole_is_refused(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    make(fixture);
    struct test_pki_crl wanted = list_by(fixture, UPPER);
    wanted.critical = "2.5.29.28"; /* issuingDistributionPoint */
    assert_int_equal(judge_list(fixture, &wanted), BULLA_CERTIFICATE_INVALID);
    wanted.critical = "2.5.29.27"; /* deltaCRLIndicator */
    assert_int_equal(judge_list(fixture, &wanted), BULLA_CERTIFICATE_INVALID);
    end(fixture);
}

static void a_list_changed_in_any_byte_is_refused(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    uint8_t der[DER];
    make(fixture);
    struct test_pki_crl wanted = list_by(fixture, ROOT);
    size_t size = test_pki_crl_make(&wanted, der, sizeof der);
    for (size_t i = 0; i < size; i++) {
        BULLA_CRL struct bulla_crl *crl = NULL;
        der[i] ^= 1;
        enum bulla_reason reason = bulla_crl_read((struct bulla_bytes){der, size}, "a changed list", &crl);
        fixture->crls[0] = crl;
        fixture->rules.crl_count = 1;
        if (reason == BULLA_OK)
            reason = verify(fixture);
        fixture->rules.crl_count = 0;
        assert_int_not_equal(reason, BULLA_OK);
        der[i] ^= 1;
    }
    end(fixture);
}

static void lists_are_read_from_der_and_pem_and_fill_it(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    uint8_t der[DER];
    char twice[2 * DER];
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

/* Reading */

static void one_certificate_fills_its_bytes(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    make(fixture);
    struct bulla_certificate *read = NULL;
    uint8_t *der = fixture->der[LEAF];
    size_t size = fixture->size[LEAF];
    der[size] = 0;
    assert_int_equal(bulla_certificate_read((struct bulla_bytes){der, size + 1}, "a link", &read), BULLA_TRAILING);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(bulla_certificate_read((struct bulla_bytes){der, cut}, "a link", &read), BULLA_MALFORMED);
    static const uint8_t large[BULLA_CERTIFICATE_LARGEST + 1];
    assert_int_equal(bulla_certificate_read(BULLA_BYTES(large), "a link", &read), BULLA_TOO_LARGE);
    assert_null(read);
    end(fixture);
}

/* 30 82 hh ll with one more, needless byte of length: BER, and not what was signed as a whole. */
static void what_is_not_der_is_refused(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    make(fixture);
    uint8_t ber[DER];
    struct bulla_certificate *read = NULL;
    const uint8_t *der = fixture->der[LEAF];
    size_t size = fixture->size[LEAF];
    assert_int_equal(der[1], 0x82);
    ber[0] = der[0];
    ber[1] = 0x83;
    ber[2] = 0;
    memcpy(ber + 3, der + 2, size - 2);
    assert_int_equal(bulla_certificate_read((struct bulla_bytes){ber, size + 1}, "a link", &read), BULLA_MALFORMED);
    assert_null(read);
    end(fixture);
}

static void keys_of_other_kinds_are_refused(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    struct bulla_certificate *read = NULL;
    fixture->wanted[LEAF].key = fixture->keys[TEST_PKI_P521];
    fixture->size[LEAF] = test_pki_certificate_make(&fixture->wanted[LEAF], fixture->der[LEAF], DER);
    assert_int_equal(bulla_certificate_read((struct bulla_bytes){fixture->der[LEAF], fixture->size[LEAF]}, "x", &read),
        BULLA_UNSUPPORTED);
    assert_null(read);
}

static void what_a_certificate_says_is_told(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    uint64_t from = 0;
    uint64_t until = 0;
    uint8_t print[32];
    char text[40];
    struct bulla_public_key key;
    fixture->wanted[LEAF].subject = "a\tb\x1b[31m";
    fixture->wanted[LEAF].until = 253402300799; /* the last second of the year 9999 */
    fixture->wanted[LEAF].extra[0] = (struct test_pki_extension){"1.2.3.4.5", "0400", false};
    make(fixture);
    const struct bulla_certificate *leaf = fixture->chain[LEAF];
    bulla_certificate_subject(leaf, text, sizeof text);
    assert_string_equal(text, "CN=a\\09b\\1B[31m");
    bulla_certificate_subject(leaf, text, 4);
    assert_string_equal(text, "CN=");
    bulla_certificate_validity(leaf, &from, &until);
    assert_true(from == FROM && until == 253402300799);
    crypto_hash_sha256(print, fixture->der[LEAF], fixture->size[LEAF]);
    bulla_certificate_fingerprint(leaf, fixture->pins[0]);
    assert_memory_equal(print, fixture->pins[0], sizeof print);
    bulla_certificate_key(leaf, &key);
    assert_int_equal(key.kind, BULLA_PUBLIC_P384);
    assert_int_equal(key.value.size, 97);
    bulla_certificate_key(fixture->chain[LOWER], &key);
    assert_int_equal(key.kind, BULLA_PUBLIC_RSA);
    assert_int_equal(key.value.size, 256);
    assert_int_equal(key.exponent, 65537);
    assert_true(bulla_bytes_equal(bulla_certificate_extension(leaf, "1.2.3.4.5"), BULLA_BYTES("\x04")));
    assert_null(bulla_certificate_extension(leaf, "1.2.3.4").data);
    assert_true(
        bulla_bytes_equal(bulla_certificate_der(leaf), (struct bulla_bytes){fixture->der[LEAF], fixture->size[LEAF]}));
    end(fixture);
}

static void pem_gives_its_certificates_in_order(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    struct bulla_certificate *list[LINKS] = {NULL};
    char text[LINKS * DER] = "# the chain\n";
    size_t count = 0;
    make(fixture);
    for (size_t i = 0; i < LINKS; i++) {
        char *pem = test_pki_pem("CERTIFICATE", fixture->der[i], fixture->size[i]);
        (void)strcat(text, pem);
        free(pem);
    }
    assert_int_equal(bulla_certificate_read_pem(BULLA_TEXT(text), "a chain", list, LINKS, &count), BULLA_OK);
    assert_int_equal(count, LINKS);
    for (size_t i = 0; i < LINKS; i++) {
        assert_true(bulla_bytes_equal(bulla_certificate_der(list[i]), bulla_certificate_der(fixture->chain[i])));
        bulla_certificate_free(&list[i]);
    }
    assert_int_equal(bulla_certificate_read_pem(BULLA_TEXT(text), "a chain", list, LINKS - 1, &count), BULLA_TOO_LARGE);
    assert_int_equal(count, LINKS - 1);
    for (size_t i = 0; i < count; i++)
        bulla_certificate_free(&list[i]);
    assert_int_equal(bulla_certificate_read_pem(BULLA_TEXT(""), "a chain", list, LINKS, &count), BULLA_OK);
    assert_int_equal(count, 0);
    end(fixture);
}

static void one_is_neither_none_nor_two(void **state)
{
    (void)state;
    struct fixture *fixture = begin();
    struct bulla_certificate *one = NULL;
    make(fixture);
    const struct bulla_bytes der = {fixture->der[ROOT], fixture->size[ROOT]};
    char *pem = test_pki_pem("CERTIFICATE", fixture->der[ROOT], fixture->size[ROOT]), twice[2 * DER];
    const struct bulla_bytes right[] = {der, BULLA_TEXT(pem)};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(bulla_certificate_read_one(right[i], "a root", &one), BULLA_OK);
        assert_true(bulla_bytes_equal(bulla_certificate_der(one), der));
        bulla_certificate_free(&one);
    }
    (void)snprintf(twice, sizeof twice, "%s%s", pem, pem);
    assert_int_equal(bulla_certificate_read_one(BULLA_TEXT(twice), "a root", &one), BULLA_TOO_LARGE);
    assert_null(one);
    free(pem);
    static const char *const none[] = {"", "\n", "# -----BEGIN CERTIFICATE-----\n"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(bulla_certificate_read_one(BULLA_TEXT(none[i]), "a root", &one), BULLA_MALFORMED);
        assert_null(one);
    }
    end(fixture);
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
        cmocka_unit_test(a_list_revokes_what_its_issuer_signed),
        cmocka_unit_test(a_list_that_nobody_of_the_chain_signed_is_refused),
        cmocka_unit_test(a_list_by_each_issuer_can_be_asked_for),
        cmocka_unit_test(a_list_out_of_force_is_refused),
        cmocka_unit_test(a_list_that_is_not_whole_is_refused),
        cmocka_unit_test(a_list_changed_in_any_byte_is_refused),
        cmocka_unit_test(lists_are_read_from_der_and_pem_and_fill_it),
        cmocka_unit_test(one_certificate_fills_its_bytes),
        cmocka_unit_test(what_is_not_der_is_refused),
        cmocka_unit_test(keys_of_other_kinds_are_refused),
        cmocka_unit_test(what_a_certificate_says_is_told),
        cmocka_unit_test(pem_gives_its_certificates_in_order),
        cmocka_unit_test(one_is_neither_none_nor_two),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
