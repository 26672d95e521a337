/* The curves of the token: one table, which generation, import and use read. */
#ifndef BULLA_MECH_EC_CURVE_H
#define BULLA_MECH_EC_CURVE_H

#include "draft.h"

enum { BULLA_CURVE_FORMS = 3 };

/* Sizes are in bytes. Private values and points have one size for each curve: an integer of EC keys is padded with
 * zeroes in front, the octet strings of the others are fixed by RFC 7748 and RFC 8032. */
struct bulla_curve {
    const char *name; /* OpenSSL's: the group of CKK_EC, the type of key of the others */
    int group;        /* OpenSSL's number of the group; 0 for the others */
    CK_KEY_TYPE type;
    size_t bits;       /* of the field: what CK_MECHANISM_INFO counts */
    size_t value_size; /* of CKA_VALUE, and of r and s of a signature */
    size_t point_size; /* of the public key, without its DER; uncompressed */
    /* What CKA_EC_PARAMS may be: an object identifier (here its DER; the first is the one that goes into
     * SubjectPublicKeyInfo), or a curve's name as PrintableString (here its text). */
    struct bulla_bytes identifiers[BULLA_CURVE_FORMS];
    const char *names[BULLA_CURVE_FORMS];
};

/* material->curve of opened keys counts in this table. */
enum bulla_curve_number {
    BULLA_P256,
    BULLA_P384,
    BULLA_P521,
    BULLA_SECP256K1,
    BULLA_ED25519,
    BULLA_ED448,
    BULLA_X25519,
    BULLA_X448,
    BULLA_CURVES,
};
extern const struct bulla_curve bulla_curves[BULLA_CURVES];

/* The curve that these parameters name, for keys of this type; NULL: none. */
const struct bulla_curve *bulla_curve_find(CK_KEY_TYPE type, struct bulla_bytes params);
/* The curve of a key. BULLA_KEY_INCOMPLETE without CKA_EC_PARAMS, BULLA_CURVE for one that the token has not, or that
 * is of another type of key. */
enum bulla_reason bulla_curve_of(const struct bulla_draft *key, const struct bulla_curve **curve) BULLA_MUST_USE;
CK_ULONG bulla_curve_number(const struct bulla_curve *curve);

#endif
