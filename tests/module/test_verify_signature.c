/* C_VerifySignatureInit and what follows it: the signature comes first. It verifies what C_Verify verifies. */
#include <openssl/rand.h>

#include "cipher_fixture.h"
#include "ec_keys.h"
#include "rsa_support.h"

enum { WHOLE_ONLY, WITH_PARTS };

/* A key of each kind that verifies, and a signature of the message by it. */
struct signer {
    CK_MECHANISM mechanism;
    int parts;
    CK_OBJECT_HANDLE sign, verify;
    unsigned char signature[1024];
    unsigned long size;
};
static unsigned char message[] = "what was signed, in thirty-two b";
enum { MESSAGE = sizeof message - 1 };

static void sign(CK_SESSION_HANDLE session, struct signer *signer)
{
    signer->size = sizeof signer->signature;
    assert_ok(p11->C_SignInit(session, &signer->mechanism, signer->sign));
    assert_ok(p11->C_Sign(session, message, MESSAGE, signer->signature, &signer->size));
}

enum { SIGNERS = 5 };
static void make(CK_SESSION_HANDLE session, struct signer signers[static SIGNERS])
{
    struct rsa_pair rsa = rsa_signing(session, rsa_outside(2048));
    struct ec_pair p256 = ec_generate(session, EC_P256), ed25519 = ec_generate(session, EC_ED25519);
    CK_OBJECT_HANDLE generic = cipher_key(session, CKK_GENERIC_SECRET, message, 16);
    const struct signer all[SIGNERS] = {
        {{CKM_SHA256_RSA_PKCS, NULL, 0}, WITH_PARTS, rsa.private_key, rsa.public_key, {0}, 0},
        {{CKM_RSA_PKCS, NULL, 0}, WHOLE_ONLY, rsa.private_key, rsa.public_key, {0}, 0},
        {{CKM_ECDSA_SHA256, NULL, 0}, WITH_PARTS, p256.private_key, p256.public_key, {0}, 0},
        {{CKM_EDDSA, NULL, 0}, WITH_PARTS, ed25519.private_key, ed25519.public_key, {0}, 0},
        {{CKM_SHA256_HMAC, NULL, 0}, WITH_PARTS, generic, generic, {0}, 0},
    };
    memcpy(signers, all, sizeof all);
    for (int i = 0; i < SIGNERS; i++)
        sign(session, &signers[i]);
}
#define FOR_EACH_SIGNER(signer)                                                                                        \
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;                                      \
    struct signer signers[SIGNERS];                                                                                    \
    make(session, signers);                                                                                            \
    for (struct signer *signer = signers; signer < signers + SIGNERS; signer++)

static CK_RV begin(CK_SESSION_HANDLE session, struct signer *signer)
{
    return p11_32->C_VerifySignatureInit(session, &signer->mechanism, signer->verify, signer->signature, signer->size);
}

static CK_RV whole(CK_SESSION_HANDLE session, struct signer *signer, unsigned char *data, unsigned long size)
{
    assert_ok(begin(session, signer));
    return p11_32->C_VerifySignature(session, data, size);
}

static CK_RV in_parts(CK_SESSION_HANDLE session, struct signer *signer, unsigned char *data, unsigned long size)
{
    assert_ok(begin(session, signer));
    for (unsigned long at = 0; at < size; at += 5)
        assert_ok(p11_32->C_VerifySignatureUpdate(session, data + at, size - at < 5 ? size - at : 5));
    return p11_32->C_VerifySignatureFinal(session);
}

static void what_was_signed_verifies(void **state)
{
    FOR_EACH_SIGNER(signer)
    {
        assert_ok(whole(session, signer, message, MESSAGE));
        if (signer->parts == WITH_PARTS)
            assert_ok(in_parts(session, signer, message, MESSAGE));
        assert_rv(p11_32->C_VerifySignature(session, message, MESSAGE), CKR_OPERATION_NOT_INITIALIZED);
    }
}

static void what_was_changed_does_not(void **state)
{
    unsigned char changed[MESSAGE];
    memcpy(changed, message, MESSAGE);
    changed[31] ^= 1;
    FOR_EACH_SIGNER(signer)
    {
        assert_rv(whole(session, signer, changed, MESSAGE), CKR_SIGNATURE_INVALID);
        if (signer->parts == WITH_PARTS)
            assert_rv(in_parts(session, signer, changed, MESSAGE), CKR_SIGNATURE_INVALID);
        signer->signature[signer->size / 2] ^= 1;
        assert_rv(whole(session, signer, message, MESSAGE), CKR_SIGNATURE_INVALID);
        signer->signature[signer->size / 2] ^= 1;
        signer->size--;
        assert_rv(whole(session, signer, message, MESSAGE), CKR_SIGNATURE_LEN_RANGE);
        signer->size = 0;
        assert_rv(whole(session, signer, message, MESSAGE), CKR_SIGNATURE_LEN_RANGE);
        /* and it is over after each of them */
        assert_rv(p11_32->C_VerifySignatureFinal(session), CKR_OPERATION_NOT_INITIALIZED);
    }
}

/* The caller may do with his memory what he likes after Init. */
static void the_signature_is_kept(void **state)
{
    FOR_EACH_SIGNER(signer)
    {
        assert_ok(begin(session, signer));
        memset(signer->signature, 0, sizeof signer->signature);
        assert_ok(p11_32->C_VerifySignature(session, message, MESSAGE));
    }
}

static void the_two_ways_of_verifying_do_not_mix(void **state)
{
    FOR_EACH_SIGNER(signer)
    {
        assert_ok(begin(session, signer));
        assert_rv(
            p11->C_Verify(session, message, MESSAGE, signer->signature, signer->size), CKR_OPERATION_NOT_INITIALIZED);
        assert_rv(p11->C_VerifyUpdate(session, message, MESSAGE), CKR_OPERATION_NOT_INITIALIZED);
        assert_rv(p11->C_VerifyFinal(session, signer->signature, signer->size), CKR_OPERATION_NOT_INITIALIZED);
        assert_rv(p11->C_VerifyInit(session, &signer->mechanism, signer->verify), CKR_OPERATION_ACTIVE);
        assert_ok(p11_32->C_VerifySignature(session, message, MESSAGE)); /* none of them has ended it */
        assert_ok(p11->C_VerifyInit(session, &signer->mechanism, signer->verify));
        assert_rv(p11_32->C_VerifySignature(session, message, MESSAGE), CKR_OPERATION_NOT_INITIALIZED);
        assert_rv(p11_32->C_VerifySignatureUpdate(session, message, MESSAGE), CKR_OPERATION_NOT_INITIALIZED);
        assert_rv(p11_32->C_VerifySignatureFinal(session), CKR_OPERATION_NOT_INITIALIZED);
        assert_rv(begin(session, signer), CKR_OPERATION_ACTIVE);
        assert_ok(p11->C_Verify(session, message, MESSAGE, signer->signature, signer->size));
    }
}

static void wrong_orders_end_it(void **state)
{
    FOR_EACH_SIGNER(signer)
    {
        assert_ok(begin(session, signer));
        assert_rv(p11_32->C_VerifySignature(session, NULL, 1), CKR_ARGUMENTS_BAD);
        assert_rv(p11_32->C_VerifySignature(session, message, MESSAGE), CKR_OPERATION_NOT_INITIALIZED);
        assert_ok(begin(session, signer));
        assert_rv(p11_32->C_VerifySignature(session, message, ~0UL), CKR_DATA_LEN_RANGE); /* no memory has that */
        assert_rv(p11_32->C_VerifySignature(session, message, MESSAGE), CKR_OPERATION_NOT_INITIALIZED);
        assert_ok(begin(session, signer));
        if (signer->parts == WHOLE_ONLY) {
            assert_rv(p11_32->C_VerifySignatureUpdate(session, message, 5), CKR_FUNCTION_NOT_SUPPORTED);
            continue;
        }
        assert_ok(p11_32->C_VerifySignatureUpdate(session, message, 5));
        assert_rv(p11_32->C_VerifySignature(session, message, MESSAGE), CKR_OPERATION_ACTIVE);
        assert_rv(p11_32->C_VerifySignatureFinal(session), CKR_OPERATION_NOT_INITIALIZED);
    }
}

static void it_is_cancelled_like_any_other(void **state)
{
    FOR_EACH_SIGNER(signer)
    {
        assert_ok(begin(session, signer));
        assert_ok(p11_32->C_VerifySignatureInit(session, NULL, 0, NULL, 0));
        assert_rv(p11_32->C_VerifySignature(session, message, MESSAGE), CKR_OPERATION_NOT_INITIALIZED);
        assert_ok(begin(session, signer));
        assert_ok(p11_3->C_SessionCancel(session, CKF_VERIFY));
        assert_rv(p11_32->C_VerifySignature(session, message, MESSAGE), CKR_OPERATION_NOT_INITIALIZED);
        assert_ok(whole(session, signer, message, MESSAGE));
    }
}

static void init_looks_at_what_it_is_given(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static unsigned char long_one[(1 << 16) + 1];
    CK_OBJECT_HANDLE key = cipher_key(session, CKK_GENERIC_SECRET, message, 16);
    CK_MECHANISM mechanism = {CKM_SHA256_HMAC, NULL, 0}, digest = {CKM_SHA256, NULL, 0};
    assert_rv(p11_32->C_VerifySignatureInit(session, &mechanism, key, NULL, 32), CKR_ARGUMENTS_BAD);
    assert_rv(p11_32->C_VerifySignatureInit(session, &mechanism, key, NULL, 0), CKR_ARGUMENTS_BAD);
    assert_rv(
        p11_32->C_VerifySignatureInit(session, &mechanism, key, long_one, sizeof long_one), CKR_SIGNATURE_LEN_RANGE);
    assert_rv(p11_32->C_VerifySignatureInit(session, &mechanism, key, message, ~0UL), CKR_SIGNATURE_LEN_RANGE);
    assert_rv(p11_32->C_VerifySignatureInit(session, &digest, key, message, 32), CKR_MECHANISM_INVALID);
    assert_rv(p11_32->C_VerifySignatureFinal(session), CKR_OPERATION_NOT_INITIALIZED);
}

/* C_DecryptVerifyUpdate goes with C_VerifyInit. */
static void a_dual_function_does_not_go_on_with_it(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    CK_OBJECT_HANDLE generic = cipher_key(session, CKK_GENERIC_SECRET, message, 16),
                     aes = cipher_key(session, CKK_AES, message, 16);
    CK_MECHANISM mechanism = {CKM_SHA256_HMAC, NULL, 0}, ecb = {CKM_AES_ECB, NULL, 0};
    unsigned char out[64];
    unsigned long size = sizeof out;
    assert_ok(p11->C_DecryptInit(session, &ecb, aes));
    assert_ok(p11_32->C_VerifySignatureInit(session, &mechanism, generic, message, 32));
    assert_rv(p11->C_DecryptVerifyUpdate(session, message, 32, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(p11_32->C_VerifySignature(session, message, MESSAGE), CKR_SIGNATURE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(what_was_signed_verifies),
        MODULE_TEST(what_was_changed_does_not),
        MODULE_TEST(the_signature_is_kept),
        MODULE_TEST(the_two_ways_of_verifying_do_not_mix),
        MODULE_TEST(wrong_orders_end_it),
        MODULE_TEST(it_is_cancelled_like_any_other),
        MODULE_TEST(init_looks_at_what_it_is_given),
        MODULE_TEST(a_dual_function_does_not_go_on_with_it),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
