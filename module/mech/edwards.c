/* Ed25519 is libsodium's: twice as fast as OpenSSL 3.0's, and the key stays in locked memory. It verifies strictly:
 * S must be below the order, and neither the key nor R of small order. Ed448, and the variants with a context or
 * prehashing, are OpenSSL's; for those it gets a key of its own for the length of the operation. */
#include "edwards.h"

#include <openssl/evp.h>
#include <sodium.h>

#include "ec_pkey.h"
#include "edwards_variant.h"
#include "parts.h"

struct state {
    struct bulla_parts parts; /* first */
    struct bulla_eddsa_variant variant;
    EVP_PKEY *pkey; /* of Ed25519, where OpenSSL does the work */
};

static bool is_by_sodium(const struct bulla_run *run)
{
    const struct state *state = run->state;
    return run->key->material->curve == BULLA_ED25519 && !state->variant.instance;
}

static size_t signature_size(const struct bulla_run *run)
{
    return 2 * bulla_curves[run->key->material->curve].value_size;
}

/* libsodium's secret key begins with the private value, of which OpenSSL makes its own. */
static enum bulla_reason make_pkey(const struct bulla_run *run, EVP_PKEY **pkey)
{
    const struct bulla_curve *curve = &bulla_curves[BULLA_ED25519];
    struct bulla_bytes half = {run->key->material->value.data, curve->value_size};
    return run->key->object_class == CKO_PRIVATE_KEY ? bulla_pkey_private(curve, half, NULL, pkey)
                                                     : bulla_pkey_public(curve, half, pkey);
}

static enum bulla_reason begin(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    struct state *state = run->state;
    CK_ULONG curve = run->key->material->curve;
    BULLA_TRY(bulla_eddsa_variant_read(mechanism, curve, &state->variant));
    return state->variant.instance && curve == BULLA_ED25519 ? make_pkey(run, &state->pkey) : BULLA_OK;
}

static enum bulla_reason bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    (void)in;
    *bytes = phase == BULLA_UPDATE ? 0 : signature_size(run);
    return BULLA_OK;
}

static void end(void *bytes)
{
    struct state *state = bytes;
    bulla_parts_end(&state->parts);
    EVP_PKEY_free(state->pkey);
}

/* --- signing and verifying --- */

static EVP_PKEY *pkey_of(const struct bulla_run *run)
{
    const struct state *state = run->state;
    return state->pkey ? state->pkey : run->key->material->pkey;
}

static enum bulla_reason whole(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    size_t size = signature_size(run);
    const struct state *state = run->state;
    uint8_t *signature = bulla_write_space(out, size);
    if (!signature)
        return bulla_refuse(BULLA_INTERNAL, "no room for a signature");
    if (is_by_sodium(run))
        (void)crypto_sign_detached(signature, NULL, in.data, in.size, run->key->material->value.data);
    else if (!bulla_eddsa_sign(&state->variant, pkey_of(run), in, signature, size))
        return bulla_refuse(BULLA_LIBRARY, "OpenSSL made no signature");
    return BULLA_OK;
}

static enum bulla_reason finish(struct bulla_run *run, struct bulla_writer *out)
{
    return whole(run, bulla_parts_bytes(run), out);
}

static enum bulla_reason verify(struct bulla_run *run, struct bulla_bytes in, struct bulla_bytes signature)
{
    const struct state *state = run->state;
    size_t size = signature_size(run);
    if (signature.size != size)
        return bulla_refuse(BULLA_SIGNATURE_LENGTH, "the signature has %zu bytes, not %zu", signature.size, size);
    bool valid = is_by_sodium(run) ? crypto_sign_verify_detached(
                                         signature.data, in.data, in.size, run->key->material->value.data) == 0
                                   : bulla_eddsa_verify(&state->variant, pkey_of(run), in, signature);
    return valid ? BULLA_OK : bulla_refuse(BULLA_VERIFY_FAILED, "the signature does not verify");
}

static enum bulla_reason verify_finish(struct bulla_run *run, struct bulla_bytes signature)
{
    return verify(run, bulla_parts_bytes(run), signature);
}

const struct bulla_processor bulla_eddsa_processor = {
    .state_size = sizeof(struct state),
    .begin = begin,
    .bound = bound,
    .update = bulla_parts_update,
    .finish = finish,
    .whole = whole,
    .verify_finish = verify_finish,
    .verify = verify,
    .end = end,
};
