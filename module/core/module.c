/* One state for the process. A forked child finds it marked as not initialised, forgets the parent's handles, maps and
 * locks without touching them, and starts over with its own C_Initialize.
 *
 * Forking waits for the stores. A store that was in use at the fork could not be opened in the child, and SQLite's own
 * locks could be held there by a thread that is not: so the forking thread takes the module's lock (nobody initialises
 * or finalises meanwhile) and then each token's store_lock, the last one in the order of locks. No thread holds two
 * stores or waits for the module under one, so this ends; but it ends only when a write does, and a signal handler may
 * fork in the middle of a call. Therefore the wait is bounded: what was not free by then stays as it is, and the child
 * is refused that token (BULLA_FORKED). */
#include "module.h"

#include <stdlib.h>
#include <time.h>

#include "inference/residue.h"
#include "lease.h"
#include "mech/mechanism.h"
#include "session.h"

static struct {
    pthread_mutex_t lock;
    atomic_bool ready;
    bool watched; /* the fork handler is registered, once for the process */
    struct bulla_config config;
    struct bulla_token tokens[BULLA_TOKENS_LARGEST];
    unsigned count;
} module = {.lock = PTHREAD_MUTEX_INITIALIZER};

bool bulla_module_ready(void)
{
    return atomic_load_explicit(&module.ready, memory_order_acquire);
}

enum { FORK_WAITS = 5 }; /* seconds for all locks together */

/* What this thread holds while it forks. */
static _Thread_local struct {
    bool module;
    uint32_t stores; /* a bit for each token */
} forking;
_Static_assert(BULLA_TOKENS_LARGEST <= 32, "a bit for each token");

static void hold_before_fork(void)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += FORK_WAITS;
    bulla_materials_hold();
    forking.stores = 0;
    forking.module = pthread_mutex_timedlock(&module.lock, &until) == 0;
    if (!forking.module || !bulla_module_ready())
        return;
    for (unsigned i = 0; i < module.count; i++)
        if (pthread_mutex_timedlock(&module.tokens[i].store_lock, &until) == 0)
            forking.stores |= 1U << i;
}

static void let_go_in_parent(void)
{
    bulla_materials_let_go();
    for (unsigned i = 0; i < BULLA_TOKENS_LARGEST; i++)
        if (forking.stores & (1U << i))
            (void)pthread_mutex_unlock(&module.tokens[i].store_lock);
    if (forking.module)
        (void)pthread_mutex_unlock(&module.lock);
}

static void abandon_in_child(void)
{
    bulla_materials_abandon();
    (void)pthread_mutex_init(&module.lock, NULL);
    bulla_arena_after_fork();
    if (!atomic_exchange(&module.ready, false))
        return;
    bulla_lease_abandon();
    bulla_sessions_abandon();
    for (size_t i = 0; bulla_families[i]; i++)
        if (bulla_families[i]->abandon)
            bulla_families[i]->abandon();
    for (unsigned i = 0; i < module.count; i++)
        bulla_token_abandon(&module.tokens[i]);
    module.count = 0;
}

/* 2.40, 5.4: locking functions of the application's own are not used, so they need CKF_OS_LOCKING_OK beside them. */
static CK_RV check_arguments(const CK_C_INITIALIZE_ARGS *arguments)
{
    if (!arguments)
        return CKR_OK;
    int given = (arguments->CreateMutex != NULL) + (arguments->DestroyMutex != NULL) + (arguments->LockMutex != NULL) +
                (arguments->UnlockMutex != NULL);
    if (arguments->pReserved || (given != 0 && given != 4))
        return CKR_ARGUMENTS_BAD;
    if (given == 4 && !(arguments->flags & CKF_OS_LOCKING_OK))
        return CKR_CANT_LOCK;
    return CKR_OK;
}

static int by_slot(const void *left, const void *right)
{
    unsigned long a = ((const struct bulla_token_config *)left)->slot;
    unsigned long b = ((const struct bulla_token_config *)right)->slot;
    return (a > b) - (a < b);
}

static CK_RV open_locked(const CK_C_INITIALIZE_ARGS *arguments)
{
    if (bulla_module_ready())
        return CKR_CRYPTOKI_ALREADY_INITIALIZED;
    if (!module.watched && pthread_atfork(hold_before_fork, let_go_in_parent, abandon_in_child) != 0)
        return CKR_HOST_MEMORY;
    module.watched = true;
    bulla_mechanisms_sort();
    enum bulla_reason reason = bulla_config_load(&module.config);
    if (reason != BULLA_OK)
        return bulla_refusal_without_token("initialize", reason);
    qsort(module.config.tokens, module.config.count, sizeof module.config.tokens[0], by_slot);
    module.count = module.config.count;
    for (unsigned i = 0; i < module.count; i++) {
        bulla_token_make(&module.tokens[i], &module.config.tokens[i]);
        module.tokens[i].without_threads = arguments && (arguments->flags & CKF_LIBRARY_CANT_CREATE_OS_THREADS);
    }
    bulla_lease_start(!(arguments && (arguments->flags & CKF_LIBRARY_CANT_CREATE_OS_THREADS)));
    atomic_store_explicit(&module.ready, true, memory_order_release);
    return CKR_OK;
}

CK_RV bulla_module_open(const CK_C_INITIALIZE_ARGS *arguments)
{
    CK_RV rv = check_arguments(arguments);
    if (rv != CKR_OK)
        return rv;
    (void)pthread_mutex_lock(&module.lock);
    rv = open_locked(arguments);
    (void)pthread_mutex_unlock(&module.lock);
    return rv;
}

CK_RV bulla_module_close(void)
{
    (void)pthread_mutex_lock(&module.lock);
    if (!bulla_module_ready()) {
        (void)pthread_mutex_unlock(&module.lock);
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    for (unsigned i = 0; i < module.count; i++)
        bulla_session_close_all(&module.tokens[i]);
    atomic_store_explicit(&module.ready, false, memory_order_release);
    bulla_lease_stop();
    for (size_t i = 0; bulla_families[i]; i++)
        if (bulla_families[i]->close)
            bulla_families[i]->close();
    for (unsigned i = 0; i < module.count; i++)
        bulla_token_close(&module.tokens[i]);
    module.count = 0;
    bulla_sessions_free();
    bulla_arena_close();
    (void)pthread_mutex_unlock(&module.lock);
    return CKR_OK;
}

unsigned bulla_module_token_count(void)
{
    return module.count;
}

struct bulla_token *bulla_module_token(unsigned place)
{
    return place < module.count ? &module.tokens[place] : NULL;
}

CK_RV bulla_slot_call(CK_SLOT_ID slot, bulla_slot_body *body, void *arguments)
{
    if (!bulla_module_ready())
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    for (unsigned i = 0; i < module.count; i++)
        if (module.tokens[i].config->slot == slot) {
            CK_RV rv = body(&module.tokens[i], arguments);
            bulla_residue_wipe(); /* C_InitToken has a PIN */
            return rv;
        }
    return CKR_SLOT_ID_INVALID;
}
