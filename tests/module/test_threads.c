/* Threads with sessions of their own on one token; the program is the same under ThreadSanitizer. */
#include "module_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, SECONDS = 2 };

struct worker {
    atomic_bool *stop;
    bool logged_out; /* another thread logs in and out: what is private may be refused */
    unsigned long rounds;
    unsigned long wrong;
    CK_RV last; /* of what was wrong */
    const char *where;
};

static bool allowed(const struct worker *worker, CK_RV rv)
{
    return rv == CKR_OK ||
           (worker->logged_out && (rv == CKR_USER_NOT_LOGGED_IN || rv == CKR_OBJECT_HANDLE_INVALID ||
                                      rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_OPERATION_NOT_INITIALIZED));
}

static bool did(struct worker *worker, const char *where, CK_RV rv)
{
    if (!allowed(worker, rv)) {
        worker->wrong++;
        worker->last = rv;
        worker->where = where;
    }
    return rv == CKR_OK;
}

static void one_round(struct worker *worker, CK_SESSION_HANDLE session, bool on_token)
{
    CK_BBOOL token_flag = on_token;
    CK_OBJECT_HANDLE object = 0, copy = 0, found[8];
    unsigned long count = 0;
    unsigned char random[32];
    char value[64];
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_TOKEN, token_flag),
        ATTRIBUTE(CKA_PRIVATE, yes), TEXT_ATTRIBUTE(CKA_LABEL, "worked"), TEXT_ATTRIBUTE(CKA_VALUE, "a value")};
    CK_ATTRIBUTE label = TEXT_ATTRIBUTE(CKA_LABEL, "changed"), read = {CKA_VALUE, value, sizeof value};
    (void)did(worker, "random", p11->C_GenerateRandom(session, random, sizeof random));
    if (!did(worker, "create", p11->C_CreateObject(session, attributes, COUNT_OF(attributes), &object)))
        return;
    if (did(worker, "read", p11->C_GetAttributeValue(session, object, &read, 1)) &&
        (read.ulValueLen != 7 || memcmp(value, "a value", 7) != 0))
        (void)did(worker, "value", CKR_GENERAL_ERROR);
    (void)did(worker, "change", p11->C_SetAttributeValue(session, object, &label, 1));
    if (did(worker, "copy", p11->C_CopyObject(session, object, NULL, 0, &copy)))
        (void)did(worker, "destroy the copy", p11->C_DestroyObject(session, copy));
    if (did(worker, "find", p11->C_FindObjectsInit(session, &label, 1))) {
        (void)did(worker, "found", p11->C_FindObjects(session, found, 8, &count));
        (void)did(worker, "final", p11->C_FindObjectsFinal(session));
    }
    (void)did(worker, "destroy", p11->C_DestroyObject(session, object));
}

static void *work(void *context)
{
    struct worker *worker = context;
    while (!atomic_load(worker->stop)) {
        CK_SESSION_HANDLE session = 0;
        CK_RV rv = p11->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
        if (rv == CKR_OK) {
            one_round(worker, session, worker->rounds % 4 == 0);
            rv = p11->C_CloseSession(session);
        }
        (void)did(worker, "session", rv);
        worker->rounds++;
    }
    return NULL;
}

static void run(CK_SESSION_HANDLE session, bool log_out)
{
    atomic_bool stop = false;
    struct worker workers[THREADS] = {0};
    pthread_t threads[THREADS];
    unsigned long rounds = 0, wrong = 0;
    const struct timespec pause = {0, 3000000};
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.stop = &stop, .logged_out = log_out};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    time_t end = time(NULL) + SECONDS;
    unsigned failures = 0;
    while (time(NULL) < end) {
        (void)nanosleep(&pause, NULL);
        if (log_out)
            failures += p11->C_Logout(session) != CKR_OK || module_login(session, CKU_USER, USER_PIN) != CKR_OK;
        CK_TOKEN_INFO info;
        failures += p11->C_GetTokenInfo(0, &info) != CKR_OK;
    }
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        rounds += workers[i].rounds;
        wrong += workers[i].wrong;
        if (workers[i].wrong)
            print_message("thread %d: %s: 0x%lx\n", i, workers[i].where, workers[i].last);
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(failures, 0);
    print_message("%lu rounds\n", rounds);
}

static void threads_do_not_disturb_each_other(void **state)
{
    const struct module_fixture *fixture = *state;
    run(fixture->session, false);
    assert_int_equal(module_find_label(fixture->session, "worked", NULL), 0);
    assert_int_equal(module_find_label(fixture->session, "changed", NULL), 0); /* every one was destroyed */
}

static void logging_out_and_in_stops_nobody(void **state)
{
    const struct module_fixture *fixture = *state;
    run(fixture->session, true);
}

/* All threads in one session: calls take turns. */
struct shared {
    CK_SESSION_HANDLE session;
    unsigned long wrong;
};

static void *share(void *context)
{
    struct shared *shared = context;
    struct worker worker = {0};
    for (int i = 0; i < 200; i++) {
        CK_OBJECT_HANDLE object = 0;
        unsigned char random[16];
        CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_data), TEXT_ATTRIBUTE(CKA_VALUE, "x")};
        (void)did(&worker, "create", p11->C_CreateObject(shared->session, attributes, 2, &object));
        (void)did(&worker, "random", p11->C_GenerateRandom(shared->session, random, sizeof random));
        (void)did(&worker, "destroy", p11->C_DestroyObject(shared->session, object));
    }
    shared->wrong = worker.wrong;
    return NULL;
}

static void threads_may_share_a_session(void **state)
{
    const struct module_fixture *fixture = *state;
    struct shared shared[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        shared[i] = (struct shared){fixture->session, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, share, &shared[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(shared[i].wrong, 0);
    }
}

/* Each thread names the same objects: the index ends with what the store has. */
static void *rename_shared(void *context)
{
    struct shared *shared = context;
    CK_SESSION_HANDLE session = 0;
    CK_OBJECT_HANDLE objects[8];
    unsigned long count = 0;
    CK_ATTRIBUTE id = TEXT_ATTRIBUTE(CKA_OBJECT_ID, "shared");
    if (p11->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) != CKR_OK ||
        p11->C_FindObjectsInit(session, &id, 1) != CKR_OK ||
        p11->C_FindObjects(session, objects, 8, &count) != CKR_OK || p11->C_FindObjectsFinal(session) != CKR_OK)
        shared->wrong++;
    for (int i = 0; i < 100; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "%p/%d", context, i);
        CK_ATTRIBUTE label = TEXT_ATTRIBUTE(CKA_LABEL, text);
        if (p11->C_SetAttributeValue(session, objects[(unsigned long)i % count], &label, 1) != CKR_OK)
            shared->wrong++;
    }
    return NULL;
}

static void what_memory_shows_is_what_the_store_has(void **state)
{
    struct module_fixture *fixture = *state;
    struct shared shared[THREADS] = {0};
    pthread_t threads[THREADS];
    enum { OBJECTS = 3 };
    char labels[OBJECTS][64] = {0};
    unsigned long sizes[OBJECTS];
    CK_OBJECT_HANDLE objects[OBJECTS];
    for (int i = 0; i < OBJECTS; i++) {
        char unique[2] = {(char)('a' + i), 0};
        CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_TOKEN, yes),
            TEXT_ATTRIBUTE(CKA_OBJECT_ID, "shared"), TEXT_ATTRIBUTE(CKA_APPLICATION, unique)};
        assert_ok(p11->C_CreateObject(fixture->session, attributes, COUNT_OF(attributes), &objects[i]));
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, rename_shared, &shared[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(shared[i].wrong, 0);
    }
    for (int i = 0; i < OBJECTS; i++) {
        sizes[i] = sizeof labels[i] - 1;
        assert_ok(module_get(fixture->session, objects[i], CKA_LABEL, labels[i], &sizes[i]));
    }
    assert_ok(p11->C_Finalize(NULL));
    module_initialize();
    fixture->session = module_session(0, 0);
    for (int i = 0; i < OBJECTS; i++) {
        char unique[2] = {(char)('a' + i), 0};
        CK_ATTRIBUTE application = TEXT_ATTRIBUTE(CKA_APPLICATION, unique);
        assert_int_equal(module_find(fixture->session, &application, 1, &objects[i]), 1);
        assert_true(module_has_text(fixture->session, objects[i], CKA_LABEL, labels[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(threads_do_not_disturb_each_other),
        MODULE_TEST(logging_out_and_in_stops_nobody),
        MODULE_TEST(threads_may_share_a_session),
        MODULE_TEST(what_memory_shows_is_what_the_store_has),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
