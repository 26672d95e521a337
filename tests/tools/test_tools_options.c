#include "support/test.h"

#include <stdio.h>
#include <string.h>

#include "crypto/reason.h"
#include "support/folder.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/values.h"

struct settings {
    struct bulla_common common;
    const char *label;
    uint64_t count;
    struct bulla_hex nonce;
    struct bulla_list states;
    bool force;
};

static const struct bulla_option rows[] = {
    {"label", 'l', "NAME", "a label", BULLA_OPTION_TEXT, offsetof(struct settings, label), 0, 0, true},
    {"count", 'c', "N", "a number", BULLA_OPTION_NUMBER, offsetof(struct settings, count), 2, 10, false},
    {"nonce", 0, "HEX", "bytes", BULLA_OPTION_HEX, offsetof(struct settings, nonce), 2, 4, false},
    {"state", 's', "STATE", "repeatable", BULLA_OPTION_LIST, offsetof(struct settings, states), 0, 0, false},
    {"force", 'f', NULL, "a flag", BULLA_OPTION_FLAG, offsetof(struct settings, force), 0, 0, false},
};
static const struct bulla_command command = {
    .name = "try",
    .arguments = "FILE",
    .summary = "Try",
    .examples = "",
    .options = rows,
    .option_count = BULLA_COUNT(rows),
    .needs = BULLA_NEEDS_LOGIN,
    .settings_size = sizeof(struct settings),
    .arguments_least = 1,
    .arguments_most = 2,
};

/* One with an option of its own under a name that its needs would bring, as import has. */
static const struct bulla_option own_rows[] = {
    {"token", 't', "NAME", "another token", BULLA_OPTION_TEXT, offsetof(struct settings, label), 0, 0, false},
};
static const struct bulla_command own_command = {
    .name = "own",
    .options = own_rows,
    .option_count = BULLA_COUNT(own_rows),
    .needs = BULLA_NEEDS_TOKEN,
    .settings_size = sizeof(struct settings),
};

static struct settings settings;
static struct bulla_call call;

/* Words into writable memory: getopt permutes argv. */
static enum bulla_reason parse(const char *const *words)
{
    static char memory[32][64];
    char *argv[33] = {NULL};
    int argc = 0;
    memset(&settings, 0, sizeof settings);
    for (; words[argc]; argc++) {
        (void)strncpy(memory[argc], words[argc], sizeof memory[argc] - 1);
        argv[argc] = memory[argc];
    }
    call = (struct bulla_call){.command = &command, .settings = &settings};
    enum bulla_reason reason = bulla_options_parse(&call, argc, argv);
    static char *kept[33]; /* the arguments point into argv */
    memcpy(kept, argv, sizeof argv);
    if (reason == BULLA_OK)
        call.arguments = kept + (call.arguments - argv);
    return reason;
}
#define PARSE(...) parse((const char *const[]){"try", __VA_ARGS__, NULL})
#define REFUSED(words, ...)                                                                                            \
    do {                                                                                                               \
        assert_int_equal(PARSE(__VA_ARGS__), BULLA_ARGUMENT);                                                          \
        if (!strstr(bulla_detail(), words))                                                                            \
            fail_msg("\"%s\" is not in \"%s\"", words, bulla_detail());                                                \
    } while (0)

static void a_commands_own_option_stands_before_the_common_one(void **state)
{
    (void)state;
    const struct bulla_option *all[BULLA_OPTIONS_LARGEST];
    char words[][8] = {"own", "--token", "x", "-t", "y", "-m", "z"};
    char *argv[] = {words[0], words[1], words[2], words[3], words[4], words[5], words[6], NULL};
    size_t tokens = 0;
    size_t count = bulla_options_collect(&own_command, all);
    for (size_t i = 0; i < count; i++)
        tokens += strcmp(all[i]->name, "token") == 0;
    assert_int_equal(tokens, 1);
    memset(&settings, 0, sizeof settings);
    call = (struct bulla_call){.command = &own_command, .settings = &settings};
    assert_int_equal(bulla_options_parse(&call, 7, argv), BULLA_OK);
    assert_string_equal(settings.label, "y");
    assert_null(settings.common.token);
    assert_string_equal(settings.common.module, "z"); /* which the command has no row of its own for */
}

static void hex_may_stand_in_a_file(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum bulla_reason reason;
    } rows_of_files[] = {{"00ff\n", BULLA_OK}, {"00ff\r\n", BULLA_OK}, {"00ff", BULLA_OK}, {"", BULLA_ARGUMENT},
        {"00f", BULLA_ARGUMENT}, {"00ff\n00ff\n", BULLA_ARGUMENT}, {" 00ff", BULLA_ARGUMENT},
        {"0011223344", BULLA_ARGUMENT}};
    char folder[64], path[80], at[81];
    test_folder_make(folder, sizeof folder);
    test_folder_join(path, sizeof path, folder, "hex");
    (void)snprintf(at, sizeof at, "@%s", path);
    assert_int_equal(PARSE("-l", "minilm", "file", "--nonce", at), BULLA_FILE);
    for (size_t i = 0; i < sizeof rows_of_files / sizeof rows_of_files[0]; i++) {
        test_file_write(path, rows_of_files[i].text, strlen(rows_of_files[i].text));
        assert_int_equal(PARSE("-l", "minilm", "file", "--nonce", at), rows_of_files[i].reason);
        if (rows_of_files[i].reason == BULLA_OK)
            assert_memory_equal(settings.nonce.data, "\x00\xff", 2);
    }
    test_folder_remove(folder);
}

static void every_kind_of_value_is_stored(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-l", "minilm", "file", "--count=7", "--nonce", "00fFa0", "-s", "one", "--state", "two",
                         "-f", "--json", "--token", "t", "--pin-file", "p"),
        BULLA_OK);
    assert_string_equal(settings.label, "minilm");
    assert_int_equal(settings.count, 7);
    assert_int_equal(settings.nonce.size, 3);
    assert_memory_equal(settings.nonce.data, "\x00\xff\xa0", 3);
    assert_int_equal(settings.states.count, 2);
    assert_string_equal(settings.states.items[1], "two");
    assert_true(settings.force && settings.common.json && !settings.common.quiet);
    assert_string_equal(settings.common.token, "t");
    assert_string_equal(settings.common.pin_file, "p");
    assert_int_equal(call.count, 1);
    assert_string_equal(call.arguments[0], "file");
}

static void two_dashes_end_the_options(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-l", "x", "--", "--force", "-f"), BULLA_OK);
    assert_int_equal(call.count, 2);
    assert_string_equal(call.arguments[0], "--force");
    assert_false(settings.force);
}

static void an_unknown_option_names_the_near_one(void **state)
{
    (void)state;
    REFUSED("did you mean '--label'?", "--lable", "x", "file");
    REFUSED("did you mean '--count'?", "--cuont=3", "-l", "x", "file");
    REFUSED("unknown option '--frobnicate'", "--frobnicate", "-l", "x", "file");
    assert_null(strstr(bulla_detail(), "did you mean"));
    REFUSED("unknown option '-x'", "-x", "-l", "x", "file");
}

static void values_that_lack_or_do_not_fit_are_named(void **state)
{
    (void)state;
    REFUSED("--label needs a value", "file", "--label");
    REFUSED("--label needs a value", "file", "-l");
    REFUSED("--force takes no value", "-l", "x", "--force=yes", "file");
    REFUSED("--label is empty", "--label=", "file");
    REFUSED("--label NAME is missing", "file");
    REFUSED("from 2 to 10", "-l", "x", "-c", "11", "file");
    REFUSED("from 2 to 10", "-l", "x", "-c", "1", "file");
    REFUSED("'7x'", "-l", "x", "-c", "7x", "file");
    REFUSED("'-7'", "-l", "x", "--count=-7", "file");
    REFUSED("''", "-l", "x", "--count=", "file");
    REFUSED("99999999999999999999", "-l", "x", "-c", "99999999999999999999", "file");
    REFUSED("an even number", "-l", "x", "--nonce", "000", "file");
    REFUSED("'g0' at digit 3", "-l", "x", "--nonce", "00g0", "file");
    REFUSED("1 hex digit;", "-l", "x", "--nonce", "0", "file");
    REFUSED("3 hex digits;", "-l", "x", "--nonce", "000", "file");
    REFUSED("1 byte; 2 to 4 are needed", "-l", "x", "--nonce", "00", "file");
    REFUSED("2 to 4 are needed", "-l", "x", "--nonce", "0011223344", "file");
}

static void the_number_of_arguments_is_bounded(void **state)
{
    (void)state;
    REFUSED("too few arguments", "-l", "x");
    REFUSED("superfluous one is 'c'", "-l", "x", "a", "b", "c");
}

static void help_asks_for_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--help"), BULLA_OK);
    assert_true(settings.common.help);
}

static void a_list_has_an_end(void **state)
{
    (void)state;
    struct bulla_list list = {.count = 0};
    const struct bulla_option row = {.name = "state", .kind = BULLA_OPTION_LIST};
    for (unsigned i = 0; i < BULLA_LIST_LARGEST; i++)
        assert_int_equal(bulla_value_store(&row, "x", &list), BULLA_OK);
    assert_int_equal(bulla_value_store(&row, "x", &list), BULLA_ARGUMENT);
}

static void what_is_kept_is_kept_in_a_file(void **state)
{
    (void)state;
    const char *path = NULL;
    const struct bulla_option row = {.name = "keep", .value = "STATE", .kind = BULLA_OPTION_KEPT};
    assert_int_equal(bulla_value_store(&row, "-", &path), BULLA_ARGUMENT);
    assert_null(path);
    assert_int_equal(bulla_value_store(&row, "./-", &path), BULLA_OK);
    assert_string_equal(path, "./-");
}

static void every_output_may_be_the_standard_one(void **state)
{
    (void)state;
    size_t outputs = 0;
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++)
        for (size_t row = 0; row < bulla_commands[i]->option_count; row++) {
            const struct bulla_option *option = &bulla_commands[i]->options[row];
            if (option->letter == 'o' || strcmp(option->name, "output") == 0)
                assert_int_equal(option->kind, BULLA_OPTION_OUTPUT);
            outputs += option->kind == BULLA_OPTION_OUTPUT;
        }
    assert_true(outputs >= 15);
}

static void nearness_is_by_edits(void **state)
{
    (void)state;
    static const char *const words[] = {"seal", "inspect", "status", "completion"};
    assert_string_equal(bulla_nearest("sael", words, 4), "seal");
    assert_string_equal(bulla_nearest("inspekt", words, 4), "inspect");
    assert_string_equal(bulla_nearest("stats", words, 4), "status");
    assert_string_equal(bulla_nearest("complation", words, 4), "completion");
    assert_null(bulla_nearest("sign", words, 4));
    assert_null(bulla_nearest("", words, 4));
    assert_null(bulla_nearest("a word that is far longer than any candidate is", words, 4));
}

static void every_command_fits_the_common_options(void **state)
{
    (void)state;
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++) {
        const struct bulla_option *all[BULLA_OPTIONS_LARGEST];
        size_t count = bulla_options_collect(bulla_commands[i], all);
        assert_true(count < BULLA_OPTIONS_LARGEST);
        assert_true(bulla_commands[i]->settings_size >= sizeof(struct bulla_common));
        for (size_t a = 0; a < count; a++) {
            assert_true(all[a]->offset < bulla_commands[i]->settings_size);
            assert_int_equal(all[a]->kind == BULLA_OPTION_FLAG, all[a]->value == NULL);
            for (size_t b = 0; b < a; b++) {
                assert_string_not_equal(all[a]->name, all[b]->name);
                assert_false(all[a]->letter && all[a]->letter == all[b]->letter);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_is_stored),
        cmocka_unit_test(hex_may_stand_in_a_file),
        cmocka_unit_test(a_commands_own_option_stands_before_the_common_one),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(an_unknown_option_names_the_near_one),
        cmocka_unit_test(values_that_lack_or_do_not_fit_are_named),
        cmocka_unit_test(the_number_of_arguments_is_bounded),
        cmocka_unit_test(help_asks_for_nothing_else),
        cmocka_unit_test(a_list_has_an_end),
        cmocka_unit_test(what_is_kept_is_kept_in_a_file),
        cmocka_unit_test(every_output_may_be_the_standard_one),
        cmocka_unit_test(nearness_is_by_edits),
        cmocka_unit_test(every_command_fits_the_common_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
