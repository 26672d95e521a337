/* Evidence of any kind, verified offline by what the relying party trusts. */
#ifndef BULLA_TOOLS_EVIDENCE_CHECK_H
#define BULLA_TOOLS_EVIDENCE_CHECK_H

#include "evidence/tpm_quote.h"
#include "evidence/verifier.h"

/* Empty parts are not asked for. */
struct bulla_evidence_trust {
    struct bulla_bytes attestation_key; /* TPM name of the attestation key; evidence must then be a TPM's */
    const uint8_t (*roots)[32];         /* SHA-256 of DER of roots beside those that each kind of evidence has */
    size_t root_count;
    struct bulla_endorsements endorsements; /* its certificates in the place of those that the evidence brings */
    uint64_t now; /* Unix seconds: when the chain of evidence that states no time of its own is judged */
};
struct bulla_verified_evidence {
    struct bulla_envelope envelope; /* views into the evidence */
    struct bulla_claims claims;
    struct bulla_tpm_claims tpm; /* of a TPM's quote */
};
/* Judged at the evidence's own time, where it states one: it may be kept for longer than an enclave's certificate
 * lives. */
enum bulla_reason bulla_evidence_check(struct bulla_bytes evidence, const struct bulla_evidence_trust *trust,
    struct bulla_verified_evidence *verified) BULLA_MUST_USE;
/* "a TPM's quote", "evidence of the kind AWS Nitro Enclave" */
void bulla_evidence_describe(const struct bulla_verified_evidence *verified, char *text, size_t size);

#endif
