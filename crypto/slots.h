/* A region of the arena: slots of one class, and the records that say which are taken; used by arena.c only.
 *
 * The records lie in a mapping of their own, so that running over a slot cannot reach them. A slot has
 * BULLA_SLOT_CANARY bytes more than its class says, so that a secret of the full size still has a canary right after
 * its last byte. */
#ifndef BULLA_CRYPTO_SLOTS_H
#define BULLA_CRYPTO_SLOTS_H

#include <stdbool.h>

#include "arena.h"
#include "pages.h"

enum {
    BULLA_SLOT_CLASSES = 6,
    BULLA_SLOT_CANARY = 16,
    BULLA_REGION_FIRST = 64 << 10,
    BULLA_REGION_LARGEST = 4 << 20,
};

struct bulla_slot_record {
    uint32_t requested; /* bytes; 0: the slot is free */
    uint32_t next;      /* the arena's: handle of the next free slot */
};

struct bulla_region {
    struct bulla_pages slots;
    struct bulla_pages records;
    unsigned kind;  /* its class */
    bool inherited; /* of the parent: reads as zeros, and is not locked */
};

/* The smallest class (an index, 0 to 5) that holds `size` bytes, 1 to BULLA_ARENA_LARGEST. */
unsigned bulla_slot_class(size_t size);
/* From one slot of the class to the next, in bytes. */
size_t bulla_slot_stride(unsigned kind);

/* Maps about `bytes` of slots, less where the limit refuses that, down to one slot. BULLA_MEMORY_LOCK,
 * BULLA_OUT_OF_MEMORY; nothing is mapped then. */
enum bulla_reason bulla_region_map(struct bulla_region *region, unsigned kind, size_t bytes) BULLA_MUST_USE;
void bulla_region_release(struct bulla_region *region);

size_t bulla_region_slots(const struct bulla_region *region);
/* What is locked for it, in bytes. */
size_t bulla_region_locked(const struct bulla_region *region);
struct bulla_slot_record *bulla_region_record(const struct bulla_region *region, size_t slot);
uint8_t *bulla_region_slot(const struct bulla_region *region, size_t slot);
bool bulla_region_holds(const struct bulla_region *region, const void *memory);
/* False in a child forked since the region was mapped: its records read as zeros there. */
bool bulla_region_alive(const struct bulla_region *region);

#endif
