/* Seeds go down the tree, verification keys come up.
 *
 * A subtree is walked leaf by leaf with a stack of the right halves' seeds that are still to be done: at most one for
 * each level. So the secrets in use are (2 height + 4) pieces of 32 bytes, in memory of the arena that the caller
 * lends, and wiped piece by piece. No seed is put on the C stack; what libsodium's frames spill there is wiped when the
 * core returns (kes_stack.c). */
#include <sodium.h>

#include "arena.h"
#include "kes_inside.h"

void bulla_kes_pair_hash(const void *pair, uint8_t hash[static BULLA_KES_HASH])
{
    (void)crypto_generichash(hash, BULLA_KES_HASH, pair, (size_t)2 * BULLA_KES_HASH, NULL, 0);
}

void bulla_kes_expand(
    bool right, const uint8_t seed[static BULLA_KES_HASH], uint8_t out[static BULLA_KES_HASH], uint8_t work[static 33])
{
    work[0] = right ? 2 : 1;
    memcpy(work + 1, seed, BULLA_KES_HASH);
    (void)crypto_generichash(out, BULLA_KES_HASH, work, 1 + BULLA_KES_HASH, NULL, 0);
}

/* work: [0, 64) a leaf's expanded key or an expansion's input; [64, 96) the seed at hand; then the seeds that wait. */
struct walk {
    uint8_t *scratch, *seed, *waiting;
    unsigned waiting_count;
    unsigned waiting_at[BULLA_KES_DEPTH_LARGEST], waiting_height[BULLA_KES_DEPTH_LARGEST];
};

/* Down the left edge from a node; what is right of it waits. Returns the leaf's node, whose seed is at hand then. */
static unsigned descend(struct walk *walk, unsigned node, unsigned height)
{
    for (; height; height--) {
        uint8_t *place = walk->waiting + (size_t)walk->waiting_count * BULLA_KES_HASH;
        bulla_kes_expand(true, walk->seed, place, walk->scratch);
        bulla_kes_expand(false, walk->seed, walk->seed, walk->scratch);
        walk->waiting_at[walk->waiting_count] = 2 * node + 1;
        walk->waiting_height[walk->waiting_count++] = height - 1;
        node *= 2;
    }
    return node;
}

void bulla_kes_subtree(const uint8_t seed[static BULLA_KES_HASH], unsigned height, uint8_t (*nodes)[BULLA_KES_HASH],
    unsigned node, uint8_t *work)
{
    struct walk walk = {work, work + 64, work + 96, 0, {0}, {0}};
    unsigned at = node, left = height;
    memcpy(walk.seed, seed, BULLA_KES_HASH);
    for (;;) {
        unsigned leaf = descend(&walk, at, left);
        (void)crypto_sign_seed_keypair(nodes[leaf], walk.scratch, walk.seed);
        for (at = leaf; at != node && at & 1; at /= 2) /* a right child is the last of its parent's two */
            bulla_kes_pair_hash(nodes[at - 1], nodes[at / 2]);
        if (walk.waiting_count == 0)
            break;
        at = walk.waiting_at[--walk.waiting_count];
        left = walk.waiting_height[walk.waiting_count];
        memcpy(walk.seed, walk.waiting + (size_t)walk.waiting_count * BULLA_KES_HASH, BULLA_KES_HASH);
    }
    bulla_wipe(work, (2 * (size_t)height + 4) * BULLA_KES_HASH);
}
