/* Locked pages.
 *
 * The whole range is first mapped without any access and only its middle opened, so an access before or after it meets
 * a fence; the slack that alignment leaves is part of the fences and costs address space only. The order of the advice
 * matters: MADV_HUGEPAGE must stand before mlock, because mlock is what faults the pages in. mlock2 without flags is
 * mlock; it is called by that name because sanitizers replace mlock by nothing, and their builds could not test it. */
#include "pages.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "arena.h"

enum { HUGE_PAGE = 2 << 20 };

static size_t round_up(size_t value, size_t unit)
{
    return (value + unit - 1) / unit * unit;
}

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static enum bulla_reason refuse_lock(size_t size, const char *what, const char *call)
{
    int number = errno;
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    (void)getrlimit(RLIMIT_MEMLOCK, &limit);
    if (limit.rlim_cur == RLIM_INFINITY)
        return bulla_refuse(BULLA_MEMORY_LOCK,
            "%s: %s of %zu bytes failed: %s (RLIMIT_MEMLOCK is unlimited: is the memory itself exhausted?)", what, call,
            size, strerror(number));
    return bulla_refuse(BULLA_MEMORY_LOCK,
        "%s: %s failed: %s; %zu more bytes are needed and RLIMIT_MEMLOCK is %llu bytes for the whole process; %s", what,
        call, strerror(number), size, (unsigned long long)limit.rlim_cur, bulla_reason_remedy(BULLA_MEMORY_LOCK));
}

/* Huge pages are a matter of speed: a kernel without them is no reason to refuse. The rest is. */
static enum bulla_reason protect(void *data, size_t size, bool huge, const char *what)
{
    if (huge)
        (void)madvise(data, size, MADV_HUGEPAGE);
    if (madvise(data, size, MADV_DONTDUMP) != 0)
        return refuse_lock(size, what, "madvise(MADV_DONTDUMP)");
    if (madvise(data, size, MADV_WIPEONFORK) != 0)
        return refuse_lock(size, what, "madvise(MADV_WIPEONFORK)");
    if (mlock2(data, size, 0) != 0)
        return refuse_lock(size, what, "mlock");
    return BULLA_OK;
}

enum bulla_reason bulla_pages_lock(struct bulla_pages *pages, size_t size, const char *what)
{
    *pages = (struct bulla_pages){0};
    if (size == 0)
        return BULLA_OK;
    size_t page = page_size();
    size_t unit = size >= HUGE_PAGE ? (size_t)HUGE_PAGE : page;
    if (size > SIZE_MAX / 2)
        return bulla_refuse(BULLA_TOO_LARGE, "%s: %zu bytes cannot be mapped", what, size);
    size_t opened = round_up(size, page);
    size_t mapped = opened + unit + page; /* at most `unit` before the data, and a page behind it */
    void *mapping = mmap(NULL, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "%s: mmap of %zu bytes: %s", what, mapped, strerror(errno));

    size_t before = round_up((uintptr_t)mapping + page, unit) - (uintptr_t)mapping;
    uint8_t *data = (uint8_t *)mapping + before;
    enum bulla_reason reason = BULLA_OK;
    if (mprotect(data, opened, PROT_READ | PROT_WRITE) != 0)
        reason = bulla_refuse(BULLA_OUT_OF_MEMORY, "%s: %zu bytes: %s", what, opened, strerror(errno));
    if (reason == BULLA_OK)
        reason = protect(data, opened, unit == HUGE_PAGE, what);
    if (reason != BULLA_OK) {
        (void)munmap(mapping, mapped); /* nothing was written yet */
        return reason;
    }
    *pages = (struct bulla_pages){data, size, mapping, mapped};
    return BULLA_OK;
}

void bulla_pages_release(struct bulla_pages *pages)
{
    if (pages->data) {
        size_t opened = round_up(pages->size, page_size());
        bulla_wipe(pages->data, opened);
        (void)munlock(pages->data, opened);
        (void)munmap(pages->mapping, pages->mapped);
    }
    *pages = (struct bulla_pages){0};
}
