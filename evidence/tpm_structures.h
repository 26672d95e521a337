/* The three TPM 2.0 structures that a quote consists of, read from their wire form (TCG TPM 2.0 Library, Part 2).
 *
 * Only what bulla makes and trusts is known: quotes over one selection of the SHA-256 bank, ECDSA P-256 keys and
 * signatures with SHA-256. Everything else is refused by name, and every structure must fill its bytes. */
#ifndef BULLA_EVIDENCE_TPM_STRUCTURES_H
#define BULLA_EVIDENCE_TPM_STRUCTURES_H

#include "crypto/bytes.h"

/* TPMS_ATTEST of a quote (10.12.8, 10.12.12). The views point into what was read. */
struct bulla_tpm_attest {
    struct bulla_bytes qualified_signer; /* TPM2B_NAME */
    struct bulla_bytes extra_data;
    uint64_t clock; /* milliseconds */
    uint32_t reset_count, restart_count;
    bool clock_safe;
    uint64_t firmware;
    uint32_t pcr_mask; /* of the SHA-256 bank */
    struct bulla_bytes pcr_digest;
};
/* BULLA_MALFORMED: magic is not TPM_GENERATED_VALUE or the type not TPM_ST_ATTEST_QUOTE; BULLA_EVIDENCE_MISMATCH: a
 * selection other than one of the SHA-256 bank; BULLA_TRUNCATED, BULLA_TRAILING. */
enum bulla_reason bulla_tpm_attest_read(struct bulla_bytes bytes, struct bulla_tpm_attest *attest) BULLA_MUST_USE;

/* TPMA_OBJECT (8.3), the bits that decide whether a key attests. */
enum {
    BULLA_TPM_FIXED_TPM = 1 << 1,
    BULLA_TPM_FIXED_PARENT = 1 << 4,
    BULLA_TPM_SENSITIVE_DATA_ORIGIN = 1 << 5,
    BULLA_TPM_RESTRICTED = 1 << 16,
    BULLA_TPM_DECRYPT = 1 << 17,
    BULLA_TPM_SIGN = 1 << 18,
};

/* TPMT_PUBLIC (12.2.4) of an ECDSA P-256 key with SHA-256. */
struct bulla_tpm_public {
    uint32_t attributes;
    uint8_t point[65]; /* 0x04 ‖ x ‖ y; not yet known to lie on the curve */
};
/* BULLA_UNSUPPORTED: another kind of key, scheme, hash or curve; BULLA_MALFORMED, BULLA_TRUNCATED, BULLA_TRAILING. */
enum bulla_reason bulla_tpm_public_read(struct bulla_bytes bytes, struct bulla_tpm_public *key) BULLA_MUST_USE;
/* The name of a key whose nameAlg is SHA-256: 0x000b ‖ SHA-256(TPMT_PUBLIC) (Part 1, 16). Looks at nothing else. */
void bulla_tpm_public_name(struct bulla_bytes public_area, uint8_t name[static 34]);

/* TPMT_SIGNATURE (11.3.4) as r ‖ s. BULLA_UNSUPPORTED: not ECDSA with SHA-256. */
enum bulla_reason bulla_tpm_signature_read(struct bulla_bytes bytes, uint8_t signature[static 64]) BULLA_MUST_USE;

#endif
