/* A key's public half is kept beside both halves (CKA_EC_POINT, CKA_PUBLIC_KEY_INFO), so that programs which have only
 * the private key find the public one. */
#include "ec_key.h"

#include <openssl/evp.h>
#include <sodium.h>

#include "ec_pkey.h"
#include "pkcs8.h"

/* --- completing --- */

/* What a template says already must be the same; core compares attributes of keys that are made, and this is for the
 * created ones. */
static enum bulla_reason check_info(const struct bulla_draft *key, struct bulla_bytes info)
{
    struct bulla_bytes given = bulla_draft_get(key, CKA_PUBLIC_KEY_INFO);
    if (given.size && !bulla_bytes_equal(given, info))
        return bulla_refuse(BULLA_KEY_INCONSISTENT, "CKA_PUBLIC_KEY_INFO is that of another key");
    return BULLA_OK;
}

static enum bulla_reason put_point(
    const struct bulla_curve *curve, const struct bulla_point *point, struct bulla_draft *key)
{
    uint8_t der[BULLA_POINT_DER_LARGEST], info[BULLA_POINT_INFO_LARGEST];
    struct bulla_writer der_out, info_out;
    bulla_writer_open(&der_out, der, sizeof der);
    bulla_writer_open(&info_out, info, sizeof info);
    bulla_point_write(point, &der_out);
    bulla_point_write_info(curve, point, &info_out);
    BULLA_TRY(bulla_writer_finish(&der_out, "a public key"));
    BULLA_TRY(bulla_writer_finish(&info_out, "a public key"));
    BULLA_TRY(check_info(key, bulla_writer_bytes(&info_out)));
    BULLA_TRY(bulla_draft_put(key, CKA_EC_POINT, bulla_writer_bytes(&der_out)));
    return bulla_draft_put(key, CKA_PUBLIC_KEY_INFO, bulla_writer_bytes(&info_out));
}

/* The private value in the size that the token keeps: programs cut zeroes in front of an integer, or put some there.
 * What does not fit is left as it is, and refused by whoever looks at it. */
static enum bulla_reason pad_value(const struct bulla_curve *curve, struct bulla_draft *key)
{
    struct bulla_bytes value = bulla_draft_get(key, CKA_VALUE);
    uint8_t *space = NULL;
    while (value.size > curve->value_size && value.data[0] == 0)
        value = (struct bulla_bytes){value.data + 1, value.size - 1};
    if (curve->type != CKK_EC || value.size > curve->value_size || value.size == 0)
        return BULLA_OK;
    BULLA_TRY(bulla_draft_space(key, CKA_VALUE, curve->value_size, &space));
    memcpy(space + curve->value_size - value.size, value.data, value.size);
    return BULLA_OK;
}

static enum bulla_reason complete_private(const struct bulla_curve *curve, struct bulla_draft *key)
{
    struct bulla_bytes given = bulla_draft_get(key, CKA_EC_POINT);
    struct bulla_point point, named;
    BULLA_TRY(pad_value(curve, key));
    BULLA_TRY(bulla_pkey_public_of(curve, bulla_draft_get(key, CKA_VALUE), &point));
    if (given.size) {
        BULLA_TRY(bulla_point_read(curve, given, &named));
        if (memcmp(named.data, point.data, point.size) != 0)
            return bulla_refuse(BULLA_KEY_INCONSISTENT, "CKA_EC_POINT is the point of another private key");
    }
    return put_point(curve, &point, key);
}

enum bulla_reason bulla_ec_complete(struct bulla_draft *key)
{
    const struct bulla_curve *curve = NULL;
    struct bulla_point point;
    BULLA_TRY(bulla_curve_of(key, &curve));
    if (key->object_class == CKO_PRIVATE_KEY)
        return complete_private(curve, key);
    BULLA_TRY(bulla_point_read(curve, bulla_draft_get(key, CKA_EC_POINT), &point));
    return put_point(curve, &point, key);
}

/* --- opening --- */

static enum bulla_reason hold(struct bulla_material *material, struct bulla_bytes bytes)
{
    BULLA_TRY(bulla_secret_hold(&material->value, bytes.size, "a key"));
    memcpy(material->value.data, bytes.data, bytes.size);
    return BULLA_OK;
}

/* The point that stands beside the value, or the one that follows from it. */
static enum bulla_reason point_of_private(
    const struct bulla_curve *curve, const struct bulla_draft *key, struct bulla_point *point)
{
    struct bulla_bytes given = bulla_draft_get(key, CKA_EC_POINT);
    return given.size ? bulla_point_read(curve, given, point)
                      : bulla_pkey_public_of(curve, bulla_draft_get(key, CKA_VALUE), point);
}

static enum bulla_reason private_pkey(
    const struct bulla_curve *curve, const struct bulla_draft *key, struct evp_pkey_st **pkey)
{
    struct bulla_bytes value = bulla_draft_get(key, CKA_VALUE);
    struct bulla_point point;
    if (value.size != curve->value_size)
        return bulla_refuse(BULLA_KEY_VALUE, "a private value of %s has %zu bytes, not %zu", curve->name,
            curve->value_size, value.size);
    BULLA_TRY(point_of_private(curve, key, &point));
    return bulla_pkey_private(curve, value, &point, pkey);
}

static enum bulla_reason open_private(
    const struct bulla_curve *curve, const struct bulla_draft *key, struct bulla_material *material)
{
    struct bulla_bytes value = bulla_draft_get(key, CKA_VALUE);
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
    if (value.size != curve->value_size || (material->curve != BULLA_ED25519 && material->curve != BULLA_X25519))
        return private_pkey(curve, key, &material->pkey);
    if (material->curve == BULLA_X25519)
        return hold(material, value);
    BULLA_TRY(bulla_secret_hold(&material->value, crypto_sign_SECRETKEYBYTES, "a key"));
    (void)crypto_sign_seed_keypair(public_key, material->value.data, value.data);
    return BULLA_OK;
}

static enum bulla_reason open_public(
    const struct bulla_curve *curve, const struct bulla_draft *key, struct bulla_material *material)
{
    struct bulla_bytes point = {NULL, 0};
    BULLA_TRY(bulla_point_strip(curve, bulla_draft_get(key, CKA_EC_POINT), &point));
    if (material->curve == BULLA_ED25519 || material->curve == BULLA_X25519)
        return hold(material, point);
    return bulla_pkey_public(curve, point, &material->pkey);
}

enum bulla_reason bulla_ec_open(const struct bulla_draft *key, struct bulla_material *material)
{
    const struct bulla_curve *curve = NULL;
    BULLA_TRY(bulla_curve_of(key, &curve));
    material->curve = bulla_curve_number(curve);
    material->size = curve->bits;
    return key->object_class == CKO_PRIVATE_KEY ? open_private(curve, key, material)
                                                : open_public(curve, key, material);
}

/* --- wrapping --- */

enum bulla_reason bulla_ec_export(const struct bulla_draft *key, struct bulla_writer *out)
{
    const struct bulla_curve *curve = NULL;
    struct evp_pkey_st *pkey = NULL;
    BULLA_TRY(bulla_curve_of(key, &curve));
    if (key->object_class != CKO_PRIVATE_KEY)
        return bulla_refuse(BULLA_KEY_NOT_WRAPPABLE, "public keys are not wrapped");
    BULLA_TRY(private_pkey(curve, key, &pkey));
    enum bulla_reason reason = bulla_pkcs8_write(pkey, out);
    EVP_PKEY_free(pkey);
    return reason;
}

/* The template may name the curve (then it stays as it is named there) or leave it to what was wrapped. */
static enum bulla_reason import_pkey(const struct evp_pkey_st *pkey, struct bulla_draft *key)
{
    const struct bulla_curve *curve = bulla_pkey_curve(pkey), *named = NULL;
    uint8_t *value = NULL;
    if (!curve || curve->type != key->key_type)
        return bulla_refuse(BULLA_KEY_INCONSISTENT, "what was wrapped is no key of type 0x%lx", key->key_type);
    if (!bulla_draft_get(key, CKA_EC_PARAMS).data)
        BULLA_TRY(bulla_draft_put(key, CKA_EC_PARAMS, curve->identifiers[0]));
    BULLA_TRY(bulla_curve_of(key, &named));
    if (named != curve)
        return bulla_refuse(BULLA_KEY_INCONSISTENT, "the wrapped key is of another curve: %s", curve->name);
    BULLA_TRY(bulla_draft_space(key, CKA_VALUE, curve->value_size, &value));
    return bulla_pkey_value(curve, pkey, value);
}

enum bulla_reason bulla_ec_import(struct bulla_bytes plain, struct bulla_draft *key)
{
    struct evp_pkey_st *pkey = NULL;
    BULLA_TRY(bulla_pkcs8_read(plain, &pkey));
    enum bulla_reason reason = import_pkey(pkey, key);
    EVP_PKEY_free(pkey);
    return reason;
}

/* --- generation --- */

/* Octet strings of the other curves are random, whatever they are (RFC 7748, RFC 8032). */
static enum bulla_reason make_value(const struct bulla_curve *curve, uint8_t *value, struct bulla_point *point)
{
    struct evp_pkey_st *pkey = NULL;
    if (curve->type != CKK_EC) {
        randombytes_buf(value, curve->value_size);
        return bulla_pkey_public_of(curve, (struct bulla_bytes){value, curve->value_size}, point);
    }
    BULLA_TRY(bulla_pkey_generate(curve, &pkey));
    enum bulla_reason reason = bulla_pkey_value(curve, pkey, value);
    if (reason == BULLA_OK)
        reason = bulla_pkey_point(curve, pkey, point);
    EVP_PKEY_free(pkey);
    return reason;
}

enum bulla_reason bulla_ec_generate_pair(
    const CK_MECHANISM *mechanism, struct bulla_draft *public_key, struct bulla_draft *private_key)
{
    const struct bulla_curve *curve = NULL, *named = NULL;
    struct bulla_bytes params = bulla_draft_get(public_key, CKA_EC_PARAMS);
    struct bulla_point point;
    uint8_t *value = NULL;
    BULLA_TRY(bulla_mechanism_bare(mechanism));
    BULLA_TRY(bulla_curve_of(public_key, &curve));
    if (!bulla_draft_get(private_key, CKA_EC_PARAMS).data)
        BULLA_TRY(bulla_draft_put(private_key, CKA_EC_PARAMS, params));
    BULLA_TRY(bulla_curve_of(private_key, &named));
    if (named != curve)
        return bulla_refuse(BULLA_KEY_INCONSISTENT, "the two templates name different curves");
    BULLA_TRY(bulla_draft_space(private_key, CKA_VALUE, curve->value_size, &value));
    BULLA_TRY(make_value(curve, value, &point));
    BULLA_TRY(put_point(curve, &point, private_key));
    return put_point(curve, &point, public_key);
}
