/* Keys made of the bytes of keys, ciphertexts as keys, and what must not be got out of a guarded key by them. The
 * examples of 2.40, 2.36 are the standard's own. */
#include "derive_fixture.h"

#include <openssl/evp.h>

static unsigned char data[64], secret[32];

static CK_KEY_DERIVATION_STRING_DATA string(void *bytes, unsigned long size)
{
    return (CK_KEY_DERIVATION_STRING_DATA){bytes, size};
}

static void the_standards_examples_come_out(void **state)
{
    static const unsigned char base_value[] = {0x01, 0x23, 0x45, 0x67}, bits[] = {0x32, 0x9f, 0x84, 0xa9};
    static unsigned char tail[] = {0x89, 0xab, 0xcd, 0xef};
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE base = derive_open_base(session, CKK_GENERIC_SECRET, base_value, 4);
    CK_OBJECT_HANDLE other = derive_open_base(session, CKK_GENERIC_SECRET, tail, 4);
    CK_OBJECT_HANDLE from = derive_open_base(session, CKK_GENERIC_SECRET, bits, 4);
    CK_KEY_DERIVATION_STRING_DATA parameter = string(tail, sizeof tail);
    CK_ULONG first = 21;
    CK_MECHANISM with_key = MECHANISM(CKM_CONCATENATE_BASE_AND_KEY, other);
    CK_MECHANISM after = MECHANISM(CKM_CONCATENATE_BASE_AND_DATA, parameter);
    CK_MECHANISM before = MECHANISM(CKM_CONCATENATE_DATA_AND_BASE, parameter);
    CK_MECHANISM xored = MECHANISM(CKM_XOR_BASE_AND_DATA, parameter);
    CK_MECHANISM extract = MECHANISM(CKM_EXTRACT_KEY_FROM_KEY, first);
    derive_expect(session, &with_key, base, 0, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
    derive_expect(session, &after, base, 0, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
    derive_expect(session, &before, base, 0, "\x89\xab\xcd\xef\x01\x23\x45\x67", 8);
    derive_expect(session, &after, base, 5, "\x01\x23\x45\x67\x89", 5);
    derive_expect(session, &xored, base, 0, "\x88\x88\x88\x88", 4);
    derive_expect(session, &extract, from, 2, "\x95\x26", 2);
    first = 0;
    derive_expect(session, &extract, from, 4, bits, 4);
    first = 8;
    derive_expect(session, &extract, from, 4, "\x9f\x84\xa9\x32", 4); /* past the end it begins again */
    first = 31;
    derive_expect(session, &extract, from, 1, "\x99", 1); /* the last bit, and seven of the first */
}

static void wrong_parameters_and_lengths_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key, none = 0, gone = 0x7fffffff, base = derive_open_base(session, CKK_GENERIC_SECRET, "four", 4);
    CK_KEY_DERIVATION_STRING_DATA null = string(NULL, 4), huge = string(data, ~0UL), good = string(data, 4);
    CK_ULONG outside = 32, inside = 31;
    static const CK_MECHANISM_TYPE types[] = {
        CKM_CONCATENATE_BASE_AND_DATA, CKM_CONCATENATE_DATA_AND_BASE, CKM_XOR_BASE_AND_DATA};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        CK_MECHANISM wrong[] = {MECHANISM(types[i], null), MECHANISM(types[i], huge), {types[i], &good, 8},
            {types[i], NULL, 0}, {types[i], NULL, sizeof good}};
        for (size_t j = 0; j < COUNT_OF(wrong); j++)
            assert_rv(derive_key(session, &wrong[j], base, 0, false, &key), CKR_MECHANISM_PARAM_INVALID);
        CK_MECHANISM right = MECHANISM(types[i], good);
        assert_rv(derive_key(session, &right, base, 9, false, &key), CKR_TEMPLATE_INCONSISTENT);
    }
    CK_MECHANISM extract = MECHANISM(CKM_EXTRACT_KEY_FROM_KEY, outside);
    assert_rv(derive_key(session, &extract, base, 1, false, &key), CKR_MECHANISM_PARAM_INVALID);
    extract.pParameter = &inside;
    assert_rv(derive_key(session, &extract, base, 0, false, &key), CKR_TEMPLATE_INCOMPLETE);
    assert_rv(derive_key(session, &extract, base, 5, false, &key), CKR_TEMPLATE_INCONSISTENT);
    CK_MECHANISM with_none = MECHANISM(CKM_CONCATENATE_BASE_AND_KEY, none);
    CK_MECHANISM with_gone = MECHANISM(CKM_CONCATENATE_BASE_AND_KEY, gone);
    assert_rv(derive_key(session, &with_none, base, 0, false, &key), CKR_MECHANISM_PARAM_INVALID);
    assert_rv(derive_key(session, &with_gone, base, 0, false, &key), CKR_KEY_HANDLE_INVALID);
}

/* --- guarded keys --- */

static const CK_MECHANISM_TYPE kinds[] = {CKM_CONCATENATE_BASE_AND_DATA, CKM_CONCATENATE_DATA_AND_BASE,
    CKM_XOR_BASE_AND_DATA, CKM_EXTRACT_KEY_FROM_KEY, CKM_CONCATENATE_BASE_AND_KEY};

/* A mechanism of each kind that keeps all of a base of 32 bytes; `size` is what it then gives. */
static CK_MECHANISM whole_of(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE *other, CK_ULONG *size)
{
    static CK_KEY_DERIVATION_STRING_DATA parameter;
    static CK_ULONG first;
    parameter = string(data, 32);
    first = 0;
    *size = type == CKM_XOR_BASE_AND_DATA || type == CKM_EXTRACT_KEY_FROM_KEY ? 32 : 64;
    if (type == CKM_EXTRACT_KEY_FROM_KEY)
        return MECHANISM(type, first);
    if (type == CKM_CONCATENATE_BASE_AND_KEY)
        return (CK_MECHANISM){type, other, sizeof *other};
    return MECHANISM(type, parameter);
}

static CK_RV derive_as(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base, CK_ULONG size,
    CK_BBOOL sensitive, CK_BBOOL extractable, CK_BBOOL trusted_only, CK_OBJECT_HANDLE *key)
{
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_SENSITIVE, sensitive), ATTRIBUTE(CKA_EXTRACTABLE, extractable),
        ATTRIBUTE(CKA_WRAP_WITH_TRUSTED, trusted_only), ATTRIBUTE(CKA_VALUE_LEN, size)};
    return p11->C_DeriveKey(session, mechanism, base, attributes, 4, key);
}

static void what_is_made_of_a_guarded_key_is_guarded(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE open = derive_open_base(session, CKK_GENERIC_SECRET, secret, 32), key;
    CK_OBJECT_HANDLE sensitive = derive_base(session, CKK_GENERIC_SECRET, secret, 32, true, true);
    CK_OBJECT_HANDLE unextractable = derive_base(session, CKK_GENERIC_SECRET, secret, 32, false, false);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        CK_ULONG size;
        CK_MECHANISM mechanism = whole_of(kinds[i], &open, &size);
        assert_ok(derive_as(session, &mechanism, open, size, no, yes, no, &key));
        assert_rv(derive_as(session, &mechanism, sensitive, size, no, yes, no, &key), CKR_TEMPLATE_INCONSISTENT);
        assert_rv(derive_as(session, &mechanism, sensitive, size, no, no, no, &key), CKR_TEMPLATE_INCONSISTENT);
        assert_ok(derive_as(session, &mechanism, sensitive, size, yes, yes, no, &key));
        assert_int_equal(module_boolean(session, key, CKA_ALWAYS_SENSITIVE), CK_FALSE);
        assert_rv(derive_as(session, &mechanism, unextractable, size, no, yes, no, &key), CKR_TEMPLATE_INCONSISTENT);
        assert_rv(derive_as(session, &mechanism, unextractable, size, yes, yes, no, &key), CKR_TEMPLATE_INCONSISTENT);
        assert_ok(derive_as(session, &mechanism, unextractable, size, no, no, no, &key));
        assert_int_equal(module_boolean(session, key, CKA_NEVER_EXTRACTABLE), CK_FALSE);
    }
    /* the second key of a concatenation counts as the first does */
    CK_MECHANISM mechanism = MECHANISM(CKM_CONCATENATE_BASE_AND_KEY, sensitive);
    assert_rv(derive_as(session, &mechanism, open, 64, no, yes, no, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_ok(derive_as(session, &mechanism, open, 64, yes, yes, no, &key));
}

static void a_trusted_keys_only_rule_is_kept(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE open = derive_open_base(session, CKK_GENERIC_SECRET, secret, 32), key;
    CK_OBJECT_HANDLE base = derive_base(session, CKK_GENERIC_SECRET, secret, 32, true, true);
    CK_ATTRIBUTE change = ATTRIBUTE(CKA_WRAP_WITH_TRUSTED, yes);
    assert_ok(p11->C_SetAttributeValue(session, base, &change, 1));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        CK_ULONG size;
        CK_MECHANISM mechanism = whole_of(kinds[i], &open, &size);
        assert_rv(derive_as(session, &mechanism, base, size, yes, yes, no, &key), CKR_TEMPLATE_INCONSISTENT);
        assert_ok(derive_as(session, &mechanism, base, size, yes, yes, yes, &key));
    }
}

static void a_key_that_wraps_is_not_copied(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_KEY_TYPE aes = CKK_AES;
    static const CK_ATTRIBUTE_TYPE uses[] = {CKA_WRAP, CKA_UNWRAP};
    CK_OBJECT_HANDLE other = derive_open_base(session, CKK_GENERIC_SECRET, secret, 32), key;
    for (size_t use = 0; use < COUNT_OF(uses); use++) {
        CK_OBJECT_HANDLE wrapping = 0;
        CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes),
            ATTRIBUTE(CKA_VALUE, secret), ATTRIBUTE(CKA_DERIVE, yes), ATTRIBUTE(uses[use], yes)};
        assert_ok(p11->C_CreateObject(session, attributes, COUNT_OF(attributes), &wrapping));
        for (size_t i = 0; i < COUNT_OF(kinds); i++) {
            CK_ULONG size;
            CK_MECHANISM mechanism = whole_of(kinds[i], &other, &size);
            assert_rv(derive_key(session, &mechanism, wrapping, size, true, &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
        }
        CK_MECHANISM mechanism = MECHANISM(CKM_CONCATENATE_BASE_AND_KEY, wrapping);
        assert_rv(derive_key(session, &mechanism, other, 64, true, &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    }
}

/* The attack byte by byte, and its ways around a rule on length. */
static void no_part_of_a_guarded_key_is_taken(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE base = derive_base(session, CKK_GENERIC_SECRET, secret, 32, true, false), key, composed;
    CK_KEY_DERIVATION_STRING_DATA long_data = string(data, 31), short_data = string(data, 1);
    CK_MECHANISM before = MECHANISM(CKM_CONCATENATE_DATA_AND_BASE, long_data);
    CK_MECHANISM after = MECHANISM(CKM_CONCATENATE_BASE_AND_DATA, long_data);
    CK_MECHANISM xored = MECHANISM(CKM_XOR_BASE_AND_DATA, short_data);
    CK_ULONG first = 0;
    CK_MECHANISM extract = MECHANISM(CKM_EXTRACT_KEY_FROM_KEY, first);
    for (CK_ULONG size = 1; size < 32; size++) {
        assert_rv(derive_key(session, &extract, base, size, true, &key), CKR_TEMPLATE_INCONSISTENT);
        assert_rv(derive_key(session, &after, base, size, true, &key), CKR_TEMPLATE_INCONSISTENT);
        assert_rv(derive_key(session, &before, base, 31 + size, true, &key), CKR_TEMPLATE_INCONSISTENT);
    }
    assert_rv(derive_key(session, &xored, base, 0, true, &key), CKR_TEMPLATE_INCONSISTENT);
    xored.pParameter = &long_data;
    assert_rv(derive_key(session, &xored, base, 0, true, &key), CKR_TEMPLATE_INCONSISTENT);
    long_data.string_data_len = 32;
    assert_rv(derive_key(session, &xored, base, 16, true, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_ok(derive_key(session, &xored, base, 32, true, &key));
    assert_ok(derive_key(session, &extract, base, 32, true, &key));
    /* a composed key is no better than its base: sixteen bytes of it may be one unknown one */
    assert_ok(derive_key(session, &before, base, 0, true, &composed));
    CK_ATTRIBUTE derives = ATTRIBUTE(CKA_DERIVE, yes);
    assert_ok(p11->C_SetAttributeValue(session, composed, &derives, 1));
    first = 17 * 8;
    assert_rv(derive_key(session, &extract, composed, 16, true, &key), CKR_TEMPLATE_INCONSISTENT);
}

static void of_a_generated_key_sixteen_bytes_are_taken(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_MECHANISM generate = {CKM_GENERIC_SECRET_KEY_GEN, NULL, 0};
    CK_ULONG size = 32, first = 3;
    CK_OBJECT_HANDLE base = 0, key;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_VALUE_LEN, size), ATTRIBUTE(CKA_DERIVE, yes)};
    CK_MECHANISM extract = MECHANISM(CKM_EXTRACT_KEY_FROM_KEY, first);
    assert_ok(p11->C_GenerateKey(session, &generate, attributes, 2, &base));
    assert_rv(derive_key(session, &extract, base, 15, true, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_ok(derive_key(session, &extract, base, 16, true, &key));
    assert_int_equal(module_boolean(session, key, CKA_ALWAYS_SENSITIVE), CK_TRUE);
    assert_int_equal(module_boolean(session, key, CKA_NEVER_EXTRACTABLE), CK_TRUE);
    assert_int_equal(module_boolean(session, key, CKA_LOCAL), CK_FALSE);
    assert_rv(derive_key(session, &extract, base, 16, false, &key), CKR_TEMPLATE_INCONSISTENT);
}

static void a_key_that_asks_for_the_pin_each_time_derives_nothing(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, generic),
        ATTRIBUTE(CKA_VALUE, secret), ATTRIBUTE(CKA_DERIVE, yes), ATTRIBUTE(CKA_ALWAYS_AUTHENTICATE, yes)};
    CK_OBJECT_HANDLE base = 0, key, other = derive_open_base(fixture->session, CKK_GENERIC_SECRET, secret, 32);
    CK_ULONG size;
    assert_ok(p11->C_CreateObject(fixture->session, attributes, COUNT_OF(attributes), &base));
    CK_MECHANISM mechanism = whole_of(CKM_XOR_BASE_AND_DATA, NULL, &size);
    assert_rv(derive_key(fixture->session, &mechanism, base, size, true, &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    mechanism = whole_of(CKM_CONCATENATE_BASE_AND_KEY, &base, &size);
    assert_rv(derive_key(fixture->session, &mechanism, other, size, true, &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

/* --- ciphertexts as keys --- */

static void a_ciphertext_is_a_key_as_openssl_has_it(void **state)
{
    const struct module_fixture *fixture = *state;
    static const struct {
        size_t size;
        const char *ecb, *cbc;
    } rows[] = {
        {16, "AES-128-ECB", "AES-128-CBC"}, {24, "AES-192-ECB", "AES-192-CBC"}, {32, "AES-256-ECB", "AES-256-CBC"}};
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 3);
    for (size_t i = 0; i < COUNT_OF(rows) * 2; i++) {
        unsigned char expected[80];
        int made = 0;
        bool chained = i % 2;
        CK_KEY_DERIVATION_STRING_DATA plain = string(data, 48);
        CK_AES_CBC_ENCRYPT_DATA_PARAMS with_iv = {"an iv of 16 byte", data, 48};
        CK_MECHANISM mechanism =
            chained ? MECHANISM(CKM_AES_CBC_ENCRYPT_DATA, with_iv) : MECHANISM(CKM_AES_ECB_ENCRYPT_DATA, plain);
        CK_OBJECT_HANDLE base = derive_open_base(fixture->session, CKK_AES, secret, rows[i / 2].size), key;
        EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
        const EVP_CIPHER *cipher = EVP_get_cipherbyname(chained ? rows[i / 2].cbc : rows[i / 2].ecb);
        assert_int_equal(EVP_EncryptInit_ex(context, cipher, NULL, secret, with_iv.iv), 1);
        assert_int_equal(EVP_EncryptUpdate(context, expected, &made, data, 48), 1);
        EVP_CIPHER_CTX_free(context);
        derive_expect(fixture->session, &mechanism, base, 0, expected, 48);
        derive_expect(fixture->session, &mechanism, base, 20, expected, 20);
        assert_rv(derive_key(fixture->session, &mechanism, base, 49, false, &key), CKR_TEMPLATE_INCONSISTENT);
        plain.string_data_len = with_iv.length = 47;
        assert_rv(derive_key(fixture->session, &mechanism, base, 0, false, &key), CKR_MECHANISM_PARAM_INVALID);
        plain.string_data_len = with_iv.length = 0;
        assert_rv(derive_key(fixture->session, &mechanism, base, 0, false, &key), CKR_MECHANISM_PARAM_INVALID);
        plain.string_data_len = with_iv.length = ~15UL;
        assert_rv(derive_key(fixture->session, &mechanism, base, 0, false, &key), CKR_MECHANISM_PARAM_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(the_standards_examples_come_out),
        MODULE_TEST(wrong_parameters_and_lengths_are_refused),
        MODULE_TEST(what_is_made_of_a_guarded_key_is_guarded),
        MODULE_TEST(a_trusted_keys_only_rule_is_kept),
        MODULE_TEST(a_key_that_wraps_is_not_copied),
        MODULE_TEST(no_part_of_a_guarded_key_is_taken),
        MODULE_TEST(of_a_generated_key_sixteen_bytes_are_taken),
        MODULE_TEST(a_key_that_asks_for_the_pin_each_time_derives_nothing),
        MODULE_TEST(a_ciphertext_is_a_key_as_openssl_has_it),
    };
    memset(secret, 0x5a, sizeof secret);
    return cmocka_run_group_tests(tests, module_load, NULL);
}
