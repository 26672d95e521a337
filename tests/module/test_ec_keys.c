/* Keys of curves: generation, what templates may say, what comes back of a key, and points that are none. OpenSSL reads
 * every public key that the module makes, and makes the ones that are brought in. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "ec_keys.h"

/* --- generation --- */

static void check_halves(CK_SESSION_HANDLE session, int curve, struct ec_pair pair)
{
    struct ec_bytes point = ec_point(session, pair.public_key, curve);
    struct ec_bytes again = ec_point(session, pair.private_key, curve);
    struct ec_bytes value = ec_get(session, pair.private_key, CKA_VALUE);
    assert_bytes(point, again);
    assert_int_equal(value.size, ec_curves[curve].value);
    struct ec_bytes info = ec_get(session, pair.public_key, CKA_PUBLIC_KEY_INFO);
    again = ec_get(session, pair.private_key, CKA_PUBLIC_KEY_INFO);
    assert_bytes(info, again);
    EVP_PKEY *pkey = ec_openssl(session, pair.public_key);
    assert_true(EVP_PKEY_is_a(pkey, ec_curves[curve].type == CKK_EC ? "EC" : ec_curves[curve].name));
    again = ec_openssl_point(pkey);
    assert_bytes(again, point);
    EVP_PKEY_free(pkey);
    assert_int_equal(module_ulong(session, pair.private_key, CKA_KEY_TYPE), ec_curves[curve].type);
    assert_int_equal(module_boolean(session, pair.private_key, CKA_LOCAL), CK_TRUE);
    assert_int_equal(module_ulong(session, pair.public_key, CKA_KEY_GEN_MECHANISM), ec_curves[curve].generation);
}

static void a_pair_of_every_curve_is_made_and_openssl_reads_it(void **state)
{
    const struct module_fixture *fixture = *state;
    for (int curve = 0; curve < EC_CURVES; curve++) {
        struct ec_pair pair = ec_generate(fixture->session, curve), other = ec_generate(fixture->session, curve);
        check_halves(fixture->session, curve, pair);
        struct ec_bytes one = ec_get(fixture->session, pair.private_key, CKA_VALUE),
                        two = ec_get(fixture->session, other.private_key, CKA_VALUE);
        assert_memory_not_equal(one.data, two.data, one.size);
    }
}

/* pkcs11-tool of OpenSC up to 0.25 names Edwards curves so. */
static void a_curve_may_be_named_in_text_and_keeps_that_form(void **state)
{
    const struct module_fixture *fixture = *state;
    struct ec_pair pair;
    for (int curve = 0; curve < EC_CURVES; curve++) {
        struct ec_bytes printed = ec_printed(curve);
        CK_ATTRIBUTE named[] = {{CKA_EC_PARAMS, printed.data, printed.size}};
        assert_ok(ec_generate_with(fixture->session, ec_curves[curve].generation, named, 1, NULL, 0, &pair));
        struct ec_bytes params = ec_get(fixture->session, pair.public_key, CKA_EC_PARAMS);
        assert_bytes(params, printed);
        params = ec_get(fixture->session, pair.private_key, CKA_EC_PARAMS);
        assert_bytes(params, printed);
        EVP_PKEY_free(ec_openssl(fixture->session, pair.public_key));
    }
    struct ec_bytes miscounted = ec_hex("130b63757276653235353139"); /* pkcs11-tool of OpenSC 0.23 */
    CK_ATTRIBUTE named[] = {{CKA_EC_PARAMS, miscounted.data, miscounted.size}};
    assert_ok(ec_generate_with(fixture->session, CKM_EC_MONTGOMERY_KEY_PAIR_GEN, named, 1, NULL, 0, &pair));
    miscounted.data[11] = 0x38;
    assert_rv(ec_generate_with(fixture->session, CKM_EC_MONTGOMERY_KEY_PAIR_GEN, named, 1, NULL, 0, &pair),
        CKR_CURVE_NOT_SUPPORTED);
    struct ec_bytes exact = ec_hex("130c656477617264733235353139"), printed = ec_printed(EC_ED25519);
    assert_bytes(printed, exact);
}

static void templates_of_a_pair_may_name_one_curve_in_two_forms_and_no_two_curves(void **state)
{
    const struct module_fixture *fixture = *state;
    struct ec_bytes identifier = ec_params(EC_P256), printed = ec_printed(EC_P256), other = ec_params(EC_P384);
    struct ec_pair pair;
    CK_ATTRIBUTE public_template[] = {{CKA_EC_PARAMS, identifier.data, identifier.size}};
    CK_ATTRIBUTE same[] = {{CKA_EC_PARAMS, printed.data, printed.size}};
    CK_ATTRIBUTE different[] = {{CKA_EC_PARAMS, other.data, other.size}};
    assert_ok(ec_generate_with(fixture->session, CKM_EC_KEY_PAIR_GEN, public_template, 1, same, 1, &pair));
    assert_rv(ec_generate_with(fixture->session, CKM_EC_KEY_PAIR_GEN, public_template, 1, different, 1, &pair),
        CKR_TEMPLATE_INCONSISTENT);
}

static void generation_refuses_what_is_no_curve_of_its_own(void **state)
{
    const struct module_fixture *fixture = *state;
    static const char *const wrong[] = {"06082a8648ce3d030101", /* P-192 */
        "06092b2403030208010107",                               /* brainpoolP256r1 */
        "06082a8648ce3d0301",                                   /* too short for its length */
        "06082a8648ce3d03010700",                               /* trailing byte */
        "130c6564776172647332353531",                           /* a name that is cut */
        "1303787878", "0500", "30"};
    struct ec_pair pair;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct ec_bytes params = ec_hex(wrong[i]);
        CK_ATTRIBUTE public_template[] = {{CKA_EC_PARAMS, params.data, params.size}};
        for (int curve = 0; curve < EC_CURVES; curve++)
            assert_rv(
                ec_generate_with(fixture->session, ec_curves[curve].generation, public_template, 1, NULL, 0, &pair),
                CKR_CURVE_NOT_SUPPORTED);
    }
    for (int curve = 0; curve < EC_CURVES; curve++)
        for (int of = 0; of < EC_CURVES; of++) {
            struct ec_bytes params = ec_params(of);
            CK_ATTRIBUTE public_template[] = {{CKA_EC_PARAMS, params.data, params.size}};
            assert_rv(
                ec_generate_with(fixture->session, ec_curves[curve].generation, public_template, 1, NULL, 0, &pair),
                ec_curves[curve].type == ec_curves[of].type ? CKR_OK : CKR_CURVE_NOT_SUPPORTED);
        }
    assert_rv(
        ec_generate_with(fixture->session, CKM_EC_KEY_PAIR_GEN, NULL, 0, NULL, 0, &pair), CKR_TEMPLATE_INCOMPLETE);
    CK_ATTRIBUTE empty[] = {{CKA_EC_PARAMS, (void *)(uintptr_t) "", 0}};
    assert_rv(
        ec_generate_with(fixture->session, CKM_EC_KEY_PAIR_GEN, empty, 1, NULL, 0, &pair), CKR_CURVE_NOT_SUPPORTED);
    assert_int_equal(pair.public_key, 0);
}

static void generation_takes_no_parameter_and_no_values(void **state)
{
    const struct module_fixture *fixture = *state;
    struct ec_bytes params = ec_params(EC_P256);
    unsigned char byte = 1;
    CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, &byte, 1};
    CK_ATTRIBUTE public_template[] = {{CKA_EC_PARAMS, params.data, params.size}, {CKA_EC_POINT, &byte, 1}};
    CK_ATTRIBUTE private_template[] = {{CKA_VALUE, &byte, 1}};
    struct ec_pair pair;
    assert_rv(p11->C_GenerateKeyPair(
                  fixture->session, &mechanism, public_template, 1, NULL, 0, &pair.public_key, &pair.private_key),
        CKR_MECHANISM_PARAM_INVALID);
    assert_rv(ec_generate_with(fixture->session, CKM_EC_KEY_PAIR_GEN, public_template, 2, NULL, 0, &pair),
        CKR_TEMPLATE_INCONSISTENT);
    assert_rv(ec_generate_with(fixture->session, CKM_EC_KEY_PAIR_GEN, public_template, 1, private_template, 1, &pair),
        CKR_TEMPLATE_INCONSISTENT);
}

/* GnuTLS 3.7 makes Ed25519 keys so. */
static void eddsa_generates_edwards_keys(void **state)
{
    const struct module_fixture *fixture = *state;
    struct ec_bytes params = ec_params(EC_ED25519);
    struct ec_pair pair;
    CK_ATTRIBUTE public_template[] = {{CKA_EC_PARAMS, params.data, params.size}};
    assert_ok(ec_generate_with(fixture->session, CKM_EDDSA, public_template, 1, NULL, 0, &pair));
    assert_int_equal(module_ulong(fixture->session, pair.public_key, CKA_KEY_TYPE), CKK_EC_EDWARDS);
}

/* --- bringing in --- */

/* A key that OpenSSL made: its private value and its point. */
static EVP_PKEY *openssl_key(int curve, struct ec_bytes *value, struct ec_bytes *point)
{
    EVP_PKEY *pkey = ec_curves[curve].type == CKK_EC ? EVP_EC_gen(ec_curves[curve].name)
                                                     : EVP_PKEY_Q_keygen(NULL, NULL, ec_curves[curve].name);
    assert_non_null(pkey);
    *point = ec_openssl_point(pkey);
    value->size = sizeof value->data;
    if (ec_curves[curve].type != CKK_EC) {
        assert_int_equal(EVP_PKEY_get_raw_private_key(pkey, value->data, &value->size), 1);
        return pkey;
    }
    BIGNUM *number = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
    value->size = (size_t)BN_bn2bin(number, value->data); /* without the zeroes in front */
    BN_free(number);
    return pkey;
}

static void a_private_key_that_comes_in_gets_its_public_half(void **state)
{
    const struct module_fixture *fixture = *state;
    for (int curve = 0; curve < EC_CURVES; curve++) {
        struct ec_bytes value, point;
        CK_OBJECT_HANDLE key = 0;
        EVP_PKEY *pkey = openssl_key(curve, &value, &point);
        assert_ok(ec_create_private(fixture->session, curve, value, NULL, &key));
        struct ec_bytes found = ec_point(fixture->session, key, curve);
        assert_bytes(found, point);
        EVP_PKEY *read = ec_openssl(fixture->session, key);
        assert_int_equal(EVP_PKEY_eq(read, pkey), 1);
        EVP_PKEY_free(read);
        EVP_PKEY_free(pkey);
    }
}

static void integers_may_be_shorter_or_have_zeroes_in_front(void **state)
{
    const struct module_fixture *fixture = *state;
    struct ec_bytes one = ec_hex("01"), padded = {.size = 40}, found;
    CK_OBJECT_HANDLE key = 0;
    padded.data[39] = 1;
    memset(padded.data, 0, 39);
    /* 1·G is the base point of P-256 (FIPS 186-4, D.1.2.3). */
    struct ec_bytes base = ec_hex("04 6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                                  "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
    assert_ok(ec_create_private(fixture->session, EC_P256, one, NULL, &key));
    found = ec_point(fixture->session, key, EC_P256);
    assert_bytes(found, base);
    assert_ok(ec_create_private(fixture->session, EC_P256, padded, NULL, &key));
    found = ec_point(fixture->session, key, EC_P256);
    assert_bytes(found, base);
}

static void private_values_out_of_range_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    /* The order n of P-256 (FIPS 186-4, D.1.2.3), n - 1, and 0. */
    struct ec_bytes order = ec_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"), below = order,
                    zero = {.size = 32}, seed = {.size = 31};
    CK_OBJECT_HANDLE key = 0;
    memset(zero.data, 0, sizeof zero.data);
    memset(seed.data, 7, sizeof seed.data);
    below.data[31]--;
    assert_rv(ec_create_private(fixture->session, EC_P256, order, NULL, &key), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_rv(ec_create_private(fixture->session, EC_P256, zero, NULL, &key), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_ok(ec_create_private(fixture->session, EC_P256, below, NULL, &key));
    for (int curve = 0; curve < EC_CURVES; curve++) {
        struct ec_bytes longer = {.size = ec_curves[curve].value + 1};
        memset(longer.data, 1, sizeof longer.data);
        assert_rv(ec_create_private(fixture->session, curve, longer, NULL, &key), CKR_ATTRIBUTE_VALUE_INVALID);
        if (ec_curves[curve].type != CKK_EC)
            assert_rv(ec_create_private(fixture->session, curve, seed, NULL, &key), CKR_ATTRIBUTE_VALUE_INVALID);
    }
}

static void a_private_keys_point_must_be_its_own(void **state)
{
    const struct module_fixture *fixture = *state;
    for (int curve = 0; curve < EC_CURVES; curve++) {
        struct ec_bytes value, point, other_value, other_point;
        CK_OBJECT_HANDLE key = 0;
        EVP_PKEY_free(openssl_key(curve, &value, &point));
        EVP_PKEY_free(openssl_key(curve, &other_value, &other_point));
        CK_ATTRIBUTE own = {CKA_EC_POINT, point.data, point.size};
        CK_ATTRIBUTE other = {CKA_EC_POINT, other_point.data, other_point.size};
        assert_ok(ec_create_private(fixture->session, curve, value, &own, &key));
        struct ec_bytes info = ec_get(fixture->session, key, CKA_PUBLIC_KEY_INFO);
        assert_rv(ec_create_private(fixture->session, curve, value, &other, &key), CKR_TEMPLATE_INCONSISTENT);
        CK_ATTRIBUTE described = {CKA_PUBLIC_KEY_INFO, info.data, info.size};
        assert_ok(ec_create_private(fixture->session, curve, value, &described, &key));
        assert_rv(ec_create_private(fixture->session, curve, other_value, &described, &key), CKR_TEMPLATE_INCONSISTENT);
    }
}

static void points_come_raw_in_der_and_compressed_and_go_out_in_der(void **state)
{
    const struct module_fixture *fixture = *state;
    for (int curve = 0; curve < EC_CURVES; curve++) {
        struct ec_bytes value, point, form, found;
        size_t half = ec_curves[curve].value;
        CK_OBJECT_HANDLE key = 0;
        EVP_PKEY_free(openssl_key(curve, &value, &point));
        assert_ok(ec_create_public(fixture->session, curve, point, NULL, &key));
        found = ec_point(fixture->session, key, curve);
        assert_bytes(found, point);
        form = ec_octets(point.data, point.size);
        assert_ok(ec_create_public(fixture->session, curve, form, NULL, &key));
        found = ec_point(fixture->session, key, curve);
        assert_bytes(found, point);
        if (ec_curves[curve].type != CKK_EC)
            continue;
        struct ec_bytes compressed = {.size = 1 + half};
        compressed.data[0] = 2 + (point.data[2 * half] & 1);
        memcpy(compressed.data + 1, point.data + 1, half);
        assert_ok(ec_create_public(fixture->session, curve, compressed, NULL, &key));
        found = ec_point(fixture->session, key, curve);
        assert_bytes(found, point);
        form = ec_octets(compressed.data, compressed.size);
        assert_ok(ec_create_public(fixture->session, curve, form, NULL, &key));
        found = ec_point(fixture->session, key, curve);
        assert_bytes(found, point);
        compressed.data[0] ^= 1; /* the other point of this X */
        assert_ok(ec_create_public(fixture->session, curve, compressed, NULL, &key));
        found = ec_point(fixture->session, key, curve);
        assert_memory_not_equal(found.data + 1 + half, point.data + 1 + half, half);
    }
}

/* Forms that are none: cut, longer, another first byte, hybrid, at infinity, DER with a wrong or a long-winded length.
 */
static void what_is_no_point_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    for (int curve = 0; curve < EC_CURVES; curve++) {
        struct ec_bytes value, point, wrong;
        CK_OBJECT_HANDLE key = 0;
        EVP_PKEY_free(openssl_key(curve, &value, &point));
        wrong = point;
        wrong.size--;
        assert_rv(ec_create_public(fixture->session, curve, wrong, NULL, &key), CKR_ATTRIBUTE_VALUE_INVALID);
        wrong.size += 2;
        assert_rv(ec_create_public(fixture->session, curve, wrong, NULL, &key), CKR_ATTRIBUTE_VALUE_INVALID);
        wrong = ec_octets(point.data, point.size);
        wrong.data[wrong.size - point.size - 1]++;
        assert_rv(ec_create_public(fixture->session, curve, wrong, NULL, &key), CKR_ATTRIBUTE_VALUE_INVALID);
        wrong = ec_hex("00");
        assert_rv(ec_create_public(fixture->session, curve, wrong, NULL, &key), CKR_ATTRIBUTE_VALUE_INVALID);
        if (point.size < 0x80) {
            wrong.size = point.size + 3;
            memcpy(wrong.data, (unsigned char[]){0x04, 0x81, (unsigned char)point.size}, 3);
            memcpy(wrong.data + 3, point.data, point.size);
            assert_rv(ec_create_public(fixture->session, curve, wrong, NULL, &key), CKR_ATTRIBUTE_VALUE_INVALID);
        }
        if (ec_curves[curve].type != CKK_EC)
            continue;
        wrong = point;
        wrong.data[0] = 0x06 + (point.data[point.size - 1] & 1);
        assert_rv(ec_create_public(fixture->session, curve, wrong, NULL, &key), CKR_ATTRIBUTE_VALUE_INVALID);
        wrong = point;
        wrong.data[point.size - 1] ^= 1; /* off the curve */
        assert_rv(ec_create_public(fixture->session, curve, wrong, NULL, &key), CKR_ATTRIBUTE_VALUE_INVALID);
    }
}

/* Edwards points: of order 1, 2 and 4 (RFC 8032, 5.1 and 5.2), and encodings that no point has. y = 2 is on neither
 * curve: (y² − 1)/(d·y² ± 1) is no square (Euler's criterion, computed with python3). */
static void edwards_points_are_on_the_curve_and_not_of_small_order(void **state)
{
    const struct module_fixture *fixture = *state;
    static const struct {
        int curve;
        const char *point;
    } wrong[] = {
        {EC_ED25519, "0100000000000000000000000000000000000000000000000000000000000000"},
        {EC_ED25519, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
        {EC_ED25519, "0000000000000000000000000000000000000000000000000000000000000000"},
        {EC_ED25519, "0000000000000000000000000000000000000000000000000000000000000080"},
        {EC_ED25519, "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}, /* y = p */
        {EC_ED25519, "0200000000000000000000000000000000000000000000000000000000000000"},
        {EC_ED448, "01"
                   "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                   "000000000000000000000000"},
        {EC_ED448, "00"
                   "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                   "000000000000000000000000"},
        {EC_ED448, "fe"
                   "ffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                   "fe"
                   "ffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                   "00"}, /* y = -1 */
        {EC_ED448, "ff"
                   "ffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                   "fe"
                   "ffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                   "00"}, /* y = p */
        {EC_ED448, "02"
                   "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                   "000000000000000000000000"},
    };
    CK_OBJECT_HANDLE key = 0;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct ec_bytes point = ec_hex(wrong[i].point);
        assert_int_equal(point.size, ec_curves[wrong[i].curve].point);
        if (ec_create_public(fixture->session, wrong[i].curve, point, NULL, &key) != CKR_ATTRIBUTE_VALUE_INVALID)
            fail_msg("%s was taken for a point", wrong[i].point);
    }
}

static void keys_need_their_curve_and_their_value(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_KEY_TYPE type = CKK_EC;
    struct ec_bytes params = ec_params(EC_P256), other = ec_params(EC_ED25519), value = ec_hex("01");
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_private), ATTRIBUTE(CKA_KEY_TYPE, type),
        {CKA_VALUE, value.data, value.size}, {CKA_EC_PARAMS, params.data, params.size}};
    assert_rv(module_create(fixture->session, attributes, 3, &key), CKR_TEMPLATE_INCOMPLETE);
    assert_ok(module_create(fixture->session, attributes, 4, &key));
    attributes[3].pValue = other.data;
    attributes[3].ulValueLen = other.size;
    assert_rv(module_create(fixture->session, attributes, 4, &key), CKR_CURVE_NOT_SUPPORTED);
    attributes[2] = (CK_ATTRIBUTE){CKA_EC_PARAMS, params.data, params.size};
    assert_rv(module_create(fixture->session, attributes, 3, &key), CKR_TEMPLATE_INCOMPLETE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(a_pair_of_every_curve_is_made_and_openssl_reads_it),
        MODULE_TEST(a_curve_may_be_named_in_text_and_keeps_that_form),
        MODULE_TEST(templates_of_a_pair_may_name_one_curve_in_two_forms_and_no_two_curves),
        MODULE_TEST(generation_refuses_what_is_no_curve_of_its_own),
        MODULE_TEST(generation_takes_no_parameter_and_no_values),
        MODULE_TEST(eddsa_generates_edwards_keys),
        MODULE_TEST(a_private_key_that_comes_in_gets_its_public_half),
        MODULE_TEST(integers_may_be_shorter_or_have_zeroes_in_front),
        MODULE_TEST(private_values_out_of_range_are_refused),
        MODULE_TEST(a_private_keys_point_must_be_its_own),
        MODULE_TEST(points_come_raw_in_der_and_compressed_and_go_out_in_der),
        MODULE_TEST(what_is_no_point_is_refused),
        MODULE_TEST(edwards_points_are_on_the_curve_and_not_of_small_order),
        MODULE_TEST(keys_need_their_curve_and_their_value),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
