#include "lease.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "mech/clock.h"
#include "mech/mechanism.h"
#include "module.h"
#include "session.h"

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool may_start, running, stop;
    uint64_t next, last; /* the earliest and the latest end of a lease; 0: none */
} lease = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void lapse(uint64_t now)
{
    bulla_sessions_lapse(now);
    for (unsigned i = 0; i < bulla_module_token_count(); i++)
        bulla_vault_lapse(bulla_module_token(i), now);
    for (size_t i = 0; bulla_families[i]; i++)
        if (bulla_families[i]->lapse)
            bulla_families[i]->lapse(now);
}

enum { WAIT_LONGEST = 30 }; /* seconds */

/* Conditions know no clock that goes on while the machine is suspended, as that of leases does. So no wait is long, and
 * a lease that ended meanwhile is wiped soon after. */
static struct timespec wait_until(uint64_t end)
{
    const int64_t second = 1000000000;
    struct timespec now, until;
    (void)clock_gettime(BULLA_CLOCK, &now);
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t left = ((int64_t)end - now.tv_sec) * second - now.tv_nsec;
    left = left > WAIT_LONGEST * second ? WAIT_LONGEST * second : left < 0 ? 0 : left;
    left += until.tv_nsec;
    until.tv_sec += left / second;
    until.tv_nsec = left % second;
    return until;
}

/* Later ends than the next one are not remembered: the thread looks again a second after each wiping, as long as leases
 * may still run. */
static void *keep(void *unused)
{
    (void)unused;
    (void)pthread_mutex_lock(&lease.lock);
    while (!lease.stop) {
        if (!lease.next) {
            (void)pthread_cond_wait(&lease.changed, &lease.lock);
            continue;
        }
        const struct timespec until = wait_until(lease.next);
        (void)pthread_cond_timedwait(&lease.changed, &lease.lock, &until);
        uint64_t now = bulla_clock_seconds();
        if (lease.stop || !lease.next || now < lease.next)
            continue;
        lease.next = lease.last > now ? now + 1 : 0;
        (void)pthread_mutex_unlock(&lease.lock);
        lapse(now);
        (void)pthread_mutex_lock(&lease.lock);
    }
    (void)pthread_mutex_unlock(&lease.lock);
    return NULL;
}

/* Signals stay with the host's threads. */
static void start_thread(void)
{
    sigset_t all, old;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    lease.running = pthread_create(&lease.thread, NULL, keep, NULL) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void make_condition(void)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&lease.changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

void bulla_lease_start(bool threads)
{
    make_condition();
    lease.may_start = threads;
    lease.stop = lease.running = false;
    lease.next = lease.last = 0;
}

void bulla_lease_note(uint64_t expires)
{
    (void)pthread_mutex_lock(&lease.lock);
    if (lease.may_start && !lease.running)
        start_thread();
    if (expires > lease.last)
        lease.last = expires;
    if (!lease.next || expires < lease.next)
        lease.next = expires;
    (void)pthread_cond_signal(&lease.changed);
    (void)pthread_mutex_unlock(&lease.lock);
}

void bulla_lease_stop(void)
{
    (void)pthread_mutex_lock(&lease.lock);
    bool running = lease.running;
    lease.stop = true;
    lease.may_start = false;
    (void)pthread_cond_signal(&lease.changed);
    (void)pthread_mutex_unlock(&lease.lock);
    if (running)
        (void)pthread_join(lease.thread, NULL);
    lease.running = false;
    (void)pthread_cond_destroy(&lease.changed);
}

/* The thread is not in the child; its lock may be held there for good. */
void bulla_lease_abandon(void)
{
    (void)pthread_mutex_init(&lease.lock, NULL);
    lease.running = lease.may_start = false;
    lease.next = lease.last = 0;
}
