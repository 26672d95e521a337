/* TPM2_PCR_Read gives at most eight values at once, and says which: it is asked until it has given all. */
#include "pcrs.h"

#include <stdio.h>
#include <string.h>

#include "crypto/cipher.h"
#include "tpm.h"

enum bulla_reason bulla_tpm_selection(struct bulla_tpm_selected selected, TPML_PCR_SELECTION *selection)
{
    uint32_t mask = selected.mask;
    if (selected.bank <= BULLA_SHA1 || selected.bank >= BULLA_HASHES)
        return bulla_refuse(BULLA_ARGUMENT, "PCRs of a bank that proves nothing");
    if (mask == 0 || mask >> BULLA_PCR_COUNT != 0)
        return bulla_refuse(BULLA_ARGUMENT, "PCRs 0x%x: some of 0 to %d", mask, BULLA_PCR_COUNT - 1);
    *selection = (TPML_PCR_SELECTION){
        .count = 1,
        .pcrSelections = {{
            .hash = bulla_tpm_hash_algorithm(selected.bank),
            .sizeofSelect = 3,
            .pcrSelect = {(uint8_t)mask, (uint8_t)(mask >> 8), (uint8_t)(mask >> 16)},
        }},
    };
    return BULLA_OK;
}

/* Stores the values that came and returns their mask; 0 when the answer is not one to the question. */
static uint32_t values_take(const TPML_PCR_SELECTION *selection, const TPML_DIGEST *digests,
    struct bulla_tpm_selected asked, uint8_t (*values)[BULLA_HASH_LARGEST])
{
    const TPMS_PCR_SELECTION *bank = &selection->pcrSelections[0];
    size_t size = bulla_hash_size(asked.bank), next = 0;
    if (selection->count != 1 || bank->hash != bulla_tpm_hash_algorithm(asked.bank) || bank->sizeofSelect != 3)
        return 0;
    uint32_t given = bank->pcrSelect[0] | (uint32_t)bank->pcrSelect[1] << 8 | (uint32_t)bank->pcrSelect[2] << 16;
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++) {
        if (!(given >> pcr & 1))
            continue;
        if (next >= digests->count || digests->digests[next].size != size)
            return 0;
        memcpy(values[pcr], digests->digests[next++].buffer, size);
    }
    return next == digests->count && (given & ~asked.mask) == 0 ? given : 0;
}

enum bulla_reason bulla_tpm_pcrs(struct bulla_tpm_burst *burst, struct bulla_tpm_selected selected,
    uint8_t values[static BULLA_PCR_COUNT][BULLA_HASH_LARGEST])
{
    for (uint32_t given; selected.mask != 0; selected.mask &= ~given) {
        TPML_PCR_SELECTION asked, *selection = NULL;
        TPML_DIGEST *digests = NULL;
        BULLA_TRY(bulla_tpm_selection(selected, &asked));
        BULLA_TRY(bulla_tpm_check(burst,
            Esys_PCR_Read(burst->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &asked, NULL, &selection, &digests),
            "reading PCRs"));
        given = values_take(selection, digests, selected, values);
        Esys_Free(selection);
        Esys_Free(digests);
        if (given == 0)
            return bulla_refuse(BULLA_TPM_FAILED, "the TPM has no %s bank of PCRs", bulla_hash_name(selected.bank));
    }
    return BULLA_OK;
}

void bulla_tpm_pcrs_digest(struct bulla_tpm_selected selected,
    const uint8_t values[static BULLA_PCR_COUNT][BULLA_HASH_LARGEST], uint8_t digest[static 32])
{
    struct bulla_bytes parts[BULLA_PCR_COUNT];
    size_t count = 0;
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++)
        if (selected.mask >> pcr & 1)
            parts[count++] = (struct bulla_bytes){values[pcr], bulla_hash_size(selected.bank)};
    bulla_sha256_parts(parts, count, digest);
}

void bulla_tpm_pcrs_list(uint32_t mask, char *list, size_t size)
{
    list[0] = '\0';
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++) {
        size_t used = strlen(list);
        if (mask >> pcr & 1)
            (void)snprintf(list + used, size - used, "%s%u", used > 0 ? ", " : "", pcr);
    }
}

enum bulla_reason bulla_tpm_pcr_read(const char *tcti, uint32_t mask, uint8_t values[static BULLA_PCR_COUNT][32])
{
    const struct bulla_tpm_selected selected = {BULLA_SHA256, mask};
    uint8_t read[BULLA_PCR_COUNT][BULLA_HASH_LARGEST];
    TPML_PCR_SELECTION selection;
    BULLA_TRY(bulla_tpm_selection(selected, &selection));
    BULLA_TPM_BURST struct bulla_tpm_burst burst;
    BULLA_TRY(bulla_tpm_burst_open(&burst, tcti));
    BULLA_TRY(bulla_tpm_pcrs(&burst, selected, read));
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++)
        if (mask >> pcr & 1)
            memcpy(values[pcr], read[pcr], 32);
    return BULLA_OK;
}
