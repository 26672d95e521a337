/* KES (crypto/kes.h) as keys and mechanisms of PKCS#11. */
#ifndef BULLA_MECH_KES_H
#define BULLA_MECH_KES_H

#include "mechanism.h"

enum { BULLA_KES_DEPTH_STANDARD = 6 };

/* --- kes_form.c --- */
/* A signing key as it comes: raw, as a CBOR byte string of that, or as Cardano's TextEnvelope around the CBOR (JSON).
 * `depth` BULLA_KES_DEPTH_ANY: as its size or its envelope says. The raw key is written to `raw`, BULLA_KES_RAW_LARGEST
 * bytes of the arena; nothing of it is copied elsewhere. BULLA_KEY_VALUE. */
enum { BULLA_KES_DEPTH_ANY = -1 };
enum bulla_reason bulla_kes_form_read(struct bulla_bytes form, int depth, uint8_t *raw, unsigned *found) BULLA_MUST_USE;

/* --- kes_key.c: the kind's functions --- */
enum bulla_reason bulla_kes_key_complete(struct bulla_draft *key) BULLA_MUST_USE;
enum bulla_reason bulla_kes_key_open(const struct bulla_draft *key, struct bulla_material *material) BULLA_MUST_USE;
enum bulla_reason bulla_kes_key_generate(
    const CK_MECHANISM *mechanism, struct bulla_draft *public_key, struct bulla_draft *private_key) BULLA_MUST_USE;

/* --- kes_sign.c: both schemes; a row's detail is its enum bulla_kes_scheme --- */
extern const struct bulla_processor bulla_kes_processor;

#endif
