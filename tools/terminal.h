/* Questions on the terminal of the process, whatever its standard streams are. */
#ifndef BULLA_TOOLS_TERMINAL_H
#define BULLA_TOOLS_TERMINAL_H

#include "pin.h"

bool bulla_terminal_present(void);
/* Reads a line without echo into `pin`. BULLA_CANCELLED on ^C, ^D or hang-up; BULLA_PIN_LENGTH past the largest. */
enum bulla_reason bulla_terminal_secret(const char *prompt, struct bulla_pin *pin) BULLA_MUST_USE;
/* True for "y" or "yes" in any case. */
bool bulla_terminal_confirm(const char *question);
/* BULLA_OK where consent was given beforehand (--yes) or is given now; BULLA_CANCELLED otherwise, without a terminal
 * too. */
enum bulla_reason bulla_terminal_consent(bool given, const char *question) BULLA_MUST_USE;

#endif
