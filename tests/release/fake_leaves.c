#include "release/fake_leaves.h"

#include <stdio.h>
#include <string.h>

#include "release/passphrase.h"

struct fake_leaf fake_leaves[FAKE_COUNT];
enum bulla_reason fake_seal_reason;
int fake_seal_padding;

void fake_leaves_reset(void)
{
    memset(fake_leaves, 0, sizeof fake_leaves);
    fake_seal_reason = BULLA_OK;
    fake_seal_padding = 0;
}

/* padding ‖ "fake" ‖ path size ‖ path ‖ share */
static enum bulla_reason fake_seal(
    const struct bulla_leaf_request *request, const uint8_t share[static 32], struct bulla_writer *blob)
{
    if (fake_seal_reason != BULLA_OK)
        return bulla_refuse(fake_seal_reason, "told to refuse");
    if (fake_seal_padding < 0)
        return BULLA_OK;
    for (int i = 0; i < fake_seal_padding; i++)
        bulla_write_u8(blob, 0);
    bulla_write(blob, "fake", 4);
    bulla_write_u8(blob, (uint8_t)strlen(request->path));
    bulla_write(blob, request->path, strlen(request->path));
    bulla_write(blob, share, 32);
    return BULLA_OK;
}

static enum bulla_reason fake_open(
    struct fake_leaf *fake, const struct bulla_leaf_request *request, struct bulla_bytes blob, uint8_t share[static 32])
{
    struct bulla_reader reader;
    fake->opened++;
    memcpy(fake->last_path, request->path, sizeof fake->last_path);
    memset(share, 0xfa, 32); /* what a refusal leaves behind */
    if (fake->refuses != BULLA_OK)
        return bulla_refuse(fake->refuses, "told to refuse");
    bulla_reader_open(&reader, blob);
    struct bulla_bytes mark = bulla_read(&reader, 4);
    struct bulla_bytes path = bulla_read(&reader, bulla_read_u8(&reader));
    struct bulla_bytes sealed = bulla_read(&reader, 32);
    if (bulla_reader_finish(&reader, "fake") != BULLA_OK || !bulla_bytes_equal_text(mark, "fake") ||
        !bulla_bytes_equal_text(path, request->path))
        return bulla_refuse(BULLA_AUTHENTICATION, "a changed fake");
    memcpy(share, sealed.data, 32);
    share[7] ^= fake->wrong_share;
    return BULLA_OK;
}

static enum bulla_reason fake_describe(const struct bulla_leaf_request *request, char *line, size_t size)
{
    (void)request;
    (void)snprintf(line, size, "a fake");
    return BULLA_OK;
}

#define FAKE(number, word, attesting, forgetting, pin)                                                                 \
    static enum bulla_reason open_##number(                                                                            \
        const struct bulla_leaf_request *request, struct bulla_bytes blob, uint8_t share[static 32])                   \
    {                                                                                                                  \
        return fake_open(&fake_leaves[FAKE_##number], request, blob, share);                                           \
    }                                                                                                                  \
    static const struct bulla_leaf_scheme scheme_##number = {.name = word,                                             \
        .attests = attesting,                                                                                          \
        .forgets = forgetting,                                                                                         \
        .protects_pin = pin,                                                                                           \
        .by_passphrase = pin && !attesting,                                                                            \
        .seal = fake_seal,                                                                                             \
        .open = open_##number,                                                                                         \
        .describe = fake_describe};
FAKE(ONE, "one", false, true, false)
FAKE(TWO, "two", false, true, false)
FAKE(THREE, "three", false, false, true)
FAKE(FOUR, "four", false, true, false)
FAKE(FIVE, "five", false, true, false)
FAKE(SIX, "keeper:six", false, true, false)
FAKE(ATTESTING, "attesting", true, true, true)

const struct bulla_leaf_scheme *const bulla_leaf_schemes[] = {
    &scheme_ONE,
    &scheme_TWO,
    &scheme_THREE,
    &scheme_FOUR,
    &scheme_FIVE,
    &scheme_SIX,
    &scheme_ATTESTING,
    &bulla_passphrase_leaf,
    NULL,
};
