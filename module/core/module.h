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
struct bulla_token *bulla_module_slot(CK_SLOT_ID slot);

#endif
