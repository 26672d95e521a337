/* ECDSA on P-384 by two libraries, against OpenSSL alone. Published figures: RFC 6979 A.2.6 (message "sample")
 * and Wycheproof (C2SP/wycheproof, testvectors/ecdsa_secp384r1_sha384_test.json). Signatures at the edges of
 * the arithmetic are made here as Wycheproof makes its own: R and s are chosen, the key follows.
 *
 *   test_p384 [ROUNDS]     so many random keys; default 100 */
#include "support/test.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/certificate_inside.h"
#include "crypto/p384.h"
#include "crypto/signature.h"
#include "support/vectors.h"

enum { FIELD = 48 };

struct sample {
    uint8_t point[BULLA_P384_POINT], pair[BULLA_P384_SIGNATURE], digest[FIELD];
};

static size_t rounds = 100;
static const char message[] = "sample";
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

static struct bulla_bytes digest_of(const struct sample *sample)
{
    return BULLA_BYTES(sample->digest);
}

static void hash_message(struct sample *sample, struct bulla_bytes bytes)
{
    assert_int_equal(bulla_hash_parts(BULLA_SHA384, &bytes, 1, sample->digest), BULLA_OK);
}

/* OpenSSL's key of the point; NULL when it takes none. */
static EVP_PKEY *openssl_key(const uint8_t *point)
{
    char curve[] = "P-384";
    uint8_t copy[BULLA_P384_POINT];
    memcpy(copy, point, sizeof copy);
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, sizeof copy), OSSL_PARAM_construct_end()};
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    assert_int_equal(EVP_PKEY_fromdata_init(maker), 1);
    if (EVP_PKEY_fromdata(maker, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(maker);
    return key;
}

static bool openssl_verifies(const struct sample *sample)
{
    unsigned char *der = NULL;
    EVP_PKEY *key = openssl_key(sample->point);
    if (!key)
        return false;
    ECDSA_SIG *numbers = ECDSA_SIG_new();
    assert_int_equal(
        ECDSA_SIG_set0(numbers, BN_bin2bn(sample->pair, FIELD, NULL), BN_bin2bn(sample->pair + FIELD, FIELD, NULL)), 1);
    int size = i2d_ECDSA_SIG(numbers, &der);
    EVP_PKEY_CTX *verifier = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_verify_init(verifier), 1);
    bool verifies = EVP_PKEY_verify(verifier, der, (size_t)size, sample->digest, FIELD) == 1;
    EVP_PKEY_CTX_free(verifier);
    OPENSSL_free(der);
    ECDSA_SIG_free(numbers);
    EVP_PKEY_free(key);
    return verifies;
}

static enum bulla_reason verify(const struct sample *sample, struct bulla_bytes bytes)
{
    const struct bulla_public_key key = {.kind = BULLA_PUBLIC_P384, .value = BULLA_BYTES(sample->point)};
    const struct bulla_signature signature = {.hash = BULLA_SHA384, .value = BULLA_BYTES(sample->pair)};
    return bulla_signature_verify(&key, &signature, bytes);
}

/* What is taken is what OpenSSL takes; nettle's yes is never another. */
static void judged_alike(const struct sample *sample, bool expected)
{
    assert_int_equal(openssl_verifies(sample), expected);
    if (!expected)
        assert_false(bulla_p384_verifies(sample->point, sample->pair, digest_of(sample)));
}

static void message_judged_alike(const struct sample *sample, enum bulla_reason expected)
{
    judged_alike(sample, expected == BULLA_OK);
    assert_int_equal(verify(sample, BULLA_TEXT(message)), expected);
}

static void published_signatures_verify_without_openssl(void **state)
{
    (void)state;
    static const struct {
        const char *message, *point, *pair;
    } rows[] = {
        {"sample",
            "04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13"
            "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
            "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"
            "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8"},
        /* tcId 340, u2 = 1 */
        {"123400",
            "04e78fe2c11beac7090ee0af7fed469a8ccebd3cccc4ee9fccc8ef3fc0455b69aaa082dc13e1d84f34026cb6f0af9e992f"
            "f34ebba71bf3a4050bf28e4084b5c5f5d4098ec46f10a31b02fb4bf20cc9362f6f02a66e802f817507535fac3ec0b099",
            "55555555555555555555555555555555555555555555555542766f2b5167b9f51d5e0490c2e58d28f9a40878eeec6326"
            "55555555555555555555555555555555555555555555555542766f2b5167b9f51d5e0490c2e58d28f9a40878eeec6326"},
        /* tcId 341, u2 = n − 1 */
        {"123400",
            "04ee24ab8a34d05af684939357f32759cc5a14f3c717529a20aea8e0c5965d8a41e68925f688471994b72021ba51b28c09"
            "0a55693c92ad0cbae9edcf515e2b4c060b888d82c81e4a3b6a173b62ed04a46fa95db1a2f3949980fba2e371263c4fa9",
            "55555555555555555555555555555555555555555555555542766f2b5167b9f51d5e0490c2e58d28f9a40878eeec6326"
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa84ecde56a2cf73ea3abc092185cb1a51f34810f1ddd8c64d"},
        /* tcId 376, an extreme k */
        {"123400",
            "040fd1aab89f47b565b8160dfcc433b6408adeb1473c036b26b7ddec714fb4d0e7dd756c88469e86e218813ead8e8e7676"
            "f1cc955c4139e0071c0079ec1d77164e0569bdf453837e8b33c98535a0e7c9c61ef24762067bb46b6116ea7909a69b23",
            "08d999057ba3d2d969260045c55b97f089025959a6f434d651d207d19fb96e9e4fe0e86ebe0e64f85b96a9c75295df61"
            "0eb10e5ab95f2f26a40700b1300fb8c3e754d5c453d9384ecce1daa38135a48a0a96c24efc2a76d00bde1d7aeedf7f6a"},
        /* tcId 380, an extreme k and 1/s */
        {"123400",
            "04036b253e3b4ac88bb8585a2b32b978766a931e5ad0d0e653a2e34b44d6ddcc0d386e20c4def2d8bb3f8da128c1eac69f"
            "9c8e3b5ff5dde2205af359b3974d52758d7abae812b8b275e1452c4e59cb62e9b6771d347dbd1dea761c70291cc5e0a6",
            "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7"
            "99999999999999999999999999999999999999999999999977a1fb4df8ede852ce760837c536cae35af40f4014764c12"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sample sample;
        const struct bulla_bytes text = {(const uint8_t *)rows[i].message, strlen(rows[i].message)};
        (void)test_hex(rows[i].point, sample.point, sizeof sample.point);
        (void)test_hex(rows[i].pair, sample.pair, sizeof sample.pair);
        hash_message(&sample, text);
        assert_true(bulla_p384_verifies(sample.point, sample.pair, digest_of(&sample)));
        assert_int_equal(verify(&sample, text), BULLA_OK);
        sample.digest[0] ^= 1;
        judged_alike(&sample, false);
    }
}

/* A key, and its signature of the message. */
static void sample_make(struct sample *sample)
{
    unsigned char der[128];
    const unsigned char *at = der;
    size_t size = sizeof der;
    size_t length = 0;
    EVP_PKEY *key = EVP_EC_gen("P-384");
    assert_int_equal(EVP_PKEY_get_octet_string_param(
                         key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, sample->point, sizeof sample->point, &length),
        1);
    assert_int_equal(length, sizeof sample->point);
    hash_message(sample, BULLA_TEXT(message));
    EVP_PKEY_CTX *signer = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_sign_init(signer), 1);
    assert_int_equal(EVP_PKEY_sign(signer, der, &size, sample->digest, sizeof sample->digest), 1);
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &at, (long)size);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(numbers), sample->pair, FIELD), FIELD);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(numbers), sample->pair + FIELD, FIELD), FIELD);
    ECDSA_SIG_free(numbers);
    EVP_PKEY_CTX_free(signer);
    EVP_PKEY_free(key);
}

static void flip_one_bit(uint8_t *bytes, size_t size)
{
    bytes[(size_t)rand() % size] ^= (uint8_t)(1 << rand() % 8);
}

static void random_signatures_are_judged_alike(void **state)
{
    (void)state;
    for (size_t i = 0; i < rounds; i++) {
        struct sample sample;
        struct sample changed;
        sample_make(&sample);
        assert_true(bulla_p384_verifies(sample.point, sample.pair, digest_of(&sample)));
        message_judged_alike(&sample, BULLA_OK);
        changed = sample;
        flip_one_bit(changed.pair, sizeof changed.pair);
        message_judged_alike(&changed, BULLA_SIGNATURE);
        changed = sample;
        flip_one_bit(changed.point + 1, sizeof changed.point - 1);
        message_judged_alike(&changed, BULLA_KEY_INVALID);
        changed = sample;
        flip_one_bit(changed.digest, sizeof changed.digest);
        judged_alike(&changed, false);
    }
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
    hash_message(&sample, BULLA_TEXT(message));
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
    hash_message(&sample, BULLA_TEXT(message));
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
    hash_message(&sample, BULLA_TEXT(message));
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
    hash_message(&sample, BULLA_TEXT(message));
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
    assert_int_equal(verify(&changed, BULLA_TEXT(message)), BULLA_KEY_INVALID);
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

/* An X.509 signature of the message in these bytes. */
static enum bulla_reason verify_der(const struct sample *sample, struct bulla_bytes der, long unused_bits)
{
    const struct bulla_public_key key = {.kind = BULLA_PUBLIC_P384, .value = BULLA_BYTES(sample->point)};
    X509_ALGOR *algorithm = X509_ALGOR_new();
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    assert_int_equal(X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_ecdsa_with_SHA384), V_ASN1_UNDEF, NULL), 1);
    assert_int_equal(ASN1_BIT_STRING_set(bits, (unsigned char *)(uintptr_t)der.data, (int)der.size), 1);
    bits->flags = (bits->flags & ~7L) | unused_bits;
    enum bulla_reason reason = bulla_x509_verify(&key, algorithm, bits, BULLA_TEXT(message));
    ASN1_BIT_STRING_free(bits);
    X509_ALGOR_free(algorithm);
    return reason;
}

/* A signature whose r needs a leading zero and whose s needs none. */
static void sample_with_one_high_number(struct sample *sample)
{
    do
        sample_make(sample);
    while (!(sample->pair[0] & 0x80) || (sample->pair[FIELD] & 0x80) || sample->pair[FIELD] == 0);
}

static void a_signature_has_one_encoding(void **state)
{
    (void)state;
    struct sample sample;
    static const struct {
        const char *before, *between, *after;
        enum bulla_reason reason;
        long unused_bits;
    } rows[] = {
        {"3065023100", "0230", "", BULLA_OK, 0}, {"3065023100", "0230", "", BULLA_MALFORMED, 1},
        {"30640230", "0230", "", BULLA_MALFORMED, 0},     /* r is negative */
        {"306602320000", "0230", "", BULLA_MALFORMED, 0}, /* a zero too many before r */
        {"3066023100", "023100", "", BULLA_MALFORMED, 0}, /* and before s */
        {"308165023100", "0230", "", BULLA_MALFORMED, 0}, /* longer lengths than are needed */
        {"306602813100", "0230", "", BULLA_MALFORMED, 0},
        {"3080023100", "0230", "0000", BULLA_MALFORMED, 0},   /* an indefinite length */
        {"3065023100", "0230", "00", BULLA_MALFORMED, 0},     /* bytes behind the end */
        {"3068023100", "0230", "020100", BULLA_MALFORMED, 0}, /* a third number */
        {"3066023101", "0230", "", BULLA_MALFORMED, 0},       /* a length that is none */
        {"3065023101", "0230", "", BULLA_MALFORMED, 0},       /* r of 385 bits */
        {"3165023100", "0230", "", BULLA_MALFORMED, 0},       /* a set */
        {"3065023100", "0430", "", BULLA_MALFORMED, 0},       /* an octet string */
        {"3065023100", "0231", "", BULLA_MALFORMED, 0},       /* cut off */
    };
    sample_with_one_high_number(&sample);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t der[128];
        size_t size = test_hex(rows[i].before, der, sizeof der);
        memcpy(der + size, sample.pair, FIELD);
        size += FIELD;
        size += test_hex(rows[i].between, der + size, sizeof der - size);
        memcpy(der + size, sample.pair + FIELD, FIELD);
        size += FIELD;
        size += test_hex(rows[i].after, der + size, sizeof der - size);
        assert_int_equal(verify_der(&sample, (struct bulla_bytes){der, size}, rows[i].unused_bits), rows[i].reason);
    }
}

/* GMP ends a process that it gets no memory in. */
static void a_process_without_memory_gets_an_answer(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* its malloc ends the process itself */
#endif
    struct sample sample;
    sample_make(&sample);
    assert_int_equal(verify(&sample, BULLA_TEXT(message)), BULLA_OK);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit nothing = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &nothing);
        (void)setrlimit(RLIMIT_AS, &nothing);
        for (size_t size = 1 << 20; size >= 16; size /= 2)
            while (malloc(size))
                continue;
        bool verifies = bulla_p384_verifies(sample.point, sample.pair, digest_of(&sample));
        _exit(!verifies && verify(&sample, BULLA_TEXT(message)) == BULLA_OUT_OF_MEMORY ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        rounds = strtoul(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_signatures_verify_without_openssl),
        cmocka_unit_test(random_signatures_are_judged_alike),
        cmocka_unit_test(numbers_outside_of_the_range_are_refused),
        cmocka_unit_test(a_second_form_of_a_number_is_refused),
        cmocka_unit_test(a_point_beyond_the_order_is_reduced_and_its_x_itself_is_refused),
        cmocka_unit_test(edges_of_the_arithmetic_are_judged_alike),
        cmocka_unit_test(equal_and_opposite_points_are_judged_alike),
        cmocka_unit_test(a_digest_of_zeros_is_judged_alike),
        cmocka_unit_test(points_off_the_curve_are_no_keys),
        cmocka_unit_test(a_sum_with_a_point_off_the_curve_is_no_signature),
        cmocka_unit_test(a_coordinate_beyond_the_field_is_no_key),
        cmocka_unit_test(a_signature_has_one_encoding),
        cmocka_unit_test(a_process_without_memory_gets_an_answer),
    };
    return cmocka_run_group_tests(tests, make_group, free_group);
}
