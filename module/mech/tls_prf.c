#include "tls_prf.h"

#include "crypto/arena.h"

/* `chain` is A(i), `block` one block of output: both in locked memory. */
static enum bulla_reason expand(struct bulla_hmac *hmac, const struct bulla_bytes *seeds, size_t count, uint8_t *chain,
    uint8_t *block, uint8_t *out, size_t size)
{
    size_t hash_size = hmac->inner.hash->size;
    struct bulla_bytes parts[BULLA_TLS_SEEDS_MOST + 1] = {{chain, hash_size}};
    for (size_t i = 0; i < count; i++)
        parts[i + 1] = seeds[i];
    BULLA_TRY(bulla_hmac_whole(hmac, seeds, count, chain));
    for (size_t made = 0; made < size; made += hash_size) {
        BULLA_TRY(bulla_hmac_whole(hmac, parts, count + 1, block));
        memcpy(out + made, block, size - made < hash_size ? size - made : hash_size);
        BULLA_TRY(bulla_hmac_whole(hmac, parts, 1, chain));
    }
    return BULLA_OK;
}

enum bulla_reason bulla_tls_prf(const struct bulla_hash *hash, struct bulla_bytes secret,
    const struct bulla_bytes *seeds, size_t count, uint8_t *out, size_t size)
{
    BULLA_HMAC *hmac = NULL;
    BULLA_SECRET uint8_t *memory = NULL;
    if (count > BULLA_TLS_SEEDS_MOST)
        return bulla_refuse(BULLA_INTERNAL, "a PRF of %zu seeds", count);
    BULLA_TRY(bulla_secret_allocate((size_t)2 * BULLA_HASH_LARGEST, (void **)&memory));
    BULLA_TRY(bulla_hmac_make(hash, secret, &hmac));
    return expand(hmac, seeds, count, memory, memory + BULLA_HASH_LARGEST, out, size);
}
