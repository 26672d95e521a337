/* Keys wrapped by RSA: round trips, and what OpenSSL wrapped or unwraps outside. */
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sodium.h>

#include "rsa_support.h"

enum { SIZE = 256, KEY = 32 };
static unsigned char out[16384];
static CK_KEY_TYPE aes = CKK_AES, rsa = CKK_RSA, generic = CKK_GENERIC_SECRET;
static CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0};
static const unsigned char value[KEY] = "thirty-two bytes of an AES key..";

static CK_OBJECT_HANDLE secret_key(CK_SESSION_HANDLE session, size_t size)
{
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes),
        ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes), {CKA_VALUE, (void *)(uintptr_t)value, size}};
    assert_ok(module_create(session, attributes, COUNT_OF(attributes), &key));
    return key;
}

/* Unwraps an AES key that can be read. `size` 0: no CKA_VALUE_LEN. */
static CK_RV unwrap_secret(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE by,
    unsigned char *wrapped, unsigned long wrapped_size, CK_ULONG size, CK_OBJECT_HANDLE *key)
{
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes),
        ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes), ATTRIBUTE(CKA_VALUE_LEN, size)};
    *key = 0;
    return p11->C_UnwrapKey(session, mechanism, by, wrapped, wrapped_size, attributes, size ? 5 : 4, key);
}

static CK_RV unwrap_private(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE by,
    unsigned char *wrapped, unsigned long wrapped_size, CK_OBJECT_HANDLE *key)
{
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_private), ATTRIBUTE(CKA_KEY_TYPE, rsa),
        ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes), ATTRIBUTE(CKA_SIGN, yes)};
    *key = 0;
    return p11->C_UnwrapKey(session, mechanism, by, wrapped, wrapped_size, attributes, 5, key);
}

static void assert_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, size_t size)
{
    unsigned char read[64];
    unsigned long length = sizeof read;
    assert_ok(module_get(session, key, CKA_VALUE, read, &length));
    assert_int_equal(length, size);
    assert_memory_equal(read, value, size);
}

static void secret_keys_go_round(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_pair pair = rsa_wrapping(session, rsa_outside(2048));
    CK_RSA_AES_KEY_WRAP_PARAMS with[] = {{128, &oaep}, {192, &oaep}, {256, &oaep}};
    CK_MECHANISM mechanisms[] = {{CKM_RSA_PKCS, NULL, 0}, {CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep},
        {CKM_RSA_X_509, NULL, 0}, {CKM_RSA_AES_KEY_WRAP, &with[0], sizeof with[0]},
        {CKM_RSA_AES_KEY_WRAP, &with[1], sizeof with[1]}, {CKM_RSA_AES_KEY_WRAP, &with[2], sizeof with[2]}};
    for (size_t i = 0; i < COUNT_OF(mechanisms); i++)
        for (size_t size = 16; size <= 32; size += 8) {
            bool hybrid = mechanisms[i].mechanism == CKM_RSA_AES_KEY_WRAP;
            CK_OBJECT_HANDLE key = secret_key(session, size), back = 0;
            unsigned long length = 0, small = SIZE - 1, expected = SIZE + (hybrid ? size + 8 : 0);
            assert_ok(p11->C_WrapKey(session, &mechanisms[i], pair.public_key, key, NULL, &length));
            assert_int_equal(length, expected);
            assert_rv(p11->C_WrapKey(session, &mechanisms[i], pair.public_key, key, out, &small), CKR_BUFFER_TOO_SMALL);
            assert_int_equal(small, expected);
            assert_ok(p11->C_WrapKey(session, &mechanisms[i], pair.public_key, key, out, &length));
            assert_int_equal(length, expected);
            assert_ok(unwrap_secret(session, &mechanisms[i], pair.private_key, out, length, size, &back));
            assert_value(session, back, size);
            for (size_t at = 0; at < length; at += 37) {
                if (mechanisms[i].mechanism == CKM_RSA_X_509 ||
                    (mechanisms[i].mechanism == CKM_RSA_PKCS && OpenSSL_version_num() >= 0x30200000UL))
                    break; /* which nothing protects */
                out[at] ^= 0x20;
                assert_rv(unwrap_secret(session, &mechanisms[i], pair.private_key, out, length, size, &back),
                    CKR_WRAPPED_KEY_INVALID);
                out[at] ^= 0x20;
            }
            assert_rv(unwrap_secret(session, &mechanisms[i], pair.private_key, out, length - 1, size, &back),
                CKR_WRAPPED_KEY_LEN_RANGE);
            assert_rv(unwrap_secret(session, &mechanisms[i], pair.private_key, out, 0, size, &back),
                CKR_WRAPPED_KEY_LEN_RANGE);
        }
}

/* The zeroes that fill up the number are in front, so its length has to be said. */
static void a_bare_number_is_cut_from_its_end(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_pair pair = rsa_wrapping(session, rsa_outside(2048));
    CK_MECHANISM mechanism = {CKM_RSA_X_509, NULL, 0};
    CK_OBJECT_HANDLE back = 0;
    unsigned long length = sizeof out;
    assert_ok(p11->C_WrapKey(session, &mechanism, pair.public_key, secret_key(session, 32), out, &length));
    assert_rv(unwrap_secret(session, &mechanism, pair.private_key, out, length, 0, &back), CKR_TEMPLATE_INCOMPLETE);
    assert_ok(unwrap_secret(session, &mechanism, pair.private_key, out, length, 16, &back));
    unsigned char read[64];
    length = sizeof read;
    assert_ok(module_get(session, back, CKA_VALUE, read, &length));
    assert_int_equal(length, 16);
    assert_memory_equal(read, value + 16, 16);
}

/* A private key is longer than any modulus. */
static void a_private_key_is_wrapped_by_rsa_and_aes_only(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_pair pair = rsa_wrapping(session, rsa_outside(2048)), other = rsa_signing(session, rsa_outside(3072));
    CK_RSA_AES_KEY_WRAP_PARAMS with = {256, &oaep};
    CK_MECHANISM pkcs = {CKM_RSA_PKCS, NULL, 0}, hybrid = {CKM_RSA_AES_KEY_WRAP, &with, sizeof with};
    unsigned long length = sizeof out;
    CK_OBJECT_HANDLE back = 0;
    assert_rv(p11->C_WrapKey(session, &pkcs, pair.public_key, other.private_key, out, &length), CKR_KEY_SIZE_RANGE);
    length = sizeof out;
    assert_ok(p11->C_WrapKey(session, &hybrid, pair.public_key, other.private_key, out, &length));
    assert_ok(unwrap_private(session, &hybrid, pair.private_key, out, length, &back));
    for (int i = 0; i < RSA_NUMBERS; i++) {
        const struct rsa_number *number = &rsa_outside(3072)->numbers[i];
        unsigned char read[RSA_ROOM];
        unsigned long size = sizeof read;
        assert_ok(module_get(session, back, number->type, read, &size));
        assert_int_equal(size, number->size);
        assert_memory_equal(read, number->bytes, size);
    }
    CK_MECHANISM sign = {CKM_SHA256_RSA_PKCS, NULL, 0};
    unsigned char signature[RSA_ROOM];
    unsigned long size = sizeof signature;
    assert_ok(rsa_sign(session, &sign, back, "text", 4, signature, &size));
    assert_ok(rsa_verify(session, &sign, other.public_key, "text", 4, signature, size));
    assert_rv(unwrap_secret(session, &hybrid, pair.private_key, out, length, 0, &back), CKR_ATTRIBUTE_VALUE_INVALID);
}

/* --- OpenSSL on the other side --- */

static const EVP_CIPHER *kwp(size_t key_size)
{
    return key_size == 16 ? EVP_aes_128_wrap_pad() : key_size == 24 ? EVP_aes_192_wrap_pad() : EVP_aes_256_wrap_pad();
}

static size_t run_kwp(
    size_t key_size, const unsigned char *key, int wrap, const unsigned char *in, size_t size, unsigned char *result)
{
    int written = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    assert_int_equal(EVP_CipherInit_ex(context, kwp(key_size), NULL, key, NULL, wrap), 1);
    assert_int_equal(EVP_CipherUpdate(context, result, &written, in, (int)size), 1);
    EVP_CIPHER_CTX_free(context);
    return (size_t)written;
}

/* As the standard says it: OAEP of the AES key, then AES-KWP of what is wrapped. */
static size_t wrap_outside(
    EVP_PKEY *by, size_t key_size, const unsigned char *plain, size_t size, unsigned char *wrapped)
{
    unsigned char key[33];
    size_t room = RSA_ROOM;
    randombytes_buf(key, sizeof key);
    EVP_PKEY_CTX *context = rsa_context(by, EVP_PKEY_encrypt_init, RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA256", -1);
    assert_int_equal(EVP_PKEY_encrypt(context, wrapped, &room, key, key_size), 1);
    EVP_PKEY_CTX_free(context);
    return room + run_kwp(key_size > 32 ? 32 : key_size, key, 1, plain, size, wrapped + room);
}

static size_t pkcs8_outside(EVP_PKEY *key, unsigned char *der)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    int size = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
    PKCS8_PRIV_KEY_INFO_free(info);
    assert_true(size > 0);
    return (size_t)size;
}

static void openssl_and_the_token_unwrap_each_others_keys(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_outside *outside = rsa_outside(2048), *wrapped_key = rsa_outside(3072);
    struct rsa_pair pair = rsa_wrapping(session, outside), other = rsa_signing(session, wrapped_key);
    unsigned char der[4096], plain[4096], key[RSA_ROOM];
    size_t der_size = pkcs8_outside(wrapped_key->pkey, der);
    for (unsigned bits = 128; bits <= 256; bits += 64) {
        CK_RSA_AES_KEY_WRAP_PARAMS with = {bits, &oaep};
        CK_MECHANISM mechanism = {CKM_RSA_AES_KEY_WRAP, &with, sizeof with};
        CK_OBJECT_HANDLE back = 0;
        unsigned long length = sizeof out;
        size_t size = wrap_outside(outside->pkey, bits / 8, der, der_size, out), room = sizeof key;
        assert_ok(unwrap_private(session, &mechanism, pair.private_key, out, size, &back));
        assert_ok(p11->C_WrapKey(session, &mechanism, pair.public_key, other.private_key, out, &length));
        EVP_PKEY_CTX *context =
            rsa_context(outside->pkey, EVP_PKEY_decrypt_init, RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA256", -1);
        assert_int_equal(EVP_PKEY_decrypt(context, key, &room, out, SIZE), 1);
        EVP_PKEY_CTX_free(context);
        assert_int_equal(room, bits / 8);
        assert_int_equal(run_kwp(room, key, 0, out + SIZE, length - SIZE, plain), der_size);
        assert_memory_equal(plain, der, der_size); /* there is one way to write it */
    }
}

static void the_aes_key_has_the_size_that_is_said(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_pair pair = rsa_wrapping(session, rsa_outside(2048));
    CK_RSA_AES_KEY_WRAP_PARAMS with = {256, &oaep};
    CK_MECHANISM mechanism = {CKM_RSA_AES_KEY_WRAP, &with, sizeof with};
    CK_OBJECT_HANDLE back = 0;
    size_t size = wrap_outside(rsa_outside(2048)->pkey, 33, value, 32, out); /* 33 bytes, of which 32 are the key */
    assert_rv(unwrap_secret(session, &mechanism, pair.private_key, out, size, 32, &back), CKR_WRAPPED_KEY_INVALID);
    size = wrap_outside(rsa_outside(2048)->pkey, 16, value, 32, out);
    assert_rv(unwrap_secret(session, &mechanism, pair.private_key, out, size, 32, &back), CKR_WRAPPED_KEY_INVALID);
    with.ulAESKeyBits = 128;
    assert_ok(unwrap_secret(session, &mechanism, pair.private_key, out, size, 32, &back));
    assert_value(session, back, 32);
}

static void rsa_and_aes_take_no_other_parameters(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_pair pair = rsa_wrapping(session, rsa_outside(2048));
    CK_OBJECT_HANDLE key = secret_key(session, 32), back = 0;
    CK_RSA_PKCS_OAEP_PARAMS no_hash = {CKM_MD5, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0};
    CK_RSA_AES_KEY_WRAP_PARAMS wrong[] = {{0, &oaep}, {64, &oaep}, {255, &oaep}, {512, &oaep}, {~0UL, &oaep},
        {256, NULL}, {256, &no_hash}},
                               right = {256, &oaep};
    unsigned long length = sizeof out;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        CK_MECHANISM mechanism = {CKM_RSA_AES_KEY_WRAP, &wrong[i], sizeof wrong[i]};
        assert_rv(p11->C_WrapKey(session, &mechanism, pair.public_key, key, out, &length), CKR_MECHANISM_PARAM_INVALID);
        assert_rv(
            unwrap_secret(session, &mechanism, pair.private_key, out, 300, 32, &back), CKR_MECHANISM_PARAM_INVALID);
    }
    CK_MECHANISM lengths[] = {{CKM_RSA_AES_KEY_WRAP, NULL, 0}, {CKM_RSA_AES_KEY_WRAP, &right, sizeof right - 1}};
    for (size_t i = 0; i < COUNT_OF(lengths); i++)
        assert_rv(
            p11->C_WrapKey(session, &lengths[i], pair.public_key, key, out, &length), CKR_MECHANISM_PARAM_INVALID);
    CK_MECHANISM mechanism = {CKM_RSA_AES_KEY_WRAP, &right, sizeof right};
    assert_rv(p11->C_EncryptInit(session, &mechanism, pair.public_key), CKR_MECHANISM_INVALID);
    assert_rv(
        p11->C_WrapKey(session, &mechanism, pair.private_key, key, out, &length), CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
}

/* What is inside is judged as strictly as what is outside. */
static void malformed_private_keys_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_outside *outside = rsa_outside(2048);
    struct rsa_pair pair = rsa_wrapping(session, outside);
    CK_RSA_AES_KEY_WRAP_PARAMS with = {256, &oaep};
    CK_MECHANISM mechanism = {CKM_RSA_AES_KEY_WRAP, &with, sizeof with};
    CK_OBJECT_HANDLE back = 0;
    unsigned char der[4096], broken[4096];
    size_t size = pkcs8_outside(outside->pkey, der);
    memset(der + size, 0, 8);
    /* Cut, or with something behind it. */
    for (size_t length = 1; length <= size + 8; length += length < 40 ? 1 : 97) {
        size_t wrapped = wrap_outside(outside->pkey, 32, der, length, out);
        assert_rv(unwrap_private(session, &mechanism, pair.private_key, out, wrapped, &back), CKR_WRAPPED_KEY_INVALID);
    }
    /* Every byte of its structure, and one in each stretch of its numbers. */
    for (size_t at = 0; at < size; at += at < 64 ? 1 : 61) {
        memcpy(broken, der, size);
        broken[at] ^= 1;
        size_t wrapped = wrap_outside(outside->pkey, 32, broken, size, out);
        assert_rv(unwrap_private(session, &mechanism, pair.private_key, out, wrapped, &back), CKR_WRAPPED_KEY_INVALID);
    }
    size_t wrapped = wrap_outside(outside->pkey, 32, der, size, out);
    assert_ok(unwrap_private(session, &mechanism, pair.private_key, out, wrapped, &back));
    EVP_PKEY *curve = EVP_EC_gen("P-256");
    wrapped = wrap_outside(outside->pkey, 32, broken, pkcs8_outside(curve, broken), out);
    EVP_PKEY_free(curve);
    assert_rv(unwrap_private(session, &mechanism, pair.private_key, out, wrapped, &back), CKR_WRAPPED_KEY_INVALID);
}

static void what_may_not_leave_is_not_wrapped(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_pair pair = rsa_wrapping(session, rsa_outside(2048)), signing = rsa_signing(session, rsa_outside(2048));
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep};
    CK_OBJECT_HANDLE kept = 0;
    unsigned long length = sizeof out;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, generic),
        ATTRIBUTE(CKA_EXTRACTABLE, no), {CKA_VALUE, (void *)(uintptr_t)value, 32}};
    assert_ok(module_create(session, attributes, COUNT_OF(attributes), &kept));
    assert_rv(p11->C_WrapKey(session, &mechanism, pair.public_key, kept, out, &length), CKR_KEY_UNEXTRACTABLE);
    assert_rv(p11->C_WrapKey(session, &mechanism, signing.public_key, secret_key(session, 16), out, &length),
        CKR_KEY_FUNCTION_NOT_PERMITTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(secret_keys_go_round),
        MODULE_TEST(a_bare_number_is_cut_from_its_end),
        MODULE_TEST(a_private_key_is_wrapped_by_rsa_and_aes_only),
        MODULE_TEST(openssl_and_the_token_unwrap_each_others_keys),
        MODULE_TEST(the_aes_key_has_the_size_that_is_said),
        MODULE_TEST(rsa_and_aes_take_no_other_parameters),
        MODULE_TEST(malformed_private_keys_are_refused),
        MODULE_TEST(what_may_not_leave_is_not_wrapped),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
