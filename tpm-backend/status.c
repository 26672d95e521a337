/* TPM2_GetCapability only: nothing here needs an auth value. */
#include <string.h>

#include "connection.h"
#include "tpm.h"

enum property {
    MANUFACTURER,
    FIRMWARE_HIGH,
    FIRMWARE_LOW,
    PERMANENT,
    LOCKOUT_COUNTER,
    MAX_AUTH_FAIL,
    LOCKOUT_INTERVAL,
    NV_COUNTERS,
    PROPERTIES
};

static const uint32_t properties[PROPERTIES] = {
    [MANUFACTURER] = TPM2_PT_MANUFACTURER,
    [FIRMWARE_HIGH] = TPM2_PT_FIRMWARE_VERSION_1,
    [FIRMWARE_LOW] = TPM2_PT_FIRMWARE_VERSION_2,
    [PERMANENT] = TPM2_PT_PERMANENT,
    [LOCKOUT_COUNTER] = TPM2_PT_LOCKOUT_COUNTER,
    [MAX_AUTH_FAIL] = TPM2_PT_MAX_AUTH_FAIL,
    [LOCKOUT_INTERVAL] = TPM2_PT_LOCKOUT_INTERVAL,
    [NV_COUNTERS] = TPM2_PT_NV_COUNTERS_AVAIL,
};

static enum bulla_reason handles_count(struct bulla_tpm_burst *burst, uint32_t first, uint32_t *count)
{
    TPMS_CAPABILITY_DATA *data = NULL;
    BULLA_TRY(bulla_tpm_check(burst,
        Esys_GetCapability(burst->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES, first,
            TPM2_MAX_CAP_HANDLES, NULL, &data),
        "listing what is loaded"));
    *count = data->capability == TPM2_CAP_HANDLES ? data->data.handles.count : 0;
    Esys_Free(data);
    return BULLA_OK;
}

/* Four letters as a number, the first in its highest byte; what is not a letter stays the zero that it was. */
static void manufacturer_read(uint32_t value, char text[static 8])
{
    for (int i = 0; i < 4; i++) {
        uint8_t letter = (uint8_t)(value >> (24 - 8 * i));
        if (letter >= ' ' && letter <= '~')
            text[i] = (char)letter;
    }
}

enum bulla_reason bulla_tpm_status_read(const char *tcti, struct bulla_tpm_status *status)
{
    uint32_t values[PROPERTIES];
    memset(status, 0, sizeof *status);
    BULLA_TPM_BURST struct bulla_tpm_burst burst;
    BULLA_TRY(bulla_tpm_burst_open(&burst, tcti));
    BULLA_TRY(bulla_tpm_properties(&burst, properties, PROPERTIES, values));
    manufacturer_read(values[MANUFACTURER], status->manufacturer);
    status->firmware = (uint64_t)values[FIRMWARE_HIGH] << 32 | values[FIRMWARE_LOW];
    status->max_tries = values[MAX_AUTH_FAIL];
    status->lockout_counter = values[LOCKOUT_COUNTER];
    status->recovery_seconds = values[LOCKOUT_INTERVAL];
    status->in_lockout = (values[PERMANENT] & TPMA_PERMANENT_INLOCKOUT) != 0;
    status->owner_auth_set = (values[PERMANENT] & TPMA_PERMANENT_OWNERAUTHSET) != 0;
    status->lockout_auth_set = (values[PERMANENT] & TPMA_PERMANENT_LOCKOUTAUTHSET) != 0;
    status->nv_indexes_free = values[NV_COUNTERS];
    BULLA_TRY(handles_count(&burst, (uint32_t)TPM2_HT_TRANSIENT << TPM2_HR_SHIFT, &status->transient_loaded));
    return handles_count(&burst, (uint32_t)TPM2_HT_LOADED_SESSION << TPM2_HR_SHIFT, &status->sessions_loaded);
}
