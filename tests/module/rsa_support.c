#include "rsa_support.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>

const struct rsa_hash rsa_hashes[RSA_HASHES] = {
    {CKM_SHA_1, CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS, CKG_MGF1_SHA1, "SHA1", 20},
    {CKM_SHA224, CKM_SHA224_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS, CKG_MGF1_SHA224, "SHA224", 28},
    {CKM_SHA256, CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, CKG_MGF1_SHA256, "SHA256", 32},
    {CKM_SHA384, CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS, CKG_MGF1_SHA384, "SHA384", 48},
    {CKM_SHA512, CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS, CKG_MGF1_SHA512, "SHA512", 64},
    {CKM_SHA3_224, CKM_SHA3_224_RSA_PKCS, CKM_SHA3_224_RSA_PKCS_PSS, CKG_MGF1_SHA3_224, "SHA3-224", 28},
    {CKM_SHA3_256, CKM_SHA3_256_RSA_PKCS, CKM_SHA3_256_RSA_PKCS_PSS, CKG_MGF1_SHA3_256, "SHA3-256", 32},
    {CKM_SHA3_384, CKM_SHA3_384_RSA_PKCS, CKM_SHA3_384_RSA_PKCS_PSS, CKG_MGF1_SHA3_384, "SHA3-384", 48},
    {CKM_SHA3_512, CKM_SHA3_512_RSA_PKCS, CKM_SHA3_512_RSA_PKCS_PSS, CKG_MGF1_SHA3_512, "SHA3-512", 64},
};

static const struct {
    CK_ATTRIBUTE_TYPE type;
    const char *name;
} names[RSA_NUMBERS] = {
    {CKA_MODULUS, OSSL_PKEY_PARAM_RSA_N},
    {CKA_PUBLIC_EXPONENT, OSSL_PKEY_PARAM_RSA_E},
    {CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D},
    {CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1},
    {CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2},
    {CKA_EXPONENT_1, OSSL_PKEY_PARAM_RSA_EXPONENT1},
    {CKA_EXPONENT_2, OSSL_PKEY_PARAM_RSA_EXPONENT2},
    {CKA_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
};

void rsa_outside_read(EVP_PKEY *pkey, struct rsa_outside *key)
{
    key->pkey = pkey;
    for (int i = 0; i < RSA_NUMBERS; i++) {
        BIGNUM *number = NULL;
        assert_int_equal(EVP_PKEY_get_bn_param(pkey, names[i].name, &number), 1);
        key->numbers[i].type = names[i].type;
        key->numbers[i].size = (unsigned long)BN_bn2bin(number, key->numbers[i].bytes);
        BN_free(number);
    }
}

struct rsa_outside *rsa_outside(unsigned bits)
{
    static struct rsa_outside made[4];
    for (size_t i = 0; i < COUNT_OF(made); i++) {
        if (made[i].pkey && (unsigned)EVP_PKEY_get_bits(made[i].pkey) == bits)
            return &made[i];
        if (made[i].pkey)
            continue;
        EVP_PKEY *pkey = EVP_RSA_gen(bits);
        assert_non_null(pkey);
        rsa_outside_read(pkey, &made[i]);
        return &made[i];
    }
    fail_msg("more sizes of keys than expected");
    return NULL;
}

CK_RV rsa_create(CK_SESSION_HANDLE session, const struct rsa_outside *key, bool private_half, unsigned which,
    const CK_ATTRIBUTE_TYPE *uses, CK_OBJECT_HANDLE *handle)
{
    CK_KEY_TYPE type = CKK_RSA;
    CK_ATTRIBUTE attributes[32] = {ATTRIBUTE(CKA_KEY_TYPE, type), ATTRIBUTE(CKA_TOKEN, no)};
    size_t count = 2;
    attributes[count++] = private_half ? (CK_ATTRIBUTE)ATTRIBUTE(CKA_CLASS, class_private)
                                       : (CK_ATTRIBUTE)ATTRIBUTE(CKA_CLASS, class_public);
    if (private_half) {
        attributes[count++] = (CK_ATTRIBUTE)ATTRIBUTE(CKA_SENSITIVE, no);
        attributes[count++] = (CK_ATTRIBUTE)ATTRIBUTE(CKA_EXTRACTABLE, yes);
    }
    for (int i = 0; i < RSA_NUMBERS; i++)
        if (which & (1U << i))
            attributes[count++] =
                (CK_ATTRIBUTE){key->numbers[i].type, (void *)(uintptr_t)key->numbers[i].bytes, key->numbers[i].size};
    for (; uses && *uses; uses++)
        attributes[count++] = (CK_ATTRIBUTE)ATTRIBUTE(*uses, yes);
    return module_create(session, attributes, count, handle);
}

static struct rsa_pair create_pair(CK_SESSION_HANDLE session, const struct rsa_outside *key,
    const CK_ATTRIBUTE_TYPE *public_uses, const CK_ATTRIBUTE_TYPE *private_uses)
{
    struct rsa_pair pair;
    assert_ok(rsa_create(session, key, false, RSA_PUBLIC, public_uses, &pair.public_key));
    assert_ok(rsa_create(session, key, true, RSA_ALL, private_uses, &pair.private_key));
    return pair;
}

struct rsa_pair rsa_signing(CK_SESSION_HANDLE session, const struct rsa_outside *key)
{
    static const CK_ATTRIBUTE_TYPE verify[] = {CKA_VERIFY, CKA_VERIFY_RECOVER, 0};
    static const CK_ATTRIBUTE_TYPE sign[] = {CKA_SIGN, CKA_SIGN_RECOVER, 0};
    return create_pair(session, key, verify, sign);
}

struct rsa_pair rsa_encrypting(CK_SESSION_HANDLE session, const struct rsa_outside *key)
{
    static const CK_ATTRIBUTE_TYPE encrypt[] = {CKA_ENCRYPT, 0}, decrypt[] = {CKA_DECRYPT, 0};
    return create_pair(session, key, encrypt, decrypt);
}

struct rsa_pair rsa_wrapping(CK_SESSION_HANDLE session, const struct rsa_outside *key)
{
    static const CK_ATTRIBUTE_TYPE wrap[] = {CKA_WRAP, 0}, unwrap[] = {CKA_UNWRAP, 0};
    return create_pair(session, key, wrap, unwrap);
}

static unsigned char *bytes(const void *data)
{
    return (unsigned char *)(uintptr_t)data;
}

CK_RV rsa_sign(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, const void *data, size_t size,
    unsigned char *out, unsigned long *out_size)
{
    CK_RV rv = p11->C_SignInit(session, mechanism, key);
    return rv == CKR_OK ? p11->C_Sign(session, bytes(data), size, out, out_size) : rv;
}

CK_RV rsa_verify(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, const void *data,
    size_t size, const void *signature, size_t signature_size)
{
    CK_RV rv = p11->C_VerifyInit(session, mechanism, key);
    return rv == CKR_OK ? p11->C_Verify(session, bytes(data), size, bytes(signature), signature_size) : rv;
}

CK_RV rsa_encrypt(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, const void *data,
    size_t size, unsigned char *out, unsigned long *out_size)
{
    CK_RV rv = p11->C_EncryptInit(session, mechanism, key);
    return rv == CKR_OK ? p11->C_Encrypt(session, bytes(data), size, out, out_size) : rv;
}

CK_RV rsa_decrypt(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, const void *data,
    size_t size, unsigned char *out, unsigned long *out_size)
{
    CK_RV rv = p11->C_DecryptInit(session, mechanism, key);
    return rv == CKR_OK ? p11->C_Decrypt(session, bytes(data), size, out, out_size) : rv;
}

EVP_PKEY_CTX *rsa_context(EVP_PKEY *pkey, rsa_init *init, int padding, const char *hash, const char *mask, int salt)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pkey, NULL);
    assert_non_null(context);
    assert_int_equal(init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, padding), 1);
    if (hash && padding == RSA_PKCS1_OAEP_PADDING)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_get_digestbyname(hash)), 1);
    else if (hash)
        assert_int_equal(EVP_PKEY_CTX_set_signature_md(context, EVP_get_digestbyname(hash)), 1);
    if (mask)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_get_digestbyname(mask)), 1);
    if (salt >= 0)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salt), 1);
    return context;
}
