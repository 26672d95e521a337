/* kill -9 while keys evolve, by both keepers: at every step of a change, and at any moment. Afterwards the key is in
 * the period before or the one after, signs in it, and signs in no earlier one; what it signed had left no sooner than
 * its state was durable. */
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kes_fixture.h"

enum { DEPTH = 7, LAST = 127 };

/* The key is in `period` and no earlier one, and can sign. */
static void assert_in_order(CK_ULONG period)
{
    struct flow_kes_signature signature;
    assert_ok(flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature));
    assert_int_equal(flow_kes_period_of(vk, DEPTH, "message", &signature), period);
    if (period)
        assert_refused(flow_kes_evolve(key, period - 1), CKR_FUNCTION_REJECTED, "kes-past");
}

/* --- at every step --- */

struct victim {
    const char *fault;
    CK_ULONG period;
    int told; /* where the period that it signed in goes, when a signature came out */
};

static void evolve_and_die(void *context)
{
    const struct victim *victim = context;
    struct flow_kes_signature signature;
    reopen();
    assert_int_equal(setenv("BULLA_FAULT", victim->fault, 1), 0);
    if (flow_kes_evolve(key, victim->period) != CKR_OK ||
        flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature) != CKR_OK)
        _exit(1);
    uint8_t period = (uint8_t)flow_kes_period_of(vk, DEPTH, "message", &signature);
    if (write(victim->told, &period, 1) != 1)
        _exit(2);
}

static const struct {
    const char *name;
    bool committed; /* afterwards the new state is in force */
    bool of_file;   /* passed only where a file keeps W */
} steps[] = {
    {"states-file-written", false, false}, /* the slot: not waited for yet */
    {"states-written", false, false},
    {"states-marked", false, false},
    {"states-file-written#2", true, true}, /* W, the same */
    {"states-committed", true, false},
    {"states-erased", true, false},
};

static bool is_passed(size_t step)
{
    return !steps[step].of_file || flow.kind == FLOW_PLAIN;
}

static void a_key_killed_at_any_step_is_in_the_period_before_or_after(void **state)
{
    (void)state;
    CK_ULONG period = 0;
    char copy[128];
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        int told[2];
        uint8_t signed_in;
        if (!is_passed(i))
            continue;
        (void)snprintf(copy, sizeof copy, "%s/backup-%zu", flow.folder, i);
        assert_int_equal(pipe2(told, O_NONBLOCK), 0);
        flow_close();
        flow_copy_folder(flow.token, copy);
        struct victim victim = {steps[i].name, period + 1, told[1]};
        int status = flow_in_child(evolve_and_die, &victim);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
            fail_msg("%s: status 0x%x", steps[i].name, (unsigned)status);
        assert_int_equal(read(told[0], &signed_in, 1), -1); /* nothing left it */
        (void)close(told[0]);
        (void)close(told[1]);
        period += steps[i].committed;
        reopen();
        assert_int_equal(flow_kes_period(key), period);
        assert_in_order(period);
        flow_close();
        reopen();
        assert_in_order(period);
    }
    assert_int_equal(period, flow.kind == FLOW_PLAIN ? 3 : 2);
}

/* What lay there at the moment of the kill, put back later, opens nothing. */
static void what_a_kill_left_can_not_be_put_back(void **state)
{
    (void)state;
    char left[128], now[128];
    (void)snprintf(left, sizeof left, "%s/left", flow.folder);
    (void)snprintf(now, sizeof now, "%s/now", flow.folder);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        if (!is_passed(i))
            continue;
        CK_ULONG period = flow_kes_period(key);
        struct victim victim = {steps[i].name, period + 1, -1};
        flow_close();
        assert_true(WIFSIGNALED(flow_in_child(evolve_and_die, &victim)));
        flow_copy_folder(flow.token, left);
        reopen();
        CK_ULONG after = flow_kes_period(key) + 1;
        assert_ok(flow_kes_evolve(key, after));
        flow_close();
        assert_int_equal(rename(flow.token, now), 0);
        assert_int_equal(rename(left, flow.token), 0);
        reopen();
        struct flow_kes_signature signature;
        assert_refused(flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature), CKR_DEVICE_ERROR, "rolled-back");
        flow_close();
        flow_remove_folder(flow.token);
        assert_int_equal(rename(now, flow.token), 0);
        reopen();
        assert_in_order(after);
    }
}

/* --- the first key, and others --- */

static void make_and_die(void *context)
{
    const struct victim *victim = context;
    CK_OBJECT_HANDLE half = 0, whole = 0;
    reopen();
    assert_int_equal(setenv("BULLA_FAULT", victim->fault, 1), 0);
    (void)flow_kes_generate(&(struct flow_kes_settings){.label = "other", .depth = 1}, &half, &whole);
}

static void a_killed_creation_leaves_the_whole_key_or_none(void **state)
{
    (void)state;
    static const char *const more[] = {"states-added", "store-put"};
    for (int first = 0; first < 2; first++)
        for (size_t i = 0; i < COUNT_OF(steps) + COUNT_OF(more); i++) {
            if (i < COUNT_OF(steps) && !is_passed(i))
                continue;
            const char *fault = i < COUNT_OF(steps) ? steps[i].name : more[i - COUNT_OF(steps)];
            if (first && flow_find(CKO_PRIVATE_KEY, NULL)) { /* without any key: the table begins */
                CK_OBJECT_HANDLE present = flow_find(CKO_PRIVATE_KEY, "kes");
                if (present)
                    assert_ok(flow.p11->C_DestroyObject(flow.session, present));
            }
            struct victim victim = {fault, 0, -1};
            flow_close();
            int status = flow_in_child(make_and_die, &victim);
            if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
                fail_msg("%s: status 0x%x", fault, (unsigned)status);
            reopen();
            if (!first)
                assert_in_order(flow_kes_period(key));
            CK_OBJECT_HANDLE other = flow_find(CKO_PRIVATE_KEY, "other"), half = 0;
            if (!other) /* and another can be made in its place */
                assert_ok(flow_kes_generate(&(struct flow_kes_settings){.label = "other", .depth = 1}, &half, &other));
            assert_int_equal(flow_kes_period(other), 0);
            assert_ok(flow_kes_evolve(other, 1));
            assert_ok(flow.p11->C_DestroyObject(flow.session, other));
        }
}

/* A process of its own that goes on when it is told to, and tells when it waits. */
struct peer {
    int wake[2], told[2];
    pid_t process;
};

static void wait_to_be_told(const struct peer *peer)
{
    char byte = 0;
    assert_int_equal(write(peer->told[1], &byte, 1), 1);
    assert_int_equal(read(peer->wake[0], &byte, 1), 1);
}

static void peer_tell(const struct peer *peer)
{
    char byte = 0;
    assert_int_equal(write(peer->wake[1], &byte, 1), 1);
}

static void peer_await(const struct peer *peer)
{
    char byte = 0;
    assert_int_equal(read(peer->told[0], &byte, 1), 1);
}

static void peer_begin(struct peer *peer, void (*body)(const struct peer *peer))
{
    assert_int_equal(pipe2(peer->wake, O_CLOEXEC), 0);
    assert_int_equal(pipe2(peer->told, O_CLOEXEC), 0);
    peer->process = fork();
    if (peer->process == 0) {
        (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
        reopen();
        wait_to_be_told(peer);
        body(peer);
        flow_close();
        _exit(0);
    }
    peer_await(peer);
}

static int peer_end(const struct peer *peer)
{
    int status = 0;
    peer_tell(peer);
    assert_int_equal(waitpid(peer->process, &status, 0), peer->process);
    for (int i = 0; i < 2; i++) {
        (void)close(peer->wake[i]);
        (void)close(peer->told[i]);
    }
    return status;
}

static void make_other_and_die(const struct peer *peer)
{
    CK_OBJECT_HANDLE whole = 0, half = 0;
    (void)peer;
    assert_int_equal(setenv("BULLA_FAULT", "store-after-commit", 1), 0);
    (void)flow_kes_generate(&(struct flow_kes_settings){.label = "other", .depth = 1}, &half, &whole);
}

static void look_and_make_next(const struct peer *peer)
{
    CK_OBJECT_HANDLE whole = 0, half = 0;
    assert_int_equal(flow_kes_period(key), 0);
    wait_to_be_told(peer);
    assert_ok(flow_kes_generate(&(struct flow_kes_settings){.label = "next", .depth = 1}, &half, &whole));
}

/* What a kill between the commit and its announcement left is whole, and not known yet to who is there: who makes the
 * next key has to look before it sweeps. */
static void a_killed_creation_is_not_swept_away_by_the_next(void **state)
{
    (void)state;
    struct peer maker, next;
    flow_close();
    peer_begin(&maker, make_other_and_die);
    peer_begin(&next, look_and_make_next);
    peer_tell(&next);
    peer_await(&next);
    int status = peer_end(&maker);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(peer_end(&next), 0);
    reopen();
    assert_in_order(0);
    CK_OBJECT_HANDLE other = flow_find(CKO_PRIVATE_KEY, "other");
    assert_int_not_equal(other, 0);
    assert_ok(flow_kes_evolve(other, 1));
}

/* --- at any moment --- */

/* Evolves and signs until it is killed; each signature's period goes to the pipe. */
static void evolve_for_ever(int told)
{
    struct flow_kes_signature signature;
    reopen();
    for (CK_ULONG period = flow_kes_period(key) + 1; period <= LAST; period++) {
        if (flow_kes_evolve(key, period) != CKR_OK ||
            flow_kes_sign(key, CKM_BULLA_KES_SUM, "message", &signature) != CKR_OK)
            _exit(1);
        uint8_t byte = (uint8_t)flow_kes_period_of(vk, DEPTH, "message", &signature);
        if (write(told, &byte, 1) != 1)
            _exit(2);
    }
    for (;;)
        (void)pause();
}

/* Kills within so many microseconds of the first signature; returns the last period that was signed in. */
static CK_ULONG kill_one(unsigned within, CK_ULONG before)
{
    int told[2], status = 0;
    uint8_t period = (uint8_t)before, next;
    assert_int_equal(pipe(told), 0);
    flow_close();
    pid_t child = fork();
    if (child == 0) {
        (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
        evolve_for_ever(told[1]);
    }
    (void)close(told[1]);
    assert_int_equal(read(told[0], &period, 1), 1);
    const struct timespec moment = {.tv_nsec = (long)randombytes_uniform(within) * 1000};
    (void)nanosleep(&moment, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    while (read(told[0], &next, 1) == 1)
        period = next;
    (void)close(told[0]);
    return period;
}

static void kill_often(int rounds, unsigned within)
{
    CK_ULONG present = 0;
    for (int i = 0; i < rounds; i++) {
        if (present > LAST - 40) {
            assert_ok(flow.p11->C_DestroyObject(flow.session, key));
            assert_ok(flow.p11->C_DestroyObject(flow.session, public_key));
            make_key();
            present = 0;
        }
        CK_ULONG told = kill_one(within, present);
        if (flow.kind == FLOW_TPM)
            flow_flush_loaded();
        reopen();
        present = flow_kes_period(key);
        if (present < told || present > told + 1)
            fail_msg("round %d: signed in %lu, and is in %lu", i, told, present);
        assert_in_order(present);
    }
    print_message("killed %d times\n", rounds);
}

static void a_key_killed_at_any_moment_loses_nothing(void **state)
{
    (void)state;
    kill_often(flow_is_long() ? 2000 : 60, 8000);
}

static void a_key_killed_at_any_moment_loses_nothing_tpm(void **state)
{
    (void)state;
    kill_often(flow_is_long() ? 600 : 10, 60000);
}

/* An argument chooses among the tests, as a pattern with stars: BULLA_TEST_LONG=1 test_flow_kes_kill '*_any_moment*'.
 */
int main(int count, char **arguments)
{
    if (!test_swtpm_available())
        return test_skip("swtpm");
    depth = DEPTH;
    kills = true;
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    static const struct CMUnitTest stepwise[] = {
        PLAIN(a_key_killed_at_any_step_is_in_the_period_before_or_after),
        TPM(a_key_killed_at_any_step_is_in_the_period_before_or_after),
        TPM(what_a_kill_left_can_not_be_put_back),
        PLAIN(a_killed_creation_leaves_the_whole_key_or_none),
        TPM(a_killed_creation_leaves_the_whole_key_or_none),
        PLAIN(a_killed_creation_is_not_swept_away_by_the_next),
    };
    static const struct CMUnitTest any[] = {
        PLAIN(a_key_killed_at_any_moment_loses_nothing),
        TPM(a_key_killed_at_any_moment_loses_nothing_tpm),
    };
    int failed = flow_has_faults() ? cmocka_run_group_tests(stepwise, NULL, NULL) : 0;
    return failed + cmocka_run_group_tests(any, NULL, NULL);
}
