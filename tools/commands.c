#include "commands.h"

#include <stdio.h>
#include <string.h>

#define COMMAND_ADDRESS(name) &bulla_command_##name,
const struct bulla_command *const bulla_commands[BULLA_COMMAND_COUNT] = {BULLA_COMMANDS(COMMAND_ADDRESS)};
#undef COMMAND_ADDRESS

/* How many words of argv the name takes; 0 when they differ. */
static int name_matches(const char *name, int argc, char **argv)
{
    for (int words = 0; words < argc; words++) {
        size_t size = strcspn(name, " ");
        if (strlen(argv[words]) != size || strncmp(name, argv[words], size) != 0)
            return 0;
        if (!name[size])
            return words + 1;
        name += size + 1;
    }
    return 0;
}

bool bulla_command_is_within(const struct bulla_command *command, const char *group)
{
    size_t size = strlen(group);
    return size && strncmp(command->name, group, size) == 0 && command->name[size] == ' ';
}

static bool is_group(const char *words)
{
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++)
        if (bulla_command_is_within(bulla_commands[i], words))
            return true;
    return false;
}

bool bulla_command_group(int argc, char **argv, char group[static BULLA_COMMAND_NAME_SIZE])
{
    size_t used = 0;
    group[0] = '\0';
    for (int i = 0; i < argc && argv[i][0] != '-'; i++) {
        size_t left = BULLA_COMMAND_NAME_SIZE - used;
        int more = snprintf(group + used, left, "%s%s", i ? " " : "", argv[i]);
        if (more < 0 || (size_t)more >= left)
            return false;
        used += (size_t)more;
    }
    return is_group(group);
}

static void group_refuse(const char *group)
{
    char names[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < BULLA_COMMAND_COUNT; i++) {
        if (!bulla_command_is_within(bulla_commands[i], group))
            continue;
        const char *name = bulla_commands[i]->name + strlen(group) + 1;
        int more = snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", name);
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
