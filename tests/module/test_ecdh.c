/* ECDH: published shared secrets, OpenSSL as the other party, X9.63 computed apart from the module, and public keys
 * with which nothing may be shared. */
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "ec_keys.h"

static CK_ECDH1_DERIVE_PARAMS with(CK_ULONG kdf, struct ec_bytes *peer, struct ec_bytes *shared)
{
    CK_ECDH1_DERIVE_PARAMS params = {kdf, shared ? shared->size : 0, shared ? shared->data : NULL, peer->size, NULL};
    params.public_data = peer->data;
    return params;
}

/* A generic secret of so many bytes (0: the template does not say), that can be read. */
static CK_RV derive_by(
    CK_SESSION_HANDLE session, CK_MECHANISM mechanism, CK_OBJECT_HANDLE key, CK_ULONG size, struct ec_bytes *secret)
{
    CK_OBJECT_HANDLE derived = 0;
    CK_ATTRIBUTE attributes[] = {
        ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes), ATTRIBUTE(CKA_VALUE_LEN, size)};
    CK_RV rv = p11->C_DeriveKey(session, &mechanism, key, attributes, size ? 3 : 2, &derived);
    if (rv == CKR_OK)
        *secret = ec_get(session, derived, CKA_VALUE);
    return rv;
}

static CK_RV derive(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_ECDH1_DERIVE_PARAMS params, CK_ULONG size,
    struct ec_bytes *secret)
{
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &params, sizeof params};
    return derive_by(session, mechanism, key, size, secret);
}

static CK_RV agree(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, struct ec_bytes peer, struct ec_bytes *secret)
{
    return derive(session, key, with(CKD_NULL, &peer, NULL), 0, secret);
}

/* --- published --- */

/* NIST CAVP, KAS_ECC_CDH_PrimitiveTest.txt, COUNT = 0 of each curve (dIUT, QCAVS, ZIUT); RFC 7748, 6.1 and 6.2. */
static const struct {
    int curve;
    const char *value, *peer, *secret;
} published[] = {
    {EC_P256, "7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534",
        "04 700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287"
        "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac",
        "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b"},
    {EC_P384, "3cc3122a68f0d95027ad38c067916ba0eb8c38894d22e1b15618b6818a661774ad463b205da88cf699ab4d43c9cf98a1",
        "04 a7c76b970c3b5fe8b05d2838ae04ab47697b9eaf52e764592efda27fe7513272734466b400091adbf2d68c58e0c50066"
        "ac68f19f2e1cb879aed43a9969b91a0839c4c38a49749b661efedf243451915ed0905a32b060992b468c64766fc8437a",
        "5f9d29dc5e31a163060356213669c8ce132e22f57c9a04f40ba7fcead493b457e5621e766c40a2e3d4d6a04b25e533f1"},
    {EC_P521,
        "017eecc07ab4b329068fba65e56a1f8890aa935e57134ae0ffcce802735151f4eac6564f6ee9974c5e6887a1fefee5743ae2241b"
        "feb95d5ce31ddcb6f9edb4d6fc47",
        "04 00685a48e86c79f0f0875f7bc18d25eb5fc8c0b07e5da4f4370f3a9490340854334b1e1b87fa395464c60626124a4e70d0f78560"
        "1d37c09870ebf176666877a2046d"
        "01ba52c56fc8776d9e8f5db4f0cc27636d0b741bbe05400697942e80b739884a83bde99e0f6716939e632bc8986fa18dccd443a3"
        "48b6c3e522497955a4f3c302f676",
        "005fc70477c3e63bc3954bd0df3ea0d1f41ee21746ed95fc5e1fdf90930d5e136672d72cc770742d1711c3c3a4c334a0ad975943"
        "6a4d3c5bf6e74b9578fac148c831"},
    {EC_X25519, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
    {EC_X25519, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
    {EC_X448,
        "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0"
        "a598726b",
        "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c6"
        "7bf33609",
        "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037"
        "514a879d"},
    {EC_X448,
        "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120bb5ee8972b0d3e21374c9c921b09d1b0366f10b6"
        "5173992d",
        "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d40c5b12da88120d53177f80e5"
        "32c41fa0",
        "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037"
        "514a879d"},
};

static void shared_secrets_are_the_published_ones(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (size_t i = 0; i < COUNT_OF(published); i++) {
        struct ec_bytes peer = ec_hex(published[i].peer), expected = ec_hex(published[i].secret), secret;
        CK_OBJECT_HANDLE key = 0;
        assert_ok(ec_create_private(session, published[i].curve, ec_hex(published[i].value), NULL, &key));
        assert_ok(agree(session, key, peer, &secret));
        assert_bytes(secret, expected);
        struct ec_bytes der = ec_octets(peer.data, peer.size);
        assert_ok(agree(session, key, der, &secret));
        assert_bytes(secret, expected);
        CK_ECDH1_DERIVE_PARAMS params = with(CKD_NULL, &peer, NULL);
        assert_ok(
            derive_by(session, (CK_MECHANISM){CKM_ECDH1_COFACTOR_DERIVE, &params, sizeof params}, key, 0, &secret));
        assert_bytes(secret, expected);
    }
}

/* --- OpenSSL as the other party --- */

static const int agreeing[] = {EC_P256, EC_P384, EC_P521, EC_SECP256K1, EC_X25519, EC_X448};

static EVP_PKEY *openssl_key(int curve)
{
    EVP_PKEY *pkey = ec_curves[curve].type == CKK_EC ? EVP_EC_gen(ec_curves[curve].name)
                                                     : EVP_PKEY_Q_keygen(NULL, NULL, ec_curves[curve].name);
    assert_non_null(pkey);
    return pkey;
}

static struct ec_bytes openssl_agrees(EVP_PKEY *own, EVP_PKEY *peer)
{
    struct ec_bytes secret = {.size = sizeof secret.data};
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
    assert_int_equal(EVP_PKEY_derive_init(context), 1);
    assert_int_equal(EVP_PKEY_derive_set_peer(context, peer), 1);
    assert_int_equal(EVP_PKEY_derive(context, secret.data, &secret.size), 1);
    EVP_PKEY_CTX_free(context);
    return secret;
}

static void openssl_comes_to_the_same_secret(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (size_t i = 0; i < COUNT_OF(agreeing); i++)
        for (int round = 0; round < 8; round++) {
            struct ec_pair pair = ec_generate(session, agreeing[i]);
            EVP_PKEY *own = ec_openssl(session, pair.public_key), *other = openssl_key(agreeing[i]);
            struct ec_bytes expected = openssl_agrees(other, own), secret;
            assert_ok(agree(session, pair.private_key, ec_openssl_point(other), &secret));
            assert_int_equal(secret.size, ec_curves[agreeing[i]].value);
            assert_bytes(secret, expected);
            EVP_PKEY_free(own);
            EVP_PKEY_free(other);
        }
}

/* PKCS#11 3.1, 6.3.17: bytes are removed from the leading end. */
static void a_shorter_key_is_the_end_of_the_secret(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (size_t i = 0; i < COUNT_OF(agreeing); i++) {
        struct ec_pair pair = ec_generate(session, agreeing[i]);
        struct ec_bytes peer = ec_get(session, ec_generate(session, agreeing[i]).public_key, CKA_EC_POINT), whole, end;
        assert_ok(agree(session, pair.private_key, peer, &whole));
        for (size_t size = 1; size <= whole.size; size += 5) {
            assert_ok(derive(session, pair.private_key, with(CKD_NULL, &peer, NULL), size, &end));
            assert_int_equal(end.size, size);
            assert_memory_equal(end.data, whole.data + whole.size - size, size);
        }
        assert_rv(derive(session, pair.private_key, with(CKD_NULL, &peer, NULL), whole.size + 1, &end),
            CKR_ATTRIBUTE_VALUE_INVALID);
    }
}

/* --- X9.63 --- */

static const struct {
    CK_ULONG kdf;
    const char *hash;
} functions[] = {
    {CKD_SHA1_KDF, "SHA1"},
    {CKD_SHA224_KDF, "SHA224"},
    {CKD_SHA256_KDF, "SHA256"},
    {CKD_SHA384_KDF, "SHA384"},
    {CKD_SHA512_KDF, "SHA512"},
    {CKD_SHA3_224_KDF, "SHA3-224"},
    {CKD_SHA3_256_KDF, "SHA3-256"},
    {CKD_SHA3_384_KDF, "SHA3-384"},
    {CKD_SHA3_512_KDF, "SHA3-512"},
};

/* SEC 1, 3.6.1: the hashes of Z ‖ a counter of four bytes from 1 on ‖ the shared data, one after the other. */
static void x963(const char *hash, struct ec_bytes z, struct ec_bytes shared, unsigned char *out, size_t size)
{
    EVP_MD *md = EVP_MD_fetch(NULL, hash, NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char block[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    assert_non_null(md);
    for (unsigned counter = 1; size; counter++) {
        const unsigned char number[4] = {0, 0, 0, (unsigned char)counter};
        assert_int_equal(EVP_DigestInit_ex(context, md, NULL), 1);
        assert_int_equal(EVP_DigestUpdate(context, z.data, z.size), 1);
        assert_int_equal(EVP_DigestUpdate(context, number, 4), 1);
        assert_int_equal(EVP_DigestUpdate(context, shared.data, shared.size), 1);
        assert_int_equal(EVP_DigestFinal_ex(context, block, &length), 1);
        size_t part = size < length ? size : length;
        memcpy(out, block, part);
        out += part;
        size -= part;
    }
    EVP_MD_CTX_free(context);
    EVP_MD_free(md);
}

static void derivation_functions_are_those_of_x963(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    static const size_t sizes[] = {1, 16, 20, 28, 32, 33, 64, 65, 300};
    static const int curves[] = {EC_P521, EC_X25519};
    for (size_t c = 0; c < COUNT_OF(curves); c++) {
        struct ec_pair pair = ec_generate(session, curves[c]);
        struct ec_bytes peer = ec_get(session, ec_generate(session, curves[c]).public_key, CKA_EC_POINT), z, secret;
        struct ec_bytes shared = ec_hex("0102030405060708090a"), none = {.size = 0};
        assert_ok(agree(session, pair.private_key, peer, &z));
        for (size_t i = 0; i < COUNT_OF(functions); i++)
            for (size_t j = 0; j < COUNT_OF(sizes); j++) {
                unsigned char expected[300];
                x963(functions[i].hash, z, shared, expected, sizes[j]);
                assert_ok(derive(session, pair.private_key, with(functions[i].kdf, &peer, &shared), sizes[j], &secret));
                assert_int_equal(secret.size, sizes[j]);
                assert_memory_equal(secret.data, expected, sizes[j]);
                x963(functions[i].hash, z, none, expected, sizes[j]);
                assert_ok(derive(session, pair.private_key, with(functions[i].kdf, &peer, NULL), sizes[j], &secret));
                assert_memory_equal(secret.data, expected, sizes[j]);
            }
        assert_rv(
            derive(session, pair.private_key, with(CKD_SHA256_KDF, &peer, NULL), 0, &secret), CKR_TEMPLATE_INCOMPLETE);
        assert_rv(derive(session, pair.private_key, with(CKD_SHA256_KDF, &peer, NULL), 1 << 20, &secret),
            CKR_ATTRIBUTE_VALUE_INVALID);
    }
}

static void the_derived_key_is_of_the_templates_type(void **state)
{
    const struct module_fixture *fixture = *state;
    struct ec_pair pair = ec_generate(fixture->session, EC_P256);
    struct ec_bytes peer = ec_get(fixture->session, pair.public_key, CKA_EC_POINT);
    CK_ECDH1_DERIVE_PARAMS params = with(CKD_SHA256_KDF, &peer, NULL);
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &params, sizeof params};
    CK_KEY_TYPE aes = CKK_AES;
    CK_ULONG size = 24;
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_KEY_TYPE, aes), ATTRIBUTE(CKA_VALUE_LEN, size)};
    assert_ok(p11->C_DeriveKey(fixture->session, &mechanism, pair.private_key, attributes, 2, &key));
    assert_int_equal(module_ulong(fixture->session, key, CKA_KEY_TYPE), CKK_AES);
    assert_int_equal(module_ulong(fixture->session, key, CKA_VALUE_LEN), 24);
    size = 23;
    assert_rv(p11->C_DeriveKey(fixture->session, &mechanism, pair.private_key, attributes, 2, &key),
        CKR_ATTRIBUTE_VALUE_INVALID);
}

/* --- what nothing may be shared with --- */

/* A point off the curve lies on another one, of small order perhaps, and its secret would tell about the key. */
static void points_off_the_curve_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    static const int curves[] = {EC_P256, EC_P384, EC_P521, EC_SECP256K1};
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        struct ec_pair pair = ec_generate(session, curves[i]);
        struct ec_bytes right = ec_point(session, pair.public_key, curves[i]), wrong, secret;
        assert_ok(agree(session, pair.private_key, right, &secret));
        for (size_t at = 1; at < right.size; at += 9) {
            wrong = right;
            wrong.data[at] ^= 1;
            assert_rv(agree(session, pair.private_key, wrong, &secret), CKR_MECHANISM_PARAM_INVALID);
        }
        wrong = (struct ec_bytes){.size = right.size};
        memset(wrong.data, 0, wrong.size);
        wrong.data[0] = 0x04; /* (0, 0) */
        assert_rv(agree(session, pair.private_key, wrong, &secret), CKR_MECHANISM_PARAM_INVALID);
        memset(wrong.data + 1, 0xff, wrong.size - 1); /* above p */
        assert_rv(agree(session, pair.private_key, wrong, &secret), CKR_MECHANISM_PARAM_INVALID);
        wrong = ec_hex("00"); /* the neutral element */
        assert_rv(agree(session, pair.private_key, wrong, &secret), CKR_MECHANISM_PARAM_INVALID);
        wrong = ec_point(session, ec_generate(session, curves[(i + 1) % 4]).public_key, curves[(i + 1) % 4]);
        assert_rv(agree(session, pair.private_key, wrong, &secret), CKR_MECHANISM_PARAM_INVALID);
    }
}

static void a_compressed_point_is_the_point(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct ec_pair pair = ec_generate(session, EC_P256);
    struct ec_bytes point = ec_point(session, ec_generate(session, EC_P256).public_key, EC_P256), short_form = point,
                    expected, secret;
    short_form.size = 33;
    short_form.data[0] = 2 + (point.data[64] & 1);
    assert_ok(agree(session, pair.private_key, point, &expected));
    assert_ok(agree(session, pair.private_key, short_form, &secret));
    assert_bytes(secret, expected);
}

/* RFC 7748, 6.1 and 7: points of small order give a secret of zeroes. Those of Curve25519, of orders 1, 2, 4 and 8, are
 * the ones at https://cr.yp.to/ecdh.html#validate; those of Curve448 are 0, 1 and -1 (and 0 as p). */
static void points_of_small_order_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    static const struct {
        int curve;
        const char *point;
    } small[] = {
        {EC_X25519, "0000000000000000000000000000000000000000000000000000000000000000"},
        {EC_X25519, "0100000000000000000000000000000000000000000000000000000000000000"},
        {EC_X25519, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"},
        {EC_X25519, "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"},
        {EC_X25519, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
        {EC_X25519, "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
        {EC_X448, "00000000000000000000000000000000000000000000000000000000"
                  "00000000000000000000000000000000000000000000000000000000"},
        {EC_X448, "01000000000000000000000000000000000000000000000000000000"
                  "00000000000000000000000000000000000000000000000000000000"},
        {EC_X448, "feffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                  "feffffffffffffffffffffffffffffffffffffffffffffffffffffff"},
        {EC_X448, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                  "feffffffffffffffffffffffffffffffffffffffffffffffffffffff"},
    };
    for (size_t i = 0; i < COUNT_OF(small); i++) {
        struct ec_pair pair = ec_generate(session, small[i].curve);
        struct ec_bytes point = ec_hex(small[i].point), secret;
        assert_int_equal(point.size, ec_curves[small[i].curve].point);
        assert_rv(agree(session, pair.private_key, point, &secret), CKR_MECHANISM_PARAM_INVALID);
        assert_rv(derive(session, pair.private_key, with(CKD_SHA256_KDF, &point, NULL), 16, &secret),
            CKR_MECHANISM_PARAM_INVALID);
    }
}

static void wrong_parameters_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct ec_pair pair = ec_generate(session, EC_P256);
    struct ec_bytes peer = ec_get(session, pair.public_key, CKA_EC_POINT), shared = ec_hex("0102"), secret;
    CK_ECDH1_DERIVE_PARAMS right = with(CKD_SHA256_KDF, &peer, &shared), params = right;
    assert_ok(derive(session, pair.private_key, right, 16, &secret));
    for (CK_ULONG kdf = 0; kdf < 16; kdf++) {
        bool known = (kdf >= 1 && kdf <= 2) || (kdf >= 5 && kdf <= 8) || (kdf >= 10 && kdf <= 13);
        assert_rv(derive(session, pair.private_key, with(kdf, &peer, NULL), 16, &secret),
            known ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
    }
    params.kdf = CKD_NULL; /* there is nothing that would take the shared data */
    assert_rv(derive(session, pair.private_key, params, 16, &secret), CKR_MECHANISM_PARAM_INVALID);
    params = right;
    params.shared_data = NULL;
    assert_rv(derive(session, pair.private_key, params, 16, &secret), CKR_MECHANISM_PARAM_INVALID);
    params = right;
    params.shared_data_len = ~0UL;
    assert_rv(derive(session, pair.private_key, params, 16, &secret), CKR_MECHANISM_PARAM_INVALID);
    params = right;
    params.public_data = NULL;
    assert_rv(derive(session, pair.private_key, params, 16, &secret), CKR_MECHANISM_PARAM_INVALID);
    static const CK_ULONG lengths[] = {0, 1, 32, 64, 65, 66, 68, ~0UL};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        params = right;
        params.public_data_len = lengths[i];
        assert_rv(derive(session, pair.private_key, params, 16, &secret), CKR_MECHANISM_PARAM_INVALID);
    }
    params = right;
    assert_rv(
        derive_by(session, (CK_MECHANISM){CKM_ECDH1_DERIVE, &params, sizeof params - 1}, pair.private_key, 16, &secret),
        CKR_MECHANISM_PARAM_INVALID);
    assert_rv(derive_by(session, (CK_MECHANISM){CKM_ECDH1_DERIVE, NULL, 0}, pair.private_key, 16, &secret),
        CKR_MECHANISM_PARAM_INVALID);
}

static void keys_that_do_not_agree_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct ec_pair pair = ec_generate(session, EC_P256), edwards = ec_generate(session, EC_ED25519);
    struct ec_bytes peer = ec_get(session, pair.public_key, CKA_EC_POINT), params = ec_params(EC_P256), secret;
    assert_rv(agree(session, edwards.private_key, peer, &secret), CKR_KEY_TYPE_INCONSISTENT);
    assert_rv(agree(session, pair.public_key, peer, &secret), CKR_KEY_TYPE_INCONSISTENT);
    CK_ATTRIBUTE public_template[] = {{CKA_EC_PARAMS, params.data, params.size}};
    CK_ATTRIBUTE private_template[] = {ATTRIBUTE(CKA_SIGN, yes)};
    assert_ok(ec_generate_with(session, CKM_EC_KEY_PAIR_GEN, public_template, 1, private_template, 1, &pair));
    assert_rv(agree(session, pair.private_key, peer, &secret), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(shared_secrets_are_the_published_ones),
        MODULE_TEST(openssl_comes_to_the_same_secret),
        MODULE_TEST(a_shorter_key_is_the_end_of_the_secret),
        MODULE_TEST(derivation_functions_are_those_of_x963),
        MODULE_TEST(the_derived_key_is_of_the_templates_type),
        MODULE_TEST(points_off_the_curve_are_refused),
        MODULE_TEST(a_compressed_point_is_the_point),
        MODULE_TEST(points_of_small_order_are_refused),
        MODULE_TEST(wrong_parameters_are_refused),
        MODULE_TEST(keys_that_do_not_agree_are_refused),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
