/* The variants of EdDSA (RFC 8032, 5.1 and 5.2) and what OpenSSL does of them. */
#ifndef BULLA_MECH_EDWARDS_VARIANT_H
#define BULLA_MECH_EDWARDS_VARIANT_H

#include "mechanism.h"

struct evp_pkey_st;
enum { BULLA_EDDSA_CONTEXT_LARGEST = 255 };

struct bulla_eddsa_variant {
    const char *instance; /* OpenSSL's name; NULL: the pure form without a context */
    uint8_t context[BULLA_EDDSA_CONTEXT_LARGEST];
    size_t context_size;
};

/* Reads no parameter, or CK_EDDSA_PARAMS: phFlag asks for prehashing (which is done here: the data is the message), a
 * context may have 255 bytes. BULLA_PARAMETER where that is not so, or the OpenSSL that runs has only the pure form
 * (before 3.2). `curve` counts in bulla_curves. */
enum bulla_reason bulla_eddsa_variant_read(
    const CK_MECHANISM *mechanism, CK_ULONG curve, struct bulla_eddsa_variant *variant) BULLA_MUST_USE;
/* By OpenSSL, whole. */
bool bulla_eddsa_sign(const struct bulla_eddsa_variant *variant, struct evp_pkey_st *pkey, struct bulla_bytes message,
    uint8_t *signature, size_t size) BULLA_MUST_USE;
bool bulla_eddsa_verify(const struct bulla_eddsa_variant *variant, struct evp_pkey_st *pkey, struct bulla_bytes message,
    struct bulla_bytes signature) BULLA_MUST_USE;

#endif
