/* libcbor as an oracle: what our reader accepts, libcbor's must accept too, as the same values. The inputs are the
 * output of a random generator of items, whole and damaged, and plain noise. The generator's seed is fixed: a failure
 * comes back. */
#include "support/test.h"

#include <cbor.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cbor.h"

enum { ROUNDS = 60000, LARGEST = 512 };

/* splitmix64, as its authors publish it: any other generator would do. */
static uint64_t state_of_random = 0x62756c6c61;
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

/* Numbers of all sizes, so that every width of a head occurs. */
static uint64_t some_number(void)
{
    return next_random() >> below(64);
}

static void write_item(struct bulla_writer *writer, unsigned depth);

static void write_float(struct bulla_writer *writer)
{
    size_t width = below(3);
    bulla_write_u8(writer, (uint8_t)(0xf9 + width));
    uint64_t bits = next_random();
    bits = below(2) ? bits << 48 : bits; /* shorter forms exist more often */
    if (width == 0)
        bulla_write_u16(writer, (uint16_t)bits);
    else if (width == 1)
        bulla_write_u32(writer, (uint32_t)(bits >> 32));
    else
        bulla_write_u64(writer, bits);
}

static void write_container(struct bulla_writer *writer, unsigned depth)
{
    size_t count = below(5);
    switch (below(4)) {
    case 0:
        bulla_cbor_write_tag(writer, some_number());
        write_item(writer, depth + 1);
        break;
    case 1:
        bulla_cbor_write_map(writer, count);
        for (size_t i = 0; i < count; i++) {
            bulla_cbor_write_uint(writer, i * 7 + below(8)); /* ascending as a rule, now and then the same */
            write_item(writer, depth + 1);
        }
        break;
    case 2:
        bulla_write_u8(writer, 0x9f);
        for (size_t i = 0; i < count; i++)
            write_item(writer, depth + 1);
        bulla_write_u8(writer, 0xff);
        break;
    default:
        bulla_cbor_write_array(writer, count);
        for (size_t i = 0; i < count; i++)
            write_item(writer, depth + 1);
    }
}

static void write_item(struct bulla_writer *writer, unsigned depth)
{
    static const char text[] = "m\u00fcde \u6c34 key";
    switch (depth > 4 ? below(6) : below(10)) {
    case 0:
        bulla_cbor_write_uint(writer, some_number());
        break;
    case 1:
        bulla_cbor_write_int(writer, (int64_t)next_random() >> below(64));
        break;
    case 2:
        bulla_cbor_write_bstr(writer, (struct bulla_bytes){(const uint8_t *)text, below(sizeof text)});
        break;
    case 3:
        bulla_cbor_write_tstr_bytes(writer, (struct bulla_bytes){(const uint8_t *)text, below(sizeof text)});
        break;
    case 4:
        bulla_cbor_write_bool(writer, below(2));
        break;
    case 5:
        write_float(writer);
        break;
    default:
        write_container(writer, depth);
    }
}

static double value_of(uint64_t bits)
{
    double value = 0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void assert_same(const struct bulla_cbor *item, const cbor_item_t *oracle);

static void assert_same_simple(const struct bulla_cbor *item, const cbor_item_t *oracle)
{
    if (item->kind == BULLA_CBOR_FLOAT) {
        double expected = cbor_float_get_float(oracle);
        double value = value_of(item->number);
        assert_true(value == expected || (isnan(value) && isnan(expected)));
    } else if (item->kind == BULLA_CBOR_BOOL) {
        assert_true(cbor_is_bool(oracle));
        assert_int_equal(item->number, cbor_get_bool(oracle));
    } else {
        assert_int_equal(item->kind, BULLA_CBOR_NULL);
        assert_true(cbor_is_null(oracle));
    }
}

static void assert_same_inside(const struct bulla_cbor *item, const cbor_item_t *oracle)
{
    struct bulla_cbor_walk walk = bulla_cbor_inside(item);
    struct bulla_cbor inner;
    size_t count = 0;
    for (; bulla_cbor_next(&walk, &inner); count++) {
        if (item->kind == BULLA_CBOR_ARRAY)
            assert_same(&inner, cbor_array_handle(oracle)[count]);
        else if (count % 2 == 0)
            assert_same(&inner, cbor_map_handle(oracle)[count / 2].key);
        else
            assert_same(&inner, cbor_map_handle(oracle)[count / 2].value);
    }
    assert_int_equal(count, item->kind == BULLA_CBOR_ARRAY ? item->number : 2 * item->number);
}

static void assert_same(const struct bulla_cbor *item, const cbor_item_t *oracle)
{
    struct bulla_cbor_walk walk = bulla_cbor_inside(item);
    struct bulla_cbor inner;
    switch (cbor_typeof(oracle)) {
    case CBOR_TYPE_UINT:
    case CBOR_TYPE_NEGINT:
        assert_int_equal(item->kind, cbor_isa_uint(oracle) ? BULLA_CBOR_UINT : BULLA_CBOR_NEGATIVE);
        assert_true(item->number == cbor_get_int(oracle));
        break;
    case CBOR_TYPE_BYTESTRING:
        assert_int_equal(item->kind, BULLA_CBOR_BSTR);
        assert_int_equal(item->string.size, cbor_bytestring_length(oracle));
        assert_memory_equal(item->string.data, cbor_bytestring_handle(oracle), item->string.size);
        break;
    case CBOR_TYPE_STRING:
        assert_int_equal(item->kind, BULLA_CBOR_TSTR);
        assert_int_equal(item->string.size, cbor_string_length(oracle));
        assert_memory_equal(item->string.data, cbor_string_handle(oracle), item->string.size);
        break;
    case CBOR_TYPE_ARRAY:
        assert_int_equal(item->kind, BULLA_CBOR_ARRAY);
        assert_int_equal(item->number, cbor_array_size(oracle));
        assert_same_inside(item, oracle);
        break;
    case CBOR_TYPE_MAP:
        assert_int_equal(item->kind, BULLA_CBOR_MAP);
        assert_int_equal(item->number, cbor_map_size(oracle));
        assert_same_inside(item, oracle);
        break;
    case CBOR_TYPE_TAG:
        assert_int_equal(item->kind, BULLA_CBOR_TAG);
        assert_true(item->number == cbor_tag_value(oracle));
        assert_true(bulla_cbor_next(&walk, &inner));
        assert_same(&inner, oracle->metadata.tag_metadata.tagged_item);
        break;
    case CBOR_TYPE_FLOAT_CTRL:
        assert_same_simple(item, oracle);
        break;
    default:
        fail();
    }
}

/* libcbor 0.8 takes the heads of tags 6 to 20 (0xc6 to 0xd4) for malformed: they were not assigned when it was
 * written. COSE's 17 and 18 are among them. */
static bool libcbor_knows_the_tags(const struct bulla_cbor *item)
{
    struct bulla_cbor_walk walk = bulla_cbor_inside(item);
    struct bulla_cbor inner;
    if (item->kind == BULLA_CBOR_TAG && item->number >= 6 && item->number <= 20)
        return false;
    while (bulla_cbor_next(&walk, &inner))
        if (!libcbor_knows_the_tags(&inner))
            return false;
    return true;
}

static void compare_with_libcbor(struct bulla_bytes bytes, const struct bulla_cbor *item)
{
    struct cbor_load_result result;
    cbor_item_t *oracle = cbor_load(bytes.data, bytes.size, &result);
    if (result.error.code != CBOR_ERR_NONE) {
        print_error("libcbor: error %d at byte %zu of ", result.error.code, result.error.position);
        for (size_t i = 0; i < bytes.size; i++)
            print_error("%02x%s", bytes.data[i], i + 1 == bytes.size ? "\n" : "");
    }
    assert_int_equal(result.error.code, CBOR_ERR_NONE);
    assert_int_equal(result.read, bytes.size);
    assert_same(item, oracle);
    cbor_decref(&oracle);
}

/* One to three bytes replaced, or the end cut, or none of it. */
static size_t damage(uint8_t *bytes, size_t size)
{
    size_t way = below(4);
    for (size_t i = 0; size > 0 && i < way; i++)
        bytes[below(size)] = (uint8_t)next_random();
    return way == 3 && size > 0 ? below(size) : size;
}

static void what_we_accept_libcbor_accepts_as_the_same(void **state)
{
    (void)state;
    unsigned strict = 0;
    unsigned lenient = 0;
    unsigned compared = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t memory[LARGEST];
        struct bulla_writer writer;
        struct bulla_cbor item;
        bulla_writer_open(&writer, memory, sizeof memory);
        if (round % 8 == 0)
            for (size_t i = below(24); i > 0; i--)
                bulla_write_u8(&writer, (uint8_t)next_random());
        else
            write_item(&writer, 0);
        if (writer.size > writer.capacity)
            continue;
        size_t size = damage(memory, writer.size);
        uint8_t *exact = malloc(size ? size : 1); /* exactly as large, so that a sanitizer sees a step too far */
        assert_non_null(exact);
        memcpy(exact, memory, size);
        struct bulla_bytes bytes = {exact, size};
        bool accepted = bulla_cbor_decode(bytes, "a test", &item) == BULLA_OK;
        strict += accepted;
        if (accepted && libcbor_knows_the_tags(&item)) {
            compare_with_libcbor(bytes, &item);
            compared++;
        }
        enum bulla_reason reason = bulla_cbor_decode_lenient(bytes, "a test", &item);
        assert_true(!accepted || reason == BULLA_OK || reason == BULLA_UNSUPPORTED);
        lenient += reason == BULLA_OK;
        if (reason == BULLA_OK && libcbor_knows_the_tags(&item))
            compare_with_libcbor(bytes, &item);
        free(exact);
    }
    print_message("%u of %d accepted strictly, %u leniently\n", strict, ROUNDS, lenient);
    assert_true(compared > ROUNDS / 10);
    assert_true(lenient > strict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_we_accept_libcbor_accepts_as_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
