#include "commands.h"

#include <stdio.h>
#include <string.h>

#define COMMAND_ADDRESS(name) &bulla_command_##name,
const struct bulla_command *const bulla_commands[BULLA_COMMAND_COUNT] = {BULLA_COMMANDS(COMMAND_ADDRESS)};
#undef COMMAND_ADDRESS

/* How many words of argv the name takes; 0 when they differ. */
static int name_matches(const char *name, int argc, char **argv)
{
    const char *space = strchr(name, ' ');
    if (!space)
        return strcmp(name, argv[0]) == 0 ? 1 : 0;
    size_t first = (size_t)(space - name);
    bool group = strlen(argv[0]) == first && strncmp(name, argv[0], first) == 0;
    return group && argc > 1 && strcmp(space + 1, argv[1]) == 0 ? 2 : 0;
}

static bool is_group(const char *word)
{
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++) {
        const char *space = strchr(bulla_commands[i]->name, ' ');
        size_t size = space ? (size_t)(space - bulla_commands[i]->name) : 0;
        if (size && strlen(word) == size && strncmp(bulla_commands[i]->name, word, size) == 0)
            return true;
    }
    return false;
}

static void group_refuse(const char *group)
{
    char names[256] = "";
    size_t used = 0;
    size_t size = strlen(group);
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++) {
        const char *name = bulla_commands[i]->name;
        if (strncmp(name, group, size) != 0 || name[size] != ' ')
            continue;
        int more = snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", name + size + 1);
        used += more > 0 && (size_t)more < sizeof names - used ? (size_t)more : 0;
    }
    (void)bulla_refuse(BULLA_ARGUMENT, "'%s' wants one of: %s", group, names);
}

static void unknown_refuse(int argc, char **argv)
{
    const char *names[BULLA_COMMAND_COUNT];
    char words[64];
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++)
        names[i] = bulla_commands[i]->name;
    bool two = argc > 1 && argv[1][0] != '-';
    if (!two && is_group(argv[0])) {
        group_refuse(argv[0]);
        return;
    }
    (void)snprintf(words, sizeof words, "%s%s%s", argv[0], two ? " " : "", two ? argv[1] : "");
    const char *near = bulla_nearest(words, names, BULLA_COMMAND_COUNT);
    bool both = near || is_group(argv[0]);
    near = near || !two || both ? near : bulla_nearest(argv[0], names, BULLA_COMMAND_COUNT);
    if (near)
        (void)bulla_refuse(BULLA_ARGUMENT, "unknown command '%s'; did you mean '%s'?", both ? words : argv[0], near);
    else if (is_group(argv[0]))
        group_refuse(argv[0]);
    else
        (void)bulla_refuse(BULLA_ARGUMENT, "unknown command '%s'", argv[0]);
}

const struct bulla_command *bulla_command_find(int argc, char **argv, int *words)
{
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++) {
        *words = name_matches(bulla_commands[i]->name, argc, argv);
        if (*words)
            return bulla_commands[i];
    }
    unknown_refuse(argc, argv);
    return NULL;
}
