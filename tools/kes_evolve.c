/* The token judges whether a key may go to a period; what is decided here is which one is meant where none is named. */
#include <time.h>

#include "commands.h"
#include "kes.h"
#include "output.h"
#include "progress.h"

struct evolve_settings {
    struct bulla_common common;
    const char *to;
};

static const struct bulla_option options[] = {
    {"to", 0, "N", "the key's own period to go to; what is between is forgotten, too", BULLA_OPTION_TEXT,
        offsetof(struct evolve_settings, to), 0, 0, false},
};

/* By the clock, where it is one period further at most; by one period, where there is no clock. */
static enum bulla_reason target_choose(const struct bulla_kes_view *view, const char *to, uint64_t *period)
{
    if (to)
        return bulla_number_parse(to, "--to", 0, UINT32_MAX, period);
    *period = view->slots_per_period ? view->period : view->period + 1;
    if (!bulla_kes_due(view, (uint64_t)time(NULL), period) || *period <= (uint64_t)view->period + 1)
        return BULLA_OK;
    bulla_output_remedy("where the clock is right: --to %llu", (unsigned long long)*period);
    return bulla_refuse(BULLA_KES_CLOCK, "it is period %llu, and the KES key is in %lu: so far it goes only when told",
        (unsigned long long)*period, view->period);
}

static enum bulla_reason evolve(struct bulla_client *client, const char *label, const char *to)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    struct bulla_kes_view view;
    uint64_t period = 0;
    struct bulla_wait wait;
    BULLA_TRY(bulla_kes_find(client, label, &key));
    BULLA_TRY(bulla_kes_look(client, key, &view));
    BULLA_TRY(target_choose(&view, to, &period));
    CK_ULONG wanted = period, before = view.period;
    CK_ATTRIBUTE attribute = {CKA_BULLA_KES_PERIOD, &wanted, sizeof wanted};
    bulla_wait_begin(&wait, "evolving the key");
    CK_RV result = client->module->C_SetAttributeValue(client->session, key, &attribute, 1);
    bulla_wait_end(&wait);
    BULLA_TRY(bulla_client_check(client, result, "evolving the key"));
    BULLA_TRY(bulla_kes_look(client, key, &view));
    bulla_say(view.period == before ? BULLA_GOOD "unchanged" BULLA_PLAIN " " : BULLA_GOOD "evolved" BULLA_PLAIN " ");
    bulla_kes_say(&view);
    return bulla_output_document(bulla_kes_json(&view));
}

static enum bulla_reason evolve_run(const struct bulla_call *call)
{
    const struct evolve_settings *settings = call->settings;
    struct bulla_client client;
    enum bulla_reason reason = bulla_client_connect(&client, call);
    if (reason == BULLA_OK)
        reason = evolve(&client, call->arguments[0], settings->to);
    bulla_client_close(&client);
    return reason;
}

const struct bulla_command bulla_command_kes_evolve = {
    .name = "kes evolve",
    .arguments = "LABEL",
    .summary = "Take a KES key to a later period, for good",
    .text = "Without --to it goes to the period that the clock says, where that is the next one, or, without a clock,\n"
            "to the next one. No key goes beyond what its clock says, and none goes back.",
    .examples = "  bulla kes evolve pool\n  bulla kes evolve pool --to 12\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct evolve_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = evolve_run,
};
