/* Several processes on one token, and processes that fork. */
#include "module_fixture.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EACH = 100, PATIENCE = 2000 };

/* In a child nothing may be asserted; what went wrong is its exit status. */
static CK_RV start(CK_SESSION_HANDLE *session)
{
    CK_RV rv = p11->C_Initialize(NULL);
    if (rv == CKR_OK)
        rv = p11->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, session);
    return rv == CKR_OK ? module_login(*session, CKU_USER, USER_PIN) : rv;
}

static CK_RV put(CK_SESSION_HANDLE session, const char *label, bool is_private)
{
    CK_BBOOL private_flag = is_private;
    CK_OBJECT_HANDLE handle = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_TOKEN, yes),
        ATTRIBUTE(CKA_PRIVATE, private_flag), TEXT_ATTRIBUTE(CKA_LABEL, label), TEXT_ATTRIBUTE(CKA_VALUE, label)};
    return p11->C_CreateObject(session, attributes, COUNT_OF(attributes), &handle);
}

static unsigned long count(CK_SESSION_HANDLE session, const char *label, CK_OBJECT_HANDLE *first)
{
    CK_OBJECT_HANDLE handles[256];
    unsigned long found = 0;
    CK_ATTRIBUTE attribute = TEXT_ATTRIBUTE(CKA_LABEL, label);
    if (p11->C_FindObjectsInit(session, &attribute, 1) != CKR_OK ||
        p11->C_FindObjects(session, handles, COUNT_OF(handles), &found) != CKR_OK ||
        p11->C_FindObjectsFinal(session) != CKR_OK)
        return 9999;
    if (first && found)
        *first = handles[0];
    return found;
}

/* Waits until the label is there `wanted` times. */
static bool await(CK_SESSION_HANDLE session, const char *label, unsigned long wanted, CK_OBJECT_HANDLE *first)
{
    for (int i = 0; i < PATIENCE; i++) {
        if (count(session, label, first) == wanted)
            return true;
        (void)usleep(5000);
    }
    return false;
}

static int create_many(void *context)
{
    CK_SESSION_HANDLE session = 0;
    if (start(&session) != CKR_OK)
        return 1;
    for (int i = 0; i < EACH; i++)
        if (put(session, context, i % 2) != CKR_OK)
            return 2;
    if (!await(session, "first", EACH, NULL) || !await(session, "second", EACH, NULL)) /* each other's */
        return 3;
    return p11->C_Finalize(NULL) == CKR_OK ? 0 : 4;
}

static void two_processes_lose_no_object(void **state)
{
    const struct module_fixture *fixture = *state;
    char names[2][8] = {"first", "second"};
    pid_t first = module_start_child(create_many, names[0]), second = module_start_child(create_many, names[1]);
    assert_int_equal(module_wait_child(first), 0);
    assert_int_equal(module_wait_child(second), 0);
    assert_int_equal(module_find_label(fixture->session, "first", NULL), EACH);
    assert_int_equal(module_find_label(fixture->session, "second", NULL), EACH);
}

static int answer_parent(void *context)
{
    (void)context;
    CK_SESSION_HANDLE session = 0;
    CK_OBJECT_HANDLE object = 0;
    if (start(&session) != CKR_OK)
        return 1;
    if (!await(session, "asked", 1, &object))
        return 2;
    CK_ATTRIBUTE label = TEXT_ATTRIBUTE(CKA_LABEL, "answered");
    if (p11->C_SetAttributeValue(session, object, &label, 1) != CKR_OK)
        return 3;
    return await(session, "answered", 0, NULL) ? 0 : 4;
}

static void changes_of_one_process_show_in_the_other(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE found = 0;
    pid_t child = module_start_child(answer_parent, NULL);
    CK_OBJECT_HANDLE object = module_data(fixture->session, true, true, "asked", "value");
    assert_true(await(fixture->session, "answered", 1, &found));
    assert_int_equal(found, object); /* a handle stays what it is */
    assert_true(module_has_text(fixture->session, object, CKA_VALUE, "value"));
    assert_ok(p11->C_DestroyObject(fixture->session, object));
    assert_int_equal(module_wait_child(child), 0);
}

/* Sets one attribute again and again; nobody else sets it, so each value must stay until the next. */
struct setter {
    CK_ATTRIBUTE_TYPE type;
};

static int set_many(void *context)
{
    const struct setter *setter = context;
    CK_SESSION_HANDLE session = 0;
    CK_OBJECT_HANDLE object = 0;
    CK_ATTRIBUTE id = TEXT_ATTRIBUTE(CKA_OBJECT_ID, "shared");
    unsigned long found = 0;
    if (start(&session) != CKR_OK || p11->C_FindObjectsInit(session, &id, 1) != CKR_OK ||
        p11->C_FindObjects(session, &object, 1, &found) != CKR_OK || found != 1 ||
        p11->C_FindObjectsFinal(session) != CKR_OK)
        return 1;
    for (int i = 0; i < 200; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", i);
        CK_ATTRIBUTE attribute = TEXT_ATTRIBUTE(setter->type, text);
        if (p11->C_SetAttributeValue(session, object, &attribute, 1) != CKR_OK)
            return 2;
        if (!module_has_text(session, object, setter->type, text))
            return 3;
    }
    return 0;
}

static void two_processes_lose_no_change_of_one_object(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE object = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_TOKEN, yes),
        TEXT_ATTRIBUTE(CKA_OBJECT_ID, "shared"), TEXT_ATTRIBUTE(CKA_VALUE, "value")};
    assert_ok(p11->C_CreateObject(fixture->session, attributes, COUNT_OF(attributes), &object));
    struct setter setters[] = {{CKA_LABEL}, {CKA_APPLICATION}};
    pid_t first = module_start_child(set_many, &setters[0]), second = module_start_child(set_many, &setters[1]);
    assert_int_equal(module_wait_child(first), 0);
    assert_int_equal(module_wait_child(second), 0);
    assert_true(module_has_text(fixture->session, object, CKA_LABEL, "199"));
    assert_true(module_has_text(fixture->session, object, CKA_APPLICATION, "199"));
    assert_true(module_has_text(fixture->session, object, CKA_VALUE, "value"));
}

/* One process names objects, the other destroys them: none comes back. */
static int rename_all(void *context)
{
    (void)context;
    CK_SESSION_HANDLE session = 0;
    if (start(&session) != CKR_OK)
        return 1;
    for (int i = 0;; i++) {
        CK_OBJECT_HANDLE handles[EACH];
        unsigned long found = 0;
        char text[16];
        (void)snprintf(text, sizeof text, "%d", i);
        CK_ATTRIBUTE value = TEXT_ATTRIBUTE(CKA_OBJECT_ID, "doomed"), label = TEXT_ATTRIBUTE(CKA_LABEL, text);
        if (p11->C_FindObjectsInit(session, &value, 1) != CKR_OK ||
            p11->C_FindObjects(session, handles, EACH, &found) != CKR_OK || p11->C_FindObjectsFinal(session) != CKR_OK)
            return 2;
        for (unsigned long j = 0; j < found; j++) {
            CK_RV rv = p11->C_SetAttributeValue(session, handles[j], &label, 1);
            if (rv != CKR_OK && rv != CKR_OBJECT_HANDLE_INVALID)
                return 3;
        }
        if (!found)
            return 0;
    }
}

static void what_was_destroyed_is_not_brought_back(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE objects[EACH];
    CK_ATTRIBUTE attributes[] = {
        ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_TOKEN, yes), TEXT_ATTRIBUTE(CKA_OBJECT_ID, "doomed")};
    for (int i = 0; i < EACH; i++)
        assert_ok(p11->C_CreateObject(fixture->session, attributes, COUNT_OF(attributes), &objects[i]));
    pid_t child = module_start_child(rename_all, NULL);
    (void)usleep(100000);
    for (int i = EACH; i-- > 0;)
        assert_ok(p11->C_DestroyObject(fixture->session, objects[i]));
    assert_int_equal(module_wait_child(child), 0);
    assert_int_equal(module_find(fixture->session, &attributes[2], 1, NULL), 0);
}

static int change_pin(void *context)
{
    (void)context;
    CK_SESSION_HANDLE session = 0;
    if (start(&session) != CKR_OK)
        return 1;
    return p11->C_SetPIN(session, PIN(USER_PIN), PIN("new user pin")) == CKR_OK ? 0 : 2;
}

static void a_pin_changed_elsewhere_is_the_pin_here(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE object = module_data(fixture->session, true, true, "kept", "value");
    assert_int_equal(module_in_child(change_pin, NULL), 0);
    assert_true(module_has_text(fixture->session, object, CKA_VALUE, "value")); /* a login outlives the change */
    assert_ok(p11->C_Logout(fixture->session));
    assert_rv(module_login(fixture->session, CKU_USER, USER_PIN), CKR_PIN_INCORRECT);
    assert_ok(module_login(fixture->session, CKU_USER, "new user pin"));
    assert_true(module_has_text(fixture->session, object, CKA_VALUE, "value"));
}

static int make_anew(void *context)
{
    (void)context;
    unsigned char label[32];
    CK_SESSION_HANDLE session = 0;
    memset(label, 'n', sizeof label);
    if (p11->C_Initialize(NULL) != CKR_OK || p11->C_InitToken(0, PIN(SO_PIN), label) != CKR_OK ||
        p11->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) != CKR_OK ||
        module_login(session, CKU_SO, SO_PIN) != CKR_OK || p11->C_InitPIN(session, PIN("new user pin")) != CKR_OK)
        return 1;
    return 0;
}

/* The keys of the old token are nothing for the new one: objects sealed under them could never be read. */
static void a_token_made_anew_elsewhere_ends_the_login_here(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_INFO info;
    CK_OBJECT_HANDLE handle = 0;
    CK_OBJECT_HANDLE object = module_data(fixture->session, true, true, "old", "value");
    unsigned long size = 0;
    assert_int_equal(module_in_child(make_anew, NULL), 0);
    assert_rv(p11->C_GetObjectSize(fixture->session, object, &size), CKR_OBJECT_HANDLE_INVALID);
    assert_ok(p11->C_GetSessionInfo(fixture->session, &info));
    assert_int_equal(info.state, CKS_RW_PUBLIC_SESSION);
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_TOKEN, yes)};
    assert_rv(p11->C_CreateObject(fixture->session, attributes, 2, &handle), CKR_USER_NOT_LOGGED_IN);
    assert_rv(module_login(fixture->session, CKU_USER, USER_PIN), CKR_PIN_INCORRECT);
    assert_ok(module_login(fixture->session, CKU_USER, "new user pin"));
    module_data(fixture->session, true, true, "new", "value");
    assert_int_equal(module_find_label(fixture->session, "old", NULL), 0);
    assert_int_equal(module_find_label(fixture->session, "new", NULL), 1);
}

/* --- fork --- */

static int is_a_stranger(void *context)
{
    const struct module_fixture *fixture = context;
    CK_INFO info;
    CK_SESSION_INFO session_info;
    unsigned char random[4];
    if (p11->C_GetInfo(&info) != CKR_CRYPTOKI_NOT_INITIALIZED ||
        p11->C_GetSessionInfo(fixture->session, &session_info) != CKR_CRYPTOKI_NOT_INITIALIZED ||
        p11->C_GenerateRandom(fixture->session, random, 4) != CKR_CRYPTOKI_NOT_INITIALIZED ||
        p11->C_CloseSession(fixture->session) != CKR_CRYPTOKI_NOT_INITIALIZED ||
        p11->C_Finalize(NULL) != CKR_CRYPTOKI_NOT_INITIALIZED)
        return 1;
    CK_SESSION_HANDLE session = 0;
    if (start(&session) != CKR_OK)
        return 2;
    if (p11->C_GetSessionInfo(fixture->session, &session_info) != CKR_SESSION_HANDLE_INVALID &&
        session != fixture->session)
        return 3;
    if (count(session, "from the parent", NULL) != 1 || put(session, "from the child", true) != CKR_OK)
        return 4;
    return p11->C_Finalize(NULL) == CKR_OK ? 0 : 5;
}

static int fork_again(void *context)
{
    return module_in_child(is_a_stranger, context);
}

static void a_forked_child_starts_over(void **state)
{
    struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE object = module_data(fixture->session, true, true, "from the parent", "value");
    assert_ok(p11->C_FindObjectsInit(fixture->session, NULL, 0));
    assert_int_equal(module_in_child(is_a_stranger, fixture), 0);
    CK_OBJECT_HANDLE handles[64];
    unsigned long found = 0;
    assert_ok(p11->C_FindObjects(fixture->session, handles, 64, &found)); /* the parent's search goes on */
    assert_ok(p11->C_FindObjectsFinal(fixture->session));
    assert_int_equal(module_find_label(fixture->session, "from the child", NULL), 1);
    assert_true(module_has_text(fixture->session, object, CKA_VALUE, "value"));
    assert_int_equal(module_in_child(fork_again, fixture), 0);
    module_data(fixture->session, true, true, "still there", "value");
}

static int log_in_wrong(void *context)
{
    (void)context;
    CK_SESSION_HANDLE session = 0;
    if (p11->C_Initialize(NULL) != CKR_OK || p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
        return 1;
    CK_SESSION_INFO info;
    if (p11->C_GetSessionInfo(session, &info) != CKR_OK || info.state != CKS_RO_PUBLIC_SESSION)
        return 2; /* the parent's login is not the child's */
    return count(session, "private", NULL) == 0 ? 0 : 3;
}

static void a_login_is_not_inherited(void **state)
{
    const struct module_fixture *fixture = *state;
    module_data(fixture->session, true, true, "private", "value");
    assert_int_equal(module_in_child(log_in_wrong, NULL), 0);
}

struct busy {
    atomic_bool stop;
    atomic_ulong rounds, wrong;
};

static void *work_all_the_time(void *context)
{
    struct busy *busy = context;
    CK_SESSION_HANDLE session = 0;
    if (p11->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) != CKR_OK)
        atomic_fetch_add(&busy->wrong, 1);
    while (!atomic_load(&busy->stop)) {
        CK_OBJECT_HANDLE object = 0;
        if (put(session, "busy", true) != CKR_OK || count(session, "busy", &object) == 9999 ||
            p11->C_DestroyObject(session, object) != CKR_OK)
            atomic_fetch_add(&busy->wrong, 1);
        atomic_fetch_add(&busy->rounds, 1);
        (void)usleep(500); /* SQLite's write lock knows no turns: whoever never pauses starves the others */
    }
    return NULL;
}

static int open_and_write(void *context)
{
    (void)context;
    CK_SESSION_HANDLE session = 0;
    CK_RV rv = start(&session);
    if (rv != CKR_OK) {
        (void)fprintf(stderr, "start: 0x%lx\n", rv);
        return 1;
    }
    if (put(session, "child", true) != CKR_OK)
        return 2;
    return p11->C_Finalize(NULL) == CKR_OK ? 0 : 3;
}

/* No lock that the other thread held is waited for, and no store was in use at the fork. */
static void a_fork_under_the_calls_of_another_thread_gives_a_working_child(void **state)
{
    const struct module_fixture *fixture = *state;
    enum { FORKS = 30 };
    struct busy busy = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, work_all_the_time, &busy), 0);
    while (atomic_load(&busy.rounds) == 0) /* AddressSanitizer holds locks of its own while a thread begins */
        (void)usleep(100);
    int failures = 0;
    for (int i = 0; i < FORKS; i++) {
        int status = module_in_child(open_and_write, NULL);
        if (status)
            print_error("child %d ended with %d\n", i, status);
        failures += status != 0;
    }
    atomic_store(&busy.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(failures, 0);
    assert_int_equal(busy.wrong, 0);
    assert_true(busy.rounds > 0);
    assert_int_equal(module_find_label(fixture->session, "child", NULL), FORKS);
}

/* C_Initialize and C_Finalize in one thread, forks in another. */
static void *come_and_go(void *context)
{
    struct busy *busy = context;
    while (!atomic_load(&busy->stop)) {
        if (p11->C_Initialize(NULL) != CKR_OK || p11->C_Finalize(NULL) != CKR_OK)
            atomic_fetch_add(&busy->wrong, 1);
        atomic_fetch_add(&busy->rounds, 1);
    }
    return NULL;
}

static void a_fork_under_initialisation_gives_a_working_child(void **state)
{
    (void)state;
    struct busy busy = {0};
    pthread_t thread;
    assert_ok(p11->C_Finalize(NULL));
    assert_int_equal(pthread_create(&thread, NULL, come_and_go, &busy), 0);
    while (atomic_load(&busy.rounds) == 0) /* as above */
        (void)usleep(100);
    int failures = 0;
    for (int i = 0; i < 20; i++)
        failures += module_in_child(open_and_write, NULL) != 0;
    atomic_store(&busy.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(failures, 0);
    assert_int_equal(busy.wrong, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        MODULE_TEST(two_processes_lose_no_object),
        MODULE_TEST(changes_of_one_process_show_in_the_other),
        MODULE_TEST(two_processes_lose_no_change_of_one_object),
        MODULE_TEST(what_was_destroyed_is_not_brought_back),
        MODULE_TEST(a_pin_changed_elsewhere_is_the_pin_here),
        MODULE_TEST(a_token_made_anew_elsewhere_ends_the_login_here),
        MODULE_TEST(a_forked_child_starts_over),
        MODULE_TEST(a_login_is_not_inherited),
        MODULE_TEST(a_fork_under_the_calls_of_another_thread_gives_a_working_child),
        MODULE_TEST(a_fork_under_initialisation_gives_a_working_child),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
