/* A message that comes in parts, and has to be there whole: what signs it reads it twice. */
#ifndef BULLA_MECH_PARTS_H
#define BULLA_MECH_PARTS_H

#include "crypto/bytes.h"

struct bulla_parts {
    uint8_t *data; /* on the heap; wiped when it is freed */
    size_t size, capacity;
};

/* BULLA_TOO_LARGE for more than `most` bytes in all. */
enum bulla_reason bulla_parts_add(struct bulla_parts *parts, struct bulla_bytes in, size_t most) BULLA_MUST_USE;
struct bulla_bytes bulla_parts_bytes(const struct bulla_parts *parts);
void bulla_parts_free(struct bulla_parts *parts);

#endif
