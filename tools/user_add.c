/* A user is an object of the token whose proof is his PIN; the token's owner makes him. */
#include <string.h>

#include "commands.h"
#include "output.h"
#include "progress.h"
#include "user.h"

struct add_settings {
    struct bulla_common common;
    const char *new_pin_file;
};

static const struct bulla_option options[] = {
    {"new-pin-file", 0, "FILE", "read the new user's PIN from FILE instead of asking", BULLA_OPTION_TEXT,
        offsetof(struct add_settings, new_pin_file), 0, 0, false},
};

static enum bulla_reason user_make(struct bulla_client *client, const char *name, const struct bulla_pin *pin)
{
    CK_OBJECT_CLASS class = CKO_BULLA_PRINCIPAL;
    CK_BBOOL yes = CK_TRUE;
    struct bulla_wait wait;
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, sizeof yes},
        {CKA_LABEL, (void *)(uintptr_t)name, strlen(name)},
        {CKA_BULLA_PROOF, (void *)(uintptr_t)pin->bytes, pin->size}};
    bulla_wait_begin(&wait, "adding the user");
    CK_RV result = client->module->C_CreateObject(client->session, template, BULLA_COUNT(template), &object);
    bulla_wait_end(&wait);
    return bulla_client_check(client, result, "adding the user");
}

/* What the token would refuse is refused before a PIN is asked for. */
static enum bulla_reason absence_check(struct bulla_client *client, const char *name)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_ULONG count = 0;
    BULLA_TRY(bulla_client_users(client, name, &object, 1, &count));
    if (count == 0 && strcmp(name, "user") != 0 && strcmp(name, "so") != 0)
        return BULLA_OK;
    bulla_output_remedy("choose another name, or remove that user first: bulla user remove");
    return bulla_refuse(BULLA_ARGUMENT, "the token has a user '%.80s' already", name);
}

static enum bulla_reason result_print(const char *name)
{
    bulla_say(BULLA_GOOD "added" BULLA_PLAIN " %s: logs in with --user %s and that PIN\n", name, name);
    return bulla_output_document(json_pack("{s:s,s:s+}", "user", name, "principal", "user:", name));
}

static enum bulla_reason add_run(const struct bulla_call *call)
{
    const struct add_settings *settings = call->settings;
    const char *name = call->arguments[0];
    struct bulla_client client = {.session = CK_INVALID_HANDLE};
    BULLA_SECRET struct bulla_pin *pin = NULL;
    struct bulla_pin_source source = {.file = settings->new_pin_file, .prompt = "The new user's PIN", .twice = true};
    enum bulla_reason reason = bulla_client_user_check(name);
    if (reason == BULLA_OK)
        reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = absence_check(&client, name);
    if (reason == BULLA_OK)
        reason = bulla_pin_get(&source, &pin);
    if (reason == BULLA_OK)
        reason = user_make(&client, name, pin);
    if (reason == BULLA_OK)
        reason = result_print(name);
    bulla_client_close(&client);
    return reason;
}

const struct bulla_command bulla_command_user_add = {
    .name = "user add",
    .arguments = "NAME",
    .summary = "Let somebody else log in to the token, with a PIN of his own",
    .text = "A user may use the token's objects, as policies and grants allow; the owner alone manages users.",
    .examples = "  bulla user add ann\n  bulla infer --user ann --model minilm 'a text'\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct add_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = add_run,
};
