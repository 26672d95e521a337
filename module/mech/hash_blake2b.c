/* BLAKE2b of any length is libsodium's. Its state wants an address that is a multiple of 64, which a hasher's need not
 * be.
 *
 * What is in the state is nobody's to read but libsodium's: it is saved as it is, which is as much as copying it. One
 * of its fields is a size that libsodium trusts, so a state that somebody made up must not be taken: a saved one
 * carries the keyed hash of its bytes and of the mechanism, under a key that the process draws at the first saving and
 * forgets at C_Finalize. So a state is restored by the process that saved it, and by no other, where libsodium might be
 * another one, too. */
#include <sodium.h>
#include <stdatomic.h>

#include "crypto/arena.h"
#include "crypto/keyed_hash.h"
#include "crypto/library.h"
#include "hash_engine.h"

enum { SAVED = sizeof(crypto_generichash_blake2b_state), VOUCHER = 32 };

_Static_assert(SAVED + 63 <= sizeof(((struct bulla_hasher *)0)->state.blake2b),
    "a hasher has room for BLAKE2b's state wherever it lies");

static crypto_generichash_blake2b_state *state_of(const struct bulla_hasher *hasher)
{
    return (crypto_generichash_blake2b_state *)(((uintptr_t)hasher->state.blake2b + 63) & ~(uintptr_t)63);
}

static bool begin(struct bulla_hasher *hasher)
{
    return crypto_generichash_blake2b_init(state_of(hasher), NULL, 0, hasher->hash->size) == 0;
}

static bool update(struct bulla_hasher *hasher, struct bulla_bytes in)
{
    return crypto_generichash_blake2b_update(state_of(hasher), in.data, in.size) == 0;
}

static bool finish(struct bulla_hasher *hasher, uint8_t *out)
{
    return crypto_generichash_blake2b_final(state_of(hasher), out, hasher->hash->size) == 0;
}

static bool copy(struct bulla_hasher *to, const struct bulla_hasher *from)
{
    memcpy(state_of(to), state_of(from), SAVED);
    return true;
}

static void end(struct bulla_hasher *hasher)
{
    bulla_wipe(hasher->state.blake2b, sizeof hasher->state.blake2b);
}

/* --- saving --- */

/* In the arena, and so zeroes in a forked child, which draws another one. */
struct voucher_key {
    uint8_t key[32];
    uint8_t drawn; /* 1 */
};
static _Atomic(struct voucher_key *) kept;

/* Two threads may draw at once: the second takes the first's. */
static enum bulla_reason find_key(const struct voucher_key **key)
{
    BULLA_SECRET struct voucher_key *made = NULL;
    struct voucher_key *found = atomic_load(&kept);
    *key = found;
    if (found && found->drawn)
        return BULLA_OK;
    BULLA_TRY(bulla_secret_allocate(sizeof *made, (void **)&made));
    bulla_sodium_ready();
    randombytes_buf(made->key, sizeof made->key);
    made->drawn = 1;
    *key = atomic_compare_exchange_strong(&kept, &found, made) ? BULLA_SECRET_KEEP(made) : found;
    return BULLA_OK;
}

void bulla_blake2b_close(void)
{
    bulla_secret_free(atomic_exchange(&kept, NULL));
}

/* Over the hash's length too: a state of BLAKE2b-256 is none of BLAKE2b-512. */
static enum bulla_reason vouch(const struct bulla_hash *hash, struct bulla_bytes state, uint8_t voucher[static VOUCHER])
{
    const struct voucher_key *key;
    const uint8_t size = (uint8_t)hash->size;
    const struct bulla_bytes parts[] = {{&size, 1}, state};
    BULLA_TRY(find_key(&key));
    bulla_keyed_hash(key->key, parts, 2, voucher);
    return BULLA_OK;
}

static enum bulla_reason save(const struct bulla_hasher *hasher, struct bulla_writer *out)
{
    const struct bulla_bytes state = {(const uint8_t *)state_of(hasher), SAVED};
    uint8_t voucher[VOUCHER]; /* public */
    BULLA_TRY(vouch(hasher->hash, state, voucher));
    bulla_write_bytes(out, state);
    bulla_write(out, voucher, sizeof voucher);
    return BULLA_OK;
}

static bool restore(struct bulla_hasher *hasher, struct bulla_reader *in)
{
    uint8_t voucher[VOUCHER]; /* the right one of bytes that somebody made up: wiped */
    struct bulla_bytes state = bulla_read(in, SAVED), given = bulla_read(in, VOUCHER);
    bool right = !in->failed && vouch(hasher->hash, state, voucher) == BULLA_OK &&
                 sodium_memcmp(voucher, given.data, VOUCHER) == 0;
    if (right)
        memcpy(state_of(hasher), state.data, SAVED);
    bulla_wipe(voucher, sizeof voucher);
    return right;
}

const struct bulla_hash_engine bulla_blake2b_engine = {begin, update, finish, copy, end, save, restore};
