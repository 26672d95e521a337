/* The leaf "passphrase": a share in a box whose key is Argon2id of the request's passphrase.
 *
 *   blob = 0x01 ‖ u32 passes ‖ u64 memory in bytes ‖ salt (16) ‖ box (crypto/cipher.h)
 *
 * The box's AAD is what stands before the box and everything that the request binds: token, object, path, authority,
 * policyRef. It attests nothing, and what it sealed opens for ever to whoever has a copy of it and the passphrase. */
#ifndef BULLA_RELEASE_PASSPHRASE_H
#define BULLA_RELEASE_PASSPHRASE_H

#include "release/leaf.h"

/* Opening: BULLA_PASSPHRASE_NEEDED without one; BULLA_PASSPHRASE_WRONG for another, or for a blob of another place
 * (nothing tells them apart); BULLA_AUTHENTICATION for a changed box; BULLA_UNSUPPORTED for excessive parameters. */
extern const struct bulla_leaf_scheme bulla_passphrase_leaf;

#endif
