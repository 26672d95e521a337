/* What KES costs, beside the textbook of tests/crypto/kes_oracle.c on the same libsodium and beside Ed25519 itself, in
 * one process, by turns; the best of the rounds. Prints ratios.
 *
 *   bench_kes [ROUNDS] */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/arena.h"
#include "crypto/kes.h"
#include "crypto/kes_oracle.h"

enum { DEPTH = 6, PERIODS = 1 << DEPTH, MESSAGE = 400, MANY = 1000 };

static const uint8_t seed[32] = "a seed for timing, and no more.";
static uint8_t message[MESSAGE], public_key[32], expanded[64];
static struct bulla_kes_key key;
static struct bulla_kes_secret *secret;
static uint8_t raw[ORACLE_RAW], root[32];
static uint8_t signature[BULLA_KES_SIGNATURE_LARGEST], (*many)[BULLA_KES_SIGNATURE_LARGEST];
static uint8_t messages[MANY][MESSAGE]; /* of one key and period, each another */
static struct bulla_kes_claim claims[MANY];
static bool valid[MANY];

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return 1e6 * (double)time.tv_sec + 1e-3 * (double)time.tv_nsec;
}

static void must(bool is)
{
    if (!is)
        abort();
}

/* --- what is timed; each leaves things as it found them, or begins by making them so --- */

static void raw_sign(void)
{
    (void)crypto_sign_detached(signature, NULL, message, MESSAGE, expanded);
}
static void raw_verify(void)
{
    (void)crypto_sign_detached(signature, NULL, message, MESSAGE, expanded);
}
static void raw_verify_timed(void)
{
    must(crypto_sign_verify_detached(signature, message, MESSAGE, public_key) == 0);
}
static void hashes_timed(void)
{
    uint8_t pair[64] = {0};
    for (int i = 0; i < DEPTH; i++)
        (void)crypto_generichash(pair, 32, pair, 64, NULL, 0);
}
static void make(void)
{
    must(bulla_kes_generate(seed, DEPTH, 1, &key, secret) == BULLA_OK);
}
static void make_two(void)
{
    must(bulla_kes_generate(seed, DEPTH, 2, &key, secret) == BULLA_OK);
}
static void textbook_make(void)
{
    oracle_generate(seed, DEPTH, raw, root);
}
static void sign(void)
{
    must(bulla_kes_sign(BULLA_KES_SUM, &key, secret, (struct bulla_bytes){message, MESSAGE}, signature) == BULLA_OK);
}
static void textbook_sign(void)
{
    (void)oracle_sign_sum(raw, DEPTH, 0, message, MESSAGE, signature);
}
static void signed_once(void)
{
    make();
    sign();
}
static void verify(void)
{
    struct bulla_kes_claim claim = {BULLA_KES_SUM, DEPTH, 0, key.nodes[1], {message, MESSAGE}, {signature, 448}};
    must(bulla_kes_verify(&claim) == BULLA_OK);
}
static void to_31(void)
{
    make();
    must(bulla_kes_evolve_to(&key, secret, 31) == BULLA_OK);
}
static void evolve(void)
{
    must(bulla_kes_evolve(&key, secret) == BULLA_OK);
}
static void textbook_to_31(void)
{
    textbook_make();
    for (unsigned t = 0; t < 31; t++)
        oracle_update(raw, DEPTH, t);
}
static void textbook_evolve(void)
{
    oracle_update(raw, DEPTH, 31);
}
static void evolve_all(void)
{
    must(bulla_kes_evolve_to(&key, secret, PERIODS - 1) == BULLA_OK);
}
static void textbook_evolve_all(void)
{
    for (unsigned t = 0; t + 1 < PERIODS; t++)
        oracle_update(raw, DEPTH, t);
}
static void sign_many(void)
{
    make();
    for (unsigned i = 0; i < MANY; i++) {
        memcpy(messages[i], &i, sizeof i);
        struct bulla_bytes each = {messages[i], MESSAGE};
        must(bulla_kes_sign(BULLA_KES_SUM, &key, secret, each, many[i]) == BULLA_OK);
        claims[i] = (struct bulla_kes_claim){BULLA_KES_SUM, DEPTH, 0, key.nodes[1], each, {many[i], 448}};
    }
}
static void one_by_one(void)
{
    for (unsigned i = 0; i < MANY; i++)
        must(bulla_kes_verify(&claims[i]) == BULLA_OK);
}
static void as_a_batch(void)
{
    must(bulla_kes_verify_many(claims, MANY, 1, valid) == BULLA_OK);
}
static void as_a_batch_of_two(void)
{
    must(bulla_kes_verify_many(claims, MANY, 2, valid) == BULLA_OK);
}

enum what {
    ED_SIGN,
    ED_VERIFY,
    HASHES,
    MAKE,
    MAKE_TWO,
    TEXT_MAKE,
    SIGN,
    TEXT_SIGN,
    VERIFY,
    EVOLVE,
    TEXT_EVOLVE,
    ALL,
    TEXT_ALL,
    ONE_BY_ONE,
    BATCH,
    BATCH_TWO,
    WHATS
};
static const struct {
    const char *name;
    void (*prepare)(void), (*timed)(void);
    unsigned repeat; /* within one timing; 1 where it changes what it works on */
} rows[WHATS] = {
    [ED_SIGN] = {"Ed25519 signature (libsodium)", NULL, raw_sign, 20},
    [ED_VERIFY] = {"Ed25519 verification", raw_verify, raw_verify_timed, 20},
    [HASHES] = {"6 hashes of pairs", NULL, hashes_timed, 20},
    [MAKE] = {"KES key of depth 6", NULL, make, 1},
    [MAKE_TWO] = {"  on two threads", NULL, make_two, 1},
    [TEXT_MAKE] = {"  textbook", NULL, textbook_make, 1},
    [SIGN] = {"KES signature, 400 bytes", make, sign, 20},
    [TEXT_SIGN] = {"  textbook", textbook_make, textbook_sign, 20},
    [VERIFY] = {"KES verification", signed_once, verify, 20},
    [EVOLVE] = {"evolution 31 to 32", to_31, evolve, 1},
    [TEXT_EVOLVE] = {"  textbook", textbook_to_31, textbook_evolve, 1},
    [ALL] = {"all 63 evolutions", make, evolve_all, 1},
    [TEXT_ALL] = {"  textbook", textbook_make, textbook_evolve_all, 1},
    [ONE_BY_ONE] = {"1,000 verifications, one by one", sign_many, one_by_one, 1},
    [BATCH] = {"  as a batch", sign_many, as_a_batch, 1},
    [BATCH_TWO] = {"  on two threads", sign_many, as_a_batch_of_two, 1},
};

static double timed(enum what what)
{
    if (rows[what].prepare)
        rows[what].prepare();
    double begin = now();
    for (unsigned i = 0; i < rows[what].repeat; i++)
        rows[what].timed();
    return (now() - begin) / rows[what].repeat;
}

int main(int count, char **arguments)
{
    int rounds = count > 1 ? atoi(arguments[1]) : 20;
    double best[WHATS];
    void *memory = NULL;
    must(sodium_init() >= 0 && bulla_secret_allocate(sizeof *secret, &memory) == BULLA_OK);
    secret = memory;
    many = calloc(MANY, sizeof *many);
    must(many != NULL);
    (void)crypto_sign_seed_keypair(public_key, expanded, seed);
    for (int what = 0; what < WHATS; what++)
        best[what] = 1e12;
    for (int round = 0; round < rounds; round++)
        for (int what = 0; what < WHATS; what++) {
            double took = timed(what);
            best[what] = took < best[what] ? took : best[what];
        }
    printf("KES, Sum of depth 6, best of %d rounds, microseconds\n", rounds);
    for (int what = 0; what < WHATS; what++)
        printf("  %-36s %10.2f\n", rows[what].name, best[what]);
    printf("ratios, and what is aimed at\n");
    printf("  sign / Ed25519                       %10.2f   at most 1.15\n", best[SIGN] / best[ED_SIGN]);
    printf("  verify / (Ed25519 + hashes)          %10.2f   at most 1.15\n",
        best[VERIFY] / (best[ED_VERIFY] + best[HASHES]));
    printf("  textbook / evolution 31 to 32        %10.1f   at least 50\n", best[TEXT_EVOLVE] / best[EVOLVE]);
    printf("  textbook / 63 evolutions             %10.1f   at least 50\n", best[TEXT_ALL] / best[ALL]);
    printf("  generation / textbook                %10.2f   at most 1\n", best[MAKE] / best[TEXT_MAKE]);
    printf("  generation, two threads / one        %10.2f   below 1\n", best[MAKE_TWO] / best[MAKE]);
    printf("  batch / one by one                   %10.3f   below 1\n", best[BATCH] / best[ONE_BY_ONE]);
    printf("  batch on two threads / one by one    %10.3f   below 0.7\n", best[BATCH_TWO] / best[ONE_BY_ONE]);
    bulla_secret_free(memory);
    free(many);
    return 0;
}
