#include "support/test.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cbor.h"
#include "support/vectors.h"

/* Scalars of RFC 8949 appendix A, in the order of its table; the values stand as the RFC writes them. */
static const struct {
    const char *hex;
    enum bulla_cbor_kind kind;
    uint64_t number;
} scalars[] = {
    {"00", BULLA_CBOR_UINT, 0},
    {"01", BULLA_CBOR_UINT, 1},
    {"0a", BULLA_CBOR_UINT, 10},
    {"17", BULLA_CBOR_UINT, 23},
    {"1818", BULLA_CBOR_UINT, 24},
    {"1819", BULLA_CBOR_UINT, 25},
    {"1864", BULLA_CBOR_UINT, 100},
    {"1903e8", BULLA_CBOR_UINT, 1000},
    {"1a000f4240", BULLA_CBOR_UINT, 1000000},
    {"1b000000e8d4a51000", BULLA_CBOR_UINT, 1000000000000},
    {"1bffffffffffffffff", BULLA_CBOR_UINT, UINT64_C(18446744073709551615)},
    {"3bffffffffffffffff", BULLA_CBOR_NEGATIVE, UINT64_C(18446744073709551615)}, /* -18446744073709551616 */
    {"20", BULLA_CBOR_NEGATIVE, 0},
    {"29", BULLA_CBOR_NEGATIVE, 10 - 1},
    {"3863", BULLA_CBOR_NEGATIVE, 100 - 1},
    {"3903e7", BULLA_CBOR_NEGATIVE, 1000 - 1},
    {"f4", BULLA_CBOR_BOOL, 0},
    {"f5", BULLA_CBOR_BOOL, 1},
    {"f6", BULLA_CBOR_NULL, 0},
};

static const struct {
    const char *hex;
    double value;
    bool shortest;
} floats[] = {
    {"f90000", 0.0, true}, {"f98000", -0.0, true}, {"f93c00", 1.0, true}, {"fb3ff199999999999a", 1.1, true},
    {"f93e00", 1.5, true}, {"f97bff", 65504.0, true}, {"fa47c35000", 100000.0, true},
    {"fa7f7fffff", 3.4028234663852886e+38, true}, {"fb7e37e43c8800759c", 1.0e+300, true},
    {"f90001", 5.960464477539063e-8, true}, {"f90400", 0.00006103515625, true}, {"f9c400", -4.0, true},
    {"fbc010666666666666", -4.1, true}, {"f97c00", (double)__builtin_inff(), true},
    {"f9fc00", -(double)__builtin_inff(), true}, {"fa7f800000", (double)__builtin_inff(), false},
    {"faff800000", -(double)__builtin_inff(), false}, {"fb7ff0000000000000", (double)__builtin_inff(), false},
    {"fbfff0000000000000", -(double)__builtin_inff(), false},
    /* Not of the appendix: IEEE 754 edges of the shorter forms, worked out from their definitions. */
    {"fa33800000", 0x1p-24, false},                        /* the smallest half */
    {"fa33000000", 0x1p-25, true},                         /* half of it */
    {"fa33c00000", 0x1.8p-24, true},                       /* between two halves */
    {"fa387fc000", 0x1.ff8p-15, false},                    /* the largest subnormal half */
    {"fa477fe000", 65504.0, false},                        /* the largest half */
    {"fa477ff000", 65520.0, true},                         /* rounds up, out of a half's range */
    {"fb36a0000000000000", 0x1p-149, false},               /* the smallest single */
    {"fb3690000000000000", 0x1p-150, true},                /* half of it */
    {"fb0000000000000001", 0x1p-1074, true},               /* the smallest double */
    {"fb47efffffe0000000", 3.4028234663852886e+38, false}, /* the largest single */
    {"fb47f0000000000000", 0x1p128, true},                 /* one step above it */
};

/* Strings and containers of the appendix: kind, count, and the text or bytes of a string. */
static const struct {
    const char *hex;
    enum bulla_cbor_kind kind;
    uint64_t number;
    const char *string;
} compounds[] = {
    {"40", BULLA_CBOR_BSTR, 0, ""},
    {"4401020304", BULLA_CBOR_BSTR, 4, "\x01\x02\x03\x04"},
    {"60", BULLA_CBOR_TSTR, 0, ""},
    {"6161", BULLA_CBOR_TSTR, 1, "a"},
    {"6449455446", BULLA_CBOR_TSTR, 4, "IETF"},
    {"62225c", BULLA_CBOR_TSTR, 2, "\"\\"},
    {"62c3bc", BULLA_CBOR_TSTR, 2, "\u00fc"},
    {"63e6b0b4", BULLA_CBOR_TSTR, 3, "\u6c34"},
    {"64f0908591", BULLA_CBOR_TSTR, 4, "\xf0\x90\x85\x91"},
    {"80", BULLA_CBOR_ARRAY, 0, NULL},
    {"83010203", BULLA_CBOR_ARRAY, 3, NULL},
    {"8301820203820405", BULLA_CBOR_ARRAY, 3, NULL},
    {"98190102030405060708090a0b0c0d0e0f101112131415161718181819", BULLA_CBOR_ARRAY, 25, NULL},
    {"a0", BULLA_CBOR_MAP, 0, NULL},
    {"a201020304", BULLA_CBOR_MAP, 2, NULL},
    {"a26161016162820203", BULLA_CBOR_MAP, 2, NULL},
    {"a56161614161626142616361436164614461656145", BULLA_CBOR_MAP, 5, NULL},
    {"c074323031332d30332d32315432303a30343a30305a", BULLA_CBOR_TAG, 0, NULL},
    {"c11a514b67b0", BULLA_CBOR_TAG, 1, NULL},
    {"c249010000000000000000", BULLA_CBOR_TAG, 2, NULL},
    {"d74401020304", BULLA_CBOR_TAG, 23, NULL},
    {"d82076687474703a2f2f7777772e6578616d706c652e636f6d", BULLA_CBOR_TAG, 32, NULL},
};

/* What must be refused, and how; lenient mode differs where it says so. */
static const struct {
    const char *hex;
    enum bulla_reason strict, lenient;
} refused[] = {
    /* of the appendix: what the subset leaves out */
    {"f7", BULLA_UNSUPPORTED, BULLA_UNSUPPORTED},
    {"f0", BULLA_UNSUPPORTED, BULLA_UNSUPPORTED},
    {"f8ff", BULLA_UNSUPPORTED, BULLA_UNSUPPORTED},
    {"5f42010243030405ff", BULLA_NOT_CANONICAL, BULLA_UNSUPPORTED},
    {"7f657374726561646d696e67ff", BULLA_NOT_CANONICAL, BULLA_UNSUPPORTED},
    {"9fff", BULLA_NOT_CANONICAL, BULLA_OK},
    {"9f018202039f0405ffff", BULLA_NOT_CANONICAL, BULLA_OK},
    {"83019f0203ff820405", BULLA_NOT_CANONICAL, BULLA_OK},
    {"bf61610161629f0203ffff", BULLA_NOT_CANONICAL, BULLA_OK},
    {"bf6346756ef563416d7421ff", BULLA_NOT_CANONICAL, BULLA_OK},
    {"fa7fc00000", BULLA_NOT_CANONICAL, BULLA_OK},
    {"fb7ff8000000000000", BULLA_NOT_CANONICAL, BULLA_OK},
    {"f97e01", BULLA_NOT_CANONICAL, BULLA_OK}, /* a NaN with a payload */
    /* RFC 8949 appendix F.1: not well-formed */
    {"", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"18", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"1901", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"1b01020304050607", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"38", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"41", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"61", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"5affffffff00", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"5bffffffffffffffff010203", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"7b7fffffffffffffff010203", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"81", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"9bffffffffffffffff01", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"a1", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"a20102", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"a100", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"bbffffffffffffffff0102", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"c0", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"f9", BULLA_TRUNCATED, BULLA_TRUNCATED},
    {"9f0102", BULLA_NOT_CANONICAL, BULLA_TRUNCATED},
    {"bf01020102", BULLA_NOT_CANONICAL, BULLA_DUPLICATE},
    {"1c", BULLA_MALFORMED, BULLA_MALFORMED},
    {"3d", BULLA_MALFORMED, BULLA_MALFORMED},
    {"5e", BULLA_MALFORMED, BULLA_MALFORMED},
    {"9c", BULLA_MALFORMED, BULLA_MALFORMED},
    {"fe", BULLA_MALFORMED, BULLA_MALFORMED},
    {"f800", BULLA_MALFORMED, BULLA_MALFORMED},
    {"f81f", BULLA_MALFORMED, BULLA_MALFORMED},
    {"f814", BULLA_MALFORMED, BULLA_MALFORMED}, /* false, in two bytes */
    {"ff", BULLA_MALFORMED, BULLA_MALFORMED},
    {"81ff", BULLA_MALFORMED, BULLA_MALFORMED},
    {"a1ff00", BULLA_MALFORMED, BULLA_MALFORMED},
    {"bf00ff", BULLA_NOT_CANONICAL, BULLA_MALFORMED},
    {"bf000001ff", BULLA_NOT_CANONICAL, BULLA_MALFORMED},
    {"1f", BULLA_MALFORMED, BULLA_MALFORMED},
    {"3f", BULLA_MALFORMED, BULLA_MALFORMED},
    {"df", BULLA_MALFORMED, BULLA_MALFORMED},
    /* heads that are longer than needed */
    {"1817", BULLA_NOT_CANONICAL, BULLA_OK},
    {"1900ff", BULLA_NOT_CANONICAL, BULLA_OK},
    {"1a0000ffff", BULLA_NOT_CANONICAL, BULLA_OK},
    {"1b00000000ffffffff", BULLA_NOT_CANONICAL, BULLA_OK},
    {"3800", BULLA_NOT_CANONICAL, BULLA_OK},
    {"580100", BULLA_NOT_CANONICAL, BULLA_OK},
    {"780161", BULLA_NOT_CANONICAL, BULLA_OK},
    {"980100", BULLA_NOT_CANONICAL, BULLA_OK},
    {"b8010000", BULLA_NOT_CANONICAL, BULLA_OK},
    {"d81100", BULLA_NOT_CANONICAL, BULLA_OK},
    {"fb3ff0000000000000", BULLA_NOT_CANONICAL, BULLA_OK},
    {"fa3f800000", BULLA_NOT_CANONICAL, BULLA_OK},
    /* maps */
    {"a203000100", BULLA_NOT_CANONICAL, BULLA_OK},              /* keys descend */
    {"a2616200616100", BULLA_NOT_CANONICAL, BULLA_OK},          /* "b" before "a" */
    {"a262616100616200", BULLA_NOT_CANONICAL, BULLA_OK},        /* "aa" before "b": bytewise, 62 comes after 61 */
    {"a220000100", BULLA_NOT_CANONICAL, BULLA_OK},              /* -1 before 1 */
    {"a201000100", BULLA_DUPLICATE, BULLA_DUPLICATE},           /* the same key */
    {"a3010002000100", BULLA_NOT_CANONICAL, BULLA_DUPLICATE},   /* not next to its double */
    {"a20100180100", BULLA_NOT_CANONICAL, BULLA_DUPLICATE},     /* the same number under a longer head */
    {"a2616100780161f6", BULLA_NOT_CANONICAL, BULLA_DUPLICATE}, /* the same text under a longer head */
    {"a2f93c0000fa3f80000000", BULLA_NOT_CANONICAL, BULLA_DUPLICATE},
    {"8201a201000100", BULLA_DUPLICATE, BULLA_DUPLICATE}, /* inside */
    {"a10001a0", BULLA_TRAILING, BULLA_TRAILING},
    {"a1800000", BULLA_TRAILING, BULLA_UNSUPPORTED}, /* an array as a key */
    {"0000", BULLA_TRAILING, BULLA_TRAILING},
    /* text that is not UTF-8 (RFC 3629 sections 3 and 10) */
    {"61ff", BULLA_NOT_TEXT, BULLA_NOT_TEXT},
    {"6180", BULLA_NOT_TEXT, BULLA_NOT_TEXT},
    {"61c3", BULLA_NOT_TEXT, BULLA_NOT_TEXT},       /* cut */
    {"62c080", BULLA_NOT_TEXT, BULLA_NOT_TEXT},     /* overlong NUL */
    {"62c1bf", BULLA_NOT_TEXT, BULLA_NOT_TEXT},     /* overlong */
    {"63e09fbf", BULLA_NOT_TEXT, BULLA_NOT_TEXT},   /* overlong */
    {"63eda080", BULLA_NOT_TEXT, BULLA_NOT_TEXT},   /* U+D800 */
    {"63edbfbf", BULLA_NOT_TEXT, BULLA_NOT_TEXT},   /* U+DFFF */
    {"64f08fbfbf", BULLA_NOT_TEXT, BULLA_NOT_TEXT}, /* overlong */
    {"64f4908080", BULLA_NOT_TEXT, BULLA_NOT_TEXT}, /* U+110000 */
    {"64f5808080", BULLA_NOT_TEXT, BULLA_NOT_TEXT},
    {"63e28228", BULLA_NOT_TEXT, BULLA_NOT_TEXT},
};

static enum bulla_reason decode_hex(const char *hex, bool strict, struct bulla_cbor *item, uint8_t **bytes)
{
    size_t size = 0;
    *bytes = test_hex_bytes(hex, &size);
    struct bulla_bytes view = {*bytes, size};
    return strict ? bulla_cbor_decode(view, "a test", item) : bulla_cbor_decode_lenient(view, "a test", item);
}

static void scalars_of_appendix_a_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * (sizeof scalars / sizeof *scalars); i++) {
        uint8_t *bytes = NULL;
        struct bulla_cbor item;
        assert_int_equal(decode_hex(scalars[i / 2].hex, i % 2, &item, &bytes), BULLA_OK);
        assert_int_equal(item.kind, scalars[i / 2].kind);
        assert_true(item.number == scalars[i / 2].number);
        assert_int_equal(item.encoded.size, strlen(scalars[i / 2].hex) / 2);
        free(bytes);
    }
}

static void floats_of_appendix_a_are_read_and_only_the_shortest_are_canonical(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        uint8_t *bytes = NULL;
        struct bulla_cbor item;
        uint64_t expected = 0;
        memcpy(&expected, &floats[i].value, sizeof expected);
        assert_int_equal(decode_hex(floats[i].hex, false, &item, &bytes), BULLA_OK);
        assert_int_equal(item.kind, BULLA_CBOR_FLOAT);
        assert_true(item.number == expected);
        free(bytes);
        assert_int_equal(
            decode_hex(floats[i].hex, true, &item, &bytes), floats[i].shortest ? BULLA_OK : BULLA_NOT_CANONICAL);
        free(bytes);
    }
}

static void strings_and_containers_of_appendix_a_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof compounds / sizeof *compounds; i++) {
        uint8_t *bytes = NULL;
        struct bulla_cbor item;
        assert_int_equal(decode_hex(compounds[i].hex, true, &item, &bytes), BULLA_OK);
        assert_int_equal(item.kind, compounds[i].kind);
        assert_true(item.number == compounds[i].number);
        assert_int_equal(item.encoded.size, strlen(compounds[i].hex) / 2);
        if (compounds[i].string)
            assert_true(bulla_bytes_equal_text(item.string, compounds[i].string));
        free(bytes);
    }
}

static void what_is_not_taken_is_refused_by_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        uint8_t *bytes = NULL;
        struct bulla_cbor item;
        enum bulla_reason strict = decode_hex(refused[i].hex, true, &item, &bytes);
        free(bytes);
        enum bulla_reason lenient = decode_hex(refused[i].hex, false, &item, &bytes);
        free(bytes);
        if (strict != refused[i].strict || lenient != refused[i].lenient)
            print_error(
                "%s: strict %s, lenient %s\n", refused[i].hex, bulla_reason_code(strict), bulla_reason_code(lenient));
        assert_int_equal(strict, refused[i].strict);
        assert_int_equal(lenient, refused[i].lenient);
    }
}

static void keys_of_other_kinds_and_of_other_maps_are_other_keys(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "a201002100",     /* 1 and -2, whose arguments are the same */
        "a24161006161f6", /* h'61' and "a" */
        "a3010020f4f4f5", /* 1, -1, false */
        "a101a101a10100", /* 1 in three maps within each other */
        "82a10100a10100", /* and in two side by side */
        "a201a101000200", /* and inside the first of two pairs */
    };
    for (size_t i = 0; i < 2 * (sizeof rows / sizeof *rows); i++) {
        uint8_t *bytes = NULL;
        struct bulla_cbor item;
        assert_int_equal(decode_hex(rows[i / 2], i % 2, &item, &bytes), BULLA_OK);
        free(bytes);
    }
}

static void every_beginning_of_an_item_is_refused_as_truncated(void **state)
{
    (void)state;
    const char *hex = "a5616102616283f5f6fb3ff199999999999a616344010203046164d8208164f0908591616ea2010220f93e00";
    size_t size = 0;
    uint8_t *bytes = test_hex_bytes(hex, &size);
    struct bulla_cbor item;
    assert_int_equal(bulla_cbor_decode((struct bulla_bytes){bytes, size}, "a test", &item), BULLA_OK);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *part = malloc(cut + 1); /* of its own, so that a sanitizer sees a step too far */
        assert_non_null(part);
        memcpy(part, bytes, cut);
        uint8_t *exact = realloc(part, cut ? cut : 1);
        assert_non_null(exact);
        assert_int_equal(bulla_cbor_decode((struct bulla_bytes){exact, cut}, "a test", &item), BULLA_TRUNCATED);
        assert_int_equal(item.kind, BULLA_CBOR_NULL);
        assert_int_equal(bulla_cbor_decode_lenient((struct bulla_bytes){exact, cut}, "a test", &item), BULLA_TRUNCATED);
        free(exact);
    }
    free(bytes);
}

static enum bulla_reason decode_nested(uint8_t head, size_t depth, bool strict)
{
    uint8_t bytes[64];
    struct bulla_cbor item;
    memset(bytes, head, depth);
    bytes[depth] = 0;
    struct bulla_bytes view = {bytes, depth + 1};
    return strict ? bulla_cbor_decode(view, "a test", &item) : bulla_cbor_decode_lenient(view, "a test", &item);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    for (int strict = 0; strict < 2; strict++) {
        assert_int_equal(decode_nested(0x81, 16, strict), BULLA_OK);
        assert_int_equal(decode_nested(0x81, 17, strict), BULLA_TOO_LARGE);
        assert_int_equal(decode_nested(0xc1, 16, strict), BULLA_OK);
        assert_int_equal(decode_nested(0xc1, 17, strict), BULLA_TOO_LARGE);
    }
}

/* As many items as there are bytes, and never more: a count is not believed in. */
static void the_number_of_items_is_bounded_by_the_bytes(void **state)
{
    (void)state;
    enum { ITEMS = 1 << 20 };
    static uint8_t bytes[5 + ITEMS] = {0x9a, 0, ITEMS >> 16, 0, 0};
    const struct bulla_bytes whole = {bytes, sizeof bytes}, short_of_one = {bytes, sizeof bytes - 1};
    struct bulla_cbor item, inner;
    size_t count = 0;
    assert_int_equal(bulla_cbor_decode(whole, "a test", &item), BULLA_OK);
    assert_int_equal(item.number, ITEMS);
    for (struct bulla_cbor_walk walk = bulla_cbor_inside(&item); bulla_cbor_next(&walk, &inner);)
        count++;
    assert_int_equal(count, ITEMS);
    assert_int_equal(bulla_cbor_decode_lenient(whole, "a test", &item), BULLA_OK);
    assert_int_equal(bulla_cbor_decode(short_of_one, "a test", &item), BULLA_TRUNCATED);
    assert_int_equal(bulla_cbor_decode_lenient(short_of_one, "a test", &item), BULLA_TRUNCATED);
    memset(bytes + 1, 0xff, 4);
    assert_int_equal(bulla_cbor_decode(whole, "a test", &item), BULLA_TRUNCATED);
}

static enum bulla_reason decode_lenient_map(unsigned pairs)
{
    uint8_t bytes[2048];
    struct bulla_writer writer;
    struct bulla_cbor item;
    bulla_writer_open(&writer, bytes, sizeof bytes);
    bulla_cbor_write_map(&writer, pairs);
    for (unsigned i = 0; i < pairs; i++) {
        bulla_cbor_write_uint(&writer, pairs - i); /* descending: no strict mode would take it */
        bulla_cbor_write_uint(&writer, 0);
    }
    assert_int_equal(bulla_writer_finish(&writer, "map"), BULLA_OK);
    return bulla_cbor_decode_lenient(bulla_writer_bytes(&writer), "a test", &item);
}

static void a_lenient_map_has_at_most_256_keys(void **state)
{
    (void)state;
    assert_int_equal(decode_lenient_map(256), BULLA_OK);
    assert_int_equal(decode_lenient_map(257), BULLA_TOO_LARGE);
}

static void a_map_that_ended_makes_room_for_the_next(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    struct bulla_writer writer;
    struct bulla_cbor item;
    bulla_writer_open(&writer, bytes, sizeof bytes);
    bulla_cbor_write_array(&writer, 3);
    for (unsigned map = 0; map < 3; map++) {
        bulla_cbor_write_map(&writer, 200);
        for (unsigned i = 0; i < 200; i++) {
            bulla_cbor_write_uint(&writer, i);
            bulla_cbor_write_uint(&writer, 0);
        }
    }
    assert_int_equal(bulla_cbor_decode_lenient(bulla_writer_bytes(&writer), "a test", &item), BULLA_OK);
}

static void walking_gives_the_items_of_maps_arrays_and_tags(void **state)
{
    (void)state;
    const char *const forms[] = {"a301820203200a6161c11864", "bf019f0203ff200a6161c11864ff"};
    for (size_t i = 0; i < 2; i++) {
        uint8_t *bytes = NULL;
        struct bulla_cbor map;
        struct bulla_cbor item;
        struct bulla_cbor inner;
        assert_int_equal(decode_hex(forms[i], i == 0, &map, &bytes), BULLA_OK);
        assert_int_equal(map.number, 3);
        struct bulla_cbor_walk walk = bulla_cbor_inside(&map);
        assert_true(bulla_cbor_next(&walk, &item) && item.kind == BULLA_CBOR_UINT && item.number == 1);
        assert_true(bulla_cbor_next(&walk, &item) && item.kind == BULLA_CBOR_ARRAY && item.number == 2);
        struct bulla_cbor_walk inside = bulla_cbor_inside(&item);
        assert_true(bulla_cbor_next(&inside, &inner) && inner.number == 2);
        assert_true(bulla_cbor_next(&inside, &inner) && inner.number == 3);
        assert_false(bulla_cbor_next(&inside, &inner));
        assert_true(bulla_cbor_next(&walk, &item) && item.kind == BULLA_CBOR_NEGATIVE && item.number == 0);
        assert_true(bulla_cbor_next(&walk, &item) && item.number == 10);
        assert_true(bulla_cbor_next(&walk, &item) && bulla_bytes_equal_text(item.string, "a"));
        assert_true(bulla_cbor_next(&walk, &item) && item.kind == BULLA_CBOR_TAG && item.number == 1);
        inside = bulla_cbor_inside(&item);
        assert_true(bulla_cbor_next(&inside, &inner) && inner.number == 100);
        assert_false(bulla_cbor_next(&inside, &inner));
        assert_false(bulla_cbor_next(&walk, &item));
        free(bytes);
    }
}

static void assert_written(const struct bulla_writer *writer, const char *hex)
{
    size_t size = 0;
    uint8_t *expected = test_hex_bytes(hex, &size);
    assert_int_equal(bulla_writer_finish(writer, "a test"), BULLA_OK);
    assert_int_equal(writer->size, size);
    assert_memory_equal(writer->data, expected, size);
    free(expected);
}

static void scalars_of_appendix_a_are_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++) {
        uint8_t bytes[16];
        struct bulla_writer writer;
        bulla_writer_open(&writer, bytes, sizeof bytes);
        if (scalars[i].kind == BULLA_CBOR_UINT)
            bulla_cbor_write_uint(&writer, scalars[i].number);
        else if (scalars[i].kind == BULLA_CBOR_NEGATIVE && scalars[i].number <= INT64_MAX)
            bulla_cbor_write_int(&writer, -1 - (int64_t)scalars[i].number);
        else if (scalars[i].kind == BULLA_CBOR_BOOL)
            bulla_cbor_write_bool(&writer, scalars[i].number);
        else if (scalars[i].kind == BULLA_CBOR_NULL)
            bulla_cbor_write_null(&writer);
        else
            continue; /* below every int64_t */
        assert_written(&writer, scalars[i].hex);
    }
}

static void compounds_of_appendix_a_are_written(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct bulla_writer writer;
    bulla_writer_open(&writer, bytes, sizeof bytes);
    bulla_cbor_write_map(&writer, 2);
    bulla_cbor_write_tstr(&writer, "a");
    bulla_cbor_write_int(&writer, 1);
    bulla_cbor_write_tstr_bytes(&writer, BULLA_TEXT("b"));
    bulla_cbor_write_array(&writer, 2);
    bulla_cbor_write_uint(&writer, 2);
    bulla_cbor_write_uint(&writer, 3);
    assert_written(&writer, "a26161016162820203");

    bulla_writer_open(&writer, bytes, sizeof bytes);
    bulla_cbor_write_tag(&writer, 23);
    bulla_cbor_write_bstr(&writer, BULLA_TEXT("\x01\x02\x03\x04"));
    assert_written(&writer, "d74401020304");

    bulla_writer_open(&writer, bytes, sizeof bytes);
    bulla_cbor_write_int(&writer, INT64_MIN); /* -1 - (2^63 - 1) */
    assert_written(&writer, "3b7fffffffffffffff");
}

/* The item against the value that the vectors' JSON gives; numbers as doubles, which is all that JSON promises. */
static void assert_same(const struct bulla_cbor *item, const json_t *json)
{
    struct bulla_cbor_walk walk = bulla_cbor_inside(item);
    struct bulla_cbor inner;
    double number = 0;
    switch (item->kind) {
    case BULLA_CBOR_FLOAT:
        memcpy(&number, &item->number, sizeof number);
        assert_true(number == json_real_value(json));
        break;
    case BULLA_CBOR_UINT:
        assert_true((double)item->number == json_real_value(json));
        break;
    case BULLA_CBOR_NEGATIVE:
        assert_true(-1 - (double)item->number == json_real_value(json));
        break;
    case BULLA_CBOR_TSTR:
        assert_true(bulla_bytes_equal_text(item->string, json_string_value(json)));
        break;
    case BULLA_CBOR_BOOL:
        assert_int_equal(item->number, json_is_true(json));
        break;
    case BULLA_CBOR_NULL:
        assert_true(json_is_null(json));
        break;
    case BULLA_CBOR_ARRAY:
        assert_int_equal(item->number, json_array_size(json));
        for (size_t i = 0; bulla_cbor_next(&walk, &inner); i++)
            assert_same(&inner, json_array_get(json, i));
        break;
    case BULLA_CBOR_MAP:
        assert_int_equal(item->number, json_object_size(json));
        while (bulla_cbor_next(&walk, &inner)) {
            char key[16] = {0};
            assert_true(inner.string.size < sizeof key);
            memcpy(key, inner.string.data, inner.string.size);
            assert_true(bulla_cbor_next(&walk, &inner));
            assert_same(&inner, json_object_get(json, key));
        }
        break;
    default: /* tags and byte strings have no JSON */
        fail();
    }
}

static void the_whole_of_appendix_a_is_read_where_it_is_at_hand(void **state)
{
    (void)state;
    size_t size = 0;
    unsigned char *file = test_vector_file("cose/cbor_appendix_a.json", &size);
    if (!file)
        skip();
    json_t *all = json_loadb((const char *)file, size, JSON_DECODE_INT_AS_REAL, NULL);
    assert_true(json_array_size(all) > 80);
    size_t compared = 0;
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *entry = json_array_get(all, i);
        const char *hex = json_string_value(json_object_get(entry, "hex"));
        const json_t *decoded = json_object_get(entry, "decoded");
        bool deterministic = json_is_true(json_object_get(entry, "roundtrip"));
        bool left_out = strcmp(hex, "f7") == 0 || strcmp(hex, "f0") == 0 || strcmp(hex, "f8ff") == 0 ||
                        strcmp(hex, "f818") == 0 || strncmp(hex, "5f", 2) == 0 || strncmp(hex, "7f", 2) == 0;
        uint8_t *bytes = NULL;
        struct bulla_cbor item;
        bool strict = decode_hex(hex, true, &item, &bytes) == BULLA_OK;
        assert_int_equal(strict, deterministic && !left_out);
        free(bytes);
        bool lenient = decode_hex(hex, false, &item, &bytes) == BULLA_OK;
        assert_int_equal(lenient, !left_out);
        if (lenient && decoded && item.kind != BULLA_CBOR_TAG) {
            assert_same(&item, decoded);
            compared++;
        }
        free(bytes);
    }
    assert_true(compared > 50);
    json_decref(all);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_of_appendix_a_are_read),
        cmocka_unit_test(floats_of_appendix_a_are_read_and_only_the_shortest_are_canonical),
        cmocka_unit_test(strings_and_containers_of_appendix_a_are_read),
        cmocka_unit_test(what_is_not_taken_is_refused_by_its_reason),
        cmocka_unit_test(keys_of_other_kinds_and_of_other_maps_are_other_keys),
        cmocka_unit_test(every_beginning_of_an_item_is_refused_as_truncated),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(the_number_of_items_is_bounded_by_the_bytes),
        cmocka_unit_test(a_lenient_map_has_at_most_256_keys),
        cmocka_unit_test(a_map_that_ended_makes_room_for_the_next),
        cmocka_unit_test(walking_gives_the_items_of_maps_arrays_and_tags),
        cmocka_unit_test(scalars_of_appendix_a_are_written),
        cmocka_unit_test(compounds_of_appendix_a_are_written),
        cmocka_unit_test(the_whole_of_appendix_a_is_read_where_it_is_at_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
