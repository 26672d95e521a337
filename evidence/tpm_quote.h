/* TPM 2.0 quotes: what a TPM says of its state, and how that is checked without a TPM.
 *
 * An evidence document (deterministic CBOR, docs/formats.md "Evidence") carries TPMS_ATTEST, the signature, the
 * attestation key's public area, the PCR values and the report whose digest is the quote's extraData. */
#ifndef BULLA_EVIDENCE_TPM_QUOTE_H
#define BULLA_EVIDENCE_TPM_QUOTE_H

#include "report.h"

enum { BULLA_PCR_COUNT = 24, BULLA_EVIDENCE_LARGEST = 8192 };

/* What goes into a document; tpm-backend fills it. All TPM structures are in their marshalled wire form. */
struct bulla_tpm_evidence {
    struct bulla_bytes attest;         /* TPMS_ATTEST */
    struct bulla_bytes signature;      /* TPMT_SIGNATURE */
    struct bulla_bytes key;            /* TPMT_PUBLIC of the attestation key */
    uint32_t pcr_mask;                 /* SHA-256 bank */
    uint8_t pcrs[BULLA_PCR_COUNT][32]; /* values, those of the mask */
    struct bulla_bytes report;         /* encoded bulla_report */
};
enum bulla_reason bulla_tpm_evidence_write(
    const struct bulla_tpm_evidence *evidence, struct bulla_writer *writer) BULLA_MUST_USE;
enum bulla_reason bulla_tpm_evidence_read(
    struct bulla_bytes document, struct bulla_tpm_evidence *evidence) BULLA_MUST_USE;

/* What a verified quote says. */
struct bulla_tpm_claims {
    uint8_t key_name[34]; /* TPM name of the attestation key: 0x000b ‖ SHA-256 */
    uint8_t pcr_digest[32];
    uint32_t pcr_mask;
    uint64_t clock; /* milliseconds */
    uint32_t reset_count, restart_count;
    bool clock_safe;
    uint64_t firmware;
};

/* Every check of a quote that needs no trust anchor: structure, magic, type, attestation key restricted, signing,
 * fixedTPM and not extractable, signature (ECDSA P-256 with SHA-256), qualifiedSigner present, extraData equal to the
 * report's digest, exactly the PCR selection given, PCR digest over the given values, nothing trailing.
 * `trusted_name`: 34 bytes, the name that the relying party pinned; NULL checks consistency only, and the caller must
 * say "unpinned". BULLA_EVIDENCE_MISMATCH, BULLA_EVIDENCE_UNTRUSTED, BULLA_SIGNATURE, BULLA_MALFORMED … */
enum bulla_reason bulla_tpm_evidence_verify(const struct bulla_tpm_evidence *evidence, const uint8_t *trusted_name,
    struct bulla_tpm_claims *claims) BULLA_MUST_USE;

#endif
