/* Small files of a token's folder that are overwritten in place: what was in them before is not left in a log, a
 * journal of this program, or blocks that were given back. (What the file system and the medium keep is theirs.) */
#ifndef BULLA_CORE_STATES_FILE_H
#define BULLA_CORE_STATES_FILE_H

#include "crypto/bytes.h"

struct bulla_token;

/* BULLA_STORE_MISSING where there is none; BULLA_BUFFER_SMALL; BULLA_STORE_IO. */
enum bulla_reason bulla_state_file_read(
    const struct bulla_token *token, const char *name, struct bulla_writer *bytes) BULLA_MUST_USE;
/* These bytes, and zeros from there to the end of the file: it is made (0600) where there is none, grows, and never
 * shrinks. Durable when this returns, by one sync; by another of the folder where it was made. A crash leaves any
 * mixture of old and new, but not within a sector. BULLA_STORE_IO, BULLA_STORE_FULL. */
enum bulla_reason bulla_state_file_write(
    const struct bulla_token *token, const char *name, struct bulla_bytes bytes) BULLA_MUST_USE;
/* Zeros over all of it; whoever reads it from now on finds them, and `durable` waits until the disk has them. Where
 * there is no such file that is nothing. */
enum bulla_reason bulla_state_file_wipe(const struct bulla_token *token, const char *name, bool durable) BULLA_MUST_USE;
/* The same, as far as it can be, and the file is gone. */
void bulla_state_file_remove(const struct bulla_token *token, const char *name);

#endif
