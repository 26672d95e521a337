/* Ed25519 is libsodium's: twice as fast as OpenSSL 3.0's, and the key stays in locked memory. It verifies strictly:
 * S must be below the order, and neither the key nor R of small order. Ed448 is OpenSSL's.
 *
 * Contexts and prehashing (Ed25519ctx, Ed25519ph, Ed448 with a context, Ed448ph) are OpenSSL's, from 3.2 on. */
#include "edwards.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>

#include "crypto/library.h"
#include "ec_curve.h"

enum { SIGNATURE_LARGEST = 114, PARTS_FIRST = 4096 };

struct state {
    uint8_t *data; /* what came in parts */
    size_t size, capacity;
};

static bool is_ed25519(const struct bulla_run *run)
{
    return run->key->material->curve == BULLA_ED25519;
}

static size_t signature_size(const struct bulla_run *run)
{
    return 2 * bulla_curves[run->key->material->curve].value_size;
}

static enum bulla_reason begin(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    CK_EDDSA_PARAMS params;
    (void)run;
    if (!mechanism->pParameter && !mechanism->ulParameterLen)
        return BULLA_OK;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof params));
    memcpy(&params, mechanism->pParameter, sizeof params);
    if (params.phFlag || params.ulContextDataLen)
        return bulla_refuse(BULLA_PARAMETER, "this OpenSSL has only the pure form of EdDSA, without a context");
    return BULLA_OK;
}

static enum bulla_reason bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    (void)in;
    *bytes = phase == BULLA_UPDATE ? 0 : signature_size(run);
    return BULLA_OK;
}

/* --- parts --- */

static enum bulla_reason grow(struct state *state, size_t needed)
{
    size_t capacity = state->capacity ? state->capacity : PARTS_FIRST;
    while (capacity < needed)
        capacity *= 2;
    uint8_t *data = malloc(capacity);
    if (!data)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "keeping a message of %zu bytes", needed);
    if (state->size)
        memcpy(data, state->data, state->size);
    if (state->data)
        bulla_wipe(state->data, state->size);
    free(state->data);
    state->data = data;
    state->capacity = capacity;
    return BULLA_OK;
}

static enum bulla_reason update(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    struct state *state = run->state;
    (void)out;
    if (in.size > BULLA_EDDSA_PARTS_LARGEST - state->size)
        return bulla_refuse(BULLA_TOO_LARGE, "a message in parts may have %d bytes", BULLA_EDDSA_PARTS_LARGEST);
    if (in.size == 0)
        return BULLA_OK;
    if (in.size > state->capacity - state->size)
        BULLA_TRY(grow(state, state->size + in.size));
    memcpy(state->data + state->size, in.data, in.size);
    state->size += in.size;
    return BULLA_OK;
}

static void end(void *bytes)
{
    struct state *state = bytes;
    if (state->data)
        bulla_wipe(state->data, state->size);
    free(state->data);
}

static struct bulla_bytes parts(const struct bulla_run *run)
{
    const struct state *state = run->state;
    return (struct bulla_bytes){state->data, state->size};
}

/* --- signing and verifying --- */

/* Of signing or verifying by OpenSSL, ready for the message; NULL when it refuses. */
static EVP_MD_CTX *ready(const struct bulla_run *run, bool sign)
{
    EVP_PKEY *pkey = run->key->material->pkey;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context &&
                (sign ? EVP_DigestSignInit_ex(context, NULL, NULL, bulla_openssl_context(), NULL, pkey, NULL)
                      : EVP_DigestVerifyInit_ex(context, NULL, NULL, bulla_openssl_context(), NULL, pkey, NULL)) == 1;
    if (done)
        return context;
    EVP_MD_CTX_free(context);
    return NULL;
}

static bool sign_by_openssl(const struct bulla_run *run, struct bulla_bytes in, uint8_t *signature, size_t size)
{
    (void)ERR_set_mark();
    EVP_MD_CTX *context = ready(run, true);
    bool made = context && EVP_DigestSign(context, signature, &size, in.data, in.size) == 1;
    EVP_MD_CTX_free(context);
    (void)ERR_pop_to_mark();
    return made;
}

static bool verified_by_openssl(const struct bulla_run *run, struct bulla_bytes in, struct bulla_bytes signature)
{
    (void)ERR_set_mark();
    EVP_MD_CTX *context = ready(run, false);
    bool valid = context && EVP_DigestVerify(context, signature.data, signature.size, in.data, in.size) == 1;
    EVP_MD_CTX_free(context);
    (void)ERR_pop_to_mark();
    return valid;
}

static enum bulla_reason whole(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    size_t size = signature_size(run);
    uint8_t *signature = bulla_write_space(out, size);
    if (!signature)
        return bulla_refuse(BULLA_INTERNAL, "no room for a signature");
    if (is_ed25519(run))
        (void)crypto_sign_detached(signature, NULL, in.data, in.size, run->key->material->value.data);
    else if (!sign_by_openssl(run, in, signature, size))
        return bulla_refuse(BULLA_LIBRARY, "OpenSSL made no signature");
    return BULLA_OK;
}

static enum bulla_reason finish(struct bulla_run *run, struct bulla_writer *out)
{
    return whole(run, parts(run), out);
}

static enum bulla_reason verify(struct bulla_run *run, struct bulla_bytes in, struct bulla_bytes signature)
{
    size_t size = signature_size(run);
    if (signature.size != size)
        return bulla_refuse(BULLA_SIGNATURE_LENGTH, "the signature has %zu bytes, not %zu", signature.size, size);
    bool valid = is_ed25519(run) ? crypto_sign_verify_detached(
                                       signature.data, in.data, in.size, run->key->material->value.data) == 0
                                 : verified_by_openssl(run, in, signature);
    return valid ? BULLA_OK : bulla_refuse(BULLA_VERIFY_FAILED, "the signature does not verify");
}

static enum bulla_reason verify_finish(struct bulla_run *run, struct bulla_bytes signature)
{
    return verify(run, parts(run), signature);
}

const struct bulla_processor bulla_eddsa_processor = {
    .state_size = sizeof(struct state),
    .begin = begin,
    .bound = bound,
    .update = update,
    .finish = finish,
    .whole = whole,
    .verify_finish = verify_finish,
    .verify = verify,
    .end = end,
};
