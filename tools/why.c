#include "client.h"
#include "commands.h"
#include "output.h"

struct why_settings {
    struct bulla_common common;
    uint64_t last;
};

static const struct bulla_option options[] = {
    {"last", 'n', "N", "only the last N", BULLA_OPTION_NUMBER, offsetof(struct why_settings, last), 1, 1000, false},
};

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static void refusal_say(const json_t *row)
{
    const json_t *when = json_object_get(row, "time");
    if (json_is_integer(when))
        bulla_say(BULLA_FAINT "%" JSON_INTEGER_FORMAT BULLA_PLAIN, json_integer_value(when));
    else
        bulla_say(BULLA_FAINT "%s" BULLA_PLAIN, text_of(row, "time"));
    const char *operation = *text_of(row, "operation") ? text_of(row, "operation") : text_of(row, "event");
    bulla_say("  %s: " BULLA_BAD "%s" BULLA_PLAIN "\n", operation, text_of(row, "reason"));
    if (*text_of(row, "detail"))
        bulla_say("    %s\n", text_of(row, "detail"));
    if (*text_of(row, "remedy"))
        bulla_say("    → %s\n", text_of(row, "remedy"));
}

static void last_keep(json_t *refusals, uint64_t last)
{
    while (last && json_array_size(refusals) > last)
        (void)json_array_remove(refusals, 0);
}

static enum bulla_reason why_run(const struct bulla_call *call)
{
    const struct why_settings *settings = call->settings;
    struct bulla_client client;
    json_t *why = NULL;
    size_t i;
    const json_t *row;
    enum bulla_reason reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = bulla_client_document(&client, "why", &why);
    if (reason == BULLA_OK) {
        json_t *refusals = json_object_get(why, "refusals");
        last_keep(refusals, settings->last);
        json_array_foreach(refusals, i, row) refusal_say(row);
        if (json_array_size(refusals) == 0)
            bulla_say("nothing was refused\n");
        reason = bulla_output_document(why);
    }
    bulla_client_close(&client);
    return reason;
}

const struct bulla_command bulla_command_why = {
    .name = "why",
    .arguments = "",
    .summary = "Say why the token refused, and what to do about it",
    .text = "The last refusals, the newest at the end: the event, its stable reason code, what was wrong with what, "
            "and the\n"
            "remedy.",
    .examples = "  bulla why\n  bulla why --last 1 --json | jq -r .refusals[0].reason\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_TOKEN,
    .settings_size = sizeof(struct why_settings),
    .run = why_run,
};
