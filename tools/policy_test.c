/* A question to a policy, answered without a token: this evidence, that principal, that time. Each part that was given
 * is judged and printed; the first that says no is the command's refusal and gives its exit status. What only a token
 * knows, uses that are left and grants that were revoked, is not asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "authority.h"
#include "commands.h"
#include "document.h"
#include "evidence/plain_text.h"
#include "evidence_settings.h"
#include "grant_show.h"
#include "output.h"
#include "times.h"

struct test_settings {
    struct bulla_common common;
    const char *policy, *authority, *evidence, *operation, *at, *certificates, *collateral, *revocations;
    struct bulla_hex object, attestation_key;
    struct bulla_list principals, roots;
};
#define AT(member) offsetof(struct test_settings, member)

static const struct bulla_option options[] = {
    {"policy", 'p', "FILE", "the policy bundle that is asked", BULLA_OPTION_TEXT, AT(policy), 0, 0, true},
    {"authority", 0, "KEY", "the public key that must have signed it (PEM file, or hex)", BULLA_OPTION_TEXT,
        AT(authority), 0, 0, false},
    {"evidence", 'e', "FILE", "evidence of the machine or enclave", BULLA_OPTION_TEXT, AT(evidence), 0, 0, false},
    {"as", 0, "PRINCIPAL", "who asks: user:NAME, ed25519:HEX, …; repeatable", BULLA_OPTION_LIST, AT(principals), 0, 0,
        false},
    {"object", 0, "HEX", "the id of the object in question", BULLA_OPTION_HEX, AT(object), 1,
        BULLA_GRANT_OBJECT_LARGEST, false},
    {"operation", 0, "NAME", "what is to be done with it (default: infer)", BULLA_OPTION_TEXT, AT(operation), 0, 0,
        false},
    {"at", 0, "TIME", "when: 2026-12-31, 2026-12-31T18:00:00Z or +10d (default: now)", BULLA_OPTION_TEXT, AT(at), 0, 0,
        false},
    {"attestation-key", 'a', "HEX", "TPM name of the attestation key that you trust", BULLA_OPTION_HEX,
        AT(attestation_key), 34, 66, false},
    {"root", 'r', "FILE", "a root certificate that you trust beside the built-in ones; repeatable", BULLA_OPTION_LIST,
        AT(roots), 0, BULLA_EXTRA_ROOTS, false},
    {"certificates", 'c', "FILE", "certificates that help: VCEK, ASK, ARK (PEM or DER)", BULLA_OPTION_TEXT,
        AT(certificates), 0, 0, false},
    {"collateral", 0, "FILE", "Intel's TCB information (JSON)", BULLA_OPTION_TEXT, AT(collateral), 0, 0, false},
    {"revocations", 0, "FILE", "revocation lists (PEM or DER)", BULLA_OPTION_TEXT, AT(revocations), 0, 0, false},
};

/* --- the answers --- */

struct answers {
    json_t *rows;
    enum bulla_reason first; /* refusal; BULLA_OK: none yet */
    struct bulla_detail_kept detail;
};

static void answer(struct answers *answers, const char *question, enum bulla_reason reason, const char *yes)
{
    const char *detail = reason == BULLA_OK ? yes : bulla_detail();
    bulla_say(reason == BULLA_OK ? BULLA_GOOD "yes" BULLA_PLAIN " %s: %s\n" : BULLA_BAD "no " BULLA_PLAIN " %s: %s\n",
        question, detail);
    json_t *row = json_pack("{s:s,s:b,s:s,s:s}", "question", question, "allowed", reason == BULLA_OK, "reason",
        bulla_reason_code(reason), "detail", detail);
    (void)json_array_append_new(answers->rows, row);
    if (reason == BULLA_OK || answers->first != BULLA_OK)
        return;
    answers->first = reason;
    bulla_detail_keep(&answers->detail);
}

static void policy_ask(struct answers *answers, const struct bulla_policy *policy, uint64_t now)
{
    char yes[128], when[BULLA_WHEN_SIZE];
    enum bulla_reason reason = bulla_policy_check_time(policy, now);
    (void)snprintf(yes, sizeof yes, "version %llu of epoch %llu is valid at %s", (unsigned long long)policy->version,
        (unsigned long long)policy->epoch, bulla_text_when(now, when));
    answer(answers, "policy", reason, yes);
}

/* --- the evidence --- */

/* The chain is judged at the evidence's own time: what is asked is what the policy says of such a machine. */
static enum bulla_reason evidence_ask(
    struct answers *answers, const struct test_settings *settings, const struct bulla_policy *policy, uint64_t now)
{
    const struct bulla_evidence_settings evidence = {.attestation_key = settings->attestation_key,
        .roots = settings->roots,
        .certificates = settings->certificates,
        .collateral = settings->collateral,
        .revocations = settings->revocations,
        .at = "own"};
    struct bulla_question *question = NULL;
    enum bulla_reason reason = bulla_question_open(&question, &evidence, settings->evidence);
    if (reason == BULLA_OK) {
        char yes[128];
        question->judgement.policy = policy;
        question->judgement.now = now;
        enum bulla_reason judged = bulla_evidence_judge(&question->judgement, &question->result);
        (void)snprintf(yes, sizeof yes, "it is \"%s\"", question->result.label);
        answer(answers, "evidence", judged, yes);
    }
    bulla_question_close(question);
    return reason;
}

/* --- the grants --- */

static enum bulla_reason access_take(const struct test_settings *settings,
    struct bulla_principal principals[static BULLA_LIST_LARGEST], struct bulla_access *access)
{
    struct bulla_bytes object = {settings->object.data, settings->object.size};
    const char *operation = settings->operation ? settings->operation : "infer";
    for (size_t i = 0; i < settings->principals.count; i++)
        if (bulla_principal_parse(BULLA_TEXT(settings->principals.items[i]), &principals[i]) != BULLA_OK)
            return bulla_refuse_within(BULLA_ARGUMENT, "--as: ");
    BULLA_TRY(bulla_grant_operations_parse(operation, &access->operation));
    if (access->operation & (access->operation - 1))
        return bulla_refuse(BULLA_ARGUMENT, "--operation '%s' is more than one", operation);
    access->principals = principals;
    access->principal_count = settings->principals.count;
    access->object_id = access->object_unique = object;
    return BULLA_OK;
}

static void grants_ask(
    struct answers *answers, const struct bulla_document *document, const struct bulla_access *access)
{
    const struct bulla_grant *allowed = NULL;
    char yes[BULLA_GRANT_TEXT] = "the policy restricts nothing: whoever is logged in may";
    enum bulla_reason reason = BULLA_OK;
    if (document->policy->restricted)
        reason = bulla_grants_decide(document->grants, document->grant_count, access, NULL, &allowed);
    if (allowed)
        bulla_grant_text(allowed, yes);
    answer(answers, "grant", reason, yes);
}

/* --- the command --- */

static enum bulla_reason result_print(const struct answers *answers, uint64_t now)
{
    char when[BULLA_WHEN_SIZE];
    bool allowed = answers->first == BULLA_OK;
    bulla_say(allowed ? BULLA_GOOD "allowed" BULLA_PLAIN "\n" : BULLA_BAD "not allowed" BULLA_PLAIN "\n");
    BULLA_TRY(bulla_output_document(json_pack("{s:b,s:s,s:s,s:O}", "allowed", allowed, "reason",
        bulla_reason_code(answers->first), "time", bulla_text_when(now, when), "answers", answers->rows)));
    if (!allowed)
        bulla_detail_restore(&answers->detail);
    return answers->first;
}

static enum bulla_reason ask(
    const struct test_settings *settings, const struct bulla_document *document, struct answers *answers)
{
    struct bulla_principal principals[BULLA_LIST_LARGEST];
    struct bulla_access access = {.now = (uint64_t)time(NULL)};
    if (settings->at)
        BULLA_TRY(bulla_time_parse(settings->at, "--at", access.now, &access.now));
    BULLA_TRY(access_take(settings, principals, &access));
    policy_ask(answers, document->policy, access.now);
    if (settings->evidence)
        BULLA_TRY(evidence_ask(answers, settings, document->policy, access.now));
    grants_ask(answers, document, &access);
    return result_print(answers, access.now);
}

static enum bulla_reason test_run(const struct bulla_call *call)
{
    const struct test_settings *settings = call->settings;
    uint8_t authority[BULLA_AUTHORITY_SIZE];
    struct bulla_bytes expected = {NULL, 0};
    struct bulla_document document;
    struct answers answers = {.rows = json_array()};
    if (settings->authority) {
        BULLA_TRY(bulla_authority_public(settings->authority, authority));
        expected = BULLA_BYTES(authority);
    }
    enum bulla_reason reason = bulla_document_open_as(&document, settings->policy, BULLA_DOCUMENT_POLICY, expected);
    if (reason == BULLA_OK)
        reason = ask(settings, &document, &answers);
    bulla_document_close(&document);
    json_decref(answers.rows);
    return reason;
}

const struct bulla_command bulla_command_policy_test = {
    .name = "policy test",
    .arguments = "",
    .summary = "Ask a policy, offline: would it allow this, and if not, why",
    .text = "Judges the policy's dates, the evidence if there is some, and the grants, and prints each answer. Uses\n"
            "that are left, rates, and what was revoked are not asked: the token alone knows them.",
    .examples = "  bulla policy test --policy machines.policy --evidence machine.evidence --as user:ann \\\n"
                "      --object 6d31 --at +10d\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_NOTHING,
    .settings_size = sizeof(struct test_settings),
    .run = test_run,
};
