/* What the files of the grants share: grants_held.c gathers what is in force, grants.c decides by it. */
#ifndef BULLA_CORE_GRANTS_INSIDE_H
#define BULLA_CORE_GRANTS_INSIDE_H

#include "evidence/policy.h"
#include "grants.h"
#include "token.h"

/* What an authority's bundle and its grants say, and the ledger of them. Guarded by the lock of token->grants. */
struct bulla_grants_of {
    uint8_t authority[65];
    uint64_t epoch;       /* the object's */
    bool known;           /* what follows is from the store as it was at `seen` */
    uint64_t seen, print; /* print: of the policy objects that it was gathered from */
    struct bulla_policy policy;
    struct bulla_grant *list;
    struct bulla_grant_mark *marks; /* of each, in the list's order */
    size_t count;
};
struct bulla_grant_mark {
    uint8_t mark[BULLA_GRANT_MARK];
    uint64_t used;
    bool revoked;
};

/* The lock is held; `of` is the cache's until it is released. BULLA_POLICY_MISSING: a bundle that was taken once is not
 * there. Where none ever was, the policy is not restricted. */
enum bulla_reason bulla_grants_hold(struct bulla_token *token, struct bulla_bytes authority, uint64_t epoch,
    struct bulla_grants_of **of) BULLA_MUST_USE;

#endif
