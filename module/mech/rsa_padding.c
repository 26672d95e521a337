#include "rsa_padding.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "crypto/library.h"

enum { LABEL_LARGEST = 65536, PKCS1_OVERHEAD = 11 };

/* The mask generation functions: MGF1 by a hash. */
static const struct {
    CK_ULONG mask;
    enum bulla_hash_index hash;
} masks[] = {
    {CKG_MGF1_SHA1, BULLA_SHA1},
    {CKG_MGF1_SHA224, BULLA_SHA224},
    {CKG_MGF1_SHA256, BULLA_SHA256},
    {CKG_MGF1_SHA384, BULLA_SHA384},
    {CKG_MGF1_SHA512, BULLA_SHA512},
    {CKG_MGF1_SHA3_224, BULLA_SHA3_224},
    {CKG_MGF1_SHA3_256, BULLA_SHA3_256},
    {CKG_MGF1_SHA3_384, BULLA_SHA3_384},
    {CKG_MGF1_SHA3_512, BULLA_SHA3_512},
};

static const struct bulla_hash *find_mask(CK_ULONG mask)
{
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++)
        if (masks[i].mask == mask)
            return &bulla_hashes[masks[i].hash];
    return NULL;
}

static enum bulla_reason find_hashes(CK_MECHANISM_TYPE hash, CK_ULONG mask, struct bulla_rsa_padding *padding)
{
    padding->hash = bulla_hash_find(hash);
    padding->mask = find_mask(mask);
    if (!padding->hash || !padding->hash->library_name)
        return bulla_refuse(BULLA_PARAMETER, "mechanism 0x%lx is no hash that RSA is used with", hash);
    if (!padding->mask)
        return bulla_refuse(BULLA_PARAMETER, "there is no mask generation function 0x%lx", mask);
    return BULLA_OK;
}

/* RFC 8017, 9.1.1: emLen >= hLen + sLen + 2, where emLen is of one bit less than the modulus. */
static enum bulla_reason read_pss(const CK_MECHANISM *mechanism, const struct bulla_rsa_scheme *scheme, size_t bits,
    struct bulla_rsa_padding *padding)
{
    CK_RSA_PKCS_PSS_PARAMS given;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof given));
    memcpy(&given, mechanism->pParameter, sizeof given);
    if (scheme->hash && given.hash_alg != scheme->hash)
        return bulla_refuse(
            BULLA_PARAMETER, "mechanism 0x%lx does not hash by 0x%lx", mechanism->mechanism, (CK_ULONG)given.hash_alg);
    BULLA_TRY(find_hashes(given.hash_alg, given.mgf, padding));
    size_t encoded = (bits + 6) / 8, taken = (size_t)padding->hash->size + 2;
    if (encoded < taken || given.s_len > encoded - taken)
        return bulla_refuse(BULLA_PARAMETER, "a salt of %lu bytes is too long for the key and hash", given.s_len);
    padding->salt = given.s_len;
    return BULLA_OK;
}

enum bulla_reason bulla_rsa_padding_read_oaep(
    const CK_RSA_PKCS_OAEP_PARAMS *parameters, struct bulla_rsa_padding *padding)
{
    padding->padding = RSA_PKCS1_OAEP_PADDING;
    BULLA_TRY(find_hashes(parameters->hash_alg, parameters->mgf, padding));
    /* pkcs11-tool names no source at all where it has no label. */
    bool unnamed = parameters->source == 0 && parameters->source_data_len == 0;
    if (parameters->source != CKZ_DATA_SPECIFIED && !unnamed)
        return bulla_refuse(BULLA_PARAMETER, "there is no source 0x%lx of OAEP's label", (CK_ULONG)parameters->source);
    if (parameters->source_data_len > LABEL_LARGEST || (parameters->source_data_len && !parameters->source_data))
        return bulla_refuse(BULLA_PARAMETER, "OAEP's label is missing, or longer than %d bytes", LABEL_LARGEST);
    padding->label = (struct bulla_bytes){parameters->source_data, parameters->source_data_len};
    return BULLA_OK;
}

static enum bulla_reason read_oaep(const CK_MECHANISM *mechanism, struct bulla_rsa_padding *padding)
{
    CK_RSA_PKCS_OAEP_PARAMS given;
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof given));
    memcpy(&given, mechanism->pParameter, sizeof given);
    return bulla_rsa_padding_read_oaep(&given, padding);
}

enum bulla_reason bulla_rsa_padding_read(const CK_MECHANISM *mechanism, const struct bulla_rsa_scheme *scheme,
    size_t bits, struct bulla_rsa_padding *padding)
{
    *padding = (struct bulla_rsa_padding){.padding = scheme->padding};
    if (scheme->padding == RSA_PKCS1_PSS_PADDING)
        return read_pss(mechanism, scheme, bits, padding);
    if (scheme->padding == RSA_PKCS1_OAEP_PADDING)
        return read_oaep(mechanism, padding);
    padding->hash = scheme->hash ? bulla_hash_find(scheme->hash) : NULL;
    return bulla_mechanism_bare(mechanism);
}

size_t bulla_rsa_padding_overhead(const struct bulla_rsa_padding *padding)
{
    switch (padding->padding) {
    case RSA_PKCS1_PADDING:
        return PKCS1_OVERHEAD;
    case RSA_PKCS1_OAEP_PADDING:
        return 2 * (size_t)padding->hash->size + 2;
    default:
        return 0;
    }
}

/* --- contexts --- */

void bulla_rsa_context_end(struct bulla_rsa_context *context)
{
    EVP_PKEY_CTX_free(context->library);
    *context = (struct bulla_rsa_context){0};
}

/* A label is forgotten by whoever asks: contexts that have one are not used again. */
static bool is_like(const struct bulla_rsa_context *context, const struct bulla_rsa_padding *padding)
{
    const struct bulla_rsa_padding *own = &context->padding;
    return context->library && own->padding == padding->padding && own->hash == padding->hash &&
           own->mask == padding->mask && own->salt == padding->salt && !own->label.size && !padding->label.size;
}

/* OpenSSL names these parameters alike for signatures and for encryption, but for OAEP's hash. */
static void list_parameters(const struct bulla_rsa_padding *padding, int *mode, int *salt, OSSL_PARAM parameters[6])
{
    unsigned count = 0;
    bool oaep = padding->padding == RSA_PKCS1_OAEP_PADDING;
    *mode = padding->padding;
    *salt = (int)padding->salt;
    parameters[count++] = OSSL_PARAM_construct_int(OSSL_PKEY_PARAM_PAD_MODE, mode);
    if (padding->hash)
        parameters[count++] =
            /* NOLINTNEXTLINE(bugprone-branch-clone): two names that OpenSSL spells alike */
            OSSL_PARAM_construct_utf8_string(oaep ? OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST : OSSL_SIGNATURE_PARAM_DIGEST,
                (char *)(uintptr_t)padding->hash->library_name, 0);
    if (padding->mask)
        parameters[count++] = OSSL_PARAM_construct_utf8_string(
            OSSL_PKEY_PARAM_MGF1_DIGEST, (char *)(uintptr_t)padding->mask->library_name, 0);
    if (padding->padding == RSA_PKCS1_PSS_PADDING)
        parameters[count++] = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, salt);
    if (padding->label.size)
        parameters[count++] = OSSL_PARAM_construct_octet_string(
            OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, (void *)(uintptr_t)padding->label.data, padding->label.size);
    parameters[count] = OSSL_PARAM_construct_end();
}

enum bulla_reason bulla_rsa_context_make(struct bulla_rsa_context *context, struct evp_pkey_st *pkey,
    bulla_rsa_init *init, const struct bulla_rsa_padding *padding)
{
    OSSL_PARAM parameters[6];
    int mode = 0, salt = 0;
    if (is_like(context, padding))
        return BULLA_OK;
    bulla_rsa_context_end(context);
    list_parameters(padding, &mode, &salt, parameters);
    (void)ERR_set_mark();
    context->library = EVP_PKEY_CTX_new_from_pkey(bulla_openssl_context(), pkey, NULL);
    bool made = context->library && init(context->library, parameters) == 1;
    (void)ERR_pop_to_mark();
    context->padding = *padding;
    if (!made)
        return bulla_refuse(BULLA_LIBRARY, "OpenSSL does not take the padding of an RSA operation");
    context->padding.label.data = NULL; /* only that there was one is remembered */
    return BULLA_OK;
}
