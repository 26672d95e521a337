#include "commands.h"
#include "kes.h"
#include "output.h"

enum { KEYS_LARGEST = 1024 };

struct info_settings {
    struct bulla_common common;
};

static enum bulla_reason key_print(struct bulla_client *client, CK_OBJECT_HANDLE key, json_t *rows)
{
    struct bulla_kes_view view;
    BULLA_TRY(bulla_kes_look(client, key, &view));
    bulla_kes_say(&view);
    return json_array_append_new(rows, bulla_kes_json(&view)) == 0 ? BULLA_OK
                                                                   : bulla_refuse(BULLA_OUT_OF_MEMORY, "for a key");
}

static enum bulla_reason keys_print(struct bulla_client *client, json_t *rows)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_BULLA_KES;
    CK_OBJECT_HANDLE keys[KEYS_LARGEST];
    CK_ULONG count = 0;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}};
    BULLA_TRY(bulla_client_find(client, template, BULLA_COUNT(template), keys, KEYS_LARGEST, &count));
    for (CK_ULONG i = 0; i < count; i++)
        BULLA_TRY(key_print(client, keys[i], rows));
    if (count == 0)
        bulla_say("no KES keys\n");
    return BULLA_OK;
}

static enum bulla_reason info(struct bulla_client *client, const struct bulla_call *call, json_t *rows)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    if (call->count == 0)
        return keys_print(client, rows);
    BULLA_TRY(bulla_kes_find(client, call->arguments[0], &key));
    return key_print(client, key, rows);
}

static enum bulla_reason info_run(const struct bulla_call *call)
{
    struct bulla_client client;
    json_t *rows = json_array();
    enum bulla_reason reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = info(&client, call, rows);
    if (reason == BULLA_OK)
        reason = bulla_output_document(json_pack("{s:O}", "keys", rows));
    json_decref(rows);
    bulla_client_close(&client);
    return reason;
}

const struct bulla_command bulla_command_kes_info = {
    .name = "kes info",
    .arguments = "[LABEL]",
    .summary = "Show the token's KES keys: period, clock, what forgets",
    .text = "Looking evolves nothing: the period shown is that of the last signature or evolution.",
    .examples = "  bulla kes info\n  bulla kes info pool --json | jq '.keys[0].period'\n",
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct info_settings),
    .arguments_most = 1,
    .run = info_run,
};
