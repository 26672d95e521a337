/* Reading a log: the chain from its first line on, heads where they stand. The file's size is taken once, under a
 * shared lock: what is appended meanwhile is not looked at, and a line that is being written is not taken for a torn
 * one. */
#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_file.h"

static enum bulla_reason open_log(const char *path, struct bulla_audit_lines *lines)
{
    struct stat status;
    lines->at = lines->end = 0;
    lines->begin = lines->filled = 0;
    BULLA_TRY(bulla_audit_file_open(path, O_RDONLY, &lines->file));
    int locked = 0;
    do
        locked = flock(lines->file, LOCK_SH);
    while (locked != 0 && errno == EINTR);
    if (locked == 0 && fstat(lines->file, &status) == 0) {
        lines->end = status.st_size;
        (void)flock(lines->file, LOCK_UN);
        return BULLA_OK;
    }
    enum bulla_reason reason = bulla_refuse(BULLA_FILE, "audit log %s: %s", path, strerror(errno));
    (void)close(lines->file);
    return reason;
}

struct reading {
    const uint8_t *key; /* NULL: none */
    struct bulla_audit_end end;
    struct bulla_audit_summary *summary;
    uint64_t foreign; /* the first head since the token began that another key signed; 0: none */
};

static enum bulla_reason check_head(const struct bulla_audit_line *line, struct reading *reading)
{
    uint8_t message[BULLA_AUDIT_HEAD_SIGNED];
    struct bulla_audit_summary *summary = reading->summary;
    bulla_audit_head_message(line->seq, line->prev, line->counter, line->time, message);
    if (line->counter < summary->last_counter)
        return bulla_refuse(
            BULLA_AUDIT_BROKEN, "the counter of the head in line %llu runs backwards", (unsigned long long)line->seq);
    summary->last_counter = line->counter;
    if (reading->key && crypto_sign_verify_detached(line->signature, message, sizeof message, reading->key) != 0) {
        reading->foreign = reading->foreign ? reading->foreign : line->seq;
        return BULLA_OK;
    }
    summary->heads++;
    summary->after_last_head = 0;
    return BULLA_OK;
}

/* A token that is initialised goes on in the log of the one before, with another key and another counter. Whoever
 * writes such a line wins nothing by it: what stands before it is still in the chain that the next head signs. */
static void begin_anew(struct reading *reading)
{
    reading->foreign = 0;
    reading->summary->last_counter = 0;
}

static enum bulla_reason check_line(struct bulla_bytes text, struct reading *reading)
{
    struct bulla_audit_line line;
    struct bulla_audit_end *end = &reading->end;
    BULLA_TRY(bulla_audit_line_read(text, &line));
    if (line.seq != end->seq + 1 || memcmp(line.prev, end->hash, sizeof line.prev) != 0)
        return bulla_refuse(BULLA_AUDIT_BROKEN, "line %llu does not follow line %llu", (unsigned long long)line.seq,
            (unsigned long long)end->seq);
    end->seq = line.seq;
    memcpy(end->hash, line.hash, sizeof end->hash);
    reading->summary->lines++;
    reading->summary->after_last_head++;
    if (line.cut)
        return bulla_refuse(BULLA_AUDIT_BROKEN,
            "line %llu says that what stood before it was cut off or rewritten: head %llu was signed, and is missing",
            (unsigned long long)line.seq, (unsigned long long)line.missing);
    if (line.begins)
        begin_anew(reading);
    return line.head ? check_head(&line, reading) : BULLA_OK;
}

static enum bulla_reason check_lines(struct bulla_audit_lines *lines, struct reading *reading)
{
    for (;;) {
        struct bulla_bytes text;
        enum bulla_reason reason = bulla_audit_lines_next(lines, &text);
        if (reason == BULLA_OK && !text.data)
            break;
        uint64_t number = reading->end.seq + 1;
        if (reason == BULLA_OK)
            reason = check_line(text, reading);
        if (reason == BULLA_AUDIT_BROKEN)
            reading->summary->broken_line = number;
        BULLA_TRY(reason);
    }
    reading->summary->broken_line = reading->foreign;
    return reading->foreign
               ? bulla_refuse(BULLA_AUDIT_BROKEN, "the head in line %llu is signed by another key, or changed",
                     (unsigned long long)reading->foreign)
               : BULLA_OK;
}

enum bulla_reason bulla_audit_verify(
    const char *path, const uint8_t *key, uint64_t least_counter, struct bulla_audit_summary *summary)
{
    struct bulla_audit_lines lines;
    struct reading reading = {.key = key, .summary = summary};
    memset(summary, 0, sizeof *summary);
    BULLA_TRY(open_log(path, &lines));
    enum bulla_reason reason = check_lines(&lines, &reading);
    (void)close(lines.file);
    BULLA_TRY(reason);
    if (summary->last_counter < least_counter)
        return bulla_refuse(BULLA_AUDIT_BROKEN, "the last head says %llu, the counter is at %llu: lines were cut off",
            (unsigned long long)summary->last_counter, (unsigned long long)least_counter);
    return BULLA_OK;
}

enum bulla_reason bulla_audit_tail(
    const char *path, size_t count, void (*each)(void *context, struct bulla_bytes line), void *context)
{
    struct bulla_audit_lines lines;
    struct bulla_bytes text = {NULL, 0};
    off_t complete = 0;
    BULLA_TRY(open_log(path, &lines));
    enum bulla_reason reason = bulla_audit_lines_from_end(lines.file, lines.end, 0, &complete);
    if (reason == BULLA_OK)
        reason = bulla_audit_lines_from_end(lines.file, complete, count, &lines.at);
    lines.end = complete;
    while (reason == BULLA_OK) {
        reason = bulla_audit_lines_next(&lines, &text);
        if (reason != BULLA_OK || !text.data)
            break;
        each(context, text);
    }
    (void)close(lines.file);
    return reason;
}
