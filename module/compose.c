/* The only file that names the leaves, the families and the backend. */
#include "mech/mechanism.h"
#include "release/backend.h"
#include "release/leaf.h"
#include "release/passphrase.h"

const struct bulla_leaf_scheme *const bulla_leaf_schemes[] = {
    &bulla_passphrase_leaf,
    NULL,
};

const struct bulla_family *const bulla_families[] = {
    NULL,
};

const struct bulla_backend *const bulla_token_backend = NULL;
