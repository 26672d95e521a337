/* The log is read once to be replayed, and then once for each PCR that was quoted: it is short, and so nothing has to
 * be kept. Of events that measure something else than their data only the digest is shown: whatever else stands there,
 * anybody may have written. */
#include "evidence_log.h"

#include <stdio.h>

#include "evidence/tpm_event_log.h"
#include "options.h"
#include "output.h"

enum { TEXT_SIZE = 120 };

static json_t *event_tell(const struct bulla_tpm_event *event, enum bulla_hash bank)
{
    char digest[2 * BULLA_HASH_LARGEST + 1], text[TEXT_SIZE];
    bulla_hex_write(event->digests[bank].data, event->digests[bank].size, digest);
    bulla_tpm_event_text(event, text, sizeof text);
    bulla_say("    %-34s %.16s…  %s\n", event->type_name, digest, text);
    return json_pack("{s:s,s:s,s:s}", "type", event->type_name, "digest", digest, "text", text);
}

static enum bulla_reason events_tell(struct bulla_bytes bytes, enum bulla_hash bank, unsigned pcr, json_t *events)
{
    struct bulla_tpm_event_log log;
    struct bulla_tpm_event event;
    BULLA_TRY(bulla_tpm_event_log_open(bytes, &log));
    while (bulla_reader_left(&log.reader)) {
        BULLA_TRY(bulla_tpm_event_log_next(&log, &event));
        if (event.extends && event.pcr == pcr)
            (void)json_array_append_new(events, event_tell(&event, bank));
    }
    return BULLA_OK;
}

/* A PCR that no event of the log extends and that is not as it started was extended by somebody else: by IMA, say. */
static void verdict_tell(const struct bulla_tpm_replay *replay, unsigned pcr, bool differs)
{
    bool extended = replay->extended >> pcr & 1;
    if (!differs)
        bulla_say("  PCR %-2u " BULLA_GOOD "explained" BULLA_PLAIN "%s\n", pcr,
            extended ? ": these events lead to the quoted value" : ": nothing was measured into it");
    else
        bulla_say("  PCR %-2u " BULLA_WARN "not explained" BULLA_PLAIN ": %s\n", pcr,
            extended ? "these events lead to another value" : "the log has no event of it, and it was extended");
}

enum bulla_reason bulla_evidence_log_explain(
    const struct bulla_tpm_evidence *evidence, struct bulla_bytes log, json_t **document)
{
    struct bulla_tpm_replay replay;
    *document = NULL;
    BULLA_TRY(bulla_tpm_event_log_replay(log, evidence->bank, &replay));
    uint32_t differs = bulla_tpm_replay_differs(&replay, evidence->pcr_mask, evidence->values);
    json_t *pcrs = json_object();
    bulla_say(BULLA_STRONG "what the event log says\n" BULLA_PLAIN);
    for (unsigned pcr = 0; pcr < BULLA_PCR_COUNT; pcr++) {
        char name[8];
        if (!(evidence->pcr_mask >> pcr & 1))
            continue;
        json_t *events = json_array();
        (void)snprintf(name, sizeof name, "%u", pcr);
        verdict_tell(&replay, pcr, differs >> pcr & 1);
        enum bulla_reason reason = events_tell(log, evidence->bank, pcr, events);
        (void)json_object_set_new(
            pcrs, name, json_pack("{s:b,s:o}", "explained", !(differs >> pcr & 1), "events", events));
        if (reason != BULLA_OK) {
            json_decref(pcrs);
            return reason;
        }
    }
    *document = json_pack("{s:b,s:o}", "explained", differs == 0, "pcrs", pcrs);
    return *document ? BULLA_OK : bulla_refuse(BULLA_OUT_OF_MEMORY, "for the events");
}
