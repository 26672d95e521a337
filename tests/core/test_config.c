/* bulla.conf: what is read, what is refused, and which file it is. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/config.h"
#include "support/folder.h"

static struct bulla_config config;

static void settings_are_read(void **state)
{
    (void)state;
    assert_int_equal(bulla_config_parse("# comment\n\n  [token demo]  \n\tslot = 5\r\nserial=0123456789abcdef\n"
                                        "path = /a b/token\nmodels = /m\ntcti = swtpm:path=/s\nrelease = tpm\n"
                                        "model-release = 2 of (tpm, passphrase)\npcrs = 0,2,4-7\nlease = 10\n"
                                        "pcr-bank = sha384\nattester = nitro\n"
                                        "threads = 3\npin-cost = quick\nso-recovery = yes\n[token second]\npath = /c",
                         "test", &config),
        BULLA_OK);
    assert_int_equal(config.count, 2);
    const struct bulla_token_config *token = &config.tokens[0];
    assert_string_equal(token->name, "demo");
    assert_int_equal(token->slot, 5);
    assert_string_equal(token->serial, "0123456789abcdef");
    assert_string_equal(token->path, "/a b/token");
    assert_string_equal(token->models, "/m");
    assert_string_equal(token->tcti, "swtpm:path=/s");
    assert_string_equal(token->release, "tpm");
    assert_string_equal(token->model_release, "2 of (tpm, passphrase)");
    assert_int_equal(token->pcrs, 0xf5);
    assert_int_equal(token->pcr_bank, BULLA_SHA384);
    assert_string_equal(token->attester, "nitro");
    assert_int_equal(token->lease, 10);
    assert_int_equal(token->threads, 3);
    assert_true(token->quick_pin && token->so_recovery);
    token = &config.tokens[1];
    assert_int_equal(token->slot, 1);
    assert_string_equal(token->models, "/c/models");
    assert_string_equal(token->release, "passphrase"); /* no TPM */
    assert_string_equal(token->model_release, "");
    assert_int_equal(token->pcrs, 0xff);
    assert_int_equal(token->pcr_bank, BULLA_SHA256);
    assert_string_equal(token->attester, ""); /* as auto */
    assert_int_equal(token->lease, 300);
    assert_false(token->quick_pin || token->so_recovery);
}

static void what_is_not_a_setting_is_refused(void **state)
{
    (void)state;
#define TOKEN "[token t]\npath = /t\n"
    static const struct {
        const char *text;
        enum bulla_reason reason;
    } rows[] = {
        {TOKEN "colour = red\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "Path = /x\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "nonsense\n", BULLA_CONFIG_SYNTAX},
        {"path = /t\n", BULLA_CONFIG_SYNTAX},
        {"[tokens t]\npath = /t\n", BULLA_CONFIG_SYNTAX},
        {"[token t\npath = /t\n", BULLA_CONFIG_SYNTAX},
        {"[token t] x\npath = /t\n", BULLA_CONFIG_SYNTAX},
        {"[token ]\npath = /t\n", BULLA_CONFIG_SYNTAX},
        {"[token 123456789012345678901234567890123]\npath = /t\n", BULLA_CONFIG_SYNTAX},
        {"[token t]\n", BULLA_CONFIG_SYNTAX},
        {"[token t]\npath = relative\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "models = relative\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "serial = short\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "serial = 0123456789abcdefg\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "slot = -1\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "slot = 1x\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "slot = 99999999999999999999999\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "lease = \n", BULLA_CONFIG_SYNTAX},
        {TOKEN "lease = 0\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "lease = 31536001\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "threads = 65\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "release = oracle\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "release = \n", BULLA_CONFIG_SYNTAX},
        {TOKEN "model-release = 3 of (tpm, passphrase)\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "pcr-bank = sha1\n", BULLA_CONFIG_SYNTAX}, /* proves nothing */
        {TOKEN "pcr-bank = SHA384\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "attester = sgx\n", BULLA_CONFIG_SYNTAX}, /* such enclaves are verified, not made use of */
        {TOKEN "attester = Nitro\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "attester =\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "attester = tpm\n", BULLA_CONFIG_SYNTAX}, /* without a tcti */
        {TOKEN "pcrs = 24\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "pcrs = 7-0\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "pcrs = 0,\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "pcrs = 0-7 8\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "pin-cost = fast\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "so-recovery = true\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "[token u]\npath = /t\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "[token u]\npath = /u\nslot = 0\n", BULLA_CONFIG_SYNTAX},
        {TOKEN "tcti = cmd:reboot\n", BULLA_CONFIG_TCTI},
        {TOKEN "tcti = libtss2-tcti-cmd.so.0:reboot\n", BULLA_CONFIG_TCTI},
        {TOKEN "tcti = /tmp/evil.so\n", BULLA_CONFIG_TCTI},
        {TOKEN "tcti = tabrmd:\n", BULLA_CONFIG_TCTI},
        {TOKEN "tcti = device:/home/me/tpm\n", BULLA_CONFIG_TCTI},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (bulla_config_parse(rows[i].text, "test", &config) != rows[i].reason)
            fail_msg("%s", rows[i].text);
}

static void every_attester_has_its_name(void **state)
{
    (void)state;
    static const char *const names[] = {"auto", "none", "tpm", "nitro", "sev-snp", "tdx"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, TOKEN "tcti = swtpm:path=/s\nattester = %s\n", names[i]);
        assert_int_equal(bulla_config_parse(text, "test", &config), BULLA_OK);
        assert_string_equal(config.tokens[0].attester, names[i]);
    }
}

static void a_path_is_never_cut(void **state)
{
    (void)state;
    for (size_t size = 990; size < 1100; size++) {
        char text[1400] = "[token t]\npath = /", expected[1200] = "/";
        memset(text + strlen(text), 'p', size - 1);
        memset(expected + 1, 'p', size - 1);
        enum bulla_reason reason = bulla_config_parse(text, "test", &config);
        if (reason != BULLA_OK) {
            assert_int_equal(reason, BULLA_CONFIG_SYNTAX);
            assert_true(size + strlen("/models") >= BULLA_CONFIG_PATH);
            continue;
        }
        assert_string_equal(config.tokens[0].path, expected);
        (void)strcat(expected, "/models");
        assert_string_equal(config.tokens[0].models, expected);
    }
}

static void there_are_so_many_tokens_and_no_more(void **state)
{
    (void)state;
    static char text[8192];
    size_t size = 0;
    for (int i = 0; i < BULLA_TOKENS_LARGEST; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "[token t%d]\npath = /t%d\n", i, i);
    assert_int_equal(bulla_config_parse(text, "test", &config), BULLA_OK);
    assert_int_equal(config.count, BULLA_TOKENS_LARGEST);
    (void)snprintf(text + size, sizeof text - size, "[token more]\npath = /more\n");
    assert_int_equal(bulla_config_parse(text, "test", &config), BULLA_CONFIG_SYNTAX);
}

/* --- which file --- */

static char folder[64], named[96], users[128];

static int make_files(void **state)
{
    static const char in_named[] = "[token named]\npath = /named\n", in_users[] = "[token users]\npath = /users\n";
    char middle[96];
    (void)state;
    test_folder_make(folder, sizeof folder);
    test_folder_join(named, sizeof named, folder, "named.conf");
    test_folder_join(middle, sizeof middle, folder, "bulla");
    test_folder_join(users, sizeof users, middle, "bulla.conf");
    test_file_write(named, in_named, sizeof in_named - 1);
    if (mkdir(middle, 0700) != 0)
        return -1;
    test_file_write(users, in_users, sizeof in_users - 1);
    return chmod(named, 0600) || chmod(users, 0600) || setenv("BULLA_CONF", named, 1) ||
           setenv("XDG_CONFIG_HOME", folder, 1) || setenv("XDG_DATA_HOME", folder, 1);
}

static int remove_files(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static void files_are_tried_in_their_order(void **state)
{
    (void)state;
    assert_int_equal(bulla_config_load(&config), BULLA_OK);
    assert_string_equal(config.tokens[0].name, "named");
    assert_string_equal(config.source, named);
    assert_int_equal(unsetenv("BULLA_CONF"), 0);
    assert_int_equal(bulla_config_load(&config), BULLA_OK);
    assert_string_equal(config.tokens[0].name, "users");
    assert_int_equal(unlink(users), 0);
    if (access("/etc/bulla/bulla.conf", F_OK) == 0)
        return; /* the machine's own comes next */
    assert_int_equal(bulla_config_load(&config), BULLA_OK);
    assert_string_equal(config.source, "");
    assert_int_equal(config.count, 1);
    char expected[160];
    test_folder_join(expected, sizeof expected, folder, "bulla/token");
    assert_string_equal(config.tokens[0].path, expected);
}

static void a_named_file_that_is_missing_is_not_passed_over(void **state)
{
    (void)state;
    assert_int_equal(unlink(named), 0);
    assert_int_equal(bulla_config_load(&config), BULLA_FILE);
}

static void a_file_that_others_may_write_is_refused(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        enum bulla_reason reason;
    } rows[] = {{0600, BULLA_OK}, {0644, BULLA_OK}, {0400, BULLA_OK}, {0620, BULLA_CONFIG_PERMISSION},
        {0602, BULLA_CONFIG_PERMISSION}, {0666, BULLA_CONFIG_PERMISSION}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(chmod(named, rows[i].mode), 0);
        assert_int_equal(bulla_config_load(&config), rows[i].reason);
    }
    if (geteuid() == 0) {
        assert_int_equal(chmod(named, 0600), 0);
        assert_int_equal(chown(named, 65534, 65534), 0);
        assert_int_equal(bulla_config_load(&config), BULLA_CONFIG_PERMISSION);
    }
    assert_int_equal(unlink(named), 0);
    assert_int_equal(mkdir(named, 0700), 0);
    assert_int_equal(bulla_config_load(&config), BULLA_FILE);
}

static void a_file_that_is_too_large_is_refused(void **state)
{
    (void)state;
    size_t size = 1 << 17;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, '\n', size);
    test_file_write(named, text, size);
    free(text);
    assert_int_equal(bulla_config_load(&config), BULLA_FILE);
}

/* --- AT_SECURE: this program once more, set-user-ID --- */

static const char told_to_load[] = "BULLA_TEST_LOAD";

static void what_the_environment_says_is_ignored_under_at_secure(void **state)
{
    (void)state;
    char copy[96];
    size_t size = 0;
    if (geteuid() != 0) {
        print_message("not root: a set-user-ID program can't be made\n");
        skip();
    }
    test_folder_join(copy, sizeof copy, folder, "program");
    unsigned char *program = test_file_read("/proc/self/exe", &size);
    assert_non_null(program);
    test_file_write(copy, program, size);
    free(program);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(chmod(named, 0644), 0);
    for (int secure = 0; secure < 2; secure++) {
        int status = 0;
        assert_int_equal(chmod(copy, secure ? 04755 : 0755), 0);
        assert_int_equal(chown(copy, 0, 0), 0);
        assert_int_equal(chmod(copy, secure ? 04755 : 0755), 0);
        assert_int_equal(chown(named, secure ? 0 : 65534, 65534), 0);
        pid_t child = fork();
        if (child == 0) {
            (void)setenv(told_to_load, "1", 1);
            if (setgid(65534) != 0 || setuid(65534) != 0)
                _exit(99);
            (void)execl(copy, copy, (char *)NULL);
            _exit(98);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (secure && WEXITSTATUS(status) == 3) {
            print_message("set-user-ID has no effect in %s\n", folder);
            skip();
        }
        assert_int_equal(WEXITSTATUS(status), secure ? 4 : 3);
    }
}

/* 3: the file that BULLA_CONF names was read; 4: it was not. */
static int load_and_tell(void)
{
    enum bulla_reason reason = bulla_config_load(&config);
    return reason == BULLA_OK && config.count == 1 && strcmp(config.tokens[0].name, "named") == 0 ? 3 : 4;
}

int main(void)
{
    if (getenv(told_to_load))
        return load_and_tell();
#define FILES_TEST(name) cmocka_unit_test_setup_teardown(name, make_files, remove_files)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_read),
        cmocka_unit_test(what_is_not_a_setting_is_refused),
        cmocka_unit_test(every_attester_has_its_name),
        cmocka_unit_test(a_path_is_never_cut),
        cmocka_unit_test(there_are_so_many_tokens_and_no_more),
        FILES_TEST(files_are_tried_in_their_order),
        FILES_TEST(a_named_file_that_is_missing_is_not_passed_over),
        FILES_TEST(a_file_that_others_may_write_is_refused),
        FILES_TEST(a_file_that_is_too_large_is_refused),
        FILES_TEST(what_the_environment_says_is_ignored_under_at_secure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
