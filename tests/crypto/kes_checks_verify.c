/* Verifying: what is not the key's own signature, over this message and in this period, is refused. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "kes_checks.h"

/* A good claim, of which a check bends one thing. */
struct good {
    struct signer *signer;
    uint8_t key[32], message[40], signature[BULLA_KES_SIGNATURE_LARGEST + 1];
    struct bulla_kes_claim claim;
};

static struct good *good_open(const struct scheme *scheme, unsigned number, unsigned period)
{
    struct good *good = calloc(1, sizeof *good);
    uint8_t seed[32];
    assert_non_null(good);
    seed_for(number, seed);
    good->signer = signer_open(seed, scheme->depth);
    signer_evolve_to(good->signer, period);
    memcpy(good->key, good->signer->key.nodes[1], 32);
    for (size_t i = 0; i < sizeof good->message; i++)
        good->message[i] = (uint8_t)(3 * i);
    good->claim = (struct bulla_kes_claim){scheme->kind, scheme->depth, period, good->key, BULLA_BYTES(good->message),
        {good->signature, scheme->signature_size}};
    assert_int_equal(
        bulla_kes_sign(scheme->kind, &good->signer->key, good->signer->secret, good->claim.message, good->signature),
        BULLA_OK);
    assert_int_equal(bulla_kes_verify(&good->claim), BULLA_OK);
    return good;
}

/* It is good to the end: what was bent is straight again. */
static void good_close(struct good *good)
{
    assert_int_equal(bulla_kes_verify(&good->claim), BULLA_OK);
    signer_close(good->signer);
    free(good);
}

static void assert_no_bit_can_be_another(struct good *good, uint8_t *bytes, size_t size)
{
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(bulla_kes_verify(&good->claim), BULLA_SIGNATURE);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void no_bit_of_r_can_be_another(const struct scheme *scheme)
{
    struct good *good = good_open(scheme, 400, scheme_middle(scheme));
    assert_no_bit_can_be_another(good, good->signature, 32);
    good_close(good);
}

static void no_bit_of_s_can_be_another(const struct scheme *scheme)
{
    struct good *good = good_open(scheme, 401, scheme_middle(scheme));
    assert_no_bit_can_be_another(good, good->signature + 32, 32);
    good_close(good);
}

/* Of Single there is none. */
static void no_bit_of_the_path_can_be_another(const struct scheme *scheme)
{
    struct good *good = good_open(scheme, 402, scheme_middle(scheme));
    assert_no_bit_can_be_another(good, good->signature + 64, scheme->signature_size - 64);
    good_close(good);
}

static void no_bit_of_the_key_can_be_another(const struct scheme *scheme)
{
    struct good *good = good_open(scheme, 403, scheme_middle(scheme));
    assert_no_bit_can_be_another(good, good->key, sizeof good->key);
    good_close(good);
}

static void no_bit_of_the_message_can_be_another(const struct scheme *scheme)
{
    struct good *good = good_open(scheme, 404, scheme_middle(scheme));
    assert_no_bit_can_be_another(good, good->message, sizeof good->message);
    good_close(good);
}

static void a_message_cut_anywhere_is_another(const struct scheme *scheme)
{
    struct good *good = good_open(scheme, 405, scheme_middle(scheme));
    for (good->claim.message.size = 0; good->claim.message.size < sizeof good->message; good->claim.message.size++)
        assert_int_equal(bulla_kes_verify(&good->claim), BULLA_SIGNATURE);
    good_close(good);
}

static void a_longer_message_is_another(const struct scheme *scheme)
{
    struct good *good = good_open(scheme, 406, scheme_middle(scheme));
    uint8_t longer[sizeof good->message + 1] = {0};
    memcpy(longer, good->message, sizeof good->message);
    struct bulla_kes_claim claim = good->claim;
    claim.message = BULLA_BYTES(longer);
    assert_int_equal(bulla_kes_verify(&claim), BULLA_SIGNATURE);
    good_close(good);
}

static void another_keys_signature_is_refused(const struct scheme *scheme)
{
    struct good *good = good_open(scheme, 407, scheme_middle(scheme));
    struct good *other = good_open(scheme, 408, scheme_middle(scheme));
    good->claim.signature.data = other->signature;
    assert_int_equal(bulla_kes_verify(&good->claim), BULLA_SIGNATURE);
    good->claim.signature.data = good->signature;
    good->claim.key = other->key;
    assert_int_equal(bulla_kes_verify(&good->claim), BULLA_SIGNATURE);
    good->claim.key = good->key;
    good_close(other);
    good_close(good);
}

/* The leaf's signature by one key under the path of another: both parts are good, and not of one key. */
static void a_signature_under_another_keys_path_is_refused(const struct scheme *scheme)
{
    struct good *good = good_open(scheme, 409, scheme_middle(scheme));
    struct good *other = good_open(scheme, 410, scheme_middle(scheme));
    uint8_t kept[64];
    memcpy(kept, good->signature, sizeof kept);
    memcpy(good->signature, other->signature, sizeof kept);
    assert_int_equal(bulla_kes_verify(&good->claim), BULLA_SIGNATURE);
    memcpy(good->signature, kept, sizeof kept);
    good_close(other);
    good_close(good);
}

static void a_signature_cut_anywhere_is_none(const struct scheme *scheme)
{
    struct good *good = good_open(scheme, 411, scheme_middle(scheme));
    for (good->claim.signature.size = 0; good->claim.signature.size < scheme->signature_size;
         good->claim.signature.size++)
        assert_int_equal(bulla_kes_verify(&good->claim), BULLA_SIGNATURE);
    good_close(good);
}

static void a_longer_signature_is_none(const struct scheme *scheme)
{
    struct good *good = good_open(scheme, 412, scheme_middle(scheme));
    for (size_t size = scheme->signature_size + 1; size <= sizeof good->signature; size++) {
        good->claim.signature.size = size;
        assert_int_equal(bulla_kes_verify(&good->claim), BULLA_SIGNATURE);
    }
    good->claim.signature.size = scheme->signature_size;
    good_close(good);
}

static void no_period_but_its_own_takes_a_signature(const struct scheme *scheme)
{
    struct good *good = good_open(scheme, 413, scheme_middle(scheme));
    struct bulla_kes_claim claim = good->claim;
    for (claim.period = 0; claim.period < 2U * scheme_periods(scheme); claim.period++) {
        enum bulla_reason wanted = claim.period >= scheme_periods(scheme) ? BULLA_KES_OVER : BULLA_SIGNATURE;
        assert_int_equal(bulla_kes_verify(&claim), claim.period == scheme_middle(scheme) ? BULLA_OK : wanted);
    }
    good_close(good);
}

/* Upstream's bounds rest on an assertion: without it, the last period's signature is one of every later period. And
 * periods that are the own one in 32 bits, or in 7, are not it. */
static void the_last_periods_signature_is_none_of_a_later_one(const struct scheme *scheme)
{
    const uint64_t last = scheme_periods(scheme) - 1;
    const uint64_t beyond[] = {last + 1, last + 2, last + scheme_periods(scheme), last + 128,
        last + ((uint64_t)1 << 31), last + ((uint64_t)1 << 32), UINT64_MAX - 1, UINT64_MAX};
    struct good *good = good_open(scheme, 414, (unsigned)last);
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        good->claim.period = beyond[i];
        assert_int_equal(bulla_kes_verify(&good->claim), BULLA_KES_OVER);
    }
    good->claim.period = last;
    good_close(good);
}

static void another_depths_signature_is_refused(const struct scheme *scheme)
{
    struct good *good = good_open(scheme, 415, 0);
    for (unsigned depth = 0; depth <= BULLA_KES_DEPTH_LARGEST; depth++) {
        if (depth == scheme->depth)
            continue;
        struct bulla_kes_claim claim = good->claim;
        claim.depth = depth;
        assert_int_equal(bulla_kes_verify(&claim), BULLA_SIGNATURE);
        claim.signature.size = bulla_kes_signature_size(scheme->kind, depth); /* its size, and of the bytes a part */
        if (claim.signature.size <= scheme->signature_size)
            assert_int_equal(bulla_kes_verify(&claim), BULLA_SIGNATURE);
    }
    good_close(good);
}

static void a_depth_or_scheme_that_is_none_is_refused(const struct scheme *scheme)
{
    static const unsigned depths[] = {8, 9, 32, 63, 64, UINT32_MAX};
    struct good *good = good_open(scheme, 416, scheme_middle(scheme));
    struct bulla_kes_claim claim = good->claim;
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
        claim.depth = depths[i];
        assert_int_equal(bulla_kes_verify(&claim), BULLA_ARGUMENT);
    }
    claim.depth = scheme->depth;
    claim.scheme = BULLA_KES_SCHEMES;
    assert_int_equal(bulla_kes_verify(&claim), BULLA_ARGUMENT);
    claim.scheme = (enum bulla_kes_scheme) - 1;
    assert_int_equal(bulla_kes_verify(&claim), BULLA_ARGUMENT);
    good_close(good);
}

/* Also where the bytes of one have the size of the other: what is missing is taken from the other's own signature. */
static void the_other_schemes_signature_is_refused(const struct scheme *scheme)
{
    const enum bulla_kes_scheme other = scheme->kind == BULLA_KES_SUM ? BULLA_KES_COMPACT : BULLA_KES_SUM;
    uint8_t bytes[BULLA_KES_SIGNATURE_LARGEST] = {0};
    struct good *good = good_open(scheme, 417, scheme_middle(scheme));
    struct bulla_kes_claim claim = good->claim;
    claim.scheme = other;
    assert_int_equal(bulla_kes_verify(&claim), BULLA_SIGNATURE);
    memcpy(bytes, good->signature, scheme->signature_size);
    claim.signature = (struct bulla_bytes){bytes, bulla_kes_signature_size(other, scheme->depth)};
    /* Single is an Ed25519 signature, and so is the beginning of CompactSingle: that one verifies, as it should. */
    bool is_the_same = scheme->depth == 0 && scheme->kind == BULLA_KES_COMPACT;
    assert_int_equal(bulla_kes_verify(&claim), is_the_same ? BULLA_OK : BULLA_SIGNATURE);
    good_close(good);
}

/* S + L is the same number modulo L: another signature of the message, were it taken. */
static void s_above_the_groups_order_is_refused(const struct scheme *scheme)
{
    static const uint8_t order[32] = {
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    struct good *good = good_open(scheme, 418, scheme_middle(scheme));
    uint8_t kept[32];
    unsigned carry = 0;
    memcpy(kept, good->signature + 32, 32);
    for (size_t i = 0; i < 32; i++) {
        carry += (unsigned)good->signature[32 + i] + order[i];
        good->signature[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(carry, 0);
    assert_int_equal(bulla_kes_verify(&good->claim), BULLA_SIGNATURE);
    memcpy(good->signature + 32, kept, 32);
    good_close(good);
}

/* --- points of small order (RFC 8032's curve has eight) --- */

static const uint8_t small_points[][32] = {
    {1},                                    /* order 1 */
    {0xec, [1 ... 30] = 0xff, [31] = 0x7f}, /* 2 */
    {0}, {[31] = 0x80},                     /* 4 */
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac,
        0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05}, /* 8 */
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53,
        0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}, /* 8 */
};

/* A signature over any message whose path leads from this leaf to the key that is written to `key`. */
static void path_make(const struct scheme *scheme, const uint8_t leaf[static 32], uint8_t *signature, uint8_t *key)
{
    uint8_t pair[64], *at = signature + 64;
    memcpy(key, leaf, 32);
    if (scheme->kind == BULLA_KES_COMPACT) {
        memcpy(at, leaf, 32);
        at += 32;
    }
    for (unsigned level = 0; level < scheme->depth; level++) { /* period 0: always from the left */
        memcpy(pair, key, 32);
        memset(pair + 32, (int)level + 1, 32);
        memcpy(at, scheme->kind == BULLA_KES_SUM ? pair : pair + 32, scheme->kind == BULLA_KES_SUM ? 64 : 32);
        at += scheme->kind == BULLA_KES_SUM ? 64 : 32;
        (void)crypto_generichash(key, 32, pair, 64, NULL, 0);
    }
}

/* R = B and S = 1 under the identity: S B = R + h A for every h, so every message is signed by nobody. Under the other
 * points it holds for the messages whose h is a multiple of their order, and those are tried until they were met. */
static void a_leaf_of_small_order_signs_nothing(const struct scheme *scheme)
{
    uint8_t signature[BULLA_KES_SIGNATURE_LARGEST], key[32], one[32] = {1}, text[1];
    for (size_t i = 0; i < sizeof small_points / sizeof small_points[0]; i++) {
        memset(signature, 0, sizeof signature);
        assert_int_equal(crypto_scalarmult_ed25519_base_noclamp(signature, one), 0);
        signature[32] = 1;
        path_make(scheme, small_points[i], signature, key);
        for (unsigned number = 0; number < 64; number++) {
            text[0] = (uint8_t)number;
            const struct bulla_kes_claim claim = {
                scheme->kind, scheme->depth, 0, key, BULLA_BYTES(text), {signature, scheme->signature_size}};
            assert_int_equal(bulla_kes_verify(&claim), BULLA_SIGNATURE);
        }
    }
}

/* R the identity, and S = h a: S B = R + h A, which whoever has the key can make, and which libsodium refuses. */
static void an_r_of_small_order_is_refused(const struct scheme *scheme)
{
    struct good *good = good_open(scheme, 420, 0);
    uint8_t hash[64], scalar[32], challenge[64], kept[64];
    const uint8_t *leaf = good->signer->key.nodes[scheme_periods(scheme)];
    crypto_hash_sha512_state sha;
    (void)crypto_hash_sha512(hash, good->signer->secret->raw, 32);
    hash[0] &= 248;
    hash[31] = (uint8_t)((hash[31] & 127) | 64);
    memset(hash + 32, 0, 32);
    crypto_core_ed25519_scalar_reduce(scalar, hash);
    (void)crypto_hash_sha512_init(&sha);
    (void)crypto_hash_sha512_update(&sha, small_points[0], 32);
    (void)crypto_hash_sha512_update(&sha, leaf, 32);
    (void)crypto_hash_sha512_update(&sha, good->message, sizeof good->message);
    (void)crypto_hash_sha512_final(&sha, challenge);
    crypto_core_ed25519_scalar_reduce(challenge, challenge);
    memcpy(kept, good->signature, 64);
    memcpy(good->signature, small_points[0], 32);
    crypto_core_ed25519_scalar_mul(good->signature + 32, challenge, scalar);
    assert_int_equal(bulla_kes_verify(&good->claim), BULLA_SIGNATURE);
    /* The equation does hold: S B is h A. */
    uint8_t left[32], right[32];
    assert_int_equal(crypto_scalarmult_ed25519_base_noclamp(left, good->signature + 32), 0);
    assert_int_equal(crypto_scalarmult_ed25519_noclamp(right, challenge, leaf), 0);
    assert_memory_equal(left, right, 32);
    memcpy(good->signature, kept, 64);
    good_close(good);
}

/* --- many --- */

static void a_batch_finds_the_one_that_is_not_valid(const struct scheme *scheme)
{
    enum { MANY = 40 };
    struct good *good = good_open(scheme, 421, scheme_middle(scheme));
    struct bulla_kes_claim claims[MANY];
    uint8_t bent[BULLA_KES_SIGNATURE_LARGEST];
    bool valid[MANY];
    memcpy(bent, good->signature, scheme->signature_size);
    bent[scheme->signature_size - 1] ^= 1; /* the end of the path, or of S */
    for (unsigned threads = 1; threads <= 2; threads++)
        for (size_t wrong = 0; wrong < MANY; wrong += wrong == 18 || wrong == 19 ? 1 : 3) {
            for (size_t i = 0; i < MANY; i++)
                claims[i] = good->claim;
            claims[wrong].signature.data = bent;
            assert_int_equal(bulla_kes_verify_many(claims, MANY, threads, valid), BULLA_SIGNATURE);
            for (size_t i = 0; i < MANY; i++)
                assert_int_equal(valid[i], i != wrong);
            claims[wrong] = good->claim;
            assert_int_equal(bulla_kes_verify_many(claims, MANY, threads, valid), BULLA_OK);
        }
    good_close(good);
}

const struct check kes_verify_checks[] = {
    CHECK(no_bit_of_r_can_be_another),
    CHECK(no_bit_of_s_can_be_another),
    CHECK_OF_TREES(no_bit_of_the_path_can_be_another),
    CHECK(no_bit_of_the_key_can_be_another),
    CHECK(no_bit_of_the_message_can_be_another),
    CHECK(a_message_cut_anywhere_is_another),
    CHECK(a_longer_message_is_another),
    CHECK(another_keys_signature_is_refused),
    CHECK(a_signature_under_another_keys_path_is_refused),
    CHECK(a_signature_cut_anywhere_is_none),
    CHECK(a_longer_signature_is_none),
    CHECK(no_period_but_its_own_takes_a_signature),
    CHECK(the_last_periods_signature_is_none_of_a_later_one),
    CHECK(another_depths_signature_is_refused),
    CHECK(a_depth_or_scheme_that_is_none_is_refused),
    CHECK(the_other_schemes_signature_is_refused),
    CHECK(s_above_the_groups_order_is_refused),
    CHECK(a_leaf_of_small_order_signs_nothing),
    CHECK(an_r_of_small_order_is_refused),
    CHECK(a_batch_finds_the_one_that_is_not_valid),
};
const size_t kes_verify_check_count = sizeof kes_verify_checks / sizeof kes_verify_checks[0];
