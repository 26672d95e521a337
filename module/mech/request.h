/* Requests for an inference: plain UTF-8 text, or a deterministic CBOR map (docs/formats.md, "Request"). */
#ifndef BULLA_MECH_REQUEST_H
#define BULLA_MECH_REQUEST_H

#include "crypto/cbor.h"

enum { BULLA_REQUEST_TEXTS = 1024, BULLA_REQUEST_LARGEST = 8 << 20 };

struct bulla_request {
    struct bulla_bytes nonce; /* 8 to 64 bytes, or empty */
    struct bulla_cbor texts;  /* the array; of plain text: kind BULLA_CBOR_NULL, and `plain` */
    struct bulla_bytes plain;
    size_t count;
    bool tokens;      /* give the token ids too */
    unsigned longest; /* tokens of a text; 0: the model's own */
};

/* Views into `bytes`. BULLA_REQUEST_MALFORMED, _EMPTY, _TOO_LARGE. */
enum bulla_reason bulla_request_read(struct bulla_bytes bytes, struct bulla_request *request) BULLA_MUST_USE;

/* Walks the texts of either form. */
struct bulla_request_walk {
    const struct bulla_request *request;
    struct bulla_cbor_walk walk;
    size_t next;
};
struct bulla_request_walk bulla_request_texts(const struct bulla_request *request);
bool bulla_request_next(struct bulla_request_walk *walk, struct bulla_bytes *text);

#endif
