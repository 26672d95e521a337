/* What the tests of this room share: a TPM for the whole program, an authority made with OpenSSL, approvals, requests.
 */
#ifndef BULLA_TESTS_TPM_FIXTURE_H
#define BULLA_TESTS_TPM_FIXTURE_H

#include <openssl/evp.h>

#include "crypto/arena.h"
#include "support/folder.h"
#include "support/swtpm.h"
#include "support/test.h"
#include "tpm-backend/tpm.h"

extern struct test_swtpm tpm;

int fixture_begin(void **state);
int fixture_end(void **state);

/* P-256; `point` gets the 65 bytes of its public key. */
EVP_PKEY *authority_make(uint8_t point[static 65]);
/* ES256: SHA-256 and ECDSA, r ‖ s. */
void ecdsa_sign(EVP_PKEY *key, const uint8_t *message, size_t message_size, uint8_t signature[static 64]);
/* Approves the PCRs of the mask as they are now. The digests are computed here, with OpenSSL, from TPM 2.0 part 3. */
void approval_make(
    struct bulla_approval *approval, EVP_PKEY *authority, const uint8_t policy_ref[static 32], uint32_t mask);
void approval_sign(struct bulla_approval *approval, EVP_PKEY *authority, const uint8_t policy_ref[static 32]);

/* A request for a token's leaf, and one for an object's under `point` with an auth value of 32 bytes. */
struct bulla_leaf_request token_request(const char *pin);
struct bulla_leaf_request object_request(const uint8_t point[static 65], const uint8_t auth[static 32]);

/* A sealed leaf. */
struct blob {
    uint8_t data[BULLA_LEAF_BLOB_LARGEST];
    size_t size;
};
enum bulla_reason seal(const struct bulla_leaf_request *request, const uint8_t share[static 32], struct blob *blob);
enum bulla_reason open_blob(
    const struct bulla_leaf_request *request, const struct blob *blob, uint8_t share[static 32]);

/* Asserts that the call ended with this reason, and that nothing of it is loaded in the TPM. */
#define assert_reason(call, expected) assert_reason_at((call), (expected), __FILE__, __LINE__)
void assert_reason_at(enum bulla_reason reason, enum bulla_reason expected, const char *file, int line);
void assert_nothing_loaded(void);

double now_ms(void);
/* Prints the median of the times in ms. */
void median_print(const char *what, double *times, size_t count);

#endif
