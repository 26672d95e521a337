#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "authority.h"
#include "client.h"
#include "commands.h"
#include "file.h"
#include "output.h"
#include "pcrs.h"

enum { DAYS_DEFAULT = 365, DAY = 86400, CLOCK_SLACK = 300 };

struct sign_settings {
    struct bulla_common common;
    const char *key, *output, *base, *from_token, *label, *note;
    uint64_t version, epoch, days;
    struct bulla_list states;
};
#define AT(member) offsetof(struct sign_settings, member)

static const struct bulla_option options[] = {
    {"key", 'k', "FILE", "the authority's private key, in PEM", BULLA_OPTION_TEXT, AT(key), 0, 0, true},
    {"output", 'o', "FILE", "where the bundle goes", BULLA_OPTION_TEXT, AT(output), 0, 0, true},
    {"version", 0, "N", "higher than every version before (with --base: one more than that)", BULLA_OPTION_NUMBER,
        AT(version), 1, INT64_MAX, false},
    {"epoch", 0, "N", "the epoch; a higher one withdraws what earlier ones approved (default: the base's, else 0)",
        BULLA_OPTION_NUMBER, AT(epoch), 0, INT64_MAX, false},
    {"days", 0, "N", "how long it is valid (default 365)", BULLA_OPTION_NUMBER, AT(days), 1, 36500, false},
    {"state", 's', "LABEL=PCRS:DIGEST", "approve this state; repeatable", BULLA_OPTION_LIST, AT(states), 0, 0, false},
    {"from-token", 0, "PCRS", "approve the state that the token's machine is in now", BULLA_OPTION_TEXT, AT(from_token),
        0, 0, false},
    {"label", 'l', "LABEL", "label of the state of --from-token (default: the date)", BULLA_OPTION_TEXT, AT(label), 0,
        0, false},
    {"base", 'b', "FILE", "approve every state of this bundle as well", BULLA_OPTION_TEXT, AT(base), 0, 0, false},
    {"note", 0, "TEXT", "a note for people, at most 127 bytes", BULLA_OPTION_TEXT, AT(note), 0, 0, false},
};

/* --- the states --- */

static bool state_same(const struct bulla_policy_state *a, const struct bulla_policy_state *b)
{
    return a->pcr_mask == b->pcr_mask && memcmp(a->pcr_digest, b->pcr_digest, sizeof a->pcr_digest) == 0;
}

static enum bulla_reason state_add(struct bulla_policy *policy, const struct bulla_policy_state *state)
{
    for (size_t i = 0; i < policy->state_count; i++)
        if (state_same(&policy->states[i], state)) {
            bulla_remark("\"%s\" is the same state as \"%s\"", state->label, policy->states[i].label);
            return BULLA_OK;
        }
    if (policy->state_count == BULLA_POLICY_STATES)
        return bulla_refuse(BULLA_TOO_LARGE, "a policy has at most %d states", BULLA_POLICY_STATES);
    policy->states[policy->state_count++] = *state;
    return BULLA_OK;
}

static enum bulla_reason base_add(struct bulla_policy *policy, const struct sign_settings *settings)
{
    uint8_t *data = NULL;
    size_t size = 0;
    struct bulla_policy *base = calloc(1, sizeof *base);
    if (!base)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for the base");
    enum bulla_reason reason = bulla_file_read(settings->base, BULLA_POLICY_LARGEST, &data, &size);
    if (reason == BULLA_OK)
        reason = bulla_policy_read((struct bulla_bytes){data, size}, BULLA_BYTES(policy->authority), base);
    for (size_t i = 0; reason == BULLA_OK && i < base->state_count; i++)
        reason = state_add(policy, &base->states[i]);
    if (reason == BULLA_OK) {
        policy->version = settings->version ? settings->version : base->version + 1;
        policy->epoch = settings->epoch ? settings->epoch : base->epoch;
        if (policy->version <= base->version || policy->epoch < base->epoch)
            reason = bulla_refuse(BULLA_ARGUMENT, "the base has version %llu of epoch %llu: this one must follow it",
                (unsigned long long)base->version, (unsigned long long)base->epoch);
    }
    free(base);
    free(data);
    return reason;
}

static void date_label(char label[static 64])
{
    time_t now = time(NULL);
    struct tm parts;
    if (!gmtime_r(&now, &parts) || strftime(label, 64, "measured %Y-%m-%d %H:%M UTC", &parts) == 0)
        (void)snprintf(label, 64, "measured");
}

static enum bulla_reason token_state(const struct sign_settings *settings, struct bulla_policy_state *state)
{
    struct bulla_client client;
    json_t *status = NULL;
    memset(state, 0, sizeof *state);
    BULLA_TRY(bulla_pcrs_parse(settings->from_token, &state->pcr_mask));
    if (settings->label && strlen(settings->label) >= sizeof state->label)
        return bulla_refuse(BULLA_ARGUMENT, "the label has more than %zu bytes", sizeof state->label - 1);
    if (settings->label)
        memcpy(state->label, settings->label, strlen(settings->label));
    else
        date_label(state->label);
    enum bulla_reason reason = bulla_client_open(&client, &settings->common);
    if (reason == BULLA_OK)
        reason = bulla_client_session(&client);
    if (reason == BULLA_OK)
        reason = bulla_client_document(&client, "status", &status);
    const json_t *tpm = json_object_get(status, "tpm");
    const json_t *values = json_object_get(tpm, "pcrs");
    if (reason == BULLA_OK)
        reason = bulla_pcrs_digest(values ? values : tpm, state->pcr_mask, state->pcr_digest);
    json_decref(status);
    bulla_client_close(&client);
    return reason;
}

static enum bulla_reason states_add(struct bulla_policy *policy, const struct sign_settings *settings)
{
    struct bulla_policy_state state;
    for (size_t i = 0; i < settings->states.count; i++) {
        BULLA_TRY(bulla_pcrs_state_parse(settings->states.items[i], &state));
        BULLA_TRY(state_add(policy, &state));
    }
    if (settings->from_token) {
        BULLA_TRY(token_state(settings, &state));
        BULLA_TRY(state_add(policy, &state));
    }
    return policy->state_count
               ? BULLA_OK
               : bulla_refuse(BULLA_ARGUMENT, "nothing to approve: give --state, --from-token or --base");
}

/* --- the bundle --- */

static enum bulla_reason policy_fill(struct bulla_policy *policy, const struct sign_settings *settings)
{
    uint64_t now = (uint64_t)time(NULL);
    policy->version = settings->version;
    policy->epoch = settings->epoch;
    policy->not_before = now - CLOCK_SLACK; /* machines whose clocks are a little behind */
    policy->not_after = now + (settings->days ? settings->days : DAYS_DEFAULT) * DAY;
    if (settings->note && strlen(settings->note) >= sizeof policy->note)
        return bulla_refuse(BULLA_ARGUMENT, "the note has more than %zu bytes", sizeof policy->note - 1);
    if (settings->note)
        memcpy(policy->note, settings->note, strlen(settings->note));
    if (settings->base)
        BULLA_TRY(base_add(policy, settings));
    if (policy->version == 0)
        return bulla_refuse(BULLA_ARGUMENT, "--version N is missing (or --base, whose version is counted on)");
    return states_add(policy, settings);
}

static enum bulla_reason bundle_write(
    struct bulla_policy *policy, const struct bulla_authority *authority, const char *path)
{
    uint8_t bundle[BULLA_POLICY_LARGEST];
    struct bulla_writer writer;
    char hex[2 * BULLA_AUTHORITY_SIZE + 1];
    bulla_writer_open(&writer, bundle, sizeof bundle);
    BULLA_TRY(bulla_policy_sign(policy, &authority->signer, &writer));
    BULLA_TRY(bulla_writer_finish(&writer, "the policy bundle"));
    BULLA_TRY(bulla_file_write(path, 0644, bulla_writer_bytes(&writer)));
    bulla_hex_write(policy->authority, sizeof policy->authority, hex);
    bulla_say(BULLA_GOOD "signed" BULLA_PLAIN " version %llu of epoch %llu, %zu states: %s\n",
        (unsigned long long)policy->version, (unsigned long long)policy->epoch, policy->state_count, path);
    return bulla_output_document(
        json_pack("{s:s,s:I,s:I,s:I,s:s}", "authority", hex, "version", (json_int_t)policy->version, "epoch",
            (json_int_t)policy->epoch, "states", (json_int_t)policy->state_count, "file", path));
}

static enum bulla_reason sign_run(const struct bulla_call *call)
{
    const struct sign_settings *settings = call->settings;
    struct bulla_authority authority = {.key = NULL};
    struct bulla_policy *policy = calloc(1, sizeof *policy);
    if (!policy)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for the policy");
    enum bulla_reason reason = bulla_authority_open(&authority, settings->key);
    if (reason == BULLA_OK) {
        memcpy(policy->authority, authority.public_key, sizeof policy->authority);
        reason = policy_fill(policy, settings);
    }
    if (reason == BULLA_OK)
        reason = bundle_write(policy, &authority, settings->output);
    bulla_authority_close(&authority);
    free(policy);
    return reason;
}

const struct bulla_command bulla_command_policy_sign = {
    .name = "policy sign",
    .arguments = "",
    .summary = "Sign a policy bundle: the measured states that release a model",
    .text = "A state is a set of PCRs (SHA-256 bank) and the SHA-256 over their values, ascending. Approvals never "
            "expire in\n"
            "a TPM: withdrawing a state takes a higher --epoch, and an opening under it.",
    .examples =
        "  bulla policy sign --key authority.pem --version 1 --from-token 0-7 -o machines.policy\n"
        "  bulla policy sign --key authority.pem --base machines.policy --state 'kernel 6.1=0-7:9f2c…' -o new.policy\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_TOKEN,
    .settings_size = sizeof(struct sign_settings),
    .run = sign_run,
};
