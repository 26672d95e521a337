/* Objects: what can be made of each class and what can't, and what of it can be changed. */
#include "module_fixture.h"

static CK_KEY_TYPE type_generic = CKK_GENERIC_SECRET, type_edwards = CKK_EC_EDWARDS, type_rsa = CKK_RSA;
static CK_CERTIFICATE_TYPE type_x509 = CKC_X_509;
static CK_ULONG number = 7;
/* RFC 8032, 7.1, test 1: secret and public key; the OID of id-Ed25519 (RFC 8410). */
static uint8_t seed[32] = {0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c,
    0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60};
static uint8_t point[34] = {0x04, 0x20, 0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9,
    0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};
static uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
static uint8_t modulus[128] = {0xc5, [127] = 1}, exponent[3] = {1, 0, 1};

/* --- the five classes --- */

static void data_objects_keep_what_they_are_given(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE object = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_TOKEN, yes),
        TEXT_ATTRIBUTE(CKA_APPLICATION, "tests"), TEXT_ATTRIBUTE(CKA_LABEL, "data"), ATTRIBUTE(CKA_OBJECT_ID, ed25519),
        TEXT_ATTRIBUTE(CKA_VALUE, "some bytes")};
    assert_ok(module_create(session, attributes, COUNT_OF(attributes), &object));
    assert_true(module_has_text(session, object, CKA_VALUE, "some bytes"));
    assert_true(module_has_text(session, object, CKA_APPLICATION, "tests"));
    assert_true(module_has_text(session, object, CKA_LABEL, "data"));
    assert_int_equal(module_ulong(session, object, CKA_CLASS), CKO_DATA);
    assert_true(module_boolean(session, object, CKA_MODIFIABLE) && module_boolean(session, object, CKA_TOKEN));
    assert_false(module_boolean(session, object, CKA_PRIVATE));
    unsigned long size = 0;
    assert_ok(p11->C_GetObjectSize(session, object, &size));
    assert_true(size >= 10);
}

static void a_data_object_without_a_value_has_an_empty_one(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE object = 0;
    for (int i = 0; i < 4; i++) {
        CK_BBOOL on_token = i & 1, is_private = i >> 1;
        CK_ATTRIBUTE attributes[] = {
            ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_TOKEN, on_token), ATTRIBUTE(CKA_PRIVATE, is_private)};
        assert_ok(module_create(fixture->session, attributes, COUNT_OF(attributes), &object));
        assert_true(module_has_text(fixture->session, object, CKA_VALUE, ""));
    }
}

static void certificates_are_public_and_whole(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE object = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_certificate), ATTRIBUTE(CKA_CERTIFICATE_TYPE, type_x509),
        ATTRIBUTE(CKA_TOKEN, yes), TEXT_ATTRIBUTE(CKA_SUBJECT, "subject"), TEXT_ATTRIBUTE(CKA_ID, "id"),
        TEXT_ATTRIBUTE(CKA_VALUE, "der")};
    assert_ok(module_create(session, attributes, COUNT_OF(attributes), &object));
    assert_true(module_has_text(session, object, CKA_VALUE, "der"));
    assert_true(
        module_has_text(session, object, CKA_ISSUER, "") && module_has_text(session, object, CKA_SERIAL_NUMBER, ""));
    assert_false(module_boolean(session, object, CKA_PRIVATE) || module_boolean(session, object, CKA_TRUSTED));
    for (size_t i = 0; i < COUNT_OF(attributes); i++) { /* what may not be missing */
        CK_ATTRIBUTE fewer[COUNT_OF(attributes)];
        CK_ATTRIBUTE_TYPE type = attributes[i].type;
        memcpy(fewer, attributes, sizeof fewer);
        memmove(&fewer[i], &fewer[i + 1], (COUNT_OF(attributes) - i - 1) * sizeof fewer[0]);
        bool needed = type == CKA_CLASS || type == CKA_CERTIFICATE_TYPE || type == CKA_VALUE;
        assert_rv(
            module_create(session, fewer, COUNT_OF(fewer) - 1, &object), needed ? CKR_TEMPLATE_INCOMPLETE : CKR_OK);
    }
    CK_ATTRIBUTE trusted[] = {attributes[0], attributes[1], attributes[5], ATTRIBUTE(CKA_TRUSTED, yes)};
    assert_rv(module_create(session, trusted, COUNT_OF(trusted), &object), CKR_ATTRIBUTE_READ_ONLY);
}

static void a_key_pair_can_be_imported(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE public_key = 0, private_key = 0;
    CK_ATTRIBUTE public_attributes[] = {ATTRIBUTE(CKA_CLASS, class_public), ATTRIBUTE(CKA_KEY_TYPE, type_edwards),
        ATTRIBUTE(CKA_TOKEN, yes), ATTRIBUTE(CKA_EC_PARAMS, ed25519), ATTRIBUTE(CKA_EC_POINT, point)};
    assert_ok(module_create(session, public_attributes, COUNT_OF(public_attributes), &public_key));
    assert_false(module_boolean(session, public_key, CKA_PRIVATE) || module_boolean(session, public_key, CKA_LOCAL));
    uint8_t read[64];
    unsigned long size = sizeof read;
    assert_ok(module_get(session, public_key, CKA_EC_POINT, read, &size));
    assert_int_equal(size, sizeof point);
    assert_memory_equal(read, point, sizeof point);
    CK_ATTRIBUTE private_attributes[] = {ATTRIBUTE(CKA_CLASS, class_private), ATTRIBUTE(CKA_KEY_TYPE, type_edwards),
        ATTRIBUTE(CKA_TOKEN, yes), ATTRIBUTE(CKA_EC_PARAMS, ed25519), ATTRIBUTE(CKA_VALUE, seed)};
    assert_ok(module_create(session, private_attributes, COUNT_OF(private_attributes), &private_key));
    assert_true(
        module_boolean(session, private_key, CKA_PRIVATE) && module_boolean(session, private_key, CKA_SENSITIVE));
    assert_false(module_boolean(session, private_key, CKA_ALWAYS_SENSITIVE) || /* it was outside once */
                 module_boolean(session, private_key, CKA_NEVER_EXTRACTABLE) ||
                 module_boolean(session, private_key, CKA_EXTRACTABLE));
    size = sizeof read;
    assert_rv(module_get(session, private_key, CKA_VALUE, read, &size), CKR_ATTRIBUTE_SENSITIVE);
    assert_int_equal(size, CK_UNAVAILABLE_INFORMATION);
    CK_ATTRIBUTE rsa[] = {ATTRIBUTE(CKA_CLASS, class_public), ATTRIBUTE(CKA_KEY_TYPE, type_rsa),
        ATTRIBUTE(CKA_MODULUS, modulus), ATTRIBUTE(CKA_PUBLIC_EXPONENT, exponent)};
    assert_ok(module_create(session, rsa, COUNT_OF(rsa), &public_key));
    assert_int_equal(module_ulong(session, public_key, CKA_MODULUS_BITS), 1024); /* tools ask every RSA key for it */
    assert_rv(module_create(session, rsa, COUNT_OF(rsa) - 1, &public_key), CKR_TEMPLATE_INCOMPLETE);
}

static void a_secret_key_tells_its_size(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE key = 0;
    for (int on_token = 0; on_token < 2; on_token++) {
        assert_ok(module_secret(fixture->session, on_token, true, false, "secret", &key));
        assert_int_equal(module_ulong(fixture->session, key, CKA_VALUE_LEN), 16);
    }
}

/* --- templates that are refused --- */

static void wrong_templates_are_refused_with_the_right_code(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_BBOOL two = 2;
    CK_OBJECT_CLASS no_class = 0x77777777, status_class = CKO_BULLA_STATUS, policy_class = CKO_BULLA_POLICY;
    CK_KEY_TYPE no_type = 0x77777777;
    struct {
        const char *what;
        CK_RV expected;
        CK_ATTRIBUTE attributes[4];
        size_t count;
    } rows[] = {
        {"nothing", CKR_TEMPLATE_INCOMPLETE, {TEXT_ATTRIBUTE(CKA_LABEL, "x")}, 1},
        {"no such class", CKR_ATTRIBUTE_VALUE_INVALID, {ATTRIBUTE(CKA_CLASS, no_class)}, 1},
        {"a status object", CKR_ATTRIBUTE_VALUE_INVALID, {ATTRIBUTE(CKA_CLASS, status_class)}, 1},
        {"a short class", CKR_ATTRIBUTE_VALUE_INVALID, {{CKA_CLASS, &class_data, 4}}, 1},
        {"a class without a value", CKR_ATTRIBUTE_VALUE_INVALID, {{CKA_CLASS, NULL, 0}}, 1},
        {"NULL with a length", CKR_ARGUMENTS_BAD, {ATTRIBUTE(CKA_CLASS, class_data), {CKA_LABEL, NULL, 5}}, 2},
        {"an attribute twice", CKR_TEMPLATE_INCONSISTENT,
            {ATTRIBUTE(CKA_CLASS, class_data), TEXT_ATTRIBUTE(CKA_LABEL, "a"), TEXT_ATTRIBUTE(CKA_LABEL, "a")}, 3},
        {"a boolean of two bytes", CKR_ATTRIBUTE_VALUE_INVALID,
            {ATTRIBUTE(CKA_CLASS, class_data), {CKA_TOKEN, &number, 2}}, 2},
        {"a boolean of 2", CKR_ATTRIBUTE_VALUE_INVALID, {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_TOKEN, two)},
            2},
        {"an unknown attribute", CKR_ATTRIBUTE_TYPE_INVALID,
            {ATTRIBUTE(CKA_CLASS, class_data), TEXT_ATTRIBUTE(0x12345, "x")}, 2},
        {"an attribute of another class", CKR_TEMPLATE_INCONSISTENT,
            {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_SENSITIVE, yes)}, 2},
        {"the module's own", CKR_ATTRIBUTE_READ_ONLY,
            {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, type_generic),
                TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef"), ATTRIBUTE(CKA_LOCAL, yes)},
            4},
        {"a unique id", CKR_ATTRIBUTE_READ_ONLY,
            {ATTRIBUTE(CKA_CLASS, class_data), TEXT_ATTRIBUTE(CKA_UNIQUE_ID, "mine")}, 2},
        {"an expiry", CKR_ATTRIBUTE_READ_ONLY, {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_BULLA_EXPIRES, number)},
            2},
        {"a key without a type", CKR_TEMPLATE_INCOMPLETE,
            {ATTRIBUTE(CKA_CLASS, class_secret), TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef")}, 2},
        {"a key without a value", CKR_TEMPLATE_INCOMPLETE,
            {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, type_generic)}, 2},
        {"a key with an empty value", CKR_ATTRIBUTE_VALUE_INVALID,
            {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, type_generic), TEXT_ATTRIBUTE(CKA_VALUE, "")},
            3},
        {"a key of no type", CKR_ATTRIBUTE_VALUE_INVALID,
            {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, no_type), TEXT_ATTRIBUTE(CKA_VALUE, "x")}, 3},
        {"a private key without its curve", CKR_TEMPLATE_INCOMPLETE,
            {ATTRIBUTE(CKA_CLASS, class_private), ATTRIBUTE(CKA_KEY_TYPE, type_edwards), ATTRIBUTE(CKA_VALUE, seed)},
            3},
        {"a release tree from outside", CKR_TEMPLATE_INCONSISTENT,
            {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, type_generic),
                TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef"), TEXT_ATTRIBUTE(CKA_BULLA_RELEASE, "passphrase")},
            4},
        {"a session's policy", CKR_TEMPLATE_INCONSISTENT,
            {ATTRIBUTE(CKA_CLASS, policy_class), TEXT_ATTRIBUTE(CKA_VALUE, "bundle")}, 2},
        {"too long a value", CKR_ATTRIBUTE_VALUE_INVALID,
            {ATTRIBUTE(CKA_CLASS, class_data), {CKA_VALUE, seed, (1UL << 20) + 1}}, 2},
        {"an absurd length", CKR_ATTRIBUTE_VALUE_INVALID, {ATTRIBUTE(CKA_CLASS, class_data), {CKA_VALUE, seed, ~0UL}},
            2},
        {"an absurd length that wraps", CKR_ATTRIBUTE_VALUE_INVALID,
            {ATTRIBUTE(CKA_CLASS, class_data), {CKA_LABEL, seed, ~0UL - 7}}, 2},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CK_OBJECT_HANDLE handle = 0;
        CK_RV rv = p11->C_CreateObject(fixture->session, rows[i].attributes, rows[i].count, &handle);
        if (rv != rows[i].expected || handle != 0)
            fail_msg("%s: 0x%lx instead of 0x%lx, handle %lu", rows[i].what, rv, rows[i].expected, handle);
    }
    CK_OBJECT_HANDLE handle = 0;
    static CK_ATTRIBUTE many[200];
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = (CK_ATTRIBUTE){CKA_VENDOR_DEFINED | i, NULL, 0};
    assert_int_not_equal(module_create(fixture->session, many, COUNT_OF(many), &handle), CKR_OK);
}

static void settable_attributes_change_and_others_do_not(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (int on_token = 0; on_token < 2; on_token++) {
        CK_OBJECT_HANDLE object = module_data(session, on_token, on_token, "label", "value");
        CK_ATTRIBUTE good[] = {TEXT_ATTRIBUTE(CKA_LABEL, "other"), TEXT_ATTRIBUTE(CKA_APPLICATION, "tests")};
        assert_ok(p11->C_SetAttributeValue(session, object, good, 2));
        assert_true(module_has_text(session, object, CKA_LABEL, "other"));
        assert_true(module_has_text(session, object, CKA_APPLICATION, "tests"));
        assert_true(module_has_text(session, object, CKA_VALUE, "value"));
        struct {
            CK_RV expected;
            CK_ATTRIBUTE attribute;
        } rows[] = {
            {CKR_ATTRIBUTE_READ_ONLY, TEXT_ATTRIBUTE(CKA_VALUE, "changed")},
            {CKR_ATTRIBUTE_READ_ONLY, ATTRIBUTE(CKA_CLASS, class_secret)},
            {CKR_ATTRIBUTE_READ_ONLY, ATTRIBUTE(CKA_CLASS, class_data)}, /* as it is: it is set all the same */
            {CKR_ATTRIBUTE_READ_ONLY, ATTRIBUTE(CKA_MODIFIABLE, no)},
            {CKR_ATTRIBUTE_READ_ONLY, ATTRIBUTE(CKA_DESTROYABLE, no)},
            {CKR_ATTRIBUTE_READ_ONLY, TEXT_ATTRIBUTE(CKA_UNIQUE_ID, "mine")},
            {CKR_ATTRIBUTE_TYPE_INVALID, ATTRIBUTE(CKA_SENSITIVE, yes)},
            {CKR_ATTRIBUTE_TYPE_INVALID, TEXT_ATTRIBUTE(0x12345, "x")},
            {CKR_ATTRIBUTE_VALUE_INVALID, {CKA_LABEL, seed, ~0UL}},
            {CKR_ATTRIBUTE_VALUE_INVALID, {CKA_COPYABLE, seed, 3}},
            {CKR_ARGUMENTS_BAD, {CKA_LABEL, NULL, 3}},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            /* Together with one that would be allowed: all or nothing. */
            CK_ATTRIBUTE both[2] = {TEXT_ATTRIBUTE(CKA_APPLICATION, "spoiled"), rows[i].attribute};
            CK_RV rv = p11->C_SetAttributeValue(session, object, both, 2);
            if (rv != rows[i].expected)
                fail_msg("row %zu: 0x%lx", i, rv);
        }
        assert_true(module_has_text(session, object, CKA_APPLICATION, "tests"));
        assert_true(module_has_text(session, object, CKA_VALUE, "value"));
    }
}

static void what_is_not_modifiable_copyable_destroyable_stays(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (int on_token = 0; on_token < 2; on_token++) {
        CK_BBOOL token = on_token;
        CK_OBJECT_HANDLE object = 0, copy = 0;
        CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_TOKEN, token),
            ATTRIBUTE(CKA_MODIFIABLE, no), ATTRIBUTE(CKA_COPYABLE, no), ATTRIBUTE(CKA_DESTROYABLE, no)};
        assert_ok(module_create(session, attributes, COUNT_OF(attributes), &object));
        CK_ATTRIBUTE label = TEXT_ATTRIBUTE(CKA_LABEL, "x");
        assert_rv(p11->C_SetAttributeValue(session, object, &label, 1), CKR_ACTION_PROHIBITED);
        assert_rv(p11->C_CopyObject(session, object, NULL, 0, &copy), CKR_ACTION_PROHIBITED);
        assert_rv(p11->C_DestroyObject(session, object), CKR_ACTION_PROHIBITED);
        assert_int_equal(copy, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(data_objects_keep_what_they_are_given),
        MODULE_TEST(a_data_object_without_a_value_has_an_empty_one),
        MODULE_TEST(certificates_are_public_and_whole),
        MODULE_TEST(a_key_pair_can_be_imported),
        MODULE_TEST(a_secret_key_tells_its_size),
        MODULE_TEST(wrong_templates_are_refused_with_the_right_code),
        MODULE_TEST(settable_attributes_change_and_others_do_not),
        MODULE_TEST(what_is_not_modifiable_copyable_destroyable_stays),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
