/* From the store's rows to the objects of the index: all of them as far as they changed, or those that somebody asks
 * for. Functions here take the token's lock and the store's; whoever calls one holds neither. */
#ifndef BULLA_CORE_ROWS_H
#define BULLA_CORE_ROWS_H

#include "token.h"

/* With both locks held: applies what was written since `token->seen`, and reads the token's own value into `identity`
 * as it was at that moment, which is `reached`: `seen`, where the caller believes it. From 0 all is read anew, and
 * plain rows are noted, and not read. */
enum bulla_reason bulla_rows_walk(
    struct bulla_token *token, struct bulla_writer *identity, uint64_t *reached) BULLA_MUST_USE;

/* Has the rows read, where they were not yet, that an id is of, or that have these marks (bulla_unread_marked), or all.
 * A row that is gone, or that can't be read, has no object then, as if it had been
 * so at the walk. A refusal of the store: it may be tried again. */
enum bulla_reason bulla_rows_read_id(struct bulla_token *token, const uint8_t id[static 16]) BULLA_MUST_USE;
enum bulla_reason bulla_rows_read_marked(
    struct bulla_token *token, const uint64_t marks[static BULLA_STORE_MARKS]) BULLA_MUST_USE;
enum bulla_reason bulla_rows_read_all(struct bulla_token *token) BULLA_MUST_USE;

#endif
