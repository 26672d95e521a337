/* The arena of secrets.
 *
 * Six classes of slots (slots.h). The free slots of a class form one list through their records, most recently returned
 * first. A handle names a slot: its region's index plus one in the upper half, the slot's index in the lower; 0 is the
 * end of the list. A record whose `requested` is 0 is free, which is how a second free is seen. Free slots are all
 * zeros: they are wiped when they are returned, never when they are taken, so a secret's life ends with its owner's.
 *
 * Regions double from 64 KiB to 4 MiB, so that their number stays small and finding the region of an address by looking
 * at each costs a few nanoseconds. Where the limit refuses the size, half of it is tried, down to a single slot: the
 * arena also works under the 64 KiB that older systems allow.
 *
 * In a forked child the kernel hands out zeros for every region (MADV_WIPEONFORK), and locks are not inherited. The
 * child keeps the list of such regions for one purpose: returning a slot that was taken before the fork does nothing
 * there, instead of looking like a foreign pointer. A child that was not told of the fork notices it by the records,
 * unless it finds the lock taken: that is what bulla_arena_after_fork is for. */
#include "arena.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "slots.h"

enum { REGIONS = 256 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct bulla_region regions[REGIONS];
static size_t region_count;
static uint32_t free_head[BULLA_SLOT_CLASSES];
static size_t taken;
static uint8_t canary[BULLA_SLOT_CANARY]; /* no secret: it finds accidents, and who can read it can read the secrets */

/* Memory that cannot be trusted ends the process: one line, by a call that itself needs no memory. */
__attribute__((noreturn)) static void give_up(const char *line)
{
    (void)!write(STDERR_FILENO, line, strlen(line));
    abort();
}

static size_t next_region_size(unsigned kind)
{
    size_t bytes = BULLA_REGION_FIRST;
    for (size_t i = 0; i < region_count && bytes < BULLA_REGION_LARGEST; i++)
        if (regions[i].kind == kind && !regions[i].inherited)
            bytes *= 2;
    return bytes;
}

static enum bulla_reason grow(unsigned kind)
{
    if (region_count == REGIONS)
        return bulla_refuse(BULLA_MEMORY_LOCK, "secret memory has reached its largest number of regions, %d", REGIONS);
    if (region_count == 0 && getrandom(canary, sizeof canary, 0) != (ssize_t)sizeof canary)
        return bulla_refuse(BULLA_RANDOM, "getrandom: %s", strerror(errno));
    struct bulla_region *region = &regions[region_count];
    BULLA_TRY(bulla_region_map(region, kind, next_region_size(kind)));
    region_count++;
    for (size_t slot = bulla_region_slots(region); slot-- > 0;) {
        bulla_region_record(region, slot)->next = free_head[kind];
        free_head[kind] = (uint32_t)region_count << 16 | (uint32_t)slot;
    }
    return BULLA_OK;
}

static void forget(void)
{
    for (size_t i = 0; i < region_count; i++)
        regions[i].inherited = true;
    memset(free_head, 0, sizeof free_head);
    taken = 0;
}

/* The last region is the youngest: where it is our own and yet dead, this is a child that was not told. */
static void notice_fork(void)
{
    if (region_count > 0 && !regions[region_count - 1].inherited && !bulla_region_alive(&regions[region_count - 1]))
        forget();
}

static enum bulla_reason take(unsigned kind, size_t size, uint8_t **memory)
{
    notice_fork();
    if (free_head[kind] == 0)
        BULLA_TRY(grow(kind));
    const struct bulla_region *region = &regions[(free_head[kind] >> 16) - 1];
    size_t slot = free_head[kind] & 0xffff;
    struct bulla_slot_record *record = bulla_region_record(region, slot);
    free_head[kind] = record->next;
    *record = (struct bulla_slot_record){.requested = (uint32_t)size};
    *memory = bulla_region_slot(region, slot);
    memcpy(*memory + size, canary, sizeof canary);
    taken++;
    return BULLA_OK;
}

enum bulla_reason bulla_secret_allocate(size_t size, void **memory)
{
    *memory = NULL;
    if (size == 0 || size > BULLA_ARENA_LARGEST)
        return bulla_refuse(
            BULLA_TOO_LARGE, "a secret of %zu bytes: the arena holds 1 to %d", size, BULLA_ARENA_LARGEST);
    uint8_t *slot = NULL;
    (void)pthread_mutex_lock(&lock);
    enum bulla_reason reason = take(bulla_slot_class(size), size, &slot);
    (void)pthread_mutex_unlock(&lock);
    *memory = slot;
    return reason;
}

static size_t region_of(const void *memory)
{
    for (size_t i = 0; i < region_count; i++)
        if (bulla_region_holds(&regions[i], memory))
            return i;
    give_up("bulla: secret memory: a pointer that is not the arena's was freed\n");
}

static void give_back(uint8_t *memory)
{
    notice_fork();
    size_t index = region_of(memory);
    const struct bulla_region *region = &regions[index];
    size_t slot = (size_t)(memory - region->slots.data) / bulla_slot_stride(region->kind);
    if (slot >= bulla_region_slots(region) || memory != bulla_region_slot(region, slot))
        give_up("bulla: secret memory: a pointer into the middle of a slot was freed\n");
    if (region->inherited) {
        bulla_wipe(memory, bulla_slot_stride(region->kind));
        return;
    }
    struct bulla_slot_record *record = bulla_region_record(region, slot);
    if (record->requested == 0)
        give_up("bulla: secret memory: a slot was freed twice\n");
    if (sodium_memcmp(memory + record->requested, canary, sizeof canary) != 0)
        give_up("bulla: secret memory: bytes were written past the end of a slot\n");
    bulla_wipe(memory, (size_t)record->requested + sizeof canary);
    *record = (struct bulla_slot_record){.next = free_head[region->kind]};
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
    size_t bytes = 0;
    (void)pthread_mutex_lock(&lock);
    notice_fork();
    for (size_t i = 0; i < region_count; i++)
        bytes += bulla_region_locked(&regions[i]);
    (void)pthread_mutex_unlock(&lock);
    return bytes;
}

/* A slot that was not returned is wiped and unmapped with the rest: its secret must not outlive the arena. */
void bulla_arena_close(void)
{
    (void)pthread_mutex_lock(&lock);
    forget();
    for (size_t i = 0; i < region_count; i++)
        bulla_region_release(&regions[i]);
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
