/* Slots, tokens, and who may open them. */
#include "module_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 5 };

static unsigned char label_bytes[32] = "another label                   ";

static CK_FLAGS token_flags(void)
{
    CK_TOKEN_INFO info;
    assert_ok(p11->C_GetTokenInfo(0, &info));
    return info.flags;
}

static void slots_come_in_ascending_order(void **state)
{
    const struct module_fixture *fixture = *state;
    char text[512];
    CK_SLOT_ID slots[8];
    unsigned long count = 0;
    int size = snprintf(text, sizeof text,
        "[token b]\nslot = 7\npath = %s/b\n[token a]\nslot = 3\npath = %s/a\n[token c]\npath = %s/c\n", fixture->folder,
        fixture->folder, fixture->folder);
    test_file_write(fixture->conf, text, (size_t)size);
    module_initialize();
    assert_ok(p11->C_GetSlotList(CK_FALSE, NULL, &count));
    assert_int_equal(count, 3);
    count = 2;
    assert_rv(p11->C_GetSlotList(CK_TRUE, slots, &count), CKR_BUFFER_TOO_SMALL);
    assert_int_equal(count, 3);
    count = COUNT_OF(slots);
    assert_ok(p11->C_GetSlotList(CK_TRUE, slots, &count));
    assert_int_equal(count, 3);
    assert_int_equal(slots[0], 2); /* the third section without a number of its own */
    assert_int_equal(slots[1], 3);
    assert_int_equal(slots[2], 7);
    CK_SLOT_INFO info;
    assert_ok(p11->C_GetSlotInfo(7, &info));
    assert_memory_equal(info.slotDescription, "bulla token b ", 14);
    assert_int_equal(info.flags, CKF_TOKEN_PRESENT);
    assert_rv(p11->C_GetSlotInfo(0, &info), CKR_SLOT_ID_INVALID);
}

/* Each token has its own login, objects and serial. */
static void tokens_of_one_file_are_apart(void **state)
{
    const struct module_fixture *fixture = *state;
    char text[512];
    int size = snprintf(text, sizeof text,
        "[token one]\npath = %s/1\npin-cost = quick\n[token two]\npath = %s/2\npin-cost = quick\n", fixture->folder,
        fixture->folder);
    test_file_write(fixture->conf, text, (size_t)size);
    module_initialize();
    module_token_make(0, true);
    module_token_make(1, true);
    CK_SESSION_HANDLE first = module_session(0, CKF_RW_SESSION), second = module_session(1, CKF_RW_SESSION);
    assert_ok(module_login(first, CKU_USER, USER_PIN));
    CK_OBJECT_HANDLE object = module_data(first, true, true, "only here", "1");
    CK_SESSION_INFO info;
    assert_ok(p11->C_GetSessionInfo(second, &info));
    assert_int_equal(info.state, CKS_RW_PUBLIC_SESSION);
    assert_ok(module_login(second, CKU_USER, USER_PIN));
    assert_int_equal(module_find_label(first, "only here", NULL), 1);
    assert_int_equal(module_find_label(second, "only here", NULL), 0);
    assert_rv(p11->C_DestroyObject(second, object), CKR_OBJECT_HANDLE_INVALID);
    CK_TOKEN_INFO a, b;
    assert_ok(p11->C_GetTokenInfo(0, &a));
    assert_ok(p11->C_GetTokenInfo(1, &b));
    assert_memory_not_equal(a.serialNumber, b.serialNumber, 16);
    assert_ok(p11->C_CloseAllSessions(0));
    assert_ok(p11->C_GetSessionInfo(second, &info));
    assert_int_equal(info.state, CKS_RW_USER_FUNCTIONS);
}

static void a_token_before_initialisation_says_so(void **state)
{
    (void)state;
    CK_TOKEN_INFO info;
    CK_SESSION_HANDLE session = 0;
    assert_ok(p11->C_GetTokenInfo(0, &info));
    assert_false(info.flags & CKF_TOKEN_INITIALIZED);
    assert_true(info.flags & CKF_LOGIN_REQUIRED);
    assert_rv(p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_TOKEN_NOT_RECOGNIZED);
    assert_int_equal(session, 0);
}

static void token_info_says_what_a_token_is(void **state)
{
    (void)state;
    CK_TOKEN_INFO info;
    memset(&info, 0xee, sizeof info);
    assert_ok(p11->C_GetTokenInfo(0, &info));
    assert_memory_equal(info.label, "test token                      ", 32);
    assert_memory_equal(info.manufacturerID, "bulla                           ", 32);
    assert_memory_equal(info.model, "bulla           ", 16);
    for (int i = 0; i < 16; i++)
        assert_true(info.serialNumber[i] > ' ' && info.serialNumber[i] < 127);
    assert_int_equal(info.flags & (CKF_RNG | CKF_LOGIN_REQUIRED | CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED),
        CKF_RNG | CKF_LOGIN_REQUIRED | CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED);
    assert_false(info.flags & (CKF_WRITE_PROTECTED | CKF_USER_PIN_COUNT_LOW | CKF_SO_PIN_COUNT_LOW));
    assert_int_equal(info.ulSessionCount, 1);
    assert_int_equal(info.ulRwSessionCount, 1);
    assert_int_equal(info.ulMinPinLen, 4);
    assert_int_equal(info.ulMaxPinLen, 255);
}

static void init_token_makes_private_files(void **state)
{
    const struct module_fixture *fixture = *state;
    char path[160];
    struct stat status;
    assert_int_equal(stat(fixture->token, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    test_folder_join(path, sizeof path, fixture->token, "token.db");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void init_token_again_needs_the_so_pin(void **state)
{
    struct module_fixture *fixture = *state;
    module_data(fixture->session, true, false, "of the old token", "x");
    assert_rv(p11->C_InitToken(0, PIN(SO_PIN), label_bytes), CKR_SESSION_EXISTS);
    assert_ok(p11->C_CloseSession(fixture->session));
    assert_rv(p11->C_InitToken(0, PIN("wrong so pin"), label_bytes), CKR_PIN_INCORRECT);
    assert_true(token_flags() & CKF_SO_PIN_COUNT_LOW);
    fixture->session = module_session(0, CKF_RW_SESSION);
    assert_int_equal(module_find_label(fixture->session, "of the old token", NULL), 1);
    assert_ok(p11->C_CloseSession(fixture->session));
    assert_ok(p11->C_InitToken(0, PIN(SO_PIN), label_bytes));
    CK_TOKEN_INFO info;
    assert_ok(p11->C_GetTokenInfo(0, &info));
    assert_memory_equal(info.label, label_bytes, 32);
    assert_false(info.flags & (CKF_USER_PIN_INITIALIZED | CKF_SO_PIN_COUNT_LOW));
    fixture->session = module_session(0, CKF_RW_SESSION);
    assert_int_equal(module_find(fixture->session, NULL, 0, NULL), 0);
}

static void init_token_checks_its_arguments(void **state)
{
    (void)state;
    unsigned char longest[256];
    memset(longest, 'p', sizeof longest);
    assert_rv(p11->C_InitToken(9, PIN(SO_PIN), label_bytes), CKR_SLOT_ID_INVALID);
    assert_rv(p11->C_InitToken(0, NULL, 4, label_bytes), CKR_ARGUMENTS_BAD);
    assert_rv(p11->C_InitToken(0, PIN(SO_PIN), NULL), CKR_ARGUMENTS_BAD);
    assert_rv(p11->C_InitToken(0, PIN("123"), label_bytes), CKR_PIN_LEN_RANGE);
    assert_rv(p11->C_InitToken(0, longest, 256, label_bytes), CKR_PIN_LEN_RANGE);
    assert_rv(p11->C_InitToken(0, longest, (unsigned long)-1, label_bytes), CKR_PIN_LEN_RANGE);
    assert_false(token_flags() & CKF_TOKEN_INITIALIZED);
    assert_ok(p11->C_InitToken(0, longest, 255, label_bytes));
}

static void without_a_user_pin_nobody_logs_in(void **state)
{
    (void)state;
    module_token_make(0, false);
    assert_false(token_flags() & CKF_USER_PIN_INITIALIZED);
    CK_SESSION_HANDLE session = module_session(0, CKF_RW_SESSION);
    assert_rv(module_login(session, CKU_USER, USER_PIN), CKR_USER_PIN_NOT_INITIALIZED);
    assert_rv(p11->C_SetPIN(session, PIN(USER_PIN), PIN("another")), CKR_USER_PIN_NOT_INITIALIZED);
    assert_rv(p11->C_InitPIN(session, PIN(USER_PIN)), CKR_USER_NOT_LOGGED_IN);
}

static void init_pin_belongs_to_the_so(void **state)
{
    struct module_fixture *fixture = *state;
    assert_rv(p11->C_InitPIN(fixture->session, PIN("whatever")), CKR_USER_NOT_LOGGED_IN);
    assert_ok(module_login(fixture->session, CKU_USER, USER_PIN));
    assert_rv(p11->C_InitPIN(fixture->session, PIN("whatever")), CKR_USER_NOT_LOGGED_IN);
    assert_ok(p11->C_Logout(fixture->session));
    assert_ok(module_login(fixture->session, CKU_SO, SO_PIN));
    assert_rv(p11->C_InitPIN(fixture->session, PIN("123")), CKR_PIN_LEN_RANGE);
    assert_rv(p11->C_InitPIN(fixture->session, NULL, 8), CKR_ARGUMENTS_BAD);
    /* Without so-recovery the SO opens nothing: only the right PIN is accepted (a new one would lose the keys). */
    assert_rv(p11->C_InitPIN(fixture->session, PIN("a new user pin")), CKR_FUNCTION_REJECTED);
    assert_ok(p11->C_Logout(fixture->session));
    assert_ok(module_login(fixture->session, CKU_USER, USER_PIN));
}

static void set_pin_changes_the_pin_of_whoever_is_logged_in(void **state)
{
    struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE object = 0;
    assert_ok(module_login(session, CKU_USER, USER_PIN));
    module_data(session, true, true, "kept", "through the change");
    assert_rv(p11->C_SetPIN(session, PIN("not the pin"), PIN("new user pin")), CKR_PIN_INCORRECT);
    assert_rv(p11->C_SetPIN(session, PIN(USER_PIN), PIN("123")), CKR_PIN_LEN_RANGE);
    assert_rv(p11->C_SetPIN(session, PIN(USER_PIN), NULL, 8), CKR_ARGUMENTS_BAD);
    assert_rv(p11->C_SetPIN(session, NULL, 8, PIN(USER_PIN)), CKR_ARGUMENTS_BAD);
    assert_ok(p11->C_SetPIN(session, PIN(USER_PIN), PIN("new user pin")));
    assert_ok(p11->C_Logout(session));
    assert_rv(module_login(session, CKU_USER, USER_PIN), CKR_PIN_INCORRECT);
    assert_ok(p11->C_SetPIN(session, PIN("new user pin"), PIN("newer user pin"))); /* nobody: the user's */
    assert_ok(module_login(session, CKU_USER, "newer user pin"));
    assert_int_equal(module_find_label(session, "kept", &object), 1);
    assert_true(module_has_text(session, object, CKA_VALUE, "through the change"));
    assert_ok(p11->C_Logout(session));
    assert_ok(module_login(session, CKU_SO, SO_PIN));
    assert_rv(p11->C_SetPIN(session, PIN("newer user pin"), PIN("new so pin")), CKR_PIN_INCORRECT);
    assert_ok(p11->C_SetPIN(session, PIN(SO_PIN), PIN("new so pin")));
    assert_ok(p11->C_Logout(session));
    assert_rv(module_login(session, CKU_SO, SO_PIN), CKR_PIN_INCORRECT);
    assert_ok(module_login(session, CKU_SO, "new so pin"));
    CK_SESSION_HANDLE reader = 0;
    assert_rv(p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &reader), CKR_SESSION_READ_WRITE_SO_EXISTS);
    assert_ok(p11->C_Logout(session));
    reader = module_session(0, 0);
    assert_rv(p11->C_SetPIN(reader, PIN("newer user pin"), PIN(USER_PIN)), CKR_SESSION_READ_ONLY);
}

static void login_checks_who_and_what(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    assert_rv(p11->C_Login(session, CKU_USER, NULL, 0), CKR_ARGUMENTS_BAD);
    assert_rv(p11->C_Login(session, 77, PIN(USER_PIN)), CKR_USER_TYPE_INVALID);
    assert_rv(p11->C_Login(session, CKU_CONTEXT_SPECIFIC, PIN(USER_PIN)), CKR_USER_NOT_LOGGED_IN);
    assert_rv(p11->C_Login(session, CKU_USER, PIN("")), CKR_PIN_LEN_RANGE);
    assert_rv(p11->C_Logout(session), CKR_USER_NOT_LOGGED_IN);
    assert_false(token_flags() & CKF_USER_PIN_COUNT_LOW); /* nothing was tried */
    assert_ok(module_login(session, CKU_USER, USER_PIN));
    assert_rv(module_login(session, CKU_USER, USER_PIN), CKR_USER_ALREADY_LOGGED_IN);
    assert_rv(module_login(session, CKU_SO, SO_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    assert_ok(p11->C_Logout(session));
    assert_ok(module_login(session, CKU_SO, SO_PIN));
    assert_rv(module_login(session, CKU_USER, USER_PIN), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
}

static void flags_count_down_to_the_lock(void **state)
{
    const struct module_fixture *fixture = *state;
    const CK_FLAGS all = CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;
    for (int wrong = 0; wrong <= TRIES; wrong++) {
        CK_FLAGS expected = wrong > 0 ? CKF_USER_PIN_COUNT_LOW : 0;
        expected |= wrong == TRIES - 1 ? CKF_USER_PIN_FINAL_TRY : 0;
        expected |= wrong == TRIES ? CKF_USER_PIN_LOCKED : 0;
        assert_int_equal(token_flags() & all, expected);
        if (wrong < TRIES)
            assert_rv(module_login(fixture->session, CKU_USER, "not the pin"), CKR_PIN_INCORRECT);
    }
    assert_rv(module_login(fixture->session, CKU_USER, USER_PIN), CKR_PIN_LOCKED);
    assert_rv(p11->C_SetPIN(fixture->session, PIN(USER_PIN), PIN("another")), CKR_PIN_LOCKED);
    assert_false(token_flags() & CKF_SO_PIN_COUNT_LOW); /* the SO's count is its own */
}

static void a_right_pin_puts_the_count_back(void **state)
{
    const struct module_fixture *fixture = *state;
    for (int round = 0; round < 3; round++) {
        for (int wrong = 0; wrong < TRIES - 1; wrong++)
            assert_rv(module_login(fixture->session, CKU_USER, "not the pin"), CKR_PIN_INCORRECT);
        assert_ok(module_login(fixture->session, CKU_USER, USER_PIN));
        assert_false(token_flags() & CKF_USER_PIN_COUNT_LOW);
        assert_ok(p11->C_Logout(fixture->session));
    }
}

static void lock_user(CK_SESSION_HANDLE session)
{
    for (int wrong = 0; wrong < TRIES; wrong++)
        assert_rv(module_login(session, CKU_USER, "not the pin"), CKR_PIN_INCORRECT);
    assert_rv(module_login(session, CKU_USER, USER_PIN), CKR_PIN_LOCKED);
}

static void the_so_unlocks_with_the_right_pin_only(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    lock_user(session);
    assert_ok(module_login(session, CKU_SO, SO_PIN));
    assert_rv(p11->C_InitPIN(session, PIN("not the pin")), CKR_FUNCTION_REJECTED);
    assert_ok(p11->C_Logout(session));
    assert_rv(module_login(session, CKU_USER, USER_PIN), CKR_PIN_LOCKED);
    assert_ok(module_login(session, CKU_SO, SO_PIN));
    assert_ok(p11->C_InitPIN(session, PIN(USER_PIN)));
    assert_ok(p11->C_Logout(session));
    assert_ok(module_login(session, CKU_USER, USER_PIN));
}

static void a_locked_so_stays_out(void **state)
{
    const struct module_fixture *fixture = *state;
    for (int wrong = 0; wrong < TRIES; wrong++)
        assert_rv(module_login(fixture->session, CKU_SO, "not the pin"), CKR_PIN_INCORRECT);
    assert_rv(module_login(fixture->session, CKU_SO, SO_PIN), CKR_PIN_LOCKED);
    assert_true(token_flags() & CKF_SO_PIN_LOCKED);
    assert_ok(module_login(fixture->session, CKU_USER, USER_PIN)); /* the user is not the SO */
    assert_ok(p11->C_CloseSession(fixture->session));
    assert_rv(p11->C_InitToken(0, PIN(SO_PIN), label_bytes), CKR_PIN_LOCKED);
}

static void with_so_recovery_the_so_sets_a_new_pin(void **state)
{
    struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE object = 0;
    module_conf(fixture, "so-recovery = yes");
    module_initialize();
    module_token_make(0, true);
    CK_SESSION_HANDLE session = module_session(0, CKF_RW_SESSION);
    assert_ok(module_login(session, CKU_USER, USER_PIN));
    module_data(session, true, true, "kept", "though the PIN was lost");
    assert_ok(p11->C_Logout(session));
    lock_user(session);
    assert_ok(module_login(session, CKU_SO, SO_PIN));
    assert_ok(p11->C_InitPIN(session, PIN("a new user pin")));
    assert_ok(p11->C_SetPIN(session, PIN(SO_PIN), PIN("a new so pin")));
    assert_ok(p11->C_Logout(session));
    assert_rv(module_login(session, CKU_USER, USER_PIN), CKR_PIN_INCORRECT);
    assert_ok(module_login(session, CKU_USER, "a new user pin"));
    assert_int_equal(module_find_label(session, "kept", &object), 1);
    assert_true(module_has_text(session, object, CKA_VALUE, "though the PIN was lost"));
    assert_ok(p11->C_Logout(session));
    assert_ok(module_login(session, CKU_SO, "a new so pin")); /* the SO's new PIN opens the same copy */
    assert_ok(p11->C_InitPIN(session, PIN("a third user pin")));
    assert_ok(p11->C_Logout(session));
    assert_ok(module_login(session, CKU_USER, "a third user pin"));
    assert_int_equal(module_find_label(session, "kept", &object), 1);
    assert_true(module_has_text(session, object, CKA_VALUE, "though the PIN was lost"));
}

/* What a fresh process of another program does: initialise, one wrong PIN, end without a word. */
static int wrong_pin_and_exit(void *context)
{
    (void)context;
    CK_SESSION_HANDLE session = 0;
    if (p11->C_Initialize(NULL) != CKR_OK || p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
        return 100;
    CK_RV rv = module_login(session, CKU_USER, "not the pin");
    return rv == CKR_PIN_INCORRECT ? 1 : rv == CKR_PIN_LOCKED ? 2 : 101;
}

static void wrong_pins_are_counted_across_processes(void **state)
{
    const struct module_fixture *fixture = *state;
    for (int wrong = 0; wrong < TRIES; wrong++)
        assert_int_equal(module_in_child(wrong_pin_and_exit, NULL), 1);
    assert_int_equal(module_in_child(wrong_pin_and_exit, NULL), 2);
    assert_rv(module_login(fixture->session, CKU_USER, USER_PIN), CKR_PIN_LOCKED); /* here, too */
    assert_true(token_flags() & CKF_USER_PIN_LOCKED);
}

/* The same at once: no two processes share a try. */
static void no_try_is_won_by_trying_at_once(void **state)
{
    (void)state;
    enum { CHILDREN = 12 };
    pid_t children[CHILDREN];
    int tried = 0;
    for (int i = 0; i < CHILDREN; i++)
        children[i] = module_start_child(wrong_pin_and_exit, NULL);
    for (int i = 0; i < CHILDREN; i++)
        tried += module_wait_child(children[i]) == 1;
    assert_true(tried >= 1);
    if (tried > TRIES)
        fail_msg("%d wrong PINs were judged", tried);
    CK_SESSION_HANDLE session = module_session(0, CKF_RW_SESSION);
    assert_rv(module_login(session, CKU_USER, USER_PIN), CKR_PIN_LOCKED);
}

static void mechanisms_are_listed_with_their_uses(void **state)
{
    (void)state;
    CK_MECHANISM_TYPE list[512];
    CK_MECHANISM_INFO info;
    unsigned long count = 0;
    assert_ok(p11->C_GetMechanismList(0, NULL, &count));
    assert_true(count >= 4 && count <= COUNT_OF(list));
    unsigned long less = count - 1;
    assert_rv(p11->C_GetMechanismList(0, list, &less), CKR_BUFFER_TOO_SMALL);
    assert_int_equal(less, count);
    assert_ok(p11->C_GetMechanismList(0, list, &count));
    for (unsigned long i = 0; i < count; i++)
        assert_ok(p11->C_GetMechanismInfo(0, list[i], &info));
    assert_ok(p11->C_GetMechanismInfo(0, CKM_BULLA_SEAL, &info));
    assert_int_equal(info.flags, CKF_ENCRYPT);
    assert_rv(p11->C_GetMechanismInfo(0, 0x12345678, &info), CKR_MECHANISM_INVALID);
    assert_rv(p11->C_GetMechanismInfo(0, CKM_BULLA_SEAL, NULL), CKR_ARGUMENTS_BAD);
    assert_rv(p11->C_GetMechanismInfo(9, CKM_BULLA_SEAL, &info), CKR_SLOT_ID_INVALID);
    assert_rv(p11->C_GetMechanismList(9, NULL, &count), CKR_SLOT_ID_INVALID);
    assert_rv(p11->C_GetMechanismList(0, NULL, NULL), CKR_ARGUMENTS_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONF_TEST(slots_come_in_ascending_order),
        CONF_TEST(tokens_of_one_file_are_apart),
        BARE_TEST(a_token_before_initialisation_says_so),
        PUBLIC_TEST(token_info_says_what_a_token_is),
        PUBLIC_TEST(init_token_makes_private_files),
        MODULE_TEST(init_token_again_needs_the_so_pin),
        BARE_TEST(init_token_checks_its_arguments),
        BARE_TEST(without_a_user_pin_nobody_logs_in),
        PUBLIC_TEST(init_pin_belongs_to_the_so),
        PUBLIC_TEST(set_pin_changes_the_pin_of_whoever_is_logged_in),
        PUBLIC_TEST(login_checks_who_and_what),
        PUBLIC_TEST(flags_count_down_to_the_lock),
        PUBLIC_TEST(a_right_pin_puts_the_count_back),
        PUBLIC_TEST(the_so_unlocks_with_the_right_pin_only),
        PUBLIC_TEST(a_locked_so_stays_out),
        CONF_TEST(with_so_recovery_the_so_sets_a_new_pin),
        PUBLIC_TEST(wrong_pins_are_counted_across_processes),
        PUBLIC_TEST(no_try_is_won_by_trying_at_once),
        BARE_TEST(mechanisms_are_listed_with_their_uses),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
