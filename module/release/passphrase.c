#include "release/passphrase.h"

#include <stdio.h>

#include "crypto/arena.h"
#include "crypto/cipher.h"

enum {
    VERSION = 1,
    BOX = BULLA_SHARE_SIZE + BULLA_BOX_OVERHEAD,
    COST = 1 + 4 + 8 + 16, /* version, passes, memory, salt */
};

/* The cost is bound as it is written, since Argon2 itself counts memory in KiB and so doesn't see every change of it.
 */
static enum bulla_reason write_aad(
    const struct bulla_leaf_request *request, const uint8_t cost[static COST], struct bulla_writer *aad)
{
    return bulla_leaf_bind(request, "bulla/1 passphrase leaf", (struct bulla_bytes){cost, COST}, aad);
}

/* The box's key, in the arena: the caller's to free. */
static enum bulla_reason derive(
    const struct bulla_leaf_request *request, const struct bulla_argon2 *argon2, uint8_t **key)
{
    if (request->passphrase.size == 0)
        return bulla_refuse(BULLA_PASSPHRASE_NEEDED, "leaf %s needs a passphrase", request->path);
    BULLA_SECRET void *memory = NULL;
    BULLA_TRY(bulla_secret_allocate(32, &memory));
    BULLA_TRY(bulla_argon2_derive(argon2, request->passphrase, memory));
    *key = BULLA_SECRET_KEEP(memory);
    return BULLA_OK;
}

static void write_cost(const struct bulla_argon2 *argon2, uint8_t cost[static COST])
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, cost, COST);
    bulla_write_u8(&writer, VERSION);
    bulla_write_u32(&writer, (uint32_t)argon2->operations);
    bulla_write_u64(&writer, argon2->memory);
    bulla_write(&writer, argon2->salt, sizeof argon2->salt);
}

static enum bulla_reason seal(
    const struct bulla_leaf_request *request, const uint8_t share[static 32], struct bulla_writer *blob)
{
    struct bulla_argon2 argon2;
    uint8_t cost[COST], bound[BULLA_LEAF_BINDING_LARGEST]; /* public */
    struct bulla_writer aad;
    BULLA_SECRET uint8_t *key = NULL;
    bulla_argon2_choose(&argon2, request->quick);
    write_cost(&argon2, cost);
    bulla_writer_open(&aad, bound, sizeof bound);
    BULLA_TRY(write_aad(request, cost, &aad));
    BULLA_TRY(derive(request, &argon2, &key));
    bulla_write(blob, cost, sizeof cost);
    return bulla_box_seal(key, bulla_writer_bytes(&aad), (struct bulla_bytes){share, BULLA_SHARE_SIZE}, blob);
}

static enum bulla_reason read_blob(struct bulla_bytes blob, struct bulla_argon2 *argon2, struct bulla_bytes *box)
{
    struct bulla_reader reader;
    bulla_reader_open(&reader, blob);
    uint8_t version = bulla_read_u8(&reader);
    argon2->operations = bulla_read_u32(&reader);
    argon2->memory = bulla_read_u64(&reader);
    struct bulla_bytes salt = bulla_read(&reader, sizeof argon2->salt);
    *box = bulla_read(&reader, BOX);
    BULLA_TRY(bulla_reader_finish(&reader, "a passphrase leaf"));
    if (version != VERSION)
        return bulla_refuse(BULLA_UNSUPPORTED, "a passphrase leaf of version %u", version);
    memcpy(argon2->salt, salt.data, salt.size);
    return BULLA_OK;
}

static enum bulla_reason open_share(
    const struct bulla_leaf_request *request, struct bulla_bytes blob, uint8_t share[static 32])
{
    struct bulla_argon2 argon2;
    struct bulla_bytes box;
    uint8_t bound[BULLA_LEAF_BINDING_LARGEST]; /* public */
    struct bulla_writer aad;
    BULLA_SECRET uint8_t *key = NULL;
    bulla_writer_open(&aad, bound, sizeof bound);
    BULLA_TRY(read_blob(blob, &argon2, &box));
    BULLA_TRY(write_aad(request, blob.data, &aad));
    BULLA_TRY(derive(request, &argon2, &key));
    enum bulla_reason reason = bulla_box_open(key, bulla_writer_bytes(&aad), box, share);
    if (reason == BULLA_COMMITMENT)
        return bulla_refuse(BULLA_PASSPHRASE_WRONG, "leaf %s does not open with this passphrase", request->path);
    return reason;
}

static enum bulla_reason describe(const struct bulla_leaf_request *request, char *line, size_t size)
{
    (void)snprintf(line, size, "passphrase: %s", request->passphrase.size > 0 ? "given" : "needed, not given");
    return BULLA_OK;
}

const struct bulla_leaf_scheme bulla_passphrase_leaf = {
    .name = "passphrase",
    .attests = false,
    .forgets = false,
    .protects_pin = true,
    .by_passphrase = true,
    .seal = seal,
    .open = open_share,
    .describe = describe,
};
