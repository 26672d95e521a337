/* The policy of an object's leaf: PolicyAuthorize(authority, policyRef) and then PolicyAuthValue. */
#ifndef BULLA_TPM_BACKEND_POLICY_SESSION_H
#define BULLA_TPM_BACKEND_POLICY_SESSION_H

#include "connection.h"
#include "release/leaf.h"

/* The authPolicy of a leaf for this authority and policyRef. BULLA_KEY_INVALID for an authority of another form. */
enum bulla_reason bulla_tpm_policy_digest(
    const struct bulla_leaf_request *request, uint8_t digest[static 32]) BULLA_MUST_USE;

/* A session, salted to `primary`, that satisfies it with the approval that holds for the present PCRs; an Unseal's
 * answer is encrypted in it. BULLA_POLICY_MISSING: no approvals. BULLA_TPM_PCR: none holds, or a PCR changed meanwhile.
 * BULLA_POLICY_SIGNATURE: not signed by the authority. BULLA_TPM_POLICY: the approval's policy is not that of its PCRs.
 */
enum bulla_reason bulla_tpm_policy_session(struct bulla_tpm_burst *burst, ESYS_TR primary,
    const struct bulla_leaf_request *request, ESYS_TR *session) BULLA_MUST_USE;

#endif
