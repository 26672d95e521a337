/* Two quotes of one key, one after the other.
 *
 * resetCount and restartCount of a key outside the endorsement hierarchy are shifted by a constant of that key, modulo
 * 2^32: they may pass zero between two quotes. So "went back" is judged on the difference, as sequence numbers are; a
 * machine that is started 2^31 times between two quotes is not met. */
#include "tpm_quote.h"

static bool went_back(uint32_t earlier, uint32_t later)
{
    return later - earlier > INT32_MAX;
}

static enum bulla_reason stale(const char *what)
{
    return bulla_refuse(BULLA_EVIDENCE_STALE, "the TPM's %s went back since the quote before", what);
}

enum bulla_reason bulla_tpm_claims_follow(const struct bulla_tpm_claims *earlier, const struct bulla_tpm_claims *later)
{
    bool reset = earlier->reset_count != later->reset_count;
    if (earlier->key_name.size == 0 ||
        !bulla_bytes_equal(bulla_tpm_name_bytes(&earlier->key_name), bulla_tpm_name_bytes(&later->key_name)))
        return bulla_refuse(BULLA_EVIDENCE_UNTRUSTED, "the two quotes are of two keys");
    if (went_back(earlier->reset_count, later->reset_count))
        return stale("count of resets");
    if (!reset && went_back(earlier->restart_count, later->restart_count))
        return stale("count of restarts");
    bool restarted = reset || earlier->restart_count != later->restart_count;
    if (later->clock < earlier->clock && (!restarted || later->clock_safe))
        return stale("clock");
    return BULLA_OK;
}

enum bulla_reason bulla_tpm_firmware_check(
    const struct bulla_tpm_claims *claims, const uint64_t *accepted, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (accepted[i] == claims->firmware)
            return BULLA_OK;
    return bulla_refuse(BULLA_EVIDENCE_TCB, "the TPM's firmware %016llx is not one of the %zu accepted",
        (unsigned long long)claims->firmware, count);
}
