/* AES key wrap (KW: SP 800-38F section 6.2, RFC 3394; KWP: section 6.3, RFC 5649). Every byte of output depends on all
 * of the input: what comes in parts is gathered, plaintext in locked memory, and answered by Final. */
#include <openssl/err.h>

#include "symmetric.h"

enum { SEMIBLOCK = 8, KW_LEAST = 2 * SEMIBLOCK, LARGEST = 1 << 20 };

static bool is_padded(const struct bulla_run *run)
{
    return ((const struct bulla_cipher_detail *)run->mechanism->detail)->mode == BULLA_KWP;
}

/* The parameter is an initial value in place of the standard's own one: 8 bytes of KW, 4 of KWP. */
static enum bulla_reason begin(struct bulla_run *run, const CK_MECHANISM *mechanism, bool encrypting)
{
    static const uint8_t kw[SEMIBLOCK] = {0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6};
    static const uint8_t kwp[SEMIBLOCK / 2] = {0xa6, 0x59, 0x59, 0xa6};
    struct bulla_cipher_state *state = run->state;
    state->encrypting = encrypting;
    if (mechanism->pParameter || mechanism->ulParameterLen)
        BULLA_TRY(bulla_mechanism_parameter(mechanism, is_padded(run) ? sizeof kwp : sizeof kw));
    BULLA_TRY(bulla_cipher_prepare(run));
    const uint8_t *standard = is_padded(run) ? kwp : kw;
    return bulla_cipher_restart(state, NULL, mechanism->pParameter ? mechanism->pParameter : standard);
}

static enum bulla_reason begin_wrap(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    return begin(run, mechanism, true);
}

static enum bulla_reason begin_unwrap(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    return begin(run, mechanism, false);
}

/* `total` bytes of data have come, or come now, all of them or some. */
static enum bulla_reason check_plain(const struct bulla_run *run, bool all, size_t total)
{
    bool padded = is_padded(run);
    if (total > LARGEST || (all && (total < (padded ? 1 : KW_LEAST) || (!padded && total % SEMIBLOCK))))
        return bulla_refuse(
            BULLA_DATA_LENGTH, "%zu bytes can't be wrapped %s padding", total, padded ? "with" : "without");
    return BULLA_OK;
}

static enum bulla_reason check_wrapped(const struct bulla_run *run, bool all, size_t total)
{
    size_t least = is_padded(run) ? (size_t)2 * SEMIBLOCK : (size_t)3 * SEMIBLOCK;
    if (total > LARGEST + 2 * SEMIBLOCK || (all && (total < least || total % SEMIBLOCK)))
        return bulla_refuse(BULLA_CIPHERTEXT_LENGTH, "%zu bytes are not what wrapping gives", total);
    return BULLA_OK;
}

static size_t wrapped_size(size_t plain)
{
    return (plain + SEMIBLOCK - 1) / SEMIBLOCK * SEMIBLOCK + SEMIBLOCK;
}

static enum bulla_reason bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    const struct bulla_cipher_state *state = run->state;
    bool all = phase != BULLA_UPDATE;
    size_t total = in.size > LARGEST * 2 ? in.size : state->gather.size + in.size;
    BULLA_TRY(state->encrypting ? check_plain(run, all, total) : check_wrapped(run, all, total));
    *bytes = !all ? 0 : state->encrypting ? wrapped_size(total) : total - SEMIBLOCK;
    return BULLA_OK;
}

static bool run(struct bulla_cipher_state *state, struct bulla_bytes in, uint8_t *out, size_t *size)
{
    int written = -1;
    (void)ERR_set_mark();
    bool right = EVP_CipherUpdate(state->context, out, &written, in.data, (int)in.size) == 1 && written > 0;
    (void)ERR_pop_to_mark();
    *size = (size_t)written;
    return right;
}

static enum bulla_reason wrap(struct bulla_run *operation, struct bulla_bytes in, struct bulla_writer *out)
{
    size_t size = 0, padded = wrapped_size(in.size);
    if (!run(operation->state, in, bulla_write_space(out, padded), &size) || size != padded)
        return bulla_refuse(BULLA_LIBRARY, "OpenSSL does not wrap %zu bytes", in.size);
    return BULLA_OK;
}

/* OpenSSL's KWP clears as many bytes of output as it had input when that is not intact, 8 more than the data has: so it
 * works in memory of ours. */
static enum bulla_reason unwrap(struct bulla_run *operation, struct bulla_bytes in, struct bulla_writer *out)
{
    BULLA_RELEASED struct bulla_secret plain = {0};
    size_t size = 0;
    BULLA_TRY(bulla_secret_hold(&plain, in.size, "unwrapped data"));
    if (!run(operation->state, in, plain.data, &size) || size > in.size - SEMIBLOCK)
        return bulla_refuse(BULLA_CIPHERTEXT, "the wrapped data is not intact");
    bulla_write(out, plain.data, size);
    return BULLA_OK;
}

static enum bulla_reason whole(struct bulla_run *operation, struct bulla_bytes in, struct bulla_writer *out)
{
    const struct bulla_cipher_state *state = operation->state;
    return state->encrypting ? wrap(operation, in, out) : unwrap(operation, in, out);
}

static enum bulla_reason update(struct bulla_run *operation, struct bulla_bytes in, struct bulla_writer *out)
{
    struct bulla_cipher_state *state = operation->state;
    (void)out;
    return bulla_gather_add(&state->gather, state->encrypting, in);
}

static enum bulla_reason finish(struct bulla_run *operation, struct bulla_writer *out)
{
    struct bulla_cipher_state *state = operation->state;
    enum bulla_reason reason = whole(operation, bulla_gather_bytes(&state->gather), out);
    bulla_gather_clear(&state->gather);
    return reason;
}

#define PROCESSOR(its_begin)                                                                                           \
    {                                                                                                                  \
        .state_size = sizeof(struct bulla_cipher_state), .reuse = true, .begin = (its_begin), .bound = bound,          \
        .update = update, .finish = finish, .whole = whole, .end = bulla_cipher_end                                    \
    }
const struct bulla_processor bulla_key_wrap = PROCESSOR(begin_wrap);
const struct bulla_processor bulla_key_unwrap = PROCESSOR(begin_unwrap);
