/* SEV-SNP reports: 1184 bytes, and what follows them as endorsements. The first certificate is taken for trusted, so
 * that its extensions are judged, too; nobody but its owner can make a report that verifies under it. */
#include "fuzz.h"

#include "evidence/endorsements.h"
#include "evidence/sev_snp.h"

static void try_report(struct bulla_bytes bytes)
{
    struct bulla_snp_report report;
    if (bulla_snp_report_read(bytes, &report) != BULLA_OK)
        return;
    FUZZ_CHECK(bytes.size == BULLA_SNP_REPORT_SIZE);
    FUZZ_CHECK(report.version >= 2 && report.version <= 5 && report.vmpl <= 3);
    FUZZ_CHECK(report.policy & BULLA_SNP_POLICY_ONE);
    FUZZ_CHECK(report.measurement.data == bytes.data + 0x90 && report.measurement.size == 48);
    FUZZ_CHECK(report.s.data + report.s.size + 368 == bytes.data + bytes.size);
}

static void try_whole(struct bulla_bytes report, struct bulla_bytes certificates)
{
    BULLA_ENDORSED struct bulla_endorsed endorsed = {.certificate_count = 0};
    struct bulla_claims claims;
    uint8_t pin[1][32] = {{0}};
    const struct bulla_verification verification = {.document = report,
        .at = 1700000000,
        .endorsements = {.certificates = certificates},
        .roots = (const uint8_t(*)[32])pin,
        .root_count = 1};
    if (bulla_endorsed_add_certificates(&endorsed, certificates, "fuzz") == BULLA_OK && endorsed.certificate_count > 0)
        bulla_certificate_fingerprint(endorsed.certificates[0], pin[0]);
    enum bulla_reason reason = bulla_sev_snp_verifier.verify(&verification, &claims);
    FUZZ_CHECK((reason == BULLA_OK) == (claims.kind == BULLA_EVIDENCE_SEV_SNP));
    FUZZ_CHECK(reason != BULLA_OK || (claims.pinned && claims.report_data.size == 64 && claims.measurement_count == 6));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t first = size < BULLA_SNP_REPORT_SIZE ? size : BULLA_SNP_REPORT_SIZE;
    try_report((struct bulla_bytes){data, first});
    try_report((struct bulla_bytes){data, size});
    try_whole((struct bulla_bytes){data, first}, (struct bulla_bytes){data + first, size - first});
    return 0;
}
