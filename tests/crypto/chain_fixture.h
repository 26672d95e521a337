/* What the tests of certificates, chains and revocation lists share: OpenSSL's root, two CAs and a leaf, in which one
 * thing at a time can be made wrong while every signature stays right.
 *
 * There is one fixture at a time, the program's: chain_begin makes everything right, the test changes what it is about,
 * and chain_make (undone by chain_end) or chain_verdict do the rest. The keys are made once, for the group. */
#ifndef BULLA_TESTS_CHAIN_FIXTURE_H
#define BULLA_TESTS_CHAIN_FIXTURE_H

#include "support/test.h"

#include "crypto/certificate.h"
#include "support/pki.h"

enum { CHAIN_LINKS = 4, ROOT = 0, UPPER, LOWER, LEAF, CHAIN_DER = 2048 };
/* All are valid from FROM until UNTIL; the time is NOW. */
enum { FROM = 1700000100, NOW = 1700000200, UNTIL = 1700000300 };

struct chain_fixture {
    void *keys[TEST_PKI_P521 + 1];
    struct test_pki_certificate wanted[CHAIN_LINKS];
    size_t count;
    uint8_t der[CHAIN_LINKS][CHAIN_DER];
    size_t size[CHAIN_LINKS];
    struct bulla_certificate *chain[CHAIN_LINKS];
    uint8_t pins[2][32];
    const struct bulla_crl *crls[2];
    struct bulla_chain_rules rules;
};

int chain_keys_make(void **state); /* cmocka's setup of the group, and its teardown */
int chain_keys_free(void **state);

/* Wanted: everything right. Nothing is made yet. */
struct chain_fixture *chain_begin(void);
/* Makes what is wanted, reads it, and pins the root; all of it asserted. */
void chain_make(struct chain_fixture *fixture);
enum bulla_reason chain_verify(struct chain_fixture *fixture);
void chain_end(struct chain_fixture *fixture);
/* Makes, verifies, ends. */
enum bulla_reason chain_verdict(struct chain_fixture *fixture);

#endif
