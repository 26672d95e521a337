/* The arena of secrets.
 *
 * Six classes of slots; each class has regions, and a region is two fenced, locked mappings (pages.h): the slots, and
 * the records of the slots. The records lie apart so that running over a slot cannot reach them. A slot has 16 bytes
 * more than its class says, so that a secret of the full size still has a canary right after its last byte.
 *
 * Free slots of a class form one list through the records, most recently returned first. A handle names a slot: its
 * region's index plus one in the upper half, the slot's index in the lower; 0 is the end of the list. A record whose
 * `requested` is 0 is free, which is how a second free is seen. Free slots are all zeros: they are wiped when they are
 * returned, never when they are taken, so a secret's life ends with its owner's.
 *
 * Regions double from 64 KiB to 4 MiB, so that their number stays small and finding the region of an address by looking
 * at each costs a few nanoseconds. Where the limit refuses the size, half of it is tried, down to a single slot: the
 * arena also works under the 64 KiB that older systems allow.
 *
 * In a forked child the kernel hands out zeros for every region (MADV_WIPEONFORK), and locks are not inherited. The
 * child keeps the list of such regions for one purpose: returning a slot that was taken before the fork does nothing
 * there, instead of looking like a foreign pointer. A child that was not told of the fork notices by the records'
 * first word, which then reads 0. */
#include "arena.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "pages.h"

enum {
    CLASSES = 6,
    REGIONS = 256,
    CANARY = 16,
    REGION_FIRST = 64 << 10,
    REGION_LARGEST = 4 << 20,
    ALIVE = 0x62756c6c,
};

static const size_t class_size[CLASSES] = {64, 256, 1024, 4096, 16384, BULLA_ARENA_LARGEST};

struct record {
    uint32_t requested; /* bytes; 0: the slot is free */
    uint32_t next;      /* handle of the next free slot */
};

struct records {
    uint32_t alive; /* ALIVE, or 0 in a forked child */
    uint32_t unused;
    struct record of[];
};

struct region {
    struct bulla_pages slots;
    struct bulla_pages records;
    unsigned kind; /* the class */
    bool inherited;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct region regions[REGIONS];
static size_t region_count;
static uint32_t free_head[CLASSES];
static size_t taken;
static uint8_t canary[CANARY]; /* not a secret of the user's: it finds accidents */

/* Memory that cannot be trusted ends the process: one line, by a call that itself needs no memory. */
__attribute__((noreturn)) static void give_up(const char *line)
{
    (void)!write(STDERR_FILENO, line, strlen(line));
    abort();
}

static size_t stride(unsigned kind)
{
    return class_size[kind] + CANARY;
}

static struct records *records_of(const struct region *region)
{
    return (struct records *)(void *)region->records.data;
}

static size_t slots_in(const struct region *region)
{
    return region->slots.size / stride(region->kind);
}

static enum bulla_reason map_region(struct region *region, unsigned kind, size_t bytes)
{
    *region = (struct region){.kind = kind};
    BULLA_TRY(bulla_pages_lock(&region->slots, bytes, "secret memory"));
    size_t records = sizeof(struct records) + slots_in(region) * sizeof(struct record);
    enum bulla_reason reason = bulla_pages_lock(&region->records, records, "records of secret memory");
    if (reason != BULLA_OK)
        bulla_pages_release(&region->slots);
    return reason;
}

static size_t region_size(unsigned kind)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = REGION_FIRST;
    for (size_t i = 0; i < region_count && bytes < REGION_LARGEST; i++)
        if (regions[i].kind == kind && !regions[i].inherited)
            bytes *= 2;
    size_t least = (stride(kind) + page - 1) / page * page;
    return bytes > least ? bytes : least;
}

static enum bulla_reason map_what_fits(struct region *region, unsigned kind)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = region_size(kind);
    enum bulla_reason reason = map_region(region, kind, bytes);
    while (reason == BULLA_MEMORY_LOCK && bytes / 2 / page * page >= stride(kind)) {
        bytes = bytes / 2 / page * page;
        reason = map_region(region, kind, bytes);
    }
    return reason;
}

static void thread_free_list(const struct region *region, uint32_t index)
{
    struct records *records = records_of(region);
    records->alive = ALIVE;
    for (size_t slot = slots_in(region); slot-- > 0;) {
        records->of[slot].next = free_head[region->kind];
        free_head[region->kind] = (index + 1) << 16 | (uint32_t)slot;
    }
}

static enum bulla_reason grow(unsigned kind)
{
    if (region_count == REGIONS)
        return bulla_refuse(BULLA_MEMORY_LOCK, "secret memory has reached its largest number of regions, %d", REGIONS);
    if (region_count == 0 && getrandom(canary, sizeof canary, 0) != (ssize_t)sizeof canary)
        return bulla_refuse(BULLA_RANDOM, "getrandom: %s", strerror(errno));
    BULLA_TRY(map_what_fits(&regions[region_count], kind));
    region_count++;
    thread_free_list(&regions[region_count - 1], (uint32_t)(region_count - 1));
    return BULLA_OK;
}

static void forget(void)
{
    for (size_t i = 0; i < region_count; i++)
        regions[i].inherited = true;
    memset(free_head, 0, sizeof free_head);
    taken = 0;
}

/* Any region that is not marked inherited and yet reads as dead: this is a child that was not told. */
static void notice_fork(void)
{
    if (region_count > 0 && !regions[region_count - 1].inherited && records_of(&regions[region_count - 1])->alive == 0)
        forget();
}

static enum bulla_reason take(unsigned kind, size_t size, uint8_t **memory)
{
    notice_fork();
    if (free_head[kind] == 0)
        BULLA_TRY(grow(kind));
    uint32_t handle = free_head[kind];
    const struct region *region = &regions[(handle >> 16) - 1];
    size_t slot = handle & 0xffff;
    struct record *record = &records_of(region)->of[slot];
    free_head[kind] = record->next;
    record->requested = (uint32_t)size;
    record->next = 0;
    *memory = region->slots.data + slot * stride(kind);
    memcpy(*memory + size, canary, CANARY);
    taken++;
    return BULLA_OK;
}

enum bulla_reason bulla_secret_allocate(size_t size, void **memory)
{
    *memory = NULL;
    if (size == 0 || size > BULLA_ARENA_LARGEST)
        return bulla_refuse(
            BULLA_TOO_LARGE, "a secret of %zu bytes: the arena holds 1 to %d", size, BULLA_ARENA_LARGEST);
    unsigned kind = 0;
    while (class_size[kind] < size)
        kind++;
    uint8_t *slot = NULL;
    (void)pthread_mutex_lock(&lock);
    enum bulla_reason reason = take(kind, size, &slot);
    (void)pthread_mutex_unlock(&lock);
    *memory = slot;
    return reason;
}

static size_t region_of(const void *memory)
{
    uintptr_t address = (uintptr_t)memory;
    for (size_t i = 0; i < region_count; i++) {
        uintptr_t start = (uintptr_t)regions[i].slots.data;
        if (address >= start && address - start < regions[i].slots.size)
            return i;
    }
    give_up("bulla: secret memory: a pointer that is not the arena's was freed\n");
}

static void give_back(uint8_t *memory)
{
    notice_fork();
    size_t index = region_of(memory);
    const struct region *region = &regions[index];
    size_t offset = (size_t)(memory - region->slots.data);
    size_t slot = offset / stride(region->kind);
    if (offset % stride(region->kind) != 0 || slot >= slots_in(region))
        give_up("bulla: secret memory: a pointer into the middle of a slot was freed\n");
    if (region->inherited) {
        bulla_wipe(memory, stride(region->kind));
        return;
    }
    struct record *record = &records_of(region)->of[slot];
    if (record->requested == 0)
        give_up("bulla: secret memory: a slot was freed twice\n");
    if (sodium_memcmp(memory + record->requested, canary, CANARY) != 0)
        give_up("bulla: secret memory: bytes were written past the end of a slot\n");
    bulla_wipe(memory, (size_t)record->requested + CANARY);
    *record = (struct record){.next = free_head[region->kind]};
    free_head[region->kind] = (uint32_t)(index + 1) << 16 | (uint32_t)slot;
    taken--;
}

void bulla_secret_free(void *memory)
{
    if (!memory)
        return;
    (void)pthread_mutex_lock(&lock);
    give_back(memory);
    (void)pthread_mutex_unlock(&lock);
}

/* The variable may be of any pointer type, so its value is copied rather than read through a void **. */
void bulla_secret_cleanup(void *pointer_to_pointer)
{
    void *memory = NULL;
    memcpy(&memory, pointer_to_pointer, sizeof memory);
    bulla_secret_free(memory);
}

size_t bulla_arena_taken(void)
{
    (void)pthread_mutex_lock(&lock);
    notice_fork();
    size_t count = taken;
    (void)pthread_mutex_unlock(&lock);
    return count;
}

size_t bulla_arena_locked(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = 0;
    (void)pthread_mutex_lock(&lock);
    notice_fork();
    for (size_t i = 0; i < region_count; i++)
        if (!regions[i].inherited)
            bytes += regions[i].slots.size + (regions[i].records.size + page - 1) / page * page;
    (void)pthread_mutex_unlock(&lock);
    return bytes;
}

/* A slot that was not returned is wiped and unmapped with the rest: its secret must not outlive the arena. */
void bulla_arena_close(void)
{
    (void)pthread_mutex_lock(&lock);
    forget();
    for (size_t i = 0; i < region_count; i++) {
        bulla_pages_release(&regions[i].slots);
        bulla_pages_release(&regions[i].records);
    }
    region_count = 0;
    bulla_wipe(canary, sizeof canary);
    (void)pthread_mutex_unlock(&lock);
}

/* The lock may have been held by a thread that does not exist here: it is made anew, never taken. */
void bulla_arena_after_fork(void)
{
    lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    forget();
}

void bulla_wipe(void *memory, size_t size)
{
    if (size > 0)
        sodium_memzero(memory, size);
}
