#include "shifted_time.h"

int64_t shift;

/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c): it is meant to be found first */
__attribute__((visibility("default"))) time_t time(time_t *value)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += shift;
    if (value)
        *value = now.tv_sec;
    return now.tv_sec;
}
