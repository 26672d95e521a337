/* The key first: from then on the sealed file opens nowhere, and what a crash leaves of it is of no use to anybody. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "commands.h"
#include "output.h"
#include "terminal.h"

struct remove_settings {
    struct bulla_common common;
    bool yes;
};

static const struct bulla_option options[] = {
    {"yes", 'y', NULL, "consent to what is shown, without a question", BULLA_OPTION_FLAG,
        offsetof(struct remove_settings, yes), 0, 0, false},
};

struct removal {
    struct bulla_client client;
    const char *label;
    CK_OBJECT_HANDLE key;
    char id[2 * BULLA_MODEL_ID + 1];
    char path[4096];
    bool present; /* the sealed file */
};

static enum bulla_reason path_make(struct removal *removal)
{
    json_t *status = NULL;
    BULLA_TRY(bulla_client_document(&removal->client, "status", &status));
    const char *folder = json_string_value(json_object_get(status, "models"));
    int used = folder ? snprintf(removal->path, sizeof removal->path, "%s/%s.bulla", folder, removal->id) : -1;
    json_decref(status);
    removal->present = used > 0 && access(removal->path, F_OK) == 0;
    return used > 0 && (size_t)used < sizeof removal->path
               ? BULLA_OK
               : bulla_refuse(BULLA_FILE, "the token names no usable models folder");
}

static enum bulla_reason model_find(struct removal *removal, const struct bulla_call *call)
{
    removal->label = call->arguments[0];
    BULLA_TRY(bulla_client_connect(&removal->client, call));
    BULLA_TRY(bulla_client_model(&removal->client, removal->label, &removal->key));
    if (removal->key == CK_INVALID_HANDLE)
        return bulla_refuse(BULLA_MODEL_MISSING, "the token has no model \"%s\"", removal->label);
    BULLA_TRY(bulla_client_model_id(&removal->client, removal->key, removal->label, removal->id));
    return path_make(removal);
}

static enum bulla_reason consent(const struct removal *removal, const struct remove_settings *settings)
{
    bulla_say("The key of \"%s\" will be " BULLA_BAD "destroyed" BULLA_PLAIN ": no copy of its sealed file opens any "
              "more.\n",
        removal->label);
    bulla_say(removal->present ? "  %s will be deleted\n" : "  %s is not there\n", removal->path);
    return bulla_terminal_consent(settings->yes, "Remove the model?");
}

static enum bulla_reason model_destroy(struct removal *removal)
{
    CK_RV result = removal->client.module->C_DestroyObject(removal->client.session, removal->key);
    BULLA_TRY(bulla_client_check(&removal->client, result, "destroying the model's key"));
    if (unlink(removal->path) == 0 || errno == ENOENT)
        return BULLA_OK;
    bulla_output_remedy("delete it: nothing opens it any more");
    return bulla_refuse(BULLA_FILE, "the key is destroyed, but %s stays: %s", removal->path, strerror(errno));
}

static enum bulla_reason remove_run(const struct bulla_call *call)
{
    struct removal removal;
    memset(&removal, 0, sizeof removal);
    removal.client.session = CK_INVALID_HANDLE;
    enum bulla_reason reason = model_find(&removal, call);
    if (reason == BULLA_OK)
        reason = consent(&removal, call->settings);
    if (reason == BULLA_OK)
        reason = model_destroy(&removal);
    if (reason == BULLA_OK) {
        bulla_say(BULLA_GOOD "removed" BULLA_PLAIN " \"%s\"\n", removal.label);
        reason = bulla_output_document(json_pack("{s:s,s:s,s:s,s:b}", "label", removal.label, "id", removal.id, "path",
            removal.path, "file_deleted", removal.present));
    }
    bulla_client_close(&removal.client);
    return reason;
}

const struct bulla_command bulla_command_model_remove = {
    .name = "model remove",
    .arguments = "NAME",
    .summary = "Destroy a model's key and delete its sealed file",
    .text =
        "There is no way back: copies of the sealed file stay sealed for good. The folder that the model was sealed "
        "from\nis not touched.",
    .examples = "  bulla model remove minilm\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct remove_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = remove_run,
};
