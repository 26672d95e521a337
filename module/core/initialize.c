/* Initialising tokens: C_InitToken makes the store anew, under the SO's PIN; the user's first PIN gives the token its
 * key, its ledger and its receipt key.
 *
 * What a TPM or Argon2id has to do comes before anything is destroyed or written, and what is written, is written in
 * one transaction; what the old token had in the TPM is given back last. So whatever fails on the way leaves the old
 * token, or a new one that can be initialised again. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/cbor.h"
#include "crypto/cbor_scalar.h"
#include "crypto/cipher.h"
#include "pin_inside.h"
#include "turn.h"

/* --- the user's first PIN --- */

/* Everything that a token has from its first PIN on. */
struct first {
    struct bulla_pin_writing pin;
    struct bulla_ledger_anchor anchor;
    struct bulla_token_identity identity;
};

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

static enum bulla_reason write_first(struct bulla_token *token, void *context)
{
    struct first *first = context;
    BULLA_TRY(bulla_pin_write(token, &first->pin));
    BULLA_TRY(put_recovery(token));
    BULLA_TRY(bulla_ledger_put(token, &first->anchor));
    return bulla_token_identity_put(token, &first->identity);
}

/* Rows are written with the token's keys in place, as after a login. */
static enum bulla_reason write_with_keys(struct bulla_token *token, struct bulla_token_keys *keys, struct first *first)
{
    (void)pthread_rwlock_wrlock(&token->keys_lock);
    token->keys = keys;
    enum bulla_reason reason = bulla_token_transaction(token, write_first, first);
    token->keys = NULL;
    (void)pthread_rwlock_unlock(&token->keys_lock);
    return reason;
}

static enum bulla_reason make_first(struct bulla_token *token, struct bulla_bytes pin, const uint8_t *token_key,
    struct bulla_token_keys *keys, struct first *first)
{
    BULLA_TRY(
        bulla_pin_prepare(token, &bulla_roles[BULLA_USER], pin, token_key, bulla_pin_most_tries(token), &first->pin));
    BULLA_TRY(bulla_token_identity_make(token, &first->identity));
    enum bulla_reason reason = bulla_ledger_anchor_make(token, keys, &first->anchor);
    if (reason == BULLA_OK)
        reason = write_with_keys(token, keys, first);
    if (reason != BULLA_OK)
        bulla_ledger_anchor_remove(token, first->anchor.index); /* nothing names it */
    return reason;
}

enum bulla_reason bulla_token_first_pin(struct bulla_token *token, struct bulla_bytes pin)
{
    struct first first;
    BULLA_SECRET void *token_key = NULL;
    BULLA_SECRET struct bulla_token_keys *keys = NULL;
    BULLA_TRY(bulla_secret_allocate(32, &token_key));
    randombytes_buf(token_key, 32);
    BULLA_TRY(bulla_pin_derive_keys(token, token_key, &keys));
    return make_first(token, pin, token_key, keys, &first);
}

/* --- the token --- */

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

/* The token that is to be: the serial is in what is sealed. */
struct beginning {
    struct bulla_pin_writing pin;
    char label[33], serial[17];
};

static enum bulla_reason write_beginning(struct bulla_token *token, void *context)
{
    struct beginning *beginning = context;
    uint8_t value[128];
    struct bulla_writer writer;
    bulla_writer_open(&writer, value, sizeof value);
    bulla_cbor_write_map(&writer, 2);
    bulla_cbor_write_tstr(&writer, "label");
    bulla_cbor_write_tstr(&writer, beginning->label);
    bulla_cbor_write_tstr(&writer, "serial");
    bulla_cbor_write_tstr(&writer, beginning->serial);
    BULLA_TRY(bulla_writer_finish(&writer, "the token's identity"));
    bulla_store_concern_all(token->store); /* every reader has read this value */
    BULLA_TRY(bulla_store_value_put(token->store, BULLA_VALUE_TOKEN, bulla_writer_bytes(&writer)));
    return bulla_pin_write(token, &beginning->pin);
}

static void choose_serial(const struct bulla_token *token, char serial[static 17])
{
    uint8_t random[8];
    randombytes_buf(random, sizeof random);
    (void)sodium_bin2hex(serial, 17, random, sizeof random);
    if (*token->config->serial)
        memcpy(serial, token->config->serial, 17);
}

/* Others may ask for the token's name meanwhile. */
static void set_names(struct bulla_token *token, const char *label, const char *serial)
{
    (void)pthread_rwlock_wrlock(&token->lock);
    memcpy(token->label, label, sizeof token->label);
    memcpy(token->serial, serial, sizeof token->serial);
    (void)pthread_rwlock_unlock(&token->lock);
}

/* The store is replaced under both of its locks: others may ask for the token's state meanwhile. */
static enum bulla_reason replace_store(struct bulla_token *token)
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
    (void)pthread_mutex_unlock(&token->store_lock);
    (void)pthread_rwlock_unlock(&token->lock);
    return reason == BULLA_OK ? make_folders(token->config->models, true) : reason;
}

/* Seals under the new names, and leaves them in place; the caller puts the old ones back where this fails. */
static enum bulla_reason prepare(
    struct bulla_token *token, struct bulla_bytes pin, const char *label, uint8_t *secret, struct beginning *beginning)
{
    (void)snprintf(beginning->label, sizeof beginning->label, "%s", label);
    choose_serial(token, beginning->serial);
    set_names(token, beginning->label, beginning->serial);
    randombytes_buf(secret, 32);
    return bulla_pin_prepare(
        token, &bulla_roles[BULLA_OFFICER], pin, secret, bulla_pin_most_tries(token), &beginning->pin);
}

static enum bulla_reason make_anew(
    struct bulla_token *token, struct bulla_bytes pin, const char *label, uint8_t *secret)
{
    struct beginning beginning;
    char old_label[33], old_serial[17];
    memcpy(old_label, token->label, sizeof old_label);
    memcpy(old_serial, token->serial, sizeof old_serial);
    uint32_t old_counter = *old_serial ? bulla_ledger_index(token) : 0;
    BULLA_TURN struct bulla_turn turn = {-1}; /* of the ledger: no head of the old token's log is under way */
    enum bulla_reason reason = prepare(token, pin, label, secret, &beginning);
    if (reason == BULLA_OK && *old_serial)
        reason = bulla_turn_take(token->config->path, "ledger.lock", &turn);
    if (reason == BULLA_OK)
        reason = replace_store(token);
    if (reason != BULLA_OK) {
        set_names(token, old_label, old_serial);
        return reason;
    }
    BULLA_TRY(bulla_token_transaction(token, write_beginning, &beginning));
    bulla_ledger_anchor_remove(token, old_counter);
    bulla_states_discard(token);
    return BULLA_OK;
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
    if (present == BULLA_OK)
        BULLA_TRY(bulla_pin_try(token, &bulla_roles[BULLA_OFFICER], pin, false, secret));
    return make_anew(token, pin, label, secret);
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
