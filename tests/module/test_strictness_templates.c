/* Templates that are wrong, given to every function that takes one: each wrong attribute has the code of chapter 4.1.1,
 * whichever function it is given to, and nothing is made. */
#include "module_fixture.h"

#include <stdio.h>

static CK_KEY_TYPE aes = CKK_AES, no_type = 0x7654321;
static CK_OBJECT_CLASS no_class = 0x7654321, class_profile = CKO_PROFILE;
static CK_ULONG sixteen = 16, two_thousand = 2048;
static CK_BBOOL neither = 2;
static char text[] = "text";
static unsigned char wrapped[64];
static unsigned long wrapped_size, sealed_size, ciphertext_size;
static unsigned char sealed[64], tag[16], ciphertext[128];

/* What each function is called with, beside the wrong attributes: they come last, or replace those of their type. */
struct call {
    const char *name;
    CK_RV (*call)(const struct module_fixture *fixture, CK_ATTRIBUTE *attributes, CK_ULONG count);
};

static CK_OBJECT_HANDLE made, other, wrapper, base, source, public_key, private_key;
static unsigned char p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}; /* RFC 5480 */

enum { TEMPLATE_MOST = 24 };
struct filled {
    CK_ATTRIBUTE attributes[TEMPLATE_MOST];
    CK_ULONG count;
};

/* The standing attributes that `more` does not name, and `more`. */
static struct filled fill(const CK_ATTRIBUTE *standing, size_t standing_count, const CK_ATTRIBUTE *more, CK_ULONG count)
{
    struct filled filled = {.count = 0};
    for (size_t i = 0; i < standing_count; i++) {
        bool named = false;
        for (CK_ULONG j = 0; j < count; j++)
            named |= more[j].type == standing[i].type;
        if (!named)
            filled.attributes[filled.count++] = standing[i];
    }
    for (CK_ULONG j = 0; j < count; j++)
        filled.attributes[filled.count++] = more[j];
    return filled;
}

static CK_RV create(const struct module_fixture *fixture, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    const CK_ATTRIBUTE standing[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef")};
    struct filled filled = fill(standing, 3, attributes, count);
    return p11->C_CreateObject(fixture->session, filled.attributes, filled.count, &made);
}

static CK_RV generate(const struct module_fixture *fixture, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    const CK_ATTRIBUTE standing[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_VALUE_LEN, sixteen)};
    struct filled filled = fill(standing, 2, attributes, count);
    return p11->C_GenerateKey(fixture->session, &mechanism, filled.attributes, filled.count, &made);
}

static CK_RV generate_private(const struct module_fixture *fixture, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public_template[] = {ATTRIBUTE(CKA_MODULUS_BITS, two_thousand)};
    return p11->C_GenerateKeyPair(fixture->session, &mechanism, public_template, 1, attributes, count, &made, &other);
}

/* Of the public half; what it has not, is not asked for here. */
static CK_RV generate_public(const struct module_fixture *fixture, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    const CK_ATTRIBUTE standing[] = {ATTRIBUTE(CKA_EC_PARAMS, p256)};
    struct filled filled = fill(standing, 1, attributes, count);
    return p11->C_GenerateKeyPair(
        fixture->session, &mechanism, filled.attributes, filled.count, NULL, 0, &made, &other);
}

static CK_RV unwrap(const struct module_fixture *fixture, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP, NULL, 0};
    const CK_ATTRIBUTE standing[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes)};
    struct filled filled = fill(standing, 2, attributes, count);
    return p11->C_UnwrapKey(
        fixture->session, &mechanism, wrapper, wrapped, wrapped_size, filled.attributes, filled.count, &made);
}

static CK_GCM_MESSAGE_PARAMS message(void)
{
    static unsigned char nonce[12];
    return (CK_GCM_MESSAGE_PARAMS){nonce, sizeof nonce, 0, CKG_NO_GENERATE, tag, 8 * sizeof tag};
}

static CK_RV unwrap_authenticated(const struct module_fixture *fixture, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CK_GCM_MESSAGE_PARAMS params = message();
    CK_MECHANISM mechanism = {CKM_AES_GCM, &params, sizeof params};
    const CK_ATTRIBUTE standing[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes)};
    struct filled filled = fill(standing, 2, attributes, count);
    return p11_32->C_UnwrapKeyAuthenticated(
        fixture->session, &mechanism, wrapper, sealed, sealed_size, filled.attributes, filled.count, NULL, 0, &made);
}

static CK_RV encapsulate(const struct module_fixture *fixture, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CK_ECDH1_DERIVE_PARAMS params = {.kdf = CKD_NULL};
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &params, sizeof params};
    const CK_ATTRIBUTE standing[] = {
        ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes), ATTRIBUTE(CKA_VALUE_LEN, sixteen)};
    struct filled filled = fill(standing, 3, attributes, count);
    ciphertext_size = sizeof ciphertext;
    return p11_32->C_EncapsulateKey(
        fixture->session, &mechanism, public_key, filled.attributes, filled.count, ciphertext, &ciphertext_size, &made);
}

static CK_RV decapsulate(const struct module_fixture *fixture, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CK_ECDH1_DERIVE_PARAMS params = {.kdf = CKD_NULL};
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &params, sizeof params};
    const CK_ATTRIBUTE standing[] = {
        ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes), ATTRIBUTE(CKA_VALUE_LEN, sixteen)};
    struct filled filled = fill(standing, 3, attributes, count);
    return p11_32->C_DecapsulateKey(
        fixture->session, &mechanism, private_key, filled.attributes, filled.count, ciphertext, ciphertext_size, &made);
}

static CK_RV derive(const struct module_fixture *fixture, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CK_KEY_DERIVATION_STRING_DATA data = {(unsigned char *)text, 4};
    CK_MECHANISM mechanism = {CKM_CONCATENATE_BASE_AND_DATA, &data, sizeof data};
    return p11->C_DeriveKey(fixture->session, &mechanism, base, attributes, count, &made);
}

static CK_RV copy(const struct module_fixture *fixture, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    return p11->C_CopyObject(fixture->session, source, attributes, count, &made);
}

static CK_RV change(const struct module_fixture *fixture, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    return p11->C_SetAttributeValue(fixture->session, source, attributes, count);
}

/* By column: the functions that make a key by these names. */
static const struct call calls[] = {
    {"C_CreateObject", create},
    {"C_GenerateKey", generate},
    {"C_GenerateKeyPair", generate_private},
    {"C_UnwrapKey", unwrap},
    {"C_UnwrapKeyAuthenticated", unwrap_authenticated},
    {"C_EncapsulateKey", encapsulate},
    {"C_DecapsulateKey", decapsulate},
    {"C_DeriveKey", derive},
    {"C_CopyObject", copy},
    {"C_SetAttributeValue", change},
};
enum { CALLS = COUNT_OF(calls), CREATE = 0, GENERATE = 1, PRIVATE = 2, COPY = CALLS - 2 };
static const struct call public_half = {"C_GenerateKeyPair, of the public half", generate_public};

static void make_keys(const struct module_fixture *fixture)
{
    CK_SESSION_HANDLE session = fixture->session;
    CK_MECHANISM key_wrap = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_ATTRIBUTE attributes[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef"), ATTRIBUTE(CKA_WRAP, yes), ATTRIBUTE(CKA_UNWRAP, yes)};
    CK_ATTRIBUTE plain[] = {
        attributes[0], attributes[1], attributes[2], ATTRIBUTE(CKA_EXTRACTABLE, yes), ATTRIBUTE(CKA_DERIVE, yes)};
    assert_ok(module_create(session, attributes, 5, &wrapper));
    assert_ok(module_create(session, plain, 5, &source));
    CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
    plain[1].pValue = &generic;
    assert_ok(module_create(session, plain, 5, &base));
    wrapped_size = sizeof wrapped;
    assert_ok(p11->C_WrapKey(session, &key_wrap, wrapper, source, wrapped, &wrapped_size));
    CK_GCM_MESSAGE_PARAMS params = message();
    CK_MECHANISM gcm = {CKM_AES_GCM, &params, sizeof params}, pair = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    sealed_size = sizeof sealed;
    assert_ok(p11_32->C_WrapKeyAuthenticated(session, &gcm, wrapper, source, NULL, 0, sealed, &sealed_size));
    CK_ATTRIBUTE encapsulates[] = {ATTRIBUTE(CKA_EC_PARAMS, p256), ATTRIBUTE(CKA_ENCAPSULATE, yes)},
                 decapsulates[] = {ATTRIBUTE(CKA_DECAPSULATE, yes)};
    assert_ok(p11->C_GenerateKeyPair(session, &pair, encapsulates, 2, decapsulates, 1, &public_key, &private_key));
}

/* What is refused below is refused for what was wrong: without it each of them makes a key. */
static void what_is_right_is_taken(void **state)
{
    const struct module_fixture *fixture = *state;
    make_keys(fixture);
    CK_ATTRIBUTE right = ATTRIBUTE(CKA_PRIVATE, yes);
    for (size_t call = 0; call < COPY; call++) {
        CK_RV rv = calls[call].call(fixture, &right, 1);
        if (rv != CKR_OK)
            fail_msg("%s: 0x%lx", calls[call].name, rv);
    }
    assert_ok(copy(fixture, &right, 1));
    assert_ok(public_half.call(fixture, NULL, 0));
}

static void check_call(const struct module_fixture *fixture, const struct call *call, const char *what,
    CK_ATTRIBUTE *attributes, CK_ULONG count, CK_RV expected)
{
    made = 0;
    unsigned long before = module_find(fixture->session, NULL, 0, NULL);
    CK_RV rv = call->call(fixture, attributes, count);
    if (rv != expected)
        fail_msg("%s, %s: 0x%lx instead of 0x%lx", call->name, what, rv, expected);
    if (rv != CKR_OK) {
        assert_int_equal(made, 0);
        assert_int_equal(module_find(fixture->session, NULL, 0, NULL), before);
    }
}

static void check(const struct module_fixture *fixture, size_t call, const char *what, CK_ATTRIBUTE *attributes,
    CK_ULONG count, CK_RV expected)
{
    check_call(fixture, &calls[call], what, attributes, count, expected);
}

/* The form of an attribute is judged before anything else, and by all in the same way. */
static void the_form_is_judged_by_every_function_alike(void **state)
{
    const struct module_fixture *fixture = *state;
    struct {
        const char *what;
        CK_ATTRIBUTE attributes[2];
        CK_ULONG count;
        CK_RV expected;
    } rows[] = {
        {"unknown", {{0x7654321, text, 4}}, 1, CKR_ATTRIBUTE_TYPE_INVALID},
        {"unknown of a vendor", {{CKA_VENDOR_DEFINED | 0x77777, text, 4}}, 1, CKR_ATTRIBUTE_TYPE_INVALID},
        {"a boolean of no bytes", {{CKA_SENSITIVE, &yes, 0}}, 1, CKR_ATTRIBUTE_VALUE_INVALID},
        {"a boolean of eight bytes", {{CKA_SENSITIVE, &sixteen, 8}}, 1, CKR_ATTRIBUTE_VALUE_INVALID},
        {"a boolean that is neither", {{CKA_SENSITIVE, &neither, 1}}, 1, CKR_ATTRIBUTE_VALUE_INVALID},
        {"a number of one byte", {{CKA_KEY_TYPE, &aes, 1}}, 1, CKR_ATTRIBUTE_VALUE_INVALID},
        {"a number of four bytes", {{CKA_KEY_TYPE, &aes, 4}}, 1, CKR_ATTRIBUTE_VALUE_INVALID},
        {"half a mechanism", {{CKA_ALLOWED_MECHANISMS, &sixteen, 4}}, 1, CKR_ATTRIBUTE_VALUE_INVALID},
        {"a length that is unavailable", {{CKA_LABEL, text, CK_UNAVAILABLE_INFORMATION}}, 1,
            CKR_ATTRIBUTE_VALUE_INVALID},
        {"NULL with a length", {{CKA_LABEL, NULL, 4}}, 1, CKR_ARGUMENTS_BAD},
        {"twice the same", {{CKA_LABEL, text, 4}, {CKA_LABEL, text, 4}}, 2, CKR_TEMPLATE_INCONSISTENT},
        {"twice, with other values", {{CKA_LABEL, text, 4}, {CKA_LABEL, text, 3}}, 2, CKR_TEMPLATE_INCONSISTENT},
    };
    make_keys(fixture);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t call = 0; call <= CALLS; call++)
            check_call(fixture, call < CALLS ? &calls[call] : &public_half, rows[i].what, rows[i].attributes,
                rows[i].count, rows[i].expected);
}

/* What the module alone says of a key, and what only the SO says. */
static void no_function_takes_what_the_module_says_of_keys(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_ATTRIBUTE rows[] = {ATTRIBUTE(CKA_LOCAL, yes), ATTRIBUTE(CKA_ALWAYS_SENSITIVE, yes),
        ATTRIBUTE(CKA_NEVER_EXTRACTABLE, yes), {CKA_KEY_GEN_MECHANISM, &sixteen, 8}, {CKA_UNIQUE_ID, text, 4}};
    make_keys(fixture);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t call = 0; call < CALLS; call++) {
            char what[32];
            (void)snprintf(what, sizeof what, "attribute 0x%lx", rows[i].type);
            check(fixture, call, what, &rows[i], 1, CKR_ATTRIBUTE_READ_ONLY);
        }
}

/* A class or a type that is another one, or none; a value where the mechanism makes it; what another class has. */
static void contradictions_are_refused(void **state)
{
    const struct module_fixture *fixture = *state;
    enum { ALIKE = 0xffff };
    struct {
        const char *what;
        CK_ATTRIBUTE attribute;
        CK_RV create, make, afterwards; /* by C_CreateObject; by a mechanism; by a change or in a copy */
    } rows[] = {
        {"another class", ATTRIBUTE(CKA_CLASS, class_public), CKR_TEMPLATE_INCONSISTENT, CKR_TEMPLATE_INCONSISTENT,
            CKR_ATTRIBUTE_READ_ONLY},
        {"a class that is none", ATTRIBUTE(CKA_CLASS, no_class), CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT,
            CKR_ATTRIBUTE_READ_ONLY},
        {"a class of the module's own", ATTRIBUTE(CKA_CLASS, class_profile), CKR_ATTRIBUTE_VALUE_INVALID,
            CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_READ_ONLY},
        {"what data have", {CKA_APPLICATION, text, 4}, CKR_TEMPLATE_INCONSISTENT, CKR_TEMPLATE_INCONSISTENT,
            CKR_ATTRIBUTE_TYPE_INVALID},
        {"what certificates have", {CKA_ISSUER, text, 4}, CKR_TEMPLATE_INCONSISTENT, CKR_TEMPLATE_INCONSISTENT,
            CKR_ATTRIBUTE_TYPE_INVALID},
        {"a value", {CKA_VALUE, text, 4}, CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT,
            CKR_ATTRIBUTE_READ_ONLY},
    };
    make_keys(fixture);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t call = 0; call < CALLS; call++)
            check(fixture, call, rows[i].what, &rows[i].attribute, 1,
                call == CREATE ? rows[i].create
                : call < COPY  ? rows[i].make
                               : rows[i].afterwards);
    CK_ATTRIBUTE type = ATTRIBUTE(CKA_KEY_TYPE, no_type);
    check(fixture, CREATE, "a type that is none", &type, 1, CKR_ATTRIBUTE_VALUE_INVALID);
    check(fixture, GENERATE, "a type that is none", &type, 1, CKR_TEMPLATE_INCONSISTENT);
    check(fixture, PRIVATE, "a type that is none", &type, 1, CKR_TEMPLATE_INCONSISTENT);
    check_call(fixture, &public_half, "a type that is none", &type, 1, CKR_TEMPLATE_INCONSISTENT);
    /* a public half has no secret's attributes, and no values: the mechanism makes them */
    CK_ATTRIBUTE foreign[] = {ATTRIBUTE(CKA_CLASS, class_private), ATTRIBUTE(CKA_SENSITIVE, yes),
        ATTRIBUTE(CKA_EXTRACTABLE, yes), ATTRIBUTE(CKA_SIGN, yes), ATTRIBUTE(CKA_DECRYPT, yes), {CKA_VALUE, text, 4},
        {CKA_EC_POINT, text, 4}, {CKA_APPLICATION, text, 4}};
    for (size_t i = 0; i < COUNT_OF(foreign); i++)
        check_call(fixture, &public_half, "what it has not", &foreign[i], 1, CKR_TEMPLATE_INCONSISTENT);
    CK_ATTRIBUTE own[] = {ATTRIBUTE(CKA_LOCAL, yes), {CKA_UNIQUE_ID, text, 4}, ATTRIBUTE(CKA_TRUSTED, yes)};
    for (size_t i = 0; i < COUNT_OF(own); i++)
        check_call(fixture, &public_half, "what the module or the SO says", &own[i], 1, CKR_ATTRIBUTE_READ_ONLY);
}

static void what_is_missing_is_asked_for(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE session = fixture->session;
    CK_MECHANISM aes_gen = {CKM_AES_KEY_GEN, NULL, 0}, rsa_gen = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0},
                 ec_gen = {CKM_EC_KEY_PAIR_GEN, NULL, 0}, key_wrap = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_ATTRIBUTE whole[] = {ATTRIBUTE(CKA_CLASS, class_secret), ATTRIBUTE(CKA_KEY_TYPE, aes),
        TEXT_ATTRIBUTE(CKA_VALUE, "0123456789abcdef")};
    make_keys(fixture);
    for (size_t left_out = 0; left_out < 3; left_out++) {
        CK_ATTRIBUTE some[3];
        size_t count = 0;
        for (size_t i = 0; i < 3; i++)
            if (i != left_out)
                some[count++] = whole[i];
        assert_rv(module_create(session, some, count, &made), CKR_TEMPLATE_INCOMPLETE);
    }
    assert_rv(p11->C_CreateObject(session, whole, 0, &made), CKR_TEMPLATE_INCOMPLETE);
    assert_rv(p11->C_GenerateKey(session, &aes_gen, NULL, 0, &made), CKR_TEMPLATE_INCOMPLETE);
    assert_rv(p11->C_GenerateKeyPair(session, &rsa_gen, NULL, 0, NULL, 0, &made, &other), CKR_TEMPLATE_INCOMPLETE);
    assert_rv(p11->C_GenerateKeyPair(session, &ec_gen, NULL, 0, NULL, 0, &made, &other), CKR_TEMPLATE_INCOMPLETE);
    for (CK_ULONG count = 0; count < 2; count++)
        assert_rv(p11->C_UnwrapKey(session, &key_wrap, wrapper, wrapped, wrapped_size, whole, count, &made),
            CKR_TEMPLATE_INCOMPLETE);
    assert_ok(p11->C_UnwrapKey(session, &key_wrap, wrapper, wrapped, wrapped_size, whole, 2, &made));
}

/* Read-only sessions, and objects that are not to be changed. */
static void sessions_and_objects_that_do_not_change(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_SESSION_HANDLE reader = module_session(0, 0);
    CK_ATTRIBUTE on_token[] = {ATTRIBUTE(CKA_TOKEN, yes)}, label[] = {TEXT_ATTRIBUTE(CKA_LABEL, text)};
    make_keys(fixture);
    const struct module_fixture reading = {.session = reader};
    for (size_t call = 0; call < CALLS - 1; call++)
        check(&reading, call, "on the token", on_token, 1, CKR_SESSION_READ_ONLY);
    CK_OBJECT_HANDLE kept = module_data(fixture->session, true, false, "kept", "x");
    assert_rv(p11->C_SetAttributeValue(reader, kept, label, 1), CKR_SESSION_READ_ONLY);
    assert_rv(p11->C_DestroyObject(reader, kept), CKR_SESSION_READ_ONLY);
    CK_ATTRIBUTE fixed[] = {ATTRIBUTE(CKA_CLASS, class_data), ATTRIBUTE(CKA_MODIFIABLE, no),
        ATTRIBUTE(CKA_COPYABLE, no), ATTRIBUTE(CKA_DESTROYABLE, no)};
    CK_OBJECT_HANDLE object = 0;
    assert_ok(module_create(fixture->session, fixed, 4, &object));
    assert_rv(p11->C_SetAttributeValue(fixture->session, object, label, 1), CKR_ACTION_PROHIBITED);
    assert_rv(p11->C_CopyObject(fixture->session, object, NULL, 0, &made), CKR_ACTION_PROHIBITED);
    assert_rv(p11->C_DestroyObject(fixture->session, object), CKR_ACTION_PROHIBITED);
}

/* One attribute that can't be had does not keep the others. */
static void what_can_be_read_is_read_beside_what_cannot(void **state)
{
    const struct module_fixture *fixture = *state;
    CK_KEY_TYPE type = 0;
    char short_label[2] = "??";
    make_keys(fixture);
    CK_ATTRIBUTE label = {CKA_LABEL, text, 4};
    assert_ok(p11->C_SetAttributeValue(fixture->session, source, &label, 1));
    CK_ATTRIBUTE rows[] = {{CKA_VALUE, NULL, 0}, {0x7654321, NULL, 0}, {CKA_MODULUS, NULL, 0},
        {CKA_LABEL, short_label, 2}, {CKA_KEY_TYPE, &type, sizeof type}, {CKA_LABEL, NULL, 77}};
    CK_RV rv = p11->C_GetAttributeValue(fixture->session, source, rows, COUNT_OF(rows));
    assert_true(rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_BUFFER_TOO_SMALL);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(rows[i].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    assert_memory_equal(short_label, "??", 2);
    assert_int_equal(type, CKK_AES);
    assert_int_equal(rows[5].ulValueLen, 4);
    static const CK_RV alone[] = {
        CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_TYPE_INVALID, CKR_BUFFER_TOO_SMALL};
    rows[3].ulValueLen = 2;
    for (size_t i = 0; i < COUNT_OF(alone); i++)
        assert_rv(p11->C_GetAttributeValue(fixture->session, source, &rows[i], 1), alone[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(what_is_right_is_taken),
        MODULE_TEST(the_form_is_judged_by_every_function_alike),
        MODULE_TEST(no_function_takes_what_the_module_says_of_keys),
        MODULE_TEST(contradictions_are_refused),
        MODULE_TEST(what_is_missing_is_asked_for),
        MODULE_TEST(sessions_and_objects_that_do_not_change),
        MODULE_TEST(what_can_be_read_is_read_beside_what_cannot),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
