/* AES in ECB, CBC and CBC with padding. */
#include <openssl/rand.h>

#include "cipher_fixture.h"

/* NIST SP 800-38A, appendix F: the keys, the four blocks and the IV that all examples use. */
#define KEY_128 "2b7e151628aed2a6abf7158809cf4f3c"
#define KEY_192 "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b"
#define KEY_256 "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
#define PLAIN                                                                                                          \
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"                                                 \
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
#define IV "000102030405060708090a0b0c0d0e0f"

static const struct {
    const char *key, *ecb, *cbc;
} published[] = {
    /* F.1.1 and F.2.1 */
    {KEY_128,
        "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"
        "43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4",
        "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
        "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"},
    /* F.1.3 and F.2.3 */
    {KEY_192,
        "bd334f1d6e45f25ff712a214571fa5cc974104846d0ad3ad7734ecb3ecee4eef"
        "ef7afd2270e2e60adce0ba2face6444e9a4b41ba738d6c72fb16691603c18e0e",
        "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
        "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd"},
    /* F.1.5 and F.2.5 */
    {KEY_256,
        "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870"
        "b6ed21b99ca6f4f9f153e7b1beafed1d23304b7a39f9f3ff067d8d8f9e24ecc7",
        "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
        "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"},
};

static CK_MECHANISM iv_mechanism(CK_MECHANISM_TYPE type, struct cipher_bytes *iv)
{
    *iv = cipher_hex(IV);
    return (CK_MECHANISM){type, iv->data, iv->size};
}

static void published_vectors_hold(void **state)
{
    struct module_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(published); i++) {
        struct cipher_bytes iv, plain = cipher_hex(PLAIN), ecb = cipher_hex(published[i].ecb),
                                cbc = cipher_hex(published[i].cbc);
        CK_OBJECT_HANDLE key = cipher_key_hex(fixture->session, CKK_AES, published[i].key);
        CK_MECHANISM in_ecb = {CKM_AES_ECB, NULL, 0}, in_cbc = iv_mechanism(CKM_AES_CBC, &iv);
        cipher_check(fixture->session, &in_ecb, key, &plain, &ecb);
        cipher_check(fixture->session, &in_cbc, key, &plain, &cbc);
        cipher_check(fixture->session, &in_ecb, key, &plain, &ecb); /* the context of the one before is not its own */
    }
}

/* Every length up to a few blocks, and larger ones, against OpenSSL's own padding. */
static void padded_data_is_what_openssl_makes(void **state)
{
    struct module_fixture *fixture = *state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 31, 32, 33, 47, 48, 100, 2047, 2048, 2049, 4000};
    unsigned char value[32];
    struct cipher_bytes iv, plain, sealed;
    (void)RAND_bytes(value, sizeof value);
    CK_MECHANISM mechanism = iv_mechanism(CKM_AES_CBC_PAD, &iv);
    CK_OBJECT_HANDLE key = cipher_key(fixture->session, CKK_AES, value, sizeof value);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        plain.size = sizes[i];
        (void)RAND_bytes(plain.data, (int)sizeof plain.data);
        assert_true(cipher_openssl("AES-256-CBC", true, value, iv.data, &plain, &sealed));
        cipher_check(fixture->session, &mechanism, key, &plain, &sealed);
    }
}

static void data_that_is_no_whole_block_is_refused(void **state)
{
    struct module_fixture *fixture = *state;
    struct cipher_bytes iv, out, some = cipher_hex(PLAIN);
    CK_OBJECT_HANDLE key = cipher_key_hex(fixture->session, CKK_AES, KEY_128);
    CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0}, cbc = iv_mechanism(CKM_AES_CBC, &iv), pad = {CKM_AES_CBC_PAD, NULL, 0};
    CK_MECHANISM *plain[] = {&ecb, &cbc};
    pad.pParameter = iv.data;
    pad.ulParameterLen = iv.size;
    for (size_t i = 0; i < COUNT_OF(plain); i++)
        for (some.size = 1; some.size < 33; some.size += some.size == 15 ? 2 : 1) {
            if (some.size % 16 == 0)
                continue;
            assert_rv(cipher_run(fixture->session, true, plain[i], key, &some, &out), CKR_DATA_LEN_RANGE);
            assert_rv(cipher_run(fixture->session, false, plain[i], key, &some, &out), CKR_ENCRYPTED_DATA_LEN_RANGE);
            assert_rv(cipher_run_parts(fixture->session, true, plain[i], key, &some, 7, &out), CKR_DATA_LEN_RANGE);
            assert_rv(
                cipher_run_parts(fixture->session, false, plain[i], key, &some, 7, &out), CKR_ENCRYPTED_DATA_LEN_RANGE);
        }
    for (some.size = 0; some.size < 32; some.size += some.size == 15 ? 2 : 1) {
        assert_rv(cipher_run(fixture->session, false, &pad, key, &some, &out), CKR_ENCRYPTED_DATA_LEN_RANGE);
        assert_rv(cipher_run_parts(fixture->session, false, &pad, key, &some, 7, &out), CKR_ENCRYPTED_DATA_LEN_RANGE);
    }
}

/* The block that decrypts to a given one is made by ECB: so every wrong padding can be had. */
static void wrong_padding_has_one_answer(void **state)
{
    struct module_fixture *fixture = *state;
    struct cipher_bytes iv, sealed, out, block = {.size = 16};
    CK_OBJECT_HANDLE key = cipher_key_hex(fixture->session, CKK_AES, KEY_256);
    CK_MECHANISM pad = iv_mechanism(CKM_AES_CBC_PAD, &iv), ecb = {CKM_AES_ECB, NULL, 0};
    memset(iv.data, 0, iv.size);
    for (int last = 0; last < 256; last++)
        for (int wrong = 0; wrong < 17; wrong++) { /* 16: none of the padding is wrong */
            memset(block.data, last, 16);
            bool counts = wrong < 16 && wrong >= 16 - last && wrong < 15;
            if (wrong < 15)
                block.data[wrong] ^= 0x40;
            bool valid = last >= 1 && last <= 16 && !counts;
            assert_ok(cipher_run(fixture->session, true, &ecb, key, &block, &sealed));
            CK_RV expected = valid ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID;
            assert_rv(cipher_run(fixture->session, false, &pad, key, &sealed, &out), expected);
            if (valid)
                assert_int_equal(out.size, 16 - last);
            assert_rv(cipher_run_parts(fixture->session, false, &pad, key, &sealed, 5, &out), expected);
        }
}

static void wrong_parameters_and_keys_are_refused(void **state)
{
    struct module_fixture *fixture = *state;
    struct cipher_bytes iv;
    CK_OBJECT_HANDLE key = cipher_key_hex(fixture->session, CKK_AES, KEY_128);
    CK_OBJECT_HANDLE other = cipher_key_hex(fixture->session, CKK_GENERIC_SECRET, KEY_128);
    CK_MECHANISM cbc = iv_mechanism(CKM_AES_CBC, &iv), ecb = {CKM_AES_ECB, NULL, 0};
    cipher_check_init(fixture->session, &cbc, key, CKR_OK);
    cipher_check_init(fixture->session, &cbc, other, CKR_KEY_TYPE_INCONSISTENT);
    cipher_check_init(fixture->session, &cbc, key + 1000, CKR_KEY_HANDLE_INVALID);
    for (cbc.ulParameterLen = 0; cbc.ulParameterLen < 18; cbc.ulParameterLen++)
        if (cbc.ulParameterLen != 16)
            cipher_check_init(fixture->session, &cbc, key, CKR_MECHANISM_PARAM_INVALID);
    cbc.pParameter = NULL;
    cbc.ulParameterLen = 0;
    cipher_check_init(fixture->session, &cbc, key, CKR_MECHANISM_PARAM_INVALID);
    ecb.pParameter = iv.data;
    ecb.ulParameterLen = 16;
    cipher_check_init(fixture->session, &ecb, key, CKR_MECHANISM_PARAM_INVALID);
}

/* Two operations at once, and one begun after another was given up half-way. */
static void operations_do_not_share_what_they_hold(void **state)
{
    struct module_fixture *fixture = *state;
    struct cipher_bytes iv, plain = cipher_hex(PLAIN), cbc = cipher_hex(published[0].cbc), out;
    CK_OBJECT_HANDLE key = cipher_key_hex(fixture->session, CKK_AES, KEY_128);
    CK_MECHANISM mechanism = iv_mechanism(CKM_AES_CBC, &iv);
    CK_SESSION_HANDLE second = module_session(0, CKF_RW_SESSION);
    unsigned long size = sizeof out.data;
    assert_ok(p11->C_EncryptInit(fixture->session, &mechanism, key));
    assert_ok(p11->C_EncryptUpdate(fixture->session, plain.data, 21, out.data, &size));
    cipher_check(second, &mechanism, key, &plain, &cbc);
    assert_ok(p11->C_EncryptInit(fixture->session, NULL, 0));
    cipher_check(fixture->session, &mechanism, key, &plain, &cbc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(published_vectors_hold),
        MODULE_TEST(padded_data_is_what_openssl_makes),
        MODULE_TEST(data_that_is_no_whole_block_is_refused),
        MODULE_TEST(wrong_padding_has_one_answer),
        MODULE_TEST(wrong_parameters_and_keys_are_refused),
        MODULE_TEST(operations_do_not_share_what_they_hold),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
