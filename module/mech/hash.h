/* Hashes: one table of all, and hashing by it. FIPS 180-4, FIPS 202, RFC 7693. */
#ifndef BULLA_MECH_HASH_H
#define BULLA_MECH_HASH_H

#include <nettle/sha3.h>
#include <openssl/sha.h>
#include <openssl/types.h>

#include "bulla_pkcs11.h"
#include "crypto/bytes.h"

enum { BULLA_HASH_LARGEST = 64, BULLA_HASH_BLOCK_LARGEST = 144 }; /* bytes; the block is that of SHA3-224 */

struct bulla_hash_engine;

struct bulla_hash {
    CK_MECHANISM_TYPE digest, hmac, hmac_general;
    CK_KEY_TYPE hmac_key;
    const char *name;         /* for people */
    const char *library_name; /* OpenSSL's; NULL where it has no such hash */
    const struct bulla_hash_engine *engine;
    uint16_t size, block; /* bytes */
};

/* The table, for families whose rows point into it. */
enum bulla_hash_index {
    BULLA_SHA1,
    BULLA_SHA224,
    BULLA_SHA256,
    BULLA_SHA384,
    BULLA_SHA512,
    BULLA_SHA512_224,
    BULLA_SHA512_256,
    BULLA_SHA3_224,
    BULLA_SHA3_256,
    BULLA_SHA3_384,
    BULLA_SHA3_512,
    BULLA_BLAKE2B_160,
    BULLA_BLAKE2B_256,
    BULLA_BLAKE2B_384,
    BULLA_BLAKE2B_512,
    BULLA_HASHES,
};
extern const struct bulla_hash bulla_hashes[BULLA_HASHES];

/* By the number of the digest (CKM_SHA256 …) or of its HMAC (CKM_SHA256_HMAC …); NULL: no such hash. */
const struct bulla_hash *bulla_hash_find(CK_MECHANISM_TYPE digest);
const struct bulla_hash *bulla_hash_find_hmac(CK_MECHANISM_TYPE hmac);
/* The family's close: what hashes keep until C_Finalize. */
void bulla_hashes_close(void);

/* A hash under way: plain memory. Zeroed, it is one that is not begun, and may be ended; it stays at the address where
 * it was begun. bulla_hasher_end wipes it. */
struct bulla_hasher {
    const struct bulla_hash *hash;
    union {
        SHA_CTX sha1;
        SHA256_CTX sha256;
        SHA512_CTX sha512;
        struct sha3_224_ctx sha3_224;
        struct sha3_256_ctx sha3_256;
        struct sha3_384_ctx sha3_384;
        struct sha3_512_ctx sha3_512;
        uint8_t blake2b[448]; /* libsodium's 384 bytes, at a multiple of 64 */
    } state;
};

enum bulla_reason bulla_hasher_begin(struct bulla_hasher *hasher, const struct bulla_hash *hash) BULLA_MUST_USE;
enum bulla_reason bulla_hasher_update(struct bulla_hasher *hasher, struct bulla_bytes in) BULLA_MUST_USE;
/* Writes hash->size bytes; the hasher is then to be begun again or ended. */
enum bulla_reason bulla_hasher_finish(struct bulla_hasher *hasher, uint8_t *out) BULLA_MUST_USE;
/* Makes `to` (zeroed, or begun before with the same hash) go on where `from` stands. */
enum bulla_reason bulla_hasher_copy(struct bulla_hasher *to, const struct bulla_hasher *from) BULLA_MUST_USE;
void bulla_hasher_end(struct bulla_hasher *hasher);
#define BULLA_HASHER __attribute__((cleanup(bulla_hasher_end))) struct bulla_hasher

/* All at once: `out` gets hash->size bytes. */
enum bulla_reason bulla_hash_whole(const struct bulla_hash *hash, struct bulla_bytes in, uint8_t *out) BULLA_MUST_USE;

/* --- hash_state.c: a hash under way as bytes. What is read is judged whole, never trusted: BULLA_STATE_INVALID. A
 * state of BLAKE2b is read by the process that wrote it, until C_Finalize; the others by anyone. */
enum { BULLA_HASH_STATE_LARGEST = 512 };
enum bulla_reason bulla_hasher_save(const struct bulla_hasher *hasher, struct bulla_writer *out) BULLA_MUST_USE;
enum bulla_reason bulla_hasher_restore(
    struct bulla_hasher *hasher, const struct bulla_hash *hash, struct bulla_bytes saved) BULLA_MUST_USE;

#endif
