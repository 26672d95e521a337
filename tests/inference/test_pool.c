/* The pool: every task once, whatever the number of threads, callers and forks. */
#include "inference/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"

enum { TASKS_MAX = 4096 };

struct tally {
    atomic_uint times[TASKS_MAX];
    atomic_uint threads; /* other than the caller */
    pthread_t caller;
};

static void count_task(void *context, size_t index)
{
    struct tally *tally = context;
    atomic_fetch_add(&tally->times[index], 1);
    if (!pthread_equal(pthread_self(), tally->caller))
        atomic_fetch_add(&tally->threads, 1);
}

static void run_and_check(struct bulla_pool *pool, size_t count)
{
    struct tally *tally = calloc(1, sizeof *tally);
    assert_non_null(tally);
    tally->caller = pthread_self();
    bulla_pool_run(pool, count, count_task, tally);
    for (size_t i = 0; i < TASKS_MAX; i++)
        assert_int_equal(atomic_load(&tally->times[i]), i < count);
    free(tally);
}

static void every_task_runs_exactly_once(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 3, 7, 64, 1000, TASKS_MAX};
    for (unsigned threads = 0; threads <= 9; threads++) {
        struct bulla_pool *pool = bulla_pool_open(threads);
        for (int round = 0; round < 20; round++)
            for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
                run_and_check(pool, counts[i]);
        bulla_pool_close(pool);
    }
}

static void many_short_runs_lose_nothing(void **state)
{
    (void)state;
    struct bulla_pool *pool = bulla_pool_open(3);
    assert_non_null(pool);
    struct tally *tally = calloc(1, sizeof *tally);
    assert_non_null(tally);
    for (int run = 0; run < 20000; run++)
        bulla_pool_run(pool, 5, count_task, tally);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(atomic_load(&tally->times[i]), 20000);
    free(tally);
    bulla_pool_close(pool);
}

static void no_pool_and_a_pool_of_one_are_the_callers_thread_alone(void **state)
{
    (void)state;
    assert_null(bulla_pool_open(1));
    assert_int_equal(bulla_pool_threads(NULL), 1);
    run_and_check(NULL, 100);
    bulla_pool_close(NULL);
    bulla_pool_abandon(NULL);
}

static void a_pool_says_how_many_it_is(void **state)
{
    (void)state;
    struct bulla_pool *pool = bulla_pool_open(4);
    assert_int_equal(bulla_pool_threads(pool), 4);
    bulla_pool_close(pool);
    pool = bulla_pool_open(1000);
    assert_in_range(bulla_pool_threads(pool), 2, 64);
    bulla_pool_close(pool);
    pool = bulla_pool_open(0);
    assert_in_range(bulla_pool_threads(pool), 1, 8);
    bulla_pool_close(pool);
}

struct meeting {
    atomic_int arrived;
};

/* Returns only when another thread is in a task as well: alone, the caller would never get out. */
static void meet(void *context, size_t index)
{
    struct meeting *meeting = context;
    (void)index;
    atomic_fetch_add(&meeting->arrived, 1);
    while (atomic_load(&meeting->arrived) < 2)
        (void)usleep(100);
}

static void sleeping_workers_wake_for_a_run(void **state)
{
    (void)state;
    struct bulla_pool *pool = bulla_pool_open(2);
    assert_non_null(pool);
    for (int round = 0; round < 3; round++) {
        struct meeting meeting = {0};
        (void)usleep(20000); /* far beyond the time that workers stay awake */
        bulla_pool_run(pool, 2, meet, &meeting);
        assert_int_equal(atomic_load(&meeting.arrived), 2);
    }
    bulla_pool_close(pool);
}

static void nest(void *context, size_t index)
{
    (void)index;
    run_and_check(context, 10);
}

static void a_run_within_a_run_works_alone(void **state)
{
    (void)state;
    struct bulla_pool *pool = bulla_pool_open(2);
    assert_non_null(pool);
    bulla_pool_run(pool, 50, nest, pool);
    bulla_pool_close(pool);
}

static void *call_often(void *context)
{
    for (int i = 0; i < 300; i++)
        run_and_check(context, 50);
    return NULL;
}

static void callers_at_the_same_time_do_not_mix(void **state)
{
    (void)state;
    pthread_t callers[3];
    struct bulla_pool *pool = bulla_pool_open(2);
    assert_non_null(pool);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&callers[i], NULL, call_often, pool), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_join(callers[i], NULL), 0);
    bulla_pool_close(pool);
}

struct masks {
    pthread_t caller;
    atomic_int arrived;
    atomic_int unblocked; /* signals that a worker would take */
};

static void look_at_mask(void *context, size_t index)
{
    struct masks *masks = context;
    sigset_t mask;
    (void)index;
    atomic_fetch_add(&masks->arrived, 1);
    while (atomic_load(&masks->arrived) < 2)
        (void)usleep(100);
    if (pthread_equal(pthread_self(), masks->caller))
        return;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD, SIGALRM, SIGPIPE, SIGPROF};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (!sigismember(&mask, signals[i]))
            atomic_fetch_add(&masks->unblocked, 1);
}

static void workers_take_no_signals_and_the_callers_mask_stays(void **state)
{
    (void)state;
    sigset_t before;
    sigset_t after;
    struct masks masks = {.caller = pthread_self()};
    (void)pthread_sigmask(SIG_SETMASK, NULL, &before);
    struct bulla_pool *pool = bulla_pool_open(2);
    assert_non_null(pool);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int signal = 1; signal < SIGRTMAX; signal++)
        assert_int_equal(sigismember(&before, signal), sigismember(&after, signal));
    bulla_pool_run(pool, 2, look_at_mask, &masks);
    assert_int_equal(atomic_load(&masks.unblocked), 0);
    bulla_pool_close(pool);
}

struct runner {
    struct bulla_pool *pool;
    atomic_uint runs;
    atomic_bool stop;
};

static void *keep_running(void *context)
{
    static struct tally tally;
    struct runner *runner = context;
    while (!atomic_load(&runner->stop)) {
        bulla_pool_run(runner->pool, 20, count_task, &tally);
        atomic_fetch_add(&runner->runs, 1);
    }
    return NULL;
}

static void a_child_abandons_the_pool_and_opens_its_own(void **state)
{
    (void)state;
    pthread_t thread;
    struct bulla_pool *pool = bulla_pool_open(2);
    assert_non_null(pool);
    struct runner runner = {.pool = pool};
    assert_int_equal(pthread_create(&thread, NULL, keep_running, &runner), 0);
    /* Forks happen in the middle of runs, and never while a thread begins or ends: AddressSanitizer's allocator holds
     * locks of its own then, which it does not give back in a child. */
    while (atomic_load(&runner.runs) < 100)
        (void)usleep(100);
    for (int i = 0; i < 10; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)alarm(20); /* a deadlock ends the child, and the test fails */
            bulla_pool_abandon(pool);
            pool = bulla_pool_open(2);
            struct tally tally = {.caller = pthread_self()};
            bulla_pool_run(pool, 100, count_task, &tally);
            bool once = true;
            for (size_t j = 0; j < 100; j++)
                once &= atomic_load(&tally.times[j]) == 1;
            bulla_pool_close(pool);
            _exit(once ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    atomic_store(&runner.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    run_and_check(pool, 100);
    bulla_pool_close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_exactly_once),
        cmocka_unit_test(many_short_runs_lose_nothing),
        cmocka_unit_test(no_pool_and_a_pool_of_one_are_the_callers_thread_alone),
        cmocka_unit_test(a_pool_says_how_many_it_is),
        cmocka_unit_test(sleeping_workers_wake_for_a_run),
        cmocka_unit_test(a_run_within_a_run_works_alone),
        cmocka_unit_test(callers_at_the_same_time_do_not_mix),
        cmocka_unit_test(workers_take_no_signals_and_the_callers_mask_stays),
        cmocka_unit_test(a_child_abandons_the_pool_and_opens_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
