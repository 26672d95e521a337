/* The time that a token's past leaves possible: arithmetic only (now.c reads the clocks, the ledger keeps the mark).
 *
 * The ledger remembers the highest time that the token saw, and the TPM's clock at that moment. What that clock has
 * gone on since has gone by, whatever the system's clock says; as much of it as is sure (85 %), for a TPM's clock may
 * be off by 15 %. A clock that is behind the remembered one (a cleared TPM, an unclean end) says nothing. */
#ifndef BULLA_CORE_TIME_FLOOR_H
#define BULLA_CORE_TIME_FLOOR_H

#include "crypto/bytes.h"

enum {
    BULLA_TIME_TOLERANCE = 60,        /* seconds that the system's clock may be corrected by */
    BULLA_TIME_KEPT = 4 * 3600,       /* a mark older than that is renewed when there is occasion to */
    BULLA_TIME_READ = 600,            /* how long a reading of the mark counts in one process */
    BULLA_TIME_RELIABLE_PERCENT = 85, /* of what a TPM's clock has gone on */
};

struct bulla_time_mark {
    uint64_t time;  /* Unix seconds, the highest that was seen; 0: never */
    uint64_t clock; /* the TPM's clock then, in milliseconds; 0: there is none */
};

/* The earliest time that it can be; `clock` is the TPM's now, 0 where there is none. */
uint64_t bulla_time_floor(const struct bulla_time_mark *mark, uint64_t clock);
/* The system's time, judged: BULLA_CLOCK_BACK; else `now`, never below the floor. */
enum bulla_reason bulla_time_judge(uint64_t floor, uint64_t system, uint64_t *now) BULLA_MUST_USE;
/* The mark that follows: the time never falls, the clock is the TPM's. */
struct bulla_time_mark bulla_time_next(const struct bulla_time_mark *mark, uint64_t clock, uint64_t system);

#endif
