#include <string.h>

#include "commands.h"
#include "output.h"
#include "terminal.h"
#include "user.h"

struct remove_settings {
    struct bulla_common common;
    bool yes;
};

static const struct bulla_option options[] = {
    {"yes", 'y', NULL, "consent to what is shown, without a question", BULLA_OPTION_FLAG,
        offsetof(struct remove_settings, yes), 0, 0, false},
};

enum bulla_reason bulla_client_users(
    struct bulla_client *client, const char *name, CK_OBJECT_HANDLE *objects, CK_ULONG capacity, CK_ULONG *count)
{
    CK_OBJECT_CLASS class = CKO_BULLA_PRINCIPAL;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, sizeof yes},
        {CKA_LABEL, (void *)(uintptr_t)name, name ? strlen(name) : 0}};
    return bulla_client_find(client, template, name ? 3 : 2, objects, capacity, count);
}

static enum bulla_reason user_remove(struct bulla_client *client, const char *name, bool yes)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_ULONG count = 0;
    BULLA_TRY(bulla_client_users(client, name, &object, 1, &count));
    if (count == 0)
        return bulla_refuse(BULLA_ARGUMENT, "the token has no user '%.80s'", name);
    bulla_say("The user %s will not log in any more; programs that are logged in as %s go on until they log out.\n",
        name, name);
    BULLA_TRY(bulla_terminal_consent(yes, "Remove the user?"));
    CK_RV result = client->module->C_DestroyObject(client->session, object);
    return bulla_client_check(client, result, "removing the user");
}

static enum bulla_reason remove_run(const struct bulla_call *call)
{
    const struct remove_settings *settings = call->settings;
    struct bulla_client client = {.session = CK_INVALID_HANDLE};
    enum bulla_reason reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = user_remove(&client, call->arguments[0], settings->yes);
    if (reason == BULLA_OK) {
        bulla_say(BULLA_GOOD "removed" BULLA_PLAIN " %s\n", call->arguments[0]);
        reason = bulla_output_document(json_pack("{s:s}", "user", call->arguments[0]));
    }
    bulla_client_close(&client);
    return reason;
}

const struct bulla_command bulla_command_user_remove = {
    .name = "user remove",
    .arguments = "NAME",
    .summary = "Let a user log in no more",
    .text = "The token's key stays what it is: whoever was able to read it while logged in has it still.",
    .examples = "  bulla user remove ann\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct remove_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = remove_run,
};
