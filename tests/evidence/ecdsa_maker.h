/* ECDSA signatures of tests, by the keys that support/pki.h makes. Whatever can't be done aborts the test program. */
#ifndef BULLA_TESTS_ECDSA_MAKER_H
#define BULLA_TESTS_ECDSA_MAKER_H

#include "crypto/bytes.h"

/* r ‖ s, big-endian, `field` bytes each. */
void ecdsa_make(void *key, const char *digest, struct bulla_bytes message, size_t field, uint8_t *pair);
/* x ‖ y of the public key; returns how many bytes. */
size_t ecdsa_point(void *key, uint8_t *out, size_t capacity);

#endif
