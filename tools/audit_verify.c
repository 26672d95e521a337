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
};

/* Without a FILE, the token says where its log is, by which key, and what its counter is now. */
static enum bulla_reason token_ask(const struct bulla_call *call, struct audit_question *question)
{
    struct bulla_client client;
    json_t *status = NULL;
    enum bulla_reason reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = bulla_client_document(&client, "status", &status);
    const char *path = json_string_value(json_object_get(status, "audit"));
    const char *key = json_string_value(json_object_get(status, "receipt_key"));
    const json_t *counter = json_object_get(json_object_get(status, "tpm"), "counter");
    if (reason == BULLA_OK && (!path || strlen(path) >= sizeof question->path))
        reason = bulla_refuse(BULLA_FILE, "the token names no audit log");
    if (reason == BULLA_OK && path)
        memcpy(question->path, path, strlen(path) + 1);
    if (reason == BULLA_OK && key && question->key.size == 0)
        reason = bulla_hex_parse(key, "the token's receipt key", &question->key);
    if (question->counter == 0 && json_is_integer(counter))
        question->counter = (uint64_t)json_integer_value(counter);
    json_decref(status);
    bulla_client_close(&client);
    return reason;
}

static enum bulla_reason summary_print(
    const struct audit_question *question, enum bulla_reason reason, const struct bulla_audit_summary *summary)
{
    bool keyed = question->key.size == 32;
    if (reason == BULLA_OK)
        bulla_say(BULLA_GOOD "unbroken" BULLA_PLAIN ": %llu lines, %llu heads%s, %llu lines after the last head\n",
            (unsigned long long)summary->lines, (unsigned long long)summary->heads,
            keyed ? " with good signatures" : BULLA_WARN " (signatures not checked: no --key)" BULLA_PLAIN,
            (unsigned long long)summary->after_last_head);
    BULLA_TRY(bulla_output_document(json_pack("{s:b,s:s,s:I,s:I,s:I,s:I,s:I,s:b}", "valid", reason == BULLA_OK, "file",
        question->path, "lines", (json_int_t)summary->lines, "heads", (json_int_t)summary->heads, "after_last_head",
        (json_int_t)summary->after_last_head, "last_counter", (json_int_t)summary->last_counter, "broken_line",
        (json_int_t)summary->broken_line, "signatures_checked", keyed)));
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
    if (call->count == 0)
        BULLA_TRY(token_ask(call, &question));
    else if (strlen(call->arguments[0]) >= sizeof question.path)
        return bulla_refuse(BULLA_ARGUMENT, "the path is too long");
    else
        memcpy(question.path, call->arguments[0], strlen(call->arguments[0]) + 1);
    enum bulla_reason reason =
        bulla_audit_verify(question.path, question.key.size ? question.key.data : NULL, question.counter, &summary);
    if (reason != BULLA_OK && reason != BULLA_AUDIT_BROKEN && reason != BULLA_SIGNATURE)
        return reason;
    memcpy(detail, bulla_detail(), sizeof detail);
    reason = summary_print(&question, reason, &summary);
    return reason == BULLA_OK ? BULLA_OK : bulla_refuse(reason, "%s", detail);
}

const struct bulla_command bulla_command_audit_verify = {
    .name = "audit verify",
    .arguments = "[FILE]",
    .summary = "Check that an audit log is whole: its chain, its signed heads, its end",
    .text = "With FILE no token is needed. Without it the token is asked for its log, its key and its counter.",
    .examples = "  bulla audit verify\n  bulla audit verify audit.log --key 5c1d… --counter 12\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_TOKEN,
    .settings_size = sizeof(struct audit_settings),
    .arguments_least = 0,
    .arguments_most = 1,
    .run = audit_run,
};
