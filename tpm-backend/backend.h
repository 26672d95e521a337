/* What compose.c names of this room, beside the leaf. */
#ifndef BULLA_TPM_BACKEND_BACKEND_H
#define BULLA_TPM_BACKEND_BACKEND_H

#include "release/backend.h"

extern const struct bulla_backend bulla_tpm_backend;
extern const struct bulla_attester bulla_tpm_attester; /* "tpm": quotes, for tokens with a tcti */

#endif
