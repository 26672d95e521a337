/* What a policy of 1,000 grants costs: the decision, which every use of an object waits for, in the cases where it
 * looks at all of them; and reading the bundle, which a token does once for each bundle. usage: bench_policy [least
 * microseconds of a measurement, default 200000] Prints the best and the median of 9 measurements of each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "evidence/policy.h"
#include "evidence/signers.h"

enum { GRANTS = 1000, MEASUREMENTS = 9, GOAL_MICROSECONDS = 20 };

static struct bulla_grant grants[GRANTS], read_grants[GRANTS];
static uint8_t encoded[BULLA_POLICY_LARGEST], bundle[BULLA_POLICY_LARGEST];
static struct bulla_bytes signed_bundle;
static struct bulla_policy policy;
static struct bulla_principal principals[2];
static struct bulla_access access_asked;

static void must(const char *what, bool right)
{
    if (right)
        return;
    (void)fprintf(stderr, "bench_policy: %s: %s\n", what, bulla_detail());
    exit(1);
}

static double now_microseconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* whoever else runs here is not the policy's affair */
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* --- the cases --- */

static bool yes(void *context, const struct bulla_grant *grant)
{
    (void)context;
    (void)grant;
    return true;
}

static bool no(void *context, const struct bulla_grant *grant)
{
    (void)context;
    (void)grant;
    return false;
}

static void decide(const struct bulla_grant_memory *memory, enum bulla_reason expected)
{
    const struct bulla_grant *allowed;
    must("a decision", bulla_grants_decide(grants, GRANTS, &access_asked, memory, &allowed) == expected);
}

static void used_up(void)
{
    static const struct bulla_grant_memory memory = {no, yes, NULL};
    decide(&memory, BULLA_GRANT_USED_UP);
}

static void allowed_by_count(void)
{
    static const struct bulla_grant_memory memory = {no, no, NULL};
    decide(&memory, BULLA_OK);
}

static void other_principals(void)
{
    access_asked.principals = principals + 1;
    decide(NULL, BULLA_GRANT_MISSING);
    access_asked.principals = principals;
}

static void other_object(void)
{
    static const uint8_t other[32] = {[31] = 1};
    struct bulla_bytes asked = access_asked.object_id;
    access_asked.object_id = access_asked.object_unique = BULLA_BYTES(other);
    decide(NULL, BULLA_GRANT_MISSING);
    access_asked.object_id = asked;
    access_asked.object_unique = (struct bulla_bytes){NULL, 0};
}

static void over(void)
{
    uint64_t now = access_asked.now;
    access_asked.now = UINT64_MAX;
    decide(NULL, BULLA_GRANT_EXPIRED);
    access_asked.now = now;
}

static void read_bundle(void)
{
    must("reading", bulla_policy_read(signed_bundle, (struct bulla_bytes){NULL, 0}, &policy) == BULLA_OK);
}

static void take_apart(void)
{
    size_t count = 0;
    must("the grants", bulla_policy_grants(&policy, read_grants, GRANTS, &count) == BULLA_OK && count == GRANTS);
}

/* --- measuring --- */

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double measure(const char *name, void (*run)(void), double least)
{
    double best[MEASUREMENTS];
    for (size_t i = 0; i < MEASUREMENTS; i++) {
        size_t runs = 0;
        double begin = now_microseconds(), spent = 0;
        do {
            run();
            runs++;
            spent = now_microseconds() - begin;
        } while (spent < least);
        best[i] = spent / (double)runs;
    }
    qsort(best, MEASUREMENTS, sizeof *best, by_value);
    (void)printf("%-52s %10.2f us  (median %.2f)\n", name, best[0], best[MEASUREMENTS / 2]);
    return best[0]; /* as the other benchmarks, which give minima */
}

static void principal_set(struct bulla_principal *principal, const char *text)
{
    must(text, bulla_principal_parse(BULLA_TEXT(text), principal) == BULLA_OK);
}

/* Every grant is for the object and the operation that are asked for, now, and to a key that differs in its last byte
 * from the one that asks: nothing can be told from the first bytes. */
static void fill(void)
{
    char text[160];
    memset(text, 0, sizeof text);
    (void)snprintf(text, sizeof text, "ed25519:%062d", 0);
    (void)memcpy(text + strlen(text), "01", 3);
    principal_set(&principals[0], text);
    text[strlen(text) - 1] = '2';
    principal_set(&principals[1], text);
    for (size_t i = 0; i < GRANTS; i++) {
        grants[i].id[0] = (uint8_t)(i >> 8);
        grants[i].id[1] = (uint8_t)i;
        grants[i].who = principals[0];
        grants[i].object_size = 32;
        grants[i].operations = BULLA_MAY_INFER;
        grants[i].not_after = 1800000000;
        grants[i].uses = 1000;
        grants[i].rate = 2;
        grants[i].rate_seconds = 60;
    }
    access_asked = (struct bulla_access){.principals = principals, .principal_count = 1, .operation = BULLA_MAY_INFER};
    access_asked.object_id = (struct bulla_bytes){grants[0].object, 32};
    access_asked.now = 1750000000;
}

static void sign(void)
{
    struct test_p256 authority;
    struct bulla_writer writer;
    test_p256_make(&authority);
    memcpy(policy.authority, authority.point, sizeof policy.authority);
    policy.version = 1;
    policy.not_after = 1800000000;
    policy.state_count = 1;
    policy.states[0].pcr_mask = 0xff;
    policy.restricted = true;
    bulla_writer_open(&writer, encoded, sizeof encoded);
    must("the grants", bulla_policy_grants_write(grants, GRANTS, &writer) == BULLA_OK);
    policy.grants = bulla_writer_bytes(&writer);
    bulla_writer_open(&writer, bundle, sizeof bundle);
    must("signing", bulla_policy_sign(&policy, &authority.signer, &writer) == BULLA_OK);
    signed_bundle = bulla_writer_bytes(&writer);
    test_p256_free(&authority);
}

int main(int argc, char **argv)
{
    double least = argc > 1 ? strtod(argv[1], NULL) : 200000, worst = 0;
    static const struct {
        const char *name;
        void (*run)(void);
    } decisions[] = {
        {"decision, 1,000 grants, all used up", used_up},
        {"decision, 1,000 grants, all counted and left", allowed_by_count},
        {"decision, 1,000 grants, all to another key", other_principals},
        {"decision, 1,000 grants, all for another object", other_object},
        {"decision, 1,000 grants, all over", over},
    };
    fill();
    sign();
    for (size_t i = 0; i < sizeof decisions / sizeof decisions[0]; i++) {
        double one = measure(decisions[i].name, decisions[i].run, least);
        worst = one > worst ? one : worst;
    }
    (void)measure("reading and verifying the bundle", read_bundle, least);
    (void)measure("taking its grants apart", take_apart, least);
    (void)printf("bundle of 1,000 grants: %zu bytes\n", signed_bundle.size);
    (void)printf("worst decision %.2f us, goal %d us: %s\n", worst, GOAL_MICROSECONDS,
        worst < GOAL_MICROSECONDS ? "held" : "MISSED");
    return worst < GOAL_MICROSECONDS ? 0 : 1;
}
