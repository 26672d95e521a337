/* Keys of curves as OpenSSL has them, in the library context of our own. OpenSSL keeps private values on its heap, and
 * wipes them with the key. */
#ifndef BULLA_MECH_EC_PKEY_H
#define BULLA_MECH_EC_PKEY_H

#include "ec_point.h"

struct evp_pkey_st;

/* Every key that is given out is the caller's to free. */

/* A public key; `point` is as bulla_point_strip gives it. BULLA_KEY_VALUE for a Weierstrass point that is not on the
 * curve. */
enum bulla_reason bulla_pkey_public(
    const struct bulla_curve *curve, struct bulla_bytes point, struct evp_pkey_st **pkey) BULLA_MUST_USE;
/* A private key of CKA_VALUE, of the curve's size; Weierstrass keys take the public point, too. */
enum bulla_reason bulla_pkey_private(const struct bulla_curve *curve, struct bulla_bytes value,
    const struct bulla_point *point, struct evp_pkey_st **pkey) BULLA_MUST_USE;
/* A new one. */
enum bulla_reason bulla_pkey_generate(const struct bulla_curve *curve, struct evp_pkey_st **pkey) BULLA_MUST_USE;
/* The curve of a key that was read; NULL when it is none of ours. */
const struct bulla_curve *bulla_pkey_curve(const struct evp_pkey_st *pkey);
/* The public half. */
enum bulla_reason bulla_pkey_point(
    const struct bulla_curve *curve, const struct evp_pkey_st *pkey, struct bulla_point *point) BULLA_MUST_USE;
/* The private value, of the curve's size; `value` is locked memory. */
enum bulla_reason bulla_pkey_value(
    const struct bulla_curve *curve, const struct evp_pkey_st *pkey, uint8_t *value) BULLA_MUST_USE;
/* The public half of a private value, which is judged: an integer from 1 to the group's order less 1, octets of the
 * curve's size. BULLA_KEY_VALUE. */
enum bulla_reason bulla_pkey_public_of(
    const struct bulla_curve *curve, struct bulla_bytes value, struct bulla_point *point) BULLA_MUST_USE;

#endif
