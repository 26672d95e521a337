#include "es256.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "library.h"

/* NULL when the bytes are no point of the curve, which OpenSSL checks, or memory is short. */
static EVP_PKEY *public_key(const uint8_t key[static 65])
{
    char group[] = "P-256";
    uint8_t point[65];
    memcpy(point, key, sizeof point);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *made = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(bulla_openssl_context(), "EC", NULL);
    if (context && EVP_PKEY_fromdata_init(context) == 1)
        (void)EVP_PKEY_fromdata(context, &made, EVP_PKEY_PUBLIC_KEY, parameters);
    EVP_PKEY_CTX_free(context);
    return made;
}

/* The DER of r ‖ s, which is the form that OpenSSL verifies, for the caller to free; 0 when memory is short. */
static size_t der_signature(const uint8_t signature[static 64], unsigned char **der)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, 32, NULL);
    BIGNUM *s = BN_bin2bn(signature + 32, 32, NULL);
    int size = 0;
    if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = s = NULL; /* the pair's now */
        size = i2d_ECDSA_SIG(pair, der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return size > 0 ? (size_t)size : 0;
}

enum bulla_reason bulla_es256_verify(
    const uint8_t key[static 65], struct bulla_bytes message, const uint8_t signature[static 64])
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(digest, message.data, message.size);
    if (!bulla_openssl_context())
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "verifying a P-256 signature");
    if (key[0] != 0x04)
        return bulla_refuse(BULLA_KEY_INVALID, "the P-256 key is no uncompressed point");
    (void)ERR_set_mark(); /* what fails here must not stand in the error queue of a host that shares libcrypto */
    unsigned char *der = NULL;
    size_t der_size = der_signature(signature, &der);
    EVP_PKEY *made = public_key(key);
    EVP_PKEY_CTX *context = made ? EVP_PKEY_CTX_new_from_pkey(bulla_openssl_context(), made, NULL) : NULL;
    enum bulla_reason reason = BULLA_OK;
    if (!made)
        reason = bulla_refuse(BULLA_KEY_INVALID, "the P-256 key is no point of the curve");
    else if (!context || der_size == 0 || EVP_PKEY_verify_init(context) != 1)
        reason = bulla_refuse(BULLA_OUT_OF_MEMORY, "verifying a P-256 signature");
    else if (EVP_PKEY_verify(context, der, der_size, digest, sizeof digest) != 1)
        reason = bulla_refuse(BULLA_SIGNATURE, "the P-256 signature does not verify");
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(made);
    OPENSSL_free(der);
    (void)ERR_pop_to_mark();
    return reason;
}
