/* EVP_PKEY_fromdata checks that a point lies on its curve. */
#include "public_key.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdio.h>

#include "library.h"

enum { POINT_LARGEST = 97, MODULUS_LARGEST = 512 };

static EVP_PKEY *key_from(const char *algorithm, OSSL_PARAM *parameters)
{
    EVP_PKEY *made = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(bulla_openssl_context(), algorithm, NULL);
    if (context && EVP_PKEY_fromdata_init(context) == 1)
        (void)EVP_PKEY_fromdata(context, &made, EVP_PKEY_PUBLIC_KEY, parameters);
    EVP_PKEY_CTX_free(context);
    return made;
}

static EVP_PKEY *curve_key(const char *curve, struct bulla_bytes value)
{
    char group[8];
    uint8_t point[POINT_LARGEST]; /* parameters are not const */
    if (value.size > sizeof point)
        return NULL;
    (void)snprintf(group, sizeof group, "%s", curve);
    memcpy(point, value.data, value.size);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, value.size),
        OSSL_PARAM_construct_end(),
    };
    return key_from("EC", parameters);
}

static EVP_PKEY *rsa_key(struct bulla_bytes value, uint64_t public_exponent)
{
    uint8_t modulus[MODULUS_LARGEST]; /* in the machine's order of bytes, as parameters are */
    if (value.size > sizeof modulus)
        return NULL;
    BIGNUM *number = BN_bin2bn(value.data, (int)value.size, NULL);
    bool done = number && BN_bn2nativepad(number, modulus, (int)value.size) >= 0;
    BN_free(number);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, modulus, value.size),
        OSSL_PARAM_construct_uint64(OSSL_PKEY_PARAM_RSA_E, &public_exponent),
        OSSL_PARAM_construct_end(),
    };
    return done ? key_from("RSA", parameters) : NULL;
}

EVP_PKEY *bulla_public_key_make(const struct bulla_public_key *key)
{
    if (!bulla_openssl_context())
        return NULL;
    switch (key->kind) {
    case BULLA_PUBLIC_P256:
        return curve_key("P-256", key->value);
    case BULLA_PUBLIC_P384:
        return curve_key("P-384", key->value);
    case BULLA_PUBLIC_RSA:
        return rsa_key(key->value, key->exponent);
    case BULLA_PUBLIC_ED25519:
    default:
        return NULL;
    }
}
