/* Writing objects: one transaction each, then the index. */
#include <sodium.h>
#include <string.h>

#include "rows.h"
#include "vault_inside.h"

/* The handle that the object has, or is to have when its row is read; 0: none. `lock` is held. */
static CK_OBJECT_HANDLE known_handle(const struct bulla_token *token, const uint8_t id[static 16])
{
    const struct bulla_object *present = bulla_index_find_id(&token->index, id);
    const struct bulla_unread_row *unread = present ? NULL : bulla_unread_find_id(&token->unread, id);
    return present ? present->handle : unread ? unread->handle : 0;
}

/* Shows what was committed in the index. Between the commit and this another thread may have taken it in from the store
 * already, and what came after it, too: then the index knows better, and an object that is neither there nor unread was
 * erased. */
static enum bulla_reason show(struct bulla_token *token, struct bulla_object *object, CK_OBJECT_HANDLE *handle)
{
    (void)pthread_rwlock_wrlock(&token->lock);
    object->handle = known_handle(token, object->id);
    if (object->owner == 0 && object->generation <= token->seen) {
        if (handle)
            *handle = object->handle;
        (void)pthread_rwlock_unlock(&token->lock);
        enum bulla_reason reason = bulla_rows_read_id(token, object->id); /* whose handle was given out */
        bulla_object_drop(object);
        return reason;
    }
    bulla_token_note_expiry(token, object);
    bool done = bulla_index_put(&token->index, object);
    if (done)
        (void)bulla_unread_take(&token->unread, object->id);
    if (done && handle)
        *handle = object->handle;
    (void)pthread_rwlock_unlock(&token->lock);
    if (done)
        return BULLA_OK;
    bulla_object_drop(object);
    return bulla_refuse(BULLA_OUT_OF_MEMORY, "listing an object");
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
    const struct bulla_store_visitor visitor = {.each = watch_row, .gone = watch_gone, .context = &watch};
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

/* A row that is to be written: a new object's, or in place of the one that `present` was read from. */
struct row_writing {
    const struct bulla_attribute_list *list;
    const uint8_t *id;
    struct bulla_bytes sealed;
    const struct bulla_object *present;
    uint64_t since;
    struct bulla_object *written;
};

static enum bulla_reason write_row(struct bulla_token *token, void *context)
{
    struct row_writing *writing = context;
    if (writing->present)
        BULLA_TRY(still_current(token, writing->present, writing->since));
    return bulla_vault_row(token, writing->list, writing->id, writing->sealed, &writing->written);
}

static enum bulla_reason write_and_show(
    struct bulla_token *token, struct row_writing *writing, CK_OBJECT_HANDLE *handle)
{
    enum bulla_reason reason = bulla_token_transaction(token, write_row, writing);
    if (reason == BULLA_OK)
        return show(token, writing->written, handle);
    bulla_object_drop(writing->written);
    return reason;
}

/* --- new objects --- */

struct new_rows {
    size_t count;
    uint8_t ids[BULLA_VAULT_NEW_MOST][16];
    struct bulla_vault_sealed sealed[BULLA_VAULT_NEW_MOST];
    struct row_writing rows[BULLA_VAULT_NEW_MOST];
};

static enum bulla_reason seal_new(struct bulla_token *token, const struct bulla_vault_new *objects, size_t count,
    struct bulla_bytes passphrase, struct new_rows *new)
{
    if (count > BULLA_VAULT_NEW_MOST)
        return bulla_refuse(BULLA_INTERNAL, "%zu objects at once", count);
    for (size_t i = 0; i < count; i++) {
        if (objects[i].id)
            memcpy(new->ids[i], objects[i].id, 16);
        else
            randombytes_buf(new->ids[i], 16);
        BULLA_TRY(bulla_vault_seal(token, objects[i].list, new->ids[i], passphrase, &new->sealed[i]));
        new->rows[i] = (struct row_writing){.list = objects[i].list, .id = new->ids[i], .sealed = new->sealed[i].bytes};
    }
    new->count = count;
    return BULLA_OK;
}

static enum bulla_reason write_new(struct bulla_token *token, void *context)
{
    struct new_rows *new = context;
    for (size_t i = 0; i < new->count; i++)
        BULLA_TRY(write_row(token, &new->rows[i]));
    return BULLA_OK;
}

/* Of objects that were committed and can't be listed for want of memory the index learns later. */
static enum bulla_reason show_new(
    struct bulla_token *token, const struct bulla_vault_new *objects, struct new_rows *new, enum bulla_reason reason)
{
    for (size_t i = 0; i < new->count; i++)
        if (reason == BULLA_OK)
            reason = show(token, new->rows[i].written, objects[i].handle);
        else
            bulla_object_drop(new->rows[i].written);
    return reason;
}

enum bulla_reason bulla_vault_store_all(
    struct bulla_token *token, const struct bulla_vault_new *objects, size_t count, struct bulla_bytes passphrase)
{
    struct new_rows new = {0};
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    enum bulla_reason reason = seal_new(token, objects, count, passphrase, &new);
    if (reason == BULLA_OK)
        reason = show_new(token, objects, &new, bulla_token_transaction(token, write_new, &new));
    (void)pthread_rwlock_unlock(&token->keys_lock);
    for (size_t i = 0; i < BULLA_VAULT_NEW_MOST; i++)
        bulla_vault_sealed_free(&new.sealed[i]);
    return reason;
}

enum bulla_reason bulla_vault_store(struct bulla_token *token, const struct bulla_attribute_list *list,
    const uint8_t id[static 16], struct bulla_bytes passphrase, CK_OBJECT_HANDLE *handle)
{
    static const uint8_t unset[16] = {0};
    const struct bulla_vault_new object = {list, memcmp(id, unset, sizeof unset) == 0 ? NULL : id, handle};
    return bulla_vault_store_all(token, &object, 1, passphrase);
}

/* --- changes --- */

/* Writes an object that exists, from a list that was made of it: nothing is written when it changed meanwhile. The keys
 * are read-locked. */
static enum bulla_reason rewrite(struct bulla_token *token, const struct bulla_object *object,
    const struct bulla_attribute_list *list, struct bulla_bytes sealed)
{
    struct row_writing writing = {.list = list, .id = object->id, .sealed = sealed, .present = object};
    if (!token->keys)
        return bulla_vault_writers_only();
    if (!is_latest(token, object, &writing.since))
        return changed_meanwhile();
    return write_and_show(token, &writing, NULL);
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

static enum bulla_reason erase_row(struct bulla_token *token, void *context)
{
    const struct bulla_object *object = context;
    return token->keys ? bulla_store_erase(token->store, object->id) : bulla_vault_writers_only();
}

enum bulla_reason bulla_vault_erase(struct bulla_token *token, struct bulla_object *object)
{
    enum bulla_reason reason = BULLA_OK;
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    if (object->owner == 0)
        reason = bulla_token_transaction(token, erase_row, object);
    (void)pthread_rwlock_unlock(&token->keys_lock);
    BULLA_TRY(reason);
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
