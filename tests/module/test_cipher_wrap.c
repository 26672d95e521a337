/* AES key wrap: KW (RFC 3394), KWP (RFC 5649), as encryption and as C_WrapKey and C_UnwrapKey. */
#include <openssl/err.h>
#include <openssl/rand.h>

#include "cipher_fixture.h"

/* RFC 3394, section 4: key-encryption keys and key data. */
#define KEK_128 "000102030405060708090a0b0c0d0e0f"
#define KEK_192 KEK_128 "1011121314151617"
#define KEK_256 KEK_192 "18191a1b1c1d1e1f"
#define DATA_128 "00112233445566778899aabbccddeeff"
#define DATA_192 DATA_128 "0001020304050607"
#define DATA_256 DATA_192 "08090a0b0c0d0e0f"

static const struct {
    const char *key, *plain, *wrapped;
} kw[] = {
    {KEK_128, DATA_128, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"},                                 /* 4.1 */
    {KEK_192, DATA_128, "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"},                                 /* 4.2 */
    {KEK_256, DATA_128, "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7"},                                 /* 4.3 */
    {KEK_192, DATA_192, "031d33264e15d33268f24ec260743edce1c6c7ddee725a936ba814915c6762d2"},                 /* 4.4 */
    {KEK_256, DATA_192, "a8f9bc1612c68b3ff6e6f4fbe30e71e4769c8b80a32cb8958cd5d17d6b254da1"},                 /* 4.5 */
    {KEK_256, DATA_256, "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"}, /* 4.6 */
};

/* RFC 5649, section 6 */
#define KWP_KEK "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"
static const struct {
    const char *plain, *wrapped;
} kwp[] = {
    {"c37b7e6492584340bed12207808941155068f738", "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a"},
    {"466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"},
};

static CK_MECHANISM bare(CK_MECHANISM_TYPE type)
{
    return (CK_MECHANISM){type, NULL, 0};
}

static void published_vectors_hold(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    static const CK_MECHANISM_TYPE padding[] = {CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD};
    CK_MECHANISM mechanism = bare(CKM_AES_KEY_WRAP);
    for (size_t i = 0; i < COUNT_OF(kw); i++) {
        struct cipher_bytes plain = cipher_hex(kw[i].plain), wrapped = cipher_hex(kw[i].wrapped);
        cipher_check(session, &mechanism, cipher_key_hex(session, CKK_AES, kw[i].key), &plain, &wrapped);
    }
    CK_OBJECT_HANDLE key = cipher_key_hex(session, CKK_AES, KWP_KEK);
    for (size_t i = 0; i < COUNT_OF(kwp); i++)
        for (size_t j = 0; j < COUNT_OF(padding); j++) {
            struct cipher_bytes plain = cipher_hex(kwp[i].plain), wrapped = cipher_hex(kwp[i].wrapped);
            mechanism = bare(padding[j]);
            cipher_check(session, &mechanism, key, &plain, &wrapped);
        }
}

static void any_length_is_what_openssl_makes(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    static unsigned char iv[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    unsigned char value[32];
    struct cipher_bytes plain, wrapped;
    CK_MECHANISM own_kw = {CKM_AES_KEY_WRAP, iv, 8}, own_kwp = {CKM_AES_KEY_WRAP_KWP, iv, 4};
    (void)RAND_bytes(value, sizeof value);
    (void)RAND_bytes(plain.data, sizeof plain.data);
    CK_OBJECT_HANDLE key = cipher_key(session, CKK_AES, value, sizeof value);
    for (plain.size = 1; plain.size < 2000; plain.size += plain.size < 70 ? 1 : 509) {
        assert_true(cipher_openssl("AES-256-WRAP-PAD", true, value, iv, &plain, &wrapped));
        cipher_check(session, &own_kwp, key, &plain, &wrapped);
        if (plain.size % 8 || plain.size < 16)
            continue;
        assert_true(cipher_openssl("AES-256-WRAP", true, value, iv, &plain, &wrapped));
        cipher_check(session, &own_kw, key, &plain, &wrapped);
    }
}

static void changed_and_cut_ciphertexts_are_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    static const CK_MECHANISM_TYPE types[] = {CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_KWP};
    CK_OBJECT_HANDLE key = cipher_key_hex(session, CKK_AES, KEK_256);
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct cipher_bytes plain = cipher_hex(DATA_256), wrapped, changed, out;
        CK_MECHANISM mechanism = bare(types[i]), other = bare(types[1 - i]);
        assert_ok(cipher_run(session, true, &mechanism, key, &plain, &wrapped));
        for (size_t bit = 0; bit < wrapped.size * 8; bit++) {
            changed = wrapped;
            changed.data[bit / 8] ^= (unsigned char)(1U << bit % 8);
            memset(out.data, 0x5a, sizeof out.data);
            out.size = wrapped.size - 8;
            assert_ok(p11->C_DecryptInit(session, &mechanism, key));
            assert_rv(p11->C_Decrypt(session, VIEW(changed), out.data, &out.size), CKR_ENCRYPTED_DATA_INVALID);
            for (size_t at = wrapped.size - 8; at < sizeof out.data; at++)
                assert_int_equal(out.data[at], 0x5a);
        }
        assert_int_equal(ERR_peek_error(), 0); /* OpenSSL's errors are the host's to read */
        assert_rv(cipher_run(session, false, &other, key, &wrapped, &out), CKR_ENCRYPTED_DATA_INVALID);
        for (changed = wrapped, changed.size = 0; changed.size < wrapped.size; changed.size++) {
            bool whole = changed.size % 8 == 0 && changed.size >= (i == 0 ? 24 : 16);
            assert_rv(cipher_run(session, false, &mechanism, key, &changed, &out),
                whole ? CKR_ENCRYPTED_DATA_INVALID : CKR_ENCRYPTED_DATA_LEN_RANGE);
        }
    }
}

static void wrong_lengths_and_parameters_are_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    unsigned char iv[16] = {0};
    struct cipher_bytes plain = {.size = 0}, out;
    CK_OBJECT_HANDLE key = cipher_key_hex(session, CKK_AES, KEK_128);
    CK_MECHANISM in_kw = bare(CKM_AES_KEY_WRAP), in_kwp = bare(CKM_AES_KEY_WRAP_KWP);
    for (plain.size = 0; plain.size < 33; plain.size++) {
        bool fits = plain.size % 8 == 0 && plain.size >= 16;
        assert_rv(cipher_run(session, true, &in_kw, key, &plain, &out), fits ? CKR_OK : CKR_DATA_LEN_RANGE);
        assert_rv(cipher_run(session, true, &in_kwp, key, &plain, &out), plain.size ? CKR_OK : CKR_DATA_LEN_RANGE);
    }
    in_kw.pParameter = in_kwp.pParameter = iv;
    for (unsigned long size = 0; size < 16; size++) {
        in_kw.ulParameterLen = in_kwp.ulParameterLen = size;
        cipher_check_init(session, &in_kw, key, size == 8 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
        cipher_check_init(session, &in_kwp, key, size == 4 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
    }
}

/* What no length can be is told by the part with which it is too long, and what is none at the end, by Final. */
static void parts_of_wrong_lengths_are_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    enum { MOST = 1 << 20 };
    static unsigned char large[MOST + 32];
    unsigned long size = sizeof large;
    struct cipher_bytes out = {.size = CIPHER_LARGEST};
    CK_OBJECT_HANDLE key = cipher_key_hex(session, CKK_AES, KEK_128);
    CK_MECHANISM mechanism = bare(CKM_AES_KEY_WRAP);
    assert_ok(p11->C_EncryptInit(session, &mechanism, key));
    assert_ok(p11->C_EncryptUpdate(session, large, MOST, out.data, &out.size));
    assert_int_equal(out.size, 0);
    out.size = CIPHER_LARGEST;
    assert_rv(p11->C_EncryptUpdate(session, large, 1, out.data, &out.size), CKR_DATA_LEN_RANGE);
    assert_rv(p11->C_EncryptFinal(session, out.data, &out.size), CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(p11->C_EncryptInit(session, &mechanism, key));
    assert_rv(p11->C_EncryptUpdate(session, large, (unsigned long)-1, out.data, &out.size), CKR_DATA_LEN_RANGE);
    assert_ok(p11->C_EncryptInit(session, &mechanism, key));
    assert_ok(p11->C_EncryptUpdate(session, large, MOST, out.data, &out.size));
    assert_ok(p11->C_EncryptFinal(session, large, &size));
    assert_int_equal(size, MOST + 8);
    for (int i = 0; i < 2; i++) {
        unsigned long part = i == 0 ? 17 : 8; /* no semiblocks; too few */
        out.size = CIPHER_LARGEST;
        assert_ok(p11->C_EncryptInit(session, &mechanism, key));
        assert_ok(p11->C_EncryptUpdate(session, large, part, out.data, &out.size));
        out.size = CIPHER_LARGEST;
        assert_rv(p11->C_EncryptFinal(session, out.data, &out.size), CKR_DATA_LEN_RANGE);
        out.size = CIPHER_LARGEST;
        assert_ok(p11->C_DecryptInit(session, &mechanism, key));
        assert_ok(p11->C_DecryptUpdate(session, large, part, out.data, &out.size));
        out.size = CIPHER_LARGEST;
        assert_rv(p11->C_DecryptFinal(session, out.data, &out.size), CKR_ENCRYPTED_DATA_LEN_RANGE);
    }
}

/* Nothing of what is not intact comes out, and the next operation finds nothing gathered. */
static void parts_that_are_not_intact_give_nothing(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct cipher_bytes plain = cipher_hex(DATA_256), wrapped, changed, out;
    CK_OBJECT_HANDLE key = cipher_key_hex(session, CKK_AES, KEK_256);
    CK_MECHANISM mechanism = bare(CKM_AES_KEY_WRAP_KWP);
    assert_ok(cipher_run_parts(session, true, &mechanism, key, &plain, 7, &wrapped));
    for (size_t at = 0; at < wrapped.size; at++) {
        changed = wrapped;
        changed.data[at] ^= 1;
        assert_rv(cipher_run_parts(session, false, &mechanism, key, &changed, 7, &out), CKR_ENCRYPTED_DATA_INVALID);
    }
    assert_ok(p11->C_DecryptInit(session, &mechanism, key));
    assert_ok(p11->C_DecryptUpdate(session, wrapped.data, 16, out.data, &out.size));
    assert_ok(p11->C_DecryptInit(session, NULL, 0)); /* given up */
    assert_ok(cipher_run_parts(session, false, &mechanism, key, &wrapped, 7, &out));
    assert_int_equal(out.size, plain.size);
    assert_memory_equal(out.data, plain.data, plain.size);
}

/* --- C_WrapKey and C_UnwrapKey --- */

static CK_OBJECT_HANDLE wrapping_key(CK_SESSION_HANDLE session, const char *hex)
{
    CK_OBJECT_HANDLE key = 0;
    struct cipher_bytes value = cipher_hex(hex);
    CK_ATTRIBUTE template[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, cipher_aes),
        ATTRIBUTE(CKA_WRAP, yes), ATTRIBUTE(CKA_UNWRAP, yes), {CKA_VALUE, value.data, value.size},
        ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes)}; /* what it unwraps may be read, too */
    assert_ok(module_create(session, template, COUNT_OF(template), &key));
    return key;
}

static CK_RV unwrap(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping,
    const struct cipher_bytes *wrapped, CK_OBJECT_HANDLE *key)
{
    CK_ATTRIBUTE template[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, cipher_generic),
        ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes)};
    *key = 0;
    return p11->C_UnwrapKey(session, mechanism, wrapping, VIEW(*wrapped), template, COUNT_OF(template), key);
}

static void check_round(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping, const char *hex,
    struct cipher_bytes *wrapped)
{
    struct cipher_bytes value = cipher_hex(hex), again = {.size = CIPHER_LARGEST};
    CK_OBJECT_HANDLE key = cipher_key_hex(session, CKK_GENERIC_SECRET, hex), other = 0;
    unsigned long said = 0;
    assert_ok(p11->C_WrapKey(session, mechanism, wrapping, key, NULL, &said));
    wrapped->size = sizeof wrapped->data;
    assert_ok(p11->C_WrapKey(session, mechanism, wrapping, key, wrapped->data, &wrapped->size));
    assert_true(said >= wrapped->size);
    assert_ok(unwrap(session, mechanism, wrapping, wrapped, &other));
    assert_ok(module_get(session, other, CKA_VALUE, again.data, &again.size));
    assert_int_equal(again.size, value.size);
    assert_memory_equal(again.data, value.data, value.size);
    wrapped->data[wrapped->size / 2] ^= 1;
}

static void keys_are_wrapped_by_what_authenticates_them(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    unsigned char iv[16] = {7};
    CK_GCM_PARAMS in_gcm = {iv, 12, 96, NULL, 0, 128};
    CK_MECHANISM mechanisms[] = {bare(CKM_AES_KEY_WRAP), bare(CKM_AES_KEY_WRAP_KWP), bare(CKM_AES_KEY_WRAP_PAD),
        {CKM_AES_GCM, &in_gcm, sizeof in_gcm}};
    CK_OBJECT_HANDLE wrapping = wrapping_key(session, KEK_256), none = 0;
    for (size_t i = 0; i < COUNT_OF(mechanisms); i++) {
        struct cipher_bytes wrapped;
        check_round(session, &mechanisms[i], wrapping, DATA_256, &wrapped);
        assert_rv(unwrap(session, &mechanisms[i], wrapping, &wrapped, &none), CKR_WRAPPED_KEY_INVALID);
        wrapped.size = 9;
        assert_rv(unwrap(session, &mechanisms[i], wrapping, &wrapped, &none), CKR_WRAPPED_KEY_LEN_RANGE);
    }
    struct cipher_bytes wrapped;
    check_round(session, &mechanisms[1], wrapping, "0102030405060708090a0b", &wrapped); /* no whole semiblocks */
    CK_OBJECT_HANDLE key = cipher_key_hex(session, CKK_GENERIC_SECRET, "0102030405060708090a0b");
    wrapped.size = sizeof wrapped.data;
    assert_rv(p11->C_WrapKey(session, &mechanisms[0], wrapping, key, wrapped.data, &wrapped.size), CKR_KEY_SIZE_RANGE);
}

static void keys_are_wrapped_by_cbc(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    unsigned char iv[16] = {7};
    CK_MECHANISM cbc = {CKM_AES_CBC, iv, 16}, pad = {CKM_AES_CBC_PAD, iv, 16}, ecb = bare(CKM_AES_ECB);
    CK_OBJECT_HANDLE wrapping = wrapping_key(session, KEK_256), none = 0;
    struct cipher_bytes wrapped;
    check_round(session, &cbc, wrapping, DATA_256, &wrapped);
    check_round(session, &pad, wrapping, "0102030405060708090a0b", &wrapped);
    wrapped.data[wrapped.size - 1] ^= 1;
    assert_rv(unwrap(session, &pad, wrapping, &wrapped, &none), CKR_WRAPPED_KEY_INVALID);
    CK_OBJECT_HANDLE key = cipher_key_hex(session, CKK_GENERIC_SECRET, "0102030405060708090a0b");
    wrapped.size = sizeof wrapped.data;
    assert_rv(p11->C_WrapKey(session, &cbc, wrapping, key, wrapped.data, &wrapped.size), CKR_KEY_SIZE_RANGE);
    assert_rv(p11->C_WrapKey(session, &ecb, wrapping, key, wrapped.data, &wrapped.size), CKR_MECHANISM_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(published_vectors_hold),
        MODULE_TEST(any_length_is_what_openssl_makes),
        MODULE_TEST(changed_and_cut_ciphertexts_are_refused),
        MODULE_TEST(wrong_lengths_and_parameters_are_refused),
        MODULE_TEST(parts_of_wrong_lengths_are_refused),
        MODULE_TEST(parts_that_are_not_intact_give_nothing),
        MODULE_TEST(keys_are_wrapped_by_what_authenticates_them),
        MODULE_TEST(keys_are_wrapped_by_cbc),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
