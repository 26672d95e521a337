/* What the CBOR reader knows about the insides of scalars; used by cbor_read.c only. */
#ifndef BULLA_CRYPTO_CBOR_SCALAR_H
#define BULLA_CRYPTO_CBOR_SCALAR_H

#include "bytes.h"

/* Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
bool bulla_utf8_valid(struct bulla_bytes text);

/* The bits of a float of `size` 2, 4 or 8 bytes, as those of the same value in 8 bytes. */
uint64_t bulla_float_widen(uint64_t bits, size_t size);
/* Whether no shorter encoding has the same value. A NaN is shortest as f97e00 only (RFC 8949 section 4.2.2). */
bool bulla_float_is_shortest(uint64_t bits, size_t size);

#endif
