#include "policy_draft.h"

#include "grant_show.h"
#include "output.h"

static bool state_same(const struct bulla_policy_state *a, const struct bulla_policy_state *b)
{
    return a->pcr_mask == b->pcr_mask && memcmp(a->pcr_digest, b->pcr_digest, sizeof a->pcr_digest) == 0;
}

enum bulla_reason bulla_draft_state(struct bulla_policy_draft *draft, const struct bulla_policy_state *state)
{
    struct bulla_policy *policy = &draft->policy;
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

/* Whether each measurement of one is in the other; their order may still differ. */
static bool reference_same(const struct bulla_policy_reference *a, const struct bulla_policy_reference *b)
{
    size_t found = 0;
    for (size_t i = 0; i < a->measurement_count; i++)
        for (size_t j = 0; j < b->measurement_count; j++)
            found += memcmp(&a->measurements[i], &b->measurements[j], sizeof a->measurements[i]) == 0;
    return a->kind == b->kind && a->measurement_count == b->measurement_count && found == a->measurement_count;
}

enum bulla_reason bulla_draft_reference(
    struct bulla_policy_draft *draft, const struct bulla_policy_reference *reference)
{
    struct bulla_policy *policy = &draft->policy;
    for (size_t i = 0; i < policy->reference_count; i++)
        if (reference_same(&policy->references[i], reference)) {
            bulla_remark(
                "\"%s\" has the measurements of \"%s\", which stays", reference->label, policy->references[i].label);
            return BULLA_OK;
        }
    if (policy->reference_count == BULLA_POLICY_REFERENCES)
        return bulla_refuse(BULLA_TOO_LARGE, "a policy has at most %d references", BULLA_POLICY_REFERENCES);
    policy->references[policy->reference_count++] = *reference;
    return BULLA_OK;
}

enum bulla_reason bulla_draft_grant(struct bulla_policy_draft *draft, const struct bulla_grant *grant)
{
    draft->policy.restricted = true;
    for (size_t i = 0; i < draft->grant_count; i++) {
        char id[BULLA_GRANT_ID_TEXT];
        if (memcmp(draft->grants[i].id, grant->id, sizeof grant->id) != 0)
            continue;
        bulla_grant_id_text(grant->id, id);
        if (!bulla_grant_same(&draft->grants[i], grant))
            return bulla_refuse(BULLA_DUPLICATE, "two different grants have the id %s", id);
        bulla_remark("grant %s is there already", id);
        return BULLA_OK;
    }
    if (draft->grant_count == BULLA_GRANTS_LARGEST)
        return bulla_refuse(BULLA_TOO_LARGE, "a policy has at most %d grants", BULLA_GRANTS_LARGEST);
    draft->grants[draft->grant_count++] = *grant;
    return BULLA_OK;
}

enum bulla_reason bulla_draft_grant_file(struct bulla_policy_draft *draft, const char *path)
{
    struct bulla_document document;
    enum bulla_reason reason =
        bulla_document_open_as(&document, path, BULLA_DOCUMENT_GRANT, BULLA_BYTES(draft->policy.authority));
    if (reason == BULLA_OK && document.grant->epoch != draft->policy.epoch)
        reason = bulla_refuse(BULLA_ARGUMENT, "%.200s is of epoch %llu, and the policy of epoch %llu", path,
            (unsigned long long)document.grant->epoch, (unsigned long long)draft->policy.epoch);
    if (reason == BULLA_OK)
        reason = bulla_draft_grant(draft, &document.grant->grant);
    bulla_document_close(&document);
    return reason;
}

enum bulla_reason bulla_draft_base(struct bulla_policy_draft *draft, const struct bulla_document *base, bool grants)
{
    for (size_t i = 0; i < base->policy->state_count; i++)
        BULLA_TRY(bulla_draft_state(draft, &base->policy->states[i]));
    for (size_t i = 0; i < base->policy->reference_count; i++) {
        BULLA_TRY(bulla_draft_reference(draft, &base->policy->references[i]));
        if (bulla_policy_reference_check(&base->policy->references[i]) == BULLA_OK)
            continue;
        bulla_remark("%s", bulla_detail()); /* it was signed once, and is told of */
        bulla_detail_clear();
    }
    for (size_t i = 0; grants && i < base->grant_count; i++)
        BULLA_TRY(bulla_draft_grant(draft, &base->grants[i]));
    draft->policy.restricted |= base->policy->restricted;
    return BULLA_OK;
}

enum bulla_reason bulla_draft_sign(
    struct bulla_policy_draft *draft, const struct bulla_authority *authority, struct bulla_writer *bundle)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, draft->encoded, sizeof draft->encoded);
    if (draft->policy.restricted) {
        BULLA_TRY(bulla_policy_grants_write(draft->grants, draft->grant_count, &writer));
        draft->policy.grants = bulla_writer_bytes(&writer);
    }
    BULLA_TRY(bulla_policy_sign(&draft->policy, &authority->signer, bundle));
    return bulla_writer_finish(bundle, "the policy bundle");
}
