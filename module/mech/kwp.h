/* AES-KWP (RFC 5649) under a key of the moment: the second half of the wrappings that begin with a public key. */
#ifndef BULLA_MECH_KWP_H
#define BULLA_MECH_KWP_H

#include "bulla_pkcs11.h"
#include "crypto/secret.h"

/* Bytes of a key of so many bits, where AES has such keys; else BULLA_PARAMETER. */
enum bulla_reason bulla_kwp_key_size(CK_ULONG bits, size_t *size) BULLA_MUST_USE;
/* The most that wrapping `in` gives, behind `before` bytes for the key of the moment, and unwrapping `in`, which begins
 * with these: for `bound`. BULLA_DATA_LENGTH, BULLA_CIPHERTEXT_LENGTH; what they take the functions below can do. */
enum bulla_reason bulla_kwp_bound_wrap(size_t before, struct bulla_bytes in, size_t *bytes) BULLA_MUST_USE;
enum bulla_reason bulla_kwp_bound_unwrap(size_t before, struct bulla_bytes in, size_t *bytes) BULLA_MUST_USE;
enum bulla_reason bulla_kwp_wrap(
    const struct bulla_secret *key, struct bulla_bytes in, struct bulla_writer *out) BULLA_MUST_USE;
/* BULLA_CIPHERTEXT for what this key did not wrap. */
enum bulla_reason bulla_kwp_unwrap(
    const struct bulla_secret *key, struct bulla_bytes wrapped, struct bulla_writer *out) BULLA_MUST_USE;

#endif
