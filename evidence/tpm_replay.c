/* PCR := H(PCR ‖ digest), from zeros: PCRs 17 to 22 too, which a dynamic launch sets to zeros before its first event.
 * A PCR that the log has no event of is at its value after start: zeros, but for 17 to 22 all ones. */
#include "tpm_event_log.h"

enum { DYNAMIC_FIRST = 17, DYNAMIC_LAST = 22 };

static bool has_bank(const struct bulla_tpm_event_log *log, enum bulla_hash bank)
{
    for (size_t i = 0; i < log->bank_count; i++)
        if (log->banks[i].algorithm == bulla_tpm_hash_algorithm(bank))
            return true;
    return false;
}

static enum bulla_reason extend(struct bulla_tpm_replay *replay, const struct bulla_tpm_event *event)
{
    size_t size = bulla_hash_size(replay->bank);
    uint8_t *value = replay->values[event->pcr];
    uint8_t digest[BULLA_HASH_LARGEST];
    const struct bulla_bytes parts[] = {{value, size}, event->digests[replay->bank]};
    BULLA_TRY(bulla_hash_parts(replay->bank, parts, 2, digest));
    memcpy(value, digest, size);
    replay->extended |= UINT32_C(1) << event->pcr;
    return BULLA_OK;
}

static enum bulla_reason apply(struct bulla_tpm_replay *replay, const struct bulla_tpm_event *event)
{
    if (event->locality >= 0)
        replay->values[0][bulla_hash_size(replay->bank) - 1] = (uint8_t)event->locality;
    return event->extends ? extend(replay, event) : BULLA_OK;
}

enum bulla_reason bulla_tpm_event_log_replay(
    struct bulla_bytes bytes, enum bulla_hash bank, struct bulla_tpm_replay *replay)
{
    struct bulla_tpm_event_log log;
    struct bulla_tpm_event event;
    *replay = (struct bulla_tpm_replay){.bank = bank};
    BULLA_TRY(bulla_tpm_event_log_open(bytes, &log));
    if (!has_bank(&log, bank))
        return bulla_refuse(BULLA_EVIDENCE_MISMATCH, "the event log has no %s bank", bulla_hash_name(bank));
    while (bulla_reader_left(&log.reader)) {
        BULLA_TRY(bulla_tpm_event_log_next(&log, &event));
        BULLA_TRY(apply(replay, &event));
    }
    for (unsigned pcr = DYNAMIC_FIRST; pcr <= DYNAMIC_LAST; pcr++)
        if (!(replay->extended >> pcr & 1))
            memset(replay->values[pcr], 0xff, bulla_hash_size(bank));
    return BULLA_OK;
}

uint32_t bulla_tpm_replay_differs(const struct bulla_tpm_replay *replay, uint32_t mask,
    const uint8_t values[static BULLA_PCR_COUNT][BULLA_HASH_LARGEST])
{
    uint32_t differs = 0;
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++)
        if ((mask >> pcr & 1) && memcmp(replay->values[pcr], values[pcr], bulla_hash_size(replay->bank)) != 0)
            differs |= UINT32_C(1) << pcr;
    return differs;
}

enum bulla_reason bulla_tpm_replay_check(const struct bulla_tpm_replay *replay, uint32_t mask,
    const uint8_t values[static BULLA_PCR_COUNT][BULLA_HASH_LARGEST])
{
    uint32_t differs = bulla_tpm_replay_differs(replay, mask, values);
    if (differs == 0)
        return BULLA_OK;
    return bulla_refuse(
        BULLA_EVIDENCE_MISMATCH, "the event log does not lead to the value of PCR %d", __builtin_ctz(differs));
}
