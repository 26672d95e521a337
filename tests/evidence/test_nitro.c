/* Real Nitro documents (tests/vectors/nitro) and what is left of them after a change. The expected figures were read
 * out of the documents with other tools: Python's cbor2 and cryptography. */
#include "support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cbor.h"
#include "evidence/nitro.h"
#include "evidence/policy.h"
#include "support/folder.h"
#include "support/vectors.h"

struct real {
    const char *file;
    enum bulla_reason reason;
    uint64_t milliseconds, leaf_from, leaf_until;
    const char *module;
    const char *pcr0;                           /* its first eight bytes */
    const char *user_data, *public_key, *nonce; /* their first eight bytes; NULL: null */
    size_t user_data_size, public_key_size, nonce_size;
};
static const struct real reals[] = {
    {"20210324_anjuna-security_prod_b9db8022", BULLA_OK, 1616602241734, 1616601982, 1616612782,
        "i-0a6d65e7122308898-enc017846bcd2f820da", "672cd3c91b7ac756", NULL, "30820122300d0609", NULL, 0, 294, 0},
    {"20221109_veracruz-project_BADSIG_7df2cdc0", BULLA_SIGNATURE, 1668034320696, 1668034317, 1668045120, NULL, NULL,
        NULL, NULL, NULL, 0, 0, 0},
    {"20230118_evervault_prod_061b9b75", BULLA_OK, 1674047239280, 1674047233, 1674058036,
        "i-0ec0e572c8263d8ff-enc0185c4fd382eeb25", "d265a83faa7b4fa0", "3076301006072a86", NULL, "20c7790006cf23c5",
        120, 0, 256},
    {"20230918_evervault_debug_6f80ac25", BULLA_EVIDENCE_DEBUG, 1695049410860, 1695047829, 1695058632,
        "i-0918f6c55e3b61d89-enc018aa8b8e2285d13", "0000000000000000", "3059301306072a86", NULL, "bba6bfd51866d2e4", 91,
        0, 256},
    {"20240226_base_prod_3a4a0301", BULLA_OK, 1708930921439, 1708930773, 1708941576,
        "i-0df237f0418feb41e-enc018d1c7ef94eb110", "17bf8f048519797b", "7b22746f74616c5f", "d239fd059dd0e0a0", NULL, 42,
        32, 0},
    {"20241130_base-org_prod_69d51f98", BULLA_OK, 1732983768387, 1732983765, 1732994568,
        "i-0de38b2b6853cc9e8-enc0193685e7fee7d85", "ec74bfbe7f7445a6", NULL, "0433a4701fa871b1", NULL, 0, 65, 0},
    {"20250415_MystenLabs_prod_7e916453", BULLA_OK, 1744683923696, 1744683467, 1744694270,
        "i-06e4b98c6549ff803-enc0196373b195fb723", "cbe1afb6ed0ff89f", NULL, "e8e62201dbe293b7", NULL, 0, 32, 0},
};
enum { REALS = sizeof reals / sizeof *reals, BASE = 4, DEBUG = 3 };

struct document {
    uint8_t *data;
    size_t size;
    struct bulla_verification verification;
    struct bulla_claims claims;
};

static void load(struct document *document, const struct real *real)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/tests/vectors/nitro/%s.cbor", BULLA_SOURCE_FOLDER, real->file);
    memset(document, 0, sizeof *document);
    document->data = test_file_read(path, &document->size);
    assert_non_null(document->data);
    document->verification.document = (struct bulla_bytes){document->data, document->size};
}

static enum bulla_reason verify(struct document *document)
{
    memset(&document->claims, 0xa5, sizeof document->claims);
    return bulla_nitro_verifier.verify(&document->verification, &document->claims);
}

/* The claims of a refused document say nothing. */
static enum bulla_reason refused(struct document *document)
{
    static const struct bulla_claims nothing;
    enum bulla_reason reason = verify(document);
    if (reason != BULLA_OK)
        assert_memory_equal(&document->claims, &nothing, sizeof nothing);
    return reason;
}

static bool begins(struct bulla_bytes bytes, const char *hex, size_t size)
{
    uint8_t expected[8];
    if (!hex)
        return bytes.size == 0;
    return bytes.size == size && memcmp(bytes.data, expected, test_hex(hex, expected, sizeof expected)) == 0;
}

static void check_claims(const struct real *real, const struct bulla_claims *claims)
{
    assert_int_equal(claims->kind, BULLA_EVIDENCE_NITRO);
    assert_true(claims->made_at == real->milliseconds / 1000);
    assert_true(claims->valid_from == real->leaf_from && claims->valid_until == real->leaf_until);
    assert_true(claims->pinned);
    assert_string_equal(claims->facts[0].name, "module");
    assert_string_equal(claims->facts[0].text, real->module);
    assert_int_equal(claims->measurement_count, 16);
    for (size_t i = 0; i < claims->measurement_count; i++)
        assert_true(bulla_policy_reference_measures(
            BULLA_EVIDENCE_NITRO, claims->measurements[i].name, claims->measurements[i].size));
    const struct bulla_measurement *pcr = bulla_claims_find(claims, "pcr0");
    assert_true(pcr && begins((struct bulla_bytes){pcr->value, pcr->size}, real->pcr0, 48));
    assert_true(begins(claims->report_data, real->user_data, real->user_data_size));
    assert_true(begins(claims->public_key, real->public_key, real->public_key_size));
    assert_true(begins(claims->nonce, real->nonce, real->nonce_size));
}

static void each_real_document_gets_its_verdict_at_its_own_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < REALS; i++) {
        struct document document;
        load(&document, &reals[i]);
        assert_ptr_equal(bulla_evidence_recognise(document.verification.document), &bulla_nitro_verifier);
        assert_int_equal(refused(&document), reals[i].reason);
        if (reals[i].reason == BULLA_OK) {
            assert_false(document.claims.debug);
            check_claims(&reals[i], &document.claims);
        }
        assert_int_equal(bulla_evidence_verify(&document.verification, &document.claims), reals[i].reason);
        free(document.data);
    }
}

static void a_debug_document_is_explained_only_where_that_is_asked_for(void **state)
{
    (void)state;
    struct document document;
    load(&document, &reals[DEBUG]);
    document.verification.allow_debug = true;
    assert_int_equal(verify(&document), BULLA_OK);
    assert_true(document.claims.debug);
    check_claims(&reals[DEBUG], &document.claims);
    free(document.data);
}

static void the_chain_is_judged_at_the_time_that_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < REALS; i++) {
        struct document document;
        if (reals[i].reason != BULLA_OK)
            continue;
        load(&document, &reals[i]);
        document.verification.at = reals[i].leaf_from;
        assert_int_equal(refused(&document), BULLA_OK);
        document.verification.at = reals[i].leaf_until;
        assert_int_equal(refused(&document), BULLA_OK);
        document.verification.at = reals[i].leaf_from - 1;
        assert_int_equal(refused(&document), BULLA_CERTIFICATE_NOT_YET);
        document.verification.at = reals[i].leaf_until + 1;
        assert_int_equal(refused(&document), BULLA_CERTIFICATE_EXPIRED);
        free(document.data);
    }
}

/* Signed: the protected header and the payload. A signature's bytes are not signed, and matter all the same. */
static void flip_each(const struct real *real, size_t step)
{
    struct document document;
    load(&document, real);
    for (size_t i = 0; i < document.size; i += step) {
        document.data[i] ^= 1;
        assert_int_not_equal(refused(&document), BULLA_OK);
        document.data[i] ^= 1;
    }
    assert_int_equal(verify(&document), BULLA_OK);
    free(document.data);
}

static void no_byte_of_a_document_can_be_changed(void **state)
{
    (void)state;
    flip_each(&reals[BASE], 1);
}

static void no_byte_that_was_tried_of_the_others_can_be_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < REALS; i++)
        if (reals[i].reason == BULLA_OK && i != BASE)
            flip_each(&reals[i], 23);
}

static void a_document_that_is_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct document document;
    load(&document, &reals[BASE]);
    for (size_t size = 0; size < document.size; size++) {
        document.verification.document.size = size;
        assert_int_not_equal(refused(&document), BULLA_OK);
    }
    free(document.data);
}

static void trailing_bytes_are_refused_and_the_tag_is_taken(void **state)
{
    (void)state;
    struct document document;
    load(&document, &reals[BASE]);
    uint8_t *longer = calloc(1, document.size + 2);
    assert_non_null(longer);
    memcpy(longer + 1, document.data, document.size);
    longer[0] = 0xd2; /* tag 18 */
    document.verification.document = (struct bulla_bytes){longer, document.size + 1};
    assert_int_equal(refused(&document), BULLA_OK);
    assert_ptr_equal(bulla_evidence_recognise(document.verification.document), &bulla_nitro_verifier);
    longer[0] = 0xd1;
    assert_int_equal(refused(&document), BULLA_MALFORMED);
    document.verification.document = (struct bulla_bytes){longer + 1, document.size + 1};
    assert_int_equal(refused(&document), BULLA_TRAILING);
    longer[0] = 0xd2;
    document.verification.document = (struct bulla_bytes){longer, document.size + 2};
    assert_int_equal(refused(&document), BULLA_TRAILING);
    free(longer);
    free(document.data);
}

/* The four elements of a real document, put together again with one of them replaced. */
static void with_element(struct document *document, size_t which, const char *hex, struct bulla_writer *writer)
{
    uint8_t replaced[128];
    struct bulla_cbor array;
    struct bulla_cbor item;
    size_t size = test_hex(hex, replaced, sizeof replaced);
    assert_int_equal(bulla_cbor_decode(document->verification.document, "a document", &array), BULLA_OK);
    struct bulla_cbor_walk walk = bulla_cbor_inside(&array);
    bulla_cbor_write_array(writer, 4);
    for (size_t i = 0; bulla_cbor_next(&walk, &item); i++)
        bulla_write_bytes(writer, i == which ? (struct bulla_bytes){replaced, size} : item.encoded);
}

#define ZEROS_32 "0000000000000000000000000000000000000000000000000000000000000000"

static void headers_and_signatures_of_other_forms_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t element;
        const char *hex;
        enum bulla_reason reason;
    } rows[] = {
        {0, "43a10126", BULLA_UNSUPPORTED},                           /* ES256 */
        {0, "44a1013823", BULLA_UNSUPPORTED},                         /* ES512 */
        {0, "43a10105", BULLA_MALFORMED},                             /* an algorithm that does not sign */
        {0, "41a0", BULLA_MALFORMED},                                 /* none */
        {0, "40", BULLA_TRUNCATED},                                   /* no map */
        {0, "47a2013822013822", BULLA_DUPLICATE},                     /* the same twice */
        {0, "44a2013822", BULLA_TRUNCATED},                           /* a map that goes on */
        {0, "45a101382200", BULLA_TRAILING},                          /* one that ends early */
        {0, "47a2013822044131", BULLA_UNKNOWN_FIELD},                 /* a key id */
        {0, "44a1013822", BULLA_OK},                                  /* as it was */
        {0, "45bf013822ff", BULLA_SIGNATURE},                         /* taken, but not what was signed */
        {1, "a10126", BULLA_UNKNOWN_FIELD},                           /* unprotected parameters */
        {1, "80", BULLA_MALFORMED},                                   /* no map */
        {2, "40", BULLA_TRUNCATED},                                   /* an empty payload */
        {2, "f6", BULLA_MALFORMED},                                   /* a detached one */
        {2, "41a0", BULLA_MALFORMED},                                 /* an empty map */
        {3, "5840" ZEROS_32 ZEROS_32, BULLA_MALFORMED},               /* of P-256's size */
        {3, "5860" ZEROS_32 ZEROS_32 ZEROS_32, BULLA_SIGNATURE},      /* zero */
        {3, "5861" ZEROS_32 ZEROS_32 ZEROS_32 "00", BULLA_MALFORMED}, /* 97 bytes */
        {3, "40", BULLA_MALFORMED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct document document;
        uint8_t changed[8192];
        struct bulla_writer writer;
        load(&document, &reals[BASE]);
        bulla_writer_open(&writer, changed, sizeof changed);
        with_element(&document, rows[i].element, rows[i].hex, &writer);
        document.verification.document = bulla_writer_bytes(&writer);
        enum bulla_reason reason = refused(&document);
        if (reason != rows[i].reason)
            fail_msg("%s in the place of element %zu: %s", rows[i].hex, rows[i].element, bulla_reason_code(reason));
        free(document.data);
    }
}

/* As QEMU's virtio-nsm makes them: ES256 in the header, and a signature of 64 zero bytes. */
static void an_unsigned_document_is_refused(void **state)
{
    (void)state;
    struct document document;
    uint8_t once[8192];
    uint8_t twice[8192];
    struct bulla_writer writer;
    load(&document, &reals[BASE]);
    bulla_writer_open(&writer, once, sizeof once);
    with_element(&document, 3, "5840" ZEROS_32 ZEROS_32, &writer);
    document.verification.document = bulla_writer_bytes(&writer);
    bulla_writer_open(&writer, twice, sizeof twice);
    with_element(&document, 0, "43a10126", &writer);
    document.verification.document = bulla_writer_bytes(&writer);
    assert_ptr_equal(bulla_evidence_recognise(document.verification.document), &bulla_nitro_verifier);
    assert_int_equal(refused(&document), BULLA_UNSUPPORTED);
    free(document.data);
}

static void what_is_no_document_is_not_recognised(void **state)
{
    (void)state;
    static const uint8_t zeros[128];
    struct document document;
    load(&document, &reals[BASE]);
    assert_false(bulla_nitro_verifier.recognises((struct bulla_bytes){NULL, 0}));
    assert_false(bulla_nitro_verifier.recognises(BULLA_BYTES(zeros)));
    assert_false(bulla_nitro_verifier.recognises((struct bulla_bytes){document.data, 63}));
    assert_false(bulla_nitro_verifier.recognises((struct bulla_bytes){document.data + 1, document.size - 1}));
    assert_false(bulla_nitro_verifier.recognises((struct bulla_bytes){document.data, 1000})); /* before the cabundle */
    free(document.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_real_document_gets_its_verdict_at_its_own_time),
        cmocka_unit_test(a_debug_document_is_explained_only_where_that_is_asked_for),
        cmocka_unit_test(the_chain_is_judged_at_the_time_that_is_named),
        cmocka_unit_test(no_byte_of_a_document_can_be_changed),
        cmocka_unit_test(no_byte_that_was_tried_of_the_others_can_be_changed),
        cmocka_unit_test(a_document_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(trailing_bytes_are_refused_and_the_tag_is_taken),
        cmocka_unit_test(headers_and_signatures_of_other_forms_are_refused),
        cmocka_unit_test(an_unsigned_document_is_refused),
        cmocka_unit_test(what_is_no_document_is_not_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
