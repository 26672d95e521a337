/* What the module refuses before there is a session to ask in: PKCS#11 has a code for it, BULLA_LOG has the words.
 *
 * Unless the user has named a place of his own, the program gives the module one in memory and reads it back. */
#ifndef BULLA_TOOLS_MODULE_LOG_H
#define BULLA_TOOLS_MODULE_LOG_H

#include "crypto/reason.h"

/* Before the module is loaded. */
void bulla_module_log_begin(void);
/* Refuses with the module's last words and their remedy; `reason` and `otherwise` where it said nothing. */
enum bulla_reason bulla_module_log_refuse(enum bulla_reason reason, const char *doing, const char *otherwise);

#endif
