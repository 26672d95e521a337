/* AES-KWP (RFC 5649) under a key of the moment: the second half of the wrappings that begin with a public key. */
#ifndef BULLA_MECH_KWP_H
#define BULLA_MECH_KWP_H

#include "bulla_pkcs11.h"
#include "crypto/secret.h"

enum { BULLA_KWP_BLOCK = 8, BULLA_KWP_SMALLEST = 16 }; /* bytes: what wrapped keys are a multiple of, and the least */

/* Bytes of a key of so many bits, where AES has such keys; else BULLA_PARAMETER. */
enum bulla_reason bulla_kwp_key_size(CK_ULONG bits, size_t *size) BULLA_MUST_USE;
/* Bytes that `size` bytes become. */
size_t bulla_kwp_size(size_t size);
/* `in` has 1 to INT_MAX / 2 bytes. */
enum bulla_reason bulla_kwp_wrap(
    const struct bulla_secret *key, struct bulla_bytes in, struct bulla_writer *out) BULLA_MUST_USE;
/* A multiple of BULLA_KWP_BLOCK bytes, BULLA_KWP_SMALLEST at least. BULLA_CIPHERTEXT for what this key did not wrap. */
enum bulla_reason bulla_kwp_unwrap(
    const struct bulla_secret *key, struct bulla_bytes wrapped, struct bulla_writer *out) BULLA_MUST_USE;

#endif
