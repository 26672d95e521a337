/* A signature is the leaf's Ed25519 signature and the way from the leaf to the root: in Sum both keys of each pair, in
 * CompactSum the leaf's own key and then each pair's other key, from which the verifier computes the root.
 *
 * Signing takes the leaf's public half from the tree, so it costs one Ed25519 signature and no more. */
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
    BULLA_KES_STACK_CLEAN;
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
