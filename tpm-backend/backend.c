/* The TPM as a token's backend: release/backend.h on top of this room's own functions. */
#include "backend.h"

#include <stdio.h>
#include <unistd.h>

#include "tpm.h"

static enum bulla_reason tries(const char *tcti, unsigned *most, unsigned *left)
{
    struct bulla_tpm_status status;
    BULLA_TRY(bulla_tpm_status_read(tcti, &status));
    *most = status.max_tries;
    *left =
        status.in_lockout || status.lockout_counter >= status.max_tries ? 0 : status.max_tries - status.lockout_counter;
    return BULLA_OK;
}

static void tell_pcrs(
    const uint8_t values[static BULLA_PCR_COUNT][32], uint32_t mask, bulla_backend_tell *tell, void *context)
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++) {
        if (!(mask >> pcr & 1))
            continue;
        char name[16], hex[65] = {0};
        for (size_t i = 0; i < 32; i++) {
            hex[2 * i] = digits[values[pcr][i] >> 4];
            hex[2 * i + 1] = digits[values[pcr][i] & 15];
        }
        (void)snprintf(name, sizeof name, "pcr%u", pcr);
        tell(context, &(struct bulla_backend_fact){name, hex, 0});
    }
}

static enum bulla_reason state(const char *tcti, uint32_t pcrs, bulla_backend_tell *tell, void *context)
{
    struct bulla_tpm_status status;
    uint8_t values[BULLA_PCR_COUNT][32];
    BULLA_TRY(bulla_tpm_status_read(tcti, &status));
    BULLA_TRY(bulla_tpm_pcr_read(tcti, pcrs, values));
    const struct bulla_backend_fact facts[] = {
        {"manufacturer", status.manufacturer, 0},
        {"firmware", NULL, status.firmware},
        {"max_tries", NULL, status.max_tries},
        {"lockout_counter", NULL, status.lockout_counter},
        {"recovery_seconds", NULL, status.recovery_seconds},
        {"in_lockout", NULL, status.in_lockout},
        {"owner_auth_set", NULL, status.owner_auth_set},
        {"lockout_auth_set", NULL, status.lockout_auth_set},
        {"nv_indexes_free", NULL, status.nv_indexes_free},
        {"transient_loaded", NULL, status.transient_loaded},
        {"sessions_loaded", NULL, status.sessions_loaded},
    };
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        tell(context, &facts[i]);
    tell_pcrs(values, pcrs, tell, context);
    return BULLA_OK;
}

/* A TCTI that is set is a TPM; whether it answers is found out by asking it. */
static bool detect(const char *tcti)
{
    return *tcti != '\0';
}

static void devices(bulla_backend_tell *tell, void *context)
{
    static const char *const paths[] = {"/dev/tpmrm0", "/dev/tpm0"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (access(paths[i], F_OK) == 0)
            tell(context, &(struct bulla_backend_fact){"device", paths[i], 0});
}

static enum bulla_reason attest(const struct bulla_attester_request *request, struct bulla_writer *evidence)
{
    return bulla_tpm_quote(request->tcti, request->key_blob, (struct bulla_tpm_selected){request->bank, request->pcrs},
        request->report, evidence);
}

const struct bulla_attester bulla_tpm_attester = {
    .name = "tpm",
    .kind = BULLA_EVIDENCE_TPM,
    .needs_key = true,
    .evidence_largest = BULLA_EVIDENCE_LARGEST,
    .detect = detect,
    .devices = devices,
    .evidence = attest,
};

const struct bulla_backend bulla_tpm_backend = {
    .name = "tpm",
    .tries = tries,
    .state = state,
    .key_create = bulla_tpm_attestation_key_create,
    .endorsements = bulla_tpm_endorsements,
    .key_public = bulla_tpm_attestation_key_public,
    .activate = bulla_tpm_activate,
    .counter_create = bulla_tpm_counter_create,
    .counter_read = bulla_tpm_counter_read,
    .counter_increment = bulla_tpm_counter_increment,
    .counter_remove = bulla_tpm_counter_remove,
    .secret_create = bulla_tpm_nv_secret_create,
    .secret_read = bulla_tpm_nv_secret_read,
    .secret_write = bulla_tpm_nv_secret_write,
    .clock = bulla_tpm_clock,
};
