/* Public keys of curves: points as bytes, the ways in which callers write them, and what is demanded of them. Nothing
 * here is secret. */
#ifndef BULLA_MECH_EC_POINT_H
#define BULLA_MECH_EC_POINT_H

#include "ec_curve.h"

enum { BULLA_POINT_LARGEST = 133, BULLA_POINT_DER_LARGEST = 136, BULLA_POINT_INFO_LARGEST = 192 };

/* Without DER: 04 ‖ X ‖ Y of EC keys, the octets of RFC 7748 and RFC 8032 of the others. */
struct bulla_point {
    uint8_t data[BULLA_POINT_LARGEST];
    size_t size;
};

/* What a caller gave, without the DER that may be around it (an octet string; a bit string, as older tools write
 * Edwards points). BULLA_KEY_VALUE for what has not the form of a point of this curve, compressed or not. */
enum bulla_reason bulla_point_strip(
    const struct bulla_curve *curve, struct bulla_bytes given, struct bulla_bytes *point) BULLA_MUST_USE;
/* The same, decompressed, and judged: a point of the curve, not the neutral one, of Edwards curves none of small
 * order. Any octets are a point of X25519 and X448 (RFC 7748). BULLA_KEY_VALUE. */
enum bulla_reason bulla_point_read(
    const struct bulla_curve *curve, struct bulla_bytes given, struct bulla_point *point) BULLA_MUST_USE;

/* CKA_EC_POINT: a DER octet string. At most BULLA_POINT_DER_LARGEST bytes. */
void bulla_point_write(const struct bulla_point *point, struct bulla_writer *out);
/* CKA_PUBLIC_KEY_INFO: SubjectPublicKeyInfo (RFC 5480, RFC 8410). At most BULLA_POINT_INFO_LARGEST bytes. */
void bulla_point_write_info(const struct bulla_curve *curve, const struct bulla_point *point, struct bulla_writer *out);

#endif
