/* Policies of a test's own authority for the software TPM of `flow`. */
#ifndef BULLA_TESTS_FLOW_POLICY_H
#define BULLA_TESTS_FLOW_POLICY_H

#include "evidence/policy.h"
#include "evidence/signers.h"
#include "flow.h"

enum { FLOW_PCRS = 1 << 0 | 1 << 7 };

/* A policy of this version that approves PCRs 0 and 7 as they are now; valid from an hour ago for two hours. */
void flow_policy_now(uint64_t version, struct bulla_policy *policy);
/* Signs and loads it. */
CK_RV flow_policy_load(struct bulla_policy *policy, const struct test_p256 *authority);
/* Signed bytes, malloc'd; and loading bytes as they are. */
struct bulla_bytes flow_policy_sign(struct bulla_policy *policy, const struct test_p256 *authority);
CK_RV flow_policy_load_bytes(struct bulla_bytes bundle);
CK_RV flow_policy_load_bytes_in(CK_SESSION_HANDLE session, struct bulla_bytes bundle);
/* The state that the TPM is in now, under a version: signed and loaded. */
CK_RV flow_policy_approve(uint64_t version, const struct test_p256 *authority);

#endif
