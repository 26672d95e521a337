/* Appending. Under flock(LOCK_EX) on the log's own open file description, which other processes and a forked child that
 * has abandoned it cannot hold by accident; a mutex keeps the threads of one handle apart.
 *
 * A handle remembers the end of the chain and the file's size there. When the size is still that, nobody else has
 * appended and a line costs one hash and one write; otherwise the last line is read again. A tail without a newline is
 * what a crash leaves: it is cut off and said so in a line of its own.
 *
 * A chain that was cut or begun anew is whole in itself, and a head signed over it would vouch for it. So whoever signs
 * heads remembers the last one elsewhere; it is looked for before the next is signed, and its absence is what that one
 * vouches for. Remembering comes after writing: a crash between them leaves an older head to be looked for. */
#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_file.h"

struct bulla_audit {
    pthread_mutex_t mutex;
    int file;
    off_t size; /* of the file when `end` was its end; -1: not looked yet */
    struct bulla_audit_end end;
};

static enum bulla_reason failed(const char *doing)
{
    return bulla_refuse(BULLA_FILE, "audit log: %s: %s", doing, strerror(errno));
}

static enum bulla_reason lock(struct bulla_audit *audit)
{
    (void)pthread_mutex_lock(&audit->mutex);
    while (flock(audit->file, LOCK_EX) != 0) {
        if (errno == EINTR)
            continue;
        (void)pthread_mutex_unlock(&audit->mutex);
        return failed("locking");
    }
    return BULLA_OK;
}

static void unlock(struct bulla_audit *audit)
{
    (void)flock(audit->file, LOCK_UN);
    (void)pthread_mutex_unlock(&audit->mutex);
}

/* One write; what a full disk let through of a line is taken back, so that it doesn't look like a crash. */
static enum bulla_reason write_line(struct bulla_audit *audit, const char *line, size_t size, bool durable)
{
    ssize_t written = 0;
    do
        written = write(audit->file, line, size);
    while (written < 0 && errno == EINTR);
    if (written != (ssize_t)size) {
        enum bulla_reason reason = failed(written < 0 ? "writing" : "writing a whole line");
        if (written > 0 && ftruncate(audit->file, audit->size) != 0)
            reason = failed("taking back half a line");
        audit->size = -1;
        return reason;
    }
    audit->size += written;
    if (durable && fdatasync(audit->file) != 0) {
        audit->size = -1; /* the line may stand there or not: look again before the next one */
        return failed("making a line durable");
    }
    return BULLA_OK;
}

static enum bulla_reason append(struct bulla_audit *audit, const char *time, const char *event,
    const struct bulla_audit_field *fields, size_t count, bool durable)
{
    char line[BULLA_AUDIT_LINE_LARGEST];
    size_t size = 0;
    struct bulla_audit_end end = audit->end;
    BULLA_TRY(bulla_audit_line_write(&end, time, event, fields, count, line, &size));
    BULLA_TRY(write_line(audit, line, size, durable));
    audit->end = end;
    return BULLA_OK;
}

static enum bulla_reason cut_tail(struct bulla_audit *audit, off_t at, off_t size)
{
    char time[BULLA_AUDIT_TIME + 1];
    const struct bulla_audit_field cut = {"bytes", NULL, (uint64_t)(size - at)};
    if (size - at >= BULLA_AUDIT_LINE_LARGEST)
        return bulla_refuse(BULLA_AUDIT_BROKEN, "the last line has no end");
    if (ftruncate(audit->file, at) != 0)
        return failed("cutting off a torn line");
    audit->size = at;
    bulla_audit_time(time);
    return append(audit, time, "repaired", &cut, 1, true);
}

/* Finds the end of the chain in a file of `size` bytes. */
static enum bulla_reason find_end(struct bulla_audit *audit, off_t size)
{
    struct bulla_audit_lines lines = {.file = audit->file};
    struct bulla_audit_line last;
    struct bulla_bytes text;
    BULLA_TRY(bulla_audit_lines_from_end(audit->file, size, 0, &lines.end));
    BULLA_TRY(bulla_audit_lines_from_end(audit->file, size, 1, &lines.at));
    memset(&audit->end, 0, sizeof audit->end);
    if (lines.end > 0) {
        BULLA_TRY(bulla_audit_lines_next(&lines, &text));
        BULLA_TRY(bulla_audit_line_read(text, &last));
        audit->end.seq = last.seq;
        memcpy(audit->end.hash, last.hash, sizeof audit->end.hash);
    }
    audit->size = lines.end;
    return lines.end == size ? BULLA_OK : cut_tail(audit, lines.end, size);
}

/* With the lock held: makes `end` the file's end. */
static enum bulla_reason settle(struct bulla_audit *audit)
{
    struct stat status;
    if (fstat(audit->file, &status) != 0)
        return failed("looking at the file");
    if (status.st_nlink == 0)
        return bulla_refuse(BULLA_FILE, "audit log: the file was removed while it was open");
    if (status.st_size == audit->size)
        return BULLA_OK;
    if (status.st_size < audit->size)
        return bulla_refuse(BULLA_AUDIT_BROKEN, "the log is shorter than it was");
    off_t known = audit->size;
    audit->size = -1;
    enum bulla_reason reason = find_end(audit, status.st_size);
    if (reason != BULLA_OK)
        audit->size = known;
    return reason;
}

enum bulla_reason bulla_audit_open(const char *path, struct bulla_audit **audit)
{
    *audit = NULL;
    struct bulla_audit *made = calloc(1, sizeof *made);
    if (!made)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "opening the audit log");
    made->size = -1;
    (void)pthread_mutex_init(&made->mutex, NULL);
    enum bulla_reason reason = bulla_audit_file_open(path, O_RDWR | O_CREAT | O_APPEND, &made->file);
    if (reason == BULLA_OK)
        reason = lock(made);
    if (reason == BULLA_OK) {
        reason = settle(made);
        if (made->size == 0)
            bulla_audit_file_settle(path);
        unlock(made);
    }
    if (reason != BULLA_OK)
        bulla_audit_close(made);
    else
        *audit = made;
    return reason;
}

void bulla_audit_close(struct bulla_audit *audit)
{
    if (!audit)
        return;
    if (audit->file >= 0)
        (void)close(audit->file);
    (void)pthread_mutex_destroy(&audit->mutex);
    free(audit);
}

/* The mutex may have been held by a thread that doesn't exist here: it is left alone. */
void bulla_audit_abandon(struct bulla_audit *audit)
{
    if (!audit)
        return;
    (void)close(audit->file);
    free(audit);
}

enum bulla_reason bulla_audit_append(
    struct bulla_audit *audit, const char *event, const struct bulla_audit_field *fields, size_t count, bool durable)
{
    char time[BULLA_AUDIT_TIME + 1];
    if (strcmp(event, "head") == 0 || strcmp(event, "repaired") == 0 || strcmp(event, "cut") == 0)
        return bulla_refuse(BULLA_ARGUMENT, "audit: the event '%s' is the log's own", event);
    BULLA_TRY(lock(audit));
    enum bulla_reason reason = settle(audit);
    bulla_audit_time(time);
    if (reason == BULLA_OK)
        reason = append(audit, time, event, fields, count, durable);
    unlock(audit);
    return reason;
}

static enum bulla_reason tell_cut(struct bulla_audit *audit, const struct bulla_audit_mark *last)
{
    char time[BULLA_AUDIT_TIME + 1];
    const struct bulla_audit_field missing = {"missing", NULL, last->seq};
    bool whole = !last->lost && last->seq == 0;
    if (!last->lost && last->seq > 0)
        BULLA_TRY(bulla_audit_file_holds(audit->file, audit->size, audit->end.seq, last, &whole));
    bulla_audit_time(time);
    return whole ? BULLA_OK : append(audit, time, "cut", &missing, 1, true);
}

static enum bulla_reason append_head(
    struct bulla_audit *audit, uint64_t counter, const struct bulla_cose_signer *signer, struct bulla_audit_mark *last)
{
    char time[BULLA_AUDIT_TIME + 1], hex[129];
    uint8_t message[BULLA_AUDIT_HEAD_SIGNED], signature[64];
    BULLA_TRY(settle(audit));
    if (last)
        BULLA_TRY(tell_cut(audit, last));
    bulla_audit_time(time);
    bulla_audit_head_message(audit->end.seq + 1, audit->end.hash, counter, time, message);
    BULLA_TRY(signer->sign(signer->context, BULLA_BYTES(message), signature));
    const struct bulla_audit_field fields[] = {
        {"counter", NULL, counter},
        {"signature", sodium_bin2hex(hex, sizeof hex, signature, sizeof signature), 0},
    };
    BULLA_TRY(append(audit, time, "head", fields, 2, true));
    if (last) {
        *last = (struct bulla_audit_mark){.seq = audit->end.seq};
        memcpy(last->hash, audit->end.hash, sizeof last->hash);
    }
    return BULLA_OK;
}

enum bulla_reason bulla_audit_head(
    struct bulla_audit *audit, uint64_t counter, const struct bulla_cose_signer *signer, struct bulla_audit_mark *last)
{
    if (signer->algorithm != BULLA_COSE_EDDSA || counter > BULLA_AUDIT_NUMBER_LARGEST)
        return bulla_refuse(BULLA_ARGUMENT, "audit: a head is signed with Ed25519, its counter below 2^53");
    BULLA_TRY(lock(audit));
    enum bulla_reason reason = append_head(audit, counter, signer, last);
    unlock(audit);
    return reason;
}
