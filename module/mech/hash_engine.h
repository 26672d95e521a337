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
    /* NULL: the state can't be told. Of what is read, everything may be wrong. */
    void (*save)(const struct bulla_hasher *hasher, struct bulla_writer *out);
    bool (*restore)(struct bulla_hasher *hasher, struct bulla_reader *in);
};

extern const struct bulla_hash_engine bulla_sha1_engine, bulla_sha224_engine, bulla_sha256_engine, bulla_sha384_engine,
    bulla_sha512_engine, bulla_library_engine, bulla_blake2b_engine;

#endif
