/* AES-XTS (IEEE 1619, SP 800-38E): what is given is one data unit, whose end may have to be known at its beginning
 * (ciphertext stealing), so that parts are gathered. */
#include "symmetric.h"

enum { TWEAK = 16, LEAST = 16, LARGEST = 1 << 24 /* 2^20 blocks: SP 800-38E, section 4 */ };

static enum bulla_reason begin(struct bulla_run *run, const CK_MECHANISM *mechanism, bool encrypting)
{
    struct bulla_cipher_state *state = run->state;
    state->encrypting = encrypting;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, TWEAK));
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

static enum bulla_reason bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    const struct bulla_cipher_state *state = run->state;
    size_t gathered = state->gather.size;
    if (in.size > LARGEST - gathered || (phase != BULLA_UPDATE && gathered + in.size < LEAST))
        return bulla_refuse(state->encrypting ? BULLA_DATA_LENGTH : BULLA_CIPHERTEXT_LENGTH,
            "a data unit of XTS has %d bytes to %d", LEAST, LARGEST);
    *bytes = phase == BULLA_UPDATE ? 0 : gathered + in.size;
    return BULLA_OK;
}

static enum bulla_reason update(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    struct bulla_cipher_state *state = run->state;
    (void)out;
    return bulla_gather_add(&state->gather, state->encrypting, in);
}

static enum bulla_reason whole(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    return bulla_cipher_feed(run->state, in, bulla_write_space(out, in.size));
}

static enum bulla_reason finish(struct bulla_run *run, struct bulla_writer *out)
{
    struct bulla_cipher_state *state = run->state;
    enum bulla_reason reason = whole(run, bulla_gather_bytes(&state->gather), out);
    bulla_gather_clear(&state->gather);
    return reason;
}

#define PROCESSOR(its_begin)                                                                                           \
    {                                                                                                                  \
        .state_size = sizeof(struct bulla_cipher_state), .reuse = true, .spotless = true, .begin = (its_begin),        \
        .bound = bound, .update = update, .finish = finish, .whole = whole, .end = bulla_cipher_end                    \
    }
const struct bulla_processor bulla_xts_encrypt = PROCESSOR(begin_encrypt);
const struct bulla_processor bulla_xts_decrypt = PROCESSOR(begin_decrypt);
