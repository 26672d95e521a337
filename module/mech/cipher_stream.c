/* AES-CTR and ChaCha20: as many bytes out as in, encryption and decryption the same.
 *
 * A counter that is narrower than OpenSSL's must not run into the bits beside it, and no keystream may come twice: what
 * the counter has left bounds the data. The 128-bit counter of CTR counts round, as SP 800-38A has it (appendix B.1).
 *
 * OpenSSL's ChaCha20 takes the last four words of the state, counter first, and carries its counter into the second
 * word: so it is Bernstein's (64-bit counter and nonce) and RFC 8439's (32 and 96 bits) as long as the latter's counter
 * does not overflow. XChaCha20 (draft-irtf-cfrg-xchacha-03, section 2.3) is Bernstein's under the key HChaCha20(key,
 * first 16 bytes of the nonce), its nonce the last 8 bytes. */
#include <sodium.h>

#include "crypto/library.h"
#include "inference/residue.h"
#include "symmetric.h"

enum { CHACHA_BLOCK = 64, CHACHA_IV = 16, NONCE_OF_XCHACHA = 24 };

/* --- AES-CTR --- */

/* Bytes until the lower `bits` of the counter are used up; UINT64_MAX: more than that. */
static uint64_t ctr_left(const uint8_t counter[static BULLA_CIPHER_BLOCK], CK_ULONG bits)
{
    unsigned __int128 value = 0;
    if (bits == 128)
        return UINT64_MAX;
    for (int i = 0; i < BULLA_CIPHER_BLOCK; i++)
        value = value << 8 | counter[i];
    unsigned __int128 round = (unsigned __int128)1 << bits, blocks = round - (value & (round - 1));
    return blocks > UINT64_MAX / BULLA_CIPHER_BLOCK ? UINT64_MAX : (uint64_t)blocks * BULLA_CIPHER_BLOCK;
}

static enum bulla_reason begin_ctr(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    struct bulla_cipher_state *state = run->state;
    CK_AES_CTR_PARAMS given;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof given));
    memcpy(&given, mechanism->pParameter, sizeof given);
    if (given.counter_bits == 0 || given.counter_bits > 128)
        return bulla_refuse(BULLA_PARAMETER, "a counter of %lu bits", given.counter_bits);
    state->encrypting = true;
    BULLA_TRY(bulla_cipher_prepare(run));
    state->left = ctr_left(given.cb, given.counter_bits);
    return bulla_cipher_restart(state, NULL, given.cb);
}

/* --- ChaCha20 --- */

struct chacha {
    uint64_t counter;
    size_t counter_size, nonce_size;
    const uint8_t *nonce;
};

static enum bulla_reason read_chacha(const CK_MECHANISM *mechanism, struct chacha *chacha)
{
    CK_CHACHA20_PARAMS given;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof given));
    memcpy(&given, mechanism->pParameter, sizeof given);
    CK_ULONG counter = given.blockCounterBits, nonce = given.ulNonceBits;
    bool fits = (nonce == 64 && counter == 64) || (nonce == 96 && counter == 32) ||
                (nonce == 192 && (counter == 32 || counter == 64));
    if (!fits || !given.pNonce || !given.pBlockCounter)
        return bulla_refuse(
            BULLA_PARAMETER, "ChaCha20 has no nonce of %lu bits beside a counter of %lu", nonce, counter);
    *chacha = (struct chacha){0, counter / 8, nonce / 8, given.pNonce};
    for (size_t i = chacha->counter_size; i > 0; i--)
        chacha->counter = chacha->counter << 8 | given.pBlockCounter[i - 1];
    return BULLA_OK;
}

static uint64_t chacha_left(const struct chacha *chacha)
{
    uint64_t blocks = chacha->counter_size == 4 ? ((uint64_t)1 << 32) - chacha->counter : 0 - chacha->counter;
    bool all = chacha->counter_size == 8 && chacha->counter == 0; /* 2^64 blocks */
    return all || blocks > UINT64_MAX / CHACHA_BLOCK ? UINT64_MAX : blocks * CHACHA_BLOCK;
}

static enum bulla_reason restart_extended(
    struct bulla_cipher_state *state, const struct bulla_key *key, const struct chacha *chacha, const uint8_t *iv)
{
    BULLA_SECRET void *subkey = NULL;
    BULLA_TRY(bulla_secret_allocate(crypto_core_hchacha20_OUTPUTBYTES, &subkey));
    bulla_sodium_ready();
    (void)crypto_core_hchacha20(subkey, chacha->nonce, key->secret.data, NULL);
    bulla_residue_wipe(); /* it works on the stack */
    state->cipher = NULL; /* the next one sets its key again */
    return bulla_cipher_restart(state, subkey, iv);
}

static enum bulla_reason begin_chacha(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    struct bulla_cipher_state *state = run->state;
    struct chacha chacha = {0};
    uint8_t iv[CHACHA_IV] = {0};
    BULLA_TRY(read_chacha(mechanism, &chacha));
    state->encrypting = true;
    state->left = chacha_left(&chacha);
    BULLA_TRY(bulla_cipher_prepare(run));
    for (size_t i = 0; i < chacha.counter_size; i++)
        iv[i] = (uint8_t)(chacha.counter >> 8 * i);
    if (chacha.nonce_size == NONCE_OF_XCHACHA) {
        memcpy(iv + 8, chacha.nonce + crypto_core_hchacha20_INPUTBYTES, 8);
        return restart_extended(state, run->key, &chacha, iv);
    }
    memcpy(iv + chacha.counter_size, chacha.nonce, chacha.nonce_size);
    return bulla_cipher_restart(state, NULL, iv);
}

/* --- data --- */

static enum bulla_reason bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    const struct bulla_cipher_state *state = run->state;
    (void)phase;
    if (in.size > state->left)
        return bulla_refuse(BULLA_DATA_LENGTH, "the counter has %llu bytes left", (unsigned long long)state->left);
    *bytes = in.size;
    return BULLA_OK;
}

static enum bulla_reason update(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    struct bulla_cipher_state *state = run->state;
    state->left -= in.size;
    return in.size ? bulla_cipher_feed(state, in, bulla_write_space(out, in.size)) : BULLA_OK;
}

static enum bulla_reason finish(struct bulla_run *run, struct bulla_writer *out)
{
    (void)run;
    (void)out;
    return BULLA_OK;
}

#define PROCESSOR(its_begin)                                                                                           \
    {                                                                                                                  \
        .state_size = sizeof(struct bulla_cipher_state), .reuse = true, .spotless = true, .begin = (its_begin),        \
        .bound = bound, .update = update, .finish = finish, .end = bulla_cipher_end                                    \
    }
const struct bulla_processor bulla_ctr_processor = PROCESSOR(begin_ctr);
const struct bulla_processor bulla_chacha20_processor = PROCESSOR(begin_chacha);
