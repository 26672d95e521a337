/* Setting PINs and initialising tokens: everything that is written with a PIN is written in one transaction. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/cbor.h"
#include "crypto/cbor_scalar.h"
#include "crypto/cipher.h"
#include "pin_inside.h"
#include "release/backend.h"

/* A PIN that is ready to be written. */
struct pin_writing {
    const struct bulla_role *role;
    uint8_t tree[BULLA_TREE_LARGEST];
    size_t tree_size;
    uint8_t most;
};

/* Seals outside the transaction that writes it: other writers do not wait for a slow TPM. */
static enum bulla_reason prepare_pin(struct bulla_token *token, const struct bulla_role *role, struct bulla_bytes pin,
    const uint8_t *secret, unsigned most, struct pin_writing *writing)
{
    struct bulla_writer writer;
    writing->role = role;
    writing->most = (uint8_t)most;
    bulla_writer_open(&writer, writing->tree, sizeof writing->tree);
    BULLA_TRY(bulla_pin_tree_seal(token, role, pin, secret, &writer));
    writing->tree_size = writer.size;
    return bulla_writer_finish(&writer, "release tree");
}

static enum bulla_reason write_pin(struct bulla_token *token, void *context)
{
    const struct pin_writing *writing = context;
    const uint8_t tries[2] = {0, writing->most};
    BULLA_TRY(bulla_store_value_put(
        token->store, writing->role->tree, (struct bulla_bytes){writing->tree, writing->tree_size}));
    return bulla_store_value_put(token->store, writing->role->tries, BULLA_BYTES(tries));
}

/* Seals and writes. */
static enum bulla_reason put_pin(struct bulla_token *token, const struct bulla_role *role, struct bulla_bytes pin,
    const uint8_t *secret, unsigned most)
{
    struct pin_writing writing;
    BULLA_TRY(prepare_pin(token, role, pin, secret, most, &writing));
    return bulla_token_transaction(token, write_pin, &writing);
}

static enum bulla_reason put_recovery(struct bulla_token *token)
{
    uint8_t box[32 + BULLA_BOX_OVERHEAD];
    struct bulla_writer writer;
    if (!token->config->so_recovery)
        return BULLA_OK;
    bulla_writer_open(&writer, box, sizeof box);
    BULLA_TRY(bulla_box_seal(
        token->officer, bulla_token_serial(token), (struct bulla_bytes){token->keys->token, 32}, &writer));
    return bulla_store_value_put(token->store, BULLA_VALUE_RECOVERY, bulla_writer_bytes(&writer));
}

/* Everything that a token has from its first PIN on, in one transaction. */
static enum bulla_reason write_first_pin(struct bulla_token *token, void *context)
{
    BULLA_TRY(write_pin(token, context));
    BULLA_TRY(put_recovery(token));
    BULLA_TRY(bulla_ledger_create(token));
    return bulla_token_identity_put(token);
}

static enum bulla_reason first_pin(struct bulla_token *token, struct bulla_bytes pin)
{
    BULLA_SECRET void *token_key = NULL;
    struct bulla_token_keys *keys = NULL;
    BULLA_TRY(bulla_secret_allocate(32, &token_key));
    randombytes_buf(token_key, 32);
    struct pin_writing writing;
    BULLA_TRY(prepare_pin(token, &bulla_roles[BULLA_USER], pin, token_key, bulla_pin_most_tries(token), &writing));
    BULLA_TRY(bulla_pin_derive_keys(token, token_key, &keys));
    (void)pthread_rwlock_wrlock(&token->keys_lock);
    token->keys = keys;
    token->made_counter = 0;
    enum bulla_reason reason = bulla_token_transaction(token, write_first_pin, &writing);
    if (reason != BULLA_OK && token->made_counter) { /* given back: nothing names it */
        char detail[BULLA_DETAIL_SIZE];
        (void)snprintf(detail, sizeof detail, "%s", bulla_detail());
        if (bulla_token_backend->counter_remove(token->config->tcti, token->made_counter) == BULLA_OK)
            token->made_counter = 0;
        (void)bulla_refuse(reason, "%s", detail);
    }
    bulla_secret_free(token->keys);
    token->keys = NULL;
    (void)pthread_rwlock_unlock(&token->keys_lock);
    return reason;
}

/* The SO's copy of the token key, where one was declared. */
static enum bulla_reason recover(struct bulla_token *token, uint8_t *token_key)
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
    enum bulla_reason reason = recover(token, token_key);
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
        reason = bulla_token_user_pin_is_set(token) ? later_pin(token, pin) : first_pin(token, pin);
    (void)pthread_mutex_unlock(&token->gate);
    return reason == BULLA_OK ? bulla_token_refresh(token) : reason;
}

enum bulla_reason bulla_token_pin_change(
    struct bulla_token *token, struct bulla_bytes old_pin, struct bulla_bytes new_pin)
{
    const struct bulla_role *role =
        &bulla_roles[bulla_token_login_state(token) == BULLA_OFFICER ? BULLA_OFFICER : BULLA_USER];
    BULLA_SECRET void *secret = NULL;
    struct bulla_tries tries = {0};
    BULLA_TRY(bulla_pin_check_length(new_pin));
    BULLA_TRY(bulla_secret_allocate(32, &secret));
    (void)pthread_mutex_lock(&token->gate);
    enum bulla_reason reason = bulla_pin_try(token, role, old_pin, false, secret);
    if (reason == BULLA_OK)
        reason = bulla_pin_tries_read(token, role, &tries);
    if (reason == BULLA_OK)
        reason = put_pin(token, role, new_pin, secret, tries.most);
    (void)pthread_mutex_unlock(&token->gate);
    return reason;
}

/* --- initialising --- */

/* The folder's parents, and the models folder: 0700 where they are made. */
static enum bulla_reason make_folders(const char *path, bool last)
{
    char part[BULLA_CONFIG_PATH];
    (void)snprintf(part, sizeof part, "%s", path);
    for (char *at = part + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return bulla_refuse(BULLA_FILE, "%s: %s", part, strerror(errno));
        *at = '/';
    }
    if (last && mkdir(part, 0700) != 0 && errno != EEXIST)
        return bulla_refuse(BULLA_FILE, "%s: %s", part, strerror(errno));
    return BULLA_OK;
}

static enum bulla_reason write_identity(struct bulla_token *token, void *context)
{
    uint8_t value[128];
    struct bulla_writer writer;
    bulla_writer_open(&writer, value, sizeof value);
    bulla_cbor_write_map(&writer, 2);
    bulla_cbor_write_tstr(&writer, "label");
    bulla_cbor_write_tstr(&writer, token->label);
    bulla_cbor_write_tstr(&writer, "serial");
    bulla_cbor_write_tstr(&writer, token->serial);
    BULLA_TRY(bulla_writer_finish(&writer, "the token's identity"));
    BULLA_TRY(bulla_store_value_put(token->store, BULLA_VALUE_TOKEN, bulla_writer_bytes(&writer)));
    return write_pin(token, context);
}

static void choose_serial(struct bulla_token *token)
{
    uint8_t random[8];
    if (*token->config->serial) {
        memcpy(token->serial, token->config->serial, sizeof token->serial);
        return;
    }
    randombytes_buf(random, sizeof random);
    (void)sodium_bin2hex(token->serial, sizeof token->serial, random, sizeof random);
}

/* The old token's counter is given back to the TPM; where that fails it stays, and status counts what is left. */
static void release_counter(struct bulla_token *token)
{
    uint8_t index[4];
    struct bulla_writer writer;
    bulla_writer_open(&writer, index, sizeof index);
    if (!*token->config->tcti || !bulla_token_backend ||
        bulla_token_value(token, BULLA_VALUE_COUNTER, &writer) != BULLA_OK || writer.size != sizeof index)
        return;
    uint32_t number = (uint32_t)index[0] << 24 | (uint32_t)index[1] << 16 | (uint32_t)index[2] << 8 | index[3];
    if (number && bulla_token_backend->counter_remove(token->config->tcti, number) != BULLA_OK)
        bulla_detail_clear();
}

/* The store is replaced under both of its locks: others may ask for the token's state meanwhile. */
static enum bulla_reason start_over(struct bulla_token *token, const char *label)
{
    BULLA_TRY(make_folders(token->config->path, false));
    (void)pthread_rwlock_wrlock(&token->lock);
    (void)pthread_mutex_lock(&token->store_lock);
    if (token->store)
        bulla_store_close(token->store);
    token->store = NULL;
    bulla_index_clear(&token->index, 0);
    token->seen = 0;
    enum bulla_reason reason = bulla_store_create(token->config->path, &token->store);
    if (reason == BULLA_OK) {
        choose_serial(token);
        (void)snprintf(token->label, sizeof token->label, "%s", label);
    }
    (void)pthread_mutex_unlock(&token->store_lock);
    (void)pthread_rwlock_unlock(&token->lock);
    return reason == BULLA_OK ? make_folders(token->config->models, true) : reason;
}

/* Whoever can't read the token there is does not know whose it is: only where there is none, none is asked for a PIN.
 */
static enum bulla_reason initialize(struct bulla_token *token, struct bulla_bytes pin, const char *label)
{
    BULLA_SECRET void *secret = NULL;
    BULLA_TRY(bulla_secret_allocate(32, &secret));
    enum bulla_reason present = bulla_token_refresh(token);
    if (present != BULLA_OK && present != BULLA_STORE_MISSING)
        return present;
    if (present == BULLA_OK) {
        BULLA_TRY(bulla_pin_try(token, &bulla_roles[BULLA_OFFICER], pin, false, secret));
        release_counter(token);
    }
    BULLA_TRY(start_over(token, label));
    randombytes_buf(secret, 32);
    struct pin_writing writing;
    BULLA_TRY(prepare_pin(token, &bulla_roles[BULLA_OFFICER], pin, secret, bulla_pin_most_tries(token), &writing));
    return bulla_token_transaction(token, write_identity, &writing);
}

enum bulla_reason bulla_token_initialize(struct bulla_token *token, struct bulla_bytes pin, const char *label)
{
    BULLA_TRY(bulla_pin_check_length(pin));
    if (!bulla_utf8_valid(BULLA_TEXT(label)) || !bulla_utf8_valid(BULLA_TEXT(token->config->serial)))
        return bulla_refuse(BULLA_ARGUMENT, "a token's label and serial are UTF-8");
    (void)pthread_mutex_lock(&token->gate);
    enum bulla_reason reason = token->login == BULLA_NOBODY
                                   ? initialize(token, pin, label)
                                   : bulla_refuse(BULLA_CANCELLED, "somebody logged in at the same time");
    (void)pthread_mutex_unlock(&token->gate);
    return reason == BULLA_OK ? bulla_token_refresh(token) : reason;
}
