/* CKM_RSA_AES_KEY_WRAP (PKCS#11 3.0, 2.1.21): OAEP(K) ‖ AES-KWP(K, key), where K is a new AES key for each wrapping.
 * So a private key, which is longer than any modulus, is wrapped by a public one. AES-KWP is RFC 5649. */
#include <openssl/evp.h>
#include <sodium.h>

#include "kwp.h"
#include "rsa.h"
#include "rsa_padding.h"

struct wrapping {
    struct bulla_rsa_context context;
    size_t key_size; /* of K, bytes */
};

static enum bulla_reason begin(struct bulla_run *run, const CK_MECHANISM *mechanism, bulla_rsa_init *init)
{
    struct wrapping *state = run->state;
    struct bulla_rsa_padding padding = {0};
    CK_RSA_AES_KEY_WRAP_PARAMS given;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof given));
    memcpy(&given, mechanism->pParameter, sizeof given);
    BULLA_TRY(bulla_kwp_key_size(given.ulAESKeyBits, &state->key_size));
    if (!given.pOAEPParams)
        return bulla_refuse(BULLA_PARAMETER, "the parameters of OAEP are missing");
    BULLA_TRY(bulla_rsa_padding_read_oaep(given.pOAEPParams, &padding));
    return bulla_rsa_context_make(&state->context, run->key->material->pkey, init, &padding);
}

static enum bulla_reason begin_wrap(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    return begin(run, mechanism, EVP_PKEY_encrypt_init_ex);
}

static enum bulla_reason begin_unwrap(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    return begin(run, mechanism, EVP_PKEY_decrypt_init_ex);
}

static void end(void *pointer)
{
    struct wrapping *state = pointer;
    bulla_rsa_context_end(&state->context);
}

/* --- wrapping --- */

static enum bulla_reason bound_wrap(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    (void)phase;
    return bulla_kwp_bound_wrap(bulla_rsa_size(run), in, bytes);
}

static enum bulla_reason wrap(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    BULLA_RELEASED struct bulla_secret key = {0};
    const struct wrapping *state = run->state;
    BULLA_TRY(bulla_secret_hold(&key, state->key_size, "a key for one wrapping"));
    randombytes_buf(key.data, key.size);
    BULLA_TRY(
        bulla_rsa_encrypt_one(&state->context, bulla_rsa_size(run), (struct bulla_bytes){key.data, key.size}, out));
    return bulla_kwp_wrap(&key, in, out);
}

/* --- unwrapping --- */

static enum bulla_reason bound_unwrap(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    (void)phase;
    return bulla_kwp_bound_unwrap(bulla_rsa_size(run), in, bytes);
}

/* K as OAEP has it, which must be of the size that the parameter says. */
static enum bulla_reason unwrap_key(
    const struct wrapping *state, struct bulla_bytes encrypted, struct bulla_secret *key)
{
    BULLA_RELEASED struct bulla_secret room = {0};
    struct bulla_writer writer;
    BULLA_TRY(bulla_secret_hold(&room, encrypted.size, "a key for one wrapping"));
    BULLA_TRY(bulla_secret_hold(key, state->key_size, "a key for one wrapping"));
    bulla_writer_open(&writer, room.data, room.size);
    BULLA_TRY(bulla_rsa_decrypt_one(&state->context, encrypted.size, encrypted, &writer));
    if (writer.size != state->key_size)
        return bulla_refuse(BULLA_CIPHERTEXT, "the AES key has not the size that the parameter says");
    memcpy(key->data, room.data, key->size);
    return BULLA_OK;
}

static enum bulla_reason unwrap(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    BULLA_RELEASED struct bulla_secret key = {0};
    const struct wrapping *state = run->state;
    size_t modulus = bulla_rsa_size(run);
    struct bulla_bytes wrapped = {in.data + modulus, in.size - modulus};
    BULLA_TRY(unwrap_key(state, (struct bulla_bytes){in.data, modulus}, &key));
    return bulla_kwp_unwrap(&key, wrapped, out);
}

#define WRAPPING .state_size = sizeof(struct wrapping), .reuse = true, .end = end

const struct bulla_processor bulla_rsa_aes_wrap = {WRAPPING, .begin = begin_wrap, .bound = bound_wrap, .whole = wrap};
const struct bulla_processor bulla_rsa_aes_unwrap = {
    WRAPPING, .begin = begin_unwrap, .bound = bound_unwrap, .whole = unwrap};
