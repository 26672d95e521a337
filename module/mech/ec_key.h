/* Keys of curves in the token: what the kinds CKK_EC, CKK_EC_EDWARDS and CKK_EC_MONTGOMERY have in common, and the
 * generation of pairs. See key_kind.h for the contracts.
 *
 * An opened key's material: `pkey` for EC, Ed448 and X448. Ed25519 and X25519 stay out of OpenSSL: `value` is
 * libsodium's secret key of 64 bytes or, of a public one, its 32 bytes; of X25519 the private value. `curve` counts in
 * bulla_curves. */
#ifndef BULLA_MECH_EC_KEY_H
#define BULLA_MECH_EC_KEY_H

#include "ec_curve.h"
#include "mechanism.h"

enum bulla_reason bulla_ec_complete(struct bulla_draft *key) BULLA_MUST_USE;
enum bulla_reason bulla_ec_open(const struct bulla_draft *key, struct bulla_material *material) BULLA_MUST_USE;
enum bulla_reason bulla_ec_export(const struct bulla_draft *key, struct bulla_writer *out) BULLA_MUST_USE;
enum bulla_reason bulla_ec_import(struct bulla_bytes plain, struct bulla_draft *key) BULLA_MUST_USE;

bulla_generate_pair bulla_ec_generate_pair;

#endif
