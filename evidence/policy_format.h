/* What the writer and the reader of a policy bundle share: the keys of its maps and what an approval signs. */
#ifndef BULLA_EVIDENCE_POLICY_FORMAT_H
#define BULLA_EVIDENCE_POLICY_FORMAT_H

#include "policy.h"

#include "signed_document.h"

enum {
    KEY_FORMAT = BULLA_SIGNED_FORMAT,
    KEY_AUTHORITY = BULLA_SIGNED_AUTHORITY,
    KEY_VERSION,
    KEY_EPOCH,
    KEY_NOT_BEFORE,
    KEY_NOT_AFTER,
    KEY_NOTE,
    KEY_STATES,
    KEY_GRANTS,     /* left out where anyone who is logged in may use the authority's objects */
    KEY_REFERENCES, /* left out where there is none */
    KEYS
};
enum { STATE_LABEL, STATE_MASK, STATE_DIGEST, STATE_POLICY, STATE_APPROVAL, STATE_KEYS };

/* approvedPolicy ‖ policyRef: the TPM hashes the same 64 bytes into the aHash of TPM2_PolicyAuthorize. */
void bulla_policy_approval_message(
    const struct bulla_policy *policy, const struct bulla_policy_state *state, uint8_t message[static 64]);

/* Text for people, into a C string: no control characters, so that it can be shown. */
enum bulla_reason bulla_policy_take_text(const struct bulla_cbor *value, char *text, size_t size) BULLA_MUST_USE;

/* The lists of fields 8 and 9. Reading fills in what the policy has of them. */
enum bulla_reason bulla_policy_read_grants(const struct bulla_cbor *array, struct bulla_policy *policy) BULLA_MUST_USE;
enum bulla_reason bulla_policy_read_references(
    const struct bulla_cbor *array, struct bulla_policy *policy) BULLA_MUST_USE;
/* Sorts the measurements of each as a map has its keys. BULLA_ARGUMENT: a number of them that a bundle can't have. */
enum bulla_reason bulla_policy_settle_references(struct bulla_policy *policy) BULLA_MUST_USE;
void bulla_policy_write_references(struct bulla_writer *writer, const struct bulla_policy *policy);

#endif
