/* Locked pages for what is too large for the arena: weights, activations, plaintext in bulk.
 *
 * Anonymous memory, aligned and advised for huge pages (locking 90 MB costs 4 ms so, and 30 ms in small pages), mlocked
 * before the first byte is written, DONTDUMP, WIPEONFORK. Never swapped, never written to disk. */
#ifndef BULLA_CRYPTO_PAGES_H
#define BULLA_CRYPTO_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include "reason.h"

struct bulla_pages {
    uint8_t *data; /* 64-byte aligned, zeroed; NULL when empty */
    size_t size;   /* what was asked for */
    void *mapping; /* what bulla_pages_release unmaps */
    size_t mapped;
};

/* BULLA_MEMORY_LOCK: the limit (RLIMIT_MEMLOCK), the need and the remedy stand in the detail; nothing is mapped then.
 * `what` names the memory in it ("weights of model 6d69"). */
enum bulla_reason bulla_pages_lock(struct bulla_pages *pages, size_t size, const char *what) BULLA_MUST_USE;
/* Wipes, unlocks and unmaps; an empty one is allowed. */
void bulla_pages_release(struct bulla_pages *pages);

#endif
