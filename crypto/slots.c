#include "slots.h"

#include <unistd.h>

static const size_t class_size[BULLA_SLOT_CLASSES] = {64, 256, 1024, 4096, 16384, BULLA_ARENA_LARGEST};

struct records {
    uint64_t alive; /* 1, or 0 in a forked child */
    struct bulla_slot_record of[];
};

static struct records *records_of(const struct bulla_region *region)
{
    return (struct records *)(void *)region->records.data;
}

static size_t whole_pages(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

unsigned bulla_slot_class(size_t size)
{
    unsigned kind = 0;
    while (class_size[kind] < size)
        kind++;
    return kind;
}

size_t bulla_slot_stride(unsigned kind)
{
    return class_size[kind] + BULLA_SLOT_CANARY;
}

static enum bulla_reason map_exactly(struct bulla_region *region, unsigned kind, size_t bytes)
{
    *region = (struct bulla_region){.kind = kind};
    BULLA_TRY(bulla_pages_lock(&region->slots, bytes, "secret memory"));
    size_t records = sizeof(struct records) + bulla_region_slots(region) * sizeof(struct bulla_slot_record);
    enum bulla_reason reason = bulla_pages_lock(&region->records, records, "records of secret memory");
    if (reason == BULLA_OK)
        records_of(region)->alive = 1;
    else
        bulla_pages_release(&region->slots);
    return reason;
}

enum bulla_reason bulla_region_map(struct bulla_region *region, unsigned kind, size_t bytes)
{
    size_t least = whole_pages(bulla_slot_stride(kind));
    size_t size = bytes > least ? whole_pages(bytes) : least;
    enum bulla_reason reason = map_exactly(region, kind, size);
    while (reason == BULLA_MEMORY_LOCK && size > least) {
        size = whole_pages(size / 2);
        size = size > least ? size : least;
        reason = map_exactly(region, kind, size);
    }
    return reason;
}

void bulla_region_release(struct bulla_region *region)
{
    bulla_pages_release(&region->slots);
    bulla_pages_release(&region->records);
}

size_t bulla_region_slots(const struct bulla_region *region)
{
    return region->slots.size / bulla_slot_stride(region->kind);
}

size_t bulla_region_locked(const struct bulla_region *region)
{
    return region->inherited ? 0 : whole_pages(region->slots.size) + whole_pages(region->records.size);
}

struct bulla_slot_record *bulla_region_record(const struct bulla_region *region, size_t slot)
{
    return &records_of(region)->of[slot];
}

uint8_t *bulla_region_slot(const struct bulla_region *region, size_t slot)
{
    return region->slots.data + slot * bulla_slot_stride(region->kind);
}

bool bulla_region_holds(const struct bulla_region *region, const void *memory)
{
    uintptr_t start = (uintptr_t)region->slots.data;
    return (uintptr_t)memory >= start && (uintptr_t)memory - start < region->slots.size;
}

bool bulla_region_alive(const struct bulla_region *region)
{
    return records_of(region)->alive == 1;
}
