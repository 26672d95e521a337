/* The PRF of TLS 1.2 (RFC 5246, section 5). */
#ifndef BULLA_MECH_TLS_PRF_H
#define BULLA_MECH_TLS_PRF_H

#include "hmac.h"

enum { BULLA_TLS_SEEDS_MOST = 6 };

/* P_hash of the secret and of the seeds that follow each other (the label is the first of them). */
enum bulla_reason bulla_tls_prf(const struct bulla_hash *hash, struct bulla_bytes secret,
    const struct bulla_bytes *seeds, size_t count, uint8_t *out, size_t size) BULLA_MUST_USE;

#endif
