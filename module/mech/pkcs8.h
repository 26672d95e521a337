/* PKCS#8, the plain form of private keys that are wrapped (RFC 5208, RFC 5958): OneAsymmetricKey in DER. */
#ifndef BULLA_MECH_PKCS8_H
#define BULLA_MECH_PKCS8_H

#include "crypto/bytes.h"

struct evp_pkey_st;

/* Writes the private key as DER. `out` is locked memory. BULLA_LIBRARY for a key that has no such form. */
enum bulla_reason bulla_pkcs8_write(struct evp_pkey_st *pkey, struct bulla_writer *out) BULLA_MUST_USE;
/* The way back: one key and nothing behind it, else BULLA_WRAPPED_KEY. The key is the caller's to free; that its
 * values belong together is for the caller to check. */
enum bulla_reason bulla_pkcs8_read(struct bulla_bytes der, struct evp_pkey_st **pkey) BULLA_MUST_USE;

#endif
