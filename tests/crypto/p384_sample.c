#include "p384_sample.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

const struct bulla_bytes sample_message = {(const uint8_t *)"sample", 6};

void sample_hash(struct sample *sample, struct bulla_bytes bytes)
{
    assert_int_equal(bulla_hash_parts(BULLA_SHA384, &bytes, 1, sample->digest), BULLA_OK);
}

/* OpenSSL's key of the point; NULL when it takes none. */
static EVP_PKEY *openssl_key(const uint8_t *point)
{
    char curve[] = "P-384";
    uint8_t copy[BULLA_P384_POINT];
    memcpy(copy, point, sizeof copy);
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, sizeof copy), OSSL_PARAM_construct_end()};
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    assert_int_equal(EVP_PKEY_fromdata_init(maker), 1);
    if (EVP_PKEY_fromdata(maker, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(maker);
    return key;
}

static bool openssl_verifies(const struct sample *sample)
{
    unsigned char *der = NULL;
    EVP_PKEY *key = openssl_key(sample->point);
    if (!key)
        return false;
    ECDSA_SIG *numbers = ECDSA_SIG_new();
    assert_int_equal(
        ECDSA_SIG_set0(numbers, BN_bin2bn(sample->pair, FIELD, NULL), BN_bin2bn(sample->pair + FIELD, FIELD, NULL)), 1);
    int size = i2d_ECDSA_SIG(numbers, &der);
    EVP_PKEY_CTX *verifier = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_verify_init(verifier), 1);
    bool verifies = EVP_PKEY_verify(verifier, der, (size_t)size, sample->digest, FIELD) == 1;
    EVP_PKEY_CTX_free(verifier);
    OPENSSL_free(der);
    ECDSA_SIG_free(numbers);
    EVP_PKEY_free(key);
    return verifies;
}

enum bulla_reason sample_verify(const struct sample *sample, struct bulla_bytes bytes)
{
    const struct bulla_public_key key = {.kind = BULLA_PUBLIC_P384, .value = BULLA_BYTES(sample->point)};
    const struct bulla_signature signature = {.hash = BULLA_SHA384, .value = BULLA_BYTES(sample->pair)};
    return bulla_signature_verify(&key, &signature, bytes);
}

void judged_alike(const struct sample *sample, bool expected)
{
    assert_int_equal(openssl_verifies(sample), expected);
    if (!expected)
        assert_false(bulla_p384_verifies(sample->point, sample->pair, digest_of(sample)));
}

void message_judged_alike(const struct sample *sample, enum bulla_reason expected)
{
    judged_alike(sample, expected == BULLA_OK);
    assert_int_equal(sample_verify(sample, sample_message), expected);
}

void sample_make(struct sample *sample)
{
    unsigned char der[128];
    const unsigned char *at = der;
    size_t size = sizeof der;
    size_t length = 0;
    EVP_PKEY *key = EVP_EC_gen("P-384");
    assert_int_equal(EVP_PKEY_get_octet_string_param(
                         key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, sample->point, sizeof sample->point, &length),
        1);
    assert_int_equal(length, sizeof sample->point);
    sample_hash(sample, sample_message);
    EVP_PKEY_CTX *signer = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_sign_init(signer), 1);
    assert_int_equal(EVP_PKEY_sign(signer, der, &size, sample->digest, sizeof sample->digest), 1);
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &at, (long)size);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(numbers), sample->pair, FIELD), FIELD);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(numbers), sample->pair + FIELD, FIELD), FIELD);
    ECDSA_SIG_free(numbers);
    EVP_PKEY_CTX_free(signer);
    EVP_PKEY_free(key);
}
