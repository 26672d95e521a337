/* A key with its secret, and claims about what it signed, for the tests of KES. */
#ifndef BULLA_TESTS_KES_SIGNER_H
#define BULLA_TESTS_KES_SIGNER_H

#include "support/test.h"

#include "crypto/kes.h"
#include "kes_oracle.h"

/* input-output-hk/kes @57d2f944: see tests/vectors/kes/README.md */
extern const uint8_t kes_published_seed[33]; /* with its closing zero */
extern const struct bulla_bytes kes_published_message;

struct signer {
    struct bulla_kes_key key;
    struct bulla_kes_secret *secret;
};

/* Without a seed: memory for a key. */
struct signer *signer_open(const uint8_t *seed, unsigned depth);
void signer_close(struct signer *signer);
void signer_evolve_to(struct signer *signer, unsigned period);
bool signer_is_wiped(const struct signer *signer);

struct bulla_kes_claim claim_of(enum bulla_kes_scheme scheme, const struct signer *signer, uint64_t period,
    struct bulla_bytes message, const uint8_t *signature);

/* What DirectSerialise pushes and DirectDeserialise pulls; they refuse the piece `refuse_at`. */
struct pieces {
    uint8_t bytes[ORACLE_RAW];
    size_t count, refuse_at;
};
bulla_kes_push pieces_push;
bulla_kes_pull pieces_pull;

void seed_for(unsigned number, uint8_t seed[32]);
/* The bytes of tests/vectors/kes/<name>.bin, no more and no fewer. */
void assert_published(const char *name, const uint8_t *bytes, size_t size);

#endif
