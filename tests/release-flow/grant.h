/* Grants of a test's own authority, in bundles and alone, and a key of that authority that works without a TPM. */
#ifndef BULLA_TESTS_FLOW_GRANT_H
#define BULLA_TESTS_FLOW_GRANT_H

#include "policy.h"

/* For the user, over every object: `uses` of these operations, from an hour ago for two hours. */
struct bulla_grant flow_grant(uint32_t operations, uint64_t uses);
/* A policy without grants, and so without restriction: signed and loaded. Without a TPM its state is none there is. */
CK_RV flow_free(uint64_t version, const struct test_p256 *authority);
/* A restricted policy of this version with these grants: signed and loaded. */
CK_RV flow_restrict(uint64_t version, const struct test_p256 *authority, struct bulla_grant *grants, size_t count);
/* A grant that stands alone, and a revocation: signed and loaded. */
CK_RV flow_grant_load(const struct bulla_grant *grant, uint64_t epoch, const struct test_p256 *authority);
CK_RV flow_revoke(const struct bulla_grant *grant, const struct test_p256 *authority);

/* An AES key of the token with every usage, and this authority and id; and one operation with it. */
CK_OBJECT_HANDLE flow_governed_key(const char *label, const char *id, const struct test_p256 *authority);
CK_RV flow_encrypt(CK_OBJECT_HANDLE key);
CK_RV flow_decrypt(CK_OBJECT_HANDLE key);

/* What "uses" says of a grant. */
struct flow_uses {
    bool found, revoked;
    unsigned rows; /* that it has */
    uint64_t used, left;
};
struct flow_uses flow_uses(const struct bulla_grant *grant);

#endif
