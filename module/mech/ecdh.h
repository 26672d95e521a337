/* CKM_ECDH1_DERIVE and CKM_ECDH1_COFACTOR_DERIVE, which are one: the curves of EC keys have the cofactor 1, and X25519
 * and X448 multiply by theirs anyway (RFC 7748).
 *
 * The other party's key is a raw point or one in DER, as for CKA_EC_POINT; one that is not on the curve, and a shared
 * secret of zeroes (a point of small order), is refused with BULLA_PARAMETER. Without a key derivation function the
 * value is the shared secret: the x coordinate, of the field's size, or the octets of RFC 7748. Where the template
 * wants fewer bytes, those at its end remain (PKCS#11 3.1, 6.3.17: "removes bytes from the leading end").
 * With one (ANSI X9.63, SEC 1 3.6.1) the template has to say how many bytes it wants. */
#ifndef BULLA_MECH_ECDH_H
#define BULLA_MECH_ECDH_H

#include "ec_curve.h"
#include "mechanism.h"

bulla_derive bulla_ecdh_derive;

/* The same as a key encapsulation (3.2, 6.3.20): the ciphertext is the point of an ephemeral key, uncompressed; the
 * parameter has no public key. BULLA_WRAPPED_KEY for what is no point. */
bulla_encapsulate bulla_ecdh_encapsulate;
bulla_decapsulate bulla_ecdh_decapsulate;
size_t bulla_ecdh_encapsulation_size(const struct bulla_key *key);

/* What CKM_ECDH1_DERIVE says of this parameter, but for the other party's point. BULLA_PARAMETER. */
enum bulla_reason bulla_ecdh_judge(const CK_ECDH1_DERIVE_PARAMS *params) BULLA_MUST_USE;
/* Fills `key` with what it derives by this parameter from a private key of a Weierstrass curve; the other party's point
 * is one in full, without DER, and BULLA_KEY_VALUE where it is not on the curve. */
enum bulla_reason bulla_ecdh_key(const struct bulla_curve *curve, struct evp_pkey_st *own,
    const CK_ECDH1_DERIVE_PARAMS *params, const struct bulla_secret *key) BULLA_MUST_USE;

/* ecdh_wrap.c: CKM_ECDH_AES_KEY_WRAP */
extern const struct bulla_processor bulla_ecdh_aes_wrap, bulla_ecdh_aes_unwrap;

#endif
