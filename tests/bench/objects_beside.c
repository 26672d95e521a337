/* What a second process that writes to the token costs a reader. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "objects.h"

enum { ELSEWHERE, WRITING, DONE };
struct turns {
    atomic_int phase, ready;
    atomic_ulong written;
    struct beside beside;
};

/* Creates and destroys one object after the other, in this token or in the other as the phase says: so what the reader
 * is measured by is the sharing of a token, not that of a machine. */
static void write_on(const struct engine *engine, struct turns *turns)
{
    bench_load(engine->module);
    bench_initialize();
    CK_SLOT_ID first = slot;
    slot = other_slot;
    bench_make_token();
    CK_SESSION_HANDLE sessions[] = {[ELSEWHERE] = bench_log_in(other_slot), [WRITING] = bench_log_in(first)};
    atomic_store(&turns->ready, 1);
    for (int phase = ELSEWHERE; phase != DONE; phase = atomic_load(&turns->phase)) {
        CK_SESSION_HANDLE session = sessions[phase];
        bench_must("C_DestroyObject", p11->C_DestroyObject(session, bench_create(session, engine->objects)));
        (void)atomic_fetch_add(&turns->written, phase == WRITING ? 2 : 0);
    }
    bench_must("C_Finalize", p11->C_Finalize(NULL));
    _exit(0);
}

/* What a reader does all day. */
static CK_OBJECT_HANDLE signing_key;

static void sign_short(CK_SESSION_HANDLE session, unsigned long number, unsigned long objects)
{
    CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
    unsigned char mac[32];
    CK_ULONG size = sizeof mac;
    (void)objects;
    bench_must("C_SignInit", p11->C_SignInit(session, &hmac, signing_key));
    bench_must("C_Sign", p11->C_Sign(session, (unsigned char *)&number, sizeof number, mac, &size));
}

static const struct {
    const char *name;
    step *call;
} readers[READERS] = {{"find by label", bench_find_label}, {"sign by HMAC", sign_short}};

static double read_for(CK_SESSION_HANDLE session, const struct engine *engine, double seconds, step *call)
{
    double end = bench_now() + seconds, start = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    unsigned long calls = 0;
    while (bench_now() < end)
        for (int i = 0; i < 100; i++)
            call(session, calls++, engine->objects);
    return (bench_seconds(CLOCK_THREAD_CPUTIME_ID) - start) / (double)calls;
}

/* The writer goes on through all of it; slices of the two kinds alternate, and so what else the machine does meanwhile
 * is the same for both. */
static void take_slices(CK_SESSION_HANDLE session, const struct engine *engine, struct turns *turns, int reader)
{
    struct beside *beside = &turns->beside;
    for (int i = 0; i < SLICES; i++) {
        int phase = i % 2 == 0 ? ELSEWHERE : WRITING;
        atomic_store(&turns->phase, phase);
        (void)usleep(2000);
        double start = bench_now();
        beside->each[reader][phase][i / 2] = read_for(session, engine, 0.04, readers[reader].call);
        beside->walled += phase == WRITING ? bench_now() - start : 0;
    }
    atomic_store(&turns->phase, ELSEWHERE);
}

void bench_beside_apart(const struct engine *engine, void *result)
{
    CK_ATTRIBUTE signs[] = {{CKA_CLASS, &secret_key, sizeof secret_key}, {CKA_SIGN, &yes, 1}};
    CK_ULONG found = 0;
    struct turns *turns = mmap(NULL, sizeof *turns, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (turns == MAP_FAILED)
        bench_give_up("no shared memory", 0);
    pid_t writer = fork();
    if (writer == 0)
        write_on(engine, turns);
    bench_load(engine->module);
    bench_initialize();
    CK_SESSION_HANDLE session = bench_log_in(slot);
    bench_must("C_FindObjectsInit", p11->C_FindObjectsInit(session, signs, 2));
    bench_must("C_FindObjects", p11->C_FindObjects(session, &signing_key, 1, &found));
    bench_must("C_FindObjectsFinal", p11->C_FindObjectsFinal(session));
    while (!atomic_load(&turns->ready))
        (void)usleep(1000);
    for (int reader = 0; reader < READERS; reader++)
        take_slices(session, engine, turns, reader);
    atomic_store(&turns->phase, DONE);
    (void)waitpid(writer, NULL, 0);
    turns->beside.written = atomic_load(&turns->written);
    *(struct beside *)result = turns->beside;
    bench_must("C_Finalize", p11->C_Finalize(NULL));
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Of each slice beside the one before it: the machine is another one a second later. */
static double middle_ratio(const double each[2][SLICES / 2])
{
    double ratios[SLICES / 2];
    for (int i = 0; i < SLICES / 2; i++)
        ratios[i] = each[WRITING][i] / each[ELSEWHERE][i];
    qsort(ratios, SLICES / 2, sizeof ratios[0], ascending);
    return (ratios[SLICES / 4 - 1] + ratios[SLICES / 4]) / 2;
}

static double least(const double *each)
{
    double least = each[0];
    for (int i = 1; i < SLICES / 2; i++)
        least = each[i] < least ? each[i] : least;
    return least;
}

void bench_print_beside(const struct engine *engine, const struct beside *beside)
{
    double rate = (double)beside->written / beside->walled;
    printf(
        "  %s, a second process writing to the token %.0f times a second, or to another token;\n", engine->name, rate);
    printf("  the reader's processor time for one, best of %d slices, and the middle of the ratios of neighbours:\n",
        SLICES / 2);
    for (int i = 0; i < READERS; i++) {
        const double(*each)[SLICES / 2] = beside->each[i];
        double slower = middle_ratio(each) - 1;
        printf("    %-14s %8.3f us, %8.3f us, %+6.2f %%: a write costs %.2f us\n", readers[i].name,
            1e6 * least(each[WRITING]), 1e6 * least(each[ELSEWHERE]), 100 * slower, 1e6 * slower / (1 + slower) / rate);
    }
}
