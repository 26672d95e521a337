/* PCRs of one bank. */
#ifndef BULLA_TPM_BACKEND_PCRS_H
#define BULLA_TPM_BACKEND_PCRS_H

#include "connection.h"
#include "tpm.h"

/* BULLA_ARGUMENT for no PCRs, one above 23, or a bank of SHA-1. */
enum bulla_reason bulla_tpm_selection(struct bulla_tpm_selected selected, TPML_PCR_SELECTION *selection) BULLA_MUST_USE;
/* The values at their index, from the left. BULLA_TPM_FAILED where the TPM does not have the bank. */
enum bulla_reason bulla_tpm_pcrs(struct bulla_tpm_burst *burst, struct bulla_tpm_selected selected,
    uint8_t values[static BULLA_PCR_COUNT][BULLA_HASH_LARGEST]) BULLA_MUST_USE;
/* SHA-256 over the values, ascending: what a quote by a key with SHA-256 has, and an approval, whatever the bank. */
void bulla_tpm_pcrs_digest(struct bulla_tpm_selected selected,
    const uint8_t values[static BULLA_PCR_COUNT][BULLA_HASH_LARGEST], uint8_t digest[static 32]);
/* "0, 2, 7" */
void bulla_tpm_pcrs_list(uint32_t mask, char *list, size_t size);

#endif
