/* Verifying ECDSA on P-256 with SHA-256. Signing is the affair of whoever holds a key. */
#ifndef BULLA_CRYPTO_ES256_H
#define BULLA_CRYPTO_ES256_H

#include "bytes.h"

/* key: 0x04 ‖ x ‖ y; signature: r ‖ s, big-endian, high s allowed. BULLA_KEY_INVALID when the key is no point of the
 * curve, BULLA_SIGNATURE when the signature does not verify, BULLA_OUT_OF_MEMORY. Nothing here is secret. */
enum bulla_reason bulla_es256_verify(
    const uint8_t key[static 65], struct bulla_bytes message, const uint8_t signature[static 64]) BULLA_MUST_USE;

#endif
