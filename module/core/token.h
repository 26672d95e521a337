/* A token: its store, its keys while somebody is logged in, its objects.
 *
 * Locks, in the order in which they are taken: a session's, `gate` (login, PINs, ledger), that of `grants`, that of
 * `uses`, that of `states`, their turn, the ledger's turn, `keys_lock`, an object's, that of `time`, `lock` (index and
 * login state), `store_lock`. A thread may read-lock `keys_lock` again that has it, or while it has that of
 * `time`, which no writer of the keys takes: glibc lets readers in before writers, so the first never waits, and the
 * second waits for none that waits for it. Nothing here connects to a TPM before a login, an opening or a status.
 */
#ifndef BULLA_CORE_TOKEN_H
#define BULLA_CORE_TOKEN_H

#include <pthread.h>

#include "config.h"
#include "evidence/audit.h"
#include "evidence/principal.h"
#include "grants.h"
#include "index.h"
#include "now.h"
#include "release/tree.h"
#include "states.h"
#include "store/store.h"
#include "unread.h"

enum bulla_login { BULLA_NOBODY, BULLA_USER, BULLA_OFFICER };

/* Everything that the token key gives, in the arena while the user is logged in. */
struct bulla_token_keys {
    uint8_t token[32];
    uint8_t wrap[32];    /* wraps object keys and trees */
    uint8_t tag[32];     /* authenticates rows */
    uint8_t ledger[32];  /* seals the ledger */
    uint8_t counter[32]; /* auth value of the NV counter */
    uint8_t keeper[32];  /* auth value of what opens the states (states_keeper.c) */
};

struct bulla_token {
    const struct bulla_token_config *config;
    pthread_mutex_t gate;
    pthread_rwlock_t keys_lock; /* written by login and logout, read by whatever uses the keys */
    pthread_rwlock_t lock;
    pthread_mutex_t store_lock;
    struct bulla_store *store; /* NULL until it opened */
    atomic_ullong seen;        /* the store's generation that the index shows; 0: it is to be read anew */
    struct bulla_index index;
    struct bulla_unread unread; /* under `lock`: rows that the index does not have yet */
    enum bulla_login login;
    struct bulla_principal user;   /* under `lock`: which user logged in, while `login` says that one did */
    uint64_t logins;               /* under `lock`: of users, in this process */
    struct bulla_token_keys *keys; /* NULL while the user is not logged in */
    /* Under `lock`: the keys that rows are judged by, NULL while there is no login; and how often there were any. */
    const struct bulla_token_keys *judge;
    uint64_t judgements;
    uint8_t *officer; /* the SO's secret, while the SO is logged in */
    struct bulla_audit *audit;
    unsigned unreadable;                 /* rows of the store that were no object; status shows the count */
    atomic_uint audit_failures;          /* lines that could not be written */
    unsigned sessions, writing_sessions; /* under `lock` */
    char serial[17];                     /* "" before initialisation */
    char label[33];
    struct bulla_pool *pool;
    uint64_t next_expiry;         /* Unix seconds at which the first answer's lease ends; 0: none is kept */
    bool without_threads;         /* CKF_LIBRARY_CANT_CREATE_OS_THREADS */
    atomic_ullong sequence;       /* of receipts, in this process */
    bool claimed;                 /* under `lock`: being initialised; no session is opened meanwhile */
    struct bulla_token_time time; /* now.h */
    struct bulla_grants grants;   /* grants.h */
    struct bulla_states states;   /* states.h */
    struct bulla_uses uses;       /* uses.h */
    atomic_bool
        renewed; /* written under `lock`: the store gave all its rows anew; whose keys they carry is to be judged */
};

/* --- token.c: opening --- */
void bulla_token_make(struct bulla_token *token, const struct bulla_token_config *config);
void bulla_token_close(struct bulla_token *token);
/* In a forked child: forgets everything and touches no file or lock of the parent. */
void bulla_token_abandon(struct bulla_token *token);
/* Opens the store when it is not, and applies what other processes wrote. BULLA_STORE_MISSING: not initialised. */
enum bulla_reason bulla_token_refresh(struct bulla_token *token) BULLA_MUST_USE;
/* The same for who holds a session of the token, which keeps its store from being replaced: where nothing is new this
 * takes no lock and writes nothing that threads share. */
enum bulla_reason bulla_token_refresh_in_session(struct bulla_token *token) BULLA_MUST_USE;
/* False while there are sessions; else none is opened until it is released. */
bool bulla_token_claim(struct bulla_token *token);
void bulla_token_release(struct bulla_token *token);
/* The same with an object's lock or the keys' held: whether a store that was made anew is still the login's own is left
 * to the next refresh to judge. */
enum bulla_reason bulla_token_catch_up(struct bulla_token *token) BULLA_MUST_USE;
/* The same whether or not the store says that it has news: a writer that was killed over its commit announced none, and
 * for a moment nothing tells that from a commit that is under way. */
enum bulla_reason bulla_token_look(struct bulla_token *token) BULLA_MUST_USE;
/* The store's generation that the index shows. */
uint64_t bulla_token_seen(struct bulla_token *token);
struct bulla_bytes bulla_token_serial(const struct bulla_token *token); /* 16 bytes */
/* A kept reference to a visible object, or NULL. */
struct bulla_object *bulla_token_object(struct bulla_token *token, CK_OBJECT_HANDLE handle);
/* Notes when an object is an answer with a lease; `lock` is held. */
void bulla_token_note_expiry(struct bulla_token *token, const struct bulla_object *object);
/* A kept reference to an object by its id, private or not; NULL where its row is hidden: whoever knows the id may have
 * it from before the row was changed. */
struct bulla_object *bulla_token_object_by_id(struct bulla_token *token, const uint8_t id[static 16]);
/* Whether there is one, hidden or not. */
bool bulla_token_has_object(struct bulla_token *token, const uint8_t id[static 16]);
bool bulla_object_is_visible(const struct bulla_token *token, const struct bulla_object *object);
enum bulla_login bulla_token_login_state(struct bulla_token *token);

/* --- pin.c: who may --- */
enum { BULLA_PIN_SHORTEST = 4, BULLA_PIN_LONGEST = 255, BULLA_PIN_TRIES = 5 };
enum bulla_reason bulla_token_initialize(
    struct bulla_token *token, struct bulla_bytes pin, const char *label) BULLA_MUST_USE;
/* Sets the user's PIN for the first time, or (the SO) grants another try with the right one, or (with so-recovery) a
 * new one. */
enum bulla_reason bulla_token_user_pin_initialize(struct bulla_token *token, struct bulla_bytes pin) BULLA_MUST_USE;
/* CKA_TRUSTED of a token object, by the SO where so-recovery was declared; BULLA_SO_CANNOT_OPEN, BULLA_STORE_BUSY. */
enum bulla_reason bulla_token_trust(struct bulla_token *token, CK_OBJECT_HANDLE handle, bool trusted) BULLA_MUST_USE;
/* The user's PIN, tried and counted as at a login, while the user is logged in: nothing is opened by it. */
enum bulla_reason bulla_token_pin_prove(struct bulla_token *token, struct bulla_bytes pin) BULLA_MUST_USE;
enum bulla_reason bulla_token_pin_change(
    struct bulla_token *token, struct bulla_bytes old_pin, struct bulla_bytes new_pin) BULLA_MUST_USE;
/* NULL is the SO. BULLA_PIN_UNSET: there is no such user. */
enum bulla_reason bulla_token_login(
    struct bulla_token *token, const struct bulla_principal *user, struct bulla_bytes pin) BULLA_MUST_USE;
/* The user named "user", whom C_Login knows. */
extern const struct bulla_principal bulla_token_owner;
/* users.c: which user is logged in; false, and nobody, where none is. */
bool bulla_token_user(struct bulla_token *token, struct bulla_principal *user);
void bulla_token_logout(struct bulla_token *token);
/* The same with `gate` held. */
void bulla_token_logout_gated(struct bulla_token *token);
/* How many wrong PINs are still possible, and how many at most; from the store. */
void bulla_token_tries(struct bulla_token *token, enum bulla_login who, unsigned *left, unsigned *most);
bool bulla_token_user_pin_is_set(struct bulla_token *token);
/* Whether PINs are tried by the token's TPM, whose own limit counts too. */
bool bulla_token_pin_is_attested(const struct bulla_token *token);

/* --- vault.c: sealing objects --- */
/* Writes the object to the store (a new id when `id` is zero) and to the index under `handle` (0: a new one).
 * `passphrase` seals the leaves of its release tree that ask for one; empty where none was given. */
enum bulla_reason bulla_vault_store(struct bulla_token *token, const struct bulla_attribute_list *list,
    const uint8_t id[static 16], struct bulla_bytes passphrase, CK_OBJECT_HANDLE *handle) BULLA_MUST_USE;
/* The same for objects that belong together: one transaction, one fsync, and after a crash all of them or none. */
struct bulla_vault_new {
    const struct bulla_attribute_list *list;
    const uint8_t *id; /* 16 bytes, not zero; NULL: a new one */
    CK_OBJECT_HANDLE *handle;
};
enum { BULLA_VAULT_NEW_MOST = 2 };
enum bulla_reason bulla_vault_store_all(struct bulla_token *token, const struct bulla_vault_new *objects, size_t count,
    struct bulla_bytes passphrase) BULLA_MUST_USE;
/* An object without a release tree, inside a transaction that the caller opened (store_lock held) and commits; it comes
 * back for the index. */
enum bulla_reason bulla_vault_put(struct bulla_token *token, const struct bulla_attribute_list *list,
    const uint8_t id[static 16], struct bulla_object **object) BULLA_MUST_USE;
/* A session object: its sealed attributes go to the arena at once. */
enum bulla_reason bulla_vault_hold(struct bulla_token *token, const struct bulla_attribute_list *list,
    CK_SESSION_HANDLE owner, CK_OBJECT_HANDLE *handle) BULLA_MUST_USE;
/* Writes a changed public part, keeping the sealed part as it is. BULLA_STORE_BUSY: the object is not the latest of its
 * kind any more; take it from the index again. */
enum bulla_reason bulla_vault_restate(struct bulla_token *token, const struct bulla_object *object,
    const struct bulla_attribute_list *list) BULLA_MUST_USE;
/* The same with the sealed part made anew: another object key, under the release tree that the list names now. */
enum bulla_reason bulla_vault_reseal(struct bulla_token *token, const struct bulla_object *object,
    const struct bulla_attribute_list *list, struct bulla_bytes passphrase) BULLA_MUST_USE;
enum bulla_reason bulla_vault_erase(struct bulla_token *token, struct bulla_object *object) BULLA_MUST_USE;
/* Opens the object's sealed attributes, through its release tree when its lease is over. On success the object's lock
 * is held and `object->opened` may be read; unlock it soon. */
enum bulla_reason bulla_vault_open(
    struct bulla_token *token, struct bulla_object *object, struct bulla_bytes passphrase) BULLA_MUST_USE;
/* A sealed attribute of an opened object (lock held): a view into the arena; data NULL when there is none. */
struct bulla_bytes bulla_vault_value(const struct bulla_object *object, CK_ATTRIBUTE_TYPE type);
/* Wipes what was opened under a lease that is over at `now` (mech/clock.h). */
void bulla_vault_lapse(struct bulla_token *token, uint64_t now);
/* Wipes whatever of the token's own objects was opened. */
void bulla_vault_forget(struct bulla_token *token);
/* Whether a token object's row lacks the tag that the token key gives it: nobody gets to see it then. Asked of each
 * object before it is shown or believed; computed when it is first asked in a login, and remembered until that ends.
 * Without a login nothing is hidden. `lock` is held. */
bool bulla_object_is_hidden(const struct bulla_token *token, const struct bulla_object *object);
/* What the marks of a row are of: what searches name. */
extern const CK_ATTRIBUTE_TYPE bulla_row_marks[BULLA_STORE_MARKS];
/* False where the row can't be read. */
bool bulla_row_make(const struct bulla_store_row *row, struct bulla_object **object);

/* --- release.c: what a leaf is told --- */
struct bulla_policy;
/* The policy in force for an authority and epoch; BULLA_POLICY_MISSING. `policy` is the caller's. */
enum bulla_reason bulla_token_policy(struct bulla_token *token, struct bulla_bytes authority, uint64_t epoch,
    struct bulla_policy *policy) BULLA_MUST_USE;
/* The same whatever the time, with a kept reference to the object that holds it: the policy's views point into that. */
enum bulla_reason bulla_token_bundle(struct bulla_token *token, struct bulla_bytes authority, uint64_t epoch,
    struct bulla_object **object, struct bulla_policy *policy) BULLA_MUST_USE;
/* Whether this token ever took a bundle of this authority, of the epoch or a later one: then one must be there. */
enum bulla_reason bulla_token_policy_was_taken(
    struct bulla_token *token, struct bulla_bytes authority, uint64_t epoch, bool *taken) BULLA_MUST_USE;
/* The highest epoch, from `epoch` on, of which the token holds a bundle of this authority. */
uint64_t bulla_token_latest_epoch(struct bulla_token *token, struct bulla_bytes authority, uint64_t epoch);
/* A request for an object of these attributes; auth_value (32 bytes, arena) is filled in. Only `opening` asks for the
 * policy in force: sealing needs none. */
enum bulla_reason bulla_token_object_request(struct bulla_token *token, const struct bulla_attributes *attributes,
    const uint8_t id[static 16], uint8_t *auth_value, bool opening, struct bulla_leaf_request *request) BULLA_MUST_USE;
/* A request for the token key's tree or the SO's. */
void bulla_token_request(
    const struct bulla_token *token, const char *path, struct bulla_bytes pin, struct bulla_leaf_request *request);
/* Checks a bundle that is to become an object, and adds what it says to the list. */
enum bulla_reason bulla_token_policy_admit(struct bulla_token *token, struct bulla_attribute_list *list) BULLA_MUST_USE;
/* After its row is written: raises the ledger to it, and erases the bundles of its authority and epoch that it
 * replaces. */
enum bulla_reason bulla_token_policy_enforce(
    struct bulla_token *token, struct bulla_bytes authority, uint64_t epoch) BULLA_MUST_USE;

/* --- ledger.c: numbers that never go back (DESIGN: What must not roll back) --- */
#define BULLA_LEDGER_TIME "time"   /* Unix seconds, the highest that was seen */
#define BULLA_LEDGER_CLOCK "clock" /* the TPM's clock then, in milliseconds */
/* 0 for a name that was never raised. BULLA_ROLLED_BACK when the store is older than the TPM's counter. */
enum bulla_reason bulla_ledger_read(struct bulla_token *token, const char *name, uint64_t *number) BULLA_MUST_USE;
/* Several names with one reading of the counter. */
enum bulla_reason bulla_ledger_read_many(
    struct bulla_token *token, size_t count, const char *const *names, uint64_t *numbers) BULLA_MUST_USE;
/* Calls `action` with the counter's value while nobody can raise it: for what is anchored to that value. */
typedef enum bulla_reason bulla_anchored(struct bulla_token *token, uint64_t counter, void *context);
enum bulla_reason bulla_ledger_anchor(struct bulla_token *token, bulla_anchored *action, void *context) BULLA_MUST_USE;
/* Durable before it returns; lower numbers are refused by the caller, equal ones are a no-op. Several are raised in
 * one: all of them, or none. */
enum bulla_reason bulla_ledger_raise(struct bulla_token *token, const char *name, uint64_t number) BULLA_MUST_USE;
enum bulla_reason bulla_ledger_raise_many(
    struct bulla_token *token, size_t count, const char *const *names, const uint64_t *numbers) BULLA_MUST_USE;
/* Sets several numbers (0: takes the name away) as `decide` says, who has the present ones in hand while nobody else
 * can change them; all of them, or none. What `decide` refuses is refused, and nothing is written. */
enum { BULLA_LEDGER_CHANGES = 64 };
typedef enum bulla_reason bulla_ledger_decision(void *context, uint64_t *numbers);
enum bulla_reason bulla_ledger_change(struct bulla_token *token, size_t count, const char *const *names,
    bulla_ledger_decision *decide, void *context) BULLA_MUST_USE;
/* Writes the time down, where nothing else changes. */
enum bulla_reason bulla_ledger_keep_time(struct bulla_token *token) BULLA_MUST_USE;
/* Every name and number, with one reading of the counter. */
typedef void bulla_ledger_visit(void *context, struct bulla_bytes name, uint64_t number);
enum bulla_reason bulla_ledger_walk(struct bulla_token *token, bulla_ledger_visit *visit, void *context) BULLA_MUST_USE;
/* Calls `action` in this process's turn, with the keys read-locked. */
typedef enum bulla_reason bulla_ledger_action(struct bulla_token *token, void *context);
enum bulla_reason bulla_ledger_turn(
    struct bulla_token *token, bulla_ledger_action *action, void *context) BULLA_MUST_USE;
enum bulla_reason bulla_ledger_counter(struct bulla_token *token, uint64_t *counter) BULLA_MUST_USE;
/* The counter of a new token: made in the TPM first, written with an empty ledger inside the caller's transaction, and
 * given back to the TPM where that failed. */
struct bulla_ledger_anchor {
    uint32_t index; /* of the NV counter; 0: none, for there is no TPM */
    uint64_t counter;
    uint64_t clock; /* of a new token: the TPM's, in milliseconds */
};
enum bulla_reason bulla_ledger_anchor_make(
    struct bulla_token *token, const struct bulla_token_keys *keys, struct bulla_ledger_anchor *anchor) BULLA_MUST_USE;
enum bulla_reason bulla_ledger_put(struct bulla_token *token, const struct bulla_ledger_anchor *anchor) BULLA_MUST_USE;
/* As far as the TPM answers; this thread's detail stays. */
void bulla_ledger_anchor_remove(struct bulla_token *token, uint32_t index);
/* The index of the present counter; 0: the token was made without a TPM. */
enum bulla_reason bulla_ledger_index_read(struct bulla_token *token, uint32_t *index) BULLA_MUST_USE;
/* The same, and 0 where it can't be read. */
uint32_t bulla_ledger_index(struct bulla_token *token);

/* --- record.c: audit --- */
/* Writes a refusal (with reason and this thread's detail) and returns its CK_RV; BULLA_OK gives CKR_OK and no line. */
CK_RV bulla_token_refusal(struct bulla_token *token, const char *event, enum bulla_reason reason);
/* The same before there is a token: BULLA_LOG alone hears of it. */
CK_RV bulla_refusal_without_token(const char *event, enum bulla_reason reason);
void bulla_token_record(
    struct bulla_token *token, const char *event, const struct bulla_audit_field *fields, size_t count);
/* A signed head over everything before it, anchored to the counter; for the end of a login and after changes of policy.
 */
void bulla_token_record_head(struct bulla_token *token);
void bulla_token_audit_path(const struct bulla_token *token, char *path, size_t size);

/* --- identity.c, services.c --- */
struct bulla_services;
void bulla_token_services(struct bulla_token *token, struct bulla_services *services);
/* The attestation key, in the form that the TPM wrapped it in; empty without a TPM. */
struct bulla_token_identity {
    uint8_t blob[2048];
    size_t size;
};
/* Made in the TPM first; then, inside the caller's transaction, the receipt key pair is made and both are written. */
enum bulla_reason bulla_token_identity_make(
    struct bulla_token *token, struct bulla_token_identity *identity) BULLA_MUST_USE;
enum bulla_reason bulla_token_identity_put(
    struct bulla_token *token, const struct bulla_token_identity *identity) BULLA_MUST_USE;
/* BULLA_UNSUPPORTED: the token was made without a TPM, and given one since. BULLA_NOT_LOGGED_IN, BULLA_COMMITMENT … */
enum bulla_reason bulla_token_identity_get(
    struct bulla_token *token, struct bulla_token_identity *identity) BULLA_MUST_USE;
/* What makes the token's evidence: named by its configuration, or the first that the machine has; NULL: nothing does.
 */
struct bulla_attester;
const struct bulla_attester *bulla_token_attester(const struct bulla_token *token);
/* Whether the token's TPM has endorsements and activates credentials. */
bool bulla_token_can_enroll(const struct bulla_token *token);
/* A kept reference, or NULL. */
struct bulla_object *bulla_token_receipt_object(struct bulla_token *token, CK_OBJECT_CLASS object_class);

/* --- status.c, enrolment.c --- */
/* JSON of "status", "why" or "enrolment", malloc'd; NULL without memory. */
char *bulla_token_status_json(struct bulla_token *token);
char *bulla_token_why_json(struct bulla_token *token);
char *bulla_token_enrolment_json(struct bulla_token *token);
/* --- uses_status.c --- */
char *bulla_token_uses_json(struct bulla_token *token); /* of "uses" */

/* A small value of the store; BULLA_STORE_MISSING. Takes the store's lock. */
enum bulla_reason bulla_token_value(
    struct bulla_token *token, const char *name, struct bulla_writer *writer) BULLA_MUST_USE;
/* One transaction of the store around `write`: all of it, or nothing. Takes the store's lock. */
typedef enum bulla_reason bulla_token_write(struct bulla_token *token, void *context);
enum bulla_reason bulla_token_transaction(
    struct bulla_token *token, bulla_token_write *write, void *context) BULLA_MUST_USE;
/* Writes one value in a transaction of its own. */
enum bulla_reason bulla_token_value_put(
    struct bulla_token *token, const char *name, struct bulla_bytes value) BULLA_MUST_USE;

/* Small named values of the store, as the core names them. */
#define BULLA_VALUE_TOKEN "token" /* label and serial */
#define BULLA_VALUE_USER_TREE "user-tree"
#define BULLA_VALUE_OFFICER_TREE "so-tree"
#define BULLA_VALUE_RECOVERY "so-recovery" /* the token key under the SO's secret */
#define BULLA_VALUE_USER_TRIES "user-tries"
#define BULLA_VALUE_OFFICER_TRIES "so-tries"
#define BULLA_VALUE_ATTESTATION_KEY "attestation-key"
#define BULLA_VALUE_COUNTER "counter" /* the NV counter's index */

#endif
