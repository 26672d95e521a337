/* The users beside the owner. The login is what authenticates their rows. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "output.h"
#include "user.h"

struct list_settings {
    struct bulla_common common;
};

static enum bulla_reason user_add(struct bulla_client *client, CK_OBJECT_HANDLE object, json_t *users)
{
    uint8_t *name = NULL;
    size_t size = 0;
    BULLA_TRY(bulla_client_attribute(client, object, CKA_LABEL, &name, &size));
    if (name) {
        bulla_say("%s\n", (const char *)name);
        (void)json_array_append_new(users, json_string((const char *)name));
    }
    free(name);
    return BULLA_OK;
}

static enum bulla_reason users_print(struct bulla_client *client)
{
    CK_OBJECT_HANDLE objects[BULLA_USERS_LARGEST];
    CK_ULONG count = 0;
    BULLA_TRY(bulla_client_users(client, NULL, objects, BULLA_USERS_LARGEST, &count));
    json_t *users = json_array();
    enum bulla_reason reason = BULLA_OK;
    for (CK_ULONG i = 0; i < count && reason == BULLA_OK; i++)
        reason = user_add(client, objects[i], users);
    if (count == 0)
        bulla_say("no users beside the owner\n");
    if (reason != BULLA_OK) {
        json_decref(users);
        return reason;
    }
    return bulla_output_document(json_pack("{s:o}", "users", users));
}

static enum bulla_reason list_run(const struct bulla_call *call)
{
    struct bulla_client client = {.session = CK_INVALID_HANDLE};
    enum bulla_reason reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = users_print(&client);
    bulla_client_close(&client);
    return reason;
}

const struct bulla_command bulla_command_user_list = {
    .name = "user list",
    .arguments = "",
    .summary = "List who may log in to the token beside its owner",
    .examples = "  bulla user list\n",
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct list_settings),
    .run = list_run,
};
