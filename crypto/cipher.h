/* Symmetric primitives in the one shape the rest uses: AEAD, HKDF, hash, Argon2id. Keys are 32 bytes and lie in the
 * arena; library contexts that hold them are cleansed and freed before return. */
#ifndef BULLA_CRYPTO_CIPHER_H
#define BULLA_CRYPTO_CIPHER_H

#include "bytes.h"

enum bulla_aead {
    BULLA_AEAD_AES_256_GCM = 3,    /* 12-byte nonce; number of COSE's A256GCM */
    BULLA_AEAD_XCHACHA20 = -65601, /* 24-byte nonce; private number */
};
enum { BULLA_AEAD_TAG = 16 };

size_t bulla_aead_nonce_size(enum bulla_aead aead);

/* out: size + 16 bytes, tag last; in and out may be the same memory. XChaCha20-Poly1305 is libsodium's HChaCha20 and
 * OpenSSL's ChaCha20-Poly1305, about three times as fast as libsodium's own. */
enum bulla_reason bulla_aead_seal(enum bulla_aead aead, const uint8_t key[static 32], const uint8_t *nonce,
    struct bulla_bytes aad, struct bulla_bytes in, uint8_t *out) BULLA_MUST_USE;
/* in: ciphertext and tag. out: in.size - 16 bytes; on BULLA_AUTHENTICATION it is wiped. */
enum bulla_reason bulla_aead_open(enum bulla_aead aead, const uint8_t key[static 32], const uint8_t *nonce,
    struct bulla_bytes aad, struct bulla_bytes in, uint8_t *out) BULLA_MUST_USE;

/* A small secret at rest ("box"): nonce (24) ‖ XChaCha20-Poly1305 ciphertext ‖ tag, with a fresh random nonce. The AAD
 * is bound, and the key is committed to: a 32-byte commitment (BLAKE2b keyed) stands before the nonce and is checked
 * first: BULLA_COMMITMENT for another key or AAD, BULLA_AUTHENTICATION for a changed box. */
enum { BULLA_BOX_OVERHEAD = 32 + 24 + 16 };
enum bulla_reason bulla_box_seal(const uint8_t key[static 32], struct bulla_bytes aad, struct bulla_bytes secret,
    struct bulla_writer *writer) BULLA_MUST_USE;
enum bulla_reason bulla_box_open(const uint8_t key[static 32], struct bulla_bytes aad, struct bulla_bytes box,
    uint8_t *out) BULLA_MUST_USE; /* out: box.size - BULLA_BOX_OVERHEAD bytes */

/* RFC 5869 with SHA-256; out up to 255 * 32 bytes. */
enum bulla_reason bulla_hkdf(struct bulla_bytes key, struct bulla_bytes salt, struct bulla_bytes info, uint8_t *out,
    size_t out_size) BULLA_MUST_USE;

void bulla_sha256(struct bulla_bytes bytes, uint8_t digest[static 32]);
/* Over several parts, without joining them. */
void bulla_sha256_parts(const struct bulla_bytes *parts, size_t count, uint8_t digest[static 32]);

/* Argon2id of libsodium with its own parameters kept beside what it protects. */
struct bulla_argon2 {
    uint64_t operations;
    uint64_t memory; /* bytes; at most 1 GiB is accepted from a file */
    uint8_t salt[16];
};
/* Fresh salt, and the parameters for an interactive login: 3 passes over 64 MiB. With `quick`, 1 pass over 8 MiB: for
 * tests only, chosen by the configuration setting pin-cost. */
void bulla_argon2_choose(struct bulla_argon2 *argon2, bool quick);
enum bulla_reason bulla_argon2_derive(
    const struct bulla_argon2 *argon2, struct bulla_bytes passphrase, uint8_t key[static 32]) BULLA_MUST_USE;

#endif
