/* What the files of KES share; no other file includes it. */
#ifndef BULLA_CRYPTO_KES_INSIDE_H
#define BULLA_CRYPTO_KES_INSIDE_H

#include "kes.h"

/* Level i, from 1 at the leaves to the depth at the root, lies at 32 + 96 (i - 1) of the raw form. */
struct bulla_kes_level {
    uint8_t seed[BULLA_KES_HASH]; /* of the right half; zeros once that was begun */
    uint8_t pair[2][BULLA_KES_HASH];
};
_Static_assert(sizeof(struct bulla_kes_level) == 96, "no padding");

static inline struct bulla_kes_level *bulla_kes_level(uint8_t *raw, unsigned level)
{
    return (struct bulla_kes_level *)(void *)(raw + 32 + 96 * (size_t)(level - 1));
}
static inline const struct bulla_kes_level *bulla_kes_level_const(const uint8_t *raw, unsigned level)
{
    return (const struct bulla_kes_level *)(const void *)(raw + 32 + 96 * (size_t)(level - 1));
}
/* Whether the path to `period` goes right at a level. */
static inline bool bulla_kes_goes_right(unsigned period, unsigned level)
{
    return period >> (level - 1) & 1;
}
/* The node above the leaf of `period` by `level` steps. */
static inline unsigned bulla_kes_node(unsigned depth, unsigned period, unsigned level)
{
    return ((1U << depth) + period) >> level;
}

/* H of a pair: 64 bytes, left ‖ right. */
void bulla_kes_pair_hash(const void *pair, uint8_t hash[static BULLA_KES_HASH]);
/* One half of a seed's expansion: H(0x01 ‖ seed) for the left, H(0x02 ‖ seed) for the right. `out` may be `seed`. */
void bulla_kes_expand(
    bool right, const uint8_t seed[static BULLA_KES_HASH], uint8_t out[static BULLA_KES_HASH], uint8_t work[static 33]);
/* All nodes of the subtree at `node`, `height` levels above its leaves, from its seed. `work`: 32 * (2 * height + 4)
 * bytes of the arena, zero afterwards. */
void bulla_kes_subtree(const uint8_t seed[static BULLA_KES_HASH], unsigned height, uint8_t (*nodes)[BULLA_KES_HASH],
    unsigned node, uint8_t *work);

/* In the scope of a function that touches secrets, before its other locals: when it returns, on whichever path, the
 * stack below its frame is wiped. Vector registers are not: whoever calls the core clears them before foreign code can
 * spill them (the module does, at the end of each call). */
#define BULLA_KES_STACK_CLEAN __attribute__((cleanup(bulla_kes_stack_wipe), unused)) const char stack_clean = 0
void bulla_kes_stack_wipe(const void *scope);

/* Works on two halves: where `apart`, on the second in a thread of its own meanwhile, which no signal of the process
 * goes to; where none can be had, and otherwise, on one after the other. */
typedef void bulla_kes_work(void *half);
void bulla_kes_halves(bool apart, bulla_kes_work *work, void *first, void *second);

#endif
