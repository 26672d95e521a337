#include "ec_pkey.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <sodium.h>

#include "crypto/library.h"

/* --- making --- */

static enum bulla_reason from_params(int selection, OSSL_PARAM *params, EVP_PKEY **pkey)
{
    (void)ERR_set_mark();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(bulla_openssl_context(), "EC", NULL);
    bool made =
        context && EVP_PKEY_fromdata_init(context) == 1 && EVP_PKEY_fromdata(context, pkey, selection, params) == 1;
    EVP_PKEY_CTX_free(context);
    (void)ERR_pop_to_mark();
    if (made)
        return BULLA_OK;
    *pkey = NULL;
    return bulla_refuse(BULLA_KEY_VALUE, "the values are no key of the curve");
}

static OSSL_PARAM group_param(const struct bulla_curve *curve)
{
    return OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)curve->name, 0);
}

static OSSL_PARAM point_param(const uint8_t *point, size_t size)
{
    return OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point, size);
}

enum bulla_reason bulla_pkey_public(const struct bulla_curve *curve, struct bulla_bytes point, EVP_PKEY **pkey)
{
    *pkey = NULL;
    if (curve->type == CKK_EC) {
        OSSL_PARAM params[] = {group_param(curve), point_param(point.data, point.size), OSSL_PARAM_construct_end()};
        return from_params(EVP_PKEY_PUBLIC_KEY, params, pkey);
    }
    (void)ERR_set_mark();
    *pkey = EVP_PKEY_new_raw_public_key_ex(bulla_openssl_context(), curve->name, NULL, point.data, point.size);
    (void)ERR_pop_to_mark();
    return *pkey ? BULLA_OK : bulla_refuse(BULLA_KEY_VALUE, "the point is no public key of %s", curve->name);
}

/* OpenSSL takes numbers in the machine's own order of bytes. */
static enum bulla_reason private_weierstrass(
    const struct bulla_curve *curve, struct bulla_bytes value, const struct bulla_point *point, EVP_PKEY **pkey)
{
    BULLA_SECRET void *native = NULL;
    BULLA_TRY(bulla_secret_allocate(curve->value_size, &native));
    BIGNUM *number = BN_bin2bn(value.data, (int)value.size, NULL);
    bool written = number && BN_bn2nativepad(number, native, (int)curve->value_size) > 0;
    BN_clear_free(number);
    if (!written)
        return bulla_refuse(BULLA_KEY_VALUE, "the private value is no key of %s", curve->name);
    OSSL_PARAM params[] = {
        group_param(curve),
        point_param(point->data, point->size),
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, curve->value_size),
        OSSL_PARAM_construct_end(),
    };
    return from_params(EVP_PKEY_KEYPAIR, params, pkey);
}

enum bulla_reason bulla_pkey_private(
    const struct bulla_curve *curve, struct bulla_bytes value, const struct bulla_point *point, EVP_PKEY **pkey)
{
    *pkey = NULL;
    if (curve->type == CKK_EC)
        return private_weierstrass(curve, value, point, pkey);
    (void)ERR_set_mark();
    *pkey = EVP_PKEY_new_raw_private_key_ex(bulla_openssl_context(), curve->name, NULL, value.data, value.size);
    (void)ERR_pop_to_mark();
    return *pkey ? BULLA_OK : bulla_refuse(BULLA_KEY_VALUE, "the private value is no key of %s", curve->name);
}

enum bulla_reason bulla_pkey_generate(const struct bulla_curve *curve, EVP_PKEY **pkey)
{
    bool weierstrass = curve->type == CKK_EC;
    OSSL_PARAM params[] = {weierstrass ? group_param(curve) : OSSL_PARAM_construct_end(), OSSL_PARAM_construct_end()};
    *pkey = NULL;
    (void)ERR_set_mark();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(bulla_openssl_context(), weierstrass ? "EC" : curve->name, NULL);
    bool made = context && EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_CTX_set_params(context, params) == 1 &&
                EVP_PKEY_generate(context, pkey) == 1;
    EVP_PKEY_CTX_free(context);
    (void)ERR_pop_to_mark();
    return made ? BULLA_OK : bulla_refuse(BULLA_LIBRARY, "OpenSSL made no key of %s", curve->name);
}

/* --- reading --- */

const struct bulla_curve *bulla_pkey_curve(const EVP_PKEY *pkey)
{
    char name[32] = "";
    size_t size = 0;
    bool weierstrass = EVP_PKEY_is_a(pkey, "EC") == 1;
    if (weierstrass && EVP_PKEY_get_group_name(pkey, name, sizeof name, &size) != 1)
        return NULL;
    for (int i = 0; i < BULLA_CURVES; i++) {
        const struct bulla_curve *curve = &bulla_curves[i];
        if (curve->type == CKK_EC ? weierstrass && OBJ_sn2nid(name) == curve->group
                                  : EVP_PKEY_is_a(pkey, curve->name) == 1)
            return curve;
    }
    return NULL;
}

static bool put_coordinate(const EVP_PKEY *pkey, const char *name, uint8_t *out, size_t size)
{
    BIGNUM *number = NULL;
    bool put = EVP_PKEY_get_bn_param(pkey, name, &number) == 1 && BN_bn2binpad(number, out, (int)size) == (int)size;
    BN_clear_free(number);
    return put;
}

enum bulla_reason bulla_pkey_point(const struct bulla_curve *curve, const EVP_PKEY *pkey, struct bulla_point *point)
{
    size_t half = curve->value_size;
    bool got;
    point->size = curve->point_size;
    (void)ERR_set_mark();
    if (curve->type == CKK_EC) {
        point->data[0] = POINT_CONVERSION_UNCOMPRESSED;
        got = put_coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_X, point->data + 1, half) &&
              put_coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, point->data + 1 + half, half);
    } else
        got = EVP_PKEY_get_raw_public_key(pkey, point->data, &point->size) == 1;
    (void)ERR_pop_to_mark();
    return got ? BULLA_OK : bulla_refuse(BULLA_LIBRARY, "OpenSSL does not give the public key");
}

enum bulla_reason bulla_pkey_value(const struct bulla_curve *curve, const EVP_PKEY *pkey, uint8_t *value)
{
    size_t size = curve->value_size;
    (void)ERR_set_mark();
    bool got = curve->type == CKK_EC ? put_coordinate(pkey, OSSL_PKEY_PARAM_PRIV_KEY, value, size)
                                     : EVP_PKEY_get_raw_private_key(pkey, value, &size) == 1;
    (void)ERR_pop_to_mark();
    return got ? BULLA_OK : bulla_refuse(BULLA_WRAPPED_KEY, "there is no private key of %s in it", curve->name);
}

/* --- private to public --- */

static bool multiply(const EC_GROUP *group, const BIGNUM *number, struct bulla_point *point)
{
    EC_POINT *product = EC_POINT_new(group);
    bool done = product && EC_POINT_mul(group, product, number, NULL, NULL, NULL) == 1;
    if (done)
        point->size =
            EC_POINT_point2oct(group, product, POINT_CONVERSION_UNCOMPRESSED, point->data, sizeof point->data, NULL);
    EC_POINT_clear_free(product);
    return done && point->size;
}

/* The number is wiped where it is freed; OpenSSL multiplies the generator in constant time. */
static enum bulla_reason public_of_weierstrass(
    const struct bulla_curve *curve, struct bulla_bytes value, struct bulla_point *point)
{
    (void)ERR_set_mark();
    EC_GROUP *group = EC_GROUP_new_by_curve_name_ex(bulla_openssl_context(), NULL, curve->group);
    BIGNUM *number = BN_bin2bn(value.data, (int)value.size, NULL);
    bool ready = group && number;
    bool in_range = ready && !BN_is_zero(number) && BN_cmp(number, EC_GROUP_get0_order(group)) < 0;
    bool done = in_range && multiply(group, number, point) && point->size == curve->point_size;
    BN_clear_free(number);
    EC_GROUP_free(group);
    (void)ERR_pop_to_mark();
    if (!ready)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "computing a public key");
    return done ? BULLA_OK
                : bulla_refuse(BULLA_KEY_VALUE, "the private value is not below the order of %s, or is 0", curve->name);
}

static enum bulla_reason public_of_ed25519(struct bulla_bytes seed, struct bulla_point *point)
{
    BULLA_SECRET void *expanded = NULL;
    BULLA_TRY(bulla_secret_allocate(crypto_sign_SECRETKEYBYTES, &expanded));
    (void)crypto_sign_seed_keypair(point->data, expanded, seed.data);
    return BULLA_OK;
}

static enum bulla_reason public_of_openssl(
    const struct bulla_curve *curve, struct bulla_bytes value, struct bulla_point *point)
{
    EVP_PKEY *pkey = NULL;
    BULLA_TRY(bulla_pkey_private(curve, value, NULL, &pkey));
    enum bulla_reason reason = bulla_pkey_point(curve, pkey, point);
    EVP_PKEY_free(pkey);
    return reason;
}

enum bulla_reason bulla_pkey_public_of(
    const struct bulla_curve *curve, struct bulla_bytes value, struct bulla_point *point)
{
    if (value.size != curve->value_size)
        return bulla_refuse(BULLA_KEY_VALUE, "a private value of %s has %zu bytes, not %zu", curve->name,
            curve->value_size, value.size);
    point->size = curve->point_size;
    switch (bulla_curve_number(curve)) {
    case BULLA_ED25519:
        return public_of_ed25519(value, point);
    case BULLA_X25519:
        (void)crypto_scalarmult_base(point->data, value.data);
        return BULLA_OK;
    default:
        return curve->type == CKK_EC ? public_of_weierstrass(curve, value, point)
                                     : public_of_openssl(curve, value, point);
    }
}
