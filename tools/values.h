/* Values of options: from argv's text into the settings. Used by options.c. */
#ifndef BULLA_TOOLS_VALUES_H
#define BULLA_TOOLS_VALUES_H

#include "options.h"

/* Stores at settings + row->offset. BULLA_ARGUMENT names the option, what it got and what it takes. */
enum bulla_reason bulla_value_store(const struct bulla_option *row, const char *text, void *settings) BULLA_MUST_USE;

#endif
