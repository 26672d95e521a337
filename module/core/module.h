/* The module in this process: configuration, tokens, and whether it is initialised here. */
#ifndef BULLA_CORE_MODULE_H
#define BULLA_CORE_MODULE_H

#include "token.h"

/* C_Initialize and C_Finalize. Connects to nothing, locks no memory, starts no thread. */
CK_RV bulla_module_open(const CK_C_INITIALIZE_ARGS *arguments);
CK_RV bulla_module_close(void);
/* False before C_Initialize, after C_Finalize, and in a forked child until it has called C_Initialize itself. */
bool bulla_module_ready(void);
/* Slots in ascending order; NULL for a number that is not configured. */
unsigned bulla_module_token_count(void);
struct bulla_token *bulla_module_token(unsigned place);
/* Runs `body` on the token of a slot, after checking that the module is initialised in this process: the way in for the
 * C_ functions that name a slot, as bulla_call (session.h) is for those that name a session. */
typedef CK_RV bulla_slot_body(struct bulla_token *token, void *arguments);
CK_RV bulla_slot_call(CK_SLOT_ID slot, bulla_slot_body *body, void *arguments);

#endif
