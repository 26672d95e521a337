/* CKA_ALWAYS_AUTHENTICATE: the PIN before each use of such a key; C_LoginUser; profile objects. */
#include "module_fixture.h"

static CK_KEY_TYPE generic = CKK_GENERIC_SECRET, aes = CKK_AES;
static CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0}, rsa_pkcs = {CKM_RSA_PKCS, NULL, 0}, ecb = {CKM_AES_ECB, NULL, 0};
static unsigned char message[] = "message", out[512];

static CK_OBJECT_HANDLE mac_key(CK_SESSION_HANDLE session, CK_BBOOL asks)
{
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, generic),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef"), ATTRIBUTE(CKA_SIGN, yes), ATTRIBUTE(CKA_DERIVE, yes),
        ATTRIBUTE(CKA_ALWAYS_AUTHENTICATE, asks)};
    assert_ok(module_create(session, attributes, COUNT_OF(attributes), &key));
    return key;
}

static CK_OBJECT_HANDLE aes_key(
    CK_SESSION_HANDLE session, CK_ATTRIBUTE_TYPE one, CK_ATTRIBUTE_TYPE other, CK_BBOOL asks)
{
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef"), ATTRIBUTE(CKA_EXTRACTABLE, yes), {one, &yes, 1},
        {other, &yes, 1}, ATTRIBUTE(CKA_ALWAYS_AUTHENTICATE, asks)};
    assert_ok(module_create(session, attributes, COUNT_OF(attributes), &key));
    return key;
}

static CK_RV sign(CK_SESSION_HANDLE session)
{
    unsigned long size = sizeof out;
    return p11->C_Sign(session, message, 7, out, &size);
}

static CK_RV again(CK_SESSION_HANDLE session, const char *pin)
{
    return module_login(session, CKU_CONTEXT_SPECIFIC, pin);
}

static void without_the_pin_the_operation_ends(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key = mac_key(session, CK_TRUE);
    unsigned long size = 0;
    assert_ok(p11->C_SignInit(session, &hmac, key));
    assert_ok(p11->C_Sign(session, message, 7, NULL, &size)); /* asking how long it is, is no use of the key */
    assert_int_equal(size, 32);
    assert_rv(sign(session), CKR_USER_NOT_LOGGED_IN);
    assert_rv(sign(session), CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(p11->C_SignInit(session, &hmac, key));
    assert_rv(p11->C_SignUpdate(session, message, 7), CKR_USER_NOT_LOGGED_IN);
    assert_rv(p11->C_SignUpdate(session, message, 7), CKR_OPERATION_NOT_INITIALIZED);
}

static void one_pin_is_for_one_operation(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key = mac_key(session, CK_TRUE), plain = mac_key(session, CK_FALSE);
    unsigned char expected[32];
    unsigned long size = sizeof out;
    assert_ok(p11->C_SignInit(session, &hmac, plain));
    assert_ok(sign(session));
    memcpy(expected, out, 32);
    for (int i = 0; i < 2; i++) {
        assert_ok(p11->C_SignInit(session, &hmac, key));
        assert_ok(again(session, USER_PIN));
        assert_ok(sign(session));
        assert_memory_equal(out, expected, 32);
        assert_ok(p11->C_SignInit(session, &hmac, key));
        assert_rv(sign(session), CKR_USER_NOT_LOGGED_IN); /* the same key, a moment later */
    }
    assert_ok(p11->C_SignInit(session, &hmac, key));
    assert_ok(again(session, USER_PIN));
    for (size_t i = 0; i < 7; i++) /* all parts of it */
        assert_ok(p11->C_SignUpdate(session, message + i, 1));
    assert_ok(p11->C_SignFinal(session, out, &size));
    assert_memory_equal(out, expected, 32);
}

static void a_wrong_pin_is_counted_and_proves_nothing(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key = mac_key(session, CK_TRUE);
    CK_TOKEN_INFO info;
    assert_ok(p11->C_SignInit(session, &hmac, key));
    assert_rv(again(session, "wrong-pin"), CKR_PIN_INCORRECT);
    assert_ok(p11->C_GetTokenInfo(0, &info));
    assert_true(info.flags & CKF_USER_PIN_COUNT_LOW);
    assert_rv(again(session, "no"), CKR_PIN_LEN_RANGE);
    assert_ok(again(session, USER_PIN)); /* the operation waited */
    assert_ok(sign(session));
    assert_ok(p11->C_GetTokenInfo(0, &info));
    assert_false(info.flags & CKF_USER_PIN_COUNT_LOW);

    assert_ok(p11->C_SignInit(session, &hmac, key));
    for (int i = 0; i < 5; i++)
        assert_rv(again(session, "wrong-pin"), CKR_PIN_INCORRECT);
    assert_rv(again(session, USER_PIN), CKR_PIN_LOCKED);
    assert_rv(sign(session), CKR_USER_NOT_LOGGED_IN);
    assert_ok(p11->C_Logout(session));
    assert_rv(module_login(session, CKU_USER, USER_PIN), CKR_PIN_LOCKED); /* one count for both */
}

static void a_pin_given_elsewhere_proves_nothing(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session, other = module_session(0, CKF_RW_SESSION);
    CK_OBJECT_HANDLE key = mac_key(session, CK_TRUE);
    assert_ok(again(session, USER_PIN)); /* before: it is a passphrase, kept for release trees */
    assert_ok(p11->C_SignInit(session, &hmac, key));
    assert_ok(again(other, USER_PIN)); /* another session's */
    assert_rv(sign(session), CKR_USER_NOT_LOGGED_IN);
    assert_ok(p11->C_SignInit(session, &hmac, mac_key(session, CK_FALSE)));
    assert_ok(sign(session));
    assert_ok(p11->C_Logout(session));
    assert_rv(again(session, USER_PIN), CKR_USER_NOT_LOGGED_IN);
}

/* Of two that wait, the one begun last has the PIN. */
static void each_of_two_operations_has_its_own_pin(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key = mac_key(session, CK_TRUE), cipher = aes_key(session, CKA_ENCRYPT, CKA_DECRYPT, CK_TRUE);
    unsigned char block[16] = {0};
    unsigned long size = sizeof out;
    assert_ok(p11->C_SignInit(session, &hmac, key));
    assert_ok(p11->C_DecryptInit(session, &ecb, cipher));
    assert_ok(again(session, USER_PIN));
    assert_ok(p11->C_Decrypt(session, block, 16, out, &size));
    assert_rv(sign(session), CKR_USER_NOT_LOGGED_IN);
    assert_ok(p11->C_DecryptInit(session, &ecb, cipher));
    assert_ok(p11->C_SignInit(session, &hmac, key));
    assert_ok(again(session, USER_PIN));
    assert_ok(again(session, USER_PIN));
    assert_ok(sign(session));
    size = sizeof out;
    assert_ok(p11->C_Decrypt(session, block, 16, out, &size));
}

/* There is no Init after which the PIN could be given. */
static void no_keys_are_made_by_a_key_that_asks(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_MECHANISM wrap = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_KEY_DERIVATION_STRING_DATA data = {message, 7};
    CK_MECHANISM join = {CKM_CONCATENATE_BASE_AND_DATA, &data, sizeof data};
    CK_OBJECT_HANDLE wrapper = aes_key(session, CKA_WRAP, CKA_UNWRAP, CK_TRUE), key = 0,
                     target = aes_key(session, CKA_ENCRYPT, CKA_DECRYPT, CK_FALSE);
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes)};
    unsigned long size = sizeof out;
    assert_rv(p11->C_WrapKey(session, &wrap, wrapper, target, out, &size), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_rv(p11->C_UnwrapKey(session, &wrap, wrapper, out, 24, attributes, 2, &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_rv(
        p11->C_DeriveKey(session, &join, mac_key(session, CK_TRUE), NULL, 0, &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_ok(p11->C_DeriveKey(session, &join, mac_key(session, CK_FALSE), NULL, 0, &key));
}

static void private_keys_ask_for_each_function(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_MECHANISM generate = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ULONG bits = 2048;
    CK_OBJECT_HANDLE public_key = 0, key = 0;
    unsigned char cipher[256], signature[256];
    unsigned long size = sizeof cipher, recovered = sizeof signature;
    CK_ATTRIBUTE public_template[] = {
        ATTRIBUTE(CKA_MODULUS_BITS, bits), ATTRIBUTE(CKA_ENCRYPT, yes), ATTRIBUTE(CKA_VERIFY, yes)};
    CK_ATTRIBUTE private_template[] = {ATTRIBUTE(CKA_ALWAYS_AUTHENTICATE, yes), ATTRIBUTE(CKA_SIGN, yes),
        ATTRIBUTE(CKA_SIGN_RECOVER, yes), ATTRIBUTE(CKA_DECRYPT, yes)};
    assert_ok(p11->C_GenerateKeyPair(session, &generate, public_template, 3, private_template, 4, &public_key, &key));
    assert_ok(p11->C_EncryptInit(session, &rsa_pkcs, public_key)); /* whoever has the public key needs no PIN */
    assert_ok(p11->C_Encrypt(session, message, 7, cipher, &size));
    for (int proved = 0; proved < 2; proved++) {
        CK_RV expected = proved ? CKR_OK : CKR_USER_NOT_LOGGED_IN;
        unsigned long got = sizeof out;
        assert_ok(p11->C_DecryptInit(session, &rsa_pkcs, key));
        assert_ok(proved ? again(session, USER_PIN) : CKR_OK);
        assert_rv(p11->C_Decrypt(session, cipher, size, out, &got), expected);
        assert_ok(p11->C_SignInit(session, &rsa_pkcs, key));
        assert_ok(proved ? again(session, USER_PIN) : CKR_OK);
        assert_rv(sign(session), expected);
        assert_ok(p11->C_SignRecoverInit(session, &rsa_pkcs, key));
        assert_ok(proved ? again(session, USER_PIN) : CKR_OK);
        assert_rv(p11->C_SignRecover(session, message, 7, signature, &recovered), expected);
    }
}

/* --- C_LoginUser --- */

static CK_RV login_user(CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *pin, const char *name, CK_ULONG size)
{
    return p11_3->C_LoginUser(
        session, user, (unsigned char *)(uintptr_t)pin, strlen(pin), (unsigned char *)(uintptr_t)name, size);
}

static void the_user_and_the_so_have_their_names_and_nobody_else_has(void **state)
{
    const struct module_fixture *fixture = *state;
    static const struct {
        CK_USER_TYPE user;
        const char *pin, *name;
        CK_ULONG size;
        CK_RV expected;
    } rows[] = {
        {CKU_USER, USER_PIN, NULL, 0, CKR_OK},
        {CKU_USER, USER_PIN, "", 0, CKR_OK},
        {CKU_USER, USER_PIN, "user", 4, CKR_OK},
        {CKU_SO, SO_PIN, "so", 2, CKR_OK},
        {CKU_SO, SO_PIN, NULL, 0, CKR_OK},
        {CKU_USER, USER_PIN, "so", 2, CKR_USER_TYPE_INVALID},
        {CKU_USER, USER_PIN, "user", 3, CKR_USER_TYPE_INVALID},
        {CKU_USER, USER_PIN, "User", 4, CKR_USER_TYPE_INVALID},
        {CKU_USER, USER_PIN, "alice", 5, CKR_USER_TYPE_INVALID},
        {CKU_USER, USER_PIN, "user", ~0UL, CKR_USER_TYPE_INVALID},
        {CKU_USER, USER_PIN, NULL, 4, CKR_ARGUMENTS_BAD},
        {CKU_SO, SO_PIN, "user", 4, CKR_USER_TYPE_INVALID},
        {CKU_USER, "wrong-pin", "user", 4, CKR_PIN_INCORRECT},
        {7, USER_PIN, NULL, 0, CKR_USER_TYPE_INVALID},
        {~0UL, USER_PIN, "user", 4, CKR_USER_TYPE_INVALID},
        {CKU_CONTEXT_SPECIFIC, USER_PIN, NULL, 0, CKR_USER_NOT_LOGGED_IN},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CK_RV rv = login_user(fixture->session, rows[i].user, rows[i].pin, rows[i].name, rows[i].size);
        if (rv != rows[i].expected)
            fail_msg("row %zu: 0x%lx", i, rv);
        if (rv == CKR_OK)
            assert_ok(p11->C_Logout(fixture->session));
    }
    assert_ok(login_user(fixture->session, CKU_USER, USER_PIN, "user", 4));
    assert_rv(login_user(fixture->session, CKU_USER, USER_PIN, "user", 4), CKR_USER_ALREADY_LOGGED_IN);
    assert_rv(login_user(fixture->session, CKU_SO, SO_PIN, "so", 2), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    assert_ok(p11->C_SignInit(fixture->session, &hmac, mac_key(fixture->session, CK_TRUE)));
    assert_ok(login_user(fixture->session, CKU_CONTEXT_SPECIFIC, USER_PIN, "user", 4));
    assert_ok(sign(fixture->session));
}

/* --- profiles --- */

static void profiles_are_found_in_every_session_and_changed_in_none(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = module_session(0, 0); /* read-only, nobody logged in */
    CK_OBJECT_CLASS profile_class = CKO_PROFILE;
    CK_ULONG baseline = CKP_BASELINE_PROVIDER, extended = CKP_EXTENDED_PROVIDER, card = CKP_AUTHENTICATION_TOKEN;
    CK_ATTRIBUTE by_class[] = {ATTRIBUTE(CKA_CLASS, profile_class), ATTRIBUTE(CKA_PROFILE_ID, extended)};
    CK_ATTRIBUTE by_id = ATTRIBUTE(CKA_PROFILE_ID, baseline), no_card = ATTRIBUTE(CKA_PROFILE_ID, card);
    CK_OBJECT_HANDLE profile = 0, copy = 0;
    assert_int_equal(module_find(session, by_class, 1, NULL), 2);
    assert_int_equal(module_find(session, by_class, 2, &profile), 1);
    assert_int_equal(module_ulong(session, profile, CKA_PROFILE_ID), CKP_EXTENDED_PROVIDER);
    assert_int_equal(module_find(session, &by_id, 1, &profile), 1);
    assert_int_equal(module_ulong(session, profile, CKA_CLASS), CKO_PROFILE);
    assert_int_equal(module_ulong(session, profile, CKA_PROFILE_ID), CKP_BASELINE_PROVIDER);
    assert_int_equal(module_find(session, &no_card, 1, NULL), 0);
    assert_int_equal(module_find(session, NULL, 0, NULL), module_find(fixture->session, NULL, 0, NULL));
    assert_int_equal(module_find(session, by_class, 1, &profile), 2); /* no more than before */
    assert_rv(p11->C_SetAttributeValue(session, profile, &by_id, 1), CKR_ACTION_PROHIBITED);
    assert_rv(p11->C_DestroyObject(session, profile), CKR_ACTION_PROHIBITED);
    assert_rv(p11->C_CopyObject(session, profile, NULL, 0, &copy), CKR_ACTION_PROHIBITED);
    assert_ok(module_login(session, CKU_USER, USER_PIN));
    assert_rv(module_create(fixture->session, by_class, 2, &copy), CKR_ATTRIBUTE_VALUE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(without_the_pin_the_operation_ends),
        MODULE_TEST(one_pin_is_for_one_operation),
        MODULE_TEST(a_wrong_pin_is_counted_and_proves_nothing),
        MODULE_TEST(a_pin_given_elsewhere_proves_nothing),
        MODULE_TEST(each_of_two_operations_has_its_own_pin),
        MODULE_TEST(no_keys_are_made_by_a_key_that_asks),
        MODULE_TEST(private_keys_ask_for_each_function),
        PUBLIC_TEST(the_user_and_the_so_have_their_names_and_nobody_else_has),
        PUBLIC_TEST(profiles_are_found_in_every_session_and_changed_in_none),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
