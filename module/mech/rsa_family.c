/* RSA: the kind of key and its mechanisms. */
#include "families.h"

static const CK_ATTRIBUTE_TYPE public_needs[] = {CKA_MODULUS, CKA_PUBLIC_EXPONENT, 0};
static const CK_ATTRIBUTE_TYPE private_needs[] = {CKA_MODULUS, CKA_PRIVATE_EXPONENT, 0};
static const CK_ATTRIBUTE_TYPE uses[] = {CKA_SIGN, CKA_VERIFY, CKA_ENCRYPT, CKA_DECRYPT, 0};

static enum bulla_reason open_rsa(const struct bulla_draft *key, struct bulla_material *material)
{
    (void)key;
    (void)material;
    return bulla_refuse(BULLA_KEY_TYPE, "RSA keys are kept, and not used");
}

static const struct bulla_key_kind kinds[] = {
    {BULLA_KEY_KIND(CKK_RSA), .public_needs = public_needs, .private_needs = private_needs, .uses = uses,
        .open = open_rsa},
};

const struct bulla_family bulla_rsa_family = {
    .name = "rsa",
    .kinds = kinds,
    .kind_count = sizeof kinds / sizeof kinds[0],
};
