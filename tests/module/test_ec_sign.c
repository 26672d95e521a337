/* ECDSA: published signatures, OpenSSL as the other party both ways, and signatures that are none. */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/x509.h>

#include "ec_keys.h"

static const struct {
    CK_MECHANISM_TYPE type;
    const char *hash; /* OpenSSL's name */
} hashed[] = {
    {CKM_ECDSA_SHA1, "SHA1"},
    {CKM_ECDSA_SHA224, "SHA224"},
    {CKM_ECDSA_SHA256, "SHA256"},
    {CKM_ECDSA_SHA384, "SHA384"},
    {CKM_ECDSA_SHA512, "SHA512"},
    {CKM_ECDSA_SHA3_224, "SHA3-224"},
    {CKM_ECDSA_SHA3_256, "SHA3-256"},
    {CKM_ECDSA_SHA3_384, "SHA3-384"},
    {CKM_ECDSA_SHA3_512, "SHA3-512"},
};
static const int weierstrass[] = {EC_P256, EC_P384, EC_P521, EC_SECP256K1};

static struct ec_bytes text(const char *letters)
{
    struct ec_bytes bytes = {.size = strlen(letters)};
    memcpy(bytes.data, letters, bytes.size);
    return bytes;
}

/* --- published --- */

/* RFC 6979, A.2.5 to A.2.7: keys, and signatures of "sample". */
static const struct {
    int curve;
    const char *value, *x, *y;
    struct {
        CK_MECHANISM_TYPE type;
        const char *r, *s;
    } signatures[2];
} published[] = {
    {EC_P256, "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
        "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6",
        "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
        {{CKM_ECDSA_SHA256, "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
             "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"},
            {CKM_ECDSA_SHA512, "8496A60B5E9B47C825488827E0495B0E3FA109EC4568FD3F8D1097678EB97F00",
                "2362AB1ADBE2B8ADF9CB9EDAB740EA6049C028114F2460F96554F61FAE3302FE"}}},
    {EC_P384,
        "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D8"
        "96D5724E4C70A825F872C9EA60D2EDF5",
        "EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64"
        "DEF8F0EA9055866064A254515480BC13",
        "8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1"
        "288B231C3AE0D4FE7344FD2533264720",
        {{CKM_ECDSA_SHA384,
             "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C"
             "81A648152E44ACF96E36DD1E80FABE46",
             "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94F"
             "A329C145786E679E7B82C71A38628AC8"},
            {CKM_ECDSA_SHA224,
                "42356E76B55A6D9B4631C865445DBE54E056D3B3431766D0509244793C3F9366"
                "450F76EE3DE43F5A125333A6BE060122",
                "9DA0C81787064021E78DF658F2FBB0B042BF304665DB721F077A4298B095E483"
                "4C082C03D83028EFBF93A3C23940CA8D"}}},
    {EC_P521,
        "00FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75CA"
        "A896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B83538",
        "01894550D0785932E00EAA23B694F213F8C3121F86DC97A04E5A7167DB4E5BCD37"
        "1123D46E45DB6B5D5370A7F20FB633155D38FFA16D2BD761DCAC474B9A2F5023A4",
        "00493101C962CD4D2FDDF782285E64584139C2F91B47F87FF82354D6630F746A28"
        "A0DB25741B5B34A828008B22ACC23F924FAAFBD4D33F81EA66956DFEAA2BFDFCF5",
        {{CKM_ECDSA_SHA512,
             "00C328FAFCBD79DD77850370C46325D987CB525569FB63C5D3BC53950E6D4C5F17"
             "4E25A1EE9017B5D450606ADD152B534931D7D4E8455CC91F9B15BF05EC36E377FA",
             "00617CCE7CF5064806C467F678D3B4080D6F1CC50AF26CA209417308281B68AF28"
             "2623EAA63E5B5C0723D8B8C37FF0777B1A20F8CCB1DCCC43997F1EE0E44DA4A67A"},
            {CKM_ECDSA_SHA384,
                "01EA842A0E17D2DE4F92C15315C63DDF72685C18195C2BB95E572B9C5136CA4B4B"
                "576AD712A52BE9730627D16054BA40CC0B8D3FF035B12AE75168397F5D50C67451",
                "01F21A3CEE066E1961025FB048BD5FE2B7924D0CD797BABE0A83B66F1E35EEAF5F"
                "DE143FA85DC394A7DEE766523393784484BDF3E00114A1C857CDE1AA203DB65D61"}}},
};

static struct ec_bytes joined(const char *first, const char *second)
{
    struct ec_bytes one = ec_hex(first), two = ec_hex(second);
    memcpy(one.data + one.size, two.data, two.size);
    one.size += two.size;
    return one;
}

static void published_signatures_verify_and_published_points_follow_from_their_keys(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (size_t i = 0; i < COUNT_OF(published); i++) {
        int curve = published[i].curve;
        struct ec_bytes point = joined(published[i].x, published[i].y);
        CK_OBJECT_HANDLE public_key = 0, private_key = 0;
        memmove(point.data + 1, point.data, point.size++);
        point.data[0] = 0x04;
        assert_ok(ec_create_public(session, curve, point, NULL, &public_key));
        assert_ok(ec_create_private(session, curve, ec_hex(published[i].value), NULL, &private_key));
        struct ec_bytes found = ec_point(session, private_key, curve);
        assert_bytes(found, point);
        for (size_t j = 0; j < 2; j++) {
            CK_MECHANISM_TYPE type = published[i].signatures[j].type;
            struct ec_bytes signature = joined(published[i].signatures[j].r, published[i].signatures[j].s);
            assert_ok(ec_verify(session, type, public_key, text("sample"), signature));
            assert_rv(ec_verify(session, type, public_key, text("Sample"), signature), CKR_SIGNATURE_INVALID);
        }
    }
}

/* --- OpenSSL as the other party --- */

/* r and s from OpenSSL's own structure, and back. */
static struct ec_bytes to_raw(const unsigned char *der, size_t size, size_t half)
{
    struct ec_bytes raw = {.size = 2 * half};
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)size);
    assert_non_null(signature);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw.data, (int)half), half);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw.data + half, (int)half), half);
    ECDSA_SIG_free(signature);
    return raw;
}

static struct ec_bytes to_der(struct ec_bytes raw)
{
    struct ec_bytes der;
    unsigned char *out = der.data;
    int half = (int)raw.size / 2;
    ECDSA_SIG *signature = ECDSA_SIG_new();
    assert_int_equal(
        ECDSA_SIG_set0(signature, BN_bin2bn(raw.data, half, NULL), BN_bin2bn(raw.data + half, half, NULL)), 1);
    int size = i2d_ECDSA_SIG(signature, &out);
    assert_true(size > 0);
    der.size = (size_t)size;
    ECDSA_SIG_free(signature);
    return der;
}

static int openssl_verifies(EVP_PKEY *pkey, const char *hash, struct ec_bytes data, struct ec_bytes signature)
{
    struct ec_bytes der = to_der(signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit_ex(context, NULL, hash, NULL, NULL, pkey, NULL), 1);
    int valid = EVP_DigestVerify(context, der.data, der.size, data.data, data.size);
    EVP_MD_CTX_free(context);
    return valid;
}

static void openssl_verifies_what_the_token_signs_with_every_hash(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct ec_bytes data = text("what is to be signed, longer than one block of some of the hashes, for it is text of "
                                "more than one hundred and forty-four letters, which fill the largest of their blocks"),
                    signature;
    for (size_t i = 0; i < COUNT_OF(weierstrass); i++) {
        struct ec_pair pair = ec_generate(session, weierstrass[i]);
        EVP_PKEY *pkey = ec_openssl(session, pair.public_key);
        for (size_t j = 0; j < COUNT_OF(hashed); j++) {
            assert_ok(ec_sign(session, hashed[j].type, pair.private_key, data, &signature));
            assert_int_equal(signature.size, 2 * ec_curves[weierstrass[i]].value);
            assert_int_equal(openssl_verifies(pkey, hashed[j].hash, data, signature), 1);
            assert_ok(ec_verify(session, hashed[j].type, pair.public_key, data, signature));
            data.data[0] ^= 1;
            assert_rv(ec_verify(session, hashed[j].type, pair.public_key, data, signature), CKR_SIGNATURE_INVALID);
            data.data[0] ^= 1;
            assert_rv(ec_verify(session, hashed[(j + 1) % COUNT_OF(hashed)].type, pair.public_key, data, signature),
                CKR_SIGNATURE_INVALID);
        }
        EVP_PKEY_free(pkey);
    }
}

/* Sixty-four times, so that r and s with zeroes in front, or the highest bit set, are among them. */
static void the_token_verifies_what_openssl_signs(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (size_t i = 0; i < COUNT_OF(weierstrass); i++) {
        int curve = weierstrass[i];
        EVP_PKEY *pkey = EVP_EC_gen(ec_curves[curve].name);
        CK_OBJECT_HANDLE key = 0;
        assert_ok(ec_create_public(session, curve, ec_openssl_point(pkey), NULL, &key));
        for (int round = 0; round < 64; round++) {
            struct ec_bytes data = {.size = 32}, signature;
            unsigned char der[160];
            size_t size = sizeof der;
            memset(data.data, round, data.size);
            EVP_MD_CTX *context = EVP_MD_CTX_new();
            assert_int_equal(EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, pkey, NULL), 1);
            assert_int_equal(EVP_DigestSign(context, der, &size, data.data, data.size), 1);
            EVP_MD_CTX_free(context);
            signature = to_raw(der, size, ec_curves[curve].value);
            assert_ok(ec_verify(session, CKM_ECDSA_SHA256, key, data, signature));
        }
        EVP_PKEY_free(pkey);
    }
}

/* Hashes shorter and longer than the order: OpenSSL verifies them bare, and cuts them as
 * SEC 1, 4.1.3 says. */
static void a_bare_hash_is_cut_to_the_orders_length(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    static const size_t sizes[] = {1, 20, 31, 32, 33, 48, 64, 65, 66, 67, 128};
    for (size_t i = 0; i < COUNT_OF(weierstrass); i++) {
        struct ec_pair pair = ec_generate(session, weierstrass[i]);
        size_t order = ec_curves[weierstrass[i]].value;
        EVP_PKEY *pkey = ec_openssl(session, pair.public_key);
        for (size_t j = 0; j < COUNT_OF(sizes); j++) {
            struct ec_bytes data = {.size = sizes[j]}, signature, der;
            memset(data.data, 0xa5, sizeof data.data);
            assert_ok(ec_sign(session, CKM_ECDSA, pair.private_key, data, &signature));
            der = to_der(signature);
            EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pkey, NULL);
            assert_int_equal(EVP_PKEY_verify_init(context), 1);
            assert_int_equal(EVP_PKEY_verify(context, der.data, der.size, data.data, data.size), 1);
            EVP_PKEY_CTX_free(context);
            assert_ok(ec_verify(session, CKM_ECDSA, pair.public_key, data, signature));
            data.data[0] ^= 0x80;
            assert_rv(ec_verify(session, CKM_ECDSA, pair.public_key, data, signature), CKR_SIGNATURE_INVALID);
            data.data[0] ^= 0x80;
            if (data.size <= order)
                continue;
            data.data[data.size - 1] ^= 1; /* what is cut off does not count */
            assert_ok(ec_verify(session, CKM_ECDSA, pair.public_key, data, signature));
        }
        EVP_PKEY_free(pkey);
    }
}

/* --- signatures that are none --- */

/* The orders: FIPS 186-4, D.1.2, and SEC 2, 2.4.1. */
static const char *const orders[EC_CURVES] = {
    [EC_P256] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    [EC_P384] = "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    [EC_P521] =
        "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5"
        "c9b8899c47aebb6fb71e91386409",
    [EC_SECP256K1] = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
};

/* s plus the order, where that fits, is the same number to whoever does not look. */
static bool add_order(struct ec_bytes *signature, size_t at, struct ec_bytes order)
{
    unsigned carry = 0;
    for (size_t i = order.size; i-- > 0;) {
        carry += signature->data[at + i] + order.data[i];
        signature->data[at + i] = (unsigned char)carry;
        carry >>= 8;
    }
    return carry == 0;
}

static void numbers_that_are_no_signature_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (size_t i = 0; i < COUNT_OF(weierstrass); i++) {
        int curve = weierstrass[i];
        struct ec_pair pair = ec_generate(session, curve);
        size_t half = ec_curves[curve].value;
        struct ec_bytes order = ec_hex(orders[curve]), data = {.size = 32}, right, wrong;
        assert_int_equal(order.size, half);
        memset(data.data, 3, data.size);
        assert_ok(ec_sign(session, CKM_ECDSA, pair.private_key, data, &right));
        for (size_t at = 0; at <= half; at += half) {
            wrong = right;
            memset(wrong.data + at, 0, half);
            assert_rv(ec_verify(session, CKM_ECDSA, pair.public_key, data, wrong), CKR_SIGNATURE_INVALID);
            memcpy(wrong.data + at, order.data, half);
            assert_rv(ec_verify(session, CKM_ECDSA, pair.public_key, data, wrong), CKR_SIGNATURE_INVALID);
            memset(wrong.data + at, 0xff, half);
            assert_rv(ec_verify(session, CKM_ECDSA, pair.public_key, data, wrong), CKR_SIGNATURE_INVALID);
            wrong = right;
            if (add_order(&wrong, at, order))
                assert_rv(ec_verify(session, CKM_ECDSA, pair.public_key, data, wrong), CKR_SIGNATURE_INVALID);
        }
        memset(wrong.data, 0, 2 * half);
        assert_rv(ec_verify(session, CKM_ECDSA, pair.public_key, data, wrong), CKR_SIGNATURE_INVALID);
        for (size_t at = 0; at < 2 * half; at += 7) {
            wrong = right;
            wrong.data[at] ^= 0x10;
            assert_rv(ec_verify(session, CKM_ECDSA, pair.public_key, data, wrong), CKR_SIGNATURE_INVALID);
        }
        wrong = right;
        wrong.size--;
        assert_rv(ec_verify(session, CKM_ECDSA, pair.public_key, data, wrong), CKR_SIGNATURE_LEN_RANGE);
        wrong.size += 2;
        assert_rv(ec_verify(session, CKM_ECDSA, pair.public_key, data, wrong), CKR_SIGNATURE_LEN_RANGE);
        wrong = to_der(right);
        assert_rv(ec_verify(session, CKM_ECDSA, pair.public_key, data, wrong), CKR_SIGNATURE_LEN_RANGE);
        struct ec_pair other = ec_generate(session, curve);
        assert_rv(ec_verify(session, CKM_ECDSA, other.public_key, data, right), CKR_SIGNATURE_INVALID);
        assert_ok(ec_verify(session, CKM_ECDSA, pair.public_key, data, right));
    }
}

/* --- calls --- */

static void parts_of_any_size_are_the_whole(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct ec_pair pair = ec_generate(session, EC_P256);
    CK_MECHANISM mechanism = {CKM_ECDSA_SHA384, NULL, 0};
    static const size_t steps[] = {1, 13, 128, 300};
    struct ec_bytes data = {.size = 300}, signature;
    memset(data.data, 0x5a, data.size);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        unsigned long size = sizeof signature.data;
        assert_ok(p11->C_SignInit(session, &mechanism, pair.private_key));
        for (size_t at = 0; at < data.size; at += steps[i])
            assert_ok(
                p11->C_SignUpdate(session, data.data + at, data.size - at < steps[i] ? data.size - at : steps[i]));
        assert_ok(p11->C_SignFinal(session, signature.data, &size));
        signature.size = size;
        assert_ok(ec_verify(session, CKM_ECDSA_SHA384, pair.public_key, data, signature));
        assert_ok(p11->C_VerifyInit(session, &mechanism, pair.public_key));
        for (size_t at = 0; at < data.size; at += steps[i])
            assert_ok(
                p11->C_VerifyUpdate(session, data.data + at, data.size - at < steps[i] ? data.size - at : steps[i]));
        assert_ok(p11->C_VerifyFinal(session, signature.data, signature.size));
        assert_ok(p11->C_VerifyInit(session, &mechanism, pair.public_key));
        assert_ok(p11->C_VerifyUpdate(session, data.data, data.size - 1));
        assert_rv(p11->C_VerifyFinal(session, signature.data, signature.size), CKR_SIGNATURE_INVALID);
    }
    CK_MECHANISM bare = {CKM_ECDSA, NULL, 0};
    assert_ok(p11->C_SignInit(session, &bare, pair.private_key));
    assert_rv(p11->C_SignUpdate(session, data.data, 32), CKR_FUNCTION_NOT_SUPPORTED);
}

static void lengths_are_told_and_short_buffers_keep_the_operation(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (size_t i = 0; i < COUNT_OF(weierstrass); i++) {
        struct ec_pair pair = ec_generate(session, weierstrass[i]);
        unsigned long full = 2 * ec_curves[weierstrass[i]].value, size = 0;
        CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
        struct ec_bytes data = {.size = 32}, signature = {.size = full};
        memset(data.data, 9, data.size);
        assert_ok(p11->C_SignInit(session, &mechanism, pair.private_key));
        assert_ok(p11->C_Sign(session, data.data, data.size, NULL, &size));
        assert_int_equal(size, full);
        size = full - 1;
        memset(signature.data, 0xaa, full);
        assert_rv(p11->C_Sign(session, data.data, data.size, signature.data, &size), CKR_BUFFER_TOO_SMALL);
        assert_int_equal(size, full);
        assert_int_equal(signature.data[0], 0xaa);
        assert_ok(p11->C_Sign(session, data.data, data.size, signature.data, &size));
        assert_rv(p11->C_Sign(session, data.data, data.size, signature.data, &size), CKR_OPERATION_NOT_INITIALIZED);
        assert_ok(ec_verify(session, CKM_ECDSA, pair.public_key, data, signature));
    }
}

static void wrong_calls_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct ec_pair pair = ec_generate(session, EC_P256), edwards = ec_generate(session, EC_ED25519);
    unsigned char byte = 0;
    CK_MECHANISM with = {CKM_ECDSA, &byte, 1}, bare = {CKM_ECDSA, NULL, 0}, hashing = {CKM_ECDSA_SHA256, &byte, 1};
    struct ec_bytes signature, nothing = {.size = 0};
    assert_rv(p11->C_SignInit(session, &with, pair.private_key), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(p11->C_SignInit(session, &hashing, pair.private_key), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(p11->C_SignInit(session, &bare, pair.public_key), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(p11->C_VerifyInit(session, &bare, pair.private_key), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(p11->C_SignInit(session, &bare, edwards.private_key), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(ec_sign(session, CKM_ECDSA, pair.private_key, nothing, &signature), CKR_DATA_LEN_RANGE);
    assert_ok(ec_sign(session, CKM_ECDSA_SHA256, pair.private_key, nothing, &signature));
    assert_ok(ec_verify(session, CKM_ECDSA_SHA256, pair.public_key, nothing, signature));
}

/* The context that signs is kept from one operation to the next, and serves each mechanism in turn. */
static void one_key_signs_by_all_mechanisms_in_turn(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct ec_pair pair = ec_generate(session, EC_P384);
    struct ec_bytes data = {.size = 48}, signature;
    memset(data.data, 1, data.size);
    for (int round = 0; round < 3; round++) {
        assert_ok(ec_sign(session, CKM_ECDSA, pair.private_key, data, &signature));
        assert_ok(ec_verify(session, CKM_ECDSA, pair.public_key, data, signature));
        for (size_t i = 0; i < COUNT_OF(hashed); i++) {
            assert_ok(ec_sign(session, hashed[i].type, pair.private_key, data, &signature));
            assert_ok(ec_verify(session, hashed[i].type, pair.public_key, data, signature));
        }
    }
}

static void key_sizes_and_flags_are_told(void **state)
{
    (void)state;
    CK_MECHANISM_INFO info;
    assert_ok(p11->C_GetMechanismInfo(0, CKM_ECDSA, &info));
    assert_int_equal(info.ulMinKeySize, 256);
    assert_int_equal(info.ulMaxKeySize, 521);
    assert_int_equal(info.flags, CKF_SIGN | CKF_VERIFY | CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_CURVENAME |
                                     CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS);
    for (size_t i = 0; i < COUNT_OF(hashed); i++)
        assert_ok(p11->C_GetMechanismInfo(0, hashed[i].type, &info));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(published_signatures_verify_and_published_points_follow_from_their_keys),
        MODULE_TEST(openssl_verifies_what_the_token_signs_with_every_hash),
        MODULE_TEST(the_token_verifies_what_openssl_signs),
        MODULE_TEST(a_bare_hash_is_cut_to_the_orders_length),
        MODULE_TEST(numbers_that_are_no_signature_are_refused),
        MODULE_TEST(parts_of_any_size_are_the_whole),
        MODULE_TEST(lengths_are_told_and_short_buffers_keep_the_operation),
        MODULE_TEST(wrong_calls_are_refused),
        MODULE_TEST(one_key_signs_by_all_mechanisms_in_turn),
        MODULE_TEST(key_sizes_and_flags_are_told),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
