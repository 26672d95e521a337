/* Fast key erasure, as D. J. Bernstein describes it (blog.cr.yp.to, 2017-07-23): a refill takes 32 + BUFFER bytes of
 * ChaCha20 under the key, counter and nonce zero; the first 32 become the next key, in place of the one that made them,
 * and the rest is what is given. A key makes one keystream only, so the nonce need not change.
 *
 * The kernel's seed is added to the key, not put in its place: what comes out is at least as unforeseeable as either.
 *
 * A copy of the memory that neither the arena nor this file sees (a virtual machine's snapshot) repeats what is in the
 * buffer, as with any generator in a process; the time limit bounds it, and keys do not come from here. */
#include "random.h"

#include <string.h>
#include <time.h>

#include "arena.h"
#include "library.h"

static uint64_t seconds_now(void)
{
    struct timespec time = {0};
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return (uint64_t)time.tv_sec + 1;
}

static void seed(struct bulla_random *random, uint64_t now)
{
    uint8_t fresh[32]; /* wiped: with the key before, it is the key */
    randombytes_buf(fresh, sizeof fresh);
    for (size_t i = 0; i < sizeof fresh; i++)
        random->key[i] ^= fresh[i];
    bulla_wipe(fresh, sizeof fresh);
    random->given = 0;
    random->seeded_at = now;
}

static void refill(struct bulla_random *random)
{
    static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES] = {0};
    struct {
        uint8_t key[32], bytes[BULLA_RANDOM_BUFFER];
    } stream; /* wiped */
    (void)crypto_stream_chacha20((uint8_t *)&stream, sizeof stream, nonce, random->key);
    memcpy(random->key, stream.key, sizeof random->key);
    memcpy(random->buffer, stream.bytes, sizeof random->buffer);
    random->left = BULLA_RANDOM_BUFFER;
    bulla_wipe(&stream, sizeof stream);
}

/* In a forked child the state is zeros: `left` says refill, `seeded_at` says seed. */
static void make_ready(struct bulla_random *random)
{
    uint64_t now = seconds_now();
    bulla_sodium_ready();
    if (random->seeded_at == 0 || random->given >= BULLA_RANDOM_RESEED ||
        now - random->seeded_at >= BULLA_RANDOM_RESEED_SECONDS)
        seed(random, now);
    refill(random);
}

void bulla_random_fill(struct bulla_random *random, void *bytes, size_t size)
{
    if (size > BULLA_RANDOM_BUFFER) {
        bulla_sodium_ready();
        randombytes_buf(bytes, size);
        return;
    }
    if (size == 0)
        return;
    if (size > random->left)
        make_ready(random); /* what is left is dropped */
    random->left -= (uint32_t)size;
    random->given += (uint32_t)size;
    memcpy(bytes, random->buffer + random->left, size);
    bulla_wipe(random->buffer + random->left, size);
}
