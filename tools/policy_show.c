#include <stdlib.h>
#include <time.h>

#include "authority.h"
#include "commands.h"
#include "file.h"
#include "output.h"
#include "pcrs.h"

struct show_settings {
    struct bulla_common common;
    const char *authority;
};

static const struct bulla_option options[] = {
    {"authority", 'a', "KEY", "the public key that must have signed it (PEM file, or hex)", BULLA_OPTION_TEXT,
        offsetof(struct show_settings, authority), 0, 0, false},
};

static void time_write(uint64_t seconds, char text[static 32])
{
    time_t when = (time_t)seconds;
    struct tm parts;
    text[0] = '\0';
    if (gmtime_r(&when, &parts))
        (void)strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static json_t *states_show(const struct bulla_policy *policy)
{
    json_t *states = json_array();
    for (size_t i = 0; i < policy->state_count; i++) {
        const struct bulla_policy_state *state = &policy->states[i];
        char pcrs[64];
        char digest[65];
        bulla_pcrs_write(state->pcr_mask, pcrs);
        bulla_hex_write(state->pcr_digest, sizeof state->pcr_digest, digest);
        bulla_say("  %s\n    PCRs %s: %s\n", state->label, pcrs, digest);
        (void)json_array_append_new(
            states, json_pack("{s:s,s:s,s:s}", "label", state->label, "pcrs", pcrs, "digest", digest));
    }
    return states;
}

static enum bulla_reason policy_print(const struct bulla_policy *policy, bool pinned)
{
    char authority[2 * BULLA_AUTHORITY_SIZE + 1];
    char hash[BULLA_AUTHORITY_HASH + 1];
    char from[32];
    char until[32];
    bool current = bulla_policy_check_time(policy, (uint64_t)time(NULL)) == BULLA_OK;
    bulla_hex_write(policy->authority, sizeof policy->authority, authority);
    bulla_authority_hash(BULLA_BYTES(policy->authority), hash);
    time_write(policy->not_before, from);
    time_write(policy->not_after, until);
    bulla_say("version %llu of epoch %llu, valid from %s to %s", (unsigned long long)policy->version,
        (unsigned long long)policy->epoch, from, until);
    bulla_say(current ? "\n" : BULLA_BAD ", not now" BULLA_PLAIN "\n");
    bulla_say("signed by authority %s", hash);
    bulla_say(pinned ? "\n" : BULLA_WARN " (as it says: name the one you trust with --authority)" BULLA_PLAIN "\n");
    bulla_say("  %s\n", authority);
    if (policy->note[0])
        bulla_say("%s\n", policy->note);
    bulla_say(BULLA_STRONG "States" BULLA_PLAIN "\n");
    return bulla_output_document(
        json_pack("{s:s,s:s,s:b,s:I,s:I,s:s,s:s,s:b,s:s,s:o}", "authority", authority, "authority_hash", hash, "pinned",
            pinned, "version", (json_int_t)policy->version, "epoch", (json_int_t)policy->epoch, "not_before", from,
            "not_after", until, "current", current, "note", policy->note, "states", states_show(policy)));
}

static enum bulla_reason show_run(const struct bulla_call *call)
{
    const struct show_settings *settings = call->settings;
    uint8_t authority[BULLA_AUTHORITY_SIZE];
    struct bulla_bytes expected = {NULL, 0};
    struct bulla_policy *policy = calloc(1, sizeof *policy);
    uint8_t *data = NULL;
    size_t size = 0;
    enum bulla_reason reason = BULLA_OK;
    if (!policy)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for the policy");
    if (settings->authority) {
        reason = bulla_authority_public(settings->authority, authority);
        expected = BULLA_BYTES(authority);
    }
    if (reason == BULLA_OK)
        reason = bulla_file_read(call->arguments[0], BULLA_POLICY_LARGEST, &data, &size);
    if (reason == BULLA_OK)
        reason = bulla_policy_read((struct bulla_bytes){data, size}, expected, policy);
    if (reason == BULLA_OK)
        reason = policy_print(policy, settings->authority != NULL);
    free(policy);
    free(data);
    return reason;
}

const struct bulla_command bulla_command_policy_show = {
    .name = "policy show",
    .arguments = "FILE",
    .summary = "Check a policy bundle's signatures and show what it approves",
    .examples = "  bulla policy show machines.policy\n  bulla policy show machines.policy --authority "
                "authority.pem.pub --json\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_NOTHING,
    .settings_size = sizeof(struct show_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = show_run,
};
