/* What the tests of policies share: an authority and another key, a policy that may stand, and drafts: bundles that
 * their authority signed, and that may say something which may not be said.
 *
 * There is one bundle at a time, in policy_memory. */
#ifndef BULLA_TESTS_POLICY_FIXTURE_H
#define BULLA_TESTS_POLICY_FIXTURE_H

#include "support/test.h"

#include "evidence/policy.h"
#include "signers.h"

extern struct test_p256 policy_authority, policy_other;
extern const struct bulla_bytes policy_anyone; /* as the authority that is expected: none */

int policy_keys_make(void **state); /* cmocka's setup and teardown of the group */
int policy_keys_free(void **state);

/* Of policy_authority, epoch 3, valid from 1700000000 to 1800000000, with so many states. */
void policy_fill(struct bulla_policy *policy, size_t states);

/* Where policy_bundle and policy_draft_read put the bundle. */
extern uint8_t policy_memory[BULLA_POLICY_LARGEST];
struct bulla_bytes policy_bundle(struct bulla_policy *policy); /* signed */

struct policy_draft {
    struct bulla_policy policy; /* with approvals of its own */
    size_t states;              /* written; state 0 again after the last */
    const char *format;
    struct bulla_bytes label; /* of every state */
    bool number_for_a_state;
    uint64_t content_type;
    size_t more_keys; /* fields behind the eighth, in hex */
    const char *more;
};

/* Two states, which the authority approved, and nothing wrong. */
void policy_draft_init(struct policy_draft *draft);
void policy_draft_approve(struct policy_draft *draft, const struct test_p256 *by);
/* The payload, valid until the next one. */
struct bulla_bytes policy_draft_write(const struct policy_draft *draft);
/* Signs and reads it, into policy_read_back; asserts that nothing of a refused bundle is left there. */
extern struct bulla_policy policy_read_back;
enum bulla_reason policy_draft_read(const struct policy_draft *draft);

#endif
