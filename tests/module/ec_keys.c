#include "ec_keys.h"

#include <openssl/x509.h>

const struct ec_curve ec_curves[EC_CURVES] = {
    [EC_P256] = {"P-256", "06082a8648ce3d030107", "secp256r1", CKK_EC, CKM_EC_KEY_PAIR_GEN, 32, 65},
    [EC_P384] = {"P-384", "06052b81040022", "secp384r1", CKK_EC, CKM_EC_KEY_PAIR_GEN, 48, 97},
    [EC_P521] = {"P-521", "06052b81040023", "secp521r1", CKK_EC, CKM_EC_KEY_PAIR_GEN, 66, 133},
    [EC_SECP256K1] = {"secp256k1", "06052b8104000a", "secp256k1", CKK_EC, CKM_EC_KEY_PAIR_GEN, 32, 65},
    [EC_ED25519] = {"ED25519", "06032b6570", "edwards25519", CKK_EC_EDWARDS, CKM_EC_EDWARDS_KEY_PAIR_GEN, 32, 32},
    [EC_ED448] = {"ED448", "06032b6571", "edwards448", CKK_EC_EDWARDS, CKM_EC_EDWARDS_KEY_PAIR_GEN, 57, 57},
    [EC_X25519] = {"X25519", "06032b656e", "curve25519", CKK_EC_MONTGOMERY, CKM_EC_MONTGOMERY_KEY_PAIR_GEN, 32, 32},
    [EC_X448] = {"X448", "06032b656f", "curve448", CKK_EC_MONTGOMERY, CKM_EC_MONTGOMERY_KEY_PAIR_GEN, 56, 56},
};

/* --- bytes --- */

static unsigned digit(char letter)
{
    return letter <= '9' ? (unsigned)(letter - '0') : (unsigned)((letter | 0x20) - 'a' + 10);
}

struct ec_bytes ec_hex(const char *hex)
{
    struct ec_bytes bytes = {.size = 0};
    unsigned half = 0, digits = 0;
    for (; *hex; hex++) {
        if (*hex == ' ')
            continue;
        half = half << 4 | digit(*hex);
        if (++digits % 2 == 0) {
            assert_true(bytes.size < sizeof bytes.data);
            bytes.data[bytes.size++] = (unsigned char)half;
        }
    }
    assert_int_equal(digits % 2, 0);
    return bytes;
}

struct ec_bytes ec_params(int curve)
{
    return ec_hex(ec_curves[curve].hex);
}

struct ec_bytes ec_printed(int curve)
{
    struct ec_bytes bytes = {.size = strlen(ec_curves[curve].printed) + 2};
    bytes.data[0] = 0x13;
    bytes.data[1] = (unsigned char)(bytes.size - 2);
    memcpy(bytes.data + 2, ec_curves[curve].printed, bytes.size - 2);
    return bytes;
}

struct ec_bytes ec_octets(const unsigned char *data, size_t size)
{
    struct ec_bytes bytes = {.size = 0};
    bytes.data[bytes.size++] = 0x04;
    if (size >= 0x80)
        bytes.data[bytes.size++] = 0x81;
    bytes.data[bytes.size++] = (unsigned char)size;
    memcpy(bytes.data + bytes.size, data, size);
    bytes.size += size;
    return bytes;
}

/* --- keys --- */

CK_RV ec_generate_with(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_ATTRIBUTE *public_template,
    unsigned long public_count, CK_ATTRIBUTE *private_template, unsigned long private_count, struct ec_pair *pair)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    *pair = (struct ec_pair){0, 0};
    return p11->C_GenerateKeyPair(session, &mechanism, public_template, public_count, private_template, private_count,
        &pair->public_key, &pair->private_key);
}

struct ec_pair ec_generate(CK_SESSION_HANDLE session, int curve)
{
    struct ec_bytes params = ec_params(curve);
    struct ec_pair pair;
    CK_ATTRIBUTE public_template[] = {{CKA_EC_PARAMS, params.data, params.size}};
    CK_ATTRIBUTE private_template[] = {ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes)};
    assert_ok(ec_generate_with(session, ec_curves[curve].generation, public_template, 1, private_template, 2, &pair));
    return pair;
}

static CK_RV create(CK_SESSION_HANDLE session, int curve, CK_OBJECT_CLASS *object_class, CK_ATTRIBUTE value,
    CK_ATTRIBUTE *more, CK_OBJECT_HANDLE *handle)
{
    struct ec_bytes params = ec_params(curve);
    CK_KEY_TYPE type = ec_curves[curve].type;
    CK_ATTRIBUTE attributes[8] = {
        ATTRIBUTE(CKA_CLASS, *object_class),
        ATTRIBUTE(CKA_KEY_TYPE, type),
        {CKA_EC_PARAMS, params.data, params.size},
        value,
    };
    size_t count = 4;
    if (*object_class == CKO_PRIVATE_KEY) {
        attributes[count++] = (CK_ATTRIBUTE)ATTRIBUTE(CKA_SENSITIVE, no);
        attributes[count++] = (CK_ATTRIBUTE)ATTRIBUTE(CKA_EXTRACTABLE, yes);
    }
    if (more)
        attributes[count++] = *more;
    return module_create(session, attributes, count, handle);
}

CK_RV ec_create_public(
    CK_SESSION_HANDLE session, int curve, struct ec_bytes point, CK_ATTRIBUTE *more, CK_OBJECT_HANDLE *handle)
{
    return create(session, curve, &class_public, (CK_ATTRIBUTE){CKA_EC_POINT, point.data, point.size}, more, handle);
}

CK_RV ec_create_private(
    CK_SESSION_HANDLE session, int curve, struct ec_bytes value, CK_ATTRIBUTE *more, CK_OBJECT_HANDLE *handle)
{
    return create(session, curve, &class_private, (CK_ATTRIBUTE){CKA_VALUE, value.data, value.size}, more, handle);
}

struct ec_bytes ec_get(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    struct ec_bytes bytes;
    unsigned long size = sizeof bytes.data;
    assert_ok(module_get(session, object, type, bytes.data, &size));
    bytes.size = size;
    return bytes;
}

struct ec_bytes ec_point(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, int curve)
{
    struct ec_bytes der = ec_get(session, object, CKA_EC_POINT), point = {.size = ec_curves[curve].point};
    assert_true(der.size > point.size);
    memcpy(point.data, der.data + der.size - point.size, point.size);
    struct ec_bytes expected = ec_octets(point.data, point.size);
    assert_bytes(der, expected);
    return point;
}

EVP_PKEY *ec_openssl(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    struct ec_bytes info = ec_get(session, object, CKA_PUBLIC_KEY_INFO);
    const unsigned char *at = info.data;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)info.size);
    assert_non_null(pkey);
    assert_ptr_equal(at, info.data + info.size);
    return pkey;
}

struct ec_bytes ec_openssl_point(const EVP_PKEY *pkey)
{
    struct ec_bytes point = {.size = sizeof point.data};
    unsigned char *encoded = NULL;
    if (!EVP_PKEY_is_a(pkey, "EC")) {
        assert_int_equal(EVP_PKEY_get_raw_public_key(pkey, point.data, &point.size), 1);
        return point;
    }
    point.size = EVP_PKEY_get1_encoded_public_key((EVP_PKEY *)(uintptr_t)pkey, &encoded);
    assert_true(point.size > 0);
    memcpy(point.data, encoded, point.size);
    OPENSSL_free(encoded);
    return point;
}

/* --- operations --- */

CK_RV ec_sign(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, struct ec_bytes data,
    struct ec_bytes *signature)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    unsigned long size = sizeof signature->data;
    CK_RV rv = p11->C_SignInit(session, &mechanism, key);
    if (rv == CKR_OK)
        rv = p11->C_Sign(session, data.data, data.size, signature->data, &size);
    signature->size = size;
    return rv;
}

CK_RV ec_verify(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE key, struct ec_bytes data,
    struct ec_bytes signature)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_RV rv = p11->C_VerifyInit(session, &mechanism, key);
    return rv == CKR_OK ? p11->C_Verify(session, data.data, data.size, signature.data, signature.size) : rv;
}
