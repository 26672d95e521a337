/* The table of sessions grows in blocks that stay where they are, so a handle is looked up without a lock: its low bits
 * are the place, its high bits count the place's uses, and the session's own lock decides whether it is still that one.
 */
#include "session.h"

#include <stdlib.h>

#include "inference/residue.h"
#include "module.h"
#include "principal.h"

enum { PLACE_BITS = 17, BLOCK = 256, BLOCKS = BULLA_SESSIONS_LARGEST / BLOCK };

static struct {
    pthread_mutex_t lock; /* of the free list and the blocks' making */
    _Atomic(struct bulla_session *) blocks[BLOCKS];
    uint32_t *free_places, free_count, free_capacity;
    uint32_t made;
    CK_ULONG uses;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct bulla_session *at_place(CK_ULONG place)
{
    struct bulla_session *block = place < BULLA_SESSIONS_LARGEST ? atomic_load(&table.blocks[place / BLOCK]) : NULL;
    return block ? &block[place % BLOCK] : NULL;
}

static struct bulla_session *lock_session(CK_SESSION_HANDLE handle)
{
    struct bulla_session *session = handle ? at_place(handle & ((1UL << PLACE_BITS) - 1)) : NULL;
    if (!session)
        return NULL;
    (void)pthread_mutex_lock(&session->lock);
    if (session->handle == handle)
        return session;
    (void)pthread_mutex_unlock(&session->lock);
    return NULL;
}

/* What a body copied of a secret may still be in vector registers, which the host's next call can write to its stack: a
 * lazily bound function is enough. */
static CK_RV run_locked(struct bulla_session *session, bulla_body *body, void *arguments)
{
    session->spotless = session->spotted = false;
    CK_RV rv = body(session, arguments);
    bool spotless = session->spotless;
    (void)pthread_mutex_unlock(&session->lock);
    if (spotless)
        bulla_residue_wipe_registers();
    else
        bulla_residue_wipe();
    return rv;
}

static CK_RV enter(CK_SESSION_HANDLE handle, struct bulla_session **session)
{
    if (!bulla_module_ready())
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    *session = lock_session(handle);
    return *session ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

static CK_RV refuse_refresh(struct bulla_session *session, void *arguments)
{
    const enum bulla_reason *reason = arguments;
    return bulla_token_refusal(session->token, "refresh", *reason);
}

CK_RV bulla_call(CK_SESSION_HANDLE handle, bulla_body *body, void *arguments)
{
    struct bulla_session *session;
    CK_RV rv = enter(handle, &session);
    if (rv != CKR_OK)
        return rv;
    enum bulla_reason reason = bulla_token_refresh_in_session(session->token);
    return reason == BULLA_OK ? run_locked(session, body, arguments) : run_locked(session, refuse_refresh, &reason);
}

static CK_RV call_as_it_is(CK_SESSION_HANDLE handle, bulla_body *body, void *arguments)
{
    struct bulla_session *session;
    CK_RV rv = enter(handle, &session);
    return rv == CKR_OK ? run_locked(session, body, arguments) : rv;
}

CK_RV bulla_call_following(CK_SESSION_HANDLE handle, bulla_body *body, void *arguments)
{
    return call_as_it_is(handle, body, arguments);
}

CK_RV bulla_call_to_end(CK_SESSION_HANDLE handle, bulla_body *body, void *arguments)
{
    return call_as_it_is(handle, body, arguments);
}

/* --- opening and closing --- */

/* Under the table's lock: a place that is free, its block made where it has none. */
static bool take_place(uint32_t *place)
{
    if (table.free_count) {
        *place = table.free_places[--table.free_count];
        return true;
    }
    if (table.made == BULLA_SESSIONS_LARGEST)
        return false;
    if (!at_place(table.made)) {
        struct bulla_session *block = calloc(BLOCK, sizeof *block);
        if (!block)
            return false;
        for (int i = 0; i < BLOCK; i++)
            (void)pthread_mutex_init(&block[i].lock, NULL);
        atomic_store(&table.blocks[table.made / BLOCK], block);
    }
    *place = table.made++;
    return true;
}

static void give_place(uint32_t place)
{
    (void)pthread_mutex_lock(&table.lock);
    if (table.free_count == table.free_capacity) {
        uint32_t capacity = table.free_capacity ? 2 * table.free_capacity : BLOCK;
        uint32_t *places = realloc(table.free_places, capacity * sizeof *places);
        if (places) {
            table.free_places = places;
            table.free_capacity = capacity;
        }
    }
    if (table.free_count < table.free_capacity) /* else the place is lost, not the process */
        table.free_places[table.free_count++] = place;
    (void)pthread_mutex_unlock(&table.lock);
}

/* Counts a session of the token; a read-only one is refused while the SO is logged in. */
static CK_RV count_in(struct bulla_token *token, bool writable)
{
    CK_RV rv = CKR_OK;
    (void)pthread_rwlock_wrlock(&token->lock);
    if (token->claimed)
        rv = CKR_FUNCTION_FAILED; /* it is being initialised */
    else if (!writable && token->login == BULLA_OFFICER)
        rv = CKR_SESSION_READ_WRITE_SO_EXISTS;
    else {
        token->sessions++;
        token->writing_sessions += writable;
    }
    (void)pthread_rwlock_unlock(&token->lock);
    return rv;
}

CK_RV bulla_session_open(struct bulla_token *token, CK_FLAGS flags, CK_SESSION_HANDLE *handle)
{
    uint32_t place;
    bool writable = (flags & CKF_RW_SESSION) != 0;
    CK_RV rv = count_in(token, writable);
    if (rv != CKR_OK)
        return rv;
    (void)pthread_mutex_lock(&table.lock);
    bool taken = take_place(&place);
    CK_ULONG uses = ++table.uses;
    (void)pthread_mutex_unlock(&table.lock);
    if (!taken) {
        (void)pthread_rwlock_wrlock(&token->lock);
        token->sessions--;
        token->writing_sessions -= writable;
        (void)pthread_rwlock_unlock(&token->lock);
        return CKR_SESSION_COUNT;
    }
    struct bulla_session *session = at_place(place);
    (void)pthread_mutex_lock(&session->lock);
    session->handle = uses << PLACE_BITS | place;
    session->token = token;
    session->writable = writable;
    *handle = session->handle;
    (void)pthread_mutex_unlock(&session->lock);
    return CKR_OK;
}

void bulla_session_reset(struct bulla_session *session)
{
    for (int i = 0; i < BULLA_FUNCTIONS; i++) {
        bulla_operation_end(&session->operations[i]);
        bulla_operation_cool(&session->operations[i]);
    }
    free(session->search.handles);
    session->search = (struct bulla_search){0};
    bulla_secret_release(&session->passphrase);
    bulla_session_principals_forget(session);
}

/* One session less; true: it was the last, and `gate` is held. Nobody logs in or opens the next one between the last
 * session's end and the logout that follows from it. */
static bool count_out(struct bulla_token *token, const struct bulla_session *session)
{
    bool gated = false;
    (void)pthread_rwlock_wrlock(&token->lock);
    while (token->sessions == 1 && !gated) {
        (void)pthread_rwlock_unlock(&token->lock);
        (void)pthread_mutex_lock(&token->gate);
        gated = true;
        (void)pthread_rwlock_wrlock(&token->lock);
    }
    bulla_index_clear(&token->index, session->handle);
    token->writing_sessions -= session->writable;
    bool last = --token->sessions == 0;
    if (last) /* whoever opens a session now finds nobody logged in */
        token->login = BULLA_NOBODY;
    (void)pthread_rwlock_unlock(&token->lock);
    if (gated && !last)
        (void)pthread_mutex_unlock(&token->gate);
    return last;
}

/* The session is locked; afterwards it is free and unlocked. Closing the last session of a token logs out. */
static void close_locked(struct bulla_session *session)
{
    struct bulla_token *token = session->token;
    CK_SESSION_HANDLE handle = session->handle;
    bulla_session_reset(session);
    bulla_secret_free(session->random);
    session->random = NULL;
    bool last = count_out(token, session);
    session->handle = 0;
    session->token = NULL;
    (void)pthread_mutex_unlock(&session->lock);
    if (last) {
        bulla_token_logout_gated(token);
        (void)pthread_mutex_unlock(&token->gate);
    }
    give_place((uint32_t)(handle & ((1UL << PLACE_BITS) - 1)));
}

CK_RV bulla_session_close(CK_SESSION_HANDLE handle)
{
    if (!bulla_module_ready())
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    struct bulla_session *session = lock_session(handle);
    if (!session)
        return CKR_SESSION_HANDLE_INVALID;
    close_locked(session);
    return CKR_OK;
}

void bulla_session_close_all(struct bulla_token *token)
{
    for (uint32_t place = 0; place < BULLA_SESSIONS_LARGEST && at_place(place); place++) {
        struct bulla_session *session = at_place(place);
        (void)pthread_mutex_lock(&session->lock);
        if (session->handle && session->token == token)
            close_locked(session);
        else
            (void)pthread_mutex_unlock(&session->lock);
    }
}

void bulla_sessions_reset(const struct bulla_token *token)
{
    for (uint32_t place = 0; place < BULLA_SESSIONS_LARGEST && at_place(place); place++) {
        struct bulla_session *session = at_place(place);
        (void)pthread_mutex_lock(&session->lock);
        if (session->handle && session->token == token)
            bulla_session_reset(session);
        (void)pthread_mutex_unlock(&session->lock);
    }
}

void bulla_sessions_cool(const struct bulla_token *token)
{
    for (uint32_t place = 0; place < BULLA_SESSIONS_LARGEST && at_place(place); place++) {
        struct bulla_session *session = at_place(place);
        if (pthread_mutex_trylock(&session->lock) != 0)
            continue;
        for (int i = 0; session->token == token && i < BULLA_FUNCTIONS; i++)
            bulla_operation_cool(&session->operations[i]);
        (void)pthread_mutex_unlock(&session->lock);
    }
}

void bulla_sessions_lapse(uint64_t now)
{
    for (uint32_t place = 0; place < BULLA_SESSIONS_LARGEST && at_place(place); place++) {
        struct bulla_session *session = at_place(place);
        if (pthread_mutex_trylock(&session->lock) != 0)
            continue;
        for (int i = 0; i < BULLA_FUNCTIONS; i++)
            bulla_operation_lapse(&session->operations[i], now);
        (void)pthread_mutex_unlock(&session->lock);
    }
}

bool bulla_token_has_reading_sessions(const struct bulla_token *token)
{
    return token->sessions > token->writing_sessions;
}

CK_STATE bulla_session_state(const struct bulla_session *session)
{
    static const CK_STATE states[2][3] = {
        {[BULLA_NOBODY] = CKS_RO_PUBLIC_SESSION,
            [BULLA_USER] = CKS_RO_USER_FUNCTIONS,
            [BULLA_OFFICER] = CKS_RO_PUBLIC_SESSION},
        {[BULLA_NOBODY] = CKS_RW_PUBLIC_SESSION,
            [BULLA_USER] = CKS_RW_USER_FUNCTIONS,
            [BULLA_OFFICER] = CKS_RW_SO_FUNCTIONS},
    };
    return states[session->writable][bulla_token_login_state(session->token)];
}

void bulla_sessions_free(void)
{
    for (int i = 0; i < BLOCKS; i++) {
        struct bulla_session *block = atomic_load(&table.blocks[i]);
        for (int j = 0; block && j < BLOCK; j++)
            (void)pthread_mutex_destroy(&block[j].lock);
        free(block);
        atomic_store(&table.blocks[i], NULL);
    }
    free(table.free_places);
    table.free_places = NULL;
    table.free_count = table.free_capacity = table.made = 0;
}

/* The parent's sessions stay in the child's memory unreachable: their locks may be held by threads that are not here.
 */
void bulla_sessions_abandon(void)
{
    for (int i = 0; i < BLOCKS; i++)
        atomic_store(&table.blocks[i], NULL);
    table.free_places = NULL;
    table.free_count = table.free_capacity = table.made = 0;
    (void)pthread_mutex_init(&table.lock, NULL);
}
