/* The key, and the text around it, are in the arena from the token to the file. */
#include "crypto/kes_export.h"
#include "commands.h"
#include "crypto/arena.h"
#include "file.h"
#include "kes.h"
#include "kes_serve.h"
#include "output.h"

struct export_settings {
    struct bulla_common common;
    const char *format, *output;
};
#define AT(member) offsetof(struct export_settings, member)

static const struct bulla_option options[] = {
    {"format", 'f', "NAME", "envelope (default), cbor or raw", BULLA_OPTION_TEXT, AT(format), 0, 0, false},
    {"output", 'o', "FILE", "write it there; what is there already is not overwritten", BULLA_OPTION_OUTPUT, AT(output),
        0, 0, true},
};

static const char *const names[BULLA_KES_FORMS] = {
    [BULLA_KES_ENVELOPE] = "envelope", [BULLA_KES_CBOR] = "cbor", [BULLA_KES_RAW] = "raw"};

static enum bulla_reason form_find(const char *name, enum bulla_kes_form *form)
{
    for (*form = BULLA_KES_ENVELOPE; *form < BULLA_KES_FORMS; (*form)++)
        if (!name || strcmp(names[*form], name) == 0)
            return BULLA_OK;
    return bulla_refuse(BULLA_ARGUMENT, "--format '%.40s' is none of envelope, cbor and raw", name);
}

static enum bulla_reason export_check(const struct bulla_kes_view *view, enum bulla_kes_form form)
{
    if (!view->exportable)
        return bulla_refuse(BULLA_KEY_UNEXTRACTABLE,
            "whoever made the KES key \"%s\" did not allow that it be read (--exportable)", view->label);
    return bulla_kes_form_check(form, (unsigned)view->depth);
}

/* `*period`: the one that the token says before and after it gives the key. */
static enum bulla_reason key_write(struct bulla_client *client, const struct bulla_served_key *key,
    enum bulla_kes_form form, const char *output, unsigned *period)
{
    BULLA_SECRET uint8_t *raw = NULL;
    BULLA_SECRET uint8_t *text = NULL;
    struct bulla_writer writer;
    BULLA_TRY(bulla_secret_allocate(BULLA_KES_RAW_LARGEST, (void **)&raw));
    BULLA_TRY(bulla_secret_allocate(BULLA_KES_FORM_LARGEST, (void **)&text));
    BULLA_TRY(bulla_served_key_period(client, key, period));
    BULLA_TRY(bulla_served_key_read(client, key, *period, raw));
    bulla_writer_open(&writer, text, BULLA_KES_FORM_LARGEST);
    BULLA_TRY(
        bulla_kes_form_write(form, key->depth, (struct bulla_bytes){raw, bulla_kes_raw_size(key->depth)}, &writer));
    return bulla_file_create(output, 0600, bulla_writer_bytes(&writer));
}

static enum bulla_reason export_key(
    struct bulla_client *client, const char *label, enum bulla_kes_form form, const char *output)
{
    struct bulla_served_key key;
    struct bulla_kes_view view;
    unsigned period = 0;
    BULLA_TRY(bulla_served_key_open(client, label, &key));
    BULLA_TRY(bulla_kes_look(client, key.handle, &view));
    BULLA_TRY(export_check(&view, form));
    BULLA_TRY(key_write(client, &key, form, output, &period));
    view.period = period; /* the file's, whatever the token's is by now */
    bulla_say(BULLA_GOOD "exported" BULLA_PLAIN " to %s: ", bulla_file_shown(output));
    bulla_kes_say(&view);
    bulla_remark("%s can sign in this period and every later one, and nothing evolves it",
        bulla_file_is_output(output) ? "what was written" : output);
    return bulla_output_document(bulla_kes_json(&view));
}

static enum bulla_reason export_run(const struct bulla_call *call)
{
    const struct export_settings *settings = call->settings;
    struct bulla_client client = {.session = CK_INVALID_HANDLE};
    enum bulla_kes_form form;
    BULLA_TRY(form_find(settings->format, &form));
    enum bulla_reason reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = export_key(&client, call->arguments[0], form, settings->output);
    bulla_client_close(&client);
    return reason;
}

const struct bulla_command bulla_command_kes_export = {
    .name = "kes export",
    .arguments = "LABEL",
    .summary = "Write a KES key in its present period, as import takes it",
    .text =
        "Of a key that was made with --exportable. The file is its owner's alone (mode 0600). An envelope is\n"
        "cardano-cli's KesSigningKey_ed25519_kes_2^6: keys of another depth have none. What the token forgets later\n"
        "the file does not.",
    .examples = "  bulla kes export pool -o kes.skey\n  bulla kes export pool --format cbor -o kes.cbor\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct export_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = export_run,
};
