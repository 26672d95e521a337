/* The dual functions: both operations see the same bytes, whatever the splits, and a query moves neither. */
#include "module_fixture.h"

enum { SIZE = 200 };
static unsigned char plain[SIZE], cipher[SIZE + 32], back[SIZE + 32], digest[32], mac[32], out[SIZE + 32];

static CK_AES_CTR_PARAMS counter = {128, {1, 2, 3}};
static CK_MECHANISM ctr = {CKM_AES_CTR, &counter, sizeof counter}, sha256 = {CKM_SHA256, NULL, 0},
                    hmac = {CKM_SHA256_HMAC, NULL, 0};

struct keys {
    CK_OBJECT_HANDLE cipher, mac;
};

static CK_OBJECT_HANDLE key_of(CK_SESSION_HANDLE session, CK_KEY_TYPE type)
{
    static unsigned char value[32] = {7};
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {
        ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, type), ATTRIBUTE(CKA_VALUE, value)};
    assert_ok(p11->C_CreateObject(session, attributes, 3, &key));
    return key;
}

/* What each operation gives alone. */
static struct keys prepare(CK_SESSION_HANDLE session)
{
    struct keys keys = {key_of(session, CKK_AES), key_of(session, CKK_GENERIC_SECRET)};
    unsigned long size = sizeof cipher;
    for (size_t i = 0; i < SIZE; i++)
        plain[i] = (unsigned char)(i * 7);
    assert_ok(p11->C_EncryptInit(session, &ctr, keys.cipher));
    assert_ok(p11->C_Encrypt(session, plain, SIZE, cipher, &size));
    assert_int_equal(size, SIZE);
    size = 32;
    assert_ok(p11->C_DigestInit(session, &sha256));
    assert_ok(p11->C_Digest(session, plain, SIZE, digest, &size));
    assert_ok(p11->C_SignInit(session, &hmac, keys.mac));
    assert_ok(p11->C_Sign(session, plain, SIZE, mac, &size));
    return keys;
}

typedef CK_RV dual(CK_SESSION_HANDLE, unsigned char *, unsigned long, unsigned char *, unsigned long *);

static void run(CK_SESSION_HANDLE session, dual *update, unsigned char *in, const unsigned char *expected, size_t split)
{
    unsigned long done = 0;
    for (size_t at = 0; at < SIZE; at += split) {
        unsigned long step = SIZE - at < split ? SIZE - at : split, size = 0;
        assert_ok(update(session, in + at, step, NULL, &size)); /* a query moves neither */
        assert_true(size >= step);
        unsigned long small = step - 1;
        assert_rv(update(session, in + at, step, out + done, &small), CKR_BUFFER_TOO_SMALL);
        size = sizeof out - done;
        assert_ok(update(session, in + at, step, out + done, &size));
        done += size;
    }
    assert_int_equal(done, SIZE);
    assert_memory_equal(out, expected, SIZE);
}

static void end_cipher(CK_SESSION_HANDLE session, bool encrypting)
{
    unsigned long size = 0;
    unsigned char nothing[16];
    size = sizeof nothing;
    assert_ok(encrypting ? p11->C_EncryptFinal(session, nothing, &size) : p11->C_DecryptFinal(session, nothing, &size));
    assert_int_equal(size, 0);
}

static const size_t splits[] = {1, 7, 16, 64, 199, SIZE};

static void a_digest_goes_with_a_cipher(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct keys keys = prepare(session);
    for (size_t i = 0; i < COUNT_OF(splits) * 2; i++) {
        bool encrypting = i % 2 == 0;
        unsigned long size = 32;
        assert_ok(p11->C_DigestInit(session, &sha256));
        assert_ok((encrypting ? p11->C_EncryptInit : p11->C_DecryptInit)(session, &ctr, keys.cipher));
        run(session, encrypting ? p11->C_DigestEncryptUpdate : p11->C_DecryptDigestUpdate, encrypting ? plain : cipher,
            encrypting ? cipher : plain, splits[i / 2]);
        end_cipher(session, encrypting);
        assert_ok(p11->C_DigestFinal(session, back, &size));
        assert_memory_equal(back, digest, 32);
    }
}

static void a_mac_goes_with_a_cipher(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct keys keys = prepare(session);
    for (size_t i = 0; i < COUNT_OF(splits); i++) {
        unsigned long size = 32;
        assert_ok(p11->C_SignInit(session, &hmac, keys.mac));
        assert_ok(p11->C_EncryptInit(session, &ctr, keys.cipher));
        run(session, p11->C_SignEncryptUpdate, plain, cipher, splits[i]);
        end_cipher(session, true);
        assert_ok(p11->C_SignFinal(session, back, &size));
        assert_memory_equal(back, mac, 32);
        for (int wrong = 0; wrong < 2; wrong++) {
            assert_ok(p11->C_VerifyInit(session, &hmac, keys.mac));
            assert_ok(p11->C_DecryptInit(session, &ctr, keys.cipher));
            run(session, p11->C_DecryptVerifyUpdate, cipher, plain, splits[i]);
            end_cipher(session, false);
            mac[0] ^= (unsigned char)wrong;
            assert_rv(p11->C_VerifyFinal(session, mac, 32), wrong ? CKR_SIGNATURE_INVALID : CKR_OK);
            mac[0] ^= (unsigned char)wrong;
        }
    }
}

static void encrypting_in_place_digests_the_plaintext(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct keys keys = prepare(session);
    unsigned long size = sizeof back, digest_size = 32;
    unsigned char its[32];
    memcpy(back, plain, SIZE);
    assert_ok(p11->C_DigestInit(session, &sha256));
    assert_ok(p11->C_EncryptInit(session, &ctr, keys.cipher));
    assert_ok(p11->C_DigestEncryptUpdate(session, back, SIZE, back, &size));
    assert_memory_equal(back, cipher, SIZE);
    assert_ok(p11->C_DigestFinal(session, its, &digest_size));
    assert_memory_equal(its, digest, 32);
}

static void both_must_have_been_begun(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct keys keys = prepare(session);
    unsigned long size = sizeof out;
    assert_ok(p11->C_EncryptInit(session, &ctr, keys.cipher));
    assert_rv(p11->C_DigestEncryptUpdate(session, plain, SIZE, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(p11->C_SignEncryptUpdate(session, plain, SIZE, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(p11->C_DigestInit(session, &sha256));
    assert_rv(p11->C_DecryptDigestUpdate(session, plain, SIZE, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(p11->C_DigestEncryptUpdate(session, plain, SIZE, out, &size)); /* neither was touched by that */
    assert_memory_equal(out, cipher, SIZE);
}

static void an_error_ends_both(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct keys keys = prepare(session);
    unsigned long size = sizeof out;
    for (int i = 0; i < 2; i++) {
        assert_ok(p11->C_DigestInit(session, &sha256));
        assert_ok(p11->C_EncryptInit(session, &ctr, keys.cipher));
        assert_rv(i ? p11->C_DigestEncryptUpdate(session, NULL, 8, out, &size)
                    : p11->C_DigestEncryptUpdate(session, plain, 8, out, NULL),
            CKR_ARGUMENTS_BAD);
        assert_rv(p11->C_DigestUpdate(session, plain, 8), CKR_OPERATION_NOT_INITIALIZED);
        assert_rv(p11->C_EncryptUpdate(session, plain, 8, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    }
}

static void the_token_says_that_it_has_them(void **state)
{
    (void)state;
    CK_TOKEN_INFO info;
    assert_ok(p11->C_GetTokenInfo(0, &info));
    assert_true(info.flags & CKF_DUAL_CRYPTO_OPERATIONS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(a_digest_goes_with_a_cipher),
        MODULE_TEST(a_mac_goes_with_a_cipher),
        MODULE_TEST(encrypting_in_place_digests_the_plaintext),
        MODULE_TEST(both_must_have_been_begun),
        MODULE_TEST(an_error_ends_both),
        MODULE_TEST(the_token_says_that_it_has_them),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
