/* Verifying the signatures that evidence, certificates and principals carry. Nothing here is secret.
 *
 * Keys are given as their raw numbers, signatures in fixed-size raw form. High S is allowed, as TPMs
 * and Nitro make it. BULLA_KEY_INVALID: the key is no point of its curve or of another size; BULLA_SIGNATURE: it does
 * not verify; BULLA_UNSUPPORTED: another combination than those listed; BULLA_OUT_OF_MEMORY. */
#ifndef BULLA_CRYPTO_SIGNATURE_H
#define BULLA_CRYPTO_SIGNATURE_H

#include "bytes.h"

enum bulla_hash { BULLA_SHA1, BULLA_SHA256, BULLA_SHA384, BULLA_SHA512, BULLA_HASHES };
enum { BULLA_HASH_LARGEST = 64 };
size_t bulla_hash_size(enum bulla_hash hash);
const char *bulla_hash_name(enum bulla_hash hash); /* "SHA-256" */
/* digest: bulla_hash_size(hash) bytes, at most BULLA_HASH_LARGEST. SHA-1 is for replaying old event logs only: no
 * signature over it is taken. */
enum bulla_reason bulla_hash_parts(
    enum bulla_hash hash, const struct bulla_bytes *parts, size_t count, uint8_t *digest) BULLA_MUST_USE;

enum bulla_key_kind_public {
    BULLA_PUBLIC_P256,    /* point: 65 bytes, 0x04 first */
    BULLA_PUBLIC_P384,    /* point: 97 bytes, 0x04 first */
    BULLA_PUBLIC_RSA,     /* modulus 256–512 bytes, exponent */
    BULLA_PUBLIC_ED25519, /* 32 bytes */
};
struct bulla_public_key {
    enum bulla_key_kind_public kind;
    struct bulla_bytes value; /* the point, the modulus (big-endian, no leading zero) or the 32 bytes */
    uint64_t exponent;        /* of RSA; 65537 */
};
enum bulla_padding { BULLA_PADDING_NONE, BULLA_PADDING_PKCS1, BULLA_PADDING_PSS };
struct bulla_signature {
    enum bulla_hash hash;
    enum bulla_padding
        padding; /* of RSA: PSS with the salt as long as the hash or the longest possible, MGF1 of `hash` */
    struct bulla_bytes value; /* r ‖ s, each as long as the curve's field; or as long as the modulus; or 64 bytes */
};
enum bulla_reason bulla_signature_verify(const struct bulla_public_key *key, const struct bulla_signature *signature,
    struct bulla_bytes message) BULLA_MUST_USE;

#endif
