/* TPM 2.0 names of hashes (TCG Algorithm Registry, TPM_ALG_ID). */
#ifndef BULLA_EVIDENCE_TPM_ALGORITHM_H
#define BULLA_EVIDENCE_TPM_ALGORITHM_H

#include "crypto/signature.h"

/* false: another algorithm than SHA-1 and SHA-2. */
bool bulla_tpm_hash(uint16_t algorithm, enum bulla_hash *hash);
uint16_t bulla_tpm_hash_algorithm(enum bulla_hash hash);

#endif
