#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "crypto/arena.h"
#include "output.h"

void bulla_file_free(uint8_t *data, size_t size)
{
    if (data)
        bulla_wipe(data, size);
    free(data);
}

/* realloc would leave a copy of what was read where it moved it from. */
static bool room_double(uint8_t **bytes, size_t *capacity, size_t used)
{
    size_t larger = *capacity ? *capacity * 2 : 65536;
    uint8_t *moved = malloc(larger);
    if (!moved)
        return false;
    if (used)
        memcpy(moved, *bytes, used);
    bulla_file_free(*bytes, used);
    *bytes = moved;
    *capacity = larger;
    return true;
}

/* Without stdio, whose buffer would keep what went through it. */
static enum bulla_reason descriptor_read(int file, const char *path, size_t largest, uint8_t **data, size_t *size)
{
    size_t capacity = 0;
    for (ssize_t got = 1; got != 0; *size += got > 0 ? (size_t)got : 0) {
        if (*size > largest)
            return bulla_refuse(BULLA_TOO_LARGE, "%s is larger than %zu bytes", path, largest);
        if (*size == capacity && !room_double(data, &capacity, *size))
            return bulla_refuse(BULLA_OUT_OF_MEMORY, "reading %s", path);
        got = read(file, *data + *size, capacity - *size);
        if (got < 0 && errno != EINTR)
            return bulla_refuse(BULLA_FILE, "reading %s: %s", path, strerror(errno));
    }
    return BULLA_OK;
}

enum bulla_reason bulla_file_read(const char *path, size_t largest, uint8_t **data, size_t *size)
{
    *data = NULL;
    *size = 0;
    bool input = strcmp(path, "-") == 0;
    int file = input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0)
        return bulla_refuse(BULLA_FILE, "opening %s: %s", path, strerror(errno));
    enum bulla_reason reason = descriptor_read(file, input ? "standard input" : path, largest, data, size);
    if (!input)
        (void)close(file);
    if (reason == BULLA_OK)
        return BULLA_OK;
    bulla_file_free(*data, *size);
    *data = NULL;
    *size = 0;
    return reason;
}

enum bulla_reason bulla_file_read_secret(const char *path, size_t largest, uint8_t **data, size_t *size)
{
    BULLA_SECRET uint8_t *bytes = NULL;
    bool input = strcmp(path, "-") == 0;
    *data = NULL;
    *size = 0;
    BULLA_TRY(bulla_secret_allocate(largest + 1, (void **)&bytes));
    int file = input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0)
        return bulla_refuse(BULLA_FILE, "opening %s: %s", path, strerror(errno));
    ssize_t got = 1;
    for (; (got > 0 || (got < 0 && errno == EINTR)) && *size <= largest; *size += got > 0 ? (size_t)got : 0)
        got = read(file, bytes + *size, largest + 1 - *size);
    int failed = got < 0 ? errno : 0;
    if (!input)
        (void)close(file);
    if (failed)
        return bulla_refuse(BULLA_FILE, "reading %s: %s", path, strerror(failed));
    if (*size > largest)
        return bulla_refuse(BULLA_TOO_LARGE, "%s is larger than %zu bytes", path, largest);
    *data = BULLA_SECRET_KEEP(bytes);
    return BULLA_OK;
}

/* A pipe with a name may stand where somebody else put it, in a folder that all may write to, so that he gets what is
 * meant for a file of mode 0600. A shell's pipe has no name; under sudo it is another user's, too. */
static enum bulla_reason device_check(const char *path, int file)
{
    struct stat status;
    struct statfs system;
    if (fstat(file, &status) != 0 || fstatfs(file, &system) != 0)
        return bulla_refuse(BULLA_FILE, "examining %s: %s", path, strerror(errno));
    if (S_ISREG(status.st_mode))
        return bulla_refuse(BULLA_FILE, "%s became a file just now", path);
    if (S_ISFIFO(status.st_mode) && system.f_type != PIPEFS_MAGIC && status.st_uid != geteuid() && status.st_uid != 0)
        return bulla_refuse(BULLA_FILE, "%s is a pipe of another user's: name a file that is not there yet", path);
    return BULLA_OK;
}

bool bulla_file_is_output(const char *path)
{
    return strcmp(path, "-") == 0;
}

const char *bulla_file_shown(const char *path)
{
    return bulla_file_is_output(path) ? "standard output" : path;
}

static enum bulla_reason output_write(struct bulla_bytes bytes)
{
    struct bulla_file_writer writer = {.file = STDOUT_FILENO, .temporary = "standard output"};
    bulla_output_give();
    return bulla_file_writer_put(&writer, bytes);
}

static bool is_output(int file)
{
    struct stat status, output;
    return fstat(file, &status) == 0 && fstat(STDOUT_FILENO, &output) == 0 && S_ISFIFO(status.st_mode) &&
           status.st_dev == output.st_dev && status.st_ino == output.st_ino;
}

/* A terminal, a pipe or /dev/null is written to; it is never replaced by a file. */
static enum bulla_reason device_write(const char *path, struct bulla_bytes bytes)
{
    struct bulla_file_writer writer = {.file = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY)};
    (void)snprintf(writer.temporary, sizeof writer.temporary, "%s", path);
    if (writer.file < 0)
        return bulla_refuse(BULLA_FILE, "opening %s: %s", path, strerror(errno));
    enum bulla_reason reason = device_check(path, writer.file);
    if (reason == BULLA_OK && is_output(writer.file))
        bulla_output_give();
    if (reason == BULLA_OK)
        reason = bulla_file_writer_put(&writer, bytes);
    (void)close(writer.file);
    return reason;
}

static enum bulla_reason regular_write(const char *path, mode_t mode, struct bulla_bytes bytes)
{
    struct bulla_file_writer writer;
    BULLA_TRY(bulla_file_writer_open(&writer, path, mode));
    enum bulla_reason reason = bulla_file_writer_put(&writer, bytes);
    if (reason == BULLA_OK)
        reason = bulla_file_writer_finish(&writer);
    bulla_file_writer_drop(&writer);
    return reason;
}

/* What a link leads to is replaced, not the link. Behind /dev/stdout may be what has no name (any more). */
static enum bulla_reason target_write(const char *path, mode_t mode, struct bulla_bytes bytes)
{
    char *target = realpath(path, NULL);
    enum bulla_reason reason =
        target ? regular_write(target, mode, bytes)
               : bulla_refuse(BULLA_FILE, "the file behind %s can't be replaced: %s", path, strerror(errno));
    free(target);
    return reason;
}

enum bulla_reason bulla_file_write(const char *path, mode_t mode, struct bulla_bytes bytes)
{
    struct stat status;
    if (bulla_file_is_output(path))
        return output_write(bytes);
    if (stat(path, &status) != 0)
        return regular_write(path, mode, bytes);
    if (S_ISDIR(status.st_mode))
        return bulla_refuse(BULLA_FILE, "%s is a folder", path);
    return S_ISREG(status.st_mode) ? target_write(path, mode, bytes) : device_write(path, bytes);
}

enum bulla_reason bulla_file_create(const char *path, mode_t mode, struct bulla_bytes bytes)
{
    if (bulla_file_is_output(path))
        return output_write(bytes);
    /* The name is taken first, so that two processes can't both think that it was free. */
    struct stat status;
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool device = file < 0 && errno == EEXIST && stat(path, &status) == 0 && !S_ISREG(status.st_mode);
    if (device)
        return bulla_file_write(path, mode, bytes);
    if (file < 0)
        return errno == EEXIST ? bulla_refuse(BULLA_FILE, "%s exists already: it is not overwritten", path)
                               : bulla_refuse(BULLA_FILE, "creating %s: %s", path, strerror(errno));
    (void)close(file);
    enum bulla_reason reason = bulla_file_write(path, mode, bytes);
    if (reason != BULLA_OK)
        (void)unlink(path);
    return reason;
}
