#include "memory_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

bool test_mapping_of(const void *address, struct test_mapping *mapping)
{
    FILE *file = fopen("/proc/self/smaps", "r");
    char line[512];
    bool found = false;
    if (!file)
        abort();
    while (fgets(line, sizeof line, file)) {
        unsigned long start = 0;
        unsigned long end = 0;
        char access[5];
        if (sscanf(line, "%lx-%lx %4s", &start, &end, access) == 3) {
            if (found)
                break;
            found = (unsigned long)address >= start && (unsigned long)address < end;
            *mapping = (struct test_mapping){.start = start, .end = end};
            memcpy(mapping->access, access, sizeof access);
        }
        if (found && strncmp(line, "VmFlags:", 8) == 0)
            (void)snprintf(mapping->flags, sizeof mapping->flags, "%s", line + 8);
    }
    (void)fclose(file);
    return found;
}

int test_in_child(int (*body)(void), char *line, size_t size)
{
    int ends[2];
    if (pipe(ends) != 0)
        abort();
    (void)fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        abort();
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        (void)alarm(20);
        _exit(body());
    }
    (void)close(ends[1]);
    size_t used = 0;
    ssize_t got = 0;
    while (used + 1 < size && (got = read(ends[0], line + used, size - 1 - used)) > 0)
        used += (size_t)got;
    line[used] = '\0';
    (void)close(ends[0]);
    int status = 0;
    if (waitpid(child, &status, 0) != child)
        abort();
    return status;
}

bool test_limit_locked_memory(size_t bytes)
{
    const struct rlimit limit = {bytes, bytes};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        return false;
    return getuid() != 0 || setuid(65534) == 0;
}
