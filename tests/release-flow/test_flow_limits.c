/* What a token does at its limits, and what two threads do to each other: none of it may cost the token. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

enum { NUMBERS = 256, THREADS = 2 };

/* --- the ledger --- */

/* Seals anew under a key of its own and puts its generation on record: one more number in the ledger. */
static CK_RV record_one(const struct flow_archive *archive, unsigned which)
{
    CK_OBJECT_HANDLE key = 0;
    struct flow_sealed sealed;
    char label[32];
    CK_ULONG generation = 1;
    CK_ATTRIBUTE attribute = {CKA_BULLA_GENERATION, &generation, sizeof generation};
    (void)snprintf(label, sizeof label, "model %u", which);
    assert_ok(flow_key_make(label, NULL, NULL, &key));
    assert_ok(flow_seal(key, archive, 0, &sealed));
    flow_sealed_free(&sealed);
    return flow.p11->C_SetAttributeValue(flow.session, key, &attribute, 1);
}

/* A ledger that is full refuses the number it has no place for, and keeps the others. */
static void test_full_ledger(void **state)
{
    (void)state;
    flow_begin(FLOW_PLAIN, "");
    struct flow_archive archive = flow_archive_tiny();
    for (unsigned i = 0; i < NUMBERS; i++)
        assert_ok(record_one(&archive, i));
    assert_refused(record_one(&archive, NUMBERS), CKR_DATA_LEN_RANGE, "too-large");
    CK_ULONG generation = 1;
    CK_ATTRIBUTE attribute = {CKA_BULLA_GENERATION, &generation, sizeof generation};
    assert_ok(flow.p11->C_SetAttributeValue(flow.session, flow_key("model 7"), &attribute, 1));
    flow_archive_free(&archive);
    flow_end();
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_ledger),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_long_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
