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

/* The same by hand, for families that read and write their keys' numbers themselves: what comes before a private key of
 * key_size bytes, and the parts of the whole as views. `algorithm` is the whole AlgorithmIdentifier, `key` the content
 * of the octet string. Attributes and a public key behind it (RFC 5958) are read over. BULLA_WRAPPED_KEY. */
struct bulla_pkcs8 {
    struct bulla_bytes algorithm;
    struct bulla_bytes key;
};
void bulla_pkcs8_head(struct bulla_writer *out, struct bulla_bytes algorithm, size_t key_size);
enum bulla_reason bulla_pkcs8_split(struct bulla_bytes der, struct bulla_pkcs8 *parts) BULLA_MUST_USE;

#endif
