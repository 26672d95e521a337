#include "evidence_settings.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "authority.h"
#include "file.h"
#include "output.h"
#include "times.h"

static enum bulla_reason part_read(const char *path, size_t largest, uint8_t **data, struct bulla_bytes *part)
{
    size_t size = 0;
    if (!path)
        return BULLA_OK;
    enum bulla_reason reason = bulla_file_read(path, largest, data, &size);
    *part = (struct bulla_bytes){*data, size};
    return reason;
}

static enum bulla_reason trust_read(struct bulla_question *question, const struct bulla_evidence_settings *settings)
{
    struct bulla_verification *trusted = &question->judgement.trusted;
    struct bulla_endorsements *endorsements = &trusted->endorsements;
    BULLA_TRY(bulla_certificates_add_roots(&question->roots, &settings->roots));
    trusted->roots = (const uint8_t(*)[32])question->roots.pins;
    trusted->root_count = question->roots.root_count;
    trusted->attestation_key = (struct bulla_bytes){settings->attestation_key.data, settings->attestation_key.size};
    BULLA_TRY(part_read(
        settings->certificates, BULLA_COLLATERAL_LARGEST, &question->certificates, &endorsements->certificates));
    BULLA_TRY(
        part_read(settings->collateral, BULLA_COLLATERAL_LARGEST, &question->collateral, &endorsements->collateral));
    return part_read(settings->revocations, BULLA_COLLATERAL_LARGEST, &question->revocations, &endorsements->crls);
}

/* Whose policy it is must be said: a bundle that names its own authority proves nothing. */
static enum bulla_reason policy_read(struct bulla_question *question, const struct bulla_evidence_settings *settings)
{
    uint8_t authority[BULLA_AUTHORITY_SIZE];
    struct bulla_bytes bundle = {NULL, 0};
    if (!settings->policy)
        return settings->authority ? bulla_refuse(BULLA_ARGUMENT, "--authority goes with --policy") : BULLA_OK;
    if (!settings->authority)
        return bulla_refuse(BULLA_ARGUMENT, "--policy needs --authority: whose policy do you trust?");
    BULLA_TRY(bulla_authority_public(settings->authority, authority));
    BULLA_TRY(part_read(settings->policy, BULLA_POLICY_LARGEST, &question->bundle, &bundle));
    question->policy = calloc(1, sizeof *question->policy);
    if (!question->policy)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for the policy");
    BULLA_TRY(bulla_policy_read(bundle, BULLA_BYTES(authority), question->policy));
    question->judgement.policy = question->policy;
    return BULLA_OK;
}

static enum bulla_reason purpose_read(struct bulla_judgement *judgement, const char *name)
{
    judgement->has_purpose = name != NULL;
    if (!name)
        return BULLA_OK;
    judgement->purpose = bulla_purpose_named(BULLA_TEXT(name));
    return judgement->purpose < BULLA_PURPOSE_COUNT
               ? BULLA_OK
               : bulla_refuse(BULLA_ARGUMENT, "--purpose: attest, receipt or release, not '%s'", name);
}

static enum bulla_reason time_read(struct bulla_judgement *judgement, const struct bulla_evidence_settings *settings)
{
    uint64_t now = (uint64_t)time(NULL);
    judgement->now = now;
    judgement->oldest = settings->max_age;
    judgement->at_its_own_time = settings->at && strcmp(settings->at, "own") == 0;
    if (!settings->at || judgement->at_its_own_time)
        return BULLA_OK;
    return bulla_time_parse(settings->at, "--at", now, &judgement->now);
}

enum bulla_reason bulla_question_open(
    struct bulla_question **question, const struct bulla_evidence_settings *settings, const char *path)
{
    *question = calloc(1, sizeof **question);
    if (!*question)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "for the evidence");
    struct bulla_judgement *judgement = &(*question)->judgement;
    judgement->nonce = (struct bulla_bytes){settings->nonce.data, settings->nonce.size};
    BULLA_TRY(purpose_read(judgement, settings->purpose));
    BULLA_TRY(time_read(judgement, settings));
    BULLA_TRY(trust_read(*question, settings));
    BULLA_TRY(policy_read(*question, settings));
    return part_read(path, 2UL * BULLA_EVIDENCE_DOCUMENT_LARGEST, &(*question)->evidence, &judgement->evidence);
}

void bulla_question_close(struct bulla_question *question)
{
    if (!question)
        return;
    bulla_certificates_free(&question->roots);
    free(question->evidence);
    free(question->certificates);
    free(question->collateral);
    free(question->revocations);
    free(question->bundle);
    free(question->policy);
    free(question);
}

void bulla_question_remarks(const struct bulla_question *question)
{
    const struct bulla_judgement *judgement = &question->judgement;
    if (!judgement->nonce.size)
        bulla_remark("no --nonce: it may be a copy of older evidence");
    if (!judgement->policy)
        bulla_remark("no --policy: what was measured was compared with nothing");
    if (judgement->at_its_own_time)
        bulla_remark("judged at its own time: how old it is was not looked at");
}
