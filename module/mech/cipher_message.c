/* Messages under AES-GCM, AES-CCM and ChaCha20-Poly1305 (3.0 of the mechanisms' specification, 2.11 and 2.21): the
 * nonce and the tag are apart from the data, and under AES the token can make the nonce.
 *
 * A made nonce keeps its first ulIvFixedBits as the caller gave them with the first message. Behind them stands a
 * counter from 0 (CKG_GENERATE_COUNTER), the first message's own bits XOR such a counter (CKG_GENERATE_COUNTER_XOR, as
 * TLS 1.3 counts records), or random bits (CKG_GENERATE, CKG_GENERATE_RANDOM). Within one Init the shape stays what the
 * first message said, and no nonce comes twice: a counter that is used up is refused, as is the 2^32nd random nonce (SP
 * 800-38D, section 8.3). Whoever counts under several Inits of one key gives each other fixed bits; a message that
 * stands alone (a key that is wrapped) is its own Init, so that a counter would give every one of them the same nonce:
 * refused.
 *
 * A decryption gives its plaintext with the last part, when the tag was verified; so does an encryption under CCM,
 * whose data OpenSSL takes at once. */
#include <sodium.h>

#include "crypto/library.h"
#include "symmetric.h"

enum { RANDOM_LEAST = 64 /* bits */ };
static const uint64_t random_most = (uint64_t)1 << 32, gcm_most = ((uint64_t)1 << 36) - 32,
                      chacha_most = (((uint64_t)1 << 32) - 1) * 64;

/* How the nonces of one Init are made. */
struct maker {
    CK_ULONG generator;
    size_t size, fixed_bits;
    uint64_t made;
    uint8_t first[BULLA_GCM_NONCE_LARGEST]; /* what the caller gave with the first message */
};

struct messages {
    struct bulla_cipher_state cipher; /* first: the AEAD's functions find it there */
    struct maker maker;               /* size 0: no message was */
};

/* One message's parameter. */
struct given {
    uint8_t *nonce;
    size_t nonce_size, fixed_bits, tag_size;
    CK_ULONG generator;
    uint8_t *tag;
    uint64_t data_size; /* that the message may have; under CCM, has */
};

static enum bulla_cipher_mode mode_of(const struct bulla_run *run)
{
    return ((const struct bulla_cipher_detail *)run->mechanism->detail)->mode;
}

/* --- parameters --- */

static enum bulla_reason read_gcm(const struct bulla_message *message, struct given *given)
{
    CK_GCM_MESSAGE_PARAMS p;
    memcpy(&p, message->parameter, sizeof p);
    BULLA_TRY(bulla_aead_check_view(p.pIv, p.ulIvLen, BULLA_GCM_NONCE_LARGEST));
    BULLA_TRY(bulla_gcm_check(p.ulIvLen, p.ulTagBits));
    *given = (struct given){p.pIv, p.ulIvLen, p.ulIvFixedBits, p.ulTagBits / 8, p.ivGenerator, p.pTag, gcm_most};
    return BULLA_OK;
}

static enum bulla_reason read_ccm(const struct bulla_message *message, struct given *given)
{
    CK_CCM_MESSAGE_PARAMS p;
    memcpy(&p, message->parameter, sizeof p);
    BULLA_TRY(bulla_aead_check_view(p.pNonce, p.ulNonceLen, BULLA_GCM_NONCE_LARGEST));
    CK_ULONG data_size = message->alone ? message->alone->size : p.ulDataLen;
    BULLA_TRY(bulla_ccm_check(p.ulNonceLen, p.ulMACLen, data_size));
    *given =
        (struct given){p.pNonce, p.ulNonceLen, p.ulNonceFixedBits, p.ulMACLen, p.nonceGenerator, p.pMAC, data_size};
    return BULLA_OK;
}

static enum bulla_reason read_chacha(const struct bulla_message *message, struct given *given)
{
    CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS p;
    memcpy(&p, message->parameter, sizeof p);
    if (!p.pNonce || (p.ulNonceLen != 12 && p.ulNonceLen != 24))
        return bulla_refuse(
            BULLA_PARAMETER, "ChaCha20-Poly1305 takes a nonce of 12 or 24 bytes, not %lu", p.ulNonceLen);
    *given = (struct given){p.pNonce, p.ulNonceLen, 0, BULLA_CIPHER_TAG, CKG_NO_GENERATE, p.pTag, chacha_most};
    return BULLA_OK;
}

static const struct {
    size_t parameter_size;
    enum bulla_reason (*read)(const struct bulla_message *message, struct given *given);
} forms[BULLA_CIPHER_MODES] = {
    [BULLA_GCM] = {sizeof(CK_GCM_MESSAGE_PARAMS), read_gcm},
    [BULLA_CCM] = {sizeof(CK_CCM_MESSAGE_PARAMS), read_ccm},
    [BULLA_CHACHA20_POLY1305] = {sizeof(CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS), read_chacha},
};

static size_t parameter_size(const struct bulla_run *run)
{
    return forms[mode_of(run)].parameter_size;
}

static enum bulla_reason read_message(
    const struct bulla_run *run, const struct bulla_message *message, struct given *given)
{
    if (!message->parameter || message->parameter_size != parameter_size(run))
        return bulla_refuse(BULLA_PARAMETER, "the message's parameter has %zu bytes, not %zu", message->parameter_size,
            parameter_size(run));
    BULLA_TRY(forms[mode_of(run)].read(message, given));
    return given->tag ? BULLA_OK : bulla_refuse(BULLA_PARAMETER, "there is no place for the tag");
}

/* Init may say beforehand what messages will be like; each message says it again. */
static enum bulla_reason begin(struct bulla_run *run, const CK_MECHANISM *mechanism, bool encrypting)
{
    struct messages *messages = run->state;
    messages->cipher.encrypting = encrypting;
    if (mechanism->pParameter || mechanism->ulParameterLen)
        BULLA_TRY(bulla_mechanism_parameter(mechanism, parameter_size(run)));
    return bulla_cipher_prepare(run);
}

static enum bulla_reason begin_encrypt(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    return begin(run, mechanism, true);
}

static enum bulla_reason begin_decrypt(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    return begin(run, mechanism, false);
}

/* --- made nonces --- */

static bool counts(const struct given *given)
{
    return given->generator == CKG_GENERATE_COUNTER || given->generator == CKG_GENERATE_COUNTER_XOR;
}

/* The first message fixes the shape; `given` is held to it. */
static enum bulla_reason check_shape(struct maker *maker, const struct given *given)
{
    size_t bits = given->nonce_size * 8;
    if (!counts(given) && given->generator != CKG_GENERATE && given->generator != CKG_GENERATE_RANDOM)
        return bulla_refuse(BULLA_PARAMETER, "there is no generator %lu", given->generator);
    if (given->fixed_bits >= bits || (!counts(given) && bits - given->fixed_bits < RANDOM_LEAST))
        return bulla_refuse(BULLA_PARAMETER, "%zu fixed bits leave too few of %zu", given->fixed_bits, bits);
    if (!maker->size) {
        *maker = (struct maker){given->generator, given->nonce_size, given->fixed_bits, 0, {0}};
        memcpy(maker->first, given->nonce, given->nonce_size);
    }
    if (maker->generator != given->generator || maker->size != given->nonce_size ||
        maker->fixed_bits != given->fixed_bits)
        return bulla_refuse(BULLA_PARAMETER, "the nonce is not of the shape that the first message had");
    return BULLA_OK;
}

static uint64_t most(const struct maker *maker)
{
    size_t bits = maker->size * 8 - maker->fixed_bits;
    if (maker->generator == CKG_GENERATE || maker->generator == CKG_GENERATE_RANDOM)
        return random_most;
    return bits < 64 ? (uint64_t)1 << bits : UINT64_MAX;
}

/* Bits of byte `at` that are not fixed. */
static uint8_t free_bits(const struct maker *maker, size_t at)
{
    size_t fixed = maker->fixed_bits > at * 8 ? maker->fixed_bits - at * 8 : 0;
    return fixed >= 8 ? 0 : (uint8_t)(0xff >> fixed);
}

static void write_nonce(const struct maker *maker, uint8_t *nonce)
{
    uint8_t fresh[BULLA_GCM_NONCE_LARGEST] = {0}; /* a nonce is no secret */
    bool adds = maker->generator == CKG_GENERATE_COUNTER_XOR;
    if (adds || maker->generator == CKG_GENERATE_COUNTER)
        for (size_t i = 0; i < maker->size && i < 8; i++)
            fresh[maker->size - 1 - i] = (uint8_t)(maker->made >> 8 * i);
    else
        randombytes_buf(fresh, maker->size);
    for (size_t i = 0; i < maker->size; i++) {
        uint8_t mask = free_bits(maker, i), kept = adds ? maker->first[i] : maker->first[i] & (uint8_t)~mask;
        nonce[i] = kept ^ (fresh[i] & mask);
    }
}

/* CKG_NO_GENERATE: the nonce is the caller's, and so is the care that it is not used twice. */
static enum bulla_reason make_nonce(struct maker *maker, const struct given *given, bool alone)
{
    if (given->generator == CKG_NO_GENERATE)
        return BULLA_OK;
    bulla_sodium_ready();
    BULLA_TRY(check_shape(maker, given));
    if (alone && counts(given))
        return bulla_refuse(BULLA_PARAMETER, "a counter would make the same nonce for each key that is wrapped");
    if (maker->made >= most(maker))
        return bulla_refuse(
            BULLA_KEY_EXHAUSTED, "all %llu nonces of this Init are used up", (unsigned long long)maker->made);
    write_nonce(maker, given->nonce);
    maker->made++;
    return BULLA_OK;
}

/* --- messages --- */

static enum bulla_reason message_begin(struct bulla_run *run, const struct bulla_message *message)
{
    struct messages *messages = run->state;
    struct given given = {0};
    bulla_gather_clear(&messages->cipher.gather);
    BULLA_TRY(read_message(run, message, &given));
    BULLA_TRY(bulla_aead_check_view(message->aad.data, message->aad.size, BULLA_GATHER_LARGEST));
    if (messages->cipher.encrypting)
        BULLA_TRY(make_nonce(&messages->maker, &given, message->alone != NULL));
    const struct bulla_aead_parameters parameters = {
        {given.nonce, given.nonce_size}, message->aad, given.tag_size, given.data_size};
    return bulla_aead_start(run, &parameters);
}

static enum bulla_reason encrypt_part(struct bulla_cipher_state *state, const struct given *given, bool last,
    struct bulla_bytes in, struct bulla_writer *out)
{
    if (in.size > state->left)
        return bulla_refuse(BULLA_DATA_LENGTH, "the message is too long");
    state->left -= in.size;
    if (in.size)
        BULLA_TRY(bulla_cipher_feed(state, in, bulla_write_space(out, in.size)));
    return last ? bulla_aead_tag(state, given->tag) : BULLA_OK;
}

/* Keeps a part until the last one comes, and then gives all of them; plaintext is kept in locked memory. */
static enum bulla_reason gather(
    struct bulla_cipher_state *state, bool last, struct bulla_bytes in, struct bulla_bytes *all)
{
    if (!last || state->gather.size)
        BULLA_TRY(bulla_gather_add(&state->gather, state->encrypting, in));
    *all = state->gather.size ? bulla_gather_bytes(&state->gather) : in;
    return BULLA_OK;
}

static enum bulla_reason check_size(const struct bulla_run *run, size_t size)
{
    const struct bulla_cipher_state *state = run->state;
    if (size <= state->left && (mode_of(run) != BULLA_CCM || size == state->left))
        return BULLA_OK;
    return bulla_refuse(state->encrypting ? BULLA_DATA_LENGTH : BULLA_CIPHERTEXT_LENGTH,
        "the message has %zu bytes, which is not what it may have", size);
}

static enum bulla_reason whole_data(
    struct bulla_run *run, const struct given *given, struct bulla_bytes all, struct bulla_writer *out)
{
    struct bulla_cipher_state *state = run->state;
    BULLA_TRY(check_size(run, all.size));
    uint8_t *space = all.size ? bulla_write_space(out, all.size) : NULL;
    return state->encrypting ? bulla_aead_encrypt(state, all, space, given->tag)
                             : bulla_aead_decrypt(state, all, given->tag, space);
}

static enum bulla_reason gathered_data(
    struct bulla_run *run, const struct given *given, bool last, struct bulla_bytes in, struct bulla_writer *out)
{
    struct bulla_cipher_state *state = run->state;
    struct bulla_bytes all = {NULL, 0};
    BULLA_TRY(gather(state, last, in, &all));
    if (!last)
        return BULLA_OK;
    enum bulla_reason reason = whole_data(run, given, all, out);
    bulla_gather_clear(&state->gather);
    return reason;
}

static bool gathers(const struct bulla_run *run)
{
    return !((const struct bulla_cipher_state *)run->state)->encrypting || mode_of(run) == BULLA_CCM;
}

static enum bulla_reason message_data(struct bulla_run *run, const struct bulla_message *message, bool last,
    struct bulla_bytes in, struct bulla_writer *out)
{
    struct bulla_cipher_state *state = run->state;
    struct given given = {0};
    BULLA_TRY(read_message(run, message, &given));
    if (given.tag_size != state->tag_size)
        return bulla_refuse(BULLA_PARAMETER, "the tag's size is not the one that the message began with");
    return gathers(run) ? gathered_data(run, &given, last, in, out) : encrypt_part(state, &given, last, in, out);
}

static enum bulla_reason bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    const struct bulla_cipher_state *state = run->state;
    bool encrypting = state->encrypting;
    if (in.size > SIZE_MAX / 2)
        return bulla_refuse(encrypting ? BULLA_DATA_LENGTH : BULLA_CIPHERTEXT_LENGTH, "%zu bytes", in.size);
    *bytes = in.size;
    if (gathers(run) && phase == BULLA_UPDATE)
        *bytes = 0;
    if (gathers(run) && phase == BULLA_FINISH)
        *bytes = state->gather.size + in.size;
    return BULLA_OK;
}

#define PROCESSOR(its_begin)                                                                                           \
    {                                                                                                                  \
        .state_size = sizeof(struct messages), .begin = (its_begin), .bound = bound, .message_begin = message_begin,   \
        .message_data = message_data, .end = bulla_cipher_end                                                          \
    }
const struct bulla_processor bulla_message_encrypt = PROCESSOR(begin_encrypt);
const struct bulla_processor bulla_message_decrypt = PROCESSOR(begin_decrypt);
