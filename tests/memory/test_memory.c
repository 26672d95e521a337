/* What a process holds while it uses the module, seen from outside: by another process that knows the weights, the
 * PINs, the request, and every byte that the module drew, and that searches all memory of the first at each stage.
 *
 * While a model is open or somebody is logged in, such bytes are in memory that is locked, kept out of core files and
 * wiped in a forked child, and nowhere else: neither on a stack, nor in the heap of tss, SQLite or OpenSSL. After the
 * lease, the logout and C_Finalize they are nowhere. The object key of a model without a release tree stays open, in
 * guarded memory, until the logout, as every object's does that the token key alone protects. */
#include "support/test.h"

#include <glob.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client_process.h"
#include "program.h"
#include "search.h"
#include "secrets.h"
#include "support/folder.h"
#include "support/swtpm.h"
#include "tools/archive.h"
#include "tools/authority.h"
#include "weights.h"

enum { KEY_SIZE = 32 };

static char model[4096], folder[64], token[128], models[160], sealed[192], archive_path[128];
static char authority_path[128];
static struct needles weights;
static struct test_swtpm tpm;
static struct client client;
static bool has_tree; /* the model's key has a release tree of its own */

/* --- the model --- */

static enum bulla_reason put_piece(void *context, struct bulla_bytes piece)
{
    return fwrite(piece.data, 1, piece.size, context) == piece.size ? BULLA_OK : BULLA_FILE;
}

static void write_archive(void)
{
    static struct bulla_archive archive;
    FILE *file = fopen(archive_path, "wb");
    const struct bulla_archive_sink sink = {put_piece, file};
    assert_non_null(file);
    assert_int_equal(bulla_archive_collect(&archive, model, NULL), BULLA_OK);
    assert_int_equal(bulla_archive_hash(&archive), BULLA_OK);
    assert_int_equal(bulla_archive_stream(&archive, &sink), BULLA_OK);
    assert_int_equal(fclose(file), 0);
}

static bool find_model(void)
{
    char pattern[4200];
    glob_t found;
    const char *named = getenv("BULLA_TEST_MODEL");
    (void)snprintf(model, sizeof model, "%s", named ? named : BULLA_SOURCE_FOLDER "/build/models/all-MiniLM-L6-v2");
    (void)snprintf(pattern, sizeof pattern, "%s/{,model/}*.safetensors", model);
    bool done = glob(pattern, GLOB_BRACE, NULL, &found) == 0 && weights_add(&weights, found.gl_pathv[0]);
    globfree(&found);
    if (done)
        needles_index(&weights);
    return done;
}

/* --- the token and the client --- */

static void begin(const char *tcti, char *authority)
{
    char config[512], path[128];
    test_folder_make(folder, sizeof folder);
    test_folder_join(token, sizeof token, folder, "token");
    test_folder_join(models, sizeof models, token, "models");
    test_folder_join(sealed, sizeof sealed, models, "0101010101010101.bulla");
    test_folder_join(archive_path, sizeof archive_path, folder, "archive");
    test_folder_join(path, sizeof path, folder, "bulla.conf");
    (void)snprintf(config, sizeof config, "[token watched]\npath = %s\npin-cost = quick\nlease = 2\n%s%s\n", token,
        tcti ? "tcti = " : "", tcti ? tcti : "");
    test_file_write(path, config, strlen(config));
    assert_int_equal(setenv("BULLA_CONF", path, 1), 0);
    write_archive();
    char program[] = BULLA_MEMORY_CLIENT, module[] = BULLA_MODULE;
    char *const words[] = {program, module, archive_path, models, authority, NULL};
    client_start(&client, folder, words);
}

static int begin_without_tpm(void **state)
{
    (void)state;
    has_tree = false;
    begin(NULL, NULL);
    return 0;
}

static int begin_with_tpm(void **state)
{
    uint8_t point[BULLA_AUTHORITY_SIZE];
    char authority[2 * BULLA_AUTHORITY_SIZE + 1];
    (void)state;
    has_tree = true;
    test_swtpm_start(&tpm);
    (void)snprintf(authority_path, sizeof authority_path, "%s/authority.pem", tpm.folder);
    assert_int_equal(bulla_authority_generate(authority_path, point), BULLA_OK);
    (void)sodium_bin2hex(authority, sizeof authority, point, sizeof point);
    begin(tpm.tcti, authority);
    return 0;
}

static void run_program(const char *const *words)
{
    struct program_result result;
    program_run(&result, NULL, words);
    if (result.status != 0)
        fail_msg("bulla %s %s: %s%s", words[0], words[1], result.out, result.err);
    program_result_free(&result);
}
#define BULLA(...) run_program((const char *const[]){__VA_ARGS__, "--module", BULLA_MODULE, NULL})

/* A second process on the token, while the client stands still. */
static void approve_this_machine(void)
{
    char policy[160], pin[160];
    test_folder_join(policy, sizeof policy, folder, "policy");
    test_folder_join(pin, sizeof pin, folder, "pin");
    test_file_write(pin, client.user, PIN_SIZE);
    (void)chmod(pin, 0600);
    BULLA("policy", "sign", "--key", authority_path, "--version", "1", "--from-token", "0-7", "-o", policy);
    BULLA("policy", "load", policy, "--pin-file", pin);
}

static int end(void **state)
{
    (void)state;
    if (client.process) {
        (void)kill(client.process, SIGKILL);
        (void)client_end(&client);
    }
    client_free(&client);
    test_folder_remove(folder);
    if (tpm.pid)
        test_swtpm_finish(&tpm);
    return 0;
}

/* --- the searches --- */

struct result {
    struct sights secrets, weights;
    size_t keys;
    bool model_key_known, model_key_seen;
};

/* Threads of the module go on while the client waits: the lease's must not wipe in mid-search. */
static void stop_client(void)
{
    int status;
    assert_int_equal(kill(client.process, SIGSTOP), 0);
    assert_int_equal(waitpid(client.process, &status, WUNTRACED), client.process);
    assert_true(WIFSTOPPED(status));
}

static void pass(void)
{
    assert_int_equal(kill(client.process, SIGCONT), 0);
    client_go_on(&client);
}

/* Leaves it stopped. */
static void look(struct result *result)
{
    struct secrets secrets;
    stop_client();
    secrets_gather(&secrets, &client, token, sealed);
    const struct needles *const known[] = {&secrets.needles}, *const heavy[] = {&weights};
    assert_true(search_process(client.process, known, 1, &result->secrets));
    assert_true(search_process(client.process, heavy, 1, &result->weights));
    result->keys = secrets.keys;
    result->model_key_known = secrets.model_key != NULL;
    result->model_key_seen = false;
    for (size_t i = 0; i < secrets.needles.count; i++)
        if (secrets.model_key && secrets.needles.list[i].data == secrets.model_key->bytes)
            result->model_key_seen = secrets.needles.list[i].found > 0;
    search_print(client.stage, &result->secrets);
    search_print("  weights", &result->weights);
    secrets_free(&secrets); /* the sights' names go with it */
}

static void look_at(const char *stage, struct result *result)
{
    if (!client_reach(&client, stage))
        fail_msg("the client is at \"%s\" instead of \"%s\"", client.stage, stage);
    look(result);
}

/* And lets the client go on, so that the next stage is searched even where this one fails. */
static void look_at_and_pass(const char *stage, struct result *result)
{
    look_at(stage, result);
    pass();
}

static void assert_nothing(const struct sights *sights)
{
    assert_true(sights->searched > 1 << 20);
    assert_int_equal(sights->total, 0);
}

static void assert_guarded(const struct sights *sights)
{
    assert_true(sights->total > 0);
    assert_int_equal(sights->guarded, sights->total);
}

/* Of this process itself, which has the needle; and of a file that has it across two pieces, and in no other way. */
static void the_search_finds_what_is_there(void **state)
{
    (void)state;
    enum { AT = (1 << 20) - 20, SIZE = AT + 100 };
    uint8_t secret[KEY_SIZE], absent[KEY_SIZE];
    char path[128];
    struct needles set = {0};
    struct sights sights;
    randombytes_buf(secret, sizeof secret);
    for (size_t i = 0; i < sizeof absent; i++)
        absent[i] = (uint8_t)(secret[i] ^ 0x5a);
    needles_add(&set, "a secret", secret, sizeof secret, 16);
    needles_index(&set);
    const struct needles *const sets[] = {&set};
    assert_true(search_process(getpid(), sets, 1, &sights));
    assert_true(sights.total >= 2);
    assert_int_equal(sights.guarded, 0);
    assert_non_null(strstr(sights.first[0].mapping, "[stack]"));

    uint8_t *file = test_calloc(1, SIZE);
    test_folder_join(path, sizeof path, folder, "pieces");
    memcpy(file + AT, secret, sizeof secret);
    test_file_write(path, file, SIZE);
    assert_true(search_file(path, sets, 1, &sights));
    assert_true(sights.total >= 2);
    memcpy(file + AT, absent, sizeof absent);
    test_file_write(path, file, SIZE);
    assert_true(search_file(path, sets, 1, &sights));
    assert_int_equal(sights.total, 0);
    (void)unlink(path);
    test_free(file);
    needles_free(&set);
}

static void a_new_token_leaves_no_pin_and_no_key(void **state)
{
    (void)state;
    struct result result;
    look_at("initialised", &result);
    if (has_tree)
        approve_this_machine();
    pass();
    assert_true(result.keys >= 3); /* the token key, the receipt key's seed and its object key */
    assert_nothing(&result.secrets);
}

static void sealing_leaves_no_weights(void **state)
{
    (void)state;
    struct result result;
    look_at_and_pass("sealed", &result);
    assert_true(result.model_key_known);
    assert_guarded(&result.secrets); /* logged in: the token key */
    assert_nothing(&result.weights);
}

static void an_open_model_is_in_guarded_memory_only(void **state)
{
    (void)state;
    struct result result;
    look_at("open", &result);
    assert_guarded(&result.secrets);
    assert_guarded(&result.weights);
    assert_true(result.weights.total > weights.block_count / 4); /* as f32: once in rows or once in columns */
}

static void look_in_file(const char *path)
{
    struct secrets secrets;
    struct sights keys_seen, weights_seen;
    secrets_gather(&secrets, &client, token, sealed);
    assert_true(secrets.model_key != NULL);
    const struct needles *const known[] = {&secrets.needles}, *const heavy[] = {&weights};
    assert_true(search_file(path, known, 1, &keys_seen));
    assert_true(search_file(path, heavy, 1, &weights_seen));
    search_print("core file", &keys_seen);
    search_print("  weights", &weights_seen);
    secrets_free(&secrets);
    assert_true(keys_seen.searched > 1 << 20);
    assert_int_equal(keys_seen.total, 0);
    assert_int_equal(weights_seen.total, 0);
}

#if defined(__SANITIZE_ADDRESS__)
static const bool is_sanitized = true;
#else
static const bool is_sanitized = false;
#endif
static bool core_searched;

/* gdb leaves out what the kernel leaves out: mappings advised DONTDUMP. It walks AddressSanitizer's terabytes of shadow
 * page by page, so it has its turn in the other builds. */
static void gdbs_core_of_an_open_model_holds_nothing(void **state)
{
    (void)state;
    char command[256], path[128];
    (void)snprintf(command, sizeof command, "gcore -o '%s/taken' %d >/dev/null 2>&1", folder, (int)client.process);
    bool missing = system("command -v gcore >/dev/null") != 0; /* NOLINT(cert-env33-c): a fixed command */
    if (is_sanitized || missing) {
        print_message(
            "gcore (package gdb) %s: the kernel's core file stands for its\n", missing ? "is missing" : "waits");
        pass();
        skip();
    }
    int status = system(command); /* NOLINT(cert-env33-c): of the test's own folder */
    pass();
    assert_int_equal(status, 0);
    (void)snprintf(path, sizeof path, "%s/taken.%d", folder, (int)client.process);
    look_in_file(path);
    core_searched = true;
    (void)unlink(path);
}

static void the_end_of_the_lease_leaves_no_weights_and_no_key_that_was_released(void **state)
{
    (void)state;
    struct result result;
    look_at_and_pass("lapsed", &result);
    assert_true(result.model_key_known);
    assert_int_equal(result.model_key_seen, 0);
    assert_nothing(&result.weights);
    assert_guarded(&result.secrets); /* still logged in */
}

static void logout_leaves_nothing(void **state)
{
    (void)state;
    struct result result;
    look_at_and_pass("logged out", &result);
    assert_nothing(&result.weights);
    assert_nothing(&result.secrets);
}

static void finalize_leaves_nothing(void **state)
{
    (void)state;
    struct result result;
    look_at_and_pass("finalised", &result);
    assert_nothing(&result.weights);
    assert_nothing(&result.secrets);
}

static void the_kernels_core_of_an_open_model_holds_nothing(void **state)
{
    (void)state;
    char pattern[128];
    struct result result;
    glob_t found;
    look_at("dying", &result);
    assert_guarded(&result.weights);
    pass();
    int status = client_end(&client);
    assert_true(WIFSIGNALED(status));
    (void)snprintf(pattern, sizeof pattern, "%s/core*", folder);
    bool written = WCOREDUMP(status) && glob(pattern, 0, NULL, &found) == 0;
    if (!written) { /* core_pattern names a program or another folder, or the hard limit is 0 */
        print_message("the kernel put no core file into the folder: gdb's stands for it\n");
        if (!core_searched && !is_sanitized && test_skip("gcore (package gdb)") != BULLA_TEST_SKIPPED)
            fail();
        skip();
    }
    look_in_file(found.gl_pathv[0]);
    globfree(&found);
}

#define STAGES                                                                                                         \
    cmocka_unit_test(a_new_token_leaves_no_pin_and_no_key), cmocka_unit_test(sealing_leaves_no_weights),               \
        cmocka_unit_test(an_open_model_is_in_guarded_memory_only),                                                     \
        cmocka_unit_test(gdbs_core_of_an_open_model_holds_nothing),                                                    \
        cmocka_unit_test(the_end_of_the_lease_leaves_no_weights_and_no_key_that_was_released),                         \
        cmocka_unit_test(logout_leaves_nothing), cmocka_unit_test(finalize_leaves_nothing),                            \
        cmocka_unit_test(the_kernels_core_of_an_open_model_holds_nothing)

int main(void)
{
    const struct CMUnitTest without_tpm[] = {cmocka_unit_test(the_search_finds_what_is_there), STAGES};
    const struct CMUnitTest with_tpm[] = {STAGES};
    (void)signal(SIGPIPE, SIG_IGN);
    if (sodium_init() < 0)
        return 1;
    if (!find_model())
        return test_skip("the model (scripts/fetch-model)");
    int failed = cmocka_run_group_tests(without_tpm, begin_without_tpm, end);
    int skipped = test_swtpm_available() ? 0 : test_skip("swtpm");
    if (!skipped)
        failed += cmocka_run_group_tests(with_tpm, begin_with_tpm, end);
    needles_free(&weights);
    weights_release();
    return failed ? failed : skipped;
}
