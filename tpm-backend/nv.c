#include "nv.h"

#include <string.h>

#include "crypto/arena.h"

enum bulla_reason bulla_tpm_nv_find(
    struct bulla_tpm_burst *burst, uint32_t index, const struct bulla_tpm_nv_kind *kind, ESYS_TR *nv)
{
    TPM2B_NV_PUBLIC *public = NULL;
    TSS2_RC code = Esys_TR_FromTPMPublic(burst->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, nv);
    if ((code & ~(TSS2_RC)TPM2_RC_N_MASK) == TPM2_RC_HANDLE)
        return bulla_refuse(BULLA_TPM_NV, "the TPM has no NV index 0x%08x", index);
    BULLA_TRY(bulla_tpm_check(burst, code, "looking up an NV index"));
    BULLA_TRY(bulla_tpm_check(burst,
        Esys_NV_ReadPublic(burst->esys, *nv, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public, NULL),
        "looking up an NV index"));
    bool ours =
        (public->nvPublic.attributes & ~TPMA_NV_WRITTEN) == kind->attributes && public->nvPublic.dataSize == kind->size;
    Esys_Free(public);
    return ours ? BULLA_OK : bulla_refuse(BULLA_TPM_NV, "NV index 0x%08x is not a %s of bulla", index, kind->what);
}

enum bulla_reason bulla_tpm_nv_define(struct bulla_tpm_burst *burst, ESYS_TR session, uint32_t index,
    const struct bulla_tpm_nv_kind *kind, const uint8_t auth[static 32])
{
    BULLA_SECRET TPM2B_AUTH *value = NULL;
    ESYS_TR nv = ESYS_TR_NONE;
    const TPM2B_NV_PUBLIC public = {
        .nvPublic = {.nvIndex = index,
            .nameAlg = TPM2_ALG_SHA256,
            .attributes = kind->attributes,
            .dataSize = kind->size},
    };
    BULLA_TRY(bulla_secret_allocate(sizeof *value, (void **)&value));
    value->size = 32;
    memcpy(value->buffer, auth, 32);
    TSS2_RC code =
        Esys_NV_DefineSpace(burst->esys, ESYS_TR_RH_OWNER, session, ESYS_TR_NONE, ESYS_TR_NONE, value, &public, &nv);
    if (code == TSS2_RC_SUCCESS) /* ESAPI has given the auth value to its object */
        bulla_tpm_holder_note(burst, nv, ESYS_TR_NONE);
    return bulla_tpm_check(burst, code, "defining an NV index");
}

enum bulla_reason bulla_tpm_nv_undefine(struct bulla_tpm_burst *burst, ESYS_TR nv, const char *doing)
{
    return bulla_tpm_check(burst,
        Esys_NV_UndefineSpace(burst->esys, ESYS_TR_RH_OWNER, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE), doing);
}
