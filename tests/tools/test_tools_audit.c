#include "support/test.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/audit.h"
#include "program.h"
#include "support/folder.h"
#include "tools/exit.h"
#include "tools/options.h"

static char folder[64], path[128], key[65], other_key[65];
static uint8_t secret[64];

static enum bulla_reason sign(void *context, struct bulla_bytes bytes, uint8_t signature[static 64])
{
    (void)context;
    (void)crypto_sign_detached(signature, NULL, bytes.data, bytes.size, secret);
    return BULLA_OK;
}

/* Two lines, a head at counter 5, and one line after it. */
static int set_up(void **state)
{
    (void)state;
    static const uint8_t seed[32] = {7};
    uint8_t public_key[32];
    struct bulla_audit *audit = NULL;
    const struct bulla_audit_field fields[] = {{"detail", "a \"quoted\" word", 0}};
    const struct bulla_cose_signer signer = {BULLA_COSE_EDDSA, sign, NULL};
    assert_true(sodium_init() >= 0);
    assert_int_equal(crypto_sign_seed_keypair(public_key, secret, seed), 0);
    bulla_hex_write(public_key, 32, key);
    public_key[0] ^= 1;
    bulla_hex_write(public_key, 32, other_key);
    test_folder_make(folder, sizeof folder);
    test_folder_join(path, sizeof path, folder, "audit.jsonl");
    assert_int_equal(bulla_audit_open(path, &audit), BULLA_OK);
    assert_int_equal(bulla_audit_append(audit, "login", fields, 1, false), BULLA_OK);
    assert_int_equal(bulla_audit_append(audit, "refused", fields, 1, false), BULLA_OK);
    assert_int_equal(bulla_audit_head(audit, 5, &signer, NULL), BULLA_OK);
    assert_int_equal(bulla_audit_append(audit, "logout", NULL, 0, true), BULLA_OK);
    bulla_audit_close(audit);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static void a_whole_log_verifies(void **state)
{
    (void)state;
    struct program_result result;
    RUN(&result, "audit", "verify", path, "--key", key, "--counter", "5", "--json");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_true(json_is_true(json_object_get(result.json, "valid")));
    assert_true(json_is_true(json_object_get(result.json, "signatures_checked")));
    assert_int_equal(json_integer_value(json_object_get(result.json, "lines")), 4);
    assert_int_equal(json_integer_value(json_object_get(result.json, "heads")), 1);
    assert_int_equal(json_integer_value(json_object_get(result.json, "after_last_head")), 1);
    assert_true(json_is_true(json_object_get(result.json, "counter_checked")));
    program_result_free(&result);
    RUN(&result, "audit", "verify", path);
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_non_null(strstr(result.out, "not checked signatures"));
    assert_non_null(strstr(result.out, "not checked end"));
    assert_non_null(strstr(result.out, ": 4 lines, 1 head, 1 line after the last head\n"));
    program_result_free(&result);
    RUN(&result, "audit", "verify", path, "--key", key);
    assert_non_null(strstr(result.out, "1 head with a good signature, 1 line after"));
    program_result_free(&result);
}

static void assert_broken(const char *const *words)
{
    struct program_result result;
    program_run(&result, NULL, words);
    assert_int_equal(result.status, BULLA_EXIT_UNVERIFIED);
    assert_true(result.json && json_is_false(json_object_get(result.json, "valid")));
    program_result_free(&result);
}
#define BROKEN(...) assert_broken((const char *const[]){"audit", "verify", "--json", path, __VA_ARGS__, NULL})

static void another_key_and_a_later_counter_show(void **state)
{
    (void)state;
    BROKEN("--key", other_key);
    BROKEN("--key", key, "--counter", "6"); /* heads were cut off: the counter went on */
}

static void a_changed_and_a_missing_line_show(void **state)
{
    (void)state;
    size_t size = 0;
    char *text = (char *)test_file_read(path, &size);
    char *word = strstr(text, "quoted");
    assert_non_null(word);
    word[0] = 'Q';
    test_file_write(path, text, size);
    BROKEN("--key", key);
    word[0] = 'q';
    char *second = strchr(text, '\n') + 1;
    test_file_write(path, second, size - (size_t)(second - text));
    BROKEN("--key", key);
    free(text);
}

static void a_log_that_is_not_there_is_a_failure(void **state)
{
    (void)state;
    struct program_result result;
    RUN(&result, "audit", "verify", "/nowhere/at/all");
    assert_int_equal(result.status, BULLA_EXIT_FAILED);
    program_result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_log_verifies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_key_and_a_later_counter_show, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_changed_and_a_missing_line_show, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_is_not_there_is_a_failure, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
