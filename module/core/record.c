/* What goes to the audit log, and when: logins, releases, inferences, refusals, changes of state or policy. A line that
 * cannot be written stops nothing that has already happened: it is counted, and status shows the count. */
#include <stdio.h>
#include <stdlib.h>

#include "mech/mechanism.h"
#include "refusal.h"
#include "token.h"

void bulla_token_audit_path(const struct bulla_token *token, char *path, size_t size)
{
    (void)snprintf(path, size, "%.*s/audit.jsonl", BULLA_CONFIG_PATH, token->config->path);
}

/* The log is opened with its first line; two threads may race for that, and take turns by the store's lock. */
static struct bulla_audit *open_log(struct bulla_token *token)
{
    char path[BULLA_CONFIG_PATH + 16];
    bulla_token_audit_path(token, path, sizeof path);
    (void)pthread_mutex_lock(&token->store_lock);
    if (!token->audit && token->store && bulla_audit_open(path, &token->audit) != BULLA_OK)
        token->audit = NULL;
    struct bulla_audit *audit = token->audit;
    (void)pthread_mutex_unlock(&token->store_lock);
    return audit;
}

void bulla_token_record(
    struct bulla_token *token, const char *event, const struct bulla_audit_field *fields, size_t count)
{
    char kept[BULLA_DETAIL_SIZE];
    (void)snprintf(kept, sizeof kept, "%s", bulla_detail());
    struct bulla_audit *audit = open_log(token);
    if (audit ? bulla_audit_append(audit, event, fields, count, false) != BULLA_OK : token->store != NULL)
        token->audit_failures++;
    (void)bulla_refuse(BULLA_OK, "%s", kept); /* the caller's words stay the last ones */
}

static enum bulla_reason sign_head(void *context, struct bulla_bytes message, uint8_t signature[static 64])
{
    const struct bulla_services *services = context;
    return services->receipt_sign(services->token, message, signature);
}

static enum bulla_reason append_head(struct bulla_token *token, uint64_t counter, void *context)
{
    struct bulla_services services;
    bulla_token_services(token, &services);
    const struct bulla_cose_signer signer = {BULLA_COSE_EDDSA, sign_head, &services};
    return bulla_audit_head(context, counter, &signer);
}

/* In turn with whoever raises the counter, in this process or another: heads' counters never fall. */
void bulla_token_record_head(struct bulla_token *token)
{
    struct bulla_audit *audit = open_log(token);
    if (audit && bulla_ledger_anchor(token, append_head, audit) != BULLA_OK)
        token->audit_failures++;
}

/* BULLA_LOG=/a/file, or anything else for standard error: refusals in words, for who is not told more than a CKR by the
 * program at hand. */
static void log_refusal(const char *token, const char *event, enum bulla_reason reason, const char *detail)
{
    const char *where = secure_getenv("BULLA_LOG");
    if (!where || !*where)
        return;
    bool named = *where == '/';
    FILE *log = named ? fopen(where, "ae") : stderr;
    if (!log)
        return;
    (void)fprintf(log, "bulla: %s: %s: %s (%s); %s\n", token, event, detail, bulla_reason_code(reason),
        bulla_reason_remedy(reason));
    if (named)
        (void)fclose(log);
}

CK_RV bulla_refusal_without_token(const char *event, enum bulla_reason reason)
{
    if (reason != BULLA_OK)
        log_refusal("bulla.conf", event, reason, bulla_detail());
    return bulla_refusal_code(reason);
}

CK_RV bulla_token_refusal(struct bulla_token *token, const char *event, enum bulla_reason reason)
{
    if (reason == BULLA_OK)
        return CKR_OK;
    char detail[BULLA_DETAIL_SIZE];
    (void)snprintf(detail, sizeof detail, "%s", bulla_detail());
    const struct bulla_audit_field fields[] = {
        {"operation", event, 0},
        {"reason", bulla_reason_code(reason), 0},
        {"detail", detail, 0},
    };
    bulla_token_record(token, "refused", fields, 3);
    log_refusal(token->config->name, event, reason, detail);
    return bulla_refusal_code(reason);
}
