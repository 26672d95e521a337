/* What OpenSSL can is asked of the library that runs, not of the headers: a module built with 3.0 signs with contexts
 * where 3.2 came later. OpenSSL 3.0 would take the two parameters of that, ignore them and sign another thing. */
#include "edwards_variant.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto/library.h"
#include "ec_curve.h"

static bool has_variants(void)
{
    return OpenSSL_version_num() >= 0x30200000UL;
}

/* Ed448 has one form with and without a context, Ed25519 has two. */
static const char *instance_of(CK_ULONG curve, bool prehashed)
{
    if (curve == BULLA_ED25519)
        return prehashed ? "Ed25519ph" : "Ed25519ctx";
    return prehashed ? "Ed448ph" : "Ed448";
}

enum bulla_reason bulla_eddsa_variant_read(
    const CK_MECHANISM *mechanism, CK_ULONG curve, struct bulla_eddsa_variant *variant)
{
    CK_EDDSA_PARAMS params;
    if (!mechanism->pParameter) /* then it has no length: core has looked */
        return BULLA_OK;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof params));
    memcpy(&params, mechanism->pParameter, sizeof params);
    if (params.phFlag > CK_TRUE || params.ulContextDataLen > sizeof variant->context ||
        (params.ulContextDataLen && !params.pContextData))
        return bulla_refuse(BULLA_PARAMETER, "CK_EDDSA_PARAMS with a context of %lu bytes", params.ulContextDataLen);
    if (!params.phFlag && !params.ulContextDataLen)
        return BULLA_OK;
    if (!has_variants())
        return bulla_refuse(BULLA_PARAMETER, "OpenSSL before 3.2 has only the pure form of EdDSA, without a context");
    variant->instance = instance_of(curve, params.phFlag);
    variant->context_size = params.ulContextDataLen;
    if (params.ulContextDataLen)
        memcpy(variant->context, params.pContextData, params.ulContextDataLen);
    return BULLA_OK;
}

typedef int begin_digest(EVP_MD_CTX *context, EVP_PKEY_CTX **own, const char *hash, OSSL_LIB_CTX *library,
    const char *properties, EVP_PKEY *pkey, const OSSL_PARAM params[]);

/* Ready for the message; NULL when OpenSSL refuses. */
static EVP_MD_CTX *ready(begin_digest *begin, const struct bulla_eddsa_variant *variant, EVP_PKEY *pkey)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string("instance", (char *)(uintptr_t)variant->instance, 0),
        OSSL_PARAM_construct_octet_string("context-string", (void *)(uintptr_t)variant->context, variant->context_size),
        OSSL_PARAM_construct_end(),
    };
    if (!variant->context_size)
        params[1] = OSSL_PARAM_construct_end();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context &&
        begin(context, NULL, NULL, bulla_openssl_context(), NULL, pkey, variant->instance ? params : NULL) == 1)
        return context;
    EVP_MD_CTX_free(context);
    return NULL;
}

bool bulla_eddsa_sign(const struct bulla_eddsa_variant *variant, EVP_PKEY *pkey, struct bulla_bytes message,
    uint8_t *signature, size_t size)
{
    (void)ERR_set_mark();
    EVP_MD_CTX *context = ready(EVP_DigestSignInit_ex, variant, pkey);
    bool made = context && EVP_DigestSign(context, signature, &size, message.data, message.size) == 1;
    EVP_MD_CTX_free(context);
    (void)ERR_pop_to_mark();
    return made;
}

bool bulla_eddsa_verify(
    const struct bulla_eddsa_variant *variant, EVP_PKEY *pkey, struct bulla_bytes message, struct bulla_bytes signature)
{
    (void)ERR_set_mark();
    EVP_MD_CTX *context = ready(EVP_DigestVerifyInit_ex, variant, pkey);
    bool valid = context && EVP_DigestVerify(context, signature.data, signature.size, message.data, message.size) == 1;
    EVP_MD_CTX_free(context);
    (void)ERR_pop_to_mark();
    return valid;
}
