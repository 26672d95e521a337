/* A public key as OpenSSL wants it, of the numbers that signature.h has. */
#ifndef BULLA_CRYPTO_PUBLIC_KEY_H
#define BULLA_CRYPTO_PUBLIC_KEY_H

#include <openssl/evp.h>

#include "signature.h"

/* RSA of at most 512 bytes, P-256 or P-384, for the caller to free. NULL when it is of another kind, OpenSSL does not
 * take the numbers (a point off its curve), or memory is short. OpenSSL's errors are the caller's to clear. */
EVP_PKEY *bulla_public_key_make(const struct bulla_public_key *key);

#endif
