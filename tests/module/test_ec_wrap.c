/* Private keys of curves as they are wrapped: PKCS#8, which OpenSSL reads and writes. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "ec_keys.h"

static CK_MECHANISM pad = {CKM_AES_KEY_WRAP_KWP, NULL, 0};

static CK_OBJECT_HANDLE aes_key(CK_SESSION_HANDLE session, CK_ATTRIBUTE_TYPE use, CK_ATTRIBUTE_TYPE other)
{
    static CK_KEY_TYPE type = CKK_AES;
    static unsigned char value[32] = {1, 2, 3};
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, type),
        ATTRIBUTE(CKA_VALUE, value), ATTRIBUTE(use, yes), ATTRIBUTE(other, yes), ATTRIBUTE(CKA_SENSITIVE, no),
        ATTRIBUTE(CKA_EXTRACTABLE, yes)}; /* what it unwraps may be read, too */
    assert_ok(module_create(session, attributes, COUNT_OF(attributes), &key));
    return key;
}

/* Two keys of one value: none may both wrap and decrypt. */
struct wrapping {
    CK_OBJECT_HANDLE wraps, decrypts;
};

static struct wrapping wrapping_keys(CK_SESSION_HANDLE session)
{
    return (struct wrapping){aes_key(session, CKA_WRAP, CKA_UNWRAP), aes_key(session, CKA_ENCRYPT, CKA_DECRYPT)};
}

static struct ec_bytes wrap(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE wraps, CK_OBJECT_HANDLE key)
{
    struct ec_bytes wrapped;
    unsigned long size = sizeof wrapped.data;
    assert_ok(p11->C_WrapKey(session, &pad, wraps, key, wrapped.data, &size));
    wrapped.size = size;
    return wrapped;
}

static struct ec_bytes decrypted(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, struct ec_bytes wrapped)
{
    struct ec_bytes plain;
    unsigned long size = sizeof plain.data;
    assert_ok(p11->C_DecryptInit(session, &pad, key));
    assert_ok(p11->C_Decrypt(session, wrapped.data, wrapped.size, plain.data, &size));
    plain.size = size;
    return plain;
}

static struct ec_bytes encrypted(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, struct ec_bytes plain)
{
    struct ec_bytes wrapped;
    unsigned long size = sizeof wrapped.data;
    assert_ok(p11->C_EncryptInit(session, &pad, key));
    assert_ok(p11->C_Encrypt(session, plain.data, plain.size, wrapped.data, &size));
    wrapped.size = size;
    return wrapped;
}

/* `curve` < 0: the template names none. */
static CK_RV unwrap(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, struct ec_bytes wrapped, CK_KEY_TYPE type,
    int curve, CK_OBJECT_HANDLE *handle)
{
    struct ec_bytes params = {.size = 0};
    if (curve >= 0)
        params = ec_params(curve);
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_private), ATTRIBUTE(CKA_KEY_TYPE, type),
        ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes), {CKA_EC_PARAMS, params.data, params.size}};
    *handle = 0;
    return p11->C_UnwrapKey(session, &pad, key, wrapped.data, wrapped.size, attributes, curve >= 0 ? 5 : 4, handle);
}

static struct ec_bytes pkcs8(EVP_PKEY *pkey)
{
    struct ec_bytes der;
    unsigned char *out = der.data;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    assert_non_null(info);
    int size = i2d_PKCS8_PRIV_KEY_INFO(info, &out);
    assert_true(size > 0);
    der.size = (size_t)size;
    PKCS8_PRIV_KEY_INFO_free(info);
    return der;
}

static EVP_PKEY *openssl_key(int curve)
{
    EVP_PKEY *pkey = ec_curves[curve].type == CKK_EC ? EVP_EC_gen(ec_curves[curve].name)
                                                     : EVP_PKEY_Q_keygen(NULL, NULL, ec_curves[curve].name);
    assert_non_null(pkey);
    return pkey;
}

static void openssl_reads_what_is_wrapped_and_it_comes_back_the_same(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct wrapping keys = wrapping_keys(session);
    for (int curve = 0; curve < EC_CURVES; curve++) {
        struct ec_pair pair = ec_generate(session, curve);
        struct ec_bytes wrapped = wrap(session, keys.wraps, pair.private_key), plain;
        plain = decrypted(session, keys.decrypts, wrapped);
        const unsigned char *at = plain.data;
        EVP_PKEY *read = d2i_AutoPrivateKey(NULL, &at, (long)plain.size);
        assert_non_null(read);
        assert_ptr_equal(at, plain.data + plain.size);
        EVP_PKEY *own = ec_openssl(session, pair.public_key);
        assert_int_equal(EVP_PKEY_eq(read, own), 1);
        EVP_PKEY_free(read);
        EVP_PKEY_free(own);
        for (int named = -1; named <= curve; named += curve + 1) {
            CK_OBJECT_HANDLE back = 0;
            assert_ok(unwrap(session, keys.wraps, wrapped, ec_curves[curve].type, named, &back));
            static const CK_ATTRIBUTE_TYPE same[] = {CKA_VALUE, CKA_EC_POINT, CKA_EC_PARAMS, CKA_PUBLIC_KEY_INFO};
            for (size_t i = 0; i < COUNT_OF(same); i++) {
                struct ec_bytes before = ec_get(session, pair.private_key, same[i]),
                                after = ec_get(session, back, same[i]);
                assert_bytes(after, before);
            }
        }
    }
}

static void what_openssl_writes_comes_in(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct wrapping keys = wrapping_keys(session);
    for (int curve = 0; curve < EC_CURVES; curve++) {
        EVP_PKEY *pkey = openssl_key(curve);
        CK_OBJECT_HANDLE key = 0;
        struct ec_bytes wrapped = encrypted(session, keys.decrypts, pkcs8(pkey));
        assert_ok(unwrap(session, keys.wraps, wrapped, ec_curves[curve].type, -1, &key));
        struct ec_bytes point = ec_openssl_point(pkey), found = ec_point(session, key, curve);
        assert_bytes(found, point);
        EVP_PKEY_free(pkey);
    }
}

static void another_type_or_curve_than_the_templates_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct wrapping keys = wrapping_keys(session);
    CK_OBJECT_HANDLE key = 0;
    for (int curve = 0; curve < EC_CURVES; curve++) {
        struct ec_pair pair = ec_generate(session, curve);
        struct ec_bytes wrapped = wrap(session, keys.wraps, pair.private_key);
        for (int named = 0; named < EC_CURVES; named++)
            assert_rv(unwrap(session, keys.wraps, wrapped, ec_curves[named].type, named, &key),
                named == curve ? CKR_OK : CKR_TEMPLATE_INCONSISTENT);
    }
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    struct ec_bytes wrapped = encrypted(session, keys.decrypts, pkcs8(rsa));
    assert_rv(unwrap(session, keys.wraps, wrapped, CKK_EC, -1, &key), CKR_WRAPPED_KEY_INVALID);
    EVP_PKEY_free(rsa);
    EVP_PKEY *other = EVP_EC_gen("brainpoolP256r1");
    wrapped = encrypted(session, keys.decrypts, pkcs8(other));
    assert_rv(unwrap(session, keys.wraps, wrapped, CKK_EC, -1, &key), CKR_WRAPPED_KEY_INVALID);
    EVP_PKEY_free(other);
}

static void what_is_no_private_key_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct wrapping keys = wrapping_keys(session);
    CK_OBJECT_HANDLE key = 0;
    for (int curve = 0; curve < EC_CURVES; curve++) {
        EVP_PKEY *pkey = openssl_key(curve);
        struct ec_bytes right = pkcs8(pkey), wrong = right;
        CK_KEY_TYPE type = ec_curves[curve].type;
        wrong.size--;
        assert_rv(unwrap(session, keys.wraps, encrypted(session, keys.decrypts, wrong), type, -1, &key),
            CKR_WRAPPED_KEY_INVALID);
        wrong = right;
        wrong.data[wrong.size++] = 1; /* zeroes would be padding */
        assert_rv(unwrap(session, keys.wraps, encrypted(session, keys.decrypts, wrong), type, -1, &key),
            CKR_WRAPPED_KEY_INVALID);
        wrong = encrypted(session, keys.decrypts, right);
        wrong.data[9] ^= 1;
        assert_rv(unwrap(session, keys.wraps, wrong, type, -1, &key), CKR_WRAPPED_KEY_INVALID);
        wrong = (struct ec_bytes){.size = (size_t)i2d_PUBKEY(pkey, NULL)};
        unsigned char *out = wrong.data;
        (void)i2d_PUBKEY(pkey, &out);
        assert_rv(unwrap(session, keys.wraps, encrypted(session, keys.decrypts, wrong), type, -1, &key),
            CKR_WRAPPED_KEY_INVALID);
        EVP_PKEY_free(pkey);
    }
}

static void public_keys_are_not_wrapped(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct wrapping keys = wrapping_keys(session);
    struct ec_pair pair = ec_generate(session, EC_P256);
    unsigned char out[512];
    unsigned long size = sizeof out;
    assert_rv(p11->C_WrapKey(session, &pad, keys.wraps, pair.public_key, out, &size), CKR_KEY_NOT_WRAPPABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(openssl_reads_what_is_wrapped_and_it_comes_back_the_same),
        MODULE_TEST(what_openssl_writes_comes_in),
        MODULE_TEST(another_type_or_curve_than_the_templates_is_refused),
        MODULE_TEST(what_is_no_private_key_is_refused),
        MODULE_TEST(public_keys_are_not_wrapped),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
