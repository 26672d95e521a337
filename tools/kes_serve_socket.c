/* A place for a socket that nobody else can take: every folder above it belongs to this user or to root, and others may
 * write only where they can't remove what is not theirs (the sticky bit of /tmp). While the place is looked at and
 * taken, its folder is locked, so that of two servers that start at once one finds the other. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "kes_serve.h"

static enum bulla_reason refuse_file(const char *path)
{
    return bulla_refuse(BULLA_FILE, "%.200s: %s", path, strerror(errno));
}

static enum bulla_reason check_folder(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return refuse_file(path);
    bool owned = status.st_uid == geteuid() || status.st_uid == 0;
    bool open = (status.st_mode & (S_IWGRP | S_IWOTH)) && !(status.st_mode & S_ISVTX);
    if (!owned || open)
        return bulla_refuse(BULLA_FILE, "others could put a socket of their own in place of this one: %.200s is %s",
            path, owned ? "theirs to write" : "another user's");
    return BULLA_OK;
}

/* `folder` is cut down to "/". */
static enum bulla_reason check_folders(char *folder)
{
    BULLA_TRY(check_folder(folder));
    for (char *end = strrchr(folder, '/'); end && folder[1]; end = strrchr(folder, '/')) {
        end[end == folder] = '\0';
        BULLA_TRY(check_folder(folder));
    }
    return BULLA_OK;
}

/* The folder, locked until it is closed. */
static enum bulla_reason open_folder(const char *path, int *file)
{
    char copy[PATH_MAX], whole[PATH_MAX];
    (void)snprintf(copy, sizeof copy, "%s", path);
    const char *folder = dirname(copy);
    if (!realpath(folder, whole))
        return refuse_file(folder);
    *file = open(whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*file < 0)
        return refuse_file(whole);
    BULLA_TRY(check_folders(whole));
    return flock(*file, LOCK_EX) == 0 ? BULLA_OK : refuse_file(folder);
}

static enum bulla_reason remove_stale(const struct sockaddr_un *address)
{
    struct stat status;
    const char *path = address->sun_path;
    if (lstat(path, &status) != 0)
        return errno == ENOENT ? BULLA_OK : refuse_file(path);
    if (!S_ISSOCK(status.st_mode) || status.st_uid != geteuid())
        return bulla_refuse(BULLA_FILE, "%.200s exists, and is not a socket of this user", path);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return refuse_file(path);
    bool stale = connect(probe, (const struct sockaddr *)address, sizeof *address) != 0 && errno == ECONNREFUSED;
    (void)close(probe);
    if (!stale)
        return bulla_refuse(BULLA_FILE, "%.200s is served by another process", path);
    return unlink(path) == 0 ? BULLA_OK : refuse_file(path);
}

static enum bulla_reason take(struct bulla_serve_socket *place, const struct sockaddr_un *address)
{
    BULLA_TRY(remove_stale(address));
    place->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (place->listener < 0)
        return refuse_file(place->path);
    mode_t before = umask(0177);
    int bound = bind(place->listener, (const struct sockaddr *)address, sizeof *address);
    (void)umask(before);
    if (bound != 0 || lstat(place->path, &place->place) != 0)
        return refuse_file(place->path);
    return listen(place->listener, SOMAXCONN) == 0 ? BULLA_OK : refuse_file(place->path);
}

enum bulla_reason bulla_serve_listen(struct bulla_serve_socket *place, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int folder = -1;
    if (strlen(path) >= sizeof address.sun_path)
        return bulla_refuse(BULLA_ARGUMENT, "the path of a socket has at most %zu bytes", sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    place->path = path;
    enum bulla_reason reason = open_folder(path, &folder);
    if (reason == BULLA_OK)
        reason = take(place, &address);
    if (folder >= 0)
        (void)close(folder);
    return reason;
}

void bulla_serve_unlisten(struct bulla_serve_socket *place)
{
    struct stat status;
    if (place->listener < 0)
        return;
    if (lstat(place->path, &status) == 0 && status.st_ino == place->place.st_ino &&
        status.st_dev == place->place.st_dev)
        (void)unlink(place->path);
    (void)close(place->listener);
    place->listener = -1;
}
