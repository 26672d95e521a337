/* ECDSA's signatures in their two forms, and its processors. */
#ifndef BULLA_MECH_EC_SIGN_H
#define BULLA_MECH_EC_SIGN_H

#include "mechanism.h"

/* CKM_ECDSA (whole only: the data is a hash, cut to the order's length), and its sisters that hash (the row's detail
 * is OpenSSL's name of the hash). A signature is r ‖ s, each as long as the order. */
extern const struct bulla_processor bulla_ecdsa_processor;
extern const struct bulla_processor bulla_ecdsa_hash_processor;

enum { BULLA_ECDSA_DER_LARGEST = 141 };
/* SEQUENCE { r, s } as OpenSSL writes it, to r ‖ s of `half` bytes each; BULLA_LIBRARY for anything else. */
enum bulla_reason bulla_ecdsa_from_der(struct bulla_bytes der, uint8_t *raw, size_t half) BULLA_MUST_USE;
/* And back; any numbers, also such as no signature has. */
void bulla_ecdsa_to_der(const uint8_t *raw, size_t half, struct bulla_writer *der);

#endif
