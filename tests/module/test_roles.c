/* What keys may be for: uses that exclude each other, at every birth and afterwards; attributes that only harden;
 * CKA_TRUSTED; templates that keys carry; what a template without uses gets. */
#include "module_fixture.h"

#include <stdio.h>

static CK_KEY_TYPE aes = CKK_AES, generic = CKK_GENERIC_SECRET;
static CK_ULONG sixteen = 16;
static CK_MECHANISM aes_key_gen = {CKM_AES_KEY_GEN, NULL, 0};

/* The uses of a key, as bits of a row. */
static const CK_ATTRIBUTE_TYPE uses[] = {CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP};
enum { ENCRYPT = 1, DECRYPT = 2, WRAP = 4, UNWRAP = 8, ALL_USES = 16 };

static bool conflict(unsigned row)
{
    return (row & (WRAP | DECRYPT)) == (WRAP | DECRYPT) || (row & (UNWRAP | ENCRYPT)) == (UNWRAP | ENCRYPT);
}

static size_t put_uses(CK_ATTRIBUTE *attributes, unsigned row)
{
    for (size_t i = 0; i < COUNT_OF(uses); i++)
        attributes[i] = (CK_ATTRIBUTE){uses[i], row & 1U << i ? &yes : &no, 1};
    return COUNT_OF(uses);
}

static CK_RV create_with(CK_SESSION_HANDLE session, unsigned row, CK_OBJECT_HANDLE *key)
{
    CK_ATTRIBUTE attributes[16] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef")};
    return module_create(session, attributes, 3 + put_uses(attributes + 3, row), key);
}

static CK_RV generate_with(CK_SESSION_HANDLE session, unsigned row, CK_OBJECT_HANDLE *key)
{
    CK_ATTRIBUTE attributes[16] = {ATTRIBUTE(CKA_VALUE_LEN, sixteen)};
    return p11->C_GenerateKey(session, &aes_key_gen, attributes, 1 + put_uses(attributes + 1, row), key);
}

static void no_secret_key_is_made_with_uses_that_exclude_each_other(void **state)
{
    const struct module_fixture *fixture = *state;
    for (unsigned row = 0; row < ALL_USES; row++) {
        CK_RV expected = conflict(row) ? CKR_TEMPLATE_INCONSISTENT : CKR_OK;
        CK_OBJECT_HANDLE key = 0;
        assert_rv(create_with(fixture->session, row, &key), expected);
        assert_rv(generate_with(fixture->session, row, &key), expected);
    }
}

/* Whatever is set, in whatever order, alone or together, by a change or in a copy: no use comes that was not there, and
 * CKA_WRAP does not go. */
static void no_use_comes_to_a_secret_key_afterwards(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    for (unsigned row = 0; row < ALL_USES; row++)
        for (unsigned wanted = 0; wanted < ALL_USES && !conflict(row); wanted++) {
            CK_OBJECT_HANDLE key = 0, copy = 0;
            CK_ATTRIBUTE change[COUNT_OF(uses)];
            size_t count = put_uses(change, wanted);
            CK_RV expected = (wanted & ~row) || ((row & WRAP) && !(wanted & WRAP)) ? CKR_ATTRIBUTE_READ_ONLY : CKR_OK;
            assert_ok(create_with(session, row, &key));
            assert_rv(p11->C_CopyObject(session, key, change, count, &copy), expected);
            assert_rv(p11->C_SetAttributeValue(session, key, change, count), expected);
            for (size_t i = 0; i < COUNT_OF(uses); i++)
                if ((row & 1U << i) == 0)
                    assert_false(module_boolean(session, key, uses[i]));
            assert_ok(p11->C_DestroyObject(session, key));
        }
}

/* pkcs11-tool --derive asks for such keys. */
static void a_readable_session_key_with_every_use_stays_one(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key = 0, copied = 0;
    CK_ATTRIBUTE attributes[16] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef"), ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes)};
    size_t count = 5 + put_uses(attributes + 5, ENCRYPT | DECRYPT | WRAP | UNWRAP);
    assert_ok(module_create(session, attributes, count, &key));
    CK_ATTRIBUTE sensitive = ATTRIBUTE(CKA_SENSITIVE, yes), kept = ATTRIBUTE(CKA_EXTRACTABLE, no),
                 on_token = ATTRIBUTE(CKA_TOKEN, yes), label = TEXT_ATTRIBUTE(CKA_LABEL, "another");
    assert_rv(p11->C_SetAttributeValue(session, key, &sensitive, 1), CKR_TEMPLATE_INCONSISTENT);
    assert_rv(p11->C_SetAttributeValue(session, key, &kept, 1), CKR_TEMPLATE_INCONSISTENT);
    assert_rv(p11->C_CopyObject(session, key, &on_token, 1, &copied), CKR_TEMPLATE_INCONSISTENT);
    assert_rv(p11->C_CopyObject(session, key, &sensitive, 1, &copied), CKR_TEMPLATE_INCONSISTENT);
    assert_ok(p11->C_SetAttributeValue(session, key, &label, 1));
    attributes[count++] = on_token;
    assert_rv(module_create(session, attributes, count, &key), CKR_TEMPLATE_INCONSISTENT);
}

static void a_use_that_was_given_up_does_not_come_back(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE stop = ATTRIBUTE(CKA_DECRYPT, no), again = ATTRIBUTE(CKA_DECRYPT, yes),
                 wrap = ATTRIBUTE(CKA_WRAP, yes);
    assert_ok(create_with(fixture->session, ENCRYPT | DECRYPT, &key));
    assert_ok(p11->C_SetAttributeValue(fixture->session, key, &stop, 1));
    assert_rv(p11->C_SetAttributeValue(fixture->session, key, &again, 1), CKR_ATTRIBUTE_READ_ONLY);
    assert_rv(p11->C_SetAttributeValue(fixture->session, key, &wrap, 1), CKR_ATTRIBUTE_READ_ONLY);
}

static CK_ULONG uses_of(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    static const CK_ATTRIBUTE_TYPE all[] = {
        CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_SIGN, CKA_VERIFY, CKA_DERIVE};
    CK_ULONG found = 0;
    for (size_t i = 0; i < COUNT_OF(all); i++)
        found |= (CK_ULONG)module_boolean(session, key, all[i]) << i;
    return found;
}

/* Bits of uses_of. A use that no key of the type has is as good as none: pkcs11-tool generates generic secrets with
 * CKA_ENCRYPT and CKA_DECRYPT. */
static void a_template_without_uses_gets_those_of_the_keys_type(void **state)
{
    const struct module_fixture *fixture = *state;
    static const struct {
        CK_KEY_TYPE type;
        CK_ULONG expected;
        CK_ATTRIBUTE_TYPE named; /* a use that the type has */
        CK_ULONG alone;
        CK_ATTRIBUTE_TYPE other; /* one that no mechanism has with it, and its bit */
        CK_ULONG beside;
    } rows[] = {
        {CKK_AES, 1 | 2, CKA_SIGN, 16, 0, 0},
        {CKK_CHACHA20, 1 | 2, CKA_ENCRYPT, 1, CKA_SIGN, 16},
        {CKK_GENERIC_SECRET, 16 | 32 | 64, CKA_SIGN, 16, CKA_ENCRYPT, 1},
        {CKK_GENERIC_SECRET, 16 | 32 | 64, CKA_DERIVE, 64, CKA_WRAP, 4},
        {CKK_SHA256_HMAC, 16 | 32, CKA_VERIFY, 32, CKA_DECRYPT, 2},
        {CKK_HKDF, 64, CKA_DERIVE, 64, CKA_SIGN, 16},
    };
    enum { UNNAMED, DENIED, NAMED, OTHER_NAMED, OTHER_DENIED, CASES };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (int named = 0; named < CASES; named++) {
            CK_OBJECT_HANDLE key = 0;
            bool other = named >= OTHER_NAMED, denied = named == DENIED || named == OTHER_DENIED;
            CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, rows[i].type),
                TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef0123456789abcdef"),
                {other ? rows[i].other : rows[i].named, denied ? &no : &yes, 1}};
            const CK_ULONG expected[CASES] = {
                rows[i].expected, 0, rows[i].alone, rows[i].expected | rows[i].beside, rows[i].expected};
            if (other && !rows[i].other)
                continue;
            assert_ok(module_create(fixture->session, attributes, named ? 4 : 3, &key));
            assert_int_equal(uses_of(fixture->session, key), expected[named]);
        }
}

static void a_key_that_asks_for_the_pin_is_private(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE key = 0, copy = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, generic),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef"), ATTRIBUTE(CKA_ALWAYS_AUTHENTICATE, yes),
        ATTRIBUTE(CKA_PRIVATE, no)};
    CK_ATTRIBUTE open = ATTRIBUTE(CKA_PRIVATE, no), never = ATTRIBUTE(CKA_ALWAYS_AUTHENTICATE, no);
    assert_rv(module_create(fixture->session, attributes, 5, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_ok(module_create(fixture->session, attributes, 4, &key));
    assert_rv(p11->C_CopyObject(fixture->session, key, &open, 1, &copy), CKR_TEMPLATE_INCONSISTENT);
    assert_rv(p11->C_CopyObject(fixture->session, key, &never, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
    assert_rv(p11->C_SetAttributeValue(fixture->session, key, &never, 1), CKR_ATTRIBUTE_READ_ONLY);
}

static void a_key_for_trusted_keys_alone_stays_one(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE key = 0, copy = 0;
    CK_ATTRIBUTE raise = ATTRIBUTE(CKA_WRAP_WITH_TRUSTED, yes), lower = ATTRIBUTE(CKA_WRAP_WITH_TRUSTED, no);
    assert_ok(create_with(fixture->session, ENCRYPT, &key));
    assert_ok(p11->C_SetAttributeValue(fixture->session, key, &raise, 1));
    assert_rv(p11->C_SetAttributeValue(fixture->session, key, &lower, 1), CKR_ATTRIBUTE_READ_ONLY);
    assert_rv(p11->C_CopyObject(fixture->session, key, &lower, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
}

/* --- CKA_TRUSTED --- */

static CK_OBJECT_HANDLE public_wrapper(CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_VALUE_LEN, sixteen), ATTRIBUTE(CKA_TOKEN, yes),
        ATTRIBUTE(CKA_PRIVATE, no), ATTRIBUTE(CKA_WRAP, yes), ATTRIBUTE(CKA_TRUSTED, no),
        TEXT_ATTRIBUTE(CKA_LABEL, "wrapper")};
    assert_ok(p11->C_GenerateKey(session, &aes_key_gen, attributes, COUNT_OF(attributes), &key));
    return key;
}

static void the_user_trusts_nothing(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE key = public_wrapper(session), copy = 0;
    CK_ATTRIBUTE trusted = ATTRIBUTE(CKA_TRUSTED, yes), not_trusted = ATTRIBUTE(CKA_TRUSTED, no);
    CK_ATTRIBUTE template[] = {ATTRIBUTE(CKA_VALUE_LEN, sixteen), ATTRIBUTE(CKA_WRAP, yes), trusted};
    assert_rv(p11->C_GenerateKey(session, &aes_key_gen, template, 3, &copy), CKR_ATTRIBUTE_READ_ONLY);
    assert_rv(p11->C_SetAttributeValue(session, key, &trusted, 1), CKR_ATTRIBUTE_READ_ONLY);
    assert_rv(p11->C_CopyObject(session, key, &trusted, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
    assert_ok(p11->C_SetAttributeValue(session, key, &not_trusted, 1));
    assert_false(module_boolean(session, key, CKA_TRUSTED));
}

static CK_RV officer_sets(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_BBOOL value)
{
    CK_ATTRIBUTE trusted = ATTRIBUTE(CKA_TRUSTED, value);
    assert_ok(p11->C_Logout(session));
    assert_ok(module_login(session, CKU_SO, SO_PIN));
    CK_RV rv = p11->C_SetAttributeValue(session, key, &trusted, 1);
    assert_ok(p11->C_Logout(session));
    assert_ok(module_login(session, CKU_USER, USER_PIN));
    return rv;
}

static void without_recovery_the_so_trusts_nothing_either(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_OBJECT_HANDLE key = public_wrapper(fixture->session);
    assert_rv(officer_sets(fixture->session, key, CK_TRUE), CKR_ATTRIBUTE_READ_ONLY);
    assert_false(module_boolean(fixture->session, key, CKA_TRUSTED));
}

static void with_recovery_the_so_trusts_public_objects(void **state)
{
    struct module_fixture *fixture = *state;
    module_conf(fixture, "so-recovery = yes");
    module_initialize();
    module_token_make(0, true);
    CK_SESSION_HANDLE session = module_session(0, CKF_RW_SESSION);
    CK_ATTRIBUTE label = TEXT_ATTRIBUTE(CKA_LABEL, "mine"), trusted = ATTRIBUTE(CKA_TRUSTED, yes);
    assert_ok(module_login(session, CKU_USER, USER_PIN));
    CK_OBJECT_HANDLE key = public_wrapper(session), hidden = 0, copy = 0;
    assert_ok(create_with(session, WRAP, &hidden)); /* private, and the session's */
    CK_OBJECT_HANDLE data = module_data(session, true, false, "data", "x");

    assert_rv(officer_sets(session, hidden, CK_TRUE), CKR_OBJECT_HANDLE_INVALID);
    assert_rv(officer_sets(session, data, CK_TRUE), CKR_ATTRIBUTE_TYPE_INVALID);
    assert_ok(officer_sets(session, key, CK_TRUE));
    assert_int_equal(module_find_label(session, "wrapper", &key), 1); /* its row is still the token's own */
    assert_true(module_boolean(session, key, CKA_TRUSTED));
    assert_ok(p11->C_SetAttributeValue(session, key, &label, 1)); /* what is the user's to change, stays so */
    assert_ok(p11->C_CopyObject(session, key, NULL, 0, &copy));
    assert_true(module_boolean(session, copy, CKA_TRUSTED)); /* the same value */
    assert_ok(officer_sets(session, key, CK_FALSE));
    assert_false(module_boolean(session, key, CKA_TRUSTED));
    assert_rv(p11->C_SetAttributeValue(session, key, &trusted, 1), CKR_ATTRIBUTE_READ_ONLY);

    /* The SO's other writes are refused as before: the token key was open for that one change. */
    assert_ok(p11->C_Logout(session));
    assert_ok(module_login(session, CKU_SO, SO_PIN));
    assert_ok(p11->C_SetAttributeValue(session, key, &trusted, 1));
    assert_rv(p11->C_SetAttributeValue(session, key, &label, 1), CKR_USER_NOT_LOGGED_IN);
    assert_rv(p11->C_DestroyObject(session, key), CKR_USER_NOT_LOGGED_IN);
}

/* --- templates that keys carry --- */

static CK_RV carry(
    CK_SESSION_HANDLE session, CK_ATTRIBUTE_TYPE which, CK_ATTRIBUTE *inside, CK_ULONG size, CK_OBJECT_HANDLE *key)
{
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes),
        ATTRIBUTE(CKA_TOKEN, yes), TEXT_ATTRIBUTE(CKA_LABEL, "carrier"), TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef"),
        {which, inside, size}};
    return module_create(session, attributes, COUNT_OF(attributes), key);
}

static const CK_ATTRIBUTE_TYPE arrays[] = {CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE};

static void check_read(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE which)
{
    char label[16];
    CK_BBOOL sensitive = 0xee;
    CK_ULONG type = 0;
    CK_ATTRIBUTE inside[3] = {0};
    unsigned long size = 0;
    assert_ok(module_get(session, key, which, NULL, &size));
    assert_int_equal(size, sizeof inside);
    assert_ok(module_get(session, key, which, inside, &size)); /* no room inside: types and lengths */
    assert_int_equal(size, sizeof inside);
    static const CK_ULONG types[] = {CKA_LABEL, CKA_KEY_TYPE, CKA_SENSITIVE}, sizes[] = {5, sizeof(CK_ULONG), 1};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(inside[i].type, types[i]);
        assert_int_equal(inside[i].ulValueLen, sizes[i]);
    }
    inside[0].pValue = label;
    inside[1].pValue = &type;
    inside[2].pValue = &sensitive;
    assert_ok(module_get(session, key, which, inside, &size));
    assert_memory_equal(label, "child", 5);
    assert_int_equal(type, CKK_GENERIC_SECRET);
    assert_int_equal(sensitive, CK_TRUE);
    inside[0].ulValueLen = 4;
    memset(label, 0, sizeof label);
    assert_rv(module_get(session, key, which, inside, &size), CKR_BUFFER_TOO_SMALL);
    assert_int_equal(inside[0].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    assert_int_equal(label[0], 0);
    assert_int_equal(inside[1].ulValueLen, sizeof(CK_ULONG));
    size = sizeof inside - 1;
    assert_rv(module_get(session, key, which, inside, &size), CKR_BUFFER_TOO_SMALL);
    assert_int_equal(size, CK_UNAVAILABLE_INFORMATION);
}

/* Read as they were given, after a restart too, and never written anew. */
static void keys_carry_templates(void **state)
{
    struct module_fixture *fixture = *state;
    CK_ATTRIBUTE inside[] = {
        ATTRIBUTE(CKA_SENSITIVE, yes), ATTRIBUTE(CKA_KEY_TYPE, generic), TEXT_ATTRIBUTE(CKA_LABEL, "child")};
    for (size_t i = 0; i < COUNT_OF(arrays); i++) {
        CK_OBJECT_HANDLE key = 0, copy = 0;
        CK_ATTRIBUTE same = {arrays[i], inside, sizeof inside}, none = {arrays[i], NULL, 0};
        assert_ok(carry(fixture->session, arrays[i], inside, sizeof inside, &key));
        check_read(fixture->session, key, arrays[i]);
        assert_rv(p11->C_SetAttributeValue(fixture->session, key, &same, 1), CKR_ATTRIBUTE_READ_ONLY);
        assert_rv(p11->C_SetAttributeValue(fixture->session, key, &none, 1), CKR_ATTRIBUTE_READ_ONLY);
        assert_rv(p11->C_CopyObject(fixture->session, key, &none, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
        assert_ok(p11->C_Finalize(NULL));
        module_initialize();
        fixture->session = module_session(0, CKF_RW_SESSION);
        assert_ok(module_login(fixture->session, CKU_USER, USER_PIN));
        assert_int_equal(module_find_label(fixture->session, "carrier", &key), 1);
        check_read(fixture->session, key, arrays[i]);
        assert_ok(p11->C_CopyObject(fixture->session, key, NULL, 0, &copy));
        check_read(fixture->session, copy, arrays[i]);
        assert_ok(p11->C_DestroyObject(fixture->session, copy));
        assert_ok(p11->C_DestroyObject(fixture->session, key));
    }
}

static void a_template_that_is_none_is_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_ATTRIBUTE many[17], nested = ATTRIBUTE(CKA_SENSITIVE, yes);
    CK_ATTRIBUTE twice[] = {ATTRIBUTE(CKA_SENSITIVE, yes), ATTRIBUTE(CKA_SENSITIVE, yes)};
    CK_ATTRIBUTE value = TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef"), unknown = ATTRIBUTE(0x7777, yes),
                 short_number = {CKA_KEY_TYPE, &generic, 1}, no_boolean = {CKA_SENSITIVE, &sixteen, 8},
                 null = {CKA_LABEL, NULL, 3}, endless = {CKA_LABEL, &sixteen, ~0UL},
                 array = {CKA_WRAP_TEMPLATE, &nested, sizeof nested};
    static char long_text[4096];
    CK_ATTRIBUTE large = {CKA_LABEL, long_text, sizeof long_text};
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = nested;
    const struct {
        CK_ATTRIBUTE *inside;
        CK_ULONG size;
        CK_RV expected;
    } rows[] = {
        {&nested, sizeof nested - 1, CKR_ATTRIBUTE_VALUE_INVALID},
        {many, sizeof many, CKR_ATTRIBUTE_VALUE_INVALID},
        {many, ~0UL - sizeof nested + 1, CKR_ATTRIBUTE_VALUE_INVALID},
        {twice, sizeof twice, CKR_TEMPLATE_INCONSISTENT},
        {&value, sizeof value, CKR_ATTRIBUTE_VALUE_INVALID},
        {&array, sizeof array, CKR_ATTRIBUTE_VALUE_INVALID},
        {&unknown, sizeof unknown, CKR_ATTRIBUTE_TYPE_INVALID},
        {&short_number, sizeof short_number, CKR_ATTRIBUTE_VALUE_INVALID},
        {&no_boolean, sizeof no_boolean, CKR_ATTRIBUTE_VALUE_INVALID},
        {&null, sizeof null, CKR_ARGUMENTS_BAD},
        {&endless, sizeof endless, CKR_ATTRIBUTE_VALUE_INVALID},
        {&large, sizeof large, CKR_TEMPLATE_INCONSISTENT},
        {NULL, sizeof nested, CKR_ARGUMENTS_BAD},
        {NULL, 0, CKR_OK},
        {&nested, sizeof nested, CKR_OK},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CK_OBJECT_HANDLE key = 0;
        CK_RV rv = carry(fixture->session, CKA_UNWRAP_TEMPLATE, rows[i].inside, rows[i].size, &key);
        if (rv != rows[i].expected)
            fail_msg("row %zu: 0x%lx", i, rv);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(no_secret_key_is_made_with_uses_that_exclude_each_other),
        MODULE_TEST(no_use_comes_to_a_secret_key_afterwards),
        MODULE_TEST(a_readable_session_key_with_every_use_stays_one),
        MODULE_TEST(a_use_that_was_given_up_does_not_come_back),
        MODULE_TEST(a_template_without_uses_gets_those_of_the_keys_type),
        MODULE_TEST(a_key_that_asks_for_the_pin_is_private),
        MODULE_TEST(a_key_for_trusted_keys_alone_stays_one),
        MODULE_TEST(the_user_trusts_nothing),
        MODULE_TEST(without_recovery_the_so_trusts_nothing_either),
        CONF_TEST(with_recovery_the_so_trusts_public_objects),
        MODULE_TEST(keys_carry_templates),
        MODULE_TEST(a_template_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
