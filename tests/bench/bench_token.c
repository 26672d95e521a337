/* Times a token as an application sees it: libbulla.so by dlopen, PKCS#11 and nothing else.
 *
 *   BULLA_CONF=… bench_token MODULE PIN-FILE MODEL NAME THREADS COST ROUNDS [cold]
 *
 * The token and its sealed model are there already (scripts/bench makes them). NAME goes into the rows; THREADS and
 * COST (quick or standard) repeat what bulla.conf says. Each round is a process of its own: a cold start, in parts; the
 * same request again; then, without `cold`, batches. One line of JSON for each row, minima of the rounds in
 * milliseconds, and bytes locked and resident in KiB (maxima):
 *   {"engine": "token quick", "what": "C_Login", "batch": 0, "tokens": 0, "threads": 1, "ms": …}
 *   {"engine": "token quick", "what": "locked", "batch": 1, "tokens": 16, "threads": 1, "kib": …} */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bulla_pkcs11.h"
#include "crypto/cbor.h"
#include "crypto/cipher.h"
#include "support/folder.h"

enum { REQUEST_LARGEST = 1 << 16, ANSWER_LARGEST = 1 << 20, TEXT_LARGEST = 1024 };

/* What one round measures, in the order of its rows. */
enum part { LOAD, INITIALIZE, OPEN, LOGIN, FIND, DECRYPT_INIT, FIRST, COLD, SECOND, PARTS };
static const char *const part_names[PARTS] = {
    [LOAD] = "dlopen",
    [INITIALIZE] = "C_Initialize",
    [OPEN] = "C_OpenSession",
    [LOGIN] = "C_Login",
    [FIND] = "C_FindObjects",
    [DECRYPT_INIT] = "C_DecryptInit",
    [FIRST] = "first C_Decrypt",
    [COLD] = "cold start",
    [SECOND] = "second C_Decrypt",
};
static const struct {
    unsigned texts, tokens;
    double budget; /* milliseconds */
} shapes[] = {{1, 16, 200}, {1, 128, 400}, {32, 128, 1500}};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

struct memory {
    long resident, locked; /* VmHWM and VmLck, KiB */
};
struct round {
    double parts[PARTS], batches[SHAPES];
    struct memory first, last;
};

static struct {
    const char *module, *name;
    char *model;
    unsigned char *pin;
    size_t pin_size;
    unsigned threads, rounds;
    bool quick, cold;
} options;
static CK_FUNCTION_LIST *token;
static uint8_t request[REQUEST_LARGEST], answer[ANSWER_LARGEST];

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec * 1e-6;
}

static void __attribute__((noreturn)) give_up(const char *what, unsigned long code)
{
    (void)fprintf(stderr, "bench_token: %s (0x%lx)\n", what, code);
    exit(1);
}

static void must(const char *what, CK_RV code)
{
    if (code != CKR_OK)
        give_up(what, code);
}

/* --- requests --- */

/* [CLS], a common word for each other token, [SEP]. */
static size_t write_request(unsigned texts, unsigned tokens, bool ids)
{
    char text[TEXT_LARGEST] = "";
    size_t size = 0;
    struct bulla_writer writer;
    for (unsigned i = 0; i + 2 < tokens && size + 5 < sizeof text; i++, size += 4)
        (void)snprintf(text + size, sizeof text - size, "the ");
    bulla_writer_open(&writer, request, sizeof request);
    bulla_cbor_write_map(&writer, ids ? 2 : 1);
    bulla_cbor_write_tstr(&writer, "texts");
    bulla_cbor_write_array(&writer, texts);
    for (unsigned i = 0; i < texts; i++)
        bulla_cbor_write_tstr_bytes(&writer, (struct bulla_bytes){(const uint8_t *)text, size - 1});
    if (ids) {
        bulla_cbor_write_tstr(&writer, "tokens");
        bulla_cbor_write_bool(&writer, true);
    }
    if (bulla_writer_finish(&writer, "a request") != BULLA_OK)
        give_up(bulla_detail(), 0);
    return writer.size;
}

static size_t ask(CK_SESSION_HANDLE session, size_t size)
{
    CK_ULONG got = sizeof answer;
    must("C_Decrypt", token->C_Decrypt(session, request, size, answer, &got));
    return got;
}

static void prepare(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_MECHANISM mechanism = {CKM_BULLA_INFER, NULL, 0};
    must("C_DecryptInit", token->C_DecryptInit(session, &mechanism, key));
}

/* The text of a member of the answer's map; give_up when it is not there. */
static struct bulla_cbor member(size_t size, const char *name)
{
    struct bulla_cbor map, key, value;
    if (bulla_cbor_decode((struct bulla_bytes){answer, size}, "an answer", &map) != BULLA_OK)
        give_up(bulla_detail(), 0);
    struct bulla_cbor_walk walk = bulla_cbor_inside(&map);
    while (bulla_cbor_next(&walk, &key) && bulla_cbor_next(&walk, &value))
        if (key.string.size == strlen(name) && memcmp(key.string.data, name, key.string.size) == 0)
            return value;
    give_up(name, 0);
}

/* A benchmark of other sizes than it prints would be worth nothing. */
static void check_shape(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, unsigned texts, unsigned tokens)
{
    struct bulla_cbor ids;
    size_t size = write_request(texts, tokens, true);
    prepare(session, key);
    struct bulla_cbor lists = member(ask(session, size), "tokens");
    struct bulla_cbor_walk walk = bulla_cbor_inside(&lists);
    unsigned met = 0;
    for (; bulla_cbor_next(&walk, &ids); met++)
        if (ids.number != tokens)
            give_up("a text has another number of tokens", ids.number);
    if (met != texts)
        give_up("another number of texts", met);
}

/* --- a round --- */

static struct memory memory_used(void)
{
    struct memory used = {0, 0};
    char line[256];
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "VmHWM:", 6) == 0)
            used.resident = strtol(line + 6, NULL, 10);
        if (strncmp(line, "VmLck:", 6) == 0)
            used.locked = strtol(line + 6, NULL, 10);
    }
    if (file)
        (void)fclose(file);
    return used;
}

static void load_module(void)
{
    void *library = dlopen(options.module, RTLD_NOW | RTLD_LOCAL);
    CK_RV (*list)(CK_FUNCTION_LIST **) = NULL;
    if (library)
        *(void **)&list = dlsym(library, "C_GetFunctionList");
    if (!list)
        give_up(dlerror(), 0);
    must("C_GetFunctionList", list(&token));
}

static CK_OBJECT_HANDLE find_model(CK_SESSION_HANDLE session)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, options.model, strlen(options.model)}};
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG found = 0;
    must("C_FindObjectsInit", token->C_FindObjectsInit(session, template, 2));
    must("C_FindObjects", token->C_FindObjects(session, &key, 1, &found));
    must("C_FindObjectsFinal", token->C_FindObjectsFinal(session));
    if (found != 1)
        give_up("no such model in the token", 0);
    return key;
}

static double time_batch(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, unsigned shape)
{
    check_shape(session, key, shapes[shape].texts, shapes[shape].tokens);
    size_t size = write_request(shapes[shape].texts, shapes[shape].tokens, false);
    double best = 1e9, end = now() + shapes[shape].budget;
    for (unsigned i = 0; i < 3 || now() < end; i++) {
        double start = now();
        prepare(session, key);
        (void)ask(session, size);
        double taken = now() - start;
        best = taken < best ? taken : best;
    }
    return best;
}

/* Takes the time since the last one. */
static double lap(double *last)
{
    double time = now(), taken = time - *last;
    *last = time;
    return taken;
}

static void run_round(struct round *round)
{
    CK_SLOT_ID slot = 0;
    CK_ULONG slots = 1;
    CK_SESSION_HANDLE session = 0;
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    size_t size = write_request(1, 16, false);
    double last = now();
    load_module();
    round->parts[LOAD] = lap(&last);
    double start = last;
    must("C_Initialize", token->C_Initialize(&arguments));
    round->parts[INITIALIZE] = lap(&last);
    must("C_GetSlotList", token->C_GetSlotList(CK_TRUE, &slot, &slots));
    must("C_OpenSession", token->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session));
    round->parts[OPEN] = lap(&last);
    must("C_Login", token->C_Login(session, CKU_USER, options.pin, options.pin_size));
    round->parts[LOGIN] = lap(&last);
    CK_OBJECT_HANDLE key = find_model(session);
    round->parts[FIND] = lap(&last);
    prepare(session, key);
    round->parts[DECRYPT_INIT] = lap(&last);
    (void)ask(session, size);
    round->parts[FIRST] = lap(&last);
    round->parts[COLD] = last - start;
    prepare(session, key);
    (void)ask(session, size);
    round->parts[SECOND] = lap(&last);
    round->first = memory_used();
    for (unsigned i = 0; i < SHAPES && !options.cold; i++)
        round->batches[i] = time_batch(session, key, i);
    round->last = memory_used();
    must("C_Finalize", token->C_Finalize(NULL));
}

/* A process of its own: nothing is warm but the kernel's cache of files. */
static void run_apart(struct round *round)
{
    int ends[2], status;
    if (pipe(ends) != 0)
        give_up("no pipe", 0);
    pid_t child = fork();
    if (child == 0) {
        run_round(round);
        exit(write(ends[1], round, sizeof *round) == (ssize_t)sizeof *round ? 0 : 1);
    }
    (void)close(ends[1]);
    bool got = child > 0 && read(ends[0], round, sizeof *round) == (ssize_t)sizeof *round;
    (void)close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) != child || !got)
        give_up("a round failed", 0);
}

/* --- rows --- */

static void put_row(const char *what, unsigned batch, unsigned tokens, const char *unit, double value)
{
    printf(
        "{\"engine\": \"token %s\", \"what\": \"%s\", \"batch\": %u, \"tokens\": %u, \"threads\": %u, \"%s\": %.3f}\n",
        options.name, what, batch, tokens, options.threads, unit, value);
}

static void time_argon2(bool quick)
{
    double best = 1e9;
    uint8_t key[32];
    struct bulla_argon2 argon2;
    bulla_argon2_choose(&argon2, quick);
    for (unsigned i = 0; i < options.rounds; i++) {
        double start = now();
        if (bulla_argon2_derive(&argon2, (struct bulla_bytes){options.pin, options.pin_size}, key) != BULLA_OK)
            give_up(bulla_detail(), 0);
        double taken = now() - start;
        best = taken < best ? taken : best;
    }
    char what[96];
    (void)snprintf(what, sizeof what, "Argon2id alone, passes %u, memory %u MiB", (unsigned)argon2.operations,
        (unsigned)(argon2.memory >> 20));
    put_row(what, 0, 0, "ms", best);
}

static void keep_best(struct round *best, const struct round *round, bool first)
{
    if (first)
        *best = *round;
    for (unsigned i = 0; i < PARTS; i++)
        best->parts[i] = round->parts[i] < best->parts[i] ? round->parts[i] : best->parts[i];
    for (unsigned i = 0; i < SHAPES; i++)
        best->batches[i] = round->batches[i] < best->batches[i] ? round->batches[i] : best->batches[i];
}

static void put_memory(unsigned batch, unsigned tokens, const struct memory *used)
{
    put_row("locked", batch, tokens, "kib", (double)used->locked);
    put_row("resident", batch, tokens, "kib", (double)used->resident);
}

static void read_options(int count, char **arguments)
{
    if (count < 8)
        give_up("usage: bench_token MODULE PIN-FILE MODEL NAME THREADS quick|standard ROUNDS [cold]", 0);
    options.module = arguments[1];
    options.pin = test_file_read(arguments[2], &options.pin_size);
    options.model = arguments[3];
    options.name = arguments[4];
    options.threads = (unsigned)strtoul(arguments[5], NULL, 10);
    options.quick = strcmp(arguments[6], "quick") == 0;
    options.rounds = (unsigned)strtoul(arguments[7], NULL, 10);
    options.cold = count > 8;
    if (!options.pin || options.rounds == 0)
        give_up("no PIN file, or no rounds", 0);
    while (options.pin_size && options.pin[options.pin_size - 1] == '\n')
        options.pin_size--;
}

int main(int count, char **arguments)
{
    struct round round = {0}, best = {0};
    read_options(count, arguments);
    for (unsigned i = 0; i < options.rounds; i++) {
        run_apart(&round);
        keep_best(&best, &round, i == 0);
    }
    for (unsigned i = 0; i < PARTS; i++)
        put_row(part_names[i], i >= FIRST, i >= FIRST ? 16 : 0, "ms", best.parts[i]);
    time_argon2(options.quick);
    put_memory(1, 16, &best.first);
    for (unsigned i = 0; i < SHAPES && !options.cold; i++)
        put_row("C_Decrypt", shapes[i].texts, shapes[i].tokens, "ms", best.batches[i]);
    if (!options.cold)
        put_memory(shapes[SHAPES - 1].texts, shapes[SHAPES - 1].tokens, &best.last);
    free(options.pin);
    return 0;
}
