#include "support/test.h"

#include <string.h>

#include "support/vectors.h"
#include "tools/pcrs.h"

static void lists_and_ranges_become_masks(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t mask;
        const char *shortest;
    } rows[] = {
        {"0", 1, "0"},
        {"0-7", 0xff, "0-7"},
        {"0,2,7", 0x85, "0,2,7"},
        {"7,0-3,11", 0x88f, "0-3,7,11"},
        {"0-23", 0xffffff, "0-23"},
        {"23", 0x800000, "23"},
        {"4-4", 0x10, "4"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t mask = 0;
        char text[64];
        assert_int_equal(bulla_pcrs_parse(rows[i].text, &mask), BULLA_OK);
        assert_int_equal(mask, rows[i].mask);
        bulla_pcrs_write(mask, text);
        assert_string_equal(text, rows[i].shortest);
    }
}

static void everything_else_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "24", "0-24", "7-0", "0,", ",0", "0,,1", "0-", "-7", "0-3,2", "1,1", "a",
        "0 ", " 0", "0x1", "001", "0-7;", "99999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint32_t mask = 42;
        if (bulla_pcrs_parse(bad[i], &mask) != BULLA_ARGUMENT)
            fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(mask, 42);
    }
}

/* SHA-256 over 32 bytes of 11 and 32 bytes of 22, by sha256sum(1). */
static void the_digest_is_over_the_values_ascending(void **state)
{
    (void)state;
    json_t *values = json_pack("{s:s,s:s,s:s}", "7", "2222222222222222222222222222222222222222222222222222222222222222",
        "0", "1111111111111111111111111111111111111111111111111111111111111111", "1", "short");
    uint8_t digest[32];
    uint8_t expected[32];
    (void)test_hex("5189c77d29fe5d546a045ec46986852785fea5c13ac7da9c115ff5fb6edf817c", expected, 32);
    assert_int_equal(bulla_pcrs_digest(values, 0x81, digest), BULLA_OK);
    assert_memory_equal(digest, expected, 32);
    assert_int_equal(bulla_pcrs_digest(values, 0x83, digest), BULLA_TPM_UNREACHABLE); /* PCR 1 is no hash */
    assert_int_equal(bulla_pcrs_digest(values, 0x91, digest), BULLA_TPM_UNREACHABLE); /* PCR 4 is not there */
    assert_int_equal(bulla_pcrs_digest(NULL, 1, digest), BULLA_TPM_UNREACHABLE);
    json_decref(values);
}

#define DIGEST_AB "abababababababababababababababababababababababababababababababab"

static void a_state_is_label_pcrs_and_digest(void **state)
{
    (void)state;
    struct bulla_policy_state parsed;
    assert_int_equal(bulla_pcrs_state_parse("kernel=6.1 a=0-7,11:" DIGEST_AB, &parsed), BULLA_OK);
    assert_string_equal(parsed.label, "kernel=6.1 a");
    assert_int_equal(parsed.pcr_mask, 0x8ff);
    assert_int_equal(parsed.pcr_digest[0], 0xab);
    assert_int_equal(parsed.pcr_digest[31], 0xab);
    static const char *const bad[] = {"", "label", "label=0-7", "=0-7:" DIGEST_AB, "label=:" DIGEST_AB,
        "label=0-7:", "label=0-7:abab", "label=0-7:" DIGEST_AB "ab", "label=24:" DIGEST_AB, "la\nbel=0:" DIGEST_AB,
        "0123456789012345678901234567890123456789012345678901234567890123=0:" DIGEST_AB};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (bulla_pcrs_state_parse(bad[i], &parsed) != BULLA_ARGUMENT)
            fail_msg("'%s' was taken", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_and_ranges_become_masks),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(the_digest_is_over_the_values_ascending),
        cmocka_unit_test(a_state_is_label_pcrs_and_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
