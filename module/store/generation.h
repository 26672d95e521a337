/* The mapped generation: how a process learns, without a system call, that another one wrote, and by the changes that
 * are noted beside it, which objects that concerned. */
#ifndef BULLA_STORE_GENERATION_H
#define BULLA_STORE_GENERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/reason.h"

struct bulla_generation {
    int file;          /* for writing, and for reading notes; -1 when closed */
    uint64_t *mapping; /* M, D, K and the last notes, for reading: mapped read-only; NULL when closed */
};

/* Maps `generation` in the folder, making it (0600) if it is not there. */
enum bulla_reason bulla_generation_open(struct bulla_generation *generation, int folder) BULLA_MUST_USE;
void bulla_generation_close(struct bulla_generation *generation);
static inline uint64_t bulla_generation_read(const struct bulla_generation *generation)
{
    return __atomic_load_n(generation->mapping, __ATOMIC_ACQUIRE);
}
/* The last commit that told of its end: that number's writer has returned to its caller, or is about to. */
static inline uint64_t bulla_generation_done(const struct bulla_generation *generation)
{
    return __atomic_load_n(generation->mapping + 1, __ATOMIC_ACQUIRE);
}
/* Only for whoever holds the database's write lock. */
enum bulla_reason bulla_generation_write(struct bulla_generation *generation, uint64_t value) BULLA_MUST_USE;
/* After the commit of `value`, by its writer alone. Where the file can't be written, readers find out by themselves. */
void bulla_generation_finish(struct bulla_generation *generation, uint64_t value);

/* K, of the store's user (bulla_store_tally). */
static inline uint64_t bulla_generation_tally(const struct bulla_generation *generation)
{
    return __atomic_load_n(generation->mapping + 2, __ATOMIC_ACQUIRE);
}
enum bulla_reason bulla_generation_tally_write(struct bulla_generation *generation, uint64_t value) BULLA_MUST_USE;

/* What a commit changed, as a hint. Who may write into the folder can write wrong ones, as he can write a wrong
 * generation: a wrong hint makes a change visible later than it was, and does nothing else. What is read of the store
 * for a hint's sake is checked as ever. */
enum bulla_change_reach {
    BULLA_CHANGE_NO_ROW = 1, /* values alone */
    BULLA_CHANGE_ONE_ROW,    /* the row that the marks are of */
    BULLA_CHANGE_ANY         /* more than marks say: it concerns everybody */
};
enum { BULLA_CHANGE_MARKS = 3 };
struct bulla_change {
    enum bulla_change_reach reach;
    bool finished;                      /* the commit was made; else it is under way, or came to nothing */
    uint64_t marks[BULLA_CHANGE_MARKS]; /* 0: none */
};
/* So many of the last commits are noted. */
enum { BULLA_CHANGES_NOTED = 512 };
/* For whoever holds the database's write lock, before the generation is written; and for the writer of `value` after
 * its commit. */
enum bulla_reason bulla_generation_note(
    struct bulla_generation *generation, uint64_t value, const struct bulla_change *change) BULLA_MUST_USE;
/* False: nothing whole is noted of that commit (any more). */
bool bulla_generation_noted(const struct bulla_generation *generation, uint64_t value, struct bulla_change *change);

#endif
