/* What a person wants to see of evidence: who made it, when, what was measured, and which rule said no. */
#include <stdlib.h>

#include "commands.h"
#include "evidence/tpm_event_log.h"
#include "evidence_log.h"
#include "evidence_settings.h"
#include "file.h"
#include "output.h"
#include "times.h"

struct explain_settings {
    struct bulla_evidence_settings evidence; /* first: the common options are at its beginning */
    const char *event_log;
};

static const struct bulla_option options[] = {
    BULLA_EVIDENCE_OPTIONS,
    {"event-log", 'e', "FILE", "the firmware's log: what was measured into each quoted PCR", BULLA_OPTION_TEXT,
        offsetof(struct explain_settings, event_log), 0, 0, false},
};

static void line(const char *name, const char *text)
{
    bulla_say("  %-18s %s\n", name, text);
}

static void hex_line(const char *name, struct bulla_bytes bytes)
{
    char text[2 * BULLA_HEX_LARGEST + 1];
    if (bytes.size == 0 || bytes.size > BULLA_HEX_LARGEST)
        return;
    bulla_hex_write(bytes.data, bytes.size, text);
    line(name, text);
}

static void time_line(const char *name, uint64_t seconds)
{
    char text[BULLA_TIME_TEXT];
    if (seconds)
        line(name, bulla_time_write(seconds, text));
}

static void who_say(const struct bulla_claims *claims)
{
    bulla_say(BULLA_STRONG "who made it, and when\n" BULLA_PLAIN);
    line("kind", bulla_evidence_verifiers[claims->kind]->people);
    line("vouched for", claims->pinned ? "by a root or key that is trusted" : "by nobody: its key is not pinned");
    time_line("made at", claims->made_at);
    time_line("chain valid from", claims->valid_from);
    time_line("chain valid until", claims->valid_until);
    for (size_t i = 0; i < claims->fact_count; i++)
        line(claims->facts[i].name, claims->facts[i].text);
    line("firmware's status", bulla_tcb_status_name(claims->tcb));
    if (claims->debug)
        bulla_say(BULLA_BAD "  it runs with debugging: its memory can be read\n" BULLA_PLAIN);
    if (claims->migratable)
        bulla_say(BULLA_WARN "  it may be moved to another machine\n" BULLA_PLAIN);
}

static void measured_say(const struct bulla_claims *claims)
{
    bulla_say(BULLA_STRONG "what was measured\n" BULLA_PLAIN);
    for (size_t i = 0; i < claims->measurement_count; i++)
        hex_line(claims->measurements[i].name,
            (struct bulla_bytes){claims->measurements[i].value, claims->measurements[i].size});
}

static void bound_say(const struct bulla_attestation_result *result)
{
    bulla_say(BULLA_STRONG "what it is bound to\n" BULLA_PLAIN);
    if (result->reported) {
        line("purpose", bulla_purpose_name(result->report.purpose));
        hex_line("nonce", result->report.nonce);
        hex_line("public key", result->report.public_key);
        hex_line("authority", result->report.authority);
        return;
    }
    hex_line("report data", result->claims.report_data);
    hex_line("nonce", result->claims.nonce);
    hex_line("public key", result->claims.public_key);
}

static void verdict_say(const struct bulla_attestation_result *result)
{
    bulla_say(BULLA_STRONG "verdict\n" BULLA_PLAIN);
    if (result->reason == BULLA_OK)
        bulla_say("  %s%s%s%s\n", bulla_trust_tier_name(result->tier), result->appraised ? ", accepted as \"" : "",
            result->label, result->appraised ? "\"" : "");
    else
        bulla_say("  " BULLA_BAD "refused" BULLA_PLAIN " (%s): %s\n  %s\n", bulla_reason_code(result->reason),
            result->detail, bulla_reason_remedy(result->reason));
}

/* Evidence of a debugged enclave, or whose chain is over, is verified once more at its own time, to be told about: the
 * verdict stays the first one. */
static void look_again(struct bulla_question *question)
{
    static const enum bulla_reason tellable[] = {
        BULLA_EVIDENCE_DEBUG, BULLA_CERTIFICATE_EXPIRED, BULLA_CERTIFICATE_NOT_YET};
    struct bulla_attestation_result again;
    struct bulla_judgement judgement = question->judgement;
    bool is_tellable = false;
    for (size_t i = 0; i < BULLA_COUNT(tellable); i++)
        is_tellable |= question->result.reason == tellable[i];
    if (!is_tellable || question->result.claims.kind != BULLA_EVIDENCE_NONE)
        return;
    judgement.trusted.allow_debug = true;
    enum bulla_reason reason = bulla_evidence_judge(&judgement, &again);
    judgement.at_its_own_time = true;
    if (again.claims.kind == BULLA_EVIDENCE_NONE)
        reason = bulla_evidence_judge(&judgement, &again);
    (void)reason; /* what was found on the way counts */
    question->result.claims = again.claims;
    question->result.report = again.report;
    question->result.reported = again.reported;
}

/* Of a quote that does not verify there is nothing to explain. */
static enum bulla_reason log_explain(const struct bulla_question *question, const char *path, json_t **document)
{
    enum bulla_evidence_kind kind = question->result.claims.kind;
    struct bulla_tpm_evidence evidence;
    uint8_t *data = NULL;
    size_t size = 0;
    if (!path || kind == BULLA_EVIDENCE_NONE)
        return BULLA_OK;
    if (kind != BULLA_EVIDENCE_TPM)
        return bulla_refuse(BULLA_ARGUMENT, "--event-log goes with a TPM's quote; this is %s evidence",
            bulla_evidence_verifiers[kind]->people);
    BULLA_TRY(bulla_tpm_evidence_read(question->judgement.evidence, &evidence));
    enum bulla_reason reason = bulla_file_read(path, BULLA_EVENT_LOG_LARGEST, &data, &size);
    if (reason == BULLA_OK)
        reason = bulla_evidence_log_explain(&evidence, (struct bulla_bytes){data, size}, document);
    free(data);
    return reason;
}

static enum bulla_reason explain(struct bulla_question *question, const char *event_log)
{
    struct bulla_attestation_result *result = &question->result;
    enum bulla_reason judged = bulla_evidence_judge(&question->judgement, result);
    json_t *events = NULL;
    (void)judged; /* the verdict is told, and is no failure of explaining */
    look_again(question);
    if (result->claims.kind != BULLA_EVIDENCE_NONE) {
        who_say(&result->claims);
        measured_say(&result->claims);
        BULLA_TRY(log_explain(question, event_log, &events));
        bound_say(result);
    }
    verdict_say(result);
    bulla_question_remarks(question);
    char *text = bulla_ear_json(result, true);
    json_t *document = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    if (events)
        (void)json_object_set_new(document, "event_log", events);
    return bulla_output_document(document);
}

static enum bulla_reason explain_run(const struct bulla_call *call)
{
    const struct explain_settings *settings = call->settings;
    struct bulla_question *question = NULL;
    enum bulla_reason reason = bulla_question_open(&question, &settings->evidence, call->arguments[0]);
    if (reason == BULLA_OK)
        reason = explain(question, settings->event_log);
    bulla_question_close(question);
    return reason;
}

const struct bulla_command bulla_command_evidence_explain = {
    .name = "evidence explain",
    .arguments = "FILE",
    .summary = "Show who made evidence, when, what was measured, and which rule says no",
    .text =
        "Takes what `evidence verify` takes. It ends well also where the evidence is refused: the verdict is told.\n"
        "With --event-log it shows what was measured into each quoted PCR, and whether that leads to its value.",
    .examples = "  bulla evidence explain nitro.cbor --at own\n"
                "  bulla evidence explain machine.evidence --attestation-key 000b… \\\n"
                "      --event-log /sys/kernel/security/tpm0/binary_bios_measurements\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_NOTHING,
    .settings_size = sizeof(struct explain_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = explain_run,
};
