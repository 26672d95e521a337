/* The table of kinds, and what is one for all of them. A kind without a verifier has the row that always refuses. */
#include "intel_quote.h"
#include "nitro.h"
#include "sev_snp.h"
#include "tpm_verifier.h"

static bool recognises_nothing(struct bulla_bytes document)
{
    (void)document;
    return false;
}

static enum bulla_reason refuse_always(const struct bulla_verification *verification, struct bulla_claims *claims)
{
    memset(claims, 0, sizeof *claims);
    return bulla_refuse(
        BULLA_EVIDENCE_KIND, "%zu bytes that are no evidence of a kind known here", verification->document.size);
}

static const struct bulla_evidence_verifier no_verifier = {
    BULLA_EVIDENCE_NONE, "none", "unknown", false, recognises_nothing, refuse_always};

const struct bulla_evidence_verifier *const bulla_evidence_verifiers[BULLA_EVIDENCE_KINDS] = {
    [BULLA_EVIDENCE_NONE] = &no_verifier,
    [BULLA_EVIDENCE_TPM] = &bulla_tpm_verifier,
    [BULLA_EVIDENCE_NITRO] = &bulla_nitro_verifier,
    [BULLA_EVIDENCE_SEV_SNP] = &bulla_sev_snp_verifier,
    [BULLA_EVIDENCE_TDX] = &bulla_tdx_verifier,
    [BULLA_EVIDENCE_SGX] = &bulla_sgx_verifier,
};

const struct bulla_evidence_verifier *bulla_evidence_recognise(struct bulla_bytes document)
{
    for (unsigned kind = 0; kind < BULLA_EVIDENCE_KINDS; kind++)
        if (bulla_evidence_verifiers[kind]->recognises(document))
            return bulla_evidence_verifiers[kind];
    return &no_verifier;
}

const struct bulla_evidence_verifier *bulla_evidence_named(const char *name)
{
    for (unsigned kind = BULLA_EVIDENCE_NONE + 1; kind < BULLA_EVIDENCE_KINDS; kind++)
        if (strcmp(bulla_evidence_verifiers[kind]->name, name) == 0)
            return bulla_evidence_verifiers[kind];
    return NULL;
}

/* What a verifier left unzeroed on a refusal would be believed by a careless caller: it is zeroed here for all. */
enum bulla_reason bulla_evidence_verify(const struct bulla_verification *verification, struct bulla_claims *claims)
{
    memset(claims, 0, sizeof *claims);
    if (verification->document.size > BULLA_EVIDENCE_DOCUMENT_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "evidence of %zu bytes", verification->document.size);
    if (verification->endorsements.certificates.size > BULLA_COLLATERAL_LARGEST ||
        verification->endorsements.collateral.size > BULLA_COLLATERAL_LARGEST ||
        verification->endorsements.crls.size > BULLA_COLLATERAL_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "endorsements of more than %d bytes", BULLA_COLLATERAL_LARGEST);
    const struct bulla_evidence_verifier *verifier = bulla_evidence_recognise(verification->document);
    if (verification->attestation_key.size && verifier->kind != BULLA_EVIDENCE_NONE &&
        verifier->kind != BULLA_EVIDENCE_TPM)
        return bulla_refuse(
            BULLA_EVIDENCE_UNTRUSTED, "you named a TPM's attestation key, and this is no TPM's evidence");
    enum bulla_reason reason = verifier->verify(verification, claims);
    if (reason == BULLA_OK && claims->debug && !verification->allow_debug)
        reason = bulla_refuse(BULLA_EVIDENCE_DEBUG, "%s: it runs with debugging", verifier->people);
    if (reason != BULLA_OK)
        memset(claims, 0, sizeof *claims);
    return reason;
}

/* Report data of 64 bytes carries the digest first and zeros behind it. */
static bool binds(struct bulla_bytes report_data, const uint8_t digest[static 32])
{
    uint8_t rest = 0;
    if ((report_data.size != 32 && report_data.size != 64) || memcmp(report_data.data, digest, 32) != 0)
        return false;
    for (size_t i = 32; i < report_data.size; i++)
        rest |= report_data.data[i];
    return rest == 0;
}

enum bulla_reason bulla_evidence_bind(const struct bulla_claims *claims, struct bulla_bytes encoded_report,
    enum bulla_purpose purpose, struct bulla_bytes nonce, struct bulla_report *report)
{
    uint8_t digest[32];
    BULLA_TRY(bulla_report_read(encoded_report, report));
    bulla_report_digest(encoded_report, digest);
    if (!binds(claims->report_data, digest))
        return bulla_refuse(BULLA_EVIDENCE_UNBOUND, "the evidence was made over another report");
    if (report->purpose != purpose)
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the evidence was made for the purpose %s, not %s",
            bulla_purpose_name(report->purpose), bulla_purpose_name(purpose));
    if (nonce.size && !bulla_bytes_equal(nonce, report->nonce))
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the evidence carries another nonce");
    if (claims->nonce.size && !bulla_bytes_equal(claims->nonce, report->nonce))
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the document's nonce is not its report's");
    if (claims->public_key.size && !bulla_bytes_equal(claims->public_key, report->public_key))
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the document's public key is not its report's");
    return BULLA_OK;
}
