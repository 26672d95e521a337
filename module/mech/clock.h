/* The clock of leases: seconds that no setting of the machine's time moves, and that go on while it is suspended. */
#ifndef BULLA_MECH_CLOCK_H
#define BULLA_MECH_CLOCK_H

#include <stdint.h>
#include <time.h>

#define BULLA_CLOCK CLOCK_BOOTTIME

static inline uint64_t bulla_clock_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(BULLA_CLOCK, &now);
    return (uint64_t)now.tv_sec;
}

#endif
