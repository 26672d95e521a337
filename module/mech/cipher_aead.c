/* AES-GCM, AES-CCM, ChaCha20-Poly1305 and XChaCha20-Poly1305.
 *
 * No plaintext leaves before its tag was verified: a decryption in parts gathers ciphertext, and all of it is decrypted
 * by C_DecryptFinal, straight into the caller's memory, which is wiped when the tag is wrong. OpenSSL's CCM takes its
 * data at once, so that an encryption in parts is gathered as well, in locked memory, as it is plaintext.
 *
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03, section 2.3) is ChaCha20-Poly1305 under the key HChaCha20(key, first
 * 16 bytes of the nonce) with the nonce 0⁴ ‖ last 8 bytes; every nonce has a key schedule of its own. */
#include <openssl/err.h>
#include <sodium.h>

#include "crypto/library.h"
#include "inference/residue.h"
#include "symmetric.h"

enum { AAD_LARGEST = 1 << 30, NONCE_OF_CHACHA = 12, NONCE_OF_XCHACHA = 24 };
/* SP 800-38D section 5.2.1.1, and RFC 8439 section 2.8: bytes of one message. */
static const uint64_t gcm_most = ((uint64_t)1 << 36) - 32, chacha_most = (((uint64_t)1 << 32) - 1) * 64;

static enum bulla_cipher_mode mode_of(const struct bulla_run *run)
{
    return ((const struct bulla_cipher_detail *)run->mechanism->detail)->mode;
}

static bool gathers(const struct bulla_run *run)
{
    return !((const struct bulla_cipher_state *)run->state)->encrypting || mode_of(run) == BULLA_CCM;
}

/* --- parameters --- */

enum bulla_reason bulla_aead_check_view(const void *data, CK_ULONG size, CK_ULONG largest)
{
    if ((!data && size) || size > largest)
        return bulla_refuse(BULLA_PARAMETER, "the parameter has a field of %lu bytes", size);
    return BULLA_OK;
}

enum bulla_reason bulla_gcm_check(size_t nonce_size, CK_ULONG tag_bits)
{
    static const uint8_t sizes[] = {32, 64, 96, 104, 112, 120, 128}; /* SP 800-38D, section 5.2.1.2 */
    if (nonce_size == 0 || nonce_size > BULLA_GCM_NONCE_LARGEST)
        return bulla_refuse(BULLA_PARAMETER, "GCM takes an IV of 1 to %d bytes", BULLA_GCM_NONCE_LARGEST);
    if (tag_bits > sizes[sizeof sizes - 1] || !memchr(sizes, (int)tag_bits, sizeof sizes))
        return bulla_refuse(BULLA_PARAMETER, "GCM has no tags of %lu bits", tag_bits);
    return BULLA_OK;
}

static enum bulla_reason read_gcm(const CK_MECHANISM *mechanism, struct bulla_aead_parameters *parameters)
{
    CK_GCM_PARAMS given;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof given));
    memcpy(&given, mechanism->pParameter, sizeof given);
    BULLA_TRY(bulla_aead_check_view(given.iv_ptr, given.iv_len, BULLA_GCM_NONCE_LARGEST));
    BULLA_TRY(bulla_aead_check_view(given.aad_ptr, given.aad_len, AAD_LARGEST));
    BULLA_TRY(bulla_gcm_check(given.iv_len, given.tag_bits));
    *parameters = (struct bulla_aead_parameters){
        {given.iv_ptr, given.iv_len}, {given.aad_ptr, given.aad_len}, given.tag_bits / 8, gcm_most};
    return BULLA_OK;
}

/* SP 800-38C, appendix A.1: a nonce of n bytes leaves 15 - n for the data's length. */
enum bulla_reason bulla_ccm_check(CK_ULONG nonce_size, CK_ULONG tag_size, CK_ULONG data_size)
{
    if (nonce_size < 7 || nonce_size > 13)
        return bulla_refuse(BULLA_PARAMETER, "CCM takes a nonce of 7 to 13 bytes, not %lu", nonce_size);
    if (tag_size < 4 || tag_size > 16 || tag_size % 2)
        return bulla_refuse(BULLA_PARAMETER, "CCM has no MACs of %lu bytes", tag_size);
    size_t length_bits = 8 * (15 - nonce_size);
    if (data_size > AAD_LARGEST || (length_bits < 64 && data_size >> length_bits))
        return bulla_refuse(BULLA_PARAMETER, "CCM does not take %lu bytes with this nonce", data_size);
    return BULLA_OK;
}

static enum bulla_reason read_ccm(const CK_MECHANISM *mechanism, struct bulla_aead_parameters *parameters)
{
    CK_CCM_PARAMS given;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof given));
    memcpy(&given, mechanism->pParameter, sizeof given);
    BULLA_TRY(bulla_aead_check_view(given.pNonce, given.ulNonceLen, 13));
    BULLA_TRY(bulla_aead_check_view(given.pAAD, given.ulAADLen, AAD_LARGEST));
    BULLA_TRY(bulla_ccm_check(given.ulNonceLen, given.ulMACLen, given.ulDataLen));
    *parameters = (struct bulla_aead_parameters){
        {given.pNonce, given.ulNonceLen}, {given.pAAD, given.ulAADLen}, given.ulMACLen, given.ulDataLen};
    return BULLA_OK;
}

static enum bulla_reason read_chacha(const CK_MECHANISM *mechanism, struct bulla_aead_parameters *parameters)
{
    CK_SALSA20_CHACHA20_POLY1305_PARAMS given;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof given));
    memcpy(&given, mechanism->pParameter, sizeof given);
    BULLA_TRY(bulla_aead_check_view(given.pNonce, given.ulNonceLen, NONCE_OF_XCHACHA));
    BULLA_TRY(bulla_aead_check_view(given.pAAD, given.ulAADLen, AAD_LARGEST));
    *parameters = (struct bulla_aead_parameters){
        {given.pNonce, given.ulNonceLen}, {given.pAAD, given.ulAADLen}, BULLA_CIPHER_TAG, chacha_most};
    return BULLA_OK;
}

/* --- the start of a message --- */

static bool set_nonce_size(struct bulla_cipher_state *state, size_t size)
{
    if (state->nonce_size == size)
        return true;
    if (EVP_CIPHER_CTX_ctrl(state->context, EVP_CTRL_AEAD_SET_IVLEN, (int)size, NULL) != 1)
        return false;
    state->nonce_size = size;
    return true;
}

static enum bulla_reason start_gcm(struct bulla_run *run, const struct bulla_aead_parameters *parameters)
{
    struct bulla_cipher_state *state = run->state;
    BULLA_TRY(bulla_cipher_prepare(run));
    if (!set_nonce_size(state, parameters->nonce.size))
        return bulla_refuse(BULLA_LIBRARY, "OpenSSL does not take an IV of %zu bytes", parameters->nonce.size);
    BULLA_TRY(bulla_cipher_restart(state, NULL, parameters->nonce.data));
    return bulla_cipher_feed(state, parameters->aad, NULL);
}

/* CCM's key schedule holds the sizes of nonce and tag, and they have to come before it. */
static enum bulla_reason start_ccm(struct bulla_run *run, const struct bulla_aead_parameters *parameters)
{
    struct bulla_cipher_state *state = run->state;
    int written = 0;
    BULLA_TRY(bulla_cipher_prepare(run));
    if (!set_nonce_size(state, parameters->nonce.size) ||
        EVP_CIPHER_CTX_ctrl(state->context, EVP_CTRL_AEAD_SET_TAG, (int)parameters->tag_size, NULL) != 1)
        return bulla_refuse(BULLA_LIBRARY, "OpenSSL does not take CCM's sizes");
    BULLA_TRY(bulla_cipher_restart(state, run->key->secret.data, parameters->nonce.data));
    if (EVP_CipherUpdate(state->context, NULL, &written, NULL, (int)parameters->data_size) != 1)
        return bulla_refuse(BULLA_LIBRARY, "OpenSSL does not take CCM's length");
    return bulla_cipher_feed(state, parameters->aad, NULL);
}

static enum bulla_reason restart_extended(
    struct bulla_cipher_state *state, const uint8_t *key, const uint8_t nonce[static NONCE_OF_XCHACHA])
{
    BULLA_SECRET void *subkey = NULL;
    uint8_t iv[NONCE_OF_CHACHA] = {0}; /* public */
    BULLA_TRY(bulla_secret_allocate(crypto_core_hchacha20_OUTPUTBYTES, &subkey));
    bulla_sodium_ready();
    (void)crypto_core_hchacha20(subkey, nonce, key, NULL);
    bulla_residue_wipe(); /* it works on the stack */
    memcpy(iv + 4, nonce + crypto_core_hchacha20_INPUTBYTES, 8);
    state->cipher = NULL; /* the next one sets its key again */
    return bulla_cipher_restart(state, subkey, iv);
}

static enum bulla_reason start_chacha(struct bulla_run *run, const struct bulla_aead_parameters *parameters)
{
    struct bulla_cipher_state *state = run->state;
    const struct bulla_bytes nonce = parameters->nonce;
    if (nonce.size != NONCE_OF_CHACHA && nonce.size != NONCE_OF_XCHACHA)
        return bulla_refuse(BULLA_PARAMETER, "ChaCha20-Poly1305 takes a nonce of 12 or 24 bytes, not %zu", nonce.size);
    BULLA_TRY(bulla_cipher_prepare(run));
    if (nonce.size == NONCE_OF_XCHACHA)
        BULLA_TRY(restart_extended(state, run->key->secret.data, nonce.data));
    else
        BULLA_TRY(bulla_cipher_restart(state, NULL, nonce.data));
    return bulla_cipher_feed(state, parameters->aad, NULL);
}

struct aead {
    enum bulla_reason (*read)(const CK_MECHANISM *mechanism, struct bulla_aead_parameters *parameters);
    enum bulla_reason (*start)(struct bulla_run *run, const struct bulla_aead_parameters *parameters);
};
static const struct aead aeads[BULLA_CIPHER_MODES] = {
    [BULLA_GCM] = {read_gcm, start_gcm},
    [BULLA_CCM] = {read_ccm, start_ccm},
    [BULLA_CHACHA20_POLY1305] = {read_chacha, start_chacha},
};

/* OpenSSL's errors are the host's to read: what it says of sizes is taken back. A context that has its key and its
 * nonce's size takes any nonce, so that it has nothing to say, and looking after its errors would cost as much as half
 * of what is done here. CCM sets its key with each nonce. */
enum bulla_reason bulla_aead_start(struct bulla_run *run, const struct bulla_aead_parameters *parameters)
{
    struct bulla_cipher_state *state = run->state;
    bool settled = state->cipher && state->nonce_size == parameters->nonce.size && mode_of(run) != BULLA_CCM;
    state->left = parameters->data_size;
    if (!settled)
        (void)ERR_set_mark();
    enum bulla_reason reason = aeads[mode_of(run)].start(run, parameters);
    if (!settled)
        (void)ERR_pop_to_mark();
    state->tag_size = parameters->tag_size;
    return reason;
}

static enum bulla_reason begin(struct bulla_run *run, const CK_MECHANISM *mechanism, bool encrypting)
{
    struct bulla_aead_parameters parameters;
    ((struct bulla_cipher_state *)run->state)->encrypting = encrypting;
    BULLA_TRY(aeads[mode_of(run)].read(mechanism, &parameters));
    return bulla_aead_start(run, &parameters);
}

static enum bulla_reason begin_encrypt(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    return begin(run, mechanism, true);
}

static enum bulla_reason begin_decrypt(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    return begin(run, mechanism, false);
}

/* --- data --- */

/* OpenSSL's CCM has to be called for no data as well. */
static bool run_data(struct bulla_cipher_state *state, struct bulla_bytes in, uint8_t *out)
{
    uint8_t nothing[BULLA_CIPHER_BLOCK] = {0};
    int written = 0;
    if (in.size)
        return bulla_cipher_feed(state, in, out) == BULLA_OK;
    return EVP_CipherUpdate(state->context, nothing, &written, nothing, 0) == 1;
}

static bool run_end(struct bulla_cipher_state *state)
{
    uint8_t nothing[BULLA_CIPHER_BLOCK]; /* these modes hold nothing back */
    int written = 0;
    return EVP_CipherFinal_ex(state->context, nothing, &written) == 1;
}

enum bulla_reason bulla_aead_tag(struct bulla_cipher_state *state, uint8_t *tag)
{
    if (!run_end(state) || EVP_CIPHER_CTX_ctrl(state->context, EVP_CTRL_AEAD_GET_TAG, (int)state->tag_size, tag) != 1)
        return bulla_refuse(BULLA_LIBRARY, "OpenSSL gives no tag");
    return BULLA_OK;
}

enum bulla_reason bulla_aead_encrypt(
    struct bulla_cipher_state *state, struct bulla_bytes in, uint8_t *out, uint8_t *tag)
{
    if (!run_data(state, in, out))
        return bulla_refuse(BULLA_LIBRARY, "OpenSSL does not encrypt");
    return bulla_aead_tag(state, tag);
}

enum bulla_reason bulla_aead_decrypt(
    struct bulla_cipher_state *state, struct bulla_bytes in, const uint8_t *tag, uint8_t *out)
{
    uint8_t expected[BULLA_CIPHER_TAG]; /* public */
    memcpy(expected, tag, state->tag_size);
    (void)ERR_set_mark();
    bool right = EVP_CIPHER_CTX_ctrl(state->context, EVP_CTRL_AEAD_SET_TAG, (int)state->tag_size, expected) == 1 &&
                 run_data(state, in, out) && run_end(state);
    (void)ERR_pop_to_mark();
    if (right)
        return BULLA_OK;
    if (in.size)
        bulla_wipe(out, in.size);
    return bulla_refuse(BULLA_CIPHERTEXT, "the tag of %zu bytes of ciphertext is wrong", in.size);
}

static enum bulla_reason whole_encrypt(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    struct bulla_cipher_state *state = run->state;
    uint8_t *space = bulla_write_space(out, in.size + state->tag_size);
    return bulla_aead_encrypt(state, in, space, space + in.size);
}

static enum bulla_reason whole_decrypt(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    struct bulla_cipher_state *state = run->state;
    struct bulla_bytes data = {in.data, in.size - state->tag_size};
    return bulla_aead_decrypt(state, data, in.data + data.size, data.size ? bulla_write_space(out, data.size) : NULL);
}

static enum bulla_reason whole(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    const struct bulla_cipher_state *state = run->state;
    return state->encrypting ? whole_encrypt(run, in, out) : whole_decrypt(run, in, out);
}

static enum bulla_reason update(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    struct bulla_cipher_state *state = run->state;
    if (gathers(run))
        return bulla_gather_add(&state->gather, state->encrypting, in);
    state->left -= in.size;
    return in.size ? bulla_cipher_feed(state, in, bulla_write_space(out, in.size)) : BULLA_OK;
}

static enum bulla_reason finish(struct bulla_run *run, struct bulla_writer *out)
{
    struct bulla_cipher_state *state = run->state;
    if (!gathers(run))
        return bulla_aead_tag(state, bulla_write_space(out, state->tag_size));
    enum bulla_reason reason = whole(run, bulla_gather_bytes(&state->gather), out);
    bulla_gather_clear(&state->gather);
    return reason;
}

/* --- lengths --- */

/* `total` bytes of input have come, or come now; whether they can be all, or some of them. */
static enum bulla_reason check_total(const struct bulla_run *run, bool all, size_t total)
{
    const struct bulla_cipher_state *state = run->state;
    enum bulla_reason refusal = state->encrypting ? BULLA_DATA_LENGTH : BULLA_CIPHERTEXT_LENGTH;
    size_t tag = state->encrypting ? 0 : state->tag_size;
    if (total > SIZE_MAX - BULLA_CIPHER_TAG || (total > tag && total - tag > state->left))
        return bulla_refuse(refusal, "%zu bytes are more than the parameter allows", total);
    if (all && (total < tag || (mode_of(run) == BULLA_CCM && total - tag != state->left)))
        return bulla_refuse(refusal, "%zu bytes are fewer than there must be", total);
    return BULLA_OK;
}

static enum bulla_reason bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    const struct bulla_cipher_state *state = run->state;
    size_t gathered = state->gather.size, total = gathered + in.size;
    if (in.size > SIZE_MAX / 2)
        return bulla_refuse(BULLA_TOO_LARGE, "%zu bytes", in.size);
    BULLA_TRY(check_total(run, phase != BULLA_UPDATE, total));
    if (phase == BULLA_UPDATE)
        *bytes = gathers(run) ? 0 : in.size;
    else
        *bytes = state->encrypting ? total + state->tag_size : total - state->tag_size;
    return BULLA_OK;
}

#define PROCESSOR(its_begin)                                                                                           \
    {                                                                                                                  \
        .state_size = sizeof(struct bulla_cipher_state), .reuse = true, .spotless = true, .begin = (its_begin),        \
        .bound = bound, .update = update, .finish = finish, .whole = whole, .end = bulla_cipher_end                    \
    }
const struct bulla_processor bulla_aead_encryptor = PROCESSOR(begin_encrypt);
const struct bulla_processor bulla_aead_decryptor = PROCESSOR(begin_decrypt);
