/* Initialising is two PKCS#11 calls: C_InitToken destroys what was there, C_InitPIN puts the new token under its TPM.
 * Consent is asked for before each does its harm. */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "commands.h"
#include "output.h"
#include "progress.h"
#include "status_show.h"
#include "terminal.h"

struct init_settings {
    struct bulla_common common;
    const char *label, *so_pin_file;
    bool yes, force;
};
#define AT(member) offsetof(struct init_settings, member)

static const struct bulla_option options[] = {
    {"label", 'l', "NAME", "the token's label, at most 32 bytes", BULLA_OPTION_TEXT, AT(label), 0, 0, false},
    {"so-pin-file", 0, "FILE", "read the SO's new PIN from FILE instead of asking", BULLA_OPTION_TEXT, AT(so_pin_file),
        0, 0, false},
    {"yes", 'y', NULL, "consent to what is shown, without a question", BULLA_OPTION_FLAG, AT(yes), 0, 0, false},
    {"force", 'f', NULL, "a token that is initialised already: destroy its objects", BULLA_OPTION_FLAG, AT(force), 0, 0,
        false},
};

/* Until the user's PIN is set a token has no key that anything was sealed under: one whose initialising was broken off
 * is not worth --force. */
static enum bulla_reason destruction_check(const struct bulla_client *client, const struct init_settings *settings)
{
    char label[33];
    bulla_client_label(client, label);
    if (!(client->token.flags & CKF_TOKEN_INITIALIZED))
        return BULLA_OK;
    if (!(client->token.flags & CKF_USER_PIN_INITIALIZED)) {
        bulla_remark("the token \"%s\" was begun and has no keys yet: give the SO PIN that it was begun with", label);
        return BULLA_OK;
    }
    if (!settings->force)
        return bulla_refuse(
            BULLA_CANCELLED, "the token \"%s\" is initialised: --force destroys its keys and models' keys", label);
    bulla_say("The token \"%s\" and every key in it will be " BULLA_BAD "destroyed" BULLA_PLAIN ".\n", label);
    return BULLA_OK;
}

/* What the TPM would do to a token that is under its dictionary-attack protection. `*told` is false when the token
 * gives no status: one that was never initialised has no session to ask in. */
static enum bulla_reason tpm_consent(struct bulla_client *client, const struct init_settings *settings, bool *told)
{
    json_t *status = NULL;
    struct bulla_status_auths auths = {false, false};
    *told = client->session != CK_INVALID_HANDLE && bulla_client_document(client, "status", &status) == BULLA_OK;
    const json_t *tpm = json_object_get(status, "tpm");
    const char *state = json_string_value(json_object_get(tpm, "state"));
    bool there = state && strcmp(state, "absent") != 0;
    if (there) {
        bulla_say(BULLA_STRONG "The TPM" BULLA_PLAIN "\n");
        bulla_status_tpm_show(tpm, &auths);
        bulla_say(
            "Wrong auths lock every protected object of the TPM, not only this token; bulla locks its PIN earlier.\n");
        if (auths.lockout_empty)
            bulla_say("Set the lockout's auth (tpm2_changeauth -c lockout) where others may reach the TPM, and the "
                      "owner's never;\nbulla changes neither.\n");
    }
    json_decref(status);
    if (auths.owner_set) {
        bulla_output_remedy("give the owner hierarchy the empty auth again: tpm2_changeauth -c owner -p OLD");
        return bulla_refuse(BULLA_TPM_AUTHORIZATION, "the TPM's owner hierarchy has an auth: bulla needs it empty");
    }
    return there ? bulla_terminal_consent(settings->yes, "Put the token under this TPM?") : BULLA_OK;
}

/* Before anything is destroyed, where there is something; C_InitToken wants no session open. */
static enum bulla_reason consent_before(struct bulla_client *client, const struct init_settings *settings, bool *told)
{
    bool initialised = client->token.flags & CKF_TOKEN_INITIALIZED;
    *told = false;
    if (initialised && bulla_client_session(client) == BULLA_OK)
        BULLA_TRY(tpm_consent(client, settings, told));
    if (client->session != CK_INVALID_HANDLE)
        (void)client->module->C_CloseSession(client->session);
    client->session = CK_INVALID_HANDLE;
    bool keys = client->token.flags & CKF_USER_PIN_INITIALIZED;
    return initialised && keys ? bulla_terminal_consent(settings->yes, "Destroy the token and initialise it?")
                               : BULLA_OK;
}

static enum bulla_reason pins_get(
    const struct init_settings *settings, struct bulla_pin **so_pin, struct bulla_pin **user_pin)
{
    struct bulla_pin_source so = {.file = settings->so_pin_file, .prompt = "New SO PIN", .twice = true};
    struct bulla_pin_source user = {
        .file = settings->common.pin_file, .environment = "BULLA_PIN", .prompt = "New user PIN", .twice = true};
    BULLA_TRY(bulla_pin_get(&so, so_pin));
    return bulla_pin_get(&user, user_pin);
}

static enum bulla_reason label_make(
    const struct bulla_client *client, const struct init_settings *settings, char padded[static 33])
{
    char label[33];
    bulla_client_label(client, label);
    const char *wanted = settings->label ? settings->label : label;
    wanted = *wanted ? wanted : "bulla";
    if (strlen(wanted) > 32)
        return bulla_refuse(BULLA_ARGUMENT, "the label '%.40s' has more than 32 bytes", wanted);
    (void)snprintf(padded, 33, "%-32s", wanted); /* CK_TOKEN_INFO's way: spaces, no zero */
    return BULLA_OK;
}

static enum bulla_reason token_make(struct bulla_client *client, struct bulla_pin *so_pin, char label[static 33])
{
    struct bulla_wait wait;
    CK_FUNCTION_LIST *module = client->module;
    bulla_wait_begin(&wait, "initialising the token");
    CK_RV result = module->C_InitToken(client->slot, so_pin->bytes, so_pin->size, (unsigned char *)label);
    bulla_wait_end(&wait);
    BULLA_TRY(bulla_client_check(client, result, "initialising the token"));
    BULLA_TRY(bulla_client_session(client));
    bulla_wait_begin(&wait, "logging in as the SO");
    result = module->C_Login(client->session, CKU_SO, so_pin->bytes, so_pin->size);
    bulla_wait_end(&wait);
    client->logged_in = result == CKR_OK;
    return bulla_client_check(client, result, "logging in as the SO");
}

/* This is what puts the token under the TPM: the consent comes before it, at the latest. */
static enum bulla_reason user_make(
    struct bulla_client *client, const struct init_settings *settings, struct bulla_pin *user_pin, bool told)
{
    struct bulla_wait wait;
    enum bulla_reason consent = told ? BULLA_OK : tpm_consent(client, settings, &told);
    if (consent == BULLA_CANCELLED)
        bulla_output_remedy("the token is begun and holds nothing: `bulla init` goes on with it, by the same SO PIN");
    BULLA_TRY(consent);
    bulla_wait_begin(&wait, "setting the user's PIN");
    CK_RV result = client->module->C_InitPIN(client->session, user_pin->bytes, user_pin->size);
    bulla_wait_end(&wait);
    return bulla_client_check(client, result, "setting the user's PIN");
}

static enum bulla_reason result_show(struct bulla_client *client)
{
    json_t *status = NULL;
    BULLA_TRY(bulla_client_check(client, client->module->C_Logout(client->session), "logging out"));
    client->logged_in = false;
    BULLA_TRY(bulla_client_document(client, "status", &status));
    bulla_say(BULLA_GOOD "The token is ready." BULLA_PLAIN "\n");
    bulla_status_authorities_name(status);
    bulla_status_show(status);
    return bulla_output_document(status);
}

static enum bulla_reason init_run(const struct bulla_call *call)
{
    const struct init_settings *settings = call->settings;
    BULLA_SECRET struct bulla_pin *so_pin = NULL;
    BULLA_SECRET struct bulla_pin *user_pin = NULL;
    char label[33];
    struct bulla_client client;
    bool told = false;
    if (settings->common.user || settings->common.as)
        return bulla_refuse(BULLA_ARGUMENT, "init makes the token's owner: --user and --as are for later");
    enum bulla_reason reason = bulla_client_open(&client, &settings->common);
    if (reason == BULLA_OK)
        reason = destruction_check(&client, settings);
    if (reason == BULLA_OK)
        reason = label_make(&client, settings, label);
    if (reason == BULLA_OK)
        reason = consent_before(&client, settings, &told);
    if (reason == BULLA_OK)
        reason = pins_get(settings, &so_pin, &user_pin);
    if (reason == BULLA_OK)
        reason = token_make(&client, so_pin, label);
    if (reason == BULLA_OK)
        reason = user_make(&client, settings, user_pin, told);
    if (reason == BULLA_OK)
        reason = result_show(&client);
    bulla_client_close(&client);
    return reason;
}

const struct bulla_command bulla_command_init = {
    .name = "init",
    .arguments = "",
    .summary = "Initialise a token: label, SO PIN, user PIN, receipt key",
    .text = "Shows what the TPM does about wrong auths, and asks before it goes on: of a new token when it is begun, "
            "which\n"
            "the next init goes on with, without --force, by the same SO PIN. The SO's PIN opens nothing: it sets a\n"
            "new user PIN only where bulla.conf says so-recovery = yes beforehand.",
    .examples =
        "  bulla init --label models\n  bulla init --label models --so-pin-file so.pin --pin-file user.pin --yes\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct init_settings),
    .run = init_run,
};
