/* HMAC over every hash of the table, whole or cut (GENERAL: its parameter is how many bytes, a CK_ULONG from 1 to the
 * hash's size). Keys are generic secrets and those of the hash's own type.
 *
 * RFC 2104 is HMAC over BLAKE2b as well (CKM_BLAKE2B_256_HMAC and its kin): BLAKE2b's own keyed mode is another thing,
 * and not what these names mean. */
#include <sodium.h>

#include "families.h"
#include "hmac.h"

struct state {
    struct bulla_hmac hmac;
    const struct bulla_hash *hash; /* what the key was prepared for; a generic secret may serve more than one */
    size_t size;                   /* bytes of the MAC */
};

static enum bulla_reason read_size(const CK_MECHANISM *mechanism, const struct bulla_hash *hash, size_t *size)
{
    CK_ULONG general;
    *size = hash->size;
    if (mechanism->mechanism == hash->hmac)
        return bulla_mechanism_bare(mechanism);
    BULLA_TRY(bulla_mechanism_parameter(mechanism, sizeof general));
    memcpy(&general, mechanism->pParameter, sizeof general);
    if (general == 0 || general > hash->size)
        return bulla_refuse(BULLA_PARAMETER, "a MAC of %lu bytes by %s", general, hash->name);
    *size = general;
    return BULLA_OK;
}

static enum bulla_reason begin(struct bulla_run *run, const CK_MECHANISM *mechanism)
{
    struct state *state = run->state;
    const struct bulla_hash *hash = run->mechanism->detail;
    BULLA_TRY(read_size(mechanism, hash, &state->size));
    if (state->hash != hash)
        BULLA_TRY(bulla_hmac_key(&state->hmac, hash, run->key->secret));
    state->hash = hash;
    return bulla_hmac_begin(&state->hmac);
}

static enum bulla_reason bound(
    const struct bulla_run *run, enum bulla_phase phase, struct bulla_bytes in, size_t *bytes)
{
    const struct state *state = run->state;
    (void)in;
    *bytes = phase == BULLA_UPDATE ? 0 : state->size;
    return BULLA_OK;
}

static enum bulla_reason update(struct bulla_run *run, struct bulla_bytes in, struct bulla_writer *out)
{
    struct state *state = run->state;
    (void)out;
    return bulla_hmac_update(&state->hmac, in);
}

/* The whole MAC is as secret as its uncut part is not given out: it is wiped. */
static enum bulla_reason finish(struct bulla_run *run, struct bulla_writer *out)
{
    struct state *state = run->state;
    uint8_t mac[BULLA_HASH_LARGEST];
    enum bulla_reason reason = bulla_hmac_finish(&state->hmac, mac);
    if (reason == BULLA_OK)
        bulla_write(out, mac, state->size);
    bulla_wipe(mac, sizeof mac);
    return reason;
}

static enum bulla_reason verify_finish(struct bulla_run *run, struct bulla_bytes signature)
{
    struct state *state = run->state;
    uint8_t mac[BULLA_HASH_LARGEST];
    if (signature.size != state->size)
        return bulla_refuse(BULLA_SIGNATURE_LENGTH, "the MAC has %zu bytes, not %zu", state->size, signature.size);
    enum bulla_reason reason = bulla_hmac_finish(&state->hmac, mac);
    if (reason == BULLA_OK && sodium_memcmp(mac, signature.data, state->size) != 0)
        reason = bulla_refuse(BULLA_VERIFY_FAILED, "the MAC is another one");
    bulla_wipe(mac, sizeof mac);
    return reason;
}

static void end(void *state)
{
    struct state *its = state;
    bulla_hmac_end(&its->hmac);
}

static const struct bulla_processor processor = {
    .state_size = sizeof(struct state),
    .reuse = true,
    .plain = true,
    .begin = begin,
    .bound = bound,
    .update = update,
    .finish = finish,
    .verify_finish = verify_finish,
    .end = end,
};

enum { LARGEST = 8192 }; /* bytes of a key */

#define KEYS(name)                                                                                                     \
    {                                                                                                                  \
        .count = 2, .types = { CKK_##name##_HMAC, CKK_GENERIC_SECRET }                                                 \
    }
static const struct bulla_key_rule keys[BULLA_HASHES] = {
    [BULLA_SHA1] = KEYS(SHA_1),
    [BULLA_SHA224] = KEYS(SHA224),
    [BULLA_SHA256] = KEYS(SHA256),
    [BULLA_SHA384] = KEYS(SHA384),
    [BULLA_SHA512] = KEYS(SHA512),
    [BULLA_SHA512_224] = KEYS(SHA512_224),
    [BULLA_SHA512_256] = KEYS(SHA512_256),
    [BULLA_SHA3_224] = KEYS(SHA3_224),
    [BULLA_SHA3_256] = KEYS(SHA3_256),
    [BULLA_SHA3_384] = KEYS(SHA3_384),
    [BULLA_SHA3_512] = KEYS(SHA3_512),
    [BULLA_BLAKE2B_160] = KEYS(BLAKE2B_160),
    [BULLA_BLAKE2B_256] = KEYS(BLAKE2B_256),
    [BULLA_BLAKE2B_384] = KEYS(BLAKE2B_384),
    [BULLA_BLAKE2B_512] = KEYS(BLAKE2B_512),
};

#define ROW(suffix, hash, its_parameter)                                                                               \
    {                                                                                                                  \
        BULLA_MECHANISM(CKM_##suffix), .parameter = (its_parameter), .info = {1, LARGEST, CKF_SIGN | CKF_VERIFY},      \
                                       .keys = &keys[hash], .detail = &bulla_hashes[hash], .processors = {             \
                                           [BULLA_SIGN] = &processor,                                                  \
                                           [BULLA_VERIFY] = &processor                                                 \
                                       }                                                                               \
    }
#define ROWS(name, hash) ROW(name##_HMAC, hash, NULL), ROW(name##_HMAC_GENERAL, hash, "CK_ULONG: bytes of the MAC")

static const struct bulla_mechanism rows[] = {
    ROWS(SHA_1, BULLA_SHA1),
    ROWS(SHA224, BULLA_SHA224),
    ROWS(SHA256, BULLA_SHA256),
    ROWS(SHA384, BULLA_SHA384),
    ROWS(SHA512, BULLA_SHA512),
    ROWS(SHA512_224, BULLA_SHA512_224),
    ROWS(SHA512_256, BULLA_SHA512_256),
    ROWS(SHA3_224, BULLA_SHA3_224),
    ROWS(SHA3_256, BULLA_SHA3_256),
    ROWS(SHA3_384, BULLA_SHA3_384),
    ROWS(SHA3_512, BULLA_SHA3_512),
    ROWS(BLAKE2B_160, BULLA_BLAKE2B_160),
    ROWS(BLAKE2B_256, BULLA_BLAKE2B_256),
    ROWS(BLAKE2B_384, BULLA_BLAKE2B_384),
    ROWS(BLAKE2B_512, BULLA_BLAKE2B_512),
};

const struct bulla_family bulla_mac_family = {
    .name = "mac",
    .mechanisms = rows,
    .count = sizeof rows / sizeof rows[0],
};
