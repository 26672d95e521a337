/* TPM2_PCR_Read gives at most eight values at once, and says which: it is asked until it has given all. */
#include "pcrs.h"

#include <stdio.h>
#include <string.h>

#include "crypto/cipher.h"
#include "tpm.h"

enum bulla_reason bulla_tpm_selection(uint32_t mask, TPML_PCR_SELECTION *selection)
{
    if (mask == 0 || mask >> BULLA_PCR_COUNT != 0)
        return bulla_refuse(BULLA_ARGUMENT, "PCRs 0x%x: some of 0 to %d", mask, BULLA_PCR_COUNT - 1);
    *selection = (TPML_PCR_SELECTION){
        .count = 1,
        .pcrSelections = {{
            .hash = TPM2_ALG_SHA256,
            .sizeofSelect = 3,
            .pcrSelect = {(uint8_t)mask, (uint8_t)(mask >> 8), (uint8_t)(mask >> 16)},
        }},
    };
    return BULLA_OK;
}

/* Stores the values that came and returns their mask; 0 when the answer is not one to the question. */
static uint32_t values_take(
    const TPML_PCR_SELECTION *selection, const TPML_DIGEST *digests, uint32_t asked, uint8_t (*values)[32])
{
    const TPMS_PCR_SELECTION *bank = &selection->pcrSelections[0];
    if (selection->count != 1 || bank->hash != TPM2_ALG_SHA256 || bank->sizeofSelect != 3)
        return 0;
    uint32_t given = bank->pcrSelect[0] | (uint32_t)bank->pcrSelect[1] << 8 | (uint32_t)bank->pcrSelect[2] << 16;
    size_t next = 0;
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++) {
        if (!(given >> pcr & 1))
            continue;
        if (next >= digests->count || digests->digests[next].size != 32)
            return 0;
        memcpy(values[pcr], digests->digests[next++].buffer, 32);
    }
    return next == digests->count && (given & ~asked) == 0 ? given : 0;
}

enum bulla_reason bulla_tpm_pcrs(
    struct bulla_tpm_burst *burst, uint32_t mask, uint8_t values[static BULLA_PCR_COUNT][32])
{
    for (uint32_t left = mask, given; left != 0; left &= ~given) {
        TPML_PCR_SELECTION asked, *selection = NULL;
        TPML_DIGEST *digests = NULL;
        BULLA_TRY(bulla_tpm_selection(left, &asked));
        BULLA_TRY(bulla_tpm_check(burst,
            Esys_PCR_Read(burst->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &asked, NULL, &selection, &digests),
            "reading PCRs"));
        given = values_take(selection, digests, left, values);
        Esys_Free(selection);
        Esys_Free(digests);
        if (given == 0)
            return bulla_refuse(BULLA_TPM_FAILED, "the TPM has no SHA-256 bank of PCRs");
    }
    return BULLA_OK;
}

void bulla_tpm_pcrs_digest(uint32_t mask, const uint8_t values[static BULLA_PCR_COUNT][32], uint8_t digest[static 32])
{
    struct bulla_bytes parts[BULLA_PCR_COUNT];
    size_t count = 0;
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++)
        if (mask >> pcr & 1)
            parts[count++] = (struct bulla_bytes){values[pcr], 32};
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
    TPML_PCR_SELECTION selection;
    BULLA_TRY(bulla_tpm_selection(mask, &selection));
    BULLA_TPM_BURST struct bulla_tpm_burst burst;
    BULLA_TRY(bulla_tpm_burst_open(&burst, tcti));
    return bulla_tpm_pcrs(&burst, mask, values);
}
