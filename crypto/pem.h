/* PEM blocks (RFC 7468) of public things: certificates and revocation lists. Strict: nothing stands between blocks but
 * empty lines and comments (lines that begin with #), and a block holds base64 alone. */
#ifndef BULLA_CRYPTO_PEM_H
#define BULLA_CRYPTO_PEM_H

#include "bytes.h"

/* Whether it begins as PEM does, with a block, a comment or white space; DER never does. */
bool bulla_pem_looks_like(struct bulla_bytes bytes);

/* The next block of `rest`, which moves behind it; `der` lies in `memory`, {NULL, 0} at the end of the text.
 * BULLA_MALFORMED: text outside blocks, a block of another label, bad base64; BULLA_TRUNCATED: no end;
 * BULLA_TOO_LARGE: more than `capacity`. */
enum bulla_reason bulla_pem_next(struct bulla_bytes *rest, const char *label, const char *what, uint8_t *memory,
    size_t capacity, struct bulla_bytes *der) BULLA_MUST_USE;

#endif
