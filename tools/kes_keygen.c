#include "commands.h"
#include "kes.h"
#include "output.h"
#include "progress.h"

static const struct bulla_option options[] = {
    BULLA_KES_MAKING_OPTIONS,
    {"depth", 'd', "N", "0 to 7: it has 2^N periods (default 6, as Cardano's)", BULLA_OPTION_TEXT,
        offsetof(struct bulla_kes_making, depth), 0, 0, false},
};

static enum bulla_reason pair_generate(
    struct bulla_client *client, struct bulla_kes_template *template, CK_ULONG *depth, CK_OBJECT_HANDLE *key)
{
    CK_MECHANISM mechanism = {CKM_BULLA_KES_KEY_PAIR_GEN, NULL, 0};
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
    struct bulla_wait wait;
    CK_ATTRIBUTE publics[2] = {template->items[0], template->items[1]}; /* CKA_TOKEN and CKA_LABEL */
    bulla_kes_template_add(template, CKA_BULLA_KES_DEPTH, depth, sizeof *depth);
    bulla_wait_begin(&wait, "making the key");
    CK_RV result = client->module->C_GenerateKeyPair(
        client->session, &mechanism, publics, BULLA_COUNT(publics), template->items, template->count, &public_key, key);
    bulla_wait_end(&wait);
    return bulla_client_check(client, result, "making the key");
}

static enum bulla_reason keygen(
    struct bulla_client *client, const struct bulla_kes_making *settings, struct bulla_kes_template *template)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    struct bulla_kes_view view;
    uint64_t depth = 6;
    if (settings->depth)
        BULLA_TRY(bulla_number_parse(settings->depth, "--depth", 0, BULLA_KES_DEPTH_LARGEST, &depth));
    CK_ULONG number = depth;
    BULLA_TRY(bulla_kes_absence_check(client, settings->label));
    BULLA_TRY(pair_generate(client, template, &number, &key));
    BULLA_TRY(bulla_kes_look(client, key, &view));
    bulla_say(BULLA_GOOD "made" BULLA_PLAIN " ");
    bulla_kes_say(&view);
    return bulla_output_document(bulla_kes_json(&view));
}

static enum bulla_reason keygen_run(const struct bulla_call *call)
{
    const struct bulla_kes_making *settings = call->settings;
    struct bulla_client client = {.session = CK_INVALID_HANDLE};
    struct bulla_kes_template template;
    enum bulla_reason reason = bulla_kes_template_open(&template, settings, 0);
    if (reason == BULLA_OK)
        reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = keygen(&client, settings, &template);
    bulla_client_close(&client);
    return reason;
}

const struct bulla_command bulla_command_kes_keygen = {
    .name = "kes keygen",
    .arguments = "",
    .summary = "Make a key-evolving (KES) key in the token",
    .text =
        "The key signs in 2^depth periods, one after the other, and forgets each for good. With a clock it goes to\n"
        "the next period by itself, at the first signature in it; without one by bulla kes evolve.",
    .examples = "  bulla kes keygen --label pool --network mainnet\n"
                "  bulla kes keygen --label test --depth 3\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct bulla_kes_making),
    .run = keygen_run,
};
