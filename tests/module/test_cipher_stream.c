/* AES-CTR, ChaCha20 and XChaCha20, and AES-XTS. */
#include <openssl/rand.h>
#include <sodium.h>

#include "cipher_fixture.h"

/* NIST SP 800-38A, appendix F.5: CTR. */
#define PLAIN                                                                                                          \
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"                                                 \
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
static const struct {
    const char *key, *sealed;
} ctr[] = {
    {"2b7e151628aed2a6abf7158809cf4f3c", "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
                                         "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee"},
    {"8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
        "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94"
        "1e36b26bd1ebc670d1bd1d665620abf74f78a7f6d29809585a97daec58c6b050"},
    {"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
        "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6"},
};

static CK_AES_CTR_PARAMS ctr_parameter(unsigned long bits, const char *counter)
{
    CK_AES_CTR_PARAMS parameter = {.counter_bits = bits};
    struct cipher_bytes bytes = cipher_hex(counter);
    memcpy(parameter.cb, bytes.data, sizeof parameter.cb);
    return parameter;
}

static void published_ctr_vectors_hold(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct cipher_bytes plain = cipher_hex(PLAIN);
    CK_AES_CTR_PARAMS parameter = ctr_parameter(128, "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    CK_MECHANISM mechanism = {CKM_AES_CTR, &parameter, sizeof parameter};
    for (size_t i = 0; i < COUNT_OF(ctr); i++) {
        struct cipher_bytes sealed = cipher_hex(ctr[i].sealed);
        cipher_check(session, &mechanism, cipher_key_hex(session, CKK_AES, ctr[i].key), &plain, &sealed);
    }
}

/* The last counter of each width is 0xf…fe or so: what fits is done, one byte more is refused. */
static void a_narrow_counter_does_not_run_over(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    static const char last[] = "fffffffffffffffffffffffffffffffe";
    CK_OBJECT_HANDLE key = cipher_key_hex(session, CKK_AES, ctr[0].key);
    for (unsigned long bits = 1; bits < 128; bits++) {
        struct cipher_bytes plain = {.size = 32}, out;
        CK_AES_CTR_PARAMS parameter = ctr_parameter(bits, last);
        CK_MECHANISM mechanism = {CKM_AES_CTR, &parameter, sizeof parameter};
        assert_ok(cipher_run(session, true, &mechanism, key, &plain, &out));
        assert_ok(cipher_run_parts(session, true, &mechanism, key, &plain, 9, &out));
        plain.size = 33;
        assert_rv(cipher_run(session, true, &mechanism, key, &plain, &out), CKR_DATA_LEN_RANGE);
        assert_rv(cipher_run_parts(session, true, &mechanism, key, &plain, 9, &out), CKR_DATA_LEN_RANGE);
    }
    /* the whole block counts round, as OpenSSL's does */
    struct cipher_bytes plain = {.size = 80}, sealed, iv = cipher_hex(last), value = cipher_hex(ctr[0].key);
    CK_AES_CTR_PARAMS parameter = ctr_parameter(128, last);
    CK_MECHANISM mechanism = {CKM_AES_CTR, &parameter, sizeof parameter};
    assert_true(cipher_openssl("AES-128-CTR", true, value.data, iv.data, &plain, &sealed));
    cipher_check(session, &mechanism, key, &plain, &sealed);
}

static void wrong_ctr_parameters_are_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    static const unsigned long wrong[] = {0, 129, 256, ~0UL};
    CK_OBJECT_HANDLE key = cipher_key_hex(session, CKK_AES, ctr[0].key);
    CK_AES_CTR_PARAMS parameter;
    CK_MECHANISM mechanism = {CKM_AES_CTR, &parameter, sizeof parameter};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        parameter = ctr_parameter(wrong[i], "00000000000000000000000000000000");
        cipher_check_init(session, &mechanism, key, CKR_MECHANISM_PARAM_INVALID);
    }
    parameter.counter_bits = 32;
    cipher_check_init(session, &mechanism, key, CKR_OK);
    mechanism.ulParameterLen = 16;
    cipher_check_init(session, &mechanism, key, CKR_MECHANISM_PARAM_INVALID);
}

/* --- ChaCha20 --- */

struct chacha {
    unsigned char counter[8], nonce[24];
    CK_CHACHA20_PARAMS parameter;
    CK_MECHANISM mechanism;
};

static void chacha_prepare(
    struct chacha *chacha, uint64_t counter, unsigned long counter_bits, unsigned long nonce_bits)
{
    for (int i = 0; i < 8; i++)
        chacha->counter[i] = (unsigned char)(counter >> 8 * i);
    chacha->parameter = (CK_CHACHA20_PARAMS){chacha->counter, counter_bits, chacha->nonce, nonce_bits};
    chacha->mechanism = (CK_MECHANISM){CKM_CHACHA20, &chacha->parameter, sizeof chacha->parameter};
}

/* RFC 8439, section 2.4.2 */
static void published_chacha_vector_holds(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct cipher_bytes nonce = cipher_hex("000000000000004a00000000");
    struct cipher_bytes sealed = cipher_hex(
        "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b3571639d624e65152"
        "ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab77937365af90bbf74a35be6b40b8eedf278"
        "5e42874d");
    static const char text[] = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
                               "future, sunscreen would be it.";
    struct cipher_bytes plain = {.size = sizeof text - 1};
    struct chacha chacha;
    memcpy(plain.data, text, plain.size);
    memcpy(chacha.nonce, nonce.data, nonce.size);
    chacha_prepare(&chacha, 1, 32, 96);
    CK_OBJECT_HANDLE key =
        cipher_key_hex(session, CKK_CHACHA20, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    cipher_check(session, &chacha.mechanism, key, &plain, &sealed);
}

/* libsodium has all three; the counters are near the place where the lower word overflows. */
static void every_variant_is_what_libsodium_makes(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    unsigned char value[32];
    (void)RAND_bytes(value, sizeof value);
    CK_OBJECT_HANDLE key = cipher_key(session, CKK_CHACHA20, value, sizeof value);
    static const uint64_t counters[] = {0, 1, 77, 0xfffffffe, 0xffffffff, 0x100000000, 0x123456789abcdef0};
    for (size_t i = 0; i < COUNT_OF(counters); i++) {
        struct cipher_bytes plain, sealed;
        struct chacha chacha;
        (void)RAND_bytes(plain.data, sizeof plain.data);
        (void)RAND_bytes(chacha.nonce, sizeof chacha.nonce);
        plain.size = sealed.size = 300;
        chacha_prepare(&chacha, counters[i], 64, 64);
        (void)crypto_stream_chacha20_xor_ic(sealed.data, plain.data, 300, chacha.nonce, counters[i], value);
        cipher_check(session, &chacha.mechanism, key, &plain, &sealed);
        chacha_prepare(&chacha, counters[i], 64, 192);
        (void)crypto_stream_xchacha20_xor_ic(sealed.data, plain.data, 300, chacha.nonce, counters[i], value);
        cipher_check(session, &chacha.mechanism, key, &plain, &sealed);
        if (counters[i] > 100)
            continue;
        chacha_prepare(&chacha, counters[i], 32, 192);
        cipher_check(session, &chacha.mechanism, key, &plain, &sealed);
        chacha_prepare(&chacha, counters[i], 32, 96);
        (void)crypto_stream_chacha20_ietf_xor_ic(
            sealed.data, plain.data, 300, chacha.nonce, (uint32_t)counters[i], value);
        cipher_check(session, &chacha.mechanism, key, &plain, &sealed);
    }
}

static void a_counter_of_chacha_does_not_run_over(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    static const unsigned long shapes[][2] = {{32, 96}, {32, 192}, {64, 64}, {64, 192}};
    CK_OBJECT_HANDLE key =
        cipher_key_hex(session, CKK_CHACHA20, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        struct chacha chacha = {.nonce = {0}};
        struct cipher_bytes plain = {.size = 128}, out;
        chacha_prepare(&chacha, ~(uint64_t)1, shapes[i][0], shapes[i][1]); /* two blocks are left */
        assert_ok(cipher_run(session, true, &chacha.mechanism, key, &plain, &out));
        assert_ok(cipher_run_parts(session, true, &chacha.mechanism, key, &plain, 50, &out));
        plain.size = 129;
        assert_rv(cipher_run(session, true, &chacha.mechanism, key, &plain, &out), CKR_DATA_LEN_RANGE);
        assert_rv(cipher_run_parts(session, true, &chacha.mechanism, key, &plain, 50, &out), CKR_DATA_LEN_RANGE);
    }
}

static void wrong_chacha_parameters_are_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    static const unsigned long counters[] = {0, 32, 64, 96, ~0UL}, nonces[] = {0, 64, 96, 128, 192, ~0UL};
    CK_OBJECT_HANDLE key =
        cipher_key_hex(session, CKK_CHACHA20, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    struct chacha chacha = {.nonce = {0}};
    for (size_t i = 0; i < COUNT_OF(counters); i++)
        for (size_t j = 0; j < COUNT_OF(nonces); j++) {
            bool fits = (counters[i] == 64 && nonces[j] == 64) || (counters[i] == 32 && nonces[j] == 96) ||
                        ((counters[i] == 32 || counters[i] == 64) && nonces[j] == 192);
            chacha_prepare(&chacha, 1, counters[i], nonces[j]);
            cipher_check_init(session, &chacha.mechanism, key, fits ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
        }
    chacha_prepare(&chacha, 1, 32, 96);
    chacha.parameter.pNonce = NULL;
    cipher_check_init(session, &chacha.mechanism, key, CKR_MECHANISM_PARAM_INVALID);
    chacha_prepare(&chacha, 1, 32, 96);
    chacha.parameter.pBlockCounter = NULL;
    cipher_check_init(session, &chacha.mechanism, key, CKR_MECHANISM_PARAM_INVALID);
}

/* --- XTS --- */

/* IEEE 1619-2007, annex B: vectors 2 and 15 (which has ciphertext stealing). */
static const struct {
    const char *key, *tweak, *plain, *sealed;
} xts[] = {
    {"1111111111111111111111111111111122222222222222222222222222222222", "33333333330000000000000000000000",
        "4444444444444444444444444444444444444444444444444444444444444444",
        "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0"},
    {"fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0bfbebdbcbbbab9b8b7b6b5b4b3b2b1b0", "9a785634120000000000000000000000",
        "000102030405060708090a0b0c0d0e0f10", "6c1625db4671522d3d7599601de7ca09ed"},
};

static void published_xts_vectors_hold(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    for (size_t i = 0; i < COUNT_OF(xts); i++) {
        struct cipher_bytes tweak = cipher_hex(xts[i].tweak), plain = cipher_hex(xts[i].plain),
                            sealed = cipher_hex(xts[i].sealed);
        CK_MECHANISM mechanism = {CKM_AES_XTS, tweak.data, tweak.size};
        cipher_check(session, &mechanism, cipher_key_hex(session, CKK_AES_XTS, xts[i].key), &plain, &sealed);
    }
}

static void random_data_units_are_what_openssl_makes(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    static const size_t sizes[] = {16, 17, 31, 32, 33, 100, 512, 4001};
    unsigned char value[64];
    (void)RAND_bytes(value, sizeof value);
    CK_OBJECT_HANDLE key = cipher_key(session, CKK_AES_XTS, value, sizeof value);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct cipher_bytes plain, sealed, tweak;
        (void)RAND_bytes(plain.data, sizeof plain.data);
        (void)RAND_bytes(tweak.data, 16);
        plain.size = sizes[i];
        CK_MECHANISM mechanism = {CKM_AES_XTS, tweak.data, 16};
        assert_true(cipher_openssl("AES-256-XTS", true, value, tweak.data, &plain, &sealed));
        cipher_check(session, &mechanism, key, &plain, &sealed);
    }
}

static void what_xts_does_not_take_is_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    CK_OBJECT_HANDLE key = cipher_key_hex(session, CKK_AES_XTS, xts[1].key), twin = 0;
    struct cipher_bytes tweak = cipher_hex(xts[1].tweak), some = {.size = 0}, out;
    CK_MECHANISM mechanism = {CKM_AES_XTS, tweak.data, 16};
    for (some.size = 0; some.size < 16; some.size++) {
        assert_rv(cipher_run(session, true, &mechanism, key, &some, &out), CKR_DATA_LEN_RANGE);
        assert_rv(cipher_run(session, false, &mechanism, key, &some, &out), CKR_ENCRYPTED_DATA_LEN_RANGE);
        assert_rv(cipher_run_parts(session, true, &mechanism, key, &some, 5, &out), CKR_DATA_LEN_RANGE);
    }
    for (mechanism.ulParameterLen = 0; mechanism.ulParameterLen < 20; mechanism.ulParameterLen++)
        cipher_check_init(
            session, &mechanism, key, mechanism.ulParameterLen == 16 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
    /* the same half twice is no key */
    unsigned char value[64] = {1, [32] = 1};
    CK_ATTRIBUTE template[] = {
        ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, cipher_aes_xts), {CKA_VALUE, value, sizeof value}};
    assert_rv(module_create(session, template, COUNT_OF(template), &twin), CKR_ATTRIBUTE_VALUE_INVALID);
    value[63] = 9;
    assert_ok(module_create(session, template, COUNT_OF(template), &twin));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(published_ctr_vectors_hold),
        MODULE_TEST(a_narrow_counter_does_not_run_over),
        MODULE_TEST(wrong_ctr_parameters_are_refused),
        MODULE_TEST(published_chacha_vector_holds),
        MODULE_TEST(every_variant_is_what_libsodium_makes),
        MODULE_TEST(a_counter_of_chacha_does_not_run_over),
        MODULE_TEST(wrong_chacha_parameters_are_refused),
        MODULE_TEST(published_xts_vectors_hold),
        MODULE_TEST(random_data_units_are_what_openssl_makes),
        MODULE_TEST(what_xts_does_not_take_is_refused),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
