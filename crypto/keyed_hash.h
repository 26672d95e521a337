/* BLAKE2b-256 keyed with 32 bytes: what commitments are made of. */
#ifndef BULLA_CRYPTO_KEYED_HASH_H
#define BULLA_CRYPTO_KEYED_HASH_H

#include "bytes.h"

/* Over several parts, without joining them or separating them: callers see to it that the sequence is unambiguous. */
void bulla_keyed_hash(
    const uint8_t key[static 32], const struct bulla_bytes *parts, size_t count, uint8_t digest[static 32]);

#endif
