/* Users with names and PINs of their own, and the session's objects by which others prove themselves, as applications
 * reach them. Whom a session then acts for is tests/core/test_principals.c. */
#include "module_fixture.h"

#include <secp256k1_recovery.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/keccak.h"

#define ANN_PIN "ann's own pin"
#define BOB_PIN "bob's own pin"

static CK_OBJECT_CLASS class_principal = CKO_BULLA_PRINCIPAL;

static CK_RV login_user(CK_SESSION_HANDLE session, const char *name, const char *pin)
{
    return p11_3->C_LoginUser(session, CKU_USER, (unsigned char *)(uintptr_t)pin, strlen(pin),
        (unsigned char *)(uintptr_t)name, strlen(name));
}

static CK_RV add_user(CK_SESSION_HANDLE session, const char *name, const char *pin, CK_OBJECT_HANDLE *user)
{
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_principal), ATTRIBUTE(CKA_TOKEN, yes),
        TEXT_ATTRIBUTE(CKA_LABEL, name), TEXT_ATTRIBUTE(CKA_BULLA_PROOF, pin)};
    return module_create(session, attributes, COUNT_OF(attributes), user);
}

static CK_OBJECT_HANDLE add_ann(CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE ann = 0;
    assert_ok(add_user(session, "ann", ANN_PIN, &ann));
    assert_true(ann != 0);
    return ann;
}

static CK_RV name_principal(CK_SESSION_HANDLE session, const char *text, CK_OBJECT_HANDLE *object)
{
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_principal), TEXT_ATTRIBUTE(CKA_BULLA_PRINCIPAL, text)};
    return module_create(session, attributes, COUNT_OF(attributes), object);
}

static CK_RV set_proof(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, const void *proof, size_t size)
{
    CK_ATTRIBUTE attribute = {CKA_BULLA_PROOF, (void *)(uintptr_t)proof, size};
    return p11->C_SetAttributeValue(session, object, &attribute, 1);
}

static unsigned long count_users(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *first)
{
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_principal), ATTRIBUTE(CKA_TOKEN, yes)};
    return module_find(session, attributes, COUNT_OF(attributes), first);
}

static bool file_holds(const char *folder, const char *name, const char *text)
{
    char path[160], *bytes = malloc(1 << 22);
    assert_non_null(bytes);
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(bytes, 1, 1 << 22, file) : 0;
    bool holds = memmem(bytes, size, text, strlen(text)) != NULL;
    if (file)
        (void)fclose(file);
    free(bytes);
    return holds;
}

/* --- users of the token --- */

static void a_user_has_a_name_and_a_pin_that_nobody_reads(void **state)
{
    const struct module_fixture *fixture = *state;
    unsigned char value[64];
    unsigned long size = sizeof value;
    CK_OBJECT_HANDLE ann = add_ann(fixture->session), found = 0;
    assert_true(module_has_text(fixture->session, ann, CKA_LABEL, "ann"));
    assert_true(module_has_text(fixture->session, ann, CKA_BULLA_PRINCIPAL, "user:ann"));
    assert_int_equal(module_boolean(fixture->session, ann, CKA_TOKEN), CK_TRUE);
    assert_int_equal(module_boolean(fixture->session, ann, CKA_PRIVATE), CK_FALSE);
    assert_rv(module_get(fixture->session, ann, CKA_BULLA_PROOF, value, &size), CKR_ATTRIBUTE_SENSITIVE);
    size = sizeof value;
    assert_rv(module_get(fixture->session, ann, CKA_BULLA_CHALLENGE, value, &size), CKR_ATTRIBUTE_TYPE_INVALID);
    CK_ATTRIBUTE by_pin[] = {ATTRIBUTE(CKA_CLASS, class_principal), TEXT_ATTRIBUTE(CKA_BULLA_PROOF, ANN_PIN)};
    assert_int_equal(module_find(fixture->session, by_pin, 2, NULL), 0);
    assert_int_equal(module_find(fixture->session, NULL, 0, NULL), 2); /* the receipt key: only who asks sees users */
    assert_ok(p11->C_Logout(fixture->session));
    assert_int_equal(count_users(fixture->session, &found), 1);
    assert_int_equal(found, ann);
    assert_ok(p11->C_Finalize(NULL));
    assert_true(file_holds(fixture->token, "token.db", "user:ann"));
    assert_false(file_holds(fixture->token, "token.db", ANN_PIN));
    assert_false(file_holds(fixture->token, "token.db-wal", ANN_PIN));
    assert_false(file_holds(fixture->token, "audit.jsonl", ANN_PIN));
}

static void a_user_logs_in_by_name_and_uses_what_the_token_has(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_INFO info;
    CK_OBJECT_HANDLE object = module_data(fixture->session, true, true, "secret", "of all users");
    (void)add_ann(fixture->session);
    assert_rv(login_user(fixture->session, "ann", ANN_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    assert_ok(p11->C_Logout(fixture->session));
    assert_rv(login_user(fixture->session, "ann", USER_PIN), CKR_PIN_INCORRECT);
    assert_rv(login_user(fixture->session, "bob", ANN_PIN), CKR_USER_TYPE_INVALID);
    assert_rv(login_user(fixture->session, "Ann", ANN_PIN), CKR_USER_TYPE_INVALID);
    assert_rv(module_login(fixture->session, CKU_USER, ANN_PIN), CKR_PIN_INCORRECT);
    assert_rv(p11_3->C_LoginUser(fixture->session, CKU_SO, PIN(ANN_PIN), PIN("ann")), CKR_USER_TYPE_INVALID);
    assert_rv(p11_3->C_LoginUser(fixture->session, CKU_USER, PIN(ANN_PIN), (unsigned char *)(uintptr_t) "ann\0", 4),
        CKR_USER_TYPE_INVALID);
    assert_ok(login_user(fixture->session, "ann", ANN_PIN));
    assert_ok(p11->C_GetSessionInfo(fixture->session, &info));
    assert_int_equal(info.state, CKS_RW_USER_FUNCTIONS);
    assert_true(module_has_text(fixture->session, object, CKA_VALUE, "of all users"));
    assert_rv(login_user(fixture->session, "ann", ANN_PIN), CKR_USER_ALREADY_LOGGED_IN);
    assert_rv(login_user(fixture->session, "user", USER_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    assert_rv(module_login(fixture->session, CKU_USER, USER_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    assert_rv(module_login(fixture->session, CKU_SO, SO_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    (void)module_data(fixture->session, true, true, "ann's", "value");
    assert_ok(p11->C_Logout(fixture->session));
    assert_ok(module_login(fixture->session, CKU_USER, USER_PIN));
    assert_int_equal(module_find_label(fixture->session, "ann's", NULL), 1);
}

static void users_are_the_owner_s_to_make_and_remove(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE ann = add_ann(fixture->session), bob = 0;
    assert_ok(p11->C_Logout(fixture->session));
    assert_rv(add_user(fixture->session, "bob", BOB_PIN, &bob), CKR_USER_NOT_LOGGED_IN);
    assert_rv(p11->C_DestroyObject(fixture->session, ann), CKR_USER_NOT_LOGGED_IN);
    assert_ok(login_user(fixture->session, "ann", ANN_PIN));
    assert_rv(add_user(fixture->session, "bob", BOB_PIN, &bob), CKR_FUNCTION_REJECTED);
    assert_rv(p11->C_DestroyObject(fixture->session, ann), CKR_FUNCTION_REJECTED);
    assert_int_equal(count_users(fixture->session, NULL), 1);
    assert_ok(p11->C_Logout(fixture->session));
    assert_ok(module_login(fixture->session, CKU_SO, SO_PIN));
    assert_rv(add_user(fixture->session, "bob", BOB_PIN, &bob), CKR_USER_NOT_LOGGED_IN);
    assert_rv(p11->C_DestroyObject(fixture->session, ann), CKR_USER_NOT_LOGGED_IN);
    assert_ok(p11->C_Logout(fixture->session));
    assert_rv(login_user(fixture->session, "bob", BOB_PIN), CKR_USER_TYPE_INVALID);
    assert_ok(module_login(fixture->session, CKU_USER, USER_PIN));
    CK_SESSION_HANDLE reader = module_session(0, 0);
    assert_rv(add_user(reader, "bob", BOB_PIN, &bob), CKR_SESSION_READ_ONLY);
    assert_rv(p11->C_DestroyObject(reader, ann), CKR_SESSION_READ_ONLY);
    assert_ok(p11->C_DestroyObject(fixture->session, ann));
    assert_rv(p11->C_DestroyObject(fixture->session, ann), CKR_OBJECT_HANDLE_INVALID);
    assert_int_equal(count_users(fixture->session, NULL), 0);
    assert_ok(p11->C_Logout(fixture->session));
    assert_rv(login_user(fixture->session, "ann", ANN_PIN), CKR_USER_TYPE_INVALID);
    assert_ok(module_login(fixture->session, CKU_USER, USER_PIN));
    (void)add_ann(fixture->session); /* and may come again */
    assert_ok(p11->C_Logout(fixture->session));
    assert_ok(login_user(fixture->session, "ann", ANN_PIN));
}

static void a_user_that_cannot_be_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    static const struct {
        const char *label, *principal, *pin;
        CK_RV expected;
    } rows[] = {
        {"ann", NULL, ANN_PIN, CKR_TEMPLATE_INCONSISTENT}, /* she is there */
        {NULL, "user:ann", ANN_PIN, CKR_TEMPLATE_INCONSISTENT},
        {"user", NULL, ANN_PIN, CKR_TEMPLATE_INCONSISTENT},
        {"so", NULL, ANN_PIN, CKR_USER_PIN_NOT_INITIALIZED},
        {"bob", "user:ann", ANN_PIN, CKR_ATTRIBUTE_VALUE_INVALID},
        {NULL, NULL, ANN_PIN, CKR_TEMPLATE_INCOMPLETE},
        {"bob", NULL, NULL, CKR_TEMPLATE_INCOMPLETE},
        {"bob", NULL, "bob", CKR_PIN_LEN_RANGE},
        {"Bob", NULL, BOB_PIN, CKR_ATTRIBUTE_VALUE_INVALID},
        {".bob", NULL, BOB_PIN, CKR_ATTRIBUTE_VALUE_INVALID},
        {NULL, "bob", BOB_PIN, CKR_ATTRIBUTE_VALUE_INVALID},
        {NULL, "anyone", BOB_PIN, CKR_ATTRIBUTE_VALUE_INVALID},
        {NULL, "ethereum:0x2c7536e3605d9c16a7a3d7b1898e529396a65c23", BOB_PIN, CKR_ATTRIBUTE_VALUE_INVALID},
        {"a123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678"
         "90"
         "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
            NULL, BOB_PIN, CKR_ATTRIBUTE_VALUE_INVALID},
    };
    (void)add_ann(fixture->session);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CK_OBJECT_HANDLE user = 0;
        CK_ATTRIBUTE attributes[5] = {ATTRIBUTE(CKA_CLASS, class_principal), ATTRIBUTE(CKA_TOKEN, yes)};
        size_t count = 2;
        if (rows[i].label)
            attributes[count++] = (CK_ATTRIBUTE)TEXT_ATTRIBUTE(CKA_LABEL, rows[i].label);
        if (rows[i].principal)
            attributes[count++] = (CK_ATTRIBUTE)TEXT_ATTRIBUTE(CKA_BULLA_PRINCIPAL, rows[i].principal);
        if (rows[i].pin)
            attributes[count++] = (CK_ATTRIBUTE)TEXT_ATTRIBUTE(CKA_BULLA_PROOF, rows[i].pin);
        CK_RV rv = module_create(fixture->session, attributes, count, &user);
        if (rv != rows[i].expected)
            fail_msg("row %zu: 0x%lx", i, rv);
        assert_int_equal(user, 0);
    }
    CK_OBJECT_HANDLE user = 0;
    CK_ATTRIBUTE private_one[] = {ATTRIBUTE(CKA_CLASS, class_principal), ATTRIBUTE(CKA_TOKEN, yes),
        ATTRIBUTE(CKA_PRIVATE, yes), TEXT_ATTRIBUTE(CKA_LABEL, "bob"), TEXT_ATTRIBUTE(CKA_BULLA_PROOF, BOB_PIN)};
    assert_rv(module_create(fixture->session, private_one, 5, &user), CKR_TEMPLATE_INCONSISTENT);
    assert_int_equal(count_users(fixture->session, NULL), 1);
}

static void nothing_of_a_user_is_changed_or_copied(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE ann = add_ann(fixture->session), copy = 0;
    CK_ATTRIBUTE label = TEXT_ATTRIBUTE(CKA_LABEL, "bob"), other = TEXT_ATTRIBUTE(CKA_BULLA_PRINCIPAL, "user:bob");
    assert_rv(p11->C_SetAttributeValue(fixture->session, ann, &label, 1), CKR_ACTION_PROHIBITED);
    assert_rv(p11->C_SetAttributeValue(fixture->session, ann, &other, 1), CKR_ACTION_PROHIBITED);
    assert_rv(set_proof(fixture->session, ann, BOB_PIN, sizeof BOB_PIN - 1), CKR_ACTION_PROHIBITED);
    assert_rv(p11->C_CopyObject(fixture->session, ann, NULL, 0, &copy), CKR_ACTION_PROHIBITED);
}

static void each_user_changes_his_own_pin(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE bob = 0;
    (void)add_ann(session);
    assert_ok(add_user(session, "bob", BOB_PIN, &bob));
    assert_ok(p11->C_Logout(session));
    assert_ok(login_user(session, "ann", ANN_PIN));
    assert_rv(p11->C_SetPIN(session, PIN(BOB_PIN), PIN("another pin")), CKR_PIN_INCORRECT);
    assert_rv(p11->C_SetPIN(session, PIN(USER_PIN), PIN("another pin")), CKR_PIN_INCORRECT);
    assert_ok(p11->C_SetPIN(session, PIN(ANN_PIN), PIN("another pin")));
    assert_ok(p11->C_Logout(session));
    assert_rv(login_user(session, "ann", ANN_PIN), CKR_PIN_INCORRECT);
    assert_ok(login_user(session, "ann", "another pin"));
    assert_ok(p11->C_Logout(session));
    assert_ok(login_user(session, "bob", BOB_PIN));
    assert_ok(p11->C_Logout(session));
    assert_ok(module_login(session, CKU_USER, USER_PIN));
    assert_ok(p11->C_SetPIN(session, PIN(USER_PIN), PIN("owner's new pin")));
    assert_ok(p11->C_Logout(session));
    assert_ok(login_user(session, "user", "owner's new pin"));
    assert_ok(p11->C_Logout(session));
    assert_ok(login_user(session, "ann", "another pin")); /* the owner's change is none of hers */
}

static void tries_of_one_user_do_not_lock_another(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE bob = 0, ann = add_ann(session);
    CK_TOKEN_INFO info;
    assert_ok(add_user(session, "bob", BOB_PIN, &bob));
    assert_ok(p11->C_Logout(session));
    for (int i = 0; i < 4; i++)
        assert_rv(login_user(session, "bob", "wrong"), CKR_PIN_INCORRECT);
    for (int i = 0; i < 5; i++)
        assert_rv(login_user(session, "ann", "wrong"), CKR_PIN_INCORRECT);
    assert_rv(login_user(session, "ann", ANN_PIN), CKR_PIN_LOCKED);
    assert_ok(p11->C_GetTokenInfo(0, &info));
    assert_int_equal(info.flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED | CKF_SO_PIN_COUNT_LOW), 0);
    assert_ok(login_user(session, "bob", BOB_PIN)); /* the fifth try */
    assert_ok(p11->C_Logout(session));
    assert_ok(module_login(session, CKU_SO, SO_PIN));
    assert_ok(p11->C_Logout(session));
    for (int i = 0; i < 5; i++)
        assert_rv(module_login(session, CKU_USER, "wrong"), CKR_PIN_INCORRECT);
    assert_rv(module_login(session, CKU_USER, USER_PIN), CKR_PIN_LOCKED);
    assert_ok(login_user(session, "bob", BOB_PIN)); /* the owner's lock is none of his */
    assert_ok(p11->C_Logout(session));
    assert_ok(p11->C_Finalize(NULL)); /* durable */
    module_initialize();
    session = module_session(0, CKF_RW_SESSION);
    assert_rv(login_user(session, "ann", ANN_PIN), CKR_PIN_LOCKED);
    (void)ann;
}

static void a_locked_user_is_made_anew_by_the_owner(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE ann = add_ann(fixture->session);
    assert_ok(p11->C_Logout(fixture->session));
    for (int i = 0; i < 5; i++)
        assert_rv(login_user(fixture->session, "ann", "wrong"), CKR_PIN_INCORRECT);
    assert_ok(module_login(fixture->session, CKU_USER, USER_PIN));
    assert_ok(p11->C_DestroyObject(fixture->session, ann));
    assert_ok(add_user(fixture->session, "ann", "her second pin", &ann));
    assert_ok(p11->C_Logout(fixture->session));
    assert_rv(login_user(fixture->session, "ann", ANN_PIN), CKR_PIN_INCORRECT);
    assert_ok(login_user(fixture->session, "ann", "her second pin"));
}

static void a_key_that_asks_takes_the_pin_of_who_logged_in(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
    CK_OBJECT_HANDLE key = 0;
    unsigned char mac[32];
    unsigned long size = sizeof mac;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, type),
        ATTRIBUTE(CKA_TOKEN, yes), ATTRIBUTE(CKA_SIGN, yes), ATTRIBUTE(CKA_ALWAYS_AUTHENTICATE, yes),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef")};
    assert_ok(module_create(session, attributes, COUNT_OF(attributes), &key));
    (void)add_ann(session);
    assert_ok(p11->C_Logout(session));
    assert_ok(login_user(session, "ann", ANN_PIN));
    assert_ok(p11->C_SignInit(session, &hmac, key));
    assert_rv(module_login(session, CKU_CONTEXT_SPECIFIC, USER_PIN), CKR_PIN_INCORRECT);
    assert_rv(p11_3->C_LoginUser(session, CKU_CONTEXT_SPECIFIC, PIN(ANN_PIN), PIN("user")), CKR_USER_TYPE_INVALID);
    assert_ok(p11_3->C_LoginUser(session, CKU_CONTEXT_SPECIFIC, PIN(ANN_PIN), PIN("ann")));
    assert_ok(p11->C_Sign(session, PIN("data"), mac, &size));
    assert_ok(p11->C_SignInit(session, &hmac, key));
    assert_ok(module_login(session, CKU_CONTEXT_SPECIFIC, ANN_PIN));
    assert_ok(p11->C_Sign(session, PIN("data"), mac, &size));
}

static void initialising_the_token_removes_its_users(void **state)
{
    struct module_fixture *fixture = *state;
    (void)add_ann(fixture->session);
    assert_ok(p11->C_CloseSession(fixture->session));
    module_token_make(0, true);
    fixture->session = module_session(0, CKF_RW_SESSION);
    assert_int_equal(count_users(fixture->session, NULL), 0);
    assert_rv(login_user(fixture->session, "ann", ANN_PIN), CKR_USER_TYPE_INVALID);
    assert_ok(module_login(fixture->session, CKU_USER, USER_PIN));
    (void)add_ann(fixture->session);
}

/* --- other processes, and kills --- */

static int log_in_in_child(void *context)
{
    CK_SESSION_HANDLE session = 0;
    if (p11->C_Initialize(NULL) != CKR_OK || p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
        return 100;
    return login_user(session, "ann", ANN_PIN) == CKR_OK ? 0 : *(const int *)context;
}

static void other_processes_have_the_users_at_once(void **state)
{
    const struct module_fixture *fixture = *state;
    int refused = 7;
    assert_int_equal(module_in_child(log_in_in_child, &refused), 7);
    CK_OBJECT_HANDLE ann = add_ann(fixture->session);
    assert_int_equal(module_in_child(log_in_in_child, &refused), 0);
    assert_ok(p11->C_DestroyObject(fixture->session, ann));
    assert_int_equal(module_in_child(log_in_in_child, &refused), 7);
}

static int add_or_remove(void *context)
{
    CK_SESSION_HANDLE session = 0;
    CK_OBJECT_HANDLE ann = 0;
    if (p11->C_Initialize(NULL) != CKR_OK ||
        p11->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) != CKR_OK ||
        module_login(session, CKU_USER, USER_PIN) != CKR_OK)
        return 100;
    unsigned long count = count_users(session, &ann);
    (void)setenv("BULLA_FAULT", context, 1);
    CK_RV rv = count ? p11->C_DestroyObject(session, ann) : add_user(session, "ann", ANN_PIN, &ann);
    return rv == CKR_OK ? 0 : 1;
}

/* Killed wherever it is: the user is there and logs in, or is not and may be made. */
static void a_killed_addition_or_removal_is_whole_or_was_not(void **state)
{
    const struct module_fixture *fixture = *state;
    static const char *const faults[] = {"store-begin", "store-value-put", "store-value-put#2", "store-put",
        "store-erase", "store-before-commit", "store-generation-advanced", "store-after-commit"};
    unsigned killed = 0;
    int refused = 7;
    for (int removal = 0; removal < 2; removal++)
        for (size_t i = 0; i < COUNT_OF(faults); i++) {
            CK_OBJECT_HANDLE ann = 0;
            if (removal && !count_users(fixture->session, NULL))
                (void)add_ann(fixture->session);
            int status = module_in_child(add_or_remove, (void *)(uintptr_t)faults[i]);
            if (status != 256 + SIGKILL && status != 0)
                fail_msg("%s: %d", faults[i], status);
            killed += status != 0;
            bool there = count_users(fixture->session, &ann) == 1;
            assert_int_equal(module_in_child(log_in_in_child, &refused), there ? 0 : 7);
            if (!removal && there)
                assert_ok(p11->C_DestroyObject(fixture->session, ann));
        }
    (void)killed;
#ifdef BULLA_FAULTS
    assert_true(killed >= 12);
#endif
}

/* --- objects of the session --- */

static void templates_of_a_session_s_principal_are_judged(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE object = 0;
    static const char text[] = "ethereum:0x2c7536e3605d9c16a7a3d7b1898e529396a65c23";
    CK_ULONG number = 1;
    CK_ATTRIBUTE more[] = {TEXT_ATTRIBUTE(CKA_BULLA_PROOF, "proof"), TEXT_ATTRIBUTE(CKA_BULLA_CHALLENGE, "challenge"),
        ATTRIBUTE(CKA_PRIVATE, yes), ATTRIBUTE(CKA_COPYABLE, yes), TEXT_ATTRIBUTE(CKA_VALUE, "value"),
        ATTRIBUTE(CKA_BULLA_VERSION, number)};
    static const CK_RV expected[] = {CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT,
        CKR_TEMPLATE_INCONSISTENT, CKR_TEMPLATE_INCONSISTENT, CKR_TEMPLATE_INCONSISTENT};
    for (size_t i = 0; i < COUNT_OF(more); i++) {
        CK_ATTRIBUTE attributes[] = {
            ATTRIBUTE(CKA_CLASS, class_principal), TEXT_ATTRIBUTE(CKA_BULLA_PRINCIPAL, text), more[i]};
        assert_rv(module_create(fixture->session, attributes, 3, &object), expected[i]);
    }
    CK_ATTRIBUTE nobody[] = {ATTRIBUTE(CKA_CLASS, class_principal)};
    assert_rv(module_create(fixture->session, nobody, 1, &object), CKR_TEMPLATE_INCOMPLETE);
    static const char *const bad[] = {"", "anyone", "nobody", "user:", "ann", "ed25519:00",
        "ethereum:0x2c7536e3605d9c16a7a3d7b1898e529396a65c2", "ethereum:0x2C7536e3605d9c16a7a3d7b1898e529396a65c23"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_rv(name_principal(fixture->session, bad[i], &object), CKR_ATTRIBUTE_VALUE_INVALID);
    CK_ATTRIBUTE other_class[] = {ATTRIBUTE(CKA_CLASS, class_data), TEXT_ATTRIBUTE(CKA_BULLA_PRINCIPAL, text)};
    assert_rv(module_create(fixture->session, other_class, 2, &object), CKR_TEMPLATE_INCONSISTENT);
    CK_SESSION_HANDLE reader = module_session(0, 0);
    assert_ok(name_principal(reader, text, &object));
    assert_int_equal(count_users(fixture->session, NULL), 0); /* of the token: none */
}

static void a_session_s_principal_takes_a_proof_and_nothing_else(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE object = 0, copy = 0;
    unsigned char value[65] = {0};
    unsigned long size = sizeof value;
    CK_ATTRIBUTE changes[] = {TEXT_ATTRIBUTE(CKA_BULLA_PROOF, "proof"), TEXT_ATTRIBUTE(CKA_LABEL, "label")};
    CK_ATTRIBUTE challenge = TEXT_ATTRIBUTE(CKA_BULLA_CHALLENGE, "mine"), token = ATTRIBUTE(CKA_TOKEN, yes),
                 unknown = TEXT_ATTRIBUTE(CKA_VALUE, "value");
    /* with EIP-55's capitals; kept in lower case, as grants are compared */
    assert_ok(name_principal(fixture->session, "ethereum:0x2c7536E3605D9C16a7a3D7b1898e529396a65c23", &object));
    assert_true(module_has_text(
        fixture->session, object, CKA_BULLA_PRINCIPAL, "ethereum:0x2c7536e3605d9c16a7a3d7b1898e529396a65c23"));
    assert_rv(module_get(fixture->session, object, CKA_BULLA_PROOF, value, &size), CKR_ATTRIBUTE_SENSITIVE);
    assert_rv(p11->C_SetAttributeValue(fixture->session, object, &changes[1], 1), CKR_ATTRIBUTE_READ_ONLY);
    assert_rv(p11->C_SetAttributeValue(fixture->session, object, &challenge, 1), CKR_ATTRIBUTE_READ_ONLY);
    assert_rv(p11->C_SetAttributeValue(fixture->session, object, &token, 1), CKR_ATTRIBUTE_READ_ONLY);
    assert_rv(p11->C_SetAttributeValue(fixture->session, object, &unknown, 1), CKR_ATTRIBUTE_TYPE_INVALID);
    assert_rv(p11->C_SetAttributeValue(fixture->session, object, changes, 2), CKR_TEMPLATE_INCONSISTENT);
    assert_rv(p11->C_CopyObject(fixture->session, object, NULL, 0, &copy), CKR_ACTION_PROHIBITED);
    assert_rv(set_proof(fixture->session, object, value, 65), CKR_FUNCTION_REJECTED);
    assert_ok(p11->C_DestroyObject(fixture->session, object));
    assert_rv(set_proof(fixture->session, object, value, 65), CKR_OBJECT_HANDLE_INVALID);
    CK_OBJECT_HANDLE data = module_data(fixture->session, false, false, "d", "v");
    assert_rv(set_proof(fixture->session, data, value, 65), CKR_ATTRIBUTE_TYPE_INVALID);
}

/* The private key of web3.js's documentation; libsecp256k1 signs, as a wallet would. */
static void sign_as_wallet(const char *challenge, size_t size, uint8_t proof[static 65])
{
    uint8_t key[32], digest[32];
    char head[64];
    int bit = 0;
    secp256k1_ecdsa_recoverable_signature signature;
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_SIGN);
    assert_int_equal(sodium_hex2bin(key, sizeof key, "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318",
                         64, NULL, NULL, NULL),
        0);
    (void)snprintf(head, sizeof head, "\031Ethereum Signed Message:\n%zu", size);
    const struct bulla_bytes parts[] = {BULLA_TEXT(head), {(const uint8_t *)challenge, size}};
    bulla_keccak256(parts, 2, digest);
    assert_int_equal(secp256k1_ecdsa_sign_recoverable(context, &signature, digest, key, NULL, NULL), 1);
    (void)secp256k1_ecdsa_recoverable_signature_serialize_compact(context, proof, &bit, &signature);
    proof[64] = (uint8_t)(27 + bit);
    secp256k1_context_destroy(context);
}

static void a_wallet_proves_its_account(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE object = 0;
    char challenge[512];
    uint8_t proof[65];
    unsigned long size = sizeof challenge;
    assert_ok(name_principal(fixture->session, "ethereum:0x2c7536e3605d9c16a7a3d7b1898e529396a65c23", &object));
    assert_ok(module_get(fixture->session, object, CKA_BULLA_CHALLENGE, challenge, &size));
    sign_as_wallet(challenge, size, proof);
    assert_ok(set_proof(fixture->session, object, proof, sizeof proof));
    assert_rv(set_proof(fixture->session, object, proof, sizeof proof), CKR_FUNCTION_REJECTED);
    size = sizeof challenge;
    assert_rv(module_get(fixture->session, object, CKA_BULLA_CHALLENGE, challenge, &size), CKR_ATTRIBUTE_TYPE_INVALID);
    char log[160];
    (void)snprintf(log, sizeof log, "%s", fixture->token);
    assert_true(
        file_holds(log, "audit.jsonl", "\"principal\":\"ethereum:0x2c7536e3605d9c16a7a3d7b1898e529396a65c23\""));
}

static void a_user_logs_in_by_an_object_where_c_login_user_is_not(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE object = 0, key = 0;
    CK_SESSION_INFO info;
    (void)add_ann(fixture->session);
    assert_ok(p11->C_Logout(fixture->session));
    assert_rv(name_principal(fixture->session, "ethereum:0x2c7536e3605d9c16a7a3d7b1898e529396a65c23", &key),
        CKR_USER_NOT_LOGGED_IN);
    assert_ok(name_principal(fixture->session, "user:ann", &object));
    assert_rv(set_proof(fixture->session, object, "wrong", 5), CKR_PIN_INCORRECT);
    assert_ok(set_proof(fixture->session, object, ANN_PIN, sizeof ANN_PIN - 1));
    assert_ok(p11->C_GetSessionInfo(fixture->session, &info));
    assert_int_equal(info.state, CKS_RW_USER_FUNCTIONS);
    assert_rv(login_user(fixture->session, "ann", ANN_PIN), CKR_USER_ALREADY_LOGGED_IN);
    assert_ok(p11->C_Logout(fixture->session));
    assert_rv(set_proof(fixture->session, object, ANN_PIN, sizeof ANN_PIN - 1), CKR_OBJECT_HANDLE_INVALID);
    assert_ok(name_principal(fixture->session, "user:ann", &object));
    assert_ok(module_login(fixture->session, CKU_SO, SO_PIN));
    assert_rv(set_proof(fixture->session, object, ANN_PIN, sizeof ANN_PIN - 1), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(a_user_has_a_name_and_a_pin_that_nobody_reads),
        MODULE_TEST(a_user_logs_in_by_name_and_uses_what_the_token_has),
        MODULE_TEST(users_are_the_owner_s_to_make_and_remove),
        MODULE_TEST(a_user_that_cannot_be_is_refused),
        MODULE_TEST(nothing_of_a_user_is_changed_or_copied),
        MODULE_TEST(each_user_changes_his_own_pin),
        MODULE_TEST(tries_of_one_user_do_not_lock_another),
        MODULE_TEST(a_locked_user_is_made_anew_by_the_owner),
        MODULE_TEST(a_key_that_asks_takes_the_pin_of_who_logged_in),
        MODULE_TEST(initialising_the_token_removes_its_users),
        MODULE_TEST(other_processes_have_the_users_at_once),
        MODULE_TEST(a_killed_addition_or_removal_is_whole_or_was_not),
        MODULE_TEST(templates_of_a_session_s_principal_are_judged),
        MODULE_TEST(a_session_s_principal_takes_a_proof_and_nothing_else),
        MODULE_TEST(a_wallet_proves_its_account),
        MODULE_TEST(a_user_logs_in_by_an_object_where_c_login_user_is_not),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
