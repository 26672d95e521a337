/* Whether the heap of this process holds some bytes, freed memory included. */
#ifndef BULLA_TESTS_HEAP_H
#define BULLA_TESTS_HEAP_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The words of a needle lie outside the heap: in the program, or on the stack. Its first 16 bytes are left out, for
 * what is freed loses so many to the allocator. */
static inline bool heap_holds(const char *needle)
{
    char line[512], maps[65536]; /* not on the heap */
    unsigned long from = 0, to = 0;
    FILE *file = fopen("/proc/self/maps", "re");
    if (!file)
        return true;
    (void)setvbuf(file, maps, _IOFBF, sizeof maps);
    while (fgets(line, sizeof line, file))
        if (strstr(line, "[heap]"))
            (void)sscanf(line, "%lx-%lx", &from, &to);
    (void)fclose(file);
    needle += 16;
    return from && memmem((const void *)from, to - from, needle, strlen(needle)) != NULL; /* NOLINT */
}

#endif
