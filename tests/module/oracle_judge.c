#include "oracle_judge.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void span_begin(struct span *span)
{
    for (unsigned i = 0; i < OBJECTS; i++)
        span->from[i] = atomic_load(&oracle->objects[i].ended);
}

void span_end(struct span *span)
{
    for (unsigned i = 0; i < OBJECTS; i++)
        span->to[i] = atomic_load(&oracle->objects[i].begun);
}

bool span_judged(const struct span *span, unsigned object)
{
    bool whole = atomic_load(&oracle->objects[object].begun) + 1 - span->from[object] < HISTORY;
    (void)atomic_fetch_add(whole ? &oracle->answers : &oracle->unjudged, 1);
    return whole;
}

void span_count(const struct span *span, unsigned object, property *is, const void *context, bool *may, bool *must)
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

void span_must_be_possible(
    const char *what, const struct span *span, unsigned object, property *is, const void *context)
{
    bool may, must;
    span_count(span, object, is, context, &may, &must);
    if (span_judged(span, object) && !may)
        oracle_blame(what, object, span->from[object]);
}

void span_must_be_as_many(
    const char *what, const struct span *span, property *is, const void *context, unsigned long found)
{
    unsigned long least = 0, most = 0;
    bool whole = true;
    for (unsigned i = 0; i < OBJECTS; i++) {
        bool may, must;
        span_count(span, i, is, context, &may, &must);
        least += must;
        most += may;
        whole &= span_judged(span, i);
    }
    if (whole && (found < least || found > most))
        oracle_blame(what, 100 * (unsigned)least + (unsigned)most, found);
}

bool state_has_label(const struct state *state, const void *label)
{
    return state->exists && state->label == *(const unsigned *)label;
}

bool state_has_name(const struct state *state, const void *name)
{
    return state->exists && state->name == *(const unsigned *)name;
}

bool state_exists(const struct state *state, const void *nothing)
{
    (void)nothing;
    return state->exists;
}

/* --- the play --- */

static unsigned long changes_made(void)
{
    unsigned long made = 0;
    for (unsigned i = 0; i < WRITERS; i++)
        made += atomic_load(&oracle->changes[i]);
    return made;
}

static struct timespec open_oracle(void)
{
    struct timespec begun = {0};
    oracle = mmap(NULL, sizeof *oracle, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(oracle != MAP_FAILED);
    (void)clock_gettime(CLOCK_MONOTONIC, &begun);
    return begun;
}

static void close_oracle(void)
{
    print_message("%lu changes, %lu answers, %lu not judged\n", changes_made(), oracle->answers, oracle->unjudged);
    if (oracle->failed)
        print_message("%s\n", oracle->failure);
    assert_false(oracle->failed);
    assert_true(changes_made() > 50 && oracle->answers > 1000);
    assert_int_equal(munmap(oracle, sizeof *oracle), 0);
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

static bool goes_on(const struct timespec *begun, unsigned milliseconds)
{
    enum { ENOUGH = 200, LONGEST = 40000 };
    unsigned long passed = milliseconds_since(begun);
    bool scanty = changes_made() < ENOUGH && passed < LONGEST;
    return !atomic_load(&oracle->stop) && (passed < milliseconds || scanty);
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

enum { READERS = 2 };

static pid_t start_process(oracle_reads *reads, unsigned which, unsigned seed)
{
    pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0)
        _exit(reads ? reads(which, seed) : oracle_write(which, seed));
    return process;
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
    (void)atomic_fetch_add(&oracle->kills, 1);
    writers[which] = start_process(NULL, which, ++*seed);
}

void oracle_play(oracle_reads *reads, bool kill_them)
{
    pid_t writers[WRITERS], readers[READERS];
    unsigned long changes[WRITERS] = {0};
    unsigned seed = any_seed();
    struct timespec begun = open_oracle();
    for (unsigned i = 0; i < WRITERS; i++)
        writers[i] = start_process(NULL, i, ++seed);
    for (unsigned i = 0; i < READERS; i++)
        readers[i] = start_process(reads, i, ++seed);
    while (goes_on(&begun, duration())) {
        oracle_rest(20000 + random_below(&seed, 200000));
        if (kill_them)
            kill_one(writers, changes, &seed);
    }
    atomic_store(&oracle->stop, true);
    for (unsigned i = 0; i < WRITERS; i++)
        await(writers[i]);
    for (unsigned i = 0; i < READERS; i++)
        await(readers[i]);
    close_oracle();
}
