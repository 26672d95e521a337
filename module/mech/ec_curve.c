#include "ec_curve.h"

#include <openssl/obj_mac.h>

/* Object identifiers: SEC 2 and RFC 5480 (Weierstrass), RFC 8410 (the others), and beside them those that GnuPG and
 * older OpenSC use for Curve25519 and Ed25519. Names: PKCS#11 3.0, 2.3.3 and 2.3.5, SEC 2, FIPS 186; pkcs11-tool of
 * OpenSC 0.23 says that curve25519 has eleven letters. */
#define OID(...) BULLA_BYTES(((const uint8_t[]){0x06, __VA_ARGS__}))

const struct bulla_curve bulla_curves[BULLA_CURVES] = {
    [BULLA_P256] = {"P-256", NID_X9_62_prime256v1, CKK_EC, 256, 32, 65,
        {OID(0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07)}, {"secp256r1", "prime256v1", "P-256"}},
    [BULLA_P384] = {"P-384", NID_secp384r1, CKK_EC, 384, 48, 97, {OID(0x05, 0x2b, 0x81, 0x04, 0x00, 0x22)},
        {"secp384r1", "P-384"}},
    [BULLA_P521] = {"P-521", NID_secp521r1, CKK_EC, 521, 66, 133, {OID(0x05, 0x2b, 0x81, 0x04, 0x00, 0x23)},
        {"secp521r1", "P-521"}},
    [BULLA_SECP256K1] = {"secp256k1", NID_secp256k1, CKK_EC, 256, 32, 65, {OID(0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a)},
        {"secp256k1"}},
    [BULLA_ED25519] = {"ED25519", 0, CKK_EC_EDWARDS, 255, 32, 32,
        {OID(0x03, 0x2b, 0x65, 0x70), OID(0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01)},
        {"edwards25519", "Ed25519"}},
    [BULLA_ED448] = {"ED448", 0, CKK_EC_EDWARDS, 448, 57, 57, {OID(0x03, 0x2b, 0x65, 0x71)}, {"edwards448", "Ed448"}},
    [BULLA_X25519] = {"X25519", 0, CKK_EC_MONTGOMERY, 255, 32, 32,
        {OID(0x03, 0x2b, 0x65, 0x6e), OID(0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01),
            {(const uint8_t *)"\x13\x0b"
                              "curve25519",
                12}},
        {"curve25519", "X25519"}},
    [BULLA_X448] = {"X448", 0, CKK_EC_MONTGOMERY, 448, 56, 56, {OID(0x03, 0x2b, 0x65, 0x6f)}, {"curve448", "X448"}},
};

enum { PRINTABLE_STRING = 0x13 };

static bool is_name(const char *name, struct bulla_bytes params)
{
    struct bulla_bytes text = {params.data + 2, params.size - 2};
    return params.size > 2 && params.data[0] == PRINTABLE_STRING && params.data[1] == text.size &&
           bulla_bytes_equal_text(text, name);
}

static bool names_curve(const struct bulla_curve *curve, struct bulla_bytes params)
{
    for (int i = 0; i < BULLA_CURVE_FORMS; i++) {
        if (curve->identifiers[i].size && bulla_bytes_equal(curve->identifiers[i], params))
            return true;
        if (curve->names[i] && is_name(curve->names[i], params))
            return true;
    }
    return false;
}

const struct bulla_curve *bulla_curve_find(CK_KEY_TYPE type, struct bulla_bytes params)
{
    for (int i = 0; i < BULLA_CURVES; i++)
        if (bulla_curves[i].type == type && names_curve(&bulla_curves[i], params))
            return &bulla_curves[i];
    return NULL;
}

enum bulla_reason bulla_curve_of(const struct bulla_draft *key, const struct bulla_curve **curve)
{
    struct bulla_bytes params = bulla_draft_get(key, CKA_EC_PARAMS);
    if (!params.data)
        return bulla_refuse(BULLA_KEY_INCOMPLETE, "the template does not say which curve (CKA_EC_PARAMS)");
    *curve = bulla_curve_find(key->key_type, params);
    return *curve ? BULLA_OK
                  : bulla_refuse(
                        BULLA_CURVE, "CKA_EC_PARAMS names no curve that keys of type 0x%lx have here", key->key_type);
}

CK_ULONG bulla_curve_number(const struct bulla_curve *curve)
{
    return (CK_ULONG)(curve - bulla_curves);
}
