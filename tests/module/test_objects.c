/* Objects: what can be made, found, read, changed, copied and destroyed, and what can't. */
#include "module_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static CK_KEY_TYPE type_generic = CKK_GENERIC_SECRET, type_edwards = CKK_EC_EDWARDS, type_rsa = CKK_RSA;
static CK_CERTIFICATE_TYPE type_x509 = CKC_X_509;
static CK_ULONG number = 7;
/* RFC 8032, 7.1, test 1: secret and public key; the OID of id-Ed25519 (RFC 8410). */
static uint8_t seed[32] = {0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c,
    0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60};
static uint8_t point[34] = {0x04, 0x20, 0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9,
    0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};
static uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
static uint8_t modulus[128] = {0xc5}, exponent[3] = {1, 0, 1};

static CK_BBOOL boolean(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = 0xee;
    unsigned long size = sizeof value;
    assert_ok(module_get(session, object, type, &value, &size));
    assert_int_equal(size, 1);
    assert_true(value <= 1);
    return value;
}

static CK_ULONG ulong_of(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_ULONG value = 0;
    unsigned long size = sizeof value;
    assert_ok(module_get(session, object, type, &value, &size));
    assert_int_equal(size, sizeof value);
    return value;
}

static CK_RV create(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, size_t count, CK_OBJECT_HANDLE *handle)
{
    *handle = 0;
    return p11->C_CreateObject(session, attributes, count, handle);
}

/* --- the five classes --- */

static void data_objects_keep_what_they_are_given(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE object = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_TOKEN, yes),
        TEXT_ATTRIBUTE(CKA_APPLICATION, "tests"), TEXT_ATTRIBUTE(CKA_LABEL, "data"), ATTRIBUTE(CKA_OBJECT_ID, ed25519),
        TEXT_ATTRIBUTE(CKA_VALUE, "some bytes")};
    assert_ok(create(session, attributes, COUNT_OF(attributes), &object));
    assert_true(module_has_text(session, object, CKA_VALUE, "some bytes"));
    assert_true(module_has_text(session, object, CKA_APPLICATION, "tests"));
    assert_true(module_has_text(session, object, CKA_LABEL, "data"));
    assert_int_equal(ulong_of(session, object, CKA_CLASS), CKO_DATA);
    assert_true(boolean(session, object, CKA_MODIFIABLE) && boolean(session, object, CKA_TOKEN));
    assert_false(boolean(session, object, CKA_PRIVATE));
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
        assert_ok(create(fixture->session, attributes, COUNT_OF(attributes), &object));
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
    assert_ok(create(session, attributes, COUNT_OF(attributes), &object));
    assert_true(module_has_text(session, object, CKA_VALUE, "der"));
    assert_true(
        module_has_text(session, object, CKA_ISSUER, "") && module_has_text(session, object, CKA_SERIAL_NUMBER, ""));
    assert_false(boolean(session, object, CKA_PRIVATE) || boolean(session, object, CKA_TRUSTED));
    for (size_t i = 0; i < COUNT_OF(attributes); i++) { /* what may not be missing */
        CK_ATTRIBUTE fewer[COUNT_OF(attributes)];
        CK_ATTRIBUTE_TYPE type = attributes[i].type;
        memcpy(fewer, attributes, sizeof fewer);
        memmove(&fewer[i], &fewer[i + 1], (COUNT_OF(attributes) - i - 1) * sizeof fewer[0]);
        bool needed = type == CKA_CLASS || type == CKA_CERTIFICATE_TYPE || type == CKA_VALUE;
        assert_rv(create(session, fewer, COUNT_OF(fewer) - 1, &object), needed ? CKR_TEMPLATE_INCOMPLETE : CKR_OK);
    }
    CK_ATTRIBUTE trusted[] = {attributes[0], attributes[1], attributes[5], ATTRIBUTE(CKA_TRUSTED, yes)};
    assert_rv(create(session, trusted, COUNT_OF(trusted), &object), CKR_ATTRIBUTE_READ_ONLY);
}

static void a_key_pair_can_be_imported(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE public_key = 0, private_key = 0;
    CK_ATTRIBUTE public_attributes[] = {ATTRIBUTE(CKA_CLASS, class_public), ATTRIBUTE(CKA_KEY_TYPE, type_edwards),
        ATTRIBUTE(CKA_TOKEN, yes), ATTRIBUTE(CKA_EC_PARAMS, ed25519), ATTRIBUTE(CKA_EC_POINT, point)};
    assert_ok(create(session, public_attributes, COUNT_OF(public_attributes), &public_key));
    assert_false(boolean(session, public_key, CKA_PRIVATE) || boolean(session, public_key, CKA_LOCAL));
    uint8_t read[64];
    unsigned long size = sizeof read;
    assert_ok(module_get(session, public_key, CKA_EC_POINT, read, &size));
    assert_int_equal(size, sizeof point);
    assert_memory_equal(read, point, sizeof point);
    CK_ATTRIBUTE private_attributes[] = {ATTRIBUTE(CKA_CLASS, class_private), ATTRIBUTE(CKA_KEY_TYPE, type_edwards),
        ATTRIBUTE(CKA_TOKEN, yes), ATTRIBUTE(CKA_EC_PARAMS, ed25519), ATTRIBUTE(CKA_VALUE, seed)};
    assert_ok(create(session, private_attributes, COUNT_OF(private_attributes), &private_key));
    assert_true(boolean(session, private_key, CKA_PRIVATE) && boolean(session, private_key, CKA_SENSITIVE));
    assert_false(boolean(session, private_key, CKA_ALWAYS_SENSITIVE) || /* it was outside once */
                 boolean(session, private_key, CKA_NEVER_EXTRACTABLE) ||
                 boolean(session, private_key, CKA_EXTRACTABLE));
    size = sizeof read;
    assert_rv(module_get(session, private_key, CKA_VALUE, read, &size), CKR_ATTRIBUTE_SENSITIVE);
    assert_int_equal(size, CK_UNAVAILABLE_INFORMATION);
    CK_ATTRIBUTE rsa[] = {ATTRIBUTE(CKA_CLASS, class_public), ATTRIBUTE(CKA_KEY_TYPE, type_rsa),
        ATTRIBUTE(CKA_MODULUS, modulus), ATTRIBUTE(CKA_PUBLIC_EXPONENT, exponent)};
    assert_ok(create(session, rsa, COUNT_OF(rsa), &public_key));
    assert_int_equal(ulong_of(session, public_key, CKA_MODULUS_BITS), 1024); /* tools ask every RSA key for it */
    assert_rv(create(session, rsa, COUNT_OF(rsa) - 1, &public_key), CKR_TEMPLATE_INCOMPLETE);
}

static void a_secret_key_tells_its_size(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE key = 0;
    for (int on_token = 0; on_token < 2; on_token++) {
        assert_ok(module_secret(fixture->session, on_token, true, false, "secret", &key));
        assert_int_equal(ulong_of(fixture->session, key, CKA_VALUE_LEN), 16);
    }
}

/* --- what is secret --- */

static void a_secret_is_read_only_where_both_flags_allow(void **state)
{
    const struct module_fixture *fixture = *state;
    for (int row = 0; row < 8; row++) {
        bool on_token = row & 1, sensitive = row & 2, extractable = row & 4;
        CK_OBJECT_HANDLE key = 0;
        char value[64];
        unsigned long size = sizeof value;
        assert_ok(module_secret(fixture->session, on_token, sensitive, extractable, "secret", &key));
        CK_RV rv = module_get(fixture->session, key, CKA_VALUE, value, &size);
        if (!sensitive && extractable) {
            assert_ok(rv);
            assert_int_equal(size, 16);
            assert_memory_equal(value, "0123456789abcdef", 16);
        } else {
            assert_rv(rv, CKR_ATTRIBUTE_SENSITIVE);
            assert_int_equal(size, CK_UNAVAILABLE_INFORMATION);
            size = 0;
            assert_rv(module_get(fixture->session, key, CKA_VALUE, NULL, &size), CKR_ATTRIBUTE_SENSITIVE);
        }
    }
}

static void what_was_sensitive_stays_so(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key = 0, copy = 0;
    CK_ATTRIBUTE not_sensitive = ATTRIBUTE(CKA_SENSITIVE, no), extractable = ATTRIBUTE(CKA_EXTRACTABLE, yes),
                 sensitive = ATTRIBUTE(CKA_SENSITIVE, yes), kept = ATTRIBUTE(CKA_EXTRACTABLE, no),
                 always = ATTRIBUTE(CKA_ALWAYS_SENSITIVE, yes), never = ATTRIBUTE(CKA_NEVER_EXTRACTABLE, yes);
    CK_ATTRIBUTE *refused[] = {&not_sensitive, &extractable, &always, &never};
    for (int on_token = 0; on_token < 2; on_token++) {
        assert_ok(module_secret(session, on_token, true, false, "secret", &key));
        for (size_t i = 0; i < COUNT_OF(refused); i++) {
            assert_rv(p11->C_SetAttributeValue(session, key, refused[i], 1), CKR_ATTRIBUTE_READ_ONLY);
            assert_rv(p11->C_CopyObject(session, key, refused[i], 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
        }
        assert_ok(module_secret(session, on_token, false, true, "open", &key));
        assert_ok(p11->C_SetAttributeValue(session, key, &sensitive, 1)); /* the other way is allowed */
        assert_ok(p11->C_SetAttributeValue(session, key, &kept, 1));
        assert_rv(p11->C_SetAttributeValue(session, key, &not_sensitive, 1), CKR_ATTRIBUTE_READ_ONLY);
        char value[64];
        unsigned long size = sizeof value;
        assert_rv(module_get(session, key, CKA_VALUE, value, &size), CKR_ATTRIBUTE_SENSITIVE);
        assert_false(boolean(session, key, CKA_ALWAYS_SENSITIVE));
    }
}

static void a_sealed_value_matches_no_search(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE key = 0;
    assert_ok(module_secret(fixture->session, true, false, true, "secret", &key));
    CK_ATTRIBUTE value = TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef");
    assert_int_equal(module_find(fixture->session, &value, 1, NULL), 0);
    module_data(fixture->session, true, false, "public", "0123456789abcdef");
    assert_int_equal(module_find(fixture->session, &value, 1, NULL), 1);
}

static void private_objects_are_invisible_before_login(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE hidden = module_data(session, true, true, "hidden", "x"), key = 0;
    CK_OBJECT_HANDLE shown = module_data(session, true, false, "shown", "y");
    assert_ok(module_secret(session, true, true, false, "key", &key));
    assert_ok(p11->C_Logout(session));
    unsigned long size = 0;
    CK_ATTRIBUTE label = TEXT_ATTRIBUTE(CKA_LABEL, "changed");
    CK_OBJECT_HANDLE handles[2] = {hidden, key};
    for (int i = 0; i < 2; i++) {
        assert_rv(p11->C_GetObjectSize(session, handles[i], &size), CKR_OBJECT_HANDLE_INVALID);
        assert_rv(p11->C_DestroyObject(session, handles[i]), CKR_OBJECT_HANDLE_INVALID);
        assert_rv(p11->C_SetAttributeValue(session, handles[i], &label, 1), CKR_OBJECT_HANDLE_INVALID);
        assert_rv(p11->C_CopyObject(session, handles[i], NULL, 0, &key), CKR_OBJECT_HANDLE_INVALID);
        assert_rv(module_get(session, handles[i], CKA_LABEL, NULL, &size), CKR_OBJECT_HANDLE_INVALID);
    }
    assert_int_equal(module_find_label(session, "hidden", NULL), 0);
    assert_int_equal(module_find_label(session, "key", NULL), 0);
    assert_int_equal(module_find_label(session, "shown", NULL), 1);
    assert_true(module_has_text(session, shown, CKA_VALUE, "y"));
    assert_rv(p11->C_DestroyObject(session, shown), CKR_USER_NOT_LOGGED_IN);
    assert_rv(p11->C_SetAttributeValue(session, shown, &label, 1), CKR_USER_NOT_LOGGED_IN);
    CK_ATTRIBUTE private_data[] = {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_PRIVATE, yes)};
    assert_rv(create(session, private_data, 2, &key), CKR_USER_NOT_LOGGED_IN);
    assert_ok(module_login(session, CKU_USER, USER_PIN));
    assert_int_equal(module_find_label(session, "hidden", NULL), 1);
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
    assert_int_not_equal(create(fixture->session, many, COUNT_OF(many), &handle), CKR_OK);
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
        assert_ok(create(session, attributes, COUNT_OF(attributes), &object));
        CK_ATTRIBUTE label = TEXT_ATTRIBUTE(CKA_LABEL, "x");
        assert_rv(p11->C_SetAttributeValue(session, object, &label, 1), CKR_ACTION_PROHIBITED);
        assert_rv(p11->C_CopyObject(session, object, NULL, 0, &copy), CKR_ACTION_PROHIBITED);
        assert_rv(p11->C_DestroyObject(session, object), CKR_ACTION_PROHIBITED);
        assert_int_equal(copy, 0);
    }
}

static void copies_live_apart_from_their_originals(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (int row = 0; row < 8; row++) {
        CK_BBOOL to_token = (row & 2) != 0;
        CK_OBJECT_HANDLE object = module_data(session, row & 1, row & 4, "original", "value"), copy = 0;
        CK_ATTRIBUTE changes[] = {ATTRIBUTE(CKA_TOKEN, to_token), TEXT_ATTRIBUTE(CKA_LABEL, "copy")};
        assert_ok(p11->C_CopyObject(session, object, changes, 2, &copy));
        assert_int_not_equal(copy, object);
        assert_ok(p11->C_DestroyObject(session, object));
        assert_true(module_has_text(session, copy, CKA_VALUE, "value"));
        assert_true(module_has_text(session, copy, CKA_LABEL, "copy"));
        assert_int_equal(boolean(session, copy, CKA_TOKEN), to_token);
        assert_int_equal(boolean(session, copy, CKA_PRIVATE), (row & 4) != 0);
        CK_ATTRIBUTE value = TEXT_ATTRIBUTE(CKA_VALUE, "other");
        assert_rv(p11->C_CopyObject(session, copy, &value, 1, &object), CKR_ATTRIBUTE_READ_ONLY);
        assert_ok(p11->C_DestroyObject(session, copy));
    }
}

static void a_copied_secret_is_as_secret(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key = 0, copy = 0;
    char value[64];
    unsigned long size = sizeof value;
    assert_ok(module_secret(session, true, true, false, "secret", &key));
    CK_ATTRIBUTE to_session = ATTRIBUTE(CKA_TOKEN, no);
    assert_ok(p11->C_CopyObject(session, key, &to_session, 1, &copy));
    assert_rv(module_get(session, copy, CKA_VALUE, value, &size), CKR_ATTRIBUTE_SENSITIVE);
    assert_ok(module_secret(session, true, false, true, "open", &key));
    assert_ok(p11->C_CopyObject(session, key, &to_session, 1, &copy));
    size = sizeof value;
    assert_ok(module_get(session, copy, CKA_VALUE, value, &size));
    assert_int_equal(size, 16);
    assert_memory_equal(value, "0123456789abcdef", 16);
}

/* --- reading --- */

static void reading_fills_what_it_can_and_names_the_rest(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key = 0;
    char label[16], small[2], value[32];
    assert_ok(module_secret(session, true, true, false, "secret", &key));
    CK_ATTRIBUTE attributes[] = {
        {CKA_VALUE, value, sizeof value},       /* sensitive */
        {CKA_LABEL, label, sizeof label},       /* fits */
        {CKA_LABEL, small, sizeof small},       /* does not */
        {0x12345, value, sizeof value},         /* unknown */
        {CKA_APPLICATION, value, sizeof value}, /* of another class */
        {CKA_LABEL, NULL, 0},                   /* asks for the size */
    };
    memset(small, 'z', sizeof small);
    CK_RV rv = p11->C_GetAttributeValue(session, key, attributes, COUNT_OF(attributes));
    assert_true(rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_BUFFER_TOO_SMALL);
    assert_int_equal(attributes[0].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    assert_int_equal(attributes[1].ulValueLen, 6);
    assert_memory_equal(label, "secret", 6);
    assert_int_equal(attributes[2].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    assert_memory_equal(small, "zz", 2);
    assert_int_equal(attributes[3].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    assert_int_equal(attributes[4].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    assert_int_equal(attributes[5].ulValueLen, 6);
    unsigned long size = 0;
    assert_rv(module_get(session, key + 1000, CKA_LABEL, NULL, &size), CKR_OBJECT_HANDLE_INVALID);
    assert_rv(module_get(session, 0, CKA_LABEL, NULL, &size), CKR_OBJECT_HANDLE_INVALID);
    size = sizeof value;
    assert_ok(module_get(session, key, CKA_UNIQUE_ID, value, &size));
    assert_int_equal(size, 32);
    CK_ATTRIBUTE unique = {CKA_UNIQUE_ID, value, size};
    assert_int_equal(module_find(session, &unique, 1, NULL), 1); /* what can be read can be looked for */
}

/* What listing tools ask of every key: none may be missing (reference: pkcs11-tool, p11tool). */
static void every_key_has_what_tools_ask_for(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_MECHANISM make = {CKM_BULLA_MODEL_KEY_GEN, NULL, 0};
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_TOKEN, yes), TEXT_ATTRIBUTE(CKA_LABEL, "model")};
    CK_OBJECT_HANDLE keys[4] = {0};
    assert_ok(p11->C_GenerateKey(session, &make, attributes, 2, &keys[0]));
    assert_ok(module_secret(session, true, true, false, "secret", &keys[1]));
    CK_ATTRIBUTE receipt = ATTRIBUTE(CKA_CLASS, class_private);
    assert_int_equal(module_find(session, &receipt, 1, &keys[2]), 1);
    receipt.pValue = &class_public;
    assert_int_equal(module_find(session, &receipt, 1, &keys[3]), 1);
    static const CK_ATTRIBUTE_TYPE every[] = {
        CKA_CLASS, CKA_KEY_TYPE, CKA_TOKEN, CKA_PRIVATE, CKA_MODIFIABLE, CKA_LABEL, CKA_ID, CKA_LOCAL, CKA_DERIVE};
    static const CK_ATTRIBUTE_TYPE own[] = {CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE, CKA_EXTRACTABLE, CKA_NEVER_EXTRACTABLE,
        CKA_ALWAYS_AUTHENTICATE, CKA_DECRYPT, CKA_SIGN, CKA_UNWRAP};
    static const CK_ATTRIBUTE_TYPE of_secret[] = {CKA_ENCRYPT, CKA_VERIFY, CKA_WRAP, CKA_VALUE_LEN};
    static const CK_ATTRIBUTE_TYPE of_private[] = {CKA_SIGN_RECOVER, CKA_SUBJECT, CKA_EC_PARAMS};
    static const CK_ATTRIBUTE_TYPE of_public[] = {CKA_ENCRYPT, CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_WRAP, CKA_EC_POINT};
    const struct {
        const CK_ATTRIBUTE_TYPE *types;
        size_t count;
        bool of[4];
    } rows[] = {
        {every, COUNT_OF(every), {true, true, true, true}},
        {own, COUNT_OF(own), {true, true, true, false}},
        {of_secret, COUNT_OF(of_secret), {true, true, false, false}},
        {of_private, COUNT_OF(of_private), {false, false, true, false}},
        {of_public, COUNT_OF(of_public), {false, false, false, true}},
    };
    for (size_t row = 0; row < COUNT_OF(rows); row++)
        for (size_t i = 0; i < rows[row].count; i++)
            for (size_t key = 0; key < COUNT_OF(keys); key++) {
                unsigned long size = 0;
                if (rows[row].of[key] && module_get(session, keys[key], rows[row].types[i], NULL, &size) != CKR_OK)
                    fail_msg("key %zu lacks attribute 0x%lx", key, rows[row].types[i]);
            }
    char value[64];
    for (size_t key = 0; key < 3; key++) { /* and none of them shows its value, whoever asks */
        unsigned long size = sizeof value;
        assert_int_not_equal(module_get(session, keys[key], CKA_VALUE, value, &size), CKR_OK);
        assert_int_equal(size, CK_UNAVAILABLE_INFORMATION);
    }
}

/* --- searching --- */

static void searches_match_all_attributes_exactly(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    unsigned long before = module_find(session, NULL, 0, NULL);
    module_data(session, true, false, "a", "1");
    module_data(session, true, true, "a", "2");
    module_data(session, false, false, "ab", "1");
    assert_int_equal(module_find(session, NULL, 0, NULL), before + 3);
    assert_int_equal(module_find_label(session, "a", NULL), 2);
    assert_int_equal(module_find_label(session, "", NULL), 0);
    CK_ATTRIBUTE both[] = {TEXT_ATTRIBUTE(CKA_LABEL, "a"), ATTRIBUTE(CKA_PRIVATE, yes)};
    assert_int_equal(module_find(session, both, 2, NULL), 1);
    CK_ATTRIBUTE contradiction[] = {TEXT_ATTRIBUTE(CKA_LABEL, "a"), TEXT_ATTRIBUTE(CKA_LABEL, "ab")};
    assert_int_equal(module_find(session, contradiction, 2, NULL), 0);
    CK_ATTRIBUTE unknown = TEXT_ATTRIBUTE(0x12345, "x");
    assert_int_equal(module_find(session, &unknown, 1, NULL), 0);
}

static void a_search_is_begun_and_ended(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE handles[4];
    unsigned long count = 9;
    CK_ATTRIBUTE bad = {CKA_LABEL, NULL, 4};
    assert_rv(p11->C_FindObjects(session, handles, 4, &count), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(p11->C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
    assert_rv(p11->C_FindObjectsInit(session, NULL, 1), CKR_ARGUMENTS_BAD);
    assert_rv(p11->C_FindObjectsInit(session, &bad, 1), CKR_ARGUMENTS_BAD);
    for (int i = 0; i < 5; i++)
        module_data(session, i & 1, false, "found", "x");
    CK_ATTRIBUTE label = TEXT_ATTRIBUTE(CKA_LABEL, "found");
    assert_ok(p11->C_FindObjectsInit(session, &label, 1));
    assert_rv(p11->C_FindObjectsInit(session, &label, 1), CKR_OPERATION_ACTIVE);
    assert_ok(p11->C_FindObjects(session, handles, 0, &count));
    assert_int_equal(count, 0);
    assert_ok(p11->C_FindObjects(session, handles, 4, &count));
    assert_int_equal(count, 4);
    module_data(session, false, false, "found", "late"); /* a search shows what was there when it began */
    assert_ok(p11->C_FindObjects(session, handles, 4, &count));
    assert_int_equal(count, 1);
    assert_ok(p11->C_FindObjects(session, handles, 4, &count));
    assert_int_equal(count, 0);
    assert_rv(p11->C_FindObjects(session, NULL, 4, &count), CKR_ARGUMENTS_BAD);
    assert_rv(p11->C_FindObjects(session, handles, 4, NULL), CKR_ARGUMENTS_BAD);
    assert_ok(p11->C_FindObjectsFinal(session));
    assert_int_equal(module_find_label(session, "found", NULL), 6);
}

static void the_receipt_key_is_nobodys_to_change(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key = 0, copy = 0;
    CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
    CK_ATTRIBUTE label = TEXT_ATTRIBUTE(CKA_LABEL, "mine");
    for (int i = 0; i < 2; i++) {
        CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, classes[i]), TEXT_ATTRIBUTE(CKA_ID, "receipt")};
        assert_int_equal(module_find(session, attributes, 2, &key), 1);
        assert_rv(p11->C_DestroyObject(session, key), CKR_ACTION_PROHIBITED);
        assert_rv(p11->C_SetAttributeValue(session, key, &label, 1), CKR_ACTION_PROHIBITED);
        assert_rv(p11->C_CopyObject(session, key, NULL, 0, &copy), CKR_ACTION_PROHIBITED);
    }
}

static void objects_outlive_the_process_that_made_them(void **state)
{
    struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE object = 0, key = 0;
    char value[64];
    unsigned long size = sizeof value;
    module_data(fixture->session, true, true, "kept", "private value");
    module_data(fixture->session, true, false, "kept too", "public value");
    module_data(fixture->session, false, false, "gone", "session value");
    assert_ok(module_secret(fixture->session, true, false, true, "key", &key));
    assert_ok(p11->C_Finalize(NULL));
    module_initialize();
    CK_SESSION_HANDLE session = module_session(0, CKF_RW_SESSION);
    assert_int_equal(module_find_label(session, "kept", NULL), 0);
    assert_int_equal(module_find_label(session, "kept too", &object), 1);
    assert_true(module_has_text(session, object, CKA_VALUE, "public value"));
    assert_ok(module_login(session, CKU_USER, USER_PIN));
    assert_int_equal(module_find_label(session, "kept", &object), 1);
    assert_true(module_has_text(session, object, CKA_VALUE, "private value"));
    assert_int_equal(module_find_label(session, "key", &key), 1);
    assert_ok(module_get(session, key, CKA_VALUE, value, &size));
    assert_memory_equal(value, "0123456789abcdef", 16);
    assert_int_equal(module_find_label(session, "gone", NULL), 0);
}

/* Private values stand nowhere in the token's folder. */
static void nothing_private_is_written_in_the_clear(void **state)
{
    struct module_fixture *fixture = *state;
    static const char *const files[] = {"token.db", "token.db-wal", "audit.jsonl"};
    CK_OBJECT_HANDLE key = 0;
    module_data(fixture->session, true, true, "private", "PLAINTEXT-OF-DATA");
    module_data(fixture->session, true, false, "public", "PUBLIC-VALUE");
    assert_ok(module_secret(fixture->session, true, false, true, "secret", &key));
    bool seen_public = false;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char path[160];
        size_t size = 0;
        test_folder_join(path, sizeof path, fixture->token, files[i]);
        unsigned char *bytes = test_file_read(path, &size);
        if (!bytes)
            continue;
        seen_public |= memmem(bytes, size, "PUBLIC-VALUE", 12) != NULL;
        assert_null(memmem(bytes, size, "PLAINTEXT-OF-DATA", 17));
        assert_null(memmem(bytes, size, "0123456789abcdef", 16));
        assert_null(memmem(bytes, size, USER_PIN, sizeof USER_PIN - 1));
        assert_null(memmem(bytes, size, SO_PIN, sizeof SO_PIN - 1));
        free(bytes);
    }
    assert_true(seen_public); /* the search finds what is there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(data_objects_keep_what_they_are_given),
        MODULE_TEST(a_data_object_without_a_value_has_an_empty_one),
        MODULE_TEST(certificates_are_public_and_whole),
        MODULE_TEST(a_key_pair_can_be_imported),
        MODULE_TEST(a_secret_key_tells_its_size),
        MODULE_TEST(a_secret_is_read_only_where_both_flags_allow),
        MODULE_TEST(what_was_sensitive_stays_so),
        MODULE_TEST(a_sealed_value_matches_no_search),
        MODULE_TEST(private_objects_are_invisible_before_login),
        MODULE_TEST(wrong_templates_are_refused_with_the_right_code),
        MODULE_TEST(settable_attributes_change_and_others_do_not),
        MODULE_TEST(what_is_not_modifiable_copyable_destroyable_stays),
        MODULE_TEST(copies_live_apart_from_their_originals),
        MODULE_TEST(a_copied_secret_is_as_secret),
        MODULE_TEST(reading_fills_what_it_can_and_names_the_rest),
        MODULE_TEST(every_key_has_what_tools_ask_for),
        MODULE_TEST(searches_match_all_attributes_exactly),
        MODULE_TEST(a_search_is_begun_and_ended),
        MODULE_TEST(the_receipt_key_is_nobodys_to_change),
        MODULE_TEST(objects_outlive_the_process_that_made_them),
        MODULE_TEST(nothing_private_is_written_in_the_clear),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
