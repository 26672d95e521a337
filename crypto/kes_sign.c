/* A signature is the leaf's Ed25519 signature and the way from the leaf to the root: in Sum both keys of each pair, in
 * CompactSum the leaf's own key and then each pair's other key, from which the verifier computes the root.
 *
 * Signing takes the leaf's public half from the tree, so it costs one Ed25519 signature and no more. Verifying looks at
 * the path first: it is cheaper, and in CompactSum it says whose key to verify with. */
#include <sodium.h>

#include "arena.h"
#include "kes_inside.h"

enum { ED = crypto_sign_BYTES };

size_t bulla_kes_signature_size(enum bulla_kes_scheme scheme, unsigned depth)
{
    return scheme == BULLA_KES_SUM ? ED + 64 * (size_t)depth : ED + BULLA_KES_HASH + 32 * (size_t)depth;
}

static void write_path(enum bulla_kes_scheme scheme, const struct bulla_kes_key *key, uint8_t *at)
{
    if (scheme == BULLA_KES_COMPACT) {
        memcpy(at, key->nodes[bulla_kes_node(key->depth, key->period, 0)], BULLA_KES_HASH);
        at += BULLA_KES_HASH;
    }
    for (unsigned level = 1; level <= key->depth; level++) {
        unsigned left = 2 * bulla_kes_node(key->depth, key->period, level);
        size_t size = scheme == BULLA_KES_SUM ? 2 * BULLA_KES_HASH : BULLA_KES_HASH;
        unsigned from = scheme == BULLA_KES_SUM || bulla_kes_goes_right(key->period, level) ? left : left + 1;
        memcpy(at, key->nodes[from], size);
        at += size;
    }
}

enum bulla_reason bulla_kes_sign(enum bulla_kes_scheme scheme, const struct bulla_kes_key *key,
    struct bulla_kes_secret *secret, struct bulla_bytes message, uint8_t *signature)
{
    if ((unsigned)scheme >= BULLA_KES_SCHEMES || key->period >= bulla_kes_periods(key->depth))
        return bulla_refuse(BULLA_ARGUMENT, "there is no such KES scheme or period");
    uint8_t *expanded = secret->work; /* libsodium's secret key: seed ‖ public key */
    memcpy(expanded, secret->raw, BULLA_KES_HASH);
    memcpy(expanded + BULLA_KES_HASH, key->nodes[bulla_kes_node(key->depth, key->period, 0)], BULLA_KES_HASH);
    int failed = crypto_sign_detached(signature, NULL, message.data, message.size, expanded);
    bulla_wipe(expanded, crypto_sign_SECRETKEYBYTES);
    if (failed)
        return bulla_refuse(BULLA_INTERNAL, "signing failed");
    write_path(scheme, key, signature + ED);
    return BULLA_OK;
}

/* --- verifying --- */

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
        at -= 2 * BULLA_KES_HASH;
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

enum bulla_reason bulla_kes_verify_many(const struct bulla_kes_claim *claims, size_t count, bool *valid)
{
    enum bulla_reason first = BULLA_OK;
    struct bulla_detail_kept detail;
    const struct bulla_kes_claim *walked = NULL; /* whose path was found good, and ends at `leaf` */
    uint8_t leaf[BULLA_KES_HASH];
    for (size_t i = 0; i < count; i++) {
        enum bulla_reason reason = BULLA_OK;
        if (!walked || !shares_path(&claims[i], walked)) {
            reason = check_path(&claims[i], leaf);
            walked = reason == BULLA_OK ? &claims[i] : NULL;
        }
        if (reason == BULLA_OK)
            reason = check_leaf(&claims[i], leaf);
        valid[i] = reason == BULLA_OK;
        if (first == BULLA_OK && reason != BULLA_OK) {
            first = reason;
            bulla_detail_keep(&detail);
        }
    }
    if (first != BULLA_OK)
        bulla_detail_restore(&detail);
    return first;
}
