/* The clock of leases: seconds that no setting of the machine's time moves. */
#ifndef BULLA_MECH_CLOCK_H
#define BULLA_MECH_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t bulla_clock_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

#endif
