/* Inside this room: the sealed form of a tree, read into a flat list, and what is bound to it.
 *
 *   sealed-tree = [1, part, tag]        part = [commitment, leaf | gate]
 *   leaf = [scheme, blob]               gate = [threshold, [part, …]]          (docs/formats.md, "Release tree")
 *
 * A part's path is "0" for the root and its parent's path, a dot and its number below: "0.2" is the root's third part.
 */
#ifndef BULLA_RELEASE_TREE_SEALED_H
#define BULLA_RELEASE_TREE_SEALED_H

#include "release/tree.h"

struct bulla_tree_record {
    struct bulla_tree_node node;
    struct bulla_bytes commitment; /* 32 bytes */
    struct bulla_bytes blob;       /* of a leaf */
    unsigned span;                 /* records of this subtree, itself included */
};

/* Views into the sealed bytes; records in prefix order. */
struct bulla_tree_sealed {
    struct bulla_tree_record records[BULLA_TREE_NODES];
    unsigned count;
    struct bulla_bytes part; /* the encoding that the tag covers */
    struct bulla_bytes tag;  /* 32 bytes */
};

enum bulla_reason bulla_tree_sealed_read(struct bulla_bytes bytes, struct bulla_tree_sealed *sealed) BULLA_MUST_USE;

/* What names a part's share, and what authenticates the whole tree once its secret is known. */
void bulla_tree_part_commit(const struct bulla_leaf_request *request, const char *path, const uint8_t share[static 32],
    uint8_t commitment[static 32]);
void bulla_tree_tag(const struct bulla_leaf_request *request, struct bulla_bytes part, const uint8_t secret[static 32],
    uint8_t tag[static 32]);

/* The path of the child at `number`; paths of trees within the bounds fit. */
void bulla_tree_path_child(const char *path, unsigned number, char child[static BULLA_LEAF_PATH_LARGEST]);

#endif
