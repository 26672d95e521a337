#include <time.h>

#include "authority.h"
#include "commands.h"
#include "document.h"
#include "evidence/plain_text.h"
#include "grant_show.h"
#include "output.h"
#include "pcrs.h"
#include "reference.h"

struct show_settings {
    struct bulla_common common;
    const char *authority;
};

static const struct bulla_option options[] = {
    {"authority", 'a', "KEY", "the public key that must have signed it (PEM file, or hex)", BULLA_OPTION_TEXT,
        offsetof(struct show_settings, authority), 0, 0, false},
};

/* --- the lists of a policy --- */

static json_t *states_show(const struct bulla_policy *policy)
{
    json_t *states = json_array();
    for (size_t i = 0; i < policy->state_count; i++) {
        const struct bulla_policy_state *state = &policy->states[i];
        char pcrs[64], digest[65];
        bulla_pcrs_write(state->pcr_mask, pcrs);
        bulla_hex_write(state->pcr_digest, sizeof state->pcr_digest, digest);
        if (i == 0)
            bulla_say(BULLA_STRONG "States" BULLA_PLAIN "\n");
        bulla_say("  %s\n    PCRs %s: %s\n", state->label, pcrs, digest);
        (void)json_array_append_new(states, bulla_state_json(state));
    }
    return states;
}

static void reference_say(const struct bulla_policy_reference *reference)
{
    char tcb[BULLA_TCB_TEXT], snp[BULLA_SNP_TEXT];
    bulla_reference_tcb(reference, tcb);
    bulla_reference_snp(reference, snp);
    bulla_say("  %s (%s)\n", reference->label, bulla_policy_reference_kind(reference->kind));
    for (size_t i = 0; i < reference->measurement_count; i++) {
        const struct bulla_measurement *one = &reference->measurements[i];
        char hex[2 * BULLA_MEASUREMENT_LARGEST + 1];
        bulla_hex_write(one->value, one->size, hex);
        bulla_say("    %s: %s\n", one->name, hex);
    }
    if (tcb[0])
        bulla_say("    firmware: %s\n", tcb);
    if (snp[0])
        bulla_say("    platform: %s\n", snp);
    if (reference->migratable)
        bulla_say("    may migrate\n");
}

static json_t *references_show(const struct bulla_policy *policy)
{
    json_t *references = json_array();
    if (policy->reference_count)
        bulla_say(BULLA_STRONG "Enclaves and guests" BULLA_PLAIN "\n");
    for (size_t i = 0; i < policy->reference_count; i++) {
        reference_say(&policy->references[i]);
        (void)json_array_append_new(references, bulla_reference_json(&policy->references[i]));
    }
    return references;
}

static json_t *grants_show(const struct bulla_document *document)
{
    json_t *grants = json_array();
    for (size_t i = 0; i < document->grant_count; i++) {
        char id[BULLA_GRANT_ID_TEXT], text[BULLA_GRANT_TEXT];
        bulla_grant_id_text(document->grants[i].id, id);
        bulla_grant_text(&document->grants[i], text);
        bulla_say("  %s\n    %s\n", id, text);
        (void)json_array_append_new(grants, bulla_grant_json(&document->grants[i]));
    }
    return grants;
}

/* --- one function for each kind: what it adds to the document that is printed --- */

static void policy_show(const struct bulla_document *document, json_t *shown)
{
    const struct bulla_policy *policy = document->policy;
    char from[BULLA_WHEN_SIZE], until[BULLA_WHEN_SIZE];
    bool current = bulla_policy_check_time(policy, (uint64_t)time(NULL)) == BULLA_OK;
    (void)bulla_text_when(policy->not_before, from);
    (void)bulla_text_when(policy->not_after, until);
    bulla_say("version %llu of epoch %llu, valid from %s to %s", (unsigned long long)policy->version,
        (unsigned long long)policy->epoch, from, until);
    bulla_say(current ? "\n" : BULLA_BAD ", not now" BULLA_PLAIN "\n");
    if (policy->note[0])
        bulla_say("%s\n", policy->note);
    json_t *states = states_show(policy), *references = references_show(policy);
    bulla_say(policy->restricted ? BULLA_STRONG "Grants" BULLA_PLAIN ": only who is named may use its objects\n"
                                 : "no grants: whoever is logged in may use its objects\n");
    json_t *more = json_pack("{s:I,s:I,s:s,s:s,s:b,s:s,s:o,s:o,s:b,s:o}", "version", (json_int_t)policy->version,
        "epoch", (json_int_t)policy->epoch, "not_before", from, "not_after", until, "current", current, "note",
        policy->note, "states", states, "references", references, "restricted", policy->restricted, "grants",
        grants_show(document));
    (void)json_object_update(shown, more);
    json_decref(more);
}

static void grant_show(const struct bulla_document *document, json_t *shown)
{
    bulla_say("a grant, under bundles of epoch %llu\n", (unsigned long long)document->grant->epoch);
    (void)json_object_set_new(shown, "epoch", json_integer((json_int_t)document->grant->epoch));
    (void)json_object_set_new(shown, "grants", grants_show(document));
}

static void revocation_show(const struct bulla_document *document, json_t *shown)
{
    bulla_say("a revocation of %zu grant%s\n", document->revocation->count, bulla_plural(document->revocation->count));
    (void)json_object_set_new(shown, "revoked", bulla_revocation_show(document->revocation));
}

static void (*const shows[])(const struct bulla_document *document, json_t *shown) = {
    [BULLA_DOCUMENT_POLICY] = policy_show,
    [BULLA_DOCUMENT_GRANT] = grant_show,
    [BULLA_DOCUMENT_REVOCATION] = revocation_show,
};

static enum bulla_reason document_print(const struct bulla_document *document, bool pinned)
{
    struct bulla_bytes key = {document->authority, BULLA_AUTHORITY_SIZE};
    char authority[2 * BULLA_AUTHORITY_SIZE + 1], hash[BULLA_AUTHORITY_HASH + 1];
    bulla_hex_write(key.data, key.size, authority);
    bulla_authority_hash(key, hash);
    json_t *shown = json_pack("{s:s,s:s,s:s,s:b}", "document", bulla_document_name(document->kind), "authority",
        authority, "authority_hash", hash, "pinned", pinned);
    shows[document->kind](document, shown);
    bulla_say("signed by authority %s", hash);
    bulla_say(pinned ? "\n" : BULLA_WARN " (as it says: name the one you trust with --authority)" BULLA_PLAIN "\n");
    bulla_say("  %s\n", authority);
    return bulla_output_document(shown);
}

static enum bulla_reason show_run(const struct bulla_call *call)
{
    const struct show_settings *settings = call->settings;
    uint8_t authority[BULLA_AUTHORITY_SIZE];
    struct bulla_bytes expected = {NULL, 0};
    struct bulla_document document;
    if (settings->authority) {
        BULLA_TRY(bulla_authority_public(settings->authority, authority));
        expected = BULLA_BYTES(authority);
    }
    enum bulla_reason reason = bulla_document_open(&document, call->arguments[0], expected);
    if (reason == BULLA_OK)
        reason = document_print(&document, settings->authority != NULL);
    bulla_document_close(&document);
    return reason;
}

const struct bulla_command bulla_command_policy_show = {
    .name = "policy show",
    .arguments = "FILE",
    .summary = "Check a policy bundle's signatures and show what it approves and grants",
    .text = "Shows a grant or a revocation as well.",
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
