/* Keccak-256: the digests that everybody publishes, and those of an independent implementation at the block's edges. */
#include "support/test.h"

#include <sodium.h>
#include <string.h>

#include "crypto/keccak.h"

enum { LONGEST = 1000 };

static void check(struct bulla_bytes message, const char *expected)
{
    uint8_t digest[32], wanted[32];
    assert_int_equal(sodium_hex2bin(wanted, sizeof wanted, expected, 64, NULL, NULL, NULL), 0);
    bulla_keccak256(&message, 1, digest);
    assert_memory_equal(digest, wanted, 32);
}

/* The empty one is the code hash of an account without code in Ethereum's Yellow Paper; "abc" and the fox are in the
 * test suites of Keccak's reference implementations (padding 0x01). */
static void published_digests_come_out(void **state)
{
    (void)state;
    check(BULLA_TEXT(""), "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    check(BULLA_TEXT("abc"), "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
    check(BULLA_TEXT("The quick brown fox jumps over the lazy dog"),
        "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15");
}

/* Of the bytes 7 i mod 256, by a Keccak written from FIPS 202 in Python, which gives hashlib's SHA3-256 with the
 * padding 0x06 and these with 0x01. */
static const struct {
    size_t size;
    const char *digest;
} edges[] = {
    {1, "bc36789e7a1e281436464229828f817d6612f7b477d66591ff96a9e064bcc98a"},
    {135, "154f5dc27520a599653a2b10189cf53f5ce03b7c594d11fd98f67012ea304b6c"},
    {136, "81e7ecb492d033f1692e770a6eb874e70aac45ec10da93483fc8d3537805c097"},
    {137, "a595973359b39ba1fec5cf8f40710c5a213e76281dd4f174f1ea83106ee7759b"},
    {271, "f0f79e1b757cfc6a5cb0263d2636afe57489bb73ab924b875b896868a9fb3cf4"},
    {272, "99d5a295c114ab3f94028d25825ea798399dacfc613f0193fb32c3c4973f1777"},
    {273, "27005ba9916961e2ddd78d739ee52ff4b2a2e90b40fa4730516d8f1ee4bf25cb"},
    {LONGEST, "82bc59cea7b5eac6d5e84cfabd1450ecba233bc6c0b375bda57dd7848a088ce6"},
};

static void fill(uint8_t message[static LONGEST])
{
    for (size_t i = 0; i < LONGEST; i++)
        message[i] = (uint8_t)(i * 7);
}

static void blocks_end_where_they_should(void **state)
{
    (void)state;
    uint8_t message[LONGEST];
    fill(message);
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
        check((struct bulla_bytes){message, edges[i].size}, edges[i].digest);
}

static void parts_are_one_message(void **state)
{
    (void)state;
    uint8_t message[LONGEST], whole[32], parted[32];
    fill(message);
    const struct bulla_bytes all = BULLA_BYTES(message);
    bulla_keccak256(&all, 1, whole);
    for (size_t at = 0; at <= LONGEST; at += 67) {
        const struct bulla_bytes parts[] = {{message, at}, {NULL, 0}, {message + at, LONGEST - at}};
        bulla_keccak256(parts, 3, parted);
        assert_memory_equal(parted, whole, 32);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_digests_come_out),
        cmocka_unit_test(blocks_end_where_they_should),
        cmocka_unit_test(parts_are_one_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
