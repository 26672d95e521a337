/* KES: key-evolving signatures as Cardano has them (MMM's sum composition over Ed25519; cardano-base,
 * Cardano.Crypto.KES: Sum and CompactSum, and at depth 0 Single and CompactSingle). H is BLAKE2b-256, unkeyed.
 *
 * A key of depth d signs in 2^d periods, one after the other; evolving erases what the period before could sign with.
 * Its raw form, the same for both schemes, is 32 + 96 d bytes:
 *
 *     leaf seed (32) ‖ d times, from the leaf upwards: seed of the right half (32) ‖ vk of the left ‖ vk of the right
 *
 * where the seed of a right half that was begun is zeros. The period is no part of it: who keeps a key keeps its
 * period.
 *
 * The caller owns all memory. What is secret (struct bulla_kes_secret) lies in the arena; the tree of verification keys
 * is public. Nothing is allocated here, and nothing of a secret is left on the stack; vector registers are the caller's
 * to clear. */
#ifndef BULLA_CRYPTO_KES_H
#define BULLA_CRYPTO_KES_H

#include "bytes.h"

enum {
    BULLA_KES_DEPTH_LARGEST = 7,
    BULLA_KES_PERIODS_LARGEST = 1 << BULLA_KES_DEPTH_LARGEST,
    BULLA_KES_HASH = 32, /* a seed, a verification key, a node of the tree */
    BULLA_KES_NODES = 2 * BULLA_KES_PERIODS_LARGEST,
    BULLA_KES_RAW_LARGEST = 32 + 96 * BULLA_KES_DEPTH_LARGEST,
    BULLA_KES_SIGNATURE_LARGEST = 64 + 64 * BULLA_KES_DEPTH_LARGEST,
};

enum bulla_kes_scheme { BULLA_KES_SUM, BULLA_KES_COMPACT, BULLA_KES_SCHEMES };

static inline unsigned bulla_kes_periods(unsigned depth)
{
    return 1U << depth;
}
static inline size_t bulla_kes_raw_size(unsigned depth)
{
    return 32 + 96 * (size_t)depth;
}
/* Sum: 64 + 64 d; CompactSum: 96 + 32 d, but for CompactSingle (d = 0), which is 96. */
size_t bulla_kes_signature_size(enum bulla_kes_scheme scheme, unsigned depth);

/* In the arena, and wiped by whoever put it there. `work` is of use within a call only, and zero between calls. */
struct bulla_kes_secret {
    uint8_t raw[BULLA_KES_RAW_LARGEST];
    uint8_t work[(2 * BULLA_KES_DEPTH_LARGEST + 4) * BULLA_KES_HASH];
};

/* Public. Node 1 is the verification key, the children of i are 2 i and 2 i + 1, the leaf of period t is 2^depth + t.
 * Nodes of halves that are past may be zeros in a key that was imported. */
struct bulla_kes_key {
    unsigned depth, period;
    bool whole; /* all nodes of this period and later ones are there; else the first evolution makes them */
    uint8_t nodes[BULLA_KES_NODES][BULLA_KES_HASH];
};

/* From a seed of 32 bytes, which the caller wipes; at period 0, whole. `threads` 2: the right half in a thread of its
 * own; where none can be had, in this one. The seed alone makes every period's key: keep none.
 * BULLA_ARGUMENT for a depth above 7; BULLA_MEMORY_LOCK for a thread's own secrets. */
enum bulla_reason bulla_kes_generate(const uint8_t seed[static 32], unsigned depth, unsigned threads,
    struct bulla_kes_key *key, struct bulla_kes_secret *secret) BULLA_MUST_USE;

/* A raw key at a period. Checked: its size, the period, each pair's hash against the pair above, the leaf's seed
 * against its verification key, that the seeds of right halves are zeros where begun, and only there. That the other
 * seeds are those of their halves shows when the tree is made whole. BULLA_KEY_INVALID, BULLA_KES_OVER; the secret is
 * wiped then, also of what was in its memory before. */
enum bulla_reason bulla_kes_import(struct bulla_bytes raw, unsigned depth, unsigned period, struct bulla_kes_key *key,
    struct bulla_kes_secret *secret) BULLA_MUST_USE;
/* Makes the missing nodes from the seeds, which takes about as long as generating. BULLA_KEY_INVALID when a seed is not
 * that of its half: nothing is changed then. */
enum bulla_reason bulla_kes_complete(struct bulla_kes_key *key, struct bulla_kes_secret *secret) BULLA_MUST_USE;

/* To the next period, in place: hashes only, and the past leaf's seed is overwritten. BULLA_KES_OVER after the last
 * period, with nothing changed. */
enum bulla_reason bulla_kes_evolve(struct bulla_kes_key *key, struct bulla_kes_secret *secret) BULLA_MUST_USE;
/* To `period`, which is not below the present one (BULLA_KES_PAST) nor above the last (BULLA_KES_OVER). */
enum bulla_reason bulla_kes_evolve_to(
    struct bulla_kes_key *key, struct bulla_kes_secret *secret, unsigned period) BULLA_MUST_USE;

/* Signs in the key's period; signature: bulla_kes_signature_size bytes. */
enum bulla_reason bulla_kes_sign(enum bulla_kes_scheme scheme, const struct bulla_kes_key *key,
    struct bulla_kes_secret *secret, struct bulla_bytes message, uint8_t *signature) BULLA_MUST_USE;

struct bulla_kes_claim {
    enum bulla_kes_scheme scheme;
    unsigned depth;
    uint64_t period;    /* compared with the number of periods: nothing wraps */
    const uint8_t *key; /* 32 bytes */
    struct bulla_bytes message;
    struct bulla_bytes signature;
};
/* By libsodium's rules for Ed25519. BULLA_SIGNATURE; BULLA_KES_OVER for a period that the key has not. */
enum bulla_reason bulla_kes_verify(const struct bulla_kes_claim *claim) BULLA_MUST_USE;
/* Many at once: a path of hashes that neighbours share is computed once. `threads` 2: of 32 claims or more, the second
 * half in a thread of its own; where none can be had, in this one. `valid[i]` for each, as bulla_kes_verify would judge
 * it alone; BULLA_OK when all are, else the reason of the first that is not. */
enum bulla_reason bulla_kes_verify_many(
    const struct bulla_kes_claim *claims, size_t count, unsigned threads, bool *valid) BULLA_MUST_USE;

/* DirectSerialise and DirectDeserialise (cardano-base): pieces of 32 bytes in upstream's order, 1 + 3 d of them; the
 * pieces are secret and lie in the arena on both sides. A callback that refuses stops it. */
typedef enum bulla_reason bulla_kes_push(void *context, const uint8_t *piece, size_t size);
typedef enum bulla_reason bulla_kes_pull(void *context, uint8_t *piece, size_t size);
enum bulla_reason bulla_kes_direct_write(const struct bulla_kes_key *key, const struct bulla_kes_secret *secret,
    bulla_kes_push *push, void *context) BULLA_MUST_USE;
/* As bulla_kes_import, for pieces that are pulled. */
enum bulla_reason bulla_kes_direct_read(bulla_kes_pull *pull, void *context, unsigned depth, unsigned period,
    struct bulla_kes_key *key, struct bulla_kes_secret *secret) BULLA_MUST_USE;

#endif
