/* How current an Intel platform is: a quote, and the platform's certificate, against Intel's statements. */
#ifndef BULLA_EVIDENCE_INTEL_TCB_H
#define BULLA_EVIDENCE_INTEL_TCB_H

#include "intel_collateral.h"
#include "intel_pck.h"
#include "intel_quote.h"

/* Judges both statements, which were verified, at a time; claims->tcb gets the worst of what they say, claims->facts
 * what a person wants to see of it. BULLA_CERTIFICATE_NOT_YET, _EXPIRED: at that time they were not in force;
 * BULLA_EVIDENCE_MISMATCH: they are of another platform, kind or enclave; BULLA_EVIDENCE_TCB: revoked, or of no level
 * that Intel knows; BULLA_MALFORMED. */
enum bulla_reason bulla_intel_tcb(const struct bulla_quote *quote, const struct bulla_pck *pck,
    const struct bulla_collateral *collateral, uint64_t at, struct bulla_claims *claims) BULLA_MUST_USE;

#endif
