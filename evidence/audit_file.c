#include "audit_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum bulla_reason bulla_audit_file_open(const char *path, int flags, int *file)
{
    struct stat status;
    *file = open(path, flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (*file < 0)
        return bulla_refuse(BULLA_FILE, "audit log %s: %s", path, strerror(errno));
    if (fstat(*file, &status) == 0 && S_ISREG(status.st_mode) && !(status.st_mode & (S_IWGRP | S_IWOTH)))
        return BULLA_OK;
    (void)close(*file);
    *file = -1;
    return bulla_refuse(BULLA_FILE, "audit log %s: not a regular file which only its owner may write", path);
}

/* A new file's name is in its folder durably before any line is: where the folder can't be synced it is as durable as
 * the file system makes it. */
void bulla_audit_file_settle(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];
    size_t size = slash ? (size_t)(slash - path) : 0;
    (void)snprintf(folder, sizeof folder, "%.*s", slash ? (int)(size ? size : 1) : 1, slash ? path : ".");
    int opened = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened < 0)
        return;
    (void)fsync(opened);
    (void)close(opened);
}

static enum bulla_reason read_at(int file, void *to, size_t size, off_t at)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(file, (char *)to + done, size - done, at + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return bulla_refuse(
                BULLA_FILE, "audit log: %s", got < 0 ? strerror(errno) : "it was cut while it was read");
        done += (size_t)got;
    }
    return BULLA_OK;
}

/* Moves what is left to the front and fills up. */
static enum bulla_reason refill(struct bulla_audit_lines *lines)
{
    size_t left = lines->filled - lines->begin;
    memmove(lines->buffer, lines->buffer + lines->begin, left);
    size_t room = sizeof lines->buffer - left;
    if ((off_t)room > lines->end - lines->at)
        room = (size_t)(lines->end - lines->at);
    BULLA_TRY(read_at(lines->file, lines->buffer + left, room, lines->at));
    lines->at += (off_t)room;
    lines->begin = 0;
    lines->filled = left + room;
    return BULLA_OK;
}

enum bulla_reason bulla_audit_lines_next(struct bulla_audit_lines *lines, struct bulla_bytes *line)
{
    *line = (struct bulla_bytes){NULL, 0};
    if (lines->filled - lines->begin < BULLA_AUDIT_LINE_LARGEST && lines->at < lines->end)
        BULLA_TRY(refill(lines));
    const char *first = lines->buffer + lines->begin;
    size_t left = lines->filled - lines->begin;
    if (left == 0)
        return BULLA_OK;
    size_t reach = left < BULLA_AUDIT_LINE_LARGEST ? left : BULLA_AUDIT_LINE_LARGEST;
    const char *newline = memchr(first, '\n', reach);
    if (!newline)
        return bulla_refuse(BULLA_AUDIT_BROKEN, "a line has no end");
    *line = (struct bulla_bytes){(const uint8_t *)first, (size_t)(newline - first)};
    lines->begin += line->size + 1;
    return BULLA_OK;
}

/* Counts newlines backwards, block by block: the one before the wanted lines ends the line that isn't wanted. */
enum bulla_reason bulla_audit_lines_from_end(int file, off_t end, size_t count, off_t *at)
{
    char block[BULLA_AUDIT_LINE_LARGEST];
    size_t seen = 0;
    *at = 0;
    while (end > 0) {
        size_t size = end < (off_t)sizeof block ? (size_t)end : sizeof block;
        end -= (off_t)size;
        BULLA_TRY(read_at(file, block, size, end));
        for (size_t i = size; i-- > 0;) {
            if (block[i] == '\n' && seen++ == count) {
                *at = end + (off_t)i + 1;
                return BULLA_OK;
            }
        }
    }
    return BULLA_OK;
}

enum bulla_reason bulla_audit_file_holds(
    int file, off_t end, uint64_t last, const struct bulla_audit_mark *mark, bool *holds)
{
    struct bulla_audit_lines lines = {.file = file, .end = end};
    struct bulla_audit_line line = {.seq = 0};
    struct bulla_bytes text;
    *holds = false;
    if (mark->seq > last)
        return BULLA_OK;
    BULLA_TRY(bulla_audit_lines_from_end(file, end, (size_t)(last - mark->seq + 1), &lines.at));
    enum bulla_reason reason = bulla_audit_lines_next(&lines, &text);
    if (reason == BULLA_OK && text.data)
        reason = bulla_audit_line_read(text, &line);
    *holds = reason == BULLA_OK && line.seq == mark->seq && memcmp(line.hash, mark->hash, sizeof line.hash) == 0;
    return reason == BULLA_AUDIT_BROKEN ? BULLA_OK : reason;
}
