/* The NSM's requests and answers. The bytes were put together by hand from AWS's interface (aws-nitro-enclaves-nsm-api,
 * src/api/mod.rs: the order of fields) and from what QEMU's device answers (hw/virtio/virtio-nsm.c: another order). */
#include "support/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/cbor.h"
#include "enclave-backend/nsm.h"

/* --- a module that gives one answer, and remembers the request --- */

static struct {
    uint8_t request[BULLA_NSM_REQUEST_LARGEST], answer[BULLA_NSM_ANSWER_LARGEST];
    size_t request_size, answer_size;
    enum bulla_reason reason;
} fake;

static bool present(void)
{
    return true;
}

static enum bulla_reason exchange(
    struct bulla_bytes request, uint8_t answer[static BULLA_NSM_ANSWER_LARGEST], size_t *size)
{
    assert_true(request.size <= sizeof fake.request);
    memcpy(fake.request, request.data, request.size);
    fake.request_size = request.size;
    if (fake.reason != BULLA_OK)
        return bulla_refuse(fake.reason, "a fake");
    memcpy(answer, fake.answer, sizeof fake.answer);
    *size = fake.answer_size;
    return BULLA_OK;
}

static const struct bulla_nsm_transport transport = {"a fake", present, exchange};

static size_t unhex(const char *hex, uint8_t *bytes, size_t capacity)
{
    size_t size = 0;
    for (; hex[0] && hex[1]; hex += 2) {
        char pair[3] = {hex[0], hex[1], 0};
        assert_true(size < capacity);
        bytes[size++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return size;
}

static void will_answer(const char *hex)
{
    memset(&fake, 0, sizeof fake);
    fake.answer_size = unhex(hex, fake.answer, sizeof fake.answer);
}

static void assert_request(const char *hex)
{
    uint8_t wanted[BULLA_NSM_REQUEST_LARGEST];
    size_t size = unhex(hex, wanted, sizeof wanted);
    assert_int_equal(fake.request_size, size);
    assert_memory_equal(fake.request, wanted, size);
}

/* "DescribePCR", "DescribeNSM" and the fields of their answers, in hex. */
#define NSM                                                                                                            \
    "6b4465736372696265"                                                                                               \
    "4e534d"
#define PCR                                                                                                            \
    "6b4465736372696265"                                                                                               \
    "504352"
#define ATTESTATION "6b4174746573746174696f6e"
#define MAJOR "6d76657273696f6e5f6d616a6f7201"
#define MINOR "6d76657273696f6e5f6d696e6f7202"
#define PATCH "6d76657273696f6e5f706174636803"
#define MODULE                                                                                                         \
    "696d6f64756c655f6964"                                                                                             \
    "66692d312d6532"
#define MOST                                                                                                           \
    "686d61785f70637273"                                                                                               \
    "1820"
#define LOCKED                                                                                                         \
    "6b6c6f636b65645f70637273"                                                                                         \
    "83001018"                                                                                                         \
    "1f"
#define DIGEST                                                                                                         \
    "66646967657374"                                                                                                   \
    "66534841333834"
#define DESCRIPTION "a1" NSM "a7" MAJOR MINOR PATCH MODULE MOST LOCKED DIGEST
#define LOCK "646c6f636bf5"
#define BYTES16 "000102030405060708090a0b0c0d0e0f"
#define DATA32 "64646174615820" BYTES16 BYTES16
#define DATA48 "64646174615830" BYTES16 BYTES16 BYTES16
#define ERROR(word) "a1654572726f72" word
#define DOCUMENT "68646f63756d656e74"

/* --- requests --- */

static void requests_are_awss_bytes(void **state)
{
    (void)state;
    struct bulla_nsm_description description;
    struct bulla_nsm_pcr pcr;
    uint8_t document[16];
    struct bulla_writer writer;
    will_answer(DESCRIPTION);
    assert_int_equal(bulla_nsm_describe(&transport, &description), BULLA_OK);
    assert_request(NSM);
    will_answer("a1" PCR "a2" LOCK DATA48);
    assert_int_equal(bulla_nsm_pcr(&transport, 3, &pcr), BULLA_OK);
    assert_request("a1" PCR "a165696e64657803");
    assert_int_equal(bulla_nsm_pcr(&transport, 31, &pcr), BULLA_OK);
    assert_request("a1" PCR "a165696e646578181f");
    static const uint8_t data[] = {1, 2, 3}, key[] = {0xaa};
    const struct bulla_nsm_attestation attestation = {BULLA_BYTES(data), {NULL, 0}, BULLA_BYTES(key)};
    will_answer("a1" ATTESTATION "a1" DOCUMENT "43d28443");
    bulla_writer_open(&writer, document, sizeof document);
    assert_int_equal(bulla_nsm_attest(&transport, &attestation, &writer), BULLA_OK);
    assert_request("a1" ATTESTATION "a3"
                   "69757365725f6461746143010203"
                   "656e6f6e6365f6"
                   "6a7075626c69635f6b657941aa");
    assert_int_equal(writer.size, 3);
    assert_memory_equal(document, "\xd2\x84\x43", 3);
}

static void what_the_module_would_not_take_is_not_sent(void **state)
{
    (void)state;
    static const uint8_t bytes[BULLA_NSM_KEY_LARGEST + 1];
    uint8_t document[16];
    struct bulla_nsm_pcr pcr;
    struct bulla_writer writer;
    const struct bulla_nsm_attestation large[] = {{{bytes, 513}, {NULL, 0}, {NULL, 0}},
        {{NULL, 0}, {bytes, 513}, {NULL, 0}}, {{NULL, 0}, {NULL, 0}, {bytes, 1025}}};
    will_answer("a1" ATTESTATION "a1" DOCUMENT "4100");
    for (size_t i = 0; i < 3; i++) {
        bulla_writer_open(&writer, document, sizeof document);
        assert_int_equal(bulla_nsm_attest(&transport, &large[i], &writer), BULLA_TOO_LARGE);
    }
    assert_int_equal(bulla_nsm_pcr(&transport, 32, &pcr), BULLA_ARGUMENT);
    assert_int_equal(fake.request_size, 0);
    const struct bulla_nsm_attestation largest = {{bytes, 512}, {bytes, 512}, {bytes, 1024}};
    bulla_writer_open(&writer, document, sizeof document);
    assert_int_equal(bulla_nsm_attest(&transport, &largest, &writer), BULLA_OK);
    assert_true(fake.request_size < BULLA_NSM_REQUEST_LARGEST);
}

/* --- answers --- */

static void assert_described(const char *hex)
{
    struct bulla_nsm_description description;
    will_answer(hex);
    if (bulla_nsm_describe(&transport, &description) != BULLA_OK)
        fail_msg("%s", bulla_detail());
    assert_int_equal(description.version_major, 1);
    assert_int_equal(description.version_minor, 2);
    assert_int_equal(description.version_patch, 3);
    assert_string_equal(description.module_id, "i-1-e2");
    assert_int_equal(description.pcrs, 32);
    assert_int_equal(description.locked_pcrs, 0x80010001);
    assert_string_equal(description.digest, "SHA384");
}

static void a_description_is_read_in_any_order_and_encoding(void **state)
{
    (void)state;
    assert_described(DESCRIPTION);
    assert_described("a1" NSM "a7" DIGEST MOST MODULE LOCKED MAJOR MINOR PATCH); /* QEMU's order */
    assert_described("bf" NSM "bf" MAJOR MINOR PATCH MODULE MOST LOCKED DIGEST "ffff");
}

static void a_pcr_is_read(void **state)
{
    (void)state;
    struct bulla_nsm_pcr pcr;
    will_answer("a1" PCR "a2" LOCK DATA48);
    assert_int_equal(bulla_nsm_pcr(&transport, 0, &pcr), BULLA_OK);
    assert_true(pcr.locked);
    assert_int_equal(pcr.size, 48);
    assert_int_equal(pcr.value[47], 15);
    will_answer("a1" PCR "a2" DATA32 "646c6f636bf4");
    assert_int_equal(bulla_nsm_pcr(&transport, 0, &pcr), BULLA_OK);
    assert_false(pcr.locked);
    assert_int_equal(pcr.size, 32);
}

static void an_error_is_told_by_its_word(void **state)
{
    (void)state;
    struct bulla_nsm_pcr pcr;
    will_answer(ERROR("6d526561644f6e6c79496e646578")); /* ReadOnlyIndex */
    assert_int_equal(bulla_nsm_pcr(&transport, 0, &pcr), BULLA_ENCLAVE_FAILED);
    assert_non_null(strstr(bulla_detail(), "ReadOnlyIndex"));
    static const char *const no_words[] = {ERROR("60"), ERROR("01"), ERROR("621b5b"),     /* empty, a number, ESC [ */
        ERROR("7821616161616161616161616161616161616161616161616161616161616161616161")}; /* 33 letters */
    for (size_t i = 0; i < sizeof no_words / sizeof no_words[0]; i++) {
        will_answer(no_words[i]);
        assert_int_equal(bulla_nsm_pcr(&transport, 0, &pcr), BULLA_MALFORMED);
    }
}

static void answers_that_are_none_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum bulla_reason reason;
    } wrong[] = {
        {"", BULLA_TRUNCATED},
        {"f6", BULLA_MALFORMED},
        {"a0", BULLA_MALFORMED},
        {PCR, BULLA_MALFORMED},                                /* a bare name */
        {"a1" NSM "a2" LOCK DATA48, BULLA_MALFORMED},          /* to another request */
        {"a2" PCR "a2" LOCK DATA48 "6145f6", BULLA_MALFORMED}, /* two names */
        {"a1" PCR "a2" LOCK DATA48 "00", BULLA_TRAILING},
        {"a1" PCR "a3" LOCK LOCK DATA48, BULLA_DUPLICATE},
        {"a1" PCR "a1" DATA48, BULLA_MALFORMED}, /* no lock */
        {"a1" PCR "a1" LOCK, BULLA_MALFORMED},
        {"a1" PCR "a3" LOCK DATA48 "617801", BULLA_UNKNOWN_FIELD},
        {"a1" PCR "a2"
         "646c6f636b01" DATA48,
            BULLA_MALFORMED}, /* a number for a truth */
        {"a1" PCR "a2" LOCK "646461746141"
         "00",
            BULLA_MALFORMED},
        {"a1" PCR "a2" LOCK "64646174615821" BYTES16 BYTES16 "00", BULLA_MALFORMED}, /* 33 bytes */
        {"a1" PCR "f6", BULLA_MALFORMED},
        {"a10100", BULLA_MALFORMED},
    };
    struct bulla_nsm_pcr pcr;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        will_answer(wrong[i].hex);
        enum bulla_reason reason = bulla_nsm_pcr(&transport, 0, &pcr);
        if (reason != wrong[i].reason)
            fail_msg("%s: %s", wrong[i].hex, bulla_reason_code(reason));
        assert_int_equal(pcr.size, 0);
    }
}

static void a_description_that_claims_too_much_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "a1" NSM "a7" MAJOR MINOR PATCH MODULE "686d61785f70637273"
        "1821" LOCKED DIGEST, /* 33 PCRs */
        "a1" NSM "a7" MAJOR MINOR PATCH MODULE MOST "6b6c6f636b65645f70637273"
        "811820" DIGEST,
        "a1" NSM "a7" MAJOR MINOR PATCH MODULE MOST "6b6c6f636b65645f70637273"
        "820000" DIGEST,
        "a1" NSM "a7" MAJOR MINOR PATCH MODULE MOST "6b6c6f636b65645f70637273"
        "8160" DIGEST,
        "a1" NSM "a7" MAJOR MINOR PATCH "696d6f64756c655f6964"
        "60" MOST LOCKED DIGEST,
        "a1" NSM "a7" MAJOR MINOR PATCH "696d6f64756c655f6964"
        "621b5b" MOST LOCKED DIGEST,
        "a1" NSM "a7" MAJOR MINOR "6d76657273696f6e5f7061746368"
        "1a00010000" MODULE MOST LOCKED DIGEST,
        "a1" NSM "a7" MAJOR MINOR PATCH MODULE MOST LOCKED "66646967657374"
        "68"
        "5348413338343434",
        "a1" NSM "a6" MAJOR MINOR PATCH MODULE MOST LOCKED,
    };
    struct bulla_nsm_description description;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        will_answer(wrong[i]);
        if (bulla_nsm_describe(&transport, &description) == BULLA_OK)
            fail_msg("answer %zu was taken", i);
        assert_int_equal(description.pcrs, 0);
        assert_string_equal(description.module_id, "");
    }
}

static void no_beginning_of_an_answer_is_one(void **state)
{
    (void)state;
    struct bulla_nsm_description description;
    will_answer(DESCRIPTION);
    size_t whole = fake.answer_size;
    for (size_t size = 0; size < whole; size++) {
        fake.answer_size = size;
        assert_int_not_equal(bulla_nsm_describe(&transport, &description), BULLA_OK);
    }
}

static void what_a_device_does_not_do_is_passed_on(void **state)
{
    (void)state;
    struct bulla_nsm_pcr pcr;
    uint8_t document[2];
    struct bulla_writer writer;
    static const struct bulla_nsm_attestation nothing = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    will_answer("a1" PCR "a2" LOCK DATA48);
    fake.reason = BULLA_ENCLAVE_FAILED;
    assert_int_equal(bulla_nsm_pcr(&transport, 0, &pcr), BULLA_ENCLAVE_FAILED);
    fake.reason = BULLA_OK;
    fake.answer_size = BULLA_NSM_ANSWER_LARGEST + 1; /* it says more than there can be */
    assert_int_equal(bulla_nsm_pcr(&transport, 0, &pcr), BULLA_TOO_LARGE);
    will_answer("a1" ATTESTATION "a1" DOCUMENT "43d28443");
    bulla_writer_open(&writer, document, sizeof document);
    assert_int_equal(bulla_nsm_attest(&transport, &nothing, &writer), BULLA_BUFFER_SMALL);
    will_answer("a1" ATTESTATION "a1" DOCUMENT "40"); /* an empty one */
    bulla_writer_open(&writer, document, sizeof document);
    assert_int_equal(bulla_nsm_attest(&transport, &nothing, &writer), BULLA_MALFORMED);
}

static void a_machine_without_the_device_says_so(void **state)
{
    (void)state;
    struct bulla_nsm_pcr pcr;
    const struct bulla_nsm_transport *device = bulla_nsm_transport();
    assert_string_equal(device->name, "/dev/nsm");
    if (access("/dev/nsm", F_OK) == 0)
        skip();
    assert_false(device->present());
    assert_int_equal(bulla_nsm_pcr(device, 0, &pcr), BULLA_ENCLAVE_UNREACHABLE);
}

#ifdef BULLA_FAULTS
/* --- the enclave that tests play --- */

static void a_played_enclave_answers_like_a_real_one(void **state)
{
    (void)state;
    struct bulla_nsm_description description;
    struct bulla_nsm_pcr pcr, other;
    assert_int_equal(setenv("BULLA_TEST_NSM", "one", 1), 0);
    const struct bulla_nsm_transport *played = bulla_nsm_transport();
    assert_true(played->present());
    assert_int_equal(bulla_nsm_describe(played, &description), BULLA_OK);
    assert_int_equal(description.pcrs, 32);
    assert_int_equal(description.locked_pcrs, 0xffff);
    assert_int_equal(bulla_nsm_pcr(played, 0, &pcr), BULLA_OK);
    assert_int_equal(pcr.size, 48);
    assert_int_equal(setenv("BULLA_TEST_NSM", "two", 1), 0);
    assert_int_equal(bulla_nsm_pcr(played, 0, &other), BULLA_OK);
    assert_memory_not_equal(pcr.value, other.value, 48);
    assert_int_equal(bulla_nsm_pcr(played, 31, &other), BULLA_OK);
    assert_false(other.locked);
    assert_int_equal(unsetenv("BULLA_TEST_NSM"), 0);
    assert_string_equal(bulla_nsm_transport()->name, "/dev/nsm");
}

static void assert_played_answer(const char *request, const char *wanted)
{
    uint8_t bytes[256], answer[BULLA_NSM_ANSWER_LARGEST], expected[256];
    size_t size = unhex(request, bytes, sizeof bytes), answer_size = 0;
    assert_int_equal(
        bulla_nsm_transport()->exchange((struct bulla_bytes){bytes, size}, answer, &answer_size), BULLA_OK);
    size = unhex(wanted, expected, sizeof expected);
    assert_int_equal(answer_size, size);
    assert_memory_equal(answer, expected, size);
}

/* §1 of AWS's interface: the words of errors, each where it is due. */
static void a_played_enclave_refuses_like_a_real_one(void **state)
{
    (void)state;
    static const char invalid_operation[] = ERROR("70496e76616c69644f7065726174696f6e");
    static const char invalid_index[] = ERROR("6c496e76616c6964496e646578");
    static const char read_only[] = ERROR("6d526561644f6e6c79496e646578");
    assert_int_equal(setenv("BULLA_TEST_NSM", "one", 1), 0);
    assert_played_answer("", invalid_operation);
    assert_played_answer("6141", invalid_operation);
    assert_played_answer("a1" PCR "a0", invalid_operation);
    assert_played_answer("a1" PCR "a165696e6465781820", invalid_index);
    assert_played_answer("a1" ATTESTATION "a0", invalid_operation);
    assert_played_answer("a1674c6f636b504352a165696e64657803", read_only); /* {"LockPCR": {"index": 3}} */
    assert_int_equal(unsetenv("BULLA_TEST_NSM"), 0);
}

/* The shape of real documents (docs/enclaves.md): untagged, ES384, nothing unprotected, a map of indefinite length. */
static void a_played_document_has_the_real_shape(void **state)
{
    (void)state;
    static const uint8_t data[32] = {7};
    uint8_t document[BULLA_NSM_ANSWER_LARGEST];
    const struct bulla_nsm_attestation attestation = {BULLA_BYTES(data), {NULL, 0}, {NULL, 0}};
    struct bulla_writer writer;
    assert_int_equal(setenv("BULLA_TEST_NSM", "one", 1), 0);
    bulla_writer_open(&writer, document, sizeof document);
    assert_int_equal(bulla_nsm_attest(bulla_nsm_transport(), &attestation, &writer), BULLA_OK);
    assert_memory_equal(document, "\x84\x44\xa1\x01\x38\x22\xa0\x59", 8); /* a payload of 256 bytes or more */
    assert_int_equal(document[10], 0xbf);
    assert_int_equal(writer.data[writer.size - 98], 0x58);
    assert_int_equal(writer.data[writer.size - 97], 96);
    assert_int_equal(writer.data[writer.size - 99], 0xff);
    struct bulla_cbor item;
    assert_int_equal(bulla_cbor_decode_lenient(bulla_writer_bytes(&writer), "a document", &item), BULLA_OK);
    assert_int_equal(unsetenv("BULLA_TEST_NSM"), 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_awss_bytes),
        cmocka_unit_test(what_the_module_would_not_take_is_not_sent),
        cmocka_unit_test(a_description_is_read_in_any_order_and_encoding),
        cmocka_unit_test(a_pcr_is_read),
        cmocka_unit_test(an_error_is_told_by_its_word),
        cmocka_unit_test(answers_that_are_none_are_refused),
        cmocka_unit_test(a_description_that_claims_too_much_is_refused),
        cmocka_unit_test(no_beginning_of_an_answer_is_one),
        cmocka_unit_test(what_a_device_does_not_do_is_passed_on),
        cmocka_unit_test(a_machine_without_the_device_says_so),
#ifdef BULLA_FAULTS
        cmocka_unit_test(a_played_enclave_answers_like_a_real_one),
        cmocka_unit_test(a_played_enclave_refuses_like_a_real_one),
        cmocka_unit_test(a_played_document_has_the_real_shape),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
