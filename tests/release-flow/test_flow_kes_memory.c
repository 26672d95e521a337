/* What a process holds of a key that evolves, seen by another one that knows its seeds: the present ones in guarded
 * memory alone, and of periods that are past nothing, anywhere.
 *
 * The process that is searched is forked before anybody here has read the key, which a third process imports. */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/arena.h"
#include "kes.h"
#include "memory/search.h"

enum { PAST = 5, LEVELS = 3 }; /* evolved to period 5: seeds of three right halves went, and five leaves' */

static void import(void *context)
{
    (void)context;
    CK_OBJECT_HANDLE key = 0;
    size_t size;
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    uint8_t *raw = flow_kes_vector("key6.bin", &size);
    assert_ok(flow_kes_import(raw, size, 0, "kes", &key));
    free(raw);
    flow_close();
}

/* Stands still after the first signature, after evolving, and after the logout. */
static void sign_and_evolve(void)
{
    struct flow_kes_signature signature;
    flow_open();
    assert_ok(flow_login(FLOW_PIN));
    CK_OBJECT_HANDLE key = flow_find(CKO_PRIVATE_KEY, "kes");
    assert_ok(flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature));
    (void)raise(SIGSTOP);
    for (CK_ULONG period = 1; period < PAST; period++) { /* each signs, by a seed that goes with the next */
        assert_ok(flow_kes_evolve(key, period));
        assert_ok(flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature));
    }
    assert_ok(flow_kes_evolve(key, PAST));
    (void)raise(SIGSTOP);
    assert_ok(flow.p11->C_Logout(flow.session));
    (void)raise(SIGSTOP);
    flow_close();
}

/* Seeds, and the scalars that are made of them. */
struct known {
    uint8_t seeds[2 * PAST + LEVELS][64];
    size_t count;
    struct needles needles;
};

static void know(struct known *known, const uint8_t *seed)
{
    memcpy(known->seeds[known->count++], seed, 32);
    needles_add(&known->needles, "seed", known->seeds[known->count - 1], 32, 16);
}

static void know_leaf(struct known *known, const uint8_t *seed)
{
    know(known, seed);
    uint8_t *hash = known->seeds[known->count++];
    (void)crypto_hash_sha512(hash, seed, 32);
    hash[0] &= 248;
    hash[31] = (uint8_t)((hash[31] & 127) | 64);
    needles_add(&known->needles, "scalar", hash, 64, 16);
}

static void gather(struct known *past, struct known *present)
{
    struct bulla_kes_key key;
    void *memory = NULL;
    size_t size;
    uint8_t *raw = flow_kes_vector("key6.bin", &size);
    assert_int_equal(bulla_secret_allocate(sizeof(struct bulla_kes_secret), &memory), BULLA_OK);
    struct bulla_kes_secret *secret = memory;
    assert_int_equal(bulla_kes_import((struct bulla_bytes){raw, size}, 6, 0, &key, secret), BULLA_OK);
    for (size_t level = 0; level < LEVELS; level++)
        know(past, raw + 32 + 96 * level);
    for (unsigned period = 0; period < PAST; period++) {
        know_leaf(past, secret->raw);
        assert_int_equal(bulla_kes_evolve(&key, secret), BULLA_OK);
    }
    know(present, secret->raw);
    needles_index(&past->needles);
    needles_index(&present->needles);
    bulla_secret_free(memory);
    free(raw);
}

static struct sights search(pid_t child, const struct known *known, const char *title)
{
    const struct needles *const sets[] = {&known->needles};
    struct sights sights;
    assert_true(search_process(child, sets, 1, &sights));
    if (sights.total != sights.guarded)
        search_print(title, &sights);
    return sights;
}

static void await_stop(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
}

static void go_on(pid_t child)
{
    assert_int_equal(kill(child, SIGCONT), 0);
}

static void watch(enum flow_kind kind)
{
    static struct known past, present;
    int status = 0;
    past = present = (struct known){0};
    flow_begin(kind, "");
    flow_close();
    assert_int_equal(flow_in_child(import, NULL), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it stands still where the test fails */
        (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
        sign_and_evolve();
        _exit(0);
    }
    await_stop(child);
    gather(&past, &present);
    struct sights sights = search(child, &past, "before");
    assert_true(sights.guarded > 0); /* they are found where they are */
    assert_int_equal(sights.total, sights.guarded);
    go_on(child);
    await_stop(child);
    assert_int_equal(search(child, &past, "evolved").total, 0);
    sights = search(child, &present, "present");
    assert_true(sights.guarded > 0);
    assert_int_equal(sights.total, sights.guarded);
    go_on(child);
    await_stop(child);
    assert_int_equal(search(child, &past, "logged out, past").total, 0);
    assert_int_equal(search(child, &present, "logged out").total, 0);
    go_on(child);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    needles_free(&past.needles);
    needles_free(&present.needles);
    flow_open();
    flow_end();
}

static void no_past_seed_is_in_memory(void **state)
{
    (void)state;
    watch(FLOW_PLAIN);
}

static void no_past_seed_is_in_memory_with_a_tpm(void **state)
{
    (void)state;
    watch(FLOW_TPM);
}

/* Each in a process of its own: one that gathered the seeds has them, and hands them on to what it forks. */
static int run_apart(const struct CMUnitTest *test)
{
    int status = 1;
    pid_t child = fork();
    if (child == 0)
        _exit(_cmocka_run_group_tests(test->name, test, 1, NULL, NULL));
    return waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}

int main(void)
{
    if (!test_swtpm_available())
        return test_skip("swtpm");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_past_seed_is_in_memory),
        cmocka_unit_test(no_past_seed_is_in_memory_with_a_tpm),
    };
    return run_apart(&tests[0]) + run_apart(&tests[1]);
}
