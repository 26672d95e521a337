/* What of an object is kept from whom: values that are secret, objects that are private, what stays so in a copy, in
 * the next process and on the disk. */
#include "module_fixture.h"

#include <stdio.h>
#include <stdlib.h>

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
        assert_false(module_boolean(session, key, CKA_ALWAYS_SENSITIVE));
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
    assert_rv(module_create(session, private_data, 2, &key), CKR_USER_NOT_LOGGED_IN);
    assert_ok(module_login(session, CKU_USER, USER_PIN));
    assert_int_equal(module_find_label(session, "hidden", NULL), 1);
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
        assert_int_equal(module_boolean(session, copy, CKA_TOKEN), to_token);
        assert_int_equal(module_boolean(session, copy, CKA_PRIVATE), (row & 4) != 0);
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
        MODULE_TEST(a_secret_is_read_only_where_both_flags_allow),
        MODULE_TEST(what_was_sensitive_stays_so),
        MODULE_TEST(a_sealed_value_matches_no_search),
        MODULE_TEST(private_objects_are_invisible_before_login),
        MODULE_TEST(copies_live_apart_from_their_originals),
        MODULE_TEST(a_copied_secret_is_as_secret),
        MODULE_TEST(the_receipt_key_is_nobodys_to_change),
        MODULE_TEST(objects_outlive_the_process_that_made_them),
        MODULE_TEST(nothing_private_is_written_in_the_clear),
    };
    return cmocka_run_group_tests(tests, module_load, NULL);
}
