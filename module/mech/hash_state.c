/* The format: 4 bytes of magic with a version, the mechanism (u32), the engine's words, and the first 16 bytes of
 * SHA-256 of all before. The sum finds accidents; it keeps out no one, and needs not: whatever passes it is a state
 * that the hash could be in, and leads to no memory but its own. The engine sees to that: of SHA's states the length
 * follows from the count, so that nothing in the state is a size; BLAKE2b's vouches for its own. A hash has no secret
 * of the token in it: C_DigestKey takes only keys whose value may be read. */
#include "hash_engine.h"

enum { SUM = 16 };
static const uint8_t magic[4] = {'b', 'h', 's', 1};

static enum bulla_reason sum_of(struct bulla_bytes bytes, uint8_t sum[static 32])
{
    return bulla_hash_whole(&bulla_hashes[BULLA_SHA256], bytes, sum);
}

enum bulla_reason bulla_hasher_save(const struct bulla_hasher *hasher, struct bulla_writer *out)
{
    uint8_t bytes[BULLA_HASH_STATE_LARGEST], sum[32]; /* what the caller hashed: no secret of the token's */
    struct bulla_writer writer;
    bulla_writer_open(&writer, bytes, sizeof bytes);
    bulla_write_bytes(&writer, BULLA_BYTES(magic));
    bulla_write_u32(&writer, (uint32_t)hasher->hash->digest);
    BULLA_TRY(hasher->hash->engine->save(hasher, &writer));
    BULLA_TRY(bulla_writer_finish(&writer, "a hash's state"));
    BULLA_TRY(sum_of(bulla_writer_bytes(&writer), sum));
    bulla_write_bytes(out, bulla_writer_bytes(&writer));
    bulla_write(out, sum, SUM);
    return BULLA_OK;
}

static enum bulla_reason invalid(void)
{
    return bulla_refuse(BULLA_STATE_INVALID, "it is not a state that this mechanism's hash was saved in");
}

enum bulla_reason bulla_hasher_restore(
    struct bulla_hasher *hasher, const struct bulla_hash *hash, struct bulla_bytes saved)
{
    struct bulla_reader reader;
    uint8_t sum[32];
    if (saved.size <= SUM || saved.size > BULLA_HASH_STATE_LARGEST + SUM)
        return invalid();
    struct bulla_bytes body = {saved.data, saved.size - SUM};
    BULLA_TRY(sum_of(body, sum));
    if (memcmp(sum, saved.data + body.size, SUM) != 0)
        return invalid();
    BULLA_TRY(bulla_hasher_begin(hasher, hash));
    bulla_reader_open(&reader, body);
    bool known = bulla_bytes_equal(bulla_read(&reader, sizeof magic), BULLA_BYTES(magic)) &&
                 bulla_read_u32(&reader) == hash->digest;
    if (!known || !hash->engine->restore(hasher, &reader) || reader.failed || bulla_reader_left(&reader) != 0)
        return invalid();
    return BULLA_OK;
}
