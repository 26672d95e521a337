/* Times what one verification of evidence costs on one thread: a Nitro document (a chain of five and the COSE
 * signature, all P-384) and a TPM quote (P-256). It is the thread's own time: verifying waits for nothing, and what
 * else the machine does is not its cost.
 *
 *   bench_evidence [--rounds N] [--json]
 *
 * A Nitro document is "cold" when no certificate of its chain was seen before, and "warm" when the CAs were: their
 * signatures are remembered then, the leaf's and the document's are not. Each cold round has a PKI of its own. */
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "evidence/nitro_maker.h"
#include "evidence/quote_maker.h"
#include "evidence/verifier.h"

enum { FROM = 1700000000, MADE = 1700000100, UNTIL = 1700010800, ROUNDS_LARGEST = 1000 };

struct figure {
    const char *name;
    double aim; /* milliseconds */
    double taken[ROUNDS_LARGEST];
};

static size_t rounds = 100;
static bool json;

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int ascending(const void *left, const void *right)
{
    const double *a = left;
    const double *b = right;
    return (*a > *b) - (*a < *b);
}

static void print(struct figure *figure)
{
    qsort(figure->taken, rounds, sizeof *figure->taken, ascending);
    double best = figure->taken[0];
    double median = figure->taken[rounds / 2];
    if (json)
        printf("{\"evidence\": \"%s\", \"best_ms\": %.3f, \"median_ms\": %.3f, \"aim_ms\": %.1f}\n", figure->name, best,
            median, figure->aim);
    else
        printf("  %-44s %8.3f %8.3f %8.1f\n", figure->name, best, median, figure->aim);
}

static double time_one(const struct bulla_verification *verification)
{
    static struct bulla_claims claims;
    double begin = now();
    enum bulla_reason reason = bulla_evidence_verify(verification, &claims);
    double taken = now() - begin;
    if (reason != BULLA_OK) {
        (void)fprintf(stderr, "bench_evidence: %s\n", bulla_detail());
        exit(1);
    }
    return taken;
}

static void time_nitro(struct figure *cold, struct figure *warm)
{
    static uint8_t memory[NITRO_DOCUMENT];
    struct nitro_document wanted = {.timestamp = MADE * UINT64_C(1000), .user_data = BULLA_TEXT("user data")};
    memset(wanted.pcrs, 1, sizeof wanted.pcrs);
    for (size_t i = 0; i < rounds; i++) {
        struct nitro_pki pki;
        nitro_pki_make(&pki, FROM, UNTIL);
        const struct bulla_verification verification = {
            .document = {memory, nitro_document_make(&pki, &wanted, memory, sizeof memory)},
            .roots = (const uint8_t(*)[32])pki.root,
            .root_count = 1,
        };
        cold->taken[i] = time_one(&verification);
        warm->taken[i] = time_one(&verification);
        nitro_pki_free(&pki);
    }
}

static bool has_quotes(void)
{
    return strcmp(bulla_evidence_verifiers[BULLA_EVIDENCE_TPM]->name, "tpm") == 0;
}

static void time_quote(struct figure *quote)
{
    static uint8_t memory[BULLA_EVIDENCE_DOCUMENT_LARGEST];
    struct test_p256 key;
    struct quote_maker maker;
    struct bulla_tpm_evidence evidence;
    struct bulla_writer writer;
    test_p256_make(&key);
    quote_maker_init(&maker);
    quote_maker_make(&maker, &key, &evidence);
    bulla_writer_open(&writer, memory, sizeof memory);
    if (bulla_tpm_evidence_write(&evidence, &writer) != BULLA_OK)
        exit(1);
    const struct bulla_verification verification = {
        .document = bulla_writer_bytes(&writer), .attestation_key = BULLA_BYTES(maker.name)};
    for (size_t i = 0; i < rounds; i++)
        quote->taken[i] = time_one(&verification);
    test_p256_free(&key);
}

int main(int argc, char **argv)
{
    static struct figure cold = {.name = "Nitro document, chain not seen before", .aim = 3};
    static struct figure warm = {.name = "Nitro document, CAs seen before", .aim = 3};
    static struct figure quote = {.name = "TPM quote, P-256", .aim = 0.5};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
            rounds = strtoul(argv[++i], NULL, 10);
    }
    if (rounds < 1 || rounds > ROUNDS_LARGEST)
        rounds = ROUNDS_LARGEST;
    time_nitro(&cold, &warm);
    if (!json)
        printf("\nverifying evidence on one thread, milliseconds, %zu rounds\n  %-44s %8s %8s %8s\n", rounds, "",
            "best", "median", "aim");
    print(&cold);
    print(&warm);
    if (has_quotes()) {
        time_quote(&quote);
        print(&quote);
    } else {
        printf("skipped: the quote, which this build has no verifier for\n");
    }
    return 0;
}
