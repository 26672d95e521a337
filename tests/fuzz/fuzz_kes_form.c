/* Signing keys as they come: what is taken has a depth that there is, and is the same key when it comes raw. */
#include "fuzz.h"

#include <string.h>

#include "crypto/arena.h"
#include "mech/kes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BULLA_SECRET uint8_t *raw = NULL;
    unsigned depth = 99, again = 99;
    FUZZ_CHECK(bulla_secret_allocate((size_t)2 * BULLA_KES_RAW_LARGEST, (void **)&raw) == BULLA_OK);
    if (bulla_kes_form_read((struct bulla_bytes){data, size}, BULLA_KES_DEPTH_ANY, raw, &depth) != BULLA_OK)
        return 0;
    FUZZ_CHECK(depth <= BULLA_KES_DEPTH_LARGEST);
    uint8_t *second = raw + BULLA_KES_RAW_LARGEST;
    const struct bulla_bytes key = {raw, bulla_kes_raw_size(depth)};
    FUZZ_CHECK(bulla_kes_form_read(key, (int)depth, second, &again) == BULLA_OK && again == depth);
    FUZZ_CHECK(memcmp(raw, second, key.size) == 0);
    return 0;
}
