/* Two processes that change a few objects at random, and two that use them by all calls that follow single objects:
 * every answer must be one that was true at some moment of the call. */
#include "oracle_judge.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4 };

/* --- reading --- */

struct held {
    CK_OBJECT_HANDLE handle;
    unsigned incarnation;
};

struct reader {
    CK_SESSION_HANDLE session;
    struct held held[OBJECTS];
    unsigned seed;
    bool patient; /* looks at nothing but object 0 */
};

static void ask_by_label(struct reader *reader, unsigned object)
{
    unsigned label = random_below(&reader->seed, LABELS);
    unsigned long found = 0;
    struct span span;
    (void)object;
    CK_ATTRIBUTE attributes[] = {TEXT_ATTRIBUTE(CKA_LABEL, oracle_label(label)), ATTRIBUTE(CKA_CLASS, class_secret)};
    span_begin(&span);
    CK_RV rv = oracle_find(reader->session, attributes, 1 + random_below(&reader->seed, 2), NULL, &found);
    span_end(&span);
    if (oracle_did("find by label", label, rv))
        span_must_be_as_many("found by label", &span, state_has_label, &label, found);
}

static void ask_for_all(struct reader *reader, unsigned object)
{
    unsigned long found = 0;
    struct span span;
    (void)object;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_TOKEN, yes)};
    if (random_below(&reader->seed, 20))
        return;
    span_begin(&span);
    CK_RV rv = oracle_find(reader->session, attributes, 2, NULL, &found);
    span_end(&span);
    if (oracle_did("find all", 0, rv))
        span_must_be_as_many("found of all", &span, state_exists, NULL, found);
}

static void ask_by_name(struct reader *reader, unsigned object)
{
    unsigned name = random_below(&reader->seed, NAMES);
    unsigned long found = 0;
    CK_OBJECT_HANDLE handle = 0;
    struct span span;
    char text[16];
    bool may, must;
    oracle_name(object, name, text);
    CK_ATTRIBUTE attribute = TEXT_ATTRIBUTE(CKA_ID, text);
    span_begin(&span);
    CK_RV rv = oracle_find(reader->session, &attribute, 1, &handle, &found);
    span_end(&span);
    span_count(&span, object, state_has_name, &name, &may, &must);
    struct state state = oracle_state(object, span.from[object]);
    if (!oracle_did("find by name", object, rv) || !span_judged(&span, object))
        return;
    if (found < must || found > may)
        oracle_blame("found by name", object, span.from[object]);
    if (found && span.from[object] == span.to[object])
        reader->held[object] = (struct held){handle, state.incarnation};
}

/* What a handle's object may be asked. */
struct answer {
    unsigned incarnation, label;
    CK_RV rv;
    bool signs;
};

static bool answers_so(const struct state *state, const void *context)
{
    const struct answer *answer = context;
    bool there = state->exists && state->incarnation == answer->incarnation;
    if (answer->rv == CKR_OBJECT_HANDLE_INVALID)
        return !there;
    return there && state->label == answer->label && state->signs == answer->signs;
}

static bool begins_so(const struct state *state, const void *context)
{
    const struct answer *answer = context;
    bool there = state->exists && state->incarnation == answer->incarnation;
    if (answer->rv == CKR_KEY_HANDLE_INVALID)
        return !there;
    return there && state->signs == (answer->rv == CKR_OK);
}

static void ask_attributes(struct reader *reader, unsigned object)
{
    struct answer answer = {reader->held[object].incarnation, LABELS, 0, false};
    char label[64];
    CK_BBOOL signs = CK_FALSE;
    CK_ATTRIBUTE read[] = {{CKA_LABEL, label, sizeof label}, ATTRIBUTE(CKA_SIGN, signs)};
    struct span span;
    if (!reader->held[object].handle)
        return;
    span_begin(&span);
    answer.rv = p11->C_GetAttributeValue(reader->session, reader->held[object].handle, read, 2);
    span_end(&span);
    if (answer.rv != CKR_OBJECT_HANDLE_INVALID && !oracle_did("read", object, answer.rv))
        return;
    for (unsigned i = 0; i < LABELS && answer.rv == CKR_OK; i++)
        if (strlen(oracle_label(i)) == read[0].ulValueLen && memcmp(oracle_label(i), label, read[0].ulValueLen) == 0)
            answer.label = i;
    answer.signs = signs;
    span_must_be_possible("attributes", &span, object, answers_so, &answer);
}

static void ask_to_sign(struct reader *reader, unsigned object)
{
    struct answer answer = {.incarnation = reader->held[object].incarnation};
    CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
    unsigned char text[] = "text", mac[32];
    unsigned long size = sizeof mac;
    struct span span;
    if (!reader->held[object].handle)
        return;
    for (unsigned times = 1 + random_below(&reader->seed, 3); times; times--) {
        span_begin(&span);
        answer.rv = p11->C_SignInit(reader->session, &hmac, reader->held[object].handle);
        span_end(&span);
        if (answer.rv != CKR_KEY_HANDLE_INVALID && answer.rv != CKR_KEY_FUNCTION_NOT_PERMITTED &&
            !oracle_did("begin to sign", object, answer.rv))
            return;
        span_must_be_possible("begun to sign", &span, object, begins_so, &answer);
        if (answer.rv == CKR_OK) /* what was begun goes on */
            (void)oracle_did("sign", object, p11->C_Sign(reader->session, text, sizeof text, mac, &size));
    }
}

/* This process writes, too. */
static void write_oneself(struct reader *reader, unsigned object)
{
    (void)object;
    if (random_below(&reader->seed, 50) == 0)
        oracle_noise(reader->session, "own");
}

static void *read_at_random(void *context)
{
    static void (*const ways[])(struct reader * reader, unsigned object) = {
        ask_by_name, ask_attributes, ask_to_sign, ask_by_label, ask_for_all, write_oneself};
    struct reader *reader = context;
    CK_RV rv = p11->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &reader->session);
    if (!oracle_did("open", 0, rv))
        return NULL;
    while (!atomic_load(&oracle->stop)) {
        unsigned object = reader->patient ? 0 : random_below(&reader->seed, OBJECTS);
        ways[random_below(&reader->seed, reader->patient ? 3 : COUNT_OF(ways))](reader, object);
        if (random_below(&reader->seed, reader->patient ? 20000 : 300) == 0)
            oracle_rest(random_below(&reader->seed, 1000) * (reader->patient ? 500 : 5));
    }
    return NULL;
}

static int read_in_threads(bool patient, unsigned seed)
{
    enum { MOST = 32 };
    static struct reader readers[MOST];
    pthread_t threads[MOST];
    CK_SESSION_HANDLE session = 0;
    const char *asked = getenv("BULLA_TEST_THREADS");
    unsigned count = patient ? 1 : asked ? (unsigned)atoi(asked) : THREADS;
    if (!oracle_did("start", 99, oracle_start(&session)))
        return 1;
    for (unsigned i = 0; i < count; i++) {
        readers[i] = (struct reader){.seed = seed + i * 7919, .patient = patient};
        if (pthread_create(&threads[i], NULL, read_at_random, &readers[i]) != 0)
            return 1;
    }
    for (unsigned i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL);
    return p11->C_Finalize(NULL) == CKR_OK ? 0 : 1;
}

static int read_them(unsigned which, unsigned seed)
{
    return read_in_threads(which != 0, seed);
}

static void every_answer_was_true_during_its_call(void **state)
{
    (void)state;
    oracle_play(read_them, false);
}

static void beside_killed_writers_too(void **state)
{
    (void)state;
    oracle_play(read_them, true);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        MODULE_TEST(every_answer_was_true_during_its_call),
        MODULE_TEST(beside_killed_writers_too),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
