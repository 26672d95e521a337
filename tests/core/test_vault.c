/* Objects at rest: a row that was changed, or that belongs to another object or token, is hidden after login; and the
 * ledger, whose numbers never go back. */
#include "tokens_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rows.h"

static const CK_OBJECT_CLASS class_data = CKO_DATA;

static CK_OBJECT_HANDLE store(struct bulla_token *token, const char *label, bool is_private)
{
    static const uint8_t new_id[16] = {0};
    struct bulla_attribute_list list = {0};
    CK_OBJECT_HANDLE handle = 0;
    assert_true(
        bulla_list_put(&list, CKA_CLASS, (struct bulla_bytes){(const uint8_t *)&class_data, sizeof class_data}));
    assert_true(bulla_list_put_bool(&list, CKA_TOKEN, true));
    assert_true(bulla_list_put_bool(&list, CKA_PRIVATE, is_private));
    assert_true(bulla_list_put(&list, CKA_LABEL, (struct bulla_bytes){(const uint8_t *)label, strlen(label)}));
    assert_true(bulla_list_put(&list, CKA_VALUE, TEXT("a value")));
    assert_int_equal(bulla_vault_store(token, &list, new_id, (struct bulla_bytes){NULL, 0}, &handle), BULLA_OK);
    return handle;
}

static void reopen(struct tokens_fixture *fixture, unsigned token)
{
    bulla_token_close(&fixture->tokens[token]);
    bulla_token_make(&fixture->tokens[token], &fixture->config.tokens[token]);
    assert_int_equal(bulla_token_refresh(&fixture->tokens[token]), BULLA_OK);
}

static struct bulla_object *by_label(struct bulla_token *token, const char *label)
{
    assert_int_equal(bulla_rows_read_all(token), BULLA_OK);
    for (size_t i = 0; i < token->index.count; i++) {
        struct bulla_object *object = token->index.objects[i];
        if (bulla_bytes_equal_text(bulla_attributes_get(object->attributes, CKA_LABEL), label))
            return object;
    }
    return NULL;
}

static bool is_visible(struct bulla_token *token, const char *label)
{
    const struct bulla_object *object = by_label(token, label);
    return object && bulla_object_is_visible(token, object);
}

static void a_row_as_it_was_written_opens(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_token *token = &fixture->tokens[0];
    (void)store(token, "private", true);
    (void)store(token, "public", false);
    reopen(fixture, 0);
    assert_true(is_visible(token, "public"));
    assert_false(is_visible(token, "private"));
    tokens_log_in(token);
    assert_true(is_visible(token, "public") && is_visible(token, "private"));
    struct bulla_object *object = by_label(token, "private");
    assert_int_equal(bulla_vault_open(token, object, (struct bulla_bytes){NULL, 0}), BULLA_OK);
    assert_true(bulla_bytes_equal_text(bulla_vault_value(object, CKA_VALUE), "a value"));
    assert_int_equal(pthread_mutex_unlock(&object->lock), 0);
}

/* Every part of a row, one byte or number at a time; the rows beside it stay what they are. */
static void a_changed_row_is_hidden_after_login(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_token *token = &fixture->tokens[0];
    static const char *const changes[] = {
        "UPDATE object SET attributes = CAST(substr(attributes, 1, instr(attributes, CAST('victim' AS BLOB)) - 1) || "
        "CAST('VICTIM' AS BLOB) || substr(attributes, instr(attributes, CAST('victim' AS BLOB)) + 6) AS BLOB) WHERE "
        "instr(attributes, CAST('victim' AS BLOB))",
        "UPDATE object SET sealed = CAST(substr(sealed, 1, length(sealed) - 1) AS BLOB) WHERE instr(attributes, "
        "CAST('victim' AS BLOB))",
        "UPDATE object SET sealed = x'00' WHERE instr(attributes, CAST('victim' AS BLOB))",
        "UPDATE object SET tag = zeroblob(32) WHERE instr(attributes, CAST('victim' AS BLOB))",
        "UPDATE object SET id = randomblob(16) WHERE instr(attributes, CAST('victim' AS BLOB))",
        "UPDATE object SET generation = generation - 1 WHERE instr(attributes, CAST('victim' AS BLOB))",
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        (void)store(token, "victim", true);
        (void)store(token, "beside", true);
        tokens_meddle(fixture, 0, changes[i]);
        reopen(fixture, 0);
        tokens_log_in(token);
        if (is_visible(token, "victim") || is_visible(token, "VICTIM"))
            fail_msg("visible after: %s", changes[i]);
        assert_true(is_visible(token, "beside"));
        tokens_meddle(fixture, 0,
            "DELETE FROM object WHERE instr(attributes, CAST('victim' AS BLOB)) OR instr(attributes, "
            "CAST('VICTIM' AS BLOB)) OR instr(attributes, CAST('beside' AS BLOB))");
        reopen(fixture, 0);
        tokens_log_in(token);
    }
}

static void assert_hidden_count(struct bulla_token *token, unsigned count)
{
    char expected[32];
    (void)snprintf(expected, sizeof expected, "\"objects_hidden\":%u,", count);
    char *json = bulla_token_status_json(token);
    assert_non_null(json);
    if (!strstr(json, expected))
        fail_msg("no %s in %s", expected, json);
    free(json);
}

/* A verdict is of one login: without one, nothing is authenticated and nothing hidden; the next one asks again. */
static void a_row_is_judged_in_each_login(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_token *token = &fixture->tokens[0];
    (void)store(token, "victim", false);
    (void)store(token, "beside", false);
    tokens_meddle(fixture, 0, "UPDATE object SET tag = zeroblob(32) WHERE instr(attributes, CAST('victim' AS BLOB))");
    reopen(fixture, 0);
    for (int i = 0; i < 3; i++) {
        assert_true(is_visible(token, "victim") && is_visible(token, "beside"));
        tokens_log_in(token);
        if (i)
            assert_hidden_count(token, 1); /* whether or not somebody asked for it before */
        assert_false(is_visible(token, "victim"));
        assert_true(is_visible(token, "beside"));
        assert_hidden_count(token, 1);
        bulla_token_logout(token);
        assert_hidden_count(token, 0);
    }
}

/* What comes in from the store during a login has not been judged by that login yet. */
static void a_row_that_comes_in_later_is_judged(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_token *token = &fixture->tokens[0];
    (void)store(token, "victim", false);
    assert_int_equal(bulla_token_refresh(token), BULLA_OK);
    assert_true(is_visible(token, "victim"));
    tokens_meddle(fixture, 0,
        "UPDATE object SET tag = zeroblob(32), generation = (SELECT generation FROM state) + 1 "
        "WHERE instr(attributes, CAST('victim' AS BLOB)); UPDATE state SET generation = generation + 1");
    (void)store(token, "beside", false);
    assert_int_equal(bulla_token_refresh(token), BULLA_OK);
    assert_false(is_visible(token, "victim"));
    assert_true(is_visible(token, "beside"));
    assert_hidden_count(token, 1);
}

/* Who knows an object by its id had it from before: what somebody with the disk made of its row meanwhile is not
 * believed, and above all not written again, with a tag that is right. */
static void what_was_changed_is_had_by_no_id_and_gets_no_new_tag(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_token *token = &fixture->tokens[0];
    struct bulla_services services;
    const struct bulla_sealing sealing = {.generation = 7, .dimension = 3};
    uint8_t id[16];
    (void)store(token, "victim", false);
    memcpy(id, by_label(token, "victim")->id, sizeof id);
    bulla_token_services(token, &services);
    tokens_meddle(fixture, 0,
        "UPDATE object SET attributes = CAST(substr(attributes, 1, instr(attributes, CAST('victim' AS BLOB)) - 1) || "
        "CAST('VICTIM' AS BLOB) || substr(attributes, instr(attributes, CAST('victim' AS BLOB)) + 6) AS BLOB), "
        "generation = (SELECT generation FROM state) + 1 WHERE instr(attributes, CAST('victim' AS BLOB)); "
        "UPDATE state SET generation = generation + 1");
    (void)store(token, "beside", false); /* the others look when somebody writes */
    assert_int_equal(services.sealed(token, id, &sealing), BULLA_OBJECT_HIDDEN);
    assert_int_equal(bulla_token_refresh(token), BULLA_OK);
    assert_non_null(by_label(token, "VICTIM"));
    assert_false(is_visible(token, "VICTIM"));
    assert_null(bulla_token_object_by_id(token, id));
    assert_true(bulla_token_has_object(token, id)); /* so that its state, where it had one, is not swept away */
    memcpy(id, by_label(token, "beside")->id, sizeof id);
    assert_int_equal(services.sealed(token, id, &sealing), BULLA_OK);
    assert_true(is_visible(token, "beside"));
}

/* The box commits to its key and its place, and that is checked first. */
static void assert_sealed_shut(struct bulla_token *token, struct bulla_object *object)
{
    assert_non_null(object);
    enum bulla_reason reason = bulla_vault_open(token, object, (struct bulla_bytes){NULL, 0});
    assert_true(reason == BULLA_COMMITMENT || reason == BULLA_AUTHENTICATION);
}

static void what_one_object_holds_does_not_open_in_another(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_token *token = &fixture->tokens[0];
    (void)store(token, "first", true);
    (void)store(token, "second", true);
    tokens_meddle(fixture, 0,
        "UPDATE object SET sealed = (SELECT sealed FROM object WHERE instr(attributes, CAST('second' "
        "AS BLOB))) WHERE instr(attributes, CAST('first' AS BLOB))");
    reopen(fixture, 0);
    tokens_log_in(token);
    assert_false(is_visible(token, "first"));
    /* Even past the tag, the sealed part opens for its own object only. */
    assert_sealed_shut(token, by_label(token, "first"));
}

static void a_row_of_another_token_does_not_open(void **state)
{
    struct tokens_fixture *fixture = *state;
    char sql[512];
    (void)store(&fixture->tokens[0], "theirs", true);
    (void)snprintf(sql, sizeof sql,
        "ATTACH '%s/a/token.db' AS other; INSERT INTO main.object SELECT * FROM other.object WHERE "
        "instr(attributes, CAST('theirs' AS BLOB))",
        fixture->folder);
    tokens_meddle(fixture, 1, sql);
    reopen(fixture, 1);
    tokens_log_in(&fixture->tokens[1]);
    assert_false(is_visible(&fixture->tokens[1], "theirs"));
    assert_sealed_shut(&fixture->tokens[1], by_label(&fixture->tokens[1], "theirs"));
}

static void a_change_of_what_was_changed_meanwhile_is_refused(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_token *token = &fixture->tokens[0];
    struct bulla_attribute_list list;
    (void)store(token, "before", false);
    struct bulla_object *object = by_label(token, "before");
    bulla_list_from(&list, object->attributes);
    assert_true(bulla_list_put(&list, CKA_LABEL, TEXT("after")));
    struct bulla_object *stale = bulla_object_keep(object);
    assert_int_equal(bulla_vault_restate(token, object, &list), BULLA_OK);
    assert_int_equal(bulla_vault_restate(token, stale, &list), BULLA_STORE_BUSY); /* it is not the latest any more */
    bulla_object_drop(stale);
    assert_true(is_visible(token, "after"));
}

/* --- the ledger, without a TPM --- */

static void numbers_of_the_ledger_rise_and_stay(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_token *token = &fixture->tokens[0];
    uint64_t number = 99;
    assert_int_equal(bulla_ledger_read(token, "policy:a", &number), BULLA_OK);
    assert_int_equal(number, 0);
    assert_int_equal(bulla_ledger_raise(token, "policy:a", 3), BULLA_OK);
    assert_int_equal(bulla_ledger_raise(token, "a", 7), BULLA_OK); /* shorter: before it in the map */
    assert_int_equal(bulla_ledger_raise(token, "policy:b", 1), BULLA_OK);
    assert_int_equal(bulla_ledger_raise(token, "policy:a", 2), BULLA_OK); /* no-op: it never goes back */
    reopen(fixture, 0);
    assert_int_equal(bulla_ledger_read(token, "policy:a", &number), BULLA_NOT_LOGGED_IN);
    tokens_log_in(token);
    assert_int_equal(bulla_ledger_read(token, "policy:a", &number), BULLA_OK);
    assert_int_equal(number, 3);
    assert_int_equal(bulla_ledger_read(token, "a", &number), BULLA_OK);
    assert_int_equal(number, 7);
    assert_int_equal(bulla_ledger_read(token, "policy:b", &number), BULLA_OK);
    assert_int_equal(number, 1);
    assert_int_equal(bulla_ledger_read(token, "policy:c", &number), BULLA_OK);
    assert_int_equal(number, 0);
}

static void a_ledger_that_was_changed_or_taken_away_is_refused(void **state)
{
    struct tokens_fixture *fixture = *state;
    struct bulla_token *token = &fixture->tokens[0];
    uint64_t number = 0;
    char sql[512];
    assert_int_equal(bulla_ledger_raise(token, "policy:a", 3), BULLA_OK);
    (void)snprintf(sql, sizeof sql,
        "ATTACH '%s/a/token.db' AS other; UPDATE main.value SET value = (SELECT value FROM other.value WHERE name = "
        "'ledger.0') WHERE name = 'ledger.0'",
        fixture->folder);
    tokens_meddle(fixture, 1, sql); /* another token's */
    assert_int_not_equal(bulla_ledger_read(&fixture->tokens[1], "policy:a", &number), BULLA_OK);
    tokens_meddle(fixture, 0,
        "UPDATE value SET value = CAST(substr(value, 1, length(value) - 1) || x'00' AS BLOB) WHERE name = "
        "'ledger.0'");
    assert_int_not_equal(bulla_ledger_read(token, "policy:a", &number), BULLA_OK);
    assert_int_not_equal(bulla_ledger_raise(token, "policy:a", 9), BULLA_OK);
    tokens_meddle(fixture, 0, "DELETE FROM value WHERE name = 'ledger.0'");
    assert_int_equal(bulla_ledger_read(token, "policy:a", &number), BULLA_ROLLED_BACK);
}

int main(void)
{
#define VAULT_TEST(name) cmocka_unit_test_setup_teardown(name, tokens_begin, tokens_end)
    const struct CMUnitTest tests[] = {
        VAULT_TEST(a_row_as_it_was_written_opens),
        VAULT_TEST(a_changed_row_is_hidden_after_login),
        VAULT_TEST(a_row_is_judged_in_each_login),
        VAULT_TEST(a_row_that_comes_in_later_is_judged),
        VAULT_TEST(what_was_changed_is_had_by_no_id_and_gets_no_new_tag),
        VAULT_TEST(what_one_object_holds_does_not_open_in_another),
        VAULT_TEST(a_row_of_another_token_does_not_open),
        VAULT_TEST(a_change_of_what_was_changed_meanwhile_is_refused),
        VAULT_TEST(numbers_of_the_ledger_rise_and_stay),
        VAULT_TEST(a_ledger_that_was_changed_or_taken_away_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
