/* What time it is, as far as a token can tell: the system's clock, held against the highest time that the token saw and
 * against what the TPM's clock has gone on since (time_floor.h). Whatever core judges by time asks here.
 *
 * A reading of the mark counts for BULLA_TIME_READ seconds; meanwhile the floor goes on with the kernel's own clock,
 * which nobody sets. */
#ifndef BULLA_CORE_NOW_H
#define BULLA_CORE_NOW_H

#include <pthread.h>

#include "time_floor.h"

struct bulla_token;

struct bulla_token_time {
    pthread_mutex_t lock;
    bool read;                   /* since the last login */
    struct bulla_time_mark mark; /* of the ledger */
    uint64_t floor, read_at;     /* when it was read: the floor, and the kernel's clock (mech/clock.h) */
};

/* Unix seconds. BULLA_CLOCK_BACK; and what reading the ledger and the TPM are refused for. The user is logged in. */
enum bulla_reason bulla_token_now(struct bulla_token *token, uint64_t *now) BULLA_MUST_USE;
/* The earliest that it can be, as far as that was read; 0: it was not. */
uint64_t bulla_token_time_floor(struct bulla_token *token);
/* Has the ledger remember the time where it is long since it did. What fails is tried at the next occasion. */
void bulla_token_time_keep(struct bulla_token *token);
/* What the ledger says now; and that nothing is known any more. */
void bulla_token_time_note(struct bulla_token *token, const struct bulla_time_mark *mark);
void bulla_token_time_forget(struct bulla_token *token);
/* The TPM's clock in milliseconds; 0 where the backend has none. */
enum bulla_reason bulla_token_clock(const struct bulla_token *token, uint64_t *milliseconds) BULLA_MUST_USE;
uint64_t bulla_system_seconds(void);

#endif
