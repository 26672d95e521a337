#include "progress.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "output.h"

static const double first_after = 1.0, terminal_every = 0.1, plain_every = 5.0;

static double seconds_since(const struct timespec *then)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

void bulla_progress_begin(struct bulla_progress *progress, const char *what, uint64_t total)
{
    *progress = (struct bulla_progress){.what = what, .total = total};
    (void)clock_gettime(CLOCK_MONOTONIC, &progress->started);
}

void bulla_progress_begin_count(struct bulla_progress *progress, const char *what, uint64_t total)
{
    bulla_progress_begin(progress, what, total);
    progress->counted = true;
}

static void progress_show(struct bulla_progress *progress, bool terminal)
{
    unsigned percent = progress->total ? (unsigned)(100.0 * (double)progress->done / (double)progress->total) : 100;
    if (progress->counted)
        (void)fprintf(stderr, terminal ? "\r%s: %llu of %llu" : "%s: %llu of %llu\n", progress->what,
            (unsigned long long)progress->done, (unsigned long long)progress->total);
    else
        (void)fprintf(stderr, terminal ? "\r%s: %3u %% of %.0f MB" : "%s: %u %% of %.0f MB\n", progress->what, percent,
            (double)progress->total / 1e6);
    (void)fflush(stderr);
    (void)clock_gettime(CLOCK_MONOTONIC, &progress->shown);
    progress->visible = true;
}

void bulla_progress_add(struct bulla_progress *progress, uint64_t more)
{
    progress->done += more;
    if (bulla_output_quiet())
        return;
    bool terminal = isatty(STDERR_FILENO);
    double pause = terminal ? terminal_every : plain_every;
    if (progress->visible ? seconds_since(&progress->shown) >= pause : seconds_since(&progress->started) >= first_after)
        progress_show(progress, terminal);
}

void bulla_progress_end(struct bulla_progress *progress)
{
    if (progress->visible && isatty(STDERR_FILENO))
        (void)fputs("\r\033[K", stderr);
    progress->visible = false;
}

static void *wait_main(void *context)
{
    struct bulla_wait *wait = context;
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    (void)pthread_mutex_lock(&wait->lock);
    int result = 0;
    while (!wait->over && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&wait->changed, &wait->lock, &until);
    if (!wait->over)
        bulla_say_error("%s …\n", wait->what);
    (void)pthread_mutex_unlock(&wait->lock);
    return NULL;
}

void bulla_wait_begin(struct bulla_wait *wait, const char *what)
{
    sigset_t all;
    sigset_t before;
    memset(wait, 0, sizeof *wait);
    wait->what = what;
    if (bulla_output_quiet())
        return;
    (void)pthread_mutex_init(&wait->lock, NULL);
    (void)pthread_cond_init(&wait->changed, NULL);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    wait->running = pthread_create(&wait->thread, NULL, wait_main, wait) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void bulla_wait_end(struct bulla_wait *wait)
{
    if (!wait->running)
        return;
    (void)pthread_mutex_lock(&wait->lock);
    wait->over = true;
    (void)pthread_cond_signal(&wait->changed);
    (void)pthread_mutex_unlock(&wait->lock);
    (void)pthread_join(wait->thread, NULL);
    (void)pthread_cond_destroy(&wait->changed);
    (void)pthread_mutex_destroy(&wait->lock);
    wait->running = false;
}
