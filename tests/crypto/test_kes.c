#include "support/test.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/arena.h"
#include "crypto/kes.h"
#include "kes_signer.h"

static void published_keys_and_signatures_are_made_byte_for_byte(void **state)
{
    (void)state;
    static const struct {
        const char *prefix;
        enum bulla_kes_scheme scheme;
    } families[] = {{"", BULLA_KES_SUM}, {"compact", BULLA_KES_COMPACT}};
    static const unsigned depths[] = {0, 1, 6};
    char name[64];
    uint8_t signature[BULLA_KES_SIGNATURE_LARGEST];
    for (size_t f = 0; f < 2; f++) {
        for (size_t d = 0; d < 3; d++) {
            struct signer *signer = signer_open(kes_published_seed, depths[d]);
            (void)snprintf(name, sizeof name, "%skey%u", families[f].prefix, depths[d]);
            assert_published(name, signer->secret->raw, bulla_kes_raw_size(depths[d]));
            signer_close(signer);
        }
        struct signer *signer = signer_open(kes_published_seed, 6);
        size_t size = bulla_kes_signature_size(families[f].scheme, 6);
        for (unsigned period = 0; period <= 5; period++) {
            if (period)
                assert_int_equal(bulla_kes_evolve(&signer->key, signer->secret), BULLA_OK);
            (void)snprintf(name, sizeof name, "%skey6update%u", families[f].prefix, period);
            if (period == 1 || period == 5)
                assert_published(name, signer->secret->raw, 608);
            assert_int_equal(
                bulla_kes_sign(families[f].scheme, &signer->key, signer->secret, kes_published_message, signature),
                BULLA_OK);
            (void)snprintf(name, sizeof name, "%skey6Sig%s", families[f].prefix, period ? "5" : "");
            if (period == 0 || period == 5)
                assert_published(name, signature, size);
        }
        signer_close(signer);
    }
}

/* Depths 0 to 7, every period, both schemes: the raw key, the signature, its verification, and the next period's
 * refusal of it. */
static void every_period_of_every_depth_is_the_oracles(void **state)
{
    (void)state;
    uint8_t seed[32], raw[ORACLE_RAW] = {0}, root[32], signature[ORACLE_SIGNATURE], expected[ORACLE_SIGNATURE];
    for (unsigned depth = 0; depth <= BULLA_KES_DEPTH_LARGEST; depth++) {
        seed_for(depth, seed);
        struct signer *signer = signer_open(seed, depth);
        oracle_generate(seed, depth, raw, root);
        assert_memory_equal(signer->key.nodes[1], root, 32);
        for (unsigned period = 0; period < bulla_kes_periods(depth); period++) {
            struct bulla_bytes message = {seed, 1 + period % 32};
            assert_memory_equal(signer->secret->raw, raw, bulla_kes_raw_size(depth));
            assert_int_equal(signer->key.period, period);
            for (int scheme = 0; scheme < BULLA_KES_SCHEMES; scheme++) {
                size_t size = (scheme == BULLA_KES_SUM ? oracle_sign_sum : oracle_sign_compact)(
                    raw, depth, period, message.data, message.size, expected);
                assert_int_equal(size, bulla_kes_signature_size(scheme, depth));
                assert_int_equal(bulla_kes_sign(scheme, &signer->key, signer->secret, message, signature), BULLA_OK);
                assert_memory_equal(signature, expected, size);
                struct bulla_kes_claim claim = claim_of(scheme, signer, period, message, signature);
                assert_int_equal(bulla_kes_verify(&claim), BULLA_OK);
                claim.period = (period + 1) % bulla_kes_periods(depth);
                if (depth)
                    assert_int_equal(bulla_kes_verify(&claim), BULLA_SIGNATURE);
            }
            assert_true(sodium_is_zero(signer->secret->work, sizeof signer->secret->work));
            if (period + 1 < bulla_kes_periods(depth)) {
                oracle_update(raw, depth, period);
                assert_int_equal(bulla_kes_evolve(&signer->key, signer->secret), BULLA_OK);
            }
        }
        assert_int_equal(bulla_kes_evolve(&signer->key, signer->secret), BULLA_KES_OVER);
        assert_memory_equal(signer->secret->raw, raw, bulla_kes_raw_size(depth));
        signer_close(signer);
    }
}

/* Upstream's bounds rest on an assertion; without it a Sum signature of the last period verifies at any period above.
 */
static void a_period_out_of_range_is_refused_everywhere(void **state)
{
    (void)state;
    uint8_t seed[32], signature[ORACLE_SIGNATURE];
    static const uint64_t beyond[] = {64, 65, 127, 128, UINT32_MAX, (uint64_t)UINT32_MAX + 1 + 63, UINT64_MAX};
    seed_for(6, seed);
    struct signer *signer = signer_open(seed, 6);
    assert_int_equal(bulla_kes_evolve_to(&signer->key, signer->secret, 63), BULLA_OK);
    for (int scheme = 0; scheme < BULLA_KES_SCHEMES; scheme++) {
        assert_int_equal(
            bulla_kes_sign(scheme, &signer->key, signer->secret, kes_published_message, signature), BULLA_OK);
        struct bulla_kes_claim claim = claim_of(scheme, signer, 63, kes_published_message, signature);
        assert_int_equal(bulla_kes_verify(&claim), BULLA_OK);
        for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
            claim.period = beyond[i];
            assert_int_equal(bulla_kes_verify(&claim), BULLA_KES_OVER);
        }
    }
    assert_int_equal(bulla_kes_evolve_to(&signer->key, signer->secret, 62), BULLA_KES_PAST);
    assert_int_equal(bulla_kes_evolve_to(&signer->key, signer->secret, 64), BULLA_KES_OVER);
    assert_int_equal(signer->key.period, 63);
    struct signer *other = signer_open(NULL, 0);
    struct bulla_bytes raw = {signer->secret->raw, 608};
    assert_int_equal(bulla_kes_import(raw, 6, 64, &other->key, other->secret), BULLA_KES_OVER);
    assert_int_equal(bulla_kes_import(raw, 8, 0, &other->key, other->secret), BULLA_ARGUMENT);
    assert_int_equal(bulla_kes_generate(seed, 8, 1, &other->key, other->secret), BULLA_ARGUMENT);
    signer_close(other);
    signer_close(signer);
}

static void a_key_imported_in_any_period_goes_on_as_the_one_it_was_taken_from(void **state)
{
    (void)state;
    uint8_t seed[32];
    seed_for(60, seed);
    struct signer *signer = signer_open(seed, 5), *other = signer_open(NULL, 0);
    for (unsigned period = 0; period < 32; period++) {
        struct bulla_bytes raw = {signer->secret->raw, bulla_kes_raw_size(5)};
        assert_int_equal(bulla_kes_import(raw, 5, period, &other->key, other->secret), BULLA_OK);
        assert_memory_equal(other->key.nodes[1], signer->key.nodes[1], 32);
        while (other->key.period < 31) {
            assert_int_equal(bulla_kes_evolve(&other->key, other->secret), BULLA_OK);
            assert_true(other->key.whole);
        }
        uint8_t last[ORACLE_RAW] = {0}, root[32];
        oracle_generate(seed, 5, last, root);
        for (unsigned t = 0; t < 31; t++)
            oracle_update(last, 5, t);
        assert_memory_equal(other->secret->raw, last, bulla_kes_raw_size(5));
        if (period < 31)
            assert_int_equal(bulla_kes_evolve(&signer->key, signer->secret), BULLA_OK);
    }
    signer_close(other);
    signer_close(signer);
}

/* Flips each byte of a raw key. Seeds of halves to come show themselves when the tree is made whole; all else at once.
 */
static void no_byte_of_an_imported_key_can_be_another(void **state)
{
    (void)state;
    enum { DEPTH = 4, PERIOD = 6 };
    uint8_t seed[32], raw[ORACLE_RAW];
    size_t size = bulla_kes_raw_size(DEPTH);
    seed_for(61, seed);
    struct signer *signer = signer_open(seed, DEPTH), *other = signer_open(NULL, 0);
    assert_int_equal(bulla_kes_evolve_to(&signer->key, signer->secret, PERIOD), BULLA_OK);
    for (size_t i = 0; i < size; i++) {
        memcpy(raw, signer->secret->raw, size);
        raw[i] ^= 0x20;
        enum bulla_reason reason =
            bulla_kes_import((struct bulla_bytes){raw, size}, DEPTH, PERIOD, &other->key, other->secret);
        if (reason == BULLA_OK) {
            reason = bulla_kes_complete(&other->key, other->secret);
            assert_false(other->key.whole);
        } else
            assert_true(signer_is_wiped(other));
        assert_int_equal(reason, BULLA_KEY_INVALID);
    }
    signer_close(other);
    signer_close(signer);
}

static void a_key_under_another_period_depth_or_size_is_refused(void **state)
{
    (void)state;
    uint8_t seed[32], raw[ORACLE_RAW];
    seed_for(62, seed);
    struct signer *signer = signer_open(seed, 6), *other = signer_open(NULL, 0);
    assert_int_equal(bulla_kes_evolve_to(&signer->key, signer->secret, 21), BULLA_OK);
    memcpy(raw, signer->secret->raw, 608);
    for (unsigned period = 0; period < 64; period++)
        assert_int_equal(bulla_kes_import((struct bulla_bytes){raw, 608}, 6, period, &other->key, other->secret),
            period == 21 ? BULLA_OK : BULLA_KEY_INVALID);
    for (size_t size = 0; size <= 704; size += 32)
        if (size != 608)
            assert_int_equal(bulla_kes_import((struct bulla_bytes){raw, size}, 6, 21, &other->key, other->secret),
                BULLA_KEY_INVALID);
    /* The left half of a key is a key, of its own name. */
    assert_int_equal(bulla_kes_import((struct bulla_bytes){raw, 512}, 5, 21, &other->key, other->secret), BULLA_OK);
    assert_memory_equal(other->key.nodes[1], signer->key.nodes[2], 32);
    signer_close(other);
    signer_close(signer);
}

static void no_bit_of_a_signature_can_be_another(void **state)
{
    (void)state;
    uint8_t seed[32], signature[ORACLE_SIGNATURE];
    seed_for(63, seed);
    struct signer *signer = signer_open(seed, 3);
    assert_int_equal(bulla_kes_evolve_to(&signer->key, signer->secret, 5), BULLA_OK);
    for (int scheme = 0; scheme < BULLA_KES_SCHEMES; scheme++) {
        size_t size = bulla_kes_signature_size(scheme, 3);
        assert_int_equal(
            bulla_kes_sign(scheme, &signer->key, signer->secret, kes_published_message, signature), BULLA_OK);
        struct bulla_kes_claim claim = claim_of(scheme, signer, 5, kes_published_message, signature);
        for (size_t bit = 0; bit < 8 * size; bit++) {
            signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(bulla_kes_verify(&claim), BULLA_SIGNATURE);
            signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t cut = 0; cut < size; cut++) {
            claim.signature.size = cut;
            assert_int_equal(bulla_kes_verify(&claim), BULLA_SIGNATURE);
        }
        claim.signature.size = size + 1;
        assert_int_equal(bulla_kes_verify(&claim), BULLA_SIGNATURE);
        claim.signature.size = size;
        claim.message.size--;
        assert_int_equal(bulla_kes_verify(&claim), BULLA_SIGNATURE);
        claim = claim_of(scheme, signer, 5, kes_published_message, signature);
        claim.scheme = scheme == BULLA_KES_SUM ? BULLA_KES_COMPACT : BULLA_KES_SUM;
        assert_int_equal(bulla_kes_verify(&claim), BULLA_SIGNATURE);
        claim.scheme = BULLA_KES_SCHEMES;
        assert_int_equal(bulla_kes_verify(&claim), BULLA_ARGUMENT);
    }
    signer_close(signer);
}

/* Every seed that a key has passed is looked for in all that the key still holds. */
static void evolving_leaves_no_seed_of_the_past(void **state)
{
    (void)state;
    enum { DEPTH = 6, PERIODS = 1 << DEPTH };
    uint8_t seed[32], (*past)[32] = calloc(PERIODS, 32);
    seed_for(64, seed);
    struct signer *signer = signer_open(seed, DEPTH);
    for (unsigned period = 0; period + 1 < PERIODS; period++) {
        memcpy(past[period], signer->secret->raw, 32);
        assert_int_equal(bulla_kes_evolve(&signer->key, signer->secret), BULLA_OK);
        for (unsigned t = 0; t <= period; t++) {
            assert_null(memmem(signer->secret, sizeof *signer->secret, past[t], 32));
            assert_null(memmem(&signer->key, sizeof signer->key, past[t], 32));
        }
    }
    free(past);
    signer_close(signer);
}

static void two_threads_make_the_same_key(void **state)
{
    (void)state;
    uint8_t seed[32];
    for (unsigned depth = 0; depth <= BULLA_KES_DEPTH_LARGEST; depth++) {
        seed_for(70 + depth, seed);
        struct signer *one = signer_open(seed, depth), *two = signer_open(NULL, 0);
        assert_int_equal(bulla_kes_generate(seed, depth, 2, &two->key, two->secret), BULLA_OK);
        assert_memory_equal(&one->key, &two->key, sizeof one->key);
        assert_memory_equal(one->secret, two->secret, sizeof *one->secret);
        signer_close(one);
        signer_close(two);
    }
}

static void many_signatures_are_judged_one_by_one(void **state)
{
    (void)state;
    enum { MANY = 40 };
    uint8_t seed[32], (*signatures)[ORACLE_SIGNATURE] = calloc(MANY, ORACLE_SIGNATURE);
    struct bulla_kes_claim claims[MANY];
    bool valid[MANY];
    seed_for(65, seed);
    struct signer *signer = signer_open(seed, 6);
    for (unsigned i = 0; i < MANY; i++) {
        if (i % 5 == 4)
            assert_int_equal(bulla_kes_evolve(&signer->key, signer->secret), BULLA_OK);
        enum bulla_kes_scheme scheme = i / 20 ? BULLA_KES_COMPACT : BULLA_KES_SUM;
        struct bulla_bytes message = {seed, 1 + i % 30};
        assert_int_equal(bulla_kes_sign(scheme, &signer->key, signer->secret, message, signatures[i]), BULLA_OK);
        claims[i] = claim_of(scheme, signer, signer->key.period, message, signatures[i]);
    }
    assert_int_equal(bulla_kes_verify_many(claims, MANY, 1, valid), BULLA_OK);
    for (unsigned i = 0; i < MANY; i++)
        assert_true(valid[i]);
    signatures[7][3] ^= 1;   /* the leaf's signature */
    signatures[8][100] ^= 1; /* the path */
    claims[30].period += 64; /* none of its periods */
    claims[31].message.size++;
    assert_int_equal(bulla_kes_verify_many(claims, MANY, 1, valid), BULLA_SIGNATURE);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(valid[i], i != 7 && i != 8 && i != 30 && i != 31);
    assert_int_equal(bulla_kes_verify_many(claims, 0, 2, valid), BULLA_OK);
    free(signatures);
    signer_close(signer);
}

/* One after the other, by bulla_kes_verify: what a batch must come to, and what it must say. */
static enum bulla_reason judge_alone(const struct bulla_kes_claim *claims, size_t count, bool *valid, char *detail)
{
    enum bulla_reason first = BULLA_OK;
    for (size_t i = 0; i < count; i++) {
        enum bulla_reason reason = bulla_kes_verify(&claims[i]);
        valid[i] = reason == BULLA_OK;
        if (first == BULLA_OK && reason != BULLA_OK) {
            first = reason;
            (void)snprintf(detail, BULLA_DETAIL_SIZE, "%s", bulla_detail());
        }
    }
    return first;
}

static void assert_batch_is_as_alone(const struct bulla_kes_claim *claims, size_t count)
{
    enum { MOST = 128 };
    bool alone[MOST], together[MOST + 1];
    char detail[BULLA_DETAIL_SIZE];
    enum bulla_reason reason = judge_alone(claims, count, alone, detail);
    for (unsigned threads = 0; threads <= 3; threads++) {
        memset(together, 7, sizeof together);
        assert_int_equal(bulla_kes_verify_many(claims, count, threads, together), reason);
        assert_memory_equal(together, alone, count);
        assert_int_equal(*(uint8_t *)&together[count], 7);
        if (reason != BULLA_OK)
            assert_string_equal(bulla_detail(), detail);
    }
}

/* With two threads a batch is cut in the middle: what is wrong stands on either side of it, at both ends, in both
 * halves at once, and for another reason each time. */
static void a_batch_on_two_threads_judges_each_claim_as_it_is_judged_alone(void **state)
{
    (void)state;
    enum { MANY = 65, HALF = MANY / 2 };
    static const size_t sets[][3] = {{0}, {HALF - 1}, {HALF}, {HALF + 1}, {MANY - 1}, {HALF - 1, HALF},
        {HALF, HALF + 1}, {0, MANY - 1}, {HALF + 3, MANY - 1}, {3, HALF - 1, HALF}};
    static const size_t set_sizes[] = {1, 1, 1, 1, 1, 2, 2, 2, 2, 3};
    static const size_t counts[] = {0, 1, 2, 31, 32, 33, 64, 65};
    uint8_t seed[32], (*signatures)[ORACLE_SIGNATURE] = calloc(MANY, ORACLE_SIGNATURE);
    struct bulla_kes_claim claims[MANY], bent[MANY];
    seed_for(66, seed);
    struct signer *signer = signer_open(seed, 3);
    for (unsigned i = 0; i < MANY; i++) {
        enum bulla_kes_scheme scheme = i % 3 == 2 ? BULLA_KES_COMPACT : BULLA_KES_SUM;
        if (i % 13 == 12)
            assert_int_equal(bulla_kes_evolve(&signer->key, signer->secret), BULLA_OK);
        struct bulla_bytes message = {seed, 1 + i % 30};
        assert_int_equal(bulla_kes_sign(scheme, &signer->key, signer->secret, message, signatures[i]), BULLA_OK);
        claims[i] = claim_of(scheme, signer, signer->key.period, message, signatures[i]);
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        assert_batch_is_as_alone(claims, counts[i]);
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        memcpy(bent, claims, sizeof bent);
        for (size_t j = 0; j < set_sizes[i]; j++) {
            struct bulla_kes_claim *claim = &bent[sets[i][j]];
            if (j == 0)
                claim->message.size++;
            else if (j == 1)
                claim->period = 8;
            else
                claim->scheme = BULLA_KES_SCHEMES;
        }
        assert_batch_is_as_alone(bent, MANY);
    }
    for (size_t i = 0; i < MANY; i++)
        claims[i].period ^= 1;
    assert_batch_is_as_alone(claims, MANY);
    free(signatures);
    signer_close(signer);
}

/* --- DirectSerialise --- */

static void direct_serialisation_pushes_upstreams_pieces_and_pulls_them_back(void **state)
{
    (void)state;
    uint8_t seed[32];
    for (unsigned depth = 0; depth <= BULLA_KES_DEPTH_LARGEST; depth++) {
        seed_for(80 + depth, seed);
        struct signer *signer = signer_open(seed, depth), *other = signer_open(NULL, 0);
        struct pieces pieces = {.refuse_at = SIZE_MAX};
        unsigned period = bulla_kes_periods(depth) / 2;
        assert_int_equal(
            bulla_kes_evolve_to(&signer->key, signer->secret, period % bulla_kes_periods(depth)), BULLA_OK);
        assert_int_equal(bulla_kes_direct_write(&signer->key, signer->secret, pieces_push, &pieces), BULLA_OK);
        assert_int_equal(pieces.count, 1 + 3 * depth); /* Sum6: 19 */
        assert_memory_equal(pieces.bytes, signer->secret->raw, bulla_kes_raw_size(depth));
        pieces.count = 0;
        assert_int_equal(
            bulla_kes_direct_read(pieces_pull, &pieces, depth, signer->key.period, &other->key, other->secret),
            BULLA_OK);
        assert_memory_equal(other->secret->raw, signer->secret->raw, bulla_kes_raw_size(depth));
        for (pieces.refuse_at = 0; pieces.refuse_at < 1 + 3 * depth; pieces.refuse_at++) {
            pieces.count = 0;
            assert_int_equal(
                bulla_kes_direct_read(pieces_pull, &pieces, depth, signer->key.period, &other->key, other->secret),
                BULLA_CANCELLED);
            assert_true(signer_is_wiped(other));
            pieces.count = 0;
            assert_int_equal(
                bulla_kes_direct_write(&signer->key, signer->secret, pieces_push, &pieces), BULLA_CANCELLED);
        }
        signer_close(other);
        signer_close(signer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_keys_and_signatures_are_made_byte_for_byte),
        cmocka_unit_test(every_period_of_every_depth_is_the_oracles),
        cmocka_unit_test(a_period_out_of_range_is_refused_everywhere),
        cmocka_unit_test(a_key_imported_in_any_period_goes_on_as_the_one_it_was_taken_from),
        cmocka_unit_test(no_byte_of_an_imported_key_can_be_another),
        cmocka_unit_test(a_key_under_another_period_depth_or_size_is_refused),
        cmocka_unit_test(no_bit_of_a_signature_can_be_another),
        cmocka_unit_test(evolving_leaves_no_seed_of_the_past),
        cmocka_unit_test(two_threads_make_the_same_key),
        cmocka_unit_test(many_signatures_are_judged_one_by_one),
        cmocka_unit_test(a_batch_on_two_threads_judges_each_claim_as_it_is_judged_alone),
        cmocka_unit_test(direct_serialisation_pushes_upstreams_pieces_and_pulls_them_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
