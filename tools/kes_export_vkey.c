#include <stdio.h>

#include "commands.h"
#include "crypto/text_envelope.h"
#include "file.h"
#include "kes.h"
#include "output.h"

struct export_settings {
    struct bulla_common common;
    const char *format, *output;
};
#define AT(member) offsetof(struct export_settings, member)

static const struct bulla_option options[] = {
    {"format", 'f', "NAME", "envelope (default), hex or raw", BULLA_OPTION_TEXT, AT(format), 0, 0, false},
    {"output", 'o', "FILE", "write it there (default: standard output)", BULLA_OPTION_OUTPUT, AT(output), 0, 0, false},
};

static void envelope_form(const struct bulla_kes_view *view, struct bulla_writer *writer)
{
    char type[sizeof BULLA_KES_VKEY_TYPE + 1];
    uint8_t cbor[2 + sizeof view->key] = {0x58, sizeof view->key};
    memcpy(cbor + 2, view->key, sizeof view->key);
    (void)snprintf(type, sizeof type, "%s%lu", BULLA_KES_VKEY_TYPE, view->depth);
    bulla_text_envelope_write(type, "KES Verification Key", BULLA_BYTES(cbor), writer);
}

static void hex_form(const struct bulla_kes_view *view, struct bulla_writer *writer)
{
    char hex[2 * sizeof view->key + 1];
    bulla_hex_write(view->key, sizeof view->key, hex);
    bulla_write_bytes(writer, BULLA_TEXT(hex));
    bulla_write_u8(writer, '\n');
}

static void raw_form(const struct bulla_kes_view *view, struct bulla_writer *writer)
{
    bulla_write_bytes(writer, BULLA_BYTES(view->key));
}

static const struct form {
    const char *name;
    void (*write)(const struct bulla_kes_view *view, struct bulla_writer *writer);
    bool text;
} forms[] = {{"envelope", envelope_form, true}, {"hex", hex_form, true}, {"raw", raw_form, false}};

static const struct form *form_find(const char *name)
{
    for (size_t i = 0; i < BULLA_COUNT(forms); i++)
        if (!name || strcmp(forms[i].name, name) == 0)
            return &forms[i];
    (void)bulla_refuse(BULLA_ARGUMENT, "--format '%.40s' is none of envelope, hex and raw", name);
    return NULL;
}

static enum bulla_reason export_key(
    struct bulla_client *client, const char *label, const struct form *form, const char *output)
{
    char bytes[512];
    struct bulla_writer writer;
    struct bulla_kes_view view;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    BULLA_TRY(bulla_kes_find(client, label, &key));
    BULLA_TRY(bulla_kes_look(client, key, &view));
    bulla_writer_open(&writer, bytes, sizeof bytes - 1);
    form->write(&view, &writer);
    BULLA_TRY(bulla_writer_finish(&writer, "a verification key"));
    bytes[writer.size] = '\0';
    if (output)
        BULLA_TRY(bulla_file_write(output, 0644, bulla_writer_bytes(&writer)));
    else
        bulla_say_own(bytes);
    return bulla_output_document(bulla_kes_json(&view));
}

static enum bulla_reason export_run(const struct bulla_call *call)
{
    const struct export_settings *settings = call->settings;
    struct bulla_client client = {.session = CK_INVALID_HANDLE};
    const struct form *form = form_find(settings->format);
    if (!form)
        return BULLA_ARGUMENT;
    if (!form->text && !settings->output)
        return bulla_refuse(BULLA_ARGUMENT, "bytes are no text: name a file with --output");
    enum bulla_reason reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = export_key(&client, call->arguments[0], form, settings->output);
    bulla_client_close(&client);
    return reason;
}

const struct bulla_command bulla_command_kes_export_vkey = {
    .name = "kes export-vkey",
    .arguments = "LABEL",
    .summary = "Write a KES key's verification key, as cardano-cli has it",
    .examples = "  bulla kes export-vkey pool -o kes.vkey\n  bulla kes export-vkey pool --format hex\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct export_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = export_run,
};
