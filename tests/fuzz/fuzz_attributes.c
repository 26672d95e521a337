/* Stored attributes: what decodes encodes to the same bytes, for rows are authenticated by encoding them again. */
#include "fuzz.h"

#include <string.h>

#include "core/attributes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[1 << 16];
    CK_ULONG numbers[BULLA_ATTRIBUTES_LARGEST];
    struct bulla_attribute_list list = {0};
    struct bulla_writer writer;
    if (size > sizeof again || bulla_attributes_decode((struct bulla_bytes){data, size}, numbers, &list) != BULLA_OK)
        return 0;
    bulla_writer_open(&writer, again, sizeof again);
    if (bulla_list_seals(&list))
        return 0; /* two halves then, each a part of the bytes */
    FUZZ_CHECK(bulla_attributes_encode(&list, false, &writer) == BULLA_OK);
    FUZZ_CHECK(writer.size == size && memcmp(again, data, size) == 0);
    return 0;
}
