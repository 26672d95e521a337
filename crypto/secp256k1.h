/* ECDSA over secp256k1 (SEC 2), as Ethereum's wallets sign: by libsecp256k1. Nothing here is secret.
 *
 * BULLA_SIGNATURE: it does not verify, r or s is no number of the group, or s is its upper half (of the two that verify
 * only the lower is taken, so that nobody can make another signature of one). BULLA_KEY_INVALID: the key is no point.
 */
#ifndef BULLA_CRYPTO_SECP256K1_H
#define BULLA_CRYPTO_SECP256K1_H

#include "bytes.h"

/* key: compressed; signature: r ‖ s. */
enum bulla_reason bulla_secp256k1_verify(
    const uint8_t key[static 33], const uint8_t digest[static 32], const uint8_t signature[static 64]) BULLA_MUST_USE;
/* The one key under which the signature verifies, for the recovery bit given; uncompressed, 0x04 first. */
enum bulla_reason bulla_secp256k1_recover(const uint8_t digest[static 32], const uint8_t signature[static 64], bool odd,
    uint8_t key[static 65]) BULLA_MUST_USE;
/* Makes the lower of the two values of s that verify what this signature signs; false where r or s is no number. */
bool bulla_secp256k1_lower(uint8_t signature[static 64]);
/* The same point in 33 bytes. */
void bulla_secp256k1_compress(const uint8_t key[static 65], uint8_t compressed[static 33]);

#endif
