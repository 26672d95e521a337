/* Receipts of our own: read back, changed, of another form, and held against what is expected of them. */
#include "air.h"
#include "receipt_fixture.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "support/vectors.h"

static void a_receipt_of_our_own_reads_back_as_it_was(void **state)
{
    (void)state;
    struct bulla_receipt receipt, read;
    struct bulla_bytes bytes;
    receipt_own(&receipt);
    assert_int_equal(receipt_write(&receipt, &bytes), BULLA_OK);
    /* tag 18, an array of four, the protected header of every receipt, nothing unprotected */
    static const uint8_t head[] = {0xd2, 0x84, 0x46, 0xa2, 0x01, 0x27, 0x03, 0x18, 0x3d, 0xa0};
    assert_memory_equal(bytes.data, head, sizeof head);
    assert_int_equal(bulla_receipt_verify(bytes, receipt_key.point, &receipt_nothing, &read), BULLA_OK);
    receipt_assert_same(&read, &receipt);
    (void)snprintf(receipt.measurement_type, sizeof receipt.measurement_type, "none");
    receipt.measurement_count = 0;
    receipt.security_mode = BULLA_TEXT("unattested");
    receipt.policy_version = BULLA_TEXT("none");
    receipt.nonce = (struct bulla_bytes){NULL, 0};
    memset(receipt.attestation_hash, 0, 32);
    assert_int_equal(receipt_write(&receipt, &bytes), BULLA_OK);
    assert_int_equal(bulla_receipt_verify(bytes, receipt_key.point, &receipt_nothing, &read), BULLA_OK);
    receipt_assert_same(&read, &receipt);
}

static void no_changed_byte_of_a_receipt_is_accepted(void **state)
{
    (void)state;
    struct bulla_receipt receipt, read;
    struct bulla_bytes bytes;
    receipt_own(&receipt);
    assert_int_equal(receipt_write(&receipt, &bytes), BULLA_OK);
    for (size_t i = 0; i < bytes.size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            receipt_memory[i] ^= (uint8_t)(1u << bit);
            if (bulla_receipt_verify(bytes, receipt_key.point, &receipt_nothing, &read) == BULLA_OK)
                fail_msg("accepted with bit %u of byte %zu changed", bit, i);
            receipt_memory[i] ^= (uint8_t)(1u << bit);
        }
        assert_int_equal(
            bulla_receipt_verify((struct bulla_bytes){receipt_memory, i}, receipt_key.point, &receipt_nothing, &read),
            BULLA_RECEIPT_INVALID);
    }
    receipt_memory[bytes.size] = 0;
    assert_int_equal(bulla_receipt_verify((struct bulla_bytes){receipt_memory, bytes.size + 1}, receipt_key.point,
                         &receipt_nothing, &read),
        BULLA_RECEIPT_INVALID);
}

/* A payload that our writer can't make, signed all the same. */
static void another_form_is_refused_though_signed(void **state)
{
    (void)state;
    uint8_t memory[1024], bytes[2048];
    struct bulla_receipt read;
    struct bulla_cose_message message;
    assert_int_equal(bulla_receipt_read(receipt_bytes(air_nitro, memory), &read, &message), BULLA_OK);
    uint8_t payload[1024];
    size_t size = message.payload.size;
    memcpy(payload, message.payload.data, size);
    static const struct {
        size_t cut_head; /* bytes of the payload that `head` replaces */
        const char *head, *tail;
        uint64_t content_type;
        enum bulla_reason reason;
    } forms[] = {
        {1, "b0", "", 61, BULLA_OK}, {1, "b0", "", 60, BULLA_RECEIPT_INVALID}, /* another content type */
        {1, "b0", "", 0, BULLA_RECEIPT_INVALID},                               /* none */
        {1, "b0", "00", 61, BULLA_RECEIPT_INVALID},                            /* a byte after it */
        {1, "b1", "3a0001000d6178", 61, BULLA_RECEIPT_INVALID},                /* an unknown claim, -65550 */
        {1, "b1", "3a0001000b6178", 61, BULLA_RECEIPT_INVALID},                /* a claim twice */
        {1, "b1", "0548deadbeefcafebabe", 61, BULLA_RECEIPT_INVALID},          /* a claim out of order */
        {1, "bf", "ff", 61, BULLA_RECEIPT_INVALID},                            /* an indefinite map */
        {2, "b01801", "", 61, BULLA_RECEIPT_INVALID},                          /* a key that is not the shortest */
        {1, "af", "", 61, BULLA_RECEIPT_INVALID},                              /* a claim less than there are */
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        uint8_t made[1100];
        struct bulla_writer writer;
        size_t used = test_hex(forms[i].head, made, sizeof made);
        memcpy(made + used, payload + forms[i].cut_head, size - forms[i].cut_head);
        used += size - forms[i].cut_head;
        used += test_hex(forms[i].tail, made + used, sizeof made - used);
        bulla_writer_open(&writer, bytes, sizeof bytes);
        assert_int_equal(bulla_cose_sign1_write(&writer, &receipt_key.signer, forms[i].content_type,
                             (struct bulla_bytes){made, used}, (struct bulla_bytes){NULL, 0}),
            BULLA_OK);
        assert_int_equal(bulla_receipt_verify(bulla_writer_bytes(&writer), receipt_key.point, &receipt_nothing, &read),
            forms[i].reason);
    }
    receipt_bytes(air_nitro, memory);
    assert_int_equal(bulla_receipt_read((struct bulla_bytes){memory + 1, 597}, &read, &message), BULLA_RECEIPT_INVALID);
}

static void a_receipt_key_is_ed25519(void **state)
{
    (void)state;
    struct test_p256 p256;
    struct bulla_receipt receipt, read;
    struct bulla_writer writer;
    test_p256_make(&p256);
    receipt_own(&receipt);
    bulla_writer_open(&writer, receipt_memory, sizeof receipt_memory);
    assert_int_equal(bulla_receipt_write(&receipt, &p256.signer, &writer), BULLA_ARGUMENT);
    uint8_t memory[1024];
    struct bulla_cose_message message; /* a payload that would stand, under the other algorithm */
    assert_int_equal(bulla_receipt_read(receipt_bytes(air_nitro, memory), &read, &message), BULLA_OK);
    bulla_writer_open(&writer, receipt_memory, sizeof receipt_memory);
    assert_int_equal(
        bulla_cose_sign1_write(&writer, &p256.signer, 61, message.payload, (struct bulla_bytes){NULL, 0}), BULLA_OK);
    assert_int_equal(
        bulla_receipt_verify(bulla_writer_bytes(&writer), p256.point, &receipt_nothing, &read), BULLA_RECEIPT_INVALID);
    test_p256_free(&p256);
}

static void request_and_answer_are_found_by_their_salted_hashes(void **state)
{
    (void)state;
    static const char request[] = "a short prompt", answer[] = "an answer";
    uint8_t salt[2][32], salted[64];
    struct bulla_receipt receipt, read;
    struct bulla_bytes bytes;
    memset(salt[0], 7, 32);
    memset(salt[1], 8, 32);
    receipt_own(&receipt);
    memcpy(salted, salt[0], 32);
    memcpy(salted + 32, request, strlen(request));
    SHA256(salted, 32 + strlen(request), receipt.request_hash);
    memcpy(salted, salt[1], 32);
    memcpy(salted + 32, answer, strlen(answer));
    SHA256(salted, 32 + strlen(answer), receipt.response_hash);
    assert_int_equal(receipt_write(&receipt, &bytes), BULLA_OK);
    struct bulla_receipt_expectation expected = {
        .request = BULLA_TEXT(request),
        .request_salt = BULLA_BYTES(salt[0]),
        .response = BULLA_TEXT(answer),
        .response_salt = BULLA_BYTES(salt[1]),
        .model_hash = BULLA_BYTES(receipt.model_hash),
        .nonce = BULLA_BYTES(receipt_nonce),
        .now = 1800000001,
        .oldest_seconds = 5,
    };
    assert_int_equal(bulla_receipt_verify(bytes, receipt_key.point, &expected, &read), BULLA_OK);
    struct bulla_receipt_expectation wrong[8];
    enum bulla_reason reasons[8];
    for (int i = 0; i < 8; i++) {
        wrong[i] = expected;
        reasons[i] = BULLA_EVIDENCE_MISMATCH;
    }
    wrong[0].request.size--;
    wrong[1].response = expected.request;
    wrong[2].request_salt = expected.response_salt;
    wrong[3].response_salt = expected.request_salt;
    wrong[4].model_hash = expected.request_salt;
    wrong[5].model_hash.size = 31;
    wrong[6].request_salt.size = 31;
    wrong[7].response_salt.size = 0; /* an answer without its salt would check nothing */
    reasons[6] = reasons[7] = BULLA_ARGUMENT;
    for (int i = 0; i < 8; i++)
        assert_int_equal(bulla_receipt_verify(bytes, receipt_key.point, &wrong[i], &read), reasons[i]);
}

static void a_small_buffer_is_refused(void **state)
{
    (void)state;
    struct bulla_receipt receipt;
    struct bulla_writer writer;
    receipt_own(&receipt);
    bulla_writer_open(&writer, receipt_memory, 500);
    assert_int_equal(bulla_receipt_write(&receipt, &receipt_key.signer, &writer), BULLA_BUFFER_SMALL);
    bulla_writer_open(&writer, NULL, 0);
    assert_int_equal(bulla_receipt_write(&receipt, &receipt_key.signer, &writer), BULLA_BUFFER_SMALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receipt_of_our_own_reads_back_as_it_was),
        cmocka_unit_test(no_changed_byte_of_a_receipt_is_accepted),
        cmocka_unit_test(another_form_is_refused_though_signed),
        cmocka_unit_test(a_receipt_key_is_ed25519),
        cmocka_unit_test(request_and_answer_are_found_by_their_salted_hashes),
        cmocka_unit_test(a_small_buffer_is_refused),
    };
    return cmocka_run_group_tests(tests, receipt_key_make, NULL);
}
