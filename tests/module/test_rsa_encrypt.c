/* RSA encryption and wrapping: against OpenSSL on the same key, both ways. */
#include <openssl/rsa.h>

#include "rsa_support.h"

enum { SIZE = 256 };
static unsigned char out[8192];
static const unsigned char text[] = "Sixteen bytes at least, and then some more, that nobody should read.";
enum { TEXT = sizeof text - 1 };

struct padding {
    CK_MECHANISM mechanism;
    int library;
    const char *hash, *mask;
    unsigned char *label;
    size_t label_size;
};

static EVP_PKEY_CTX *outside_context(EVP_PKEY *pkey, rsa_init *init, const struct padding *padding)
{
    EVP_PKEY_CTX *context = rsa_context(pkey, init, padding->library, padding->hash, padding->mask, -1);
    if (padding->label_size) {
        void *copy = OPENSSL_memdup(padding->label, padding->label_size);
        assert_int_equal(EVP_PKEY_CTX_set0_rsa_oaep_label(context, copy, (int)padding->label_size), 1);
    }
    return context;
}

static void outside_encrypts(
    EVP_PKEY *pkey, const struct padding *padding, const void *data, size_t size, unsigned char *ciphertext)
{
    size_t room = RSA_ROOM;
    EVP_PKEY_CTX *context = outside_context(pkey, EVP_PKEY_encrypt_init, padding);
    assert_int_equal(EVP_PKEY_encrypt(context, ciphertext, &room, data, size), 1);
    assert_int_equal(room, SIZE);
    EVP_PKEY_CTX_free(context);
}

static void assert_outside_decrypts(
    EVP_PKEY *pkey, const struct padding *padding, const unsigned char *ciphertext, const void *data, size_t size)
{
    unsigned char plain[RSA_ROOM];
    size_t room = sizeof plain;
    EVP_PKEY_CTX *context = outside_context(pkey, EVP_PKEY_decrypt_init, padding);
    assert_int_equal(EVP_PKEY_decrypt(context, plain, &room, ciphertext, SIZE), 1);
    assert_int_equal(room, size);
    assert_memory_equal(plain, data, size);
    EVP_PKEY_CTX_free(context);
}

static void check_both_ways(CK_SESSION_HANDLE session, const struct rsa_outside *outside, const struct rsa_pair *pair,
    struct padding *padding, const unsigned char *data, size_t size)
{
    unsigned char ciphertext[RSA_ROOM], plain[RSA_ROOM];
    unsigned long room = sizeof ciphertext, plain_room = sizeof plain;
    assert_ok(rsa_encrypt(session, &padding->mechanism, pair->public_key, data, size, ciphertext, &room));
    assert_int_equal(room, SIZE);
    assert_outside_decrypts(outside->pkey, padding, ciphertext, data, size);
    assert_ok(rsa_decrypt(session, &padding->mechanism, pair->private_key, ciphertext, SIZE, plain, &plain_room));
    assert_int_equal(plain_room, size);
    assert_memory_equal(plain, data, size);
    outside_encrypts(outside->pkey, padding, data, size, ciphertext);
    plain_room = sizeof plain;
    assert_ok(rsa_decrypt(session, &padding->mechanism, pair->private_key, ciphertext, SIZE, plain, &plain_room));
    assert_int_equal(plain_room, size);
    assert_memory_equal(plain, data, size);
}

/* Whatever is wrong with a ciphertext of the right length has one answer, and gives no byte. */
static void check_tampering(
    CK_SESSION_HANDLE session, const struct rsa_outside *outside, const struct rsa_pair *pair, struct padding *padding)
{
    unsigned char ciphertext[RSA_ROOM + 1];
    outside_encrypts(outside->pkey, padding, text, 20, ciphertext);
    for (size_t at = 1; at < SIZE; at += 85) {
        unsigned long room = sizeof out;
        memset(out, 0, sizeof out);
        ciphertext[at] ^= 1;
        assert_rv(rsa_decrypt(session, &padding->mechanism, pair->private_key, ciphertext, SIZE, out, &room),
            CKR_ENCRYPTED_DATA_INVALID);
        assert_int_equal(out[0], 0);
        ciphertext[at] ^= 1;
    }
    static const unsigned long wrong[] = {0, 1, SIZE - 1, SIZE + 1};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        unsigned long room = sizeof out;
        assert_rv(rsa_decrypt(session, &padding->mechanism, pair->private_key, ciphertext, wrong[i], out, &room),
            CKR_ENCRYPTED_DATA_LEN_RANGE);
    }
    unsigned long room = sizeof out;
    assert_ok(rsa_decrypt(session, &padding->mechanism, pair->private_key, ciphertext, SIZE, out, &room));
}

static void oaep_agrees_with_openssl_for_every_hash_and_mask(void **state)
{
    const struct module_fixture *fixture = *state;
    struct rsa_outside *outside = rsa_outside(2048);
    struct rsa_pair pair = rsa_encrypting(fixture->session, outside);
    unsigned char label[] = "a label";
    for (int i = 0; i < RSA_HASHES * RSA_HASHES; i++) {
        const struct rsa_hash *hash = &rsa_hashes[i / RSA_HASHES], *mask = &rsa_hashes[i % RSA_HASHES];
        size_t label_size = i % 2 ? sizeof label : 0, most = SIZE - 2 - 2 * hash->size;
        CK_RSA_PKCS_OAEP_PARAMS parameters = {
            hash->hash, mask->mask, CKZ_DATA_SPECIFIED, label_size ? label : NULL, label_size};
        struct padding padding = {{CKM_RSA_PKCS_OAEP, &parameters, sizeof parameters}, RSA_PKCS1_OAEP_PADDING,
            hash->name, mask->name, label, label_size};
        unsigned char data[SIZE];
        memset(data, 0x33, sizeof data);
        check_both_ways(fixture->session, outside, &pair, &padding, data, most);
        check_both_ways(fixture->session, outside, &pair, &padding, data, 1);
        unsigned long room = sizeof out;
        assert_rv(rsa_encrypt(fixture->session, &padding.mechanism, pair.public_key, data, most + 1, out, &room),
            CKR_DATA_LEN_RANGE);
        if (hash == mask)
            check_tampering(fixture->session, outside, &pair, &padding);
    }
}

static void oaep_decrypts_by_its_own_parameters_only(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_pair pair = rsa_encrypting(session, rsa_outside(2048));
    unsigned char label[] = "a label", other[] = "a labeL", ciphertext[SIZE];
    CK_RSA_PKCS_OAEP_PARAMS right = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, label, sizeof label},
                            wrong[] = {{CKM_SHA256, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, label, sizeof label},
                                {CKM_SHA_1, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, label, sizeof label},
                                {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, other, sizeof other},
                                {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, label, sizeof label - 1},
                                {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0}};
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_OAEP, &right, sizeof right};
    unsigned long room = sizeof ciphertext;
    assert_ok(rsa_encrypt(session, &mechanism, pair.public_key, text, 16, ciphertext, &room));
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        CK_MECHANISM with = {CKM_RSA_PKCS_OAEP, &wrong[i], sizeof wrong[i]};
        room = sizeof out;
        assert_rv(
            rsa_decrypt(session, &with, pair.private_key, ciphertext, SIZE, out, &room), CKR_ENCRYPTED_DATA_INVALID);
        room = sizeof out;
        assert_ok(rsa_decrypt(session, &mechanism, pair.private_key, ciphertext, SIZE, out, &room));
        assert_memory_equal(out, text, 16);
    }
}

static void oaep_takes_no_other_parameters(void **state)
{
    const struct module_fixture *fixture = *state;
    struct rsa_pair pair = rsa_encrypting(fixture->session, rsa_outside(2048));
    CK_RSA_PKCS_OAEP_PARAMS right = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0},
                            wrong[] = {
                                {CKM_MD5, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0},
                                {CKM_SHA256_RSA_PKCS, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0},
                                {CKM_SHA256, 0, CKZ_DATA_SPECIFIED, NULL, 0},
                                {CKM_SHA256, 99, CKZ_DATA_SPECIFIED, NULL, 0},
                                {CKM_SHA256, CKG_MGF1_SHA256, 0, (void *)(uintptr_t)text, 4},
                                {CKM_SHA256, CKG_MGF1_SHA256, 2, NULL, 0},
                                {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 1},
                                {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, (void *)(uintptr_t)text, ~0UL},
                                {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, (void *)(uintptr_t)text, 65537},
                            };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        CK_MECHANISM mechanism = {CKM_RSA_PKCS_OAEP, &wrong[i], sizeof wrong[i]};
        assert_rv(p11->C_EncryptInit(fixture->session, &mechanism, pair.public_key), CKR_MECHANISM_PARAM_INVALID);
        assert_rv(p11->C_DecryptInit(fixture->session, &mechanism, pair.private_key), CKR_MECHANISM_PARAM_INVALID);
    }
    CK_MECHANISM lengths[] = {{CKM_RSA_PKCS_OAEP, NULL, 0}, {CKM_RSA_PKCS_OAEP, &right, sizeof right - 1},
        {CKM_RSA_PKCS_OAEP, &right, sizeof right + 8}, {CKM_RSA_PKCS, &right, sizeof right}};
    for (size_t i = 0; i < COUNT_OF(lengths); i++)
        assert_rv(p11->C_EncryptInit(fixture->session, &lengths[i], pair.public_key), CKR_MECHANISM_PARAM_INVALID);
}

static void pkcs1_encrypts_and_decrypts(void **state)
{
    const struct module_fixture *fixture = *state;
    struct rsa_outside *outside = rsa_outside(2048);
    struct rsa_pair pair = rsa_encrypting(fixture->session, outside);
    struct padding padding = {.mechanism = {CKM_RSA_PKCS, NULL, 0}, .library = RSA_PKCS1_PADDING};
    unsigned char data[SIZE];
    static const size_t sizes[] = {0, 1, 48, SIZE - 11};
    memset(data, 0x77, sizeof data);
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        check_both_ways(fixture->session, outside, &pair, &padding, data, sizes[i]);
    unsigned long room = sizeof out;
    assert_rv(rsa_encrypt(fixture->session, &padding.mechanism, pair.public_key, data, SIZE - 10, out, &room),
        CKR_DATA_LEN_RANGE);
}

/* What OpenSSL can do decides: one answer for all that is wrong, or (from 3.2 on) none that tells. */
static void wrong_pkcs1_padding_has_one_answer(void **state)
{
    const struct module_fixture *fixture = *state;
    struct rsa_outside *outside = rsa_outside(2048);
    struct rsa_pair pair = rsa_encrypting(fixture->session, outside);
    struct padding bare = {.library = RSA_NO_PADDING};
    CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
    CK_RV expected = OpenSSL_version_num() >= 0x30200000UL ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID;
    for (int i = 0; i < 6; i++) {
        unsigned char block[SIZE], ciphertext[RSA_ROOM];
        unsigned long room = sizeof out;
        memset(block, 0x42, sizeof block);
        block[0] = i == 0; /* the number stays below the modulus: its first byte is at least 0x80 */
        block[1] = i == 1 ? 1 : 2;
        if (i == 2)
            block[5] = 0; /* too early */
        else if (i != 3)  /* 3: none at all */
            block[100] = 0;
        if (i == 4)
            block[2] = 0;
        if (i == 5)
            memset(block, 0, sizeof block);
        outside_encrypts(outside->pkey, &bare, block, SIZE, ciphertext);
        assert_rv(rsa_decrypt(fixture->session, &mechanism, pair.private_key, ciphertext, SIZE, out, &room), expected);
    }
    unsigned long room = sizeof out;
    unsigned char ciphertext[SIZE];
    memset(ciphertext, 0xff, sizeof ciphertext); /* no number below the modulus */
    assert_rv(rsa_decrypt(fixture->session, &mechanism, pair.private_key, ciphertext, SIZE, out, &room),
        CKR_ENCRYPTED_DATA_INVALID);
    assert_rv(rsa_decrypt(fixture->session, &mechanism, pair.private_key, ciphertext, SIZE - 1, out, &room),
        CKR_ENCRYPTED_DATA_LEN_RANGE);
}

static void bare_rsa_encrypts_a_number(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_outside *outside = rsa_outside(2048);
    struct rsa_pair pair = rsa_encrypting(session, outside);
    struct padding padding = {.mechanism = {CKM_RSA_X_509, NULL, 0}, .library = RSA_NO_PADDING};
    unsigned char wide[SIZE] = {0}, ciphertext[RSA_ROOM];
    unsigned long room = sizeof ciphertext;
    memcpy(wide + SIZE - TEXT, text, TEXT);
    check_both_ways(session, outside, &pair, &padding, wide, SIZE);
    assert_ok(rsa_encrypt(session, &padding.mechanism, pair.public_key, text, TEXT, ciphertext, &room));
    assert_outside_decrypts(outside->pkey, &padding, ciphertext, wide, SIZE);
    const unsigned char *modulus = outside->numbers[0].bytes;
    assert_rv(
        rsa_encrypt(session, &padding.mechanism, pair.public_key, modulus, SIZE, ciphertext, &room), CKR_DATA_INVALID);
    room = sizeof out;
    assert_rv(rsa_decrypt(session, &padding.mechanism, pair.private_key, modulus, SIZE, out, &room),
        CKR_ENCRYPTED_DATA_INVALID);
    room = sizeof out;
    assert_rv(rsa_encrypt(session, &padding.mechanism, pair.public_key, out, SIZE + 1, ciphertext, &room),
        CKR_DATA_LEN_RANGE);
}

static void length_queries_and_short_buffers_keep_the_operation(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_pair pair = rsa_encrypting(session, rsa_outside(2048));
    CK_RSA_PKCS_OAEP_PARAMS parameters = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0};
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_OAEP, &parameters, sizeof parameters};
    unsigned char ciphertext[SIZE], *data = (unsigned char *)(uintptr_t)text;
    unsigned long size = 0, small = 10;
    assert_ok(p11->C_EncryptInit(session, &mechanism, pair.public_key));
    assert_ok(p11->C_Encrypt(session, data, 16, NULL, &size));
    assert_int_equal(size, SIZE);
    assert_rv(p11->C_Encrypt(session, data, 16, out, &small), CKR_BUFFER_TOO_SMALL);
    assert_int_equal(small, SIZE);
    assert_ok(p11->C_Encrypt(session, data, 16, ciphertext, &size));
    assert_ok(p11->C_DecryptInit(session, &mechanism, pair.private_key));
    assert_ok(p11->C_Decrypt(session, ciphertext, SIZE, NULL, &size));
    assert_int_equal(size, SIZE - 2 - 64);
    small = 15;
    assert_rv(p11->C_Decrypt(session, ciphertext, SIZE, out, &small), CKR_BUFFER_TOO_SMALL);
    assert_ok(p11->C_Decrypt(session, ciphertext, SIZE, out, &size));
    assert_int_equal(size, 16);
    assert_memory_equal(out, text, 16);
    assert_ok(p11->C_EncryptInit(session, &mechanism, pair.public_key));
    size = sizeof out;
    assert_rv(p11->C_EncryptUpdate(session, data, 16, out, &size), CKR_FUNCTION_NOT_SUPPORTED); /* it comes whole */
}

/* Only the half that is for it, only of RSA, only of the sizes that the mechanism takes, only with the use allowed. */
static void keys_must_fit(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_pair encrypting = rsa_encrypting(session, rsa_outside(2048)),
                    signing = rsa_signing(session, rsa_outside(2048));
    struct rsa_pair small = rsa_signing(session, rsa_outside(1024));
    CK_MECHANISM pkcs = {CKM_RSA_PKCS, NULL, 0}, hashing = {CKM_SHA256_RSA_PKCS, NULL, 0};
    CK_OBJECT_HANDLE secret = 0;
    assert_ok(module_secret(session, false, true, false, "secret", &secret));
    assert_rv(p11->C_EncryptInit(session, &pkcs, encrypting.private_key), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(p11->C_DecryptInit(session, &pkcs, encrypting.public_key), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(p11->C_EncryptInit(session, &pkcs, secret), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(p11->C_SignInit(session, &hashing, secret), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(p11->C_SignInit(session, &hashing, signing.public_key), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(p11->C_VerifyInit(session, &hashing, signing.private_key), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(p11->C_SignInit(session, &hashing, encrypting.private_key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_rv(p11->C_DecryptInit(session, &pkcs, signing.private_key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_rv(p11->C_VerifyInit(session, &hashing, encrypting.public_key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_rv(p11->C_SignInit(session, &hashing, small.private_key), CKR_KEY_SIZE_RANGE);
    assert_rv(p11->C_VerifyInit(session, &hashing, small.public_key), CKR_KEY_SIZE_RANGE);
    assert_rv(p11->C_EncryptInit(session, &hashing, encrypting.public_key), CKR_MECHANISM_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(oaep_agrees_with_openssl_for_every_hash_and_mask),
        MODULE_TEST(oaep_decrypts_by_its_own_parameters_only),
        MODULE_TEST(oaep_takes_no_other_parameters),
        MODULE_TEST(pkcs1_encrypts_and_decrypts),
        MODULE_TEST(wrong_pkcs1_padding_has_one_answer),
        MODULE_TEST(bare_rsa_encrypts_a_number),
        MODULE_TEST(length_queries_and_short_buffers_keep_the_operation),
        MODULE_TEST(keys_must_fit),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
