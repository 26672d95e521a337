/* Read through a mapping, which a stray pointer of the host cannot change, and written with pwrite: both meet in the
 * page cache, as in the store's own generation (store/generation.c). */
#include "mark.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum bulla_reason refuse(const char *doing)
{
    return bulla_refuse(BULLA_STORE_IO, "the number of the keys' states: %s: %s", doing, strerror(errno));
}

static enum bulla_reason write_number(int file, uint64_t number)
{
    ssize_t written = pwrite(file, &number, sizeof number, 0);
    if (written >= 0 && written != (ssize_t)sizeof number)
        errno = ENOSPC;
    return written == (ssize_t)sizeof number ? BULLA_OK : refuse("writing it");
}

enum bulla_reason bulla_mark_map(struct bulla_mark *mark, int file)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return refuse("examining its file");
    if (status.st_size < (off_t)sizeof(uint64_t))
        BULLA_TRY(write_number(file, 0));
    void *mapping = mmap(NULL, sizeof(uint64_t), PROT_READ, MAP_SHARED, file, 0);
    if (mapping == MAP_FAILED)
        return refuse("mapping it");
    bulla_mark_unmap(mark);
    mark->mapping = mapping;
    return BULLA_OK;
}

void bulla_mark_unmap(struct bulla_mark *mark)
{
    if (mark->mapping)
        (void)munmap(mark->mapping, sizeof(uint64_t));
    mark->mapping = NULL;
}

uint64_t bulla_mark_read(const struct bulla_mark *mark)
{
    return __atomic_load_n(mark->mapping, __ATOMIC_ACQUIRE);
}

enum bulla_reason bulla_mark_advance(const struct bulla_mark *mark, int file)
{
    return write_number(file, bulla_mark_read(mark) + 1);
}
