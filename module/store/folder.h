/* The folder of a token: whether it can be trusted with one, and the files in it. */
#ifndef BULLA_STORE_FOLDER_H
#define BULLA_STORE_FOLDER_H

#include <limits.h>
#include <stdbool.h>

#include "crypto/reason.h"

/* Why a file system of this kind (statfs f_type) can't hold a store: its name, or NULL when it can. FUSE has a name
 * here too; whether the program behind it is a local one is asked of bulla_filesystem_is_local_fuse. */
const char *bulla_filesystem_refused(unsigned long type);
/* For the fstype field of mountinfo: "fuse.gocryptfs". Only programs known to be local are. */
bool bulla_filesystem_is_local_fuse(const char *name);

/* Makes the folder, 0700 under any umask, if it is not there; durable when this returns. */
enum bulla_reason bulla_folder_make(const char *path) BULLA_MUST_USE;
/* Refuses a folder that is missing, a symbolic link, someone else's, open to others, read-only or on a network file
 * system, and wrong owners, modes and kinds of the store's own files. `real` is its path without symbolic links (those
 * of its parents are followed), `folder` a descriptor of it, which the caller closes. */
enum bulla_reason bulla_folder_open(const char *path, char real[static PATH_MAX], int *folder) BULLA_MUST_USE;
/* Serialises creation and migration between processes; BULLA_STORE_BUSY after the store's timeout. Closing unlocks. */
enum bulla_reason bulla_folder_lock(int folder) BULLA_MUST_USE;
/* An empty file, 0600 under any umask; it must not exist. */
enum bulla_reason bulla_folder_file_make(int folder, const char *name) BULLA_MUST_USE;
enum bulla_reason bulla_folder_sync(int folder) BULLA_MUST_USE;
/* Refuses as reading errno suggests, with `what` and the path in the detail. */
enum bulla_reason bulla_folder_refuse(const char *what, const char *path) BULLA_MUST_USE;

#endif
