/* Times a token with many objects, bulla beside SoftHSM, through PKCS#11 and nothing else; prints one table.
 *
 *   bench_objects MODULE [--objects N] [--softhsm PATH] [--softhsm-objects N] [--rounds N] [--pin-cost quick|standard]
 *
 * Each module gets a token in a folder of its own, with the same mixture of objects: a quarter each of data objects,
 * certificates, public keys and secret keys. SoftHSM's token is smaller unless told otherwise, because making it takes
 * long; the table says how large each is. Rounds alternate between the modules, each in a process of its own, and the
 * best of the rounds is shown. */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bulla_pkcs11.h"
#include "crypto/cipher.h"
#include "support/folder.h"

enum figure {
    INITIALIZE,
    LOGIN,
    ARGON2,
    START,
    START_WORK,
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
    [FIRST_ALL] = {"first search for all (checks tags)", "ms"},
    [FIND_LABEL] = {"find by label", "us"},
    [FIND_ID] = {"find by class and id", "us"},
    [FIND_ALL] = {"find all", "us"},
    [SESSION] = {"open and close a session", "us"},
    [RANDOM] = {"C_GenerateRandom of 32 bytes", "us"},
    [CREATE] = {"create a token object", "us"},
    [SYNC] = {"  one write and fdatasync alone", "us"},
};

struct engine {
    const char *name, *module, *variable; /* of the environment: where its configuration is */
    char conf[128];
    unsigned long objects;
    double best[FIGURES], made; /* seconds that making the objects took */
};

/* Calls while another process writes to the same token, and while it writes to another one. */
struct beside {
    double calls[2], seconds[2]; /* the reader's own processor time */
    double walled[2];
    unsigned long written;
};

static unsigned rounds = 3;
static bool quick_pin = true;
static char folder[64];
static CK_FUNCTION_LIST *p11;
static CK_SLOT_ID slot, other_slot; /* bulla has a second, empty token beside */

static unsigned char so_pin[] = "bench-officer-pin", user_pin[] = "bench-user-pin";
#define PIN(text) (text), sizeof(text) - 1

static double seconds_of(clockid_t clock)
{
    struct timespec time;
    (void)clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double now(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

static void __attribute__((noreturn)) give_up(const char *what, unsigned long code)
{
    (void)fprintf(stderr, "bench_objects: %s (0x%lx)\n", what, code);
    exit(1);
}

static void must(const char *what, CK_RV code)
{
    if (code != CKR_OK)
        give_up(what, code);
}

/* --- the token --- */

static void load_module(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CK_RV (*list)(CK_FUNCTION_LIST **) = NULL;
    if (library)
        *(void **)&list = dlsym(library, "C_GetFunctionList");
    if (!list)
        give_up(dlerror(), 0);
    must("C_GetFunctionList", list(&p11));
}

static void initialize(void)
{
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;
    must("C_Initialize", p11->C_Initialize(&arguments));
    must("C_GetSlotList", p11->C_GetSlotList(CK_TRUE, slots, &count));
    slot = slots[0];
    other_slot = count > 1 ? slots[1] : slots[0];
}

static CK_SESSION_HANDLE open_session(void)
{
    CK_SESSION_HANDLE session = 0;
    must("C_OpenSession", p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
    return session;
}

static CK_SESSION_HANDLE log_in(CK_SLOT_ID where)
{
    slot = where;
    CK_SESSION_HANDLE session = open_session();
    must("C_Login", p11->C_Login(session, CKU_USER, PIN(user_pin)));
    return session;
}

static void make_token(void)
{
    unsigned char label[32];
    memset(label, ' ', sizeof label);
    memcpy(label, "bench", 5);
    must("C_InitToken", p11->C_InitToken(slot, PIN(so_pin), label));
    CK_SESSION_HANDLE session = open_session();
    must("C_Login", p11->C_Login(session, CKU_SO, PIN(so_pin)));
    must("C_InitPIN", p11->C_InitPIN(session, PIN(user_pin)));
    must("C_Logout", p11->C_Logout(session));
    must("C_CloseSession", p11->C_CloseSession(session));
}

/* --- its objects --- */

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS data = CKO_DATA, certificate = CKO_CERTIFICATE, public_key = CKO_PUBLIC_KEY,
                       secret_key = CKO_SECRET_KEY;
static CK_CERTIFICATE_TYPE x509 = CKC_X_509;
static CK_KEY_TYPE ec = CKK_EC, generic = CKK_GENERIC_SECRET;
static unsigned char value[600],
    name[] = {0x30, 0x10, 0x31, 0x0e, 0x30, 0x0c, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x05, 'b', 'e', 'n', 'c', 'h'},
    serial[] = {2, 1, 7}, p256[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
/* The generator of P-256 (SEC 2, 2.4.2) as an OCTET STRING: a valid point. */
static unsigned char point[] = {0x04, 0x41, 0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6,
    0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98,
    0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b,
    0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};

#define LARGEST 12

static CK_OBJECT_HANDLE create(CK_SESSION_HANDLE session, unsigned long number)
{
    char label[32], id[16];
    CK_ULONG label_size = (CK_ULONG)snprintf(label, sizeof label, "object %lu", number);
    CK_ULONG id_size = (CK_ULONG)snprintf(id, sizeof id, "id %lu", number);
    CK_ATTRIBUTE kinds[4][LARGEST] = {
        {{CKA_CLASS, &data, sizeof data}, {CKA_APPLICATION, name + 13, 5}, {CKA_VALUE, value, 200},
            {CKA_PRIVATE, &no, 1}},
        {{CKA_CLASS, &certificate, sizeof certificate}, {CKA_ID, id, id_size},
            {CKA_CERTIFICATE_TYPE, &x509, sizeof x509}, {CKA_SUBJECT, name, sizeof name},
            {CKA_ISSUER, name, sizeof name}, {CKA_SERIAL_NUMBER, serial, sizeof serial}, {CKA_VALUE, value, 600},
            {CKA_PRIVATE, &no, 1}},
        {{CKA_CLASS, &public_key, sizeof public_key}, {CKA_ID, id, id_size}, {CKA_KEY_TYPE, &ec, sizeof ec},
            {CKA_EC_PARAMS, p256, sizeof p256}, {CKA_EC_POINT, point, sizeof point}, {CKA_VERIFY, &yes, 1},
            {CKA_PRIVATE, &no, 1}},
        {{CKA_CLASS, &secret_key, sizeof secret_key}, {CKA_ID, id, id_size}, {CKA_KEY_TYPE, &generic, sizeof generic},
            {CKA_VALUE, value, 32}, {CKA_PRIVATE, &yes, 1}, {CKA_SENSITIVE, &yes, 1}, {CKA_SIGN, &yes, 1}},
    };
    CK_ATTRIBUTE *attributes = kinds[number % 4];
    CK_ULONG count = 0;
    CK_OBJECT_HANDLE object = 0;
    memcpy(value, &number, sizeof number);
    while (attributes[count].pValue)
        count++;
    attributes[count++] = (CK_ATTRIBUTE){CKA_TOKEN, &yes, 1};
    attributes[count++] = (CK_ATTRIBUTE){CKA_LABEL, label, label_size};
    must("C_CreateObject", p11->C_CreateObject(session, attributes, count, &object));
    return object;
}

static CK_ULONG find(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    static CK_OBJECT_HANDLE objects[1 << 16];
    CK_ULONG found = 0;
    must("C_FindObjectsInit", p11->C_FindObjectsInit(session, attributes, count));
    must("C_FindObjects", p11->C_FindObjects(session, objects, sizeof objects / sizeof objects[0], &found));
    must("C_FindObjectsFinal", p11->C_FindObjectsFinal(session));
    return found;
}

/* --- a round --- */

/* Microseconds for one of `count`, the best of five tries. */
typedef void step(CK_SESSION_HANDLE session, unsigned long number, unsigned long objects);
static double time_steps(step *what, CK_SESSION_HANDLE session, unsigned long count, unsigned long objects)
{
    double best = 1e9;
    for (int try = 0; try < 5; try++) {
        double start = now();
        for (unsigned long i = 0; i < count; i++)
            what(session, i, objects);
        double taken = (now() - start) * 1e6 / (double)count;
        best = taken < best ? taken : best;
    }
    return best;
}

static void find_label(CK_SESSION_HANDLE session, unsigned long number, unsigned long objects)
{
    char label[32];
    CK_ULONG size = (CK_ULONG)snprintf(label, sizeof label, "object %lu", number * 7919 % objects);
    CK_ATTRIBUTE template[] = {{CKA_LABEL, label, size}};
    if (find(session, template, 1) != 1)
        give_up("not one object of a label", number);
}

static void find_id(CK_SESSION_HANDLE session, unsigned long number, unsigned long objects)
{
    char id[16];
    unsigned long wanted = number * 7919 % objects / 4 * 4 + 3; /* a secret key */
    CK_ULONG size = (CK_ULONG)snprintf(id, sizeof id, "id %lu", wanted);
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &secret_key, sizeof secret_key}, {CKA_ID, id, size}};
    if (find(session, template, 2) != 1)
        give_up("not one key of an id", wanted);
}

static void find_all(CK_SESSION_HANDLE session, unsigned long number, unsigned long objects)
{
    (void)number;
    if (find(session, NULL, 0) < objects)
        give_up("not all objects", objects);
}

static void open_and_close(CK_SESSION_HANDLE session, unsigned long number, unsigned long objects)
{
    (void)session;
    (void)number;
    (void)objects;
    must("C_CloseSession", p11->C_CloseSession(open_session()));
}

static void generate(CK_SESSION_HANDLE session, unsigned long number, unsigned long objects)
{
    unsigned char bytes[32];
    (void)number;
    (void)objects;
    must("C_GenerateRandom", p11->C_GenerateRandom(session, bytes, sizeof bytes));
}

/* Objects are made and destroyed again, so that every round finds as many; what is timed is the making. */
static double time_creating(CK_SESSION_HANDLE session, unsigned long objects, unsigned count)
{
    CK_OBJECT_HANDLE *made = calloc(count, sizeof *made);
    double start = now();
    for (unsigned i = 0; made && i < count; i++)
        made[i] = create(session, objects + i);
    double taken = (now() - start) * 1e6 / count;
    for (unsigned i = 0; made && i < count; i++)
        must("C_DestroyObject", p11->C_DestroyObject(session, made[i]));
    free(made);
    return taken;
}

static double time_syncs(void)
{
    enum { SYNCS = 200 };
    char path[96];
    test_folder_join(path, sizeof path, folder, "sync");
    int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    double start = now();
    for (int i = 0; i < SYNCS; i++)
        if (pwrite(file, value, sizeof value, (off_t)i * 4096) < 0 || fdatasync(file) != 0)
            give_up("fdatasync", 0);
    double taken = (now() - start) * 1e6 / SYNCS;
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
    return (struct moment){now() * 1e3, seconds_of(CLOCK_PROCESS_CPUTIME_ID) * 1e3};
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
        give_up(bulla_detail(), 0);
    return since(start);
}

/* From C_Initialize to the end of C_Login; SoftHSM's derivation of a key from the PIN is not taken off. */
static CK_SESSION_HANDLE time_start(bool ours, double *times)
{
    struct moment argon2 = {0, 0}, start = moment_now();
    initialize();
    CK_SESSION_HANDLE session = open_session();
    struct moment opened = since(start);
    must("C_Login", p11->C_Login(session, CKU_USER, PIN(user_pin)));
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
    load_module(engine->module);
    CK_SESSION_HANDLE session = time_start(ours, times);
    double start = now();
    find_all(session, 0, engine->objects);
    times[FIRST_ALL] = (now() - start) * 1e3;
    unsigned long searches = ours ? 2000 : 5;
    times[FIND_LABEL] = time_steps(find_label, session, searches, engine->objects);
    times[FIND_ID] = time_steps(find_id, session, searches, engine->objects);
    times[FIND_ALL] = time_steps(find_all, session, ours ? 50 : 3, engine->objects);
    times[SESSION] = time_steps(open_and_close, session, 20000, 0);
    times[RANDOM] = time_steps(generate, session, 200000, 0);
    times[CREATE] = time_creating(session, engine->objects, ours ? 1000 : 50);
    times[SYNC] = time_syncs();
    must("C_Finalize", p11->C_Finalize(NULL));
}

/* Runs `body` in a process of its own, with the module's configuration, and takes what it leaves in `result`. */
typedef void apart(const struct engine *engine, void *result);
static void run_apart(const struct engine *engine, apart *body, void *result, size_t size)
{
    int status = 0;
    void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        give_up("no shared memory", 0);
    pid_t child = fork();
    if (child == 0) {
        (void)setenv(engine->variable, engine->conf, 1);
        body(engine, shared);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        give_up("a process of the benchmark failed", (unsigned long)status);
    memcpy(result, shared, size);
    (void)munmap(shared, size);
}

static void round_apart(const struct engine *engine, void *result)
{
    run_round(engine, result);
}

static void make_apart(const struct engine *engine, void *result)
{
    load_module(engine->module);
    initialize();
    make_token();
    must("C_Finalize", p11->C_Finalize(NULL)); /* SoftHSM gives an initialised token another slot */
    initialize();
    CK_SESSION_HANDLE session = log_in(slot);
    double start = now();
    for (unsigned long i = 0; i < engine->objects; i++)
        (void)create(session, i);
    *(double *)result = now() - start;
    must("C_Finalize", p11->C_Finalize(NULL));
}

/* --- beside a writer --- */

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
    load_module(engine->module);
    initialize();
    CK_SLOT_ID first = slot;
    slot = other_slot;
    make_token();
    CK_SESSION_HANDLE sessions[] = {[ELSEWHERE] = log_in(other_slot), [WRITING] = log_in(first)};
    atomic_store(&turns->ready, 1);
    for (int phase = ELSEWHERE; phase != DONE; phase = atomic_load(&turns->phase)) {
        CK_SESSION_HANDLE session = sessions[phase];
        must("C_DestroyObject", p11->C_DestroyObject(session, create(session, engine->objects)));
        (void)atomic_fetch_add(&turns->written, phase == WRITING ? 2 : 0);
    }
    must("C_Finalize", p11->C_Finalize(NULL));
    _exit(0);
}

/* What a reader does all day: it finds an object by its label and reads an attribute, again and again. */
static void read_for(
    CK_SESSION_HANDLE session, const struct engine *engine, double seconds, struct beside *beside, int phase)
{
    double end = now() + seconds, wall = now(), start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    unsigned long calls = 0;
    while (now() < end)
        for (int i = 0; i < 100; i++)
            find_label(session, calls++, engine->objects);
    beside->calls[phase] += (double)calls;
    beside->seconds[phase] += seconds_of(CLOCK_THREAD_CPUTIME_ID) - start;
    beside->walled[phase] += now() - wall;
}

static void beside_apart(const struct engine *engine, void *result)
{
    enum { SLICES = 40 };
    struct turns *turns = mmap(NULL, sizeof *turns, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (turns == MAP_FAILED)
        give_up("no shared memory", 0);
    pid_t writer = fork();
    if (writer == 0)
        write_on(engine, turns);
    load_module(engine->module);
    initialize();
    CK_SESSION_HANDLE session = log_in(slot);
    while (!atomic_load(&turns->ready))
        (void)usleep(1000);
    for (int i = 0; i < SLICES; i++) {
        int phase = i % 2 == 0 ? ELSEWHERE : WRITING;
        atomic_store(&turns->phase, phase);
        (void)usleep(5000);
        read_for(session, engine, 0.1, &turns->beside, phase);
    }
    atomic_store(&turns->phase, DONE);
    (void)waitpid(writer, NULL, 0);
    turns->beside.written = atomic_load(&turns->written);
    *(struct beside *)result = turns->beside;
    must("C_Finalize", p11->C_Finalize(NULL));
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
            printf("%14.2f", engines[i].best[figure]);
        if (count > 1 && engines[0].best[figure] > 0 && engines[1].best[figure] > 0)
            printf("%14.4f", engines[0].best[figure] / engines[1].best[figure]);
        printf("\n");
    }
    printf("  Argon2id: %u passes over %u MiB (pin-cost = %s); SoftHSM derives its key from the PIN with SHA-256\n",
        (unsigned)argon2.operations, (unsigned)(argon2.memory >> 20), quick_pin ? "quick" : "standard");
    for (unsigned i = 0; i < count; i++)
        printf("  %s made its %lu objects in %.1f s, %.0f a second\n", engines[i].name, engines[i].objects,
            engines[i].made, (double)engines[i].objects / engines[i].made);
}

static void print_beside(const struct engine *engine, const struct beside *beside)
{
    double each[2], rate = (double)beside->written / beside->walled[WRITING];
    for (int i = 0; i < 2; i++)
        each[i] = beside->seconds[i] * 1e6 / beside->calls[i];
    double part = 1 - each[ELSEWHERE] / each[WRITING]; /* of the reader's processor time */
    printf("  %s, find by label, back to back, a second process writing %.0f times a second:\n", engine->name, rate);
    printf("    %.3f us of processor time, %.3f while it writes to another token, %+.2f %%: a write costs %.1f us\n",
        each[WRITING], each[ELSEWHERE], 100 * (each[WRITING] / each[ELSEWHERE] - 1), 1e6 * part / rate);
    printf("    (1 %% is reached with at most %.0f writes a second)\n", 0.01 / (part / rate));
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

static void keep_best(struct engine *engine, const double *times, bool first)
{
    for (int i = 0; i < FIGURES; i++)
        if (first || times[i] < engine->best[i])
            engine->best[i] = times[i];
}

static void read_options(int count, char **arguments, struct engine *engines)
{
    if (count < 2 || count % 2)
        give_up("usage: bench_objects MODULE [--objects N] [--softhsm PATH] [--softhsm-objects N] [--rounds N] "
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
            give_up(what, 0);
    }
    for (int i = 0; i < 2; i++)
        if (engines[i].objects < 4 || rounds == 0)
            give_up("at least 4 objects and a round", 0);
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
        keep_best(&engines[i % used], times, i < used);
    }
    print_table(engines, used);
    run_apart(&engines[0], beside_apart, &beside, sizeof beside);
    print_beside(&engines[0], &beside);
    test_folder_remove(folder);
    return 0;
}
