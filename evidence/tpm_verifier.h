/* The row of TPM evidence in the table of verifiers.
 *
 * Claims: a measurement "pcr0" … for each quoted PCR, extraData as report data, and as facts the attestation key, the
 * bank, the clock, the counts of resets and restarts and the firmware. `pinned` is true where the caller named the key:
 * without that, anyone can make such a document in software. Endorsements are not looked at: an endorsement key's
 * certificate says nothing of an attestation key until an enrolment ties the two (tpm_credential.h). */
#ifndef BULLA_EVIDENCE_TPM_VERIFIER_H
#define BULLA_EVIDENCE_TPM_VERIFIER_H

#include "verifier.h"

extern const struct bulla_evidence_verifier bulla_tpm_verifier;

#endif
