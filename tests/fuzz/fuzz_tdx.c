/* Intel's quotes, of TDX guests and SGX enclaves, and the DER that their certificates' extension is of. A quote's own
 * root is taken for trusted, so that everything behind the chain is reached. */
#include "fuzz.h"

#include "evidence/der.h"
#include "evidence/endorsements.h"
#include "evidence/intel_pck.h"
#include "evidence/intel_quote.h"

static bool lies_within(struct bulla_bytes part, struct bulla_bytes whole)
{
    return part.size == 0 || (part.data >= whole.data && part.size <= whole.size &&
                                 (size_t)(part.data - whole.data) <= whole.size - part.size);
}

static void check_views(const struct bulla_quote *quote, struct bulla_bytes bytes)
{
    FUZZ_CHECK(quote->signed_part.data == bytes.data && lies_within(quote->signed_part, bytes));
    FUZZ_CHECK(lies_within(quote->signature, bytes) && quote->signature.size == 64);
    FUZZ_CHECK(lies_within(quote->attestation_key, bytes) && quote->attestation_key.size == 64);
    FUZZ_CHECK(lies_within(quote->qe_report, bytes) && quote->qe_report.size == BULLA_ENCLAVE_REPORT);
    FUZZ_CHECK(lies_within(quote->qe_signature, bytes) && quote->qe_signature.size == 64);
    FUZZ_CHECK(lies_within(quote->qe_auth_data, bytes) && lies_within(quote->certificates, bytes));
    FUZZ_CHECK(quote->is_td ? quote->version == 4 || quote->version == 5 : quote->version == 3);
}

static void try_quote(struct bulla_bytes bytes)
{
    struct bulla_quote quote;
    struct bulla_claims claims;
    struct bulla_pck pck;
    uint8_t pin[1][32] = {{0}};
    BULLA_ENDORSED struct bulla_endorsed endorsed = {.certificate_count = 0};
    if (bulla_quote_read(bytes, &quote) != BULLA_OK)
        return;
    check_views(&quote, bytes);
    if (bulla_endorsed_add_certificates(&endorsed, quote.certificates, "fuzz") == BULLA_OK &&
        endorsed.certificate_count > 0) {
        bulla_certificate_fingerprint(endorsed.certificates[endorsed.certificate_count - 1], pin[0]);
        (void)!bulla_pck_read(endorsed.certificates[0], &pck);
    }
    const struct bulla_verification verification = {
        .document = bytes, .at = 1750377600, .roots = (const uint8_t(*)[32])pin, .root_count = 1};
    enum bulla_reason reason = bulla_evidence_verify(&verification, &claims);
    FUZZ_CHECK((reason == BULLA_OK) == (claims.kind != BULLA_EVIDENCE_NONE));
    FUZZ_CHECK(reason != BULLA_OK || (claims.pinned && !claims.debug && claims.report_data.size == 64));
}

static void try_der(struct bulla_bytes bytes)
{
    struct bulla_reader reader;
    struct bulla_der element;
    struct bulla_bytes content;
    uint16_t value;
    bulla_reader_open(&reader, bytes);
    while (bulla_der_next(&reader, &element)) {
        FUZZ_CHECK(lies_within(element.whole, bytes) && lies_within(element.content, element.whole));
        FUZZ_CHECK(element.whole.size >= element.content.size + 2);
        FUZZ_CHECK(bulla_der_only(element.whole, element.tag, &content));
        FUZZ_CHECK(bulla_bytes_equal(content, element.content));
        (void)bulla_der_small(element.whole, &value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bulla_bytes bytes = {data, size};
    try_quote(bytes);
    try_der(bytes);
    return 0;
}
