/* An authority's P-256 key, in files: PEM (PKCS#8 private, SubjectPublicKeyInfo public), or the public key as hex. */
#ifndef BULLA_TOOLS_AUTHORITY_H
#define BULLA_TOOLS_AUTHORITY_H

#include "crypto/cose.h"

enum { BULLA_AUTHORITY_SIZE = 65, BULLA_AUTHORITY_HASH = 16 };

/* The private key: OpenSSL's memory holds it from open to close, and is cleansed there. */
struct bulla_authority {
    void *key; /* EVP_PKEY */
    uint8_t public_key[BULLA_AUTHORITY_SIZE];
    struct bulla_cose_signer signer; /* ES256 by this key; for bulla_policy_sign */
};
/* A key protected by a passphrase asks for it on the terminal. BULLA_KEY_INVALID, BULLA_FILE, BULLA_PASSPHRASE_WRONG.
 */
enum bulla_reason bulla_authority_open(struct bulla_authority *authority, const char *path) BULLA_MUST_USE;
void bulla_authority_close(struct bulla_authority *authority);

/* Any private key in a PEM file: an EVP_PKEY, the caller's to free. */
enum bulla_reason bulla_key_file_open(const char *path, const char *whose, void **key) BULLA_MUST_USE;

/* Makes a key pair: `path` (0600, private) and `path`.pub (0644); neither is overwritten, and on refusal
 * neither is there that was not before. To standard output ("-") goes the private key alone. */
enum bulla_reason bulla_authority_generate(
    const char *path, uint8_t public_key[static BULLA_AUTHORITY_SIZE]) BULLA_MUST_USE;
/* What an authority is called wherever one is shown: the first 16 hex digits of the SHA-256 of its public key. */
void bulla_authority_hash(struct bulla_bytes public_key, char hash[static BULLA_AUTHORITY_HASH + 1]);
/* A public key from a file (PEM or hex) or from hex on the command line; checked to be a point of the curve. */
enum bulla_reason bulla_authority_public(
    const char *text, uint8_t public_key[static BULLA_AUTHORITY_SIZE]) BULLA_MUST_USE;

#endif
