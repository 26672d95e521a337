#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FOLDER_LARGEST = PATH_MAX - NAME_MAX - 8 };

static enum bulla_reason errno_refuse(const char *doing, const char *path)
{
    enum bulla_reason reason = errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? BULLA_STORE_FULL : BULLA_FILE;
    return bulla_refuse(reason, "%s %s: %s", doing, path, strerror(errno));
}

/* "folder/.name." of the temporary files for this path. */
static bool prefix_make(const char *path, char *folder, size_t folder_size, char *prefix, size_t prefix_size)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t before = slash ? (size_t)(slash - path) : 0;
    int folder_used = slash ? snprintf(folder, folder_size, "%.*s", (int)(before ? before : 1), path)
                            : snprintf(folder, folder_size, ".");
    int prefix_used = snprintf(prefix, prefix_size, ".%s.", name);
    return folder_used > 0 && (size_t)folder_used < folder_size && prefix_used > 2 && (size_t)prefix_used < prefix_size;
}

/* ".<name>.XXXXXX" of a name that ends so, or is so as a whole. */
static bool is_temporary(const char *entry, const char *name, bool whole)
{
    enum { TAIL = 7 };
    size_t size = strlen(entry);
    size_t wanted = strlen(name);
    if (size <= 1 + wanted + TAIL - (whole ? 1 : 0) || entry[0] != '.' || entry[size - TAIL] != '.')
        return false;
    size_t middle = size - 1 - TAIL;
    return (whole ? middle == wanted : middle > wanted) && strncmp(entry + 1 + middle - wanted, name, wanted) == 0;
}

/* A writer holds its file by a lock that ends with its process. Where the file system has no such locks, a file that is
 * an hour old belongs to nobody any more. */
static void leftover_remove(int folder, const char *entry)
{
    struct stat status;
    int file = openat(folder, entry, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0 || fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        (void)(file >= 0 && close(file));
        return;
    }
    bool held = flock(file, LOCK_EX | LOCK_NB) != 0;
    bool left = held ? errno != EWOULDBLOCK && time(NULL) - status.st_mtime > 3600 : true;
    if (left)
        (void)unlinkat(folder, entry, 0); /* under the lock: who has just made it finds it gone, and makes another */
    (void)close(file);
}

static void leftovers_remove(const char *folder, const char *name, bool whole)
{
    DIR *open_folder = opendir(folder);
    struct dirent *entry;
    if (!open_folder)
        return;
    while ((entry = readdir(open_folder)) != NULL) /* NOLINT(concurrency-mt-unsafe): a stream of our own */
        if (is_temporary(entry->d_name, name, whole))
            leftover_remove(dirfd(open_folder), entry->d_name);
    (void)closedir(open_folder);
}

void bulla_file_leftovers_remove(const char *folder, const char *name_end)
{
    leftovers_remove(folder, name_end, false);
}

/* Another process may have taken it for a leftover between its making and its lock: then it has no name any more. */
static int held_file_make(char *temporary, size_t size)
{
    struct stat status;
    for (;;) {
        int file = mkostemp(temporary, O_CLOEXEC);
        if (file < 0)
            return -1;
        (void)flock(file, LOCK_EX);
        if (fstat(file, &status) == 0 && status.st_nlink > 0)
            return file;
        (void)close(file);
        memset(temporary + size - 6, 'X', 6);
    }
}

enum bulla_reason bulla_file_writer_open(struct bulla_file_writer *writer, const char *path, mode_t mode)
{
    char folder[FOLDER_LARGEST];
    char prefix[NAME_MAX + 1];
    writer->file = -1;
    bool fits = prefix_make(path, folder, sizeof folder, prefix, sizeof prefix);
    int used = snprintf(writer->path, sizeof writer->path, "%s", path);
    int temporary = snprintf(writer->temporary, sizeof writer->temporary, "%s/%sXXXXXX", folder, prefix);
    if (!fits || (size_t)used >= sizeof writer->path || (size_t)temporary >= sizeof writer->temporary)
        return bulla_refuse(BULLA_FILE, "the path %.200s is not one of a file, or too long", path);
    prefix[strlen(prefix) - 1] = '\0'; /* ".name." */
    leftovers_remove(folder, prefix + 1, true);
    writer->file = held_file_make(writer->temporary, (size_t)temporary);
    if (writer->file < 0)
        return errno_refuse("creating a file for", path);
    if (fchmod(writer->file, mode) != 0) {
        enum bulla_reason reason = errno_refuse("setting the mode of", writer->temporary);
        bulla_file_writer_drop(writer);
        return reason;
    }
    return BULLA_OK;
}

enum bulla_reason bulla_file_writer_reserve(struct bulla_file_writer *writer, uint64_t size)
{
    if (fallocate(writer->file, FALLOC_FL_KEEP_SIZE, 0, (off_t)size) != 0 && (errno == ENOSPC || errno == EDQUOT))
        return errno_refuse("reserving space for", writer->path);
    return BULLA_OK; /* a file system that can't reserve shows a full disk while it is written */
}

enum bulla_reason bulla_file_writer_put(struct bulla_file_writer *writer, struct bulla_bytes bytes)
{
    while (bytes.size) {
        ssize_t put = write(writer->file, bytes.data, bytes.size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return errno_refuse("writing", writer->temporary);
        bytes.data += put;
        bytes.size -= (size_t)put;
    }
    return BULLA_OK;
}

static bool folder_sync(const char *path)
{
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof copy, "%s", path);
    int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = folder >= 0 && fsync(folder) == 0;
    if (folder >= 0)
        (void)close(folder);
    return done;
}

/* Where there is a file already, the two change places: until the new one's name is durable, the old one is there. A
 * file system that can't do that gives the name to the new one alone. */
static bool name_take(const struct bulla_file_writer *writer, bool *swapped)
{
    struct stat status;
    *swapped = lstat(writer->path, &status) == 0 && S_ISREG(status.st_mode) &&
               renameat2(AT_FDCWD, writer->temporary, AT_FDCWD, writer->path, RENAME_EXCHANGE) == 0;
    return *swapped || rename(writer->temporary, writer->path) == 0;
}

/* Whoever is refused undoes what the file would have stood for: a sealed model's key is destroyed, and its file must
 * not stay behind. */
static void name_give_back(const struct bulla_file_writer *writer, bool swapped)
{
    if (!swapped || renameat2(AT_FDCWD, writer->temporary, AT_FDCWD, writer->path, RENAME_EXCHANGE) != 0)
        (void)unlink(writer->path);
}

enum bulla_reason bulla_file_writer_finish(struct bulla_file_writer *writer)
{
    bool swapped = false;
    enum bulla_reason reason = BULLA_OK;
    off_t end = lseek(writer->file, 0, SEEK_CUR);
    if (end < 0 || ftruncate(writer->file, end) != 0) /* gives back what was reserved and not needed */
        reason = errno_refuse("cutting", writer->temporary);
    else if (fsync(writer->file) != 0)
        reason = errno_refuse("writing to the disk of", writer->temporary);
    else if (!name_take(writer, &swapped))
        reason = errno_refuse("renaming to", writer->path);
    else if (!folder_sync(writer->path)) {
        reason = errno_refuse("writing to the disk the folder of", writer->path);
        name_give_back(writer, swapped);
    }
    bulla_file_writer_drop(writer); /* under the temporary name is what was not wanted, if anything */
    return reason;
}

void bulla_file_writer_drop(struct bulla_file_writer *writer)
{
    if (writer->file < 0)
        return;
    (void)unlink(writer->temporary);
    (void)close(writer->file);
    writer->file = -1;
}
