/* The order of an operation's calls, and which keys it takes. */
#include "module_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static CK_MECHANISM seal = {CKM_BULLA_SEAL, NULL, 0}, infer = {CKM_BULLA_INFER, NULL, 0},
                    attest = {CKM_BULLA_ATTEST, NULL, 0}, make = {CKM_BULLA_MODEL_KEY_GEN, NULL, 0};
static unsigned char in[64], out[1 << 16];

static CK_OBJECT_HANDLE model_key(CK_SESSION_HANDLE session, bool on_token)
{
    CK_BBOOL token_flag = on_token;
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_TOKEN, token_flag), TEXT_ATTRIBUTE(CKA_LABEL, "model")};
    assert_ok(p11->C_GenerateKey(session, &make, attributes, 2, &key));
    return key;
}

static CK_OBJECT_HANDLE receipt_key(CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_private), TEXT_ATTRIBUTE(CKA_ID, "receipt")};
    assert_int_equal(module_find(session, attributes, 2, &key), 1);
    return key;
}

/* The first two bytes of an archive's size: too few for anything to come out. */
static CK_RV begin_archive(CK_SESSION_HANDLE session)
{
    unsigned long size = sizeof out;
    memset(in, 0, sizeof in);
    return p11->C_EncryptUpdate(session, in, 2, out, &size);
}

static void length_queries_and_short_buffers_keep_the_operation(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    assert_ok(p11->C_EncryptInit(session, &seal, model_key(session, true)));
    for (int i = 0; i < 3; i++) {
        unsigned long size = 0, small = 1;
        assert_ok(p11->C_EncryptUpdate(session, in, sizeof in, NULL, &size));
        assert_true(size >= sizeof in);
        memset(out, 0xaa, 16);
        assert_rv(p11->C_EncryptUpdate(session, in, sizeof in, out, &small), CKR_BUFFER_TOO_SMALL);
        assert_int_equal(small, size);
        assert_int_equal(out[0], 0xaa);
        assert_rv(p11->C_EncryptInit(session, &seal, 1), CKR_OPERATION_ACTIVE);
    }
    assert_ok(begin_archive(session));
}

static void an_error_ends_the_operation(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key = model_key(session, true);
    unsigned long size = sizeof out;
    memset(in, 0xff, sizeof in); /* a manifest of 4 GiB */
    assert_ok(p11->C_EncryptInit(session, &seal, key));
    assert_int_not_equal(p11->C_EncryptUpdate(session, in, sizeof in, out, &size), CKR_OK);
    assert_rv(p11->C_EncryptUpdate(session, in, sizeof in, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(p11->C_EncryptInit(session, &seal, key));
    assert_ok(begin_archive(session));
    size = sizeof out;
    assert_int_not_equal(p11->C_EncryptFinal(session, out, &size), CKR_OK); /* half an archive */
    assert_rv(p11->C_EncryptFinal(session, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(p11->C_EncryptInit(session, &seal, key));
    assert_rv(p11->C_EncryptUpdate(session, in, 8, out, NULL), CKR_ARGUMENTS_BAD);
    assert_rv(p11->C_EncryptFinal(session, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(p11->C_EncryptInit(session, &seal, key));
    assert_rv(p11->C_EncryptUpdate(session, NULL, 8, out, &size), CKR_ARGUMENTS_BAD);
    assert_rv(p11->C_EncryptFinal(session, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(p11->C_EncryptInit(session, &seal, key));
    assert_int_not_equal(p11->C_EncryptUpdate(session, in, ~0UL, out, &size), CKR_OK); /* a length that wraps */
    assert_rv(p11->C_EncryptFinal(session, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    unsigned long generation = 1;
    size = sizeof generation;
    CK_RV rv = module_get(session, key, CKA_BULLA_GENERATION, &generation, &size);
    assert_true(rv == CKR_ATTRIBUTE_TYPE_INVALID || generation == 0); /* nothing was sealed */
}

static void a_one_shot_does_not_follow_an_update(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    unsigned long size = sizeof out;
    assert_ok(p11->C_EncryptInit(session, &seal, model_key(session, true)));
    assert_ok(begin_archive(session));
    assert_rv(p11->C_Encrypt(session, in, sizeof in, out, &size), CKR_OPERATION_ACTIVE);
}

static void operations_are_cancelled_by_a_null_mechanism_or_a_cancel(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key = model_key(session, true);
    unsigned long size = sizeof out;
    assert_ok(p11->C_EncryptInit(session, NULL, 0)); /* nothing to cancel */
    assert_ok(p11->C_EncryptInit(session, &seal, key));
    assert_ok(p11->C_EncryptInit(session, NULL, 0));
    assert_rv(p11->C_EncryptFinal(session, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(p11->C_EncryptInit(session, &seal, key));
    assert_ok(p11->C_SignInit(session, &attest, receipt_key(session))); /* each function has a place of its own */
    assert_ok(p11_3->C_SessionCancel(session, CKF_ENCRYPT));
    assert_rv(p11->C_EncryptFinal(session, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(p11->C_SignInit(session, &attest, key), CKR_OPERATION_ACTIVE);
    assert_ok(p11_3->C_SessionCancel(session, CKF_SIGN));
    assert_rv(p11->C_Sign(session, in, 8, out, &size), CKR_OPERATION_NOT_INITIALIZED);
}

static void keys_and_mechanisms_must_fit(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key = model_key(session, true), secret = 0, data = module_data(session, true, true, "data", "x");
    CK_MECHANISM none = {0x12345678, NULL, 0};
    assert_ok(module_secret(session, true, true, false, "secret", &secret));
    assert_rv(p11->C_EncryptInit(session, &none, key), CKR_MECHANISM_INVALID);
    assert_rv(p11->C_EncryptInit(session, &infer, key), CKR_MECHANISM_INVALID);
    assert_rv(p11->C_DecryptInit(session, &seal, key), CKR_MECHANISM_INVALID);
    assert_rv(p11->C_EncryptInit(session, &make, key), CKR_MECHANISM_INVALID);
    assert_rv(p11->C_EncryptInit(session, &seal, key + 1000), CKR_KEY_HANDLE_INVALID);
    assert_rv(p11->C_EncryptInit(session, &seal, data), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(p11->C_EncryptInit(session, &seal, receipt_key(session)), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(p11->C_SignInit(session, &attest, key), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(p11->C_EncryptInit(session, &seal, secret), CKR_KEY_FUNCTION_NOT_PERMITTED);
    CK_ATTRIBUTE encrypt = ATTRIBUTE(CKA_ENCRYPT, no);
    assert_ok(p11->C_SetAttributeValue(session, key, &encrypt, 1));
    assert_rv(p11->C_EncryptInit(session, &seal, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    unsigned long size = sizeof out;
    assert_rv(p11->C_EncryptFinal(session, out, &size), CKR_OPERATION_NOT_INITIALIZED); /* nothing was begun */
}

/* A key from outside that claims to be a model key, of a length that none has. */
static void an_imported_key_seals_nothing(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_MECHANISM_TYPE allowed[] = {CKM_BULLA_SEAL, CKM_BULLA_INFER};
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, type),
        ATTRIBUTE(CKA_TOKEN, yes), ATTRIBUTE(CKA_ENCRYPT, yes), ATTRIBUTE(CKA_DECRYPT, yes),
        ATTRIBUTE(CKA_ALLOWED_MECHANISMS, allowed), TEXT_ATTRIBUTE(CKA_VALUE, "short")};
    CK_RV rv = p11->C_CreateObject(fixture->session, attributes, COUNT_OF(attributes), &key);
    if (rv == CKR_OK)
        rv = p11->C_EncryptInit(fixture->session, &seal, key);
    assert_int_not_equal(rv, CKR_OK);
}

static void vendor_mechanisms_take_no_parameter(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key = model_key(session, true), made = 0;
    CK_MECHANISM with[] = {{CKM_BULLA_SEAL, in, 4}, {CKM_BULLA_SEAL, NULL, 4}, {CKM_BULLA_SEAL, in, 0}};
    for (size_t i = 0; i < COUNT_OF(with); i++)
        assert_rv(p11->C_EncryptInit(session, &with[i], key), CKR_MECHANISM_PARAM_INVALID);
    CK_MECHANISM attest_with = {CKM_BULLA_ATTEST, in, 4}, make_with = {CKM_BULLA_MODEL_KEY_GEN, in, 4};
    assert_rv(p11->C_SignInit(session, &attest_with, receipt_key(session)), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(p11->C_GenerateKey(session, &make_with, NULL, 0, &made), CKR_MECHANISM_PARAM_INVALID);
    assert_int_equal(made, 0);
}

static void nothing_is_inferred_before_anything_is_sealed(void **state)
{
    const struct module_fixture *fixture = *state;
    unsigned long size = sizeof out;
    assert_int_not_equal(p11->C_DecryptInit(fixture->session, &infer, model_key(fixture->session, true)), CKR_OK);
    assert_rv(p11->C_Decrypt(fixture->session, in, 8, out, &size), CKR_OPERATION_NOT_INITIALIZED);
}

static void without_a_tpm_nothing_is_attested(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    unsigned long size = 0;
    static const unsigned long wrong[] = {0, 7, 65};
    assert_ok(p11->C_SignInit(session, &attest, receipt_key(session)));
    assert_ok(p11->C_Sign(session, in, 8, NULL, &size));
    assert_true(size <= sizeof out);
    size = sizeof out;
    assert_rv(p11->C_Sign(session, in, 8, out, &size), CKR_FUNCTION_REJECTED);
    assert_rv(p11->C_Sign(session, in, 8, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        size = sizeof out;
        assert_ok(p11->C_SignInit(session, &attest, receipt_key(session)));
        assert_rv(p11->C_Sign(session, in, wrong[i], out, &size), CKR_DATA_LEN_RANGE);
        assert_rv(p11->C_Sign(session, in, 8, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    }
    assert_ok(p11->C_SignInit(session, &attest, receipt_key(session)));
    assert_rv(p11->C_SignUpdate(session, in, 8), CKR_FUNCTION_NOT_SUPPORTED); /* a nonce comes whole */
}

static void an_operation_outlives_its_key_but_not_the_login(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE first = fixture->session, second = module_session(0, CKF_RW_SESSION);
    CK_OBJECT_HANDLE key = model_key(first, true);
    unsigned long size = 0;
    assert_ok(p11->C_EncryptInit(first, &seal, key));
    assert_ok(p11->C_DestroyObject(first, key));
    assert_ok(p11->C_EncryptUpdate(first, in, 8, NULL, &size));
    assert_ok(begin_archive(first));
    assert_ok(p11->C_EncryptInit(second, &seal, model_key(first, true)));
    assert_ok(p11->C_Logout(first));
    size = sizeof out;
    assert_rv(p11->C_EncryptFinal(first, out, &size), CKR_OPERATION_NOT_INITIALIZED);
    CK_RV rv = begin_archive(second); /* of another session of the same login */
    assert_true(rv == CKR_OPERATION_NOT_INITIALIZED || rv == CKR_USER_NOT_LOGGED_IN);
    assert_rv(begin_archive(second), CKR_OPERATION_NOT_INITIALIZED);
}

static void status_objects_are_found_by_their_class_only(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_CLASS status_class = CKO_BULLA_STATUS;
    CK_ATTRIBUTE wanted = ATTRIBUTE(CKA_CLASS, status_class), label = TEXT_ATTRIBUTE(CKA_LABEL, "status");
    CK_OBJECT_HANDLE object = 0;
    unsigned long size = sizeof out;
    assert_int_equal(module_find_label(session, "status", NULL), 0);
    assert_int_equal(module_find(session, &wanted, 1, &object), 2);
    assert_ok(module_get(session, object, CKA_VALUE, out, &size));
    assert_true(size > 2 && out[0] == '{' && out[size - 1] == '}');
    assert_int_equal(module_find(session, &wanted, 1, NULL), 2); /* fresh ones, not more */
    assert_int_equal(module_find_label(session, "status", NULL), 0);
    assert_int_equal(module_find(session, &wanted, 1, &object), 2);
    assert_rv(p11->C_SetAttributeValue(session, object, &label, 1), CKR_ACTION_PROHIBITED);
    CK_OBJECT_HANDLE copy = 0;
    assert_int_not_equal(p11->C_CopyObject(session, object, NULL, 0, &copy), CKR_OK);
}

static void random_is_not_the_same_twice(void **state)
{
    const struct module_fixture *fixture = *state;
    unsigned char a[32] = {0}, b[32] = {0}, zero[32] = {0};
    assert_ok(p11->C_GenerateRandom(fixture->session, a, 32));
    assert_ok(p11->C_GenerateRandom(fixture->session, b, 32));
    assert_memory_not_equal(a, b, 32);
    assert_memory_not_equal(a, zero, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(length_queries_and_short_buffers_keep_the_operation),
        MODULE_TEST(an_error_ends_the_operation),
        MODULE_TEST(a_one_shot_does_not_follow_an_update),
        MODULE_TEST(operations_are_cancelled_by_a_null_mechanism_or_a_cancel),
        MODULE_TEST(keys_and_mechanisms_must_fit),
        MODULE_TEST(an_imported_key_seals_nothing),
        MODULE_TEST(vendor_mechanisms_take_no_parameter),
        MODULE_TEST(nothing_is_inferred_before_anything_is_sealed),
        MODULE_TEST(without_a_tpm_nothing_is_attested),
        MODULE_TEST(an_operation_outlives_its_key_but_not_the_login),
        MODULE_TEST(status_objects_are_found_by_their_class_only),
        MODULE_TEST(random_is_not_the_same_twice),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
