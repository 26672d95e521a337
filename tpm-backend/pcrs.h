/* PCRs of the SHA-256 bank. */
#ifndef BULLA_TPM_BACKEND_PCRS_H
#define BULLA_TPM_BACKEND_PCRS_H

#include "connection.h"
#include "evidence/tpm_quote.h"

/* BULLA_ARGUMENT for no PCRs or one above 23. */
enum bulla_reason bulla_tpm_selection(uint32_t mask, TPML_PCR_SELECTION *selection) BULLA_MUST_USE;
enum bulla_reason bulla_tpm_pcrs(
    struct bulla_tpm_burst *burst, uint32_t mask, uint8_t values[static BULLA_PCR_COUNT][32]) BULLA_MUST_USE;
/* SHA-256 over the values of the mask, ascending. */
void bulla_tpm_pcrs_digest(uint32_t mask, const uint8_t values[static BULLA_PCR_COUNT][32], uint8_t digest[static 32]);
/* "0, 2, 7" */
void bulla_tpm_pcrs_list(uint32_t mask, char *list, size_t size);

#endif
