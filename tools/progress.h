/* Signs of life on standard error for what takes over a second; none with --quiet.
 *
 * On a terminal a line that is rewritten and removed at the end; otherwise a plain line every five seconds. */
#ifndef BULLA_TOOLS_PROGRESS_H
#define BULLA_TOOLS_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Work in bytes, or in things that are counted, whose amount is known. */
struct bulla_progress {
    const char *what; /* "hashing" */
    uint64_t total, done;
    struct timespec started, shown;
    bool visible, counted;
};
void bulla_progress_begin(struct bulla_progress *progress, const char *what, uint64_t total);
void bulla_progress_begin_count(struct bulla_progress *progress, const char *what, uint64_t total);
void bulla_progress_add(struct bulla_progress *progress, uint64_t more);
void bulla_progress_end(struct bulla_progress *progress);

/* One call into a token that says nothing until it returns: a thread (all signals blocked) prints `what` once after a
 * second. */
struct bulla_wait {
    const char *what;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool running, over;
};
void bulla_wait_begin(struct bulla_wait *wait, const char *what);
void bulla_wait_end(struct bulla_wait *wait);

#endif
