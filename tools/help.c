#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "exit.h"
#include "output.h"

static void statuses_print(void)
{
    bulla_say("\n" BULLA_STRONG "Exit status" BULLA_PLAIN "\n");
    for (unsigned status = 0; status < BULLA_EXIT_COUNT; status++)
        bulla_say("  %u  %s\n", status, bulla_exit_meaning((enum bulla_exit)status));
}

void bulla_help_print(void)
{
    bulla_say("Usage: bulla COMMAND [OPTION…] [ARGUMENT…]\n\n"
              "Seals models into a token and runs them inside it, released only to a measured machine.\n\n" BULLA_STRONG
              "Commands" BULLA_PLAIN "\n");
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++)
        bulla_say("  %-16s %s\n", bulla_commands[i]->name, bulla_commands[i]->summary);
    bulla_say("\n`bulla COMMAND --help` says more of one; bulla(1) and bulla.conf(5) say all.\n"
              "Each command takes --json, and then prints one JSON document and nothing else to standard output.\n");
    bulla_say("\n" BULLA_STRONG "Environment" BULLA_PLAIN "\n"
              "  BULLA_PIN    the user's PIN, where no --pin-file is given\n"
              "  BULLA_PASSPHRASE  a release tree's passphrase, where no --passphrase-file is given\n"
              "  BULLA_CONF   the configuration file, instead of the usual ones\n"
              "  BULLA_LOG    stderr, or a file: what the module refuses, in words\n"
              "  NO_COLOR     no colours\n");
    statuses_print();
}

void bulla_group_help_print(const char *group)
{
    bulla_say("Usage: bulla %s COMMAND [OPTION…] [ARGUMENT…]\n\n" BULLA_STRONG "Commands" BULLA_PLAIN "\n", group);
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++)
        if (bulla_command_is_within(bulla_commands[i], group))
            bulla_say("  %-16s %s\n", bulla_commands[i]->name, bulla_commands[i]->summary);
    bulla_say("\n`bulla %s COMMAND --help` says more of one; bulla(1) says all.\n", group);
}

static void option_print(const struct bulla_option *row)
{
    char letter[8] = "    ";
    char name[64];
    if (row->letter)
        (void)snprintf(letter, sizeof letter, "-%c, ", row->letter);
    (void)snprintf(name, sizeof name, "--%s%s%s", row->name, row->value ? " " : "", row->value ? row->value : "");
    bulla_say("  %s%-26s %s%s%s\n", letter, name, row->help,
        row->kind == BULLA_OPTION_OUTPUT ? "; -: standard output" : "", row->required ? " (needed)" : "");
}

void bulla_command_help_print(const struct bulla_command *command)
{
    const struct bulla_option *rows[BULLA_OPTIONS_LARGEST];
    size_t count = bulla_options_collect(command, rows);
    bulla_say("Usage: bulla %s [OPTION…]%s%s\n\n%s.\n", command->name, *command->arguments ? " " : "",
        command->arguments, command->summary);
    if (command->text) {
        bulla_say("\n");
        bulla_say_own(command->text);
        bulla_say("\n");
    }
    bulla_say("\n" BULLA_STRONG "Options" BULLA_PLAIN "\n");
    for (size_t i = 0; i < count; i++)
        option_print(rows[i]);
    bulla_say("\n" BULLA_STRONG "Examples" BULLA_PLAIN "\n");
    bulla_say_own(command->examples);
    statuses_print();
}
