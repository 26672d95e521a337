/* Elliptic curves: the kinds of keys (Weierstrass, Edwards, Montgomery) and their mechanisms. */
#include "families.h"

static const CK_ATTRIBUTE_TYPE public_needs[] = {CKA_EC_PARAMS, CKA_EC_POINT, 0};
static const CK_ATTRIBUTE_TYPE private_needs[] = {CKA_EC_PARAMS, CKA_VALUE, 0};
static const CK_ATTRIBUTE_TYPE ec_uses[] = {CKA_SIGN, CKA_VERIFY, CKA_DERIVE, 0};
static const CK_ATTRIBUTE_TYPE edwards_uses[] = {CKA_SIGN, CKA_VERIFY, 0};

static enum bulla_reason open_ec(const struct bulla_draft *key, struct bulla_material *material)
{
    (void)key;
    (void)material;
    return bulla_refuse(BULLA_KEY_TYPE, "EC keys are kept, and not used");
}

static const struct bulla_key_kind kinds[] = {
    {BULLA_KEY_KIND(CKK_EC), .public_needs = public_needs, .private_needs = private_needs, .uses = ec_uses,
        .open = open_ec},
    {BULLA_KEY_KIND(CKK_EC_EDWARDS), .public_needs = public_needs, .private_needs = private_needs, .uses = edwards_uses,
        .open = open_ec},
};

const struct bulla_family bulla_ec_family = {
    .name = "ec",
    .kinds = kinds,
    .kind_count = sizeof kinds / sizeof kinds[0],
};
