/* The table of states: what is written is read again, and what is not whole is refused. The keys are published ones
 * (input-output-hk/kes @57d2f944, tests/vectors/kes). */
#include "core/states_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/arena.h"
#include "support/folder.h"
#include "support/test.h"

static uint8_t *published(const char *name, size_t *size)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/tests/vectors/kes/%s.bin", BULLA_SOURCE_FOLDER, name);
    uint8_t *bytes = test_file_read(path, size);
    assert_non_null(bytes);
    return bytes;
}

static void add(struct bulla_state_table *table, uint8_t first, const char *name, unsigned depth, unsigned period)
{
    uint8_t id[16] = {first};
    size_t size;
    uint8_t *raw = published(name, &size);
    assert_int_equal(bulla_state_table_add(table, id, (struct bulla_bytes){raw, size}, depth, period), BULLA_OK);
    free(raw);
}

static struct bulla_state_table *two_keys(void)
{
    struct bulla_state_table *table = NULL;
    assert_int_equal(bulla_state_table_make(&table), BULLA_OK);
    add(table, 7, "key6update5", 6, 5);
    add(table, 3, "key1", 1, 0);
    return table;
}

static struct bulla_bytes written(const struct bulla_state_table *table, uint8_t bytes[static BULLA_STATES_LARGEST])
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, bytes, BULLA_STATES_LARGEST);
    assert_int_equal(bulla_state_table_write(table, &writer), BULLA_OK);
    return bulla_writer_bytes(&writer);
}

static enum bulla_reason read_again(struct bulla_bytes bytes, struct bulla_state_table **table)
{
    assert_int_equal(bulla_state_table_make(table), BULLA_OK);
    return bulla_state_table_read(bytes, *table);
}

static uint8_t room[BULLA_STATES_LARGEST];

static void keys_come_back_in_their_periods(void **state)
{
    (void)state;
    static const uint8_t first[16] = {3}, second[16] = {7}, none[16] = {5};
    struct bulla_state_table *table = two_keys(), *again;
    size_t size;
    uint8_t *raw = published("key6update5", &size);
    struct bulla_bytes bytes = written(table, room);
    assert_int_equal(bytes.data[0], 0xa2);
    assert_memory_equal(bytes.data + 1, "\x50\x03", 2); /* the lower id first */
    assert_int_equal(read_again(bytes, &again), BULLA_OK);
    assert_int_equal(again->count, 2);
    assert_int_equal(bulla_state_table_find(again, first)->key.depth, 1);
    const struct bulla_state *later = bulla_state_table_find(again, second);
    assert_int_equal(later->key.period, 5);
    assert_memory_equal(later->secret->raw, raw, size);
    assert_null(bulla_state_table_find(again, none));
    free(raw);
    bulla_state_table_free(table);
    bulla_state_table_free(again);
}

static void what_is_cut_or_bent_is_refused(void **state)
{
    (void)state;
    struct bulla_state_table *table = two_keys(), *again;
    struct bulla_bytes bytes = written(table, room);
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_not_equal(read_again((struct bulla_bytes){bytes.data, size}, &again), BULLA_OK);
        bulla_state_table_free(again);
    }
    static const size_t places[] = {
        0, 1, 18, 19, 20, 21, 23, 92}; /* map, id, array, depth, period, string, seed, pair */
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        room[places[i]] ^= 0x41;
        assert_int_not_equal(read_again(bytes, &again), BULLA_OK);
        room[places[i]] ^= 0x41;
        bulla_state_table_free(again);
    }
    static const uint8_t others[][4] = {{0x80}, {0xa1, 0x01, 0x01}, {0x01}, {0xa1, 0x41, 0x00, 0x80}};
    static const size_t sizes[] = {1, 3, 1, 4};
    for (size_t i = 0; i < 4; i++) {
        assert_int_not_equal(read_again((struct bulla_bytes){others[i], sizes[i]}, &again), BULLA_OK);
        bulla_state_table_free(again);
    }
    bulla_state_table_free(table);
}

static void an_id_has_one_state_and_a_table_an_end(void **state)
{
    (void)state;
    struct bulla_state_table *table = two_keys();
    uint8_t id[16] = {7};
    size_t size;
    uint8_t *raw = published("key1", &size);
    const struct bulla_bytes key = {raw, size};
    assert_int_equal(bulla_state_table_add(table, id, key, 1, 0), BULLA_DUPLICATE);
    assert_int_equal(bulla_state_table_add(table, (const uint8_t[16]){9}, key, 1, 1), BULLA_KEY_INVALID);
    assert_int_equal(bulla_state_table_add(table, (const uint8_t[16]){9}, key, 2, 0), BULLA_KEY_INVALID);
    for (uint8_t i = 100; table->count < BULLA_STATES_MOST; i++)
        assert_int_equal(bulla_state_table_add(table, (const uint8_t[16]){i}, key, 1, 0), BULLA_OK);
    assert_int_equal(bulla_state_table_add(table, (const uint8_t[16]){9}, key, 1, 0), BULLA_TOO_LARGE);
    assert_true(written(table, room).size <= BULLA_STATES_LARGEST);
    bulla_state_table_remove(table, id);
    assert_null(bulla_state_table_find(table, id));
    assert_int_equal(bulla_state_table_add(table, id, key, 1, 0), BULLA_OK);
    free(raw);
    bulla_state_table_free(table);
    assert_int_equal(bulla_arena_taken(), 0); /* nothing of it is left */
}

static void nodes_are_taken_over_from_a_tree_of_the_same_root_alone(void **state)
{
    (void)state;
    static const uint8_t id[16] = {7};
    struct bulla_state_table *older = two_keys(), *newer = two_keys(), *other = NULL;
    struct bulla_state *known = bulla_state_table_find(older, id);
    assert_int_equal(bulla_kes_complete(&known->key, known->secret), BULLA_OK);
    bulla_state_table_adopt(newer, older);
    assert_true(bulla_state_table_find(newer, id)->key.whole);
    assert_int_equal(bulla_state_table_make(&other), BULLA_OK);
    add(other, 7, "key1", 1, 0);
    bulla_state_table_adopt(other, older);
    assert_false(bulla_state_table_find(other, id)->key.whole);
    bulla_state_table_adopt(newer, NULL);
    bulla_state_table_free(older);
    bulla_state_table_free(newer);
    bulla_state_table_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_back_in_their_periods),
        cmocka_unit_test(what_is_cut_or_bent_is_refused),
        cmocka_unit_test(an_id_has_one_state_and_a_table_an_end),
        cmocka_unit_test(nodes_are_taken_over_from_a_tree_of_the_same_root_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
