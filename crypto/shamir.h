/* Shamir's secret sharing of 32-byte secrets over GF(2^8) modulo 0x11b, in constant time, no tables indexed by secrets.
 *
 * Each share has a commitment, so that a wrong one is named and not merely noticed. */
#ifndef BULLA_CRYPTO_SHAMIR_H
#define BULLA_CRYPTO_SHAMIR_H

#include "bytes.h"

enum { BULLA_SHARES_LARGEST = 16 };

/* Splits `secret` so that any k of n shares give it back. shares: n × 32 bytes in the arena; share i belongs to x =
 * i+1. 1 ≤ k ≤ n ≤ BULLA_SHARES_LARGEST, else BULLA_ARGUMENT. With k = 1 every share is the secret. */
enum bulla_reason bulla_shamir_split(
    const uint8_t secret[static 32], unsigned k, unsigned n, uint8_t *shares) BULLA_MUST_USE;
/* xs: k different values 1…255; shares: k × 32 bytes in that order. */
enum bulla_reason bulla_shamir_join(
    const uint8_t *xs, const uint8_t *shares, unsigned k, uint8_t secret[static 32]) BULLA_MUST_USE;
/* BLAKE2b-256, keyed by the share, of the context (token, object, path): hides a high-entropy share and names it. */
void bulla_share_commit(const uint8_t share[static 32], struct bulla_bytes context, uint8_t commitment[static 32]);

#endif
