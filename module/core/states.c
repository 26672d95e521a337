/* What a change of the table does (states_slots.c has its form on disk):
 *   1. the new table under a new W in the other slot, durably;
 *   2. the number advanced by which other processes tell that something changed;
 *   3. the new W in place of the old one: this one write is commit and erasure in one, for what is left of the old
 *      table anywhere opens by nothing any more;
 *   4. zeros over the old slot.
 * Only then anything that the new state gives leaves the module. A crash before 3 leaves the old table in force, and a
 * new one that nothing opens; after 3 the new one: whoever reads next erases the other slot. There is no moment at
 * which neither is there, and none at which both open.
 *
 * The disk is waited for in 1: before W is replaced the new table must be there whatever happens. Where a TPM keeps W,
 * for nothing else: 3 is the TPM's, and 4 serves only against who has an older state of the TPM itself, beside the
 * present folder; he finds nothing there from the moment at which the zeros are in the file, and losing power in the
 * seconds until the disk has them does not bring W back. Where a file keeps W, 3 and 4 wait as well: a disk is no TPM,
 * what it was told to overwrite may be found on it, and so both halves are gone before the answer leaves, each in its
 * order. Were 4 to reach the disk before 3 does, a loss of power would leave neither table; so the one that finishes
 * somebody else's change writes W once more, for the disk, before it erases.
 *
 * Changes are made in turns, by a lock on a file that the kernel gives back when a process dies. A use of the present
 * state needs no turn where the number is the same before and after it: then it was before any change. */
#include "states.h"

#include <sodium.h>

#include "states_slots.h"
#include "token.h"
#include "turn.h"

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

void bulla_states_discard(const struct bulla_token *token)
{
    bulla_state_slots_remove(token);
    bulla_keeper_remove(token);
}

/* --- reading; in the turn, with the keys read-locked --- */

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

/* Nothing opens. That is how it is before the first key, and where a file was left by the token that was here before.
 */
static enum bulla_reason judge_unopened(struct bulla_token *token, bool kept)
{
    bool attested;
    BULLA_TRY(bulla_keeper_is_attested(token, &attested));
    bool may_have_keys = has_keys(token) || (kept && token->unreadable); /* a row that can't be read may be one */
    if (!may_have_keys && (!kept || !attested))
        return BULLA_OK;
    if (!kept && attested)
        return bulla_refuse(BULLA_TPM_NV, "the TPM does not hold any more what opened the keys' states");
    return bulla_refuse(BULLA_ROLLED_BACK, "the folder's states of keys are older than what opens the present ones");
}

/* Step 4. */
static enum bulla_reason erase(struct bulla_token *token, const struct bulla_state_table *table)
{
    bool attested;
    BULLA_TRY(bulla_keeper_is_attested(token, &attested));
    BULLA_TRY(bulla_state_slots_wipe(token, table, !attested));
    bulla_fault_point("states-erased");
    return BULLA_OK;
}

/* What another process was killed over, after step 1: whether before step 3 or after it, W is what was read. */
static enum bulla_reason finish_change(
    struct bulla_token *token, const uint8_t *kept, const struct bulla_state_table *table)
{
    BULLA_TRY(bulla_keeper_settle(token, kept));
    return erase(token, table);
}

static enum bulla_reason read_table(struct bulla_token *token, struct bulla_state_table *table)
{
    BULLA_SECRET void *memory = NULL;
    bool stale = false;
    BULLA_TRY(bulla_secret_allocate(BULLA_KEEPER_SIZE, &memory));
    BULLA_TRY(bulla_keeper_read(token, memory, &table->kept));
    enum bulla_reason reason = table->kept ? bulla_state_slots_read(token, memory, table, &stale) : BULLA_COMMITMENT;
    if (reason == BULLA_COMMITMENT)
        return judge_unopened(token, table->kept);
    BULLA_TRY(reason);
    return stale ? finish_change(token, memory, table) : BULLA_OK;
}

/* --- the number of changes --- */

/* 0: there is none to be had. */
static uint64_t tally_now(const struct bulla_token *token)
{
    return token->store ? bulla_store_tally(token->store) : 0;
}

/* In the turn. Where the number was lost it does not begin again: who remembers a small one would take it for his. */
static enum bulla_reason tally_advance(struct bulla_token *token)
{
    uint64_t tally = tally_now(token);
    if (tally++ == 0)
        randombytes_buf(&tally, sizeof tally); /* no secret: one that nobody has seen */
    return bulla_store_tally_write(token->store, tally);
}

/* Reads the table anew. */
static enum bulla_reason load(struct bulla_token *token)
{
    BULLA_STATE_TABLE *table = NULL;
    if (tally_now(token) == 0)
        BULLA_TRY(tally_advance(token));
    BULLA_TRY(bulla_state_table_make(&table));
    enum bulla_reason reason = read_table(token, table);
    if (reason == BULLA_OK)
        bulla_state_table_adopt(table, token->states.table);
    forget(token);
    BULLA_TRY(reason);
    token->states.table = table;
    table = NULL;
    token->states.read_at = tally_now(token); /* in the turn: nobody else advances it */
    return BULLA_OK;
}

/* --- changing; in the turn --- */

static enum bulla_reason replace(struct bulla_token *token, struct bulla_state_table *table)
{
    BULLA_SECRET void *kept = NULL;
    BULLA_TRY(bulla_secret_allocate(BULLA_KEEPER_SIZE, &kept));
    randombytes_buf(kept, BULLA_KEEPER_SIZE);
    BULLA_TRY(bulla_state_slots_write(token, kept, table));
    bulla_fault_point("states-written");
    BULLA_TRY(tally_advance(token));
    bulla_fault_point("states-marked");
    BULLA_TRY(bulla_keeper_write(token, kept, !table->kept));
    bulla_fault_point("states-committed");
    table->kept = true;
    table->slot = 1 - table->slot;
    return erase(token, table);
}

/* What is in memory is ahead of the disk where that was refused: it is read again, then. */
static enum bulla_reason commit(struct bulla_token *token)
{
    enum bulla_reason reason = replace(token, token->states.table);
    token->states.read_at = tally_now(token);
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
    return token->states.table && token->states.read_at && token->states.read_at == tally_now(token);
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
 * may be the object: then nothing is swept. A row that is hidden is one. */
static void sweep(struct bulla_token *token)
{
    struct bulla_state_table *table = token->states.table;
    if (bulla_token_look(token) != BULLA_OK)
        return;
    for (size_t i = table->count; i-- > 0 && !token->unreadable;)
        if (!bulla_token_has_object(token, table->items[i]->id))
            bulla_state_table_remove(table, table->items[i]->id);
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
