/* HKDF, PBKDF2 and SP 800-108 against published values, and against OpenSSL's EVP_KDF where there are none. */
#include "derive_fixture.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <sys/mman.h>

#include "support/vectors.h"

static unsigned char bytes[20000], expected[20000];
static unsigned char salt[] = "salt", pepper[] = "pepper", password[] = "password";

/* --- HKDF --- */

/* RFC 5869, appendix A: cases 1 to 4 and 7. */
static const struct {
    CK_MECHANISM_TYPE hash;
    const char *key, *salt, *info, *extracted, *expanded;
} cases[] = {
    {CKM_SHA256, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
    {CKM_SHA256,
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f30313233343536"
        "3738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
        "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f90919293949596"
        "9798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
        "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6"
        "e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
        "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09"
        "b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"},
    {CKM_SHA256, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
        "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
    {CKM_SHA_1, "0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
        "9b6c18c432a7bf8f0e71c8eb88f4b30baa2ba243",
        "085a01ea1b10f36933068b56efa5ad81a4f14b822f5b091568a9cdd4f155fda2c22e422478d305f3f896"},
    {CKM_SHA_1, "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c", NULL, "", "2adccada18779e7c2077ad2eb19d3f3e731385dd",
        "2c91117204d745f3500d636a62f64f0ab3bae548aa53d423b0d1f27ebba6f5e5673a081d70cce7acfc48"},
};

struct hkdf {
    unsigned char key[128], salt[128], info[128], extracted[64], expanded[128];
    size_t key_size, extracted_size, expanded_size;
    CK_HKDF_PARAMS parameter;
};

static void read_case(size_t i, struct hkdf *hkdf)
{
    *hkdf = (struct hkdf){.parameter = {CK_TRUE, CK_TRUE, cases[i].hash, CKF_HKDF_SALT_NULL, NULL, 0, 0, NULL, 0}};
    hkdf->key_size = test_hex(cases[i].key, hkdf->key, sizeof hkdf->key);
    hkdf->extracted_size = test_hex(cases[i].extracted, hkdf->extracted, sizeof hkdf->extracted);
    hkdf->expanded_size = test_hex(cases[i].expanded, hkdf->expanded, sizeof hkdf->expanded);
    if (cases[i].salt) {
        hkdf->parameter.ulSaltType = CKF_HKDF_SALT_DATA;
        hkdf->parameter.pSalt = hkdf->salt;
        hkdf->parameter.ulSaltLen = test_hex(cases[i].salt, hkdf->salt, sizeof hkdf->salt);
    }
    hkdf->parameter.pInfo = hkdf->info;
    hkdf->parameter.ulInfoLen = test_hex(cases[i].info, hkdf->info, sizeof hkdf->info);
}

static void hkdf_extracts_and_expands_as_rfc_5869_has_it(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct hkdf hkdf;
        read_case(i, &hkdf);
        CK_MECHANISM mechanism = MECHANISM(CKM_HKDF_DERIVE, hkdf.parameter);
        CK_OBJECT_HANDLE base =
            derive_open_base(session, i % 2 ? CKK_HKDF : CKK_GENERIC_SECRET, hkdf.key, hkdf.key_size);
        derive_expect(session, &mechanism, base, hkdf.expanded_size, hkdf.expanded, hkdf.expanded_size);
        hkdf.parameter.bExpand = CK_FALSE;
        derive_expect(session, &mechanism, base, 0, hkdf.extracted, hkdf.extracted_size);
        CK_OBJECT_HANDLE extracted = derive_open_base(session, CKK_HKDF, hkdf.extracted, hkdf.extracted_size);
        hkdf.parameter.bExtract = CK_FALSE;
        hkdf.parameter.bExpand = CK_TRUE;
        derive_expect(session, &mechanism, extracted, hkdf.expanded_size, hkdf.expanded, hkdf.expanded_size);
        derive_expect(session, &mechanism, extracted, 0, hkdf.expanded, hkdf.extracted_size); /* the hash's size */
    }
}

static void the_salt_may_be_a_key(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct hkdf hkdf;
    CK_OBJECT_HANDLE key;
    read_case(0, &hkdf);
    CK_MECHANISM mechanism = MECHANISM(CKM_HKDF_DERIVE, hkdf.parameter);
    CK_OBJECT_HANDLE base = derive_base(session, CKK_HKDF, hkdf.key, hkdf.key_size, true, false);
    hkdf.parameter.ulSaltType = CKF_HKDF_SALT_KEY;
    hkdf.parameter.hSaltKey =
        derive_base(session, CKK_GENERIC_SECRET, hkdf.salt, hkdf.parameter.ulSaltLen, true, false);
    hkdf.parameter.pSalt = NULL;
    hkdf.parameter.ulSaltLen = 0;
    derive_expect(session, &mechanism, base, hkdf.expanded_size, hkdf.expanded, hkdf.expanded_size);
    hkdf.parameter.hSaltKey += 1000;
    assert_rv(derive_key(session, &mechanism, base, 32, false, &key), CKR_KEY_HANDLE_INVALID);
    hkdf.parameter.hSaltKey = 0;
    assert_rv(derive_key(session, &mechanism, base, 32, false, &key), CKR_MECHANISM_PARAM_INVALID);
}

static void hkdf_gives_data(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    struct hkdf hkdf;
    CK_OBJECT_HANDLE data = 0;
    read_case(0, &hkdf);
    CK_MECHANISM mechanism = MECHANISM(CKM_HKDF_DATA, hkdf.parameter);
    CK_OBJECT_HANDLE base = derive_open_base(session, CKK_HKDF, hkdf.key, hkdf.key_size);
    CK_ULONG size = hkdf.expanded_size;
    CK_ATTRIBUTE attributes[] = {
        ATTRIBUTE(CKA_CLASS, class_data), TEXT_ATTRIBUTE(CKA_LABEL, "out"), ATTRIBUTE(CKA_VALUE_LEN, size)};
    assert_ok(p11->C_DeriveKey(session, &mechanism, base, attributes, 3, &data));
    assert_int_equal(derive_value(session, data, bytes, sizeof bytes), size);
    assert_memory_equal(bytes, hkdf.expanded, size);
    assert_int_equal(module_ulong(session, data, CKA_CLASS), CKO_DATA);
    assert_int_equal(module_boolean(session, data, CKA_PRIVATE), CK_TRUE);
    assert_true(module_has_text(session, data, CKA_LABEL, "out"));
    attributes[0].pValue = &class_secret;
    assert_rv(p11->C_DeriveKey(session, &mechanism, base, attributes, 3, &data), CKR_TEMPLATE_INCONSISTENT);
    mechanism.mechanism = CKM_HKDF_DERIVE;
    attributes[0].pValue = &class_data;
    assert_rv(p11->C_DeriveKey(session, &mechanism, base, attributes, 3, &data), CKR_TEMPLATE_INCONSISTENT);
}

static void wrong_parameters_of_hkdf_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    struct hkdf hkdf;
    CK_OBJECT_HANDLE key;
    read_case(0, &hkdf);
    const CK_HKDF_PARAMS good = hkdf.parameter;
    CK_OBJECT_HANDLE base = derive_open_base(fixture->session, CKK_HKDF, hkdf.key, hkdf.key_size);
    CK_HKDF_PARAMS wrong[6] = {good, good, good, good, good, good};
    wrong[0].bExtract = wrong[0].bExpand = CK_FALSE;
    wrong[1].prfHashMechanism = CKM_SHA256_HMAC;
    wrong[2].ulSaltType = 3;
    wrong[3].pSalt = NULL;
    wrong[4].pInfo = NULL;
    wrong[5].ulInfoLen = ~0UL;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        CK_MECHANISM mechanism = MECHANISM(CKM_HKDF_DERIVE, wrong[i]);
        assert_rv(derive_key(fixture->session, &mechanism, base, 32, false, &key), CKR_MECHANISM_PARAM_INVALID);
        mechanism.ulParameterLen--;
        assert_rv(derive_key(fixture->session, &mechanism, base, 32, false, &key), CKR_MECHANISM_PARAM_INVALID);
    }
    CK_MECHANISM mechanism = MECHANISM(CKM_HKDF_DERIVE, hkdf.parameter);
    derive_expect(fixture->session, &mechanism, base, 42, hkdf.expanded, 42);
    assert_ok(derive_key(fixture->session, &mechanism, base, 255 * 32, false, &key));
    assert_rv(derive_key(fixture->session, &mechanism, base, 255 * 32 + 1, false, &key), CKR_ATTRIBUTE_VALUE_INVALID);
    hkdf.parameter.bExpand = CK_FALSE;
    assert_rv(derive_key(fixture->session, &mechanism, base, 33, false, &key), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_rv(p11->C_DeriveKey(fixture->session, &mechanism, base, NULL, 0, NULL), CKR_ARGUMENTS_BAD);
}

/* --- PBKDF2 --- */

static CK_RV pbkdf2(CK_SESSION_HANDLE session, CK_PKCS5_PBKD2_PARAMS2 *parameter, CK_ULONG size, CK_OBJECT_HANDLE *key)
{
    CK_MECHANISM mechanism = {CKM_PKCS5_PBKD2, parameter, sizeof *parameter};
    CK_ATTRIBUTE attributes[] = {
        ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes), ATTRIBUTE(CKA_VALUE_LEN, size)};
    return p11->C_GenerateKey(session, &mechanism, attributes, size ? 3 : 2, key);
}

/* RFC 6070, and RFC 7914 section 11. */
static void pbkdf2_gives_the_published_keys(void **state)
{
    static const struct {
        CK_ULONG prf;
        const char *password, *salt;
        size_t password_size, salt_size;
        CK_ULONG iterations;
        const char *key;
    } rows[] = {
        {CKP_PKCS5_PBKD2_HMAC_SHA1, "password", "salt", 8, 4, 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"},
        {CKP_PKCS5_PBKD2_HMAC_SHA1, "password", "salt", 8, 4, 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"},
        {CKP_PKCS5_PBKD2_HMAC_SHA1, "password", "salt", 8, 4, 4096, "4b007901b765489abead49d926f721d065a429c1"},
        {CKP_PKCS5_PBKD2_HMAC_SHA1, "passwordPASSWORDpassword", "saltSALTsaltSALTsaltSALTsaltSALTsalt", 24, 36, 4096,
            "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038"},
        {CKP_PKCS5_PBKD2_HMAC_SHA1, "pass\0word", "sa\0lt", 9, 5, 4096, "56fa6aa75548099dcc37d7f03425e0c3"},
        {CKP_PKCS5_PBKD2_HMAC_SHA256, "passwd", "salt", 6, 4, 1,
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1"
            "e30bd509112041d3a19783"},
        {CKP_PKCS5_PBKD2_HMAC_SHA256, "Password", "NaCl", 8, 4, 80000,
            "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56a1d425a1225833549adb841b51c9b3176a272bdebb"
            "a1d078478f62b397f33c8d"},
    };
    const struct module_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CK_OBJECT_HANDLE key = 0;
        CK_PKCS5_PBKD2_PARAMS2 parameter = {CKZ_SALT_SPECIFIED, (void *)(uintptr_t)rows[i].salt, rows[i].salt_size,
            rows[i].iterations, rows[i].prf, NULL, 0, (unsigned char *)(uintptr_t)rows[i].password,
            rows[i].password_size};
        size_t size = test_hex(rows[i].key, expected, sizeof expected);
        for (int older = 0; older < 2; older++) {
            assert_ok(pbkdf2(fixture->session, &parameter, size, &key));
            assert_int_equal(derive_value(fixture->session, key, bytes, sizeof bytes), size);
            assert_memory_equal(bytes, expected, size);
            parameter.ulPasswordLen = (CK_ULONG)(uintptr_t)&rows[i].password_size; /* CK_PKCS5_PBKD2_PARAMS */
        }
    }
}

static void pbkdf2_of_every_hash_is_as_openssl_has_it(void **state)
{
    static const struct {
        CK_ULONG prf;
        const char *hash;
    } rows[] = {{CKP_PKCS5_PBKD2_HMAC_SHA224, "SHA224"}, {CKP_PKCS5_PBKD2_HMAC_SHA384, "SHA384"},
        {CKP_PKCS5_PBKD2_HMAC_SHA512, "SHA512"}};
    const struct module_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (CK_ULONG size = 1; size < 300; size += 37) {
            CK_OBJECT_HANDLE key = 0;
            CK_PKCS5_PBKD2_PARAMS2 parameter = {CKZ_SALT_SPECIFIED, pepper, 6, 3, rows[i].prf, NULL, 0, password, 0};
            assert_ok(pbkdf2(fixture->session, &parameter, size, &key));
            assert_int_equal(PKCS5_PBKDF2_HMAC("", 0, (const unsigned char *)"pepper", 6, 3,
                                 EVP_get_digestbyname(rows[i].hash), (int)size, expected),
                1);
            assert_int_equal(derive_value(fixture->session, key, bytes, sizeof bytes), size);
            assert_memory_equal(bytes, expected, size);
        }
}

static void wrong_parameters_of_pbkdf2_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE key = 0;
    struct {
        CK_ULONG longer, none; /* one is refused, the other a password of no bytes */
    } lengths = {4097, 0};
    unsigned char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    assert_int_equal(mprotect(page + 4096, 4096, PROT_NONE), 0);
    const CK_ULONG beyond = (CK_ULONG)(uintptr_t)(page + 4096);
    const CK_PKCS5_PBKD2_PARAMS2 good = {
        CKZ_SALT_SPECIFIED, salt, 4, 1, CKP_PKCS5_PBKD2_HMAC_SHA256, NULL, 0, password, 8};
    CK_PKCS5_PBKD2_PARAMS2 wrong[] = {
        good, good, good, good, good, good, good, good, good, good, good, good, good, good};
    wrong[0].saltSource = 2;
    wrong[1].iterations = 0;
    wrong[2].iterations = ~0UL;
    wrong[3].prf = 2; /* GOST */
    wrong[4].ulPrfDataLen = 1;
    wrong[5].pPassword = NULL;
    wrong[6].ulPasswordLen = (CK_ULONG)(uintptr_t)&lengths.longer;
    wrong[7].ulPasswordLen = ~0UL;
    wrong[8].pSaltSourceData = NULL;
    wrong[9].ulPasswordLen = beyond; /* no address that may be read */
    wrong[10].ulPasswordLen = beyond - 4;
    wrong[11].ulPasswordLen = (CK_ULONG)(uintptr_t)page + 1; /* of no number */
    wrong[12].ulPasswordLen = 4097;
    wrong[13].ulPasswordLen = 65536;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_rv(pbkdf2(fixture->session, &wrong[i], 32, &key), CKR_MECHANISM_PARAM_INVALID);
    CK_PKCS5_PBKD2_PARAMS2 parameter = good;
    parameter.ulPasswordLen = (CK_ULONG)(uintptr_t)&lengths.none;
    assert_ok(pbkdf2(fixture->session, &parameter, 32, &key));
    assert_int_equal(munmap(page, 8192), 0);
    parameter = good;
    assert_rv(pbkdf2(fixture->session, &parameter, 0, &key), CKR_TEMPLATE_INCOMPLETE);
    assert_ok(pbkdf2(fixture->session, &parameter, 32, &key));
    CK_KEY_TYPE aes = CKK_AES;
    CK_ULONG size = 17;
    CK_MECHANISM mechanism = MECHANISM(CKM_PKCS5_PBKD2, parameter);
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_KEY_TYPE, aes), ATTRIBUTE(CKA_VALUE_LEN, size)};
    assert_rv(p11->C_GenerateKey(fixture->session, &mechanism, attributes, 2, &key), CKR_ATTRIBUTE_VALUE_INVALID);
    size = 16;
    assert_ok(p11->C_GenerateKey(fixture->session, &mechanism, attributes, 2, &key));
    assert_int_equal(module_ulong(fixture->session, key, CKA_KEY_TYPE), CKK_AES);
}

/* --- SP 800-108 --- */

static CK_SP800_108_COUNTER_FORMAT counter = {CK_FALSE, 32};
static CK_SP800_108_DKM_LENGTH_FORMAT length = {CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS, CK_FALSE, 32};
#define COUNTER                                                                                                        \
    {                                                                                                                  \
        CK_SP800_108_ITERATION_VARIABLE, &counter, sizeof counter                                                      \
    }
#define LENGTH                                                                                                         \
    {                                                                                                                  \
        CK_SP800_108_DKM_LENGTH, &length, sizeof length                                                                \
    }
#define FIELD(text)                                                                                                    \
    {                                                                                                                  \
        CK_SP800_108_BYTE_ARRAY, (void *)(uintptr_t)(text), sizeof(text) - 1                                           \
    }

/* NIST's CAVP, KDFCTR_gen: HMAC-SHA256, counter before the fixed data, 32 bits, COUNT 0. */
static void the_counter_kdf_gives_the_published_key(void **state)
{
    const struct module_fixture *fixture = *state;
    unsigned char key[32], fixed[60];
    (void)test_hex("dd1d91b7d90b2bd3138533ce92b272fbf8a369316aefe242e659cc0ae238afe0", key, sizeof key);
    (void)test_hex(
        "01322b96b30acd197979444e468e1c5c6859bf1b1cf951b7e725303e237e46b864a145fab25e517b08f8683d0315bb2911d80a"
        "0e8aba17f3b413faac",
        fixed, sizeof fixed);
    (void)test_hex("10621342bfb0fd40046c0e29f2cfdbf0", expected, sizeof expected);
    CK_PRF_DATA_PARAM fields[] = {COUNTER, {CK_SP800_108_BYTE_ARRAY, fixed, sizeof fixed}};
    CK_SP800_108_KDF_PARAMS parameter = {CKM_SHA256_HMAC, 2, fields, 0, NULL};
    CK_MECHANISM mechanism = MECHANISM(CKM_SP800_108_COUNTER_KDF, parameter);
    CK_OBJECT_HANDLE base = derive_open_base(fixture->session, CKK_GENERIC_SECRET, key, sizeof key);
    derive_expect(fixture->session, &mechanism, base, 16, expected, 16);
}

/* OpenSSL's KBKDF: counter, label, a zero byte, context, length in bits. */
static void kbkdf(const char *mac, const char *name, size_t key_size, size_t size)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "KBKDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    bool cmac = strcmp(mac, "CMAC") == 0;
    OSSL_PARAM parameters[] = {OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_MAC, (void *)(uintptr_t)mac, strlen(mac)),
        OSSL_PARAM_utf8_string(
            cmac ? OSSL_KDF_PARAM_CIPHER : OSSL_KDF_PARAM_DIGEST, (void *)(uintptr_t)name, strlen(name)),
        OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, bytes, key_size),
        OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t) "label", 5),
        OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t) "context", 7), OSSL_PARAM_END};
    assert_int_equal(EVP_KDF_derive(context, expected, size, parameters), 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

static void the_counter_kdf_is_as_openssl_has_it(void **state)
{
    static const struct {
        CK_MECHANISM_TYPE prf;
        const char *mac, *name;
        CK_KEY_TYPE type;
        size_t key_size;
    } rows[] = {{CKM_SHA_1_HMAC, "HMAC", "SHA1", CKK_GENERIC_SECRET, 20},
        {CKM_SHA384_HMAC, "HMAC", "SHA384", CKK_GENERIC_SECRET, 48}, {CKM_SHA512_HMAC, "HMAC", "SHA512", CKK_HKDF, 64},
        {CKM_SHA3_256_HMAC, "HMAC", "SHA3-256", CKK_GENERIC_SECRET, 32},
        {CKM_AES_CMAC, "CMAC", "AES-128-CBC", CKK_AES, 16}, {CKM_AES_CMAC, "CMAC", "AES-192-CBC", CKK_AES, 24},
        {CKM_AES_CMAC, "CMAC", "AES-256-CBC", CKK_AES, 32}};
    const struct module_fixture *fixture = *state;
    CK_PRF_DATA_PARAM fields[] = {COUNTER, FIELD("label"), FIELD("\0"), FIELD("context"), LENGTH};
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 5 + 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CK_SP800_108_KDF_PARAMS parameter = {rows[i].prf, COUNT_OF(fields), fields, 0, NULL};
        CK_MECHANISM mechanism = MECHANISM(CKM_SP800_108_COUNTER_KDF, parameter);
        CK_OBJECT_HANDLE base = derive_open_base(fixture->session, rows[i].type, bytes, rows[i].key_size);
        for (size_t size = 1; size < 300; size += 29) {
            kbkdf(rows[i].mac, rows[i].name, rows[i].key_size, size);
            derive_expect(fixture->session, &mechanism, base, size, expected, size);
        }
    }
}

/* Each further key begins with a block: block by block the keys are those of one key as long as all blocks. */
static void several_keys_begin_at_blocks(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_PRF_DATA_PARAM fields[] = {COUNTER, FIELD("label")};
    CK_OBJECT_HANDLE first = 0, more[2] = {0}, whole = 0;
    CK_KEY_TYPE aes = CKK_AES;
    CK_ULONG size = 16;
    CK_ATTRIBUTE cipher[] = {ATTRIBUTE(CKA_KEY_TYPE, aes), ATTRIBUTE(CKA_VALUE_LEN, size), ATTRIBUTE(CKA_SENSITIVE, no),
        ATTRIBUTE(CKA_EXTRACTABLE, yes)};
    CK_DERIVED_KEY keys[] = {{cipher, 4, &more[0]}, {cipher, 4, &more[1]}};
    CK_SP800_108_KDF_PARAMS parameter = {CKM_SHA256_HMAC, 2, fields, 0, NULL};
    CK_MECHANISM mechanism = MECHANISM(CKM_SP800_108_COUNTER_KDF, parameter);
    CK_OBJECT_HANDLE base = derive_open_base(session, CKK_GENERIC_SECRET, "a base to derive from", 21);
    assert_ok(derive_key(session, &mechanism, base, 128, false, &whole));
    assert_int_equal(derive_value(session, whole, expected, sizeof expected), 128);
    parameter.ulAdditionalDerivedKeys = 2;
    parameter.pAdditionalDerivedKeys = keys;
    assert_ok(derive_key(session, &mechanism, base, 40, false, &first));
    assert_int_equal(derive_value(session, first, bytes, sizeof bytes), 40);
    assert_memory_equal(bytes, expected, 40);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(derive_value(session, more[i], bytes, sizeof bytes), 16);
        assert_memory_equal(bytes, expected + 64 + 32 * i, 16);
        assert_int_equal(module_ulong(session, more[i], CKA_KEY_TYPE), CKK_AES);
    }
}

static void of_several_keys_none_stays_when_one_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_PRF_DATA_PARAM fields[] = {COUNTER, FIELD("label")};
    CK_KEY_TYPE aes = CKK_AES;
    CK_ULONG size = 16, wrong_size = 17;
    CK_OBJECT_HANDLE first = 77, more[2] = {77, 77};
    CK_ATTRIBUTE good[] = {ATTRIBUTE(CKA_KEY_TYPE, aes), ATTRIBUTE(CKA_VALUE_LEN, size)};
    CK_ATTRIBUTE wrong[] = {ATTRIBUTE(CKA_KEY_TYPE, aes), ATTRIBUTE(CKA_VALUE_LEN, wrong_size)};
    CK_DERIVED_KEY keys[] = {{good, 2, &more[0]}, {wrong, 2, &more[1]}};
    CK_SP800_108_KDF_PARAMS parameter = {CKM_SHA256_HMAC, 2, fields, 2, keys};
    CK_MECHANISM mechanism = MECHANISM(CKM_SP800_108_COUNTER_KDF, parameter);
    CK_OBJECT_HANDLE base = derive_open_base(fixture->session, CKK_GENERIC_SECRET, "a base to derive from", 21);
    unsigned long before = module_find(fixture->session, NULL, 0, NULL);
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_VALUE_LEN, size)};
    assert_rv(p11->C_DeriveKey(fixture->session, &mechanism, base, attributes, 1, &first), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_int_equal(module_find(fixture->session, NULL, 0, NULL), before);
    assert_true(first == 77 && more[0] == 77 && more[1] == 77);
    keys[1].ulAttributeCount = 1; /* no length */
    assert_rv(p11->C_DeriveKey(fixture->session, &mechanism, base, attributes, 1, &first), CKR_TEMPLATE_INCOMPLETE);
    keys[1] = (CK_DERIVED_KEY){good, 2, NULL};
    assert_rv(p11->C_DeriveKey(fixture->session, &mechanism, base, attributes, 1, &first), CKR_MECHANISM_PARAM_INVALID);
    parameter.ulAdditionalDerivedKeys = ~0UL;
    assert_rv(p11->C_DeriveKey(fixture->session, &mechanism, base, attributes, 1, &first), CKR_MECHANISM_PARAM_INVALID);
    assert_int_equal(module_find(fixture->session, NULL, 0, NULL), before);
}

static void wrong_fields_of_the_counter_kdf_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SP800_108_COUNTER_FORMAT odd = {CK_FALSE, 12}, wide = {CK_FALSE, 40}, narrow = {CK_FALSE, 8};
    CK_SP800_108_DKM_LENGTH_FORMAT method = {3, CK_FALSE, 32},
                                   small = {CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS, CK_TRUE, 8};
    CK_PRF_DATA_PARAM wrong[][2] = {{FIELD("no counter"), FIELD("at all")}, {COUNTER, COUNTER},
        {COUNTER, {2, &counter, sizeof counter}}, {COUNTER, {9, NULL, 0}},
        {COUNTER, {CK_SP800_108_BYTE_ARRAY, NULL, 4}}, {COUNTER, {CK_SP800_108_DKM_LENGTH, NULL, 0}},
        {COUNTER, {CK_SP800_108_DKM_LENGTH, &method, sizeof method}},
        {{CK_SP800_108_ITERATION_VARIABLE, &odd, sizeof odd}, FIELD("")},
        {{CK_SP800_108_ITERATION_VARIABLE, &wide, sizeof wide}, FIELD("")},
        {{CK_SP800_108_ITERATION_VARIABLE, NULL, 0}, FIELD("")},
        {COUNTER, {CK_SP800_108_DKM_LENGTH, &small, sizeof small}}, /* 256 bits do not fit */
        {LENGTH, LENGTH}};
    CK_OBJECT_HANDLE base = derive_open_base(fixture->session, CKK_GENERIC_SECRET, "a base to derive from", 21),
                     key = 0;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        CK_SP800_108_KDF_PARAMS parameter = {CKM_SHA256_HMAC, 2, wrong[i], 0, NULL};
        CK_MECHANISM mechanism = MECHANISM(CKM_SP800_108_COUNTER_KDF, parameter);
        assert_rv(derive_key(fixture->session, &mechanism, base, 32, false, &key), CKR_MECHANISM_PARAM_INVALID);
    }
    CK_PRF_DATA_PARAM fields[] = {{CK_SP800_108_ITERATION_VARIABLE, &narrow, sizeof narrow}};
    CK_SP800_108_KDF_PARAMS parameter = {CKM_SHA256_HMAC, 1, fields, 0, NULL};
    CK_MECHANISM mechanism = MECHANISM(CKM_SP800_108_COUNTER_KDF, parameter);
    assert_ok(derive_key(fixture->session, &mechanism, base, 255 * 32, false, &key));
    assert_rv(derive_key(fixture->session, &mechanism, base, 255 * 32 + 1, false, &key), CKR_MECHANISM_PARAM_INVALID);
    parameter.prfType = CKM_SHA256;
    assert_rv(derive_key(fixture->session, &mechanism, base, 32, false, &key), CKR_MECHANISM_PARAM_INVALID);
    parameter.prfType = CKM_AES_CMAC;
    assert_rv(derive_key(fixture->session, &mechanism, base, 32, false, &key), CKR_KEY_TYPE_INCONSISTENT);
    parameter = (CK_SP800_108_KDF_PARAMS){CKM_SHA256_HMAC, 1, NULL, 0, NULL};
    assert_rv(derive_key(fixture->session, &mechanism, base, 32, false, &key), CKR_MECHANISM_PARAM_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(hkdf_extracts_and_expands_as_rfc_5869_has_it),
        MODULE_TEST(the_salt_may_be_a_key),
        MODULE_TEST(hkdf_gives_data),
        MODULE_TEST(wrong_parameters_of_hkdf_are_refused),
        MODULE_TEST(pbkdf2_gives_the_published_keys),
        MODULE_TEST(pbkdf2_of_every_hash_is_as_openssl_has_it),
        MODULE_TEST(wrong_parameters_of_pbkdf2_are_refused),
        MODULE_TEST(the_counter_kdf_gives_the_published_key),
        MODULE_TEST(the_counter_kdf_is_as_openssl_has_it),
        MODULE_TEST(several_keys_begin_at_blocks),
        MODULE_TEST(of_several_keys_none_stays_when_one_is_refused),
        MODULE_TEST(wrong_fields_of_the_counter_kdf_are_refused),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
