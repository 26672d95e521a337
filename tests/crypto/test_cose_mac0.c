/* COSE_Mac0. The vectors are of cose-wg/Examples, mac0-tests and hmac-examples. */
#include "support/test.h"

#include <string.h>

#include "crypto/cose.h"
#include "support/vectors.h"

#define CONTENT "546869732069732074686520636f6e74656e742e"
#define KEY "849b57219dae48de646d07dbb533566e976686457c1491be3a76dcea6c427188"
#define TAG "a1a848d3471f9d61ee49018d244c824772f223ad4f935293f1789fc3a08d8c58"
#define MESSAGE "d18443a10105a054" CONTENT "5820" TAG /* mac0-tests/HMac-01 */

static enum bulla_reason read_and_verify(struct bulla_bytes bytes, const uint8_t key[static 32])
{
    struct bulla_cose_message message;
    BULLA_TRY(bulla_cose_mac0_read(bytes, "a test", &message));
    return bulla_cose_mac0_verify(&message, key);
}

static enum bulla_reason read_and_verify_hex(const char *hex)
{
    uint8_t key[32];
    uint8_t bytes[256];
    (void)test_hex(KEY, key, sizeof key);
    return read_and_verify((struct bulla_bytes){bytes, test_hex(hex, bytes, sizeof bytes)}, key);
}

static void the_published_message_is_written_and_verifies(void **state)
{
    (void)state;
    uint8_t key[32];
    uint8_t out[256];
    uint8_t expected[256];
    struct bulla_writer writer;
    (void)test_hex(KEY, key, sizeof key);
    bulla_writer_open(&writer, out, sizeof out);
    assert_int_equal(bulla_cose_mac0_write(&writer, key, BULLA_TEXT("This is the content.")), BULLA_OK);
    assert_int_equal(bulla_writer_finish(&writer, "a test"), BULLA_OK);
    assert_int_equal(writer.size, test_hex(MESSAGE, expected, sizeof expected));
    assert_memory_equal(out, expected, writer.size);
    assert_int_equal(read_and_verify_hex(MESSAGE), BULLA_OK);
}

static void what_is_published_as_failing_or_outside_the_subset_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum bulla_reason reason;
    } rows[] = {
        /* mac-fail-01: tag 992; mac-fail-02: the last bit of the tag; mac-pass-03: untagged, unprotected */
        {"d903e08443a10105a054" CONTENT "5820" TAG, BULLA_MALFORMED},
        {"d18443a10105a054" CONTENT "5820a1a848d3471f9d61ee49018d244c824772f223ad4f935293f1789fc3a08d8c59",
            BULLA_AUTHENTICATION},
        {"8440a1010554" CONTENT "5820176dce14c1e57430c13658233f41dc89aa4fa0ff9b8783f23b0ef51ca6b026bc",
            BULLA_MALFORMED},
        /* hmac-examples/HMac-enc-02: HMAC-SHA-384 */
        {"d18443a10106a054" CONTENT
         "5830998d26c6459aaeecf44ed20ce00c8ccedf0a1f3d22a92fc05db08c5aeb1cb594caaf5a5c5e2e9d01cce7e77a93aa8c62",
            BULLA_UNSUPPORTED},
        {"d18443a10106a054" CONTENT "5820" TAG, BULLA_UNSUPPORTED},
        {"d18443a10104a054" CONTENT "5820" TAG, BULLA_UNSUPPORTED}, /* HMAC 256/64, whose tag is cut */
        {"d18443a10126a054" CONTENT "5820" TAG, BULLA_MALFORMED},   /* an algorithm that signs */
        {"d18443a10105a1044131"
         "54" CONTENT "5820" TAG,
            BULLA_UNKNOWN_FIELD},
        {"d28443a10105a054" CONTENT "5820" TAG, BULLA_MALFORMED}, /* Sign1's tag */
        {"d18443a10105a054" CONTENT "581fa1a848d3471f9d61ee49018d244c824772f223ad4f935293f1789fc3a08d8c",
            BULLA_MALFORMED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(read_and_verify_hex(rows[i].hex), rows[i].reason);
}

static void no_bit_of_a_message_or_its_key_can_be_changed(void **state)
{
    (void)state;
    uint8_t key[32];
    uint8_t bytes[256];
    (void)test_hex(KEY, key, sizeof key);
    struct bulla_bytes message = {bytes, test_hex(MESSAGE, bytes, sizeof bytes)};
    for (size_t bit = 0; bit < 8 * message.size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(read_and_verify(message, key), BULLA_OK);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 256; bit++) {
        key[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(read_and_verify(message, key), BULLA_AUTHENTICATION);
        key[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(read_and_verify(message, key), BULLA_OK);
}

static void a_signed_message_is_no_maced_one(void **state)
{
    (void)state;
    const uint8_t key[32] = {0};
    const uint8_t zeros[64] = {0};
    const struct bulla_cose_message message = {.algorithm = BULLA_COSE_EDDSA, .signature = BULLA_BYTES(zeros)};
    assert_int_equal(bulla_cose_mac0_verify(&message, key), BULLA_AUTHENTICATION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_message_is_written_and_verifies),
        cmocka_unit_test(what_is_published_as_failing_or_outside_the_subset_is_refused),
        cmocka_unit_test(no_bit_of_a_message_or_its_key_can_be_changed),
        cmocka_unit_test(a_signed_message_is_no_maced_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
