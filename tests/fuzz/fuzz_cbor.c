/* The CBOR reader. Its properties: what strict mode takes has one encoding, so writing it again gives the same bytes;
 * what lenient mode takes becomes, written again, something that lenient mode takes; walking finds every item. */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "crypto/cbor.h"

static void write_again(const struct bulla_cbor *item, struct bulla_writer *writer);

static void write_inside(const struct bulla_cbor *item, struct bulla_writer *writer)
{
    struct bulla_cbor_walk walk = bulla_cbor_inside(item);
    struct bulla_cbor inner;
    uint64_t count = 0;
    for (; bulla_cbor_next(&walk, &inner); count++)
        write_again(&inner, writer);
    uint64_t expected = item->kind == BULLA_CBOR_TAG ? 1 : item->number << (item->kind == BULLA_CBOR_MAP);
    FUZZ_CHECK(count == expected);
    FUZZ_CHECK(bulla_reader_left(&walk.reader) == 0 && !walk.reader.failed);
}

static void write_again(const struct bulla_cbor *item, struct bulla_writer *writer)
{
    switch (item->kind) {
    case BULLA_CBOR_UINT:
        bulla_cbor_write_uint(writer, item->number);
        break;
    case BULLA_CBOR_NEGATIVE:
        if (item->number <= INT64_MAX)
            bulla_cbor_write_int(writer, -1 - (int64_t)item->number);
        else
            bulla_write_bytes(writer, item->encoded); /* below every int64_t */
        break;
    case BULLA_CBOR_BSTR:
        bulla_cbor_write_bstr(writer, item->string);
        break;
    case BULLA_CBOR_TSTR:
        bulla_cbor_write_tstr_bytes(writer, item->string);
        break;
    case BULLA_CBOR_ARRAY:
        bulla_cbor_write_array(writer, item->number);
        write_inside(item, writer);
        break;
    case BULLA_CBOR_MAP:
        bulla_cbor_write_map(writer, item->number);
        write_inside(item, writer);
        break;
    case BULLA_CBOR_TAG:
        bulla_cbor_write_tag(writer, item->number);
        write_inside(item, writer);
        break;
    case BULLA_CBOR_BOOL:
        bulla_cbor_write_bool(writer, item->number);
        break;
    case BULLA_CBOR_NULL:
        bulla_cbor_write_null(writer);
        break;
    case BULLA_CBOR_FLOAT:
        bulla_write_bytes(writer, item->encoded);
        break;
    default:
        abort();
    }
}

static void try_fields(const struct bulla_cbor *map)
{
    struct bulla_cbor values[3];
    const struct bulla_cbor_field fields[] = {
        {.key = 1, .kind = BULLA_CBOR_UINT, .value = &values[0], .largest = 100},
        {.key = -1, .kind = BULLA_CBOR_BSTR, .value = &values[1], .optional = true, .smallest = 1, .largest = 8},
        {.text_key = "a", .kind = BULLA_CBOR_ARRAY, .value = &values[2], .optional = true},
    };
    if (bulla_cbor_fields(map, fields, 3, "fuzz") != BULLA_OK)
        return;
    FUZZ_CHECK(map->kind == BULLA_CBOR_MAP && map->number >= 1 && map->number <= 3);
    FUZZ_CHECK(values[0].kind == BULLA_CBOR_UINT && values[0].number <= 100);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bulla_bytes bytes = {data, size};
    struct bulla_cbor item;
    struct bulla_writer writer;
    size_t capacity = 2 * size + 16; /* a count may be longer than the break that it replaces */
    uint8_t *memory = malloc(capacity);
    if (!memory)
        return 0;
    bool strict = bulla_cbor_decode(bytes, "fuzz", &item) == BULLA_OK;
    if (strict) {
        bulla_writer_open(&writer, memory, capacity);
        write_again(&item, &writer);
        FUZZ_CHECK(bulla_bytes_equal(bulla_writer_bytes(&writer), bytes));
        try_fields(&item);
    }
    enum bulla_reason lenient = bulla_cbor_decode_lenient(bytes, "fuzz", &item);
    FUZZ_CHECK(!strict || lenient == BULLA_OK || lenient == BULLA_UNSUPPORTED || lenient == BULLA_TOO_LARGE);
    if (lenient == BULLA_OK) {
        try_fields(&item);
        bulla_writer_open(&writer, memory, capacity);
        write_again(&item, &writer);
        FUZZ_CHECK(bulla_writer_finish(&writer, "fuzz") == BULLA_OK);
        FUZZ_CHECK(bulla_cbor_decode_lenient(bulla_writer_bytes(&writer), "fuzz", &item) == BULLA_OK);
    }
    free(memory);
    return 0;
}
