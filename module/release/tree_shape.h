/* Inside this room: shapes that were made by hand or come from a file are checked before they are walked. */
#ifndef BULLA_RELEASE_TREE_SHAPE_H
#define BULLA_RELEASE_TREE_SHAPE_H

#include "release/tree.h"

/* BULLA_ARGUMENT unless the nodes are exactly one tree in prefix order within the bounds of tree.h. */
enum bulla_reason bulla_tree_shape_check(const struct bulla_tree_shape *shape) BULLA_MUST_USE;

#endif
