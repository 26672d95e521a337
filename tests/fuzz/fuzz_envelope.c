/* Evidence as it travels, and bare documents. What is read has one encoding; what is measured of it has the sizes that
 * a receipt can name or is refused; nothing of a refused one is left. Then it is judged, and whatever comes of it is an
 * attestation result in JSON. */
#include "fuzz.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/judgement.h"
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

static void try_json(const struct bulla_attestation_result *result)
{
    char *text = bulla_ear_json(result, true);
    FUZZ_CHECK(text != NULL);
    json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    FUZZ_CHECK(document != NULL);
    FUZZ_CHECK(json_object_get(document, "submods") != NULL);
    json_decref(document);
    free(text);
}

/* Nobody pinned anything: of what a fuzzer makes only AWS's, AMD's and Intel's own documents can be accepted. */
static void try_judging(struct bulla_bytes bytes)
{
    static struct bulla_attestation_result result;
    const struct bulla_judgement judgement = {.evidence = bytes, .now = 1795694400, .at_its_own_time = true};
    enum bulla_reason reason = bulla_evidence_judge(&judgement, &result);
    FUZZ_CHECK(reason == result.reason && !result.appraised);
    FUZZ_CHECK((reason == BULLA_OK) == (result.tier != BULLA_TIER_CONTRA));
    if (reason == BULLA_OK)
        FUZZ_CHECK(result.claims.pinned && !result.claims.debug && result.claims.kind == result.kind);
    if (result.claims.kind == BULLA_EVIDENCE_NONE)
        FUZZ_CHECK(!result.reported && result.claims.measurement_count == 0);
    try_json(&result);
}

static void try_envelope(struct bulla_bytes bytes)
{
    static uint8_t memory[1 << 16];
    struct bulla_envelope envelope;
    struct bulla_writer writer;
    if (bulla_envelope_read(bytes, &envelope) != BULLA_OK) {
        FUZZ_CHECK(envelope.kind == BULLA_EVIDENCE_NONE && envelope.document.data == NULL);
        return;
    }
    FUZZ_CHECK(envelope.document.size > 0);
    if (envelope.kind != BULLA_EVIDENCE_TPM) { /* which travels bare */
        bulla_writer_open(&writer, memory, sizeof memory);
        FUZZ_CHECK(bulla_envelope_write(&envelope, &writer) == BULLA_OK);
        FUZZ_CHECK(bulla_bytes_equal(bulla_writer_bytes(&writer), bytes));
    }
    try_measurements(&envelope);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_envelope((struct bulla_bytes){data, size});
    try_judging((struct bulla_bytes){data, size});
    return 0;
}
