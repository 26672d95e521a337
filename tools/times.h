/* Points in time as people write them. */
#ifndef BULLA_TOOLS_TIMES_H
#define BULLA_TOOLS_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/reason.h"

/* RFC 3339 ("2026-12-01T08:30:00Z", with an offset as well), a date ("2026-12-01": its first second in UTC, or its last
 * with `end`), "now", or from now on ("+90s", "+30m", "+12h", "+10d", "+4w"). Unix seconds, from 1970 to the year 9999.
 * BULLA_ARGUMENT with `what` in the detail. */
enum bulla_reason bulla_time_parse(
    const char *text, const char *what, bool end, uint64_t now, uint64_t *seconds) BULLA_MUST_USE;

#endif
