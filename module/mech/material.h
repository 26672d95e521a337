/* A key's material: what libraries want of an opened key, made once for each opening and shared by all operations.
 *
 * The object holds one reference while it is open, each operation one while it runs: what ends the opening (logout, a
 * lease, destruction) cuts no operation short, and the last one wipes. Operations that can be begun again leave their
 * state here for the next one (`idle`), so that a context and its key schedule are made once.
 *
 * Values lie in locked memory. OpenSSL's contexts hold raw keys on the heap: docs/THREAT-MODEL.md lists them. A forked
 * child frees all that the parent left idle (bulla_materials_abandon). */
#ifndef BULLA_MECH_MATERIAL_H
#define BULLA_MECH_MATERIAL_H

#include <stdatomic.h>

#include "bulla_pkcs11.h"
#include "crypto/secret.h"

struct evp_pkey_st;
struct bulla_processor;

/* States that a material keeps; and plain ones (mechanism.h) that all sessions together keep, for locked memory is
 * scarce. */
enum { BULLA_IDLE_MOST = 4, BULLA_PLAIN_MOST = 256 };

struct bulla_material {
    atomic_uint references;
    struct evp_pkey_st *pkey;  /* of pairs, where OpenSSL works with them; else NULL */
    struct bulla_secret value; /* raw bytes, as the kind's open says */
    /* In the unit of CK_MECHANISM_INFO's key sizes: bits of RSA and EC, depth of KES, bytes of the public key of
     * post-quantum kinds, bytes of others. */
    size_t size;
    CK_ULONG curve;  /* of EC and post-quantum kinds: their own number for the curve or the parameter set */
    CK_ULONG period; /* of KES public keys: what signatures must be of; CK_UNAVAILABLE_INFORMATION: any */
    _Atomic(void *) idle[BULLA_IDLE_MOST];
    struct bulla_material *next, *previous; /* the list of all, for a forked child */
};

struct bulla_key_kind;
struct bulla_draft;

/* Opens the draft's key; one reference, the caller's. */
enum bulla_reason bulla_material_make(
    const struct bulla_key_kind *kind, const struct bulla_draft *key, struct bulla_material **material) BULLA_MUST_USE;
struct bulla_material *bulla_material_keep(struct bulla_material *material);
void bulla_material_drop(struct bulla_material *material); /* NULL is allowed */

/* State of a processor: `state_size` bytes, zeroed when new; in locked memory unless it is to hold contexts. */
enum bulla_reason bulla_state_make(const struct bulla_processor *processor, void **state) BULLA_MUST_USE;
/* Whether a state may be kept when its operation went well. */
bool bulla_state_stays(const struct bulla_processor *processor);
/* Ends it (processor->end), wipes and frees it; NULL is allowed. */
void bulla_state_free(void *state);
/* An idle state of this processor, or NULL. */
void *bulla_material_take(struct bulla_material *material, const struct bulla_processor *processor);
/* Leaves a state for the next operation; it is freed where there is no room. */
void bulla_material_leave(struct bulla_material *material, void *state);

/* Held over a fork, so that the list is whole in the child; and what the child does with it. */
void bulla_materials_hold(void);
void bulla_materials_let_go(void);
void bulla_materials_abandon(void);

#endif
