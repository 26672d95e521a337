/* The keys of the maps that grant*.c write and read (docs/formats.md, "Grant"). */
#ifndef BULLA_EVIDENCE_GRANT_FORMAT_H
#define BULLA_EVIDENCE_GRANT_FORMAT_H

#include "grant.h"

enum {
    GRANT_ID,
    GRANT_WHO,
    GRANT_OPERATIONS,
    GRANT_NOT_BEFORE,
    GRANT_NOT_AFTER,
    GRANT_OBJECT,
    GRANT_USES,
    GRANT_RATE,
    GRANT_RATE_SECONDS,
    GRANT_KEYS
};

#endif
