/* PEM blocks (RFC 7468). The text of a block is OpenSSL's. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/pem.h"
#include "support/pki.h"

static const uint8_t content[100] = {1, 2, 3, 0xff};

static enum bulla_reason next(struct bulla_bytes *rest, size_t capacity, struct bulla_bytes *der)
{
    static uint8_t memory[256];
    return bulla_pem_next(rest, "THING", "a test", memory, capacity, der);
}

static enum bulla_reason read_text(const char *before, const char *block, const char *after)
{
    char text[1024];
    (void)snprintf(text, sizeof text, "%s%s%s", before, block, after);
    struct bulla_bytes rest = BULLA_TEXT(text);
    struct bulla_bytes der = {content, 1};
    while (der.data)
        BULLA_TRY(next(&rest, 256, &der));
    return BULLA_OK;
}

static void blocks_come_one_after_the_other(void **state)
{
    (void)state;
    char *block = test_pki_pem("THING", content, sizeof content);
    char text[1024];
    (void)snprintf(text, sizeof text, "# first\n\n%s\r\n \t\n# second\n%s\n", block, block);
    struct bulla_bytes rest = BULLA_TEXT(text);
    struct bulla_bytes der;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(next(&rest, 256, &der), BULLA_OK);
        assert_true(bulla_bytes_equal(der, BULLA_BYTES(content)));
    }
    assert_int_equal(next(&rest, 256, &der), BULLA_OK);
    assert_null(der.data);
    free(block);
}

static void what_is_no_block_is_refused(void **state)
{
    (void)state;
    char *block = test_pki_pem("THING", content, sizeof content);
    char *other = test_pki_pem("OTHER THING", content, sizeof content);
    assert_int_equal(read_text("", block, ""), BULLA_OK);
    assert_int_equal(read_text("hello\n", block, ""), BULLA_MALFORMED);
    assert_int_equal(read_text("", block, "hello"), BULLA_MALFORMED);
    assert_int_equal(read_text("", other, ""), BULLA_MALFORMED);
    assert_int_equal(read_text("-----BEGIN THING----- \n-----END THING-----\n", "", ""), BULLA_MALFORMED);
    assert_int_equal(read_text("-----BEGIN THING-----\nAQI=\n-----END THING-----", "", ""), BULLA_OK);
    assert_int_equal(read_text("-----BEGIN THING-----\nAQI\n-----END THING-----\n", "", ""), BULLA_MALFORMED);
    assert_int_equal(read_text("-----BEGIN THING-----\nA/I=\n-----END THING-----\n", "", ""), BULLA_OK);
    assert_int_equal(read_text("-----BEGIN THING-----\nA\xaf"
                               "I=\n-----END THING-----\n",
                         "", ""),
        BULLA_MALFORMED);
    assert_int_equal(read_text("-----BEGIN THING-----\nA*I=\n-----END THING-----\n", "", ""), BULLA_MALFORMED);
    assert_int_equal(read_text("-----BEGIN THING-----\nAQI=\nAQI=\n-----END THING-----\n", "", ""), BULLA_MALFORMED);
    assert_int_equal(read_text("-----BEGIN THING-----\nProc-Type: 4,ENCRYPTED\nAQI=\n-----END THING-----\n", "", ""),
        BULLA_MALFORMED);
    assert_int_equal(read_text("-----BEGIN THING-----\nAQI=\n-----END OTHER-----\n", "", ""), BULLA_TRUNCATED);
    assert_int_equal(read_text("-----BEGIN THING-----\nAQI=\n", "", ""), BULLA_TRUNCATED);
    assert_int_equal(read_text("-----BEGIN THING-----", "", ""), BULLA_TRUNCATED);
    free(block);
    free(other);
}

static void a_block_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    char *block = test_pki_pem("THING", content, sizeof content);
    struct bulla_bytes rest = BULLA_TEXT(block);
    struct bulla_bytes der;
    assert_int_equal(next(&rest, sizeof content - 1, &der), BULLA_TOO_LARGE);
    rest = BULLA_TEXT(block);
    assert_int_equal(next(&rest, sizeof content, &der), BULLA_OK);
    free(block);
}

static void der_does_not_look_like_pem(void **state)
{
    (void)state;
    assert_true(bulla_pem_looks_like(BULLA_TEXT("-----BEGIN")));
    assert_true(bulla_pem_looks_like(BULLA_TEXT("# x")));
    assert_false(bulla_pem_looks_like(BULLA_TEXT("0\x82")));
    assert_false(bulla_pem_looks_like(BULLA_TEXT("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_come_one_after_the_other),
        cmocka_unit_test(what_is_no_block_is_refused),
        cmocka_unit_test(a_block_that_does_not_fit_is_refused),
        cmocka_unit_test(der_does_not_look_like_pem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
