/* A user's PIN opens a tree of the token key that is his alone. What is sealed under a TPM is a blob in the store, so
 * adding and removing users leaves nothing in the TPM; its own count of wrong auths is one for all.
 *
 * A tree that somebody put back into the store is no user without the row that the token key authenticates. Whoever
 * logged in once could have kept the token key: a removal closes the door, it does not change the lock. */
#include "users.h"

#include <sodium.h>
#include <stdio.h>

#include "crypto/cipher.h"

const struct bulla_principal bulla_token_owner = {BULLA_PRINCIPAL_USER, 4, "user"};

enum bulla_reason bulla_user_role(const struct bulla_principal *user, struct bulla_role *role)
{
    if (bulla_principal_equal(user, &bulla_token_owner)) {
        *role = bulla_roles[BULLA_USER];
        return BULLA_OK;
    }
    *role = (struct bulla_role){.login = BULLA_USER, .named = true};
    (void)snprintf(role->name, sizeof role->name, "user:%.*s", user->size, (const char *)user->value);
    (void)snprintf(role->tree, sizeof role->tree, "user-tree:%.*s", user->size, (const char *)user->value);
    (void)snprintf(role->tries, sizeof role->tries, "user-tries:%.*s", user->size, (const char *)user->value);
    return strcmp(role->name, "user:so") == 0 ? bulla_refuse(BULLA_PIN_UNSET, "no user is named so") : BULLA_OK;
}

bool bulla_token_user(struct bulla_token *token, struct bulla_principal *user)
{
    (void)pthread_rwlock_rdlock(&token->lock);
    bool there = token->login == BULLA_USER;
    *user = there ? token->user : (struct bulla_principal){0};
    (void)pthread_rwlock_unlock(&token->lock);
    return there;
}

bool bulla_user_is_listed(struct bulla_token *token, const struct bulla_principal *user)
{
    char text[BULLA_PRINCIPAL_TEXT];
    bool listed = bulla_principal_equal(user, &bulla_token_owner);
    bulla_principal_text(user, text);
    (void)pthread_rwlock_rdlock(&token->lock);
    for (size_t i = 0; i < token->index.count && !listed; i++) {
        const struct bulla_object *object = token->index.objects[i];
        listed = object->object_class == CKO_BULLA_PRINCIPAL && !object->owner &&
                 bulla_bytes_equal_text(bulla_attributes_get(object->attributes, CKA_BULLA_PRINCIPAL), text) &&
                 !bulla_object_is_hidden(token, object);
    }
    (void)pthread_rwlock_unlock(&token->lock);
    return listed;
}

/* `gate` is held. */
static enum bulla_reason check_owner(struct bulla_token *token)
{
    struct bulla_principal user;
    if (!bulla_token_user(token, &user))
        return bulla_refuse(BULLA_NOT_LOGGED_IN, "users are made and removed by the token's owner");
    if (!bulla_principal_equal(&user, &bulla_token_owner))
        return bulla_refuse(BULLA_PRINCIPAL_UNPROVED, "users are made and removed by the token's owner alone");
    return BULLA_OK;
}

/* --- adding and removing --- */

struct adding {
    struct bulla_pin_writing pin;
    const struct bulla_attribute_list *list;
    uint8_t id[16];
    uint64_t seen; /* the store's generation at which it was asked whether he is listed */
    bool listed;
};

static enum bulla_reason note_row(void *changed, const struct bulla_store_row *row)
{
    *(bool *)changed |= row->object_class == CKO_BULLA_PRINCIPAL;
    return BULLA_OK;
}

static enum bulla_reason note_gone(void *changed, const uint8_t *id)
{
    *(bool *)changed |= !id; /* the store was made anew */
    return BULLA_OK;
}

/* A tree that no row names is nobody's: it was put back into the store, or his PIN was changed while he was removed. */
static enum bulla_reason check_free(struct bulla_token *token, const struct adding *adding)
{
    bool changed = adding->listed;
    const struct bulla_store_visitor visitor = {.each = note_row, .gone = note_gone, .context = &changed};
    struct bulla_writer none;
    uint64_t now = 0;
    bulla_writer_open(&none, NULL, 0);
    enum bulla_reason reason = bulla_store_value_get(token->store, adding->pin.role->tree, &none);
    if (reason == BULLA_STORE_MISSING)
        return BULLA_OK;
    if (reason != BULLA_OK && reason != BULLA_BUFFER_SMALL)
        return reason;
    if (!changed)
        BULLA_TRY(bulla_store_changes(token->store, adding->seen, &visitor, &now));
    return changed ? bulla_refuse(BULLA_DUPLICATE, "there is a %s already", adding->pin.role->name) : BULLA_OK;
}

static enum bulla_reason write_user(struct bulla_token *token, void *context)
{
    struct adding *adding = context;
    struct bulla_object *object = NULL;
    BULLA_TRY(check_free(token, adding));
    BULLA_TRY(bulla_pin_write(token, &adding->pin));
    enum bulla_reason reason = bulla_vault_put(token, adding->list, adding->id, &object);
    bulla_object_drop(object); /* the index takes it from the store, with the next refresh */
    return reason;
}

static enum bulla_reason add(
    struct bulla_token *token, const struct bulla_principal *user, struct bulla_bytes pin, struct adding *adding)
{
    struct bulla_role role;
    BULLA_TRY(check_owner(token));
    BULLA_TRY(bulla_user_role(user, &role));
    if (!role.named)
        return bulla_refuse(BULLA_DUPLICATE, "the name user is the token's owner's");
    adding->seen = bulla_token_seen(token);
    adding->listed = bulla_user_is_listed(token, user);
    randombytes_buf(adding->id, sizeof adding->id);
    BULLA_TRY(bulla_pin_prepare(token, &role, pin, token->keys->token, bulla_pin_most_tries(token), &adding->pin));
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    enum bulla_reason reason = bulla_token_transaction(token, write_user, adding);
    (void)pthread_rwlock_unlock(&token->keys_lock);
    return reason;
}

enum bulla_reason bulla_user_add(struct bulla_token *token, const struct bulla_principal *user, struct bulla_bytes pin,
    const struct bulla_attribute_list *list, CK_OBJECT_HANDLE *handle)
{
    struct adding adding = {.list = list};
    BULLA_TRY(bulla_pin_check_length(pin));
    (void)pthread_mutex_lock(&token->gate);
    enum bulla_reason reason = add(token, user, pin, &adding);
    (void)pthread_mutex_unlock(&token->gate);
    BULLA_TRY(reason);
    BULLA_TRY(bulla_token_refresh(token));
    struct bulla_object *object = bulla_token_object_by_id(token, adding.id);
    *handle = object ? object->handle : 0; /* another process was fast to destroy it */
    bulla_object_drop(object);
    return BULLA_OK;
}

struct removing {
    const struct bulla_role *role;
    const struct bulla_object *object;
};

static enum bulla_reason erase_user(struct bulla_token *token, void *context)
{
    const struct removing *removing = context;
    BULLA_TRY(bulla_store_value_erase(token->store, removing->role->tree));
    BULLA_TRY(bulla_store_value_erase(token->store, removing->role->tries));
    return bulla_store_erase(token->store, removing->object->id);
}

enum bulla_reason bulla_user_remove(
    struct bulla_token *token, const struct bulla_principal *user, struct bulla_object *object)
{
    struct bulla_role role;
    struct removing removing = {&role, object};
    BULLA_TRY(bulla_user_role(user, &role));
    (void)pthread_mutex_lock(&token->gate);
    enum bulla_reason reason = check_owner(token);
    if (reason == BULLA_OK)
        reason = bulla_token_transaction(token, erase_user, &removing);
    (void)pthread_mutex_unlock(&token->gate);
    return reason == BULLA_OK ? bulla_token_refresh(token) : reason;
}

/* --- proving --- */

enum bulla_reason bulla_user_prove(
    struct bulla_token *token, const struct bulla_principal *user, struct bulla_bytes pin)
{
    struct bulla_role role;
    BULLA_SECRET void *token_key = NULL;
    BULLA_TRY(bulla_user_role(user, &role));
    BULLA_TRY(bulla_secret_allocate(32, &token_key));
    (void)pthread_mutex_lock(&token->gate);
    enum bulla_reason reason = BULLA_OK;
    if (token->login != BULLA_USER)
        reason = bulla_refuse(BULLA_NOT_LOGGED_IN, "nobody is logged in");
    else if (!bulla_user_is_listed(token, user))
        reason = bulla_refuse(BULLA_PIN_UNSET, "there is no %s", role.name);
    else
        reason = bulla_pin_try(token, &role, pin, false, token_key);
    (void)pthread_mutex_unlock(&token->gate);
    return reason;
}
