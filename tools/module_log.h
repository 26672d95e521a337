/* What the module refuses before there is a session to ask in: PKCS#11 has a code for it, BULLA_LOG has the words.
 *
 * The program reads back what this call has added to the file that the user named. Without one it gives the module a
 * log in memory; if it is standard error that he wants, the lines go there in the end. */
#ifndef BULLA_TOOLS_MODULE_LOG_H
#define BULLA_TOOLS_MODULE_LOG_H

#include "crypto/reason.h"

/* Before the module is loaded. */
void bulla_module_log_begin(void);
/* After the module is unloaded. */
void bulla_module_log_end(void);
/* Refuses with the module's last words and their remedy; `reason` and `otherwise` where it said nothing. */
enum bulla_reason bulla_module_log_refuse(enum bulla_reason reason, const char *doing, const char *otherwise);

#endif
