/* Event logs: walked, shown and replayed over each bank. What a replay gives differs in nothing from itself; text is
 * printable, and of data alone that was digested. */
#include "fuzz.h"

#include "evidence/tpm_event_log.h"

static void try_walk(struct bulla_bytes bytes)
{
    struct bulla_tpm_event_log log;
    struct bulla_tpm_event event;
    if (bulla_tpm_event_log_open(bytes, &log) != BULLA_OK)
        return;
    while (bulla_reader_left(&log.reader)) {
        char text[40];
        size_t before = bulla_reader_left(&log.reader);
        if (bulla_tpm_event_log_next(&log, &event) != BULLA_OK)
            return;
        FUZZ_CHECK(bulla_reader_left(&log.reader) < before);
        FUZZ_CHECK(event.pcr < BULLA_PCR_COUNT || !event.extends);
        bulla_tpm_event_text(&event, text, sizeof text);
        FUZZ_CHECK(event.data_is_digested || text[0] == 0);
        for (const char *at = text; *at; at++)
            FUZZ_CHECK(*at >= 0x20 && *at < 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bulla_tpm_replay replay;
    struct bulla_bytes bytes = {data, size};
    try_walk(bytes);
    for (unsigned bank = 0; bank < BULLA_HASHES; bank++)
        if (bulla_tpm_event_log_replay(bytes, (enum bulla_hash)bank, &replay) == BULLA_OK)
            FUZZ_CHECK(
                bulla_tpm_replay_differs(&replay, 0xffffff, (const uint8_t(*)[BULLA_HASH_LARGEST])replay.values) == 0);
    return 0;
}
