/* What a KES key costs in a token, over PKCS#11, in one run:
 * - signatures (C_SignInit and C_Sign), beside the core's on the same key, by turns;
 * - an evolution (C_SetAttributeValue of the period), durable when it returns, where a file keeps W and where a TPM
 *   does (swtpm, where there is one); beside it one write and fdatasync of as many bytes in the same folder, and the
 *   TPM's commands that an evolution needs, one reading of W and one writing, by turns as well; and how often it waited
 *   for the disk, counted by functions of this program that stand before the C library's.
 *
 *   bench_kes_token MODULE [ROUNDS] */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crypto/arena.h"
#include "crypto/kes.h"
#include "engine.h"
#include "support/folder.h"
#include "support/swtpm.h"
#include "tpm-backend/backend.h"

enum { DEPTH = 6, MESSAGE = 400, SIGNATURES = 50, TURNS = 20, EVOLUTIONS = 3, SLOT = 700, ROUNDS_MOST = 20 };

static unsigned syncs;

__attribute__((visibility("default"))) int fsync(int file)
{
    syncs++;
    return (int)syscall(SYS_fsync, file);
}

__attribute__((visibility("default"))) int fdatasync(int file)
{
    syncs++;
    return (int)syscall(SYS_fdatasync, file);
}

/* A key in the core and the same one in a token. */
static struct {
    struct bulla_kes_key key;
    struct bulla_kes_secret *secret;
    struct engine engine;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE object;
} both;
static unsigned char message[MESSAGE], signature[BULLA_KES_SIGNATURE_LARGEST];
static unsigned rounds = 15;

static void must(const char *what, enum bulla_reason reason)
{
    if (reason != BULLA_OK)
        bench_give_up(bulla_detail()[0] ? bulla_detail() : what, (unsigned long)reason);
}

static void keep_least(double *least, double took)
{
    if (*least == 0 || took < *least)
        *least = took;
}

/* --- the key --- */

static void make_key(void)
{
    static const uint8_t seed[32] = "a seed for timing, and no more.";
    must("generating", bulla_kes_generate(seed, DEPTH, 1, &both.key, both.secret));
}

static void import_key(void)
{
    CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_BULLA_KES;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &object_class, sizeof object_class}, {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &yes, 1}, {CKA_VALUE, both.secret->raw, bulla_kes_raw_size(DEPTH)}};
    bench_must("C_CreateObject", both.engine.p11->C_CreateObject(both.session, attributes, 4, &both.object));
}

/* --- signatures, in turns so short that some of them are nobody else's on a machine that does other things as well ---
 */

static const struct {
    const char *name;
    enum bulla_kes_scheme scheme;
    CK_MECHANISM_TYPE mechanism;
} schemes[] = {
    {"Sum", BULLA_KES_SUM, CKM_BULLA_KES_SUM},
    {"CompactSum", BULLA_KES_COMPACT, CKM_BULLA_KES_COMPACT},
};
enum { SCHEMES = sizeof schemes / sizeof schemes[0] };

static double core_signatures(unsigned which)
{
    double start = bench_now();
    for (unsigned i = 0; i < SIGNATURES; i++)
        must("signing", bulla_kes_sign(schemes[which].scheme, &both.key, both.secret, BULLA_BYTES(message), signature));
    return (bench_now() - start) / SIGNATURES;
}

static CK_ULONG token_sign(unsigned which)
{
    CK_MECHANISM mechanism = {schemes[which].mechanism, NULL, 0};
    CK_ULONG size = sizeof signature;
    bench_must("C_SignInit", both.engine.p11->C_SignInit(both.session, &mechanism, both.object));
    bench_must("C_Sign", both.engine.p11->C_Sign(both.session, message, sizeof message, signature, &size));
    return size;
}

static double token_signatures(unsigned which)
{
    double start = bench_now();
    for (unsigned i = 0; i < SIGNATURES; i++)
        (void)token_sign(which);
    return (bench_now() - start) / SIGNATURES;
}

/* Ed25519 signs the same with the same key: what is compared is the same work. */
static void check_same(unsigned which)
{
    unsigned char other[BULLA_KES_SIGNATURE_LARGEST];
    CK_ULONG size = token_sign(which);
    must("signing", bulla_kes_sign(schemes[which].scheme, &both.key, both.secret, BULLA_BYTES(message), other));
    if (size != bulla_kes_signature_size(schemes[which].scheme, DEPTH) || memcmp(signature, other, size) != 0)
        bench_give_up("the token's signature is another than the core's", size);
}

static void time_signatures(void)
{
    double core[SCHEMES] = {0}, token[SCHEMES] = {0};
    for (unsigned turn = 0; turn < rounds * TURNS; turn++)
        for (unsigned i = 0; i < SCHEMES; i++) {
            check_same(i);
            keep_least(&core[i], core_signatures(i));
            keep_least(&token[i], token_signatures(i));
        }
    printf("KES signatures of depth 6 over %d bytes, best of %u turns, in a second\n", MESSAGE, rounds * TURNS);
    for (unsigned i = 0; i < SCHEMES; i++)
        printf("  %-12s core %8.0f   over PKCS#11 %8.0f   ratio %5.2f   at least 0.85\n", schemes[i].name, 1 / core[i],
            1 / token[i], core[i] / token[i]);
}

/* --- evolutions --- */

struct least {
    double evolution, write, commands;
    unsigned syncs_least, syncs_most;
};

static void evolve(CK_ULONG period, struct least *least)
{
    CK_ATTRIBUTE attribute = {CKA_BULLA_KES_PERIOD, &period, sizeof period};
    syncs = 0;
    double start = bench_now();
    bench_must("C_SetAttributeValue", both.engine.p11->C_SetAttributeValue(both.session, both.object, &attribute, 1));
    keep_least(&least->evolution, bench_now() - start);
    least->syncs_least = syncs < least->syncs_least ? syncs : least->syncs_least;
    least->syncs_most = syncs > least->syncs_most ? syncs : least->syncs_most;
}

static void write_once(int file, struct least *least)
{
    static unsigned char bytes[SLOT];
    bytes[0]++;
    double start = bench_now();
    if (pwrite(file, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes || fdatasync(file) != 0)
        bench_give_up("a write and fdatasync", 0);
    keep_least(&least->write, bench_now() - start);
}

/* A secret as W is one, beside a counter of this program's own. */
static struct {
    uint32_t counter;
    uint8_t auth[32], *bytes;
} secret;

static void make_secret(const char *tcti)
{
    uint64_t value;
    randombytes_buf(secret.auth, sizeof secret.auth);
    must("no memory", bulla_secret_allocate(BULLA_NV_SECRET, (void **)&secret.bytes));
    must("a counter", bulla_tpm_backend.counter_create(tcti, secret.auth, &secret.counter, &value));
    must("a secret", bulla_tpm_backend.secret_create(tcti, secret.counter, secret.auth, secret.bytes));
}

static void command_once(const char *tcti, struct least *least)
{
    double start = bench_now();
    must("reading", bulla_tpm_backend.secret_read(tcti, secret.counter, secret.auth, secret.bytes));
    must("writing", bulla_tpm_backend.secret_write(tcti, secret.counter, secret.auth, secret.bytes));
    keep_least(&least->commands, bench_now() - start);
}

static void print_evolutions(const char *keeper, const struct least *least)
{
    printf("  %-5s %8.2f   one write and fdatasync %6.2f", keeper, least->evolution * 1e3, least->write * 1e3);
    if (least->commands > 0)
        printf("   TPM: reading and writing W %6.2f", least->commands * 1e3);
    double parts = least->write * least->syncs_most + least->commands;
    printf("   syncs %u", least->syncs_most);
    if (least->syncs_least != least->syncs_most)
        printf(" (at least %u)", least->syncs_least);
    printf("   ratio to these parts %.2f\n", least->evolution / parts);
}

/* `tcti` is NULL where a file keeps W. The first evolution makes the tree of an imported key: it is not timed. */
static void time_evolutions(const char *folder, const char *tcti)
{
    char path[160];
    CK_ULONG period = 0;
    struct least least = {.syncs_least = UINT32_MAX}, first = least;
    test_folder_join(path, sizeof path, folder, "bulla/beside");
    int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (tcti)
        make_secret(tcti);
    evolve(++period, &first);
    for (unsigned i = 0; i < rounds * EVOLUTIONS; i++) {
        evolve(++period, &least);
        write_once(file, &least);
        if (tcti)
            command_once(tcti, &least);
    }
    (void)close(file);
    print_evolutions(tcti ? "tpm" : "file", &least);
}

/* --- both tokens --- */

static void open_token(const char *module, char *folder, size_t size, const char *keeper)
{
    test_folder_make(folder, size);
    both.session = bench_bulla_open_kept(&both.engine, module, folder, keeper);
    import_key();
}

static void close_token(const char *folder)
{
    bench_must("C_Finalize", both.engine.p11->C_Finalize(NULL));
    test_folder_remove(folder);
}

static void on_a_tpm(const char *module)
{
    char folder[64], keeper[160];
    struct test_swtpm tpm;
    test_swtpm_start(&tpm);
    (void)snprintf(keeper, sizeof keeper, "tcti = %s", tpm.tcti);
    open_token(module, folder, sizeof folder, keeper);
    time_evolutions(folder, tpm.tcti);
    close_token(folder);
    test_swtpm_finish(&tpm);
}

int main(int count, char **arguments)
{
    char folder[64];
    if (count < 2 || sodium_init() < 0)
        bench_give_up("usage: bench_kes_token MODULE [ROUNDS]", 0);
    if (count > 2)
        rounds = (unsigned)atoi(arguments[2]);
    if (rounds < 1 || rounds > ROUNDS_MOST) /* 63 periods */
        bench_give_up("1 to 20 rounds", rounds);
    must("no memory", bulla_secret_allocate(sizeof *both.secret, (void **)&both.secret));
    make_key();
    open_token(arguments[1], folder, sizeof folder, "release = passphrase");
    time_signatures();
    printf("a durable evolution by who keeps W, best of %u, milliseconds\n", rounds * EVOLUTIONS);
    time_evolutions(folder, NULL);
    close_token(folder);
    if (test_swtpm_available())
        on_a_tpm(arguments[1]);
    else
        printf("  tpm: skipped, there is no swtpm\n");
    bulla_secret_free(secret.bytes);
    bulla_secret_free(both.secret);
    return 0;
}
