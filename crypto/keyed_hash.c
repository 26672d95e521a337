#include "keyed_hash.h"

#include "arena.h"
#include "library.h"

/* The state holds the key for the length of this call. It is on the stack, not in the arena, because a commitment
 * cannot fail for want of memory; it is wiped here (libsodium's own copy in the first block is wiped there). */
void bulla_keyed_hash(
    const uint8_t key[static 32], const struct bulla_bytes *parts, size_t count, uint8_t digest[static 32])
{
    crypto_generichash_state state;
    bulla_sodium_ready();
    (void)crypto_generichash_init(&state, key, 32, 32);
    for (size_t i = 0; i < count; i++)
        if (parts[i].size > 0)
            (void)crypto_generichash_update(&state, parts[i].data, parts[i].size);
    (void)crypto_generichash_final(&state, digest, 32);
    bulla_wipe(&state, sizeof state);
}
