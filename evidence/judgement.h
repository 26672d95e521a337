/* Judging evidence: evidence, nonce, policy and time in; an attestation result out, or the reason for refusal.
 *
 * The result is RFC 9334's, as EAR says it (draft-ietf-rats-ear-04; the profile's tag is in the result, so that another
 * version shows): bulla_ear_json and bulla_ear_cwt write it. */
#ifndef BULLA_EVIDENCE_JUDGEMENT_H
#define BULLA_EVIDENCE_JUDGEMENT_H

#include "policy.h"
#include "verifier.h"

enum { BULLA_AGE_DEFAULT = 300, BULLA_CLOCK_SKEW = 60 };

/* What a relying party gives. Empty and NULL parts are not checked, and the result says so. */
struct bulla_judgement {
    struct bulla_bytes evidence; /* an envelope, bulla's TPM evidence, or an attester's bare document */
    struct bulla_verification
        trusted;              /* endorsements, roots, attestation key; its document and time are filled in here */
    struct bulla_bytes nonce; /* that the evidence must carry */
    bool has_purpose;         /* `purpose` must be the report's; a bare document has none, and is refused then */
    enum bulla_purpose purpose;
    const struct bulla_policy *policy; /* already verified; judged in force at `now` */
    uint64_t now;                      /* Unix seconds */
    bool at_its_own_time; /* the chain is judged when the document says it was made, if it does, and its age is not
                             looked at */
    uint64_t oldest;      /* seconds that a document which states its time may be old; 0: BULLA_AGE_DEFAULT */
};

/* AR4SI's trustworthiness vector (draft-ietf-rats-ar4si), in the order of its keys. */
enum bulla_trust_claim {
    BULLA_TRUST_INSTANCE_IDENTITY,
    BULLA_TRUST_CONFIGURATION,
    BULLA_TRUST_EXECUTABLES,
    BULLA_TRUST_FILE_SYSTEM,
    BULLA_TRUST_HARDWARE,
    BULLA_TRUST_CLAIMS
};
enum bulla_trust_tier {
    BULLA_TIER_NONE = 0,
    BULLA_TIER_AFFIRMING = 2,
    BULLA_TIER_WARNING = 32,
    BULLA_TIER_CONTRA = 96
};
const char *bulla_trust_tier_name(enum bulla_trust_tier tier); /* "affirming" */

struct bulla_attestation_result {
    enum bulla_reason reason; /* BULLA_OK: nothing that was asked for speaks against it */
    char detail[BULLA_DETAIL_SIZE];
    enum bulla_trust_tier tier;
    int8_t vector[BULLA_TRUST_CLAIMS]; /* 0: no claim */
    enum bulla_evidence_kind kind;
    struct bulla_claims claims; /* zero where the evidence did not verify; views into judgement->evidence */
    bool reported;              /* the attester signed `report`; else it is zero */
    struct bulla_report report;
    struct bulla_bytes nonce; /* that was asked for and found */
    bool appraised;           /* a policy was given, and accepts it */
    char label[64];           /* of the state or reference that does */
    uint8_t authority[65];
    uint64_t policy_version, policy_epoch; /* of the policy that was given */
    bool has_policy;
    uint64_t judged_at;
};
/* Fills `result` in any case and returns its reason; the thread's detail is the result's. BULLA_EVIDENCE_UNTRUSTED:
 * nobody pinned its key; BULLA_EVIDENCE_STALE: too old, or from the future; and the reasons of verifier.h and policy.h.
 */
enum bulla_reason bulla_evidence_judge(
    const struct bulla_judgement *judgement, struct bulla_attestation_result *result) BULLA_MUST_USE;

/* EAR as a JSON text, malloc'd; NULL without memory. With `with_claims` what was measured is in "ear_verifier_claims".
 */
char *bulla_ear_json(const struct bulla_attestation_result *result, bool with_claims);
/* EAR as a CWT: COSE_Sign1 over the same claims, with the verifier's own key. */
enum bulla_reason bulla_ear_cwt(const struct bulla_attestation_result *result, const struct bulla_cose_signer *signer,
    struct bulla_writer *writer) BULLA_MUST_USE;
enum { BULLA_EAR_LARGEST = 16384 };

/* Nonces that a verifier hands out: each is good once, and for minutes. The caller owns the memory and serialises. */
enum { BULLA_NONCES = 64, BULLA_NONCE_SECONDS = 300 };
struct bulla_nonces {
    struct {
        uint8_t value[32];
        uint64_t until; /* 0: free */
    } issued[BULLA_NONCES];
};
/* A new one, in the place of one that is over, or of the oldest. */
void bulla_nonce_issue(struct bulla_nonces *nonces, uint64_t now, uint8_t nonce[static 32]);
/* BULLA_NONCE_UNKNOWN: it was never issued, was taken before, or its time is over. It can't be taken again. */
enum bulla_reason bulla_nonce_take(struct bulla_nonces *nonces, uint64_t now, struct bulla_bytes nonce) BULLA_MUST_USE;

#endif
