/* TPM evidence and the report in it. What is read as a document has one encoding, so writing it again gives the
 * same bytes; nothing verifies under a name that no key has. */
#include "fuzz.h"

#include "evidence/tpm_quote.h"

static void try_document(struct bulla_bytes bytes)
{
    const uint8_t no_name[34] = {0};
    uint8_t memory[BULLA_EVIDENCE_LARGEST];
    struct bulla_tpm_evidence evidence;
    struct bulla_tpm_claims claims;
    struct bulla_writer writer;
    if (bulla_tpm_evidence_read(bytes, &evidence) != BULLA_OK)
        return;
    bulla_writer_open(&writer, memory, sizeof memory);
    FUZZ_CHECK(bulla_tpm_evidence_write(&evidence, &writer) == BULLA_OK);
    FUZZ_CHECK(bulla_bytes_equal(bulla_writer_bytes(&writer), bytes));
    if (bulla_tpm_evidence_verify(&evidence, BULLA_UNPINNED, &claims) == BULLA_OK)
        FUZZ_CHECK(claims.pcr_mask == evidence.pcr_mask && claims.pcr_mask != 0);
    FUZZ_CHECK(bulla_tpm_evidence_verify(&evidence, BULLA_BYTES(no_name), &claims) != BULLA_OK);
    FUZZ_CHECK(claims.pcr_mask == 0);
}

static void try_report(struct bulla_bytes bytes)
{
    uint8_t memory[BULLA_REPORT_LARGEST];
    struct bulla_report report;
    struct bulla_writer writer;
    if (bulla_report_read(bytes, &report) != BULLA_OK)
        return;
    bulla_writer_open(&writer, memory, sizeof memory);
    FUZZ_CHECK(bulla_report_write(&report, &writer) == BULLA_OK);
    FUZZ_CHECK(bulla_bytes_equal(bulla_writer_bytes(&writer), bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bulla_bytes bytes = {data, size};
    try_document(bytes);
    try_report(bytes);
    return 0;
}
