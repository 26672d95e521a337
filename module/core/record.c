/* What goes to the audit log, and when: logins, releases, inferences, refusals, changes of state or policy. A line that
 * cannot be written stops nothing that has already happened: it is counted, and status shows the count.
 *
 * The last head is remembered in the store, sealed: a log that does not hold it any more was cut, and the next head
 * says so. That something is remembered stands in the ledger, so that forgetting it shows, too. */
#include <stdio.h>
#include <stdlib.h>

#include "crypto/cipher.h"
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

/* --- the last head, remembered --- */

static const char value_name[] = "audit-head";
static const char ledger_name[] = "audit-head"; /* 1: there is such a value */
enum { MARK_SIZE = 8 + 32, MARK_AAD = 18 + 16 };

static struct bulla_bytes mark_aad(const struct bulla_token *token, uint8_t memory[static MARK_AAD])
{
    struct bulla_writer aad;
    bulla_writer_open(&aad, memory, MARK_AAD);
    bulla_write_bytes(&aad, BULLA_TEXT("bulla/1 audit mark"));
    bulla_write_bytes(&aad, bulla_token_serial(token));
    return bulla_writer_bytes(&aad);
}

/* A value that is gone or was changed is a head that was lost; it was never there where `ever` is false. */
static enum bulla_reason recall_head(struct bulla_token *token, bool ever, struct bulla_audit_mark *mark)
{
    uint8_t box[MARK_SIZE + BULLA_BOX_OVERHEAD], plain[MARK_SIZE], aad[MARK_AAD];
    struct bulla_writer writer;
    struct bulla_reader reader;
    *mark = (struct bulla_audit_mark){.lost = true};
    bulla_writer_open(&writer, box, sizeof box);
    enum bulla_reason reason = bulla_token_value(token, value_name, &writer);
    if (reason == BULLA_STORE_MISSING) {
        mark->lost = ever;
        return BULLA_OK;
    }
    if (reason == BULLA_BUFFER_SMALL)
        return BULLA_OK;
    BULLA_TRY(reason);
    if (writer.size != sizeof box ||
        bulla_box_open(token->keys->ledger, mark_aad(token, aad), BULLA_BYTES(box), plain) != BULLA_OK)
        return BULLA_OK;
    bulla_reader_open(&reader, BULLA_BYTES(plain));
    mark->seq = bulla_read_u64(&reader);
    memcpy(mark->hash, reader.at, sizeof mark->hash); /* what is left: the sizes are compared above */
    (void)bulla_read(&reader, sizeof mark->hash);
    mark->lost = false;
    return bulla_reader_finish(&reader, "the last head");
}

static enum bulla_reason remember_head(struct bulla_token *token, const struct bulla_audit_mark *mark)
{
    uint8_t box[MARK_SIZE + BULLA_BOX_OVERHEAD], plain[MARK_SIZE], aad[MARK_AAD];
    struct bulla_writer writer;
    bulla_writer_open(&writer, plain, sizeof plain);
    bulla_write_u64(&writer, mark->seq);
    bulla_write(&writer, mark->hash, sizeof mark->hash);
    bulla_writer_open(&writer, box, sizeof box);
    BULLA_TRY(bulla_box_seal(token->keys->ledger, mark_aad(token, aad), BULLA_BYTES(plain), &writer));
    return bulla_token_value_put(token, value_name, bulla_writer_bytes(&writer));
}

struct heading {
    struct bulla_audit *audit;
    bool ever; /* a head was remembered before */
};

/* With the keys read-locked, and nobody else of this token at it. */
static enum bulla_reason append_head(struct bulla_token *token, uint64_t counter, void *context)
{
    const struct heading *heading = context;
    struct bulla_services services;
    struct bulla_audit_mark mark;
    bulla_token_services(token, &services);
    const struct bulla_cose_signer signer = {BULLA_COSE_EDDSA, sign_head, &services};
    BULLA_TRY(recall_head(token, heading->ever, &mark));
    BULLA_TRY(bulla_audit_head(heading->audit, counter, &signer, &mark));
    bulla_fault_point("audit-head-written");
    return remember_head(token, &mark);
}

/* The ledger is asked only where there is no value: once in a token's life, unless somebody erased it. It is raised
 * after the value is there, so that a kill between them is no false alarm; the head after that has the counter as the
 * raising left it. */
static enum bulla_reason head_in_turn(struct bulla_token *token, struct bulla_audit *audit)
{
    uint8_t box[MARK_SIZE + BULLA_BOX_OVERHEAD];
    struct bulla_writer writer;
    struct heading heading = {audit, true};
    uint64_t known = 0;
    bulla_writer_open(&writer, box, sizeof box);
    if (bulla_token_value(token, value_name, &writer) != BULLA_STORE_MISSING)
        return bulla_ledger_anchor(token, append_head, &heading);
    BULLA_TRY(bulla_ledger_read(token, ledger_name, &known));
    heading.ever = known > 0;
    BULLA_TRY(bulla_ledger_anchor(token, append_head, &heading));
    if (heading.ever)
        return BULLA_OK;
    BULLA_TRY(bulla_ledger_raise(token, ledger_name, 1));
    return bulla_ledger_anchor(token, append_head, &heading);
}

/* In turn with whoever raises the counter, in this process or another: heads' counters never fall. */
void bulla_token_record_head(struct bulla_token *token)
{
    struct bulla_audit *audit = open_log(token);
    if (audit && head_in_turn(token, audit) != BULLA_OK)
        token->audit_failures++;
}

/* --- refusals --- */

/* One line is one refusal: what others brought into the detail (SQLite's check, a file's text) ends none. */
static void make_plain(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at; at++)
        if (*at < 0x20 || *at == 0x7f)
            *at = ' ';
        else if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) /* C1 in UTF-8 */
            at[0] = at[1] = ' ';
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
    char plain[BULLA_DETAIL_SIZE];
    (void)snprintf(plain, sizeof plain, "%s", detail);
    make_plain(plain);
    (void)fprintf(log, "bulla: %s: %s: %s (%s); %s\n", token, event, plain, bulla_reason_code(reason),
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
    if (!bulla_reason_is_ordinary(reason))
        bulla_token_record(token, "refused", fields, 3);
    log_refusal(token->config->name, event, reason, detail);
    return bulla_refusal_code(reason);
}
