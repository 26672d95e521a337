#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "exit.h"
#include "output.h"

#ifndef BULLA_VERSION
#define BULLA_VERSION "unknown"
#endif

static int ended(const char *command, enum bulla_reason reason)
{
    if (reason == BULLA_OK)
        reason = bulla_output_finish();
    if (reason != BULLA_OK)
        bulla_output_refusal(command, reason);
    /* What was printed up to a refusal counts as well; its own failure adds nothing to a refusal. */
    if (bulla_output_finish() != BULLA_OK && reason == BULLA_OK)
        reason = BULLA_FILE;
    return (int)bulla_exit_of(reason);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Of what the words name: the program, a group of commands or a command. */
static enum bulla_reason help_run(int argc, char **argv)
{
    char group[BULLA_COMMAND_NAME_SIZE];
    int words = 0;
    const struct bulla_command *command = NULL;
    if (argc == 0 || is_help(argv[0]))
        bulla_help_print();
    else if (bulla_command_group(argc, argv, group))
        bulla_group_help_print(group);
    else if ((command = bulla_command_find(argc, argv, &words)) != NULL)
        bulla_command_help_print(command);
    else
        return BULLA_ARGUMENT;
    return BULLA_OK;
}

/* `bulla kes --help`: a group is no command, so no options of one were read. */
static bool group_help_is_asked(int argc, char **argv)
{
    char group[BULLA_COMMAND_NAME_SIZE];
    bool asked = false;
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        asked = asked || is_help(argv[i]);
    return asked && bulla_command_group(argc, argv, group);
}

/* `bulla`, `bulla help …`, `bulla --help`, `bulla kes --help`, `bulla --version`: what is not a command. */
static bool general_run(int argc, char **argv, int *status)
{
    if (argc == 0) {
        bulla_help_print();
        *status = BULLA_EXIT_USAGE;
        return true;
    }
    bool help = is_help(argv[0]) || strcmp(argv[0], "help") == 0;
    bool group = group_help_is_asked(argc, argv);
    bool version = strcmp(argv[0], "--version") == 0 || strcmp(argv[0], "-V") == 0;
    if (version)
        bulla_say("bulla %s\n", BULLA_VERSION);
    if (help || group || version)
        *status = ended("bulla", version ? BULLA_OK : help_run(argc - help, argv + help));
    return help || group || version;
}

static enum bulla_reason command_run(struct bulla_call *call, int argc, char **argv)
{
    BULLA_TRY(bulla_options_parse(call, argc, argv));
    const struct bulla_common *common = call->settings;
    if (common->help) {
        bulla_output_open(false, false); /* which is text */
        bulla_command_help_print(call->command);
        return BULLA_OK;
    }
    bulla_output_open(common->json, common->quiet);
    if (bulla_options_want_output(call))
        bulla_output_give();
    return call->command->run(call);
}

/* Options may be what is refused: whoever asks for JSON gets the refusal in it, too. */
static bool json_is_among(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0 || strcmp(argv[i], "-j") == 0)
            return true;
    return false;
}

int bulla_command_line(int argc, char **argv)
{
    int status = BULLA_EXIT_OK;
    int words = 0;
    char name[64] = "bulla";
    bulla_output_open(false, false);
    if (general_run(argc, argv, &status))
        return status;
    bulla_output_open(json_is_among(argc, argv), false);
    const struct bulla_command *command = bulla_command_find(argc, argv, &words);
    if (!command) {
        status = ended("bulla", BULLA_ARGUMENT);
        bulla_say_error("  `bulla --help` lists the commands\n");
        return status;
    }
    (void)snprintf(name, sizeof name, "bulla %s", command->name);
    struct bulla_call call = {.command = command, .settings = calloc(1, command->settings_size)};
    if (!call.settings)
        return ended(name, bulla_refuse(BULLA_OUT_OF_MEMORY, "for the settings"));
    enum bulla_reason reason = command_run(&call, argc - words + 1, argv + words - 1);
    status = ended(name, reason);
    if (status == BULLA_EXIT_OK && ((const struct bulla_common *)call.settings)->partly)
        status = BULLA_EXIT_LEFT;
    if (reason == BULLA_ARGUMENT)
        bulla_say_error("  `%s --help` lists the options\n", name);
    free(call.settings);
    return status;
}
