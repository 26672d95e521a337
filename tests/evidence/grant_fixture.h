/* What the tests of grants share: a grant that may stand. */
#ifndef BULLA_TESTS_GRANT_FIXTURE_H
#define BULLA_TESTS_GRANT_FIXTURE_H

#include "support/test.h"

#include "evidence/grant.h"

/* The id 000102…0f, to user:ann, for inference with the object "m1", ten times, from 1700000000 to 1800000000. */
void grant_fill(struct bulla_grant *grant);
/* Gives it to another principal, in text. */
void grant_give_to(struct bulla_grant *grant, const char *who);

#endif
