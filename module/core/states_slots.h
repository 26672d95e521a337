/* The two slots that the sealed table of states is in by turns: files of the token's folder (states_slots.c). All of
 * this is done in the processes' turn, with the keys read-locked. */
#ifndef BULLA_CORE_STATES_SLOTS_H
#define BULLA_CORE_STATES_SLOTS_H

#include "states_table.h"

struct bulla_token;

/* The table of the slot that W opens, and whether there is anything in the other one: what a change that was cut off
 * left. BULLA_COMMITMENT: it opens neither. */
enum bulla_reason bulla_state_slots_read(
    struct bulla_token *token, const uint8_t *kept, struct bulla_state_table *table, bool *stale) BULLA_MUST_USE;
/* Seals the table under this W, in the slot that it is not in; durable when this returns. */
enum bulla_reason bulla_state_slots_write(
    struct bulla_token *token, const uint8_t *kept, const struct bulla_state_table *table) BULLA_MUST_USE;
/* Zeros over the slot that the table is not in. */
enum bulla_reason bulla_state_slots_wipe(
    struct bulla_token *token, const struct bulla_state_table *table, bool durable) BULLA_MUST_USE;
/* Of a token that is no more. */
void bulla_state_slots_remove(const struct bulla_token *token);

#endif
