/* The main job as a user does it, with the program, the module and a software TPM: a model under a policy, a changed
 * PCR, the reason, a policy for the new state, and evidence that verifies. */
#include "support/test.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inference/tiny_model.h"
#include "program.h"
#include "support/folder.h"
#include "support/swtpm.h"
#include "tools/exit.h"

static struct test_swtpm tpm;
static char folder[64], pin[128], model[128], key[128], public_key[140], policy[128], receipt[128], evidence[128];

static void put(const char *name, const char *text, char *path, size_t size)
{
    test_folder_join(path, size, folder, name);
    test_file_write(path, text, strlen(text));
}

static void put_model(void)
{
    struct tiny_model *tiny = tiny_make(2, 2, 32, 64, "F32", "");
    char command[256];
    tiny_write(tiny);
    test_folder_join(model, sizeof model, folder, "model");
    (void)snprintf(command, sizeof command, "mkdir '%s'", model);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a fixed command */
    for (size_t i = 0; i < tiny->files.count; i++) {
        char path[256];
        test_folder_join(path, sizeof path, model, tiny->files.files[i].name);
        test_file_write(path, tiny->files.files[i].data, tiny->files.files[i].size);
    }
    tiny_free(tiny);
}

/* Runs with the module and the user's PIN behind the words. */
static void run_online(struct program_result *result, const char *const *words)
{
    const char *all[40] = {NULL};
    size_t count = 0;
    for (; words[count]; count++)
        all[count] = words[count];
    const char *const more[] = {"--module", BULLA_MODULE, "--pin-file", pin, "--json"};
    bool logs_in = strcmp(words[0], "status") != 0 && strcmp(words[0], "why") != 0 &&
                   !(strcmp(words[0], "policy") == 0 && strcmp(words[1], "sign") == 0);
    for (size_t i = 0; i < 5; i++)
        if (logs_in || (i != 2 && i != 3))
            all[count++] = more[i];
    program_run(result, NULL, all);
}

static void expect(struct program_result *result, enum bulla_exit status, const char *const *words)
{
    run_online(result, words);
    if (result->status != (int)status)
        fail_msg("%s: status %d instead of %d\n%s%s", words[0], result->status, (int)status, result->out, result->err);
    assert_non_null(result->json);
}
#define EXPECT(result, status, ...) expect(result, status, (const char *const[]){__VA_ARGS__, NULL})
#define DONE(status, ...)                                                                                              \
    do {                                                                                                               \
        struct program_result done;                                                                                    \
        EXPECT(&done, status, __VA_ARGS__);                                                                            \
        program_result_free(&done);                                                                                    \
    } while (0)

static int set_up(void **state)
{
    (void)state;
    char config[512];
    char path[128];
    char so_pin[128];
    test_swtpm_start(&tpm);
    test_folder_make(folder, sizeof folder);
    (void)snprintf(config, sizeof config, "[token tpm]\npath = %s/token\ntcti = %s\npcrs = 0-7,11\n", folder, tpm.tcti);
    put("bulla.conf", config, path, sizeof path);
    assert_int_equal(setenv("BULLA_CONF", path, 1), 0);
    (void)umask(077);
    put("pin", "user-pin", pin, sizeof pin);
    put("so", "so-pin-12", so_pin, sizeof so_pin);
    put_model();
    test_folder_join(key, sizeof key, folder, "authority.pem");
    (void)snprintf(public_key, sizeof public_key, "%s.pub", key);
    test_folder_join(policy, sizeof policy, folder, "policy");
    test_folder_join(receipt, sizeof receipt, folder, "receipt");
    test_folder_join(evidence, sizeof evidence, folder, "evidence");
    DONE(BULLA_EXIT_OK, "init", "--yes", "--label", "models", "--so-pin-file", so_pin);
    struct program_result result;
    RUN(&result, "policy", "keygen", "-o", key);
    assert_int_equal(result.status, BULLA_EXIT_OK);
    program_result_free(&result);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_folder_remove(folder);
    test_swtpm_finish(&tpm);
    return 0;
}

static void init_shows_the_tpm_before_it_asks(void **state)
{
    (void)state;
    struct program_result result;
    RUN(&result, "init", "--force", "--pin-file", pin, "--so-pin-file", pin, "--module", BULLA_MODULE);
    assert_int_not_equal(result.status, BULLA_EXIT_OK); /* no terminal, no --yes: no consent */
    assert_non_null(strstr(result.out, "wrong auths until lockout"));
    assert_non_null(strstr(result.out, "the lockout's auth is empty"));
    assert_non_null(strstr(result.out, "tpm2_changeauth -c lockout"));
    assert_null(strstr(result.out, "the owner hierarchy's auth"));
    assert_non_null(strstr(result.err, "consent is needed"));
    program_result_free(&result);
    DONE(BULLA_EXIT_OK, "model", "list"); /* the token is as it was */
}

/* TPM2_HierarchyChangeAuth, from the empty auth to "secret" and back. */
static void change_auth(uint8_t hierarchy, bool set)
{
    static const uint8_t password[6] = {'s', 'e', 'c', 'r', 'e', 't'};
    uint8_t command[64] = {0x80, 0x02, 0, 0, 0, 0, 0, 0, 0x01, 0x29, 0x40, 0, 0, hierarchy};
    uint8_t response[64];
    size_t old = set ? 0 : sizeof password;
    size_t size = 14;
    const uint8_t session[] = {0, 0, 0, (uint8_t)(9 + old), 0x40, 0, 0, 0x09, 0, 0, 0, 0, (uint8_t)old};
    memcpy(command + size, session, sizeof session);
    size += sizeof session;
    memcpy(command + size, password, old);
    size += old;
    command[size + 1] = (uint8_t)(sizeof password - old);
    memcpy(command + size + 2, password, sizeof password - old);
    size += 2 + sizeof password - old;
    command[5] = (uint8_t)size;
    assert_true(test_swtpm_command(&tpm, command, size, response, sizeof response) >= 10);
    assert_memory_equal(response + 6, "\0\0\0\0", 4);
}
enum { OWNER = 0x01, LOCKOUT = 0x0a };

static void an_owner_auth_is_told_as_what_it_is(void **state)
{
    (void)state;
    struct program_result result;
    change_auth(LOCKOUT, true);
    RUN(&result, "status", "--module", BULLA_MODULE);
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_null(strstr(result.out, "auth is"));
    program_result_free(&result);
    DONE(BULLA_EXIT_OK, "model", "list"); /* that one is not in the way */
    change_auth(OWNER, true);
    EXPECT(&result, BULLA_EXIT_REFUSED, "model", "list");
    assert_string_equal(program_text(&result, "error.reason"), "tpm-authorization");
    program_result_free(&result);
    RUN(&result, "status", "--module", BULLA_MODULE);
    assert_non_null(strstr(result.out, "the owner hierarchy's auth is set"));
    program_result_free(&result);
    EXPECT(&result, BULLA_EXIT_REFUSED, "init", "--yes", "--force", "--so-pin-file", pin);
    assert_non_null(strstr(program_text(&result, "error.remedy"), "tpm2_changeauth -c owner"));
    program_result_free(&result);
    change_auth(OWNER, false);
    DONE(BULLA_EXIT_OK, "model", "list"); /* the token is as it was */
}

static void without_consent_a_new_token_needs_no_force_later(void **state)
{
    (void)state;
    struct program_result result;
    char config[512];
    char path[128];
    char so_pin[128];
    char other[128];
    (void)snprintf(
        config, sizeof config, "[token begun]\npath = %s/begun\ntcti = %s\npin-cost = quick\n", folder, tpm.tcti);
    put("bulla.conf", config, path, sizeof path);
    put("so", "so-pin-12", so_pin, sizeof so_pin);
    put("other", "so-pin-34", other, sizeof other);
    EXPECT(&result, BULLA_EXIT_FAILED, "init", "--so-pin-file", so_pin);
    assert_string_equal(program_text(&result, "error.reason"), "cancelled");
    assert_non_null(strstr(program_text(&result, "error.remedy"), "by the same SO PIN"));
    program_result_free(&result);
    DONE(BULLA_EXIT_REFUSED, "init", "--yes", "--so-pin-file", other);
    EXPECT(&result, BULLA_EXIT_OK, "init", "--yes", "--so-pin-file", so_pin);
    assert_non_null(strstr(result.err, "has no keys yet"));
    program_result_free(&result);
    EXPECT(&result, BULLA_EXIT_FAILED, "init", "--yes", "--so-pin-file", so_pin);
    assert_non_null(strstr(program_text(&result, "error.detail"), "--force destroys"));
    program_result_free(&result);
}

static void a_model_is_released_to_the_approved_state_only(void **state)
{
    (void)state;
    struct program_result result;
    /* Sealing opens the key: without a policy of its authority it is refused, and leaves no key behind. */
    EXPECT(&result, BULLA_EXIT_REFUSED, "model", "seal", model, "--label", "tiny", "--release", "tpm", "--authority",
        public_key);
    assert_string_equal(program_text(&result, "error.reason"), "policy-missing");
    program_result_free(&result);
    EXPECT(&result, BULLA_EXIT_OK, "model", "list");
    assert_int_equal(json_array_size(json_object_get(result.json, "models")), 0);
    program_result_free(&result);
    EXPECT(&result, BULLA_EXIT_OK, "status");
    assert_int_equal(json_integer_value(json_object_get(result.json, "objects")), 2); /* the receipt key pair */
    assert_null(json_object_get(json_object_get(result.json, "tpm"), "counter"));
    program_result_free(&result);
    EXPECT(&result, BULLA_EXIT_OK, "status", "--pin-file", pin);
    assert_true(json_is_integer(json_object_get(json_object_get(result.json, "tpm"), "counter")));
    assert_true(json_is_integer(json_object_get(json_object_get(result.json, "time"), "floor")));
    program_result_free(&result);

    DONE(BULLA_EXIT_OK, "policy", "sign", "--key", key, "--version", "1", "--from-token", "0-7,11", "-o", policy);
    DONE(BULLA_EXIT_OK, "policy", "load", policy);
    EXPECT(&result, BULLA_EXIT_OK, "model", "seal", model, "--label", "tiny", "--release", "tpm", "--authority",
        public_key);
    assert_true(json_is_true(json_object_get(result.json, "attested")));
    program_result_free(&result);
    DONE(BULLA_EXIT_OK, "infer", "--model", "tiny", "clay");

    test_swtpm_extend(&tpm, 11, 0x5a);
    EXPECT(&result, BULLA_EXIT_REFUSED, "infer", "--model", "tiny", "clay");
    assert_string_equal(program_text(&result, "error.reason"), "tpm-pcr-changed");
    assert_non_null(strstr(program_text(&result, "error.remedy"), "load a policy"));
    program_result_free(&result);
    EXPECT(&result, BULLA_EXIT_OK, "why", "--last", "1");
    const json_t *why = json_array_get(json_object_get(result.json, "refusals"), 0);
    assert_string_equal(json_string_value(json_object_get(why, "reason")), "tpm-pcr-changed");
    program_result_free(&result);

    DONE(BULLA_EXIT_REFUSED, "policy", "load", policy); /* the same version again */
    DONE(BULLA_EXIT_OK, "policy", "sign", "--key", key, "--base", policy, "--from-token", "0-7,11", "-o", policy);
    DONE(BULLA_EXIT_OK, "policy", "load", policy);
    DONE(BULLA_EXIT_OK, "infer", "--model", "tiny", "clay"); /* without resealing */

    test_swtpm_stop(&tpm);
    EXPECT(&result, BULLA_EXIT_UNREACHABLE, "policy", "sign", "--key", key, "--base", policy, "--from-token", "0-7",
        "-o", policy);
    assert_non_null(strstr(program_text(&result, "error.detail"), "connecting: the TPM at"));
    program_result_free(&result);
}

static void evidence_and_receipts_verify(void **state)
{
    (void)state;
    struct program_result result;
    char name[128];
    EXPECT(&result, BULLA_EXIT_OK, "attest", "--nonce", "00112233445566778899aabbccddeeff", "-o", evidence);
    (void)snprintf(name, sizeof name, "%s", program_text(&result, "attestation_key_name"));
    assert_int_equal(json_object_size(json_object_get(result.json, "pcrs")), 9);
    program_result_free(&result);
    RUN(&result, "attest", "--nonce", "0011223344556677", "-o", evidence, "--module", BULLA_MODULE, "--pin-file", pin);
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_non_null(strstr(result.out, " (unpinned attestation key)\n"));
    assert_null(strchr(result.out, '?')); /* a mark for a terminal that went through as text */
    program_result_free(&result);
    DONE(BULLA_EXIT_OK, "attest", "--nonce", "0011223344556677", "-o", evidence, "--attestation-key", name);
    DONE(BULLA_EXIT_UNVERIFIED, "attest", "--nonce", "0011223344556677", "-o", evidence, "--attestation-key",
        "000b0000000000000000000000000000000000000000000000000000000000000000");

    DONE(BULLA_EXIT_OK, "policy", "sign", "--key", key, "--version", "1", "--from-token", "0-7,11", "-o", policy);
    DONE(BULLA_EXIT_OK, "policy", "load", policy);
    DONE(BULLA_EXIT_OK, "model", "seal", model, "--label", "tiny", "--release", "tpm", "--authority", public_key);
    EXPECT(&result, BULLA_EXIT_OK, "infer", "--model", "tiny", "clay", "--nonce", "0011223344556677", "--receipt",
        receipt);
    assert_string_equal(program_text(&result, "security_mode"), "attested");
    program_result_free(&result);
    RUN(&result, "receipt", "verify", receipt, "--attestation-key", name, "--nonce", "0011223344556677", "--max-age",
        "600", "--policy", policy, "--authority", public_key, "--json");
    if (result.status != BULLA_EXIT_OK)
        fail_msg("%s", result.out);
    assert_true(json_is_true(json_object_get(json_object_get(result.json, "receipt"), "attested")));
    assert_true(json_is_true(json_object_get(json_object_get(result.json, "receipt"), "pinned")));
    program_result_free(&result);
}

static void erase_value(const char *name)
{
    sqlite3 *database = NULL;
    char path[128];
    char statement[128];
    test_folder_join(path, sizeof path, folder, "token/token.db");
    (void)snprintf(statement, sizeof statement, "DELETE FROM value WHERE name = '%s'", name);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, statement, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_changes(database), 1);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

/* Both the log and what the token remembers of it lie in one folder: whoever deletes the one may erase the other. */
static void a_log_that_was_deleted_with_its_memory_is_told(void **state)
{
    (void)state;
    char log[128];
    test_folder_join(log, sizeof log, folder, "token/audit.jsonl");
    DONE(BULLA_EXIT_OK, "model", "list");
    DONE(BULLA_EXIT_OK, "audit", "verify");
    assert_int_equal(unlink(log), 0);
    erase_value("audit-head");
    DONE(BULLA_EXIT_OK, "model", "list");
    DONE(BULLA_EXIT_UNVERIFIED, "audit", "verify");
    DONE(BULLA_EXIT_UNVERIFIED, "audit", "verify");
}

static void a_kill_before_a_head_is_remembered_is_no_cut(void **state)
{
    (void)state;
    struct program_result result;
    for (int first = 1; first >= 0; first--) { /* the first head of all, and one after it */
        assert_int_equal(setenv("BULLA_FAULT", "audit-head-written", 1), 0);
        run_online(&result, (const char *const[]){"model", "list", NULL});
        assert_int_equal(unsetenv("BULLA_FAULT"), 0);
        bool killed = result.status == 128 + SIGKILL;
        program_result_free(&result);
        if (!killed)
            skip(); /* built without fault points */
        DONE(BULLA_EXIT_OK, "model", "list");
        DONE(BULLA_EXIT_OK, "audit", "verify");
    }
}

/* The receipt key's row says another key: before a login nothing tells the difference. */
static void forge_receipt_key(const char *hex)
{
    sqlite3 *database = NULL;
    sqlite3_stmt *row = NULL;
    char path[128];
    uint8_t key_bytes[32];
    uint8_t attributes[1024];
    test_folder_join(path, sizeof path, folder, "token/token.db");
    for (size_t i = 0; i < sizeof key_bytes; i++)
        key_bytes[i] = (uint8_t)strtoul((const char[]){hex[2 * i], hex[2 * i + 1], '\0'}, NULL, 16);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(database, "SELECT attributes FROM object WHERE class = 2", -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    size_t size = (size_t)sqlite3_column_bytes(row, 0);
    assert_true(size <= sizeof attributes);
    memcpy(attributes, sqlite3_column_blob(row, 0), size);
    assert_int_equal(sqlite3_finalize(row), SQLITE_OK);
    uint8_t *point = memmem(attributes, size, key_bytes, sizeof key_bytes);
    assert_non_null(point);
    memset(point, 0x5a, sizeof key_bytes);
    assert_int_equal(
        sqlite3_prepare_v2(database, "UPDATE object SET attributes = ? WHERE class = 2", -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_bind_blob(row, 1, attributes, (int)size, SQLITE_STATIC), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_DONE);
    assert_int_equal(sqlite3_finalize(row), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

static void a_forged_receipt_key_verifies_no_log(void **state)
{
    (void)state;
    struct program_result result;
    char true_key[65];
    EXPECT(&result, BULLA_EXIT_OK, "status");
    (void)snprintf(true_key, sizeof true_key, "%s", program_text(&result, "receipt_key"));
    program_result_free(&result);
    forge_receipt_key(true_key);
    EXPECT(&result, BULLA_EXIT_FAILED, "audit", "verify");
    assert_string_equal(program_text(&result, "error.reason"), "object-hidden");
    program_result_free(&result);
    DONE(BULLA_EXIT_OK, "audit", "verify", "--key", true_key);
}

/* The token opens by a passphrase, so that it tells its status while its TPM is away. */
static void a_log_whose_counter_is_not_told_is_not_verified(void **state)
{
    (void)state;
    struct program_result result;
    char config[512];
    char path[128];
    char so_pin[128];
    (void)snprintf(config, sizeof config,
        "[token half]\npath = %s/half\ntcti = %s\nrelease = passphrase\npin-cost = quick\n", folder, tpm.tcti);
    put("bulla.conf", config, path, sizeof path);
    put("so", "so-pin-12", so_pin, sizeof so_pin);
    DONE(BULLA_EXIT_OK, "init", "--yes", "--so-pin-file", so_pin);
    EXPECT(&result, BULLA_EXIT_OK, "audit", "verify");
    assert_true(json_is_true(json_object_get(result.json, "counter_checked")));
    program_result_free(&result);
    test_swtpm_stop(&tpm);
    EXPECT(&result, BULLA_EXIT_UNREACHABLE, "audit", "verify");
    assert_true(json_is_false(json_object_get(result.json, "valid")));
    assert_true(json_is_false(json_object_get(result.json, "counter_checked")));
    program_result_free(&result);
    RUN(&result, "audit", "verify", "--module", BULLA_MODULE, "--pin-file", pin);
    assert_int_equal(result.status, BULLA_EXIT_UNREACHABLE);
    assert_non_null(strstr(result.out, "not checked end"));
    program_result_free(&result);
    test_swtpm_restart(&tpm);
    DONE(BULLA_EXIT_OK, "audit", "verify");
}

static void a_tpm_that_is_gone_is_unreachable(void **state)
{
    (void)state;
    struct program_result result;
    test_swtpm_stop(&tpm);
    EXPECT(&result, BULLA_EXIT_UNREACHABLE, "model", "list");
    program_result_free(&result);
    EXPECT(&result, BULLA_EXIT_UNREACHABLE, "status"); /* and says so, with all the rest */
    assert_string_equal(program_text(&result, "tpm.state"), "failed");
    assert_string_equal(program_text(&result, "tpm.reason"), "tpm-unreachable");
    assert_true(json_is_integer(json_object_get(result.json, "objects")));
    program_result_free(&result);
    RUN(&result, "status", "--module", BULLA_MODULE);
    assert_int_equal(result.status, BULLA_EXIT_UNREACHABLE);
    assert_non_null(strstr(result.out, "receipt key"));
    assert_non_null(strstr(result.out, "because                    tpm-unreachable\n"));
    assert_non_null(strstr(result.out, "namely                     "));
    assert_non_null(strstr(result.out, "what to do                 start it, or correct tcti in bulla.conf\n"));
    program_result_free(&result);
    test_swtpm_restart(&tpm);
    DONE(BULLA_EXIT_OK, "model", "list");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(init_shows_the_tpm_before_it_asks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_owner_auth_is_told_as_what_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_consent_a_new_token_needs_no_force_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_model_is_released_to_the_approved_state_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(evidence_and_receipts_verify, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_was_deleted_with_its_memory_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_kill_before_a_head_is_remembered_is_no_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_forged_receipt_key_verifies_no_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_whose_counter_is_not_told_is_not_verified, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tpm_that_is_gone_is_unreachable, set_up, tear_down),
    };
    if (!test_swtpm_available())
        return test_skip("swtpm");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
