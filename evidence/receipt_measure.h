/* What evidence measured, in the words of a receipt; and what its own maker reads of it. */
#ifndef BULLA_EVIDENCE_RECEIPT_MEASURE_H
#define BULLA_EVIDENCE_RECEIPT_MEASURE_H

#include "receipt.h"
#include "verifier.h"

/* Sets profile, security mode ("attested"), type and measurements; the values are views into `claims`. AIR's own
 * profile over Nitro and TDX, bulla's over TPM and SEV-SNP. BULLA_EVIDENCE_KIND: receipts have no words for this kind;
 * BULLA_UNSUPPORTED: nor for measurements of this size. */
enum bulla_reason bulla_receipt_measure(
    const struct bulla_claims *claims, struct bulla_receipt *receipt) BULLA_MUST_USE;

/* The measurements that evidence states, by its form alone: for the token that had it made a moment ago. A relying
 * party takes them from bulla_evidence_verify. Nothing else of `claims` is filled in but the kind. */
enum bulla_reason bulla_evidence_measured(
    const struct bulla_envelope *envelope, struct bulla_claims *claims) BULLA_MUST_USE;

#endif
