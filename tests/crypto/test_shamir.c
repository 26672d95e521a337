/* Shamir's sharing against SLIP-39's vectors and against an oracle that is built differently: logarithms to the base 3,
 * and Newton's divided differences instead of Lagrange's basis. */
#include "support/test.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

#include "crypto/shamir.h"
#include "support/vectors.h"

/* --- the oracle --- */
static uint8_t power_of_three[255];
static int logarithm[256];

static int oracle_begin(void **state)
{
    (void)state;
    unsigned value = 1;
    for (int i = 0; i < 255; i++) {
        power_of_three[i] = (uint8_t)value;
        logarithm[value] = i;
        value ^= value << 1; /* times 3 = z + 1 */
        if (value > 255)
            value ^= 0x11b;
    }
    return value == 1 ? 0 : -1; /* 3 generates the multiplicative group */
}

static uint8_t oracle_multiply(uint8_t a, uint8_t b)
{
    return a && b ? power_of_three[(logarithm[a] + logarithm[b]) % 255] : 0;
}

static uint8_t oracle_divide(uint8_t a, uint8_t b)
{
    assert_int_not_equal(b, 0);
    return a ? power_of_three[(logarithm[a] + 255 - logarithm[b]) % 255] : 0;
}

/* f(at) of the polynomial through k points, one byte of each. */
static uint8_t oracle_interpolate(const uint8_t *xs, const uint8_t *ys, unsigned k, uint8_t at)
{
    uint8_t table[BULLA_SHARES_LARGEST], value;
    memcpy(table, ys, k);
    for (unsigned order = 1; order < k; order++)
        for (unsigned i = k - 1; i >= order; i--)
            table[i] = oracle_divide(table[i] ^ table[i - 1], xs[i] ^ xs[i - order]);
    value = table[k - 1];
    for (unsigned i = k - 1; i-- > 0;)
        value = oracle_multiply(value, at ^ xs[i]) ^ table[i];
    return value;
}

static void oracle_join(const uint8_t *xs, const uint8_t *shares, unsigned k, uint8_t *secret)
{
    for (size_t byte = 0; byte < 32; byte++) {
        uint8_t ys[BULLA_SHARES_LARGEST];
        for (unsigned i = 0; i < k; i++)
            ys[i] = shares[i * 32 + byte];
        secret[byte] = oracle_interpolate(xs, ys, k, 0);
    }
}

/* --- ours against it --- */
static void joining_two_agrees_with_the_oracle_for_every_pair(void **state)
{
    (void)state;
    for (unsigned a = 1; a < 256; a++)
        for (unsigned b = 1; b < 256; b++) {
            if (a == b)
                continue;
            const uint8_t xs[2] = {(uint8_t)a, (uint8_t)b};
            uint8_t shares[64], ours[32], theirs[32];
            randombytes_buf(shares, sizeof shares);
            assert_int_equal(bulla_shamir_join(xs, shares, 2, ours), BULLA_OK);
            oracle_join(xs, shares, 2, theirs);
            assert_memory_equal(ours, theirs, 32);
        }
}

static unsigned pick(const uint8_t *shares, unsigned n, unsigned set, uint8_t *xs, uint8_t *picked)
{
    unsigned count = 0;
    for (unsigned i = 0; i < n; i++)
        if (set >> i & 1) {
            xs[count] = (uint8_t)(i + 1);
            memcpy(picked + (size_t)count++ * 32, shares + (size_t)i * 32, 32);
        }
    return count;
}

/* All n shares lie on one polynomial of degree k - 1 whose value at 0 is the secret, and fewer than k don't show it. */
static void every_subset_opens_exactly_when_it_is_large_enough(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 6; n++)
        for (unsigned k = 1; k <= n; k++) {
            uint8_t secret[32], shares[6 * 32], xs[6], picked[6 * 32], ours[32], theirs[32];
            randombytes_buf(secret, sizeof secret);
            assert_int_equal(bulla_shamir_split(secret, k, n, shares), BULLA_OK);
            for (unsigned set = 1; set < 1U << n; set++) {
                unsigned count = pick(shares, n, set, xs, picked);
                assert_int_equal(bulla_shamir_join(xs, picked, count, ours), BULLA_OK);
                oracle_join(xs, picked, count, theirs);
                assert_memory_equal(ours, theirs, 32);
                assert_int_equal(memcmp(ours, secret, 32) == 0, count >= k);
            }
        }
}

static void the_largest_sharing_works(void **state)
{
    (void)state;
    uint8_t secret[32], shares[BULLA_SHARES_LARGEST * 32], xs[BULLA_SHARES_LARGEST], joined[32];
    randombytes_buf(secret, sizeof secret);
    assert_int_equal(bulla_shamir_split(secret, BULLA_SHARES_LARGEST, BULLA_SHARES_LARGEST, shares), BULLA_OK);
    for (unsigned i = 0; i < BULLA_SHARES_LARGEST; i++)
        xs[i] = (uint8_t)(i + 1);
    assert_int_equal(bulla_shamir_join(xs, shares, BULLA_SHARES_LARGEST, joined), BULLA_OK);
    assert_memory_equal(joined, secret, 32);
    oracle_join(xs, shares, BULLA_SHARES_LARGEST, joined);
    assert_memory_equal(joined, secret, 32);
}

static void two_splits_of_one_secret_differ(void **state)
{
    (void)state;
    const uint8_t secret[32] = {0};
    uint8_t first[64], second[64];
    assert_int_equal(bulla_shamir_split(secret, 2, 2, first), BULLA_OK);
    assert_int_equal(bulla_shamir_split(secret, 2, 2, second), BULLA_OK);
    assert_memory_not_equal(first, second, 32);
    assert_memory_not_equal(first, secret, 32);
}

static void what_is_no_sharing_is_refused(void **state)
{
    (void)state;
    uint8_t secret[32] = {0}, shares[20 * 32] = {0};
    static const unsigned wrong[][2] = {{0, 1}, {2, 1}, {0, 0}, {1, 17}, {17, 17}, {1, 0}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(bulla_shamir_split(secret, wrong[i][0], wrong[i][1], shares), BULLA_ARGUMENT);
    static const uint8_t zero[32], twice[] = {1, 2, 1}, with_zero[] = {1, 0};
    uint8_t many[17];
    for (unsigned i = 0; i < sizeof many; i++)
        many[i] = (uint8_t)(i + 1);
    memset(secret, 0x55, 32);
    assert_int_equal(bulla_shamir_join(twice, shares, 3, secret), BULLA_ARGUMENT);
    assert_memory_equal(secret, zero, 32);
    assert_int_equal(bulla_shamir_join(with_zero, shares, 2, secret), BULLA_ARGUMENT);
    assert_int_equal(bulla_shamir_join(twice, shares, 0, secret), BULLA_ARGUMENT);
    assert_int_equal(bulla_shamir_join(many, shares, 17, secret), BULLA_ARGUMENT);
}

/* --- SLIP-39 ---
 *
 * vectors.json of trezor/python-shamir-mnemonic (0f504b0f82a3), vectors 23, 36, 41 and 45: share values as the
 * mnemonics encode them, their checksums verified. SLIP-39 uses the same field, but puts the secret at x = 255 and its
 * digest at x = 254, with shares from x = 0. f(x) and g(x) = f(x + c) have the same degree, and g(0) = f(c): joining at
 * x + 255 gives the secret, and at x + 254 the digest. Shares of 128 bits are filled up with zeros. */
struct slip_share {
    uint8_t group, x;
    const char *value;
};
struct slip_vector {
    const char *master;
    unsigned identifier, exponent, extendable, group_threshold;
    unsigned count;
    struct slip_share shares[5]; /* in groups */
};

static const struct slip_vector slip_vectors[] = {
    {"c938b319067687e990e05e0da0ecce1278f75ff58d9853f19dcaeed5de104aae", 14279, 2, 0, 1, 2,
        {{0, 2, "81e5473f4b7f66094f888d2f98fe0ded6a692dc72c65dc498d6e28bee6ebdfcc"},
            {0, 1, "19e366e9b2e34851e52132c31c2b2c957321bf5ce6c9c1410ea1ddf5fef92c27"}}},
    {"5385577c8cfc6c1a8aa0f7f10ecde0a3318493262591e78b8c14c6686167123b", 32134, 0, 0, 2, 5,
        {{2, 0, "82a363ed145a49a4e37311253c105846c0afb13b74e5ddda9cc25d7aae49bc89"},
            {2, 1, "d127f1f9bc12e3856fb3983104783b71480d249d80101568def4a41100177dfb"},
            {2, 4, "4bde8a604105f3a6c32f2f547131aafea756725a28e80a14d59d8f05c4adcca5"},
            {3, 1, "094ed0a7c9b50a3dcecc037bb4e34eb5b158a8ee3f8ea661e76521e07629e663"},
            {3, 2, "98091ab3396a2e9ab9d6889b6507fce1e3c12dd0a2676ee52bb1b389ec320a90"}}},
    {"ad6f2ad8b59bbbaa01369b9006208d9a", 13899, 0, 0, 1, 3,
        {{0, 7, "3ed2fa64acf769131509ca05437606b1"}, {0, 9, "58ccc8f63e2232eb372d91241e61506b"},
            {0, 0, "0d5f0655e0645fad705c1e128887678f"}}},
    {"8dc652d6d6cd370d8c963141f6d79ba440300f25c467302c1d966bff8f62300d", 32065, 0, 1, 1, 2,
        {{0, 2, "daef18f6bfd2792749905e41a402dae0365bc2434e455226096a99f941d203bf"},
            {0, 0, "b4290e56271e919a44596794aef75071b07536ee113e1529299a08b19190ed81"}}},
};

/* Joins at 255, and shows by the digest at 254 that it is the secret (SLIP-39, "Sharing a secret"). */
static void slip_join(const uint8_t *xs, const uint8_t *shares, unsigned k, size_t size, uint8_t *secret)
{
    uint8_t shifted[BULLA_SHARES_LARGEST] = {0}, digest[32], code[32];
    crypto_auth_hmacsha256_state hmac;
    for (unsigned i = 0; i < k; i++)
        shifted[i] = xs[i] ^ 255;
    assert_int_equal(bulla_shamir_join(shifted, shares, k, secret), BULLA_OK);
    if (k == 1)
        return; /* SLIP-39 has no digest then */
    for (unsigned i = 0; i < k; i++)
        shifted[i] = xs[i] ^ 254;
    assert_int_equal(bulla_shamir_join(shifted, shares, k, digest), BULLA_OK);
    crypto_auth_hmacsha256_init(&hmac, digest + 4, size - 4);
    crypto_auth_hmacsha256_update(&hmac, secret, size);
    crypto_auth_hmacsha256_final(&hmac, code);
    assert_memory_equal(code, digest, 4);
}

/* SLIP-39, "Encryption of the master secret": four Feistel rounds of PBKDF2, undone. The passphrase is TREZOR. */
static void slip_decrypt(const struct slip_vector *vector, uint8_t *secret, size_t half)
{
    uint8_t salt[8 + 16] = "shamir", key[32];
    size_t prefix = vector->extendable ? 0 : 8;
    char password[8] = " TREZOR";
    salt[6] = (uint8_t)(vector->identifier >> 8);
    salt[7] = (uint8_t)vector->identifier;
    uint8_t left[16], right[16];
    memcpy(left, secret, half);
    memcpy(right, secret + half, half);
    for (int round = 3; round >= 0; round--) {
        password[0] = (char)round;
        memcpy(salt + prefix, right, half);
        assert_int_equal(PKCS5_PBKDF2_HMAC(password, 7, salt, (int)(prefix + half), 2500 << vector->exponent,
                             EVP_sha256(), (int)half, key),
            1);
        for (size_t i = 0; i < half; i++) {
            uint8_t kept = right[i];
            right[i] = left[i] ^ key[i];
            left[i] = kept;
        }
    }
    memcpy(secret, right, half);
    memcpy(secret + half, left, half);
}

static void slip39_vectors_give_their_master_secrets(void **state)
{
    (void)state;
    for (size_t v = 0; v < sizeof slip_vectors / sizeof *slip_vectors; v++) {
        const struct slip_vector *vector = &slip_vectors[v];
        uint8_t group_xs[5], group_shares[5 * 32], secret[32] = {0}, master[32];
        unsigned groups = 0;
        size_t size = strlen(vector->master) / 2;
        for (unsigned first = 0, next; first < vector->count; first = next) {
            uint8_t xs[5], shares[5 * 32] = {0};
            for (next = first; next < vector->count && vector->shares[next].group == vector->shares[first].group;
                 next++) {
                xs[next - first] = vector->shares[next].x;
                test_hex(vector->shares[next].value, shares + (size_t)(next - first) * 32, 32);
            }
            group_xs[groups] = vector->shares[first].group;
            slip_join(xs, shares, next - first, size, group_shares + (size_t)groups++ * 32);
        }
        assert_int_equal(groups, vector->group_threshold);
        slip_join(group_xs, group_shares, groups, size, secret);
        slip_decrypt(vector, secret, size / 2);
        test_hex(vector->master, master, sizeof master);
        assert_memory_equal(secret, master, size);
    }
}

static void commitments_name_share_and_place(void **state)
{
    (void)state;
    const uint8_t share[32] = "a share of thirty-two bytes.....", other[32] = "a share of thirty-two bytes....,";
    uint8_t commitment[32], expected[32], differing[32];
    bulla_share_commit(share, BULLA_TEXT("token object 0.1"), commitment);
    assert_int_equal(
        crypto_generichash(expected, 32, (const uint8_t *)"bulla/1 sharetoken object 0.1", 29, share, 32), 0);
    assert_memory_equal(commitment, expected, 32);
    bulla_share_commit(other, BULLA_TEXT("token object 0.1"), differing);
    assert_memory_not_equal(commitment, differing, 32);
    bulla_share_commit(share, BULLA_TEXT("token object 0.2"), differing);
    assert_memory_not_equal(commitment, differing, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joining_two_agrees_with_the_oracle_for_every_pair),
        cmocka_unit_test(every_subset_opens_exactly_when_it_is_large_enough),
        cmocka_unit_test(the_largest_sharing_works),
        cmocka_unit_test(two_splits_of_one_secret_differ),
        cmocka_unit_test(what_is_no_sharing_is_refused),
        cmocka_unit_test(slip39_vectors_give_their_master_secrets),
        cmocka_unit_test(commitments_name_share_and_place),
    };
    return cmocka_run_group_tests(tests, oracle_begin, NULL);
}
