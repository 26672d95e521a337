#include "release/leaf.h"

const struct bulla_leaf_scheme *bulla_leaf_scheme_find(struct bulla_bytes name)
{
    for (const struct bulla_leaf_scheme *const *scheme = bulla_leaf_schemes; *scheme; scheme++)
        if (bulla_bytes_equal_text(name, (*scheme)->name))
            return *scheme;
    return NULL;
}
