/* One verifier for every kind of evidence (RFC 9334): evidence, nonce, policy and time in; an attestation result out,
 * or the reason for refusal.
 *
 * It works offline: roots are pinned here or named by the caller, collateral and CRLs come from the caller's files.
 * Three steps, each usable alone: bulla_evidence_verify (is it what some attester signed, under a pinned root, and
 * whole), bulla_evidence_bind (was it made for this purpose and nonce), bulla_appraise (does a policy accept what it
 * says). */
#ifndef BULLA_EVIDENCE_VERIFIER_H
#define BULLA_EVIDENCE_VERIFIER_H

#include "claims.h"
#include "report.h"

enum { BULLA_EVIDENCE_DOCUMENT_LARGEST = 32768, BULLA_COLLATERAL_LARGEST = 1 << 20, BULLA_EXTRA_ROOTS = 8 };

/* What the verifier was given beside the evidence; empty parts are absent. Nothing of it is believed unless it chains
 * to a pinned root. */
struct bulla_endorsements {
    struct bulla_bytes certificates; /* PEM or DER, concatenated: VCEK or VLEK with ASK and ARK; a TPM's EK chain */
    struct bulla_bytes collateral; /* JSON: Intel's TCB info, QE identity, PCK CRLs (docs/evidence.md gives its form) */
    struct bulla_bytes crls;       /* PEM or DER */
};

struct bulla_verification {
    struct bulla_bytes document; /* the kind's own bytes: a COSE_Sign1, a report, a quote, bulla's TPM evidence */
    uint64_t at; /* Unix seconds at which chains are judged; 0: the document's own time, where it states one */
    struct bulla_endorsements endorsements;
    const uint8_t (*roots)[32]; /* SHA-256 of DER of roots that the caller trusts beside the kind's own */
    size_t root_count;
    struct bulla_bytes attestation_key; /* the name (34 bytes or more) of one TPM's pinned key, and nothing but that
                                         * TPM's evidence is taken then; empty: a TPM's is unpinned */
    bool allow_debug;                   /* for explaining only: claims->debug tells */
};

struct bulla_evidence_verifier {
    enum bulla_evidence_kind kind;
    const char *name;   /* "tpm", "nitro", "sev-snp", "tdx", "sgx" */
    const char *people; /* "AWS Nitro Enclave" */
    bool states_time;   /* its documents say when they were made, and can be judged at that time */
    /* By the first bytes and the size alone, without judging. */
    bool (*recognises)(struct bulla_bytes document);
    /* Every check that needs no policy. `claims` is zeroed on every refusal. */
    enum bulla_reason (*verify)(const struct bulla_verification *verification, struct bulla_claims *claims);
};
/* By kind; the one of BULLA_EVIDENCE_NONE always refuses. */
extern const struct bulla_evidence_verifier *const bulla_evidence_verifiers[BULLA_EVIDENCE_KINDS];
const struct bulla_evidence_verifier *bulla_evidence_recognise(struct bulla_bytes document); /* never NULL */
const struct bulla_evidence_verifier *bulla_evidence_named(const char *name);                /* NULL: none */

/* BULLA_EVIDENCE_KIND where nobody recognises it, BULLA_EVIDENCE_UNTRUSTED where a TPM's key was named and it is no
 * TPM's; the kind's own reasons else. */
enum bulla_reason bulla_evidence_verify(
    const struct bulla_verification *verification, struct bulla_claims *claims) BULLA_MUST_USE;

/* bulla's own evidence: a document of some kind with the report that it binds (docs/formats.md, "Evidence envelope").
 * The SHA-256 of the report is the document's report data: TPM extraData; Nitro's user_data; the first 32 bytes of the
 * 64 of SNP and TDX, the rest zero. */
struct bulla_envelope {
    enum bulla_evidence_kind kind;
    struct bulla_bytes document;
    struct bulla_bytes report;       /* encoded bulla_report */
    struct bulla_bytes certificates; /* what the attester could add to help a verifier; DER, concatenated; or empty */
};
enum bulla_reason bulla_envelope_write(
    const struct bulla_envelope *envelope, struct bulla_writer *writer) BULLA_MUST_USE;
/* Strict. Also takes "bulla/1 tpm-evidence", whose document it is and whose report lies inside. */
enum bulla_reason bulla_envelope_read(struct bulla_bytes bytes, struct bulla_envelope *envelope) BULLA_MUST_USE;

/* Whether verified claims bind this report, and the report has this purpose and, where `nonce` is not empty, this
 * nonce. BULLA_EVIDENCE_UNBOUND, BULLA_EVIDENCE_MISMATCH. */
enum bulla_reason bulla_evidence_bind(const struct bulla_claims *claims, struct bulla_bytes encoded_report,
    enum bulla_purpose purpose, struct bulla_bytes nonce, struct bulla_report *report) BULLA_MUST_USE;

#endif
