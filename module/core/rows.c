/* A row that is read later than its outline is read as it is then: what was written meanwhile is seen a little earlier
 * than by the walk that brings the rest, which may bring the row once more. A row that was erased meanwhile is not
 * found; the walk will say the same. So a handle leads to what some refresh would have shown, and never back. What was
 * plain may be something else by then, and says so: whether a row may call itself plain is judged by what it calls
 * itself when it is read. */
#include "rows.h"

/* A token object by its id. A session object's id is no row's, whatever the store says. */
static struct bulla_object *present_row(const struct bulla_token *token, const uint8_t id[static 16])
{
    struct bulla_object *present = bulla_index_find_id(&token->index, id);
    return present && !present->owner ? present : NULL;
}

static enum bulla_reason refuse_memory(void)
{
    return bulla_refuse(BULLA_OUT_OF_MEMORY, "listing objects");
}

static enum bulla_reason note_outline(struct bulla_token *token, const struct bulla_store_row *row)
{
    bool added = bulla_unread_add(&token->unread, bulla_object_new_handle(), row);
    return added ? BULLA_OK : refuse_memory();
}

/* The row's object, under the handle that it has or was to have (0: a new one). A row that can't be read hides itself,
 * and not the token. */
static enum bulla_reason show_row(struct bulla_token *token, const struct bulla_store_row *row, CK_OBJECT_HANDLE handle)
{
    struct bulla_object *object = NULL;
    bool made = bulla_row_make(row, &object);
    if (!made || (row->plain && !bulla_object_is_plain(object))) {
        bulla_index_remove(&token->index, handle);
        bulla_object_drop(object);
        token->unreadable++;
        return BULLA_OK;
    }
    object->handle = handle;
    bulla_token_note_expiry(token, object);
    if (bulla_index_put(&token->index, object))
        return BULLA_OK;
    bulla_object_drop(object);
    return refuse_memory();
}

static enum bulla_reason apply_row(void *context, const struct bulla_store_row *row)
{
    struct bulla_token *token = context;
    if (row->outline)
        return note_outline(token, row);
    const struct bulla_object *present = token->seen ? present_row(token, row->id) : NULL;
    CK_OBJECT_HANDLE handle = present ? present->handle : bulla_unread_take(&token->unread, row->id);
    return show_row(token, row, handle);
}

/* Removes token objects: one, or all of them when the store was made anew. */
static void remove_row(struct bulla_token *token, const uint8_t id[static 16])
{
    const struct bulla_object *present = present_row(token, id);
    (void)bulla_unread_take(&token->unread, id);
    if (present)
        bulla_index_remove(&token->index, present->handle);
}

static void remove_all(struct bulla_token *token)
{
    bulla_unread_free(&token->unread);
    token->unreadable = 0;
    for (size_t i = token->index.count; i-- > 0;)
        if (token->index.objects[i]->owner == 0)
            bulla_index_remove(&token->index, token->index.objects[i]->handle);
}

static enum bulla_reason apply_gone(void *context, const uint8_t *id)
{
    struct bulla_token *token = context;
    if (id) {
        remove_row(token, id);
        return BULLA_OK;
    }
    remove_all(token);
    token->seen = 0;
    token->renewed = token->login != BULLA_NOBODY;
    return BULLA_OK;
}

enum bulla_reason bulla_rows_walk(struct bulla_token *token, struct bulla_writer *identity, uint64_t *reached)
{
    const struct bulla_store_visitor visitor = {.each = apply_row,
        .gone = apply_gone,
        .context = token,
        .name = BULLA_VALUE_TOKEN,
        .value = identity,
        .outlines = true};
    if (token->seen == 0)
        remove_all(token); /* what a walk left that did not come to its end */
    return bulla_store_changes(token->store, token->seen, &visitor, reached);
}

/* --- reading what was only noted --- */

enum { SINGLY = 64 }; /* rows that are read one by one; more of them, in one walk over all */

static enum bulla_reason show_unread(void *context, const struct bulla_store_row *row)
{
    struct bulla_token *token = context;
    const struct bulla_unread_row *unread = bulla_unread_find_id(&token->unread, row->id);
    if (!unread)
        return BULLA_OK;
    BULLA_TRY(show_row(token, row, unread->handle));
    (void)bulla_unread_take(&token->unread, row->id);
    return BULLA_OK;
}

static enum bulla_reason read_one(struct bulla_token *token, const struct bulla_unread_row *row)
{
    uint8_t id[16];
    memcpy(id, row->id, sizeof id);
    BULLA_TRY(bulla_store_row(token->store, id, show_unread, token));
    (void)bulla_unread_take(&token->unread, id); /* it is there still where the row is gone */
    return BULLA_OK;
}

static enum bulla_reason read_all(struct bulla_token *token)
{
    BULLA_TRY(bulla_store_rows(token->store, show_unread, token));
    bulla_unread_free(&token->unread); /* the others are gone */
    return BULLA_OK;
}

static enum bulla_reason read_marked(struct bulla_token *token, const uint64_t *marks)
{
    size_t count = 0;
    const struct bulla_unread_row *row = NULL;
    while (count <= SINGLY && (row = bulla_unread_marked(&token->unread, marks, row)))
        count++;
    if (count > SINGLY)
        return read_all(token);
    while ((row = bulla_unread_marked(&token->unread, marks, NULL)))
        BULLA_TRY(read_one(token, row));
    return BULLA_OK;
}

/* What is asked for: one of them, or with neither all. */
struct asked {
    const uint8_t *id;
    const uint64_t *marks;
};

static enum bulla_reason read_asked(struct bulla_token *token, const struct asked *asked)
{
    if (asked->marks)
        return read_marked(token, asked->marks);
    if (!asked->id)
        return read_all(token);
    const struct bulla_unread_row *row = bulla_unread_find_id(&token->unread, asked->id);
    return row ? read_one(token, row) : BULLA_OK;
}

static enum bulla_reason read_locked(struct bulla_token *token, const struct asked *asked)
{
    enum bulla_reason reason = BULLA_OK;
    if (!atomic_load(&token->unread.count))
        return BULLA_OK;
    (void)pthread_rwlock_wrlock(&token->lock);
    (void)pthread_mutex_lock(&token->store_lock);
    if (atomic_load(&token->unread.count))
        reason = token->store ? read_asked(token, asked) : bulla_refuse(BULLA_STORE_MISSING, "the store is not open");
    (void)pthread_mutex_unlock(&token->store_lock);
    (void)pthread_rwlock_unlock(&token->lock);
    return reason;
}

enum bulla_reason bulla_rows_read_id(struct bulla_token *token, const uint8_t id[static 16])
{
    return read_locked(token, &(struct asked){.id = id});
}

enum bulla_reason bulla_rows_read_marked(struct bulla_token *token, const uint64_t marks[static BULLA_STORE_MARKS])
{
    return read_locked(token, &(struct asked){.marks = marks});
}

enum bulla_reason bulla_rows_read_all(struct bulla_token *token)
{
    return read_locked(token, &(struct asked){0});
}
