/* What has to hold of a folder before a token is trusted to it.
 *
 * The folder belongs to the effective user and nobody else may enter it; then nobody else can change what is in it
 * between a check and a use, and its files are checked by path. The folder itself is opened first, without following a
 * link, and all that is asked of it is asked of that descriptor. Its parents may be symbolic links and may belong to
 * others (/tmp, /home): whoever renames the folder away can only put another folder of the same user in its place.
 *
 * token.db is only ever examined with stat: opening and closing a file drops every POSIX lock that this process has on
 * it, and SQLite's locks are such. The lock for creation and migration is a flock of the folder, which SQLite never
 * takes.
 *
 * A network file system keeps neither locks nor shared mappings coherent between machines. FUSE says nothing about what
 * is behind it, so mountinfo is asked for the program, and only those known to be local are taken. */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "inside.h"

/* statfs(2), linux/magic.h and the file systems' own sources. */
static const struct {
    unsigned long type;
    const char *name;
} refused_filesystems[] = {
    {0x6969UL, "NFS"},
    {0x517bUL, "SMB"},
    {0xfe534d42UL, "SMB2"},
    {0xff534d42UL, "CIFS"},
    {0x01021997UL, "9p"},
    {0x564cUL, "NCP"},
    {0x5346414fUL, "AFS"},
    {0x6b414653UL, "kAFS"},
    {0x73757245UL, "Coda"},
    {0x00c36400UL, "Ceph"},
    {0x7461636fUL, "OCFS2"},
    {0x01161970UL, "GFS2"},
    {0x0bd00bd0UL, "Lustre"},
    {0x47504653UL, "GPFS"},
    {0x19830326UL, "BeeGFS"},
    {0x20030528UL, "OrangeFS"},
    {0x786f4256UL, "vboxsf"},
    {0xbacbacbcUL, "vmhgfs"},
    {0x7c7c6673UL, "prl_fs"},
    {0x65735546UL, "FUSE"},
};
enum { FUSE_TYPE = 0x65735546 };

static const char *const local_fuse[] = {
    "fuse.bindfs",
    "fuse.cryfs",
    "fuse.encfs",
    "fuse.fuse-overlayfs",
    "fuse.gocryptfs",
    "fuse.securefs",
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

const char *bulla_filesystem_refused(unsigned long type)
{
    for (size_t i = 0; i < COUNT(refused_filesystems); i++)
        if (refused_filesystems[i].type == (type & 0xffffffffUL))
            return refused_filesystems[i].name;
    return NULL;
}

bool bulla_filesystem_is_local_fuse(const char *name)
{
    for (size_t i = 0; i < COUNT(local_fuse); i++)
        if (strcmp(local_fuse[i], name) == 0)
            return true;
    return false;
}

enum bulla_reason bulla_folder_refuse(const char *what, const char *path)
{
    static const struct {
        int error;
        enum bulla_reason reason;
    } rows[] = {
        {ENOENT, BULLA_STORE_MISSING},
        {ENOTDIR, BULLA_STORE_MISSING},
        {EACCES, BULLA_STORE_PERMISSION},
        {EPERM, BULLA_STORE_PERMISSION},
        {ELOOP, BULLA_STORE_PERMISSION},
        {EROFS, BULLA_STORE_READ_ONLY},
        {ENOSPC, BULLA_STORE_FULL},
        {EDQUOT, BULLA_STORE_FULL},
        {EFBIG, BULLA_STORE_FULL},
        {ENAMETOOLONG, BULLA_ARGUMENT},
        {ENOMEM, BULLA_OUT_OF_MEMORY},
    };
    int error = errno;
    enum bulla_reason reason = BULLA_STORE_IO;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].error == error)
            reason = rows[i].reason;
    return bulla_refuse(reason, "cannot %s %s: %s", what, path, strerror(error)); /* NOLINT: one thread per store */
}

/* Finds the type of the file system with this device in mountinfo: "36 35 98:0 /mnt1 /mnt2 rw - ext3 /dev/root rw". */
static bool mounted_as_local_fuse(dev_t device)
{
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    char *line = NULL;
    size_t size = 0;
    bool local = false;
    while (mounts && !local && getline(&line, &size, mounts) > 0) {
        unsigned high = 0;
        unsigned low = 0;
        char type[64] = "";
        const char *tail = strstr(line, " - ");
        if (tail && sscanf(line, "%*s %*s %u:%u", &high, &low) == 2 && sscanf(tail, " - %63s", type) == 1 &&
            makedev(high, low) == device)
            local = bulla_filesystem_is_local_fuse(type);
    }
    free(line);
    if (mounts)
        (void)fclose(mounts);
    return local;
}

static enum bulla_reason check_filesystem(int folder, dev_t device, const char *path)
{
    struct statfs system;
    if (fstatfs(folder, &system) != 0)
        return bulla_folder_refuse("examine the file system of", path);
    unsigned long type = (unsigned long)system.f_type & 0xffffffffUL;
    const char *name = bulla_filesystem_refused(type);
    if (name && !(type == FUSE_TYPE && mounted_as_local_fuse(device)))
        return bulla_refuse(BULLA_STORE_NETWORK, "%s is on a network file system (%s)", path, name);
    return BULLA_OK;
}

static enum bulla_reason check_owner(const struct stat *status, const char *path)
{
    if (status->st_uid != geteuid())
        return bulla_refuse(BULLA_STORE_PERMISSION, "%s belongs to user %u, not to %u", path, (unsigned)status->st_uid,
            (unsigned)geteuid());
    if (status->st_mode & 077)
        return bulla_refuse(
            BULLA_STORE_PERMISSION, "%s has mode %04o: open to others", path, (unsigned)status->st_mode & 07777);
    return BULLA_OK;
}

static enum bulla_reason check_file(int folder, const char *folder_path, const char *name)
{
    char path[PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/%s", folder_path, name);
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? BULLA_OK : bulla_folder_refuse("examine", path);
    if (!S_ISREG(status.st_mode))
        return bulla_refuse(BULLA_STORE_PERMISSION, "%s is not a regular file", path);
    BULLA_TRY(check_owner(&status, path));
    if (faccessat(folder, name, R_OK | W_OK, AT_EACCESS) != 0)
        return bulla_refuse(BULLA_STORE_READ_ONLY, "%s cannot be written", path);
    return BULLA_OK;
}

static enum bulla_reason check_folder(const char *path, int folder)
{
    static const char *const files[] = {"token.db", "token.db-wal", "token.db-shm", "token.db-journal", "generation"};
    struct stat status;
    if (fstat(folder, &status) != 0)
        return bulla_folder_refuse("examine", path);
    BULLA_TRY(check_owner(&status, path));
    BULLA_TRY(check_filesystem(folder, status.st_dev, path));
    if (faccessat(folder, ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0)
        return bulla_refuse(BULLA_STORE_READ_ONLY, "%s cannot be written", path);
    for (size_t i = 0; i < COUNT(files); i++)
        BULLA_TRY(check_file(folder, path, files[i]));
    return BULLA_OK;
}

/* The last component must be a folder, not a link to one; "folder/" would have the kernel follow the link. */
static enum bulla_reason plain_path(const char *path, char plain[static PATH_MAX])
{
    size_t size = strlen(path);
    if (size == 0 || size >= PATH_MAX)
        return bulla_refuse(BULLA_ARGUMENT, "the path of a store has %zu bytes", size);
    memcpy(plain, path, size + 1);
    while (size > 1 && plain[size - 1] == '/')
        plain[--size] = '\0';
    return BULLA_OK;
}

enum bulla_reason bulla_folder_open(const char *path, char real[static PATH_MAX], int *folder)
{
    char plain[PATH_MAX];
    char linked[64];
    BULLA_TRY(plain_path(path, plain));
    *folder = open(plain, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*folder < 0 && errno == ENOTDIR) {
        struct stat status;
        errno = lstat(plain, &status) == 0 && S_ISLNK(status.st_mode) ? ELOOP : ENOTDIR;
    }
    if (*folder < 0)
        return bulla_folder_refuse("open", plain);
    enum bulla_reason reason = check_folder(plain, *folder);
    (void)snprintf(linked, sizeof linked, "/proc/self/fd/%d", *folder);
    /* By the descriptor where /proc is there, so that it is this very folder; else by its path. */
    if (reason == BULLA_OK && !realpath(linked, real) && !realpath(plain, real))
        reason = bulla_folder_refuse("resolve", plain);
    if (reason == BULLA_OK && strlen(real) + 32 > PATH_MAX)
        reason = bulla_refuse(BULLA_ARGUMENT, "%.64s… is too long a path for a store", real);
    if (reason != BULLA_OK) {
        (void)close(*folder);
        *folder = -1;
    }
    return reason;
}

/* The parent's entry for the folder is synced as well: a folder that vanishes with the power holds no token. */
static enum bulla_reason sync_parent(const char *path)
{
    char parent[PATH_MAX + 4];
    (void)snprintf(parent, sizeof parent, "%s/..", path);
    int file = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* A parent that we may write but not read can't be synced by us; the folder is there all the same. */
    if (file < 0)
        return errno == EACCES ? BULLA_OK : bulla_folder_refuse("open", parent);
    enum bulla_reason reason = bulla_folder_sync(file);
    (void)close(file);
    return reason;
}

enum bulla_reason bulla_folder_make(const char *path)
{
    char plain[PATH_MAX];
    BULLA_TRY(plain_path(path, plain));
    if (mkdir(plain, 0700) != 0)
        return errno == EEXIST ? BULLA_OK : bulla_folder_refuse("make", plain);
    if (chmod(plain, 0700) != 0) /* a umask may have taken the owner's bits */
        return bulla_folder_refuse("set the mode of", plain);
    return sync_parent(plain);
}

enum bulla_reason bulla_folder_lock(int folder)
{
    const struct timespec nap = {.tv_nsec = 10000000};
    for (int waited = 0; flock(folder, LOCK_EX | LOCK_NB) != 0; waited += 10) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return bulla_folder_refuse("lock", "the folder");
        if (waited >= BULLA_STORE_TIMEOUT)
            return bulla_refuse(BULLA_STORE_BUSY, "another process creates or migrates this store");
        (void)nanosleep(&nap, NULL);
    }
    return BULLA_OK;
}

enum bulla_reason bulla_folder_file_make(int folder, const char *name)
{
    int file = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0)
        return bulla_folder_refuse("make", name);
    enum bulla_reason reason = fchmod(file, 0600) == 0 ? BULLA_OK : bulla_folder_refuse("set the mode of", name);
    (void)close(file);
    return reason;
}

enum bulla_reason bulla_folder_sync(int folder)
{
    return fsync(folder) == 0 ? BULLA_OK : bulla_folder_refuse("sync", "the folder");
}
