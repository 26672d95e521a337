/* Processes that start again and again, and search, beside two that change objects at random: of what a process has not
 * read yet every answer must be one that was true at some moment of the call, too. Beside them stand objects that
 * nobody changes, more of one label than are read one by one. */
#include "oracle_judge.h"

#include <pthread.h>

enum { THREADS = 2, CROWD = 70 };

static const char crowd[] = "crowd";

/* Of this life. A login waits for the writers: most lives go without. */
static bool logged_in;

static bool is_shown(const struct state *state, const void *nothing)
{
    (void)nothing;
    return state->exists && (logged_in || state->is_public);
}

struct names {
    unsigned name, label; /* NAMES, LABELS: any */
};

static bool has_names(const struct state *state, const void *context)
{
    const struct names *names = context;
    return is_shown(state, NULL) && (names->name == NAMES || state->name == names->name) &&
           (names->label == LABELS || state->label == names->label);
}

struct reader {
    CK_SESSION_HANDLE session;
    unsigned seed, which;
};

static void search_by_label(struct reader *reader)
{
    unsigned label = random_below(&reader->seed, LABELS);
    unsigned long found = 0;
    struct span span;
    CK_ATTRIBUTE attributes[] = {TEXT_ATTRIBUTE(CKA_LABEL, oracle_label(label)), ATTRIBUTE(CKA_CLASS, class_secret)};
    span_begin(&span);
    CK_RV rv = oracle_find(reader->session, attributes, 1 + random_below(&reader->seed, 2), NULL, &found);
    span_end(&span);
    if (oracle_did("find by label", label, rv))
        span_must_be_as_many("found by label", &span, has_names, &(struct names){NAMES, label}, found);
}

/* The label that an object shows; LABELS: no writer's. */
static unsigned label_of(const char *text, unsigned long size)
{
    unsigned label = 0;
    while (label < LABELS && (strlen(oracle_label(label)) != size || memcmp(oracle_label(label), text, size) != 0))
        label++;
    return label;
}

static bool is_gone(const struct state *state, const void *nothing)
{
    (void)nothing;
    return !state->exists;
}

/* What was found is asked what it is; the span is of the search and of this. */
static void ask_what_was_found(struct reader *reader, struct span *span, unsigned object, CK_OBJECT_HANDLE handle)
{
    char text[64];
    CK_ATTRIBUTE read = {CKA_LABEL, text, sizeof text};
    CK_RV rv = p11->C_GetAttributeValue(reader->session, handle, &read, 1);
    span_end(span);
    if (rv == CKR_OBJECT_HANDLE_INVALID)
        span_must_be_possible("a handle is gone", span, object, is_gone, NULL);
    else if (oracle_did("read", object, rv)) {
        unsigned label = label_of(text, read.ulValueLen);
        span_must_be_possible("label", span, object, state_has_label, &label);
    }
}

static void search_by_names(struct reader *reader, bool and_label)
{
    unsigned object = random_below(&reader->seed, OBJECTS);
    struct names names = {random_below(&reader->seed, NAMES), and_label ? random_below(&reader->seed, LABELS) : LABELS};
    unsigned long found = 0;
    CK_OBJECT_HANDLE handle = 0;
    struct span span;
    char text[16];
    bool may, must;
    oracle_name(object, names.name, text);
    CK_ATTRIBUTE attributes[] = {
        TEXT_ATTRIBUTE(CKA_ID, text), TEXT_ATTRIBUTE(CKA_LABEL, oracle_label(and_label ? names.label : 0))};
    span_begin(&span);
    CK_RV rv = oracle_find(reader->session, attributes, and_label ? 2 : 1, &handle, &found);
    span_end(&span);
    span_count(&span, object, has_names, &names, &may, &must);
    if (!oracle_did("find by name", object, rv) || !span_judged(&span, object))
        return;
    if (found < must || found > may)
        oracle_blame(and_label ? "found by name and label" : "found by name", object, span.from[object]);
    else if (found)
        ask_what_was_found(reader, &span, object, handle);
}

static void search_by_name(struct reader *reader)
{
    search_by_names(reader, false);
}

static void search_by_both(struct reader *reader)
{
    search_by_names(reader, true);
}

static void search_by_class(struct reader *reader)
{
    unsigned long found = 0;
    struct span span;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_TOKEN, yes)};
    span_begin(&span);
    CK_RV rv = oracle_find(reader->session, attributes, 2, NULL, &found);
    span_end(&span);
    if (oracle_did("find by class", 0, rv))
        span_must_be_as_many("found by class", &span, is_shown, NULL, found);
}

/* All that is there: the noise and the receipt keys, too. */
static void search_for_all(struct reader *reader)
{
    enum { RECEIPT_KEYS = 2, NOISES = 2 };
    unsigned long found = 0;
    struct span span;
    bool may, must;
    unsigned long least = CROWD + (logged_in ? RECEIPT_KEYS : RECEIPT_KEYS / 2), most = least + NOISES;
    span_begin(&span);
    CK_RV rv = oracle_find(reader->session, NULL, 0, NULL, &found);
    span_end(&span);
    bool whole = oracle_did("find all", 0, rv);
    for (unsigned i = 0; i < OBJECTS; i++) {
        span_count(&span, i, is_shown, NULL, &may, &must);
        least += must;
        most += may;
        whole &= span_judged(&span, i);
    }
    if (whole && (found < least || found > most + oracle->kills))
        oracle_blame("found of all", 1000 * (unsigned)least + (unsigned)most, found);
}

static void search_for_the_crowd(struct reader *reader)
{
    unsigned long found = 0;
    CK_ATTRIBUTE attribute = TEXT_ATTRIBUTE(CKA_LABEL, crowd);
    CK_RV rv = oracle_find(reader->session, &attribute, 1, NULL, &found);
    if (oracle_did("find the crowd", 0, rv) && found != CROWD)
        oracle_blame("found of the crowd", 0, found);
    (void)atomic_fetch_add(&oracle->answers, 1);
}

static void *search(void *context)
{
    static void (*const ways[])(struct reader *) = {search_by_label, search_by_name, search_by_both, search_by_label,
        search_by_name, search_by_both, search_by_class, search_for_all, search_for_the_crowd};
    struct reader *reader = context;
    CK_RV rv = p11->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &reader->session);
    if (!oracle_did("open", reader->which, rv))
        return NULL;
    for (unsigned left = 1 + random_below(&reader->seed, 12); left && !atomic_load(&oracle->stop); left--) {
        ways[random_below(&reader->seed, COUNT_OF(ways))](reader);
        if (random_below(&reader->seed, 4) == 0)
            oracle_rest(random_below(&reader->seed, 2000));
    }
    return NULL;
}

/* One life of a process. */
static bool live(unsigned which, unsigned *seed)
{
    struct reader readers[THREADS];
    pthread_t threads[THREADS];
    CK_SESSION_HANDLE session = 0;
    logged_in = random_below(seed, 8) == 0;
    if (!oracle_did("start", which, logged_in ? oracle_start(&session) : p11->C_Initialize(NULL)))
        return false;
    for (unsigned i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){.seed = *seed + i * 7919, .which = which};
        if (pthread_create(&threads[i], NULL, search, &readers[i]) != 0)
            return false;
    }
    for (unsigned i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    *seed = readers[0].seed + which;
    return oracle_did("end", which, p11->C_Finalize(NULL));
}

static int live_again_and_again(unsigned which, unsigned seed)
{
    while (!atomic_load(&oracle->stop))
        if (!live(which, &seed))
            return 1;
    return 0;
}

static void make_crowd(struct module_fixture *fixture)
{
    for (unsigned i = 0; i < CROWD; i++)
        (void)module_data(fixture->session, true, false, crowd, "value");
}

static void every_search_of_a_process_that_starts_was_true_during_its_call(void **state)
{
    make_crowd(*state);
    oracle_play(live_again_and_again, false);
}

static void beside_killed_writers_too(void **state)
{
    make_crowd(*state);
    oracle_play(live_again_and_again, true);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        MODULE_TEST(every_search_of_a_process_that_starts_was_true_during_its_call),
        MODULE_TEST(beside_killed_writers_too),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
