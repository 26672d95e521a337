#include "mechanism.h"

#include <sodium.h>
#include <stdio.h>

#include "crypto/cbor_scalar.h"
#include "evidence/plain_text.h"

const struct bulla_mechanism *bulla_mechanism_find(CK_MECHANISM_TYPE type)
{
    for (size_t i = 0; bulla_families[i]; i++)
        for (size_t j = 0; j < bulla_families[i]->count; j++)
            if (bulla_families[i]->mechanisms[j].type == type)
                return &bulla_families[i]->mechanisms[j];
    return NULL;
}

void bulla_key_name(const struct bulla_key *key, char name[static BULLA_KEY_NAME])
{
    enum { ID_SHOWN = (BULLA_KEY_NAME - 1) / 2 };
    if (key->label.size && key->label.size < BULLA_KEY_NAME && bulla_utf8_valid(key->label) &&
        bulla_text_is_plain(key->label)) {
        (void)snprintf(name, BULLA_KEY_NAME, "%.*s", (int)key->label.size, (const char *)key->label.data);
        return;
    }
    (void)sodium_bin2hex(name, BULLA_KEY_NAME, key->id.data, key->id.size < ID_SHOWN ? key->id.size : ID_SHOWN);
}
