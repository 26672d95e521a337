/* How fast a grant may be used: at most `rate` uses in any window of `seconds`.
 *
 * Uses are counted in buckets of a sixtieth of the window (a second at least), and a use counts for as long as its
 * bucket reaches into the window: never more than the rate, and at its limit a little less. */
#ifndef BULLA_CORE_PACE_H
#define BULLA_CORE_PACE_H

#include "crypto/bytes.h"

enum { BULLA_PACE_BUCKETS = 64, BULLA_PACE_SIZE = 8 + 4 + 4 * BULLA_PACE_BUCKETS };

struct bulla_pace {
    uint64_t last;                       /* the newest bucket: seconds since 1970 by its width */
    uint32_t seconds;                    /* the window that they are buckets of */
    uint32_t counts[BULLA_PACE_BUCKETS]; /* of the buckets last, last - 1, … */
};

/* Counts one use at `now`. BULLA_GRANT_TOO_FAST: nothing is counted. */
enum bulla_reason bulla_pace_count(
    struct bulla_pace *pace, uint32_t rate, uint32_t seconds, uint64_t now) BULLA_MUST_USE;
void bulla_pace_write(const struct bulla_pace *pace, struct bulla_writer *writer);
enum bulla_reason bulla_pace_read(struct bulla_bytes bytes, struct bulla_pace *pace) BULLA_MUST_USE;

#endif
