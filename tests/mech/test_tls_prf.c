/* The PRF of TLS 1.2 with SHA-256: the vector of the TLS working group's mailing list (msg03416), which its
 * implementations share. */
#include "support/test.h"

#include <string.h>

#include "crypto/arena.h"
#include "mech/tls_prf.h"
#include "support/vectors.h"

static uint8_t secret[16], seed[16], expected[100], out[100];

static void read_vector(void)
{
    (void)test_hex("9bbe436ba940f017b17652849a71db35", secret, sizeof secret);
    (void)test_hex("a0ba9f936cda311827a6f796ffd5198c", seed, sizeof seed);
    (void)test_hex(
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7"
        "077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66",
        expected, sizeof expected);
}

static void the_published_vector_comes_out_at_every_length(void **state)
{
    (void)state;
    const struct bulla_bytes seeds[] = {BULLA_TEXT("test label"), BULLA_BYTES(seed)};
    read_vector();
    for (size_t size = 0; size <= sizeof out; size++) {
        memset(out, 0xee, sizeof out);
        assert_int_equal(
            bulla_tls_prf(&bulla_hashes[BULLA_SHA256], BULLA_BYTES(secret), seeds, 2, out, size), BULLA_OK);
        assert_memory_equal(out, expected, size);
        assert_true(size == sizeof out || out[size] == 0xee);
    }
}

static void another_secret_label_or_seed_gives_another(void **state)
{
    (void)state;
    struct bulla_bytes seeds[] = {BULLA_TEXT("test label"), BULLA_BYTES(seed)};
    read_vector();
    secret[15] ^= 1;
    assert_int_equal(bulla_tls_prf(&bulla_hashes[BULLA_SHA256], BULLA_BYTES(secret), seeds, 2, out, 100), BULLA_OK);
    assert_memory_not_equal(out, expected, 32);
    secret[15] ^= 1;
    seeds[0] = BULLA_TEXT("test lapel");
    assert_int_equal(bulla_tls_prf(&bulla_hashes[BULLA_SHA256], BULLA_BYTES(secret), seeds, 2, out, 100), BULLA_OK);
    assert_memory_not_equal(out, expected, 32);
    assert_int_equal(
        bulla_tls_prf(&bulla_hashes[BULLA_SHA256], BULLA_BYTES(secret), seeds, 7, out, 100), BULLA_INTERNAL);
}

static int close_arena(void **state)
{
    (void)state;
    bulla_arena_close();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_vector_comes_out_at_every_length),
        cmocka_unit_test(another_secret_label_or_seed_gives_another),
    };
    return cmocka_run_group_tests(tests, NULL, close_arena);
}
