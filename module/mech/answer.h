/* Answers: what an inference gives back, and the receipt for it (docs/formats.md, "Answer" and "Receipt"). */
#ifndef BULLA_MECH_ANSWER_H
#define BULLA_MECH_ANSWER_H

#include "crypto/pages.h"
#include "evidence/receipt.h"
#include "model.h"
#include "request.h"

/* Everything of an answer but its embeddings, tokens and evidence: receipt, salts, labels, CBOR heads. */
enum { BULLA_ANSWER_OVERHEAD = BULLA_RECEIPT_LARGEST + 1024 };

struct bulla_answer {
    const struct bulla_open_model *model;
    const struct bulla_request *request;
    struct bulla_bytes request_bytes;
    struct bulla_pages *pages; /* where tokens and embeddings lie */
    struct bulla_token_batch batch;
    const float *embeddings; /* [texts, dimension] */
    size_t dimension;
    uint64_t milliseconds;
};

/* Appends the answer to `out` and audits it. */
enum bulla_reason bulla_answer_write(
    struct bulla_run *run, const struct bulla_answer *answer, struct bulla_writer *out) BULLA_MUST_USE;

#endif
