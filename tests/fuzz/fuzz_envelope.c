/* Evidence as it travels. What is read has one encoding; what is measured of it has the sizes that a receipt can name
 * or is refused; nothing of a refused one is left. */
#include "fuzz.h"

#include <string.h>

#include "evidence/receipt_measure.h"

static void try_measurements(const struct bulla_envelope *envelope)
{
    static struct bulla_claims claims;
    struct bulla_receipt receipt;
    if (bulla_evidence_measured(envelope, &claims) != BULLA_OK) {
        FUZZ_CHECK(claims.kind == BULLA_EVIDENCE_NONE && claims.measurement_count == 0);
        return;
    }
    FUZZ_CHECK(claims.kind == envelope->kind && claims.measurement_count <= BULLA_MEASUREMENTS);
    FUZZ_CHECK(!claims.pinned);
    if (bulla_receipt_measure(&claims, &receipt) == BULLA_OK)
        FUZZ_CHECK(receipt.measurement_count <= BULLA_RECEIPT_PCRS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t memory[1 << 16];
    struct bulla_envelope envelope;
    struct bulla_writer writer;
    struct bulla_bytes bytes = {data, size};
    if (bulla_envelope_read(bytes, &envelope) != BULLA_OK) {
        FUZZ_CHECK(envelope.kind == BULLA_EVIDENCE_NONE && envelope.document.data == NULL);
        return 0;
    }
    FUZZ_CHECK(envelope.document.size > 0);
    if (envelope.kind != BULLA_EVIDENCE_TPM) { /* which travels bare */
        bulla_writer_open(&writer, memory, sizeof memory);
        FUZZ_CHECK(bulla_envelope_write(&envelope, &writer) == BULLA_OK);
        FUZZ_CHECK(bulla_bytes_equal(bulla_writer_bytes(&writer), bytes));
    }
    try_measurements(&envelope);
    return 0;
}
