/* Rows that were noted and not read, against a flat list of the test's own. */
#include "support/test.h"

#include <string.h>

#include "core/unread.h"

enum { LARGEST = 3000, WORDS = 40, STEPS = 20000 };

static struct {
    struct bulla_store_row row;
    CK_OBJECT_HANDLE handle;
    bool present;
} model[LARGEST];
static size_t model_count;
static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* A few words that many rows share, and none at all. */
static uint64_t some_mark(void)
{
    return next_random() % WORDS * UINT64_C(0x0101010101010101);
}

static void add(struct bulla_unread *unread)
{
    struct bulla_store_row row = {.marks = {some_mark(), some_mark()}};
    for (int i = 0; i < 16; i++)
        row.id[i] = (uint8_t)next_random();
    model[model_count].row = row;
    model[model_count].handle = model_count + 1;
    model[model_count].present = true;
    assert_true(bulla_unread_add(unread, model[model_count].handle, &row));
    model_count++;
}

static void take(struct bulla_unread *unread)
{
    size_t which = next_random() % model_count;
    CK_OBJECT_HANDLE expected = model[which].present ? model[which].handle : 0;
    const struct bulla_unread_row *found = bulla_unread_find_id(unread, model[which].row.id);
    assert_int_equal(found ? found->handle : 0, expected);
    assert_int_equal(bulla_unread_take(unread, model[which].row.id), expected);
    assert_null(bulla_unread_find_id(unread, model[which].row.id));
    model[which].present = false;
}

static bool matches(const struct bulla_store_row *row, const uint64_t *marks)
{
    return (!marks[0] || marks[0] == row->marks[0]) && (!marks[1] || marks[1] == row->marks[1]) &&
           (marks[0] || marks[1]);
}

static void look(const struct bulla_unread *unread)
{
    const uint64_t marks[2] = {some_mark(), some_mark()};
    size_t expected = 0, found = 0;
    for (size_t i = 0; i < model_count; i++)
        expected += model[i].present && matches(&model[i].row, marks);
    const struct bulla_unread_row *row = NULL;
    while ((row = bulla_unread_marked(unread, marks, row))) {
        assert_true(matches(&model[row->handle - 1].row, marks) && model[row->handle - 1].present);
        found++;
    }
    assert_int_equal(found, expected);
}

static void every_row_is_found_until_it_is_taken(void **state)
{
    (void)state;
    struct bulla_unread unread = {0};
    look(&unread);
    add(&unread);
    for (int i = 0; i < STEPS; i++) {
        uint64_t kind = next_random() % 8;
        if (kind < 3 && model_count < LARGEST)
            add(&unread);
        else if (kind < 5)
            take(&unread);
        else
            look(&unread);
        size_t present = 0;
        for (size_t j = 0; j < model_count; j++)
            present += model[j].present;
        assert_int_equal(atomic_load(&unread.count), present);
    }
    for (size_t i = 0; i < model_count; i++)
        if (model[i].present)
            assert_int_equal(bulla_unread_take(&unread, model[i].row.id), model[i].handle);
    assert_true(atomic_load(&unread.count) == 0 && !unread.rows && !unread.heads); /* the last one frees it */
    bulla_unread_free(&unread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_is_found_until_it_is_taken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
