#include "ecdh.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <sodium.h>

#include "crypto/library.h"
#include "ec_pkey.h"
#include "hash.h"

enum { SECRET_LARGEST = 66, SHARED_DATA_LARGEST = 65536 };

/* --- the parameter --- */

struct request {
    const struct bulla_hash *hash; /* of the key derivation function; NULL: there is none */
    struct bulla_bytes shared, peer;
};

static const struct {
    CK_ULONG kdf;
    const struct bulla_hash *hash;
} functions[] = {
    {CKD_NULL, NULL},
    {CKD_SHA1_KDF, &bulla_hashes[BULLA_SHA1]},
    {CKD_SHA224_KDF, &bulla_hashes[BULLA_SHA224]},
    {CKD_SHA256_KDF, &bulla_hashes[BULLA_SHA256]},
    {CKD_SHA384_KDF, &bulla_hashes[BULLA_SHA384]},
    {CKD_SHA512_KDF, &bulla_hashes[BULLA_SHA512]},
    {CKD_SHA3_224_KDF, &bulla_hashes[BULLA_SHA3_224]},
    {CKD_SHA3_256_KDF, &bulla_hashes[BULLA_SHA3_256]},
    {CKD_SHA3_384_KDF, &bulla_hashes[BULLA_SHA3_384]},
    {CKD_SHA3_512_KDF, &bulla_hashes[BULLA_SHA3_512]},
};

static enum bulla_reason find_function(CK_ULONG kdf, const struct bulla_hash **hash)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (functions[i].kdf == kdf) {
            *hash = functions[i].hash;
            return BULLA_OK;
        }
    return bulla_refuse(BULLA_PARAMETER, "there is no key derivation function %lu", kdf);
}

/* For an encapsulation the other party's key is the ciphertext, and there must be none in the parameter. */
static enum bulla_reason check_peer(const CK_ECDH1_DERIVE_PARAMS *params, bool encapsulating)
{
    if (encapsulating && (params->public_data || params->public_data_len))
        return bulla_refuse(BULLA_PARAMETER, "the other party's public key is in the parameter, not in the ciphertext");
    if (!encapsulating && (!params->public_data || params->public_data_len > BULLA_POINT_DER_LARGEST))
        return bulla_refuse(BULLA_PARAMETER, "the other party's public key is missing, or none");
    return BULLA_OK;
}

static enum bulla_reason read_request(const CK_MECHANISM *mechanism, bool encapsulating, struct request *request)
{
    CK_ECDH1_DERIVE_PARAMS params;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof params));
    memcpy(&params, mechanism->pParameter, sizeof params);
    BULLA_TRY(find_function(params.kdf, &request->hash));
    request->shared = (struct bulla_bytes){params.shared_data, params.shared_data_len};
    request->peer = (struct bulla_bytes){params.public_data, params.public_data_len};
    BULLA_TRY(check_peer(&params, encapsulating));
    if (!params.shared_data != !params.shared_data_len || params.shared_data_len > SHARED_DATA_LARGEST)
        return bulla_refuse(BULLA_PARAMETER, "shared data of %lu bytes", params.shared_data_len);
    if (!request->hash && params.shared_data_len)
        return bulla_refuse(BULLA_PARAMETER, "shared data, and no key derivation function to take it");
    return BULLA_OK;
}

/* --- the shared secret --- */

static enum bulla_reason agree_by_sodium(
    const struct bulla_material *material, struct bulla_bytes peer, uint8_t *secret)
{
    if (crypto_scalarmult(secret, material->value.data, peer.data) != 0)
        return bulla_refuse(BULLA_PARAMETER, "the other party's public key is of small order");
    return BULLA_OK;
}

static enum bulla_reason agree_by_openssl(
    const struct bulla_curve *curve, struct evp_pkey_st *own, struct bulla_bytes peer, uint8_t *secret)
{
    EVP_PKEY *other = NULL;
    size_t size = curve->value_size;
    BULLA_TRY(bulla_pkey_public(curve, peer, &other));
    (void)ERR_set_mark();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(bulla_openssl_context(), own, NULL);
    bool agreed = context && EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, other) == 1 &&
                  EVP_PKEY_derive(context, secret, &size) == 1 && size == curve->value_size;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(other);
    (void)ERR_pop_to_mark();
    if (!agreed || sodium_is_zero(secret, size))
        return bulla_refuse(BULLA_PARAMETER, "no secret can be shared with this public key");
    return BULLA_OK;
}

/* Whatever is wrong with the other party's key, it came in the mechanism's parameter. */
static enum bulla_reason agree(const struct bulla_material *material, struct bulla_bytes given, uint8_t *secret)
{
    const struct bulla_curve *curve = &bulla_curves[material->curve];
    struct bulla_bytes peer = {NULL, 0};
    enum bulla_reason reason = bulla_point_strip(curve, given, &peer);
    if (reason == BULLA_OK)
        reason = material->curve == BULLA_X25519 ? agree_by_sodium(material, peer, secret)
                                                 : agree_by_openssl(curve, material->pkey, peer, secret);
    return reason == BULLA_KEY_VALUE ? BULLA_PARAMETER : reason;
}

/* --- the derived key --- */

static enum bulla_reason expand(const struct request *request, struct bulla_bytes secret, uint8_t *out, size_t size)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)request->hash->library_name, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret.data, secret.size),
        OSSL_PARAM_construct_octet_string(
            OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)request->shared.data, request->shared.size),
        OSSL_PARAM_construct_end(),
    };
    if (!request->shared.size)
        params[2] = OSSL_PARAM_construct_end();
    (void)ERR_set_mark();
    EVP_KDF *kdf = EVP_KDF_fetch(bulla_openssl_context(), OSSL_KDF_NAME_X963KDF, NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    bool done = context && EVP_KDF_derive(context, out, size, params) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    (void)ERR_pop_to_mark();
    return done ? BULLA_OK
                : bulla_refuse(BULLA_LIBRARY, "OpenSSL derives no key by X9.63 with %s", request->hash->name);
}

enum bulla_reason bulla_ecdh_judge(const CK_ECDH1_DERIVE_PARAMS *params)
{
    const CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, (void *)(uintptr_t)params, sizeof *params};
    struct request request = {0};
    return read_request(&mechanism, false, &request);
}

enum bulla_reason bulla_ecdh_key(const struct bulla_curve *curve, struct evp_pkey_st *own,
    const CK_ECDH1_DERIVE_PARAMS *params, const struct bulla_secret *key)
{
    const CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, (void *)(uintptr_t)params, sizeof *params};
    struct request request = {0};
    BULLA_SECRET uint8_t *secret = NULL;
    BULLA_TRY(read_request(&mechanism, false, &request));
    BULLA_TRY(bulla_secret_allocate(SECRET_LARGEST, (void **)&secret));
    BULLA_TRY(agree_by_openssl(curve, own, request.peer, secret));
    if (request.hash)
        return expand(&request, (struct bulla_bytes){secret, curve->value_size}, key->data, key->size);
    if (key->size > curve->value_size)
        return bulla_refuse(
            BULLA_PARAMETER, "%s shares no %zu bytes without a key derivation function", curve->name, key->size);
    memcpy(key->data, secret + curve->value_size - key->size, key->size);
    return BULLA_OK;
}

/* What is longer than wanted loses bytes at its leading end; what is shorter core refuses. */
static void write_end(struct bulla_bytes secret, size_t wanted, struct bulla_writer *out)
{
    size_t cut = wanted && wanted < secret.size ? secret.size - wanted : 0;
    bulla_write(out, secret.data + cut, secret.size - cut);
}

static enum bulla_reason write_expanded(
    const struct request *request, struct bulla_bytes secret, size_t wanted, struct bulla_writer *out)
{
    if (!wanted)
        return bulla_refuse(BULLA_KEY_INCOMPLETE, "the template does not say how long the key is (CKA_VALUE_LEN)");
    uint8_t *space = wanted <= BULLA_DERIVED_LARGEST ? bulla_write_space(out, wanted) : NULL;
    if (!space)
        return bulla_refuse(BULLA_KEY_VALUE, "at most %d bytes can be derived", BULLA_DERIVED_LARGEST);
    return expand(request, secret, space, wanted);
}

/* What becomes of the shared secret. */
static enum bulla_reason write_key(const struct request *request, const struct bulla_curve *curve, const void *secret,
    size_t wanted, struct bulla_writer *out)
{
    struct bulla_bytes shared = {secret, curve->value_size};
    if (request->hash)
        return write_expanded(request, shared, wanted, out);
    write_end(shared, wanted, out);
    return BULLA_OK;
}

enum bulla_reason bulla_ecdh_derive(const struct bulla_derivation *derivation, struct bulla_writer *out)
{
    const struct bulla_material *material = derivation->base->material;
    struct request request = {0};
    BULLA_SECRET void *secret = NULL;
    BULLA_TRY(read_request(derivation->mechanism, false, &request));
    BULLA_TRY(bulla_secret_allocate(SECRET_LARGEST, &secret));
    BULLA_TRY(agree(material, request.peer, secret));
    return write_key(&request, &bulla_curves[material->curve], secret, derivation->size, out);
}

/* --- encapsulation --- */

/* The public key that an ephemeral one agrees with. */
static enum bulla_reason point_of(
    const struct bulla_curve *curve, const struct bulla_material *material, struct bulla_point *point)
{
    if (material->pkey)
        return bulla_pkey_point(curve, material->pkey, point);
    point->size = curve->point_size;
    memcpy(point->data, material->value.data, point->size);
    return BULLA_OK;
}

static enum bulla_reason agree_ephemerally(
    const struct bulla_material *material, struct bulla_writer *ciphertext, uint8_t *secret)
{
    const struct bulla_curve *curve = &bulla_curves[material->curve];
    struct bulla_point peer, point;
    struct evp_pkey_st *ephemeral = NULL;
    BULLA_TRY(point_of(curve, material, &peer));
    BULLA_TRY(bulla_pkey_generate(curve, &ephemeral));
    enum bulla_reason reason = bulla_pkey_point(curve, ephemeral, &point);
    if (reason == BULLA_OK)
        reason = agree_by_openssl(curve, ephemeral, (struct bulla_bytes){peer.data, peer.size}, secret);
    EVP_PKEY_free(ephemeral);
    BULLA_TRY(reason);
    bulla_write(ciphertext, point.data, point.size);
    return BULLA_OK;
}

size_t bulla_ecdh_encapsulation_size(const struct bulla_key *key)
{
    return bulla_curves[key->material->curve].point_size;
}

enum bulla_reason bulla_ecdh_encapsulate(
    const struct bulla_derivation *derivation, struct bulla_writer *ciphertext, struct bulla_writer *out)
{
    const struct bulla_material *material = derivation->base->material;
    struct request request = {0};
    BULLA_SECRET void *secret = NULL;
    BULLA_TRY(read_request(derivation->mechanism, true, &request));
    BULLA_TRY(bulla_secret_allocate(SECRET_LARGEST, &secret));
    BULLA_TRY(agree_ephemerally(material, ciphertext, secret));
    return write_key(&request, &bulla_curves[material->curve], secret, derivation->size, out);
}

enum bulla_reason bulla_ecdh_decapsulate(
    const struct bulla_derivation *derivation, struct bulla_bytes ciphertext, struct bulla_writer *out)
{
    const struct bulla_material *material = derivation->base->material;
    struct request request = {0};
    BULLA_SECRET void *secret = NULL;
    BULLA_TRY(read_request(derivation->mechanism, true, &request));
    if (ciphertext.size > BULLA_POINT_DER_LARGEST)
        return bulla_refuse(BULLA_WRAPPED_KEY_LENGTH, "%zu bytes are no public key", ciphertext.size);
    BULLA_TRY(bulla_secret_allocate(SECRET_LARGEST, &secret));
    enum bulla_reason reason = agree(material, ciphertext, secret);
    BULLA_TRY(reason == BULLA_PARAMETER ? BULLA_WRAPPED_KEY : reason);
    return write_key(&request, &bulla_curves[material->curve], secret, derivation->size, out);
}
