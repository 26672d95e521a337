/* Keys of the tests: P-256 by OpenSSL, Ed25519 by libsodium, each as the callback that COSE, policies and heads take.
 * Whatever can't be done aborts the test program. */
#ifndef BULLA_TESTS_SIGNERS_H
#define BULLA_TESTS_SIGNERS_H

#include "crypto/cose.h"

struct test_p256 {
    void *key; /* EVP_PKEY */
    uint8_t point[65];
    struct bulla_cose_signer signer;
};
void test_p256_make(struct test_p256 *key);
void test_p256_free(struct test_p256 *key);

struct test_ed25519 {
    uint8_t secret[64], point[32];
    struct bulla_cose_signer signer;
};
void test_ed25519_make(struct test_ed25519 *key, const uint8_t seed[static 32]);

#endif
