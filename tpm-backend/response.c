/* A code of format one (bit 7 set; TPM 2.0 part 2, 6.6.3) carries in bits 6 and 8 to 11 to which handle, parameter or
 * session it belongs; what is left tells what was wrong. */
#include "response.h"

#include <tss2/tss2_tpm2_types.h>

const struct bulla_tpm_response bulla_tpm_responses[] = {
    {TPM2_RC_VALUE, BULLA_TPM_FAILED, "a value is out of range"},
    {TPM2_RC_HIERARCHY, BULLA_TPM_FAILED, "the hierarchy is disabled"},
    {TPM2_RC_HANDLE, BULLA_TPM_FAILED, "a handle does not exist"},
    {TPM2_RC_AUTH_FAIL, BULLA_TPM_AUTHORIZATION, "the auth value is wrong, and was counted"},
    {TPM2_RC_SIGNATURE, BULLA_POLICY_SIGNATURE, "the signature is not the authority's"},
    {TPM2_RC_POLICY_FAIL, BULLA_TPM_POLICY, "the policy does not hold"},
    {TPM2_RC_INTEGRITY, BULLA_AUTHENTICATION, "the blob was changed"},
    {TPM2_RC_BAD_AUTH, BULLA_TPM_AUTHORIZATION, "the auth value is wrong"},
    {TPM2_RC_ECC_POINT, BULLA_KEY_INVALID, "the public key is not a point of P-256"},
    {TPM2_RC_INITIALIZE, BULLA_TPM_UNREACHABLE, "it was not started up (TPM2_Startup)"},
    {TPM2_RC_FAILURE, BULLA_TPM_FAILED, "it is in failure mode"},
    {TPM2_RC_PCR_CHANGED, BULLA_TPM_PCR, "a PCR changed in the middle"},
    {TPM2_RC_AUTH_UNAVAILABLE, BULLA_TPM_AUTHORIZATION, "the object is not used in this way"},
    {TPM2_RC_REBOOT, BULLA_TPM_UNREACHABLE, "it has to be rebooted"},
    {TPM2_RC_NV_AUTHORIZATION, BULLA_TPM_AUTHORIZATION, "the NV index is not ours to use"},
    {TPM2_RC_NV_UNINITIALIZED, BULLA_TPM_NV, "the NV index was never written"},
    {TPM2_RC_NV_SPACE, BULLA_TPM_NV, "it has no room for another NV index"},
    {TPM2_RC_NV_DEFINED, BULLA_TPM_NV, "the NV index exists already"},
    {TPM2_RC_OBJECT_MEMORY, BULLA_TPM_FAILED, "all its object slots are taken by other programs"},
    {TPM2_RC_SESSION_MEMORY, BULLA_TPM_FAILED, "all its session slots are taken by other programs"},
    {TPM2_RC_MEMORY, BULLA_TPM_FAILED, "its memory is taken by other programs"},
    {TPM2_RC_NV_RATE, BULLA_TPM_FAILED, "it slows down writing to NV: try again later"},
    {TPM2_RC_LOCKOUT, BULLA_TPM_LOCKOUT, "it is locked after too many wrong auth values"},
    {TPM2_RC_RETRY, BULLA_TPM_FAILED, "it is busy: try again"},
    {TPM2_RC_NV_UNAVAILABLE, BULLA_TPM_FAILED, "its NV memory is out of reach"},
};
const size_t bulla_tpm_response_count = sizeof bulla_tpm_responses / sizeof bulla_tpm_responses[0];

const struct bulla_tpm_response *bulla_tpm_response_find(uint32_t code)
{
    if (code & TPM2_RC_FMT1)
        code &= TPM2_RC_FMT1 | 0x3f;
    for (size_t i = 0; i < bulla_tpm_response_count; i++)
        if (bulla_tpm_responses[i].code == code)
            return &bulla_tpm_responses[i];
    return NULL;
}
