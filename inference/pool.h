/* A few threads that share out tasks; the caller's thread works too. Optional everywhere: a NULL pool means the
 * caller's thread alone. Threads hold no secret when idle: a task's data lies in the caller's memory. */
#ifndef BULLA_INFERENCE_POOL_H
#define BULLA_INFERENCE_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct bulla_pool;

/* threads: how many work together, the caller's included; 0: as many as the machine has processors, at most 8. NULL
 * when threads cannot be started or one was asked for. Signals stay with the host's threads (all are blocked in ours).
 */
struct bulla_pool *bulla_pool_open(unsigned threads);
void bulla_pool_close(struct bulla_pool *pool);
/* In a forked child the threads are gone: forgets them without touching their locks. */
void bulla_pool_abandon(struct bulla_pool *pool);

/* Calls task(context, i) for every i below count, in any order, and returns when all are done. One run at a time per
 * pool: a second caller meanwhile works alone. */
void bulla_pool_run(struct bulla_pool *pool, size_t count, void (*task)(void *context, size_t index), void *context);
unsigned bulla_pool_threads(const struct bulla_pool *pool); /* 1 for NULL */

#endif
