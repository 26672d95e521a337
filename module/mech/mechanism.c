#include "mechanism.h"

const struct bulla_mechanism *bulla_mechanism_find(CK_MECHANISM_TYPE type)
{
    for (size_t i = 0; bulla_families[i]; i++)
        for (size_t j = 0; j < bulla_families[i]->count; j++)
            if (bulla_families[i]->mechanisms[j].type == type)
                return &bulla_families[i]->mechanisms[j];
    return NULL;
}
