/* Making, importing and evolving keys.
 *
 * Evolving from t to t + 1 turns right at one level, L = 1 + the number of t + 1's trailing zeros, and is on the left
 * edge below it. So the raw form changes up to level L only: the seed of L's right half is expanded down its left edge,
 * each level keeps the seed of its right half and the pair of verification keys, which the tree has; the leaf's seed is
 * what is left. Then L's seed becomes zeros, as upstream keeps it. With the tree at hand that is 2 (L - 1) hashes and
 * no curve.
 *
 * Order within an evolution: the past leaf's seed is overwritten first to last, in place; there is no moment at which a
 * reader of this memory could take both. What makes an evolution durable is the token's affair.
 *
 * An imported key lacks the nodes below what its seeds have yet to make. They are made before its first evolution. */
#include <sodium.h>

#include "arena.h"
#include "kes_inside.h"

static enum bulla_reason check_depth(unsigned depth)
{
    if (depth > BULLA_KES_DEPTH_LARGEST)
        return bulla_refuse(BULLA_ARGUMENT, "KES keys have a depth of 0 to %d, not %u", BULLA_KES_DEPTH_LARGEST, depth);
    return BULLA_OK;
}

/* What a deeper key left in this memory. */
static void forget_deeper(struct bulla_kes_secret *secret, unsigned depth)
{
    bulla_wipe(secret->raw + bulla_kes_raw_size(depth), sizeof secret->raw - bulla_kes_raw_size(depth));
}

/* The raw form below `level`, down the left edge, from the seed of the subtree there; `period` is its first. */
static void place_left_edge(
    struct bulla_kes_key *key, struct bulla_kes_secret *secret, const uint8_t *seed, unsigned level, unsigned period)
{
    uint8_t *at_hand = secret->work, *scratch = secret->work + BULLA_KES_HASH;
    memcpy(at_hand, seed, BULLA_KES_HASH);
    for (; level; level--) {
        struct bulla_kes_level *place = bulla_kes_level(secret->raw, level);
        unsigned node = bulla_kes_node(key->depth, period, level);
        bulla_kes_expand(true, at_hand, place->seed, scratch);
        bulla_kes_expand(false, at_hand, at_hand, scratch);
        memcpy(place->pair, key->nodes[(size_t)2 * node], sizeof place->pair);
    }
    memcpy(secret->raw, at_hand, BULLA_KES_HASH);
    bulla_wipe(secret->work, sizeof secret->work);
}

/* --- generating --- */

struct half {
    struct bulla_kes_key *key;
    unsigned node;        /* 2 or 3 */
    uint8_t *seed, *work; /* in the arena; a thread has its own memory there */
};

static void make_half(void *context)
{
    BULLA_KES_STACK_CLEAN;
    const struct half *half = context;
    bulla_kes_subtree(half->seed, half->key->depth - 1, half->key->nodes, half->node, half->work);
}

/* `halves`: the two seeds. Nodes of the halves are apart from each other. */
static enum bulla_reason make_both(uint8_t *halves, struct bulla_kes_key *key, struct bulla_kes_secret *secret)
{
    BULLA_SECRET void *own = NULL;
    BULLA_TRY(bulla_secret_allocate(sizeof secret->work, &own));
    struct half left = {key, 2, halves, secret->work}, right = {key, 3, halves + BULLA_KES_HASH, own};
    bulla_kes_halves(true, make_half, &left, &right);
    bulla_kes_pair_hash(key->nodes[2], key->nodes[1]);
    return BULLA_OK;
}

static enum bulla_reason make_tree(
    const uint8_t *seed, unsigned threads, struct bulla_kes_key *key, struct bulla_kes_secret *secret)
{
    BULLA_SECRET void *memory = NULL;
    if (threads < 2 || key->depth < 2) {
        bulla_kes_subtree(seed, key->depth, key->nodes, 1, secret->work);
        return BULLA_OK;
    }
    BULLA_TRY(bulla_secret_allocate((size_t)2 * BULLA_KES_HASH, &memory));
    uint8_t *halves = memory;
    bulla_kes_expand(false, seed, halves, secret->work);
    bulla_kes_expand(true, seed, halves + BULLA_KES_HASH, secret->work);
    return make_both(halves, key, secret);
}

enum bulla_reason bulla_kes_generate(const uint8_t seed[static 32], unsigned depth, unsigned threads,
    struct bulla_kes_key *key, struct bulla_kes_secret *secret)
{
    BULLA_KES_STACK_CLEAN;
    memset(key, 0, sizeof *key);
    BULLA_TRY(check_depth(depth));
    key->depth = depth;
    BULLA_TRY(make_tree(seed, threads, key, secret));
    place_left_edge(key, secret, seed, depth, 0);
    forget_deeper(secret, depth);
    key->whole = true;
    return BULLA_OK;
}

/* --- importing --- */

static bool is_zero(const uint8_t seed[static BULLA_KES_HASH])
{
    return sodium_is_zero(seed, BULLA_KES_HASH) == 1;
}

static enum bulla_reason check_level(struct bulla_kes_key *key, const struct bulla_kes_level *level, unsigned height)
{
    unsigned node = bulla_kes_node(key->depth, key->period, height);
    uint8_t hash[BULLA_KES_HASH];
    bulla_kes_pair_hash(level->pair[0], hash);
    if (height == key->depth)
        memcpy(key->nodes[1], hash, sizeof hash);
    else if (memcmp(key->nodes[node], hash, sizeof hash) != 0)
        return bulla_refuse(BULLA_KEY_INVALID, "KES key: the pair of level %u does not hash to its key above", height);
    if (is_zero(level->seed) != bulla_kes_goes_right(key->period, height))
        return bulla_refuse(BULLA_KEY_INVALID,
            bulla_kes_goes_right(key->period, height)
                ? "KES key: at period %u the right half of level %u was begun, and its seed is still there"
                : "KES key: at period %u the seed of the right half of level %u is missing",
            key->period, height);
    memcpy(key->nodes[(size_t)2 * node], level->pair, sizeof level->pair);
    return BULLA_OK;
}

/* From the root down, so that each pair is compared with what its parent was shown to be. */
static enum bulla_reason check_raw(struct bulla_kes_key *key, struct bulla_kes_secret *secret)
{
    uint8_t leaf[BULLA_KES_HASH];
    unsigned node = bulla_kes_node(key->depth, key->period, 0);
    for (unsigned height = key->depth; height; height--)
        BULLA_TRY(check_level(key, bulla_kes_level_const(secret->raw, height), height));
    (void)crypto_sign_seed_keypair(leaf, secret->work, secret->raw);
    bulla_wipe(secret->work, crypto_sign_SECRETKEYBYTES);
    if (key->depth == 0)
        memcpy(key->nodes[1], leaf, sizeof leaf);
    else if (memcmp(key->nodes[node], leaf, sizeof leaf) != 0)
        return bulla_refuse(BULLA_KEY_INVALID, "KES key: the leaf's seed is not that of its verification key");
    return BULLA_OK;
}

static enum bulla_reason check_import(unsigned depth, unsigned period, size_t size)
{
    BULLA_TRY(check_depth(depth));
    if (period >= bulla_kes_periods(depth))
        return bulla_refuse(BULLA_KES_OVER, "a KES key of depth %u has periods 0 to %u, not %u", depth,
            bulla_kes_periods(depth) - 1, period);
    if (size != bulla_kes_raw_size(depth))
        return bulla_refuse(
            BULLA_KEY_INVALID, "a KES key of depth %u has %zu bytes, not %zu", depth, bulla_kes_raw_size(depth), size);
    return BULLA_OK;
}

/* What is in `secret->raw` already. */
static enum bulla_reason adopt(
    unsigned depth, unsigned period, struct bulla_kes_key *key, struct bulla_kes_secret *secret)
{
    memset(key, 0, sizeof *key);
    key->depth = depth;
    key->period = period;
    forget_deeper(secret, depth);
    BULLA_TRY(check_raw(key, secret));
    key->whole = depth == 0;
    return BULLA_OK;
}

static enum bulla_reason import(
    struct bulla_bytes raw, unsigned depth, unsigned period, struct bulla_kes_key *key, struct bulla_kes_secret *secret)
{
    BULLA_TRY(check_import(depth, period, raw.size));
    memcpy(secret->raw, raw.data, raw.size);
    return adopt(depth, period, key, secret);
}

enum bulla_reason bulla_kes_import(
    struct bulla_bytes raw, unsigned depth, unsigned period, struct bulla_kes_key *key, struct bulla_kes_secret *secret)
{
    BULLA_KES_STACK_CLEAN;
    enum bulla_reason reason = import(raw, depth, period, key, secret);
    if (reason != BULLA_OK)
        bulla_wipe(secret, sizeof *secret);
    return reason;
}

static enum bulla_reason read_pieces(bulla_kes_pull *pull, void *context, unsigned depth, unsigned period,
    struct bulla_kes_key *key, struct bulla_kes_secret *secret)
{
    BULLA_TRY(check_import(depth, period, bulla_kes_raw_size(depth)));
    for (size_t at = 0; at < bulla_kes_raw_size(depth); at += BULLA_KES_HASH)
        BULLA_TRY(pull(context, secret->raw + at, BULLA_KES_HASH));
    return adopt(depth, period, key, secret);
}

enum bulla_reason bulla_kes_direct_read(bulla_kes_pull *pull, void *context, unsigned depth, unsigned period,
    struct bulla_kes_key *key, struct bulla_kes_secret *secret)
{
    BULLA_KES_STACK_CLEAN;
    enum bulla_reason reason = read_pieces(pull, context, depth, period, key, secret);
    if (reason != BULLA_OK)
        bulla_wipe(secret, sizeof *secret);
    return reason;
}

enum bulla_reason bulla_kes_direct_write(
    const struct bulla_kes_key *key, const struct bulla_kes_secret *secret, bulla_kes_push *push, void *context)
{
    BULLA_KES_STACK_CLEAN;
    for (size_t at = 0; at < bulla_kes_raw_size(key->depth); at += BULLA_KES_HASH)
        BULLA_TRY(push(context, secret->raw + at, BULLA_KES_HASH));
    return BULLA_OK;
}

/* Every half that is still to come is made under its seed, and must come out as the key that its pair names. */
static enum bulla_reason complete(struct bulla_kes_key *key, struct bulla_kes_secret *secret)
{
    for (unsigned height = 1; height <= key->depth && !key->whole; height++) {
        const struct bulla_kes_level *level = bulla_kes_level_const(secret->raw, height);
        unsigned right = 2 * bulla_kes_node(key->depth, key->period, height) + 1;
        if (bulla_kes_goes_right(key->period, height))
            continue;
        bulla_kes_subtree(level->seed, height - 1, key->nodes, right, secret->work);
        if (memcmp(key->nodes[right], level->pair[1], BULLA_KES_HASH) == 0)
            continue;
        memcpy(key->nodes[right], level->pair[1], BULLA_KES_HASH); /* public, and the only node that was there before */
        return bulla_refuse(BULLA_KEY_INVALID,
            "KES key: the seed of the right half of level %u makes another key than is named", height);
    }
    key->whole = true;
    return BULLA_OK;
}

enum bulla_reason bulla_kes_complete(struct bulla_kes_key *key, struct bulla_kes_secret *secret)
{
    BULLA_KES_STACK_CLEAN;
    return complete(key, secret);
}

/* --- evolving --- */

static enum bulla_reason evolve(struct bulla_kes_key *key, struct bulla_kes_secret *secret)
{
    unsigned next = key->period + 1;
    if (next >= bulla_kes_periods(key->depth))
        return bulla_refuse(BULLA_KES_OVER, "the KES key's last period is %u", key->period);
    BULLA_TRY(complete(key, secret));
    unsigned level = 1 + (unsigned)__builtin_ctz(next);
    struct bulla_kes_level *turned = bulla_kes_level(secret->raw, level);
    place_left_edge(key, secret, turned->seed, level - 1, next);
    bulla_wipe(turned->seed, sizeof turned->seed);
    key->period = next;
    return BULLA_OK;
}

enum bulla_reason bulla_kes_evolve(struct bulla_kes_key *key, struct bulla_kes_secret *secret)
{
    BULLA_KES_STACK_CLEAN;
    return evolve(key, secret);
}

enum bulla_reason bulla_kes_evolve_to(struct bulla_kes_key *key, struct bulla_kes_secret *secret, unsigned period)
{
    BULLA_KES_STACK_CLEAN;
    if (period < key->period)
        return bulla_refuse(
            BULLA_KES_PAST, "the KES key is in period %u: there is no way back to %u", key->period, period);
    if (period >= bulla_kes_periods(key->depth))
        return bulla_refuse(
            BULLA_KES_OVER, "the KES key's last period is %u, not %u", bulla_kes_periods(key->depth) - 1, period);
    while (key->period < period)
        BULLA_TRY(evolve(key, secret));
    return BULLA_OK;
}
