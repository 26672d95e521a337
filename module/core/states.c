/* The table of states on disk:
 *
 *   "states.0" or "states.1" = box(K, AAD, table)     K = HKDF-SHA-256(token key, salt W, "bulla/1 states")
 *                                                     AAD = "bulla/1 states" ‖ token
 *
 * W is 32 random bytes that are somewhere else: in the TPM, or without one in a file (states_keeper.c). A change:
 *   1. the new table under a new W in the other slot, durably;
 *   2. the new W in place of the old one: this one write is commit and erasure in one, for what is left of the old
 *      table anywhere opens by nothing any more;
 *   3. the old slot erased, the store's log copied and truncated.
 * Only then anything that the new state gives leaves the module. A crash before 2 leaves the old table in force, and a
 * new one that nothing opens; after 2 the new one: whoever reads next erases the other slot. There is no moment at
 * which neither is there, and none at which both open.
 *
 * Changes are made in turns, by a lock on a file that the kernel gives back when a process dies. A use of the present
 * state needs no turn where the store's generation is the same before and after it: then it was before any change. */
#include "states.h"

#include <sodium.h>
#include <stdio.h>

#include "crypto/cipher.h"
#include "heap.h"
#include "states_table.h"
#include "token.h"
#include "turn.h"

enum { SLOTS = 2, SEALED_LARGEST = BULLA_STATES_LARGEST + BULLA_BOX_OVERHEAD, AAD_SIZE = 14 + 16 };

void bulla_states_open(struct bulla_token *token)
{
    token->states = (struct bulla_states){0};
    (void)pthread_mutex_init(&token->states.lock, NULL);
}

/* The lock is held. */
static void forget(struct bulla_token *token)
{
    bulla_state_table_free(token->states.table);
    token->states.table = NULL;
}

void bulla_states_forget(struct bulla_token *token)
{
    (void)pthread_mutex_lock(&token->states.lock);
    forget(token);
    (void)pthread_mutex_unlock(&token->states.lock);
}

void bulla_states_close(struct bulla_token *token)
{
    forget(token);
    (void)pthread_mutex_destroy(&token->states.lock);
}

/* --- sealing --- */

static void slot_name(unsigned slot, char name[static 16])
{
    (void)snprintf(name, 16, "states.%u", slot);
}

static void write_aad(const struct bulla_token *token, struct bulla_writer *aad, uint8_t bytes[static AAD_SIZE])
{
    bulla_writer_open(aad, bytes, AAD_SIZE);
    bulla_write(aad, "bulla/1 states", 14);
    bulla_write_bytes(aad, bulla_token_serial(token));
}

/* In the arena: what the token key and the keeper's bytes give. */
static enum bulla_reason derive(const struct bulla_token *token, const uint8_t *kept, uint8_t *key)
{
    return bulla_hkdf((struct bulla_bytes){token->keys->token, 32}, (struct bulla_bytes){kept, BULLA_KEEPER_SIZE},
        BULLA_TEXT("bulla/1 states"), key, 32);
}

static enum bulla_reason seal(const struct bulla_token *token, const struct bulla_state_table *table,
    const uint8_t *key, struct bulla_writer *box)
{
    uint8_t aad_bytes[AAD_SIZE];
    struct bulla_writer aad, plain;
    BULLA_RELEASED struct bulla_secret memory = {0};
    BULLA_TRY(bulla_secret_hold(&memory, BULLA_STATES_LARGEST, "the keys' states"));
    bulla_writer_open(&plain, memory.data, memory.size);
    BULLA_TRY(bulla_state_table_write(table, &plain));
    write_aad(token, &aad, aad_bytes);
    BULLA_TRY(bulla_box_seal(key, bulla_writer_bytes(&aad), bulla_writer_bytes(&plain), box));
    return bulla_writer_finish(box, "the keys' states");
}

/* --- reading; in the turn, with the keys read-locked --- */

static enum bulla_reason open_box(
    const struct bulla_token *token, const uint8_t *key, struct bulla_bytes box, struct bulla_state_table *table)
{
    uint8_t aad_bytes[AAD_SIZE];
    struct bulla_writer aad;
    BULLA_RELEASED struct bulla_secret plain = {0};
    if (box.size < BULLA_BOX_OVERHEAD + 1)
        return bulla_refuse(BULLA_STORE_CORRUPT, "the keys' states have %zu bytes", box.size);
    BULLA_TRY(bulla_secret_hold(&plain, box.size - BULLA_BOX_OVERHEAD, "the keys' states"));
    write_aad(token, &aad, aad_bytes);
    BULLA_TRY(bulla_box_open(key, bulla_writer_bytes(&aad), box, plain.data));
    return bulla_state_table_read((struct bulla_bytes){plain.data, plain.size}, table);
}

/* Which slots hold something, as bits; and the table of the one that the key opens. BULLA_COMMITMENT: it opens none. */
static enum bulla_reason read_slots(
    struct bulla_token *token, const uint8_t *key, struct bulla_state_table *table, unsigned *taken)
{
    BULLA_HEAP uint8_t *box = NULL;
    bool found = false;
    BULLA_TRY(bulla_heap_allocate(SEALED_LARGEST, "the keys' states", (void **)&box));
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        char name[16];
        struct bulla_writer writer;
        slot_name(slot, name);
        bulla_writer_open(&writer, box, SEALED_LARGEST);
        enum bulla_reason reason = bulla_token_value(token, name, &writer);
        if (reason == BULLA_STORE_MISSING)
            continue;
        BULLA_TRY(reason);
        *taken |= 1U << slot;
        reason = key ? open_box(token, key, bulla_writer_bytes(&writer), table) : BULLA_COMMITMENT;
        if (reason == BULLA_COMMITMENT) /* of another key: what a change left, or an older store */
            continue;
        BULLA_TRY(reason);
        table->slot = slot;
        found = true;
    }
    bulla_detail_clear();
    return found ? BULLA_OK : BULLA_COMMITMENT;
}

/* Whether the token has a key that evolves, whose state then must be somewhere. */
static bool has_keys(struct bulla_token *token)
{
    bool found = false;
    (void)pthread_rwlock_rdlock(&token->lock);
    for (size_t i = 0; i < token->index.count && !found; i++) {
        const struct bulla_object *object = token->index.objects[i];
        found = object->owner == 0 && bulla_object_evolves(object);
    }
    (void)pthread_rwlock_unlock(&token->lock);
    return found;
}

struct erasing {
    unsigned slots; /* as bits */
};

static enum bulla_reason erase_slots(struct bulla_token *token, void *context)
{
    const struct erasing *erasing = context;
    char name[16];
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        if (!(erasing->slots >> slot & 1))
            continue;
        slot_name(slot, name);
        BULLA_TRY(bulla_store_value_erase(token->store, name));
    }
    return BULLA_OK;
}

/* Step 3. */
static enum bulla_reason erase(struct bulla_token *token, unsigned slots)
{
    struct erasing erasing = {slots};
    BULLA_TRY(bulla_token_transaction(token, erase_slots, &erasing));
    bulla_fault_point("states-erased");
    (void)pthread_mutex_lock(&token->store_lock);
    enum bulla_reason reason = bulla_store_checkpoint(token->store);
    (void)pthread_mutex_unlock(&token->store_lock);
    bulla_fault_point("states-truncated");
    return reason;
}

/* Nothing opens. That is how it is before the first key, and where a file was left by the token that was here before.
 */
static enum bulla_reason judge_unopened(struct bulla_token *token, bool kept, unsigned taken)
{
    uint32_t counter;
    BULLA_TRY(bulla_ledger_index_read(token, &counter));
    bool attested = counter != 0;
    if (!has_keys(token) && (!kept || (!taken && !attested)))
        return BULLA_OK;
    if (!kept && attested)
        return bulla_refuse(BULLA_TPM_NV, "the TPM does not hold any more what opened the keys' states");
    return bulla_refuse(BULLA_ROLLED_BACK, "the store's states of keys are older than what opens the present ones");
}

static enum bulla_reason read_table(struct bulla_token *token, struct bulla_state_table *table)
{
    BULLA_SECRET uint8_t *memory = NULL;
    unsigned taken = 0;
    BULLA_TRY(bulla_secret_allocate(2 * BULLA_KEEPER_SIZE, (void **)&memory));
    uint8_t *kept = memory, *key = memory + BULLA_KEEPER_SIZE;
    BULLA_TRY(bulla_keeper_read(token, kept, &table->kept));
    if (table->kept)
        BULLA_TRY(derive(token, kept, key));
    enum bulla_reason reason = read_slots(token, table->kept ? key : NULL, table, &taken);
    if (reason == BULLA_COMMITMENT)
        return judge_unopened(token, table->kept, taken);
    BULLA_TRY(reason);
    return taken & ~(1U << table->slot) ? erase(token, taken & ~(1U << table->slot)) : BULLA_OK;
}

/* Reads the table anew. The generation is taken first: whatever is written later is noticed. */
static enum bulla_reason load(struct bulla_token *token)
{
    BULLA_STATE_TABLE *table = NULL;
    BULLA_TRY(bulla_state_table_make(&table));
    enum bulla_reason reason = read_table(token, table);
    if (reason == BULLA_OK)
        bulla_state_table_adopt(table, token->states.table);
    forget(token);
    BULLA_TRY(reason);
    token->states.table = table;
    table = NULL;
    token->states.generation = bulla_store_generation(token->store); /* in the turn: nobody else changes a state */
    return BULLA_OK;
}

/* --- changing; in the turn --- */

struct slot_writing {
    unsigned slot;
    struct bulla_bytes box;
};

static enum bulla_reason write_slot(struct bulla_token *token, void *context)
{
    const struct slot_writing *writing = context;
    char name[16];
    slot_name(writing->slot, name);
    return bulla_store_value_put(token->store, name, writing->box);
}

static enum bulla_reason replace(struct bulla_token *token, struct bulla_state_table *table)
{
    unsigned old = table->slot;
    BULLA_SECRET uint8_t *memory = NULL;
    BULLA_HEAP uint8_t *box = NULL;
    struct bulla_writer writer;
    BULLA_TRY(bulla_secret_allocate(2 * BULLA_KEEPER_SIZE, (void **)&memory));
    BULLA_TRY(bulla_heap_allocate(SEALED_LARGEST, "the keys' states", (void **)&box));
    uint8_t *kept = memory, *key = memory + BULLA_KEEPER_SIZE;
    randombytes_buf(kept, BULLA_KEEPER_SIZE);
    bulla_writer_open(&writer, box, SEALED_LARGEST);
    BULLA_TRY(derive(token, kept, key));
    BULLA_TRY(seal(token, table, key, &writer));
    struct slot_writing writing = {1 - old, bulla_writer_bytes(&writer)};
    BULLA_TRY(bulla_token_transaction(token, write_slot, &writing));
    bulla_fault_point("states-written");
    BULLA_TRY(bulla_keeper_write(token, kept, !table->kept));
    bulla_fault_point("states-committed");
    table->kept = true;
    table->slot = 1 - old;
    return erase(token, 1U << old);
}

/* What is in memory is ahead of the disk where that was refused: it is read again, then. */
static enum bulla_reason commit(struct bulla_token *token)
{
    enum bulla_reason reason = replace(token, token->states.table);
    token->states.generation = bulla_store_generation(token->store);
    if (reason != BULLA_OK)
        forget(token);
    return reason;
}

/* --- turns --- */

typedef enum bulla_reason bulla_states_action(struct bulla_token *token, void *context);

/* Calls `action` with the table as it is. */
static enum bulla_reason in_turn(struct bulla_token *token, bulla_states_action *action, void *context)
{
    BULLA_TURN struct bulla_turn turn;
    BULLA_TRY(bulla_turn_take(token->config->path, "states.lock", &turn));
    (void)pthread_rwlock_rdlock(&token->keys_lock);
    enum bulla_reason reason =
        token->keys ? load(token) : bulla_refuse(BULLA_NOT_LOGGED_IN, "the keys' states are read with the token key");
    if (reason == BULLA_OK)
        reason = action(token, context);
    (void)pthread_rwlock_unlock(&token->keys_lock);
    return reason;
}

static enum bulla_reason locked_turn(struct bulla_token *token, bulla_states_action *action, void *context)
{
    (void)pthread_mutex_lock(&token->states.lock);
    enum bulla_reason reason = in_turn(token, action, context);
    (void)pthread_mutex_unlock(&token->states.lock);
    return reason;
}

static enum bulla_reason find(struct bulla_token *token, const uint8_t id[static 16], struct bulla_state **state)
{
    *state = bulla_state_table_find(token->states.table, id);
    return *state ? BULLA_OK : bulla_refuse(BULLA_STORE_MISSING, "the key has no state: it was never whole");
}

/* --- using --- */

struct using
{
    const uint8_t *id;
    bulla_state_use *use;
    void *context;
};

static enum bulla_reason use_now(struct bulla_token *token, void *context)
{
    const struct using *using = context;
    struct bulla_state *state;
    BULLA_TRY(find(token, using->id, &state));
    return using->use(using->context, &state->key, state->secret);
}

static bool is_current(const struct bulla_token *token)
{
    return token->states.table && token->states.generation == bulla_store_generation(token->store);
}

enum bulla_reason bulla_states_use(
    struct bulla_token *token, const uint8_t id[static 16], bulla_state_use *use, void *context)
{
    struct using using = {id, use, context};
    enum bulla_reason reason = BULLA_OK;
    (void)pthread_mutex_lock(&token->states.lock);
    bool done = is_current(token);
    if (done) {
        reason = use_now(token, &using);
        done = is_current(token);
    }
    if (!done)
        reason = in_turn(token, use_now, &using);
    (void)pthread_mutex_unlock(&token->states.lock);
    return reason;
}

struct evolving {
    const uint8_t *id;
    unsigned period;
    unsigned *from;
};

/* In memory the old period's secret is overwritten before the new state is durable: if it never is, the table is read
 * again. */
static enum bulla_reason evolve(struct bulla_token *token, void *context)
{
    const struct evolving *evolving = context;
    struct bulla_state *state;
    BULLA_TRY(find(token, evolving->id, &state));
    *evolving->from = state->key.period;
    if (evolving->period == state->key.period)
        return BULLA_OK;
    enum bulla_reason reason = bulla_kes_evolve_to(&state->key, state->secret, evolving->period);
    if (reason == BULLA_OK)
        return commit(token);
    forget(token);
    return reason;
}

enum bulla_reason bulla_states_evolve(
    struct bulla_token *token, const uint8_t id[static 16], unsigned period, unsigned *from)
{
    struct evolving evolving = {id, period, from};
    return locked_turn(token, evolve, &evolving);
}

/* --- adding and erasing --- */

struct adding {
    const struct bulla_state_new *state;
    bulla_state_write *write;
    void *context;
};

/* A process that died between a key's state and its object left the first without the second. Rows that can't be read
 * may be the object: then nothing is swept. */
static void sweep(struct bulla_token *token)
{
    struct bulla_state_table *table = token->states.table;
    if (bulla_token_catch_up(token) != BULLA_OK)
        return;
    for (size_t i = table->count; i-- > 0 && !token->unreadable;) {
        struct bulla_object *object = bulla_token_object_by_id(token, table->items[i]->id);
        if (!object)
            bulla_state_table_remove(table, table->items[i]->id);
        bulla_object_drop(object);
    }
}

static enum bulla_reason add(struct bulla_token *token, void *context)
{
    const struct adding *adding = context;
    const struct bulla_state_new *state = adding->state;
    sweep(token);
    BULLA_TRY(bulla_state_table_add(token->states.table, state->id, state->raw, state->depth, state->period));
    BULLA_TRY(commit(token));
    bulla_fault_point("states-added");
    return adding->write(token, adding->context);
}

enum bulla_reason bulla_states_add(
    struct bulla_token *token, const struct bulla_state_new *state, bulla_state_write *write, void *context)
{
    struct adding adding = {state, write, context};
    return locked_turn(token, add, &adding);
}

static enum bulla_reason remove_state(struct bulla_token *token, void *context)
{
    if (!bulla_state_table_find(token->states.table, context))
        return BULLA_OK;
    bulla_state_table_remove(token->states.table, context);
    return commit(token);
}

enum bulla_reason bulla_states_erase(struct bulla_token *token, const uint8_t id[static 16])
{
    enum bulla_reason reason = locked_turn(token, remove_state, (void *)(uintptr_t)id);
    if (reason != BULLA_ROLLED_BACK && reason != BULLA_TPM_NV)
        return reason;
    bulla_detail_clear(); /* it opens by nothing any more */
    return BULLA_OK;
}
