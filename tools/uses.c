#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "commands.h"
#include "evidence/plain_text.h"
#include "exit.h"
#include "grant_show.h"
#include "output.h"

struct uses_settings {
    struct bulla_common common;
};

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static long long number_of(const json_t *object, const char *name)
{
    return (long long)json_integer_value(json_object_get(object, name));
}

/* In the words of `bulla grant`. */
static const char *names_of(const json_t *row, char text[static 96])
{
    size_t i, used = 0;
    uint32_t mask = 0;
    const json_t *item;
    *text = '\0';
    json_array_foreach(json_object_get(row, "operations"), i, item)
    {
        const char *name = json_string_value(item);
        int more = name ? snprintf(text + used, 96 - used, "%s%s", used ? "," : "", name) : 0;
        used += more > 0 && (size_t)more < 96 - used ? (size_t)more : 0;
    }
    if (bulla_grant_operations_parse(text, &mask) == BULLA_OK)
        bulla_grant_operations_text(mask, text);
    return text;
}

static void count_say(const json_t *row, bool ended)
{
    const json_t *rate = json_object_get(row, "rate");
    if (!json_is_integer(json_object_get(row, "uses")))
        bulla_say("  not counted\n");
    else if (number_of(row, "left") && !ended)
        bulla_say("  %lld of %lld used, " BULLA_GOOD "%lld left" BULLA_PLAIN "\n", number_of(row, "used"),
            number_of(row, "uses"), number_of(row, "left"));
    else
        bulla_say("  " BULLA_BAD "%lld of %lld used" BULLA_PLAIN "\n", number_of(row, "used"), number_of(row, "uses"));
    if (rate)
        bulla_say("  at most %lld in %lld s\n", number_of(rate, "uses"), number_of(rate, "seconds"));
}

static void row_say(const json_t *row)
{
    char operations[96], from[BULLA_WHEN_SIZE], to[BULLA_WHEN_SIZE];
    const char *object = text_of(row, "object");
    bool revoked = json_is_true(json_object_get(row, "revoked")), over = number_of(row, "to") < (long long)time(NULL);
    bulla_say(BULLA_STRONG "%s" BULLA_PLAIN "  %s\n", text_of(row, "id"), text_of(row, "who"));
    bulla_say("  %s with %s, from %s to %s\n", names_of(row, operations),
        strcmp(object, "any") == 0 ? "every object" : object, bulla_text_when((uint64_t)number_of(row, "from"), from),
        bulla_text_when((uint64_t)number_of(row, "to"), to));
    if (revoked)
        bulla_say("  " BULLA_BAD "revoked" BULLA_PLAIN "\n");
    if (over)
        bulla_say("  " BULLA_BAD "over" BULLA_PLAIN "\n");
    count_say(row, revoked || over);
}

/* The token's own refusal, told in its document, is this command's. */
static enum bulla_reason refusal_take(const json_t *uses)
{
    const char *code = json_string_value(json_object_get(uses, "reason"));
    if (!code)
        return BULLA_OK;
    if (*text_of(uses, "remedy"))
        bulla_output_remedy("%s", text_of(uses, "remedy"));
    return bulla_refuse(bulla_reason_of_code(code), "%s", text_of(uses, "detail"));
}

static enum bulla_reason uses_show(json_t *uses)
{
    size_t i;
    const json_t *row;
    enum bulla_reason reason = refusal_take(uses);
    if (reason != BULLA_OK) {
        json_decref(uses);
        return reason;
    }
    json_array_foreach(json_object_get(uses, "grants"), i, row) row_say(row);
    if (json_array_size(json_object_get(uses, "grants")) == 0)
        bulla_say("no grant is in force\n");
    return bulla_output_document(uses);
}

static enum bulla_reason uses_run(const struct bulla_call *call)
{
    struct bulla_client client;
    json_t *uses = NULL;
    enum bulla_reason reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = bulla_client_document(&client, "uses", &uses);
    if (reason == BULLA_OK)
        reason = uses_show(uses);
    bulla_client_close(&client);
    return reason;
}

const struct bulla_command bulla_command_uses = {
    .name = "uses",
    .arguments = "",
    .summary = "Show the grants in force, and what is left of them",
    .text =
        "Grants of the policies that the token holds, and those that stand alone beside them: who may do what with\n"
        "which object, and how many uses were had. What another process holds of a block counts as had until it\n"
        "ends.",
    .examples = "  bulla uses\n  bulla uses --json | jq '.grants[] | {who, left}'\n",
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct uses_settings),
    .run = uses_run,
};
