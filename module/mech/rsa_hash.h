/* The hashes of RSA's paddings, by the numbers that PKCS#11 has for them. */
#ifndef BULLA_MECH_RSA_HASH_H
#define BULLA_MECH_RSA_HASH_H

#include <openssl/types.h>

#include "bulla_pkcs11.h"
#include "crypto/reason.h"

struct bulla_rsa_hash {
    CK_MECHANISM_TYPE mechanism;
    CK_ULONG mask;    /* CKG_: the mask generation function by this hash */
    const char *name; /* OpenSSL's */
    size_t size;      /* bytes */
};

/* NULL: there is no such hash. */
const struct bulla_rsa_hash *bulla_rsa_hash_find(CK_MECHANISM_TYPE mechanism);
const struct bulla_rsa_hash *bulla_rsa_hash_find_mask(CK_ULONG mask);
/* OpenSSL's implementation, fetched once; it lives until the process ends. NULL where OpenSSL has none. */
const EVP_MD *bulla_rsa_hash_library(const struct bulla_rsa_hash *hash);

#endif
