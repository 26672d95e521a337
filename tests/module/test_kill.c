/* kill -9 at every durable step of what the module writes: afterwards the token opens, as it was or as it was to be. */
#include "module_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const store_faults[] = {"store-begin", "store-put", "store-value-put", "store-erase",
    "store-before-commit", "store-change-noted", "store-generation-advanced", "store-after-commit", "store-end-noted"};

static bool is_behind_commit(const char *fault)
{
    return strcmp(fault, "store-after-commit") == 0 || strcmp(fault, "store-end-noted") == 0;
}

struct victim {
    const char *fault;
    int (*act)(CK_SESSION_HANDLE session);
    bool log_in;
};

static int die(void *context)
{
    const struct victim *victim = context;
    CK_SESSION_HANDLE session = 0;
    if (p11->C_Initialize(NULL) != CKR_OK ||
        p11->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) != CKR_OK ||
        (victim->log_in && module_login(session, CKU_USER, USER_PIN) != CKR_OK) ||
        setenv("BULLA_FAULT", victim->fault, 1) != 0)
        return 100;
    return victim->act(session);
}

/* Whether the process died at the point: not every act passes every one. */
static bool kill_at(const char *fault, int (*act)(CK_SESSION_HANDLE session), bool log_in)
{
    struct victim victim = {fault, act, log_in};
    int status = module_in_child(die, &victim);
    if (status != 256 + SIGKILL && status != 0)
        fail_msg("at %s: status %d", fault, status);
    return status != 0;
}

static void reopen(struct module_fixture *fixture)
{
    CK_RV rv = p11->C_Finalize(NULL);
    assert_true(rv == CKR_OK || rv == CKR_CRYPTOKI_NOT_INITIALIZED);
    module_initialize();
    fixture->session = module_session(0, CKF_RW_SESSION);
}

static int create(CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE object = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_TOKEN, yes),
        ATTRIBUTE(CKA_PRIVATE, yes), TEXT_ATTRIBUTE(CKA_LABEL, "new"), TEXT_ATTRIBUTE(CKA_VALUE, "whole value")};
    return p11->C_CreateObject(session, attributes, COUNT_OF(attributes), &object) == CKR_OK ? 0 : 1;
}

static void a_killed_creation_leaves_the_whole_object_or_none(void **state)
{
    struct module_fixture *fixture = *state;
    unsigned long expected = 0;
    int died = 0;
    module_data(fixture->session, true, true, "old", "old value");
    for (size_t i = 0; i < COUNT_OF(store_faults); i++) {
        CK_OBJECT_HANDLE object = 0;
        bool killed = kill_at(store_faults[i], create, true);
        died += killed;
        expected += !killed || is_behind_commit(store_faults[i]);
        for (int fresh = 0; fresh < 2; fresh++) { /* seen from a process that was there, and from a new one */
            assert_int_equal(module_find_label(fixture->session, "new", &object), expected);
            assert_true(!expected || module_has_text(fixture->session, object, CKA_VALUE, "whole value"));
            assert_int_equal(module_find_label(fixture->session, "old", &object), 1);
            assert_true(module_has_text(fixture->session, object, CKA_VALUE, "old value"));
            if (!fresh) {
                reopen(fixture);
                assert_ok(module_login(fixture->session, CKU_USER, USER_PIN));
            }
        }
    }
    assert_true(died >= 7);
}

static CK_RV make_pair(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_ATTRIBUTE *parameter)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_ATTRIBUTE public_half[] = {ATTRIBUTE(CKA_TOKEN, yes), TEXT_ATTRIBUTE(CKA_LABEL, "half"), *parameter},
                 private_half[] = {ATTRIBUTE(CKA_TOKEN, yes), TEXT_ATTRIBUTE(CKA_LABEL, "half")};
    CK_OBJECT_HANDLE public_key = 0, private_key = 0;
    return p11->C_GenerateKeyPair(session, &mechanism, public_half, COUNT_OF(public_half), private_half,
        COUNT_OF(private_half), &public_key, &private_key);
}

static int generate_pair(CK_SESSION_HANDLE session)
{
    unsigned char ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    CK_ATTRIBUTE parameter = ATTRIBUTE(CKA_EC_PARAMS, ed25519);
    return make_pair(session, CKM_EC_EDWARDS_KEY_PAIR_GEN, &parameter) == CKR_OK ? 0 : 1;
}

static int generate_kes_pair(CK_SESSION_HANDLE session)
{
    CK_ULONG depth = 2;
    CK_ATTRIBUTE parameter = ATTRIBUTE(CKA_BULLA_KES_DEPTH, depth);
    return make_pair(session, CKM_BULLA_KES_KEY_PAIR_GEN, &parameter) == CKR_OK ? 0 : 1;
}

/* The points of one transaction, which the pair's two rows share: a second one would be found by the last of these. */
static const char *const pair_faults[] = {"store-begin", "store-put", "store-put#2", "store-before-commit",
    "store-generation-advanced", "store-after-commit", "store-begin#2"};

static void a_killed_generation_leaves_both_halves_or_none(void **state)
{
    struct module_fixture *fixture = *state;
    unsigned long expected = 0;
    int died = 0;
    for (size_t i = 0; i < COUNT_OF(pair_faults); i++) {
        bool killed = kill_at(pair_faults[i], generate_pair, true);
        died += killed;
        expected += !killed || strcmp(pair_faults[i], "store-after-commit") == 0 ? 2 : 0;
        assert_int_equal(module_find_label(fixture->session, "half", NULL), expected);
    }
    assert_int_equal(died, COUNT_OF(pair_faults) - 1);
    reopen(fixture);
    assert_ok(module_login(fixture->session, CKU_USER, USER_PIN));
    assert_int_equal(module_find_label(fixture->session, "half", NULL), expected);
}

/* Of a key that evolves its state is written first, in a file and not in the store: at no point of that is one half
 * there, nor are both before the store's commit. */
static const char *const kes_pair_faults[] = {"states-file-written", "states-written", "states-marked",
    "states-committed", "states-erased", "states-added", "store-put", "store-before-commit", "store-after-commit",
    "store-begin#2"};

static void a_killed_generation_of_a_kes_pair_leaves_both_halves_or_none(void **state)
{
    struct module_fixture *fixture = *state;
    unsigned long expected = 0;
    int died = 0;
    for (size_t i = 0; i < COUNT_OF(kes_pair_faults); i++) {
        bool killed = kill_at(kes_pair_faults[i], generate_kes_pair, true);
        died += killed;
        expected += !killed || strcmp(kes_pair_faults[i], "store-after-commit") == 0 ? 2 : 0;
        assert_int_equal(module_find_label(fixture->session, "half", NULL), expected);
    }
    assert_int_equal(died, COUNT_OF(kes_pair_faults) - 1);
}

static int destroy(CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE object = 0;
    CK_ATTRIBUTE label = TEXT_ATTRIBUTE(CKA_LABEL, "doomed");
    unsigned long count = 0;
    if (p11->C_FindObjectsInit(session, &label, 1) != CKR_OK ||
        p11->C_FindObjects(session, &object, 1, &count) != CKR_OK || count != 1 ||
        p11->C_FindObjectsFinal(session) != CKR_OK)
        return 1;
    return p11->C_DestroyObject(session, object) == CKR_OK ? 0 : 2;
}

static void a_killed_destruction_leaves_the_object_or_nothing(void **state)
{
    struct module_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(store_faults); i++) {
        CK_OBJECT_HANDLE object = module_data(fixture->session, true, true, "doomed", "value");
        bool killed = kill_at(store_faults[i], destroy, true);
        bool gone = !killed || is_behind_commit(store_faults[i]);
        assert_int_equal(module_find_label(fixture->session, "doomed", NULL), !gone);
        if (!gone) {
            assert_true(module_has_text(fixture->session, object, CKA_VALUE, "value"));
            assert_ok(p11->C_DestroyObject(fixture->session, object));
        }
    }
}

static int change_pin(CK_SESSION_HANDLE session)
{
    return p11->C_SetPIN(session, PIN(USER_PIN), PIN("new user pin")) == CKR_OK ? 0 : 1;
}

/* Exactly one of the two PINs is right, and it opens what the token has. */
static void a_killed_change_of_pin_leaves_one_pin_right(void **state)
{
    struct module_fixture *fixture = *state;
    static const char *const more[] = {"pin-counted"};
    module_data(fixture->session, true, true, "kept", "value");
    assert_ok(p11->C_Logout(fixture->session));
    for (size_t i = 0; i < COUNT_OF(store_faults) + COUNT_OF(more); i++) {
        const char *fault = i < COUNT_OF(store_faults) ? store_faults[i] : more[i - COUNT_OF(store_faults)];
        CK_OBJECT_HANDLE object = 0;
        bool killed = kill_at(fault, change_pin, false);
        reopen(fixture);
        CK_RV old_pin = module_login(fixture->session, CKU_USER, USER_PIN);
        if (old_pin != CKR_OK) {
            assert_rv(old_pin, CKR_PIN_INCORRECT);
            assert_false(killed); /* a change that was killed was not made: it counts the try first */
            assert_ok(module_login(fixture->session, CKU_USER, "new user pin"));
        }
        assert_int_equal(module_find_label(fixture->session, "kept", &object), 1);
        assert_true(module_has_text(fixture->session, object, CKA_VALUE, "value"));
        assert_ok(p11->C_Logout(fixture->session));
        if (old_pin != CKR_OK)
            assert_ok(p11->C_SetPIN(fixture->session, PIN("new user pin"), PIN(USER_PIN)));
    }
}

static int wrong_pin(CK_SESSION_HANDLE session)
{
    return module_login(session, CKU_USER, "not the pin") == CKR_PIN_INCORRECT ? 0 : 1;
}

static int right_pin(CK_SESSION_HANDLE session)
{
    return module_login(session, CKU_USER, USER_PIN) == CKR_OK ? 0 : 1;
}

/* Whoever kills the process before it says "wrong" has used up a try all the same; the right PIN puts it back. */
static void a_killed_try_is_counted(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_TOKEN_INFO info;
    for (int i = 0; i < 4; i++)
        assert_true(kill_at("pin-counted", wrong_pin, false));
    assert_ok(p11->C_GetTokenInfo(0, &info));
    assert_true(info.flags & CKF_USER_PIN_FINAL_TRY);
    assert_ok(module_login(fixture->session, CKU_USER, USER_PIN));
    assert_ok(p11->C_Logout(fixture->session));
    for (int i = 0; i < 5; i++)
        assert_true(kill_at("pin-counted", right_pin, false));
    assert_rv(module_login(fixture->session, CKU_USER, USER_PIN), CKR_PIN_LOCKED);
}

static int initialize_again(CK_SESSION_HANDLE session)
{
    unsigned char label[32];
    memset(label, 'n', sizeof label);
    return p11->C_CloseSession(session) == CKR_OK && p11->C_InitToken(0, PIN(SO_PIN), label) == CKR_OK ? 0 : 1;
}

/* The old token, or one that can be initialised: never half a token that takes a login. */
static void a_killed_initialisation_can_be_repeated(void **state)
{
    struct module_fixture *fixture = *state;
    static const char *const faults[] = {"pin-counted", "store-create-cleared", "store-create-committed",
        "store-before-commit", "store-generation-advanced", "store-after-commit", "store-value-put"};
    unsigned char label[32];
    memset(label, 'r', sizeof label);
    assert_ok(p11->C_CloseSession(fixture->session));
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        (void)kill_at(faults[i], initialize_again, false);
        assert_ok(p11->C_Finalize(NULL));
        module_initialize();
        CK_TOKEN_INFO info;
        assert_ok(p11->C_GetTokenInfo(0, &info));
        CK_RV rv = p11->C_InitToken(0, PIN(SO_PIN), label);
        if (rv != CKR_OK)
            fail_msg("after %s: 0x%lx", faults[i], rv);
        fixture->session = module_session(0, CKF_RW_SESSION);
        assert_ok(module_login(fixture->session, CKU_SO, SO_PIN));
        assert_ok(p11->C_InitPIN(fixture->session, PIN(USER_PIN)));
        assert_ok(p11->C_Logout(fixture->session));
        assert_ok(module_login(fixture->session, CKU_USER, USER_PIN));
        module_data(fixture->session, true, true, "works", "value");
        assert_ok(p11->C_CloseSession(fixture->session));
    }
}

static int first_pin(CK_SESSION_HANDLE session)
{
    if (module_login(session, CKU_SO, SO_PIN) != CKR_OK)
        return 1;
    return p11->C_InitPIN(session, PIN(USER_PIN)) == CKR_OK ? 0 : 2;
}

static void a_killed_first_pin_leaves_none_or_all(void **state)
{
    struct module_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(store_faults); i++) {
        module_token_make(0, false);
        (void)kill_at(store_faults[i], first_pin, false);
        reopen(fixture);
        CK_RV rv = module_login(fixture->session, CKU_USER, USER_PIN);
        if (rv != CKR_OK) {
            assert_rv(rv, CKR_USER_PIN_NOT_INITIALIZED);
            assert_ok(module_login(fixture->session, CKU_SO, SO_PIN));
            assert_ok(p11->C_InitPIN(fixture->session, PIN(USER_PIN)));
            assert_ok(p11->C_Logout(fixture->session));
            assert_ok(module_login(fixture->session, CKU_USER, USER_PIN));
        }
        CK_ATTRIBUTE id = TEXT_ATTRIBUTE(CKA_ID, "receipt");
        assert_int_equal(module_find(fixture->session, &id, 1, NULL), 2); /* one key pair, whole */
        assert_ok(p11->C_CloseSession(fixture->session));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(a_killed_creation_leaves_the_whole_object_or_none),
        MODULE_TEST(a_killed_generation_leaves_both_halves_or_none),
        MODULE_TEST(a_killed_generation_of_a_kes_pair_leaves_both_halves_or_none),
        MODULE_TEST(a_killed_destruction_leaves_the_object_or_nothing),
        MODULE_TEST(a_killed_change_of_pin_leaves_one_pin_right),
        PUBLIC_TEST(a_killed_try_is_counted),
        BARE_TEST(a_killed_first_pin_leaves_none_or_all),
        PUBLIC_TEST(a_killed_initialisation_can_be_repeated),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
