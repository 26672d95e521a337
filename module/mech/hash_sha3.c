/* SHA-3 is nettle's: a plain structure, which lies in locked memory where it holds what a key left in it, and can be
 * saved. OpenSSL 3 shows SHA-3's state by no function, and keeps it on the heap.
 *
 * A state as bytes: the 25 lanes, and the open block, whose length is all that is left of the bytes. */
#include "crypto/arena.h"
#include "hash_engine.h"

static void save_lanes(const struct sha3_state *state, struct bulla_writer *out)
{
    for (int i = 0; i < SHA3_STATE_LENGTH; i++)
        bulla_write_u64(out, state->a[i]);
}

/* The length of the open block is what the reader has left: it can't lead out of the block. */
static bool restore_lanes(
    struct sha3_state *state, uint8_t *block, size_t block_size, unsigned *used, struct bulla_reader *in)
{
    for (int i = 0; i < SHA3_STATE_LENGTH; i++)
        state->a[i] = bulla_read_u64(in);
    struct bulla_bytes rest = bulla_read(in, bulla_reader_left(in));
    if (in->failed || rest.size >= block_size)
        return false;
    if (rest.size)
        memcpy(block, rest.data, rest.size);
    *used = (unsigned)rest.size;
    return true;
}

#define SHA3_ENGINE(name, block_size, digest_size)                                                                     \
    static bool begin_##name(struct bulla_hasher *hasher)                                                              \
    {                                                                                                                  \
        name##_init(&hasher->state.name);                                                                              \
        return true;                                                                                                   \
    }                                                                                                                  \
    static bool update_##name(struct bulla_hasher *hasher, struct bulla_bytes in)                                      \
    {                                                                                                                  \
        name##_update(&hasher->state.name, in.size, in.data);                                                          \
        return true;                                                                                                   \
    }                                                                                                                  \
    static bool finish_##name(struct bulla_hasher *hasher, uint8_t *out)                                               \
    {                                                                                                                  \
        name##_digest(&hasher->state.name, digest_size, out);                                                          \
        return true;                                                                                                   \
    }                                                                                                                  \
    static bool copy_##name(struct bulla_hasher *to, const struct bulla_hasher *from)                                  \
    {                                                                                                                  \
        to->state.name = from->state.name;                                                                             \
        return true;                                                                                                   \
    }                                                                                                                  \
    static void end_##name(struct bulla_hasher *hasher)                                                                \
    {                                                                                                                  \
        bulla_wipe(&hasher->state.name, sizeof hasher->state.name);                                                    \
    }                                                                                                                  \
    static enum bulla_reason save_##name(const struct bulla_hasher *hasher, struct bulla_writer *out)                  \
    {                                                                                                                  \
        save_lanes(&hasher->state.name.state, out);                                                                    \
        bulla_write(out, hasher->state.name.block, hasher->state.name.index);                                          \
        return BULLA_OK;                                                                                               \
    }                                                                                                                  \
    static bool restore_##name(struct bulla_hasher *hasher, struct bulla_reader *in)                                   \
    {                                                                                                                  \
        return restore_lanes(                                                                                          \
            &hasher->state.name.state, hasher->state.name.block, block_size, &hasher->state.name.index, in);           \
    }                                                                                                                  \
    const struct bulla_hash_engine bulla_##name##_engine = {                                                           \
        begin_##name, update_##name, finish_##name, copy_##name, end_##name, save_##name, restore_##name};

SHA3_ENGINE(sha3_224, SHA3_224_BLOCK_SIZE, SHA3_224_DIGEST_SIZE)
SHA3_ENGINE(sha3_256, SHA3_256_BLOCK_SIZE, SHA3_256_DIGEST_SIZE)
SHA3_ENGINE(sha3_384, SHA3_384_BLOCK_SIZE, SHA3_384_DIGEST_SIZE)
SHA3_ENGINE(sha3_512, SHA3_512_BLOCK_SIZE, SHA3_512_DIGEST_SIZE)
