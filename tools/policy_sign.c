#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "commands.h"
#include "exit.h"
#include "file.h"
#include "grant_show.h"
#include "output.h"
#include "pcrs.h"
#include "policy_draft.h"
#include "reference.h"

enum { DAYS_DEFAULT = 365, DAY = 86400, CLOCK_SLACK = 300 };

struct sign_settings {
    struct bulla_common common;
    const char *key, *output, *base, *from_token, *label, *note;
    uint64_t version, epoch, days;
    struct bulla_list states, references, grants;
    bool restricted, no_grants;
};
#define AT(member) offsetof(struct sign_settings, member)

static const struct bulla_option options[] = {
    {"key", 'k', "FILE", "the authority's private key, in PEM", BULLA_OPTION_TEXT, AT(key), 0, 0, true},
    {"output", 'o', "FILE", "where the bundle goes", BULLA_OPTION_OUTPUT, AT(output), 0, 0, true},
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
    {"reference", 'r', "REFERENCE", "approve this enclave or guest; repeatable", BULLA_OPTION_LIST, AT(references), 0,
        0, false},
    {"grant", 'g', "FILE", "take up this grant (bulla grant), and restrict the policy; repeatable", BULLA_OPTION_LIST,
        AT(grants), 0, 0, false},
    {"restricted", 0, NULL, "only whom a grant allows may use the authority's objects", BULLA_OPTION_FLAG,
        AT(restricted), 0, 0, false},
    {"base", 'b', "FILE", "approve and grant all that this bundle does as well", BULLA_OPTION_TEXT, AT(base), 0, 0,
        false},
    {"no-grants", 0, NULL, "leave out the base's grants; a restricted policy stays restricted", BULLA_OPTION_FLAG,
        AT(no_grants), 0, 0, false},
    {"note", 0, "TEXT", "a note for people, at most 127 bytes", BULLA_OPTION_TEXT, AT(note), 0, 0, false},
};

/* --- what it approves --- */

static void date_label(char label[static 64])
{
    time_t now = time(NULL);
    struct tm parts;
    if (!gmtime_r(&now, &parts) || strftime(label, 64, "measured %Y-%m-%d %H:%M UTC", &parts) == 0)
        (void)snprintf(label, 64, "measured");
}

/* Where the TPM tells no PCRs, its status tells why. */
static enum bulla_reason pcrs_take(const json_t *status, struct bulla_policy_state *state)
{
    const json_t *tpm = json_object_get(status, "tpm");
    const char *detail = json_string_value(json_object_get(tpm, "detail"));
    if (detail)
        return bulla_refuse(bulla_reason_of_code(json_string_value(json_object_get(tpm, "reason"))), "%s", detail);
    if (!json_string_length(json_object_get(tpm, "tcti")))
        return bulla_refuse(BULLA_TPM_UNREACHABLE, "--from-token: the token has no TPM");
    return bulla_pcrs_digest(tpm, state->pcr_mask, state->pcr_digest);
}

static enum bulla_reason token_state(const struct sign_settings *settings, struct bulla_policy_state *state)
{
    struct bulla_client client;
    json_t *status = NULL;
    memset(state, 0, sizeof *state);
    BULLA_TRY(bulla_pcrs_parse(settings->from_token, &state->pcr_mask));
    if (!settings->label)
        date_label(state->label);
    else if (!bulla_label_take(settings->label, strlen(settings->label), state->label))
        return bulla_refuse(
            BULLA_ARGUMENT, "the label has more than %zu bytes, or a control character", sizeof state->label - 1);
    enum bulla_reason reason = bulla_client_open(&client, &settings->common);
    if (reason == BULLA_OK)
        reason = bulla_client_session(&client);
    if (reason == BULLA_OK)
        reason = bulla_client_document(&client, "status", &status);
    if (reason == BULLA_OK)
        reason = pcrs_take(status, state);
    json_decref(status);
    bulla_client_close(&client);
    return reason;
}

static enum bulla_reason lists_add(struct bulla_policy_draft *draft, const struct sign_settings *settings)
{
    struct bulla_policy_state state;
    struct bulla_policy_reference reference;
    for (size_t i = 0; i < settings->states.count; i++) {
        BULLA_TRY(bulla_pcrs_state_parse(settings->states.items[i], &state));
        BULLA_TRY(bulla_draft_state(draft, &state));
    }
    for (size_t i = 0; i < settings->references.count; i++) {
        BULLA_TRY(bulla_reference_parse(settings->references.items[i], &reference));
        BULLA_TRY(bulla_policy_reference_check(&reference));
        BULLA_TRY(bulla_draft_reference(draft, &reference));
    }
    for (size_t i = 0; i < settings->grants.count; i++)
        BULLA_TRY(bulla_draft_grant_file(draft, settings->grants.items[i]));
    if (settings->from_token) {
        BULLA_TRY(token_state(settings, &state));
        BULLA_TRY(bulla_draft_state(draft, &state));
    }
    draft->policy.restricted |= settings->restricted;
    return draft->policy.state_count || draft->policy.reference_count
               ? BULLA_OK
               : bulla_refuse(BULLA_ARGUMENT, "nothing to approve: give --state, --from-token, --reference or --base");
}

static enum bulla_reason base_add(struct bulla_policy_draft *draft, const struct sign_settings *settings)
{
    struct bulla_policy *policy = &draft->policy;
    struct bulla_document base;
    enum bulla_reason reason =
        bulla_document_open_as(&base, settings->base, BULLA_DOCUMENT_POLICY, BULLA_BYTES(policy->authority));
    if (reason == BULLA_OK)
        reason = bulla_draft_base(draft, &base, !settings->no_grants);
    if (reason == BULLA_OK) {
        policy->version = settings->version ? settings->version : base.policy->version + 1;
        policy->epoch = settings->epoch ? settings->epoch : base.policy->epoch;
        if (policy->version <= base.policy->version || policy->epoch < base.policy->epoch)
            reason = bulla_refuse(BULLA_ARGUMENT, "the base has version %llu of epoch %llu: this one must follow it",
                (unsigned long long)base.policy->version, (unsigned long long)base.policy->epoch);
    }
    bulla_document_close(&base);
    return reason;
}

/* --- the bundle --- */

static enum bulla_reason draft_fill(struct bulla_policy_draft *draft, const struct sign_settings *settings)
{
    struct bulla_policy *policy = &draft->policy;
    uint64_t now = (uint64_t)time(NULL);
    policy->version = settings->version;
    policy->epoch = settings->epoch;
    policy->not_before = now - CLOCK_SLACK; /* machines whose clocks are a little behind */
    policy->not_after = now + (settings->days ? settings->days : DAYS_DEFAULT) * DAY;
    if (settings->note && strlen(settings->note) >= sizeof policy->note)
        return bulla_refuse(BULLA_ARGUMENT, "the note has more than %zu bytes", sizeof policy->note - 1);
    if (settings->note)
        memcpy(policy->note, settings->note, strlen(settings->note));
    if (settings->no_grants && !settings->base)
        return bulla_refuse(BULLA_ARGUMENT, "--no-grants leaves out those of --base, which is not given");
    if (settings->base)
        BULLA_TRY(base_add(draft, settings));
    if (policy->version == 0)
        return bulla_refuse(BULLA_ARGUMENT, "--version N is missing (or --base, whose version is counted on)");
    return lists_add(draft, settings);
}

static enum bulla_reason result_print(const struct bulla_policy *policy, const char *path)
{
    char hex[2 * BULLA_AUTHORITY_SIZE + 1], summary[BULLA_SUMMARY_TEXT];
    bulla_hex_write(policy->authority, sizeof policy->authority, hex);
    bulla_policy_summary(policy, summary);
    bulla_say(BULLA_GOOD "signed" BULLA_PLAIN " %s: %s\n", summary, bulla_file_shown(path));
    return bulla_output_document(json_pack("{s:s,s:I,s:I,s:I,s:I,s:b,s:I,s:s}", "authority", hex, "version",
        (json_int_t)policy->version, "epoch", (json_int_t)policy->epoch, "states", (json_int_t)policy->state_count,
        "references", (json_int_t)policy->reference_count, "restricted", policy->restricted, "grants",
        (json_int_t)policy->grant_count, "file", path));
}

static enum bulla_reason sign_run(const struct bulla_call *call)
{
    const struct sign_settings *settings = call->settings;
    struct bulla_authority authority = {.key = NULL};
    struct bulla_policy_draft *draft = calloc(1, sizeof *draft);
    uint8_t *bundle = malloc(BULLA_POLICY_LARGEST);
    struct bulla_writer writer;
    enum bulla_reason reason = draft && bundle ? BULLA_OK : bulla_refuse(BULLA_OUT_OF_MEMORY, "for the policy");
    bulla_writer_open(&writer, bundle, BULLA_POLICY_LARGEST);
    if (reason == BULLA_OK)
        reason = bulla_authority_open(&authority, settings->key);
    if (reason == BULLA_OK) {
        memcpy(draft->policy.authority, authority.public_key, sizeof draft->policy.authority);
        reason = draft_fill(draft, settings);
    }
    if (reason == BULLA_OK)
        reason = bulla_draft_sign(draft, &authority, &writer);
    if (reason == BULLA_OK)
        reason = bulla_file_write(settings->output, 0644, bulla_writer_bytes(&writer));
    if (reason == BULLA_OK)
        reason = result_print(&draft->policy, settings->output);
    bulla_authority_close(&authority);
    free(bundle);
    free(draft);
    return reason;
}

const struct bulla_command bulla_command_policy_sign = {
    .name = "policy sign",
    .arguments = "",
    .summary = "Sign a policy bundle: the measured states that release a model, and who may use it",
    .text = "A state is a set of PCRs (SHA-256 bank) and the SHA-256 over their values, ascending. Approvals never "
            "expire in\n"
            "a TPM: withdrawing a state takes a higher --epoch, and an opening under it.\n"
            "A reference is LABEL=KIND:NAME=HEX,…: KIND is nitro, sev-snp, tdx or sgx, NAME a measurement like pcr0,\n"
            "measurement, mrtd or mrenclave. Behind them may stand tcb=STATUS+STATUS (up-to-date, unknown,\n"
            "configuration-needed, out-of-date) and migratable: what is accepted of the platform; and of sev-snp\n"
            "min-COMPONENT=N (bootloader, tee, snp, microcode: the least version) and max-vmpl=N (0 to 3).",
    .examples =
        "  bulla policy sign --key authority.pem --version 1 --from-token 0-7 -o machines.policy\n"
        "  bulla policy sign --key authority.pem --base machines.policy --state 'kernel 6.1=0-7:9f2c…' -o new.policy\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_TOKEN,
    .settings_size = sizeof(struct sign_settings),
    .run = sign_run,
};
