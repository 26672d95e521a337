/* Rows are read when somebody asks for them, as they are then; and what the store says of a row without its tag leads
 * nobody to anything. */
#include "tokens_fixture.h"

#include <stdio.h>

#include "core/objects.h"
#include "core/rows.h"

enum { MANY = 200 }; /* more than are read one by one */

static CK_OBJECT_CLASS class_data = CKO_DATA;

static void describe(struct bulla_attribute_list *list, const char *label, const char *application)
{
    assert_true(bulla_list_put(list, CKA_CLASS, (struct bulla_bytes){(const uint8_t *)&class_data, sizeof class_data}));
    assert_true(bulla_list_put_bool(list, CKA_TOKEN, true) && bulla_list_put_bool(list, CKA_PRIVATE, false));
    assert_true(bulla_list_put(list, CKA_LABEL, BULLA_TEXT(label)));
    assert_true(bulla_list_put(list, CKA_APPLICATION, BULLA_TEXT(application)));
}

static void store(struct bulla_token *token, const char *label, const char *application)
{
    static const uint8_t new_id[16] = {0};
    struct bulla_attribute_list list = {0};
    CK_OBJECT_HANDLE handle = 0;
    describe(&list, label, application);
    assert_int_equal(bulla_vault_store(token, &list, new_id, (struct bulla_bytes){NULL, 0}, &handle), BULLA_OK);
}

/* "one" to "three", each with an application of that name, and MANY that are called "many". */
static void fill(struct bulla_token *token)
{
    store(token, "one", "one");
    store(token, "two", "two");
    for (int i = 0; i < MANY; i++)
        store(token, "many", "many");
    store(token, "three", "three");
}

/* As a process that starts: the first session of it. */
static struct bulla_session *start(struct tokens_fixture *fixture)
{
    struct bulla_token *token = &fixture->tokens[0];
    bulla_token_close(token);
    bulla_token_make(token, &fixture->config.tokens[0]);
    assert_int_equal(bulla_token_refresh(token), BULLA_OK);
    return &fixture->sessions[0];
}

static size_t unread(const struct tokens_fixture *fixture)
{
    return atomic_load(&fixture->tokens[0].unread.count);
}

static size_t find(struct bulla_session *session, CK_ATTRIBUTE_TYPE type, const char *value)
{
    CK_ATTRIBUTE template = {type, (void *)(uintptr_t)value, value ? strlen(value) : 0};
    CK_OBJECT_HANDLE handles[2 * MANY];
    CK_ULONG count = 0;
    assert_int_equal(bulla_search_begin(session, &template, value ? 1 : 0), CKR_OK);
    assert_int_equal(bulla_search_next(session, handles, 2 * MANY, &count), CKR_OK);
    assert_int_equal(bulla_search_end(session), CKR_OK);
    for (CK_ULONG i = 1; i < count; i++)
        assert_true(handles[i - 1] < handles[i]);
    return count;
}

static void a_search_reads_what_it_may_find(void **state)
{
    struct tokens_fixture *fixture = *state;
    fill(&fixture->tokens[0]);
    struct bulla_session *session = start(fixture);
    size_t all = unread(fixture);
    assert_int_equal(all, MANY + 3);
    assert_int_equal(find(session, CKA_LABEL, "none"), 0);
    assert_int_equal(unread(fixture), all);
    assert_int_equal(find(session, CKA_LABEL, "two"), 1);
    assert_int_equal(find(session, CKA_LABEL, "two"), 1);
    assert_int_equal(unread(fixture), all - 1);
    assert_int_equal(find(session, CKA_APPLICATION, "three"), 1); /* nothing leads there: all are read */
    assert_int_equal(unread(fixture), 0);
    assert_int_equal(find(session, CKA_LABEL, "many"), MANY);
}

static void many_of_one_name_are_read_at_once(void **state)
{
    struct tokens_fixture *fixture = *state;
    fill(&fixture->tokens[0]);
    struct bulla_session *session = start(fixture);
    assert_int_equal(find(session, CKA_LABEL, "many"), MANY);
    assert_int_equal(unread(fixture), 0);
    assert_int_equal(find(session, CKA_LABEL, "one"), 1);
}

static void objects_keep_the_order_in_which_they_were_written(void **state)
{
    struct tokens_fixture *fixture = *state;
    fill(&fixture->tokens[0]);
    struct bulla_session *session = start(fixture);
    assert_int_equal(find(session, CKA_LABEL, "three"), 1); /* the last one comes first into the index */
    assert_int_equal(find(session, CKA_LABEL, "one"), 1);
    size_t receipts = 2;
    assert_int_equal(find(session, CKA_TOKEN, NULL), MANY + 3 + receipts / 2); /* the private half is not shown */
    const struct bulla_index *index = &fixture->tokens[0].index;
    for (size_t i = 1; i < index->count; i++)
        assert_true(index->objects[i - 1]->generation <= index->objects[i]->generation);
}

static void what_changed_before_it_was_read_is_read_as_it_is(void **state)
{
    struct tokens_fixture *fixture = *state;
    fill(&fixture->tokens[0]);
    struct bulla_session *session = start(fixture);
    tokens_meddle(fixture, 0, "DELETE FROM object WHERE mark_1 = (SELECT mark_1 FROM object WHERE plain LIMIT 1)");
    assert_int_equal(find(session, CKA_LABEL, "one"), 0);
    assert_int_equal(find(session, CKA_LABEL, "two"), 1);
    assert_int_equal(find(session, CKA_LABEL, "many"), MANY);
    assert_int_equal(unread(fixture), 0);
}

/* Marks are hints: with wrong ones an object is found by what it is, once all were read, and by nothing else. */
static void wrong_marks_lead_to_nothing(void **state)
{
    struct tokens_fixture *fixture = *state;
    fill(&fixture->tokens[0]);
    tokens_meddle(fixture, 0,
        "UPDATE object SET mark_1 = (SELECT o.mark_1 FROM object o WHERE o.plain ORDER BY o.generation LIMIT 1) "
        "WHERE generation = (SELECT max(generation) FROM object)");
    struct bulla_session *session = start(fixture);
    assert_int_equal(find(session, CKA_LABEL, "one"), 1);
    assert_int_equal(find(session, CKA_LABEL, "three"), 1); /* "three" was read with "one", and has its own name */
}

/* What the module looks for itself is read at once; a row that hides from that by calling itself plain is none. */
static void a_row_that_is_not_plain_can_t_pass_for_one(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_token *token = &fixture->tokens[0];
    fill(token);
    tokens_meddle(fixture, 0, "UPDATE object SET plain = 1 WHERE plain = 0");
    struct bulla_session *session = start(fixture);
    assert_null(bulla_token_receipt_object(token, CKO_PUBLIC_KEY));
    assert_int_equal(unread(fixture), MANY + 3 + 2);
    assert_int_equal(find(session, CKA_TOKEN, NULL), MANY + 3);
    assert_int_equal(token->unreadable, 2);
}

static void an_id_has_its_row_read(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_token *token = &fixture->tokens[0];
    uint8_t id[16];
    fill(token);
    (void)start(fixture);
    memcpy(id, token->unread.rows[1].id, sizeof id);
    assert_true(bulla_token_has_object(token, id));
    assert_int_equal(unread(fixture), MANY + 3);
    struct bulla_object *object = bulla_token_object_by_id(token, id);
    assert_non_null(object);
    assert_true(bulla_bytes_equal_text(bulla_attributes_get(object->attributes, CKA_LABEL), "two"));
    assert_int_equal(unread(fixture), MANY + 2);
    bulla_object_drop(object);
}

/* What a refusal of the store leaves unread is read when it is asked for again. */
static void a_reading_that_fails_may_be_tried_again(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_token *token = &fixture->tokens[0];
    fill(token);
    struct bulla_session *session = start(fixture);
    struct bulla_store *kept = token->store;
    CK_ATTRIBUTE template = {CKA_LABEL, (void *)(uintptr_t) "one", 3};
    token->store = NULL; /* as it is when it could not be opened */
    assert_int_equal(bulla_rows_read_all(token), BULLA_STORE_MISSING);
    token->store = kept;
    assert_int_equal(unread(fixture), MANY + 3);
    assert_int_equal(bulla_search_begin(session, &template, 1), CKR_OK);
    assert_int_equal(bulla_search_end(session), CKR_OK);
    assert_int_equal(unread(fixture), MANY + 2);
}

/* Another process, with its owner logged in. */
static void begin_other(const struct tokens_fixture *fixture, struct bulla_token *other)
{
    bulla_token_make(other, &fixture->config.tokens[0]);
    assert_int_equal(bulla_token_refresh(other), BULLA_OK);
    tokens_log_in(other);
}

/* A plain row that another process made something else of, since its outline was read. */
static void what_is_not_plain_any_more_is_read_all_the_same(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_token *token = &fixture->tokens[0], other;
    struct bulla_attribute_list list;
    uint8_t id[16];
    store(token, "one", "one");
    store(token, "two", "two");
    struct bulla_session *session = start(fixture);
    memcpy(id, token->unread.rows[0].id, sizeof id);
    CK_OBJECT_HANDLE handle = token->unread.rows[0].handle;
    begin_other(fixture, &other);
    struct bulla_object *changed = bulla_token_object_by_id(&other, id);
    assert_non_null(changed);
    bulla_list_from(&list, changed->attributes);
    assert_true(bulla_list_put(&list, CKA_ID, BULLA_TEXT(BULLA_RECEIPT_ID)));
    assert_int_equal(bulla_vault_restate(&other, changed, &list), BULLA_OK);
    bulla_object_drop(changed);
    bulla_token_close(&other);
    assert_int_equal(bulla_rows_read_all(token), BULLA_OK); /* before any walk has brought the change */
    struct bulla_object *object = bulla_token_object_by_id(token, id);
    assert_non_null(object);
    assert_int_equal(object->handle, handle);
    bulla_object_drop(object);
    assert_int_equal(token->unreadable, 0);
    assert_int_equal(find(session, CKA_LABEL, "one"), 1);
}

/* Who writes a row that he did not read yet. */
static void a_row_that_is_written_is_unread_no_more(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_token *token = &fixture->tokens[0];
    struct bulla_attribute_list list = {0};
    CK_OBJECT_HANDLE handle = 0;
    uint8_t id[16];
    store(token, "one", "one");
    store(token, "two", "two");
    struct bulla_session *session = start(fixture);
    tokens_log_in(token);
    memcpy(id, token->unread.rows[0].id, sizeof id);
    CK_OBJECT_HANDLE expected = token->unread.rows[0].handle;
    describe(&list, "one", "one");
    assert_int_equal(bulla_vault_store(token, &list, id, (struct bulla_bytes){NULL, 0}, &handle), BULLA_OK);
    assert_int_equal(unread(fixture), 1);
    assert_int_equal(handle, expected);
    assert_int_equal(find(session, CKA_APPLICATION, "one"), 1);
}

/* A refusal of what a walk brought is no answer for once. */
static void another_token_s_name_is_refused_for_as_long_as_it_stands(void **state)
{
    static const char name[] = "\xa2\x65label\x64test\x66serial\x70"
                               "0123456789abcdef";
    struct tokens_fixture *fixture = *state;
    struct bulla_token *token = &fixture->tokens[0], other;
    begin_other(fixture, &other);
    assert_int_equal(bulla_token_value_put(&other, BULLA_VALUE_TOKEN, BULLA_TEXT(name)), BULLA_OK);
    bulla_token_close(&other);
    for (int i = 0; i < 3; i++)
        assert_int_equal(bulla_token_refresh(token), BULLA_STORE_CORRUPT);
    bulla_token_logout(token);
    assert_int_equal(bulla_token_refresh(token), BULLA_OK);
}

/* Nothing is left of an opening that came to nothing. */
static void an_opening_that_failed_begins_anew(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_token *token = &fixture->tokens[0];
    store(token, "one", "one");
    store(token, "two", "two");
    tokens_meddle(fixture, 0, "INSERT INTO value SELECT 'kept', value FROM value WHERE name = 'token'");
    tokens_meddle(fixture, 0, "UPDATE value SET value = x'' WHERE name = 'token'");
    tokens_meddle(fixture, 0, "UPDATE object SET attributes = x'ff' WHERE plain = 0 AND class = 2");
    bulla_token_close(token);
    bulla_token_make(token, &fixture->config.tokens[0]);
    for (int i = 0; i < 2; i++)
        assert_int_not_equal(bulla_token_refresh(token), BULLA_OK);
    tokens_meddle(fixture, 0, "DELETE FROM object WHERE plain");
    tokens_meddle(
        fixture, 0, "UPDATE value SET value = (SELECT value FROM value WHERE name = 'kept') WHERE name = 'token'");
    assert_int_equal(bulla_token_refresh(token), BULLA_OK);
    assert_int_equal(unread(fixture), 0);
    assert_int_equal(token->unreadable, 1);
}

/* Memory that is wanted while the index grows: nothing is read, and nothing is lost. */
static bool memory_is_wanted;
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size)
{
    return memory_is_wanted ? NULL : __real_realloc(memory, size);
}

static void want_of_memory_loses_no_row(void **state)
{
    enum { ROWS = 65 }; /* more than the index has room for at first */
    struct tokens_fixture *fixture = *state;
    struct bulla_token *token = &fixture->tokens[0];
    for (int i = 0; i < ROWS; i++)
        store(token, "row", "row");
    struct bulla_session *session = start(fixture);
    memory_is_wanted = true;
    enum bulla_reason reason = bulla_rows_read_all(token);
    memory_is_wanted = false;
    assert_int_equal(reason, BULLA_OUT_OF_MEMORY);
    assert_int_equal(bulla_rows_read_all(token), BULLA_OK);
    assert_int_equal(find(session, CKA_LABEL, "row"), ROWS);
}

int main(void)
{
#define ROWS_TEST(name) cmocka_unit_test_setup_teardown(name, tokens_begin, tokens_end)
    const struct CMUnitTest tests[] = {
        ROWS_TEST(a_search_reads_what_it_may_find),
        ROWS_TEST(many_of_one_name_are_read_at_once),
        ROWS_TEST(objects_keep_the_order_in_which_they_were_written),
        ROWS_TEST(what_changed_before_it_was_read_is_read_as_it_is),
        ROWS_TEST(wrong_marks_lead_to_nothing),
        ROWS_TEST(a_row_that_is_not_plain_can_t_pass_for_one),
        ROWS_TEST(an_id_has_its_row_read),
        ROWS_TEST(a_reading_that_fails_may_be_tried_again),
        ROWS_TEST(what_is_not_plain_any_more_is_read_all_the_same),
        ROWS_TEST(a_row_that_is_written_is_unread_no_more),
        ROWS_TEST(another_token_s_name_is_refused_for_as_long_as_it_stands),
        ROWS_TEST(an_opening_that_failed_begins_anew),
        ROWS_TEST(want_of_memory_loses_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
