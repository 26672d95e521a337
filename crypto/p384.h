/* ECDSA on P-384, quickly. Nothing here is secret.
 *
 * `true` is a verified signature. `false` is no judgement: a signature that does not verify, a point off the curve, no
 * memory, or one of the few true signatures that nettle does not see as such (p384.c); ask OpenSSL then. */
#ifndef BULLA_CRYPTO_P384_H
#define BULLA_CRYPTO_P384_H

#include "bytes.h"

enum { BULLA_P384_POINT = 97, BULLA_P384_SIGNATURE = 96 };

/* point: uncompressed, 0x04 first; signature: r ‖ s; digest: of any hash, of which ECDSA takes the first 48 bytes. */
bool bulla_p384_verifies(const uint8_t point[static BULLA_P384_POINT],
    const uint8_t signature[static BULLA_P384_SIGNATURE], struct bulla_bytes digest) BULLA_MUST_USE;

#endif
