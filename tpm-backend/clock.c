/* TPM2_ReadClock: needs no auth value, and tells nothing secret. */
#include "connection.h"
#include "tpm.h"

enum bulla_reason bulla_tpm_clock(const char *tcti, struct bulla_backend_clock *clock)
{
    TPMS_TIME_INFO *info = NULL;
    *clock = (struct bulla_backend_clock){0};
    BULLA_TPM_BURST struct bulla_tpm_burst burst;
    BULLA_TRY(bulla_tpm_burst_open(&burst, tcti));
    BULLA_TRY(bulla_tpm_check(
        &burst, Esys_ReadClock(burst.esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &info), "reading the clock"));
    *clock = (struct bulla_backend_clock){
        .milliseconds = info->clockInfo.clock,
        .resets = info->clockInfo.resetCount,
        .restarts = info->clockInfo.restartCount,
        .safe = info->clockInfo.safe == TPM2_YES,
    };
    Esys_Free(info);
    return BULLA_OK;
}
