#include <sodium.h>
#include <time.h>

#include "commands.h"
#include "document.h"
#include "file.h"
#include "grant_show.h"
#include "output.h"
#include "policy_draft.h"
#include "times.h"

enum { CLOCK_SLACK = 300, DAY = 86400 };

struct grant_settings {
    struct bulla_common common;
    const char *key, *to, *operations, *from, *until, *rate, *output;
    struct bulla_hex object;
    uint64_t uses, epoch;
    bool load;
};
#define AT(member) offsetof(struct grant_settings, member)

static const struct bulla_option options[] = {
    {"key", 'k', "FILE", "the authority's private key, in PEM", BULLA_OPTION_TEXT, AT(key), 0, 0, true},
    {"to", 0, "PRINCIPAL", "user:NAME, ed25519:HEX, secp256k1:HEX, ethereum:0xHEX, or anyone", BULLA_OPTION_TEXT,
        AT(to), 0, 0, true},
    {"object", 0, "HEX", "the object's id (bulla model list shows a model's); without it every object of the authority",
        BULLA_OPTION_HEX, AT(object), 1, BULLA_GRANT_OBJECT_LARGEST, false},
    {"operations", 0, "LIST",
        "infer, seal, sign, decrypt, encrypt, verify, derive, wrap, unwrap, or all (default: infer)", BULLA_OPTION_TEXT,
        AT(operations), 0, 0, false},
    {"from", 0, "TIME", "when it begins (default: five minutes ago, for clocks that are behind)", BULLA_OPTION_TEXT,
        AT(from), 0, 0, false},
    {"until", 0, "TIME", "when it ends: 2026-12-31, 2026-12-31T18:00:00Z or +10d", BULLA_OPTION_TEXT, AT(until), 0, 0,
        true},
    {"uses", 'n', "N", "how often (default: not counted)", BULLA_OPTION_NUMBER, AT(uses), 1, INT64_MAX, false},
    {"rate", 0, "N/SECONDS", "at most so many uses in so many seconds", BULLA_OPTION_TEXT, AT(rate), 0, 0, false},
    {"epoch", 0, "N", "the epoch of the policies under which it counts (default 0)", BULLA_OPTION_NUMBER, AT(epoch), 0,
        INT64_MAX, false},
    {"output", 'o', "FILE", "where the grant goes: a new file, for revoking it takes its id", BULLA_OPTION_OUTPUT,
        AT(output), 0, 0, true},
    {"load", 0, NULL, "load it into the token as well", BULLA_OPTION_FLAG, AT(load), 0, 0, false},
};

static enum bulla_reason rate_take(const char *text, struct bulla_grant *grant)
{
    char number[16] = "";
    uint64_t rate = 0, seconds = 0;
    size_t size = strcspn(text, "/");
    if (size == 0 || size >= sizeof number || text[size] != '/')
        return bulla_refuse(BULLA_ARGUMENT, "--rate '%.40s' is not N/SECONDS, like 2/60", text);
    memcpy(number, text, size);
    BULLA_TRY(bulla_number_parse(number, "--rate", 1, UINT32_MAX, &rate));
    BULLA_TRY(bulla_number_parse(text + size + 1, "the seconds of --rate", 1, UINT32_MAX, &seconds));
    grant->rate = (uint32_t)rate;
    grant->rate_seconds = (uint32_t)seconds;
    return BULLA_OK;
}

/* A day ends with its last second. */
static bool is_day(const char *text)
{
    return strlen(text) == strlen("2026-12-31") && text[4] == '-';
}

static enum bulla_reason times_take(const struct grant_settings *settings, struct bulla_grant *grant)
{
    uint64_t now = (uint64_t)time(NULL);
    grant->not_before = now - CLOCK_SLACK; /* machines whose clocks are a little behind */
    if (settings->from)
        BULLA_TRY(bulla_time_parse(settings->from, "--from", now, &grant->not_before));
    BULLA_TRY(bulla_time_parse(settings->until, "--until", now, &grant->not_after));
    grant->not_after += is_day(settings->until) ? DAY - 1 : 0;
    return grant->not_after >= grant->not_before ? BULLA_OK
                                                 : bulla_refuse(BULLA_ARGUMENT, "--until is before the beginning");
}

static enum bulla_reason grant_fill(const struct grant_settings *settings, struct bulla_grant *grant)
{
    randombytes_buf(grant->id, sizeof grant->id);
    if (bulla_principal_parse(BULLA_TEXT(settings->to), &grant->who) != BULLA_OK)
        return bulla_refuse_within(BULLA_ARGUMENT, "--to: ");
    memcpy(grant->object, settings->object.data, settings->object.size);
    grant->object_size = (uint8_t)settings->object.size;
    BULLA_TRY(bulla_grant_operations_parse(settings->operations ? settings->operations : "infer", &grant->operations));
    grant->uses = settings->uses;
    if (settings->rate)
        BULLA_TRY(rate_take(settings->rate, grant));
    return times_take(settings, grant);
}

static enum bulla_reason result_print(const struct bulla_grant *grant, const struct grant_settings *settings)
{
    char id[BULLA_GRANT_ID_TEXT], text[BULLA_GRANT_TEXT];
    bulla_grant_id_text(grant->id, id);
    bulla_grant_text(grant, text);
    bulla_say(BULLA_GOOD "%s" BULLA_PLAIN " grant %s: %s\n  %s\n", settings->load ? "signed and loaded" : "signed", id,
        bulla_file_shown(settings->output), text);
    json_t *result = bulla_grant_json(grant);
    (void)json_object_set_new(result, "epoch", json_integer((json_int_t)settings->epoch));
    (void)json_object_set_new(result, "file", json_string(settings->output));
    (void)json_object_set_new(result, "loaded", json_boolean(settings->load));
    return bulla_output_document(result);
}

static enum bulla_reason grant_run(const struct bulla_call *call)
{
    const struct grant_settings *settings = call->settings;
    struct bulla_grant_document document = {.epoch = settings->epoch};
    struct bulla_authority authority = {.key = NULL};
    uint8_t bytes[BULLA_GRANT_DOCUMENT_LARGEST];
    struct bulla_writer writer;
    bulla_writer_open(&writer, bytes, sizeof bytes);
    BULLA_TRY(grant_fill(settings, &document.grant));
    enum bulla_reason reason = bulla_authority_open(&authority, settings->key);
    memcpy(document.authority, authority.public_key, sizeof document.authority);
    if (reason == BULLA_OK)
        reason = bulla_grant_sign(&document, &authority.signer, &writer);
    bulla_authority_close(&authority);
    if (reason == BULLA_OK)
        reason = bulla_file_create(settings->output, 0644, bulla_writer_bytes(&writer));
    if (reason == BULLA_OK && settings->load)
        reason = bulla_document_load(call, bulla_writer_bytes(&writer));
    return reason == BULLA_OK ? result_print(&document.grant, settings) : reason;
}

const struct bulla_command bulla_command_grant = {
    .name = "grant",
    .arguments = "",
    .summary = "Sign a grant: who may do what with an object, until when, how often, how fast",
    .text =
        "A grant counts where the authority's policy is restricted (bulla policy sign --restricted). It stands\n"
        "alone (--load, or bulla policy load), or in the next bundle (bulla policy sign --grant). A name, a key or\n"
        "an address proves itself to the token; a date as the end is the end of that day in UTC.",
    .examples = "  bulla grant --key authority.pem --to user:ann --object 6d31 --until +10d --uses 10 -o ann.grant\n"
                "  bulla grant --key authority.pem --to anyone --operations sign --until 2026-12-31 --rate 2/60 -o "
                "all.grant\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct grant_settings),
    .run = grant_run,
};
