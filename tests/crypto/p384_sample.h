/* A key of P-384 with a signature, judged by nettle and OpenSSL together and by OpenSSL alone. */
#ifndef BULLA_TESTS_P384_SAMPLE_H
#define BULLA_TESTS_P384_SAMPLE_H

#include "support/test.h"

#include "crypto/p384.h"
#include "crypto/signature.h"

enum { FIELD = 48 };

struct sample {
    uint8_t point[BULLA_P384_POINT], pair[BULLA_P384_SIGNATURE], digest[FIELD];
};
static inline struct bulla_bytes digest_of(const struct sample *sample)
{
    return BULLA_BYTES(sample->digest);
}

extern const struct bulla_bytes sample_message; /* what a sample's digest is of, but where a test says another */
/* A key, and its signature of the message. */
void sample_make(struct sample *sample);
void sample_hash(struct sample *sample, struct bulla_bytes bytes);

/* By bulla_signature_verify. */
enum bulla_reason sample_verify(const struct sample *sample, struct bulla_bytes bytes);
/* What is taken is what OpenSSL takes; nettle's yes is never another. */
void judged_alike(const struct sample *sample, bool expected);
void message_judged_alike(const struct sample *sample, enum bulla_reason expected);

#endif
