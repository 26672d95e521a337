/* Endorsement certificates: those of swtpm's local CA, and others made here in which one thing is wrong. */
#include "support/test.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/tpm_ek.h"
#include "support/pki.h"
#include "support/vectors.h"
#include "tpm_vectors.h"

/* -- by swtpm_localca -- */

static const uint64_t in_2027 = 1798761600; /* 2027-01-01; swtpm's certificates are from 2026-11-26 to the year 9999 */

struct asked {
    uint8_t certificate[TPM_VECTOR_LARGEST], public_area[TPM_VECTOR_LARGEST];
    struct bulla_certificate *issuers[2];
    const struct bulla_certificate *chain[2];
    uint8_t pin[1][32];
    struct bulla_tpm_ek_question question;
    struct bulla_tpm_ek ek;
};

static struct bulla_certificate *issuer_of(const char *name)
{
    static uint8_t memory[TPM_VECTOR_LARGEST];
    struct bulla_certificate *issuer = NULL;
    assert_int_equal(bulla_certificate_read(tpm_vector(name, memory), name, &issuer), BULLA_OK);
    return issuer;
}

static void ask(struct asked *asked, const char *certificate, const char *public_area)
{
    memset(asked, 0, sizeof *asked);
    asked->chain[0] = asked->issuers[0] = issuer_of("swtpm-root.der");
    asked->chain[1] = asked->issuers[1] = issuer_of("swtpm-issuer.der");
    /* By `sha256sum swtpm-root.der`. */
    test_hex("5d1ee8e1435000177b09a366f22d13544230022b26318e2695e6d3dafca087ce", asked->pin[0], 32);
    asked->question = (struct bulla_tpm_ek_question){
        .certificate = tpm_vector(certificate, asked->certificate),
        .public_area = tpm_vector(public_area, asked->public_area),
        .issuers = asked->chain,
        .issuer_count = 2,
        .pins = (const uint8_t(*)[32])asked->pin,
        .pin_count = 1,
        .at = in_2027,
    };
}

static void end(struct asked *asked)
{
    bulla_certificate_free(&asked->issuers[0]);
    bulla_certificate_free(&asked->issuers[1]);
}

static enum bulla_reason verify(struct asked *asked)
{
    return bulla_tpm_ek_verify(&asked->question, &asked->ek);
}

static void assert_nothing_is_said(const struct bulla_tpm_ek *ek)
{
    static const struct bulla_tpm_ek nothing;
    assert_memory_equal(ek, &nothing, sizeof nothing);
}

static void swtpms_certificates_are_taken_for_their_keys(void **state)
{
    (void)state;
    static const struct {
        const char *certificate, *public_area;
        size_t name_size;
    } keys[] = {{"swtpm-ek-rsa.der", "swtpm-ek-rsa.pub", 34}, {"swtpm-ek-p384.der", "swtpm-ek-p384.pub", 50}};
    for (size_t i = 0; i < 2; i++) {
        struct asked asked;
        uint8_t digest[32];
        ask(&asked, keys[i].certificate, keys[i].public_area);
        enum bulla_reason reason = verify(&asked);
        if (reason != BULLA_OK)
            fail_msg("%s: %s (%s)", keys[i].certificate, bulla_reason_code(reason), bulla_detail());
        /* As swtpm_setup passed them to swtpm_localca. */
        assert_string_equal(asked.ek.manufacturer, "id:00001014");
        assert_string_equal(asked.ek.model, "swtpm");
        assert_string_equal(asked.ek.version, "id:20191023");
        assert_int_equal(asked.ek.name.size, keys[i].name_size);
        SHA256(asked.question.certificate.data, asked.question.certificate.size, digest);
        assert_memory_equal(asked.ek.fingerprint, digest, 32);
        assert_true(asked.ek.not_before < in_2027 && asked.ek.not_after > in_2027);
        end(&asked);
    }
}

static void what_fills_the_nv_index_behind_it_is_cut_off(void **state)
{
    (void)state;
    struct asked asked;
    ask(&asked, "swtpm-ek-rsa.der", "swtpm-ek-rsa.pub");
    size_t size = asked.question.certificate.size;
    memset(asked.certificate + size, 0, 100);
    asked.question.certificate.size = size + 100;
    assert_int_equal(verify(&asked), BULLA_OK);
    memset(asked.certificate + size, 0xff, 100);
    assert_int_equal(verify(&asked), BULLA_OK);
    asked.certificate[size + 99] = 0;
    assert_int_equal(verify(&asked), BULLA_TRAILING);
    memset(asked.certificate + size, 0x30, 100);
    assert_int_equal(verify(&asked), BULLA_TRAILING);
    end(&asked);
}

static void another_tpms_key_is_not_the_one_certified(void **state)
{
    (void)state;
    struct asked asked;
    ask(&asked, "swtpm-ek-rsa.der", "swtpm-ek-p384.pub");
    assert_int_equal(verify(&asked), BULLA_EVIDENCE_MISMATCH);
    assert_nothing_is_said(&asked.ek);
    end(&asked);
    ask(&asked, "swtpm-ek-rsa.der", "swtpm-ek-rsa.pub");
    asked.public_area[asked.question.public_area.size - 1] ^= 2;
    assert_int_equal(verify(&asked), BULLA_EVIDENCE_MISMATCH);
    asked.question.public_area.size--;
    assert_int_not_equal(verify(&asked), BULLA_OK);
    end(&asked);
}

static void no_changed_or_cut_certificate_is_taken(void **state)
{
    (void)state;
    struct asked asked;
    ask(&asked, "swtpm-ek-p384.der", "swtpm-ek-p384.pub");
    size_t size = asked.question.certificate.size;
    for (size_t i = 0; i < size; i++) {
        asked.certificate[i] ^= 1;
        if (verify(&asked) == BULLA_OK)
            fail_msg("byte %zu", i);
        assert_nothing_is_said(&asked.ek);
        asked.certificate[i] ^= 1;
    }
    for (asked.question.certificate.size = 0; asked.question.certificate.size < size; asked.question.certificate.size++)
        assert_int_not_equal(verify(&asked), BULLA_OK);
    assert_int_equal(verify(&asked), BULLA_OK);
    end(&asked);
}

static void a_root_that_is_not_pinned_or_a_link_left_out_is_refused(void **state)
{
    (void)state;
    struct asked asked;
    ask(&asked, "swtpm-ek-rsa.der", "swtpm-ek-rsa.pub");
    asked.pin[0][0] ^= 1;
    assert_int_equal(verify(&asked), BULLA_CERTIFICATE_UNTRUSTED);
    asked.pin[0][0] ^= 1;
    asked.question.pin_count = 0;
    assert_int_equal(verify(&asked), BULLA_CERTIFICATE_UNTRUSTED);
    asked.question.pin_count = 1;
    asked.question.issuer_count = 1;
    assert_int_equal(verify(&asked), BULLA_CERTIFICATE_INVALID);
    asked.question.issuer_count = 0;
    assert_int_equal(verify(&asked), BULLA_CERTIFICATE_INVALID);
    asked.question.issuer_count = 9;
    assert_int_equal(verify(&asked), BULLA_CERTIFICATE_INVALID);
    asked.question.issuer_count = 2;
    asked.question.at = 1700000000; /* 2023 */
    assert_int_equal(verify(&asked), BULLA_CERTIFICATE_NOT_YET);
    assert_nothing_is_said(&asked.ek);
    end(&asked);
}

/* -- made here -- */

/* { tcg-kp-EKCertificate }, and the directory name that swtpm writes, both as openssl asn1parse shows them. */
#define FOR_ENDORSEMENT "300706056781050801"
#define MANUFACTURER "3014060567810502010c0b69643a3030303031303134"
#define MODEL "300e060567810502020c05737774706d"
#define VERSION "3014060567810502030c0b69643a3230313931303233"
#define OF_SWTPM "3046a44430423116" MANUFACTURER "3110" MODEL "3116" VERSION

struct certificate_lie {
    const char *name, *usage, *purpose, *alternative, *constraints;
    enum bulla_reason reason;
};
static const struct certificate_lie certificate_lies[] = {
    {"none", "critical,keyAgreement", FOR_ENDORSEMENT, "SAN", "critical,CA:FALSE", BULLA_OK},
    {"keyEncipherment", "keyEncipherment", FOR_ENDORSEMENT, "SAN", NULL, BULLA_OK},
    {"no keyUsage", NULL, FOR_ENDORSEMENT, "SAN", NULL, BULLA_CERTIFICATE_INVALID},
    {"a signing key's usage", "digitalSignature", FOR_ENDORSEMENT, "SAN", NULL, BULLA_CERTIFICATE_INVALID},
    {"a CA", "keyAgreement", FOR_ENDORSEMENT, "SAN", "critical,CA:TRUE", BULLA_CERTIFICATE_INVALID},
    {"another purpose", "keyAgreement", "300a06082b06010505070301", "SAN", NULL, BULLA_CERTIFICATE_INVALID},
    {"no purpose at all", "keyAgreement", "3000", "SAN", NULL, BULLA_CERTIFICATE_INVALID},
    {"two purposes", "keyAgreement",
        "301106056781050801"
        "06082b06010505070301",
        "SAN", NULL, BULLA_OK},
    {"a purpose that is no list", "keyAgreement", "06056781050801", "SAN", NULL, BULLA_CERTIFICATE_INVALID},
    {"an attestation key's purpose", "keyAgreement", "300706056781050803", "SAN", NULL, BULLA_CERTIFICATE_INVALID},
    {"no version", "keyAgreement", FOR_ENDORSEMENT, "302ea42c302a3116" MANUFACTURER "3110" MODEL, NULL,
        BULLA_CERTIFICATE_INVALID},
    {"no name", "keyAgreement", FOR_ENDORSEMENT, "3000", NULL, BULLA_CERTIFICATE_INVALID},
    {"a manufacturer twice", "keyAgreement", FOR_ENDORSEMENT,
        "305ea45c305a3116" MANUFACTURER "3116" MANUFACTURER "3110" MODEL "3116" VERSION, NULL,
        BULLA_CERTIFICATE_INVALID},
    {"all in one set, and a name beside it", "keyAgreement", FOR_ENDORSEMENT,
        "3045"
        "820161"
        "a440303e313c" MANUFACTURER MODEL VERSION,
        NULL, BULLA_OK},
    {"a name that ends early", "keyAgreement", FOR_ENDORSEMENT,
        "3046a44430423116" MANUFACTURER "3110" MODEL "3117" VERSION, NULL, BULLA_CERTIFICATE_INVALID},
};

struct made {
    uint8_t root[2048], leaf[4096], area[256];
    size_t root_size, leaf_size, area_size;
    void *root_key, *ek_key;
};

/* Template L-2 of the profile with the key's point: TPMT_PUBLIC by the tables of Part 2. */
static void area_make(struct made *made, const char *attributes, const char *policy)
{
    uint8_t point[65];
    size_t size = 0;
    char hex[300] = "0023000b";
    (void)strcat(hex, attributes);
    (void)strcat(hex, strlen(policy) == 64 ? "0020" : "0000");
    (void)strcat(hex, policy);
    (void)strcat(hex, "000600800043"
                      "0010"
                      "0003"
                      "0010");
    assert_int_equal(EVP_PKEY_get_octet_string_param(made->ek_key, "pub", point, sizeof point, &size), 1);
    made->area_size = test_hex(hex, made->area, sizeof made->area);
    for (size_t i = 0; i < 2; i++) {
        made->area[made->area_size++] = 0;
        made->area[made->area_size++] = 32;
        memcpy(made->area + made->area_size, point + 1 + 32 * i, 32);
        made->area_size += 32;
    }
}

static const char default_attributes[] = "000300b2";
static const char policy_a[] = "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa";
static const char policy_b[] = "ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0";

static void make(struct made *made, const struct certificate_lie *lie)
{
    const char *alternative = strcmp(lie->alternative, "SAN") == 0 ? OF_SWTPM : lie->alternative;
    const struct test_pki_certificate root = {.subject = "maker",
        .issuer = "maker",
        .key = made->root_key,
        .signer = made->root_key,
        .digest = "SHA256",
        .serial = 1,
        .from = 1000000000,
        .until = 2000000000,
        .constraints = "critical,CA:TRUE",
        .usage = "critical,keyCertSign"};
    const struct test_pki_certificate leaf = {.subject = "a TPM",
        .issuer = "maker",
        .key = made->ek_key,
        .signer = made->root_key,
        .digest = "SHA256",
        .serial = 2,
        .from = 1000000000,
        .until = 2000000000,
        .constraints = lie->constraints,
        .usage = lie->usage,
        .extra = {{"2.5.29.37", lie->purpose, false}, {"2.5.29.17", alternative, true}}};
    made->root_size = test_pki_certificate_make(&root, made->root, sizeof made->root);
    made->leaf_size = test_pki_certificate_make(&leaf, made->leaf, sizeof made->leaf);
}

static enum bulla_reason judge(const struct made *made, struct bulla_tpm_ek *ek)
{
    BULLA_CERTIFICATE struct bulla_certificate *root = NULL;
    uint8_t pin[1][32];
    assert_int_equal(
        bulla_certificate_read((struct bulla_bytes){made->root, made->root_size}, "the root", &root), BULLA_OK);
    bulla_certificate_fingerprint(root, pin[0]);
    const struct bulla_certificate *const chain[] = {root};
    const struct bulla_tpm_ek_question question = {
        .certificate = {made->leaf, made->leaf_size},
        .public_area = {made->area, made->area_size},
        .issuers = chain,
        .issuer_count = 1,
        .pins = (const uint8_t(*)[32])pin,
        .pin_count = 1,
        .at = 1500000000,
    };
    return bulla_tpm_ek_verify(&question, ek);
}

static struct made made;

static void a_certificate_that_the_profile_does_not_allow_is_refused(void **state)
{
    (void)state;
    area_make(&made, default_attributes, policy_a);
    for (size_t i = 0; i < sizeof certificate_lies / sizeof certificate_lies[0]; i++) {
        struct bulla_tpm_ek ek;
        make(&made, &certificate_lies[i]);
        enum bulla_reason reason = judge(&made, &ek);
        if (reason != certificate_lies[i].reason)
            fail_msg("%s: %s (%s)", certificate_lies[i].name, bulla_reason_code(reason), bulla_detail());
        if (reason != BULLA_OK)
            assert_nothing_is_said(&ek);
    }
}

static void a_key_of_another_template_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *attributes, *policy;
        enum bulla_reason reason;
    } keys[] = {
        {default_attributes, policy_a, BULLA_OK}, {"000300f2", policy_b, BULLA_OK},
        {"000300b2", policy_b, BULLA_EVIDENCE_UNTRUSTED},
        {"000300f2", policy_a, BULLA_EVIDENCE_UNTRUSTED}, /* whoever knows the empty password could use it */
        {"000300b2", "", BULLA_EVIDENCE_UNTRUSTED},
        {"000200b2", policy_a, BULLA_EVIDENCE_UNTRUSTED}, /* not restricted: would decrypt anything */
        {"000700b2", policy_a, BULLA_EVIDENCE_UNTRUSTED}, /* signs, too */
        {"00030092", policy_a, BULLA_EVIDENCE_UNTRUSTED}, /* made elsewhere */
        {"000300b0", policy_a, BULLA_EVIDENCE_UNTRUSTED}, /* not fixedTPM */
        {"000300a2", policy_a, BULLA_EVIDENCE_UNTRUSTED}, /* not fixedParent */
        {"00030032", policy_a, BULLA_EVIDENCE_UNTRUSTED}, /* not adminWithPolicy */
    };
    make(&made, &certificate_lies[0]);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct bulla_tpm_ek ek;
        area_make(&made, keys[i].attributes, keys[i].policy);
        assert_int_equal(judge(&made, &ek), keys[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(swtpms_certificates_are_taken_for_their_keys),
        cmocka_unit_test(what_fills_the_nv_index_behind_it_is_cut_off),
        cmocka_unit_test(another_tpms_key_is_not_the_one_certified),
        cmocka_unit_test(no_changed_or_cut_certificate_is_taken),
        cmocka_unit_test(a_root_that_is_not_pinned_or_a_link_left_out_is_refused),
        cmocka_unit_test(a_certificate_that_the_profile_does_not_allow_is_refused),
        cmocka_unit_test(a_key_of_another_template_is_refused),
    };
    made.root_key = test_pki_key_make(TEST_PKI_P256);
    made.ek_key = test_pki_key_make(TEST_PKI_P256);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_pki_key_free(made.root_key);
    test_pki_key_free(made.ek_key);
    return failed;
}
