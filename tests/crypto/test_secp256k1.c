/* ECDSA over secp256k1: a published signature, and what is none. */
#include "support/test.h"

#include <sodium.h>
#include <string.h>

#include "crypto/secp256k1.h"

/* web3.js's documentation of web3.eth.accounts.sign: messageHash, r and s of "Some data" under 0x4c0883a6…362318. The
 * key's points, and the other s, which is the group's order less this one, by python3-cryptography, which verified
 * both. */
static const char digest_hex[] = "1da44b586eb0729ff70a73c326926f6ed5a25f5b056e7f47fbc6e58d86871655";
static const char low_hex[] = "b91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd"
                              "6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a029";
static const char high_hex[] = "b91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd"
                               "9ff818b327d1fc847ffe79bdd03d25e83e3a5df66962ceb160751b8bd754a118";
static const char key_hex[] = "024e3b81af9c2234cad09d679ce6035ed1392347ce64ce405f5dcd36228a25de6e";

static void unhex(const char *hex, uint8_t *bytes, size_t size)
{
    size_t got = 0;
    assert_int_equal(sodium_hex2bin(bytes, size, hex, strlen(hex), NULL, &got, NULL), 0);
    assert_int_equal(got, size);
}

struct vector {
    uint8_t digest[32], low[64], high[64], key[33];
};

static struct vector vector(void)
{
    struct vector made;
    unhex(digest_hex, made.digest, sizeof made.digest);
    unhex(low_hex, made.low, sizeof made.low);
    unhex(high_hex, made.high, sizeof made.high);
    unhex(key_hex, made.key, sizeof made.key);
    return made;
}

static void the_published_signature_verifies_and_gives_its_key(void **state)
{
    (void)state;
    struct vector v = vector();
    uint8_t point[65], compressed[33];
    assert_int_equal(bulla_secp256k1_verify(v.key, v.digest, v.low), BULLA_OK);
    assert_int_equal(bulla_secp256k1_recover(v.digest, v.low, true, point), BULLA_OK); /* its v is 0x1c */
    assert_int_equal(point[0], 4);
    bulla_secp256k1_compress(point, compressed);
    assert_memory_equal(compressed, v.key, 33);
    assert_int_equal(bulla_secp256k1_recover(v.digest, v.low, false, point), BULLA_OK);
    bulla_secp256k1_compress(point, compressed);
    assert_memory_not_equal(compressed, v.key, 33);
}

static void the_upper_s_is_refused_and_can_be_lowered(void **state)
{
    (void)state;
    struct vector v = vector();
    uint8_t point[65];
    assert_int_equal(bulla_secp256k1_verify(v.key, v.digest, v.high), BULLA_SIGNATURE);
    assert_int_equal(bulla_secp256k1_recover(v.digest, v.high, false, point), BULLA_SIGNATURE);
    assert_true(bulla_secp256k1_lower(v.high));
    assert_memory_equal(v.high, v.low, 64);
    assert_true(bulla_secp256k1_lower(v.high)); /* what is low stays */
    assert_memory_equal(v.high, v.low, 64);
}

static void numbers_beyond_the_group_are_refused(void **state)
{
    (void)state;
    struct vector v = vector();
    uint8_t point[65];
    for (size_t half = 0; half < 2; half++) {
        uint8_t bad[64];
        memcpy(bad, v.low, 64);
        memset(bad + 32 * half, 0xff, 32);
        assert_int_equal(bulla_secp256k1_verify(v.key, v.digest, bad), BULLA_SIGNATURE);
        assert_int_equal(bulla_secp256k1_recover(v.digest, bad, true, point), BULLA_SIGNATURE);
        assert_false(bulla_secp256k1_lower(bad));
    }
}

static void a_key_that_is_no_point_is_refused(void **state)
{
    (void)state;
    struct vector v = vector();
    v.key[0] = 4;
    assert_int_equal(bulla_secp256k1_verify(v.key, v.digest, v.low), BULLA_KEY_INVALID);
    memset(v.key, 0xff, sizeof v.key); /* x beyond the field */
    v.key[0] = 2;
    assert_int_equal(bulla_secp256k1_verify(v.key, v.digest, v.low), BULLA_KEY_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_signature_verifies_and_gives_its_key),
        cmocka_unit_test(the_upper_s_is_refused_and_can_be_lowered),
        cmocka_unit_test(numbers_beyond_the_group_are_refused),
        cmocka_unit_test(a_key_that_is_no_point_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
