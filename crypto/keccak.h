/* Keccak-256 as Ethereum uses it: SHA-3's permutation and rate with the padding from before FIPS 202 (a byte 0x01, not
 * 0x06). Nothing here is secret. */
#ifndef BULLA_CRYPTO_KECCAK_H
#define BULLA_CRYPTO_KECCAK_H

#include "bytes.h"

/* Over several parts, without joining them or separating them. */
void bulla_keccak256(const struct bulla_bytes *parts, size_t count, uint8_t digest[static 32]);

#endif
