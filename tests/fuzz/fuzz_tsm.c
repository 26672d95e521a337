/* The table of certificates that a host gives a guest of SEV-SNP. What is taken out of it was in it. */
#include "fuzz.h"

#include <string.h>

#include "enclave-backend/tsm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t certificates[BULLA_TSM_AUXILIARY_LARGEST];
    struct bulla_writer writer;
    bulla_writer_open(&writer, certificates, sizeof certificates);
    if (bulla_tsm_certificates((struct bulla_bytes){data, size}, &writer) != BULLA_OK)
        return 0;
    FUZZ_CHECK(writer.size <= sizeof certificates);
    FUZZ_CHECK(writer.size == 0 || memmem(data, size, certificates, 1) != NULL);
    return 0;
}
