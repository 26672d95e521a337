/* The NSM's answers. What is taken is within its bounds, a refusal leaves nothing, and an answer is to one request. */
#include "fuzz.h"

#include <string.h>

#include "enclave-backend/nsm.h"

static bool try_description(struct bulla_bytes bytes)
{
    static const struct bulla_nsm_description nothing;
    struct bulla_nsm_description description;
    if (bulla_nsm_description_read(bytes, &description) != BULLA_OK) {
        FUZZ_CHECK(memcmp(&description, &nothing, sizeof nothing) == 0);
        return false;
    }
    FUZZ_CHECK(description.pcrs >= 1 && description.pcrs <= BULLA_NSM_PCRS);
    FUZZ_CHECK(strlen(description.module_id) >= 1 && strlen(description.digest) >= 1);
    return true;
}

static bool try_pcr(struct bulla_bytes bytes)
{
    struct bulla_nsm_pcr pcr;
    if (bulla_nsm_pcr_read(bytes, &pcr) != BULLA_OK) {
        FUZZ_CHECK(pcr.size == 0 && !pcr.locked);
        return false;
    }
    FUZZ_CHECK(pcr.size == 32 || pcr.size == 48 || pcr.size == 64);
    return true;
}

static bool try_document(struct bulla_bytes bytes)
{
    struct bulla_bytes document;
    if (bulla_nsm_document_read(bytes, &document) != BULLA_OK) {
        FUZZ_CHECK(document.data == NULL);
        return false;
    }
    FUZZ_CHECK(document.size >= 1 && document.data > bytes.data);
    FUZZ_CHECK(document.data + document.size <= bytes.data + bytes.size);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bulla_bytes bytes = {data, size};
    int taken = try_description(bytes) + try_pcr(bytes) + try_document(bytes);
    FUZZ_CHECK(taken <= 1);
    return 0;
}
