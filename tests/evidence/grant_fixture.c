#include "grant_fixture.h"

#include <string.h>

void grant_give_to(struct bulla_grant *grant, const char *who)
{
    assert_int_equal(bulla_principal_parse(BULLA_TEXT(who), &grant->who), BULLA_OK);
}

void grant_fill(struct bulla_grant *grant)
{
    memset(grant, 0, sizeof *grant);
    for (uint8_t i = 0; i < BULLA_GRANT_ID; i++)
        grant->id[i] = i;
    grant_give_to(grant, "user:ann");
    memcpy(grant->object, "m1", 2);
    grant->object_size = 2;
    grant->operations = BULLA_MAY_INFER;
    grant->not_before = 1700000000;
    grant->not_after = 1800000000;
    grant->uses = 10;
    grant->rate = 2;
    grant->rate_seconds = 60;
}
