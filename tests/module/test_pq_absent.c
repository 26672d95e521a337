/* Where OpenSSL is older than 3.5 the token has no post-quantum algorithm, and says so in every place. */
#include <stdio.h>

#include "pq_keys.h"

static const CK_MECHANISM_TYPE mechanisms[] = {
    CKM_ML_KEM_KEY_PAIR_GEN, CKM_ML_KEM, CKM_ML_DSA_KEY_PAIR_GEN, CKM_ML_DSA, CKM_SLH_DSA_KEY_PAIR_GEN, CKM_SLH_DSA};

static void the_list_has_none(void **state)
{
    (void)state;
    CK_MECHANISM_TYPE list[512];
    CK_MECHANISM_INFO info;
    unsigned long count = COUNT_OF(list);
    assert_ok(p11->C_GetMechanismList(0, list, &count));
    assert_true(count > 100);
    for (size_t i = 0; i < COUNT_OF(mechanisms); i++) {
        for (unsigned long j = 0; j < count; j++)
            assert_int_not_equal(list[j], mechanisms[i]);
        assert_rv(p11->C_GetMechanismInfo(0, mechanisms[i], &info), CKR_MECHANISM_INVALID);
    }
}

static void no_key_is_made(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    static struct pq_bytes bytes;
    CK_OBJECT_HANDLE key = 0, other = 0;
    for (int set = 0; set < PQ_SETS; set++) {
        CK_MECHANISM mechanism = {pq_generation(set), NULL, 0};
        CK_ATTRIBUTE template[] = {ATTRIBUTE(CKA_PARAMETER_SET, pq_sets[set].number)};
        assert_rv(
            p11->C_GenerateKeyPair(session, &mechanism, template, 1, NULL, 0, &key, &other), CKR_MECHANISM_INVALID);
        bytes.size = pq_sets[set].public_size;
        assert_rv(pq_create_public(session, set, &bytes, NULL, &key), CKR_ATTRIBUTE_VALUE_INVALID);
        bytes.size = pq_sets[set].private_size;
        assert_rv(pq_create_private(session, set, NULL, &bytes, NULL, &key), CKR_ATTRIBUTE_VALUE_INVALID);
        bytes.size = 32;
        assert_rv(pq_create_private(session, set, &bytes, NULL, NULL, &key), CKR_ATTRIBUTE_VALUE_INVALID);
    }
    assert_int_equal(key, 0);
}

/* The numbers are not taken for another mechanism's. */
static void no_function_knows_them(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    CK_MECHANISM kem = {CKM_ML_KEM, NULL, 0}, dsa = {CKM_ML_DSA, NULL, 0};
    unsigned char out[64] = {0};
    unsigned long size = sizeof out;
    CK_OBJECT_HANDLE key = 0, secret = 0;
    assert_ok(module_secret(session, false, false, true, "a", &secret));
    assert_rv(p11_32->C_EncapsulateKey(session, &kem, secret, NULL, 0, out, &size, &key), CKR_MECHANISM_INVALID);
    assert_rv(p11_32->C_DecapsulateKey(session, &kem, secret, NULL, 0, out, size, &key), CKR_MECHANISM_INVALID);
    assert_rv(p11->C_SignInit(session, &dsa, secret), CKR_MECHANISM_INVALID);
    assert_rv(p11_32->C_VerifySignatureInit(session, &dsa, secret, out, size), CKR_MECHANISM_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(the_list_has_none),
        MODULE_TEST(no_key_is_made),
        MODULE_TEST(no_function_knows_them),
    };
    if (pq_here()) {
        (void)fprintf(stderr, "SKIPPED: an OpenSSL older than 3.5 is missing\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, module_load, NULL);
}
