/* What computes a hash: a vtable for each library's way. For hash.c and hash_state.c only. */
#ifndef BULLA_MECH_HASH_ENGINE_H
#define BULLA_MECH_HASH_ENGINE_H

#include "hash.h"

struct bulla_hash_engine {
    bool (*begin)(struct bulla_hasher *hasher); /* hasher->hash is set */
    bool (*update)(struct bulla_hasher *hasher, struct bulla_bytes in);
    bool (*finish)(struct bulla_hasher *hasher, uint8_t *out);
    bool (*copy)(struct bulla_hasher *to, const struct bulla_hasher *from);
    void (*end)(struct bulla_hasher *hasher); /* wipes the state and frees what it holds */
    /* Of what is read, everything may be wrong. */
    enum bulla_reason (*save)(const struct bulla_hasher *hasher, struct bulla_writer *out);
    bool (*restore)(struct bulla_hasher *hasher, struct bulla_reader *in);
};

extern const struct bulla_hash_engine bulla_sha1_engine, bulla_sha224_engine, bulla_sha256_engine, bulla_sha384_engine,
    bulla_sha512_engine, bulla_sha512_224_engine, bulla_sha512_256_engine, bulla_sha3_224_engine, bulla_sha3_256_engine,
    bulla_sha3_384_engine, bulla_sha3_512_engine, bulla_blake2b_engine;

/* What hash_blake2b.c keeps until C_Finalize. */
void bulla_blake2b_close(void);

#endif
