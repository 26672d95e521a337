/* AMD SEV-SNP attestation reports (AMD 56860, SEV Secure Nested Paging Firmware ABI Specification, ATTESTATION_REPORT),
 * versions 2 to 5: 1184 bytes, of which the first 672 are signed by the chip's VCEK or the provider's VLEK.
 *
 * Endorsements: the VCEK or VLEK, its ASK or ASVK, and the ARK, in this order; revocation lists where there are any. Or
 * the VCEK alone, where the caller named it as a root. */
#ifndef BULLA_EVIDENCE_SEV_SNP_H
#define BULLA_EVIDENCE_SEV_SNP_H

#include "verifier.h"

enum { BULLA_SNP_REPORT_SIZE = 1184, BULLA_SNP_SIGNED_SIZE = 0x2a0, BULLA_SNP_FIELD = 72 };

enum {
    BULLA_SNP_POLICY_SMT = 1 << 16,
    BULLA_SNP_POLICY_ONE = 1 << 17, /* always set */
    BULLA_SNP_POLICY_MIGRATE = 1 << 18,
    BULLA_SNP_POLICY_DEBUG = 1 << 19,
};
enum { BULLA_SNP_MASK_CHIP_KEY = 1 << 1 }; /* of key info */
enum bulla_snp_key { BULLA_SNP_VCEK, BULLA_SNP_VLEK, BULLA_SNP_NO_KEY = 7 };

/* In the report's order; the views point into it. A TCB version is 8 bytes, one for each component. */
struct bulla_snp_report {
    uint32_t version, guest_svn;
    uint64_t policy;
    struct bulla_bytes family_id, image_id; /* 16 bytes each, chosen by the guest's owner */
    uint32_t vmpl, signature_algorithm;
    struct bulla_bytes current_tcb;
    uint64_t platform_info;
    uint32_t key_info;
    struct bulla_bytes report_data, measurement, host_data, id_key_digest, author_key_digest, report_id,
        migration_agent_id, reported_tcb;
    uint8_t cpu_family, cpu_model, cpu_stepping; /* 0 in version 2 */
    struct bulla_bytes chip_id, committed_tcb;
    uint8_t current_build, current_minor, current_major, committed_build, committed_minor, committed_major;
    struct bulla_bytes launch_tcb;
    uint64_t launch_mitigations, current_mitigations; /* 0 before version 5 */
    struct bulla_bytes r, s;                          /* little-endian, BULLA_SNP_FIELD bytes */
};
/* Form only: size, version, and that reserved bits and bytes are as the ABI says. BULLA_TRUNCATED, BULLA_TRAILING,
 * BULLA_UNSUPPORTED (a version, a signature algorithm, a processor whose TCB has another layout), BULLA_MALFORMED. */
enum bulla_reason bulla_snp_report_read(struct bulla_bytes bytes, struct bulla_snp_report *report) BULLA_MUST_USE;
enum bulla_snp_key bulla_snp_signing_key(const struct bulla_snp_report *report);

extern const struct bulla_evidence_verifier bulla_sev_snp_verifier;

#endif
