/* The client where there is no bulla token: another maker's module, no module, nonsense. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"
#include "support/folder.h"
#include "tools/client.h"
#include "tools/exit.h"

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

static void another_makers_token_is_told_politely(void **state)
{
    (void)state;
    char folder[64];
    char config[128];
    char text[128];
    struct program_result result;
    if (access(SOFTHSM, R_OK) != 0) {
        assert_int_equal(test_skip("softhsm2"), BULLA_TEST_SKIPPED); /* with CI=true it must be there */
        skip();
    }
    test_folder_make(folder, sizeof folder);
    test_folder_join(config, sizeof config, folder, "softhsm2.conf");
    int size = snprintf(text, sizeof text, "directories.tokendir = %s\n", folder);
    test_file_write(config, text, (size_t)size);
    assert_int_equal(setenv("SOFTHSM2_CONF", config, 1), 0);
    RUN(&result, "status", "--module", SOFTHSM, "--json");
    assert_int_equal(result.status, BULLA_EXIT_UNREACHABLE);
    assert_non_null(strstr(program_text(&result, "error.detail"), "none is a bulla token"));
    program_result_free(&result);
    RUN(&result, "init", "--module", SOFTHSM, "--yes", "--force");
    assert_int_equal(result.status, BULLA_EXIT_UNREACHABLE);
    program_result_free(&result);
    test_folder_remove(folder);
}

static void a_module_that_can_not_be_loaded_is_named(void **state)
{
    (void)state;
    struct program_result result;
    RUN(&result, "status", "--module", "/nowhere/at/all.so");
    assert_int_equal(result.status, BULLA_EXIT_FAILED);
    assert_non_null(strstr(result.err, "/nowhere/at/all.so"));
    program_result_free(&result);
    RUN(&result, "status", "--module", BULLA_SOURCE_FOLDER "/LICENSE");
    assert_int_equal(result.status, BULLA_EXIT_FAILED);
    assert_non_null(strstr(result.err, "can't be loaded"));
    program_result_free(&result);
}

static void a_broken_uri_is_usage(void **state)
{
    (void)state;
    struct program_result result;
    RUN(&result, "status", "--token", "pkcs11:token=a;slot-id=x");
    assert_int_equal(result.status, BULLA_EXIT_USAGE);
    assert_non_null(strstr(result.err, "PKCS#11 URI"));
    program_result_free(&result);
}

static void codes_of_pkcs11_become_reasons(void **state)
{
    (void)state;
    assert_int_equal(bulla_reason_of_ckr(CKR_OK), BULLA_OK);
    assert_int_equal(bulla_exit_of(bulla_reason_of_ckr(CKR_PIN_INCORRECT)), BULLA_EXIT_REFUSED);
    assert_int_equal(bulla_exit_of(bulla_reason_of_ckr(CKR_PIN_LOCKED)), BULLA_EXIT_REFUSED);
    assert_int_equal(bulla_exit_of(bulla_reason_of_ckr(CKR_DEVICE_ERROR)), BULLA_EXIT_UNREACHABLE);
    assert_int_equal(bulla_exit_of(bulla_reason_of_ckr(CKR_HOST_MEMORY)), BULLA_EXIT_LIMIT);
    assert_int_equal(bulla_exit_of(bulla_reason_of_ckr(0x12345678)), BULLA_EXIT_FAILED);
}

static void padded_fields_become_text(void **state)
{
    (void)state;
    char text[9];
    bulla_client_field((const unsigned char *)"bulla   ", 8, text);
    assert_string_equal(text, "bulla");
    bulla_client_field((const unsigned char *)"        ", 8, text);
    assert_string_equal(text, "");
    bulla_client_field((const unsigned char *)"12345678", 8, text);
    assert_string_equal(text, "12345678");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_makers_token_is_told_politely),
        cmocka_unit_test(a_module_that_can_not_be_loaded_is_named),
        cmocka_unit_test(a_broken_uri_is_usage),
        cmocka_unit_test(codes_of_pkcs11_become_reasons),
        cmocka_unit_test(padded_fields_become_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
