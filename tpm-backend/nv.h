/* NV indexes of ours: each under an auth value of its own, outside the TPM's dictionary-attack protection. */
#ifndef BULLA_TPM_BACKEND_NV_H
#define BULLA_TPM_BACKEND_NV_H

#include "connection.h"

/* Counters have the indexes from here on, each secret the one that stands as far behind its own first. */
enum { BULLA_TPM_COUNTER_FIRST = 0x0182B000, BULLA_TPM_SECRET_FIRST = 0x0182C000 };

struct bulla_tpm_nv_kind {
    const char *what; /* for details */
    TPMA_NV attributes;
    UINT16 size;
};

/* ESAPI reads the index's public area; anything that is not of the kind is refused: BULLA_TPM_NV, also when there is
 * none. */
enum bulla_reason bulla_tpm_nv_find(
    struct bulla_tpm_burst *burst, uint32_t index, const struct bulla_tpm_nv_kind *kind, ESYS_TR *nv) BULLA_MUST_USE;
/* Defines it; the auth value goes to the TPM through `session`, which encrypts it. */
enum bulla_reason bulla_tpm_nv_define(struct bulla_tpm_burst *burst, ESYS_TR session, uint32_t index,
    const struct bulla_tpm_nv_kind *kind, const uint8_t auth[static 32]) BULLA_MUST_USE;
enum bulla_reason bulla_tpm_nv_undefine(struct bulla_tpm_burst *burst, ESYS_TR nv, const char *doing) BULLA_MUST_USE;

/* The index of the secret beside a counter. */
uint32_t bulla_tpm_nv_secret_index(uint32_t counter);
/* Removes a secret where there is one. */
enum bulla_reason bulla_tpm_nv_secret_discard(struct bulla_tpm_burst *burst, uint32_t index) BULLA_MUST_USE;

#endif
