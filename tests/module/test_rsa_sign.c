/* RSA signatures: every padding and hash, against OpenSSL on the same key. */
#include <openssl/rsa.h>
#include <stdio.h>
#include <time.h>

#include "rsa_support.h"

static const unsigned char text[] = "What is signed: a text that is longer than one block of the hashes, which is not "
                                    "so for all that one might sign, so that it comes in parts of uneven sizes too.";
enum { TEXT = sizeof text - 1, SIZE = 256 };
static unsigned char out[RSA_ROOM];

static unsigned digest(const struct rsa_hash *hash, const void *data, size_t size, unsigned char *result)
{
    unsigned length = 0;
    assert_int_equal(EVP_Digest(data, size, result, &length, EVP_get_digestbyname(hash->name), NULL), 1);
    assert_int_equal(length, hash->size);
    return length;
}

static bool outside_verifies(EVP_PKEY_CTX *context, const void *signature, size_t size, const void *what, size_t length)
{
    bool verified = EVP_PKEY_verify(context, signature, size, what, length) == 1;
    EVP_PKEY_CTX_free(context);
    return verified;
}

static size_t outside_signs(EVP_PKEY_CTX *context, unsigned char *signature, const void *what, size_t length)
{
    size_t size = RSA_ROOM;
    assert_int_equal(EVP_PKEY_sign(context, signature, &size, what, length), 1);
    EVP_PKEY_CTX_free(context);
    return size;
}

/* Parts of these sizes, and then what is left. */
static void sign_in_parts(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, size_t part)
{
    unsigned long size = sizeof out;
    assert_ok(p11->C_SignInit(session, mechanism, key));
    for (size_t at = 0; at < TEXT; at += part)
        assert_ok(
            p11->C_SignUpdate(session, (unsigned char *)(uintptr_t)text + at, TEXT - at < part ? TEXT - at : part));
    assert_ok(p11->C_SignFinal(session, NULL, &size));
    assert_int_equal(size, SIZE);
    assert_ok(p11->C_SignFinal(session, out, &size));
    assert_int_equal(size, SIZE);
}

static void check_tampering(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, const void *data,
    size_t size, unsigned char *signature)
{
    unsigned char other[512];
    memcpy(other, data, size);
    assert_ok(rsa_verify(session, mechanism, key, data, size, signature, SIZE));
    for (size_t at = 0; at < SIZE; at += 51) {
        signature[at] ^= 1;
        assert_rv(rsa_verify(session, mechanism, key, data, size, signature, SIZE), CKR_SIGNATURE_INVALID);
        signature[at] ^= 1;
    }
    other[size / 2] ^= 0x10;
    assert_rv(rsa_verify(session, mechanism, key, other, size, signature, SIZE), CKR_SIGNATURE_INVALID);
    assert_rv(rsa_verify(session, mechanism, key, data, size, signature, SIZE - 1), CKR_SIGNATURE_LEN_RANGE);
    assert_rv(rsa_verify(session, mechanism, key, data, size, signature, SIZE + 1), CKR_SIGNATURE_LEN_RANGE);
    assert_ok(rsa_verify(session, mechanism, key, data, size, signature, SIZE));
}

static void pkcs1_agrees_with_openssl_for_every_hash(void **state)
{
    const struct module_fixture *fixture = *state;
    struct rsa_outside *outside = rsa_outside(2048);
    struct rsa_pair pair = rsa_signing(fixture->session, outside);
    static const size_t parts[] = {1, 7, 64, TEXT};
    for (int i = 0; i < RSA_HASHES; i++) {
        const struct rsa_hash *hash = &rsa_hashes[i];
        CK_MECHANISM mechanism = {hash->pkcs, NULL, 0};
        unsigned char hashed[64], expected[RSA_ROOM];
        unsigned length = digest(hash, text, TEXT, hashed);
        EVP_PKEY_CTX *context = rsa_context(outside->pkey, EVP_PKEY_sign_init, RSA_PKCS1_PADDING, hash->name, NULL, -1);
        assert_int_equal(outside_signs(context, expected, hashed, length), SIZE);
        unsigned long size = sizeof out;
        assert_ok(rsa_sign(fixture->session, &mechanism, pair.private_key, text, TEXT, out, &size));
        assert_int_equal(size, SIZE);
        assert_memory_equal(out, expected, SIZE); /* it is deterministic */
        for (size_t j = 0; j < COUNT_OF(parts); j++) {
            sign_in_parts(fixture->session, &mechanism, pair.private_key, parts[j]);
            assert_memory_equal(out, expected, SIZE);
        }
        check_tampering(fixture->session, &mechanism, pair.public_key, text, TEXT, expected);
    }
}

/* A signature by one hash is none by another of the same length. */
static void hashes_are_told_apart(void **state)
{
    const struct module_fixture *fixture = *state;
    struct rsa_pair pair = rsa_signing(fixture->session, rsa_outside(2048));
    for (int i = 0; i < RSA_HASHES; i++) {
        CK_MECHANISM mechanism = {rsa_hashes[i].pkcs, NULL, 0};
        unsigned long size = sizeof out;
        assert_ok(rsa_sign(fixture->session, &mechanism, pair.private_key, text, TEXT, out, &size));
        for (int j = 0; j < RSA_HASHES; j++) {
            CK_MECHANISM other = {rsa_hashes[j].pkcs, NULL, 0};
            assert_rv(rsa_verify(fixture->session, &other, pair.public_key, text, TEXT, out, size),
                i == j ? CKR_OK : CKR_SIGNATURE_INVALID);
        }
    }
}

static void pss_agrees_with_openssl_for_every_hash_mask_and_salt(void **state)
{
    const struct module_fixture *fixture = *state;
    struct rsa_outside *outside = rsa_outside(2048);
    struct rsa_pair pair = rsa_signing(fixture->session, outside);
    for (int i = 0; i < RSA_HASHES * RSA_HASHES; i++) {
        const struct rsa_hash *hash = &rsa_hashes[i / RSA_HASHES], *mask = &rsa_hashes[i % RSA_HASHES];
        unsigned most = SIZE - 2 - hash->size;
        unsigned salts[] = {hash->size, 0, 20, most};
        unsigned salt = salts[i % 4];
        CK_RSA_PKCS_PSS_PARAMS parameters = {hash->hash, mask->mask, salt};
        CK_MECHANISM hashing = {hash->pss, &parameters, sizeof parameters},
                     given = {CKM_RSA_PKCS_PSS, &parameters, sizeof parameters};
        unsigned char hashed[64], signature[RSA_ROOM];
        unsigned length = digest(hash, text, TEXT, hashed);
        unsigned long size = sizeof out;
        assert_ok(rsa_sign(fixture->session, &hashing, pair.private_key, text, TEXT, out, &size));
        assert_true(outside_verifies(
            rsa_context(outside->pkey, EVP_PKEY_verify_init, RSA_PKCS1_PSS_PADDING, hash->name, mask->name, (int)salt),
            out, size, hashed, length));
        assert_ok(rsa_verify(fixture->session, &given, pair.public_key, hashed, length, out, size));
        sign_in_parts(fixture->session, &hashing, pair.private_key, 13);
        assert_ok(rsa_verify(fixture->session, &hashing, pair.public_key, text, TEXT, out, size));
        size = sizeof out;
        assert_ok(rsa_sign(fixture->session, &given, pair.private_key, hashed, length, out, &size));
        assert_true(outside_verifies(
            rsa_context(outside->pkey, EVP_PKEY_verify_init, RSA_PKCS1_PSS_PADDING, hash->name, mask->name, (int)salt),
            out, size, hashed, length));
        assert_int_equal(outside_signs(rsa_context(outside->pkey, EVP_PKEY_sign_init, RSA_PKCS1_PSS_PADDING, hash->name,
                                           mask->name, (int)salt),
                             signature, hashed, length),
            SIZE);
        if (hash == mask) {
            check_tampering(fixture->session, &hashing, pair.public_key, text, TEXT, signature);
            check_tampering(fixture->session, &given, pair.public_key, hashed, length, signature);
        }
        parameters.s_len = salt ? salt - 1 : 1; /* the salt's length is part of what is agreed */
        assert_rv(rsa_verify(fixture->session, &hashing, pair.public_key, text, TEXT, signature, SIZE),
            CKR_SIGNATURE_INVALID);
        parameters.s_len = salt;
        parameters.mgf = rsa_hashes[(i + 1) % RSA_HASHES].mask;
        assert_rv(rsa_verify(fixture->session, &hashing, pair.public_key, text, TEXT, signature, SIZE),
            CKR_SIGNATURE_INVALID);
    }
}

static void pss_takes_no_other_parameters(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_pair pair = rsa_signing(session, rsa_outside(2048));
    static const CK_RSA_PKCS_PSS_PARAMS wrong[] = {
        {CKM_SHA512, CKG_MGF1_SHA256, 32}, /* not what the mechanism hashes by */
        {CKM_SHA256_RSA_PKCS, CKG_MGF1_SHA256, 32},
        {CKM_MD5, CKG_MGF1_SHA256, 32},
        {0, CKG_MGF1_SHA256, 32},
        {CKM_SHA256, 0, 32},
        {CKM_SHA256, 10, 32},
        {CKM_SHA256, CKG_MGF1_SHA256, SIZE - 2 - 32 + 1},
        {CKM_SHA256, CKG_MGF1_SHA256, ~0UL},
        {CKM_SHA256, CKG_MGF1_SHA256, 1UL << 31},
    };
    CK_RSA_PKCS_PSS_PARAMS right = {CKM_SHA256, CKG_MGF1_SHA256, 32};
    CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS_PSS, &right, sizeof right};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        mechanism.pParameter = (void *)(uintptr_t)&wrong[i];
        assert_rv(p11->C_SignInit(session, &mechanism, pair.private_key), CKR_MECHANISM_PARAM_INVALID);
        assert_rv(p11->C_VerifyInit(session, &mechanism, pair.public_key), CKR_MECHANISM_PARAM_INVALID);
    }
    CK_MECHANISM lengths[] = {{CKM_SHA256_RSA_PKCS_PSS, NULL, 0}, {CKM_SHA256_RSA_PKCS_PSS, &right, sizeof right - 1},
        {CKM_SHA256_RSA_PKCS_PSS, &right, sizeof right + 1}, {CKM_RSA_PKCS_PSS, NULL, sizeof right},
        {CKM_SHA256_RSA_PKCS, &right, sizeof right}, {CKM_RSA_PKCS, &right, 1}, {CKM_RSA_X_509, &right, 1}};
    for (size_t i = 0; i < COUNT_OF(lengths); i++)
        assert_rv(p11->C_SignInit(session, &lengths[i], pair.private_key), CKR_MECHANISM_PARAM_INVALID);
    mechanism.pParameter = &right;
    assert_ok(p11->C_SignInit(session, &mechanism, pair.private_key));
}

static void pss_takes_a_hash_of_its_own_length_only(void **state)
{
    const struct module_fixture *fixture = *state;
    struct rsa_pair pair = rsa_signing(fixture->session, rsa_outside(2048));
    CK_RSA_PKCS_PSS_PARAMS parameters = {CKM_SHA256, CKG_MGF1_SHA256, 32};
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_PSS, &parameters, sizeof parameters};
    static const unsigned long wrong[] = {0, 20, 31, 33, 64};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        unsigned long size = sizeof out;
        assert_rv(
            rsa_sign(fixture->session, &mechanism, pair.private_key, text, wrong[i], out, &size), CKR_DATA_LEN_RANGE);
        assert_rv(
            rsa_verify(fixture->session, &mechanism, pair.public_key, text, wrong[i], out, SIZE), CKR_DATA_LEN_RANGE);
    }
}

static void what_is_hashed_outside_is_signed_as_it_is(void **state)
{
    const struct module_fixture *fixture = *state;
    struct rsa_outside *outside = rsa_outside(2048);
    struct rsa_pair pair = rsa_signing(fixture->session, outside);
    CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
    unsigned char data[SIZE], expected[RSA_ROOM];
    memset(data, 0x5a, sizeof data);
    static const unsigned long sizes[] = {0, 1, 20, 36, 51, 100, SIZE - 11};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        unsigned long size = sizeof out;
        EVP_PKEY_CTX *context = rsa_context(outside->pkey, EVP_PKEY_sign_init, RSA_PKCS1_PADDING, NULL, NULL, -1);
        assert_int_equal(outside_signs(context, expected, data, sizes[i]), SIZE);
        assert_ok(rsa_sign(fixture->session, &mechanism, pair.private_key, data, sizes[i], out, &size));
        assert_memory_equal(out, expected, SIZE);
        assert_ok(rsa_verify(fixture->session, &mechanism, pair.public_key, data, sizes[i], expected, SIZE));
        if (sizes[i] > 0) {
            check_tampering(fixture->session, &mechanism, pair.public_key, data, sizes[i], expected);
            assert_rv(rsa_verify(fixture->session, &mechanism, pair.public_key, data, sizes[i] - 1, expected, SIZE),
                CKR_SIGNATURE_INVALID);
        }
    }
    unsigned long size = sizeof out;
    assert_rv(
        rsa_sign(fixture->session, &mechanism, pair.private_key, data, SIZE - 10, out, &size), CKR_DATA_LEN_RANGE);
    assert_rv(
        rsa_verify(fixture->session, &mechanism, pair.public_key, data, SIZE - 10, expected, SIZE), CKR_DATA_LEN_RANGE);
}

/* Of a hash with its name in front, the bare mechanism makes the same signature as the hashing one. */
static void a_digest_info_gives_the_signature_of_its_hash(void **state)
{
    const struct module_fixture *fixture = *state;
    struct rsa_pair pair = rsa_signing(fixture->session, rsa_outside(2048));
    static const unsigned char prefix[] = {/* SHA-256: RFC 8017, 9.2, note 1 */
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04,
        0x20};
    unsigned char info[sizeof prefix + 32], other[RSA_ROOM];
    memcpy(info, prefix, sizeof prefix);
    (void)digest(&rsa_hashes[2], text, TEXT, info + sizeof prefix);
    CK_MECHANISM bare = {CKM_RSA_PKCS, NULL, 0}, hashing = {CKM_SHA256_RSA_PKCS, NULL, 0};
    unsigned long size = sizeof out, other_size = sizeof other;
    assert_ok(rsa_sign(fixture->session, &bare, pair.private_key, info, sizeof info, out, &size));
    assert_ok(rsa_sign(fixture->session, &hashing, pair.private_key, text, TEXT, other, &other_size));
    assert_memory_equal(out, other, SIZE);
}

static void bare_rsa_signs_a_number(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_outside *outside = rsa_outside(2048);
    struct rsa_pair pair = rsa_signing(session, outside);
    CK_MECHANISM mechanism = {CKM_RSA_X_509, NULL, 0};
    unsigned char wide[SIZE] = {0}, expected[RSA_ROOM];
    static const unsigned long sizes[] = {1, 32, SIZE - 1};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        unsigned long size = sizeof out;
        memset(wide, 0, SIZE - sizes[i]);
        memset(wide + SIZE - sizes[i], 0xa5, sizes[i]);
        EVP_PKEY_CTX *context = rsa_context(outside->pkey, EVP_PKEY_sign_init, RSA_NO_PADDING, NULL, NULL, -1);
        assert_int_equal(outside_signs(context, expected, wide, SIZE), SIZE);
        assert_ok(rsa_sign(session, &mechanism, pair.private_key, wide + SIZE - sizes[i], sizes[i], out, &size));
        assert_memory_equal(out, expected, SIZE);
        check_tampering(session, &mechanism, pair.public_key, wide + SIZE - sizes[i], sizes[i], expected);
        assert_ok(rsa_verify(session, &mechanism, pair.public_key, wide, SIZE, expected, SIZE));
    }
    unsigned long size = sizeof out;
    const struct rsa_number *modulus = &outside->numbers[0];
    assert_rv(rsa_sign(session, &mechanism, pair.private_key, modulus->bytes, SIZE, out, &size), CKR_DATA_INVALID);
    size = sizeof out;
    memset(wide, 0xff, SIZE);
    assert_rv(rsa_sign(session, &mechanism, pair.private_key, wide, SIZE, out, &size), CKR_DATA_INVALID);
    size = sizeof out;
    assert_rv(rsa_sign(session, &mechanism, pair.private_key, out, SIZE + 1, out, &size), CKR_DATA_LEN_RANGE);
}

static CK_RV sign_recover(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    const unsigned char *data, size_t size, unsigned char *signature)
{
    unsigned long room = RSA_ROOM;
    CK_RV rv = p11->C_SignRecoverInit(session, mechanism, key);
    return rv == CKR_OK ? p11->C_SignRecover(session, (unsigned char *)(uintptr_t)data, size, signature, &room) : rv;
}

static CK_RV verify_recover(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    unsigned char *signature, size_t size, unsigned long *recovered)
{
    CK_RV rv = p11->C_VerifyRecoverInit(session, mechanism, key);
    return rv == CKR_OK ? p11->C_VerifyRecover(session, signature, size, out, recovered) : rv;
}

static void signed_data_is_recovered(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_pair pair = rsa_signing(session, rsa_outside(2048));
    CK_MECHANISM pkcs = {CKM_RSA_PKCS, NULL, 0}, bare = {CKM_RSA_X_509, NULL, 0};
    unsigned char signature[RSA_ROOM], zero[SIZE] = {0};
    unsigned long size = sizeof out;
    assert_ok(sign_recover(session, &pkcs, pair.private_key, text, 100, signature));
    assert_ok(verify_recover(session, &pkcs, pair.public_key, signature, SIZE, &size));
    assert_int_equal(size, 100);
    assert_memory_equal(out, text, 100);
    signature[9] ^= 4;
    size = sizeof out;
    assert_rv(verify_recover(session, &pkcs, pair.public_key, signature, SIZE, &size), CKR_SIGNATURE_INVALID);
    assert_rv(verify_recover(session, &pkcs, pair.public_key, signature, SIZE - 1, &size), CKR_SIGNATURE_LEN_RANGE);
    assert_rv(sign_recover(session, &pkcs, pair.private_key, signature, SIZE - 10, signature), CKR_DATA_LEN_RANGE);
    assert_ok(sign_recover(session, &bare, pair.private_key, text, 100, signature));
    size = sizeof out;
    assert_ok(verify_recover(session, &bare, pair.public_key, signature, SIZE, &size));
    assert_int_equal(size, SIZE);
    assert_memory_equal(out, zero, SIZE - 100);
    assert_memory_equal(out + SIZE - 100, text, 100);
    size = 0;
    assert_ok(p11->C_VerifyRecoverInit(session, &pkcs, pair.public_key));
    assert_ok(p11->C_VerifyRecover(session, signature, SIZE, NULL, &size));
    assert_int_equal(size, SIZE - 11);
}

static void length_queries_and_short_buffers_keep_the_operation(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_pair pair = rsa_signing(session, rsa_outside(2048));
    CK_MECHANISM mechanisms[] = {{CKM_RSA_PKCS, NULL, 0}, {CKM_SHA256_RSA_PKCS, NULL, 0}};
    unsigned char *data = (unsigned char *)(uintptr_t)text;
    for (int i = 0; i < 2; i++) {
        unsigned long size = 0, small = SIZE - 1;
        assert_ok(p11->C_SignInit(session, &mechanisms[i], pair.private_key));
        assert_ok(p11->C_Sign(session, data, 50, NULL, &size));
        assert_int_equal(size, SIZE);
        memset(out, 0xee, sizeof out);
        assert_rv(p11->C_Sign(session, data, 50, out, &small), CKR_BUFFER_TOO_SMALL);
        assert_int_equal(small, SIZE);
        assert_int_equal(out[0], 0xee);
        assert_ok(p11->C_Sign(session, data, 50, out, &size));
        assert_ok(rsa_verify(session, &mechanisms[i], pair.public_key, text, 50, out, SIZE));
        assert_rv(p11->C_Sign(session, data, 50, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    }
    assert_ok(p11->C_SignInit(session, &mechanisms[0], pair.private_key));
    assert_rv(p11->C_SignUpdate(session, data, 50), CKR_FUNCTION_NOT_SUPPORTED); /* it comes whole */
}

static double processor_seconds(void)
{
    struct timespec time;
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time), 0);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* A signature takes a thousand times as long as what these calls do: all of them take less than a few. */
static void length_queries_and_short_buffers_compute_nothing(void **state)
{
    enum { CALLS = 500, SIGNATURES = 20 };
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_pair pair = rsa_signing(session, rsa_outside(2048));
    CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS, NULL, 0};
    unsigned char *data = (unsigned char *)(uintptr_t)text;
    unsigned long size = sizeof out;
    assert_ok(rsa_sign(session, &mechanism, pair.private_key, text, 50, out, &size)); /* the key is open from here on */
    double begun = processor_seconds();
    for (int i = 0; i < SIGNATURES; i++)
        assert_ok(rsa_sign(session, &mechanism, pair.private_key, text, 50, out, &size));
    double signing = processor_seconds() - begun;
    assert_ok(p11->C_SignInit(session, &mechanism, pair.private_key));
    begun = processor_seconds();
    for (int i = 0; i < CALLS; i++) {
        unsigned long queried = 0, small = SIZE - 1;
        assert_ok(p11->C_Sign(session, data, 50, NULL, &queried));
        assert_rv(p11->C_Sign(session, data, 50, out, &small), CKR_BUFFER_TOO_SMALL);
    }
    double asking = processor_seconds() - begun;
    if (asking > signing)
        fail_msg("%d calls took %.6f s, %d signatures %.6f s", 2 * CALLS, asking, SIGNATURES, signing);
}

/* The context stays with the key: what another mechanism, another hash or a refusal left there must not show. */
static void mechanisms_take_turns_on_one_key(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct rsa_pair pair = rsa_signing(session, rsa_outside(2048));
    CK_RSA_PKCS_PSS_PARAMS parameters = {CKM_SHA384, CKG_MGF1_SHA384, 48};
    CK_MECHANISM turns[] = {{CKM_SHA256_RSA_PKCS, NULL, 0}, {CKM_SHA512_RSA_PKCS, NULL, 0},
        {CKM_SHA384_RSA_PKCS_PSS, &parameters, sizeof parameters}, {CKM_RSA_PKCS, NULL, 0}, {CKM_RSA_X_509, NULL, 0}};
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < COUNT_OF(turns); i++) {
            unsigned long size = sizeof out;
            assert_ok(rsa_sign(session, &turns[i], pair.private_key, text, 48, out, &size));
            assert_ok(rsa_verify(session, &turns[i], pair.public_key, text, 48, out, size));
            assert_rv(rsa_verify(session, &turns[i], pair.public_key, text + 1, 48, out, size), CKR_SIGNATURE_INVALID);
            assert_ok(p11->C_SignInit(session, &turns[0], pair.private_key)); /* begun, fed and left */
            assert_ok(p11->C_SignUpdate(session, (unsigned char *)(uintptr_t)text, 48));
            assert_ok(p11->C_SignInit(session, NULL, 0));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(pkcs1_agrees_with_openssl_for_every_hash),
        MODULE_TEST(hashes_are_told_apart),
        MODULE_TEST(pss_agrees_with_openssl_for_every_hash_mask_and_salt),
        MODULE_TEST(pss_takes_no_other_parameters),
        MODULE_TEST(pss_takes_a_hash_of_its_own_length_only),
        MODULE_TEST(what_is_hashed_outside_is_signed_as_it_is),
        MODULE_TEST(a_digest_info_gives_the_signature_of_its_hash),
        MODULE_TEST(bare_rsa_signs_a_number),
        MODULE_TEST(signed_data_is_recovered),
        MODULE_TEST(length_queries_and_short_buffers_keep_the_operation),
        MODULE_TEST(length_queries_and_short_buffers_compute_nothing),
        MODULE_TEST(mechanisms_take_turns_on_one_key),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
