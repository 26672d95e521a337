/* AES in ECB and CBC, with and without padding.
 *
 * Blocks are cut here and not by OpenSSL, whose contexts would keep the last block of a plaintext on the heap; so the
 * padding (PKCS #7, RFC 5652 section 6.3) is ours as well, and its check takes the same time for every block. Of a
 * padded ciphertext the last block is held back until it is known to be the last.
 *
 * Parts need not be whole blocks. What is held shifts the output against the input, so that a part which is encrypted
 * in place would be overwritten before it is read: such parts go through a small buffer, which is filled before the
 * output that it stands for is written. */
#include "symmetric.h"

enum { BLOCK = BULLA_CIPHER_BLOCK, STAGE = 2048 };

static bool is_padded(const struct bulla_run *run)
{
    return ((const struct bulla_cipher_detail *)run->mechanism->detail)->padded;
}

static enum bulla_reason begin(struct bulla_run *run, const CK_MECHANISM *mechanism, bool encrypting)
{
    struct bulla_cipher_state *state = run->state;
    const struct bulla_cipher_detail *detail = run->mechanism->detail;
    state->encrypting = encrypting;
    state->held = 0;
    if (detail->mode == BULLA_ECB) {
        BULLA_TRY(bulla_mechanism_bare(mechanism));
        return bulla_cipher_prepare(run);
    }
    BULLA_TRY(bulla_mechanism_parameter(mechanism, BLOCK));
    BULLA_TRY(bulla_cipher_prepare(run));
    return bulla_cipher_restart(state, NULL, mechanism->pParameter);
}

static enum bulla_reason begin_encrypt(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    return begin(run, mechanism, true);
}

static enum bulla_reason begin_decrypt(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    return begin(run, mechanism, false);
}

/* --- lengths --- */

/* How much of `total` bytes can be given, when more may follow. */
static size_t ready(bool hold_last, size_t total)
{
    return (hold_last && total ? total - 1 : total) / BLOCK * BLOCK;
}

static enum bulla_reason bound_end(bool encrypting, bool padded, size_t total, size_t *bytes)
{
    if (encrypting && padded) {
        *bytes = total / BLOCK * BLOCK + BLOCK;
        return BULLA_OK;
    }
    if (total % BLOCK || (padded && !total))
        return bulla_refuse(encrypting ? BULLA_DATA_LENGTH : BULLA_CIPHERTEXT_LENGTH,
            "the last block has %zu bytes, not 16", total % BLOCK);
    *bytes = padded ? total - 1 : total;
    return BULLA_OK;
}

static enum bulla_reason bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    const struct bulla_cipher_state *state = run->state;
    bool padded = is_padded(run);
    if (in.size > SIZE_MAX / 2)
        return bulla_refuse(BULLA_TOO_LARGE, "%zu bytes", in.size);
    if (phase == BULLA_FINISH || phase == BULLA_WHOLE)
        return bound_end(state->encrypting, padded, state->held + in.size, bytes);
    *bytes = ready(padded && !state->encrypting, state->held + in.size);
    return BULLA_OK;
}

/* --- padding --- */

/* How many bytes of padding the block ends with; 0: none that is valid. */
static size_t padding(const uint8_t block[static BLOCK])
{
    uint32_t size = block[BLOCK - 1];
    uint32_t wrong = (size - 1) & ~(uint32_t)(BLOCK - 1); /* not of 1 to 16 */
    for (uint32_t i = 0; i < BLOCK; i++) {
        uint32_t inside = 0U - ((i - size) >> 31); /* all ones where i < size */
        wrong |= inside & (block[BLOCK - 1 - i] ^ size);
    }
    return wrong ? 0 : size;
}

static enum bulla_reason unpad(const uint8_t block[static BLOCK], struct bulla_writer *out)
{
    size_t size = padding(block);
    if (!size)
        return bulla_refuse(BULLA_CIPHERTEXT, "the padding is not valid");
    bulla_write(out, block, BLOCK - size);
    return BULLA_OK;
}

/* --- data --- */

static void hold(struct bulla_cipher_state *state, struct bulla_bytes in)
{
    if (in.size)
        memcpy(state->block + state->held, in.data, in.size);
    state->held += in.size;
}

static void drop_held(struct bulla_cipher_state *state)
{
    bulla_wipe(state->block, sizeof state->block);
    state->held = 0;
}

/* Nothing is held: whole blocks go straight through, the rest is held. */
static enum bulla_reason pass(
    struct bulla_cipher_state *state, bool hold_last, struct bulla_bytes in, struct bulla_writer *out)
{
    size_t size = ready(hold_last, in.size);
    if (size)
        BULLA_TRY(bulla_cipher_feed(state, (struct bulla_bytes){in.data, size}, bulla_write_space(out, size)));
    hold(state, (struct bulla_bytes){in.data + size, in.size - size});
    return BULLA_OK;
}

static enum bulla_reason pass_staged(struct bulla_cipher_state *state, bool hold_last, struct bulla_bytes in,
    uint8_t stage[static BLOCK + STAGE], struct bulla_writer *out)
{
    while (in.size) {
        size_t part = in.size < STAGE ? in.size : STAGE, total = state->held + part;
        memcpy(stage, state->block, state->held);
        memcpy(stage + state->held, in.data, part);
        in = (struct bulla_bytes){in.data + part, in.size - part};
        size_t size = ready(hold_last, total);
        state->held = 0;
        hold(state, (struct bulla_bytes){stage + size, total - size});
        if (size)
            BULLA_TRY(bulla_cipher_feed(state, (struct bulla_bytes){stage, size}, bulla_write_space(out, size)));
    }
    return BULLA_OK;
}

static enum bulla_reason update(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    struct bulla_cipher_state *state = run->state;
    bool hold_last = is_padded(run) && !state->encrypting;
    uint8_t stage[BLOCK + STAGE]; /* wiped below */
    if (!in.size)
        return BULLA_OK;
    if (!state->held)
        return pass(state, hold_last, in, out);
    enum bulla_reason reason = pass_staged(state, hold_last, in, stage, out);
    bulla_wipe(stage, sizeof stage);
    return reason;
}

/* What is held, padded; or the last block, of which the padding is taken. `bound` has seen to it that nothing else is
 * held. */
static enum bulla_reason last_block(struct bulla_run *run, struct bulla_writer *out)
{
    struct bulla_cipher_state *state = run->state;
    if (!is_padded(run))
        return BULLA_OK;
    struct bulla_bytes block = {state->block, BLOCK};
    if (state->encrypting) {
        memset(state->block + state->held, (int)(BLOCK - state->held), BLOCK - state->held);
        return bulla_cipher_feed(state, block, bulla_write_space(out, BLOCK));
    }
    BULLA_TRY(bulla_cipher_feed(state, block, state->block));
    return unpad(state->block, out);
}

static enum bulla_reason finish(struct bulla_run *run, struct bulla_writer *out)
{
    enum bulla_reason reason = last_block(run, out);
    drop_held(run->state);
    return reason;
}

#define PROCESSOR(its_begin)                                                                                           \
    {                                                                                                                  \
        .state_size = sizeof(struct bulla_cipher_state), .reuse = true, .spotless = true, .begin = (its_begin),        \
        .bound = bound, .update = update, .finish = finish, .end = bulla_cipher_end                                    \
    }
const struct bulla_processor bulla_block_encrypt = PROCESSOR(begin_encrypt);
const struct bulla_processor bulla_block_decrypt = PROCESSOR(begin_decrypt);
