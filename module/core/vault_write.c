/* Writing objects: one transaction each, then the index. */
#include <sodium.h>
#include <string.h>

#include "vault_inside.h"

/* Shows what was committed in the index. Between the commit and this another thread may have taken it in from the store
 * already, and what came after it, too: then the index knows better, and an object that is not there was erased. */
static enum bulla_reason show(struct bulla_token *token, struct bulla_object *object, CK_OBJECT_HANDLE *handle)
{
    (void)pthread_rwlock_wrlock(&token->lock);
    struct bulla_object *present = bulla_index_find_id(&token->index, object->id);
    object->handle = present ? present->handle : 0;
    if (object->owner == 0 && object->generation <= token->seen) {
        if (handle)
            *handle = object->handle;
        (void)pthread_rwlock_unlock(&token->lock);
        bulla_object_drop(object);
        return BULLA_OK;
    }
    bulla_token_note_expiry(token, object);
    bool done = bulla_index_put(&token->index, object);
    if (done && handle)
        *handle = object->handle;
    (void)pthread_rwlock_unlock(&token->lock);
    if (done)
        return BULLA_OK;
    bulla_object_drop(object);
    return bulla_refuse(BULLA_OUT_OF_MEMORY, "listing an object");
}

static enum bulla_reason commit(struct bulla_token *token, enum bulla_reason reason)
{
    if (reason == BULLA_OK)
        return bulla_store_commit(token->store);
    bulla_store_rollback(token->store);
    return reason;
}

enum bulla_reason bulla_vault_store(struct bulla_token *token, const struct bulla_attribute_list *list,
    const uint8_t id[static 16], struct bulla_bytes passphrase, CK_OBJECT_HANDLE *handle)
{
    static const uint8_t unset[16] = {0};
    uint8_t fresh[16];
    struct bulla_object *object = NULL;
    BULLA_VAULT_SEALED struct bulla_vault_sealed sealed;
    memcpy(fresh, id, 16);
    if (memcmp(id, unset, 16) == 0)
        randombytes_buf(fresh, sizeof fresh);
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    enum bulla_reason reason = bulla_vault_seal(token, list, fresh, passphrase, &sealed);
    (void)pthread_mutex_lock(&token->store_lock);
    if (reason == BULLA_OK)
        reason = bulla_store_begin(token->store);
    if (reason == BULLA_OK)
        reason = commit(token, bulla_vault_row(token, list, fresh, sealed.bytes, &object));
    (void)pthread_mutex_unlock(&token->store_lock);
    (void)pthread_rwlock_unlock(&token->keys_lock);
    if (reason == BULLA_OK)
        return show(token, object, handle);
    bulla_object_drop(object);
    return reason;
}

/* What was written since an object was read. */
struct watch {
    const struct bulla_object *object;
    bool anew, present;
};

static enum bulla_reason changed_meanwhile(void)
{
    return bulla_refuse(BULLA_STORE_BUSY, "the object was changed or destroyed meanwhile");
}

static enum bulla_reason watch_row(void *context, const struct bulla_store_row *row)
{
    struct watch *watch = context;
    if (memcmp(row->id, watch->object->id, 16) != 0)
        return BULLA_OK;
    watch->present = true;
    return row->generation == watch->object->generation ? BULLA_OK : changed_meanwhile();
}

static enum bulla_reason watch_gone(void *context, const uint8_t *id)
{
    struct watch *watch = context;
    watch->anew |= !id;
    return id && memcmp(id, watch->object->id, 16) == 0 ? changed_meanwhile() : BULLA_OK;
}

/* Inside a transaction: whether the row is still the one that the object was read from, `since` being what the index
 * showed then. A change computed from an older one would undo what another process or thread did in between, and bring
 * back what it erased. */
static enum bulla_reason still_current(struct bulla_token *token, const struct bulla_object *object, uint64_t since)
{
    struct watch watch = {.object = object};
    const struct bulla_store_visitor visitor = {watch_row, watch_gone, &watch};
    uint64_t now = 0;
    BULLA_TRY(bulla_store_changes(token->store, since, &visitor, &now));
    return watch.anew && !watch.present ? changed_meanwhile() : BULLA_OK;
}

static bool is_latest(struct bulla_token *token, const struct bulla_object *object, uint64_t *since)
{
    (void)pthread_rwlock_rdlock(&token->lock);
    const struct bulla_object *present = bulla_index_find(&token->index, object->handle);
    bool latest = present && present->generation == object->generation;
    *since = token->seen;
    (void)pthread_rwlock_unlock(&token->lock);
    return latest;
}

/* Inside a transaction: the row in place of the one that `object` was read from. */
static enum bulla_reason replace_row(struct bulla_token *token, const struct bulla_object *object, uint64_t since,
    const struct bulla_attribute_list *list, struct bulla_bytes sealed, struct bulla_object **changed)
{
    BULLA_TRY(still_current(token, object, since));
    return bulla_vault_row(token, list, object->id, sealed, changed);
}

/* Writes an object that exists, from a list that was made of it: nothing is written when it changed meanwhile. The keys
 * are read-locked. */
static enum bulla_reason rewrite(struct bulla_token *token, const struct bulla_object *object,
    const struct bulla_attribute_list *list, struct bulla_bytes sealed)
{
    struct bulla_object *changed = NULL;
    uint64_t since = 0;
    if (!token->keys)
        return bulla_vault_writers_only();
    if (!is_latest(token, object, &since))
        return changed_meanwhile();
    (void)pthread_mutex_lock(&token->store_lock);
    enum bulla_reason reason = bulla_store_begin(token->store);
    if (reason == BULLA_OK)
        reason = commit(token, replace_row(token, object, since, list, sealed, &changed));
    (void)pthread_mutex_unlock(&token->store_lock);
    if (reason == BULLA_OK)
        return show(token, changed, NULL);
    bulla_object_drop(changed);
    return reason;
}

enum bulla_reason bulla_vault_restate(
    struct bulla_token *token, const struct bulla_object *object, const struct bulla_attribute_list *list)
{
    const struct bulla_bytes sealed = {object->sealed, object->sealed_size};
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    enum bulla_reason reason = rewrite(token, object, list, sealed);
    (void)pthread_rwlock_unlock(&token->keys_lock);
    return reason;
}

enum bulla_reason bulla_vault_reseal(struct bulla_token *token, const struct bulla_object *object,
    const struct bulla_attribute_list *list, struct bulla_bytes passphrase)
{
    BULLA_VAULT_SEALED struct bulla_vault_sealed sealed;
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    enum bulla_reason reason = bulla_vault_seal(token, list, object->id, passphrase, &sealed);
    if (reason == BULLA_OK)
        reason = rewrite(token, object, list, sealed.bytes);
    (void)pthread_rwlock_unlock(&token->keys_lock);
    return reason;
}

enum bulla_reason bulla_vault_erase(struct bulla_token *token, struct bulla_object *object)
{
    if (object->owner == 0) {
        (void)pthread_rwlock_rdlock(&token->keys_lock);
        (void)pthread_mutex_lock(&token->store_lock);
        enum bulla_reason reason = token->keys ? bulla_store_begin(token->store) : bulla_vault_writers_only();
        if (reason == BULLA_OK)
            reason = commit(token, bulla_store_erase(token->store, object->id));
        (void)pthread_mutex_unlock(&token->store_lock);
        (void)pthread_rwlock_unlock(&token->keys_lock);
        BULLA_TRY(reason);
    }
    (void)pthread_rwlock_wrlock(&token->lock);
    bulla_index_remove(&token->index, object->handle);
    (void)pthread_rwlock_unlock(&token->lock);
    return BULLA_OK;
}

enum bulla_reason bulla_vault_hold(struct bulla_token *token, const struct bulla_attribute_list *list,
    CK_SESSION_HANDLE owner, CK_OBJECT_HANDLE *handle)
{
    struct bulla_attributes *attributes = bulla_attributes_make(list);
    struct bulla_object *object = attributes ? bulla_object_make(attributes) : NULL;
    if (!object)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "making a session object");
    randombytes_buf(object->id, sizeof object->id);
    object->owner = owner;
    if (bulla_list_seals(list)) {
        enum bulla_reason reason = bulla_vault_plain(list, &object->opened);
        if (reason != BULLA_OK) {
            bulla_object_drop(object);
            return reason;
        }
    }
    return show(token, object, handle);
}
