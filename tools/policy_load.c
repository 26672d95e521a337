#include <time.h>

#include "authority.h"
#include "commands.h"
#include "document.h"
#include "grant_show.h"
#include "output.h"

struct load_settings {
    struct bulla_common common;
};

static void policy_say(const struct bulla_document *document, const char *hash)
{
    char summary[BULLA_SUMMARY_TEXT];
    bulla_policy_summary(document->policy, summary);
    bulla_say(BULLA_GOOD "loaded" BULLA_PLAIN " %s, by authority %s\n", summary, hash);
}

static enum bulla_reason result_print(const struct bulla_document *document)
{
    char authority[2 * BULLA_AUTHORITY_SIZE + 1], hash[BULLA_AUTHORITY_HASH + 1], text[BULLA_GRANT_TEXT];
    struct bulla_bytes key = {document->authority, BULLA_AUTHORITY_SIZE};
    json_t *result = json_object();
    bulla_hex_write(key.data, key.size, authority);
    bulla_authority_hash(key, hash);
    (void)json_object_set_new(result, "document", json_string(bulla_document_name(document->kind)));
    (void)json_object_set_new(result, "authority", json_string(authority));
    (void)json_object_set_new(result, "authority_hash", json_string(hash));
    if (document->kind == BULLA_DOCUMENT_POLICY) {
        const struct bulla_policy *policy = document->policy;
        policy_say(document, hash);
        (void)json_object_set_new(result, "version", json_integer((json_int_t)policy->version));
        (void)json_object_set_new(result, "epoch", json_integer((json_int_t)policy->epoch));
        (void)json_object_set_new(result, "states", json_integer((json_int_t)policy->state_count));
        (void)json_object_set_new(result, "references", json_integer((json_int_t)policy->reference_count));
        (void)json_object_set_new(result, "restricted", json_boolean(policy->restricted));
        (void)json_object_set_new(result, "grants", json_integer((json_int_t)policy->grant_count));
    } else if (document->kind == BULLA_DOCUMENT_GRANT) {
        bulla_grant_text(document->grants, text);
        bulla_say(BULLA_GOOD "loaded" BULLA_PLAIN " a grant by authority %s: %s\n", hash, text);
        (void)json_object_set_new(result, "grant", bulla_grant_json(document->grants));
    } else {
        bulla_say(BULLA_GOOD "loaded" BULLA_PLAIN " a revocation of %zu grant%s by authority %s\n",
            document->revocation->count, bulla_plural(document->revocation->count), hash);
        (void)json_object_set_new(result, "revoked", json_integer((json_int_t)document->revocation->count));
    }
    return bulla_output_document(result);
}

/* What the token would refuse for its form or its time is refused before a PIN is asked for. */
static enum bulla_reason load_run(const struct bulla_call *call)
{
    struct bulla_document document;
    enum bulla_reason reason = bulla_document_open(&document, call->arguments[0], (struct bulla_bytes){NULL, 0});
    if (reason == BULLA_OK && document.kind == BULLA_DOCUMENT_POLICY)
        reason = bulla_policy_check_time(document.policy, (uint64_t)time(NULL));
    if (reason == BULLA_OK)
        reason = bulla_document_load(call, (struct bulla_bytes){document.data, document.size});
    if (reason == BULLA_OK)
        reason = result_print(&document);
    bulla_document_close(&document);
    return reason;
}

const struct bulla_command bulla_command_policy_load = {
    .name = "policy load",
    .arguments = "FILE",
    .summary = "Load a signed policy bundle, grant or revocation into the token",
    .text = "Of bundles the token takes only a higher version than it has of the same authority; an object uses those\n"
            "of its own. A revocation holds for good.",
    .examples = "  bulla policy load machines.policy\n  bulla policy load ann.grant\n",
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct load_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = load_run,
};
