/* An authority whose private key is 1, and whose public key so the generator of P-256: fuzzed payloads that name it are
 * signed, so that what lies behind a signature is fuzzed, too. */
#ifndef BULLA_TESTS_AUTHORITY_ONE_H
#define BULLA_TESTS_AUTHORITY_ONE_H

#include <stdbool.h>

#include "crypto/cose.h"

/* Puts a COSE_Sign1 over `*bytes` in their place, in `memory`; false when they are too many for one. */
bool authority_one_sign(struct bulla_bytes *bytes, uint8_t *memory, size_t size);

#endif
