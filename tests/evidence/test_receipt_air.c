/* Receipts of AIR v1: its vectors are read, written and refused as it says. */
#include "air.h"
#include "receipt_fixture.h"
#include "support/vectors.h"

static const struct air_valid {
    const char *receipt;
    void (*claims)(struct bulla_receipt *receipt);
} air_valid[] = {{air_nitro, receipt_air_nitro}, {air_tdx, receipt_air_tdx}};

static void airs_valid_receipts_verify_and_say_what_they_say(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        uint8_t memory[1024], public_key[64];
        struct bulla_receipt read, expected;
        air_valid[i].claims(&expected);
        assert_int_equal(test_hex(air_public, public_key, sizeof public_key), 32);
        assert_int_equal(
            bulla_receipt_verify(receipt_bytes(air_valid[i].receipt, memory), public_key, &receipt_nothing, &read),
            BULLA_OK);
        receipt_assert_same(&read, &expected);
    }
}

static void airs_valid_receipts_are_written_byte_for_byte(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        uint8_t memory[1024], written[BULLA_RECEIPT_LARGEST];
        struct bulla_receipt receipt;
        struct bulla_writer writer;
        struct bulla_bytes expected = receipt_bytes(air_valid[i].receipt, memory);
        air_valid[i].claims(&receipt);
        bulla_writer_open(&writer, written, sizeof written);
        assert_int_equal(bulla_receipt_write(&receipt, &receipt_key.signer, &writer), BULLA_OK);
        assert_int_equal(writer.size, expected.size);
        assert_memory_equal(written, expected.data, expected.size);
    }
}

static void airs_wrong_key_is_refused(void **state)
{
    (void)state;
    uint8_t memory[1024], wrong[32];
    struct bulla_receipt read;
    test_hex(air_wrong_public, wrong, sizeof wrong);
    assert_int_equal(
        bulla_receipt_verify(receipt_bytes(air_nitro, memory), wrong, &receipt_nothing, &read), BULLA_SIGNATURE);
}

static void airs_zero_model_hash_is_refused_though_properly_signed(void **state)
{
    (void)state;
    uint8_t memory[1024];
    struct bulla_receipt read;
    struct bulla_cose_message message;
    const struct bulla_cose_key public_key = {BULLA_COSE_EDDSA, BULLA_BYTES(receipt_key.point)};
    struct bulla_bytes bytes = receipt_bytes(air_zero_model_hash, memory);
    assert_int_equal(bulla_receipt_verify(bytes, receipt_key.point, &receipt_nothing, &read), BULLA_RECEIPT_INVALID);
    assert_int_equal(bulla_receipt_read(bytes, &read, &message), BULLA_RECEIPT_INVALID);
    assert_int_equal(bulla_cose_sign1_verify(&message, &public_key, (struct bulla_bytes){NULL, 0}), BULLA_OK);
}

static void airs_nonce_mismatch_is_found(void **state)
{
    (void)state;
    uint8_t memory[1024], nonce[8];
    struct bulla_receipt read;
    struct bulla_receipt_expectation expected = {.nonce = BULLA_BYTES(nonce)};
    test_hex(air_other_nonce, nonce, sizeof nonce);
    assert_int_equal(bulla_receipt_verify(receipt_bytes(air_tdx, memory), receipt_key.point, &expected, &read),
        BULLA_EVIDENCE_MISMATCH);
    /* one that has no nonce at all doesn't meet an expectation of one */
    assert_int_equal(bulla_receipt_verify(receipt_bytes(air_nitro, memory), receipt_key.point, &expected, &read),
        BULLA_EVIDENCE_MISMATCH);
    expected.nonce = BULLA_BYTES(receipt_nonce);
    assert_int_equal(
        bulla_receipt_verify(receipt_bytes(air_tdx, memory), receipt_key.point, &expected, &read), BULLA_OK);
}

static void airs_stale_receipt_is_found(void **state)
{
    (void)state;
    uint8_t memory[1024];
    struct bulla_receipt read;
    struct bulla_bytes bytes = receipt_bytes(air_nitro, memory);
    struct bulla_receipt_expectation expected = {.now = AIR_STALE_NOW, .oldest_seconds = AIR_STALE_SECONDS};
    assert_int_equal(bulla_receipt_verify(bytes, receipt_key.point, &expected, &read), BULLA_EVIDENCE_STALE);
    static const struct {
        uint64_t now;
        enum bulla_reason reason;
    } times[] = {
        {1740500000 + 3601, BULLA_EVIDENCE_STALE},
        {1740500000 + 3600, BULLA_OK},
        {1740500000, BULLA_OK},
        {1740500000 - 60, BULLA_OK},
        {1740500000 - 61, BULLA_EVIDENCE_STALE},
        {1, BULLA_EVIDENCE_STALE},
        {UINT64_MAX, BULLA_EVIDENCE_STALE},
    };
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        expected.now = times[i].now;
        assert_int_equal(bulla_receipt_verify(bytes, receipt_key.point, &expected, &read), times[i].reason);
    }
    expected.now = 0; /* an age without a clock would check nothing */
    assert_int_equal(bulla_receipt_verify(bytes, receipt_key.point, &expected, &read), BULLA_ARGUMENT);
}

static void airs_known_schemes_are_read(void **state)
{
    (void)state;
    static const char *const schemes[] = {"sha256-single", "sha256-concat", "sha256-manifest"};
    for (int i = 0; i < 3; i++) {
        struct bulla_receipt receipt, read;
        struct bulla_bytes bytes;
        receipt_air_nitro(&receipt);
        receipt.model_hash_scheme = BULLA_TEXT(schemes[i]);
        assert_int_equal(receipt_write(&receipt, &bytes), BULLA_OK);
        assert_int_equal(bulla_receipt_verify(bytes, receipt_key.point, &receipt_nothing, &read), BULLA_OK);
        assert_true(bulla_bytes_equal_text(read.model_hash_scheme, schemes[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(airs_valid_receipts_verify_and_say_what_they_say),
        cmocka_unit_test(airs_valid_receipts_are_written_byte_for_byte),
        cmocka_unit_test(airs_wrong_key_is_refused),
        cmocka_unit_test(airs_zero_model_hash_is_refused_though_properly_signed),
        cmocka_unit_test(airs_nonce_mismatch_is_found),
        cmocka_unit_test(airs_stale_receipt_is_found),
        cmocka_unit_test(airs_known_schemes_are_read),
    };
    return cmocka_run_group_tests(tests, receipt_key_make, NULL);
}
