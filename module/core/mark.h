/* A number that the processes at one token share, in the file by whose lock they take turns (turn.h): who changes
 * something in its turn advances it, and the others learn that without a system call. It is not for the disk: a machine
 * that went down took all who remember a number with it. */
#ifndef BULLA_CORE_MARK_H
#define BULLA_CORE_MARK_H

#include <stdint.h>

#include "crypto/reason.h"

struct bulla_mark {
    uint64_t *mapping; /* read-only; NULL: not mapped */
};

/* In the turn whose file this is: maps it in place of what was mapped before. BULLA_STORE_IO. */
enum bulla_reason bulla_mark_map(struct bulla_mark *mark, int file) BULLA_MUST_USE;
void bulla_mark_unmap(struct bulla_mark *mark);
/* Of a mapped one. */
uint64_t bulla_mark_read(const struct bulla_mark *mark);
/* In the turn. Before what changes can be seen: a reader who had the same number before and after a use was there
 * before the change. BULLA_STORE_IO, and then nothing may be changed. */
enum bulla_reason bulla_mark_advance(const struct bulla_mark *mark, int file) BULLA_MUST_USE;

#endif
