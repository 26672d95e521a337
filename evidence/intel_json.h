/* Members of Intel's statements: JSON that was signed, read strictly in what is needed of it. Intel adds members within
 * a version; what is not known is not believed, and what is needed must be there. Every function fails once and for
 * all: after the loop of calls `failed` says whether a member was missing, or of another type or size. */
#ifndef BULLA_EVIDENCE_INTEL_JSON_H
#define BULLA_EVIDENCE_INTEL_JSON_H

#include <jansson.h>

#include "crypto/bytes.h"

struct bulla_members {
    const json_t *object;
    bool failed;
};

const char *bulla_member_text(struct bulla_members *members, const char *name);               /* "" where it failed */
uint64_t bulla_member_number(struct bulla_members *members, const char *name, uint64_t most); /* 0 where it failed */
/* Exactly `size` bytes in hexadecimal. */
void bulla_member_hex(struct bulla_members *members, const char *name, uint8_t *out, size_t size);
/* "2025-06-19T10:16:03Z" as Unix seconds. */
uint64_t bulla_member_time(struct bulla_members *members, const char *name);
const json_t *bulla_member_array(struct bulla_members *members, const char *name); /* NULL where it failed */
struct bulla_members bulla_member_object(struct bulla_members *members, const char *name);

#endif
