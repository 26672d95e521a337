/* Reading attributes and searching objects: what is given out and found, and in which order of calls. */
#include "module_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODULE_TEST(reading_fills_what_it_can_and_names_the_rest),
        MODULE_TEST(every_key_has_what_tools_ask_for),
        MODULE_TEST(searches_match_all_attributes_exactly),
        MODULE_TEST(a_search_is_begun_and_ended),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
