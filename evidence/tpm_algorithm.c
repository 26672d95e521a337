#include "tpm_algorithm.h"

static const uint16_t algorithms[BULLA_HASHES] = {
    [BULLA_SHA1] = 0x0004,
    [BULLA_SHA256] = 0x000b,
    [BULLA_SHA384] = 0x000c,
    [BULLA_SHA512] = 0x000d,
};

bool bulla_tpm_hash(uint16_t algorithm, enum bulla_hash *hash)
{
    for (unsigned i = 0; i < BULLA_HASHES; i++) {
        *hash = (enum bulla_hash)i;
        if (algorithms[i] == algorithm)
            return true;
    }
    return false;
}

uint16_t bulla_tpm_hash_algorithm(enum bulla_hash hash)
{
    return (unsigned)hash < BULLA_HASHES ? algorithms[hash] : 0;
}
