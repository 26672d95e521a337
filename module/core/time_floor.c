#include "time_floor.h"

#include "evidence/plain_text.h"

uint64_t bulla_time_floor(const struct bulla_time_mark *mark, uint64_t clock)
{
    if (!mark->time || clock <= mark->clock)
        return mark->time;
    uint64_t gone = (clock - mark->clock) / 1000;
    return mark->time + gone / 100 * BULLA_TIME_RELIABLE_PERCENT + gone % 100 * BULLA_TIME_RELIABLE_PERCENT / 100;
}

enum bulla_reason bulla_time_judge(uint64_t floor, uint64_t system, uint64_t *now)
{
    char its[BULLA_WHEN_SIZE], seen[BULLA_WHEN_SIZE];
    *now = system > floor ? system : floor;
    if (system >= floor || floor - system <= BULLA_TIME_TOLERANCE)
        return BULLA_OK;
    return bulla_refuse(BULLA_CLOCK_BACK,
        "the system's clock says %s, and by what this token has seen it is %s at least", bulla_text_when(system, its),
        bulla_text_when(floor, seen));
}

struct bulla_time_mark bulla_time_next(const struct bulla_time_mark *mark, uint64_t clock, uint64_t system)
{
    uint64_t floor = bulla_time_floor(mark, clock);
    return (struct bulla_time_mark){.time = system > floor ? system : floor, .clock = clock};
}
