#include "support/test.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/cbor.h"
#include "support/vectors.h"

/* 1: uint, 10 to 20; -3: bstr, exactly 2 bytes; "name": tstr; 7: optional bool */
struct values {
    struct bulla_cbor number, bytes, name, flag;
};

static enum bulla_reason read_fields(const char *hex, struct values *values)
{
    static uint8_t memory[256];
    struct bulla_bytes bytes = {memory, test_hex(hex, memory, sizeof memory)};
    struct bulla_cbor map;
    *values = (struct values){.flag.kind = BULLA_CBOR_NULL};
    const struct bulla_cbor_field fields[] = {
        {.key = 1, .kind = BULLA_CBOR_UINT, .value = &values->number, .smallest = 10, .largest = 20},
        {.key = -3, .kind = BULLA_CBOR_BSTR, .value = &values->bytes, .smallest = 2, .largest = 2},
        {.text_key = "name", .kind = BULLA_CBOR_TSTR, .value = &values->name},
        {.key = 7, .kind = BULLA_CBOR_BOOL, .value = &values->flag, .optional = true},
    };
    assert_int_equal(bulla_cbor_decode(bytes, "a test", &map), BULLA_OK);
    return bulla_cbor_fields(&map, fields, sizeof fields / sizeof *fields, "a test");
}

static void fields_are_found_by_key_and_kind(void **state)
{
    (void)state;
    struct values values;
    assert_int_equal(read_fields("a4010a07f522420a0b646e616d65626d36", &values), BULLA_OK);
    assert_int_equal(values.number.number, 10);
    assert_memory_equal(values.bytes.string.data, "\x0a\x0b", 2);
    assert_true(bulla_bytes_equal_text(values.name.string, "m6"));
    assert_int_equal(values.flag.kind, BULLA_CBOR_BOOL);
    assert_int_equal(values.flag.number, 1);
}

static void an_optional_field_may_be_absent(void **state)
{
    (void)state;
    struct values values;
    assert_int_equal(read_fields("a3011422420a0b646e616d6560", &values), BULLA_OK);
    assert_int_equal(values.flag.kind, BULLA_CBOR_NULL);
    assert_int_equal(values.number.number, 20);
}

static void a_map_that_does_not_fit_its_table_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum bulla_reason reason;
        const char *detail;
    } rows[] = {
        {"a222420a0b646e616d6560", BULLA_MALFORMED, "a test lacks the field 1"},
        {"a2010a646e616d6560", BULLA_MALFORMED, "a test lacks the field -3"},
        {"a2010a22420a0b", BULLA_MALFORMED, "a test lacks the field name"},
        {"a0", BULLA_MALFORMED, "a test lacks the field 1"},
        {"a4010a020022420a0b646e616d6560", BULLA_UNKNOWN_FIELD, "a test has a field 2"},
        {"a4010a21002242"
         "0a0b646e616d6560",
            BULLA_UNKNOWN_FIELD, "a test has a field -1-1"},
        {"a4010a22420a0b646e616d6560646e616d6600", BULLA_UNKNOWN_FIELD, "a test has a field namf"},
        {"a4010a22420a0b610a00646e616d6560", BULLA_UNKNOWN_FIELD, "a test has a field ?"},
        {"a4010a22420a0b4101006461626364"
         "00",
            BULLA_UNKNOWN_FIELD, "a test has a field of another kind"},
        {"a3010922420a0b646e616d6560", BULLA_MALFORMED, "field 1 of a test is not within 10 to 20"},
        {"a3011522420a0b646e616d6560", BULLA_MALFORMED, "field 1 of a test is not within 10 to 20"},
        {"a3010a22410a646e616d6560", BULLA_MALFORMED, "field -1-2 of a test is not within 2 to 2"},
        {"a3010a22430a0b0c646e616d6560", BULLA_MALFORMED, "field -1-2 of a test is not within 2 to 2"},
        {"a3010a22620a0b646e616d6560", BULLA_MALFORMED, "field -1-2 of a test is of the wrong kind"},
        {"a3012922420a0b646e616d6560", BULLA_MALFORMED, "field 1 of a test is of the wrong kind"},
        {"a4010a07f622420a0b646e616d6560", BULLA_MALFORMED, "field 7 of a test is of the wrong kind"},
        {"83010a00", BULLA_MALFORMED, "a test is not a CBOR map"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct values values;
        assert_int_equal(read_fields(rows[i].hex, &values), rows[i].reason);
        assert_string_equal(bulla_detail(), rows[i].detail);
    }
}

static void a_field_that_may_be_null_must_still_be_there(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum bulla_reason reason;
    } rows[] = {
        {"\xa1\x01\xf6", 3, BULLA_OK},            /* {1: null} */
        {"\xa1\x01\x42\x00\x00", 5, BULLA_OK},    /* {1: h'0000'} */
        {"\xa1\x01\x41\x00", 4, BULLA_MALFORMED}, /* {1: h'00'}: too short */
        {"\xa1\x01\xf5", 3, BULLA_MALFORMED},     /* {1: true} */
        {"\xa0", 1, BULLA_MALFORMED},             /* {} */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bulla_cbor map;
        struct bulla_cbor value = {.kind = BULLA_CBOR_BOOL};
        const struct bulla_cbor_field field = {.key = 1,
            .kind = BULLA_CBOR_BSTR,
            .optional = BULLA_CBOR_OR_NULL,
            .value = &value,
            .smallest = 2,
            .largest = 3};
        const struct bulla_bytes bytes = {(const uint8_t *)rows[i].bytes, rows[i].size};
        assert_int_equal(bulla_cbor_decode(bytes, "a test", &map), BULLA_OK);
        assert_int_equal(bulla_cbor_fields(&map, &field, 1, "a test"), rows[i].reason);
        assert_int_equal(value.kind, i == 0 ? BULLA_CBOR_NULL : i == 1 ? BULLA_CBOR_BSTR : BULLA_CBOR_BOOL);
        assert_int_equal(value.string.size, i == 1 ? 2 : 0);
    }
}

static void a_foreign_key_is_cut_in_the_detail(void **state)
{
    (void)state;
    uint8_t bytes[256];
    struct bulla_writer writer;
    struct bulla_cbor map;
    char name[100];
    memset(name, 'n', sizeof name);
    bulla_writer_open(&writer, bytes, sizeof bytes);
    bulla_cbor_write_map(&writer, 1);
    bulla_cbor_write_tstr_bytes(&writer, BULLA_BYTES(name));
    bulla_cbor_write_null(&writer);
    assert_int_equal(bulla_cbor_decode(bulla_writer_bytes(&writer), "a test", &map), BULLA_OK);
    assert_int_equal(bulla_cbor_fields(&map, NULL, 0, "a test"), BULLA_UNKNOWN_FIELD);
    assert_int_equal(strlen(bulla_detail()), strlen("a test has a field ") + 47);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found_by_key_and_kind),
        cmocka_unit_test(an_optional_field_may_be_absent),
        cmocka_unit_test(a_map_that_does_not_fit_its_table_is_refused),
        cmocka_unit_test(a_field_that_may_be_null_must_still_be_there),
        cmocka_unit_test(a_foreign_key_is_cut_in_the_detail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
