/* The token reads the key's form; here it is bytes in the arena. */
#include "commands.h"
#include "crypto/arena.h"
#include "file.h"
#include "kes.h"
#include "output.h"
#include "progress.h"

static const struct bulla_option options[] = {
    BULLA_KES_MAKING_OPTIONS,
    {"period", 'p', "N", "the key's own period that it is in (default 0)", BULLA_OPTION_TEXT,
        offsetof(struct bulla_kes_making, period), 0, 0, false},
};

static enum bulla_reason key_create(struct bulla_client *client, struct bulla_kes_template *template, uint8_t *form,
    size_t size, CK_ULONG *period, CK_OBJECT_HANDLE *key)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_BULLA_KES;
    struct bulla_wait wait;
    bulla_kes_template_add(template, CKA_CLASS, &class, sizeof class);
    bulla_kes_template_add(template, CKA_KEY_TYPE, &type, sizeof type);
    bulla_kes_template_add(template, CKA_VALUE, form, size);
    bulla_kes_template_add(template, CKA_BULLA_KES_PERIOD, period, sizeof *period);
    bulla_wait_begin(&wait, "importing the key");
    CK_RV result = client->module->C_CreateObject(client->session, template->items, template->count, key);
    bulla_wait_end(&wait);
    return bulla_client_check(client, result, "importing the key");
}

static enum bulla_reason import(struct bulla_client *client, const struct bulla_kes_making *settings, const char *path,
    struct bulla_kes_template *template, CK_ULONG period)
{
    BULLA_SECRET uint8_t *form = NULL;
    size_t size = 0;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    struct bulla_kes_view view;
    BULLA_TRY(bulla_kes_absence_check(client, settings->label));
    BULLA_TRY(bulla_file_read_secret(path, BULLA_KES_FILE_LARGEST, &form, &size));
    BULLA_TRY(key_create(client, template, form, size, &period, &key));
    BULLA_TRY(bulla_kes_look(client, key, &view));
    bulla_say(BULLA_GOOD "imported" BULLA_PLAIN " ");
    bulla_kes_say(&view);
    if (strcmp(path, "-") != 0)
        bulla_remark("%s can still sign in this period and every later one: destroy it, and its copies", path);
    return bulla_output_document(bulla_kes_json(&view));
}

static enum bulla_reason import_run(const struct bulla_call *call)
{
    const struct bulla_kes_making *settings = call->settings;
    struct bulla_client client = {.session = CK_INVALID_HANDLE};
    struct bulla_kes_template template;
    uint64_t period = 0;
    enum bulla_reason reason = BULLA_OK;
    if (settings->period)
        reason = bulla_number_parse(settings->period, "--period", 0, UINT32_MAX, &period);
    if (reason == BULLA_OK)
        reason = bulla_kes_template_open(&template, settings, period);
    if (reason == BULLA_OK)
        reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = import(&client, settings, call->arguments[0], &template, period);
    bulla_client_close(&client);
    return reason;
}

const struct bulla_command bulla_command_kes_import = {
    .name = "kes import",
    .arguments = "FILE",
    .summary = "Bring a KES key into the token, in the period that it is in",
    .text =
        "FILE is a text envelope (KesSigningKey_ed25519_kes_2^6), its CBOR, or the raw key; - is standard input.\n"
        "A key does not say in which period it is; a wrong --period is refused, by its hashes. What the file could\n"
        "sign before it can sign still: a key made in the token is never anywhere else.",
    .examples = "  bulla kes import --label pool --network mainnet kes.skey\n"
                "  bulla kes import --label pool --period 5 key6update5.bin\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct bulla_kes_making),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = import_run,
};
