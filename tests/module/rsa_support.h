/* What the tests of RSA share: keys that OpenSSL made outside, as objects of the token, and the second opinion that
 * OpenSSL gives on the same key. */
#ifndef BULLA_TESTS_RSA_SUPPORT_H
#define BULLA_TESTS_RSA_SUPPORT_H

#include <openssl/evp.h>

#include "module_fixture.h"

enum { RSA_ROOM = 1024 + 64, RSA_NUMBERS = 8 };

/* The numbers of a key, big-endian, in the order n, e, d, p, q, d mod p-1, d mod q-1, q^-1 mod p. */
struct rsa_number {
    CK_ATTRIBUTE_TYPE type;
    unsigned long size;
    unsigned char bytes[RSA_ROOM];
};
struct rsa_outside {
    EVP_PKEY *pkey;
    struct rsa_number numbers[RSA_NUMBERS];
};
/* Made at the first call for each size, and the process's. */
struct rsa_outside *rsa_outside(unsigned bits);
void rsa_outside_read(EVP_PKEY *pkey, struct rsa_outside *key);

/* A half of it as a session object with these uses (booleans, ending with 0); returns C_CreateObject's code. `which` is
 * a bit for each number that is given. */
enum { RSA_ALL = 0xff, RSA_PUBLIC = 0x03, RSA_WITHOUT_PRIMES = 0x07, RSA_BARE = 0x05 };
CK_RV rsa_create(CK_SESSION_HANDLE session, const struct rsa_outside *key, bool private_half, unsigned which,
    const CK_ATTRIBUTE_TYPE *uses, CK_OBJECT_HANDLE *handle);
struct rsa_pair {
    CK_OBJECT_HANDLE public_key, private_key;
};
/* Both halves, for signing, for encryption or for wrapping; asserted. */
struct rsa_pair rsa_signing(CK_SESSION_HANDLE session, const struct rsa_outside *key);
struct rsa_pair rsa_encrypting(CK_SESSION_HANDLE session, const struct rsa_outside *key);
struct rsa_pair rsa_wrapping(CK_SESSION_HANDLE session, const struct rsa_outside *key);

/* The hashes: every number that PKCS#11 has for one, and OpenSSL's. */
struct rsa_hash {
    CK_MECHANISM_TYPE hash, pkcs, pss;
    CK_ULONG mask;
    const char *name;
    unsigned size;
};
enum { RSA_HASHES = 9 };
extern const struct rsa_hash rsa_hashes[RSA_HASHES];

/* Init and one call. *size is the room, then the size. */
CK_RV rsa_sign(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, const void *data, size_t size,
    unsigned char *out, unsigned long *out_size);
CK_RV rsa_verify(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, const void *data,
    size_t size, const void *signature, size_t signature_size);
CK_RV rsa_encrypt(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, const void *data,
    size_t size, unsigned char *out, unsigned long *out_size);
CK_RV rsa_decrypt(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, const void *data,
    size_t size, unsigned char *out, unsigned long *out_size);

/* OpenSSL's context for the key: hash may be NULL; salt -1: not PSS. Asserted; the caller frees it. */
typedef int rsa_init(EVP_PKEY_CTX *context);
EVP_PKEY_CTX *rsa_context(EVP_PKEY *pkey, rsa_init *init, int padding, const char *hash, const char *mask, int salt);

#endif
