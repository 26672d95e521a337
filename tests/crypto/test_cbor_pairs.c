/* Flat maps in one pass: what is accepted, and as what, is what the general reader says, over random maps, whole and
 * damaged. The generator's seed is fixed: a failure comes back. */
#include "support/test.h"

#include <stdbool.h>
#include <string.h>

#include "crypto/cbor.h"

enum { ROUNDS = 200000, LARGEST = 600 };

/* splitmix64, as its authors publish it: any other generator would do. */
static uint64_t state_of_random = 0x7061697273;
static uint64_t next_random(void)
{
    uint64_t z = state_of_random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static size_t below(size_t bound)
{
    return (size_t)(next_random() % bound);
}

/* The next pair of the general reader's walk; false: it is not a number and bytes. */
static bool next_of_oracle(struct bulla_cbor_walk *walk, struct bulla_cbor *key, struct bulla_cbor *value)
{
    assert_true(bulla_cbor_next(walk, key) && bulla_cbor_next(walk, value));
    return key->kind == BULLA_CBOR_UINT && value->kind == BULLA_CBOR_BSTR;
}

/* Whether the general reader takes it, and it is such a map. */
static bool oracle_accepts(struct bulla_bytes bytes, struct bulla_cbor *map)
{
    struct bulla_cbor key, value;
    if (bulla_cbor_decode(bytes, "oracle", map) != BULLA_OK || map->kind != BULLA_CBOR_MAP)
        return false;
    struct bulla_cbor_walk walk = bulla_cbor_inside(map);
    for (uint64_t i = 0; i < map->number; i++)
        if (!next_of_oracle(&walk, &key, &value))
            return false;
    return true;
}

static bool read_all(struct bulla_bytes bytes)
{
    struct bulla_cbor_pairs pairs;
    uint64_t key;
    struct bulla_bytes value;
    if (bulla_cbor_pairs_open(bytes, "test", &pairs) != BULLA_OK)
        return false;
    while (pairs.left)
        if (bulla_cbor_pairs_next(&pairs, &key, &value) != BULLA_OK)
            return false;
    return bulla_reader_finish(&pairs.reader, "test") == BULLA_OK;
}

static void assert_same_pairs(struct bulla_bytes bytes, const struct bulla_cbor *map)
{
    struct bulla_cbor_pairs pairs;
    struct bulla_cbor oracle_key, oracle_value;
    struct bulla_cbor_walk walk = bulla_cbor_inside(map);
    uint64_t key = 0;
    struct bulla_bytes value = {NULL, 0};
    assert_int_equal(bulla_cbor_pairs_open(bytes, "test", &pairs), BULLA_OK);
    assert_int_equal(pairs.left, map->number);
    while (pairs.left) {
        assert_int_equal(bulla_cbor_pairs_next(&pairs, &key, &value), BULLA_OK);
        assert_true(next_of_oracle(&walk, &oracle_key, &oracle_value));
        assert_int_equal(key, oracle_key.number);
        assert_ptr_equal(value.data, oracle_value.string.data);
        assert_int_equal(value.size, oracle_value.string.size);
    }
}

static size_t write_map(uint8_t *memory)
{
    struct bulla_writer writer;
    size_t count = below(below(8) ? 6 : 30);
    uint64_t key = 0;
    bulla_writer_open(&writer, memory, LARGEST);
    bulla_cbor_write_map(&writer, count);
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[300] = {0};
        key += (next_random() >> below(64)) / 64 + (below(30) != 0); /* now and then the same one twice */
        bulla_cbor_write_uint(&writer, key);
        if (below(200) == 0)
            bulla_cbor_write_tstr(&writer, "text");
        else
            bulla_cbor_write_bstr(&writer, (struct bulla_bytes){bytes, below(below(8) ? 12 : sizeof bytes)});
    }
    return writer.size < LARGEST ? writer.size : LARGEST;
}

static void what_is_accepted_is_what_the_general_reader_accepts(void **state)
{
    (void)state;
    unsigned accepted = 0, refused = 0;
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t memory[LARGEST];
        size_t size = write_map(memory);
        for (size_t damage = below(3); damage && size; damage--)
            memory[below(size < 12 ? size : 12)] ^= (uint8_t)(1 << below(8));
        size -= size && below(8) == 0 ? 1 + below(size < 4 ? size : 4) : 0;
        struct bulla_bytes bytes = {memory, size};
        struct bulla_cbor map;
        bool oracle = oracle_accepts(bytes, &map);
        if (read_all(bytes) != oracle)
            fail_msg("round %d: the general reader says %d", i, oracle);
        if (oracle)
            assert_same_pairs(bytes, &map);
        accepted += oracle;
        refused += !oracle;
    }
    assert_true(accepted > ROUNDS / 10 && refused > ROUNDS / 10); /* else little was shown */
}

/* By RFC 8949, one way of being wrong each. */
static void each_wrong_form_has_its_reason(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[12];
        size_t size;
        enum bulla_reason reason;
    } rows[] = {
        {{0}, 0, BULLA_TRUNCATED}, {{0x80}, 1, BULLA_MALFORMED}, /* an array */
        {{0xbf, 0xff}, 2, BULLA_MALFORMED},                      /* of indefinite length */
        {{0xb8, 0x01, 0x01, 0x40}, 4, BULLA_NOT_CANONICAL},      /* a count longer than needed */
        {{0xa1, 0x20, 0x40}, 3, BULLA_MALFORMED},                /* a negative key */
        {{0xa1, 0x18, 0x17, 0x40}, 4, BULLA_NOT_CANONICAL},      /* a key longer than needed */
        {{0xa1, 0x01, 0x60}, 3, BULLA_MALFORMED},                /* text */
        {{0xa1, 0x01, 0x41}, 3, BULLA_TRUNCATED},                /* bytes that are not there */
        {{0xa1, 0x01, 0x58}, 3, BULLA_TRUNCATED},                /* half a head */
        {{0xa1, 0x01, 0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 11, BULLA_TRUNCATED},
        {{0xa2, 0x01, 0x40, 0x01, 0x40}, 5, BULLA_DUPLICATE},
        {{0xa2, 0x02, 0x40, 0x01, 0x40}, 5, BULLA_NOT_CANONICAL}, /* descending */
        {{0xa2, 0x01, 0x40}, 3, BULLA_TRUNCATED},                 /* one of two */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bulla_cbor_pairs pairs;
        uint64_t key;
        struct bulla_bytes value;
        enum bulla_reason reason =
            bulla_cbor_pairs_open((struct bulla_bytes){rows[i].bytes, rows[i].size}, "test", &pairs);
        while (reason == BULLA_OK && pairs.left)
            reason = bulla_cbor_pairs_next(&pairs, &key, &value);
        if (reason != rows[i].reason)
            fail_msg("row %zu: %d", i, (int)reason);
    }
}

static void no_pair_follows_the_last(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0xa0, 0x01, 0x40};
    struct bulla_cbor_pairs pairs;
    uint64_t key;
    struct bulla_bytes value;
    assert_int_equal(bulla_cbor_pairs_open(BULLA_BYTES(bytes), "test", &pairs), BULLA_OK);
    assert_int_equal(bulla_cbor_pairs_next(&pairs, &key, &value), BULLA_INTERNAL);
    assert_int_equal(bulla_reader_finish(&pairs.reader, "test"), BULLA_TRAILING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_accepted_is_what_the_general_reader_accepts),
        cmocka_unit_test(each_wrong_form_has_its_reason),
        cmocka_unit_test(no_pair_follows_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
