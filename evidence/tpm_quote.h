/* TPM 2.0 quotes: what a TPM says of its state, and how that is checked without a TPM.
 *
 * bulla's own document (deterministic CBOR, docs/formats.md "Evidence") carries TPMS_ATTEST, the signature, the
 * attestation key's public area, the PCR values and the report whose digest is the quote's extraData. What other tools
 * make is the same in separate files, with a nonce in the report's place. */
#ifndef BULLA_EVIDENCE_TPM_QUOTE_H
#define BULLA_EVIDENCE_TPM_QUOTE_H

#include "report.h"
#include "tpm_structures.h"

enum { BULLA_EVIDENCE_LARGEST = 8192 };

/* A quote and what it is said to be over. All TPM structures are in their marshalled wire form. */
struct bulla_tpm_quote {
    struct bulla_bytes attest;    /* TPMS_ATTEST */
    struct bulla_bytes signature; /* TPMT_SIGNATURE */
    struct bulla_bytes key;       /* TPMT_PUBLIC or TPM2B_PUBLIC of the attestation key */
    enum bulla_hash bank;
    uint32_t pcr_mask;
    const uint8_t (*values)[BULLA_HASH_LARGEST]; /* BULLA_PCR_COUNT; those of the mask, from the left */
    struct bulla_bytes nonce;                    /* what extraData must be */
};

/* What goes into a document; tpm-backend fills it. */
struct bulla_tpm_evidence {
    struct bulla_bytes attest, signature;
    struct bulla_bytes key; /* TPMT_PUBLIC */
    enum bulla_hash bank;
    uint32_t pcr_mask;
    uint8_t values[BULLA_PCR_COUNT][BULLA_HASH_LARGEST]; /* those of the mask, from the left */
    struct bulla_bytes report;                           /* encoded bulla_report */
};
/* A PCR's value, as long as the bank's hash. */
struct bulla_bytes bulla_tpm_evidence_pcr(const struct bulla_tpm_evidence *evidence, unsigned pcr);
enum bulla_reason bulla_tpm_evidence_write(
    const struct bulla_tpm_evidence *evidence, struct bulla_writer *writer) BULLA_MUST_USE;
enum bulla_reason bulla_tpm_evidence_read(
    struct bulla_bytes document, struct bulla_tpm_evidence *evidence) BULLA_MUST_USE;

/* The file of PCR values that tpm2_quote writes beside a quote (tpm2-tools, format "serialized", little-endian): one
 * bank. BULLA_MALFORMED, BULLA_UNSUPPORTED (more banks, or an unknown one), BULLA_TRUNCATED, BULLA_TRAILING. */
enum bulla_reason bulla_tpm_pcr_file_read(struct bulla_bytes file, enum bulla_hash *bank, uint32_t *pcr_mask,
    uint8_t values[static BULLA_PCR_COUNT][BULLA_HASH_LARGEST]) BULLA_MUST_USE;

/* What a verified quote says. */
struct bulla_tpm_claims {
    struct bulla_tpm_name key_name;
    enum bulla_hash bank;
    uint32_t pcr_mask;
    struct bulla_bytes extra_data; /* view into the quote */
    uint64_t clock;                /* milliseconds */
    /* As the TPM signs them: for a key outside the endorsement hierarchy, as bulla's is, these three are shifted by a
     * number of that key (Part 1, 36.7), so that only those of one key can be compared. */
    uint32_t reset_count, restart_count;
    uint64_t firmware;
    bool clock_safe;
};

/* In the place of a trusted name. */
#define BULLA_UNPINNED ((struct bulla_bytes){NULL, 0})

/* Every check of a quote that needs no other: structure, magic, type, attestation key restricted, signing, fixedTPM and
 * not extractable, its own scheme's signature, qualifiedSigner's form, extraData equal to the nonce, exactly the bank
 * and PCRs given, PCR digest over the given values, nothing trailing. A SHA-1 bank is refused: BULLA_UNSUPPORTED.
 * `trusted_name`: what the relying party pinned; BULLA_UNPINNED checks consistency only, and the caller must say
 * "unpinned". BULLA_EVIDENCE_MISMATCH, BULLA_EVIDENCE_UNTRUSTED, BULLA_SIGNATURE, BULLA_MALFORMED … */
enum bulla_reason bulla_tpm_quote_verify(const struct bulla_tpm_quote *quote, struct bulla_bytes trusted_name,
    struct bulla_tpm_claims *claims) BULLA_MUST_USE;
/* The same for a document: the report must be well formed, and its digest is the nonce. */
enum bulla_reason bulla_tpm_evidence_verify(const struct bulla_tpm_evidence *evidence, struct bulla_bytes trusted_name,
    struct bulla_tpm_claims *claims) BULLA_MUST_USE;

/* Whether a later quote of the same key can follow an earlier one: resets, restarts between two resets and the clock
 * never go back. The clock may, by what its last saved value lost, over a reset after which the TPM does not call it
 * safe. BULLA_EVIDENCE_UNTRUSTED: another key; BULLA_EVIDENCE_STALE: the later one is the older. */
enum bulla_reason bulla_tpm_claims_follow(
    const struct bulla_tpm_claims *earlier, const struct bulla_tpm_claims *later) BULLA_MUST_USE;
/* Whether the firmware is one of the caller's list, whose versions are as this key shows them. BULLA_EVIDENCE_TCB. */
enum bulla_reason bulla_tpm_firmware_check(
    const struct bulla_tpm_claims *claims, const uint64_t *accepted, size_t count) BULLA_MUST_USE;

#endif
