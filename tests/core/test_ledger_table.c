/* The ledger's table: names in the order of RFC 8949 (4.2.1: shorter first, then by bytes), numbers that only rise. */
#include "core/ledger_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

static struct bulla_ledger_table *tables; /* two, used by turns */

static int set_up(void **state)
{
    (void)state;
    tables = calloc(2, sizeof *tables);
    assert_non_null(tables);
    tables[0].bytes[0] = 0xa0; /* an empty map */
    tables[0].size = 1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(tables);
    return 0;
}

static enum bulla_reason set(const char *name, uint64_t number)
{
    enum bulla_reason reason = bulla_ledger_table_raise(&tables[0], name, number, &tables[1]);
    if (reason == BULLA_OK)
        tables[0] = tables[1];
    return reason;
}

static uint64_t get(const char *name)
{
    uint64_t number = 99;
    assert_int_equal(bulla_ledger_table_find(&tables[0], name, &number), BULLA_OK);
    return number;
}

static void numbers_rise_and_never_fall(void **state)
{
    (void)state;
    assert_int_equal(get("a"), 0);
    assert_int_equal(set("a", 3), BULLA_OK);
    assert_int_equal(set("a", 2), BULLA_OK);
    assert_int_equal(get("a"), 3);
    assert_int_equal(set("a", 4), BULLA_OK);
    assert_int_equal(get("a"), 4);
}

static void names_stand_in_deterministic_order(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0xa3, 0x61, 'b', 0x01, 0x62, 'a', 'a', 0x18, 0x18, 0x62, 'a', 'b', 0x02};
    assert_int_equal(set("ab", 2), BULLA_OK);
    assert_int_equal(set("b", 1), BULLA_OK);
    assert_int_equal(set("aa", 24), BULLA_OK);
    assert_int_equal(tables[0].size, sizeof expected);
    assert_memory_equal(tables[0].bytes, expected, sizeof expected);
}

static enum bulla_reason put(const char *name, uint64_t number)
{
    enum bulla_reason reason = bulla_ledger_table_set(&tables[0], name, number, &tables[1]);
    if (reason == BULLA_OK)
        tables[0] = tables[1];
    return reason;
}

static void a_number_that_is_set_may_fall_and_a_zero_is_gone(void **state)
{
    (void)state;
    static const uint8_t one[] = {0xa1, 0x61, 'b', 0x02}, empty[] = {0xa0};
    assert_int_equal(put("a", 7), BULLA_OK);
    assert_int_equal(put("b", 2), BULLA_OK);
    assert_int_equal(put("a", 3), BULLA_OK);
    assert_int_equal(get("a"), 3);
    assert_int_equal(put("a", 0), BULLA_OK);
    assert_int_equal(tables[0].size, sizeof one);
    assert_memory_equal(tables[0].bytes, one, sizeof one);
    assert_int_equal(put("c", 0), BULLA_OK); /* that was never there */
    assert_int_equal(put("b", 0), BULLA_OK);
    assert_int_equal(tables[0].size, sizeof empty);
    assert_memory_equal(tables[0].bytes, empty, sizeof empty);
}

struct walked {
    size_t count;
    uint64_t sum;
    char names[32];
};

static void note(void *context, struct bulla_bytes name, uint64_t number)
{
    struct walked *walked = context;
    walked->count++;
    walked->sum += number;
    (void)strncat(walked->names, (const char *)name.data, name.size);
}

static void a_walk_meets_every_number_once(void **state)
{
    (void)state;
    struct walked walked = {0};
    assert_int_equal(put("bb", 4), BULLA_OK);
    assert_int_equal(put("c", 2), BULLA_OK);
    assert_int_equal(put("a", 1), BULLA_OK);
    assert_int_equal(bulla_ledger_table_walk(&tables[0], note, &walked), BULLA_OK);
    assert_int_equal(walked.count, 3);
    assert_int_equal(walked.sum, 7);
    assert_string_equal(walked.names, "acbb");
}

/* What is full refuses the name it has no place for, and keeps the others and their right to rise. */
static void a_full_table_keeps_what_it_has(void **state)
{
    (void)state;
    char name[64];
    for (unsigned i = 0; i < BULLA_LEDGER_NAMES; i++) {
        (void)snprintf(name, sizeof name, "model:%032u", i);
        assert_int_equal(set(name, UINT64_MAX - i), BULLA_OK); /* the longest that there are */
    }
    assert_int_equal(set("one more", 1), BULLA_TOO_LARGE);
    assert_int_equal(get("one more"), 0);
    (void)snprintf(name, sizeof name, "model:%032u", 1U);
    assert_int_equal(put(name, 0), BULLA_OK);
    assert_int_equal(set("one more", 1), BULLA_OK); /* a place that became free is a place */
    (void)snprintf(name, sizeof name, "model:%032u", BULLA_LEDGER_NAMES - 1);
    assert_int_equal(set(name, UINT64_MAX), BULLA_OK);
    assert_true(get(name) == UINT64_MAX);
}

static void what_is_no_map_is_refused(void **state)
{
    (void)state;
    uint64_t number;
    tables[0].bytes[0] = 0x80;
    assert_int_equal(bulla_ledger_table_find(&tables[0], "a", &number), BULLA_STORE_CORRUPT);
    assert_int_equal(set("a", 1), BULLA_STORE_CORRUPT);
    tables[0].size = 0;
    assert_int_not_equal(bulla_ledger_table_find(&tables[0], "a", &number), BULLA_OK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(numbers_rise_and_never_fall),
        T(names_stand_in_deterministic_order),
        T(a_number_that_is_set_may_fall_and_a_zero_is_gone),
        T(a_walk_meets_every_number_once),
        T(a_full_table_keeps_what_it_has),
        T(what_is_no_map_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
