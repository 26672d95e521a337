/* Exit statuses of the programs: one table, which --help prints and the manual repeats, and the one place that says
 * which refusal ends with which status. */
#ifndef BULLA_TOOLS_EXIT_H
#define BULLA_TOOLS_EXIT_H

#include <stddef.h>

#include "crypto/reason.h"

enum bulla_exit {
    BULLA_EXIT_OK = 0,
    BULLA_EXIT_FAILED = 1,
    BULLA_EXIT_USAGE = 2,
    BULLA_EXIT_REFUSED = 3,
    BULLA_EXIT_UNVERIFIED = 4,
    BULLA_EXIT_UNREACHABLE = 5,
    BULLA_EXIT_LIMIT = 6,
    BULLA_EXIT_LEFT = 7, /* of bulla_common's `partly`: no reason ends so */
    BULLA_EXIT_COUNT
};

/* What the status means, for people. */
const char *bulla_exit_meaning(enum bulla_exit status);
/* The status of a refusal; BULLA_EXIT_FAILED for what has no row. */
enum bulla_exit bulla_exit_of(enum bulla_reason reason);
/* The reason with this stable code, or BULLA_REASON_COUNT. */
enum bulla_reason bulla_reason_of_code(const char *code);

#endif
