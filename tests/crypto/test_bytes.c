#include "support/test.h"

#include "crypto/bytes.h"

static const uint8_t fifteen[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void numbers_are_read_big_endian(void **state)
{
    (void)state;
    struct bulla_reader reader;
    bulla_reader_open(&reader, BULLA_BYTES(fifteen));
    assert_int_equal(bulla_read_u8(&reader), 0x01);
    assert_int_equal(bulla_read_u16(&reader), 0x0203);
    assert_int_equal(bulla_read_u32(&reader), 0x04050607);
    assert_true(bulla_read_u64(&reader) == UINT64_C(0x08090a0b0c0d0e0f));
    assert_int_equal(bulla_reader_finish(&reader, "numbers"), BULLA_OK);
}

static void zeros_are_told_from_others_and_from_nothing(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0, 0, 1, 0};
    struct bulla_reader reader;
    bulla_reader_open(&reader, BULLA_BYTES(bytes));
    assert_true(bulla_read_zeros(&reader, 2));
    assert_false(bulla_read_zeros(&reader, 1));
    assert_true(bulla_read_zeros(&reader, 1));
    assert_false(reader.failed);
    assert_true(bulla_read_zeros(&reader, 0));
    assert_false(bulla_read_zeros(&reader, 1));
    assert_true(reader.failed);
}

static void numbers_are_read_little_endian(void **state)
{
    (void)state;
    struct bulla_reader reader;
    bulla_reader_open(&reader, (struct bulla_bytes){fifteen, 14});
    assert_int_equal(bulla_read_u16_little(&reader), 0x0201);
    assert_int_equal(bulla_read_u32_little(&reader), 0x06050403);
    assert_true(bulla_read_u64_little(&reader) == UINT64_C(0x0e0d0c0b0a090807));
    assert_int_equal(bulla_reader_finish(&reader, "numbers"), BULLA_OK);
    assert_int_equal(bulla_read_u16_little(&reader), 0);
    assert_true(reader.failed);
}

static void a_reader_that_failed_stays_failed(void **state)
{
    (void)state;
    struct bulla_reader reader;
    bulla_reader_open(&reader, (struct bulla_bytes){fifteen, 3});
    assert_int_equal(bulla_read_u32(&reader), 0);
    assert_true(reader.failed);
    assert_int_equal(bulla_reader_left(&reader), 0);
    assert_int_equal(bulla_read_u8(&reader), 0); /* three bytes are there: they are not given out any more */
    struct bulla_bytes view = bulla_read(&reader, 0);
    assert_null(view.data);
    assert_int_equal(bulla_reader_finish(&reader, "record"), BULLA_TRUNCATED);
    assert_string_equal(bulla_detail(), "record ends early");
}

static void a_size_from_outside_cannot_wrap(void **state)
{
    (void)state;
    struct bulla_reader reader;
    bulla_reader_open(&reader, BULLA_BYTES(fifteen));
    struct bulla_bytes view = bulla_read(&reader, SIZE_MAX);
    assert_null(view.data);
    assert_int_equal(view.size, 0);
    assert_true(reader.failed);
}

static void bytes_left_over_are_refused(void **state)
{
    (void)state;
    struct bulla_reader reader;
    bulla_reader_open(&reader, BULLA_BYTES(fifteen));
    struct bulla_bytes view = bulla_read(&reader, 14);
    assert_ptr_equal(view.data, fifteen);
    assert_int_equal(view.size, 14);
    assert_int_equal(bulla_reader_finish(&reader, "record"), BULLA_TRAILING);
}

static void nothing_reads_as_empty(void **state)
{
    (void)state;
    struct bulla_reader reader;
    bulla_reader_open(&reader, (struct bulla_bytes){NULL, 0});
    assert_int_equal(bulla_read(&reader, 0).size, 0);
    assert_int_equal(bulla_reader_finish(&reader, "nothing"), BULLA_OK);
    (void)bulla_read_u8(&reader);
    assert_int_equal(bulla_reader_finish(&reader, "nothing"), BULLA_TRUNCATED);
}

static void numbers_are_written_big_endian(void **state)
{
    (void)state;
    uint8_t memory[15];
    struct bulla_writer writer;
    bulla_writer_open(&writer, memory, sizeof memory);
    bulla_write_u8(&writer, 0x01);
    bulla_write_u16(&writer, 0x0203);
    bulla_write_u32(&writer, 0x04050607);
    bulla_write_u64(&writer, UINT64_C(0x08090a0b0c0d0e0f));
    assert_int_equal(bulla_writer_finish(&writer, "numbers"), BULLA_OK);
    assert_true(bulla_bytes_equal(bulla_writer_bytes(&writer), BULLA_BYTES(fifteen)));
}

static void a_writer_stops_at_its_capacity_and_counts_on(void **state)
{
    (void)state;
    uint8_t memory[8] = {0};
    struct bulla_writer writer;
    bulla_writer_open(&writer, memory, 4);
    bulla_write_u8(&writer, 0xaa);
    bulla_write_u32(&writer, 0xbbbbbbbb);
    bulla_write_u8(&writer, 0xcc); /* would fit, but what comes before it did not */
    const uint8_t expected[8] = {0xaa};
    assert_memory_equal(memory, expected, sizeof memory);
    assert_int_equal(writer.size, 6);
    assert_int_equal(bulla_writer_bytes(&writer).size, 0);
    assert_int_equal(bulla_writer_finish(&writer, "answer"), BULLA_BUFFER_SMALL);
    assert_string_equal(bulla_detail(), "answer needs 6 bytes and has room for 4");
}

static void a_writer_without_memory_only_counts(void **state)
{
    (void)state;
    struct bulla_writer writer;
    bulla_writer_open(&writer, NULL, 100);
    bulla_write_bytes(&writer, BULLA_BYTES(fifteen));
    assert_int_equal(writer.size, 15);
    assert_int_equal(bulla_writer_finish(&writer, "count"), BULLA_BUFFER_SMALL);
    bulla_write(&writer, fifteen, SIZE_MAX);
    assert_true(writer.size == SIZE_MAX); /* and does not wrap into something that fits */
}

static void views_are_compared_by_content(void **state)
{
    (void)state;
    assert_true(bulla_bytes_equal_text(BULLA_TEXT("tpm"), "tpm"));
    assert_false(bulla_bytes_equal_text(BULLA_TEXT("tpm"), "tp"));
    assert_false(bulla_bytes_equal_text(BULLA_TEXT("tpm"), "tpn"));
    assert_true(bulla_bytes_equal((struct bulla_bytes){NULL, 0}, (struct bulla_bytes){fifteen, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_big_endian),
        cmocka_unit_test(zeros_are_told_from_others_and_from_nothing),
        cmocka_unit_test(numbers_are_read_little_endian),
        cmocka_unit_test(a_reader_that_failed_stays_failed),
        cmocka_unit_test(a_size_from_outside_cannot_wrap),
        cmocka_unit_test(bytes_left_over_are_refused),
        cmocka_unit_test(nothing_reads_as_empty),
        cmocka_unit_test(numbers_are_written_big_endian),
        cmocka_unit_test(a_writer_stops_at_its_capacity_and_counts_on),
        cmocka_unit_test(a_writer_without_memory_only_counts),
        cmocka_unit_test(views_are_compared_by_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
