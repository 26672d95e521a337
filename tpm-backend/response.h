/* What the TPM's response codes mean to us: one table. */
#ifndef BULLA_TPM_BACKEND_RESPONSE_H
#define BULLA_TPM_BACKEND_RESPONSE_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/reason.h"

struct bulla_tpm_response {
    uint32_t code; /* without the number of the handle, parameter or session */
    enum bulla_reason reason;
    const char *words;
};

/* Sorted by code. */
extern const struct bulla_tpm_response bulla_tpm_responses[];
extern const size_t bulla_tpm_response_count;

/* The row of a code of the TPM's own layer; NULL for one that the table does not have. */
const struct bulla_tpm_response *bulla_tpm_response_find(uint32_t code);

#endif
