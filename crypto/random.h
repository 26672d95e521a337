/* Random bytes without a system call for each request: for callers that ask for a few bytes, very often.
 *
 * A state is a buffer of ChaCha20's keystream, made under a key from the kernel. It lies in the arena, zeroed before
 * its first use, and so is all zeros again in a forked child: zeros are taken as "not seeded yet". Bytes that were
 * given out are erased from it at once, and the key that made them before that: who reads a state learns what it will
 * give until the next reseeding, and nothing of what it gave. One thread at a time.
 *
 * Keys are not made with it: they come from the kernel (randombytes_buf), as what is larger than the buffer does. */
#ifndef BULLA_CRYPTO_RANDOM_H
#define BULLA_CRYPTO_RANDOM_H

#include <stddef.h>
#include <stdint.h>

enum {
    BULLA_RANDOM_BUFFER = 928,        /* bytes that one refill gives */
    BULLA_RANDOM_RESEED = 1 << 20,    /* a fresh seed from the kernel after this many bytes, */
    BULLA_RANDOM_RESEED_SECONDS = 60, /* or this many seconds, whichever comes first */
};

struct bulla_random {
    uint8_t key[32];
    uint8_t buffer[BULLA_RANDOM_BUFFER]; /* the first `left` bytes are still to be given */
    uint32_t left;
    uint32_t given;     /* since it was seeded */
    uint64_t seeded_at; /* seconds of CLOCK_MONOTONIC, plus one; 0: not seeded */
};

/* Without a source of random numbers the process ends (libsodium). */
void bulla_random_fill(struct bulla_random *random, void *bytes, size_t size);

#endif
