/* Policy bundles: as they are, and as payloads that an authority would have signed, for nothing behind the signature
 * would be reached otherwise. That authority's private key is 1, and its public key so the generator of P-256. */
#include "fuzz.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

#include "evidence/policy.h"

static EVP_PKEY *key_one(uint8_t point[static 65])
{
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

static void check(struct bulla_bytes bundle)
{
    static struct bulla_policy policy;
    static const uint8_t nobody[65] = {4};
    if (bulla_policy_read(bundle, (struct bulla_bytes){NULL, 0}, &policy) != BULLA_OK) {
        FUZZ_CHECK(policy.state_count == 0 && policy.authority[0] == 0);
        return;
    }
    FUZZ_CHECK(policy.state_count >= 1 && policy.state_count <= BULLA_POLICY_STATES);
    FUZZ_CHECK(policy.not_after != 0 && policy.not_after >= policy.not_before);
    FUZZ_CHECK(memchr(policy.note, 0, sizeof policy.note) != NULL);
    for (size_t i = 0; i < policy.state_count; i++)
        FUZZ_CHECK(memchr(policy.states[i].label, 0, sizeof policy.states[i].label) && policy.states[i].pcr_mask);
    FUZZ_CHECK(bulla_policy_read(bundle, BULLA_BYTES(nobody), &policy) == BULLA_POLICY_AUTHORITY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static EVP_PKEY *key;
    static uint8_t point[65], memory[BULLA_POLICY_LARGEST];
    struct bulla_bytes bytes = {data, size};
    struct bulla_writer writer;
    check(bytes);
    if (!key)
        key = key_one(point);
    const struct bulla_cose_signer signer = {BULLA_COSE_ES256, sign, key};
    bulla_writer_open(&writer, memory, sizeof memory);
    if (bulla_cose_sign1_write(&writer, &signer, 0, bytes, (struct bulla_bytes){NULL, 0}) == BULLA_OK &&
        bulla_writer_finish(&writer, "fuzz") == BULLA_OK)
        check(bulla_writer_bytes(&writer));
    return 0;
}
