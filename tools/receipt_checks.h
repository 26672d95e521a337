/* Everything that can be said of a receipt bundle without a token: one line for each check. */
#ifndef BULLA_TOOLS_RECEIPT_CHECKS_H
#define BULLA_TOOLS_RECEIPT_CHECKS_H

#include "checks.h"
#include "crypto/bytes.h"
#include "evidence/policy.h"
#include "evidence/receipt.h"
#include "evidence_check.h"
#include "exchange.h"

/* What the relying party trusts or expects; empty parts are not checked, and the lines say so. */
struct bulla_receipt_trust {
    struct bulla_bytes key; /* receipt key, 32 bytes */
    struct bulla_evidence_trust evidence;
    struct bulla_bytes nonce;
    struct bulla_bytes model_hash;     /* 32 bytes */
    uint64_t max_age, now;             /* max_age 0: any */
    const struct bulla_policy *policy; /* read and checked; NULL: no allowlist */
    struct bulla_bytes authority;      /* who must have signed the policy, 65 bytes */
};

struct bulla_receipt_findings {
    struct bulla_receipt receipt;
    struct bulla_verified_evidence evidence; /* of no kind when there is none, or it does not verify */
    struct bulla_bytes key;                  /* the one that the signature was checked with */
    bool attested;                           /* by evidence that verified and vouches for the key */
    bool pinned;                             /* and whose attestation key was the trusted one, or whose root is */
};

/* Runs every check that can be run; the result stands in `checks`. */
void bulla_receipt_examine(struct bulla_checks *checks, struct bulla_bytes bundle,
    const struct bulla_receipt_trust *trust, struct bulla_receipt_findings *findings);

#endif
