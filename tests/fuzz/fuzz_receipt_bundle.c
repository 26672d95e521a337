/* Receipt bundles, and everything that `bulla receipt verify` checks of them. A bundle has one encoding; the numbers of
 * an answer fit the memory that its own counts ask for; whatever is examined ends with lines, and never attested
 * without evidence. */
#include "fuzz.h"

#include "tools/exchange.h"
#include "tools/output.h"
#include "tools/receipt_checks.h"

static void answer_check(struct bulla_bytes bytes)
{
    struct bulla_answer answer;
    if (bulla_answer_read(bytes, &answer) != BULLA_OK)
        return;
    float *numbers = calloc(answer.embeddings.number * answer.dimension + 1, sizeof *numbers);
    FUZZ_CHECK(numbers != NULL);
    bulla_answer_numbers(&answer, numbers);
    free(numbers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct bulla_receipt_trust trust = {.evidence.now = 1750000000};
    static struct bulla_receipt_findings findings;
    struct bulla_bytes bytes = {data, size};
    struct bulla_bytes answer;
    struct bulla_bytes request;
    struct bulla_checks checks;
    struct bulla_writer writer;
    bulla_output_open(true, true); /* prints nothing but a document */
    if (bulla_bundle_read(bytes, &answer, &request) == BULLA_OK) {
        uint8_t *memory = malloc(size);
        FUZZ_CHECK(memory != NULL);
        bulla_writer_open(&writer, memory, size);
        bulla_bundle_write(answer, request, &writer);
        FUZZ_CHECK(bulla_bytes_equal(bulla_writer_bytes(&writer), bytes));
        free(memory);
        answer_check(answer);
    }
    FUZZ_CHECK(bulla_checks_open(&checks) == BULLA_OK);
    bulla_receipt_examine(&checks, bytes, &trust, &findings);
    FUZZ_CHECK(json_array_size(checks.rows) > 0);
    FUZZ_CHECK(!findings.pinned || findings.evidence.claims.kind != BULLA_EVIDENCE_TPM); /* no key was named */
    FUZZ_CHECK(!findings.attested || findings.evidence.envelope.document.size > 0);
    bulla_checks_close(&checks);
    return 0;
}
