#include "support/test.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/stream.h"
#include "program.h"
#include "support/folder.h"
#include "tools/exit.h"

static char folder[64], path[128];
static uint8_t sealed[1 << 16];
static size_t sealed_size;

/* A container of 100 bytes in chunks of 4 KiB, sealed by crypto/. */
static int set_up(void **state)
{
    (void)state;
    static const uint8_t key[32] = {1};
    static const uint8_t plain[100];
    static uint8_t chunk[BULLA_STREAM_CHUNK + BULLA_AEAD_TAG];
    struct bulla_stream_sealer sealer;
    struct bulla_stream_header header = {.aead = BULLA_AEAD_AES_256_GCM,
        .chunk_size = 4096,
        .plaintext_size = sizeof plain,
        .name = {0x6d, 0x69, 0x6e, 0x69},
        .name_size = 4,
        .generation = 7};
    struct bulla_writer writer;
    memset(header.token, 0x70, sizeof header.token);
    memset(header.manifest_digest, 0x3d, sizeof header.manifest_digest);
    bulla_writer_open(&writer, sealed, sizeof sealed);
    assert_int_equal(bulla_stream_seal_begin(&sealer, &header, key, chunk, &writer), BULLA_OK);
    assert_int_equal(bulla_stream_seal_update(&sealer, BULLA_BYTES(plain), &writer), BULLA_OK);
    assert_int_equal(bulla_stream_seal_finish(&sealer, &writer), BULLA_OK);
    sealed_size = writer.size;
    test_folder_make(folder, sizeof folder);
    test_folder_join(path, sizeof path, folder, "6d696e69.bulla");
    test_file_write(path, sealed, sealed_size);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static void a_tokens_serial_number_is_written_as_the_token_writes_it(void **state)
{
    (void)state;
    static const uint8_t none[16] = {[0 ... 15] = 0x70};
    struct program_result result;
    uint8_t *at = memmem(sealed, sealed_size, none, sizeof none);
    assert_non_null(at);
    memcpy(at, "0a0461eb0da864c8", sizeof none);
    test_file_write(path, sealed, sealed_size);
    RUN(&result, "model", "inspect", "--json", path);
    assert_string_equal(program_text(&result, "token"), "0a0461eb0da864c8");
    program_result_free(&result);
}

static void the_header_is_shown_and_called_unauthenticated(void **state)
{
    (void)state;
    struct program_result result;
    RUN(&result, "model", "inspect", path);
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_non_null(strstr(result.out, "6d696e69"));
    assert_non_null(strstr(result.out, "unauthenticated"));
    assert_non_null(strstr(result.out, "self-authorised"));
    program_result_free(&result);
    RUN(&result, "model", "inspect", "--json", path);
    assert_non_null(result.json);
    assert_string_equal(program_text(&result, "id"), "6d696e69");
    assert_string_equal(program_text(&result, "encryption"), "AES-256-GCM");
    assert_string_equal(program_text(&result, "token"), "70707070707070707070707070707070");
    assert_int_equal(json_integer_value(json_object_get(result.json, "generation")), 7);
    assert_int_equal(json_integer_value(json_object_get(result.json, "plaintext_size")), 100);
    assert_int_equal(json_integer_value(json_object_get(result.json, "file_size")), sealed_size);
    assert_true(json_is_false(json_object_get(result.json, "authenticated")));
    program_result_free(&result);
}

static void inspect_with(size_t size, enum bulla_exit status)
{
    struct program_result result;
    test_file_write(path, sealed, size);
    RUN(&result, "model", "inspect", path);
    assert_int_equal(result.status, status);
    program_result_free(&result);
}

static void a_file_of_another_size_is_not_verified(void **state)
{
    (void)state;
    inspect_with(sealed_size - 1, BULLA_EXIT_UNVERIFIED);
    inspect_with(sealed_size + 1, BULLA_EXIT_UNVERIFIED);
    inspect_with(0, BULLA_EXIT_UNVERIFIED);
    inspect_with(11, BULLA_EXIT_UNVERIFIED);
    inspect_with(sealed_size, BULLA_EXIT_OK);
}

static void what_is_no_sealed_model_is_not_verified(void **state)
{
    (void)state;
    sealed[0] ^= 1;
    inspect_with(sealed_size, BULLA_EXIT_UNVERIFIED);
    struct program_result result;
    RUN(&result, "model", "inspect", "/nowhere/at/all");
    assert_int_equal(result.status, BULLA_EXIT_FAILED);
    assert_non_null(strstr(result.err, "No such file"));
    program_result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_header_is_shown_and_called_unauthenticated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tokens_serial_number_is_written_as_the_token_writes_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_another_size_is_not_verified, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_sealed_model_is_not_verified, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
