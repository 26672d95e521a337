/* Every function with what a careless caller gives it: before C_Initialize, with handles that are none, with NULL
 * wherever a pointer is taken. None may do anything but answer with the code that the standard has. */
#include "function_rows.h"

#include <stdio.h>
#include <stdlib.h>

static void expect(const struct row *row, const char *when, const struct given *given, CK_RV expected)
{
    renew();
    if (!mechanism.mechanism)
        mechanism.mechanism = type_of(row);
    CK_RV rv = row->call(given);
    mechanism = (CK_MECHANISM){0, NULL, 0};
    if (rv != expected)
        fail_msg("%s %s: 0x%lx instead of 0x%lx", row->name, when, rv, expected);
}

/* 68, 24 and 12 functions, without C_Initialize, C_Finalize, and what needs no initialising: C_GetFunctionList,
 * C_GetInterfaceList, C_GetInterface. */
static void every_function_has_a_row(void **state)
{
    (void)state;
    assert_int_equal(rows_count, 68 + 24 + 12 - 5);
}

static void before_initialising_every_function_says_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < rows_count; i++)
        for (int null = 0; null < 2; null++) {
            struct given given = {1, 1, null ? EVERY : 0, 0};
            expect(&rows[i], null ? "with NULL, not initialised" : "not initialised", &given,
                rows[i].kind == LEGACY ? CKR_FUNCTION_NOT_PARALLEL : CKR_CRYPTOKI_NOT_INITIALIZED);
        }
}

static void a_session_that_is_none_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE closed = module_session(0, 0);
    assert_ok(p11->C_CloseSession(closed));
    const CK_SESSION_HANDLE none[] = {0, ~0UL, closed, fixture->session ^ 1, fixture->session + (1UL << 17)};
    for (size_t i = 0; i < rows_count; i++)
        for (size_t j = 0; j < COUNT_OF(none); j++)
            if (rows[i].kind == IN_SESSION || rows[i].kind == OPERATION) {
                struct given given = {none[j], 1, 0, 0};
                expect(&rows[i], "without a session", &given, CKR_SESSION_HANDLE_INVALID);
            }
}

static void null_is_refused_wherever_a_pointer_is_taken(void **state)
{
    const struct module_fixture *fixture = *state;
    struct given given = {fixture->session, 1, EVERY, 0};
    for (size_t i = 0; i < rows_count; i++)
        if (rows[i].null != NONE)
            expect(&rows[i], "with NULL", &given, rows[i].null);
}

/* Every function, with each of its pointers NULL and all others there; and none is left unnamed above. */
static void null_is_refused_for_each_pointer_alone(void **state)
{
    const struct module_fixture *fixture = *state;
    for (size_t i = 0; i < rows_count; i++) {
        struct given given = {fixture->session, 1, EVERY, 0};
        if (rows[i].null == NONE || rows[i].kind == OPERATION)
            continue;
        taken_pointers = 0;
        expect(&rows[i], "with NULL", &given, rows[i].null);
        for (unsigned n = 0, pointers = taken_pointers; pointers >> n; n++) {
            char what[32];
            (void)snprintf(what, sizeof what, "without pointer %u", n);
            given.null = 1U << n;
            expect(&rows[i], what, &given, expected_without(&rows[i], n));
        }
    }
}

struct keys {
    CK_OBJECT_HANDLE aes, mac, public_key, private_key;
};

static struct keys make_keys(CK_SESSION_HANDLE session)
{
    static CK_KEY_TYPE aes_type = CKK_AES, mac_type = CKK_GENERIC_SECRET;
    static CK_ULONG bits = 2048;
    CK_MECHANISM pair = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    struct keys keys = {0};
    CK_ATTRIBUTE secret[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes_type),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef")};
    CK_ATTRIBUTE public_key[] = {ATTRIBUTE(CKA_MODULUS_BITS, bits), ATTRIBUTE(CKA_VERIFY_RECOVER, yes)},
                 private_key[] = {ATTRIBUTE(CKA_SIGN_RECOVER, yes)};
    assert_ok(module_create(session, secret, 3, &keys.aes));
    secret[1].pValue = &mac_type;
    assert_ok(module_create(session, secret, 3, &keys.mac));
    assert_ok(
        p11->C_GenerateKeyPair(session, &pair, public_key, 2, private_key, 1, &keys.public_key, &keys.private_key));
    return keys;
}

static void begin(CK_SESSION_HANDLE session, const struct keys *keys, CK_FLAGS operations)
{
    CK_AES_CTR_PARAMS block = {128, {0}};
    CK_MECHANISM ctr = {CKM_AES_CTR, &block, sizeof block}, gcm = {CKM_AES_GCM, NULL, 0},
                 hmac = {CKM_SHA256_HMAC, NULL, 0}, sha = {CKM_SHA256, NULL, 0}, rsa = {CKM_RSA_PKCS, NULL, 0};
    if (operations & CKF_ENCRYPT)
        assert_ok(p11->C_EncryptInit(session, &ctr, keys->aes));
    if (operations & CKF_DECRYPT)
        assert_ok(p11->C_DecryptInit(session, &ctr, keys->aes));
    if (operations & CKF_DIGEST)
        assert_ok(p11->C_DigestInit(session, &sha));
    if (operations & CKF_SIGN)
        assert_ok(p11->C_SignInit(session, &hmac, keys->mac));
    if (operations & CKF_SIGN_RECOVER)
        assert_ok(p11->C_SignRecoverInit(session, &rsa, keys->private_key));
    if (operations & CKF_VERIFY_RECOVER)
        assert_ok(p11->C_VerifyRecoverInit(session, &rsa, keys->public_key));
    if (operations & CKF_MESSAGE_ENCRYPT)
        assert_ok(p11_3->C_MessageEncryptInit(session, &gcm, keys->aes));
    if (operations & CKF_MESSAGE_DECRYPT)
        assert_ok(p11_3->C_MessageDecryptInit(session, &gcm, keys->aes));
    if (operations & PROMISED)
        assert_ok(p11_32->C_VerifySignatureInit(session, &hmac, keys->mac, bytes, 32));
    else if (operations & CKF_VERIFY)
        assert_ok(p11->C_VerifyInit(session, &hmac, keys->mac));
}

/* The flags of C_SessionCancel, one by one: which of them are under way, and they end. */
static CK_FLAGS end_all(CK_SESSION_HANDLE session, const struct keys *keys, CK_FLAGS operations)
{
    CK_AES_CTR_PARAMS block = {128, {0}};
    CK_MECHANISM ctr = {CKM_AES_CTR, &block, sizeof block}, gcm = {CKM_AES_GCM, NULL, 0},
                 hmac = {CKM_SHA256_HMAC, NULL, 0}, sha = {CKM_SHA256, NULL, 0}, rsa = {CKM_RSA_PKCS, NULL, 0};
    const struct {
        CK_FLAGS flag;
        CK_RV again; /* what beginning it once more says */
    } asked[] = {
        {CKF_ENCRYPT, p11->C_EncryptInit(session, &ctr, keys->aes)},
        {CKF_DECRYPT, p11->C_DecryptInit(session, &ctr, keys->aes)},
        {CKF_DIGEST, p11->C_DigestInit(session, &sha)},
        {CKF_SIGN, p11->C_SignInit(session, &hmac, keys->mac)},
        {CKF_VERIFY, p11->C_VerifyInit(session, &hmac, keys->mac)},
        {CKF_SIGN_RECOVER, p11->C_SignRecoverInit(session, &rsa, keys->private_key)},
        {CKF_VERIFY_RECOVER, p11->C_VerifyRecoverInit(session, &rsa, keys->public_key)},
        {CKF_MESSAGE_ENCRYPT, p11_3->C_MessageEncryptInit(session, &gcm, keys->aes)},
        {CKF_MESSAGE_DECRYPT, p11_3->C_MessageDecryptInit(session, &gcm, keys->aes)},
    };
    CK_FLAGS active = 0;
    for (size_t i = 0; i < COUNT_OF(asked); i++)
        if (operations & asked[i].flag)
            active |= asked[i].again == CKR_OPERATION_ACTIVE ? asked[i].flag : 0;
    for (size_t i = 0; i < COUNT_OF(asked); i++)
        assert_ok(p11_3->C_SessionCancel(session, asked[i].flag));
    return active;
}

/* The same of what continues an operation: it ends, except where a length was asked for. Messages go on to the next. */
static void null_ends_an_operation_for_each_pointer_alone(void **state)
{
    const struct module_fixture *fixture = *state;
    struct keys keys = make_keys(fixture->session);
    size_t seen = 0;
    for (size_t i = 0; i < rows_count; i++) {
        CK_FLAGS operations = operations_of(&rows[i]);
        struct given given = {fixture->session, 1, EVERY, 0};
        if (!operations)
            continue;
        seen++;
        taken_pointers = 0;
        (void)rows[i].call(&given);
        assert_int_not_equal(taken_pointers, 0);
        for (unsigned n = 0, pointers = taken_pointers; pointers >> n; n++) {
            char what[32];
            (void)snprintf(what, sizeof what, "without pointer %u", n);
            CK_RV expected = expected_without(&rows[i], n);
            bool goes_on = expected == CKR_OK || (operations & (CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT)) ||
                           strcmp(rows[i].name, "C_GetOperationState") == 0;
            begin(fixture->session, &keys, operations);
            given.null = 1U << n;
            expect(&rows[i], what, &given, expected);
            CK_FLAGS left = end_all(fixture->session, &keys, operations & ~(CK_FLAGS)PROMISED);
            if (left != (goes_on ? operations & ~(CK_FLAGS)PROMISED : 0))
                fail_msg("%s %s: of the operations 0x%lx there are 0x%lx", rows[i].name, what, operations, left);
        }
    }
    assert_int_equal(seen, continued_count);
}

static void an_object_that_is_none_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE gone = module_data(fixture->session, true, false, "gone", "x");
    assert_ok(p11->C_DestroyObject(fixture->session, gone));
    const CK_OBJECT_HANDLE none[] = {0, ~0UL, gone, gone + 1000};
    for (size_t i = 0; i < rows_count; i++)
        for (size_t j = 0; j < COUNT_OF(none); j++)
            if (rows[i].dead_object != NONE) {
                struct given given = {fixture->session, none[j], 0, 0};
                expect(&rows[i], "without an object", &given, rows[i].dead_object);
            }
}

static void what_is_not_supported_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    for (size_t i = 0; i < rows_count; i++)
        for (int null = 0; null < 2; null++) {
            struct given given = {fixture->session, 1, null ? EVERY : 0, 0};
            if (rows[i].kind == UNSUPPORTED)
                expect(&rows[i], "", &given, CKR_FUNCTION_NOT_SUPPORTED);
            if (rows[i].kind == LEGACY)
                expect(&rows[i], "", &given, CKR_FUNCTION_NOT_PARALLEL);
        }
}

static void an_operation_that_was_not_begun_is_not_continued(void **state)
{
    const struct module_fixture *fixture = *state;
    struct given given = {fixture->session, 1, 0, 0};
    for (size_t i = 0; i < rows_count; i++)
        if (rows[i].kind == OPERATION)
            expect(&rows[i], "without an operation", &given, CKR_OPERATION_NOT_INITIALIZED);
}

static void a_slot_that_is_none_is_refused(void **state)
{
    const CK_SLOT_ID none[] = {1, 1UL << 32, ~0UL};
    (void)state;
    for (size_t i = 0; i < rows_count; i++)
        for (size_t j = 0; j < COUNT_OF(none); j++)
            for (int null = 0; null < 2; null++) {
                struct given given = {1, 1, null ? EVERY : 0, none[j]};
                if (rows[i].kind == IN_SLOT)
                    expect(&rows[i], "in no slot", &given, CKR_SLOT_ID_INVALID);
            }
}

/* No number that no family has, none of a mechanism that does something else, and no length without a parameter. */
static void a_mechanism_that_is_none_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    const CK_MECHANISM_TYPE none[] = {0x7654321, ~0UL, CKM_VENDOR_DEFINED, CKM_BULLA_ATTEST};
    struct given given = {fixture->session, 1, 0, 0};
    for (size_t i = 0; i < rows_count; i++) {
        CK_MECHANISM_TYPE type = type_of(&rows[i]);
        for (size_t j = 0; type && j < COUNT_OF(none); j++) {
            if (none[j] == CKM_BULLA_ATTEST && type == CKM_SHA256_HMAC)
                continue; /* it signs */
            mechanism = (CK_MECHANISM){none[j], NULL, 0};
            expect(&rows[i], "with no mechanism", &given, CKR_MECHANISM_INVALID);
        }
        if (!type || type == CKM_AES_KEY_GEN || type == CKM_RSA_PKCS_KEY_PAIR_GEN)
            continue; /* whose templates are judged first */
        mechanism = (CK_MECHANISM){type, NULL, 5};
        expect(&rows[i], "with a parameter that is not there", &given, CKR_MECHANISM_PARAM_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONF_TEST(every_function_has_a_row),
        CONF_TEST(before_initialising_every_function_says_so),
        PUBLIC_TEST(a_session_that_is_none_is_refused),
        MODULE_TEST(null_is_refused_wherever_a_pointer_is_taken),
        MODULE_TEST(null_is_refused_for_each_pointer_alone),
        MODULE_TEST(null_ends_an_operation_for_each_pointer_alone),
        MODULE_TEST(an_object_that_is_none_is_refused),
        BARE_TEST(a_slot_that_is_none_is_refused),
        MODULE_TEST(a_mechanism_that_is_none_is_refused),
        MODULE_TEST(what_is_not_supported_is_refused),
        MODULE_TEST(an_operation_that_was_not_begun_is_not_continued),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
