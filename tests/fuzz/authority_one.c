#include "authority_one.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "fuzz.h"

static EVP_PKEY *key_one(void)
{
    uint8_t point[65];
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EVP_PKEY *key = NULL;
    FUZZ_CHECK(EC_POINT_point2oct(
                   group, EC_GROUP_get0_generator(group), POINT_CONVERSION_UNCOMPRESSED, point, 65, NULL) == 65);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 65);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, BN_value_one());
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    FUZZ_CHECK(EVP_PKEY_fromdata_init(context) == 1);
    FUZZ_CHECK(EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, parameters) == 1);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    EC_GROUP_free(group);
    return key;
}

static enum bulla_reason sign(void *context, struct bulla_bytes bytes, uint8_t signature[static 64])
{
    unsigned char der[80];
    const unsigned char *at = der;
    size_t size = sizeof der;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    FUZZ_CHECK(EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, context) == 1);
    FUZZ_CHECK(EVP_DigestSign(digest, der, &size, bytes.data, bytes.size) == 1);
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)size);
    FUZZ_CHECK(pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, 32) == 32 &&
               BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + 32, 32) == 32);
    ECDSA_SIG_free(pair);
    EVP_MD_CTX_free(digest);
    return BULLA_OK;
}

bool authority_one_sign(struct bulla_bytes *bytes, uint8_t *memory, size_t size)
{
    static EVP_PKEY *key;
    struct bulla_writer writer;
    if (!key)
        key = key_one();
    const struct bulla_cose_signer signer = {BULLA_COSE_ES256, sign, key};
    bulla_writer_open(&writer, memory, size);
    if (bulla_cose_sign1_write(&writer, &signer, 0, *bytes, (struct bulla_bytes){NULL, 0}) != BULLA_OK ||
        bulla_writer_finish(&writer, "fuzz") != BULLA_OK)
        return false;
    *bytes = bulla_writer_bytes(&writer);
    return true;
}
