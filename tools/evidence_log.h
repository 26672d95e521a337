/* A machine's event log beside a verified quote: what was measured into each quoted PCR, and whether it explains it. */
#ifndef BULLA_TOOLS_EVIDENCE_LOG_H
#define BULLA_TOOLS_EVIDENCE_LOG_H

#include <jansson.h>

#include "evidence/tpm_quote.h"

/* Says it, and gives the same as JSON: {"explained": bool, "pcrs": {"0": {"explained": bool, "events": [{"type",
 * "digest", "text"}]}}}. That a PCR is not explained is told and no refusal; a log with events that the profile does
 * not have is refused, as bulla_tpm_event_log_next does. */
enum bulla_reason bulla_evidence_log_explain(
    const struct bulla_tpm_evidence *evidence, struct bulla_bytes log, json_t **document) BULLA_MUST_USE;

#endif
