#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "authority.h"
#include "client.h"
#include "commands.h"
#include "output.h"

enum { MODELS_LARGEST = 1024, ID_LARGEST = 64 };

struct list_settings {
    struct bulla_common common;
};

struct model_row {
    char label[128], id[2 * ID_LARGEST + 1], release[256];
    char authority[2 * BULLA_AUTHORITY_SIZE + 1], authority_hash[BULLA_AUTHORITY_HASH + 1]; /* empty: none */
    CK_ULONG generation;
    bool attested, present;
};

static enum bulla_reason text_get(
    struct bulla_client *client, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, char *text, size_t room)
{
    uint8_t *value = NULL;
    size_t size = 0;
    BULLA_TRY(bulla_client_attribute(client, key, type, &value, &size));
    (void)snprintf(text, room, "%.*s", (int)size, value ? (const char *)value : "");
    free(value);
    return BULLA_OK;
}

static enum bulla_reason id_get(struct bulla_client *client, CK_OBJECT_HANDLE key, struct model_row *row)
{
    uint8_t *id = NULL;
    size_t size = 0;
    BULLA_TRY(bulla_client_attribute(client, key, CKA_ID, &id, &size));
    bulla_hex_write(id, size < ID_LARGEST ? size : ID_LARGEST, row->id);
    free(id);
    return BULLA_OK;
}

static enum bulla_reason authority_get(struct bulla_client *client, CK_OBJECT_HANDLE key, struct model_row *row)
{
    uint8_t *authority = NULL;
    size_t size = 0;
    BULLA_TRY(bulla_client_attribute(client, key, CKA_BULLA_AUTHORITY, &authority, &size));
    if (size == BULLA_AUTHORITY_SIZE) {
        bulla_hex_write(authority, size, row->authority);
        bulla_authority_hash((struct bulla_bytes){authority, size}, row->authority_hash);
    }
    free(authority);
    return BULLA_OK;
}

static bool file_present(const char *folder, const char *id)
{
    char path[4096];
    struct stat status;
    int used = snprintf(path, sizeof path, "%s/%s.bulla", folder, id);
    return used > 0 && (size_t)used < sizeof path && stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static enum bulla_reason row_get(
    struct bulla_client *client, CK_OBJECT_HANDLE key, const char *folder, struct model_row *row)
{
    memset(row, 0, sizeof *row);
    BULLA_TRY(text_get(client, key, CKA_LABEL, row->label, sizeof row->label));
    BULLA_TRY(text_get(client, key, CKA_BULLA_RELEASE, row->release, sizeof row->release));
    BULLA_TRY(bulla_client_flag(client, key, CKA_BULLA_ATTESTED, &row->attested));
    BULLA_TRY(bulla_client_number(client, key, CKA_BULLA_GENERATION, 0, &row->generation));
    BULLA_TRY(id_get(client, key, row));
    BULLA_TRY(authority_get(client, key, row));
    row->present = file_present(folder, row->id);
    return BULLA_OK;
}

static void row_say(const struct model_row *row)
{
    bulla_say(BULLA_STRONG "%s" BULLA_PLAIN "  %s  generation %lu\n  released by %s, ", row->label, row->id,
        row->generation, *row->release ? row->release : "the token key");
    bulla_say(row->attested ? BULLA_GOOD "attested" BULLA_PLAIN : BULLA_WARN "unattested" BULLA_PLAIN);
    bulla_say(row->present ? ", sealed file present\n" : ", " BULLA_WARN "sealed file missing" BULLA_PLAIN "\n");
    if (*row->authority)
        bulla_say("  authority %s\n", row->authority_hash);
}

static json_t *row_json(const struct model_row *row)
{
    return json_pack("{s:s,s:s,s:I,s:s,s:s,s:s,s:b,s:b}", "label", row->label, "id", row->id, "generation",
        (json_int_t)row->generation, "release", row->release, "authority", row->authority, "authority_hash",
        row->authority_hash, "attested", row->attested, "present", row->present);
}

static enum bulla_reason rows_print(struct bulla_client *client, const char *folder, json_t *rows)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}};
    CK_OBJECT_HANDLE keys[MODELS_LARGEST];
    CK_ULONG count = 0;
    BULLA_TRY(bulla_client_find(client, template, BULLA_COUNT(template), keys, MODELS_LARGEST, &count));
    for (CK_ULONG i = 0; i < count; i++) {
        struct model_row row;
        bool model = false;
        BULLA_TRY(bulla_client_is_model(client, keys[i], &model));
        if (!model)
            continue;
        BULLA_TRY(row_get(client, keys[i], folder, &row));
        row_say(&row);
        (void)json_array_append_new(rows, row_json(&row));
    }
    if (json_array_size(rows) == 0)
        bulla_say("no models\n");
    return BULLA_OK;
}

static enum bulla_reason list_run(const struct bulla_call *call)
{
    struct bulla_client client;
    json_t *status = NULL;
    json_t *rows = json_array();
    enum bulla_reason reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = bulla_client_document(&client, "status", &status);
    const char *folder = json_string_value(json_object_get(status, "models"));
    if (reason == BULLA_OK)
        reason = rows_print(&client, folder ? folder : "", rows);
    if (reason == BULLA_OK)
        reason = bulla_output_document(json_pack("{s:O}", "models", rows));
    json_decref(rows);
    json_decref(status);
    bulla_client_close(&client);
    return reason;
}

const struct bulla_command bulla_command_model_list = {
    .name = "model list",
    .arguments = "",
    .summary = "List the models that the token has keys of",
    .examples = "  bulla model list\n  bulla model list --json | jq -r '.models[] | select(.present | not) | .label'\n",
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct list_settings),
    .run = list_run,
};
