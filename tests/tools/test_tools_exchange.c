#include "support/test.h"

#include <string.h>

#include "support/vectors.h"
#include "tools/exchange.h"

static uint8_t memory[4096];

static size_t written(const struct bulla_request *request)
{
    struct bulla_writer writer;
    bulla_writer_open(&writer, memory, sizeof memory);
    bulla_request_write(request, &writer);
    assert_int_equal(bulla_writer_finish(&writer, "a request"), BULLA_OK);
    return writer.size;
}

static void assert_written(const struct bulla_request *request, const char *hex)
{
    uint8_t expected[256];
    size_t size = test_hex(hex, expected, sizeof expected);
    assert_int_equal(written(request), size);
    assert_memory_equal(memory, expected, size);
}

/* By hand from RFC 8949: heads of maps, texts, arrays. */
static void a_request_is_the_smallest_map_that_says_it(void **state)
{
    (void)state;
    struct bulla_bytes texts[] = {BULLA_TEXT("a"), BULLA_TEXT("bc")};
    struct bulla_request request = {.texts = texts, .count = 2};
    assert_written(&request, "a1"
                             "657465787473"
                             "82"
                             "6161"
                             "626263");
    static const uint8_t nonce[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    request.nonce = BULLA_BYTES(nonce);
    request.tokens = true;
    request.max_length = 300;
    request.count = 1;
    assert_written(&request, "a4"
                             "656e6f6e6365"
                             "480001020304050607"
                             "657465787473"
                             "81"
                             "6161"
                             "66746f6b656e73"
                             "f5"
                             "6a6d61785f6c656e677468"
                             "19012c");
}

static void a_request_is_strict_cbor(void **state)
{
    (void)state;
    static const uint8_t nonce[8];
    struct bulla_bytes texts[] = {BULLA_TEXT("a")};
    struct bulla_request request = {texts, 1, BULLA_BYTES(nonce), 128, true};
    struct bulla_cbor item;
    size_t size = written(&request);
    assert_int_equal(bulla_cbor_decode((struct bulla_bytes){memory, size}, "a request", &item), BULLA_OK);
}

#define SALT                                                                                                           \
    "5820"                                                                                                             \
    "0000000000000000000000000000000000000000000000000000000000000000"
#define RECEIPT                                                                                                        \
    "67"                                                                                                               \
    "72656365697074"                                                                                                   \
    "4101"
#define EMBEDDINGS                                                                                                     \
    "6a"                                                                                                               \
    "656d62656464696e6773"
#define SALTS                                                                                                          \
    "6c"                                                                                                               \
    "726571756573745f73616c74" SALT "6d"                                                                               \
    "726573706f6e73655f73616c74" SALT

static enum bulla_reason read_hex(const char *hex, struct bulla_answer *answer)
{
    static uint8_t bytes[512];
    return bulla_answer_read((struct bulla_bytes){bytes, test_hex(hex, bytes, sizeof bytes)}, answer);
}

static void an_answer_gives_its_parts_and_numbers(void **state)
{
    (void)state;
    struct bulla_answer answer;
    float numbers[4];
    /* 1.0, -2.0 and 0.5, 0.0 as IEEE 754 binary32, little-endian */
    assert_int_equal(read_hex("a6"
                              "65"
                              "6d6f64656c"
                              "616d"
                              "66"
                              "746f6b656e73"
                              "81820102" RECEIPT EMBEDDINGS "82"
                              "480000803f000000c0"
                              "480000003f00000000" SALTS,
                         &answer),
        BULLA_OK);
    assert_true(bulla_bytes_equal_text(answer.model, "m"));
    assert_int_equal(answer.evidence.size, 0);
    assert_int_equal(answer.receipt.size, 1);
    assert_int_equal(answer.tokens.number, 1);
    assert_int_equal(answer.embeddings.number, 2);
    assert_int_equal(answer.dimension, 2);
    assert_int_equal(answer.embeddings.encoded.size, 1 + 9 + 9);
    bulla_answer_numbers(&answer, numbers);
    assert_true(numbers[0] == 1.0F && numbers[1] == -2.0F && numbers[2] == 0.5F && numbers[3] == 0.0F);
}

static void an_answer_of_another_form_is_refused(void **state)
{
    (void)state;
    struct bulla_answer answer;
    assert_int_equal(read_hex("a4" RECEIPT EMBEDDINGS "81"
                              "440000803f" SALTS,
                         &answer),
        BULLA_OK);
    /* rows of different length; a row that is no whole number of f32; an empty row; a row of text */
    assert_int_equal(read_hex("a4" RECEIPT EMBEDDINGS "82"
                              "440000803f"
                              "480000803f0000803f" SALTS,
                         &answer),
        BULLA_MALFORMED);
    assert_int_equal(read_hex("a4" RECEIPT EMBEDDINGS "81"
                              "43000080" SALTS,
                         &answer),
        BULLA_MALFORMED);
    assert_int_equal(read_hex("a4" RECEIPT EMBEDDINGS "81"
                              "40" SALTS,
                         &answer),
        BULLA_MALFORMED);
    assert_int_equal(read_hex("a4" RECEIPT EMBEDDINGS "81"
                              "6461626364" SALTS,
                         &answer),
        BULLA_MALFORMED);
    /* no receipt; a field that is not known; a salt of 31 bytes; bytes after the map */
    assert_int_not_equal(read_hex("a3" EMBEDDINGS "81"
                                  "440000803f" SALTS,
                             &answer),
        BULLA_OK);
    assert_int_not_equal(read_hex("a5"
                                  "6178"
                                  "01" RECEIPT EMBEDDINGS "81"
                                  "440000803f" SALTS,
                             &answer),
        BULLA_OK);
    assert_int_not_equal(read_hex("a4" RECEIPT EMBEDDINGS "81"
                                  "440000803f"
                                  "6c"
                                  "726571756573745f73616c74"
                                  "581f"
                                  "00000000000000000000000000000000000000000000000000000000000000"
                                  "6d"
                                  "726573706f6e73655f73616c74" SALT,
                             &answer),
        BULLA_OK);
    assert_int_equal(read_hex("a4" RECEIPT EMBEDDINGS "81"
                              "440000803f" SALTS "00",
                         &answer),
        BULLA_TRAILING);
}

static void a_bundle_keeps_answer_and_request(void **state)
{
    (void)state;
    struct bulla_writer writer;
    struct bulla_bytes answer;
    struct bulla_bytes request;
    uint8_t expected[64];
    bulla_writer_open(&writer, memory, sizeof memory);
    bulla_bundle_write(BULLA_TEXT("an"), BULLA_TEXT("r"), &writer);
    size_t size = test_hex("a2"
                           "66616e73776572"
                           "42616e"
                           "6772657175657374"
                           "4172",
        expected, sizeof expected);
    assert_int_equal(writer.size, size);
    assert_memory_equal(memory, expected, size);
    assert_int_equal(bulla_bundle_read(bulla_writer_bytes(&writer), &answer, &request), BULLA_OK);
    assert_true(bulla_bytes_equal_text(answer, "an") && bulla_bytes_equal_text(request, "r"));
    for (size_t cut = 0; cut < size; cut++)
        assert_int_not_equal(bulla_bundle_read((struct bulla_bytes){memory, cut}, &answer, &request), BULLA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_the_smallest_map_that_says_it),
        cmocka_unit_test(a_request_is_strict_cbor),
        cmocka_unit_test(an_answer_gives_its_parts_and_numbers),
        cmocka_unit_test(an_answer_of_another_form_is_refused),
        cmocka_unit_test(a_bundle_keeps_answer_and_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
