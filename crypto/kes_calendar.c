#include "kes_calendar.h"

enum { MILLISECONDS = 1000 };

bool bulla_kes_calendar_is_set(const struct bulla_kes_calendar *calendar)
{
    return calendar->slots_per_period != 0 && calendar->slot_length != 0;
}

/* Seconds that milliseconds of 64 bits do not hold are no time that a clock shows. */
bool bulla_kes_calendar_period(const struct bulla_kes_calendar *calendar, uint64_t now, uint64_t *period)
{
    if (!bulla_kes_calendar_is_set(calendar) || now < calendar->start_time ||
        now - calendar->start_time > UINT64_MAX / MILLISECONDS)
        return false;
    uint64_t slot = (now - calendar->start_time) * MILLISECONDS / calendar->slot_length;
    if (slot < calendar->start_slot)
        return false;
    *period = (slot - calendar->start_slot) / calendar->slots_per_period;
    return true;
}
