/* Run under valgrind's memcheck, which is told that every secret is undefined memory: a branch or an address that
 * depends on one is then an error of memcheck's (after A. Langley's ctgrind). What is public by design is told to be
 * defined where it leaves: verification keys and signatures. Outside valgrind this program shows nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "crypto/arena.h"
#include "crypto/kes.h"

static const struct bulla_bytes message = {(const uint8_t *)"a block header", 14};

static void must(enum bulla_reason reason)
{
    if (reason != BULLA_OK)
        abort();
}

static enum bulla_reason push(void *context, const uint8_t *piece, size_t size)
{
    memcpy(context, piece, size);
    return BULLA_OK;
}

static void live(unsigned depth, struct bulla_kes_key *key, struct bulla_kes_secret *secret, uint8_t *seed)
{
    uint8_t signature[BULLA_KES_SIGNATURE_LARGEST], piece[32];
    memset(seed, 7, 32);
    (void)VALGRIND_MAKE_MEM_UNDEFINED(seed, 32);
    must(bulla_kes_generate(seed, depth, 1, key, secret));
    (void)VALGRIND_MAKE_MEM_DEFINED(key->nodes, sizeof key->nodes);
    for (;;) {
        for (int scheme = 0; scheme < BULLA_KES_SCHEMES; scheme++) {
            must(bulla_kes_sign((enum bulla_kes_scheme)scheme, key, secret, message, signature));
            size_t size = bulla_kes_signature_size((enum bulla_kes_scheme)scheme, depth);
            (void)VALGRIND_MAKE_MEM_DEFINED(signature, size);
            struct bulla_kes_claim claim = {
                (enum bulla_kes_scheme)scheme, depth, key->period, key->nodes[1], message, {signature, size}};
            must(bulla_kes_verify(&claim));
        }
        must(bulla_kes_direct_write(key, secret, push, piece));
        if (key->period + 1 == bulla_kes_periods(depth))
            break;
        must(bulla_kes_evolve(key, secret));
    }
}

int main(void)
{
    struct bulla_kes_key *key = calloc(1, sizeof *key);
    void *secret = NULL;
    void *seed = NULL;
    must(bulla_secret_allocate(sizeof(struct bulla_kes_secret), &secret));
    must(bulla_secret_allocate(32, &seed));
    if (!key || !RUNNING_ON_VALGRIND)
        return 2;
    for (unsigned depth = 0; depth <= 4; depth++)
        live(depth, key, secret, seed);
    /* That memcheck would see: a branch on a secret, as an attacker would like it. */
    if (getenv("BULLA_LEAK") && ((struct bulla_kes_secret *)secret)->raw[0] & 1)
        (void)puts("odd");
    free(key);
    return 0;
}
