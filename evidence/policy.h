/* Policy bundles: what an authority approves, signed (DESIGN: Policy bundle; docs/formats.md, "Policy").
 *
 * COSE_Sign1 over deterministic CBOR by a P-256 authority: version, epoch, validity, allowed PCR sets each with the
 * approval that a TPM checks itself, measurements of enclaves and guests, and grants. Objects bind the authority and
 * policyRef = SHA-256("bulla/1 policyRef" ‖ authority key ‖ u64 epoch), never a bundle's digest: a new bundle needs no
 * resealing. */
#ifndef BULLA_EVIDENCE_POLICY_H
#define BULLA_EVIDENCE_POLICY_H

#include "claims.h"
#include "grant.h"

enum { BULLA_POLICY_STATES = 32, BULLA_POLICY_REFERENCES = 32, BULLA_POLICY_LARGEST = 256 << 10 };
enum { BULLA_REFERENCE_MEASUREMENTS = 8 };

struct bulla_policy_state {
    char label[64];              /* for people: "kernel 6.1.0-28" */
    uint32_t pcr_mask;           /* SHA-256 bank, PCRs 0–23, never 0 */
    uint8_t pcr_digest[32];      /* SHA-256 over the values, ascending */
    uint8_t approved_policy[32]; /* PolicyPCR's policy digest: computed, checked on reading */
    uint8_t approval[64];        /* r ‖ s over SHA-256(approved_policy ‖ policyRef) */
};

/* What evidence of another kind than the TPM's must say to be accepted: one row of an allowlist. Debugging is never
 * accepted, whatever a policy says. */
struct bulla_policy_reference {
    enum bulla_evidence_kind kind;
    char label[64];
    struct bulla_measurement measurements[BULLA_REFERENCE_MEASUREMENTS]; /* all of them must be equal; at least one */
    size_t measurement_count;
    uint32_t tcb_accepted; /* bit i: enum bulla_tcb_status i, never BULLA_TCB_REVOKED; 0: up-to-date, and unknown for
                            * Nitro, which has no such status, and where snp_least says what is current */
    bool migratable;       /* a guest that may migrate is accepted */
    /* Of SEV-SNP only: */
    uint8_t snp_least[BULLA_SNP_COMPONENTS]; /* the reported TCB must have these versions or later ones; 0…0: any */
    bool snp_has_vmpl;
    uint8_t snp_vmpl; /* the report is by this VMPL or one with more rights: 0 … 3, where 0 has every right */
};
enum { BULLA_SNP_VMPL_LARGEST = 3 };
/* Whether snp_least asks for anything. */
bool bulla_policy_reference_has_least(const struct bulla_policy_reference *reference);

struct bulla_policy {
    uint8_t authority[65]; /* P-256, uncompressed */
    uint64_t version, epoch;
    uint64_t not_before, not_after; /* Unix seconds; not_after 0 is refused */
    char note[128];
    struct bulla_policy_state states[BULLA_POLICY_STATES];
    size_t state_count; /* a bundle names at least one state or reference */
    struct bulla_policy_reference references[BULLA_POLICY_REFERENCES];
    size_t reference_count;
    bool restricted; /* it has a list of grants, maybe empty: only who is granted may use its objects */
    struct bulla_bytes
        grants; /* the encoded array, inside the bundle that was read: bulla_policy_grants takes it apart;
                 * to be signed, what bulla_policy_grants_write wrote, or of another bundle, or empty */
    size_t grant_count;
};
/* The name of a kind that references may have: "nitro", "sev-snp", "tdx", "sgx"; NULL. And back: BULLA_EVIDENCE_NONE.
 */
const char *bulla_policy_reference_kind(enum bulla_evidence_kind kind);
enum bulla_evidence_kind bulla_policy_reference_named(struct bulla_bytes name);
/* Whether evidence of that kind can have a measurement of that name with so many bytes. A bundle with another one is
 * read all the same (a later kind of document may have it), and accepts nothing. */
bool bulla_policy_reference_measures(enum bulla_evidence_kind kind, const char *name, size_t size);
/* All of them, for people: "pcr0 … pcr31 (32, 48 or 64 bytes)". */
enum { BULLA_REFERENCE_NAMES_TEXT = 256 };
const char *bulla_policy_reference_names(enum bulla_evidence_kind kind, char text[static BULLA_REFERENCE_NAMES_TEXT]);

/* BULLA_ARGUMENT, with what is wrong, where no evidence of the reference's kind can ever be accepted by it. A bundle
 * with such a one is read all the same. */
enum bulla_reason bulla_policy_reference_check(const struct bulla_policy_reference *reference) BULLA_MUST_USE;

void bulla_policy_reference(const uint8_t authority[static 65], uint64_t epoch, uint8_t policy_ref[static 32]);
/* TPM2_PolicyPCR's digest from the zero policy: SHA-256(0…0 ‖ TPM_CC_PolicyPCR ‖ TPML_PCR_SELECTION ‖ pcrDigest). */
void bulla_policy_pcr_digest(uint32_t pcr_mask, const uint8_t pcr_digest[static 32], uint8_t policy[static 32]);

/* Signs with a callback (ES256 over the bytes given, r ‖ s); fills in approved_policy and approval of each state and
 * grant_count, and sorts the references' measurements. A policy that is not `restricted` has no grants. */
enum bulla_reason bulla_policy_sign(
    struct bulla_policy *policy, const struct bulla_cose_signer *signer, struct bulla_writer *bundle) BULLA_MUST_USE;
/* Checks form, signature and every approval. `authority`: the one expected (65 bytes), or empty to take the bundle's
 * own (BULLA_POLICY_AUTHORITY otherwise). Time and version are separate questions: */
enum bulla_reason bulla_policy_read(
    struct bulla_bytes bundle, struct bulla_bytes authority, struct bulla_policy *policy) BULLA_MUST_USE;
enum bulla_reason bulla_policy_check_time(const struct bulla_policy *policy, uint64_t now) BULLA_MUST_USE;

/* Grants as a policy has them: an encoded array, by ascending id. Sorts them. BULLA_DUPLICATE: two have one id;
 * BULLA_TOO_LARGE, BULLA_BUFFER_SMALL. What a grant says is checked by bulla_policy_sign. */
enum bulla_reason bulla_policy_grants_write(
    struct bulla_grant *grants, size_t count, struct bulla_writer *writer) BULLA_MUST_USE;
/* The bundle's grants into memory of the caller's, `capacity` of them: BULLA_TOO_LARGE. They were checked by
 * bulla_policy_read: the policy and the bundle's bytes are those. */
enum bulla_reason bulla_policy_grants(
    const struct bulla_policy *policy, struct bulla_grant *grants, size_t capacity, size_t *count) BULLA_MUST_USE;

/* Whether a policy accepts verified claims (which must be pinned and not debugged): the label of the state or reference
 * that does. BULLA_POLICY_STATE: the detail names the nearest and what differs; BULLA_EVIDENCE_TCB, _DEBUG, _UNTRUSTED.
 */
enum bulla_reason bulla_appraise(
    const struct bulla_policy *policy, const struct bulla_claims *claims, char label[static 64]) BULLA_MUST_USE;

#endif
