/* TLS 1.2's derivations against OpenSSL's EVP_KDF TLS1-PRF, used here by itself; the PRF's published vector is in
 * tests/mech/test_tls_prf.c, as its seed is none that PKCS#11's structures can carry. */
#include "derive_fixture.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

static unsigned char master[48], client[32], server[32], expected[256], value[256];
static CK_SSL3_RANDOM_DATA randoms = {client, 32, server, 32};

struct seed {
    const void *data;
    size_t size;
};

static void prf(
    const char *digest, const void *secret, size_t secret_size, const struct seed *seeds, size_t count, size_t size)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM parameters[10];
    size_t at = 0;
    parameters[at++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)digest, 0);
    parameters[at++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)(uintptr_t)secret, secret_size);
    for (size_t i = 0; i < count; i++)
        parameters[at++] =
            OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)(uintptr_t)seeds[i].data, seeds[i].size);
    parameters[at] = OSSL_PARAM_construct_end();
    assert_int_equal(EVP_KDF_derive(context, expected, size, parameters), 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

static const struct {
    CK_MECHANISM_TYPE type;
    const char *name;
} hashes[] = {{CKM_SHA256, "SHA256"}, {CKM_SHA384, "SHA384"}, {CKM_SHA512, "SHA512"}};

static void fill(void)
{
    for (size_t i = 0; i < 48; i++) {
        master[i] = (unsigned char)(i + 3);
        client[i % 32] = (unsigned char)(i * 3);
        server[i % 32] = (unsigned char)(200 - i);
    }
}

static void master_secrets_are_as_openssl_has_them(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    fill();
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        const struct seed seeds[] = {{"master secret", 13}, {client, 32}, {server, 32}};
        CK_VERSION version = {0, 0};
        CK_TLS12_MASTER_KEY_DERIVE_PARAMS parameter = {randoms, &version, hashes[i].type};
        CK_MECHANISM mechanism = MECHANISM(CKM_TLS12_MASTER_KEY_DERIVE, parameter);
        CK_OBJECT_HANDLE base = derive_open_base(session, CKK_GENERIC_SECRET, master, 48);
        CK_OBJECT_HANDLE shared = derive_open_base(session, CKK_GENERIC_SECRET, master, 32);
        prf(hashes[i].name, master, 48, seeds, 3, 48);
        derive_expect(session, &mechanism, base, 0, expected, 48);
        derive_expect(session, &mechanism, base, 48, expected, 48);
        assert_true(version.major == 3 && version.minor == 4); /* as `fill` has it */
        mechanism.mechanism = CKM_TLS12_MASTER_KEY_DERIVE_DH;
        parameter.pVersion = NULL;
        prf(hashes[i].name, master, 32, seeds, 3, 48);
        derive_expect(session, &mechanism, shared, 0, expected, 48);
    }
}

static void wrong_premaster_secrets_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_VERSION version;
    const CK_TLS12_MASTER_KEY_DERIVE_PARAMS good = {randoms, &version, CKM_SHA256};
    CK_TLS12_MASTER_KEY_DERIVE_PARAMS wrong[] = {good, good, good, good, good};
    CK_OBJECT_HANDLE base = derive_open_base(session, CKK_GENERIC_SECRET, master, 48), key;
    CK_OBJECT_HANDLE shorter = derive_open_base(session, CKK_GENERIC_SECRET, master, 47);
    wrong[0].pVersion = NULL;
    wrong[1].prfHashMechanism = CKM_TLS_PRF;
    wrong[2].RandomInfo.pClientRandom = NULL;
    wrong[3].RandomInfo.ulServerRandomLen = 31;
    wrong[4].RandomInfo.ulServerRandomLen = ~0UL;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        CK_MECHANISM mechanism = MECHANISM(CKM_TLS12_MASTER_KEY_DERIVE, wrong[i]);
        assert_rv(derive_key(session, &mechanism, base, 0, false, &key), CKR_MECHANISM_PARAM_INVALID);
    }
    CK_TLS12_MASTER_KEY_DERIVE_PARAMS parameter = good;
    CK_MECHANISM mechanism = MECHANISM(CKM_TLS12_MASTER_KEY_DERIVE, parameter);
    assert_rv(derive_key(session, &mechanism, shorter, 0, false, &key), CKR_KEY_SIZE_RANGE);
    assert_rv(derive_key(session, &mechanism, base, 47, false, &key), CKR_TEMPLATE_INCONSISTENT);
    mechanism.mechanism = CKM_TLS12_MASTER_KEY_DERIVE_DH;
    assert_rv(derive_key(session, &mechanism, base, 0, false, &key), CKR_MECHANISM_PARAM_INVALID); /* a version */
}

/* --- the keys of a connection --- */

static CK_SSL3_KEY_MAT_OUT made;
static unsigned char client_iv[16], server_iv[16];

static CK_TLS12_KEY_MAT_PARAMS connection(CK_ULONG mac, CK_ULONG key, CK_ULONG iv)
{
    made = (CK_SSL3_KEY_MAT_OUT){7, 7, 7, 7, client_iv, server_iv};
    memset(client_iv, 0xee, sizeof client_iv);
    memset(server_iv, 0xee, sizeof server_iv);
    return (CK_TLS12_KEY_MAT_PARAMS){mac * 8, key * 8, iv * 8, CK_FALSE, randoms, &made, CKM_SHA256};
}

static CK_RV derive_connection(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, CK_TLS12_KEY_MAT_PARAMS *parameter)
{
    CK_MECHANISM mechanism = {type, parameter, sizeof *parameter};
    CK_KEY_TYPE aes = CKK_AES;
    CK_ULONG size = parameter->ulKeySizeInBits / 8;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes),
        ATTRIBUTE(CKA_ENCRYPT, yes), ATTRIBUTE(CKA_DECRYPT, yes), ATTRIBUTE(CKA_KEY_TYPE, aes),
        ATTRIBUTE(CKA_VALUE_LEN, size)};
    CK_OBJECT_HANDLE base = derive_open_base(session, CKK_GENERIC_SECRET, master, 48);
    return p11->C_DeriveKey(session, &mechanism, base, attributes, size ? 6 : 2, NULL);
}

static void expect_part(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_KEY_TYPE type, size_t offset, size_t size)
{
    assert_int_equal(derive_value(session, key, value, sizeof value), size);
    assert_memory_equal(value, expected + offset, size);
    assert_int_equal(module_ulong(session, key, CKA_KEY_TYPE), type);
    assert_int_equal(module_boolean(session, key, CKA_SIGN), type == CKK_GENERIC_SECRET ? CK_TRUE : CK_FALSE);
    assert_int_equal(module_boolean(session, key, CKA_ENCRYPT), type == CKK_AES ? CK_TRUE : CK_FALSE);
}

static void a_connection_gets_four_keys_and_two_ivs(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    const struct seed seeds[] = {{"key expansion", 13}, {server, 32}, {client, 32}};
    CK_TLS12_KEY_MAT_PARAMS parameter = connection(20, 16, 16);
    fill();
    prf("SHA256", master, 48, seeds, 3, 2 * (20 + 16 + 16));
    assert_ok(derive_connection(session, CKM_TLS12_KEY_AND_MAC_DERIVE, &parameter));
    expect_part(session, made.hClientMacSecret, CKK_GENERIC_SECRET, 0, 20);
    expect_part(session, made.hServerMacSecret, CKK_GENERIC_SECRET, 20, 20);
    expect_part(session, made.hClientKey, CKK_AES, 40, 16);
    expect_part(session, made.hServerKey, CKK_AES, 56, 16);
    assert_memory_equal(client_iv, expected + 72, 16);
    assert_memory_equal(server_iv, expected + 88, 16);
}

static void an_aead_needs_no_mac_keys_and_the_safe_one_gives_no_ivs(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    const struct seed seeds[] = {{"key expansion", 13}, {server, 32}, {client, 32}};
    CK_TLS12_KEY_MAT_PARAMS parameter = connection(0, 32, 4);
    unsigned char untouched[16];
    memset(untouched, 0xee, sizeof untouched);
    fill();
    prf("SHA256", master, 48, seeds, 3, 72);
    assert_ok(derive_connection(session, CKM_TLS12_KEY_AND_MAC_DERIVE, &parameter));
    assert_true(made.hClientMacSecret == 0 && made.hServerMacSecret == 0);
    expect_part(session, made.hClientKey, CKK_AES, 0, 32);
    expect_part(session, made.hServerKey, CKK_AES, 32, 32);
    assert_memory_equal(client_iv, expected + 64, 4);
    assert_memory_equal(server_iv, expected + 68, 4);
    assert_memory_equal(client_iv + 4, untouched, 12);
    parameter = connection(0, 32, 16);
    assert_ok(derive_connection(session, CKM_TLS12_KEY_SAFE_DERIVE, &parameter));
    expect_part(session, made.hServerKey, CKK_AES, 32, 32);
    assert_memory_equal(client_iv, untouched, 16);
    parameter = connection(32, 0, 0);
    assert_ok(derive_connection(session, CKM_TLS12_KEY_AND_MAC_DERIVE, &parameter));
    assert_true(made.hClientKey == 0 && made.hServerKey == 0 && made.hClientMacSecret != 0);
}

static void nothing_is_left_of_a_connection_that_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    unsigned char untouched[16];
    memset(untouched, 0xee, sizeof untouched);
    CK_TLS12_KEY_MAT_PARAMS parameter = connection(20, 17, 16); /* AES has no key of 17 bytes: the third of four */
    CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
    CK_ATTRIBUTE secrets[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, generic)};
    unsigned long before = module_find(session, secrets, 2, NULL);
    assert_rv(derive_connection(session, CKM_TLS12_KEY_AND_MAC_DERIVE, &parameter), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_int_equal(module_find(session, secrets, 2, NULL), before + 1); /* the base that the test made */
    assert_true(
        made.hClientMacSecret == 0 && made.hServerMacSecret == 0 && made.hClientKey == 0 && made.hServerKey == 0);
    assert_memory_equal(client_iv, untouched, 16);
}

static void wrong_parameters_of_a_connection_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    const CK_TLS12_KEY_MAT_PARAMS good = connection(20, 16, 16);
    CK_TLS12_KEY_MAT_PARAMS wrong[] = {good, good, good, good, good, good, good};
    CK_SSL3_KEY_MAT_OUT no_iv = {0, 0, 0, 0, client_iv, NULL};
    wrong[0].bIsExport = CK_TRUE;
    wrong[1].pReturnedKeyMaterial = NULL;
    wrong[2].pReturnedKeyMaterial = &no_iv;
    wrong[3].ulMacSizeInBits = 12;
    wrong[4].ulIVSizeInBits = ~7UL;
    wrong[5].prfHashMechanism = 0;
    wrong[6].ulMacSizeInBits = wrong[6].ulKeySizeInBits = wrong[6].ulIVSizeInBits = 0;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_rv(
            derive_connection(fixture->session, CKM_TLS12_KEY_AND_MAC_DERIVE, &wrong[i]), CKR_MECHANISM_PARAM_INVALID);
}

/* --- exported keys (RFC 5705) and Finished --- */

static void exported_keys_are_as_openssl_has_them(void **state)
{
    static const CK_MECHANISM_TYPE types[] = {CKM_TLS_KDF, CKM_TLS12_KDF};
    static unsigned char label[] = "EXPORTER-test", context[] = "some context", empty[1];
    const struct module_fixture *fixture = *state;
    const struct seed with[] = {{label, 13}, {client, 32}, {server, 32}, {"\0\x0c", 2}, {context, 12}};
    const struct seed with_empty[] = {{label, 13}, {client, 32}, {server, 32}, {"\0", 2}};
    fill();
    CK_OBJECT_HANDLE base = derive_open_base(fixture->session, CKK_GENERIC_SECRET, master, 48), key;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        CK_TLS_KDF_PARAMS parameter = {CKM_SHA384, label, 13, randoms, context, 12};
        CK_MECHANISM mechanism = MECHANISM(types[i], parameter);
        prf("SHA384", master, 48, with, 5, 100);
        derive_expect(fixture->session, &mechanism, base, 100, expected, 100);
        parameter.pContextData = empty;
        parameter.ulContextDataLength = 0;
        prf("SHA384", master, 48, with_empty, 4, 100);
        derive_expect(fixture->session, &mechanism, base, 100, expected, 100);
        parameter.pContextData = NULL;
        prf("SHA384", master, 48, with, 3, 100);
        derive_expect(fixture->session, &mechanism, base, 100, expected, 100);
        assert_rv(derive_key(fixture->session, &mechanism, base, 0, false, &key), CKR_TEMPLATE_INCOMPLETE);
        parameter.ulLabelLength = ~0UL;
        assert_rv(derive_key(fixture->session, &mechanism, base, 32, false, &key), CKR_MECHANISM_PARAM_INVALID);
        parameter.ulLabelLength = 13;
        parameter.RandomInfo.ulClientRandomLen = 0;
        assert_rv(derive_key(fixture->session, &mechanism, base, 32, false, &key), CKR_MECHANISM_PARAM_INVALID);
    }
}

static CK_OBJECT_HANDLE signing_key(CK_SESSION_HANDLE session)
{
    CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {
        ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, generic), ATTRIBUTE(CKA_VALUE, master)};
    assert_ok(p11->C_CreateObject(session, attributes, COUNT_OF(attributes), &key));
    return key;
}

static void finished_is_as_openssl_has_it(void **state)
{
    static const CK_MECHANISM_TYPE types[] = {CKM_TLS_MAC, CKM_TLS12_MAC};
    static const char *const labels[] = {NULL, "server finished", "client finished"};
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    unsigned char hash[32];
    memset(hash, 9, sizeof hash);
    fill();
    CK_OBJECT_HANDLE key = signing_key(session);
    for (CK_ULONG side = 1; side <= 2; side++)
        for (size_t i = 0; i < COUNT_OF(types); i++) {
            const struct seed seeds[] = {{labels[side], 15}, {hash, 32}};
            CK_TLS_MAC_PARAMS parameter = {CKM_SHA256, 12, side};
            CK_MECHANISM mechanism = MECHANISM(types[i], parameter);
            unsigned long size = 11;
            prf("SHA256", master, 48, seeds, 2, 12);
            assert_ok(p11->C_SignInit(session, &mechanism, key));
            assert_rv(p11->C_Sign(session, hash, 32, value, &size), CKR_BUFFER_TOO_SMALL);
            assert_int_equal(size, 12);
            assert_ok(p11->C_SignUpdate(session, hash, 7));
            assert_ok(p11->C_SignUpdate(session, hash + 7, 25));
            assert_ok(p11->C_SignFinal(session, value, &size));
            assert_memory_equal(value, expected, 12);
            assert_ok(p11->C_VerifyInit(session, &mechanism, key));
            assert_ok(p11->C_Verify(session, hash, 32, expected, 12));
            assert_ok(p11->C_VerifyInit(session, &mechanism, key));
            assert_rv(p11->C_Verify(session, hash, 32, expected, 13), CKR_SIGNATURE_LEN_RANGE);
            parameter.ulServerOrClient = 3 - side;
            assert_ok(p11->C_VerifyInit(session, &mechanism, key));
            assert_rv(p11->C_Verify(session, hash, 32, expected, 12), CKR_SIGNATURE_INVALID);
        }
}

static void wrong_parameters_of_finished_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_TLS_MAC_PARAMS wrong[] = {{CKM_SHA256, 12, 0}, {CKM_SHA256, 12, 3}, {CKM_SHA256, 11, 1}, {CKM_SHA256, 65, 1},
        {CKM_TLS_PRF, 12, 1}, {CKM_SHA256_HMAC, 12, 1}};
    CK_OBJECT_HANDLE key = signing_key(fixture->session);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        CK_MECHANISM mechanism = MECHANISM(CKM_TLS_MAC, wrong[i]);
        assert_rv(p11->C_SignInit(fixture->session, &mechanism, key), CKR_MECHANISM_PARAM_INVALID);
    }
    static unsigned char much[513];
    CK_TLS_MAC_PARAMS parameter = {CKM_SHA256, 12, 1};
    CK_MECHANISM mechanism = MECHANISM(CKM_TLS_MAC, parameter);
    assert_ok(p11->C_SignInit(fixture->session, &mechanism, key));
    assert_rv(p11->C_SignUpdate(fixture->session, much, sizeof much), CKR_DATA_LEN_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(master_secrets_are_as_openssl_has_them),
        MODULE_TEST(wrong_premaster_secrets_are_refused),
        MODULE_TEST(a_connection_gets_four_keys_and_two_ivs),
        MODULE_TEST(an_aead_needs_no_mac_keys_and_the_safe_one_gives_no_ivs),
        MODULE_TEST(nothing_is_left_of_a_connection_that_is_refused),
        MODULE_TEST(wrong_parameters_of_a_connection_are_refused),
        MODULE_TEST(exported_keys_are_as_openssl_has_them),
        MODULE_TEST(finished_is_as_openssl_has_it),
        MODULE_TEST(wrong_parameters_of_finished_are_refused),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
