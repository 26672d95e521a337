/* Digests. None has a parameter. */
#include "families.h"
#include "hash.h"

static enum bulla_reason begin(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    BULLA_TRY(bulla_mechanism_bare(mechanism));
    return bulla_hasher_begin(run->state, run->mechanism->detail);
}

static enum bulla_reason bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    const struct bulla_hash *hash = run->mechanism->detail;
    (void)in;
    *bytes = phase == BULLA_UPDATE ? 0 : hash->size;
    return BULLA_OK;
}

static enum bulla_reason update(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    (void)out;
    return bulla_hasher_update(run->state, in);
}

static enum bulla_reason finish(struct bulla_run *run, struct bulla_writer *out)
{
    const struct bulla_hash *hash = run->mechanism->detail;
    uint8_t *space = bulla_write_space(out, hash->size);
    return space ? bulla_hasher_finish(run->state, space) : BULLA_OK;
}

static enum bulla_reason save(const struct bulla_run *run, struct bulla_writer *out)
{
    return bulla_hasher_save(run->state, out);
}

static enum bulla_reason restore(struct bulla_run *run, struct bulla_bytes saved)
{
    return bulla_hasher_restore(run->state, run->mechanism->detail, saved);
}

static void end(void *state)
{
    bulla_hasher_end(state);
}

static const struct bulla_processor processor = {
    .state_size = sizeof(struct bulla_hasher),
    .begin = begin,
    .bound = bound,
    .update = update,
    .finish = finish,
    .save = save,
    .restore = restore,
    .end = end,
};

#define DIGEST(suffix, hash)                                                                                           \
    {                                                                                                                  \
        BULLA_MECHANISM(CKM_##suffix), .info = {0, 0, CKF_DIGEST}, .detail = &bulla_hashes[hash], .processors = {      \
            [BULLA_DIGEST] = &processor                                                                                \
        }                                                                                                              \
    }

static const struct bulla_mechanism rows[] = {
    DIGEST(SHA_1, BULLA_SHA1),
    DIGEST(SHA224, BULLA_SHA224),
    DIGEST(SHA256, BULLA_SHA256),
    DIGEST(SHA384, BULLA_SHA384),
    DIGEST(SHA512, BULLA_SHA512),
    DIGEST(SHA512_224, BULLA_SHA512_224),
    DIGEST(SHA512_256, BULLA_SHA512_256),
    DIGEST(SHA3_224, BULLA_SHA3_224),
    DIGEST(SHA3_256, BULLA_SHA3_256),
    DIGEST(SHA3_384, BULLA_SHA3_384),
    DIGEST(SHA3_512, BULLA_SHA3_512),
    DIGEST(BLAKE2B_160, BULLA_BLAKE2B_160),
    DIGEST(BLAKE2B_256, BULLA_BLAKE2B_256),
    DIGEST(BLAKE2B_384, BULLA_BLAKE2B_384),
    DIGEST(BLAKE2B_512, BULLA_BLAKE2B_512),
};

const struct bulla_family bulla_digest_family = {
    .name = "digest",
    .mechanisms = rows,
    .count = sizeof rows / sizeof rows[0],
    .close = bulla_hashes_close,
};
