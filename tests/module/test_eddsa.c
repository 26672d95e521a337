/* EdDSA: the signatures of RFC 8032 exactly, OpenSSL as the other party, and signatures that are none. */
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "ec_keys.h"

#include <stdlib.h>

/* RFC 8032, 7.1 (TEST 1 to 3, TEST SHA(abc)) and 7.4 (Blank, 1 octet). */
static const struct {
    int curve;
    const char *seed, *point, *message, *signature;
} published[] = {
    {EC_ED25519, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b"},
    {EC_ED25519, "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00"},
    {EC_ED25519, "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a"},
    {EC_ED25519, "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
        "454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
        "3dca179c138ac17ad9bef1177331a704"},
    {EC_ED448,
        "6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3528c8a3fcc2f044e39a3fc5b94492f8f"
        "032e7549a20098f95b",
        "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6c"
        "d1fa1abeafe8256180",
        "",
        "533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f2b233f034f628281f2fd7a22ddd47d78"
        "28c59bd0a21bfd3980ff0d2028d4b18a9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a113a0f4db"
        "b61149f05a7363268c71d95808ff2e652600"},
    {EC_ED448,
        "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949e"
        "f8021e954e0a12274e",
        "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c"
        "235160627b4c3a9480",
        "03",
        "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633"
        "fc1bf037ab7cd779805e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0f"
        "f3348ab21aa4adafd1d234441cf807c03a00"},
};
static const int edwards[] = {EC_ED25519, EC_ED448};

static void signatures_are_those_of_rfc_8032(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (size_t i = 0; i < COUNT_OF(published); i++) {
        struct ec_bytes point = ec_hex(published[i].point), message = ec_hex(published[i].message),
                        expected = ec_hex(published[i].signature), found;
        CK_OBJECT_HANDLE private_key = 0, public_key = 0;
        assert_ok(ec_create_private(session, published[i].curve, ec_hex(published[i].seed), NULL, &private_key));
        assert_ok(ec_create_public(session, published[i].curve, point, NULL, &public_key));
        found = ec_point(session, private_key, published[i].curve);
        assert_bytes(found, point);
        assert_ok(ec_sign(session, CKM_EDDSA, private_key, message, &found));
        assert_bytes(found, expected);
        assert_ok(ec_verify(session, CKM_EDDSA, public_key, message, expected));
        message.data[message.size++] = 1;
        assert_rv(ec_verify(session, CKM_EDDSA, public_key, message, expected), CKR_SIGNATURE_INVALID);
    }
}

static void openssl_and_the_token_verify_each_other(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (size_t i = 0; i < COUNT_OF(edwards); i++) {
        struct ec_pair pair = ec_generate(session, edwards[i]);
        struct ec_bytes data = {.size = 777}, signature = {.size = sizeof signature.data};
        memset(data.data, 0x21, data.size);
        EVP_PKEY *pkey = ec_openssl(session, pair.public_key);
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        assert_ok(ec_sign(session, CKM_EDDSA, pair.private_key, data, &signature));
        assert_int_equal(EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey), 1);
        assert_int_equal(EVP_DigestVerify(context, signature.data, signature.size, data.data, data.size), 1);
        EVP_MD_CTX_free(context);
        EVP_PKEY_free(pkey);

        pkey = EVP_PKEY_Q_keygen(NULL, NULL, ec_curves[edwards[i]].name);
        CK_OBJECT_HANDLE key = 0;
        assert_ok(ec_create_public(session, edwards[i], ec_openssl_point(pkey), NULL, &key));
        context = EVP_MD_CTX_new();
        signature.size = sizeof signature.data;
        assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, pkey), 1);
        assert_int_equal(EVP_DigestSign(context, signature.data, &signature.size, data.data, data.size), 1);
        EVP_MD_CTX_free(context);
        EVP_PKEY_free(pkey);
        assert_ok(ec_verify(session, CKM_EDDSA, key, data, signature));
        assert_rv(ec_verify(session, CKM_EDDSA, pair.public_key, data, signature), CKR_SIGNATURE_INVALID);
    }
}

/* --- signatures that are none --- */

/* The orders L of RFC 8032, 5.1 and 5.2, little-endian. S + L is the same number to whoever does not look. */
static const char *const orders[] = {
    "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
    "f34458ab92c27823558fc58d72c26c219036d6ae49db4ec4e923ca7cffffffffffffffffffffffffffffffffffffffffffffffffffffff3f"
    "00",
};

static void a_signatures_number_is_below_the_order(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (size_t i = 0; i < COUNT_OF(edwards); i++) {
        struct ec_pair pair = ec_generate(session, edwards[i]);
        struct ec_bytes data = {.size = 5}, signature, order = ec_hex(orders[i]);
        size_t half = ec_curves[edwards[i]].value;
        unsigned carry = 0;
        assert_int_equal(order.size, half);
        memset(data.data, 2, data.size);
        assert_ok(ec_sign(session, CKM_EDDSA, pair.private_key, data, &signature));
        for (size_t at = 0; at < half; at++) {
            carry += signature.data[half + at] + order.data[at];
            signature.data[half + at] = (unsigned char)carry;
            carry >>= 8;
        }
        assert_int_equal(carry, 0);
        assert_rv(ec_verify(session, CKM_EDDSA, pair.public_key, data, signature), CKR_SIGNATURE_INVALID);
    }
}

static void a_changed_or_cut_signature_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (size_t i = 0; i < COUNT_OF(edwards); i++) {
        struct ec_pair pair = ec_generate(session, edwards[i]);
        struct ec_bytes data = {.size = 40}, right, wrong;
        memset(data.data, 2, data.size);
        assert_ok(ec_sign(session, CKM_EDDSA, pair.private_key, data, &right));
        for (size_t at = 0; at < right.size; at += 5) {
            wrong = right;
            wrong.data[at] ^= 4;
            assert_rv(ec_verify(session, CKM_EDDSA, pair.public_key, data, wrong), CKR_SIGNATURE_INVALID);
        }
        wrong = right;
        wrong.size--;
        assert_rv(ec_verify(session, CKM_EDDSA, pair.public_key, data, wrong), CKR_SIGNATURE_LEN_RANGE);
        wrong.size += 2;
        assert_rv(ec_verify(session, CKM_EDDSA, pair.public_key, data, wrong), CKR_SIGNATURE_LEN_RANGE);
        memset(wrong.data, 0, sizeof wrong.data);
        wrong.size = right.size;
        assert_rv(ec_verify(session, CKM_EDDSA, pair.public_key, data, wrong), CKR_SIGNATURE_INVALID);
        assert_ok(ec_verify(session, CKM_EDDSA, pair.public_key, data, right));
    }
}

/* --- calls --- */

static void parts_of_any_size_are_the_whole(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_MECHANISM mechanism = {CKM_EDDSA, NULL, 0};
    static const size_t steps[] = {1, 13, 4000};
    static unsigned char message[9001]; /* more than the first piece of memory that is taken for parts */
    memset(message, 0x77, sizeof message);
    for (size_t i = 0; i < COUNT_OF(edwards); i++)
        for (size_t j = 0; j < COUNT_OF(steps); j++) {
            struct ec_pair pair = ec_generate(session, edwards[i]);
            unsigned char whole[114], signature[114];
            unsigned long whole_size = sizeof whole, size = sizeof signature;
            assert_ok(p11->C_SignInit(session, &mechanism, pair.private_key));
            assert_ok(p11->C_Sign(session, message, sizeof message, whole, &whole_size));
            assert_ok(p11->C_SignInit(session, &mechanism, pair.private_key));
            for (size_t at = 0; at < sizeof message; at += steps[j])
                assert_ok(p11->C_SignUpdate(
                    session, message + at, sizeof message - at < steps[j] ? sizeof message - at : steps[j]));
            assert_ok(p11->C_SignFinal(session, signature, &size));
            assert_int_equal(size, whole_size);
            assert_memory_equal(signature, whole, size);
            assert_ok(p11->C_VerifyInit(session, &mechanism, pair.public_key));
            for (size_t at = 0; at < sizeof message; at += steps[j])
                assert_ok(p11->C_VerifyUpdate(
                    session, message + at, sizeof message - at < steps[j] ? sizeof message - at : steps[j]));
            assert_ok(p11->C_VerifyFinal(session, signature, size));
            assert_ok(p11->C_VerifyInit(session, &mechanism, pair.public_key));
            assert_ok(p11->C_VerifyUpdate(session, message, sizeof message - 1));
            assert_rv(p11->C_VerifyFinal(session, signature, size), CKR_SIGNATURE_INVALID);
        }
}

static void a_message_in_parts_has_a_bound(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct ec_pair pair = ec_generate(session, EC_ED25519);
    CK_MECHANISM mechanism = {CKM_EDDSA, NULL, 0};
    enum { PIECE = 1 << 20 };
    unsigned char *piece = calloc(1, PIECE), signature[64];
    unsigned long size = sizeof signature;
    assert_non_null(piece);
    assert_ok(p11->C_SignInit(session, &mechanism, pair.private_key));
    for (int i = 0; i < 64; i++)
        assert_ok(p11->C_SignUpdate(session, piece, PIECE));
    assert_rv(p11->C_SignUpdate(session, piece, 1), CKR_DATA_LEN_RANGE);
    assert_rv(p11->C_SignFinal(session, signature, &size), CKR_OPERATION_NOT_INITIALIZED);
    free(piece);
}

static CK_RV sign_with(CK_SESSION_HANDLE session, CK_EDDSA_PARAMS params, CK_OBJECT_HANDLE key, struct ec_bytes data,
    struct ec_bytes *signature)
{
    CK_MECHANISM mechanism = {CKM_EDDSA, &params, sizeof params};
    unsigned long size = sizeof signature->data;
    CK_RV rv = p11->C_SignInit(session, &mechanism, key);
    if (rv == CKR_OK)
        rv = p11->C_Sign(session, data.data, data.size, signature->data, &size);
    signature->size = size;
    return rv;
}

static CK_RV verify_with(CK_SESSION_HANDLE session, CK_EDDSA_PARAMS params, CK_OBJECT_HANDLE key, struct ec_bytes data,
    struct ec_bytes signature)
{
    CK_MECHANISM mechanism = {CKM_EDDSA, &params, sizeof params};
    CK_RV rv = p11->C_VerifyInit(session, &mechanism, key);
    return rv == CKR_OK ? p11->C_Verify(session, data.data, data.size, signature.data, signature.size) : rv;
}

static void a_parameter_that_asks_for_nothing_is_the_pure_form(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (size_t i = 0; i < COUNT_OF(edwards); i++) {
        struct ec_pair pair = ec_generate(session, edwards[i]);
        CK_EDDSA_PARAMS params = {CK_FALSE, 0, NULL};
        CK_MECHANISM mechanism = {CKM_EDDSA, &params, sizeof params - 1};
        struct ec_bytes data = {.size = 3}, plain, signature;
        memset(data.data, 1, data.size);
        assert_ok(ec_sign(session, CKM_EDDSA, pair.private_key, data, &plain));
        assert_ok(sign_with(session, params, pair.private_key, data, &signature));
        assert_bytes(signature, plain);
        assert_ok(verify_with(session, params, pair.public_key, data, plain));
        assert_rv(p11->C_SignInit(session, &mechanism, pair.private_key), CKR_MECHANISM_PARAM_INVALID);
        params = (CK_EDDSA_PARAMS){2, 0, NULL};
        assert_rv(sign_with(session, params, pair.private_key, data, &signature), CKR_MECHANISM_PARAM_INVALID);
        params = (CK_EDDSA_PARAMS){CK_FALSE, 256, data.data};
        assert_rv(sign_with(session, params, pair.private_key, data, &signature), CKR_MECHANISM_PARAM_INVALID);
        params = (CK_EDDSA_PARAMS){CK_FALSE, 3, NULL};
        assert_rv(sign_with(session, params, pair.private_key, data, &signature), CKR_MECHANISM_PARAM_INVALID);
    }
}

/* RFC 8032, 7.2 (foo), 7.3 (TEST abc), 7.4 (1 octet, with context). */
static const struct {
    int curve;
    CK_BBOOL prehashed;
    const char *seed, *message, *context, *signature;
} variants[] = {
    {EC_ED25519, CK_FALSE, "0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6",
        "f726936d19c800494e3fdaff20b276a8", "666f6f",
        "55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a8b36950b95130022907a7fb7c4e9b2d5"
        "f6cca685a587b4b21f4b888e4e7edb0d"},
    {EC_ED25519, CK_TRUE, "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42", "616263", "",
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aa"
        "a10b8c61e636062aaad11c2a26083406"},
    {EC_ED448, CK_FALSE,
        "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949e"
        "f8021e954e0a12274e",
        "03", "666f6f",
        "d4f8f6131770dd46f40867d6fd5d5055de43541f8c5e35abbcd001b32a89f7d2151f7647f11d8ca2ae279fb842d60721"
        "7fce6e042f6815ea000c85741de5c8da1144a6a1aba7f96de42505d7a7298524fda538fccbbb754f578c1cad10d54d0d"
        "5428407e85dcbc98a49155c13764e66c3c00"},
};

/* An older OpenSSL refuses them all; it must not sign another thing. */
static void contexts_and_prehashing_are_those_of_rfc_8032_or_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    bool has_variants = OpenSSL_version_num() >= 0x30200000UL;
    assert_true(has_variants || !getenv("BULLA_TEST_NEWER_OPENSSL")); /* newer_openssl.sh */
    for (size_t i = 0; i < COUNT_OF(variants); i++) {
        struct ec_bytes context = ec_hex(variants[i].context), message = ec_hex(variants[i].message), signature,
                        expected = ec_hex(variants[i].signature);
        CK_EDDSA_PARAMS params = {variants[i].prehashed, context.size, context.size ? context.data : NULL};
        CK_OBJECT_HANDLE private_key = 0, public_key = 0;
        assert_ok(ec_create_private(session, variants[i].curve, ec_hex(variants[i].seed), NULL, &private_key));
        assert_ok(ec_create_public(
            session, variants[i].curve, ec_point(session, private_key, variants[i].curve), NULL, &public_key));
        CK_RV rv = sign_with(session, params, private_key, message, &signature);
        assert_rv(rv, has_variants ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
        if (!has_variants)
            continue;
        assert_bytes(signature, expected);
        assert_ok(verify_with(session, params, public_key, message, expected));
        assert_rv(ec_verify(session, CKM_EDDSA, public_key, message, expected), CKR_SIGNATURE_INVALID);
        memcpy(context.data, "bar", 3);
        params = (CK_EDDSA_PARAMS){variants[i].prehashed, 3, context.data};
        assert_rv(verify_with(session, params, public_key, message, expected), CKR_SIGNATURE_INVALID);
    }
}

static void lengths_are_told_and_short_buffers_keep_the_operation(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (size_t i = 0; i < COUNT_OF(edwards); i++) {
        struct ec_pair pair = ec_generate(session, edwards[i]);
        unsigned long full = 2 * ec_curves[edwards[i]].value, size = 0;
        unsigned char byte = 1, signature[114];
        CK_MECHANISM mechanism = {CKM_EDDSA, NULL, 0};
        assert_ok(p11->C_SignInit(session, &mechanism, pair.private_key));
        assert_ok(p11->C_Sign(session, &byte, 1, NULL, &size));
        assert_int_equal(size, full);
        size = full - 1;
        assert_rv(p11->C_Sign(session, &byte, 1, signature, &size), CKR_BUFFER_TOO_SMALL);
        assert_int_equal(size, full);
        assert_ok(p11->C_Sign(session, &byte, 1, signature, &size));
        assert_ok(p11->C_SignInit(session, &mechanism, pair.private_key));
        assert_ok(p11->C_SignUpdate(session, &byte, 1));
        assert_ok(p11->C_SignFinal(session, NULL, &size));
        assert_int_equal(size, full);
        size--;
        assert_rv(p11->C_SignFinal(session, signature, &size), CKR_BUFFER_TOO_SMALL);
        assert_ok(p11->C_SignFinal(session, signature, &size));
    }
}

/* The receipt key is an Ed25519 key like others, and its signature under what a caller chose would be a receipt. */
static void the_receipt_key_signs_nothing_of_a_callers(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE key = 0;
    CK_MECHANISM mechanism = {CKM_EDDSA, NULL, 0};
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_private), TEXT_ATTRIBUTE(CKA_ID, "receipt")};
    assert_int_equal(module_find(fixture->session, attributes, 2, &key), 1);
    assert_rv(p11->C_SignInit(fixture->session, &mechanism, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

static void other_keys_do_not_sign_by_eddsa(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_MECHANISM mechanism = {CKM_EDDSA, NULL, 0};
    for (int curve = 0; curve < EC_CURVES; curve++) {
        struct ec_pair pair = ec_generate(fixture->session, curve);
        if (ec_curves[curve].type == CKK_EC_EDWARDS)
            continue;
        assert_rv(p11->C_SignInit(fixture->session, &mechanism, pair.private_key), CKR_KEY_TYPE_INCONSISTENT);
        assert_rv(p11->C_VerifyInit(fixture->session, &mechanism, pair.public_key), CKR_KEY_TYPE_INCONSISTENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(signatures_are_those_of_rfc_8032),
        MODULE_TEST(openssl_and_the_token_verify_each_other),
        MODULE_TEST(a_signatures_number_is_below_the_order),
        MODULE_TEST(a_changed_or_cut_signature_is_refused),
        MODULE_TEST(parts_of_any_size_are_the_whole),
        MODULE_TEST(a_message_in_parts_has_a_bound),
        MODULE_TEST(a_parameter_that_asks_for_nothing_is_the_pure_form),
        MODULE_TEST(contexts_and_prehashing_are_those_of_rfc_8032_or_refused),
        MODULE_TEST(lengths_are_told_and_short_buffers_keep_the_operation),
        MODULE_TEST(the_receipt_key_signs_nothing_of_a_callers),
        MODULE_TEST(other_keys_do_not_sign_by_eddsa),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
