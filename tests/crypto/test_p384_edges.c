/* ECDSA on P-384 at the edges of its arithmetic, by two libraries against OpenSSL alone. The signatures are made here
 * as Wycheproof makes its own: R and s are chosen, the key follows. */
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <string.h>

#include "p384_sample.h"

static EC_GROUP *group;
static BN_CTX *context;
static BIGNUM *order, *prime;

static int make_group(void **state)
{
    (void)state;
    group = EC_GROUP_new_by_curve_name(NID_secp384r1);
    context = BN_CTX_new();
    order = BN_dup(EC_GROUP_get0_order(group));
    prime = BN_new();
    return EC_GROUP_get_curve(group, prime, NULL, NULL, context) == 1 ? 0 : -1;
}

static int free_group(void **state)
{
    (void)state;
    EC_GROUP_free(group);
    BN_CTX_free(context);
    BN_free(order);
    BN_free(prime);
    return 0;
}

static void put(uint8_t *field, const BIGNUM *number)
{
    assert_int_equal(BN_bn2binpad(number, field, FIELD), FIELD);
}

static void numbers_outside_of_the_range_are_refused(void **state)
{
    (void)state;
    static const char *const numbers[] = {"0", "1",
        /* n − 1, n, n + 1, p, 2^384 − 1 */
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52972",
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52974",
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
    struct sample sample;
    sample_make(&sample);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        for (size_t j = 0; j <= sizeof numbers / sizeof *numbers; j++) { /* the last leaves s as it was */
            struct sample changed = sample;
            BIGNUM *number = NULL;
            assert_int_not_equal(BN_hex2bn(&number, numbers[i]), 0);
            put(changed.pair, number);
            if (j < sizeof numbers / sizeof *numbers) {
                assert_int_not_equal(BN_hex2bn(&number, numbers[j]), 0);
                put(changed.pair + FIELD, number);
            }
            BN_free(number);
            message_judged_alike(&changed, BULLA_SIGNATURE);
        }
}

/* A point with x, which must be one of the curve's; its even y. */
static bool point_at(const BIGNUM *x, EC_POINT *point)
{
    return EC_POINT_set_compressed_coordinates(group, point, x, 0, context) == 1;
}

/* The first point whose x is `from` or more. */
static EC_POINT *point_from(const BIGNUM *from)
{
    EC_POINT *point = EC_POINT_new(group);
    BIGNUM *x = BN_dup(from);
    while (!point_at(x, point))
        assert_int_equal(BN_add_word(x, 1), 1);
    BN_free(x);
    return point;
}

static void put_point(uint8_t *out, const EC_POINT *point)
{
    assert_int_equal(EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, out, BULLA_P384_POINT, context),
        BULLA_P384_POINT);
}

static BIGNUM *x_of(const EC_POINT *point)
{
    BIGNUM *x = BN_new();
    assert_int_equal(EC_POINT_get_affine_coordinates(group, point, x, NULL, context), 1);
    return x;
}

/* a / b modulo n */
static BIGNUM *quotient(const BIGNUM *a, const BIGNUM *b)
{
    BIGNUM *result = BN_mod_inverse(NULL, b, order, context);
    assert_int_equal(BN_mod_mul(result, result, a, order, context), 1);
    return result;
}

static BIGNUM *number_of(const uint8_t *bytes, size_t size)
{
    return BN_bin2bn(bytes, (int)size, NULL);
}

/* A signature (r, s) of the sample's digest with R as its point: the key is (s·R − h·G) / r. */
static void sample_of_point(struct sample *sample, const EC_POINT *signature_point, const BIGNUM *s)
{
    BIGNUM *hash = number_of(sample->digest, sizeof sample->digest);
    BIGNUM *r = x_of(signature_point);
    assert_int_equal(BN_nnmod(r, r, order, context), 1);
    BIGNUM *of_point = quotient(s, r);
    BIGNUM *of_generator = quotient(hash, r);
    EC_POINT *key = EC_POINT_new(group);
    assert_int_equal(BN_sub(of_generator, order, of_generator), 1);
    assert_int_equal(EC_POINT_mul(group, key, of_generator, signature_point, of_point, context), 1);
    put_point(sample->point, key);
    put(sample->pair, r);
    put(sample->pair + FIELD, s);
    EC_POINT_free(key);
    BN_free(hash);
    BN_free(r);
    BN_free(of_point);
    BN_free(of_generator);
}

static EC_POINT *multiple(BN_ULONG factor)
{
    EC_POINT *point = EC_POINT_new(group);
    BIGNUM *number = BN_new();
    assert_int_equal(BN_set_word(number, factor), 1);
    assert_int_equal(EC_POINT_mul(group, point, number, NULL, NULL, context), 1);
    BN_free(number);
    return point;
}

/* s + n, and r + n, have the same residue and fit into 48 bytes where s and r are small. */
static void a_second_form_of_a_number_is_refused(void **state)
{
    (void)state;
    struct sample sample;
    BIGNUM *number = BN_new();
    assert_int_equal(BN_set_word(number, 12345), 1);
    EC_POINT *point = point_from(number);
    sample_hash(&sample, sample_message);
    sample_of_point(&sample, point, number);
    message_judged_alike(&sample, BULLA_OK);
    for (size_t half = 0; half < 2; half++) {
        struct sample changed = sample;
        BIGNUM *more = number_of(sample.pair + half * FIELD, FIELD);
        assert_int_equal(BN_add(more, more, order), 1);
        put(changed.pair + half * FIELD, more);
        message_judged_alike(&changed, BULLA_SIGNATURE);
        BN_free(more);
    }
    EC_POINT_free(point);
    BN_free(number);
}

/* r is x modulo n, and x may be n or more. */
static void a_point_beyond_the_order_is_reduced_and_its_x_itself_is_refused(void **state)
{
    (void)state;
    struct sample sample;
    BIGNUM *s = BN_new();
    assert_int_equal(BN_set_word(s, 0xdecaf), 1);
    BIGNUM *least = BN_dup(order);
    assert_int_equal(BN_add_word(least, 2), 1);
    EC_POINT *point = point_from(least);
    sample_hash(&sample, sample_message);
    sample_of_point(&sample, point, s);
    message_judged_alike(&sample, BULLA_OK);
    BIGNUM *x = x_of(point);
    assert_true(BN_cmp(x, order) > 0);
    put(sample.pair, x);
    message_judged_alike(&sample, BULLA_SIGNATURE);
    BN_free(x);
    EC_POINT_free(point);
    BN_free(least);
    BN_free(s);
}

/* u1 = h / s and u2 = r / s at the ends of their range, at powers of two and beside them. */
static void edges_of_the_arithmetic_are_judged_alike(void **state)
{
    (void)state;
    EC_POINT *point = multiple(0x1234567);
    BIGNUM *r = x_of(point);
    BIGNUM *factor = BN_new();
    struct sample sample;
    sample_hash(&sample, sample_message);
    BIGNUM *hash = number_of(sample.digest, sizeof sample.digest);
    for (int bit = 0; bit < 8 * FIELD; bit += bit < 16 ? 1 : 23)
        for (int which = 0; which < 8; which++) {
            BN_zero(factor);
            assert_int_equal(BN_set_bit(factor, bit), 1);
            if (which & 1)
                assert_int_equal(BN_add_word(factor, 1), 1);
            if (which & 2)
                assert_int_equal(BN_sub(factor, order, factor), 1);
            BIGNUM *s = quotient(which & 4 ? hash : r, factor);
            sample_of_point(&sample, point, s);
            message_judged_alike(&sample, BULLA_OK);
            sample.point[BULLA_P384_POINT - 1] ^= 1;
            message_judged_alike(&sample, BULLA_KEY_INVALID);
            BN_free(s);
        }
    BN_free(hash);
    BN_free(factor);
    BN_free(r);
    EC_POINT_free(point);
}

/* u1·G = u2·Q, which nettle's addition cannot double; and u1·G = −u2·Q, whose sum is infinity. */
static void equal_and_opposite_points_are_judged_alike(void **state)
{
    (void)state;
    struct sample sample;
    sample_hash(&sample, sample_message);
    BIGNUM *hash = number_of(sample.digest, sizeof sample.digest);
    BIGNUM *k = BN_new();
    assert_int_equal(BN_set_word(k, 987654321), 1);
    EC_POINT *point = multiple(987654321);
    BIGNUM *r = x_of(point);
    BIGNUM *twice = BN_new();
    assert_int_equal(BN_mod_lshift1(twice, hash, order, context), 1);
    BIGNUM *s = quotient(twice, k);
    sample_of_point(&sample, point, s);
    message_judged_alike(&sample, BULLA_OK);
    BIGNUM *y = number_of(sample.point + 1 + FIELD, FIELD);
    assert_int_equal(BN_sub(y, prime, y), 1);
    put(sample.point + 1 + FIELD, y);
    message_judged_alike(&sample, BULLA_SIGNATURE);
    BN_free(y);
    BN_free(s);
    BN_free(twice);
    BN_free(r);
    EC_POINT_free(point);
    BN_free(k);
    BN_free(hash);
}

/* u1 = 0. */
static void a_digest_of_zeros_is_judged_alike(void **state)
{
    (void)state;
    struct sample sample;
    memset(sample.digest, 0, sizeof sample.digest);
    BIGNUM *s = BN_new();
    assert_int_equal(BN_set_word(s, 0xdecade), 1);
    EC_POINT *point = multiple(0xacce55);
    sample_of_point(&sample, point, s);
    judged_alike(&sample, true);
    sample.pair[BULLA_P384_SIGNATURE - 1] ^= 1;
    judged_alike(&sample, false);
    EC_POINT_free(point);
    BN_free(s);
}

static void points_off_the_curve_are_no_keys(void **state)
{
    (void)state;
    struct sample sample;
    sample_make(&sample);
    struct sample changed = sample;
    memset(changed.point + 1, 0, sizeof changed.point - 1);
    message_judged_alike(&changed, BULLA_KEY_INVALID);
    memset(changed.point + 1, 0xff, sizeof changed.point - 1);
    message_judged_alike(&changed, BULLA_KEY_INVALID);
    changed = sample;
    memcpy(changed.point + 1, sample.point + 1 + FIELD, FIELD);
    memcpy(changed.point + 1 + FIELD, sample.point + 1, FIELD);
    message_judged_alike(&changed, BULLA_KEY_INVALID);
    changed = sample;
    changed.point[0] = 0x06; /* the hybrid form */
    assert_false(bulla_p384_verifies(changed.point, changed.pair, digest_of(&changed)));
    assert_int_equal(sample_verify(&changed, sample_message), BULLA_KEY_INVALID);
}

/* Neither adding nor doubling asks for b, so they make a sum of a point of the curve and one that is off it, too; whose
 * x is the r of this signature: R = G + Q by the chord, u1 = u2 = 1, s = r, h = s. */
static void a_sum_with_a_point_off_the_curve_is_no_signature(void **state)
{
    (void)state;
    struct sample sample;
    BIGNUM *numbers[4];
    sample_make(&sample);
    sample.point[BULLA_P384_POINT - 1] ^= 1;
    for (size_t i = 0; i < 4; i++)
        numbers[i] = BN_new();
    BIGNUM *x = number_of(sample.point + 1, FIELD);
    BIGNUM *y = number_of(sample.point + 1 + FIELD, FIELD);
    BIGNUM **sum = &numbers[3];
    assert_int_equal(
        EC_POINT_get_affine_coordinates(group, EC_GROUP_get0_generator(group), numbers[0], numbers[1], context), 1);
    assert_int_equal(BN_mod_sub(y, y, numbers[1], prime, context), 1);
    assert_int_equal(BN_mod_sub(numbers[2], x, numbers[0], prime, context), 1);
    assert_non_null(BN_mod_inverse(numbers[2], numbers[2], prime, context));
    assert_int_equal(BN_mod_mul(y, y, numbers[2], prime, context), 1); /* the slope */
    assert_int_equal(BN_mod_sqr(*sum, y, prime, context), 1);
    assert_int_equal(BN_mod_sub(*sum, *sum, x, prime, context), 1);
    assert_int_equal(BN_mod_sub(*sum, *sum, numbers[0], prime, context), 1);
    assert_int_equal(BN_nnmod(*sum, *sum, order, context), 1);
    put(sample.pair, *sum);
    put(sample.pair + FIELD, *sum);
    put(sample.digest, *sum);
    judged_alike(&sample, false);
    for (size_t i = 0; i < 4; i++)
        BN_free(numbers[i]);
    BN_free(x);
    BN_free(y);
}

/* A key whose x is so small that x + p has 48 bytes, too: h = u1·s for R = u1·G + u2·Q and s = r / u2. */
static void a_coordinate_beyond_the_field_is_no_key(void **state)
{
    (void)state;
    struct sample sample;
    BIGNUM *u1 = BN_new();
    BIGNUM *u2 = BN_new();
    assert_int_equal(BN_set_word(u1, 0x1337) + BN_set_word(u2, 0xbeef), 2);
    EC_POINT *key = point_from(u1);
    EC_POINT *point = EC_POINT_new(group);
    assert_int_equal(EC_POINT_mul(group, point, u1, key, u2, context), 1);
    BIGNUM *r = x_of(point);
    BIGNUM *s = quotient(r, u2);
    BIGNUM *hash = BN_new();
    assert_int_equal(BN_mod_mul(hash, u1, s, order, context), 1);
    put_point(sample.point, key);
    put(sample.pair, r);
    put(sample.pair + FIELD, s);
    put(sample.digest, hash);
    judged_alike(&sample, true);
    assert_true(bulla_p384_verifies(sample.point, sample.pair, digest_of(&sample)));
    BIGNUM *x = x_of(key);
    assert_int_equal(BN_add(x, x, prime), 1);
    put(sample.point + 1, x);
    judged_alike(&sample, false);
    BN_free(x);
    BN_free(hash);
    BN_free(s);
    BN_free(r);
    EC_POINT_free(point);
    EC_POINT_free(key);
    BN_free(u1);
    BN_free(u2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_outside_of_the_range_are_refused),
        cmocka_unit_test(a_second_form_of_a_number_is_refused),
        cmocka_unit_test(a_point_beyond_the_order_is_reduced_and_its_x_itself_is_refused),
        cmocka_unit_test(edges_of_the_arithmetic_are_judged_alike),
        cmocka_unit_test(equal_and_opposite_points_are_judged_alike),
        cmocka_unit_test(a_digest_of_zeros_is_judged_alike),
        cmocka_unit_test(points_off_the_curve_are_no_keys),
        cmocka_unit_test(a_sum_with_a_point_off_the_curve_is_no_signature),
        cmocka_unit_test(a_coordinate_beyond_the_field_is_no_key),
    };
    return cmocka_run_group_tests(tests, make_group, free_group);
}
