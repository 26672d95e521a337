/* Times mechanisms on one and two threads: bulla, SoftHSM, and the libraries called directly in the same process.
 *
 *   bench_mechanisms MODULE [--softhsm PATH] [--rounds N] [--slice MILLISECONDS] [--json]
 *
 * Rounds go through the engines in turn, and the best slice of each is shown: only what was timed close together can be
 * compared. The direct calls are the fastest that the libraries offer: a context made once and used again, for Ed25519
 * libsodium's. Through PKCS#11 each operation is an Init and a call, on a token object that is logged in to. */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "support/folder.h"

enum { RAW, BULLA, SOFTHSM, ENGINES };
enum { THREADS = 2, SMALL = 1024, LARGE = 1 << 20, ROOM = LARGE + 64 };
enum work { ED25519, P256, RSA2048, GCM_SMALL, GCM_LARGE, WORKS };

static struct engine engines[ENGINES] = {{.name = "raw"}, {.name = "bulla"}, {.name = "SoftHSM"}};
static unsigned rounds = 7, slice = 100;
static bool softhsm;

/* --- the keys --- */

static unsigned char ed25519_params[] = {0x06, 0x03, 0x2b, 0x65, 0x70},
                     p256_params[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}, exponent[] = {1, 0, 1};
static CK_BBOOL yes = CK_TRUE;
static CK_ULONG bits = 2048, aes_size = 32;
static CK_OBJECT_HANDLE keys[ENGINES][WORKS];

static struct {
    unsigned char ed25519[crypto_sign_SECRETKEYBYTES], aes[32];
    EVP_PKEY *p256, *rsa;
} raw;

static void make_pair(int engine, CK_SESSION_HANDLE session, enum work work, CK_MECHANISM_TYPE type,
    CK_ATTRIBUTE *parameters, CK_ULONG count)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_ATTRIBUTE public_template[4] = {{CKA_TOKEN, &yes, 1}, {CKA_VERIFY, &yes, 1}};
    CK_ATTRIBUTE private_template[] = {
        {CKA_TOKEN, &yes, 1}, {CKA_PRIVATE, &yes, 1}, {CKA_SENSITIVE, &yes, 1}, {CKA_SIGN, &yes, 1}};
    CK_OBJECT_HANDLE public_key = 0;
    memcpy(public_template + 2, parameters, count * sizeof *parameters);
    bench_must("C_GenerateKeyPair", engines[engine].p11->C_GenerateKeyPair(session, &mechanism, public_template,
                                        2 + count, private_template, 4, &public_key, &keys[engine][work]));
}

static void make_keys(int engine, CK_SESSION_HANDLE session)
{
    CK_ATTRIBUTE ed25519[] = {{CKA_EC_PARAMS, ed25519_params, sizeof ed25519_params}};
    CK_ATTRIBUTE p256[] = {{CKA_EC_PARAMS, p256_params, sizeof p256_params}};
    CK_ATTRIBUTE rsa[] = {{CKA_MODULUS_BITS, &bits, sizeof bits}, {CKA_PUBLIC_EXPONENT, exponent, sizeof exponent}};
    CK_ATTRIBUTE aes[] = {{CKA_TOKEN, &yes, 1}, {CKA_PRIVATE, &yes, 1}, {CKA_SENSITIVE, &yes, 1},
        {CKA_ENCRYPT, &yes, 1}, {CKA_VALUE_LEN, &aes_size, sizeof aes_size}};
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    make_pair(engine, session, ED25519, CKM_EC_EDWARDS_KEY_PAIR_GEN, ed25519, 1);
    make_pair(engine, session, P256, CKM_EC_KEY_PAIR_GEN, p256, 1);
    make_pair(engine, session, RSA2048, CKM_RSA_PKCS_KEY_PAIR_GEN, rsa, 2);
    bench_must(
        "C_GenerateKey", engines[engine].p11->C_GenerateKey(session, &mechanism, aes, 5, &keys[engine][GCM_SMALL]));
    keys[engine][GCM_LARGE] = keys[engine][GCM_SMALL];
}

static void make_raw(void)
{
    unsigned char public_key[crypto_sign_PUBLICKEYBYTES];
    (void)crypto_sign_keypair(public_key, raw.ed25519);
    randombytes_buf(raw.aes, sizeof raw.aes);
    raw.p256 = EVP_EC_gen("P-256");
    raw.rsa = EVP_RSA_gen(2048);
    if (!raw.p256 || !raw.rsa)
        bench_give_up("OpenSSL made no key", 0);
}

/* --- one operation --- */

struct worker {
    int engine;
    enum work work;
    CK_SESSION_HANDLE session;
    EVP_PKEY_CTX *signing;
    EVP_CIPHER_CTX *cipher;
    unsigned char *in, *out, iv[12];
    unsigned long done;
    double seconds;
    pthread_t thread;
};

static void raw_ed25519(struct worker *worker)
{
    (void)crypto_sign_detached(worker->out, NULL, worker->in, 32, raw.ed25519);
}

static void raw_sign(struct worker *worker)
{
    size_t size = 512;
    if (EVP_PKEY_sign(worker->signing, worker->out, &size, worker->in, 32) != 1)
        bench_give_up("EVP_PKEY_sign", 0);
}

static void next_iv(struct worker *worker)
{
    uint64_t count;
    memcpy(&count, worker->iv + 4, sizeof count);
    count++;
    memcpy(worker->iv + 4, &count, sizeof count);
}

static void raw_gcm(struct worker *worker)
{
    int size = 0, in_size = worker->work == GCM_SMALL ? SMALL : LARGE;
    next_iv(worker);
    if (EVP_EncryptInit_ex(worker->cipher, NULL, NULL, NULL, worker->iv) != 1 ||
        EVP_EncryptUpdate(worker->cipher, worker->out, &size, worker->in, in_size) != 1 ||
        EVP_EncryptFinal_ex(worker->cipher, worker->out + size, &size) != 1 ||
        EVP_CIPHER_CTX_ctrl(worker->cipher, EVP_CTRL_AEAD_GET_TAG, 16, worker->out + in_size) != 1)
        bench_give_up("AES-GCM", 0);
}

static void p11_sign(struct worker *worker)
{
    static const CK_MECHANISM_TYPE types[WORKS] = {[ED25519] = CKM_EDDSA, [P256] = CKM_ECDSA, [RSA2048] = CKM_RSA_PKCS};
    CK_MECHANISM mechanism = {types[worker->work], NULL, 0};
    CK_FUNCTION_LIST *p11 = engines[worker->engine].p11;
    CK_ULONG size = 512, in_size = worker->work == RSA2048 ? 51 : 32; /* DigestInfo of SHA-256 */
    bench_must("C_SignInit", p11->C_SignInit(worker->session, &mechanism, keys[worker->engine][worker->work]));
    bench_must("C_Sign", p11->C_Sign(worker->session, worker->in, in_size, worker->out, &size));
}

static void p11_gcm(struct worker *worker)
{
    CK_GCM_PARAMS parameters = {worker->iv, sizeof worker->iv, 96, NULL, 0, 128};
    CK_MECHANISM mechanism = {CKM_AES_GCM, &parameters, sizeof parameters};
    CK_FUNCTION_LIST *p11 = engines[worker->engine].p11;
    CK_ULONG size = ROOM;
    next_iv(worker);
    bench_must("C_EncryptInit", p11->C_EncryptInit(worker->session, &mechanism, keys[worker->engine][worker->work]));
    bench_must("C_Encrypt",
        p11->C_Encrypt(worker->session, worker->in, worker->work == GCM_SMALL ? SMALL : LARGE, worker->out, &size));
}

static const struct {
    const char *name, *unit;
    void (*raw)(struct worker *worker);
    void (*p11)(struct worker *worker);
} works[WORKS] = {
    [ED25519] = {"Ed25519 sign", "op/s", raw_ed25519, p11_sign},
    [P256] = {"ECDSA P-256 sign", "op/s", raw_sign, p11_sign},
    [RSA2048] = {"RSA-2048 sign", "op/s", raw_sign, p11_sign},
    [GCM_SMALL] = {"AES-256-GCM 1 KiB", "op/s", raw_gcm, p11_gcm},
    [GCM_LARGE] = {"AES-256-GCM 1 MiB", "MiB/s", raw_gcm, p11_gcm},
};

/* --- slices --- */

static struct worker workers[ENGINES][WORKS][THREADS];
static atomic_uint ready;
static atomic_bool stop;
static unsigned racing;

static void prepare(struct worker *worker)
{
    worker->in = calloc(1, LARGE);
    worker->out = calloc(1, ROOM);
    if (!worker->in || !worker->out)
        bench_give_up("no memory", 0);
    randombytes_buf(worker->iv, 4);
    if (worker->engine != RAW) {
        worker->session = bench_session(&engines[worker->engine]);
        return;
    }
    if (worker->work == P256 || worker->work == RSA2048) {
        worker->signing = EVP_PKEY_CTX_new(worker->work == P256 ? raw.p256 : raw.rsa, NULL);
        if (EVP_PKEY_sign_init(worker->signing) != 1)
            bench_give_up("EVP_PKEY_sign_init", 0);
    }
    worker->cipher = EVP_CIPHER_CTX_new();
    if (EVP_EncryptInit_ex(worker->cipher, EVP_aes_256_gcm(), NULL, raw.aes, NULL) != 1)
        bench_give_up("EVP_EncryptInit_ex", 0);
}

static void *run(void *argument)
{
    struct worker *worker = argument;
    void (*work)(struct worker *) = worker->engine == RAW ? works[worker->work].raw : works[worker->work].p11;
    work(worker); /* whatever is made at the first use */
    worker->done = 0;
    (void)atomic_fetch_add(&ready, 1);
    while (atomic_load(&ready) < racing)
        continue;
    double start = bench_now();
    do {
        for (int i = 0; i < 8; i++)
            work(worker);
        worker->done += 8;
    } while (!atomic_load_explicit(&stop, memory_order_relaxed));
    worker->seconds = bench_now() - start;
    return NULL;
}

/* Operations a second, all threads together. */
static double time_slice(int engine, enum work work, unsigned threads)
{
    double rate = 0;
    struct timespec pause = {slice / 1000, (long)(slice % 1000) * 1000000};
    racing = threads;
    atomic_store(&ready, 0);
    atomic_store(&stop, false);
    for (unsigned i = 0; i < threads; i++)
        if (pthread_create(&workers[engine][work][i].thread, NULL, run, &workers[engine][work][i]) != 0)
            bench_give_up("pthread_create", 0);
    (void)nanosleep(&pause, NULL);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < threads; i++)
        (void)pthread_join(workers[engine][work][i].thread, NULL);
    for (unsigned i = 0; i < threads; i++)
        rate += (double)workers[engine][work][i].done / workers[engine][work][i].seconds;
    return rate;
}

static double best[WORKS][THREADS][ENGINES];

static void run_rounds(enum work work)
{
    for (unsigned round = 0; round < rounds; round++)
        for (unsigned threads = 1; threads <= THREADS; threads++)
            for (int engine = 0; engine < (softhsm ? ENGINES : SOFTHSM); engine++) {
                double rate = time_slice(engine, work, threads);
                double *kept = &best[work][threads - 1][engine];
                *kept = rate > *kept ? rate : *kept;
            }
}

/* --- the table --- */

static void print_json(enum work work)
{
    for (unsigned threads = 0; threads < THREADS; threads++)
        (void)printf("{\"work\":\"%s\",\"unit\":\"%s\",\"threads\":%u,\"raw\":%.1f,\"bulla\":%.1f,\"softhsm\":%.1f}\n",
            works[work].name, works[work].unit, threads + 1, best[work][threads][RAW], best[work][threads][BULLA],
            best[work][threads][SOFTHSM]);
}

static void print_row(enum work work)
{
    for (unsigned threads = 0; threads < THREADS; threads++) {
        const double *rate = best[work][threads];
        (void)printf("%-20s %u thread%s %12.0f %12.0f", works[work].name, threads + 1, threads ? "s" : " ", rate[RAW],
            rate[BULLA]);
        if (softhsm)
            (void)printf(" %12.0f", rate[SOFTHSM]);
        (void)printf(" %6s   bulla/raw %.2f", works[work].unit, rate[BULLA] / rate[RAW]);
        if (softhsm)
            (void)printf("   bulla/SoftHSM %.2f", rate[BULLA] / rate[SOFTHSM]);
        if (threads)
            (void)printf(
                "   scaling bulla %.2f, raw %.2f", rate[BULLA] / best[work][0][BULLA], rate[RAW] / best[work][0][RAW]);
        (void)printf("\n");
    }
}

static const char *option(int count, char **arguments, const char *name)
{
    for (int i = 2; i + 1 < count; i++)
        if (strcmp(arguments[i], name) == 0)
            return arguments[i + 1];
    return NULL;
}

int main(int count, char **arguments)
{
    char folder[64];
    if (count < 2 || sodium_init() < 0)
        bench_give_up("usage: bench_mechanisms MODULE [--softhsm PATH] [--rounds N] [--slice MS] [--json]", 0);
    const char *peer = option(count, arguments, "--softhsm"), *number = option(count, arguments, "--rounds");
    rounds = number ? (unsigned)strtoul(number, NULL, 10) : rounds;
    number = option(count, arguments, "--slice");
    slice = number ? (unsigned)strtoul(number, NULL, 10) : slice;
    bool json = strcmp(arguments[count - 1], "--json") == 0;
    test_folder_make(folder, sizeof folder);
    make_raw();
    make_keys(BULLA, bench_bulla_open(&engines[BULLA], arguments[1], folder));
    softhsm = peer != NULL;
    if (softhsm)
        make_keys(SOFTHSM, bench_softhsm_open(&engines[SOFTHSM], peer, folder));
    for (int engine = 0; engine < (softhsm ? ENGINES : SOFTHSM); engine++)
        for (int work = 0; work < WORKS; work++)
            for (int i = 0; i < THREADS; i++) {
                struct worker *worker = &workers[engine][work][i];
                worker->engine = engine;
                worker->work = (enum work)work;
                prepare(worker);
            }
    for (int work = 0; work < WORKS; work++) {
        run_rounds((enum work)work);
        json ? print_json((enum work)work) : print_row((enum work)work);
        (void)fflush(stdout);
    }
    test_folder_remove(folder);
    return 0;
}
