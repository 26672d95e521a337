/* The TPM 2.0 structures that verifying takes, read from their wire form (TCG TPM 2.0 Library, Part 2).
 *
 * Known are quotes over one selection of one bank, and keys of RSA (2048 to 4096 bits, exponent 65537) and of P-256 and
 * P-384 with the signatures that they make. Everything else is refused by name, and every structure must fill its
 * bytes. */
#ifndef BULLA_EVIDENCE_TPM_STRUCTURES_H
#define BULLA_EVIDENCE_TPM_STRUCTURES_H

#include "tpm_algorithm.h"

enum { BULLA_PCR_COUNT = 24, BULLA_TPM_SIGNATURE_LARGEST = 512, BULLA_TPM_POINT_LARGEST = 97 };

/* A TPM2B: u16 size and that many bytes. */
struct bulla_bytes bulla_tpm_read_sized(struct bulla_reader *reader);

/* TPMS_ATTEST of a quote (10.12.8, 10.12.12). The views point into what was read. */
struct bulla_tpm_attest {
    struct bulla_bytes qualified_signer; /* TPM2B_NAME */
    struct bulla_bytes extra_data;
    uint64_t clock; /* milliseconds */
    uint32_t reset_count, restart_count;
    bool clock_safe;
    uint64_t firmware;
    enum bulla_hash bank;
    uint32_t pcr_mask;
    struct bulla_bytes pcr_digest;
};
/* BULLA_MALFORMED: magic is not TPM_GENERATED_VALUE or the type not TPM_ST_ATTEST_QUOTE; BULLA_EVIDENCE_MISMATCH: a
 * selection other than one of a SHA-1 or SHA-2 bank's 24 PCRs; BULLA_TRUNCATED, BULLA_TRAILING. */
enum bulla_reason bulla_tpm_attest_read(struct bulla_bytes bytes, struct bulla_tpm_attest *attest) BULLA_MUST_USE;

/* TPMA_OBJECT (8.3), the bits that decide what a key is good for. */
enum {
    BULLA_TPM_FIXED_TPM = 1 << 1,
    BULLA_TPM_FIXED_PARENT = 1 << 4,
    BULLA_TPM_SENSITIVE_DATA_ORIGIN = 1 << 5,
    BULLA_TPM_USER_WITH_AUTH = 1 << 6,
    BULLA_TPM_ADMIN_WITH_POLICY = 1 << 7,
    BULLA_TPM_RESTRICTED = 1 << 16,
    BULLA_TPM_DECRYPT = 1 << 17,
    BULLA_TPM_SIGN = 1 << 18,
};

enum bulla_tpm_scheme { BULLA_TPM_NO_SCHEME, BULLA_TPM_ECDSA, BULLA_TPM_RSASSA, BULLA_TPM_RSAPSS, BULLA_TPM_SCHEMES };

/* A name is nameAlg ‖ digest of TPMT_PUBLIC (Part 1, 16). */
enum { BULLA_TPM_NAME_LARGEST = 2 + 48 };
struct bulla_tpm_name {
    uint8_t bytes[BULLA_TPM_NAME_LARGEST];
    size_t size; /* 34 or 50 */
};
struct bulla_bytes bulla_tpm_name_bytes(const struct bulla_tpm_name *name);

/* TPMT_PUBLIC (12.2.4). */
struct bulla_tpm_public {
    enum bulla_hash name_hash; /* SHA-256 or SHA-384 */
    uint32_t attributes;
    struct bulla_bytes auth_policy;
    uint16_t aes_bits; /* of what it protects, by AES-CFB: 128 or 256; 0: it protects nothing */
    enum bulla_tpm_scheme scheme;
    enum bulla_hash scheme_hash; /* where there is a scheme: SHA-256, SHA-384 or SHA-512 */
    enum bulla_key_kind_public kind;
    uint8_t point[BULLA_TPM_POINT_LARGEST]; /* 0x04 ‖ x ‖ y; not yet known to lie on the curve */
    struct bulla_bytes modulus;
};
/* BULLA_UNSUPPORTED: another kind of key, scheme, hash, curve, exponent or symmetric algorithm; BULLA_MALFORMED,
 * BULLA_TRUNCATED, BULLA_TRAILING. */
enum bulla_reason bulla_tpm_public_read(struct bulla_bytes bytes, struct bulla_tpm_public *key) BULLA_MUST_USE;
/* Whether it is a key that signs only what its TPM says, which made it and keeps it: restricted, signing, not
 * decrypting, fixedTPM, fixedParent. By its own words, which are worth something once its name is pinned, or a TPM has
 * activated a credential for it. BULLA_EVIDENCE_UNTRUSTED, BULLA_UNSUPPORTED. */
enum bulla_reason bulla_tpm_public_attests(const struct bulla_tpm_public *key) BULLA_MUST_USE;
/* The TPMT_PUBLIC inside a TPM2B_PUBLIC, which some tools write; a TPMT_PUBLIC as it is. The size of the first never
 * reads as the type of the second. */
struct bulla_bytes bulla_tpm_public_area(struct bulla_bytes bytes);
/* As signature.h wants it; views into `key` and into what it was read from. */
struct bulla_public_key bulla_tpm_public_key(const struct bulla_tpm_public *key);
/* BULLA_UNSUPPORTED: a nameAlg other than SHA-256 and SHA-384. Looks at nothing else. */
enum bulla_reason bulla_tpm_public_name(struct bulla_bytes public_area, struct bulla_tpm_name *name) BULLA_MUST_USE;

/* TPMT_SIGNATURE (11.3.4) by a key as above, in the raw form of signature.h: r and s to the curve's size, or as long as
 * the modulus; what it says of its scheme and hash must be what the key says. BULLA_EVIDENCE_MISMATCH: another scheme
 * or hash than the key's; BULLA_UNSUPPORTED: the key has no scheme. */
struct bulla_tpm_signature {
    uint8_t value[BULLA_TPM_SIGNATURE_LARGEST];
    struct bulla_signature signature; /* its value points to the above */
};
enum bulla_reason bulla_tpm_signature_read(
    struct bulla_bytes bytes, const struct bulla_tpm_public *key, struct bulla_tpm_signature *signature) BULLA_MUST_USE;

#endif
