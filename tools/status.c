#include <string.h>

#include "client.h"
#include "commands.h"
#include "exit.h"
#include "output.h"
#include "progress.h"
#include "status_show.h"

struct status_settings {
    struct bulla_common common;
};

static const struct bulla_option options[] = {
    {"pin-file", 0, "FILE", "log in by the PIN in FILE: the counter and the time are shown, too", BULLA_OPTION_TEXT,
        offsetof(struct status_settings, common.pin_file), 0, 0, false},
};

/* A token without a store has no session to ask in: what its slot says is shown. */
static enum bulla_reason uninitialised_show(const struct bulla_client *client)
{
    char label[33];
    char serial[17];
    bulla_client_label(client, label);
    bulla_client_field(client->token.serialNumber, sizeof client->token.serialNumber, serial);
    bulla_say("  %-26s %s\n  %-26s no: bulla init\n", "token", label, "initialised");
    return bulla_output_document(json_pack("{s:s,s:s,s:b}", "token", label, "serial", serial, "initialized", 0));
}

/* A TPM or an enclave's device that does not answer is told in the document and by the exit status, which scripts look
 * at. */
static enum bulla_reason part_check(const json_t *status, const char *name, const char *words)
{
    const json_t *part = json_object_get(status, name);
    const char *state = json_string_value(json_object_get(part, "state"));
    const char *code = json_string_value(json_object_get(part, "reason"));
    const char *remedy = json_string_value(json_object_get(part, "remedy"));
    if (!state || strcmp(state, "failed") != 0)
        return BULLA_OK;
    enum bulla_reason reason = code ? bulla_reason_of_code(code) : BULLA_REASON_COUNT;
    if (bulla_exit_of(reason) != BULLA_EXIT_UNREACHABLE)
        reason = BULLA_TPM_UNREACHABLE;
    if (remedy)
        bulla_output_remedy("%s", remedy);
    return bulla_refuse(reason, "%s can't be used", words);
}

static enum bulla_reason status_run(const struct bulla_call *call)
{
    const struct status_settings *settings = call->settings;
    struct bulla_client client;
    struct bulla_wait wait;
    json_t *status = NULL;
    enum bulla_reason reason = bulla_client_open(&client, call->settings);
    bool initialised = reason == BULLA_OK && (client.token.flags & CKF_TOKEN_INITIALIZED);
    if (reason == BULLA_OK && !initialised)
        reason = uninitialised_show(&client);
    if (reason == BULLA_OK && initialised)
        reason = bulla_client_session(&client);
    if (reason == BULLA_OK && initialised && settings->common.pin_file)
        reason = bulla_client_login(&client, &settings->common);
    if (reason == BULLA_OK && initialised) {
        bulla_wait_begin(&wait, "asking the token and its TPM");
        reason = bulla_client_document(&client, "status", &status);
        bulla_wait_end(&wait);
    }
    if (status) {
        bulla_status_authorities_name(status);
        bulla_status_show(status);
        reason = bulla_output_document(json_incref(status));
        if (reason == BULLA_OK)
            reason = part_check(status, "tpm", "the token's TPM");
        if (reason == BULLA_OK)
            reason = part_check(status, "enclave", "the enclave's device");
        json_decref(status);
    }
    bulla_client_close(&client);
    return reason;
}

const struct bulla_command bulla_command_status = {
    .name = "status",
    .arguments = "",
    .summary = "Show the token, its TPM and its policies",
    .text = "What the token tells nobody before a login, the ledger's counter and the time it knows, takes --pin-file.",
    .examples = "  bulla status\n  bulla status --json | jq .tpm.pcrs\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_TOKEN,
    .settings_size = sizeof(struct status_settings),
    .run = status_run,
};
