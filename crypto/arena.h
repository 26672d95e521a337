/* Secret memory: one arena for every key, share, PIN and derived value of the process.
 *
 * Pages are mlocked, fenced by inaccessible pages, kept out of core files (MADV_DONTDUMP) and empty in a forked child
 * (MADV_WIPEONFORK). Memory comes in fixed-size slots (64 B to 64 KiB) with a canary after the requested bytes; taking
 * and returning one costs tens of nanoseconds and no system call once the arena has grown. Nothing is locked before the
 * first allocation. Locking that fails is a failure (BULLA_MEMORY_LOCK names the limit and the need), never a warning.
 */
#ifndef BULLA_CRYPTO_ARENA_H
#define BULLA_CRYPTO_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "reason.h"

/* Largest secret that the arena holds, in bytes; larger ones take locked pages (pages.h). */
enum { BULLA_ARENA_LARGEST = 65536 };

/* Zeroed memory, 16-byte aligned, owned by the caller until bulla_secret_free. `*memory` is NULL on refusal:
 * BULLA_MEMORY_LOCK, BULLA_TOO_LARGE (size 0 or above the largest). Thread-safe. */
enum bulla_reason bulla_secret_allocate(size_t size, void **memory) BULLA_MUST_USE;
/* Wipes and returns it; NULL is allowed. A damaged canary aborts the process: its memory can't be trusted. */
void bulla_secret_free(void *memory);

/* For the scope of a function: `BULLA_SECRET uint8_t *key = NULL;` is wiped and freed on every path out. */
#define BULLA_SECRET __attribute__((cleanup(bulla_secret_cleanup)))
void bulla_secret_cleanup(void *pointer_to_pointer);

/* Hands the memory to the caller: the scope's cleanup then does nothing. */
#define BULLA_SECRET_KEEP(pointer)                                                                                     \
    ({                                                                                                                 \
        __typeof__(pointer) kept_ = (pointer);                                                                         \
        (pointer) = NULL;                                                                                              \
        kept_;                                                                                                         \
    })

/* How many slots are taken, for tests and `bulla status`; and in bytes, how much is locked. */
size_t bulla_arena_taken(void);
size_t bulla_arena_locked(void);

/* Unmaps everything after wiping it. Every slot must have been returned; called from C_Finalize. */
void bulla_arena_close(void);
/* In a forked child: forgets the arena (its pages read as zero there), takes no lock of the parent. */
void bulla_arena_after_fork(void);

/* Wipes `size` bytes in a way that the compiler keeps. */
void bulla_wipe(void *memory, size_t size);

#endif
