#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum bulla_reason stream_read(FILE *stream, const char *path, size_t largest, uint8_t **data, size_t *size)
{
    size_t capacity = 0;
    size_t used = 0;
    uint8_t *bytes = NULL;
    enum bulla_reason reason = BULLA_OK;
    for (;;) {
        if (used == capacity) {
            size_t larger = capacity ? capacity * 2 : 65536;
            uint8_t *moved = realloc(bytes, larger);
            if (!moved) {
                reason = bulla_refuse(BULLA_OUT_OF_MEMORY, "reading %s", path);
                goto done;
            }
            bytes = moved;
            capacity = larger;
        }
        size_t got = fread(bytes + used, 1, capacity - used, stream);
        used += got;
        if (used > largest) {
            reason = bulla_refuse(BULLA_TOO_LARGE, "%s is larger than %zu bytes", path, largest);
            goto done;
        }
        if (got == 0)
            break;
    }
    if (ferror(stream))
        reason = bulla_refuse(BULLA_FILE, "reading %s: %s", path, strerror(errno));
done:
    if (reason != BULLA_OK) {
        free(bytes);
        bytes = NULL;
        used = 0;
    }
    *data = bytes;
    *size = used;
    return reason;
}

enum bulla_reason bulla_file_read(const char *path, size_t largest, uint8_t **data, size_t *size)
{
    *data = NULL;
    *size = 0;
    if (strcmp(path, "-") == 0)
        return stream_read(stdin, "standard input", largest, data, size);
    FILE *stream = fopen(path, "re");
    if (!stream)
        return bulla_refuse(BULLA_FILE, "opening %s: %s", path, strerror(errno));
    enum bulla_reason reason = stream_read(stream, path, largest, data, size);
    (void)fclose(stream);
    return reason;
}

/* A terminal, a pipe or /dev/null is written to; it is never replaced by a file. */
static enum bulla_reason device_write(const char *path, struct bulla_bytes bytes)
{
    struct bulla_file_writer writer = {.file = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY)};
    (void)snprintf(writer.temporary, sizeof writer.temporary, "%s", path);
    if (writer.file < 0)
        return bulla_refuse(BULLA_FILE, "opening %s: %s", path, strerror(errno));
    enum bulla_reason reason = bulla_file_writer_put(&writer, bytes);
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

enum bulla_reason bulla_file_write(const char *path, mode_t mode, struct bulla_bytes bytes)
{
    struct stat status;
    char *target = realpath(path, NULL); /* what a link leads to is replaced, not the link */
    bool there = target && stat(target, &status) == 0;
    enum bulla_reason reason = BULLA_OK;
    if (there && S_ISDIR(status.st_mode))
        reason = bulla_refuse(BULLA_FILE, "%s is a folder", path);
    else if (there && !S_ISREG(status.st_mode))
        reason = device_write(target, bytes);
    else
        reason = regular_write(there ? target : path, mode, bytes);
    free(target);
    return reason;
}

enum bulla_reason bulla_file_create(const char *path, mode_t mode, struct bulla_bytes bytes)
{
    /* The name is taken first, so that two processes can't both think that it was free. */
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file < 0)
        return errno == EEXIST ? bulla_refuse(BULLA_FILE, "%s exists already: it is not overwritten", path)
                               : bulla_refuse(BULLA_FILE, "creating %s: %s", path, strerror(errno));
    (void)close(file);
    enum bulla_reason reason = bulla_file_write(path, mode, bytes);
    if (reason != BULLA_OK)
        (void)unlink(path);
    return reason;
}
