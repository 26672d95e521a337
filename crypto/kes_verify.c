/* The path is looked at first: it is cheaper than the leaf's signature, and in CompactSum it says whose key to verify
 * with.
 *
 * Of a batch, neighbours share the path: 6 hashes at depth 6, a hundredth of a verification. The rest is Ed25519's own,
 * and libsodium verifies no many at once. One equation over all of them, by its group functions, would be slower (their
 * multiplications take constant time), would accept points outside the subgroup that are refused alone, and would not
 * say which one is wrong. So what is gained beyond that is a second thread's. */
#include <sodium.h>

#include "kes_inside.h"

enum { ED = crypto_sign_BYTES };
/* To begin a thread takes about as long as one verification. */
enum { HALF_LEAST = 16 };

static enum bulla_reason check_shape(const struct bulla_kes_claim *claim)
{
    if ((unsigned)claim->scheme >= BULLA_KES_SCHEMES || claim->depth > BULLA_KES_DEPTH_LARGEST)
        return bulla_refuse(BULLA_ARGUMENT, "there is no such KES scheme or depth");
    if (claim->period >= bulla_kes_periods(claim->depth))
        return bulla_refuse(BULLA_KES_OVER, "a KES key of depth %u has periods 0 to %u, not %llu", claim->depth,
            bulla_kes_periods(claim->depth) - 1, (unsigned long long)claim->period);
    if (claim->signature.size != bulla_kes_signature_size(claim->scheme, claim->depth))
        return bulla_refuse(BULLA_SIGNATURE, "a KES signature of depth %u has %zu bytes, not %zu", claim->depth,
            bulla_kes_signature_size(claim->scheme, claim->depth), claim->signature.size);
    return BULLA_OK;
}

static bool path_is_sum(const struct bulla_kes_claim *claim, uint8_t leaf[static BULLA_KES_HASH])
{
    const uint8_t *at = claim->signature.data + claim->signature.size;
    uint8_t wanted[BULLA_KES_HASH], hash[BULLA_KES_HASH];
    memcpy(wanted, claim->key, sizeof wanted);
    for (unsigned level = claim->depth; level; level--) {
        at -= (size_t)2 * BULLA_KES_HASH;
        bulla_kes_pair_hash(at, hash);
        if (memcmp(hash, wanted, sizeof hash) != 0)
            return false;
        memcpy(wanted, at + (bulla_kes_goes_right((unsigned)claim->period, level) ? BULLA_KES_HASH : 0), sizeof wanted);
    }
    memcpy(leaf, wanted, sizeof wanted);
    return true;
}

static bool path_is_compact(const struct bulla_kes_claim *claim, uint8_t leaf[static BULLA_KES_HASH])
{
    const uint8_t *at = claim->signature.data + ED;
    uint8_t pair[2 * BULLA_KES_HASH], hash[BULLA_KES_HASH];
    memcpy(leaf, at, BULLA_KES_HASH);
    memcpy(hash, at, BULLA_KES_HASH);
    for (unsigned level = 1; level <= claim->depth; level++) {
        bool right = bulla_kes_goes_right((unsigned)claim->period, level);
        at += BULLA_KES_HASH;
        memcpy(pair + (right ? BULLA_KES_HASH : 0), hash, sizeof hash);
        memcpy(pair + (right ? 0 : BULLA_KES_HASH), at, BULLA_KES_HASH);
        bulla_kes_pair_hash(pair, hash);
    }
    return memcmp(hash, claim->key, sizeof hash) == 0;
}

static enum bulla_reason check_path(const struct bulla_kes_claim *claim, uint8_t leaf[static BULLA_KES_HASH])
{
    BULLA_TRY(check_shape(claim));
    bool is = claim->scheme == BULLA_KES_SUM ? path_is_sum(claim, leaf) : path_is_compact(claim, leaf);
    return is ? BULLA_OK : bulla_refuse(BULLA_SIGNATURE, "the KES signature's path does not lead to the key");
}

static enum bulla_reason check_leaf(const struct bulla_kes_claim *claim, const uint8_t leaf[static BULLA_KES_HASH])
{
    if (crypto_sign_verify_detached(claim->signature.data, claim->message.data, claim->message.size, leaf) != 0)
        return bulla_refuse(
            BULLA_SIGNATURE, "the KES signature does not verify in period %llu", (unsigned long long)claim->period);
    return BULLA_OK;
}

enum bulla_reason bulla_kes_verify(const struct bulla_kes_claim *claim)
{
    uint8_t leaf[BULLA_KES_HASH];
    BULLA_TRY(check_path(claim, leaf));
    return check_leaf(claim, leaf);
}

/* The same way from the same leaf to the same root: only the Ed25519 signatures differ. */
static bool shares_path(const struct bulla_kes_claim *claim, const struct bulla_kes_claim *other)
{
    return claim->scheme == other->scheme && claim->depth == other->depth && claim->period == other->period &&
           claim->signature.size == other->signature.size && memcmp(claim->key, other->key, BULLA_KES_HASH) == 0 &&
           memcmp(claim->signature.data + ED, other->signature.data + ED, claim->signature.size - ED) == 0;
}

/* What one thread judges. */
struct batch {
    const struct bulla_kes_claim *claims;
    size_t count;
    bool *valid;
    enum bulla_reason first; /* of the first that is not valid; its words, which are the thread's own otherwise */
    struct bulla_detail_kept detail;
};

static void judge(void *context)
{
    struct batch *batch = context;
    const struct bulla_kes_claim *walked = NULL; /* whose path was found good, and ends at `leaf` */
    uint8_t leaf[BULLA_KES_HASH];
    for (size_t i = 0; i < batch->count; i++) {
        enum bulla_reason reason = BULLA_OK;
        if (!walked || !shares_path(&batch->claims[i], walked)) {
            reason = check_path(&batch->claims[i], leaf);
            walked = reason == BULLA_OK ? &batch->claims[i] : NULL;
        }
        if (reason == BULLA_OK)
            reason = check_leaf(&batch->claims[i], leaf);
        batch->valid[i] = reason == BULLA_OK;
        if (batch->first == BULLA_OK && reason != BULLA_OK) {
            batch->first = reason;
            bulla_detail_keep(&batch->detail);
        }
    }
}

enum bulla_reason bulla_kes_verify_many(
    const struct bulla_kes_claim *claims, size_t count, unsigned threads, bool *valid)
{
    bool apart = threads > 1 && count >= (size_t)2 * HALF_LEAST;
    size_t half = apart ? count / 2 : count;
    struct batch batches[2] = {{.claims = claims, .count = half, .valid = valid},
        {.claims = claims + half, .count = count - half, .valid = valid + half}};
    bulla_kes_halves(apart, judge, &batches[0], &batches[1]);
    const struct batch *first = batches[0].first != BULLA_OK ? &batches[0] : &batches[1];
    if (first->first != BULLA_OK)
        bulla_detail_restore(&first->detail);
    return first->first;
}
