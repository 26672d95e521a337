/* Release trees: a 32-byte secret under k-of-n gates (DESIGN: Keys and release trees; docs/formats.md, "Release tree").
 *
 *   tree = leaf | gate        gate = k of [tree, …]: Shamir over the gate's secret, with a commitment for each part
 *   text: "tpm", "passphrase", "2 of (tpm, keeper:a, 1 of (passphrase, tpm))"; "a and b" is not a form
 */
#ifndef BULLA_RELEASE_TREE_H
#define BULLA_RELEASE_TREE_H

#include "release/leaf.h"

enum { BULLA_TREE_LARGEST = 16384, BULLA_TREE_NODES = 64, BULLA_TREE_DEPTH = 4 };

/* The shape of a tree in memory, leaves and gates in prefix order. */
struct bulla_tree_node {
    const struct bulla_leaf_scheme *scheme; /* NULL: a gate */
    unsigned threshold, children;           /* of a gate */
};
struct bulla_tree_shape {
    struct bulla_tree_node nodes[BULLA_TREE_NODES];
    unsigned count;
};

/* BULLA_TREE_SYNTAX with the column, BULLA_LEAF_UNKNOWN with the name. Writes back canonically. */
enum bulla_reason bulla_tree_parse(const char *text, struct bulla_tree_shape *shape) BULLA_MUST_USE;
enum bulla_reason bulla_tree_print(const struct bulla_tree_shape *shape, char *text, size_t size) BULLA_MUST_USE;
/* Every satisfying set of leaves has an attesting leaf. */
bool bulla_tree_attested(const struct bulla_tree_shape *shape);
/* Every leaf can forget: what keys with state demand. */
bool bulla_tree_forgets(const struct bulla_tree_shape *shape);

/* Appends the sealed tree (deterministic CBOR) to `out`, or nothing when refused (but see bytes.h for
 * BULLA_BUFFER_SMALL). BULLA_ARGUMENT for a shape that is no tree, for a request without a purpose, and for a PIN's
 * tree with more than one leaf that takes the PIN; a leaf's refusal is passed on. `request->path` is not read: the
 * leaves get theirs, "0" for the root and "0.2" for its third part. */
enum bulla_reason bulla_tree_seal(const struct bulla_tree_shape *shape, const struct bulla_leaf_request *request,
    const uint8_t secret[static 32], struct bulla_writer *out) BULLA_MUST_USE;
/* Opens as many leaves as it takes, in their order, and stops where a gate can no longer be satisfied; on refusal the
 * detail lists each leaf that failed with its path, scheme and reason's code. One leaf alone keeps its own reason
 * (BULLA_TPM_PCR, BULLA_PIN_WRONG …, BULLA_SHARE_WRONG for a share that is not its commitment's), several become
 * BULLA_NOT_RELEASED. The secret is checked against the root's commitment, and with it every byte of the tree:
 * BULLA_AUTHENTICATION. Wiped on refusal. */
enum bulla_reason bulla_tree_open(
    struct bulla_bytes sealed, const struct bulla_leaf_request *request, uint8_t secret[static 32]) BULLA_MUST_USE;
/* Whether the request's passphrase is that of each leaf which opens with one: before an object is sealed anew under it.
 * The leaf's reason (BULLA_PASSPHRASE_WRONG, BULLA_PASSPHRASE_NEEDED), or BULLA_SHARE_WRONG. */
enum bulla_reason bulla_tree_passphrase_check(
    struct bulla_bytes sealed, const struct bulla_leaf_request *request) BULLA_MUST_USE;
enum bulla_reason bulla_tree_shape_read(struct bulla_bytes sealed, struct bulla_tree_shape *shape) BULLA_MUST_USE;

#endif
