/* Single, CompactSingle, Sum and CompactSum, each by every check that applies to it, under the check's own name. Sizes
 * are upstream's (cardano-base, Cardano.Crypto.KES.*). */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "kes_checks.h"

static const struct scheme schemes[] = {
    {"Single", BULLA_KES_SUM, 0, "", 32, 64},
    {"CompactSingle", BULLA_KES_COMPACT, 0, "compact", 32, 96},
    {"Sum", BULLA_KES_SUM, 6, "", 608, 448},
    {"CompactSum", BULLA_KES_COMPACT, 6, "compact", 608, 288},
};
enum { SCHEMES = sizeof schemes / sizeof schemes[0], TESTS_LARGEST = 512, NAME_LARGEST = 128, CHECKS_LEAST = 20 };

struct run {
    char name[NAME_LARGEST];
    const struct scheme *scheme;
    const struct check *check;
};
static struct run runs[TESTS_LARGEST];
static struct CMUnitTest tests[TESTS_LARGEST];
static size_t count;

static void run_one(void **state)
{
    const struct run *run = *state;
    run->check->run(run->scheme);
}

static size_t add(const struct scheme *scheme, const struct check *checks, size_t check_count)
{
    size_t before = count;
    for (size_t i = 0; i < check_count; i++) {
        if (scheme->depth < checks[i].depth_least)
            continue;
        struct run *run = &runs[count];
        run->scheme = scheme;
        run->check = &checks[i];
        (void)snprintf(run->name, sizeof run->name, "%s: %s", scheme->name, checks[i].name);
        tests[count++] = (struct CMUnitTest){run->name, run_one, NULL, NULL, run};
    }
    return count - before;
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    for (size_t i = 0; i < SCHEMES; i++) {
        size_t added = add(&schemes[i], kes_key_checks, kes_key_check_count);
        added += add(&schemes[i], kes_import_checks, kes_import_check_count);
        added += add(&schemes[i], kes_signature_checks, kes_signature_check_count);
        added += add(&schemes[i], kes_verify_checks, kes_verify_check_count);
        (void)printf("%s: %zu checks\n", schemes[i].name, added);
        if (added < CHECKS_LEAST)
            return 1;
    }
    return _cmocka_run_group_tests("schemes", tests, count, NULL, NULL);
}
