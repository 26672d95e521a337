/* The mapped generation M, and the stored one, S, which is a column of the database; and D, mapped beside M.
 *
 * A reader compares M with the generation R that it has reached. R always comes out of the database, from the snapshot
 * that bulla_store_changes walked, never from the mapping. What must hold: once a commit with generation n can be seen
 * in the database, M >= n, so M != R for everyone who has not read it. Therefore
 *
 *   begin    takes the write lock; n = S + 1. (Not M + 1: a mapping that something overwrote must not be believed.)
 *   commit   writes S = n into the transaction, then M = n, then commits.
 *
 * and only the holder of the write lock ever writes M.
 *
 * Between M = n and the end of the commit lies the disk's sync, the longest part of a write, and all that while M != R
 * for every reader: were each of its calls to walk, a reader would come to a standstill beside a writer. So the writer
 * tells of the end as well: D = n, after the commit and before it returns to its caller. A reader remembers the D that
 * it saw before its last walk. M != R and another D: something was finished, walk now. M != R and the same D: a commit
 * is under way, whose caller has been told nothing yet, or its writer was killed; either way nobody can complain of not
 * seeing it, and the reader walks only when M has stood there for BULLA_STORE_PATIENCE (bulla_store_has_news). D is
 * compared for being another one, nothing more: two writers that are done at nearly the same time may write it in the
 * wrong order, and since each number is written once, by the one that committed it, D never comes back to a value that
 * a reader remembers from before. A D that was not written (a kill, a full disk) is made up for by the patience.
 *
 * What a kill leaves, in the order in which it can happen:
 *
 *   before M = n        M = S. Nothing happened.
 *   M = n, no commit    M > S. A reader finds M != R, walks, gets R = S, and would walk at every call from then on. So
 * a walk that ends with M > S tries for the write lock without waiting: refused, a commit is under way and will be
 * found by the next call; granted, nobody is committing, and M = S is put back. Lowering M hides nothing: every R is at
 * most S. The number n is then given out again, to a transaction that differs, and nobody can have seen the first.
 *   after the commit    M = n = S. Done, but for D, which patience makes up for.
 *
 * The file is not synced: after a loss of power M may be anything older, or the file short. All processes are gone then
 * too, and each open compares: M < S is mended under the write lock before the first read. A foreign tool that commits
 * without us leaves S as it was; the next walk learns of it by PRAGMA data_version (transaction.c).
 *
 * Beside them is a ring of what the last commits changed. A commit's place is written twice: before M = n, under the
 * write lock, for those who meet the commit under way; and again, as finished, after it and before D. news.c reads it,
 * and says why it can be believed. A place holds the number of its commit and a sum over the whole, so that one that is
 * half written, or another commit's, or was never written (an older version of bulla, a full disk) is none.
 *
 *   0    M        8    D        16    K
 *   64 (1 + n mod 63), and once more
 *   4096 + 64 (n mod 512)    n, reach and whether finished, three marks, the sum
 *
 * K is no number of the store's: core's states of keys have it there (core/states.c), because what is read without a
 * system call is mapped, and one file that is mapped is enough: when somebody cuts that to nothing, whoever has it
 * mapped is ended by SIGBUS.
 *
 * All numbers are the host's, 64 bits. A file of 16 bytes, or of 8, is an older version's: it grows when it is opened.
 * An older version that has the file open knows its beginning alone, and leaves the rest as it is.
 *
 * M is read through a read-only mapping, which a stray pointer of the host cannot change, and written with pwrite,
 * which answers ENOSPC where a store into a mapping on a full copy-on-write file system would raise SIGBUS. Both meet
 * in the page cache. Were the eight bytes torn in between, the reader would walk once more or a moment later: any
 * mixture stands only until pwrite returns, which is before the commit can be seen.
 *
 * The last notes stand in the first page, which is mapped, so that a reader beside a writer takes them in without a
 * system call; who is further behind reads the ring with pread. An older version's file that somebody copies over this
 * one ends before the ring, and then there is no note, where reading a mapping of it would raise SIGBUS. */
#include "generation.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"

static const char file_name[] = "generation";
enum {
    RING = 4096 / sizeof(uint64_t), /* in numbers, as all here */
    PLACE = 64 / sizeof(uint64_t),  /* a line of the processor's cache for each commit */
    NUMBERS = RING + BULLA_CHANGES_NOTED * PLACE,
    SIZE = NUMBERS * sizeof(uint64_t),
    BEGINNING = 2 * sizeof(uint64_t), /* M and D */
    MAPPED = 4096,                    /* to the end of the first page, whatever the file's */
    LAST = MAPPED / 64 - 1            /* places behind the line of M, D and K */
};
enum { NOTED_VALUE, NOTED_REACH, NOTED_MARKS, NOTED_SUM = NOTED_MARKS + BULLA_CHANGE_MARKS, NOTED };
_Static_assert((int)NOTED <= (int)PLACE, "a note has its place");

static enum bulla_reason write_numbers(
    struct bulla_generation *generation, size_t which, const uint64_t *numbers, size_t count)
{
    ssize_t size = (ssize_t)(count * sizeof *numbers);
    ssize_t written = pwrite(generation->file, numbers, (size_t)size, (off_t)(which * sizeof *numbers));
    if (written == size)
        return BULLA_OK;
    if (written >= 0)
        errno = ENOSPC;
    return bulla_folder_refuse("write", file_name);
}

static enum bulla_reason write_number(struct bulla_generation *generation, size_t which, uint64_t value)
{
    return write_numbers(generation, which, &value, 1);
}

/* A file that is new, or that a crash left short, gets zeros: M < S then, and the open mends it under the lock. */
static enum bulla_reason whole_file(struct bulla_generation *generation)
{
    struct stat status;
    if (fstat(generation->file, &status) != 0 || fchmod(generation->file, 0600) != 0)
        return bulla_folder_refuse("examine", file_name);
    if (status.st_size >= SIZE)
        return BULLA_OK;
    BULLA_TRY(write_number(generation, NUMBERS - 1, 0)); /* no note's: what is there already stays */
    if (status.st_size < (off_t)BEGINNING)
        BULLA_TRY(write_number(generation, 1, 0)); /* M of an 8-byte file stays what it is */
    return status.st_size >= (off_t)sizeof(uint64_t) ? BULLA_OK : write_number(generation, 0, 0);
}

enum bulla_reason bulla_generation_open(struct bulla_generation *generation, int folder)
{
    *generation = (struct bulla_generation){.file = -1};
    generation->file = openat(folder, file_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (generation->file < 0)
        return bulla_folder_refuse("open", file_name);
    enum bulla_reason reason = whole_file(generation);
    if (reason == BULLA_OK) {
        void *mapping = mmap(NULL, MAPPED, PROT_READ, MAP_SHARED, generation->file, 0);
        if (mapping == MAP_FAILED)
            reason = bulla_folder_refuse("map", file_name);
        else
            generation->mapping = mapping;
    }
    if (reason != BULLA_OK)
        bulla_generation_close(generation);
    return reason;
}

void bulla_generation_close(struct bulla_generation *generation)
{
    if (generation->mapping)
        (void)munmap(generation->mapping, MAPPED);
    if (generation->file >= 0)
        (void)close(generation->file);
    *generation = (struct bulla_generation){.file = -1};
}

enum bulla_reason bulla_generation_write(struct bulla_generation *generation, uint64_t value)
{
    return write_number(generation, 0, value);
}

void bulla_generation_finish(struct bulla_generation *generation, uint64_t value)
{
    if (write_number(generation, 1, value) != BULLA_OK)
        bulla_detail_clear(); /* the commit is made all the same */
}

enum bulla_reason bulla_generation_tally_write(struct bulla_generation *generation, uint64_t value)
{
    return write_number(generation, 2, value);
}

/* --- what commits changed --- */

/* Tells a place that is half written from a whole one; nobody is kept from writing wrong ones by it. */
static uint64_t sum_of(const uint64_t numbers[static NOTED_SUM])
{
    uint64_t sum = UINT64_C(0x9e3779b97f4a7c15);
    for (int i = 0; i < NOTED_SUM; i++) {
        sum = (sum ^ numbers[i]) * UINT64_C(0xff51afd7ed558ccd);
        sum ^= sum >> 32;
    }
    return sum;
}

static size_t place_of(uint64_t value)
{
    return RING + (size_t)(value % BULLA_CHANGES_NOTED) * PLACE;
}

static size_t last_place_of(uint64_t value)
{
    return (size_t)(1 + value % LAST) * PLACE;
}

enum bulla_reason bulla_generation_note(
    struct bulla_generation *generation, uint64_t value, const struct bulla_change *change)
{
    uint64_t numbers[NOTED] = {[NOTED_VALUE] = value, [NOTED_REACH] = (uint64_t)change->reach << 1 | change->finished};
    for (int i = 0; i < BULLA_CHANGE_MARKS; i++)
        numbers[NOTED_MARKS + i] = change->marks[i];
    numbers[NOTED_SUM] = sum_of(numbers);
    BULLA_TRY(write_numbers(generation, last_place_of(value), numbers, NOTED));
    return write_numbers(generation, place_of(value), numbers, NOTED);
}

static bool is_note(const uint64_t numbers[static NOTED], uint64_t value)
{
    uint64_t reach = numbers[NOTED_REACH] >> 1;
    return numbers[NOTED_VALUE] == value && numbers[NOTED_SUM] == sum_of(numbers) && reach >= BULLA_CHANGE_NO_ROW &&
           reach <= BULLA_CHANGE_ANY;
}

static bool read_last(const struct bulla_generation *generation, uint64_t value, uint64_t numbers[static NOTED])
{
    const uint64_t *place = generation->mapping + last_place_of(value);
    for (int i = 0; i < NOTED; i++)
        numbers[i] = __atomic_load_n(place + i, __ATOMIC_RELAXED);
    return is_note(numbers, value);
}

static bool read_ring(const struct bulla_generation *generation, uint64_t value, uint64_t numbers[static NOTED])
{
    const size_t size = NOTED * sizeof *numbers;
    off_t place = (off_t)(place_of(value) * sizeof *numbers);
    return pread(generation->file, numbers, size, place) == (ssize_t)size && is_note(numbers, value);
}

bool bulla_generation_noted(const struct bulla_generation *generation, uint64_t value, struct bulla_change *change)
{
    uint64_t numbers[NOTED];
    if (!read_last(generation, value, numbers) && !read_ring(generation, value, numbers))
        return false;
    uint64_t reach = numbers[NOTED_REACH] >> 1;
    *change = (struct bulla_change){.reach = (enum bulla_change_reach)reach, .finished = numbers[NOTED_REACH] & 1};
    for (int i = 0; i < BULLA_CHANGE_MARKS; i++)
        change->marks[i] = numbers[NOTED_MARKS + i];
    return true;
}
