/* Times a token with many objects, bulla beside SoftHSM, through PKCS#11 and nothing else; prints one table.
 *
 *   bench_objects MODULE [--objects N] [--softhsm PATH] [--softhsm-objects N] [--rounds N] [--pin-cost quick|standard]
 *
 * Each module gets a token in a folder of its own, with the same mixture of objects: a quarter each of data objects,
 * certificates, public keys and secret keys. SoftHSM's token is smaller unless told otherwise, because making it takes
 * long; the table says how large each is. Rounds alternate between the modules, each in a process of its own, and the
 * best of the rounds is shown. Start and login are timed from C_Initialize to the end of C_Login, and what Argon2id
 * alone takes in the same round is taken off; rows are read, and their tags checked, when their objects are first asked
 * for, so the first searches, which pay for that, stand beside it. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crypto/cipher.h"
#include "objects.h"
#include "support/folder.h"

enum figure {
    INITIALIZE,
    LOGIN,
    ARGON2,
    START,
    START_WORK,
    COLD_LABEL,
    COLD_ID,
    FIRST_ALL,
    FIND_LABEL,
    FIND_ID,
    FIND_ALL,
    SESSION,
    RANDOM,
    CREATE,
    SYNC,
    FIGURES
};
static const struct {
    const char *name, *unit;
} figures[FIGURES] = {
    [INITIALIZE] = {"C_Initialize and C_OpenSession", "ms"},
    [LOGIN] = {"C_Login", "ms"},
    [ARGON2] = {"  of it Argon2id, timed alone", "ms"},
    [START] = {"start and login but for Argon2id", "ms"},
    [START_WORK] = {"  in processor time", "ms"},
    [COLD_LABEL] = {"find by label, for the first time", "us"},
    [COLD_ID] = {"find by class and id, likewise", "us"},
    [FIRST_ALL] = {"find all, for the first time", "ms"},
    [FIND_LABEL] = {"find by label", "us"},
    [FIND_ID] = {"find by class and id", "us"},
    [FIND_ALL] = {"find all", "us"},
    [SESSION] = {"open and close a session", "us"},
    [RANDOM] = {"C_GenerateRandom of 32 bytes", "us"},
    [CREATE] = {"create a token object", "us"},
    [SYNC] = {"  one write and fdatasync alone", "us"},
};

static unsigned rounds = 3;
static bool quick_pin = true;
static char folder[64];
static double figures_of[2][FIGURES]; /* of each engine */

/* --- a round --- */

/* Microseconds for one of `count`, the best of five tries. */
static double time_steps(step *what, CK_SESSION_HANDLE session, unsigned long count, unsigned long objects)
{
    double best = 1e9;
    for (int try = 0; try < 5; try++) {
        double start = bench_now();
        for (unsigned long i = 0; i < count; i++)
            what(session, i, objects);
        double taken = (bench_now() - start) * 1e6 / (double)count;
        best = taken < best ? taken : best;
    }
    return best;
}

/* Microseconds for one of a few that were never asked for before. */
enum { COLD = 20 };
static double time_once(step *what, CK_SESSION_HANDLE session, unsigned long first, unsigned long objects)
{
    double start = bench_now();
    for (unsigned long i = 0; i < COLD; i++)
        what(session, first + i, objects);
    return (bench_now() - start) * 1e6 / COLD;
}

static void find_id(CK_SESSION_HANDLE session, unsigned long number, unsigned long objects)
{
    char id[16];
    unsigned long wanted = number * 7919 % objects / 4 * 4 + 3; /* a secret key */
    CK_ULONG size = (CK_ULONG)snprintf(id, sizeof id, "id %lu", wanted);
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &secret_key, sizeof secret_key}, {CKA_ID, id, size}};
    if (bench_find(session, template, 2) != 1)
        bench_give_up("not one key of an id", wanted);
}

static void find_all(CK_SESSION_HANDLE session, unsigned long number, unsigned long objects)
{
    (void)number;
    if (bench_find(session, NULL, 0) < objects)
        bench_give_up("not all objects", objects);
}

static void open_and_close(CK_SESSION_HANDLE session, unsigned long number, unsigned long objects)
{
    (void)session;
    (void)number;
    (void)objects;
    bench_must("C_CloseSession", p11->C_CloseSession(bench_open_session()));
}

static void generate(CK_SESSION_HANDLE session, unsigned long number, unsigned long objects)
{
    unsigned char bytes[32];
    (void)number;
    (void)objects;
    bench_must("C_GenerateRandom", p11->C_GenerateRandom(session, bytes, sizeof bytes));
}

/* Objects are made and destroyed again, so that every round finds as many; what is timed is the making. */
static double time_creating(CK_SESSION_HANDLE session, unsigned long objects, unsigned count)
{
    CK_OBJECT_HANDLE *made = calloc(count, sizeof *made);
    double start = bench_now();
    for (unsigned i = 0; made && i < count; i++)
        made[i] = bench_create(session, objects + i);
    double taken = (bench_now() - start) * 1e6 / count;
    for (unsigned i = 0; made && i < count; i++)
        bench_must("C_DestroyObject", p11->C_DestroyObject(session, made[i]));
    free(made);
    return taken;
}

static double time_syncs(void)
{
    enum { SYNCS = 200 };
    static const unsigned char bytes[600] = {0};
    char path[96];
    test_folder_join(path, sizeof path, folder, "sync");
    int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    double start = bench_now();
    for (int i = 0; i < SYNCS; i++)
        if (pwrite(file, bytes, sizeof bytes, (off_t)i * 4096) < 0 || fdatasync(file) != 0)
            bench_give_up("fdatasync", 0);
    double taken = (bench_now() - start) * 1e6 / SYNCS;
    (void)close(file);
    (void)unlink(path);
    return taken;
}

/* Milliseconds, of the wall's clock and of the process's own. */
struct moment {
    double wall, work;
};

static struct moment moment_now(void)
{
    return (struct moment){bench_now() * 1e3, bench_seconds(CLOCK_PROCESS_CPUTIME_ID) * 1e3};
}

static struct moment since(struct moment start)
{
    struct moment end = moment_now();
    return (struct moment){end.wall - start.wall, end.work - start.work};
}

static struct moment time_argon2(void)
{
    uint8_t key[32];
    struct bulla_argon2 argon2;
    bulla_argon2_choose(&argon2, quick_pin);
    struct moment start = moment_now();
    if (bulla_argon2_derive(&argon2, (struct bulla_bytes){PIN(user_pin)}, key) != BULLA_OK)
        bench_give_up(bulla_detail(), 0);
    return since(start);
}

/* From C_Initialize to the end of C_Login; SoftHSM's derivation of a key from the PIN is not taken off. */
static CK_SESSION_HANDLE time_start(bool ours, double *times)
{
    struct moment argon2 = {0, 0}, start = moment_now();
    bench_initialize();
    CK_SESSION_HANDLE session = bench_open_session();
    struct moment opened = since(start);
    bench_must("C_Login", p11->C_Login(session, CKU_USER, PIN(user_pin)));
    struct moment whole = since(start);
    if (ours)
        argon2 = time_argon2();
    times[INITIALIZE] = opened.wall;
    times[LOGIN] = whole.wall - opened.wall;
    times[ARGON2] = argon2.wall;
    times[START] = whole.wall - argon2.wall;
    times[START_WORK] = whole.work - argon2.work;
    return session;
}

static void run_round(const struct engine *engine, double *times)
{
    bool ours = strcmp(engine->name, "bulla") == 0;
    bench_load(engine->module);
    CK_SESSION_HANDLE session = time_start(ours, times);
    times[COLD_LABEL] = time_once(bench_find_label, session, 0, engine->objects);
    times[COLD_ID] = time_once(find_id, session, COLD, engine->objects);
    double start = bench_now();
    find_all(session, 0, engine->objects);
    times[FIRST_ALL] = (bench_now() - start) * 1e3;
    unsigned long searches = ours ? 2000 : 5;
    times[FIND_LABEL] = time_steps(bench_find_label, session, searches, engine->objects);
    times[FIND_ID] = time_steps(find_id, session, searches, engine->objects);
    times[FIND_ALL] = time_steps(find_all, session, ours ? 50 : 3, engine->objects);
    times[SESSION] = time_steps(open_and_close, session, 20000, 0);
    times[RANDOM] = time_steps(generate, session, 200000, 0);
    times[CREATE] = time_creating(session, engine->objects, ours ? 1000 : 50);
    times[SYNC] = time_syncs();
    bench_must("C_Finalize", p11->C_Finalize(NULL));
}

/* Runs `body` in a process of its own, with the module's configuration, and takes what it leaves in `result`. */
typedef void apart(const struct engine *engine, void *result);
static void run_apart(const struct engine *engine, apart *body, void *result, size_t size)
{
    int status = 0;
    void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        bench_give_up("no shared memory", 0);
    pid_t child = fork();
    if (child == 0) {
        (void)setenv(engine->variable, engine->conf, 1);
        body(engine, shared);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        bench_give_up("a process of the benchmark failed", (unsigned long)status);
    memcpy(result, shared, size);
    (void)munmap(shared, size);
}

static void round_apart(const struct engine *engine, void *result)
{
    run_round(engine, result);
}

static void make_apart(const struct engine *engine, void *result)
{
    bench_load(engine->module);
    bench_initialize();
    bench_make_token();
    bench_must("C_Finalize", p11->C_Finalize(NULL)); /* SoftHSM gives an initialised token another slot */
    bench_initialize();
    CK_SESSION_HANDLE session = bench_log_in(slot);
    double start = bench_now();
    for (unsigned long i = 0; i < engine->objects; i++)
        (void)bench_create(session, i);
    *(double *)result = bench_now() - start;
    bench_must("C_Finalize", p11->C_Finalize(NULL));
}

/* --- the table --- */

static void print_table(const struct engine *engines, unsigned count)
{
    struct bulla_argon2 argon2;
    bulla_argon2_choose(&argon2, quick_pin);
    printf("\nA token of many objects, best of %u rounds\n%-40s", rounds, "");
    for (unsigned i = 0; i < count; i++)
        printf("%14s", engines[i].name);
    printf("%s\n%-40s", count > 1 ? "         ratio" : "", "  objects");
    for (unsigned i = 0; i < count; i++)
        printf("%14lu", engines[i].objects);
    printf("\n");
    for (int figure = 0; figure < FIGURES; figure++) {
        char title[64];
        (void)snprintf(title, sizeof title, "  %s, %s", figures[figure].name, figures[figure].unit);
        printf("%-40s", title);
        for (unsigned i = 0; i < count; i++)
            printf("%14.2f", figures_of[i][figure]);
        if (count > 1 && figures_of[0][figure] > 0 && figures_of[1][figure] > 0)
            printf("%14.4f", figures_of[0][figure] / figures_of[1][figure]);
        printf("\n");
    }
    printf("  Argon2id: %u passes over %u MiB (pin-cost = %s); SoftHSM derives its key from the PIN with SHA-256\n",
        (unsigned)argon2.operations, (unsigned)(argon2.memory >> 20), quick_pin ? "quick" : "standard");
    for (unsigned i = 0; i < count; i++)
        printf("  %s made its %lu objects in %.1f s, %.0f a second\n", engines[i].name, engines[i].objects,
            engines[i].made, (double)engines[i].objects / engines[i].made);
}

/* --- setting up --- */

static void configure_bulla(struct engine *engine)
{
    char text[256];
    int size = snprintf(text, sizeof text,
        "[token bench]\npath = %s/bulla\nrelease = passphrase\npin-cost = %s\n"
        "[token other]\npath = %s/other\nrelease = passphrase\npin-cost = quick\n",
        folder, quick_pin ? "quick" : "standard", folder);
    test_folder_join(engine->conf, sizeof engine->conf, folder, "bulla.conf");
    test_file_write(engine->conf, text, (size_t)size);
    (void)chmod(engine->conf, 0600);
}

static void configure_softhsm(struct engine *engine)
{
    char text[256], tokens[96];
    test_folder_join(tokens, sizeof tokens, folder, "softhsm");
    int size = snprintf(
        text, sizeof text, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", tokens);
    (void)mkdir(tokens, 0700);
    test_folder_join(engine->conf, sizeof engine->conf, folder, "softhsm2.conf");
    test_file_write(engine->conf, text, (size_t)size);
}

static void keep_best(double *least, const double *times, bool first)
{
    for (int i = 0; i < FIGURES; i++)
        if (first || times[i] < least[i])
            least[i] = times[i];
}

static void read_options(int count, char **arguments, struct engine *engines)
{
    if (count < 2 || count % 2)
        bench_give_up("usage: bench_objects MODULE [--objects N] [--softhsm PATH] [--softhsm-objects N] [--rounds N] "
                      "[--pin-cost quick|standard]",
            0);
    engines[0].module = arguments[1];
    for (int i = 2; i < count; i += 2) {
        const char *what = arguments[i], *given = arguments[i + 1];
        if (strcmp(what, "--objects") == 0)
            engines[0].objects = strtoul(given, NULL, 10);
        else if (strcmp(what, "--softhsm") == 0)
            engines[1].module = given;
        else if (strcmp(what, "--softhsm-objects") == 0)
            engines[1].objects = strtoul(given, NULL, 10);
        else if (strcmp(what, "--rounds") == 0)
            rounds = (unsigned)strtoul(given, NULL, 10);
        else if (strcmp(what, "--pin-cost") == 0)
            quick_pin = strcmp(given, "quick") == 0;
        else
            bench_give_up(what, 0);
    }
    for (int i = 0; i < 2; i++)
        if (engines[i].objects < 4 || rounds == 0)
            bench_give_up("at least 4 objects and a round", 0);
}

int main(int count, char **arguments)
{
    struct engine engines[2] = {
        {.name = "bulla", .variable = "BULLA_CONF", .objects = 10000},
        {.name = "SoftHSM", .variable = "SOFTHSM2_CONF", .objects = 1000},
    };
    read_options(count, arguments, engines);
    unsigned used = engines[1].module ? 2 : 1;
    struct beside beside;
    double times[FIGURES];
    test_folder_make(folder, sizeof folder);
    configure_bulla(&engines[0]);
    configure_softhsm(&engines[1]);
    for (unsigned i = 0; i < used; i++)
        run_apart(&engines[i], make_apart, &engines[i].made, sizeof engines[i].made);
    for (unsigned i = 0; i < rounds * used; i++) {
        run_apart(&engines[i % used], round_apart, times, sizeof times);
        keep_best(figures_of[i % used], times, i < used);
    }
    print_table(engines, used);
    run_apart(&engines[0], bench_beside_apart, &beside, sizeof beside);
    bench_print_beside(&engines[0], &beside);
    test_folder_remove(folder);
    return 0;
}
