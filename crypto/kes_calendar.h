/* In which of its periods a KES key should be: a chain's clock, and the slot in which the key's first period began. */
#ifndef BULLA_CRYPTO_KES_CALENDAR_H
#define BULLA_CRYPTO_KES_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

struct bulla_kes_calendar {
    uint64_t start_time;       /* of slot 0, in Unix seconds */
    uint64_t slot_length;      /* milliseconds */
    uint64_t start_slot;       /* where the key's period 0 begins */
    uint64_t slots_per_period; /* 0, as a slot_length of 0: the key has no clock */
};

bool bulla_kes_calendar_is_set(const struct bulla_kes_calendar *calendar);
/* The key's own period at a moment of Unix time, which may be beyond its last one. False before its first period, and
 * where it has no clock. */
bool bulla_kes_calendar_period(const struct bulla_kes_calendar *calendar, uint64_t now, uint64_t *period);

#endif
