/* Files that the programs read whole and write whole. */
#ifndef BULLA_TOOLS_FILE_H
#define BULLA_TOOLS_FILE_H

#include <sys/types.h>

#include "crypto/bytes.h"

/* malloc'd, the caller's to free; "-" is standard input. No other copy is left in this process's memory. BULLA_FILE,
 * BULLA_TOO_LARGE above `largest`. */
enum bulla_reason bulla_file_read(const char *path, size_t largest, uint8_t **data, size_t *size) BULLA_MUST_USE;
/* The same for a secret: into the arena, the caller's to bulla_secret_free; `largest` is what the arena holds at most.
 */
enum bulla_reason bulla_file_read_secret(const char *path, size_t largest, uint8_t **data, size_t *size) BULLA_MUST_USE;
/* Wipes and frees; NULL is nothing. */
void bulla_file_free(uint8_t *data, size_t size);
/* "-", which is standard output where a file is written. */
bool bulla_file_is_output(const char *path);
/* What people call it: "standard output" instead of "-". */
const char *bulla_file_shown(const char *path);
/* A temporary file beside it, fsync, rename, fsync of the folder: afterwards the path holds the old or the new bytes.
 * Of an existing file only the name is kept; a link's target is replaced, a device or pipe is written to, unless it is
 * a named pipe of another user's. Before standard output, "-" or the pipe that it is, is written to, it is given up for
 * that (bulla_output_give). BULLA_FILE, BULLA_STORE_FULL. */
enum bulla_reason bulla_file_write(const char *path, mode_t mode, struct bulla_bytes bytes) BULLA_MUST_USE;
/* As above, but refuses when there is a file already. */
enum bulla_reason bulla_file_create(const char *path, mode_t mode, struct bulla_bytes bytes) BULLA_MUST_USE;

/* The same in steps, for what does not fit in memory. */
struct bulla_file_writer {
    int file; /* -1: closed */
    char path[4096], temporary[4096];
};
/* Removes from the folder the temporary files of killed processes, for names that end so ("" is every name): those that
 * no living process holds. */
void bulla_file_leftovers_remove(const char *folder, const char *name_end);
/* Makes the temporary file ("<folder>/.<name>.XXXXXX"), which is held until the writer is closed, after removing those
 * of this name that a killed process left. */
enum bulla_reason bulla_file_writer_open(
    struct bulla_file_writer *writer, const char *path, mode_t mode) BULLA_MUST_USE;
/* Claims the space, where the file system can, so that a full disk shows before the work. */
enum bulla_reason bulla_file_writer_reserve(struct bulla_file_writer *writer, uint64_t size) BULLA_MUST_USE;
enum bulla_reason bulla_file_writer_put(struct bulla_file_writer *writer, struct bulla_bytes bytes) BULLA_MUST_USE;
/* Durable under its name when this returns. Closes the writer either way; on refusal nothing of it is left, and what
 * had the name before has it still. */
enum bulla_reason bulla_file_writer_finish(struct bulla_file_writer *writer) BULLA_MUST_USE;
/* Removes the temporary file; nothing when the writer is closed. */
void bulla_file_writer_drop(struct bulla_file_writer *writer);

#endif
