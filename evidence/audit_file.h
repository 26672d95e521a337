/* Reading an audit log's file: by lines, without taking a line that is longer than lines may be. */
#ifndef BULLA_EVIDENCE_AUDIT_FILE_H
#define BULLA_EVIDENCE_AUDIT_FILE_H

#include "audit_line.h"

#include <sys/types.h>

/* Opens a regular file without following a link. BULLA_FILE. */
enum bulla_reason bulla_audit_file_open(const char *path, int flags, int *file) BULLA_MUST_USE;
/* Makes the name of a new file durable. */
void bulla_audit_file_settle(const char *path);

/* Lines from `at` up to `end`; both are offsets in the file. */
struct bulla_audit_lines {
    int file;
    off_t at, end;
    size_t begin, filled;
    char buffer[2 * BULLA_AUDIT_LINE_LARGEST];
};
/* The next line without its newline, valid until the next call; empty with `data` NULL at the end. BULLA_AUDIT_BROKEN:
 * a line that is too long, or without a newline at the end; BULLA_FILE. */
enum bulla_reason bulla_audit_lines_next(struct bulla_audit_lines *lines, struct bulla_bytes *line) BULLA_MUST_USE;

/* Whether the line with this seq and hash is where it belongs in a chain whose last line, before `end`, has the seq
 * `last`. What does not parse there is not it. */
enum bulla_reason bulla_audit_file_holds(
    int file, off_t end, uint64_t last, const struct bulla_audit_mark *mark, bool *holds) BULLA_MUST_USE;

/* The offset at which the last `count` complete lines before `end` begin. */
enum bulla_reason bulla_audit_lines_from_end(int file, off_t end, size_t count, off_t *at) BULLA_MUST_USE;

#endif
