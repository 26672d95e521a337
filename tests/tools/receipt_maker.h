/* Receipt bundles made by hand: a paper TPM's quote, a receipt signed with libsodium, an answer in CBOR. Everything is
 * right after init; a test gets one thing wrong and makes the bundle. With `nitro` set a paper Nitro module's document
 * stands in the quote's place. */
#ifndef BULLA_TESTS_RECEIPT_MAKER_H
#define BULLA_TESTS_RECEIPT_MAKER_H

#include "evidence/nitro_maker.h"
#include "evidence/quote_maker.h"
#include "evidence/receipt.h"

struct receipt_maker {
    struct quote_maker quote; /* PCRs 0, 7 and 23 */
    struct test_p256 attestation_key;
    struct test_ed25519 receipt_key, other_key;

    const struct nitro_pki *nitro;  /* NULL: a TPM */
    struct nitro_document document; /* PCRs; what it binds is filled in when it is made */
    bool document_unbound;          /* its user_data is another report's */
    const uint8_t *document_key;    /* in the document, in the place of `vouched`; NULL */

    enum bulla_purpose purpose;   /* of the evidence */
    const uint8_t *vouched;       /* receipt key in the evidence, 32 bytes */
    const char *token;            /* in the evidence: its serial, 16 bytes */
    struct bulla_bytes authority; /* in the evidence, with the policy's version */
    uint64_t policy_version;
    struct test_ed25519 *signer;                        /* of the receipt */
    bool evidence_left_out;                             /* not in the bundle */
    bool evidence_unnamed;                              /* not in the receipt */
    bool evidence_flipped;                              /* a bit of the quote's signature */
    bool receipt_flipped;                               /* a bit of the receipt's signature */
    bool answer_flipped, request_flipped, salt_flipped; /* in the bundle, after they were hashed */
    struct bulla_receipt receipt; /* claims; hashes and measurements are filled in when it is made */
    size_t measurements;          /* how many of the three, of Nitro's six, the receipt has */
    unsigned measurement_flipped; /* 1-based; 0: none */

    uint8_t evidence[BULLA_EVIDENCE_LARGEST], bundle[3 * BULLA_EVIDENCE_LARGEST];
    size_t evidence_size, bundle_size;
};

extern const uint8_t receipt_maker_nonce[8];

void receipt_maker_init(struct receipt_maker *maker);
void receipt_maker_free(struct receipt_maker *maker);
void receipt_maker_make(struct receipt_maker *maker);

#endif
