/* Requests: whatever is accepted can be walked, text by text, inside the bytes that were given. */
#include "fuzz.h"

#include "mech/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bulla_request request;
    struct bulla_bytes text;
    size_t seen = 0;
    if (bulla_request_read((struct bulla_bytes){data, size}, &request) != BULLA_OK)
        return 0;
    FUZZ_CHECK(request.count >= 1 && request.count <= BULLA_REQUEST_TEXTS);
    FUZZ_CHECK(request.nonce.size == 0 || (request.nonce.size >= 8 && request.nonce.size <= 64));
    struct bulla_request_walk walk = bulla_request_texts(&request);
    while (bulla_request_next(&walk, &text)) {
        FUZZ_CHECK(text.size == 0 || (text.data >= data && text.data + text.size <= data + size));
        seen++;
    }
    FUZZ_CHECK(seen == request.count);
    return 0;
}
