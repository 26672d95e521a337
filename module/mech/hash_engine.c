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

/* FIPS 180-4, 5.3.6: SHA-512 from other words, cut. OpenSSL has no such function in public; its SHA512_Final cuts. */
static int begin_cut(SHA512_CTX *state, const uint64_t words[static 8], unsigned size)
{
    int begun = SHA512_Init(state);
    for (int i = 0; i < 8; i++)
        state->h[i] = words[i];
    state->md_len = size;
    return begun;
}

static int sha512_224_init(SHA512_CTX *state)
{
    static const uint64_t words[8] = {0x8c3d37c819544da2, 0x73e1996689dcd4d6, 0x1dfab7ae32ff9c82, 0x679dd514582f9fcf,
        0x0f6d2b697bd44da8, 0x77e36f7304c48942, 0x3f9d85a86a1d36c8, 0x1112e6ad91d692a1};
    return begin_cut(state, words, 28);
}

static int sha512_256_init(SHA512_CTX *state)
{
    static const uint64_t words[8] = {0x22312194fc2bf72c, 0x9f555fa3c84c64c2, 0x2393b86b6f53b151, 0x963877195940eabd,
        0x96283ee2a88effe3, 0xbe5e1e2553863992, 0x2b0199fc2c85b8aa, 0x0eb72ddc81c52ca2};
    return begin_cut(state, words, 32);
}

#define PLAIN_ENGINE(name, init, function, member)                                                                     \
    static bool begin_##name(struct bulla_hasher *hasher)                                                              \
    {                                                                                                                  \
        return init(&hasher->state.member) == 1;                                                                       \
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

PLAIN_ENGINE(sha1, SHA1_Init, SHA1, sha1)
PLAIN_ENGINE(sha224, SHA224_Init, SHA224, sha256)
PLAIN_ENGINE(sha256, SHA256_Init, SHA256, sha256)
PLAIN_ENGINE(sha384, SHA384_Init, SHA384, sha512)
PLAIN_ENGINE(sha512, SHA512_Init, SHA512, sha512)
PLAIN_ENGINE(sha512_224, sha512_224_init, SHA512, sha512)
PLAIN_ENGINE(sha512_256, sha512_256_init, SHA512, sha512)
