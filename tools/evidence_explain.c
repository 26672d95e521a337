/* What a person wants to see of evidence: who made it, when, what was measured, and which rule said no. */
#include <stdlib.h>

#include "commands.h"
#include "evidence_settings.h"
#include "output.h"
#include "times.h"

static const struct bulla_option options[] = {BULLA_EVIDENCE_OPTIONS};

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
    if (result->enveloped) {
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

/* Evidence of a debugged enclave is verified once more, to be told about: the verdict stays the first one. */
static void look_into_debugged(struct bulla_question *question)
{
    enum bulla_reason reason = question->result.reason;
    struct bulla_attestation_result again;
    if (reason != BULLA_EVIDENCE_DEBUG || question->result.claims.kind != BULLA_EVIDENCE_NONE)
        return;
    question->judgement.trusted.allow_debug = true;
    if (bulla_evidence_judge(&question->judgement, &again) == BULLA_OK || again.claims.kind != BULLA_EVIDENCE_NONE) {
        question->result.claims = again.claims;
        question->result.report = again.report;
    }
    question->judgement.trusted.allow_debug = false;
}

static enum bulla_reason explain(struct bulla_question *question)
{
    struct bulla_attestation_result *result = &question->result;
    enum bulla_reason judged = bulla_evidence_judge(&question->judgement, result);
    (void)judged; /* the verdict is told, and is no failure of explaining */
    look_into_debugged(question);
    if (result->claims.kind != BULLA_EVIDENCE_NONE) {
        who_say(&result->claims);
        measured_say(&result->claims);
        bound_say(result);
    }
    verdict_say(result);
    bulla_question_remarks(question);
    char *text = bulla_ear_json(result, true);
    json_t *document = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return bulla_output_document(document);
}

static enum bulla_reason explain_run(const struct bulla_call *call)
{
    struct bulla_question *question = NULL;
    enum bulla_reason reason = bulla_question_open(&question, call->settings, call->arguments[0]);
    if (reason == BULLA_OK)
        reason = explain(question);
    bulla_question_close(question);
    return reason;
}

const struct bulla_command bulla_command_evidence_explain = {
    .name = "evidence explain",
    .arguments = "FILE",
    .summary = "Show who made evidence, when, what was measured, and which rule says no",
    .text = "Takes what `evidence verify` takes. It ends well also where the evidence is refused: the verdict is told.",
    .examples = "  bulla evidence explain nitro.cbor --at own\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_NOTHING,
    .settings_size = sizeof(struct bulla_evidence_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = explain_run,
};
