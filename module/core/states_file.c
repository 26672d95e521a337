/* fdatasync is enough where a file has its size already: nothing but its content changed. Where it grew, fdatasync
 * brings the size as well; a new name is durable with its folder. */
#include "states_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "token.h"

static void file_path(const struct bulla_token *token, const char *name, char path[static PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s/%s", token->config->path, name);
}

static enum bulla_reason refuse(const char *path)
{
    bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    return bulla_refuse(full ? BULLA_STORE_FULL : BULLA_STORE_IO, "%s: %s", path, strerror(errno));
}

/* -1 where there is none. */
static enum bulla_reason open_file(const char *path, int flags, int *file)
{
    *file = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *file < 0 && errno != ENOENT ? refuse(path) : BULLA_OK;
}

/* Opened to be written, and made where there is none. */
static enum bulla_reason open_or_make(const char *path, int *file, bool *made)
{
    BULLA_TRY(open_file(path, O_WRONLY, file));
    *made = *file < 0;
    if (*made)
        BULLA_TRY(open_file(path, O_WRONLY | O_CREAT, file));
    if (*file < 0)
        return refuse(path);
    if (!*made || fchmod(*file, 0600) == 0) /* a umask may have taken the owner's bits */
        return BULLA_OK;
    enum bulla_reason reason = refuse(path);
    (void)close(*file);
    return reason;
}

/* --- reading --- */

static enum bulla_reason read_all(const char *path, int file, struct bulla_writer *bytes)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return refuse(path);
    size_t size = status.st_size < 0 || (uint64_t)status.st_size > SIZE_MAX ? SIZE_MAX : (size_t)status.st_size;
    uint8_t *at = bulla_write_space(bytes, size);
    BULLA_TRY(bulla_writer_finish(bytes, path));
    for (size_t done = 0; done < size;) {
        ssize_t more = pread(file, at + done, size - done, (off_t)done);
        if (more < 0)
            return refuse(path);
        if (more == 0)
            return bulla_refuse(BULLA_STORE_IO, "%s ends after %zu of %zu bytes", path, done, size);
        done += (size_t)more;
    }
    return BULLA_OK;
}

enum bulla_reason bulla_state_file_read(const struct bulla_token *token, const char *name, struct bulla_writer *bytes)
{
    char path[PATH_MAX];
    int file;
    file_path(token, name, path);
    BULLA_TRY(open_file(path, O_RDONLY, &file));
    if (file < 0)
        return bulla_refuse(BULLA_STORE_MISSING, "there is no %s", path);
    enum bulla_reason reason = read_all(path, file, bytes);
    (void)close(file);
    return reason;
}

/* --- writing --- */

static enum bulla_reason write_all(const char *path, int file, struct bulla_bytes bytes)
{
    for (size_t done = 0; done < bytes.size;) {
        ssize_t more = pwrite(file, bytes.data + done, bytes.size - done, (off_t)done);
        if (more <= 0)
            return refuse(path);
        done += (size_t)more;
    }
    return BULLA_OK;
}

static enum bulla_reason zero_from(const char *path, int file, size_t from)
{
    static const uint8_t zeros[512];
    struct stat status;
    if (fstat(file, &status) != 0)
        return refuse(path);
    for (off_t at = (off_t)from; at < status.st_size;) {
        off_t left = status.st_size - at;
        ssize_t more = pwrite(file, zeros, left < (off_t)sizeof zeros ? (size_t)left : sizeof zeros, at);
        if (more <= 0)
            return refuse(path);
        at += more;
    }
    return BULLA_OK;
}

static enum bulla_reason sync_file(const char *path, int file)
{
    return fdatasync(file) == 0 ? BULLA_OK : refuse(path);
}

static enum bulla_reason sync_folder(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum bulla_reason reason = folder >= 0 && fsync(folder) == 0 ? BULLA_OK : refuse(path);
    if (folder >= 0)
        (void)close(folder);
    return reason;
}

enum bulla_reason bulla_state_file_write(const struct bulla_token *token, const char *name, struct bulla_bytes bytes)
{
    char path[PATH_MAX];
    int file;
    bool made;
    file_path(token, name, path);
    BULLA_TRY(open_or_make(path, &file, &made));
    enum bulla_reason reason = write_all(path, file, bytes);
    if (reason == BULLA_OK)
        reason = zero_from(path, file, bytes.size);
    bulla_fault_point("states-file-written");
    if (reason == BULLA_OK)
        reason = sync_file(path, file);
    (void)close(file);
    return reason == BULLA_OK && made ? sync_folder(token->config->path) : reason;
}

enum bulla_reason bulla_state_file_wipe(const struct bulla_token *token, const char *name, bool durable)
{
    char path[PATH_MAX];
    int file;
    file_path(token, name, path);
    BULLA_TRY(open_file(path, O_WRONLY, &file));
    if (file < 0)
        return BULLA_OK;
    enum bulla_reason reason = zero_from(path, file, 0);
    if (reason == BULLA_OK && durable)
        reason = sync_file(path, file);
    (void)close(file);
    return reason;
}

void bulla_state_file_remove(const struct bulla_token *token, const char *name)
{
    char path[PATH_MAX];
    struct bulla_detail_kept detail;
    bulla_detail_keep(&detail);
    if (bulla_state_file_wipe(token, name, true) != BULLA_OK)
        bulla_detail_restore(&detail);
    file_path(token, name, path);
    (void)unlink(path);
}
