/* Sessions: what they are, what they allow, how many, and how they end. */
#include "module_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static CK_STATE state_of(CK_SESSION_HANDLE session)
{
    CK_SESSION_INFO info;
    assert_ok(p11->C_GetSessionInfo(session, &info));
    return info.state;
}

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void opening_checks_its_arguments(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = 0;
    assert_rv(p11->C_OpenSession(0, 0, NULL, NULL, &session), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    assert_rv(p11->C_OpenSession(0, CKF_RW_SESSION, NULL, NULL, &session), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    assert_rv(p11->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_ASYNC_SESSION, NULL, NULL, &session),
        CKR_SESSION_ASYNC_NOT_SUPPORTED);
    assert_rv(p11->C_OpenSession(9, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_SLOT_ID_INVALID);
    assert_rv(p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, NULL), CKR_ARGUMENTS_BAD);
    assert_int_equal(session, 0);
    assert_rv(p11->C_CloseAllSessions(9), CKR_SLOT_ID_INVALID);
}

static void states_follow_the_login_of_the_token(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE writer = fixture->session, reader = module_session(0, 0);
    assert_int_equal(state_of(reader), CKS_RO_PUBLIC_SESSION);
    assert_int_equal(state_of(writer), CKS_RW_PUBLIC_SESSION);
    assert_rv(module_login(writer, CKU_SO, SO_PIN), CKR_SESSION_READ_ONLY_EXISTS);
    assert_ok(module_login(reader, CKU_USER, USER_PIN));
    assert_int_equal(state_of(reader), CKS_RO_USER_FUNCTIONS);
    assert_int_equal(state_of(writer), CKS_RW_USER_FUNCTIONS);
    CK_SESSION_HANDLE late = module_session(0, 0);
    assert_int_equal(state_of(late), CKS_RO_USER_FUNCTIONS);
    assert_ok(p11->C_Logout(writer));
    assert_int_equal(state_of(reader), CKS_RO_PUBLIC_SESSION);
    assert_ok(p11->C_CloseSession(reader));
    assert_ok(p11->C_CloseSession(late));
    assert_ok(module_login(writer, CKU_SO, SO_PIN));
    assert_int_equal(state_of(writer), CKS_RW_SO_FUNCTIONS);
}

static void info_says_slot_and_flags(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_INFO info;
    assert_ok(p11->C_GetSessionInfo(fixture->session, &info));
    assert_int_equal(info.slotID, 0);
    assert_int_equal(info.flags, CKF_SERIAL_SESSION | CKF_RW_SESSION);
    CK_SESSION_HANDLE reader = module_session(0, 0);
    assert_ok(p11->C_GetSessionInfo(reader, &info));
    assert_int_equal(info.flags, CKF_SERIAL_SESSION);
    assert_rv(p11->C_GetSessionInfo(reader, NULL), CKR_ARGUMENTS_BAD);
}

static void a_reader_writes_session_objects_only(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE reader = module_session(0, 0);
    CK_OBJECT_HANDLE handle = 0, token_object = module_data(fixture->session, true, false, "token", "1");
    CK_ATTRIBUTE on_token[] = {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_TOKEN, yes)};
    assert_rv(p11->C_CreateObject(reader, on_token, 2, &handle), CKR_SESSION_READ_ONLY);
    assert_rv(p11->C_DestroyObject(reader, token_object), CKR_SESSION_READ_ONLY);
    CK_ATTRIBUTE label = TEXT_ATTRIBUTE(CKA_LABEL, "changed");
    assert_rv(p11->C_SetAttributeValue(reader, token_object, &label, 1), CKR_SESSION_READ_ONLY);
    CK_ATTRIBUTE token = ATTRIBUTE(CKA_TOKEN, yes);
    handle = module_data(reader, false, false, "session", "2");
    assert_rv(p11->C_CopyObject(reader, handle, &token, 1, &handle), CKR_SESSION_READ_ONLY);
    assert_ok(p11->C_SetAttributeValue(reader, handle, &label, 1));
    assert_ok(p11->C_DestroyObject(reader, handle));
    assert_int_equal(module_find_label(reader, "token", NULL), 1);
}

static void the_so_writes_no_objects_of_the_user(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE handle = 0;
    assert_ok(module_login(fixture->session, CKU_SO, SO_PIN));
    CK_ATTRIBUTE private_data[] = {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_PRIVATE, yes)};
    assert_rv(p11->C_CreateObject(fixture->session, private_data, 2, &handle), CKR_USER_NOT_LOGGED_IN);
    CK_ATTRIBUTE token_data[] = {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_TOKEN, yes)};
    assert_rv(p11->C_CreateObject(fixture->session, token_data, 2, &handle), CKR_USER_NOT_LOGGED_IN);
}

static void closing_ends_session_objects_and_the_last_one_the_login(void **state)
{
    struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE second = module_session(0, 0);
    CK_OBJECT_HANDLE object = module_data(second, false, false, "of the second", "x");
    assert_int_equal(module_find_label(fixture->session, "of the second", NULL), 1); /* one application */
    assert_ok(p11->C_CloseSession(second));
    assert_rv(p11->C_CloseSession(second), CKR_SESSION_HANDLE_INVALID);
    assert_int_equal(module_find_label(fixture->session, "of the second", NULL), 0);
    unsigned long size = 0;
    assert_rv(p11->C_GetObjectSize(fixture->session, object, &size), CKR_OBJECT_HANDLE_INVALID);
    assert_int_equal(state_of(fixture->session), CKS_RW_USER_FUNCTIONS);
    assert_ok(p11->C_CloseSession(fixture->session));
    fixture->session = module_session(0, CKF_RW_SESSION);
    assert_int_equal(state_of(fixture->session), CKS_RW_PUBLIC_SESSION);
}

static void logging_out_ends_what_is_private(void **state)
{
    struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE session_object = module_data(fixture->session, false, true, "private session", "x");
    CK_OBJECT_HANDLE token_object = module_data(fixture->session, true, true, "private token", "y");
    CK_OBJECT_HANDLE open_object = module_data(fixture->session, false, false, "public session", "z");
    unsigned long size = 0;
    assert_ok(p11->C_Logout(fixture->session));
    assert_rv(p11->C_GetObjectSize(fixture->session, session_object, &size), CKR_OBJECT_HANDLE_INVALID);
    assert_rv(p11->C_GetObjectSize(fixture->session, token_object, &size), CKR_OBJECT_HANDLE_INVALID);
    assert_ok(p11->C_GetObjectSize(fixture->session, open_object, &size));
    assert_ok(module_login(fixture->session, CKU_USER, USER_PIN));
    assert_int_equal(module_find_label(fixture->session, "private session", NULL), 0);
    assert_int_equal(module_find_label(fixture->session, "private token", NULL), 1);
}

static void handles_are_not_given_out_again(void **state)
{
    (void)state;
    CK_SESSION_HANDLE last = 0;
    for (int i = 0; i < 1000; i++) {
        CK_SESSION_HANDLE session = module_session(0, 0);
        assert_int_not_equal(session, last);
        assert_int_not_equal(session, 0);
        assert_ok(p11->C_CloseSession(session));
        assert_rv(p11->C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
        last = session;
    }
    CK_SESSION_INFO info;
    static const CK_SESSION_HANDLE never[] = {0, 1, ~0UL, 1UL << 17, 0x7fffffffUL, 1UL << 62};
    for (size_t i = 0; i < COUNT_OF(never); i++)
        assert_rv(p11->C_GetSessionInfo(never[i], &info), CKR_SESSION_HANDLE_INVALID);
}

static void ten_thousand_sessions_are_open_at_once(void **state)
{
    (void)state;
    enum { MANY = 10000 };
    CK_SESSION_HANDLE *sessions = calloc(MANY, sizeof *sessions);
    CK_TOKEN_INFO info;
    unsigned char random[8];
    assert_non_null(sessions);
    double start = seconds();
    for (int i = 0; i < MANY; i++)
        sessions[i] = module_session(0, i % 2 ? CKF_RW_SESSION : 0);
    double opened = seconds();
    assert_ok(p11->C_GetTokenInfo(0, &info));
    assert_int_equal(info.ulSessionCount, MANY + 1);
    assert_int_equal(info.ulRwSessionCount, MANY / 2 + 1);
    for (int i = 0; i < MANY; i += 97)
        assert_ok(p11->C_GenerateRandom(sessions[i], random, sizeof random));
    for (int i = 0; i < MANY; i += 2)
        assert_ok(p11->C_CloseSession(sessions[i]));
    assert_ok(p11->C_GenerateRandom(sessions[MANY - 1], random, sizeof random));
    assert_rv(p11->C_GenerateRandom(sessions[MANY - 2], random, sizeof random), CKR_SESSION_HANDLE_INVALID);
    double closed = seconds();
    assert_ok(p11->C_CloseAllSessions(0));
    for (int i = 0; i < MANY; i++)
        assert_rv(p11->C_GenerateRandom(sessions[i], random, sizeof random), CKR_SESSION_HANDLE_INVALID);
    assert_ok(p11->C_GetTokenInfo(0, &info));
    assert_int_equal(info.ulSessionCount, 0);
    print_message("open %.2f us, close %.2f us a session\n", (opened - start) / MANY * 1e6,
        (closed - opened) / (MANY / 2.0) * 1e6);
    free(sessions);
}

/* --- closing under other threads --- */

struct closing {
    atomic_ulong session;
    atomic_bool stop;
    atomic_ulong calls, dead, wrong;
};

static void *call_all_the_time(void *context)
{
    struct closing *closing = context;
    unsigned char random[16];
    while (!atomic_load(&closing->stop)) {
        CK_RV rv = p11->C_GenerateRandom(atomic_load(&closing->session), random, sizeof random);
        CK_RV found = p11->C_FindObjectsInit(atomic_load(&closing->session), NULL, 0);
        if (rv != CKR_OK && rv != CKR_SESSION_HANDLE_INVALID)
            atomic_fetch_add(&closing->wrong, 1);
        if (found != CKR_OK && found != CKR_SESSION_HANDLE_INVALID && found != CKR_OPERATION_ACTIVE)
            atomic_fetch_add(&closing->wrong, 1);
        atomic_fetch_add(rv == CKR_OK ? &closing->calls : &closing->dead, 1);
    }
    return NULL;
}

static void a_session_closes_under_the_calls_of_others(void **state)
{
    const struct module_fixture *fixture = *state;
    struct closing closing = {.session = fixture->session};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_all_the_time, &closing), 0);
    double end = seconds() + 20;
    for (int i = 0; i < 2000 || (atomic_load(&closing.calls) < 1000 && seconds() < end); i++) {
        CK_SESSION_HANDLE next = module_session(0, 0), old = atomic_exchange(&closing.session, next);
        assert_ok(p11->C_CloseSession(old));
    }
    atomic_store(&closing.stop, true);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(closing.wrong, 0);
    assert_true(closing.calls > 0); /* sessions were closed between calls that they served */
}

struct visitor {
    double end;
    unsigned logins;
    CK_RV wrong;
};

/* Comes, logs in or finds somebody logged in, and goes; nobody calls C_Logout. */
static void *visit(void *context)
{
    struct visitor *visitor = context;
    while (seconds() < visitor->end && visitor->wrong == CKR_OK) {
        CK_SESSION_HANDLE session = 0;
        CK_SESSION_INFO info = {0};
        CK_RV rv = p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session);
        if (rv == CKR_OK)
            rv = module_login(session, CKU_USER, USER_PIN);
        visitor->logins += rv == CKR_OK;
        if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
            rv = p11->C_GetSessionInfo(session, &info);
        if (rv != CKR_OK || info.state != CKS_RO_USER_FUNCTIONS)
            visitor->wrong = rv ? rv : CKR_GENERAL_ERROR;
        (void)p11->C_CloseSession(session);
    }
    return NULL;
}

/* A login ends with the last session, and not while another is open that found it. */
static void a_login_lasts_as_long_as_any_session(void **state)
{
    const struct module_fixture *fixture = *state;
    struct visitor visitors[2] = {{.end = seconds() + 2}, {.end = seconds() + 2}};
    pthread_t threads[2];
    assert_ok(p11->C_CloseSession(fixture->session));
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, visit, &visitors[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_rv(visitors[0].wrong, CKR_OK);
    assert_rv(visitors[1].wrong, CKR_OK);
    assert_true(visitors[0].logins + visitors[1].logins > 2);
}

static void nothing_of_a_session_is_validated(void **state)
{
    CK_SESSION_HANDLE session = ((const struct module_fixture *)*state)->session;
    CK_FLAGS flags = ~0UL;
    assert_ok(p11_32->C_GetSessionValidationFlags(session, CKS_LAST_VALIDATION_OK, &flags));
    assert_int_equal(flags, 0);
    flags = 7;
    assert_rv(p11_32->C_GetSessionValidationFlags(session, 0, &flags), CKR_ARGUMENTS_BAD);
    assert_rv(p11_32->C_GetSessionValidationFlags(session, 2, &flags), CKR_ARGUMENTS_BAD);
    assert_int_equal(flags, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PUBLIC_TEST(opening_checks_its_arguments),
        PUBLIC_TEST(states_follow_the_login_of_the_token),
        PUBLIC_TEST(info_says_slot_and_flags),
        PUBLIC_TEST(nothing_of_a_session_is_validated),
        MODULE_TEST(a_reader_writes_session_objects_only),
        PUBLIC_TEST(the_so_writes_no_objects_of_the_user),
        MODULE_TEST(closing_ends_session_objects_and_the_last_one_the_login),
        MODULE_TEST(logging_out_ends_what_is_private),
        PUBLIC_TEST(handles_are_not_given_out_again),
        PUBLIC_TEST(ten_thousand_sessions_are_open_at_once),
        PUBLIC_TEST(a_session_closes_under_the_calls_of_others),
        PUBLIC_TEST(a_login_lasts_as_long_as_any_session),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
