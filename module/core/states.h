/* Keys with a state that goes forward only: the key-evolving ones. Their secrets are not in their objects' rows, which
 * say what does not change, but in one table for all of them, whose key is replaced with every change: an older copy of
 * the store opens nothing (DESIGN: What must not roll back; docs/kes.md).
 *
 * A process keeps the table in the arena from its first use to logout. It is as the disk has it while the number that
 * each change advances is what it was at the reading; else it is read again, in the process's turn. */
#ifndef BULLA_CORE_STATES_H
#define BULLA_CORE_STATES_H

#include <pthread.h>

#include "crypto/kes.h"

struct bulla_token;
struct bulla_state_table;

struct bulla_states {
    pthread_mutex_t lock;
    struct bulla_state_table *table; /* NULL: not read */
    uint64_t read_at;                /* bulla_store_tally then, which every change of any process advances */
};

void bulla_states_open(struct bulla_token *token);
void bulla_states_close(struct bulla_token *token);
/* Wipes what was read. */
void bulla_states_forget(struct bulla_token *token);
/* Of a token that is no more: everything that it had on disk; what it had in a TPM goes with the counter. */
void bulla_states_discard(const struct bulla_token *token);

/* Calls `use` with the present state of a key: once more with a newer one where another process was faster, and what
 * the last call did counts. The secret is in the arena; `use` keeps no pointer. BULLA_STORE_MISSING: there is no such
 * key; BULLA_ROLLED_BACK, BULLA_TPM_NV, BULLA_NOT_LOGGED_IN and what reading is refused for. */
typedef enum bulla_reason bulla_state_use(
    void *context, const struct bulla_kes_key *key, struct bulla_kes_secret *secret);
enum bulla_reason bulla_states_use(
    struct bulla_token *token, const uint8_t id[static 16], bulla_state_use *use, void *context) BULLA_MUST_USE;
/* To a period that is not below the present one, durably; what the periods before could sign with is nowhere then.
 * `*from` is the period that it was in. BULLA_KES_PAST, BULLA_KES_OVER. */
enum bulla_reason bulla_states_evolve(
    struct bulla_token *token, const uint8_t id[static 16], unsigned period, unsigned *from) BULLA_MUST_USE;

/* A key that is to be. */
struct bulla_state_new {
    const uint8_t *id; /* 16 bytes */
    struct bulla_bytes raw;
    unsigned depth, period;
};
/* Adds it, durably, and then calls `write` for its object, in the same turn. What other keys left that never got one is
 * swept away. BULLA_TOO_LARGE: there are BULLA_STATES_MOST already. */
typedef enum bulla_reason bulla_state_write(struct bulla_token *token, void *context);
enum bulla_reason bulla_states_add(struct bulla_token *token, const struct bulla_state_new *state,
    bulla_state_write *write, void *context) BULLA_MUST_USE;
/* Erases it, durably. What is not there, or can't be opened any more, is no refusal. */
enum bulla_reason bulla_states_erase(struct bulla_token *token, const uint8_t id[static 16]) BULLA_MUST_USE;

/* --- states_keeper.c: the 32 bytes that, with the token key, open the table --- */
enum { BULLA_KEEPER_SIZE = 32 };
/* "tpm", or "file" on a token that was made without one. */
enum bulla_reason bulla_keeper_name(struct bulla_token *token, const char **name) BULLA_MUST_USE;
/* Whether a TPM keeps them, reachable or not. */
enum bulla_reason bulla_keeper_is_attested(struct bulla_token *token, bool *attested) BULLA_MUST_USE;
/* `*present` is false where none was ever written. The bytes are in the arena; the keys are read-locked. */
enum bulla_reason bulla_keeper_read(struct bulla_token *token, uint8_t *bytes, bool *present) BULLA_MUST_USE;
/* Replaces them for good; `first`: there are none. When it refuses, either ones may be there. */
enum bulla_reason bulla_keeper_write(struct bulla_token *token, const uint8_t *bytes, bool first) BULLA_MUST_USE;
/* Has the disk keep for good what was read: whoever wrote it may have died before the disk had it. */
enum bulla_reason bulla_keeper_settle(struct bulla_token *token, const uint8_t *bytes) BULLA_MUST_USE;
/* Of a token that is no more: the file. */
void bulla_keeper_remove(const struct bulla_token *token);

#endif
