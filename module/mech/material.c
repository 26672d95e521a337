/* A state lies behind a small head that names its processor, so that whoever frees it needs no more than its address.
 * States that stay idle lie on the heap and not in the arena, which reads as zero in a forked child: the child could
 * not find the contexts that they point to, and would keep their keys. Plain ones point to nothing and lie in the
 * arena; they are counted, so that what idle sessions keep locked has a bound.
 *
 * The idle places are exchanged, never locked: a thread that takes a state owns it, and one that finds nothing makes
 * its own. */
#include "material.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#include "key_kind.h"
#include "mechanism.h"

static struct {
    pthread_mutex_t lock;
    struct bulla_material *first;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void enlist(struct bulla_material *material)
{
    (void)pthread_mutex_lock(&all.lock);
    material->next = all.first;
    if (all.first)
        all.first->previous = material;
    all.first = material;
    (void)pthread_mutex_unlock(&all.lock);
}

static void delist(struct bulla_material *material)
{
    (void)pthread_mutex_lock(&all.lock);
    if (material->next)
        material->next->previous = material->previous;
    if (material->previous)
        material->previous->next = material->next;
    else
        all.first = material->next;
    (void)pthread_mutex_unlock(&all.lock);
}

enum bulla_reason bulla_material_make(
    const struct bulla_key_kind *kind, const struct bulla_draft *key, struct bulla_material **material)
{
    struct bulla_material *made = calloc(1, sizeof *made);
    *material = NULL;
    if (!made)
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "opening a key");
    atomic_init(&made->references, 1);
    enlist(made);
    enum bulla_reason reason = kind->open(key, made);
    if (reason == BULLA_OK)
        *material = made;
    else
        bulla_material_drop(made);
    return reason;
}

struct bulla_material *bulla_material_keep(struct bulla_material *material)
{
    (void)atomic_fetch_add_explicit(&material->references, 1, memory_order_relaxed);
    return material;
}

static void empty(struct bulla_material *material)
{
    for (int i = 0; i < BULLA_IDLE_MOST; i++)
        bulla_state_free(atomic_exchange(&material->idle[i], NULL));
    EVP_PKEY_free(material->pkey);
    material->pkey = NULL;
}

void bulla_material_drop(struct bulla_material *material)
{
    if (!material || atomic_fetch_sub_explicit(&material->references, 1, memory_order_acq_rel) != 1)
        return;
    delist(material);
    empty(material);
    bulla_secret_release(&material->value);
    free(material);
}

/* --- states --- */

struct state {
    const struct bulla_processor *processor;
    uint64_t unused; /* what follows is aligned to 16 bytes */
    uint8_t bytes[];
};

static struct state *state_of(void *bytes)
{
    return (struct state *)((uint8_t *)bytes - offsetof(struct state, bytes));
}

static atomic_uint plain_states;

static bool is_locked(const struct bulla_processor *processor)
{
    return !processor->reuse || processor->plain;
}

enum bulla_reason bulla_state_make(const struct bulla_processor *processor, void **state)
{
    void *memory = NULL;
    size_t size = sizeof(struct state) + processor->state_size;
    if (is_locked(processor))
        BULLA_TRY(bulla_secret_allocate(size, &memory));
    else if (!(memory = calloc(1, size)))
        return bulla_refuse(BULLA_OUT_OF_MEMORY, "beginning an operation");
    if (processor->plain)
        (void)atomic_fetch_add_explicit(&plain_states, 1, memory_order_relaxed);
    struct state *made = memory;
    made->processor = processor;
    *state = made->bytes;
    return BULLA_OK;
}

void bulla_state_free(void *state)
{
    if (!state)
        return;
    struct state *made = state_of(state);
    if (made->processor->end)
        made->processor->end(state);
    if (made->processor->plain)
        (void)atomic_fetch_sub_explicit(&plain_states, 1, memory_order_relaxed);
    if (is_locked(made->processor)) {
        bulla_secret_free(made);
        return;
    }
    bulla_wipe(made, sizeof *made + made->processor->state_size);
    free(made);
}

bool bulla_state_stays(const struct bulla_processor *processor)
{
    return processor->reuse &&
           (!processor->plain || atomic_load_explicit(&plain_states, memory_order_relaxed) <= BULLA_PLAIN_MOST);
}

void *bulla_material_take(struct bulla_material *material, const struct bulla_processor *processor)
{
    for (int i = 0; i < BULLA_IDLE_MOST; i++) {
        if (!atomic_load_explicit(&material->idle[i], memory_order_relaxed))
            continue;
        void *state = atomic_exchange(&material->idle[i], NULL);
        if (state && state_of(state)->processor == processor)
            return state;
        if (state)
            bulla_material_leave(material, state);
    }
    return NULL;
}

void bulla_material_leave(struct bulla_material *material, void *state)
{
    for (int i = 0; i < BULLA_IDLE_MOST && !state_of(state)->processor->plain; i++) {
        void *expected = NULL;
        if (atomic_compare_exchange_strong(&material->idle[i], &expected, state))
            return;
    }
    bulla_state_free(state);
}

/* --- forks --- */

void bulla_materials_hold(void)
{
    (void)pthread_mutex_lock(&all.lock);
}

void bulla_materials_let_go(void)
{
    (void)pthread_mutex_unlock(&all.lock);
}

/* What another thread of the parent had under way is left as it is: freeing it would be using it. */
void bulla_materials_abandon(void)
{
    for (struct bulla_material *material = all.first; material; material = material->next)
        empty(material);
    all.first = NULL;
    atomic_store(&plain_states, 0); /* they were the sessions', which are gone */
    (void)pthread_mutex_init(&all.lock, NULL);
}
