/* What an operator wants to see at three in the morning, as JSON. It may connect to the TPM, with a deadline, and ask
 * the enclave's device; it is the only thing besides logins, openings and evidence that does. */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "evidence/policy.h"
#include "mech/mechanism.h"
#include "release/backend.h"
#include "rows.h"
#include "token.h"

enum { REFUSALS = 16, LINES = 512 };

static void set(json_t *object, const char *name, json_t *value)
{
    (void)json_object_set_new(object, name, value);
}

static json_t *hex(struct bulla_bytes bytes)
{
    char text[2 * 128 + 1];
    if (!bytes.data || bytes.size > 128)
        return json_null();
    (void)sodium_bin2hex(text, sizeof text, bytes.data, bytes.size);
    return json_string(text);
}

static void tell(void *context, const struct bulla_backend_fact *fact)
{
    set(context, fact->name, fact->text ? json_string(fact->text) : json_integer((json_int_t)fact->number));
}

static void set_refusal(json_t *status, enum bulla_reason reason)
{
    set(status, "state", json_string(reason == BULLA_OK ? "ok" : "failed"));
    if (reason == BULLA_OK)
        return;
    set(status, "reason", json_string(bulla_reason_code(reason)));
    set(status, "detail", json_string(bulla_detail()));
    set(status, "remedy", json_string(bulla_reason_remedy(reason)));
}

static void list_device(void *context, const struct bulla_backend_fact *fact)
{
    (void)json_array_append_new(context, json_string(fact->text));
}

/* What the machine has, by looking; what the token's evidence comes from, and what that says of itself. */
static void set_machine(struct bulla_token *token, json_t *status)
{
    const struct bulla_attester *attester = bulla_token_attester(token);
    json_t *devices = json_array();
    for (size_t i = 0; bulla_attesters[i]; i++)
        bulla_attesters[i]->devices(list_device, devices);
    set(status, "machine", devices);
    set(status, "attester", json_string(attester ? attester->name : "none"));
    if (!attester || !attester->state)
        return;
    json_t *enclave = json_object();
    set_refusal(enclave, attester->state(tell, enclave));
    set(status, "enclave", enclave);
}

static json_t *backend_status(struct bulla_token *token)
{
    json_t *status = json_object();
    set(status, "tcti", json_string(token->config->tcti));
    if (!*token->config->tcti || !bulla_token_backend) {
        set(status, "state", json_string("absent"));
        return status;
    }
    enum bulla_reason reason = bulla_token_backend->state(token->config->tcti, token->config->pcrs, tell, status);
    set_refusal(status, reason);
    if (reason != BULLA_OK)
        return status;
    uint64_t counter = 0;
    if (bulla_token_login_state(token) == BULLA_USER && bulla_ledger_counter(token, &counter) == BULLA_OK)
        set(status, "counter", json_integer((json_int_t)counter));
    return status;
}

static json_t *policy_status(const struct bulla_object *object)
{
    json_t *status = json_object();
    struct bulla_policy *policy = malloc(sizeof *policy);
    struct bulla_bytes authority = bulla_attributes_get(object->attributes, CKA_BULLA_AUTHORITY);
    set(status, "authority", hex(authority));
    set(status, "epoch", json_integer((json_int_t)bulla_attributes_ulong(object->attributes, CKA_BULLA_EPOCH, 0)));
    set(status, "version", json_integer((json_int_t)bulla_attributes_ulong(object->attributes, CKA_BULLA_VERSION, 0)));
    if (policy &&
        bulla_policy_read(bulla_attributes_get(object->attributes, CKA_VALUE), authority, policy) == BULLA_OK) {
        set(status, "not_before", json_integer((json_int_t)policy->not_before));
        set(status, "not_after", json_integer((json_int_t)policy->not_after));
        set(status, "states", json_integer((json_int_t)policy->state_count));
        set(status, "restricted", json_boolean(policy->restricted));
    }
    free(policy);
    return status;
}

static void list_objects(struct bulla_token *token, json_t *status)
{
    json_t *policies = json_array();
    size_t count = 0, hidden = 0;
    if (bulla_rows_read_all(token) != BULLA_OK)
        bulla_detail_clear(); /* they are not counted */
    (void)pthread_rwlock_rdlock(&token->lock);
    for (size_t i = 0; i < token->index.count; i++) {
        const struct bulla_object *object = token->index.objects[i];
        if (object->owner)
            continue;
        count++;
        bool is_hidden = bulla_object_is_hidden(token, object);
        hidden += is_hidden;
        if (object->object_class == CKO_BULLA_POLICY && !is_hidden &&
            bulla_attributes_get(object->attributes, CKA_BULLA_VERSION).data) /* "uses" shows the grants */
            (void)json_array_append_new(policies, policy_status(object));
    }
    (void)pthread_rwlock_unlock(&token->lock);
    set(status, "objects", json_integer((json_int_t)count));
    set(status, "objects_hidden", json_integer((json_int_t)hidden));
    set(status, "objects_unreadable", json_integer(token->unreadable));
    set(status, "policies", policies);
}

static json_t *leaf_names(void)
{
    json_t *names = json_array();
    for (size_t i = 0; bulla_leaf_schemes[i]; i++)
        (void)json_array_append_new(names, json_string(bulla_leaf_schemes[i]->name));
    return names;
}

static json_t *receipt_key_hex(struct bulla_token *token)
{
    struct bulla_services services;
    uint8_t key[32];
    bulla_token_services(token, &services);
    return services.receipt_key(token, key) == BULLA_OK ? hex(BULLA_BYTES(key)) : json_null();
}

/* Without a TPM the floor is as good as the file system that keeps it. */
static json_t *time_status(struct bulla_token *token)
{
    json_t *status = json_object();
    uint64_t now = 0;
    enum bulla_reason reason = bulla_token_now(token, &now);
    set(status, "system", json_integer((json_int_t)bulla_system_seconds()));
    set(status, "kept_by", json_string(bulla_ledger_index(token) ? "tpm" : "file"));
    set(status, "state", json_string(reason == BULLA_OK ? "ok" : bulla_reason_code(reason)));
    if (reason == BULLA_OK || reason == BULLA_CLOCK_BACK)
        set(status, "floor", json_integer((json_int_t)bulla_token_time_floor(token)));
    return status;
}

static char *dumped(json_t *status)
{
    char *text = json_dumps(status, JSON_COMPACT);
    json_decref(status);
    return text;
}

char *bulla_token_status_json(struct bulla_token *token)
{
    json_t *status = json_object();
    char audit[BULLA_CONFIG_PATH + 16];
    unsigned left, most;
    bulla_token_audit_path(token, audit, sizeof audit);
    bulla_token_tries(token, BULLA_USER, &left, &most);
    set(status, "token", json_string(token->label));
    set(status, "serial", json_string(token->serial));
    set(status, "store", json_string(token->config->path));
    set(status, "models", json_string(token->config->models));
    set(status, "audit", json_string(audit));
    set(status, "tree", json_string(token->config->release));
    set(status, "model_tree", json_string(token->config->model_release));
    set(status, "logged_in", json_boolean(bulla_token_login_state(token) == BULLA_USER));
    set(status, "user_pin_set", json_boolean(bulla_token_user_pin_is_set(token)));
    unsigned tpm_most, tpm_left; /* the TPM may lock before the token does */
    if (bulla_token_pin_is_attested(token) &&
        bulla_token_backend->tries(token->config->tcti, &tpm_most, &tpm_left) == BULLA_OK && tpm_left < left)
        left = tpm_left;
    set(status, "user_pin_tries_left", json_integer(left));
    set(status, "user_pin_tries", json_integer(most));
    set(status, "audit_failures", json_integer(token->audit_failures));
    set(status, "lease", json_integer((json_int_t)token->config->lease));
    set(status, "leaves", leaf_names());
    set(status, "receipt_key", receipt_key_hex(token));
    set_machine(token, status);
    set(status, "tpm", backend_status(token));
    if (bulla_token_login_state(token) == BULLA_USER)
        set(status, "time", time_status(token));
    list_objects(token, status);
    return dumped(status);
}

/* --- why --- */

struct refusals {
    json_t *lines;
};

static void keep_refusal(void *context, struct bulla_bytes line)
{
    struct refusals *refusals = context;
    json_t *entry = json_loadb((const char *)line.data, line.size, JSON_REJECT_DUPLICATES, NULL);
    const char *event = json_string_value(json_object_get(entry, "event"));
    if (event && strcmp(event, "refused") == 0) {
        const char *code = json_string_value(json_object_get(entry, "reason"));
        for (int i = 0; code && i < BULLA_REASON_COUNT; i++)
            if (strcmp(bulla_reason_code((enum bulla_reason)i), code) == 0)
                set(entry, "remedy", json_string(bulla_reason_remedy((enum bulla_reason)i)));
        (void)json_array_append(refusals->lines, entry);
        if (json_array_size(refusals->lines) > REFUSALS)
            (void)json_array_remove(refusals->lines, 0);
    }
    json_decref(entry);
}

char *bulla_token_why_json(struct bulla_token *token)
{
    struct refusals refusals = {json_array()};
    json_t *why = json_object();
    char path[BULLA_CONFIG_PATH + 16];
    bulla_token_audit_path(token, path, sizeof path);
    if (bulla_audit_tail(path, LINES, keep_refusal, &refusals) != BULLA_OK)
        bulla_detail_clear(); /* nothing was refused yet: there is no log */
    set(why, "refusals", refusals.lines);
    return dumped(why);
}
