/* The message-based functions under AES-GCM, AES-CCM and ChaCha20-Poly1305. */
#include <openssl/rand.h>
#include <sodium.h>

#include "cipher_fixture.h"

/* McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B: test case 4. */
#define GCM_KEY "feffe9928665731c6d6a8f9467308308"
#define GCM_IV "cafebabefacedbaddecaf888"
#define GCM_AAD "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define GCM_PLAIN                                                                                                      \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"                                                 \
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define GCM_SEALED                                                                                                     \
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"                                                 \
    "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
#define GCM_TAG "5bc94fbc3221a5db94fae95ae7121a47"

struct gcm {
    unsigned char iv[16], tag[16];
    CK_GCM_MESSAGE_PARAMS parameter;
};

static void gcm_prepare(struct gcm *gcm, CK_ULONG generator, CK_ULONG iv_size, CK_ULONG fixed_bits)
{
    struct cipher_bytes iv = cipher_hex(GCM_IV);
    memset(gcm, 0, sizeof *gcm);
    memcpy(gcm->iv, iv.data, iv.size);
    gcm->parameter = (CK_GCM_MESSAGE_PARAMS){gcm->iv, iv_size, fixed_bits, generator, gcm->tag, 128};
}
#define PARAMETER(gcm) &(gcm).parameter, sizeof(gcm).parameter

static CK_OBJECT_HANDLE begin(CK_SESSION_HANDLE session, bool encrypt)
{
    CK_MECHANISM mechanism = {CKM_AES_GCM, NULL, 0};
    CK_OBJECT_HANDLE key = cipher_key_hex(session, CKK_AES, GCM_KEY);
    assert_ok(encrypt ? p11_3->C_MessageEncryptInit(session, &mechanism, key)
                      : p11_3->C_MessageDecryptInit(session, &mechanism, key));
    return key;
}

static CK_RV encrypt_empty(CK_SESSION_HANDLE session, struct gcm *gcm)
{
    unsigned char out[16];
    unsigned long size = sizeof out;
    return p11_3->C_EncryptMessage(session, PARAMETER(*gcm), NULL, 0, NULL, 0, out, &size);
}

static void a_whole_message_is_the_published_one(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct cipher_bytes aad = cipher_hex(GCM_AAD), plain = cipher_hex(GCM_PLAIN), sealed = cipher_hex(GCM_SEALED),
                        tag = cipher_hex(GCM_TAG), out;
    struct gcm gcm;
    (void)begin(session, true);
    (void)begin(session, false);
    gcm_prepare(&gcm, CKG_NO_GENERATE, 12, 0);
    for (int round = 0; round < 3; round++) { /* many messages under one Init */
        memset(gcm.tag, 0, sizeof gcm.tag);
        out.size = 0;
        assert_ok(p11_3->C_EncryptMessage(session, PARAMETER(gcm), VIEW(aad), VIEW(plain), NULL, &out.size));
        assert_int_equal(out.size, plain.size);
        out.size--;
        assert_rv(p11_3->C_EncryptMessage(session, PARAMETER(gcm), VIEW(aad), VIEW(plain), out.data, &out.size),
            CKR_BUFFER_TOO_SMALL);
        assert_ok(p11_3->C_EncryptMessage(session, PARAMETER(gcm), VIEW(aad), VIEW(plain), out.data, &out.size));
        assert_int_equal(out.size, sealed.size);
        assert_memory_equal(out.data, sealed.data, sealed.size);
        assert_memory_equal(gcm.tag, tag.data, 16);
        assert_ok(p11_3->C_DecryptMessage(session, PARAMETER(gcm), VIEW(aad), out.data, out.size, out.data, &out.size));
        assert_int_equal(out.size, plain.size);
        assert_memory_equal(out.data, plain.data, plain.size);
    }
    assert_ok(p11_3->C_MessageEncryptFinal(session));
    assert_ok(p11_3->C_MessageDecryptFinal(session));
    assert_rv(p11_3->C_MessageEncryptFinal(session), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(encrypt_empty(session, &gcm), CKR_OPERATION_NOT_INITIALIZED);
}

static void encrypt_parts(CK_SESSION_HANDLE session, struct gcm *gcm, size_t part, bool apart, struct cipher_bytes *out)
{
    struct cipher_bytes aad = cipher_hex(GCM_AAD), plain = cipher_hex(GCM_PLAIN);
    out->size = 0;
    assert_ok(p11_3->C_EncryptMessageBegin(session, PARAMETER(*gcm), VIEW(aad)));
    for (size_t at = 0; at < plain.size; at += part) {
        unsigned long taken = plain.size - at < part ? plain.size - at : part, size = CIPHER_LARGEST - out->size;
        bool last = !apart && at + taken == plain.size;
        assert_ok(p11_3->C_EncryptMessageNext(session, PARAMETER(*gcm), plain.data + at, taken, out->data + out->size,
            &size, last ? CKF_END_OF_MESSAGE : 0));
        assert_int_equal(size, taken);
        out->size += size;
    }
    unsigned long none = 0;
    if (apart)
        assert_ok(p11_3->C_EncryptMessageNext(session, PARAMETER(*gcm), NULL, 0, NULL, &none, CKF_END_OF_MESSAGE));
}

/* Of a decryption nothing leaves before the last part. */
static CK_RV decrypt_parts(
    CK_SESSION_HANDLE session, struct gcm *gcm, const struct cipher_bytes *in, size_t part, struct cipher_bytes *out)
{
    struct cipher_bytes aad = cipher_hex(GCM_AAD);
    memset(out->data, 0, sizeof out->data);
    assert_ok(p11_3->C_DecryptMessageBegin(session, PARAMETER(*gcm), VIEW(aad)));
    for (size_t at = 0; at < in->size; at += part) {
        unsigned long taken = in->size - at < part ? in->size - at : part, size = sizeof out->data;
        assert_ok(p11_3->C_DecryptMessageNext(
            session, PARAMETER(*gcm), (unsigned char *)(uintptr_t)in->data + at, taken, out->data, &size, 0));
        assert_int_equal(size, 0);
    }
    out->size = 0;
    assert_rv(p11_3->C_DecryptMessageNext(session, PARAMETER(*gcm), NULL, 0, out->data, &out->size, CKF_END_OF_MESSAGE),
        CKR_BUFFER_TOO_SMALL);
    assert_int_equal(out->size, in->size);
    return p11_3->C_DecryptMessageNext(session, PARAMETER(*gcm), NULL, 0, out->data, &out->size, CKF_END_OF_MESSAGE);
}

static void every_split_gives_the_same_message(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct cipher_bytes plain = cipher_hex(GCM_PLAIN), sealed = cipher_hex(GCM_SEALED), tag = cipher_hex(GCM_TAG), out;
    struct gcm gcm;
    (void)begin(session, true);
    (void)begin(session, false);
    gcm_prepare(&gcm, CKG_NO_GENERATE, 12, 0);
    for (size_t part = 1; part <= plain.size; part++)
        for (int apart = 0; apart < 2; apart++) {
            memset(gcm.tag, 0, sizeof gcm.tag);
            encrypt_parts(session, &gcm, part, apart, &out);
            assert_int_equal(out.size, sealed.size);
            assert_memory_equal(out.data, sealed.data, sealed.size);
            assert_memory_equal(gcm.tag, tag.data, 16);
            assert_ok(decrypt_parts(session, &gcm, &sealed, part, &out));
            assert_int_equal(out.size, plain.size);
            assert_memory_equal(out.data, plain.data, plain.size);
        }
}

/* A wrong tag spoils its message and no other. */
static void a_changed_message_is_refused_and_the_next_one_is_not(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct cipher_bytes aad = cipher_hex(GCM_AAD), sealed = cipher_hex(GCM_SEALED), tag = cipher_hex(GCM_TAG), out;
    struct gcm gcm;
    (void)begin(session, false);
    for (size_t at = 0; at < sealed.size + 16 + 12 + aad.size; at++) {
        size_t tag_at = at - sealed.size, iv_at = tag_at - 16, aad_at = iv_at - 12;
        gcm_prepare(&gcm, CKG_NO_GENERATE, 12, 0);
        memcpy(gcm.tag, tag.data, 16);
        unsigned char *byte = at < sealed.size ? &sealed.data[at]
                              : tag_at < 16    ? &gcm.tag[tag_at]
                              : iv_at < 12     ? &gcm.iv[iv_at]
                                               : &aad.data[aad_at];
        *byte ^= 0x10;
        memset(out.data, 0, sizeof out.data);
        out.size = sizeof out.data;
        assert_rv(p11_3->C_DecryptMessage(session, PARAMETER(gcm), VIEW(aad), VIEW(sealed), out.data, &out.size),
            CKR_AEAD_DECRYPT_FAILED);
        for (size_t i = 0; i < sizeof out.data; i++)
            assert_int_equal(out.data[i], 0);
        if (at < sealed.size + 16 + 12) { /* the parts have additional data of their own */
            assert_rv(decrypt_parts(session, &gcm, &sealed, 7, &out), CKR_AEAD_DECRYPT_FAILED);
            for (size_t i = 0; i < sizeof out.data; i++)
                assert_int_equal(out.data[i], 0);
        }
        *byte ^= 0x10;
        assert_ok(decrypt_parts(session, &gcm, &sealed, 7, &out));
    }
    /* without a place for data an empty message is verified all the same */
    memset(gcm.tag, 0, sizeof gcm.tag);
    out.size = 0;
    assert_rv(
        p11_3->C_DecryptMessage(session, PARAMETER(gcm), VIEW(aad), NULL, 0, NULL, &out.size), CKR_AEAD_DECRYPT_FAILED);
}

static void wrong_orders_are_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    CK_MECHANISM mechanism = {CKM_AES_GCM, NULL, 0};
    unsigned char data[16] = {0};
    unsigned long size = sizeof data;
    struct gcm gcm;
    gcm_prepare(&gcm, CKG_NO_GENERATE, 12, 0);
    assert_rv(p11_3->C_EncryptMessageBegin(session, PARAMETER(gcm), NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(
        p11_3->C_EncryptMessageNext(session, PARAMETER(gcm), data, 16, data, &size, 0), CKR_OPERATION_NOT_INITIALIZED);
    CK_OBJECT_HANDLE key = begin(session, true);
    assert_rv(p11_3->C_MessageEncryptInit(session, &mechanism, key), CKR_OPERATION_ACTIVE);
    assert_rv(p11->C_Encrypt(session, data, 16, data, &size), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(p11_3->C_DecryptMessageBegin(session, PARAMETER(gcm), NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(p11_3->C_EncryptMessageNext(session, PARAMETER(gcm), data, 16, data, &size, 0),
        CKR_OPERATION_NOT_INITIALIZED); /* no message was begun */
    assert_ok(p11_3->C_EncryptMessageBegin(session, PARAMETER(gcm), NULL, 0));
    assert_rv(p11_3->C_EncryptMessageBegin(session, PARAMETER(gcm), NULL, 0), CKR_OPERATION_ACTIVE);
    assert_rv(encrypt_empty(session, &gcm), CKR_OPERATION_ACTIVE);
    assert_rv(p11_3->C_EncryptMessageNext(session, PARAMETER(gcm), NULL, 4, data, &size, 0), CKR_ARGUMENTS_BAD);
    assert_rv(p11_3->C_EncryptMessageNext(session, PARAMETER(gcm), data, 16, data, NULL, 0), CKR_ARGUMENTS_BAD);
    assert_ok(p11_3->C_EncryptMessageNext(session, PARAMETER(gcm), data, 16, data, &size, CKF_END_OF_MESSAGE));
    assert_rv(p11_3->C_EncryptMessageNext(session, PARAMETER(gcm), data, 16, data, &size, CKF_END_OF_MESSAGE),
        CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(encrypt_empty(session, &gcm));
    assert_ok(p11_3->C_EncryptMessageBegin(session, PARAMETER(gcm), NULL, 0));
    assert_ok(p11_3->C_MessageEncryptFinal(session)); /* gives the message up */
}

static void cancelling_and_logging_out_end_it(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    CK_MECHANISM mechanism = {CKM_AES_GCM, NULL, 0};
    struct gcm gcm;
    gcm_prepare(&gcm, CKG_NO_GENERATE, 12, 0);
    CK_OBJECT_HANDLE key = begin(session, true);
    assert_ok(p11_3->C_SessionCancel(session, CKF_ENCRYPT | CKF_DECRYPT | CKF_MESSAGE_DECRYPT));
    assert_ok(encrypt_empty(session, &gcm));
    assert_ok(p11_3->C_SessionCancel(session, CKF_MESSAGE_ENCRYPT));
    assert_rv(encrypt_empty(session, &gcm), CKR_OPERATION_NOT_INITIALIZED);
    (void)begin(session, true);
    assert_ok(p11_3->C_MessageEncryptInit(session, NULL, 0));
    assert_rv(encrypt_empty(session, &gcm), CKR_OPERATION_NOT_INITIALIZED);
    (void)begin(session, true);
    assert_ok(p11->C_DestroyObject(session, key)); /* another one of the same value: nothing changes */
    assert_ok(p11_3->C_EncryptMessageBegin(session, PARAMETER(gcm), NULL, 0));
    assert_ok(p11->C_Logout(session));
    unsigned long size = 0;
    assert_rv(p11_3->C_EncryptMessageNext(session, PARAMETER(gcm), NULL, 0, NULL, &size, CKF_END_OF_MESSAGE),
        CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(p11_3->C_MessageEncryptInit(session, &mechanism, key), CKR_KEY_HANDLE_INVALID);
}

static void wrong_parameters_are_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct gcm gcm;
    CK_OBJECT_HANDLE key = begin(session, true);
    unsigned char out[16];
    unsigned long size = sizeof out;
#define REFUSED(change)                                                                                                \
    do {                                                                                                               \
        gcm_prepare(&gcm, CKG_NO_GENERATE, 12, 0);                                                                     \
        change;                                                                                                        \
        assert_rv(encrypt_empty(session, &gcm), CKR_MECHANISM_PARAM_INVALID);                                          \
    } while (0)
    REFUSED(gcm.parameter.pIv = NULL);
    REFUSED(gcm.parameter.ulIvLen = 0);
    REFUSED(gcm.parameter.ulIvLen = 129);
    REFUSED(gcm.parameter.ulIvLen = ~0UL);
    REFUSED(gcm.parameter.pTag = NULL);
    REFUSED(gcm.parameter.ulTagBits = 127);
    REFUSED(gcm.parameter.ulTagBits = ~0UL);
    REFUSED(gcm.parameter.ivGenerator = 5);
    REFUSED((gcm.parameter.ivGenerator = CKG_GENERATE_COUNTER, gcm.parameter.ulIvFixedBits = 96));
    REFUSED((gcm.parameter.ivGenerator = CKG_GENERATE_COUNTER, gcm.parameter.ulIvFixedBits = ~0UL));
    REFUSED((gcm.parameter.ivGenerator = CKG_GENERATE_RANDOM, gcm.parameter.ulIvFixedBits = 33));
    gcm_prepare(&gcm, CKG_NO_GENERATE, 12, 0);
    assert_rv(p11_3->C_EncryptMessage(session, &gcm.parameter, sizeof gcm.parameter - 1, NULL, 0, NULL, 0, out, &size),
        CKR_MECHANISM_PARAM_INVALID);
    assert_rv(p11_3->C_EncryptMessage(session, NULL, 0, NULL, 0, NULL, 0, out, &size), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(p11_3->C_EncryptMessage(session, PARAMETER(gcm), NULL, 4, NULL, 0, out, &size), CKR_ARGUMENTS_BAD);
    assert_ok(encrypt_empty(session, &gcm)); /* none of them ended what was begun */
    assert_ok(p11_3->C_MessageEncryptFinal(session));
    CK_MECHANISM wrong = {CKM_AES_GCM, &gcm.parameter, sizeof gcm.parameter - 8}, other = {CKM_AES_CBC, NULL, 0},
                 whole = {CKM_AES_GCM, PARAMETER(gcm)};
    assert_rv(p11_3->C_MessageEncryptInit(session, &wrong, key), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(p11_3->C_MessageEncryptInit(session, &other, key), CKR_MECHANISM_INVALID);
    assert_ok(p11_3->C_MessageEncryptInit(session, &whole, key));
}

/* --- made nonces --- */

static void counters_follow_the_fixed_bits(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct gcm gcm;
    (void)begin(session, true);
    gcm_prepare(&gcm, CKG_GENERATE_COUNTER, 12, 36);
    for (unsigned i = 0; i < 600; i++) {
        const unsigned char expected[12] = {
            0xca, 0xfe, 0xba, 0xbe, 0xf0, [10] = (unsigned char)(i >> 8), [11] = (unsigned char)i};
        assert_ok(encrypt_empty(session, &gcm));
        assert_memory_equal(gcm.iv, expected, 12);
    }
    gcm.parameter.ulIvFixedBits = 40; /* could meet one of the others */
    assert_rv(encrypt_empty(session, &gcm), CKR_MECHANISM_PARAM_INVALID);
    gcm.parameter.ulIvFixedBits = 36;
    gcm.parameter.ivGenerator = CKG_GENERATE_RANDOM;
    assert_rv(encrypt_empty(session, &gcm), CKR_MECHANISM_PARAM_INVALID);
}

/* RFC 8446, section 5.3: the record's number XOR the static IV. */
static void counters_are_xored_into_the_first_nonce(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct cipher_bytes first = cipher_hex(GCM_IV);
    struct gcm gcm;
    (void)begin(session, true);
    gcm_prepare(&gcm, CKG_GENERATE_COUNTER_XOR, 12, 32);
    for (unsigned i = 0; i < 600; i++) {
        assert_ok(encrypt_empty(session, &gcm)); /* the nonce of the one before is where the first one was */
        unsigned char expected[12];
        memcpy(expected, first.data, 12);
        expected[10] ^= (unsigned char)(i >> 8);
        expected[11] ^= (unsigned char)i;
        assert_memory_equal(gcm.iv, expected, 12);
    }
}

static void a_counter_that_is_used_up_is_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    static const CK_ULONG generators[] = {CKG_GENERATE_COUNTER, CKG_GENERATE_COUNTER_XOR};
    static const unsigned widths[] = {1, 3, 8, 9};
    for (size_t i = 0; i < COUNT_OF(generators); i++)
        for (size_t j = 0; j < COUNT_OF(widths); j++) {
            struct gcm gcm;
            bool seen[512] = {false};
            (void)begin(session, true);
            gcm_prepare(&gcm, generators[i], 12, 96 - widths[j]);
            for (unsigned made = 0; made < 1U << widths[j]; made++) {
                assert_ok(encrypt_empty(session, &gcm));
                unsigned number = (gcm.iv[10] & 1U) << 8 | gcm.iv[11];
                assert_false(seen[number]);
                seen[number] = true;
            }
            assert_rv(encrypt_empty(session, &gcm), CKR_KEY_EXHAUSTED);
            assert_rv(encrypt_empty(session, &gcm), CKR_KEY_EXHAUSTED);
            assert_ok(p11_3->C_MessageEncryptFinal(session));
        }
}

static void random_nonces_keep_the_fixed_bits(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    static const CK_ULONG generators[] = {CKG_GENERATE, CKG_GENERATE_RANDOM};
    for (size_t i = 0; i < COUNT_OF(generators); i++) {
        struct gcm gcm;
        unsigned char before[200][12];
        (void)begin(session, true);
        gcm_prepare(&gcm, generators[i], 12, 28);
        for (size_t j = 0; j < COUNT_OF(before); j++) {
            assert_ok(encrypt_empty(session, &gcm));
            assert_memory_equal(gcm.iv, "\xca\xfe\xba", 3);
            assert_int_equal(gcm.iv[3] >> 4, 0xb);
            memcpy(before[j], gcm.iv, 12);
            for (size_t k = 0; k < j; k++)
                assert_memory_not_equal(before[k], gcm.iv, 12);
        }
        assert_ok(p11_3->C_MessageEncryptFinal(session));
    }
}

/* A length query makes no nonce; and what a made nonce encrypted is decrypted with it. */
static void a_made_nonce_is_the_one_that_was_used(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct cipher_bytes plain = cipher_hex(GCM_PLAIN), sealed = {.size = 0}, again = {.size = CIPHER_LARGEST};
    struct gcm gcm;
    (void)begin(session, true);
    (void)begin(session, false);
    gcm_prepare(&gcm, CKG_GENERATE_COUNTER, 12, 32);
    for (unsigned i = 0; i < 3; i++) {
        assert_ok(p11_3->C_EncryptMessage(session, PARAMETER(gcm), NULL, 0, VIEW(plain), NULL, &sealed.size));
        assert_ok(p11_3->C_EncryptMessage(session, PARAMETER(gcm), NULL, 0, VIEW(plain), sealed.data, &sealed.size));
        assert_int_equal(gcm.iv[11], i);
        again.size = sizeof again.data;
        assert_ok(p11_3->C_DecryptMessage(session, PARAMETER(gcm), NULL, 0, VIEW(sealed), again.data, &again.size));
        assert_memory_equal(again.data, plain.data, plain.size);
        assert_int_equal(gcm.iv[11], i); /* a decryption makes none */
    }
}

/* --- ChaCha20-Poly1305 --- */

static void chacha_messages_are_what_libsodium_makes(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    CK_MECHANISM mechanism = {CKM_CHACHA20_POLY1305, NULL, 0};
    unsigned char value[32], nonce[24], tag[16], expected_tag[16], aad[20];
    unsigned long long tag_size = 0;
    (void)RAND_bytes(value, sizeof value);
    (void)RAND_bytes(nonce, sizeof nonce);
    (void)RAND_bytes(aad, sizeof aad);
    CK_OBJECT_HANDLE key = cipher_key(session, CKK_CHACHA20, value, sizeof value);
    assert_ok(p11_3->C_MessageEncryptInit(session, &mechanism, key));
    assert_ok(p11_3->C_MessageDecryptInit(session, &mechanism, key));
    for (unsigned i = 0; i < 8; i++) { /* both kinds of nonce in turn, under one Init */
        struct cipher_bytes plain = {.size = 100 + i}, expected, out = {.size = CIPHER_LARGEST};
        CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS parameter = {nonce, i % 2 ? 24 : 12, tag};
        (void)RAND_bytes(plain.data, sizeof plain.data);
        if (i % 2)
            (void)crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
                expected.data, expected_tag, &tag_size, plain.data, plain.size, aad, sizeof aad, NULL, nonce, value);
        else
            (void)crypto_aead_chacha20poly1305_ietf_encrypt_detached(
                expected.data, expected_tag, &tag_size, plain.data, plain.size, aad, sizeof aad, NULL, nonce, value);
        assert_ok(p11_3->C_EncryptMessage(
            session, &parameter, sizeof parameter, aad, sizeof aad, VIEW(plain), out.data, &out.size));
        assert_memory_equal(out.data, expected.data, plain.size);
        assert_memory_equal(tag, expected_tag, 16);
        assert_ok(p11_3->C_DecryptMessage(
            session, &parameter, sizeof parameter, aad, sizeof aad, VIEW(out), out.data, &out.size));
        assert_memory_equal(out.data, plain.data, plain.size);
        tag[i] ^= 1;
        assert_rv(p11_3->C_DecryptMessage(session, &parameter, sizeof parameter, aad, sizeof aad, expected.data,
                      plain.size, out.data, &out.size),
            CKR_AEAD_DECRYPT_FAILED);
        parameter.ulNonceLen = 8;
        assert_rv(p11_3->C_EncryptMessageBegin(session, &parameter, sizeof parameter, aad, sizeof aad),
            CKR_MECHANISM_PARAM_INVALID);
    }
}

/* --- AES-CCM --- */

/* SP 800-38C, appendix C, example 3. */
#define CCM_KEY "404142434445464748494a4b4c4d4e4f"
#define CCM_NONCE "101112131415161718191a1b"
#define CCM_AAD "000102030405060708090a0b0c0d0e0f10111213"
#define CCM_PLAIN "202122232425262728292a2b2c2d2e2f3031323334353637"
#define CCM_SEALED "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5"
#define CCM_TAG "484392fbc1b09951"

struct ccm {
    struct cipher_bytes nonce, aad, plain, sealed, tag;
    unsigned char made[16];
    CK_CCM_MESSAGE_PARAMS parameter;
};

static void ccm_begin(CK_SESSION_HANDLE session, struct ccm *ccm)
{
    CK_MECHANISM mechanism = {CKM_AES_CCM, NULL, 0};
    CK_OBJECT_HANDLE key = cipher_key_hex(session, CKK_AES, CCM_KEY);
    *ccm = (struct ccm){.nonce = cipher_hex(CCM_NONCE),
        .aad = cipher_hex(CCM_AAD),
        .plain = cipher_hex(CCM_PLAIN),
        .sealed = cipher_hex(CCM_SEALED),
        .tag = cipher_hex(CCM_TAG)};
    ccm->parameter = (CK_CCM_MESSAGE_PARAMS){
        ccm->plain.size, ccm->nonce.data, ccm->nonce.size, 0, CKG_NO_GENERATE, ccm->made, ccm->tag.size};
    assert_ok(p11_3->C_MessageEncryptInit(session, &mechanism, key));
    assert_ok(p11_3->C_MessageDecryptInit(session, &mechanism, key));
}

typedef CK_RV begin_part(CK_SESSION_HANDLE, void *, unsigned long, unsigned char *, unsigned long);
typedef CK_RV next_part(CK_SESSION_HANDLE, void *, unsigned long, unsigned char *, unsigned long, unsigned char *,
    unsigned long *, CK_FLAGS);

/* In parts of `part` bytes: nothing comes out before the last one, for CCM takes its data at once. */
static CK_RV ccm_parts(CK_SESSION_HANDLE session, struct ccm *ccm, bool encrypt, size_t part, struct cipher_bytes *out)
{
    const struct cipher_bytes *in = encrypt ? &ccm->plain : &ccm->sealed;
    begin_part *begin_message = encrypt ? p11_3->C_EncryptMessageBegin : p11_3->C_DecryptMessageBegin;
    next_part *next = encrypt ? p11_3->C_EncryptMessageNext : p11_3->C_DecryptMessageNext;
    CK_RV rv = begin_message(session, PARAMETER(*ccm), VIEW(ccm->aad));
    for (size_t at = 0; rv == CKR_OK && at < in->size; at += part) {
        bool last = at + part >= in->size;
        unsigned long taken = last ? in->size - at : part;
        out->size = sizeof out->data;
        rv = next(session, PARAMETER(*ccm), (unsigned char *)(uintptr_t)in->data + at, taken, out->data, &out->size,
            last ? CKF_END_OF_MESSAGE : 0);
        if (rv == CKR_OK && !last)
            assert_int_equal(out->size, 0);
    }
    return rv;
}

static void ccm_messages_are_the_published_one(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct cipher_bytes out;
    struct ccm ccm;
    ccm_begin(session, &ccm);
    for (size_t part = 1; part <= ccm.plain.size; part++) {
        memset(ccm.made, 0, sizeof ccm.made);
        assert_ok(ccm_parts(session, &ccm, true, part, &out));
        assert_int_equal(out.size, ccm.sealed.size);
        assert_memory_equal(out.data, ccm.sealed.data, ccm.sealed.size);
        assert_memory_equal(ccm.made, ccm.tag.data, ccm.tag.size);
        assert_ok(ccm_parts(session, &ccm, false, part, &out));
        assert_int_equal(out.size, ccm.plain.size);
        assert_memory_equal(out.data, ccm.plain.data, ccm.plain.size);
        ccm.made[part % ccm.tag.size] ^= 1;
        assert_rv(ccm_parts(session, &ccm, false, part, &out), CKR_AEAD_DECRYPT_FAILED);
    }
}

static void ccm_says_beforehand_how_long_a_message_is(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct cipher_bytes out;
    struct ccm ccm;
    ccm_begin(session, &ccm);
    for (int off = -1; off < 2; off += 2) {
        ccm.parameter.ulDataLen = ccm.plain.size + (unsigned long)off;
        for (size_t part = 5; part <= ccm.plain.size; part += ccm.plain.size - 5) {
            assert_rv(ccm_parts(session, &ccm, true, part, &out), CKR_DATA_LEN_RANGE);
            assert_rv(ccm_parts(session, &ccm, false, part, &out), CKR_ENCRYPTED_DATA_LEN_RANGE);
        }
    }
    ccm.parameter.ulDataLen = ccm.plain.size;
    ccm.parameter.ulMACLen = 5;
    assert_rv(ccm_parts(session, &ccm, true, 5, &out), CKR_MECHANISM_PARAM_INVALID);
    ccm.parameter.ulMACLen = 8;
    ccm.parameter.ulNonceLen = 6;
    assert_rv(ccm_parts(session, &ccm, true, 5, &out), CKR_MECHANISM_PARAM_INVALID);
    ccm.parameter.ulNonceLen = 14;
    assert_rv(ccm_parts(session, &ccm, true, 5, &out), CKR_MECHANISM_PARAM_INVALID);
    ccm.parameter.ulNonceLen = ccm.nonce.size;
    assert_ok(ccm_parts(session, &ccm, true, 5, &out)); /* no refusal has ended the slot */
    ccm.parameter.nonceGenerator = CKG_GENERATE_COUNTER;
    ccm.parameter.ulNonceFixedBits = 88;
    for (unsigned i = 0; i < 3; i++) {
        assert_ok(ccm_parts(session, &ccm, true, 24, &out));
        assert_int_equal(ccm.nonce.data[11], i);
        assert_memory_equal(ccm.nonce.data, cipher_hex(CCM_NONCE).data, 11);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(a_whole_message_is_the_published_one),
        MODULE_TEST(every_split_gives_the_same_message),
        MODULE_TEST(a_changed_message_is_refused_and_the_next_one_is_not),
        MODULE_TEST(wrong_orders_are_refused),
        MODULE_TEST(cancelling_and_logging_out_end_it),
        MODULE_TEST(wrong_parameters_are_refused),
        MODULE_TEST(counters_follow_the_fixed_bits),
        MODULE_TEST(counters_are_xored_into_the_first_nonce),
        MODULE_TEST(a_counter_that_is_used_up_is_refused),
        MODULE_TEST(random_nonces_keep_the_fixed_bits),
        MODULE_TEST(a_made_nonce_is_the_one_that_was_used),
        MODULE_TEST(chacha_messages_are_what_libsodium_makes),
        MODULE_TEST(ccm_messages_are_the_published_one),
        MODULE_TEST(ccm_says_beforehand_how_long_a_message_is),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
