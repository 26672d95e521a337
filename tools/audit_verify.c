#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "commands.h"
#include "evidence/audit.h"
#include "output.h"

struct audit_settings {
    struct bulla_common common;
    struct bulla_hex key;
    uint64_t counter;
};
#define AT(member) offsetof(struct audit_settings, member)

static const struct bulla_option options[] = {
    {"key", 'k', "HEX", "the token's receipt key, which signs the log's heads", BULLA_OPTION_HEX, AT(key), 32, 32,
        false},
    {"counter", 0, "N", "the token's counter now: an older last head shows truncation", BULLA_OPTION_NUMBER,
        AT(counter), 0, 0, false},
};

struct audit_question {
    char path[4096];
    struct bulla_hex key;
    uint64_t counter;
    bool asked;   /* the token, not a FILE */
    bool tpm;     /* the token has one, whose counter the last head must not be behind */
    bool counted; /* the counter is known */
};

static enum bulla_reason path_take(const char *path, struct audit_question *question)
{
    if (!path || strlen(path) >= sizeof question->path)
        return bulla_refuse(BULLA_FILE, "%s", path ? "the path of the log is too long" : "the token names no log");
    memcpy(question->path, path, strlen(path) + 1);
    return BULLA_OK;
}

/* Only a login tells the counter, and only after one the receipt key's row is more than what somebody wrote there. */
static enum bulla_reason status_take(const json_t *status, struct audit_question *question)
{
    const char *key = json_string_value(json_object_get(status, "receipt_key"));
    const json_t *tpm = json_object_get(status, "tpm");
    const json_t *counter = json_object_get(tpm, "counter");
    const char *state = json_string_value(json_object_get(tpm, "state"));
    BULLA_TRY(path_take(json_string_value(json_object_get(status, "audit")), question));
    if (question->key.size == 0 && (!key || !json_is_true(json_object_get(status, "logged_in"))))
        return bulla_refuse(BULLA_OBJECT_HIDDEN, "the token has no receipt key whose row verifies: name it with --key");
    if (question->key.size == 0)
        BULLA_TRY(bulla_hex_parse(key, "the token's receipt key", &question->key));
    question->asked = true;
    question->tpm = state && strcmp(state, "absent") != 0;
    if (question->counted || !json_is_integer(counter))
        return BULLA_OK;
    question->counter = (uint64_t)json_integer_value(counter);
    question->counted = true;
    return BULLA_OK;
}

/* Without a FILE, the token says where its log is, by which key, and what its counter is now. The logout signs a head:
 * if lines are missing that the token remembers, the log says so when it is read afterwards. */
static enum bulla_reason token_ask(const struct bulla_call *call, struct audit_question *question)
{
    struct bulla_client client;
    json_t *status = NULL;
    enum bulla_reason reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = bulla_client_document(&client, "status", &status);
    if (reason == BULLA_OK)
        reason = status_take(status, question);
    json_decref(status);
    bulla_client_close(&client);
    return reason;
}

static void summary_say(const struct audit_question *question, const struct bulla_audit_summary *summary)
{
    const char *good = summary->heads == 1 ? " with a good signature" : " with good signatures";
    bulla_say(BULLA_GOOD "unbroken" BULLA_PLAIN ": %llu line%s, %llu head%s%s, %llu line%s after the last head\n",
        (unsigned long long)summary->lines, bulla_plural(summary->lines), (unsigned long long)summary->heads,
        bulla_plural(summary->heads), question->key.size ? good : "", (unsigned long long)summary->after_last_head,
        bulla_plural(summary->after_last_head));
    if (!question->key.size)
        bulla_say(BULLA_WARN "not checked" BULLA_PLAIN " signatures: no --key\n");
    if (!question->counted)
        bulla_say(BULLA_WARN "not checked" BULLA_PLAIN " end: %s\n",
            question->tpm     ? "the TPM did not tell the token's counter"
            : question->asked ? "there is no TPM, whose counter the last head must have reached"
                              : "no --counter that the last head must have reached");
}

static enum bulla_reason summary_print(
    const struct audit_question *question, enum bulla_reason reason, const struct bulla_audit_summary *summary)
{
    if (reason == BULLA_OK)
        summary_say(question, summary);
    if (reason == BULLA_OK && question->tpm && !question->counted)
        reason = bulla_refuse(BULLA_TPM_UNREACHABLE, "the log's end was not checked: its counter is in the TPM");
    BULLA_TRY(bulla_output_document(json_pack("{s:b,s:s,s:I,s:I,s:I,s:I,s:I,s:b,s:b}", "valid", reason == BULLA_OK,
        "file", question->path, "lines", (json_int_t)summary->lines, "heads", (json_int_t)summary->heads,
        "after_last_head", (json_int_t)summary->after_last_head, "last_counter", (json_int_t)summary->last_counter,
        "broken_line", (json_int_t)summary->broken_line, "signatures_checked", question->key.size == 32,
        "counter_checked", question->counted)));
    return reason;
}

static enum bulla_reason audit_run(const struct bulla_call *call)
{
    const struct audit_settings *settings = call->settings;
    struct audit_question question;
    struct bulla_audit_summary summary;
    char detail[BULLA_DETAIL_SIZE];
    memset(&question, 0, sizeof question);
    memset(&summary, 0, sizeof summary);
    question.key = settings->key;
    question.counter = settings->counter;
    question.counted = settings->counter > 0;
    BULLA_TRY(call->count ? path_take(call->arguments[0], &question) : token_ask(call, &question));
    enum bulla_reason reason =
        bulla_audit_verify(question.path, question.key.size ? question.key.data : NULL, question.counter, &summary);
    if (reason != BULLA_OK && reason != BULLA_AUDIT_BROKEN && reason != BULLA_SIGNATURE)
        return reason;
    memcpy(detail, bulla_detail(), sizeof detail);
    enum bulla_reason result = summary_print(&question, reason, &summary);
    return reason == BULLA_OK ? result : bulla_refuse(reason, "%s", detail);
}

const struct bulla_command bulla_command_audit_verify = {
    .name = "audit verify",
    .arguments = "[FILE]",
    .summary = "Check that an audit log is whole: its chain, its signed heads, its end",
    .text =
        "With FILE no token is needed. Without it the token is asked for its log, its key and its counter, which it\n"
        "tells after a login.",
    .examples = "  bulla audit verify\n  bulla audit verify audit.log --key 5c1d… --counter 12\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct audit_settings),
    .arguments_least = 0,
    .arguments_most = 1,
    .run = audit_run,
};
