/* Stored attributes: what decodes encodes to the same bytes, for there is one encoding; and the short way of reading
 * rows takes what decodes, nothing else, and as the same values. */
#include "fuzz.h"

#include <string.h>

#include "core/attributes.h"

static void read_as(struct bulla_bytes bytes, const struct bulla_attribute_list *list)
{
    struct bulla_attributes *read = NULL, *made = list ? bulla_attributes_make(list) : NULL;
    FUZZ_CHECK((bulla_attributes_read(bytes, &read) == BULLA_OK) == (list != NULL));
    FUZZ_CHECK(!list || (made && made->count == read->count));
    for (size_t i = 0; list && i < read->count; i++)
        FUZZ_CHECK(read->items[i].type == made->items[i].type &&
                   bulla_bytes_equal(read->items[i].value, made->items[i].value));
    bulla_attributes_free(read);
    bulla_attributes_free(made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[1 << 16];
    CK_ULONG numbers[BULLA_ATTRIBUTES_LARGEST];
    struct bulla_attribute_list list = {0};
    struct bulla_writer writer;
    bool decodes = bulla_attributes_decode((struct bulla_bytes){data, size}, numbers, &list) == BULLA_OK;
    read_as((struct bulla_bytes){data, size}, decodes ? &list : NULL);
    if (size > sizeof again || !decodes)
        return 0;
    bulla_writer_open(&writer, again, sizeof again);
    if (bulla_list_seals(&list))
        return 0; /* two halves then, each a part of the bytes */
    FUZZ_CHECK(bulla_attributes_encode(&list, false, &writer) == BULLA_OK);
    FUZZ_CHECK(writer.size == size && memcmp(again, data, size) == 0);
    return 0;
}
