/* A message that comes in parts, and has to be there whole: what signs it reads it twice.
 *
 * A processor that needs it so has a state that begins with struct bulla_parts, and takes these for its own. */
#ifndef BULLA_MECH_PARTS_H
#define BULLA_MECH_PARTS_H

#include "mechanism.h"

enum { BULLA_PARTS_LARGEST = 64 << 20 }; /* bytes, in all */

struct bulla_parts {
    uint8_t *data; /* on the heap; wiped when it is freed */
    size_t size, capacity;
};

/* `update`: keeps the part, gives nothing. BULLA_TOO_LARGE. */
enum bulla_reason bulla_parts_update(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out);
/* What came so far. */
struct bulla_bytes bulla_parts_bytes(const struct bulla_run *run);
/* `end`, or its part of one. */
void bulla_parts_end(void *state);

#endif
