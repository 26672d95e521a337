/* Opening a token: its store is opened when it is first needed, and read again when its generation moved. */
#include "rows.h"
#include "session.h"

#include <stdlib.h>
#include <time.h>

#include "crypto/cbor.h"
#include "inference/pool.h"

void bulla_token_make(struct bulla_token *token, const struct bulla_token_config *config)
{
    *token = (struct bulla_token){.config = config};
    (void)pthread_mutex_init(&token->gate, NULL);
    (void)pthread_rwlock_init(&token->keys_lock, NULL);
    (void)pthread_rwlock_init(&token->lock, NULL);
    (void)pthread_mutex_init(&token->store_lock, NULL);
    (void)pthread_mutex_init(&token->time.lock, NULL);
    bulla_grants_open(token);
    bulla_states_open(token);
    bulla_uses_open(token);
    memcpy(token->serial, config->serial, sizeof token->serial);
}

void bulla_token_close(struct bulla_token *token)
{
    bulla_token_logout(token);
    bulla_index_free(&token->index);
    bulla_unread_free(&token->unread);
    if (token->store)
        bulla_store_close(token->store);
    if (token->audit)
        bulla_audit_close(token->audit);
    bulla_pool_close(token->pool);
    (void)pthread_mutex_destroy(&token->gate);
    (void)pthread_rwlock_destroy(&token->keys_lock);
    (void)pthread_rwlock_destroy(&token->lock);
    (void)pthread_mutex_destroy(&token->store_lock);
    (void)pthread_mutex_destroy(&token->time.lock);
    bulla_grants_close(token);
    bulla_states_close(token);
    bulla_uses_close(token);
    *token = (struct bulla_token){0};
}

void bulla_token_abandon(struct bulla_token *token)
{
    if (token->store)
        bulla_store_abandon(token->store);
    if (token->audit)
        bulla_audit_abandon(token->audit);
    if (token->pool)
        bulla_pool_abandon(token->pool);
    *token = (struct bulla_token){0};
}

struct bulla_bytes bulla_token_serial(const struct bulla_token *token)
{
    return (struct bulla_bytes){(const uint8_t *)token->serial, 16};
}

/* --- what the store says of the token itself --- */

static enum bulla_reason read_identity(struct bulla_token *token, struct bulla_bytes value)
{
    struct bulla_cbor map, label, serial;
    const struct bulla_cbor_field fields[] = {
        {.text_key = "label", .kind = BULLA_CBOR_TSTR, .value = &label, .smallest = 0, .largest = 32},
        {.text_key = "serial", .kind = BULLA_CBOR_TSTR, .value = &serial, .smallest = 16, .largest = 16},
    };
    BULLA_TRY(bulla_cbor_decode(value, "the token's identity", &map));
    BULLA_TRY(bulla_cbor_fields(&map, fields, 2, "the token's identity"));
    if (token->login != BULLA_NOBODY && !token->renewed && memcmp(token->serial, serial.string.data, 16) != 0)
        return bulla_refuse(BULLA_STORE_CORRUPT, "the store became another token's while somebody was logged in");
    memset(token->label, 0, sizeof token->label);
    memcpy(token->label, label.string.data, label.string.size);
    if (memcmp(token->serial, serial.string.data, 16) != 0) /* others read it without the lock while it stays */
        memcpy(token->serial, serial.string.data, 16);
    return BULLA_OK;
}

/* --- applying what was written --- */

/* Under the token's write lock and the store's. Where the store's identity is refused, so is what came with it: the
 * next one begins anew. */
static enum bulla_reason catch_up(struct bulla_token *token)
{
    uint8_t identity[256];
    uint64_t reached = 0;
    struct bulla_writer value;
    bulla_writer_open(&value, identity, sizeof identity);
    BULLA_TRY(bulla_rows_walk(token, &value, &reached));
    enum bulla_reason reason = read_identity(token, bulla_writer_bytes(&value));
    token->seen = reason == BULLA_OK ? reached : 0;
    return reason;
}

static enum bulla_reason open_store(struct bulla_token *token)
{
    BULLA_TRY(bulla_store_open(token->config->path, &token->store));
    enum bulla_reason reason = catch_up(token);
    if (reason != BULLA_OK) {
        bulla_store_close(token->store);
        token->store = NULL;
    }
    return reason;
}

/* Another process may have made the token anew: then what is kept of the login, the token key or the SO's secret, is
 * the old token's, and an object written under it could never be read. The user's keys are the right ones where the row
 * of the receipt key verifies; the SO has no row to tell by, and logs in again. */
static void judge_login(struct bulla_token *token)
{
    struct bulla_object *receipt = bulla_token_receipt_object(token, CKO_PRIVATE_KEY);
    if (!receipt || bulla_token_login_state(token) == BULLA_OFFICER)
        bulla_token_logout(token);
    bulla_object_drop(receipt);
}

uint64_t bulla_token_seen(struct bulla_token *token)
{
    (void)pthread_rwlock_rdlock(&token->lock);
    uint64_t seen = token->seen;
    (void)pthread_rwlock_unlock(&token->lock);
    return seen;
}

/* What was not walked to its end is news, whatever the store says of it. */
static bool has_all(struct bulla_token *token)
{
    uint64_t seen = token->seen;
    return token->store && seen && !bulla_store_has_news(token->store, seen) && !token->renewed;
}

static bool is_current(struct bulla_token *token)
{
    (void)pthread_rwlock_rdlock(&token->lock);
    bool current = has_all(token);
    (void)pthread_rwlock_unlock(&token->lock);
    return current;
}

enum bulla_reason bulla_token_refresh_in_session(struct bulla_token *token)
{
    return has_all(token) ? BULLA_OK : bulla_token_refresh(token);
}

bool bulla_token_claim(struct bulla_token *token)
{
    (void)pthread_rwlock_wrlock(&token->lock);
    bool free = token->sessions == 0 && !token->claimed;
    token->claimed |= free;
    (void)pthread_rwlock_unlock(&token->lock);
    return free;
}

void bulla_token_release(struct bulla_token *token)
{
    (void)pthread_rwlock_wrlock(&token->lock);
    token->claimed = false;
    (void)pthread_rwlock_unlock(&token->lock);
}

enum bulla_reason bulla_token_catch_up(struct bulla_token *token)
{
    return is_current(token) ? BULLA_OK : bulla_token_look(token);
}

enum bulla_reason bulla_token_look(struct bulla_token *token)
{
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    (void)pthread_rwlock_wrlock(&token->lock);
    (void)pthread_mutex_lock(&token->store_lock);
    enum bulla_reason reason = token->store ? catch_up(token) : open_store(token);
    (void)pthread_mutex_unlock(&token->store_lock);
    (void)pthread_rwlock_unlock(&token->lock);
    (void)pthread_rwlock_unlock(&token->keys_lock);
    return reason;
}

static bool take_renewed(struct bulla_token *token)
{
    (void)pthread_rwlock_wrlock(&token->lock);
    bool renewed = token->renewed;
    token->renewed = false;
    (void)pthread_rwlock_unlock(&token->lock);
    return renewed;
}

enum bulla_reason bulla_token_refresh(struct bulla_token *token)
{
    if (is_current(token))
        return BULLA_OK;
    uint64_t epoch = token->index.epoch;
    enum bulla_reason reason = bulla_token_catch_up(token);
    if (token->index.epoch != epoch) /* what another process destroyed is not kept warm here */
        bulla_sessions_cool(token);
    if (take_renewed(token)) /* there are sessions then, so this is no initialisation, which holds the gate */
        judge_login(token);
    return reason;
}

enum bulla_reason bulla_token_value(struct bulla_token *token, const char *name, struct bulla_writer *writer)
{
    (void)pthread_mutex_lock(&token->store_lock);
    enum bulla_reason reason = token->store ? bulla_store_value_get(token->store, name, writer) : BULLA_STORE_MISSING;
    (void)pthread_mutex_unlock(&token->store_lock);
    return reason;
}

enum bulla_reason bulla_token_transaction(struct bulla_token *token, bulla_token_write *write, void *context)
{
    (void)pthread_mutex_lock(&token->store_lock);
    enum bulla_reason reason = token->store ? bulla_store_begin(token->store)
                                            : bulla_refuse(BULLA_STORE_MISSING, "the token's store is not open");
    if (reason == BULLA_OK) {
        reason = write(token, context);
        if (reason == BULLA_OK)
            reason = bulla_store_commit(token->store);
        else
            bulla_store_rollback(token->store);
    }
    (void)pthread_mutex_unlock(&token->store_lock);
    return reason;
}

struct value_writing {
    const char *name;
    struct bulla_bytes value;
};

static enum bulla_reason write_value(struct bulla_token *token, void *context)
{
    const struct value_writing *writing = context;
    return bulla_store_value_put(token->store, writing->name, writing->value);
}

enum bulla_reason bulla_token_value_put(struct bulla_token *token, const char *name, struct bulla_bytes value)
{
    struct value_writing writing = {name, value};
    return bulla_token_transaction(token, write_value, &writing);
}

/* --- objects --- */

void bulla_token_note_expiry(struct bulla_token *token, const struct bulla_object *object)
{
    CK_ULONG expires = bulla_attributes_ulong(object->attributes, CKA_BULLA_EXPIRES, 0);
    if (expires && (!token->next_expiry || expires < token->next_expiry))
        token->next_expiry = expires;
}

/* An answer whose lease is over is gone for readers at once; request.c erases it with the next search. */
static bool is_expired(const struct bulla_token *token, const struct bulla_object *object)
{
    if (!token->next_expiry)
        return false;
    CK_ULONG expires = bulla_attributes_ulong(object->attributes, CKA_BULLA_EXPIRES, 0);
    return expires && (uint64_t)time(NULL) >= expires;
}

bool bulla_object_is_visible(const struct bulla_token *token, const struct bulla_object *object)
{
    return (token->login == BULLA_USER || !bulla_object_is_private(object)) && !is_expired(token, object) &&
           !bulla_object_is_hidden(token, object);
}

/* Whoever has a handle got it from a search or made the object: its row was read. */
struct bulla_object *bulla_token_object(struct bulla_token *token, CK_OBJECT_HANDLE handle)
{
    (void)pthread_rwlock_rdlock(&token->lock);
    struct bulla_object *object = bulla_index_find(&token->index, handle);
    if (object && bulla_object_is_visible(token, object))
        (void)bulla_object_keep(object);
    else
        object = NULL;
    (void)pthread_rwlock_unlock(&token->lock);
    return object;
}

/* Kept, where it is not hidden. False: it is not there, or its row was not read yet. */
static bool take_by_id(struct bulla_token *token, const uint8_t id[static 16], struct bulla_object **taken)
{
    (void)pthread_rwlock_rdlock(&token->lock);
    struct bulla_object *object = bulla_index_find_id(&token->index, id);
    *taken = object && !bulla_object_is_hidden(token, object) ? bulla_object_keep(object) : NULL;
    (void)pthread_rwlock_unlock(&token->lock);
    return object != NULL;
}

/* What the module looks for itself is in the index: only who knows the id of a plain object waits for its row. */
struct bulla_object *bulla_token_object_by_id(struct bulla_token *token, const uint8_t id[static 16])
{
    struct bulla_object *object = NULL;
    if (take_by_id(token, id, &object))
        return object;
    if (bulla_rows_read_id(token, id) == BULLA_OK)
        (void)take_by_id(token, id, &object);
    else
        bulla_detail_clear();
    return object;
}

bool bulla_token_has_object(struct bulla_token *token, const uint8_t id[static 16])
{
    (void)pthread_rwlock_rdlock(&token->lock);
    bool found = bulla_index_find_id(&token->index, id) != NULL || bulla_unread_find_id(&token->unread, id) != NULL;
    (void)pthread_rwlock_unlock(&token->lock);
    return found;
}

enum bulla_login bulla_token_login_state(struct bulla_token *token)
{
    (void)pthread_rwlock_rdlock(&token->lock);
    enum bulla_login login = token->login;
    (void)pthread_rwlock_unlock(&token->lock);
    return login;
}
