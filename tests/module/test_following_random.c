/* Two processes that change a few objects at random, and two that use them by all calls that follow single objects:
 * every answer must be one that was true at some moment of the call. */
#include "oracle.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { READERS = 2, THREADS = 4 };

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

/* The states that a call may have met. */
struct span {
    unsigned long from[OBJECTS], to[OBJECTS];
};

static void begin(struct span *span)
{
    for (unsigned i = 0; i < OBJECTS; i++)
        span->from[i] = atomic_load(&oracle->objects[i].ended);
}

static void end(struct span *span)
{
    for (unsigned i = 0; i < OBJECTS; i++)
        span->to[i] = atomic_load(&oracle->objects[i].begun);
}

/* Whether what was asked of the states is still what they were. */
static bool judged(const struct span *span, unsigned object)
{
    bool whole = atomic_load(&oracle->objects[object].begun) + 1 - span->from[object] < HISTORY;
    (void)atomic_fetch_add(whole ? &oracle->answers : &oracle->unjudged, 1);
    return whole;
}

typedef bool property(const struct state *state, const void *context);

static void count_states(
    const struct span *span, unsigned object, property *is, const void *context, bool *may, bool *must)
{
    *may = false;
    *must = true;
    for (unsigned long i = span->from[object]; i <= span->to[object]; i++) {
        struct state state = oracle_state(object, i);
        bool true_of_it = is(&state, context);
        *may |= true_of_it;
        *must &= true_of_it;
    }
}

static void must_be_possible(
    const char *what, const struct span *span, unsigned object, property *is, const void *context)
{
    bool may, must;
    count_states(span, object, is, context, &may, &must);
    if (judged(span, object) && !may)
        oracle_blame(what, object, span->from[object]);
}

static bool has_label(const struct state *state, const void *label)
{
    return state->exists && state->label == *(const unsigned *)label;
}

static bool has_name(const struct state *state, const void *name)
{
    return state->exists && state->name == *(const unsigned *)name;
}

static bool is_there(const struct state *state, const void *nothing)
{
    (void)nothing;
    return state->exists;
}

static void must_be_as_many(
    const char *what, const struct span *span, property *is, const void *context, unsigned long found)
{
    unsigned long least = 0, most = 0;
    bool whole = true;
    for (unsigned i = 0; i < OBJECTS; i++) {
        bool may, must;
        count_states(span, i, is, context, &may, &must);
        least += must;
        most += may;
        whole &= judged(span, i);
    }
    if (whole && (found < least || found > most))
        oracle_blame(what, 100 * (unsigned)least + (unsigned)most, found);
}

static void ask_by_label(struct reader *reader, unsigned object)
{
    unsigned label = random_below(&reader->seed, LABELS);
    unsigned long found = 0;
    struct span span;
    (void)object;
    CK_ATTRIBUTE attributes[] = {TEXT_ATTRIBUTE(CKA_LABEL, oracle_label(label)), ATTRIBUTE(CKA_CLASS, class_secret)};
    begin(&span);
    CK_RV rv = oracle_find(reader->session, attributes, 1 + random_below(&reader->seed, 2), NULL, &found);
    end(&span);
    if (oracle_did("find by label", label, rv))
        must_be_as_many("found by label", &span, has_label, &label, found);
}

static void ask_for_all(struct reader *reader, unsigned object)
{
    unsigned long found = 0;
    struct span span;
    (void)object;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_PRIVATE, yes)};
    if (random_below(&reader->seed, 20))
        return;
    begin(&span);
    CK_RV rv = oracle_find(reader->session, attributes, 2, NULL, &found);
    end(&span);
    if (oracle_did("find all", 0, rv))
        must_be_as_many("found of all", &span, is_there, NULL, found);
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
    begin(&span);
    CK_RV rv = oracle_find(reader->session, &attribute, 1, &handle, &found);
    end(&span);
    count_states(&span, object, has_name, &name, &may, &must);
    struct state state = oracle_state(object, span.from[object]);
    if (!oracle_did("find by name", object, rv) || !judged(&span, object))
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
    begin(&span);
    answer.rv = p11->C_GetAttributeValue(reader->session, reader->held[object].handle, read, 2);
    end(&span);
    if (answer.rv != CKR_OBJECT_HANDLE_INVALID && !oracle_did("read", object, answer.rv))
        return;
    for (unsigned i = 0; i < LABELS && answer.rv == CKR_OK; i++)
        if (strlen(oracle_label(i)) == read[0].ulValueLen && memcmp(oracle_label(i), label, read[0].ulValueLen) == 0)
            answer.label = i;
    answer.signs = signs;
    must_be_possible("attributes", &span, object, answers_so, &answer);
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
        begin(&span);
        answer.rv = p11->C_SignInit(reader->session, &hmac, reader->held[object].handle);
        end(&span);
        if (answer.rv != CKR_KEY_HANDLE_INVALID && answer.rv != CKR_KEY_FUNCTION_NOT_PERMITTED &&
            !oracle_did("begin to sign", object, answer.rv))
            return;
        must_be_possible("begun to sign", &span, object, begins_so, &answer);
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

/* --- the play --- */

static pid_t start_process(bool writes, unsigned which, unsigned seed)
{
    pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0)
        _exit(writes ? oracle_write(which, seed) : read_in_threads(which != 0, seed));
    return process;
}

static void await(pid_t process)
{
    int status = -1;
    assert_int_equal(waitpid(process, &status, 0), process);
    if (status != 0)
        oracle_blame("a process ended with", 0, (unsigned long)status);
}

static unsigned long milliseconds_since(const struct timespec *then)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned long)((now.tv_sec - then->tv_sec) * 1000 + (now.tv_nsec - then->tv_nsec) / 1000000);
}

static unsigned long changes_made(void)
{
    unsigned long made = 0;
    for (unsigned i = 0; i < WRITERS; i++)
        made += atomic_load(&oracle->changes[i]);
    return made;
}

/* Kills a writer that has changed something since it began, and puts another in its place. A killed login counts as a
 * wrong PIN. */
static void kill_one(pid_t writers[static WRITERS], unsigned long changes[static WRITERS], unsigned *seed)
{
    unsigned which = random_below(seed, WRITERS);
    if (atomic_load(&oracle->changes[which]) == changes[which])
        return;
    assert_int_equal(kill(writers[which], SIGKILL), 0);
    assert_int_equal(waitpid(writers[which], NULL, 0), writers[which]);
    changes[which] = atomic_load(&oracle->changes[which]);
    writers[which] = start_process(true, which, ++*seed);
}

/* As long as was asked for, and, where the machine is slow, until there was something to be seen. */
static bool goes_on(const struct timespec *begun, unsigned milliseconds)
{
    enum { ENOUGH = 200, LONGEST = 40000 };
    unsigned long passed = milliseconds_since(begun);
    bool scanty = changes_made() < ENOUGH && passed < LONGEST;
    return !atomic_load(&oracle->stop) && (passed < milliseconds || scanty);
}

static void play(unsigned milliseconds, bool kill_them, unsigned seed)
{
    pid_t writers[WRITERS], readers[READERS];
    unsigned long changes[WRITERS] = {0};
    struct timespec begun = {0};
    oracle = mmap(NULL, sizeof *oracle, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(oracle != MAP_FAILED);
    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    for (unsigned i = 0; i < WRITERS; i++)
        writers[i] = start_process(true, i, ++seed);
    for (unsigned i = 0; i < READERS; i++)
        readers[i] = start_process(false, i, ++seed);
    while (goes_on(&begun, milliseconds)) {
        oracle_rest(20000 + random_below(&seed, 200000));
        if (kill_them)
            kill_one(writers, changes, &seed);
    }
    atomic_store(&oracle->stop, true);
    for (unsigned i = 0; i < WRITERS; i++)
        await(writers[i]);
    for (unsigned i = 0; i < READERS; i++)
        await(readers[i]);
    print_message("%lu changes, %lu answers, %lu not judged\n", changes_made(), oracle->answers, oracle->unjudged);
    if (oracle->failed)
        print_message("%s\n", oracle->failure);
    assert_false(oracle->failed);
    assert_true(changes_made() > 50 && oracle->answers > 1000);
    assert_int_equal(munmap(oracle, sizeof *oracle), 0);
}

static unsigned duration(void)
{
    const char *seconds = getenv("BULLA_TEST_SECONDS");
    if (seconds)
        return 1000 * (unsigned)atoi(seconds);
    return getenv("BULLA_TEST_LONG") ? 60000 : 3000;
}

static unsigned any_seed(void)
{
    const char *given = getenv("BULLA_TEST_SEED");
    return given ? (unsigned)atoi(given) : (unsigned)getpid();
}

static void every_answer_was_true_during_its_call(void **state)
{
    (void)state;
    play(duration(), false, any_seed());
}

static void beside_killed_writers_too(void **state)
{
    (void)state;
    play(duration(), true, any_seed());
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
