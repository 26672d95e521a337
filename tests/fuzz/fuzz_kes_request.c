/* Requests to sign by a KES key (tools/kes_serve.h): a line of JSON that anybody at the socket may send. */
#include "fuzz.h"

#include "tools/kes_serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bulla_serve_request request;
    if (bulla_serve_request_read((struct bulla_bytes){data, size}, &request) != BULLA_OK)
        return 0;
    FUZZ_CHECK(size >= sizeof "{\"sign\":\"\"}" - 1 + 2 * request.size);
    FUZZ_CHECK(request.size <= BULLA_SERVE_MESSAGE);
    FUZZ_CHECK(!request.wants_period || request.period < BULLA_KES_PERIODS_LARGEST);
    FUZZ_CHECK(request.scheme < BULLA_KES_SCHEMES);
    return 0;
}
