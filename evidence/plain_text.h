/* Text that may be shown to people. */
#ifndef BULLA_EVIDENCE_PLAIN_TEXT_H
#define BULLA_EVIDENCE_PLAIN_TEXT_H

#include "crypto/bytes.h"

/* Whether UTF-8 holds no control characters: neither C0 nor DEL, nor C1 (U+0080 to U+009F), which terminals obey, too.
 */
bool bulla_text_is_plain(struct bulla_bytes text);

/* "2026-11-26T17:00:00Z" of Unix seconds; a year that no calendar has stays a number. Returns `text`. */
enum { BULLA_WHEN_SIZE = 32 };
const char *bulla_text_when(uint64_t seconds, char text[static BULLA_WHEN_SIZE]);

#endif
