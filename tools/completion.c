/* The completion is generated from the command table, so it can't know other commands or options than the program. */
#include <string.h>

#include "commands.h"
#include "output.h"

enum { NAME_WORDS_LARGEST = 3 };

struct completion_settings {
    struct bulla_common common;
};

static bool takes_file(const struct bulla_option *row)
{
    return row->value && (strcmp(row->value, "FILE") == 0 || strcmp(row->value, "PATH") == 0);
}

/* How many bytes the first words of a name take, `words` of them and what is between; 0 where it has not so many. */
static size_t words_size(const char *name, unsigned words)
{
    size_t size = strcspn(name, " ");
    for (; words > 1 && name[size]; words--)
        size += 1 + strcspn(name + size + 1, " ");
    return words == 1 ? size : 0;
}

/* The word number `words` of every command that begins as `prefix` does, each once: commands of a group stand
 * together. */
static void words_print(const char *prefix, size_t prefix_size, unsigned words)
{
    const char *last = "";
    size_t last_size = 0;
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++) {
        const char *name = bulla_commands[i]->name;
        size_t size = words_size(name, words);
        bool inside = size && strncmp(name, prefix, prefix_size) == 0 && (!prefix_size || name[prefix_size] == ' ');
        if (!inside || (size == last_size && strncmp(name, last, size) == 0))
            continue;
        size_t skip = prefix_size ? prefix_size + 1 : 0;
        bulla_say(" %.*s", (int)(size - skip), name + skip);
        last = name;
        last_size = size;
    }
}

/* Lines of a bash case: what may follow the first words of names that have more. */
static void groups_print(unsigned words)
{
    const char *last = "";
    size_t last_size = 0;
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++) {
        const char *name = bulla_commands[i]->name;
        size_t size = words_size(name, words);
        if (!size || name[size] != ' ' || (size == last_size && strncmp(name, last, size) == 0))
            continue;
        last = name;
        last_size = size;
        bulla_say("      \"%.*s\") words=\"", (int)size, name);
        words_print(name, size, words + 1);
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
              "  local words=\"");
    words_print("", 0, 1);
    bulla_say(" help --help --version\" options= files= command= at=1\n"
              "  COMPREPLY=()\n"
              "  while [ -n \"$words\" ]; do\n"
              "    if [ \"$COMP_CWORD\" -eq \"$at\" ]; then\n"
              "      COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
              "      return\n"
              "    fi\n"
              "    command=\"${command:+$command }${COMP_WORDS[at]:-}\"\n"
              "    at=$((at + 1))\n"
              "    case \"$command\" in\n");
    for (unsigned words = 1; words < NAME_WORDS_LARGEST; words++)
        groups_print(words);
    bulla_say("      *) words= ;;\n"
              "    esac\n"
              "  done\n"
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
