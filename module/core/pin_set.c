/* Setting PINs: sealed first, then written in one transaction. */
#include "crypto/cipher.h"
#include "pin_inside.h"
#include "users.h"

enum bulla_reason bulla_pin_prepare(struct bulla_token *token, const struct bulla_role *role, struct bulla_bytes pin,
    const uint8_t *secret, unsigned most, struct bulla_pin_writing *writing)
{
    struct bulla_writer writer;
    writing->role = role;
    writing->most = (uint8_t)most;
    bulla_writer_open(&writer, writing->tree, sizeof writing->tree);
    BULLA_TRY(bulla_pin_tree_seal(token, role, pin, secret, &writer));
    writing->tree_size = writer.size;
    return bulla_writer_finish(&writer, "release tree");
}

enum bulla_reason bulla_pin_write(struct bulla_token *token, void *context)
{
    const struct bulla_pin_writing *writing = context;
    const uint8_t tries[2] = {0, writing->most};
    BULLA_TRY(bulla_store_value_put(
        token->store, writing->role->tree, (struct bulla_bytes){writing->tree, writing->tree_size}));
    return bulla_store_value_put(token->store, writing->role->tries, BULLA_BYTES(tries));
}

/* Seals and writes. */
static enum bulla_reason put_pin(struct bulla_token *token, const struct bulla_role *role, struct bulla_bytes pin,
    const uint8_t *secret, unsigned most)
{
    struct bulla_pin_writing writing;
    BULLA_TRY(bulla_pin_prepare(token, role, pin, secret, most, &writing));
    return bulla_token_transaction(token, bulla_pin_write, &writing);
}

/* The SO's copy of the token key, where one was declared. */
enum bulla_reason bulla_pin_recover(struct bulla_token *token, uint8_t *token_key)
{
    uint8_t box[32 + BULLA_BOX_OVERHEAD];
    struct bulla_writer writer;
    bulla_writer_open(&writer, box, sizeof box);
    enum bulla_reason reason = bulla_token_value(token, BULLA_VALUE_RECOVERY, &writer);
    if (reason == BULLA_OK && writer.size == sizeof box)
        return bulla_box_open(token->officer, bulla_token_serial(token), BULLA_BYTES(box), token_key);
    return reason == BULLA_OK ? bulla_refuse(BULLA_STORE_CORRUPT, "the SO's copy has %zu bytes", writer.size) : reason;
}

static enum bulla_reason later_pin(struct bulla_token *token, struct bulla_bytes pin)
{
    BULLA_SECRET void *token_key = NULL;
    BULLA_TRY(bulla_secret_allocate(32, &token_key));
    enum bulla_reason reason = bulla_pin_recover(token, token_key);
    if (reason == BULLA_OK)
        return put_pin(token, &bulla_roles[BULLA_USER], pin, token_key, bulla_pin_most_tries(token));
    if (reason != BULLA_STORE_MISSING)
        return reason;
    reason = bulla_pin_try(token, &bulla_roles[BULLA_USER], pin, true, token_key);
    if (reason == BULLA_PIN_WRONG)
        return bulla_refuse(BULLA_SO_CANNOT_OPEN,
            "this is not the user's PIN, and without so-recovery the SO can only grant another try with the right one");
    return reason;
}

enum bulla_reason bulla_token_user_pin_initialize(struct bulla_token *token, struct bulla_bytes pin)
{
    BULLA_TRY(bulla_pin_check_length(pin));
    (void)pthread_mutex_lock(&token->gate);
    enum bulla_reason reason = BULLA_OK;
    if (!token->officer) /* logged out by another thread meanwhile */
        reason = bulla_refuse(BULLA_NOT_LOGGED_IN, "the user's PIN is set by the SO");
    else
        reason = bulla_token_user_pin_is_set(token) ? later_pin(token, pin) : bulla_token_first_pin(token, pin);
    (void)pthread_mutex_unlock(&token->gate);
    return reason == BULLA_OK ? bulla_token_refresh(token) : reason;
}

enum bulla_reason bulla_token_pin_change(
    struct bulla_token *token, struct bulla_bytes old_pin, struct bulla_bytes new_pin)
{
    struct bulla_role role = bulla_roles[bulla_token_login_state(token) == BULLA_OFFICER ? BULLA_OFFICER : BULLA_USER];
    struct bulla_principal user;
    BULLA_SECRET void *secret = NULL;
    struct bulla_tries tries = {0};
    if (bulla_token_user(token, &user))
        BULLA_TRY(bulla_user_role(&user, &role));
    BULLA_TRY(bulla_pin_check_length(new_pin));
    BULLA_TRY(bulla_secret_allocate(32, &secret));
    (void)pthread_mutex_lock(&token->gate);
    enum bulla_reason reason = bulla_pin_try(token, &role, old_pin, false, secret);
    if (reason == BULLA_OK)
        reason = bulla_pin_tries_read(token, &role, &tries);
    if (reason == BULLA_OK)
        reason = put_pin(token, &role, new_pin, secret, tries.most);
    (void)pthread_mutex_unlock(&token->gate);
    return reason;
}
