/* COSE_Sign1 as others write it. The message is gluecose/test-vectors' sign1-verify-0002 (ES384), which carries a key
 * id in the unprotected header: as published it must be refused, and with that header emptied it must verify. */
#include "support/test.h"

#include <string.h>

#include "crypto/cose.h"
#include "support/vectors.h"

#define KEY                                                                                                            \
    "049132723f6292b010619dbe248d698c17b58756c639e7150f81bee4eb8ac37236ad0a1a19d67be32a66263e1e524d129c"               \
    "98cd3078c554d832ac603c4326410ff61662459b41f1f3df5dbcc83598ff7c5ed8411ca735679d1c4cb3009397d9ef2c"
#define CONTENT "54546869732069732074686520636f6e74656e742e"
#define SIGNATURE                                                                                                      \
    "aa46c1ab71cd3c1e68ed62c27653797cb72cba3a856fd5e2f38794eee0d666e88139ec51fb62466f4865ca56df493905"                 \
    "911e329e829c1887f6259681360a8e7f7d3fd080dcb0720066f13e1621656700c99d6e3771ac2549fde998ee9b1e2cad"
#define ZEROS_32 "0000000000000000000000000000000000000000000000000000000000000000"

static uint8_t memory[512];
static uint8_t point[97];

static struct bulla_cose_key signer(void)
{
    return (struct bulla_cose_key){BULLA_COSE_ES384, {point, test_hex(KEY, point, sizeof point)}};
}

static enum bulla_reason judge(struct bulla_bytes bytes)
{
    struct bulla_cose_message message;
    const struct bulla_cose_key key = signer();
    BULLA_TRY(bulla_cose_sign1_read_foreign(bytes, "a test", &message));
    return bulla_cose_sign1_verify(&message, &key, (struct bulla_bytes){NULL, 0});
}

static enum bulla_reason judge_hex(const char *hex)
{
    return judge((struct bulla_bytes){memory, test_hex(hex, memory, sizeof memory)});
}

static void every_form_that_others_write_is_taken(void **state)
{
    (void)state;
    assert_int_equal(judge_hex("d28444a1013822a0" CONTENT "5860" SIGNATURE), BULLA_OK);
    assert_int_equal(judge_hex("8444a1013822a0" CONTENT "5860" SIGNATURE), BULLA_OK);
    assert_int_equal(judge_hex("9f44a1013822a0" CONTENT "5860" SIGNATURE "ff"), BULLA_OK);
    assert_int_equal(judge_hex("8444a1013822bfff" CONTENT "5860" SIGNATURE), BULLA_OK);
    assert_int_equal(judge_hex("845804a1013822a0" CONTENT "590060" SIGNATURE), BULLA_OK);
}

static void what_was_not_signed_so_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum bulla_reason reason;
    } rows[] = {
        {"d28444a1013822a1044450333834" CONTENT "5860" SIGNATURE, BULLA_UNKNOWN_FIELD}, /* as published */
        {"d18444a1013822a0" CONTENT "5860" SIGNATURE, BULLA_MALFORMED},                 /* Mac0's tag */
        {"d2d28444a1013822a0" CONTENT "5860" SIGNATURE, BULLA_MALFORMED},
        {"8344a1013822a0" CONTENT, BULLA_MALFORMED},
        {"8544a1013822a0" CONTENT "5860" SIGNATURE "00", BULLA_MALFORMED},
        {"8444a1013822a0" CONTENT "5860" SIGNATURE "00", BULLA_TRAILING},
        {"8444a1013822a0" CONTENT "585f" SIGNATURE, BULLA_TRAILING},
        {"8444a1013822a0" CONTENT "5861" SIGNATURE, BULLA_TRUNCATED},
        {"8444a1013822a0" CONTENT "5861" SIGNATURE "00", BULLA_MALFORMED},
        {"8443a10126a0" CONTENT "5840" ZEROS_32 ZEROS_32, BULLA_UNSUPPORTED}, /* QEMU's */
        {"8443a10126a0" CONTENT "5860" SIGNATURE, BULLA_UNSUPPORTED},
        {"8443a10127a0" CONTENT "5860" SIGNATURE, BULLA_UNSUPPORTED},
        {"8440a0" CONTENT "5860" SIGNATURE, BULLA_TRUNCATED},
        {"8441a0a0" CONTENT "5860" SIGNATURE, BULLA_MALFORMED},
        {"8447a2013822013822a0" CONTENT "5860" SIGNATURE, BULLA_DUPLICATE},
        {"8446a20138220300a0" CONTENT "5860" SIGNATURE, BULLA_SIGNATURE}, /* another header than was signed */
        {"8444a1013822a0f65860" SIGNATURE, BULLA_MALFORMED},              /* a detached payload */
        {"8444a1013822a0" CONTENT "5860" ZEROS_32 ZEROS_32 ZEROS_32, BULLA_SIGNATURE},
        {"f6", BULLA_MALFORMED},
        {"", BULLA_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum bulla_reason reason = judge_hex(rows[i].hex);
        if (reason != rows[i].reason)
            fail_msg("row %zu: %s", i, bulla_detail());
    }
}

static void no_bit_can_be_changed(void **state)
{
    (void)state;
    size_t size = test_hex("8444a1013822a0" CONTENT "5860" SIGNATURE, memory, sizeof memory);
    for (size_t i = 0; i < 8 * size; i++) {
        memory[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_not_equal(judge((struct bulla_bytes){memory, size}), BULLA_OK);
        memory[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    assert_int_equal(judge((struct bulla_bytes){memory, size}), BULLA_OK);
}

/* What is strict for our own formats stays so. */
static void our_own_reader_takes_none_of_it(void **state)
{
    (void)state;
    static const char *const forms[] = {"d28444a1013822a0" CONTENT "5860" SIGNATURE,
        "8444a1013822a0" CONTENT "5860" SIGNATURE, "8443a10126a0" CONTENT "5840" ZEROS_32 ZEROS_32};
    struct bulla_cose_message message;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct bulla_bytes bytes = {memory, test_hex(forms[i], memory, sizeof memory)};
        assert_int_not_equal(bulla_cose_sign1_read(bytes, "a test", &message), BULLA_OK);
    }
}

static void keys_of_another_size_or_algorithm_are_refused(void **state)
{
    (void)state;
    struct bulla_cose_message message;
    struct bulla_bytes bytes = {memory, test_hex("8444a1013822a0" CONTENT "5860" SIGNATURE, memory, sizeof memory)};
    struct bulla_cose_key key = signer();
    assert_int_equal(bulla_cose_sign1_read_foreign(bytes, "a test", &message), BULLA_OK);
    key.key.size = 65;
    assert_int_equal(bulla_cose_sign1_verify(&message, &key, (struct bulla_bytes){NULL, 0}), BULLA_KEY_INVALID);
    key.algorithm = BULLA_COSE_ES256;
    assert_int_equal(bulla_cose_sign1_verify(&message, &key, (struct bulla_bytes){NULL, 0}), BULLA_SIGNATURE);
    key = signer();
    assert_int_equal(bulla_cose_sign1_verify(&message, &key, BULLA_TEXT("external")), BULLA_SIGNATURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_that_others_write_is_taken),
        cmocka_unit_test(what_was_not_signed_so_is_refused),
        cmocka_unit_test(no_bit_can_be_changed),
        cmocka_unit_test(our_own_reader_takes_none_of_it),
        cmocka_unit_test(keys_of_another_size_or_algorithm_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
