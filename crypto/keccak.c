/* OpenSSL has Keccak-256 from 3.2 on, Debian 12 has 3.0; nettle gives the permutation, and a sponge around it is
 * little: 136 bytes of the input are xored into the first 17 lanes, the state is permuted; the last block ends in 0x01
 * … 0x80; the digest is the first four lanes. Lanes are little-endian whatever the machine. */
#include "keccak.h"

#include <nettle/sha3.h>

enum { RATE = 136, DIGEST = 32 };

static void absorb(struct sha3_state *state, size_t at, uint8_t byte)
{
    state->a[at / 8] ^= (uint64_t)byte << 8 * (at % 8);
}

void bulla_keccak256(const struct bulla_bytes *parts, size_t count, uint8_t digest[static 32])
{
    struct sha3_state state = {{0}};
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < parts[i].size; j++) {
            absorb(&state, at++, parts[i].data[j]);
            if (at < RATE)
                continue;
            sha3_permute(&state);
            at = 0;
        }
    absorb(&state, at, 0x01);
    absorb(&state, RATE - 1, 0x80);
    sha3_permute(&state);
    for (size_t i = 0; i < DIGEST; i++)
        digest[i] = (uint8_t)(state.a[i / 8] >> 8 * (i % 8));
}
