/* What a token does at its limits, and what two threads do to each other: none of it may cost the token. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

enum { THREADS = 2 };

/* --- threads --- */

static atomic_bool over;
static atomic_uint turns[THREADS];

static CK_OBJECT_HANDLE make_data(CK_SESSION_HANDLE session)
{
    CK_OBJECT_CLASS data = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_HANDLE made = 0;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &data, sizeof data}, {CKA_TOKEN, &yes, 1}, {CKA_PRIVATE, &yes, 1},
        {CKA_LABEL, (void *)(uintptr_t) "data", 4}, {CKA_VALUE, (void *)(uintptr_t) "value", 5}};
    (void)flow.p11->C_CreateObject(session, template, 5, &made); /* nobody may be logged in */
    return made;
}

static CK_SESSION_HANDLE open_session(void)
{
    CK_SESSION_HANDLE session = 0;
    assert_ok(flow.p11->C_OpenSession(flow.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
    return session;
}

/* Makes, copies and destroys until it is told to stop. */
static void *work(void *turn)
{
    CK_SESSION_HANDLE session = open_session();
    while (!atomic_load(&over)) {
        CK_OBJECT_HANDLE made = make_data(session), copy = 0;
        if (made && flow.p11->C_CopyObject(session, made, NULL, 0, &copy) == CKR_OK)
            (void)flow.p11->C_DestroyObject(session, copy);
        if (made)
            (void)flow.p11->C_DestroyObject(session, made);
        (void)atomic_fetch_add((atomic_uint *)turn, 1);
    }
    (void)flow.p11->C_CloseSession(session);
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    flow_begin(FLOW_PLAIN, "");
    atomic_store(&over, false);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &turns[i]), 0);
    for (unsigned i = 0; i < 30; i++)
        flow_relogin();
    for (unsigned i = 0; i < THREADS; i++) { /* both go on */
        unsigned before = atomic_load(&turns[i]);
        while (atomic_load(&turns[i]) < before + 3)
            ;
    }
    atomic_store(&over, true);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    flow_end();
}

/* --- names and places --- */

/* An id that is too long for a file's name is no reason to end the process of who asks. */
static void test_long_id(void **state)
{
    (void)state;
    static uint8_t id[1000];
    CK_ATTRIBUTE attributes[] = {{CKA_ID, id, sizeof id}, {CKA_LABEL, NULL, 0}};
    flow_begin(FLOW_PLAIN, "");
    CK_OBJECT_HANDLE key = flow_tiny("tiny", NULL, NULL);
    assert_ok(flow_run(key)); /* the model is open from here on */
    assert_ok(flow.p11->C_SetAttributeValue(flow.session, key, attributes, 2));
    (void)flow_run(key);
    flow_end();
}

/* --- logging out --- */

/* What other sessions had under way goes with the login: its key does not outlive it. */
static void test_logout_ends_operations(void **state)
{
    (void)state;
    CK_MECHANISM infer = {CKM_BULLA_INFER, NULL, 0};
    unsigned char text[] = "text";
    CK_ULONG size = 0;
    flow_begin(FLOW_PLAIN, "");
    CK_OBJECT_HANDLE key = flow_tiny("tiny", NULL, NULL);
    CK_SESSION_HANDLE other = open_session();
    assert_ok(flow.p11->C_DecryptInit(other, &infer, key));
    flow_relogin();
    assert_int_equal(flow.p11->C_Decrypt(other, text, 4, NULL, &size), CKR_OPERATION_NOT_INITIALIZED);
    flow_end();
}

/* A copy's template is no way to ask whether a secret is the one that is given. */
static void test_copy_tells_no_secret(void **state)
{
    (void)state;
    CK_OBJECT_CLASS class_secret = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_OBJECT_HANDLE key = 0, copy = 0;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class_secret, sizeof class_secret}, {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_VALUE, (void *)(uintptr_t) "0123456789abcdef", 16}};
    flow_begin(FLOW_PLAIN, "");
    assert_ok(flow.p11->C_CreateObject(flow.session, template, 3, &key));
    assert_ok(flow.p11->C_CopyObject(flow.session, key, NULL, 0, &copy));
    assert_int_equal(flow.p11->C_CopyObject(flow.session, key, &template[2], 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
    flow_end();
}

/* --- the token itself --- */

static CK_RV init_token(const char *pin, const char *label)
{
    unsigned char padded[32];
    memset(padded, ' ', sizeof padded);
    memcpy(padded, label, strlen(label));
    return flow.p11->C_InitToken(flow.slot, (unsigned char *)(uintptr_t)pin, strlen(pin), padded);
}

/* A label whose last character was cut in two would make a token that nobody can read. */
static void test_label_not_text(void **state)
{
    (void)state;
    flow_begin(FLOW_PLAIN, "");
    CK_OBJECT_HANDLE kept = make_data(flow.session);
    assert_true(kept != 0);
    assert_ok(flow.p11->C_CloseAllSessions(flow.slot));
    assert_int_equal(init_token(FLOW_SO_PIN, "label \xc3"), CKR_ARGUMENTS_BAD);
    flow_reopen();
    assert_true(flow_find(CKO_DATA, "data") != 0);
    flow_end();
}

/* What a terminal would obey names no model: the id stands for it, and the model answers. */
static void test_label_not_plain(void **state)
{
    (void)state;
    struct flow_answer answer;
    flow_begin(FLOW_PLAIN, "");
    CK_OBJECT_HANDLE key = flow_tiny("ti\n\x1b[2Jny", NULL, NULL);
    assert_ok(flow_infer_text(key, "clay", &answer));
    for (size_t i = 0; i < answer.model.string.size; i++)
        assert_true(answer.model.string.data[i] >= ' ');
    flow_answer_free(&answer);
    flow_end();
}

static void set_identity(const char *sql)
{
    char path[128];
    sqlite3 *database = NULL;
    (void)snprintf(path, sizeof path, "%s/token.db", flow.token);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

/* As a writer does: whoever remembers another generation looks. */
static void say_news(void)
{
    char path[128];
    const uint64_t far[2] = {UINT64_MAX / 2, UINT64_MAX / 2}; /* a commit, and its end */
    (void)snprintf(path, sizeof path, "%s/generation", flow.token);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fwrite(far, sizeof far, 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

/* A token that can't be read is not one that may be initialised without the SO's PIN. */
static void test_unreadable_token_is_kept(void **state)
{
    (void)state;
    flow_begin(FLOW_PLAIN, "");
    assert_true(make_data(flow.session) != 0);
    flow_close();
    set_identity("UPDATE value SET value = CAST(value || 'x' AS BLOB) WHERE name = 'token'");
    assert_ok(flow.p11->C_Initialize(NULL));
    assert_true(init_token("another-pin", "mine") != CKR_OK);
    assert_ok(flow.p11->C_Finalize(NULL));
    set_identity("UPDATE value SET value = substr(value, 1, length(value) - 1) WHERE name = 'token'");
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    assert_true(flow_find(CKO_DATA, "data") != 0);
    flow_end();
}

/* Who is logged in to one token stays with it: another serial in its place is refused, and so is what it would sign. */
static void test_other_serial_while_logged_in(void **state)
{
    (void)state;
    flow_begin(FLOW_PLAIN, "");
    CK_OBJECT_HANDLE key = flow_tiny("tiny", NULL, NULL);
    assert_ok(flow_run(key));
    set_identity("UPDATE value SET value = CAST(substr(value, 1, length(value) - 16) || '0123456789abcdef' AS BLOB) "
                 "WHERE name = 'token'");
    say_news();
    CK_SESSION_INFO info;
    assert_int_equal(flow.p11->C_FindObjectsInit(flow.session, NULL, 0), CKR_TOKEN_NOT_RECOGNIZED);
    assert_ok(flow.p11->C_GetSessionInfo(flow.session, &info)); /* which tells of the session, as it is here */
    assert_ok(flow.p11->C_CloseAllSessions(flow.slot));
    assert_ok(flow.p11->C_Finalize(NULL));
    flow.ready = false;
    flow_end();
}

/* Whoever can't read the store any more can still log out: the keys go. */
static void test_logout_without_a_store(void **state)
{
    (void)state;
    CK_SESSION_INFO info;
    flow_begin(FLOW_PLAIN, "");
    set_identity("UPDATE value SET value = CAST(value || 'x' AS BLOB) WHERE name = 'token'");
    say_news();
    assert_true(flow.p11->C_FindObjectsInit(flow.session, NULL, 0) != CKR_OK);
    assert_ok(flow.p11->C_GetSessionInfo(flow.session, &info));
    assert_int_equal(info.state, CKS_RW_USER_FUNCTIONS);
    assert_ok(flow.p11->C_Logout(flow.session));
    assert_ok(flow.p11->C_GetSessionInfo(flow.session, &info));
    assert_int_equal(info.state, CKS_RW_PUBLIC_SESSION);
    assert_ok(flow.p11->C_CloseSession(flow.session));
    assert_ok(flow.p11->C_Finalize(NULL));
    flow.ready = false;
    flow_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_long_id),
        cmocka_unit_test(test_logout_ends_operations),
        cmocka_unit_test(test_copy_tells_no_secret),
        cmocka_unit_test(test_label_not_text),
        cmocka_unit_test(test_label_not_plain),
        cmocka_unit_test(test_unreadable_token_is_kept),
        cmocka_unit_test(test_other_serial_while_logged_in),
        cmocka_unit_test(test_logout_without_a_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
