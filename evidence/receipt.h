/* Receipts: what the token says it did (AIR v1's shape; docs/formats.md, "Receipt").
 *
 * COSE_Sign1 (tag 18, protected a2012703183d, nothing unprotected) by the token's Ed25519 receipt key over a
 * deterministic CWT. eat_profile is bulla's own, with TPM PCRs (measurement_type "tpm-pcr-sha256") or SEV-SNP's
 * measurement as pcr0 ("snp-measurement"), or AIR's own over Nitro and TDX measurements only. Request and answer are
 * named by salted hashes. */
#ifndef BULLA_EVIDENCE_RECEIPT_H
#define BULLA_EVIDENCE_RECEIPT_H

#include "crypto/cose.h"

#define BULLA_RECEIPT_PROFILE "https://bulla.dev/receipt/v1"
#define BULLA_RECEIPT_PROFILE_AIR "https://spec.cyntrisec.com/air/v1"

enum { BULLA_RECEIPT_LARGEST = 4096, BULLA_RECEIPT_PCRS = 24 };

struct bulla_receipt_measurement {
    char name[8];             /* "pcr0" */
    struct bulla_bytes value; /* 32 bytes of SHA-256, 48 of SHA-384 */
};
struct bulla_receipt {
    struct bulla_bytes issuer; /* text: "bulla:<token serial>" */
    uint64_t issued_at;        /* Unix seconds */
    uint8_t id[16];            /* UUID v4 */
    struct bulla_bytes profile;
    struct bulla_bytes nonce;                   /* of the request; 8…64 bytes, or empty */
    struct bulla_bytes model_id, model_version; /* text */
    uint8_t model_hash[32];
    struct bulla_bytes model_hash_scheme; /* text; empty: absent. bulla's profile: always "sha256-manifest" */
    uint8_t request_hash[32];             /* SHA-256(salt ‖ request) */
    uint8_t response_hash[32];
    uint8_t attestation_hash[32]; /* SHA-256 of the evidence document; zero: unattested */
    char measurement_type[16];    /* "tpm-pcr-sha256", "tpm-pcr-sha384", "snp-measurement", "nitro-pcr", "none" … */
    struct bulla_receipt_measurement measurements[BULLA_RECEIPT_PCRS];
    size_t measurement_count;
    struct bulla_bytes policy_version; /* text: "<authority, 16 hex>/<version>", or "none" */
    uint64_t sequence, milliseconds, memory_mb;
    struct bulla_bytes security_mode; /* text: "attested", "unattested" */
};

enum bulla_reason bulla_receipt_write(const struct bulla_receipt *receipt, const struct bulla_cose_signer *signer,
    struct bulla_writer *writer) BULLA_MUST_USE;
/* Checks form and the claims' rules (zero model hash and control characters refused, sizes, known schemes, profile ↔
 * measurements), not time and not the signature; `message` is what bulla_cose_sign1_verify takes. */
enum bulla_reason bulla_receipt_read(
    struct bulla_bytes bytes, struct bulla_receipt *receipt, struct bulla_cose_message *message) BULLA_MUST_USE;

/* What a relying party expects. Empty and zero parts are not checked. */
struct bulla_receipt_expectation {
    struct bulla_bytes nonce;
    struct bulla_bytes request, request_salt; /* salt: 32 bytes */
    struct bulla_bytes response, response_salt;
    struct bulla_bytes model_hash; /* 32 bytes */
    uint64_t now, oldest_seconds;  /* issued_at within [now - oldest, now + 60] */
};
/* Signature by `key` (32 bytes), then every expectation. BULLA_SIGNATURE, BULLA_EVIDENCE_MISMATCH (which claim),
 * BULLA_RECEIPT_INVALID. */
enum bulla_reason bulla_receipt_verify(struct bulla_bytes bytes, const uint8_t key[static 32],
    const struct bulla_receipt_expectation *expectation, struct bulla_receipt *receipt) BULLA_MUST_USE;

#endif
