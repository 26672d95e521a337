/* The table of commands is the help, the completion and the manual. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "support/folder.h"
#include "tools/commands.h"
#include "tools/exit.h"

/* "model seal" as words before "--help". */
static void run_command(struct program_result *result, const char *name, const char *option)
{
    char copy[64];
    (void)snprintf(copy, sizeof copy, "%s", name);
    const char *words[6] = {copy};
    size_t count = 1;
    for (char *space = copy; (space = strchr(space, ' ')) != NULL; count++) {
        *space++ = '\0';
        words[count] = space;
    }
    words[count] = option;
    program_run(result, NULL, words);
}

static void the_general_help_names_every_command_and_status(void **state)
{
    (void)state;
    struct program_result result;
    RUN(&result, "--help");
    assert_int_equal(result.status, BULLA_EXIT_OK);
    assert_string_equal(result.err, "");
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++)
        assert_non_null(strstr(result.out, bulla_commands[i]->name));
    for (unsigned status = 0; status < BULLA_EXIT_COUNT; status++)
        assert_non_null(strstr(result.out, bulla_exit_meaning((enum bulla_exit)status)));
    assert_null(strchr(result.out, '\033'));
    program_result_free(&result);
}

static void each_command_has_help_with_options_and_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++) {
        const struct bulla_option *rows[BULLA_OPTIONS_LARGEST];
        struct program_result result;
        run_command(&result, bulla_commands[i]->name, "--help");
        assert_int_equal(result.status, BULLA_EXIT_OK);
        assert_non_null(strstr(result.out, bulla_commands[i]->summary));
        assert_non_null(strstr(result.out, bulla_commands[i]->examples));
        assert_non_null(strstr(bulla_commands[i]->examples, bulla_commands[i]->name));
        size_t count = bulla_options_collect(bulla_commands[i], rows);
        for (size_t row = 0; row < count; row++) {
            char name[64];
            (void)snprintf(name, sizeof name, "--%s", rows[row]->name);
            assert_non_null(strstr(result.out, name));
            assert_non_null(strstr(result.out, rows[row]->help));
        }
        program_result_free(&result);
    }
}

static const struct bulla_command *command_named(const char *line)
{
    const struct bulla_command *longest = NULL;
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++) {
        size_t length = strlen(bulla_commands[i]->name);
        if (strncmp(line, bulla_commands[i]->name, length) == 0 && (line[length] == ' ' || line[length] == '\0') &&
            (!longest || length > strlen(longest->name)))
            longest = bulla_commands[i];
    }
    return longest;
}

/* An example of one command may show another: it is checked as that one's. */
static void check_example(const char *line)
{
    const struct bulla_command *command = command_named(line);
    if (!command)
        fail_msg("no command begins the example \"%s\"", line);
    for (size_t row = 0; row < command->option_count; row++) {
        char name[64];
        char letter[4] = {' ', '-', command->options[row].letter, '\0'};
        (void)snprintf(name, sizeof name, " --%s", command->options[row].name);
        if (command->options[row].required && !strstr(line, name) && (!letter[2] || !strstr(line, letter)))
            fail_msg("the example \"%s\" lacks%s", line, name);
    }
}

static void every_example_has_the_options_that_are_needed(void **state)
{
    (void)state;
    size_t checked = 0;
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++) {
        static const char start[] = "  bulla ";
        const char *at = bulla_commands[i]->examples;
        while ((at = strstr(at, start)) != NULL) {
            char line[512];
            size_t length = 0;
            at += sizeof start - 1;
            while (at[length] != '\0' && (at[length] != '\n' || at[length - 1] == '\\'))
                length++;
            assert_true(length < sizeof line);
            memcpy(line, at, length);
            line[length] = '\0';
            check_example(line);
            checked++;
        }
    }
    assert_true(checked >= BULLA_COMMAND_COUNT);
}

/* "Fl Fl label Ar NAME" in the part of the manual that is the command's. */
static void the_manual_has_every_command_option_and_status(void **state)
{
    (void)state;
    size_t size = 0;
    char *manual = (char *)test_file_read(BULLA_SOURCE_FOLDER "/man/bulla.1", &size);
    assert_non_null(manual);
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++) {
        char heading[64];
        (void)snprintf(heading, sizeof heading, "\n.Ss bulla %s\n", bulla_commands[i]->name);
        char *begin = strstr(manual, heading);
        if (!begin)
            fail_msg("the manual lacks %s", bulla_commands[i]->name);
        char *end = strstr(begin + 1, "\n.S");
        for (size_t row = 0; row < bulla_commands[i]->option_count; row++) {
            const struct bulla_option *option = &bulla_commands[i]->options[row];
            char item[128];
            (void)snprintf(item, sizeof item, "Fl Fl %s%s%s\n", option->name, option->value ? " Ar " : "",
                option->value ? option->value : "");
            char *found = strstr(begin, item);
            if (!found || found > end)
                fail_msg("the manual lacks %s of %s", item, bulla_commands[i]->name);
        }
    }
    for (unsigned status = 0; status < BULLA_EXIT_COUNT; status++)
        assert_non_null(strcasestr(manual, bulla_exit_meaning((enum bulla_exit)status)));
    free(manual);
}

static void wrong_commands_are_usage_and_say_what_is_near(void **state)
{
    (void)state;
    static const struct {
        const char *words[4];
        const char *says;
    } rows[] = {
        {{"model", "sael", NULL}, "did you mean 'model seal'?"},
        {{"statsu", NULL}, "did you mean 'status'?"},
        {{"polcy", "sign", NULL}, "did you mean 'policy sign'?"},
        {{"model", NULL}, "'model' wants one of: seal, list, inspect, remove"},
        {{"user", NULL}, "'user' wants one of: add, list, pin, remove"}, /* and is no 'uses' */
        {{"xyzzy", NULL}, "unknown command 'xyzzy'"},
        {{"infer", "--modle", "x", NULL}, "did you mean '--model'?"},
        {{"infer", "text", NULL}, "--model NAME is missing"},
        {{"status", "more", NULL}, "superfluous one is 'more'"},
        {{"completion", "zsh", NULL}, "only for bash"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct program_result result;
        program_run(&result, NULL, rows[i].words);
        assert_int_equal(result.status, BULLA_EXIT_USAGE);
        if (!strstr(result.err, rows[i].says))
            fail_msg("\"%s\" is not in \"%s\"", rows[i].says, result.err);
        program_result_free(&result);
    }
}

static void wrong_usage_is_json_where_json_is_wanted(void **state)
{
    (void)state;
    static const char *const rows[][5] = {
        {"status", "--json", "--nothing", NULL},
        {"status", "--nothing", "-j", NULL},
        {"nothing", "--json", NULL},
        {"model", "inspect", "--json", NULL},
    };
    struct program_result result;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        program_run(&result, NULL, rows[i]);
        assert_int_equal(result.status, BULLA_EXIT_USAGE);
        assert_non_null(result.json);
        assert_string_equal(program_text(&result, "error.reason"), "argument");
        program_result_free(&result);
    }
    RUN(&result, "model", "inspect", "--", "--json"); /* a file's name */
    assert_string_equal(result.out, "");
    program_result_free(&result);
    RUN(&result, "status", "--json", "--help");
    assert_non_null(strstr(result.out, "Usage: bulla status"));
    program_result_free(&result);
}

static void help_and_version_are_commands_too(void **state)
{
    (void)state;
    struct program_result help;
    struct program_result option;
    RUN(&help, "help", "model", "seal");
    RUN(&option, "model", "seal", "--help");
    assert_int_equal(help.status, BULLA_EXIT_OK);
    assert_string_equal(help.out, option.out);
    program_result_free(&help);
    program_result_free(&option);
    RUN(&help, "--version");
    assert_int_equal(help.status, BULLA_EXIT_OK);
    assert_int_equal(strncmp(help.out, "bulla 0.", 8), 0);
    program_result_free(&help);
    program_run(&help, NULL, (const char *const[]){NULL});
    assert_int_equal(help.status, BULLA_EXIT_USAGE);
    program_result_free(&help);
}

/* Whoever knows a group's name asks of it as of a command: every command of it is there, and no other. */
static void a_group_of_commands_has_help(void **state)
{
    (void)state;
    static const struct {
        const char *words[4];
        const char *group;
    } rows[] = {
        {{"help", "kes", NULL}, "kes "},
        {{"kes", "--help", NULL}, "kes "},
        {{"--help", "kes", NULL}, "kes "},
        {{"help", "kes", "opcert", NULL}, "kes opcert "},
        {{"kes", "opcert", "-h", NULL}, "kes opcert "},
        {{"user", "--json", "--help", NULL}, "user "}, /* text, as a command's; and no 'uses' */
        {{"help", "model", NULL}, "model "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char usage[64];
        struct program_result help;
        program_run(&help, NULL, rows[i].words);
        (void)snprintf(usage, sizeof usage, "Usage: bulla %sCOMMAND", rows[i].group);
        assert_int_equal(help.status, BULLA_EXIT_OK);
        assert_string_equal(help.err, "");
        assert_int_equal(strncmp(help.out, usage, strlen(usage)), 0);
        for (size_t command = 0; command < BULLA_COMMAND_COUNT; command++) {
            const char *name = bulla_commands[command]->name;
            char row[128];
            (void)snprintf(row, sizeof row, "\n  %-16s %s\n", name, bulla_commands[command]->summary);
            assert_int_equal(strstr(help.out, row) != NULL, strncmp(name, rows[i].group, strlen(rows[i].group)) == 0);
        }
        program_result_free(&help);
    }
}

static void help_of_what_is_not_there_is_usage(void **state)
{
    (void)state;
    static const char *const rows[][4] = {{"help", "kes", "opcrt", NULL}, {"help", "ke", NULL}, {"ke", "--help", NULL},
        {"kes", NULL}, {"help", "", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct program_result help;
        program_run(&help, NULL, rows[i]);
        assert_int_equal(help.status, BULLA_EXIT_USAGE);
        assert_string_equal(help.out, "");
        program_result_free(&help);
    }
}

/* The script is asked as bash would: COMP_WORDS is set, and COMPREPLY printed. */
static void the_completion_completes(void **state)
{
    (void)state;
    struct program_result script;
    char path[64];
    char file[128];
    char command[512];
    char line[512] = "";
    RUN(&script, "completion", "bash");
    assert_int_equal(script.status, BULLA_EXIT_OK);
    test_folder_make(path, sizeof path);
    test_folder_join(file, sizeof file, path, "bulla.bash");
    test_file_write(file, script.out, strlen(script.out));
    static const struct {
        const char *words;
        int current;
        const char *reply;
    } rows[] = {
        {"bulla mod", 1, "model\n"},
        {"bulla model ins", 2, "inspect\n"},
        {"bulla model re", 2, "remove\n"},
        {"bulla imp", 1, "import\n"},
        {"bulla ke", 1, "kes\n"},
        {"bulla kes op", 2, "opcert\n"},
        {"bulla kes opcert i", 3, "issue\n"},
        {"bulla kes opcert issue --cou", 4, "--counter\n"},
        {"bulla kes evolve --t", 3, "--to --token\n"},
        {"bulla import --to-", 2, "--to-module\n"},
        {"bulla import --source", 2, "--source-pin-file\n"},
        {"bulla model seal --rel", 3, "--release\n"},
        {"bulla infer --sim", 2, "--similarity\n"},
        {"bulla status --rel", 2, "\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        (void)snprintf(command, sizeof command,
            "bash --norc -c '. %s; COMP_WORDS=(%s); COMP_CWORD=%d; _bulla; echo \"${COMPREPLY[*]}\"'", file,
            rows[i].words, rows[i].current);
        FILE *shell = popen(command, "r");
        assert_non_null(shell);
        assert_non_null(fgets(line, sizeof line, shell));
        (void)pclose(shell);
        assert_string_equal(line, rows[i].reply);
    }
    test_folder_remove(path);
    program_result_free(&script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_general_help_names_every_command_and_status),
        cmocka_unit_test(each_command_has_help_with_options_and_examples),
        cmocka_unit_test(every_example_has_the_options_that_are_needed),
        cmocka_unit_test(the_manual_has_every_command_option_and_status),
        cmocka_unit_test(wrong_commands_are_usage_and_say_what_is_near),
        cmocka_unit_test(wrong_usage_is_json_where_json_is_wanted),
        cmocka_unit_test(help_and_version_are_commands_too),
        cmocka_unit_test(a_group_of_commands_has_help),
        cmocka_unit_test(help_of_what_is_not_there_is_usage),
        cmocka_unit_test(the_completion_completes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
