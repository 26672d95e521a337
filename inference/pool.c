/* The gate of a pool is one word, so that joining and leaving a run are single atomic steps:
 *
 *   bit 0: a run is open | bits 1–15: workers inside it | bits 16–63: the run's number
 *
 * The caller writes the run's fields, opens the gate and takes tasks itself; a worker that sees an open gate with a
 * number that it has not served counts itself in, takes tasks from the same counter until none is left and counts
 * itself out. The caller then closes the gate and waits for those inside only: a worker that still sleeps is never
 * waited for, so a run costs at most one task more than the work itself. Between runs workers look at the gate for some
 * tens of microseconds (an encoder's layer is many short runs) and then sleep on a condition.
 *
 * The struct is the pool's only allocation; it holds addresses and counts, never data of a task. */
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "residue.h"

enum {
    THREADS_MAX = 64,
    THREADS_BY_DEFAULT = 8,
    SPINS = 4000, /* about 50 µs of pauses */
};
#define GATE_OPEN UINT64_C(1)
#define GATE_WORKER UINT64_C(2)
#define GATE_INSIDE UINT64_C(0xfffe)
#define GATE_NUMBER_SHIFT 16

struct bulla_pool {
    pthread_mutex_t busy; /* held by the caller whose run it is */
    pthread_mutex_t lock; /* of the two conditions */
    pthread_cond_t wake;  /* workers: a run was opened, or stop */
    pthread_cond_t left;  /* the caller: the last worker left a closed run */
    _Atomic uint64_t gate;
    atomic_uint sleepers;
    atomic_bool stop;

    atomic_size_t next; /* the run: valid while the gate is open or somebody is inside */
    size_t count;
    void (*task)(void *context, size_t index);
    void *context;

    unsigned workers;
    pthread_t threads[THREADS_MAX - 1];
};

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

static void take_tasks(struct bulla_pool *pool)
{
    for (size_t i; (i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed)) < pool->count;)
        pool->task(pool->context, i);
    bulla_residue_wipe();
}

static bool is_open_and_new(uint64_t gate, uint64_t served)
{
    return (gate & GATE_OPEN) && gate >> GATE_NUMBER_SHIFT != served;
}

static void sleep_until_wanted(struct bulla_pool *pool, uint64_t served)
{
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleepers, 1); /* before the gate is read again: the opener reads them the other way round */
    while (!atomic_load(&pool->stop) && !is_open_and_new(atomic_load(&pool->gate), served))
        pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->lock);
}

/* Waits for a run that is not `served` and counts this worker in; false: the pool closes. */
static bool join_run(struct bulla_pool *pool, uint64_t *served)
{
    for (unsigned spins = 0; !atomic_load_explicit(&pool->stop, memory_order_relaxed); spins++) {
        uint64_t gate = atomic_load_explicit(&pool->gate, memory_order_acquire);
        if (is_open_and_new(gate, *served)) {
            if (atomic_compare_exchange_weak(&pool->gate, &gate, gate + GATE_WORKER)) {
                *served = gate >> GATE_NUMBER_SHIFT;
                return true;
            }
        } else if (spins < SPINS) {
            pause_briefly();
        } else {
            sleep_until_wanted(pool, *served);
            spins = 0;
        }
    }
    return false;
}

static void leave_run(struct bulla_pool *pool)
{
    uint64_t gate = atomic_fetch_sub(&pool->gate, GATE_WORKER) - GATE_WORKER;
    if (gate & (GATE_OPEN | GATE_INSIDE))
        return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_signal(&pool->left);
    pthread_mutex_unlock(&pool->lock);
}

static void *work(void *argument)
{
    struct bulla_pool *pool = argument;
    uint64_t served = 0;
    while (join_run(pool, &served)) {
        take_tasks(pool);
        leave_run(pool);
    }
    return NULL;
}

static void wait_until_empty(struct bulla_pool *pool)
{
    for (unsigned spins = 0; spins < SPINS; spins++) {
        if (!(atomic_load_explicit(&pool->gate, memory_order_acquire) & GATE_INSIDE))
            return;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->gate) & GATE_INSIDE)
        pthread_cond_wait(&pool->left, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

static void run_together(struct bulla_pool *pool)
{
    uint64_t number = (atomic_load_explicit(&pool->gate, memory_order_relaxed) >> GATE_NUMBER_SHIFT) + 1;
    atomic_store(&pool->gate, number << GATE_NUMBER_SHIFT | GATE_OPEN);
    if (atomic_load(&pool->sleepers)) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->lock);
    }
    take_tasks(pool);
    atomic_fetch_and(&pool->gate, ~GATE_OPEN);
    wait_until_empty(pool);
}

void bulla_pool_run(struct bulla_pool *pool, size_t count, void (*task)(void *context, size_t index), void *context)
{
    if (!pool || count < 2 || pthread_mutex_trylock(&pool->busy) != 0) {
        for (size_t i = 0; i < count; i++)
            task(context, i);
        bulla_residue_wipe();
        return;
    }
    pool->task = task;
    pool->context = context;
    pool->count = count;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    run_together(pool);
    pthread_mutex_unlock(&pool->busy);
}

unsigned bulla_pool_threads(const struct bulla_pool *pool)
{
    return pool ? pool->workers + 1 : 1;
}

static unsigned processors(void)
{
    cpu_set_t allowed;
    int count = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
    return count < THREADS_BY_DEFAULT ? (unsigned)count : THREADS_BY_DEFAULT;
}

/* As many of `wanted` as the system allows; a new thread inherits the mask, so every signal stays with the host. */
static void start_workers(struct bulla_pool *pool, unsigned wanted)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return;
    while (pool->workers < wanted && pthread_create(&pool->threads[pool->workers], NULL, work, pool) == 0)
        pool->workers++;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct bulla_pool *bulla_pool_open(unsigned threads)
{
    if (threads == 0)
        threads = processors();
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    struct bulla_pool *pool = threads > 1 ? calloc(1, sizeof *pool) : NULL;
    if (!pool)
        return NULL;
    /* With default attributes these four cannot fail in glibc. */
    (void)pthread_mutex_init(&pool->busy, NULL);
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->wake, NULL);
    (void)pthread_cond_init(&pool->left, NULL);
    start_workers(pool, threads - 1);
    if (pool->workers == 0) {
        bulla_pool_close(pool);
        return NULL;
    }
    return pool;
}

void bulla_pool_close(struct bulla_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stop, true);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->workers; i++)
        (void)pthread_join(pool->threads[i], NULL);
    (void)pthread_cond_destroy(&pool->left);
    (void)pthread_cond_destroy(&pool->wake);
    (void)pthread_mutex_destroy(&pool->lock);
    (void)pthread_mutex_destroy(&pool->busy);
    free(pool);
}

void bulla_pool_abandon(struct bulla_pool *pool)
{
    /* The locks may be held by threads that this process does not have: the memory goes, they are not touched. glibc
     * makes malloc usable in a child before the handlers of pthread_atfork run. */
    free(pool);
}
