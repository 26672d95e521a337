#include "turn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 30000, NAP = 10 }; /* milliseconds: several processes, each with a slow TPM */

static enum bulla_reason wait_for(const char *path, int file)
{
    const struct timespec nap = {.tv_nsec = NAP * 1000000L};
    for (int waited = 0; flock(file, LOCK_EX | LOCK_NB) != 0; waited += NAP) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return bulla_refuse(BULLA_STORE_IO, "%s: %s", path, strerror(errno));
        if (waited >= LONGEST)
            return bulla_refuse(BULLA_STORE_BUSY, "%s: another process keeps its turn for long", path);
        (void)nanosleep(&nap, NULL);
    }
    return BULLA_OK;
}

/* A umask may have taken the owner's bits from a file that is new, and nobody could open it again. */
static enum bulla_reason settle_mode(const char *path, int file)
{
    struct stat status;
    if (fstat(file, &status) == 0 && ((status.st_mode & 0600) == 0600 || fchmod(file, 0600) == 0))
        return BULLA_OK;
    return bulla_refuse(BULLA_STORE_IO, "%s: %s", path, strerror(errno));
}

enum bulla_reason bulla_turn_take(const char *folder, const char *name, struct bulla_turn *turn)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    turn->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (turn->file < 0) {
        bool closed = errno == EROFS || errno == EACCES || errno == EPERM;
        return bulla_refuse(closed ? BULLA_STORE_READ_ONLY : BULLA_STORE_IO, "%s: %s", path, strerror(errno));
    }
    enum bulla_reason reason = settle_mode(path, turn->file);
    if (reason == BULLA_OK)
        reason = wait_for(path, turn->file);
    if (reason != BULLA_OK) {
        (void)close(turn->file);
        turn->file = -1;
    }
    return reason;
}

/* The lock is given back by name: a child that was forked meanwhile has the file open too, and would keep it. */
void bulla_turn_give(struct bulla_turn *turn)
{
    if (turn->file < 0)
        return;
    (void)flock(turn->file, LOCK_UN);
    (void)close(turn->file);
    turn->file = -1;
}
