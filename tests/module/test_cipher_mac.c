/* CMAC and GMAC. */
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "cipher_fixture.h"

/* NIST SP 800-38B, appendix D: AES-128, AES-192, AES-256; the messages are the beginnings of one. */
#define MESSAGE                                                                                                        \
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"                                                 \
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
static const struct {
    const char *key;
    const char *macs[4];
} published[] = {
    {"2b7e151628aed2a6abf7158809cf4f3c", {"bb1d6929e95937287fa37d129b756746", "070a16b46b4d4144f79bdd9dd04a287c",
                                             "dfa66747de9ae63030ca32611497c827", "51f0bebf7e3b9d92fc49741779363cfe"}},
    {"8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
        {"d17ddf46adaacde531cac483de7a9367", "9e99a7bf31e710900662f65e617c5184", "8a1de5be2eb31aad089a82e6ee908b0e",
            "a1d5df0eed790f794d77589659f39a11"}},
    {"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
        {"028962f61b7bf89efc6b551f4667d983", "28a7023f452e8f82bd4bf28d8c37c35c", "aaf3d8f1de5640c232f5b169b9c911e6",
            "e1992190549f6ed5696a2c056c315410"}},
};
static const size_t lengths[] = {0, 16, 40, 64};

static void check_parts(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    struct cipher_bytes *message, struct cipher_bytes *mac, size_t part)
{
    struct cipher_bytes out = {.size = CIPHER_LARGEST};
    assert_ok(p11->C_SignInit(session, mechanism, key));
    assert_ok(p11->C_VerifyInit(session, mechanism, key));
    for (size_t at = 0; at < message->size; at += part) {
        unsigned long size = message->size - at < part ? message->size - at : part;
        assert_ok(p11->C_SignUpdate(session, message->data + at, size));
        assert_ok(p11->C_VerifyUpdate(session, message->data + at, size));
    }
    assert_ok(p11->C_SignFinal(session, out.data, &out.size));
    assert_int_equal(out.size, mac->size);
    assert_memory_equal(out.data, mac->data, mac->size);
    assert_ok(p11->C_VerifyFinal(session, VIEW(*mac)));
}

/* Whole, in parts, a length query and a short buffer, and everything that is not the MAC. */
static void check(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, struct cipher_bytes message,
    struct cipher_bytes mac)
{
    struct cipher_bytes out;
    unsigned long size = 0;
    assert_ok(p11->C_SignInit(session, mechanism, key));
    assert_ok(p11->C_Sign(session, VIEW(message), NULL, &size));
    assert_int_equal(size, mac.size);
    size--;
    assert_rv(p11->C_Sign(session, VIEW(message), out.data, &size), CKR_BUFFER_TOO_SMALL);
    assert_ok(p11->C_Sign(session, VIEW(message), out.data, &size));
    assert_memory_equal(out.data, mac.data, mac.size);
    for (size_t part = 1; part <= message.size + 1; part++)
        check_parts(session, mechanism, key, &message, &mac, part);
    for (size_t i = 0; i < mac.size; i++) {
        struct cipher_bytes wrong = mac;
        wrong.data[i] ^= 4;
        assert_ok(p11->C_VerifyInit(session, mechanism, key));
        assert_rv(p11->C_Verify(session, VIEW(message), VIEW(wrong)), CKR_SIGNATURE_INVALID);
        wrong.size = i;
        assert_ok(p11->C_VerifyInit(session, mechanism, key));
        assert_rv(p11->C_Verify(session, VIEW(message), VIEW(wrong)), CKR_SIGNATURE_LEN_RANGE);
    }
    for (size_t i = 0; i < message.size; i++) {
        struct cipher_bytes wrong = message;
        wrong.data[i] ^= 1;
        assert_ok(p11->C_VerifyInit(session, mechanism, key));
        assert_rv(p11->C_Verify(session, VIEW(wrong), VIEW(mac)), CKR_SIGNATURE_INVALID);
    }
    assert_ok(p11->C_VerifyInit(session, mechanism, key));
    assert_ok(p11->C_Verify(session, VIEW(message), VIEW(mac)));
}

static void published_cmac_vectors_hold(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    CK_MECHANISM mechanism = {CKM_AES_CMAC, NULL, 0};
    for (size_t i = 0; i < COUNT_OF(published); i++) {
        CK_OBJECT_HANDLE key = cipher_key_hex(session, CKK_AES, published[i].key);
        for (size_t j = 0; j < COUNT_OF(lengths); j++) {
            struct cipher_bytes message = cipher_hex(MESSAGE), mac = cipher_hex(published[i].macs[j]);
            message.size = lengths[j];
            check(session, &mechanism, key, message, mac);
        }
    }
}

static void short_cmacs_are_the_beginning_of_long_ones(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    CK_OBJECT_HANDLE key = cipher_key_hex(session, CKK_AES, published[0].key);
    struct cipher_bytes message = cipher_hex(MESSAGE), mac = cipher_hex(published[0].macs[2]);
    CK_ULONG size = 0;
    CK_MECHANISM mechanism = {CKM_AES_CMAC_GENERAL, &size, sizeof size}, bare = {CKM_AES_CMAC_GENERAL, NULL, 0},
                 full = {CKM_AES_CMAC, &size, sizeof size};
    message.size = 40;
    for (size = 1; size <= 16; size++) {
        mac.size = size;
        check(session, &mechanism, key, message, mac);
    }
    assert_rv(p11->C_SignInit(session, &mechanism, key), CKR_MECHANISM_PARAM_INVALID); /* 17 */
    size = 0;
    assert_rv(p11->C_SignInit(session, &mechanism, key), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(p11->C_SignInit(session, &bare, key), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(p11->C_SignInit(session, &full, key), CKR_MECHANISM_PARAM_INVALID);
}

/* GMAC is GCM with additional data only: McGrew and Viega's test case 1, and OpenSSL over random data. */
static void gmac_is_gcm_without_data(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    unsigned char value[32] = {0}, iv[12] = {0};
    struct cipher_bytes message = {.size = 0}, mac = cipher_hex("58e2fccefa7e3061367f1d57a4e7455a");
    CK_GCM_PARAMS gcm = {iv, sizeof iv, 96, NULL, 0, 128};
    CK_MECHANISM mechanism = {CKM_AES_GMAC, &gcm, sizeof gcm};
    check(session, &mechanism, cipher_key(session, CKK_AES, value, 16), message, mac);
    (void)RAND_bytes(value, sizeof value);
    CK_OBJECT_HANDLE key = cipher_key(session, CKK_AES, value, sizeof value);
    for (message.size = 1; message.size < 80; message.size += 13) {
        int size = 0;
        EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
        (void)RAND_bytes(message.data, (int)message.size);
        (void)RAND_bytes(iv, sizeof iv);
        assert_int_equal(EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, value, iv), 1);
        assert_int_equal(EVP_EncryptUpdate(context, NULL, &size, message.data, (int)message.size), 1);
        assert_int_equal(EVP_EncryptFinal_ex(context, mac.data, &size), 1);
        assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, 16, mac.data), 1);
        EVP_CIPHER_CTX_free(context);
        for (gcm.tag_bits = 96; gcm.tag_bits <= 128; gcm.tag_bits += 8) {
            mac.size = gcm.tag_bits / 8;
            check(session, &mechanism, key, message, mac);
        }
    }
    gcm.tag_bits = 100;
    assert_rv(p11->C_SignInit(session, &mechanism, key), CKR_MECHANISM_PARAM_INVALID);
    gcm.tag_bits = 128;
    gcm.aad_ptr = iv;
    gcm.aad_len = 4; /* there is no additional data beside the data */
    assert_rv(p11->C_SignInit(session, &mechanism, key), CKR_MECHANISM_PARAM_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(published_cmac_vectors_hold),
        MODULE_TEST(short_cmacs_are_the_beginning_of_long_ones),
        MODULE_TEST(gmac_is_gcm_without_data),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
