/* The table behind carried.h. */
#ifndef BULLA_TOOLS_CARRIED_TABLE_H
#define BULLA_TOOLS_CARRIED_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "bulla_pkcs11.h"

enum bulla_carried_role {
    BULLA_CARRIED_PLAIN,  /* goes into every template */
    BULLA_CARRIED_PART,   /* of the key: not into the template of C_UnwrapKey, which brings it */
    BULLA_CARRIED_SECRET, /* likewise; without it the key can't be created elsewhere */
    BULLA_CARRIED_READ,   /* tells objects apart, and is no template's matter */
};

struct bulla_carried_row {
    CK_ATTRIBUTE_TYPE type;
    unsigned classes; /* a bit for each */
    unsigned types;   /* of keys, a bit for each; 0: of all */
    enum bulla_carried_role role;
    bool told; /* two objects that differ here are two objects */
};

const struct bulla_carried_row *bulla_carried_rows(size_t *count);
bool bulla_carried_row_fits(const struct bulla_carried_row *row, CK_OBJECT_CLASS class, CK_KEY_TYPE type);
bool bulla_carried_is_key(CK_OBJECT_CLASS class);
bool bulla_carried_is_known(CK_OBJECT_CLASS class, CK_KEY_TYPE type);

#endif
