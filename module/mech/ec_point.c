/* A raw point of a Weierstrass curve begins with 04, and so does the DER of an octet string: which of the two a value
 * is, its length tells. For each curve the lengths of raw and compressed points, and of both in DER, are four (or, for
 * the other curves, two) different numbers.
 *
 * OpenSSL checks a Weierstrass point when it takes it in, and these curves have cofactor 1; libsodium checks Ed25519.
 * For Ed448 OpenSSL 3.0 checks nothing before a verification, so the equation is tried here. */
#include "ec_point.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "ec_pkey.h"

enum { OCTET_STRING = 0x04, BIT_STRING = 0x03, SEQUENCE = 0x30, UNCOMPRESSED = 0x04 };

/* --- forms --- */

static bool is_point(const struct bulla_curve *curve, struct bulla_bytes bytes)
{
    if (curve->type != CKK_EC)
        return bytes.size == curve->point_size;
    if (bytes.size == curve->point_size)
        return bytes.data[0] == UNCOMPRESSED;
    return bytes.size == 1 + curve->value_size && (bytes.data[0] == 0x02 || bytes.data[0] == 0x03);
}

/* The content of a DER string that is all there is; empty where it is none. */
static struct bulla_bytes content(struct bulla_bytes der, uint8_t tag)
{
    static const struct bulla_bytes none = {NULL, 0};
    struct bulla_reader reader;
    bulla_reader_open(&reader, der);
    uint8_t found = bulla_read_u8(&reader);
    size_t size = bulla_read_u8(&reader);
    if (size == 0x81) {
        size = bulla_read_u8(&reader);
        if (size < 0x80)
            return none;
    } else if (size > 0x81)
        return none;
    if (reader.failed || found != tag || size != bulla_reader_left(&reader))
        return none;
    if (tag == BIT_STRING && bulla_read_u8(&reader) != 0)
        return none;
    return bulla_read(&reader, bulla_reader_left(&reader));
}

enum bulla_reason bulla_point_strip(
    const struct bulla_curve *curve, struct bulla_bytes given, struct bulla_bytes *point)
{
    const struct bulla_bytes forms[] = {given, content(given, OCTET_STRING), content(given, BIT_STRING)};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        *point = forms[i];
        if (point->data && point->size && is_point(curve, *point))
            return BULLA_OK;
    }
    return bulla_refuse(BULLA_KEY_VALUE, "%zu bytes are no public key of %s", given.size, curve->name);
}

static void write_length(struct bulla_writer *out, size_t size)
{
    if (size >= 0x80)
        bulla_write_u8(out, 0x81);
    bulla_write_u8(out, (uint8_t)size);
}

static size_t length_size(size_t size)
{
    return size >= 0x80 ? 2 : 1;
}

void bulla_point_write(const struct bulla_point *point, struct bulla_writer *out)
{
    bulla_write_u8(out, OCTET_STRING);
    write_length(out, point->size);
    bulla_write(out, point->data, point->size);
}

void bulla_point_write_info(const struct bulla_curve *curve, const struct bulla_point *point, struct bulla_writer *out)
{
    static const uint8_t ec_public_key[] = {0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
    struct bulla_bytes identifier = curve->identifiers[0];
    size_t algorithm = identifier.size + (curve->type == CKK_EC ? sizeof ec_public_key : 0);
    size_t bits = 1 + point->size;
    bulla_write_u8(out, SEQUENCE);
    write_length(out, 2 + algorithm + 1 + length_size(bits) + bits);
    bulla_write_u8(out, SEQUENCE);
    write_length(out, algorithm);
    if (curve->type == CKK_EC)
        bulla_write(out, ec_public_key, sizeof ec_public_key);
    bulla_write_bytes(out, identifier);
    bulla_write_u8(out, BIT_STRING);
    write_length(out, bits);
    bulla_write_u8(out, 0); /* unused bits */
    bulla_write(out, point->data, point->size);
}

/* --- Ed448 --- */

struct numbers {
    BN_CTX *context;
    BIGNUM *p, *y, *u, *v, *half;
};

/* x² = u/v with u = y² − 1 and v = d·y² − 1, d = −39081 (RFC 8032, 5.2.3). v is never 0: d is no square. So there is
 * an x if, and only if, u·v is 0 or a square. What has y = 0, 1 or −1 is of order 4, 1 or 2. */
static bool is_ed448_y(struct numbers *n)
{
    enum { D = 39081 };
    BN_CTX *context = n->context;
    bool computed = BN_rshift1(n->half, n->p) && BN_mod_sqr(n->u, n->y, n->p, context) && BN_copy(n->v, n->u) &&
                    BN_sub_word(n->u, 1) && BN_mul_word(n->v, D) && BN_add_word(n->v, 1) &&
                    BN_mod_mul(n->v, n->u, n->v, n->p, context);
    if (!computed || BN_is_zero(n->v))
        return false; /* y² = 1: of order 1 or 2 */
    /* −(u·v) was made: −1 is no square modulo p, which is 3 modulo 4, so now the sign must be −1. */
    if (!BN_mod_exp(n->v, n->v, n->half, n->p, context) || !BN_add_word(n->v, 1))
        return false;
    return BN_cmp(n->v, n->p) == 0;
}

static bool is_ed448_point(const uint8_t point[static 57])
{
    static const char prime[] = "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE"
                                "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF";
    struct numbers n = {.context = BN_CTX_new()};
    if (!n.context)
        return false;
    BN_CTX_start(n.context);
    n.p = BN_CTX_get(n.context);
    n.y = BN_CTX_get(n.context);
    n.u = BN_CTX_get(n.context);
    n.v = BN_CTX_get(n.context);
    n.half = BN_CTX_get(n.context);
    bool is = n.half && BN_hex2bn(&n.p, prime) && BN_lebin2bn(point, 56, n.y) && (point[56] & 0x7f) == 0 &&
              BN_cmp(n.y, n.p) < 0 && !BN_is_zero(n.y) && is_ed448_y(&n);
    BN_CTX_end(n.context);
    BN_CTX_free(n.context);
    return is;
}

/* --- reading --- */

static enum bulla_reason read_weierstrass(
    const struct bulla_curve *curve, struct bulla_bytes given, struct bulla_point *point)
{
    EVP_PKEY *pkey = NULL;
    BULLA_TRY(bulla_pkey_public(curve, given, &pkey));
    enum bulla_reason reason = bulla_pkey_point(curve, pkey, point);
    EVP_PKEY_free(pkey);
    return reason;
}

static bool is_on_curve(const struct bulla_curve *curve, const uint8_t *point)
{
    if (curve == &bulla_curves[BULLA_ED25519])
        return crypto_core_ed25519_is_valid_point(point) == 1;
    if (curve == &bulla_curves[BULLA_ED448])
        return is_ed448_point(point);
    return curve->type == CKK_EC_MONTGOMERY;
}

enum bulla_reason bulla_point_read(const struct bulla_curve *curve, struct bulla_bytes given, struct bulla_point *point)
{
    struct bulla_bytes bytes = {NULL, 0};
    BULLA_TRY(bulla_point_strip(curve, given, &bytes));
    if (curve->type == CKK_EC)
        return read_weierstrass(curve, bytes, point);
    if (!is_on_curve(curve, bytes.data))
        return bulla_refuse(BULLA_KEY_VALUE, "the point is no public key of %s", curve->name);
    memcpy(point->data, bytes.data, bytes.size);
    point->size = bytes.size;
    return BULLA_OK;
}
