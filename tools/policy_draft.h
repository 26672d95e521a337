/* A policy that is being written: states, references and grants from options and from another bundle, each once. */
#ifndef BULLA_TOOLS_POLICY_DRAFT_H
#define BULLA_TOOLS_POLICY_DRAFT_H

#include "authority.h"
#include "document.h"

struct bulla_policy_draft {
    struct bulla_policy policy;
    struct bulla_grant grants[BULLA_GRANTS_LARGEST];
    size_t grant_count;
    uint8_t encoded[BULLA_POLICY_LARGEST]; /* the grants, for signing */
};

/* One that is there already is told of, and left as it is. BULLA_TOO_LARGE: as many as a policy can have are there. */
enum bulla_reason bulla_draft_state(
    struct bulla_policy_draft *draft, const struct bulla_policy_state *state) BULLA_MUST_USE;
enum bulla_reason bulla_draft_reference(
    struct bulla_policy_draft *draft, const struct bulla_policy_reference *reference) BULLA_MUST_USE;
/* BULLA_DUPLICATE: another grant has its id. Restricts the policy. */
enum bulla_reason bulla_draft_grant(struct bulla_policy_draft *draft, const struct bulla_grant *grant) BULLA_MUST_USE;
/* A stand-alone grant of the draft's authority and epoch. */
enum bulla_reason bulla_draft_grant_file(struct bulla_policy_draft *draft, const char *path) BULLA_MUST_USE;
/* What another bundle approves; its grants where `grants` is set. Restricted stays restricted. */
enum bulla_reason bulla_draft_base(
    struct bulla_policy_draft *draft, const struct bulla_document *base, bool grants) BULLA_MUST_USE;
enum bulla_reason bulla_draft_sign(struct bulla_policy_draft *draft, const struct bulla_authority *authority,
    struct bulla_writer *bundle) BULLA_MUST_USE;

#endif
