/* What a token says of a KES key: its depth, its last period and, of a private key, its verification key. The secret
 * and the period, which change, are core's to keep elsewhere (core/states.h): in the draft of a new key they are
 * CKA_VALUE and CKA_BULLA_KES_PERIOD, and in that of one that is opened they are missing. */
#include <sodium.h>

#include "kes.h"

static enum bulla_reason check_depth(CK_ULONG depth)
{
    if (depth > BULLA_KES_DEPTH_LARGEST)
        return bulla_refuse(
            BULLA_KEY_VALUE, "KES keys have a depth of 0 to %d, not %lu", BULLA_KES_DEPTH_LARGEST, depth);
    return BULLA_OK;
}

/* The chain's clock is given whole or not at all: without a start nobody can tell what slot it is. */
static enum bulla_reason check_clock(const struct bulla_draft *key)
{
    bool start = bulla_draft_get(key, CKA_BULLA_KES_START_TIME).data != NULL;
    bool slots = bulla_draft_get(key, CKA_BULLA_KES_SLOTS_PER_PERIOD).data != NULL;
    bool more =
        bulla_draft_get(key, CKA_BULLA_KES_START_SLOT).data || bulla_draft_get(key, CKA_BULLA_KES_SLOT_LENGTH).data;
    if (start != slots || (more && !start))
        return bulla_refuse(BULLA_KEY_INCOMPLETE, "a KES key's clock needs its start time and its slots in a period");
    if (bulla_draft_ulong(key, CKA_BULLA_KES_SLOTS_PER_PERIOD, 1) == 0 ||
        bulla_draft_ulong(key, CKA_BULLA_KES_SLOT_LENGTH, 1) == 0)
        return bulla_refuse(BULLA_KEY_VALUE, "a KES key's periods and slots have a length");
    return BULLA_OK;
}

static enum bulla_reason put_shape(struct bulla_draft *key, unsigned depth)
{
    BULLA_TRY(bulla_draft_put_ulong(key, CKA_BULLA_KES_DEPTH, depth));
    return bulla_draft_put_ulong(key, CKA_BULLA_KES_LAST_PERIOD, bulla_kes_periods(depth) - 1);
}

/* Both halves of what is secret in a key being made, in the arena. */
struct making {
    struct bulla_kes_secret secret;
    uint8_t seed[32], raw[BULLA_KES_RAW_LARGEST];
};

static enum bulla_reason put_private(
    struct bulla_draft *draft, const struct bulla_kes_key *key, const struct bulla_kes_secret *secret)
{
    uint8_t *value;
    BULLA_TRY(check_clock(draft));
    BULLA_TRY(put_shape(draft, key->depth));
    BULLA_TRY(bulla_draft_put_ulong(draft, CKA_BULLA_KES_PERIOD, key->period));
    BULLA_TRY(bulla_draft_put(draft, CKA_BULLA_KES_VERIFICATION_KEY, BULLA_BYTES(key->nodes[1])));
    BULLA_TRY(bulla_draft_space(draft, CKA_VALUE, bulla_kes_raw_size(key->depth), &value));
    memcpy(value, secret->raw, bulla_kes_raw_size(key->depth));
    return BULLA_OK;
}

/* --- keys from outside --- */

static enum bulla_reason complete_private(struct bulla_draft *draft)
{
    struct bulla_kes_key key;
    BULLA_SECRET struct making *making = NULL;
    struct bulla_bytes given_depth = bulla_draft_get(draft, CKA_BULLA_KES_DEPTH);
    CK_ULONG wanted = bulla_draft_ulong(draft, CKA_BULLA_KES_DEPTH, 0);
    CK_ULONG period = bulla_draft_ulong(draft, CKA_BULLA_KES_PERIOD, 0);
    unsigned depth = 0;
    BULLA_TRY(check_depth(wanted));
    BULLA_TRY(bulla_secret_allocate(sizeof *making, (void **)&making));
    BULLA_TRY(bulla_kes_form_read(
        bulla_draft_get(draft, CKA_VALUE), given_depth.data ? (int)wanted : BULLA_KES_DEPTH_ANY, making->raw, &depth));
    if (period >= bulla_kes_periods(depth))
        return bulla_refuse(BULLA_KES_OVER, "a KES key of depth %u has periods 0 to %u, not %lu", depth,
            bulla_kes_periods(depth) - 1, period);
    BULLA_TRY(bulla_kes_import(
        (struct bulla_bytes){making->raw, bulla_kes_raw_size(depth)}, depth, (unsigned)period, &key, &making->secret));
    return put_private(draft, &key, &making->secret);
}

static enum bulla_reason complete_public(struct bulla_draft *draft)
{
    struct bulla_bytes value = bulla_draft_get(draft, CKA_VALUE);
    CK_ULONG depth = bulla_draft_ulong(draft, CKA_BULLA_KES_DEPTH, BULLA_KES_DEPTH_STANDARD);
    BULLA_TRY(check_depth(depth));
    if (value.size != BULLA_KES_HASH)
        return bulla_refuse(BULLA_KEY_VALUE, "a KES verification key has 32 bytes, not %zu", value.size);
    if (bulla_draft_ulong(draft, CKA_BULLA_KES_PERIOD, 0) >= bulla_kes_periods((unsigned)depth))
        return bulla_refuse(BULLA_KES_OVER, "a KES key of depth %lu has no such period", depth);
    return put_shape(draft, (unsigned)depth);
}

enum bulla_reason bulla_kes_key_complete(struct bulla_draft *key)
{
    return key->object_class == CKO_PRIVATE_KEY ? complete_private(key) : complete_public(key);
}

/* --- keys that are opened: what is public of either half --- */

enum bulla_reason bulla_kes_key_open(const struct bulla_draft *key, struct bulla_material *material)
{
    bool own = key->object_class == CKO_PRIVATE_KEY;
    struct bulla_bytes value = bulla_draft_get(key, own ? CKA_BULLA_KES_VERIFICATION_KEY : CKA_VALUE);
    CK_ULONG depth = bulla_draft_ulong(key, CKA_BULLA_KES_DEPTH, CK_UNAVAILABLE_INFORMATION);
    BULLA_TRY(check_depth(depth));
    if (value.size != BULLA_KES_HASH)
        return bulla_refuse(BULLA_KEY_INVALID, "a KES verification key of %zu bytes", value.size);
    BULLA_TRY(bulla_secret_hold(&material->value, value.size, "a key"));
    memcpy(material->value.data, value.data, value.size);
    material->size = depth;
    material->period = bulla_draft_ulong(key, CKA_BULLA_KES_PERIOD, CK_UNAVAILABLE_INFORMATION);
    return BULLA_OK;
}

/* --- generating --- */

static enum bulla_reason chosen_depth(
    const struct bulla_draft *public_key, const struct bulla_draft *private_key, CK_ULONG *depth)
{
    *depth = bulla_draft_ulong(
        private_key, CKA_BULLA_KES_DEPTH, bulla_draft_ulong(public_key, CKA_BULLA_KES_DEPTH, BULLA_KES_DEPTH_STANDARD));
    if (bulla_draft_ulong(public_key, CKA_BULLA_KES_DEPTH, *depth) != *depth)
        return bulla_refuse(BULLA_KEY_INCONSISTENT, "the two halves of a KES key have one depth");
    if (bulla_draft_ulong(private_key, CKA_BULLA_KES_PERIOD, 0) != 0)
        return bulla_refuse(BULLA_KEY_INCONSISTENT, "a new KES key is in period 0");
    return check_depth(*depth);
}

enum bulla_reason bulla_kes_key_generate(
    const CK_MECHANISM *mechanism, struct bulla_draft *public_key, struct bulla_draft *private_key)
{
    struct bulla_kes_key key;
    BULLA_SECRET struct making *making = NULL;
    CK_ULONG depth;
    BULLA_TRY(bulla_mechanism_bare(mechanism));
    BULLA_TRY(chosen_depth(public_key, private_key, &depth));
    BULLA_TRY(bulla_secret_allocate(sizeof *making, (void **)&making));
    randombytes_buf(making->seed, sizeof making->seed);
    BULLA_TRY(bulla_kes_generate(making->seed, (unsigned)depth, 1, &key, &making->secret));
    BULLA_TRY(put_private(private_key, &key, &making->secret));
    BULLA_TRY(bulla_draft_put(public_key, CKA_VALUE, BULLA_BYTES(key.nodes[1])));
    return put_shape(public_key, (unsigned)depth);
}
