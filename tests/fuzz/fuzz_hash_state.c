/* Saved states of hashes: the first byte chooses the hash, the rest is what C_SetOperationState might be given, with a
 * sum that is right, as anyone can make it. What is taken is saved as the same bytes, and goes on hashing within its
 * own memory. */
#include "fuzz.h"

#include <string.h>

#include "mech/hash.h"

enum { SUM = 16 };

static void go_on(struct bulla_hasher *hasher)
{
    static const uint8_t more[300] = {1};
    uint8_t digest[BULLA_HASH_LARGEST];
    FUZZ_CHECK(bulla_hasher_update(hasher, BULLA_BYTES(more)) == BULLA_OK);
    FUZZ_CHECK(bulla_hasher_finish(hasher, digest) == BULLA_OK);
}

static void try_state(const struct bulla_hash *hash, struct bulla_bytes saved)
{
    uint8_t again[BULLA_HASH_STATE_LARGEST + SUM];
    struct bulla_writer writer;
    BULLA_HASHER hasher = {0};
    if (bulla_hasher_restore(&hasher, hash, saved) != BULLA_OK)
        return;
    bulla_writer_open(&writer, again, sizeof again);
    FUZZ_CHECK(bulla_hasher_save(&hasher, &writer) == BULLA_OK);
    FUZZ_CHECK(bulla_bytes_equal(bulla_writer_bytes(&writer), saved));
    go_on(&hasher);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t summed[BULLA_HASH_STATE_LARGEST + SUM], sum[BULLA_HASH_LARGEST];
    if (size == 0)
        return 0;
    const struct bulla_hash *hash = &bulla_hashes[data[0] % BULLA_HASHES];
    struct bulla_bytes state = {data + 1, size - 1};
    try_state(hash, state);
    if (state.size > BULLA_HASH_STATE_LARGEST)
        return 0;
    FUZZ_CHECK(bulla_hash_whole(&bulla_hashes[BULLA_SHA256], state, sum) == BULLA_OK);
    if (state.size)
        memcpy(summed, state.data, state.size);
    memcpy(summed + state.size, sum, SUM);
    try_state(hash, (struct bulla_bytes){summed, state.size + SUM});
    return 0;
}
