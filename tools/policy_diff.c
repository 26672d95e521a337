/* Two bundles beside each other: what the newer approves and grants that the older did not, and the other way. Rows are
 * found again by what they are, not by what they are called: a state by its PCRs, a reference by its measurements, a
 * grant by its id. */
#include <stdio.h>
#include <string.h>

#include "authority.h"
#include "commands.h"
#include "document.h"
#include "evidence/plain_text.h"
#include "grant_show.h"
#include "output.h"
#include "pcrs.h"
#include "reference.h"

struct diff_settings {
    struct bulla_common common;
    const char *authority;
};

static const struct bulla_option options[] = {
    {"authority", 'a', "KEY", "the public key that must have signed both (PEM file, or hex)", BULLA_OPTION_TEXT,
        offsetof(struct diff_settings, authority), 0, 0, false},
};

/* --- single values --- */

struct difference {
    json_t *document;
    bool any;
};

static void text_compare(struct difference *difference, const char *name, const char *before, const char *after)
{
    if (strcmp(before, after) == 0)
        return;
    difference->any = true;
    bulla_say("%s: %s -> %s\n", name, before[0] ? before : "(none)", after[0] ? after : "(none)");
    (void)json_object_set_new(difference->document, name, json_pack("[s,s]", before, after));
}

static void number_compare(struct difference *difference, const char *name, uint64_t before, uint64_t after)
{
    if (before == after)
        return;
    difference->any = true;
    bulla_say("%s: %llu -> %llu\n", name, (unsigned long long)before, (unsigned long long)after);
    (void)json_object_set_new(difference->document, name, json_pack("[I,I]", (json_int_t)before, (json_int_t)after));
}

static void heads_compare(
    struct difference *difference, const struct bulla_policy *before, const struct bulla_policy *after)
{
    char times[4][BULLA_WHEN_SIZE], authorities[2][BULLA_AUTHORITY_HASH + 1];
    bulla_authority_hash(BULLA_BYTES(before->authority), authorities[0]);
    bulla_authority_hash(BULLA_BYTES(after->authority), authorities[1]);
    text_compare(difference, "authority", authorities[0], authorities[1]);
    number_compare(difference, "version", before->version, after->version);
    number_compare(difference, "epoch", before->epoch, after->epoch);
    text_compare(difference, "not_before", bulla_text_when(before->not_before, times[0]),
        bulla_text_when(after->not_before, times[1]));
    text_compare(difference, "not_after", bulla_text_when(before->not_after, times[2]),
        bulla_text_when(after->not_after, times[3]));
    text_compare(difference, "note", before->note, after->note);
    text_compare(difference, "restricted", before->restricted ? "yes" : "no", after->restricted ? "yes" : "no");
}

/* --- lists --- */

/* A list of both bundles, with what tells its rows apart. */
struct rows {
    const char *name;
    size_t size;                                           /* of a row */
    bool (*is_one)(const void *before, const void *after); /* the same row, maybe changed */
    bool (*is_equal)(const void *before, const void *after);
    void (*write)(const void *row, char text[static BULLA_GRANT_TEXT]);
    json_t *(*json)(const void *row);
};
struct list {
    const void *rows;
    size_t count;
};

static const void *row_at(const struct rows *rows, const struct list *list, size_t i)
{
    return (const uint8_t *)list->rows + i * rows->size;
}

static const void *row_find(const struct rows *rows, const struct list *list, const void *wanted)
{
    for (size_t i = 0; i < list->count; i++)
        if (rows->is_one(row_at(rows, list, i), wanted))
            return row_at(rows, list, i);
    return NULL;
}

static void row_say(const struct rows *rows, const char *sign, const void *row)
{
    char text[BULLA_GRANT_TEXT];
    rows->write(row, text);
    bulla_say("%s %s %s\n", sign, rows->name, text);
}

/* Those of `list` that `other` lacks. */
static json_t *missing_from(
    const struct rows *rows, const struct list *list, const struct list *other, const char *sign)
{
    json_t *missing = json_array();
    for (size_t i = 0; i < list->count; i++) {
        const void *row = row_at(rows, list, i);
        if (row_find(rows, other, row))
            continue;
        row_say(rows, sign, row);
        (void)json_array_append_new(missing, rows->json(row));
    }
    return missing;
}

static json_t *changed_in(const struct rows *rows, const struct list *before, const struct list *after)
{
    json_t *changed = json_array();
    for (size_t i = 0; i < before->count; i++) {
        const void *row = row_at(rows, before, i), *now = row_find(rows, after, row);
        if (!now || rows->is_equal(row, now))
            continue;
        row_say(rows, "~-", row);
        row_say(rows, "~+", now);
        (void)json_array_append_new(changed, json_pack("[o,o]", rows->json(row), rows->json(now)));
    }
    return changed;
}

static void lists_compare(struct difference *difference, const struct rows *rows, struct list before, struct list after)
{
    char name[32];
    json_t *removed = missing_from(rows, &before, &after, "-"), *added = missing_from(rows, &after, &before, "+"),
           *changed = changed_in(rows, &before, &after);
    difference->any |= json_array_size(removed) || json_array_size(added) || json_array_size(changed);
    (void)snprintf(name, sizeof name, "%ss", rows->name);
    (void)json_object_set_new(
        difference->document, name, json_pack("{s:o,s:o,s:o}", "added", added, "removed", removed, "changed", changed));
}

/* --- states --- */

static bool state_is_one(const void *before, const void *after)
{
    const struct bulla_policy_state *a = before, *b = after;
    return a->pcr_mask == b->pcr_mask && memcmp(a->pcr_digest, b->pcr_digest, sizeof a->pcr_digest) == 0;
}

static bool state_is_equal(const void *before, const void *after)
{
    const struct bulla_policy_state *a = before, *b = after;
    return strcmp(a->label, b->label) == 0; /* approvals are made anew with each bundle */
}

static void state_write(const void *row, char text[static BULLA_GRANT_TEXT])
{
    const struct bulla_policy_state *state = row;
    char pcrs[64], digest[65];
    bulla_pcrs_write(state->pcr_mask, pcrs);
    bulla_hex_write(state->pcr_digest, sizeof state->pcr_digest, digest);
    (void)snprintf(text, BULLA_GRANT_TEXT, "\"%s\": PCRs %s, %s", state->label, pcrs, digest);
}

static json_t *state_json(const void *row)
{
    return bulla_state_json(row);
}

/* --- references --- */

static bool reference_is_one(const void *before, const void *after)
{
    const struct bulla_policy_reference *a = before, *b = after;
    return a->kind == b->kind && a->measurement_count == b->measurement_count &&
           memcmp(a->measurements, b->measurements, sizeof a->measurements) == 0;
}

static bool reference_is_equal(const void *before, const void *after)
{
    const struct bulla_policy_reference *a = before, *b = after;
    return strcmp(a->label, b->label) == 0 && a->tcb_accepted == b->tcb_accepted && a->migratable == b->migratable &&
           memcmp(a->snp_least, b->snp_least, sizeof a->snp_least) == 0 && a->snp_has_vmpl == b->snp_has_vmpl &&
           a->snp_vmpl == b->snp_vmpl;
}

static void text_append(char text[static BULLA_GRANT_TEXT], const char *name, const char *value)
{
    size_t used = strlen(text);
    if (value[0])
        (void)snprintf(text + used, BULLA_GRANT_TEXT - used, ", %s%s", name, value);
}

static void reference_write(const void *row, char text[static BULLA_GRANT_TEXT])
{
    const struct bulla_policy_reference *reference = row;
    char tcb[BULLA_TCB_TEXT], snp[BULLA_SNP_TEXT];
    (void)snprintf(
        text, BULLA_GRANT_TEXT, "\"%s\": %s", reference->label, bulla_policy_reference_kind(reference->kind));
    for (size_t i = 0; i < reference->measurement_count; i++) {
        const struct bulla_measurement *one = &reference->measurements[i];
        char hex[2 * BULLA_MEASUREMENT_LARGEST + 1];
        char shown[sizeof one->name + 32];
        bulla_hex_write(one->value, one->size, hex);
        (void)snprintf(shown, sizeof shown, "%s %.16s…", one->name, hex);
        text_append(text, "", shown);
    }
    bulla_reference_tcb(reference, tcb);
    text_append(text, "tcb=", tcb);
    bulla_reference_snp(reference, snp);
    text_append(text, "", snp);
    text_append(text, "", reference->migratable ? "migratable" : "");
}

static json_t *reference_json(const void *row)
{
    return bulla_reference_json(row);
}

/* --- grants --- */

static bool grant_is_one(const void *before, const void *after)
{
    const struct bulla_grant *a = before, *b = after;
    return memcmp(a->id, b->id, sizeof a->id) == 0;
}

static bool grant_is_equal(const void *before, const void *after)
{
    return bulla_grant_same(before, after);
}

static void grant_write(const void *row, char text[static BULLA_GRANT_TEXT])
{
    const struct bulla_grant *grant = row;
    char id[BULLA_GRANT_ID_TEXT], says[BULLA_GRANT_TEXT];
    bulla_grant_id_text(grant->id, id);
    bulla_grant_text(grant, says);
    (void)snprintf(text, BULLA_GRANT_TEXT, "%.8s…: %.600s", id, says);
}

static json_t *grant_json(const void *row)
{
    return bulla_grant_json(row);
}

static const struct rows states = {
    "state", sizeof(struct bulla_policy_state), state_is_one, state_is_equal, state_write, state_json};
static const struct rows references = {"reference", sizeof(struct bulla_policy_reference), reference_is_one,
    reference_is_equal, reference_write, reference_json};
static const struct rows grants = {
    "grant", sizeof(struct bulla_grant), grant_is_one, grant_is_equal, grant_write, grant_json};

/* --- the command --- */

static enum bulla_reason difference_print(const struct bulla_document *before, const struct bulla_document *after)
{
    const struct bulla_policy *a = before->policy, *b = after->policy;
    struct difference difference = {.document = json_object()};
    heads_compare(&difference, a, b);
    lists_compare(
        &difference, &states, (struct list){a->states, a->state_count}, (struct list){b->states, b->state_count});
    lists_compare(&difference, &references, (struct list){a->references, a->reference_count},
        (struct list){b->references, b->reference_count});
    lists_compare(&difference, &grants, (struct list){before->grants, before->grant_count},
        (struct list){after->grants, after->grant_count});
    if (!difference.any)
        bulla_say("both say the same\n");
    (void)json_object_set_new(difference.document, "same", json_boolean(!difference.any));
    return bulla_output_document(difference.document);
}

static enum bulla_reason diff_run(const struct bulla_call *call)
{
    const struct diff_settings *settings = call->settings;
    uint8_t authority[BULLA_AUTHORITY_SIZE];
    struct bulla_bytes expected = {NULL, 0};
    struct bulla_document before = {.size = 0}, after = {.size = 0};
    if (settings->authority) {
        BULLA_TRY(bulla_authority_public(settings->authority, authority));
        expected = BULLA_BYTES(authority);
    }
    enum bulla_reason reason = bulla_document_open_as(&before, call->arguments[0], BULLA_DOCUMENT_POLICY, expected);
    if (reason == BULLA_OK)
        reason = bulla_document_open_as(&after, call->arguments[1], BULLA_DOCUMENT_POLICY, expected);
    if (reason == BULLA_OK)
        reason = difference_print(&before, &after);
    bulla_document_close(&before);
    bulla_document_close(&after);
    return reason;
}

const struct bulla_command bulla_command_policy_diff = {
    .name = "policy diff",
    .arguments = "BEFORE AFTER",
    .summary = "Show what differs between two policy bundles",
    .text = "Rows that one alone has begin with - and +, changed ones with ~- and ~+. States are told apart by their\n"
            "PCRs, references by their measurements, grants by their ids; a label or a limit is a change of the row.",
    .examples = "  bulla policy diff machines.policy next.policy\n",
    .options = options,
    .option_count = BULLA_COUNT(options),
    .needs = BULLA_NEEDS_NOTHING,
    .settings_size = sizeof(struct diff_settings),
    .arguments_least = 2,
    .arguments_most = 2,
    .run = diff_run,
};
