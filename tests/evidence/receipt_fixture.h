/* What the tests of receipts share: a key, claims that may stand (AIR's two vectors and one of our own), and how they
 * are written and compared.
 *
 * Claims point into the arrays below, which the function that makes them fills; a receipt that was read points into the
 * bytes it was read from. Nothing is allocated. */
#ifndef BULLA_TESTS_RECEIPT_FIXTURE_H
#define BULLA_TESTS_RECEIPT_FIXTURE_H

#include "support/test.h"

#include "evidence/receipt.h"
#include "signers.h"

extern struct test_ed25519 receipt_key;                            /* of AIR's seed */
extern const struct bulla_receipt_expectation receipt_nothing;     /* expects nothing */
extern uint8_t receipt_nitro_pcrs[3][48], receipt_tdx_pcrs[3][48]; /* of AIR's claims */
extern uint8_t receipt_tpm_pcrs[24][32];                           /* of our own */
extern uint8_t receipt_nonce[8];                                   /* of AIR's TDX claims and of our own */

int receipt_key_make(void **state); /* cmocka's setup of the group */

/* The bytes of one of air.h's hex strings, in `memory`. */
struct bulla_bytes receipt_bytes(const char *hex, uint8_t memory[static 1024]);

/* The claims as the JSON of AIR's vectors gives them. */
void receipt_air_nitro(struct bulla_receipt *receipt);
void receipt_air_tdx(struct bulla_receipt *receipt);
/* Claims of our own: attested by all 24 PCRs of a TPM, with a nonce. */
void receipt_own(struct bulla_receipt *receipt);

/* Where receipt_write puts the one receipt there is at a time. */
extern uint8_t receipt_memory[BULLA_RECEIPT_LARGEST];
/* Writes and signs with receipt_key; *bytes is what was written, also when the answer is a refusal. */
enum bulla_reason receipt_write(const struct bulla_receipt *receipt, struct bulla_bytes *bytes);

/* Asserts that each claim is the same. */
void receipt_assert_same(const struct bulla_receipt *left, const struct bulla_receipt *right);

#endif
