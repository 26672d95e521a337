/* Attacks by keys that make keys: each is tried whole, by wrapping, unwrapping and deriving, and must not come to its
 * end (Clulow, "On the security of PKCS #11", 2003; Bortolozzo and others, "Attacking and fixing PKCS#11 security
 * tokens", 2010). */
#include "module_fixture.h"

static CK_KEY_TYPE aes = CKK_AES, generic = CKK_GENERIC_SECRET;
static CK_ULONG sixteen = 16;
static CK_MECHANISM key_wrap = {CKM_AES_KEY_WRAP, NULL, 0};

/* An AES key with these attributes beside its length. */
static CK_OBJECT_HANDLE make(CK_SESSION_HANDLE session, const CK_ATTRIBUTE *more, size_t count)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[16] = {ATTRIBUTE(CKA_VALUE_LEN, sixteen)};
    for (size_t i = 0; i < count; i++)
        attributes[1 + i] = more[i];
    assert_ok(p11->C_GenerateKey(session, &mechanism, attributes, 1 + count, &key));
    return key;
}

static CK_OBJECT_HANDLE make_wrapper(CK_SESSION_HANDLE session)
{
    const CK_ATTRIBUTE uses[] = {ATTRIBUTE(CKA_WRAP, yes), ATTRIBUTE(CKA_UNWRAP, yes)};
    return make(session, uses, 2);
}

/* Extractable, and sensitive as keys are. */
static CK_OBJECT_HANDLE make_target(CK_SESSION_HANDLE session)
{
    const CK_ATTRIBUTE extractable = ATTRIBUTE(CKA_EXTRACTABLE, yes);
    return make(session, &extractable, 1);
}

struct wrapped {
    unsigned char bytes[128];
    unsigned long size;
};

static CK_RV wrap(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE key, struct wrapped *wrapped)
{
    wrapped->size = sizeof wrapped->bytes;
    return p11->C_WrapKey(session, &key_wrap, wrapping, key, wrapped->bytes, &wrapped->size);
}

static CK_RV unwrap(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE unwrapping, struct wrapped *wrapped,
    const CK_ATTRIBUTE *more, size_t count, CK_OBJECT_HANDLE *key)
{
    CK_ATTRIBUTE attributes[16] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes)};
    for (size_t i = 0; i < count; i++)
        attributes[2 + i] = more[i];
    *key = 0;
    return p11->C_UnwrapKey(session, &key_wrap, unwrapping, wrapped->bytes, wrapped->size, attributes, 2 + count, key);
}

static void what_a_key_wraps_it_does_not_decrypt(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE wrapper = make_wrapper(session);
    struct wrapped wrapped;
    CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0};
    CK_ATTRIBUTE decrypt = ATTRIBUTE(CKA_DECRYPT, yes), encrypt = ATTRIBUTE(CKA_ENCRYPT, yes);
    assert_ok(wrap(session, wrapper, make_target(session), &wrapped));
    assert_rv(p11->C_DecryptInit(session, &ecb, wrapper), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_rv(p11->C_EncryptInit(session, &ecb, wrapper), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_rv(p11->C_SetAttributeValue(session, wrapper, &decrypt, 1), CKR_ATTRIBUTE_READ_ONLY);
    assert_rv(p11->C_SetAttributeValue(session, wrapper, &encrypt, 1), CKR_ATTRIBUTE_READ_ONLY);
}

/* Wrap K under another key, take it in again as one that decrypts: then what K wrapped is in the clear. */
static void a_key_that_wraps_is_not_wrapped(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE carrier = make_wrapper(session), copy = 0;
    struct wrapped wrapped;
    static const CK_ATTRIBUTE_TYPE uses[] = {CKA_WRAP, CKA_UNWRAP};
    for (size_t i = 0; i < COUNT_OF(uses); i++) {
        const CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_EXTRACTABLE, yes), {uses[i], &yes, 1}};
        CK_OBJECT_HANDLE key = make(session, attributes, 2);
        assert_rv(wrap(session, carrier, key, &wrapped), CKR_KEY_NOT_WRAPPABLE);
        CK_ATTRIBUTE give_up = ATTRIBUTE(CKA_WRAP, no);
        if (uses[i] == CKA_WRAP) {
            assert_rv(p11->C_SetAttributeValue(session, key, &give_up, 1), CKR_ATTRIBUTE_READ_ONLY);
            assert_rv(p11->C_CopyObject(session, key, &give_up, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
            assert_ok(p11->C_CopyObject(session, key, NULL, 0, &copy));
            assert_rv(wrap(session, carrier, copy, &wrapped), CKR_KEY_NOT_WRAPPABLE);
        }
    }
}

static void what_may_not_leave_is_not_wrapped(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    const CK_ATTRIBUTE trusted_only[] = {ATTRIBUTE(CKA_EXTRACTABLE, yes), ATTRIBUTE(CKA_WRAP_WITH_TRUSTED, yes)};
    CK_OBJECT_HANDLE wrapper = make_wrapper(session), data = module_data(session, false, true, "data", "x");
    struct wrapped wrapped;
    assert_rv(wrap(session, wrapper, make(session, NULL, 0), &wrapped), CKR_KEY_UNEXTRACTABLE);
    assert_rv(wrap(session, wrapper, make(session, trusted_only, 2), &wrapped), CKR_KEY_NOT_WRAPPABLE);
    assert_rv(wrap(session, wrapper, data, &wrapped), CKR_KEY_NOT_WRAPPABLE);
    assert_rv(wrap(session, wrapper, 0, &wrapped), CKR_KEY_HANDLE_INVALID);
    assert_rv(wrap(session, data, make_target(session), &wrapped), CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
    assert_rv(wrap(session, 0, make_target(session), &wrapped), CKR_WRAPPING_KEY_HANDLE_INVALID);
    assert_rv(wrap(session, make(session, NULL, 0), make_target(session), &wrapped), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

/* --- in again --- */

static void a_key_comes_in_as_the_standard_says(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE wrapper = make_wrapper(session), key = 0;
    struct wrapped wrapped;
    assert_ok(wrap(session, wrapper, make_target(session), &wrapped));
    assert_ok(unwrap(session, wrapper, &wrapped, NULL, 0, &key));
    assert_true(module_boolean(session, key, CKA_SENSITIVE));
    assert_true(module_boolean(session, key, CKA_EXTRACTABLE));
    assert_false(module_boolean(session, key, CKA_ALWAYS_SENSITIVE));
    assert_false(module_boolean(session, key, CKA_NEVER_EXTRACTABLE));
    assert_false(module_boolean(session, key, CKA_LOCAL));
}

static void a_sensitive_key_does_not_come_back_readable(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE wrapper = make_wrapper(session), key = 0;
    struct wrapped wrapped;
    unsigned char value[64];
    unsigned long size = sizeof value;
    const CK_ATTRIBUTE open[] = {ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes)},
                       shut[] = {ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, no)};
    assert_ok(wrap(session, wrapper, make_target(session), &wrapped));
    assert_rv(unwrap(session, wrapper, &wrapped, open, 2, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_rv(unwrap(session, wrapper, &wrapped, open, 1, &key), CKR_TEMPLATE_INCONSISTENT); /* the default */
    assert_ok(unwrap(session, wrapper, &wrapped, shut, 2, &key)); /* as pkcs11-tool asks for it */
    assert_rv(module_get(session, key, CKA_VALUE, value, &size), CKR_ATTRIBUTE_SENSITIVE);
    CK_ATTRIBUTE extractable = ATTRIBUTE(CKA_EXTRACTABLE, yes);
    assert_rv(p11->C_SetAttributeValue(session, key, &extractable, 1), CKR_ATTRIBUTE_READ_ONLY);
}

/* A wrapping key that anybody may read protects nothing: what it brings in may be read as well. */
static void a_readable_key_brings_in_readable_keys(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE wrapper = 0, target = 0, key = 0;
    CK_ATTRIBUTE known[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef"), ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, yes),
        ATTRIBUTE(CKA_WRAP, yes), ATTRIBUTE(CKA_UNWRAP, yes)};
    struct wrapped wrapped;
    unsigned char value[64];
    unsigned long size = sizeof value;
    assert_ok(module_create(session, known, 7, &wrapper));
    assert_ok(module_create(session, known, 5, &target));
    assert_ok(wrap(session, wrapper, target, &wrapped));
    assert_ok(unwrap(session, wrapper, &wrapped, known + 3, 2, &key));
    assert_ok(module_get(session, key, CKA_VALUE, value, &size));
    assert_int_equal(size, 16);
    assert_memory_equal(value, "0123456789abcdef", 16);
}

static void a_key_comes_in_with_no_uses_that_exclude_each_other(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_OBJECT_HANDLE wrapper = make_wrapper(session), key = 0;
    struct wrapped wrapped;
    const CK_ATTRIBUTE wrap_decrypt[] = {ATTRIBUTE(CKA_WRAP, yes), ATTRIBUTE(CKA_DECRYPT, yes)},
                       unwrap_encrypt[] = {ATTRIBUTE(CKA_UNWRAP, yes), ATTRIBUTE(CKA_ENCRYPT, yes)},
                       trusted[] = {ATTRIBUTE(CKA_TRUSTED, yes)}, always[] = {ATTRIBUTE(CKA_ALWAYS_SENSITIVE, yes)},
                       value[] = {TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef")};
    assert_ok(wrap(session, wrapper, make_target(session), &wrapped));
    assert_rv(unwrap(session, wrapper, &wrapped, wrap_decrypt, 2, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_rv(unwrap(session, wrapper, &wrapped, unwrap_encrypt, 2, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_rv(unwrap(session, wrapper, &wrapped, trusted, 1, &key), CKR_ATTRIBUTE_READ_ONLY);
    assert_rv(unwrap(session, wrapper, &wrapped, always, 1, &key), CKR_ATTRIBUTE_READ_ONLY);
    assert_rv(unwrap(session, wrapper, &wrapped, value, 1, &key), CKR_TEMPLATE_INCONSISTENT);
}

/* --- the templates that wrapping keys carry --- */

static void a_wrap_template_chooses_what_is_wrapped(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_ATTRIBUTE inside[] = {
        TEXT_ATTRIBUTE(CKA_LABEL, "to leave"), ATTRIBUTE(CKA_KEY_TYPE, aes), ATTRIBUTE(CKA_SENSITIVE, yes)};
    const CK_ATTRIBUTE chooser[] = {ATTRIBUTE(CKA_WRAP, yes), {CKA_WRAP_TEMPLATE, inside, sizeof inside}};
    const CK_ATTRIBUTE named[] = {ATTRIBUTE(CKA_EXTRACTABLE, yes), inside[0]},
                       other[] = {ATTRIBUTE(CKA_EXTRACTABLE, yes), TEXT_ATTRIBUTE(CKA_LABEL, "to leav")},
                       open[] = {ATTRIBUTE(CKA_EXTRACTABLE, yes), inside[0], ATTRIBUTE(CKA_SENSITIVE, no)};
    CK_OBJECT_HANDLE wrapper = make(session, chooser, 2);
    struct wrapped wrapped;
    assert_ok(wrap(session, wrapper, make(session, named, 2), &wrapped));
    assert_rv(wrap(session, wrapper, make(session, other, 2), &wrapped), CKR_KEY_HANDLE_INVALID);
    assert_rv(wrap(session, wrapper, make(session, open, 3), &wrapped), CKR_KEY_HANDLE_INVALID);
    assert_rv(wrap(session, wrapper, make_target(session), &wrapped), CKR_KEY_HANDLE_INVALID);
}

static void an_unwrap_template_is_added_and_enforced(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_ATTRIBUTE inside[] = {
        ATTRIBUTE(CKA_EXTRACTABLE, no), TEXT_ATTRIBUTE(CKA_LABEL, "brought"), ATTRIBUTE(CKA_SENSITIVE, yes)};
    const CK_ATTRIBUTE strict[] = {
        ATTRIBUTE(CKA_WRAP, yes), ATTRIBUTE(CKA_UNWRAP, yes), {CKA_UNWRAP_TEMPLATE, inside, sizeof inside}};
    const CK_ATTRIBUTE weaker[] = {ATTRIBUTE(CKA_EXTRACTABLE, yes)}, same[] = {ATTRIBUTE(CKA_EXTRACTABLE, no)},
                       other[] = {TEXT_ATTRIBUTE(CKA_LABEL, "mine")}, open[] = {ATTRIBUTE(CKA_SENSITIVE, no)};
    CK_OBJECT_HANDLE wrapper = make(session, strict, 3), key = 0;
    struct wrapped wrapped;
    assert_ok(wrap(session, wrapper, make_target(session), &wrapped));
    assert_rv(unwrap(session, wrapper, &wrapped, weaker, 1, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_rv(unwrap(session, wrapper, &wrapped, other, 1, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_rv(unwrap(session, wrapper, &wrapped, open, 1, &key), CKR_TEMPLATE_INCONSISTENT);
    for (size_t named = 0; named < 2; named++) {
        assert_ok(unwrap(session, wrapper, &wrapped, same, named, &key));
        assert_false(module_boolean(session, key, CKA_EXTRACTABLE));
        assert_true(module_boolean(session, key, CKA_SENSITIVE));
        assert_true(module_has_text(session, key, CKA_LABEL, "brought"));
    }
}

/* --- trusted wrapping keys --- */

static void as_officer(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_ATTRIBUTE trusted = ATTRIBUTE(CKA_TRUSTED, yes);
    assert_ok(p11->C_Logout(session));
    assert_ok(module_login(session, CKU_SO, SO_PIN));
    assert_ok(p11->C_SetAttributeValue(session, key, &trusted, 1));
    assert_ok(p11->C_Logout(session));
    assert_ok(module_login(session, CKU_USER, USER_PIN));
}

static void a_trusted_key_wraps_what_is_kept_for_it_and_keeps_it_so(void **state)
{
    const struct module_fixture *fixture = *state;
    module_conf(fixture, "so-recovery = yes");
    module_initialize();
    module_token_make(0, true);
    CK_SESSION_HANDLE session = module_session(0, CKF_RW_SESSION);
    assert_ok(module_login(session, CKU_USER, USER_PIN));
    const CK_ATTRIBUTE public_wrapper[] = {
        ATTRIBUTE(CKA_TOKEN, yes), ATTRIBUTE(CKA_PRIVATE, no), ATTRIBUTE(CKA_WRAP, yes), ATTRIBUTE(CKA_UNWRAP, yes)};
    const CK_ATTRIBUTE kept[] = {ATTRIBUTE(CKA_EXTRACTABLE, yes), ATTRIBUTE(CKA_WRAP_WITH_TRUSTED, yes)},
                       wraps[] = {ATTRIBUTE(CKA_EXTRACTABLE, yes), ATTRIBUTE(CKA_WRAP, yes)},
                       loose[] = {ATTRIBUTE(CKA_WRAP_WITH_TRUSTED, no)};
    CK_OBJECT_HANDLE trusted = make(session, public_wrapper, 4), key = 0;
    struct wrapped wrapped;
    assert_rv(wrap(session, trusted, make(session, kept, 2), &wrapped), CKR_KEY_NOT_WRAPPABLE);
    as_officer(session, trusted);
    assert_ok(wrap(session, trusted, make(session, wraps, 2), &wrapped)); /* of two keys that wrap, one is trusted */
    assert_ok(wrap(session, trusted, make(session, kept, 2), &wrapped));
    assert_rv(unwrap(session, trusted, &wrapped, loose, 1, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_ok(unwrap(session, trusted, &wrapped, NULL, 0, &key));
    assert_true(module_boolean(session, key, CKA_WRAP_WITH_TRUSTED));
    assert_rv(wrap(session, make_wrapper(session), key, &wrapped), CKR_KEY_NOT_WRAPPABLE);
}

/* --- derivation --- */

/* Joined to known data, cut to a byte: a base key that may not be read is not read in pieces. */
static void a_key_does_not_come_apart_by_derivation(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    unsigned char data[1] = {0};
    CK_KEY_DERIVATION_STRING_DATA parameter = {data, sizeof data};
    CK_MECHANISM mechanism = {CKM_CONCATENATE_BASE_AND_DATA, &parameter, sizeof parameter};
    CK_ULONG one = 1;
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE inside[] = {TEXT_ATTRIBUTE(CKA_LABEL, "derived")};
    CK_ATTRIBUTE base_template[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, generic),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef"), ATTRIBUTE(CKA_DERIVE, yes),
        {CKA_DERIVE_TEMPLATE, inside, sizeof inside}};
    CK_ATTRIBUTE open[] = {ATTRIBUTE(CKA_SENSITIVE, no), ATTRIBUTE(CKA_EXTRACTABLE, no)},
                 leaving[] = {ATTRIBUTE(CKA_EXTRACTABLE, yes)}, piece[] = {ATTRIBUTE(CKA_VALUE_LEN, one)},
                 other[] = {TEXT_ATTRIBUTE(CKA_LABEL, "mine")},
                 conflict[] = {ATTRIBUTE(CKA_KEY_TYPE, aes), ATTRIBUTE(CKA_WRAP, yes), ATTRIBUTE(CKA_DECRYPT, yes)};
    CK_OBJECT_HANDLE base = 0;
    assert_ok(module_create(session, base_template, COUNT_OF(base_template), &base));
    assert_rv(p11->C_DeriveKey(session, &mechanism, base, open, 2, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_rv(p11->C_DeriveKey(session, &mechanism, base, leaving, 1, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_rv(p11->C_DeriveKey(session, &mechanism, base, other, 1, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_rv(p11->C_DeriveKey(session, &mechanism, base, conflict, 3, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_rv(p11->C_DeriveKey(session, &mechanism, base, piece, 1, &key), CKR_TEMPLATE_INCONSISTENT);
    assert_ok(p11->C_DeriveKey(session, &mechanism, base, NULL, 0, &key));
    assert_true(module_boolean(session, key, CKA_SENSITIVE));
    assert_false(module_boolean(session, key, CKA_EXTRACTABLE));
    assert_true(module_has_text(session, key, CKA_LABEL, "derived"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(what_a_key_wraps_it_does_not_decrypt),
        MODULE_TEST(a_key_that_wraps_is_not_wrapped),
        MODULE_TEST(what_may_not_leave_is_not_wrapped),
        MODULE_TEST(a_key_comes_in_as_the_standard_says),
        MODULE_TEST(a_sensitive_key_does_not_come_back_readable),
        MODULE_TEST(a_readable_key_brings_in_readable_keys),
        MODULE_TEST(a_key_comes_in_with_no_uses_that_exclude_each_other),
        MODULE_TEST(a_wrap_template_chooses_what_is_wrapped),
        MODULE_TEST(an_unwrap_template_is_added_and_enforced),
        CONF_TEST(a_trusted_key_wraps_what_is_kept_for_it_and_keeps_it_so),
        MODULE_TEST(a_key_does_not_come_apart_by_derivation),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
