/* DER by X.690: the encodings are written out from clauses 8 and 10. */
#include "support/test.h"

#include <stdlib.h>

#include "evidence/der.h"
#include "support/vectors.h"

static bool only(const char *hex, uint8_t tag, struct bulla_bytes *content)
{
    static uint8_t *bytes;
    size_t size;
    free(bytes);
    bytes = test_hex_bytes(hex, &size);
    return bulla_der_only((struct bulla_bytes){bytes, size}, tag, content);
}

static bool is_whole(const char *hex)
{
    struct bulla_bytes content;
    return only(hex, BULLA_DER_OCTETS, &content);
}

static bool is_small(const char *hex, uint16_t *value)
{
    size_t size;
    uint8_t *bytes = test_hex_bytes(hex, &size);
    bool small = bulla_der_small((struct bulla_bytes){bytes, size}, value);
    free(bytes);
    return small;
}

static void an_element_has_one_encoding(void **state)
{
    (void)state;
    struct bulla_bytes content;
    assert_true(only("0403010203", BULLA_DER_OCTETS, &content));
    assert_int_equal(content.size, 3);
    assert_true(is_whole("0400"));
    assert_false(is_whole(""));
    assert_false(is_whole("04"));
    assert_false(is_whole("0402aa"));         /* cut off */
    assert_false(is_whole("0401aabb"));       /* trailing */
    assert_false(is_whole("0201aa"));         /* another tag */
    assert_false(is_whole("1f0401aa"));       /* a tag of several bytes */
    assert_false(is_whole("048101aa"));       /* a length that fits one byte */
    assert_false(is_whole("04820001aa"));     /* a leading zero */
    assert_false(is_whole("0480aa0000"));     /* indefinite */
    assert_false(is_whole("048400000001aa")); /* four bytes of length */
    assert_false(is_whole("0483ffffffaa"));   /* longer than it is */
    assert_false(is_whole("04ff"));
}

static void long_elements_have_long_lengths(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        const char *head;
    } cases[] = {
        {127, "047f"}, {128, "048180"}, {255, "0481ff"}, {256, "04820100"}, {65535, "0482ffff"}, {65536, "0483010000"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *bytes = calloc(1, cases[i].size + 5);
        size_t head = test_hex(cases[i].head, bytes, 5);
        struct bulla_bytes content;
        assert_true(bulla_der_only((struct bulla_bytes){bytes, head + cases[i].size}, BULLA_DER_OCTETS, &content));
        assert_int_equal(content.size, cases[i].size);
        assert_false(bulla_der_only((struct bulla_bytes){bytes, head + cases[i].size - 1}, BULLA_DER_OCTETS, &content));
        free(bytes);
    }
}

static void elements_follow_one_another(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x02, 0x01, 0x05, 0x30, 0x02, 0x05, 0x00, 0x04};
    struct bulla_reader reader;
    struct bulla_der element;
    bulla_reader_open(&reader, BULLA_BYTES(bytes));
    assert_true(bulla_der_next(&reader, &element));
    assert_int_equal(element.tag, BULLA_DER_INTEGER);
    assert_true(bulla_der_next(&reader, &element));
    assert_int_equal(element.tag, BULLA_DER_SEQUENCE);
    assert_ptr_equal(element.whole.data, bytes + 3);
    assert_int_equal(element.whole.size, 4);
    assert_int_equal(element.content.size, 2);
    assert_false(bulla_der_next(&reader, &element));
    assert_true(reader.failed);
}

static void small_numbers_are_in_shortest_form(void **state)
{
    (void)state;
    uint16_t value = 1;
    assert_true(is_small("020100", &value));
    assert_int_equal(value, 0);
    assert_true(is_small("02017f", &value));
    assert_int_equal(value, 127);
    assert_true(is_small("02020080", &value));
    assert_int_equal(value, 128);
    assert_true(is_small("020300ffff", &value));
    assert_int_equal(value, 65535);
    assert_false(is_small("0200", &value));
    assert_false(is_small("0201ff", &value));       /* negative */
    assert_false(is_small("0202007f", &value));     /* padded */
    assert_false(is_small("0203010000", &value));   /* 65536 */
    assert_false(is_small("02040000ffff", &value)); /* padded and long */
    assert_false(is_small("040105", &value));
    assert_false(is_small("02010500", &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_element_has_one_encoding),
        cmocka_unit_test(long_elements_have_long_lengths),
        cmocka_unit_test(elements_follow_one_another),
        cmocka_unit_test(small_numbers_are_in_shortest_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
