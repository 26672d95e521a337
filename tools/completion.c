/* The completion is generated from the command table, so it can't know other commands or options than the program. */
#include <string.h>

#include "commands.h"
#include "output.h"

struct completion_settings {
    struct bulla_common common;
};

static bool takes_file(const struct bulla_option *row)
{
    return row->value && (strcmp(row->value, "FILE") == 0 || strcmp(row->value, "PATH") == 0);
}

/* `words` of the first level, each once: "model" stands for all of its subcommands. */
static void first_words_print(void)
{
    const char *last = "";
    size_t last_size = 0;
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++) {
        const char *name = bulla_commands[i]->name;
        size_t size = strcspn(name, " ");
        if (size != last_size || strncmp(name, last, size) != 0)
            bulla_say(" %.*s", (int)size, name);
        last = name;
        last_size = size;
    }
}

static void second_words_print(const char *first, size_t size)
{
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++) {
        const char *name = bulla_commands[i]->name;
        if (strncmp(name, first, size) == 0 && name[size] == ' ')
            bulla_say(" %s", name + size + 1);
    }
}

static void groups_print(void)
{
    const char *last = "";
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++) {
        const char *name = bulla_commands[i]->name;
        size_t size = strcspn(name, " ");
        if (name[size] != ' ' || (strncmp(name, last, size) == 0 && last[size] == ' '))
            continue;
        last = name;
        bulla_say("    %.*s) words=\"", (int)size, name);
        second_words_print(name, size);
        bulla_say("\" ;;\n");
    }
}

static void options_print(const struct bulla_command *command)
{
    const struct bulla_option *rows[BULLA_OPTIONS_LARGEST];
    size_t count = bulla_options_collect(command, rows);
    bulla_say("    \"%s\") options=\"", command->name);
    for (size_t i = 0; i < count; i++)
        bulla_say(" --%s", rows[i]->name);
    bulla_say("\"; files=\"");
    for (size_t i = 0; i < count; i++)
        if (takes_file(rows[i]))
            bulla_say(" --%s", rows[i]->name);
    bulla_say("\" ;;\n");
}

static enum bulla_reason completion_run(const struct bulla_call *call)
{
    if (strcmp(call->arguments[0], "bash") != 0)
        return bulla_refuse(BULLA_ARGUMENT, "there is no completion for '%s', only for bash", call->arguments[0]);
    if (bulla_output_json_wanted())
        return bulla_refuse(BULLA_ARGUMENT, "a script is not JSON");
    bulla_say("# bash completion for bulla, made by `bulla completion bash`\n"
              "_bulla() {\n"
              "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
              "  local first=\"${COMP_WORDS[1]:-}\" second=\"${COMP_WORDS[2]:-}\" words= options= files= command\n"
              "  COMPREPLY=()\n"
              "  case \"$first\" in\n");
    groups_print();
    bulla_say("    *) words= ;;\n"
              "  esac\n"
              "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
              "    COMPREPLY=($(compgen -W \"");
    first_words_print();
    bulla_say(" help --help --version\" -- \"$current\"))\n"
              "    return\n"
              "  fi\n"
              "  if [ -n \"$words\" ] && [ \"$COMP_CWORD\" -eq 2 ]; then\n"
              "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
              "    return\n"
              "  fi\n"
              "  command=\"$first${words:+ $second}\"\n"
              "  case \"$command\" in\n");
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++)
        options_print(bulla_commands[i]);
    bulla_say("  esac\n"
              "  case \" $files \" in\n"
              "    *\" $previous \"*) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
              "  esac\n"
              "  case \"$current\" in\n"
              "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$current\")) ;;\n"
              "    *) COMPREPLY=($(compgen -f -- \"$current\")) ;;\n"
              "  esac\n"
              "}\n"
              "complete -o filenames -F _bulla bulla\n");
    return BULLA_OK;
}

const struct bulla_command bulla_command_completion = {
    .name = "completion",
    .arguments = "bash",
    .summary = "Print a completion script for a shell",
    .examples = "  source <(bulla completion bash)\n",
    .needs = BULLA_NEEDS_NOTHING,
    .settings_size = sizeof(struct completion_settings),
    .arguments_least = 1,
    .arguments_most = 1,
    .run = completion_run,
};
