/* What goes to CKM_BULLA_INFER and what comes back, and the bundle that keeps both for whoever verifies the receipt.
 *
 *   request = {"nonce"?: bstr 8..64, "texts": [1*tstr], "tokens"?: true, "max_length"?: uint}
 *   answer  = {"model"?: tstr, "tokens"?: [[uint]], "receipt": bstr, "evidence"?: bstr, "embeddings": [bstr f32le],
 *              "request_salt": bstr 32, "response_salt": bstr 32}
 *   bundle  = {"answer": bstr, "request": bstr}
 * All deterministic CBOR (docs/formats.md). Views point into the bytes that were read. */
#ifndef BULLA_TOOLS_EXCHANGE_H
#define BULLA_TOOLS_EXCHANGE_H

#include "crypto/cbor.h"

enum { BULLA_BUNDLE_LARGEST = 64 << 20 };

struct bulla_request {
    struct bulla_bytes *texts; /* UTF-8 */
    size_t count;
    struct bulla_bytes nonce; /* empty: none */
    uint64_t max_length;      /* tokens; 0: the model's own */
    bool tokens;              /* ask for the token ids */
};
void bulla_request_write(const struct bulla_request *request, struct bulla_writer *writer);

struct bulla_answer {
    struct bulla_bytes model; /* empty: not told */
    struct bulla_bytes receipt, evidence;
    struct bulla_bytes request_salt, response_salt;
    struct bulla_cbor embeddings; /* the array; its encoding is what the receipt's response hash is over */
    struct bulla_cbor tokens;     /* kind BULLA_CBOR_NULL: not told */
    size_t dimension;             /* numbers in each embedding */
};
/* Checks the whole form: every embedding is a byte string of the same number of f32. */
enum bulla_reason bulla_answer_read(struct bulla_bytes bytes, struct bulla_answer *answer) BULLA_MUST_USE;
/* embeddings.number × dimension floats, row after row. */
void bulla_answer_numbers(const struct bulla_answer *answer, float *numbers);

void bulla_bundle_write(struct bulla_bytes answer, struct bulla_bytes request, struct bulla_writer *writer);
enum bulla_reason bulla_bundle_read(
    struct bulla_bytes bytes, struct bulla_bytes *answer, struct bulla_bytes *request) BULLA_MUST_USE;

#endif
