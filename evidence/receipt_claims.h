/* What the writer and the reader of a receipt share: the table of claims and the rules between them. */
#ifndef BULLA_EVIDENCE_RECEIPT_CLAIMS_H
#define BULLA_EVIDENCE_RECEIPT_CLAIMS_H

#include "receipt.h"

enum { BULLA_RECEIPT_CLAIMS = 18, BULLA_RECEIPT_CONTENT_TYPE = 61 /* application/cwt */ };

enum bulla_claim_kind { BULLA_CLAIM_TEXT, BULLA_CLAIM_BYTES, BULLA_CLAIM_FIXED, BULLA_CLAIM_NUMBER, BULLA_CLAIM_MAP };

/* One claim: where it lies in struct bulla_receipt (a view, an array of `largest` bytes, a number) and its bounds. */
struct bulla_claim {
    int64_t key;
    size_t offset, smallest, largest;
    enum bulla_claim_kind kind;
    bool optional; /* left out when empty */
};
extern const struct bulla_claim bulla_receipt_claims[BULLA_RECEIPT_CLAIMS]; /* in the order of the encoded keys */

/* The rules that a table of claims can't say. BULLA_RECEIPT_INVALID with the claim. */
enum bulla_reason bulla_receipt_check(const struct bulla_receipt *receipt) BULLA_MUST_USE;
/* "pcr0" … "pcr23" as 0 … 23; -1 for anything else. */
int bulla_receipt_pcr_index(struct bulla_bytes name);

#endif
