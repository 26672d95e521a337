/* Written on the hashes themselves: no library has HMAC over all of them (BLAKE2b of 160, 256 and 384 bits), a prepared
 * key lies where its owner wants it, and a short message costs two copies of a state and two or three blocks. */
#include "hmac.h"

#include "crypto/arena.h"

enum { INNER = 0x36, OUTER = 0x5c };

/* `block` holds the key padded with zeroes, and is xored in place. */
static enum bulla_reason absorb(
    struct bulla_hasher *hasher, const struct bulla_hash *hash, uint8_t *block, uint8_t padding)
{
    for (int i = 0; i < hash->block; i++)
        block[i] ^= padding;
    BULLA_TRY(bulla_hasher_begin(hasher, hash));
    return bulla_hasher_update(hasher, (struct bulla_bytes){block, hash->block});
}

enum bulla_reason bulla_hmac_key(struct bulla_hmac *hmac, const struct bulla_hash *hash, struct bulla_bytes key)
{
    BULLA_SECRET uint8_t *block = NULL;
    BULLA_TRY(bulla_secret_allocate(BULLA_HASH_BLOCK_LARGEST, (void **)&block));
    if (key.size > hash->block) {
        BULLA_TRY(bulla_hasher_begin(&hmac->running, hash));
        BULLA_TRY(bulla_hasher_update(&hmac->running, key));
        BULLA_TRY(bulla_hasher_finish(&hmac->running, block));
    } else if (key.size) {
        memcpy(block, key.data, key.size);
    }
    BULLA_TRY(absorb(&hmac->inner, hash, block, INNER));
    return absorb(&hmac->outer, hash, block, INNER ^ OUTER);
}

enum bulla_reason bulla_hmac_begin(struct bulla_hmac *hmac)
{
    return bulla_hasher_copy(&hmac->running, &hmac->inner);
}

enum bulla_reason bulla_hmac_update(struct bulla_hmac *hmac, struct bulla_bytes in)
{
    return bulla_hasher_update(&hmac->running, in);
}

enum bulla_reason bulla_hmac_finish(struct bulla_hmac *hmac, uint8_t *out)
{
    BULLA_TRY(bulla_hasher_finish(&hmac->running, out));
    BULLA_TRY(bulla_hasher_copy(&hmac->running, &hmac->outer));
    BULLA_TRY(bulla_hasher_update(&hmac->running, (struct bulla_bytes){out, hmac->outer.hash->size}));
    return bulla_hasher_finish(&hmac->running, out);
}

enum bulla_reason bulla_hmac_whole(struct bulla_hmac *hmac, const struct bulla_bytes *parts, size_t count, uint8_t *out)
{
    BULLA_TRY(bulla_hmac_begin(hmac));
    for (size_t i = 0; i < count; i++)
        BULLA_TRY(bulla_hmac_update(hmac, parts[i]));
    return bulla_hmac_finish(hmac, out);
}

void bulla_hmac_end(struct bulla_hmac *hmac)
{
    bulla_hasher_end(&hmac->inner);
    bulla_hasher_end(&hmac->outer);
    bulla_hasher_end(&hmac->running);
}

enum bulla_reason bulla_hmac_make(const struct bulla_hash *hash, struct bulla_bytes key, struct bulla_hmac **hmac)
{
    void *memory = NULL;
    BULLA_TRY(bulla_secret_allocate(sizeof **hmac, &memory));
    *hmac = memory;
    return bulla_hmac_key(*hmac, hash, key);
}

void bulla_hmac_free(struct bulla_hmac **hmac)
{
    if (!*hmac)
        return;
    bulla_hmac_end(*hmac);
    bulla_secret_free(*hmac);
    *hmac = NULL;
}
