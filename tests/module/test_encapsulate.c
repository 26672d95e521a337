/* C_EncapsulateKey and C_DecapsulateKey by ECDH: the ciphertext is an ephemeral public key. What both sides come to is
 * compared with what C_DeriveKey, and OpenSSL by itself, make of the same two keys. */
#include "cipher_fixture.h"
#include "ec_keys.h"

static const int curves[] = {EC_P256, EC_P384, EC_P521, EC_SECP256K1, EC_X25519, EC_X448};

static CK_MECHANISM ecdh(CK_ECDH1_DERIVE_PARAMS *params, CK_ULONG kdf)
{
    *params = (CK_ECDH1_DERIVE_PARAMS){.kdf = kdf};
    return (CK_MECHANISM){CKM_ECDH1_DERIVE, params, sizeof *params};
}

/* A pair that encapsulates, decapsulates and derives. */
static struct ec_pair make_pair(CK_SESSION_HANDLE session, int curve)
{
    struct ec_bytes params = ec_params(curve);
    CK_ATTRIBUTE public_template[] = {{CKA_EC_PARAMS, params.data, params.size}, ATTRIBUTE(CKA_ENCAPSULATE, yes)};
    CK_ATTRIBUTE private_template[] = {ATTRIBUTE(CKA_DECAPSULATE, yes), ATTRIBUTE(CKA_DERIVE, yes)};
    struct ec_pair pair;
    assert_ok(ec_generate_with(session, ec_curves[curve].generation, public_template, 2, private_template, 2, &pair));
    return pair;
}

static CK_ATTRIBUTE readable[] = {
    ATTRIBUTE(CKA_KEY_TYPE, cipher_generic), ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes)};

static CK_RV encapsulate(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    CK_ATTRIBUTE *template, size_t count, struct cipher_bytes *ciphertext, CK_OBJECT_HANDLE *made)
{
    ciphertext->size = sizeof ciphertext->data;
    *made = 0;
    return p11_32->C_EncapsulateKey(
        session, mechanism, key, template, count, ciphertext->data, &ciphertext->size, made);
}

static CK_RV decapsulate(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
    CK_ATTRIBUTE *template, size_t count, const struct cipher_bytes *ciphertext, CK_OBJECT_HANDLE *made)
{
    *made = 0;
    return p11_32->C_DecapsulateKey(session, mechanism, key, template, count, VIEW(*ciphertext), made);
}

static struct ec_bytes value_of(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    return ec_get(session, key, CKA_VALUE);
}

/* OpenSSL's own agreement of the pair's private key with the ephemeral point: `derived` by this module is compared with
 * OpenSSL in test_ecdh.c. */
static struct ec_bytes derive(CK_SESSION_HANDLE session, CK_ULONG kdf, struct ec_pair pair,
    const struct cipher_bytes *ciphertext, CK_ATTRIBUTE *template, size_t count)
{
    CK_ECDH1_DERIVE_PARAMS params;
    CK_MECHANISM mechanism = ecdh(&params, kdf);
    CK_OBJECT_HANDLE key = 0;
    params.public_data = (unsigned char *)(uintptr_t)ciphertext->data;
    params.public_data_len = ciphertext->size;
    assert_ok(p11->C_DeriveKey(session, &mechanism, pair.private_key, template, count, &key));
    return value_of(session, key);
}

static void both_sides_come_to_the_same_key(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    static const CK_ULONG kdfs[] = {CKD_NULL, CKD_SHA256_KDF};
    CK_ULONG length = 40;
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        struct ec_pair pair = make_pair(session, curves[i]);
        for (size_t j = 0; j < COUNT_OF(kdfs); j++) {
            CK_ATTRIBUTE template[4] = {readable[0], readable[1], readable[2], ATTRIBUTE(CKA_VALUE_LEN, length)};
            size_t count = kdfs[j] == CKD_NULL ? 3 : 4;
            CK_ECDH1_DERIVE_PARAMS params;
            CK_MECHANISM mechanism = ecdh(&params, kdfs[j]);
            struct cipher_bytes ciphertext, other;
            CK_OBJECT_HANDLE one, two;
            assert_ok(encapsulate(session, &mechanism, pair.public_key, template, count, &ciphertext, &one));
            assert_int_equal(ciphertext.size, ec_curves[curves[i]].point);
            assert_ok(decapsulate(session, &mechanism, pair.private_key, template, count, &ciphertext, &two));
            struct ec_bytes value = value_of(session, one);
            assert_int_equal(value.size, kdfs[j] == CKD_NULL ? ec_curves[curves[i]].value : length);
            assert_bytes(value, value_of(session, two));
            assert_bytes(value, derive(session, kdfs[j], pair, &ciphertext, template, count));
            assert_ok(encapsulate(session, &mechanism, pair.public_key, template, count, &other, &two));
            assert_memory_not_equal(other.data, ciphertext.data, ciphertext.size); /* each time another */
            assert_memory_not_equal(value.data, value_of(session, two).data, value.size);
        }
    }
}

static unsigned long objects(CK_SESSION_HANDLE session)
{
    return module_find(session, NULL, 0, NULL);
}

static void a_question_makes_no_key(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct ec_pair pair = make_pair(session, EC_P256);
    CK_ECDH1_DERIVE_PARAMS params;
    CK_MECHANISM mechanism = ecdh(&params, CKD_NULL);
    unsigned char out[80];
    unsigned long size = 0, before = objects(session);
    CK_OBJECT_HANDLE key = 7;
    assert_ok(p11_32->C_EncapsulateKey(session, &mechanism, pair.public_key, readable, 3, NULL, &size, NULL));
    assert_int_equal(size, 65);
    size = 64;
    assert_rv(p11_32->C_EncapsulateKey(session, &mechanism, pair.public_key, readable, 3, out, &size, &key),
        CKR_BUFFER_TOO_SMALL);
    assert_int_equal(size, 65);
    assert_int_equal(key, 7);
    assert_int_equal(objects(session), before);
    assert_rv(p11_32->C_EncapsulateKey(session, &mechanism, pair.public_key, readable, 3, out, &size, NULL),
        CKR_ARGUMENTS_BAD);
    assert_ok(p11_32->C_EncapsulateKey(session, &mechanism, pair.public_key, readable, 3, out, &size, &key));
    assert_int_equal(objects(session), before + 1);
}

static void what_is_no_ciphertext_is_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        struct ec_pair pair = make_pair(session, curves[i]);
        CK_ECDH1_DERIVE_PARAMS params;
        CK_MECHANISM mechanism = ecdh(&params, CKD_NULL);
        struct cipher_bytes ciphertext;
        CK_OBJECT_HANDLE key;
        unsigned long before;
        assert_ok(encapsulate(session, &mechanism, pair.public_key, readable, 3, &ciphertext, &key));
        before = objects(session);
        ciphertext.size--;
        assert_rv(decapsulate(session, &mechanism, pair.private_key, readable, 3, &ciphertext, &key),
            CKR_WRAPPED_KEY_INVALID);
        ciphertext.size = 0;
        assert_rv(decapsulate(session, &mechanism, pair.private_key, readable, 3, &ciphertext, &key),
            CKR_WRAPPED_KEY_INVALID);
        ciphertext.size = 200;
        assert_rv(decapsulate(session, &mechanism, pair.private_key, readable, 3, &ciphertext, &key),
            CKR_WRAPPED_KEY_LEN_RANGE);
        ciphertext.size = ~0UL; /* no memory has that */
        assert_rv(decapsulate(session, &mechanism, pair.private_key, readable, 3, &ciphertext, &key),
            CKR_WRAPPED_KEY_LEN_RANGE);
        ciphertext.size = ec_curves[curves[i]].point;
        memset(ciphertext.data, 0, ciphertext.size); /* of small order, or on no curve */
        assert_rv(decapsulate(session, &mechanism, pair.private_key, readable, 3, &ciphertext, &key),
            CKR_WRAPPED_KEY_INVALID);
        assert_int_equal(objects(session), before);
    }
}

static void wrong_keys_and_parameters_are_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct ec_pair pair = make_pair(session, EC_P256), other = ec_generate(session, EC_P256);
    CK_ECDH1_DERIVE_PARAMS params;
    CK_MECHANISM mechanism = ecdh(&params, CKD_NULL), none = {CKM_ECDSA, NULL, 0};
    struct cipher_bytes ciphertext, ignored;
    CK_OBJECT_HANDLE key;
    assert_ok(encapsulate(session, &mechanism, pair.public_key, readable, 3, &ciphertext, &key));
    assert_rv(encapsulate(session, &none, pair.public_key, readable, 3, &ignored, &key), CKR_MECHANISM_INVALID);
    assert_rv(decapsulate(session, &none, pair.private_key, readable, 3, &ciphertext, &key), CKR_MECHANISM_INVALID);
    assert_rv(encapsulate(session, &mechanism, other.public_key, readable, 3, &ignored, &key),
        CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_rv(decapsulate(session, &mechanism, other.private_key, readable, 3, &ciphertext, &key),
        CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_rv(
        encapsulate(session, &mechanism, pair.private_key, readable, 3, &ignored, &key), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(decapsulate(session, &mechanism, pair.public_key, readable, 3, &ciphertext, &key),
        CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT);
    params.public_data = ciphertext.data; /* the ciphertext is the other party's key */
    params.public_data_len = ciphertext.size;
    assert_rv(
        encapsulate(session, &mechanism, pair.public_key, readable, 3, &ignored, &key), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(decapsulate(session, &mechanism, pair.private_key, readable, 3, &ciphertext, &key),
        CKR_MECHANISM_PARAM_INVALID);
    mechanism = (CK_MECHANISM){CKM_ECDH1_DERIVE, NULL, 0};
    assert_rv(
        encapsulate(session, &mechanism, pair.public_key, readable, 3, &ignored, &key), CKR_MECHANISM_PARAM_INVALID);
}

static void the_key_is_what_its_template_says(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct ec_pair pair = make_pair(session, EC_P256);
    CK_ECDH1_DERIVE_PARAMS params;
    CK_MECHANISM mechanism = ecdh(&params, CKD_NULL);
    struct cipher_bytes ciphertext;
    CK_OBJECT_HANDLE keys[2];
    CK_ATTRIBUTE aes[] = {ATTRIBUTE(CKA_KEY_TYPE, cipher_aes), ATTRIBUTE(CKA_ENCRYPT, yes)};
    CK_ATTRIBUTE clash[] = {ATTRIBUTE(CKA_KEY_TYPE, cipher_aes), ATTRIBUTE(CKA_WRAP, yes), ATTRIBUTE(CKA_DECRYPT, yes)};
    CK_ATTRIBUTE valued[] = {ATTRIBUTE(CKA_KEY_TYPE, cipher_aes), TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef")};
    CK_ATTRIBUTE pairs[] = {ATTRIBUTE(CKA_CLASS, class_private)};
    assert_ok(encapsulate(session, &mechanism, pair.public_key, aes, 2, &ciphertext, &keys[0]));
    assert_ok(decapsulate(session, &mechanism, pair.private_key, aes, 2, &ciphertext, &keys[1]));
    for (int i = 0; i < 2; i++) { /* 3.2, 5.18.8 */
        assert_int_equal(module_ulong(session, keys[i], CKA_VALUE_LEN), 32);
        assert_int_equal(module_boolean(session, keys[i], CKA_SENSITIVE), CK_TRUE);
        assert_int_equal(module_boolean(session, keys[i], CKA_EXTRACTABLE), CK_TRUE);
        assert_int_equal(module_boolean(session, keys[i], CKA_ALWAYS_SENSITIVE), CK_FALSE);
        assert_int_equal(module_boolean(session, keys[i], CKA_NEVER_EXTRACTABLE), CK_FALSE);
        assert_int_equal(module_boolean(session, keys[i], CKA_LOCAL), CK_FALSE);
        assert_int_equal(module_boolean(session, keys[i], CKA_ENCRYPT), CK_TRUE);
        assert_int_equal(module_boolean(session, keys[i], CKA_DECRYPT), CK_FALSE);
    }
    const struct {
        CK_ATTRIBUTE *template;
        size_t count;
    } wrong[] = {{clash, 3}, {valued, 2}, {pairs, 1}};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        CK_OBJECT_HANDLE key;
        struct cipher_bytes ignored;
        assert_rv(encapsulate(session, &mechanism, pair.public_key, wrong[i].template, wrong[i].count, &ignored, &key),
            CKR_TEMPLATE_INCONSISTENT);
        assert_rv(
            decapsulate(session, &mechanism, pair.private_key, wrong[i].template, wrong[i].count, &ciphertext, &key),
            CKR_TEMPLATE_INCONSISTENT);
    }
}

static void templates_that_the_keys_carry_are_added(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session;
    struct ec_bytes point_params = ec_params(EC_X25519);
    CK_ATTRIBUTE inside[] = {ATTRIBUTE(CKA_KEY_TYPE, cipher_aes), ATTRIBUTE(CKA_EXTRACTABLE, no)};
    CK_ATTRIBUTE public_template[] = {{CKA_EC_PARAMS, point_params.data, point_params.size},
        ATTRIBUTE(CKA_ENCAPSULATE, yes), {CKA_ENCAPSULATE_TEMPLATE, inside, sizeof inside}};
    CK_ATTRIBUTE private_template[] = {
        ATTRIBUTE(CKA_DECAPSULATE, yes), {CKA_DECAPSULATE_TEMPLATE, inside, sizeof inside}};
    CK_ECDH1_DERIVE_PARAMS params;
    CK_MECHANISM mechanism = ecdh(&params, CKD_NULL);
    struct cipher_bytes ciphertext, ignored;
    struct ec_pair pair;
    CK_OBJECT_HANDLE keys[2], none;
    assert_ok(
        ec_generate_with(session, CKM_EC_MONTGOMERY_KEY_PAIR_GEN, public_template, 3, private_template, 2, &pair));
    assert_ok(encapsulate(session, &mechanism, pair.public_key, NULL, 0, &ciphertext, &keys[0]));
    assert_ok(decapsulate(session, &mechanism, pair.private_key, NULL, 0, &ciphertext, &keys[1]));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(module_ulong(session, keys[i], CKA_KEY_TYPE), CKK_AES);
        assert_int_equal(module_boolean(session, keys[i], CKA_EXTRACTABLE), CK_FALSE);
    }
    assert_rv(
        encapsulate(session, &mechanism, pair.public_key, readable, 3, &ignored, &none), CKR_TEMPLATE_INCONSISTENT);
    assert_rv(
        decapsulate(session, &mechanism, pair.private_key, readable, 3, &ciphertext, &none), CKR_TEMPLATE_INCONSISTENT);
}

/* A key that asks for the PIN before each use has no Init to give it after; and a session that only reads makes nothing
 * that stays. */
static void what_cannot_be_asked_for_is_refused(void **state)
{
    CK_SESSION_HANDLE session = ((struct module_fixture *)*state)->session, reading = module_session(0, 0);
    struct ec_bytes point_params = ec_params(EC_P256);
    CK_ATTRIBUTE public_template[] = {
        {CKA_EC_PARAMS, point_params.data, point_params.size}, ATTRIBUTE(CKA_ENCAPSULATE, yes)};
    CK_ATTRIBUTE private_template[] = {ATTRIBUTE(CKA_DECAPSULATE, yes), ATTRIBUTE(CKA_ALWAYS_AUTHENTICATE, yes)};
    CK_ATTRIBUTE stays[] = {ATTRIBUTE(CKA_TOKEN, yes)};
    CK_ECDH1_DERIVE_PARAMS params;
    CK_MECHANISM mechanism = ecdh(&params, CKD_NULL);
    struct cipher_bytes ciphertext, ignored;
    struct ec_pair pair;
    CK_OBJECT_HANDLE key;
    assert_ok(ec_generate_with(session, CKM_EC_KEY_PAIR_GEN, public_template, 2, private_template, 2, &pair));
    assert_ok(encapsulate(session, &mechanism, pair.public_key, NULL, 0, &ciphertext, &key));
    assert_rv(
        decapsulate(session, &mechanism, pair.private_key, NULL, 0, &ciphertext, &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_ok(encapsulate(reading, &mechanism, pair.public_key, NULL, 0, &ignored, &key));
    assert_rv(encapsulate(reading, &mechanism, pair.public_key, stays, 1, &ignored, &key), CKR_SESSION_READ_ONLY);
    assert_ok(encapsulate(session, &mechanism, pair.public_key, stays, 1, &ignored, &key));
    assert_int_equal(module_boolean(session, key, CKA_TOKEN), CK_TRUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(both_sides_come_to_the_same_key),
        MODULE_TEST(a_question_makes_no_key),
        MODULE_TEST(what_is_no_ciphertext_is_refused),
        MODULE_TEST(wrong_keys_and_parameters_are_refused),
        MODULE_TEST(the_key_is_what_its_template_says),
        MODULE_TEST(templates_that_the_keys_carry_are_added),
        MODULE_TEST(what_cannot_be_asked_for_is_refused),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
