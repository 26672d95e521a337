/* CKM_ECDH_AES_KEY_WRAP (PKCS#11 3.0, 2.3.18): point ‖ AES-KWP(K, key), where the point is the public half of a new key
 * of the wrapping key's curve, uncompressed, and K is what the two keys derive by CKM_ECDH1_DERIVE. The new private
 * half is freed, and so wiped, before anything leaves. */
#include <openssl/evp.h>

#include "ec_pkey.h"
#include "ecdh.h"
#include "kwp.h"

struct wrapping {
    CK_ECDH1_DERIVE_PARAMS derivation; /* its shared data lasts for one call, as C_WrapKey and C_UnwrapKey do */
    size_t key_size;                   /* of K, bytes */
};

static const struct bulla_curve *curve_of(const struct bulla_run *run)
{
    return &bulla_curves[run->key->material->curve];
}

/* The derivation's parameter with this point as the other party's. */
static CK_ECDH1_DERIVE_PARAMS with_peer(const struct wrapping *state, const uint8_t *point, size_t size)
{
    CK_ECDH1_DERIVE_PARAMS derivation = state->derivation;
    derivation.public_data = (uint8_t *)(uintptr_t)point;
    derivation.public_data_len = size;
    return derivation;
}

static enum bulla_reason begin(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    static const uint8_t later[1] = {0}; /* in the place of the other party's point, which comes with the data */
    struct wrapping *state = run->state;
    CK_ECDH_AES_KEY_WRAP_PARAMS given;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof given));
    memcpy(&given, mechanism->pParameter, sizeof given);
    BULLA_TRY(bulla_kwp_key_size(given.ulAESKeyBits, &state->key_size));
    state->derivation = (CK_ECDH1_DERIVE_PARAMS){.kdf = given.kdf, .shared_data_len = given.ulSharedDataLen};
    state->derivation.shared_data = given.pSharedData;
    const CK_ECDH1_DERIVE_PARAMS derivation = with_peer(state, later, sizeof later);
    return bulla_ecdh_judge(&derivation);
}

/* --- wrapping --- */

static enum bulla_reason bound_wrap(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    (void)phase;
    return bulla_kwp_bound_wrap(curve_of(run)->point_size, in, bytes);
}

/* The new key's point, and K. */
static enum bulla_reason make_key(const struct bulla_run *run, struct bulla_point *point, struct bulla_secret *key)
{
    const struct wrapping *state = run->state;
    struct bulla_point peer;
    EVP_PKEY *made = NULL;
    BULLA_TRY(bulla_pkey_point(curve_of(run), run->key->material->pkey, &peer));
    BULLA_TRY(bulla_secret_hold(key, state->key_size, "a key for one wrapping"));
    BULLA_TRY(bulla_pkey_generate(curve_of(run), &made));
    enum bulla_reason reason = bulla_pkey_point(curve_of(run), made, point);
    const CK_ECDH1_DERIVE_PARAMS derivation = with_peer(state, peer.data, peer.size);
    if (reason == BULLA_OK)
        reason = bulla_ecdh_key(curve_of(run), made, &derivation, key);
    EVP_PKEY_free(made);
    return reason;
}

static enum bulla_reason wrap(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    BULLA_RELEASED struct bulla_secret key = {0};
    struct bulla_point point;
    BULLA_TRY(make_key(run, &point, &key));
    bulla_write(out, point.data, point.size);
    return bulla_kwp_wrap(&key, in, out);
}

/* --- unwrapping --- */

static enum bulla_reason bound_unwrap(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    (void)phase;
    return bulla_kwp_bound_unwrap(curve_of(run)->point_size, in, bytes);
}

static enum bulla_reason unwrap(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    BULLA_RELEASED struct bulla_secret key = {0};
    enum { UNCOMPRESSED = 4 };
    const struct wrapping *state = run->state;
    const struct bulla_bytes point = {in.data, curve_of(run)->point_size},
                             wrapped = {in.data + point.size, in.size - point.size};
    enum bulla_reason reason = BULLA_KEY_VALUE;
    BULLA_TRY(bulla_secret_hold(&key, state->key_size, "a key for one wrapping"));
    const CK_ECDH1_DERIVE_PARAMS derivation = with_peer(state, point.data, point.size);
    if (point.data[0] == UNCOMPRESSED)
        reason = bulla_ecdh_key(curve_of(run), run->key->material->pkey, &derivation, &key);
    if (reason == BULLA_KEY_VALUE)
        return bulla_refuse(BULLA_CIPHERTEXT, "the wrapped key begins with no point of %s", curve_of(run)->name);
    BULLA_TRY(reason);
    return bulla_kwp_unwrap(&key, wrapped, out);
}

#define WRAPPING .state_size = sizeof(struct wrapping), .begin = begin

const struct bulla_processor bulla_ecdh_aes_wrap = {WRAPPING, .bound = bound_wrap, .whole = wrap};
const struct bulla_processor bulla_ecdh_aes_unwrap = {WRAPPING, .bound = bound_unwrap, .whole = unwrap};
