/* SHA-1 and SHA-2 are OpenSSL's, by its functions on plain structures: the same assembly as behind EVP, without an
 * allocation and a provider's dispatch for each message, which cost more than hashing a short one; and a plain
 * structure lies in locked memory, and can be saved and restored. OpenSSL 3 calls these functions deprecated, and has
 * them. Of SHA-3 it has none in public: that is nettle's (hash_sha3.c). BLAKE2b is libsodium's (hash_blake2b.c). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "hash_engine.h"

#include "crypto/arena.h"

/* --- the state of SHA-1 and SHA-2 as bytes: the words, how many bytes were hashed, and those of the open block --- */

enum { SMALL_BLOCK = 64, LARGE_BLOCK = 128 };

static enum bulla_reason save_rest(uint64_t bytes, const void *block, size_t block_size, struct bulla_writer *out)
{
    bulla_write_u64(out, bytes);
    bulla_write(out, block, bytes % block_size);
    return BULLA_OK;
}

/* How full the open block is follows from the count: nothing in a saved state says where to write. */
static bool restore_rest(
    struct bulla_reader *in, uint64_t most, void *block, size_t block_size, uint64_t *bytes, unsigned *used)
{
    *bytes = bulla_read_u64(in);
    *used = (unsigned)(*bytes % block_size);
    struct bulla_bytes rest = bulla_read(in, *used);
    if (in->failed || *bytes > most)
        return false;
    if (rest.size)
        memcpy(block, rest.data, rest.size);
    return true;
}

static enum bulla_reason save_sha1(const struct bulla_hasher *hasher, struct bulla_writer *out)
{
    const SHA_CTX *state = &hasher->state.sha1;
    const SHA_LONG words[] = {state->h0, state->h1, state->h2, state->h3, state->h4};
    for (int i = 0; i < 5; i++)
        bulla_write_u32(out, words[i]);
    return save_rest(((uint64_t)state->Nh << 32 | state->Nl) / 8, state->data, SMALL_BLOCK, out);
}

static bool restore_sha1(struct bulla_hasher *hasher, struct bulla_reader *in)
{
    SHA_CTX *state = &hasher->state.sha1;
    SHA_LONG *words[] = {&state->h0, &state->h1, &state->h2, &state->h3, &state->h4};
    uint64_t bytes;
    for (int i = 0; i < 5; i++)
        *words[i] = bulla_read_u32(in);
    if (!restore_rest(in, UINT64_MAX / 8, state->data, SMALL_BLOCK, &bytes, &state->num))
        return false;
    state->Nl = (SHA_LONG)(bytes * 8);
    state->Nh = (SHA_LONG)(bytes * 8 >> 32);
    return true;
}

static enum bulla_reason save_sha256(const struct bulla_hasher *hasher, struct bulla_writer *out)
{
    const SHA256_CTX *state = &hasher->state.sha256;
    for (int i = 0; i < 8; i++)
        bulla_write_u32(out, state->h[i]);
    return save_rest(((uint64_t)state->Nh << 32 | state->Nl) / 8, state->data, SMALL_BLOCK, out);
}

static bool restore_sha256(struct bulla_hasher *hasher, struct bulla_reader *in)
{
    SHA256_CTX *state = &hasher->state.sha256;
    uint64_t bytes;
    for (int i = 0; i < 8; i++)
        state->h[i] = bulla_read_u32(in);
    if (!restore_rest(in, UINT64_MAX / 8, state->data, SMALL_BLOCK, &bytes, &state->num))
        return false;
    state->Nl = (SHA_LONG)(bytes * 8);
    state->Nh = (SHA_LONG)(bytes * 8 >> 32);
    return true;
}

/* SHA-512 counts to 2^128 bits; what counts in bytes, in 64 bits, is enough for as long as anyone waits. */
static enum bulla_reason save_sha512(const struct bulla_hasher *hasher, struct bulla_writer *out)
{
    const SHA512_CTX *state = &hasher->state.sha512;
    for (int i = 0; i < 8; i++)
        bulla_write_u64(out, state->h[i]);
    return save_rest(state->Nl >> 3 | state->Nh << 61, state->u.p, LARGE_BLOCK, out);
}

static bool restore_sha512(struct bulla_hasher *hasher, struct bulla_reader *in)
{
    SHA512_CTX *state = &hasher->state.sha512;
    uint64_t bytes;
    for (int i = 0; i < 8; i++)
        state->h[i] = bulla_read_u64(in);
    if (!restore_rest(in, UINT64_MAX, state->u.p, LARGE_BLOCK, &bytes, &state->num))
        return false;
    state->Nl = bytes << 3;
    state->Nh = bytes >> 61;
    return true;
}

/* --- OpenSSL's plain structures --- */

#define PLAIN_ENGINE(name, function, member)                                                                           \
    static bool begin_##name(struct bulla_hasher *hasher)                                                              \
    {                                                                                                                  \
        return function##_Init(&hasher->state.member) == 1;                                                            \
    }                                                                                                                  \
    static bool update_##name(struct bulla_hasher *hasher, struct bulla_bytes in)                                      \
    {                                                                                                                  \
        return function##_Update(&hasher->state.member, in.data, in.size) == 1;                                        \
    }                                                                                                                  \
    static bool finish_##name(struct bulla_hasher *hasher, uint8_t *out)                                               \
    {                                                                                                                  \
        return function##_Final(out, &hasher->state.member) == 1;                                                      \
    }                                                                                                                  \
    static bool copy_##name(struct bulla_hasher *to, const struct bulla_hasher *from)                                  \
    {                                                                                                                  \
        to->state.member = from->state.member;                                                                         \
        return true;                                                                                                   \
    }                                                                                                                  \
    static void end_##name(struct bulla_hasher *hasher)                                                                \
    {                                                                                                                  \
        bulla_wipe(&hasher->state.member, sizeof hasher->state.member);                                                \
    }                                                                                                                  \
    const struct bulla_hash_engine bulla_##name##_engine = {                                                           \
        begin_##name, update_##name, finish_##name, copy_##name, end_##name, save_##member, restore_##member};

PLAIN_ENGINE(sha1, SHA1, sha1)
PLAIN_ENGINE(sha224, SHA224, sha256)
PLAIN_ENGINE(sha256, SHA256, sha256)
PLAIN_ENGINE(sha384, SHA384, sha512)
PLAIN_ENGINE(sha512, SHA512, sha512)
