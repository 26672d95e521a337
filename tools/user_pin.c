/* C_SetPIN, for whoever logs in: a user with a name reaches it through no other tool. */
#include "client.h"
#include "commands.h"
#include "output.h"
#include "progress.h"

struct pin_settings {
    struct bulla_common common;
    const char *new_pin_file;
};

static const struct bulla_option options[] = {
    {"new-pin-file", 0, "FILE", "read the new PIN from FILE instead of asking", BULLA_OPTION_TEXT,
        offsetof(struct pin_settings, new_pin_file), 0, 0, false},
};

static enum bulla_reason pins_get(const struct pin_settings *settings, struct bulla_pin **old, struct bulla_pin **fresh)
{
    struct bulla_pin_source present = {
        .file = settings->common.pin_file, .environment = "BULLA_PIN", .prompt = "The present PIN"};
    struct bulla_pin_source next = {.file = settings->new_pin_file, .prompt = "The new PIN", .twice = true};
    BULLA_TRY(bulla_pin_get(&present, old));
    return bulla_pin_get(&next, fresh);
}

/* Logged in by the old PIN, C_SetPIN is this user's; for the owner it needs no login. */
static enum bulla_reason pin_change(
    struct bulla_client *client, const char *user, const struct bulla_pin *old, const struct bulla_pin *fresh)
{
    struct bulla_wait wait;
    CK_RV result = CKR_OK;
    bulla_wait_begin(&wait, "changing the PIN");
    if (user) {
        result = bulla_client_login_named(client, user, old);
        client->logged_in = result == CKR_OK;
    }
    if (result == CKR_OK)
        result = client->module->C_SetPIN(client->session, (unsigned char *)(uintptr_t)old->bytes, old->size,
            (unsigned char *)(uintptr_t)fresh->bytes, fresh->size);
    bulla_wait_end(&wait);
    return bulla_client_check(client, result, "changing the PIN");
}

static enum bulla_reason pin_run(const struct bulla_call *call)
{
    const struct pin_settings *settings = call->settings;
    const char *user = settings->common.user;
    struct bulla_client client = {.session = CK_INVALID_HANDLE};
    BULLA_SECRET struct bulla_pin *old = NULL;
    BULLA_SECRET struct bulla_pin *fresh = NULL;
    if (settings->common.as)
        return bulla_refuse(BULLA_ARGUMENT, "whose PIN changes is said by --user, not by --as");
    enum bulla_reason reason = user ? bulla_client_user_check(user) : BULLA_OK;
    if (reason == BULLA_OK)
        reason = bulla_client_open(&client, &settings->common);
    if (reason == BULLA_OK)
        reason = bulla_client_session(&client);
    if (reason == BULLA_OK)
        reason = pins_get(settings, &old, &fresh);
    if (reason == BULLA_OK)
        reason = pin_change(&client, user, old, fresh);
    bulla_client_close(&client);
    if (reason != BULLA_OK)
        return reason;
    bulla_say(BULLA_GOOD "changed" BULLA_PLAIN " the PIN of %s\n", user ? user : "the owner");
    return bulla_output_document(json_pack("{s:s}", "user", user ? user : "user"));
}

const struct bulla_command bulla_command_user_pin = {
    .name = "user pin",
    .arguments = "",
    .summary = "Change a PIN: the owner's, or with --user one's own",
    .examples = "  bulla user pin --user ann\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct pin_settings),
    .run = pin_run,
};
