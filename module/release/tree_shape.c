/* What a tree's shape says: whether it is one, whether every way to satisfy it passes an attesting leaf, whether all of
 * it can forget.
 *
 * A gate is monotone: more leaves never satisfy less. So some satisfying set has no attesting leaf exactly when the set
 * of all leaves that don't attest satisfies the tree, and one evaluation answers for all 2^n sets. */
#include "release/tree_shape.h"

#include "crypto/shamir.h"

/* The index after the subtree at `index`, or 0 when there is no tree. */
static unsigned check_node(const struct bulla_tree_shape *shape, unsigned index, unsigned depth)
{
    if (index >= shape->count)
        return 0;
    const struct bulla_tree_node *node = &shape->nodes[index++];
    if (node->scheme)
        return node->threshold == 0 && node->children == 0 ? index : 0;
    if (depth == BULLA_TREE_DEPTH || node->threshold < 1 || node->threshold > node->children ||
        node->children > BULLA_SHARES_LARGEST)
        return 0;
    for (unsigned child = 0; child < node->children && index > 0; child++)
        index = check_node(shape, index, depth + 1);
    return index;
}

enum bulla_reason bulla_tree_shape_check(const struct bulla_tree_shape *shape)
{
    if (shape->count > BULLA_TREE_NODES || shape->count == 0 || check_node(shape, 0, 0) != shape->count)
        return bulla_refuse(BULLA_ARGUMENT, "%u nodes that are no release tree", shape->count);
    return BULLA_OK;
}

/* Whether the leaves that don't attest satisfy the subtree at *index, which moves past it. */
static bool satisfied_without_evidence(const struct bulla_tree_shape *shape, unsigned *index)
{
    const struct bulla_tree_node *node = &shape->nodes[(*index)++];
    if (node->scheme)
        return !node->scheme->attests;
    unsigned satisfied = 0;
    for (unsigned child = 0; child < node->children; child++)
        satisfied += satisfied_without_evidence(shape, index);
    return satisfied >= node->threshold;
}

bool bulla_tree_attested(const struct bulla_tree_shape *shape)
{
    unsigned index = 0;
    return bulla_tree_shape_check(shape) == BULLA_OK && !satisfied_without_evidence(shape, &index);
}

bool bulla_tree_forgets(const struct bulla_tree_shape *shape)
{
    if (bulla_tree_shape_check(shape) != BULLA_OK)
        return false;
    for (unsigned i = 0; i < shape->count; i++)
        if (shape->nodes[i].scheme && !shape->nodes[i].scheme->forgets)
            return false;
    return true;
}
