/* Making keys and evolving them. */
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "kes_checks.h"

static struct signer *made(const struct scheme *scheme, unsigned number)
{
    uint8_t seed[32];
    seed_for(number, seed);
    return signer_open(seed, scheme->depth);
}

static void the_published_key_is_made(const struct scheme *scheme)
{
    char name[64];
    struct signer *signer = signer_open(kes_published_seed, scheme->depth);
    (void)snprintf(name, sizeof name, "%skey%u", scheme->prefix, scheme->depth);
    assert_published(name, signer->secret->raw, scheme->raw_size);
    signer_close(signer);
}

static void the_published_evolutions_are_made(const struct scheme *scheme)
{
    char name[64];
    struct signer *signer = signer_open(kes_published_seed, scheme->depth);
    for (unsigned period = 1; period <= 5; period += 4) {
        signer_evolve_to(signer, period);
        (void)snprintf(name, sizeof name, "%skey6update%u", scheme->prefix, period);
        assert_published(name, signer->secret->raw, scheme->raw_size);
    }
    signer_close(signer);
}

static void its_sizes_are_upstreams(const struct scheme *scheme)
{
    assert_int_equal(bulla_kes_raw_size(scheme->depth), scheme->raw_size);
    assert_int_equal(bulla_kes_signature_size(scheme->kind, scheme->depth), scheme->signature_size);
}

static void every_period_has_the_textbooks_key(const struct scheme *scheme)
{
    uint8_t seed[32], raw[ORACLE_RAW], root[32];
    seed_for(101, seed);
    oracle_generate(seed, scheme->depth, raw, root);
    struct signer *signer = signer_open(seed, scheme->depth);
    for (unsigned period = 0;; period++) {
        assert_memory_equal(signer->secret->raw, raw, scheme->raw_size);
        assert_memory_equal(signer->key.nodes[1], root, 32);
        assert_int_equal(signer->key.period, period);
        if (period + 1 == scheme_periods(scheme))
            break;
        oracle_update(raw, scheme->depth, period);
        assert_int_equal(bulla_kes_evolve(&signer->key, signer->secret), BULLA_OK);
    }
    signer_close(signer);
}

static void every_leaf_is_the_ed25519_key_that_openssl_makes(const struct scheme *scheme)
{
    struct signer *signer = made(scheme, 102);
    for (;;) {
        uint8_t public_key[32];
        size_t size = sizeof public_key;
        EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, signer->secret->raw, 32);
        assert_int_equal(EVP_PKEY_get_raw_public_key(key, public_key, &size), 1);
        assert_memory_equal(signer->key.nodes[scheme_periods(scheme) + signer->key.period], public_key, 32);
        EVP_PKEY_free(key);
        if (signer->key.period + 1 == scheme_periods(scheme))
            break;
        assert_int_equal(bulla_kes_evolve(&signer->key, signer->secret), BULLA_OK);
    }
    signer_close(signer);
}

static void a_seed_of_zeros_makes_the_textbooks_key(const struct scheme *scheme)
{
    static const uint8_t zeros[32];
    uint8_t raw[ORACLE_RAW], root[32];
    oracle_generate(zeros, scheme->depth, raw, root);
    struct signer *signer = signer_open(zeros, scheme->depth);
    assert_memory_equal(signer->secret->raw, raw, scheme->raw_size);
    assert_memory_equal(signer->key.nodes[1], root, 32);
    signer_close(signer);
}

static void every_byte_of_the_seed_counts(const struct scheme *scheme)
{
    uint8_t seed[32];
    seed_for(103, seed);
    struct signer *signer = signer_open(seed, scheme->depth);
    for (size_t i = 0; i < sizeof seed; i++) {
        seed[i] ^= 1;
        struct signer *other = signer_open(seed, scheme->depth);
        assert_memory_not_equal(other->key.nodes[1], signer->key.nodes[1], 32);
        signer_close(other);
        seed[i] ^= 1;
    }
    signer_close(signer);
}

static void two_threads_make_the_same_key(const struct scheme *scheme)
{
    uint8_t seed[32];
    seed_for(104, seed);
    struct signer *one = signer_open(seed, scheme->depth), *two = signer_open(NULL, 0);
    assert_int_equal(bulla_kes_generate(seed, scheme->depth, 2, &two->key, two->secret), BULLA_OK);
    assert_memory_equal(&one->key, &two->key, sizeof one->key);
    assert_memory_equal(one->secret, two->secret, sizeof *one->secret);
    signer_close(one);
    signer_close(two);
}

static void generating_takes_the_place_of_a_deeper_key(const struct scheme *scheme)
{
    uint8_t seed[32];
    seed_for(105, seed);
    struct signer *one = signer_open(seed, scheme->depth), *two = signer_open(seed, BULLA_KES_DEPTH_LARGEST);
    assert_int_equal(bulla_kes_generate(seed, scheme->depth, 1, &two->key, two->secret), BULLA_OK);
    assert_memory_equal(one->secret, two->secret, sizeof *one->secret);
    assert_memory_equal(&one->key, &two->key, sizeof one->key);
    signer_close(one);
    signer_close(two);
}

/* Whatever `call` does is refused, and the key and its secret are as before. */
static void assert_unchanged(
    struct signer *signer, enum bulla_reason (*call)(struct signer *), enum bulla_reason reason)
{
    struct bulla_kes_key key = signer->key;
    uint8_t secret[sizeof *signer->secret];
    memcpy(secret, signer->secret, sizeof secret);
    assert_int_equal(call(signer), reason);
    assert_memory_equal(&signer->key, &key, sizeof key);
    assert_memory_equal(signer->secret, secret, sizeof secret);
}

static enum bulla_reason evolve(struct signer *signer)
{
    return bulla_kes_evolve(&signer->key, signer->secret);
}
static enum bulla_reason evolve_to_the_end(struct signer *signer)
{
    return bulla_kes_evolve_to(&signer->key, signer->secret, bulla_kes_periods(signer->key.depth));
}
static enum bulla_reason evolve_far_beyond(struct signer *signer)
{
    return bulla_kes_evolve_to(&signer->key, signer->secret, UINT32_MAX);
}
static enum bulla_reason stay(struct signer *signer)
{
    return bulla_kes_evolve_to(&signer->key, signer->secret, signer->key.period);
}
static enum bulla_reason go_back(struct signer *signer)
{
    return bulla_kes_evolve_to(&signer->key, signer->secret, signer->key.period - 1);
}
static enum bulla_reason go_back_to_the_beginning(struct signer *signer)
{
    return bulla_kes_evolve_to(&signer->key, signer->secret, 0);
}

static void evolving_past_the_last_period_is_refused_and_changes_nothing(const struct scheme *scheme)
{
    struct signer *signer = made(scheme, 106);
    signer_evolve_to(signer, scheme_periods(scheme) - 1);
    assert_unchanged(signer, evolve, BULLA_KES_OVER);
    assert_unchanged(signer, evolve, BULLA_KES_OVER);
    assert_unchanged(signer, evolve_to_the_end, BULLA_KES_OVER);
    signer_close(signer);
}

static void evolving_to_a_period_that_is_not_there_changes_nothing(const struct scheme *scheme)
{
    struct signer *signer = made(scheme, 107);
    assert_unchanged(signer, evolve_to_the_end, BULLA_KES_OVER);
    assert_unchanged(signer, evolve_far_beyond, BULLA_KES_OVER);
    signer_evolve_to(signer, scheme_middle(scheme));
    assert_unchanged(signer, evolve_to_the_end, BULLA_KES_OVER);
    assert_unchanged(signer, evolve_far_beyond, BULLA_KES_OVER);
    signer_close(signer);
}

static void evolving_to_the_present_period_changes_nothing(const struct scheme *scheme)
{
    struct signer *signer = made(scheme, 108);
    assert_unchanged(signer, stay, BULLA_OK);
    signer_evolve_to(signer, scheme_middle(scheme));
    assert_unchanged(signer, stay, BULLA_OK);
    signer_close(signer);
}

static void evolving_back_is_refused_and_changes_nothing(const struct scheme *scheme)
{
    struct signer *signer = made(scheme, 109);
    signer_evolve_to(signer, scheme_middle(scheme));
    assert_unchanged(signer, go_back, BULLA_KES_PAST);
    assert_unchanged(signer, go_back_to_the_beginning, BULLA_KES_PAST);
    signer_close(signer);
}

static void one_jump_is_as_many_steps(const struct scheme *scheme)
{
    struct signer *jumped = made(scheme, 110), *stepped = made(scheme, 110);
    signer_evolve_to(jumped, scheme_middle(scheme));
    while (stepped->key.period < scheme_middle(scheme))
        assert_int_equal(evolve(stepped), BULLA_OK);
    assert_memory_equal(jumped->secret, stepped->secret, sizeof *jumped->secret);
    assert_memory_equal(&jumped->key, &stepped->key, sizeof jumped->key);
    signer_close(jumped);
    signer_close(stepped);
}

/* Leaves' seeds that were, and those of right halves that were begun, but for a half that is a leaf: its seed is the
 * present one. 16 bytes of one are one. */
static void evolving_leaves_no_seed_of_the_past(const struct scheme *scheme)
{
    struct signer *signer = made(scheme, 111);
    uint8_t past[2 * BULLA_KES_PERIODS_LARGEST][32];
    size_t count = 0;
    while (signer->key.period + 1 < scheme_periods(scheme)) {
        unsigned level = 1 + (unsigned)__builtin_ctz(signer->key.period + 1);
        memcpy(past[count++], signer->secret->raw, 32);
        if (level > 1)
            memcpy(past[count++], signer->secret->raw + 32 + 96 * (size_t)(level - 1), 32);
        assert_int_equal(evolve(signer), BULLA_OK);
        for (size_t i = 0; i < count; i++)
            for (size_t half = 0; half < 32; half += 16) {
                assert_null(memmem(signer->secret, sizeof *signer->secret, past[i] + half, 16));
                assert_null(memmem(&signer->key, sizeof signer->key, past[i] + half, 16));
            }
    }
    signer_close(signer);
}

static void depths_that_are_not_there_are_refused(const struct scheme *scheme)
{
    uint8_t seed[32];
    static const unsigned depths[] = {8, 9, 32, 64, UINT32_MAX};
    seed_for(112, seed);
    struct signer *signer = signer_open(seed, scheme->depth);
    struct bulla_bytes raw = {signer->secret->raw, scheme->raw_size};
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
        struct signer *other = signer_open(NULL, 0);
        assert_int_equal(bulla_kes_generate(seed, depths[i], 1, &other->key, other->secret), BULLA_ARGUMENT);
        assert_int_equal(bulla_kes_import(raw, depths[i], 0, &other->key, other->secret), BULLA_ARGUMENT);
        assert_true(signer_is_wiped(other));
        signer_close(other);
    }
    signer_close(signer);
}

static void the_work_area_is_zero_after_each_call(const struct scheme *scheme)
{
    uint8_t signature[BULLA_KES_SIGNATURE_LARGEST];
    struct signer *signer = made(scheme, 113);
    const struct bulla_kes_secret *secret = signer->secret;
    assert_true(sodium_is_zero(secret->work, sizeof secret->work));
    assert_int_equal(
        bulla_kes_sign(scheme->kind, &signer->key, signer->secret, kes_published_message, signature), BULLA_OK);
    assert_true(sodium_is_zero(secret->work, sizeof secret->work));
    signer_evolve_to(signer, scheme_middle(scheme));
    assert_true(sodium_is_zero(secret->work, sizeof secret->work));
    struct signer *other = signer_open(NULL, 0);
    memset(other->secret->work, 0, sizeof other->secret->work);
    assert_int_equal(bulla_kes_import((struct bulla_bytes){secret->raw, scheme->raw_size}, scheme->depth,
                         scheme_middle(scheme), &other->key, other->secret),
        BULLA_OK);
    assert_true(sodium_is_zero(other->secret->work, sizeof other->secret->work));
    assert_int_equal(bulla_kes_complete(&other->key, other->secret), BULLA_OK);
    assert_true(sodium_is_zero(other->secret->work, sizeof other->secret->work));
    signer_close(other);
    signer_close(signer);
}

const struct check kes_key_checks[] = {
    CHECK(the_published_key_is_made),
    CHECK_OF_TREES(the_published_evolutions_are_made),
    CHECK(its_sizes_are_upstreams),
    CHECK(every_period_has_the_textbooks_key),
    CHECK(every_leaf_is_the_ed25519_key_that_openssl_makes),
    CHECK(a_seed_of_zeros_makes_the_textbooks_key),
    CHECK(every_byte_of_the_seed_counts),
    CHECK(two_threads_make_the_same_key),
    CHECK(generating_takes_the_place_of_a_deeper_key),
    CHECK(evolving_past_the_last_period_is_refused_and_changes_nothing),
    CHECK(evolving_to_a_period_that_is_not_there_changes_nothing),
    CHECK(evolving_to_the_present_period_changes_nothing),
    CHECK_OF_TREES(evolving_back_is_refused_and_changes_nothing),
    CHECK_OF_TREES(one_jump_is_as_many_steps),
    CHECK_OF_TREES(evolving_leaves_no_seed_of_the_past),
    CHECK(depths_that_are_not_there_are_refused),
    CHECK(the_work_area_is_zero_after_each_call),
};
const size_t kes_key_check_count = sizeof kes_key_checks / sizeof kes_key_checks[0];
