#include "evidence_check.h"

#include <stdio.h>

/* A quote has claims of its own beside those that every kind has: its key's name, its clock. */
static enum bulla_reason quote_claims(
    const struct bulla_evidence_trust *trust, struct bulla_verified_evidence *verified)
{
    struct bulla_tpm_evidence evidence;
    BULLA_TRY(bulla_tpm_evidence_read(verified->envelope.document, &evidence));
    return bulla_tpm_evidence_verify(&evidence, trust->attestation_key, &verified->tpm);
}

enum bulla_reason bulla_evidence_check(
    struct bulla_bytes evidence, const struct bulla_evidence_trust *trust, struct bulla_verified_evidence *verified)
{
    memset(verified, 0, sizeof *verified);
    BULLA_TRY(bulla_envelope_read(evidence, &verified->envelope));
    bool states_time = bulla_evidence_verifiers[verified->envelope.kind]->states_time;
    struct bulla_verification verification = {.document = verified->envelope.document,
        .at = states_time ? 0 : trust->now,
        .endorsements = trust->endorsements,
        .roots = trust->roots,
        .root_count = trust->root_count,
        .attestation_key = trust->attestation_key};
    if (!verification.endorsements.certificates.size)
        verification.endorsements.certificates = verified->envelope.certificates;
    if (verified->envelope.kind == BULLA_EVIDENCE_TPM)
        BULLA_TRY(quote_claims(trust, verified));
    return bulla_evidence_verify(&verification, &verified->claims);
}

void bulla_evidence_describe(const struct bulla_verified_evidence *verified, char *text, size_t size)
{
    enum bulla_evidence_kind kind = verified->envelope.kind;
    if (kind == BULLA_EVIDENCE_TPM)
        (void)snprintf(text, size, "a TPM's quote");
    else
        (void)snprintf(text, size, "evidence of the kind %s", bulla_evidence_verifiers[kind]->people);
}
