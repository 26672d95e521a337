/* SIGINT, SIGTERM and SIGHUP while something must be undone: they are noted, and take effect when the program ends. */
#ifndef BULLA_TOOLS_INTERRUPT_H
#define BULLA_TOOLS_INTERRUPT_H

#include "crypto/reason.h"

void bulla_interrupt_watch(void);
/* BULLA_CANCELLED once one has come. */
enum bulla_reason bulla_interrupt_check(void) BULLA_MUST_USE;
/* Ends the process by the signal that came, so that a shell sees it; nothing when none came. */
void bulla_interrupt_repeat(void);

#endif
