/* Moments as people write them. */
#ifndef BULLA_TOOLS_TIMES_H
#define BULLA_TOOLS_TIMES_H

#include <stdint.h>

#include "evidence/plain_text.h"

enum { BULLA_TIME_TEXT = BULLA_WHEN_SIZE };

/* "now"; "2026-11-26T12:00:00Z" or with an offset like "+01:00"; "2026-11-26", which is its first second in UTC;
 * "+10d", "-90m" from `now` (s, m, h, d, w); "@1795694400", Unix seconds. BULLA_ARGUMENT, with `what` in the detail. */
enum bulla_reason bulla_time_parse(const char *text, const char *what, uint64_t now, uint64_t *seconds) BULLA_MUST_USE;
/* RFC 3339 in UTC; a year that no calendar has stays a number. */
const char *bulla_time_write(uint64_t seconds, char text[static BULLA_TIME_TEXT]);

#endif
