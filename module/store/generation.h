/* The mapped generation: how a process learns, without a system call, that another one wrote. */
#ifndef BULLA_STORE_GENERATION_H
#define BULLA_STORE_GENERATION_H

#include <stdint.h>

#include "crypto/reason.h"

struct bulla_generation {
    int file;          /* for writing; -1 when closed */
    uint64_t *mapping; /* for reading: mapped read-only; two numbers; NULL when closed */
};

/* Maps `generation` in the folder, making it (0600) if it is not there. */
enum bulla_reason bulla_generation_open(struct bulla_generation *generation, int folder) BULLA_MUST_USE;
void bulla_generation_close(struct bulla_generation *generation);
uint64_t bulla_generation_read(const struct bulla_generation *generation);
/* The last commit that told of its end: that number's writer has returned to its caller, or is about to. */
uint64_t bulla_generation_done(const struct bulla_generation *generation);
/* Only for whoever holds the database's write lock. */
enum bulla_reason bulla_generation_write(struct bulla_generation *generation, uint64_t value) BULLA_MUST_USE;
/* After the commit of `value`, by its writer alone. Where the file can't be written, readers find out by themselves. */
void bulla_generation_finish(struct bulla_generation *generation, uint64_t value);

#endif
