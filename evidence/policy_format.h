/* What the writer and the reader of a policy bundle share: the keys of its maps and what an approval signs. */
#ifndef BULLA_EVIDENCE_POLICY_FORMAT_H
#define BULLA_EVIDENCE_POLICY_FORMAT_H

#include "policy.h"

#define BULLA_POLICY_FORMAT "bulla/1 policy"

enum { KEY_FORMAT, KEY_AUTHORITY, KEY_VERSION, KEY_EPOCH, KEY_NOT_BEFORE, KEY_NOT_AFTER, KEY_NOTE, KEY_STATES, KEYS };
enum { STATE_LABEL, STATE_MASK, STATE_DIGEST, STATE_POLICY, STATE_APPROVAL, STATE_KEYS };

/* approvedPolicy ‖ policyRef: the TPM hashes the same 64 bytes into the aHash of TPM2_PolicyAuthorize. */
void bulla_policy_approval_message(
    const struct bulla_policy *policy, const struct bulla_policy_state *state, uint8_t message[static 64]);

#endif
