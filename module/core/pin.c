/* PINs: who may open the token.
 *
 * The user's PIN opens the tree of the token key, the SO's PIN the tree of a random secret that proves the SO and opens
 * nothing else (with so-recovery it also opens a copy of the token key). A wrong try is counted durably before it is
 * tried, and the count is put back when the PIN was right or was never judged (no TPM, no memory): killing the process
 * wins no try. The token key's derived keys are in the arena from login to logout. */
#include <sodium.h>
#include <stdio.h>

#include "crypto/cipher.h"
#include "mech/mechanism.h"
#include "pin_inside.h"
#include "release/backend.h"
#include "session.h"
#include "turn.h"
#include "users.h"

const struct bulla_role bulla_roles[] = {
    [BULLA_USER] = {BULLA_USER, false, "user", BULLA_VALUE_USER_TREE, BULLA_VALUE_USER_TRIES},
    [BULLA_OFFICER] = {BULLA_OFFICER, false, "so", BULLA_VALUE_OFFICER_TREE, BULLA_VALUE_OFFICER_TRIES},
};

enum bulla_reason bulla_pin_check_length(struct bulla_bytes pin)
{
    if (pin.size < BULLA_PIN_SHORTEST || pin.size > BULLA_PIN_LONGEST)
        return bulla_refuse(BULLA_PIN_LENGTH, "a PIN has %d to %d bytes", BULLA_PIN_SHORTEST, BULLA_PIN_LONGEST);
    return BULLA_OK;
}

/* "the so" and "user:ann". */
static const char *article(const struct bulla_role *role)
{
    return role->named ? "" : "the ";
}

static enum bulla_reason refuse_unset(const struct bulla_role *role)
{
    return role->named ? bulla_refuse(BULLA_PIN_UNSET, "there is no %s", role->name)
                       : bulla_refuse(BULLA_PIN_UNSET, "the %s's PIN was never set", role->name);
}

/* --- tries: two bytes, wrong ones and the most --- */

/* `store_lock` is held. */
static enum bulla_reason tries_load(struct bulla_token *token, const struct bulla_role *role, struct bulla_tries *tries)
{
    uint8_t bytes[2];
    struct bulla_writer writer;
    bulla_writer_open(&writer, bytes, sizeof bytes);
    enum bulla_reason reason = bulla_store_value_get(token->store, role->tries, &writer);
    if (reason == BULLA_STORE_MISSING)
        return refuse_unset(role);
    BULLA_TRY(reason);
    if (writer.size != sizeof bytes)
        return bulla_refuse(BULLA_STORE_CORRUPT, "the count of wrong PINs has %zu bytes", writer.size);
    *tries = (struct bulla_tries){bytes[0], bytes[1] < BULLA_PIN_TRIES ? bytes[1] : BULLA_PIN_TRIES};
    return BULLA_OK;
}

enum bulla_reason bulla_pin_tries_read(
    struct bulla_token *token, const struct bulla_role *role, struct bulla_tries *tries)
{
    (void)pthread_mutex_lock(&token->store_lock);
    enum bulla_reason reason = token->store ? tries_load(token, role, tries) : BULLA_STORE_MISSING;
    (void)pthread_mutex_unlock(&token->store_lock);
    return reason;
}

static enum bulla_reason tries_put(
    struct bulla_token *token, const struct bulla_role *role, const struct bulla_tries *tries)
{
    const uint8_t bytes[2] = {tries->wrong, tries->most};
    return bulla_store_value_put(token->store, role->tries, BULLA_BYTES(bytes));
}

/* A try is read and counted in one transaction, so that two processes never share one. */
struct trying {
    const struct bulla_role *role;
    bool beyond_lock;          /* a try of the SO's, who may grant one */
    bool right;                /* afterwards: the PIN was the right one */
    struct bulla_tries during; /* with this try */
};

static enum bulla_reason take_try(struct bulla_token *token, void *context)
{
    struct trying *trying = context;
    struct bulla_tries *tries = &trying->during;
    BULLA_TRY(tries_load(token, trying->role, tries));
    if (tries->wrong >= tries->most && !trying->beyond_lock)
        return bulla_refuse(
            BULLA_PIN_LOCKED, "%s%s's PIN was wrong %u times", article(trying->role), trying->role->name, tries->wrong);
    if (tries->wrong < UINT8_MAX)
        tries->wrong++;
    return tries_put(token, trying->role, tries);
}

/* A right PIN clears the count; one that was never judged takes back its own try and nobody else's. */
static enum bulla_reason give_try_back(struct bulla_token *token, void *context)
{
    const struct trying *trying = context;
    struct bulla_tries tries = {0};
    BULLA_TRY(tries_load(token, trying->role, &tries));
    tries.wrong = trying->right || !tries.wrong ? 0 : (uint8_t)(tries.wrong - 1);
    return tries_put(token, trying->role, &tries);
}

void bulla_token_tries(struct bulla_token *token, enum bulla_login who, unsigned *left, unsigned *most)
{
    struct bulla_tries tries = {0, BULLA_PIN_TRIES};
    bool known = token->store && bulla_pin_tries_read(token, &bulla_roles[who], &tries) == BULLA_OK;
    *most = tries.most;
    *left = known && tries.wrong >= tries.most ? 0U : (unsigned)tries.most - tries.wrong;
}

/* Below the TPM's own limit, so that a mistyped PIN never locks other people's objects in it. */
unsigned bulla_pin_most_tries(const struct bulla_token *token)
{
    unsigned most = 0, left = 0;
    if (!*token->config->tcti || !bulla_token_backend ||
        bulla_token_backend->tries(token->config->tcti, &most, &left) != BULLA_OK)
        return BULLA_PIN_TRIES;
    if (most > BULLA_PIN_TRIES)
        return BULLA_PIN_TRIES;
    return most > 1 ? most - 1 : 1;
}

/* --- trees --- */

/* A user's name may be longer than a path: what his tree is bound to has its hash. */
static void role_request(const struct bulla_token *token, const struct bulla_role *role, struct bulla_bytes pin,
    struct bulla_leaf_request *request)
{
    uint8_t digest[32];
    bulla_token_request(token, role->named ? "named" : role->name, pin, request);
    bulla_sha256(BULLA_TEXT(role->name), digest);
    if (role->named)
        memcpy(request->object, digest, 16);
    if (role->login == BULLA_OFFICER)
        memcpy(request->object, "security officer", 16);
}

/* Appends the tree of a role's 32-byte secret under a PIN. */
enum bulla_reason bulla_pin_tree_seal(struct bulla_token *token, const struct bulla_role *role, struct bulla_bytes pin,
    const uint8_t *secret, struct bulla_writer *tree)
{
    struct bulla_tree_shape shape;
    struct bulla_leaf_request request;
    BULLA_TRY(bulla_tree_parse(token->config->release, &shape));
    role_request(token, role, pin, &request);
    return bulla_tree_seal(&shape, &request, secret, tree);
}

static enum bulla_reason tree_open(
    struct bulla_token *token, const struct bulla_role *role, struct bulla_bytes pin, uint8_t *secret)
{
    uint8_t tree[BULLA_TREE_LARGEST];
    struct bulla_writer writer;
    struct bulla_leaf_request request;
    bulla_writer_open(&writer, tree, sizeof tree);
    enum bulla_reason reason = bulla_token_value(token, role->tree, &writer);
    if (reason == BULLA_STORE_MISSING)
        return refuse_unset(role);
    BULLA_TRY(reason);
    role_request(token, role, pin, &request);
    reason = bulla_tree_open(bulla_writer_bytes(&writer), &request, secret);
    return reason == BULLA_PASSPHRASE_WRONG ? BULLA_PIN_WRONG : reason;
}

/* Refusals that come before a PIN is judged: such a try is given back. Whatever else there is, counts. */
static bool is_unjudged(enum bulla_reason reason)
{
    static const enum bulla_reason unjudged[] = {BULLA_OUT_OF_MEMORY, BULLA_MEMORY_LOCK, BULLA_RANDOM, BULLA_FORKED,
        BULLA_STORE_MISSING, BULLA_STORE_BUSY, BULLA_STORE_IO, BULLA_STORE_CORRUPT, BULLA_PIN_UNSET, BULLA_CONFIG_TCTI,
        BULLA_TPM_UNREACHABLE, BULLA_TPM_TIMEOUT, BULLA_TPM_FAILED, BULLA_TPM_LOCKOUT, BULLA_TPM_OTHER};
    for (size_t i = 0; i < sizeof unjudged / sizeof unjudged[0]; i++)
        if (unjudged[i] == reason)
            return true;
    return false;
}

/* The TPM counts wrong auths with right ones between them, and those of others: it may lock before the token does. */
static unsigned tries_left(struct bulla_token *token, const struct bulla_tries *tries)
{
    unsigned left = tries->most > tries->wrong ? (unsigned)tries->most - tries->wrong : 0, most = 0, tpm = 0;
    if (!bulla_token_pin_is_attested(token) || bulla_token_backend->tries(token->config->tcti, &most, &tpm) != BULLA_OK)
        return left;
    return tpm < left ? tpm : left;
}

/* One try, counted before it is made. Processes take turns: tries that are under way would else count as wrong ones,
 * and a few right PINs at once would lock the token. `secret` is wiped where it fails. */
enum bulla_reason bulla_pin_try(
    struct bulla_token *token, const struct bulla_role *role, struct bulla_bytes pin, bool beyond_lock, uint8_t *secret)
{
    struct trying trying = {.role = role, .beyond_lock = beyond_lock};
    BULLA_TURN struct bulla_turn turn = {-1}; /* a PIN of no PIN's length is refused before */
    BULLA_TRY(bulla_pin_check_length(pin));
    BULLA_TRY(bulla_turn_take(token->config->path, "pin.lock", &turn));
    BULLA_TRY(bulla_token_transaction(token, take_try, &trying));
    bulla_fault_point("pin-counted");
    enum bulla_reason reason = tree_open(token, role, pin, secret);
    if (reason == BULLA_PIN_WRONG) {
        unsigned left = tries_left(token, &trying.during);
        return bulla_refuse(BULLA_PIN_WRONG, "%s%s's PIN: %u %s left", article(role), role->name, left,
            left == 1 ? "try is" : "tries are");
    }
    trying.right = reason == BULLA_OK;
    if (!trying.right && !is_unjudged(reason))
        return reason;
    struct bulla_detail_kept detail;
    bulla_detail_keep(&detail);
    enum bulla_reason restored = bulla_token_transaction(token, give_try_back, &trying);
    if (reason == BULLA_OK)
        return restored;
    bulla_detail_restore(&detail);
    return reason;
}

/* --- the keys of a login --- */

enum bulla_reason bulla_pin_derive_keys(
    const struct bulla_token *token, const uint8_t *token_key, struct bulla_token_keys **derived)
{
    static const char *const purposes[] = {
        "bulla/1 wrap", "bulla/1 tag", "bulla/1 ledger", "bulla/1 counter", "bulla/1 keeper"};
    BULLA_SECRET void *memory = NULL;
    BULLA_TRY(bulla_secret_allocate(sizeof(struct bulla_token_keys), &memory));
    struct bulla_token_keys *keys = memory;
    uint8_t *const outs[] = {keys->wrap, keys->tag, keys->ledger, keys->counter, keys->keeper};
    memcpy(keys->token, token_key, 32);
    for (unsigned i = 0; i < sizeof outs / sizeof outs[0]; i++)
        BULLA_TRY(bulla_hkdf(
            (struct bulla_bytes){token_key, 32}, bulla_token_serial(token), BULLA_TEXT(purposes[i]), outs[i], 32));
    *derived = keys;
    memory = NULL;
    return BULLA_OK;
}

/* With the keys in place rows are judged; without them nothing is hidden but what is private. */
void bulla_pin_install_keys(struct bulla_token *token, struct bulla_token_keys *keys, enum bulla_login login)
{
    (void)pthread_rwlock_wrlock(&token->keys_lock);
    (void)pthread_rwlock_wrlock(&token->lock);
    bulla_secret_free(token->keys);
    token->keys = keys;
    token->judge = keys;
    token->judgements += keys != NULL;
    token->login = login;
    (void)atomic_fetch_add(&token->index.epoch, 1); /* what may be seen and used is another now */
    for (size_t i = 0; i < token->index.count && !keys; i++)
        if (token->index.objects[i]->owner == 0)
            bulla_object_shut(token->index.objects[i]);
    (void)pthread_rwlock_unlock(&token->lock);
    (void)pthread_rwlock_unlock(&token->keys_lock);
}

/* Session objects that are private go with the login, as chapter 5 says of C_Logout, and who proved himself. */
static void drop_private_session_objects(struct bulla_token *token)
{
    (void)pthread_rwlock_wrlock(&token->lock);
    for (size_t i = token->index.count; i-- > 0;) {
        struct bulla_object *object = token->index.objects[i];
        if (object->owner && (bulla_object_is_private(object) || object->object_class == CKO_BULLA_PRINCIPAL))
            bulla_index_remove(&token->index, object->handle);
    }
    (void)pthread_rwlock_unlock(&token->lock);
}

static void forget_opened(struct bulla_token *token)
{
    (void)pthread_rwlock_wrlock(&token->lock);
    token->login = BULLA_NOBODY;
    (void)pthread_rwlock_unlock(&token->lock);
    for (size_t i = 0; bulla_families[i]; i++)
        if (bulla_families[i]->forget)
            bulla_families[i]->forget((const uint8_t *)token->serial);
    bulla_sessions_cool(token);
    bulla_vault_forget(token);
    bulla_states_forget(token);
}

/* What was opened goes at once. The audit log's head needs the receipt key and the TPM, which may be slow: for that
 * long the token's own keys stay, and nobody is logged in. */
void bulla_token_logout_gated(struct bulla_token *token)
{
    drop_private_session_objects(token);
    forget_opened(token);
    if (token->keys) {
        bulla_uses_give_back(token);
        bulla_token_record_head(token);
    }
    bulla_pin_install_keys(token, NULL, BULLA_NOBODY);
    bulla_states_forget(token); /* again: what was under way may have read it once more */
    bulla_token_time_forget(token);
    bulla_grants_forget(token);
    bulla_secret_free(token->officer);
    token->officer = NULL;
}

void bulla_token_logout(struct bulla_token *token)
{
    (void)pthread_mutex_lock(&token->gate);
    bulla_token_logout_gated(token);
    (void)pthread_mutex_unlock(&token->gate);
}

/* Rows are judged with the keys in place: only then it shows whether a user's is the token's own. */
static enum bulla_reason login_user(
    struct bulla_token *token, const struct bulla_principal *user, struct bulla_bytes pin)
{
    struct bulla_role role;
    BULLA_SECRET void *token_key = NULL;
    struct bulla_token_keys *keys = NULL;
    BULLA_TRY(bulla_user_role(user, &role));
    BULLA_TRY(bulla_secret_allocate(32, &token_key));
    BULLA_TRY(bulla_pin_try(token, &role, pin, false, token_key));
    BULLA_TRY(bulla_pin_derive_keys(token, token_key, &keys));
    bulla_pin_install_keys(token, keys, BULLA_NOBODY);
    if (!bulla_user_is_listed(token, user)) {
        bulla_pin_install_keys(token, NULL, BULLA_NOBODY);
        return bulla_refuse(BULLA_PIN_UNSET, "the token's own rows name no %s", role.name);
    }
    (void)pthread_rwlock_wrlock(&token->lock);
    token->user = *user;
    token->logins++;
    token->login = BULLA_USER;
    (void)atomic_fetch_add(&token->index.epoch, 1);
    (void)pthread_rwlock_unlock(&token->lock);
    bulla_token_time_keep(token);
    return BULLA_OK;
}

static enum bulla_reason login_officer(struct bulla_token *token, struct bulla_bytes pin)
{
    BULLA_SECRET void *secret = NULL;
    BULLA_TRY(bulla_secret_allocate(32, &secret));
    BULLA_TRY(bulla_pin_try(token, &bulla_roles[BULLA_OFFICER], pin, false, secret));
    token->officer = secret;
    secret = NULL;
    (void)pthread_rwlock_wrlock(&token->lock);
    token->login = BULLA_OFFICER;
    (void)pthread_rwlock_unlock(&token->lock);
    return BULLA_OK;
}

enum bulla_reason bulla_token_login(
    struct bulla_token *token, const struct bulla_principal *user, struct bulla_bytes pin)
{
    (void)pthread_mutex_lock(&token->gate);
    enum bulla_reason reason = BULLA_CANCELLED;
    if (token->login != BULLA_NOBODY) /* two threads that asked at once */
        reason = bulla_refuse(BULLA_CANCELLED, "somebody else logged in at the same time");
    else
        reason = user ? login_user(token, user, pin) : login_officer(token, pin);
    (void)pthread_mutex_unlock(&token->gate);
    return reason;
}

enum bulla_reason bulla_token_pin_prove(struct bulla_token *token, struct bulla_bytes pin)
{
    struct bulla_principal user;
    if (!bulla_token_user(token, &user))
        return bulla_refuse(BULLA_NOT_LOGGED_IN, "nobody is logged in");
    return bulla_user_prove(token, &user, pin);
}

/* A tree that says nothing of a TPM has no tries to share with one. */
bool bulla_token_pin_is_attested(const struct bulla_token *token)
{
    struct bulla_tree_shape shape;
    bool attested = false;
    if (!*token->config->tcti || !bulla_token_backend || bulla_tree_parse(token->config->release, &shape) != BULLA_OK)
        return false;
    for (unsigned i = 0; i < shape.count; i++)
        attested |= shape.nodes[i].scheme && shape.nodes[i].scheme->attests;
    return attested;
}

bool bulla_token_user_pin_is_set(struct bulla_token *token)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, NULL, 0);
    return token->store && bulla_token_value(token, BULLA_VALUE_USER_TREE, &writer) != BULLA_STORE_MISSING;
}
