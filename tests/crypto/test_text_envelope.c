/* Cardano's text envelopes: those that cardano-cli wrote (tests/vectors/kes/envelopes), and what is none. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/text_envelope.h"
#include "support/folder.h"

static bool reads(const char *text)
{
    struct bulla_text_envelope envelope;
    return bulla_text_envelope_read(BULLA_TEXT(text), &envelope);
}

static char *vector(const char *name, size_t *size)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/tests/vectors/kes/envelopes/%s", BULLA_SOURCE_FOLDER, name);
    uint8_t *bytes = test_file_read(path, size);
    assert_non_null(bytes);
    return (char *)bytes;
}

static void a_published_envelope_is_read_and_written_again(void **state)
{
    (void)state;
    struct bulla_text_envelope envelope;
    struct bulla_writer writer;
    uint8_t cbor[64], text[512];
    size_t size = 0, cbor_size = 0;
    char *published = vector("kes-agent.kes.vkey", &size);
    assert_true(bulla_text_envelope_read((struct bulla_bytes){(uint8_t *)published, size}, &envelope));
    assert_true(bulla_bytes_equal_text(envelope.type, "KesVerificationKey_ed25519_kes_2^6"));
    assert_true(bulla_bytes_equal_text(envelope.description, "KES Verification Key"));
    assert_int_equal(bulla_text_envelope_cbor(&envelope, "a key", cbor, sizeof cbor, &cbor_size), BULLA_OK);
    assert_int_equal(cbor_size, 34);
    assert_memory_equal(cbor, "\x58\x20\xdf\x22\xd6\x55", 6);
    bulla_writer_open(&writer, text, sizeof text);
    bulla_text_envelope_write(
        "KesVerificationKey_ed25519_kes_2^6", "KES Verification Key", (struct bulla_bytes){cbor, cbor_size}, &writer);
    assert_int_equal(bulla_writer_finish(&writer, "an envelope"), BULLA_OK);
    assert_int_equal(writer.size, size);
    assert_memory_equal(text, published, size);
    free(published);
}

static void any_order_and_blanks_are_an_envelope(void **state)
{
    (void)state;
    assert_true(reads("{\"cborHex\":\"00\",\"type\":\"a\"}"));
    assert_true(reads(" {\n\"description\" : \"a \\\"key\\\"\" ,\t\"type\":\"a\",\r\n\"cborHex\":\"\"}\n"));
}

static void what_is_no_envelope_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{", "{}", "null", "\"type\"", "[\"type\"]", "{\"type\":\"a\"}",
        "{\"cborHex\":\"00\"}", "{\"type\":\"a\",\"cborHex\":\"00\"", "{\"type\":\"a\",\"cborHex\":\"00\"}}",
        "{\"type\":\"a\",\"cborHex\":\"00\"} x", "{\"type\":\"a\",\"cborHex\":\"00\",}",
        "{\"type\":\"a\",\"cborHex\":0}", "{\"type\":\"a\" \"cborHex\":\"00\"}",
        "{\"type\":\"a\",\"type\":\"a\",\"cborHex\":\"00\"}", "{\"type\":\"a\",\"cborHex\":\"00\",\"more\":\"\"}",
        "{\"type\":\"a\",\"cborHex\":\"00\\", "{\"type\":\"a\",\"cborHex\":\"0\n0\"}",
        "{\"Type\":\"a\",\"cborHex\":\"00\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (reads(texts[i]))
            fail_msg("%s was read", texts[i]);
}

static void every_part_of_an_envelope_is_none(void **state)
{
    (void)state;
    static const char text[] = "{\"type\":\"a\",\"description\":\"b\",\"cborHex\":\"00\"}";
    struct bulla_text_envelope envelope;
    for (size_t size = 0; size < sizeof text - 1; size++)
        assert_false(bulla_text_envelope_read((struct bulla_bytes){(const uint8_t *)text, size}, &envelope));
    assert_true(bulla_text_envelope_read((struct bulla_bytes){(const uint8_t *)text, sizeof text - 1}, &envelope));
}

static void hex_that_is_none_or_too_much_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum bulla_reason reason;
    } rows[] = {{"", BULLA_OK}, {"00fF", BULLA_OK}, {"0", BULLA_MALFORMED}, {"0g", BULLA_MALFORMED},
        {"00 11", BULLA_MALFORMED}, {"\\u0030", BULLA_MALFORMED}, {"000102", BULLA_MALFORMED}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bulla_text_envelope envelope;
        uint8_t cbor[3] = {0, 0, 0x77};
        size_t size = 9;
        char text[64];
        (void)snprintf(text, sizeof text, "{\"type\":\"a\",\"cborHex\":\"%s\"}", rows[i].hex);
        assert_true(bulla_text_envelope_read(BULLA_TEXT(text), &envelope));
        assert_int_equal(bulla_text_envelope_cbor(&envelope, "it", cbor, 2, &size), rows[i].reason);
        assert_int_equal(cbor[2], 0x77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_published_envelope_is_read_and_written_again),
        cmocka_unit_test(any_order_and_blanks_are_an_envelope),
        cmocka_unit_test(what_is_no_envelope_is_refused),
        cmocka_unit_test(every_part_of_an_envelope_is_none),
        cmocka_unit_test(hex_that_is_none_or_too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
