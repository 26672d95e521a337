/* Searches another process's memory, or a core file, for needles. */
#ifndef BULLA_TESTS_SEARCH_H
#define BULLA_TESTS_SEARCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "needles.h"

/* One place where a needle was seen. The first few are kept; `total` counts all. */
struct sight {
    const struct needle *needle;
    unsigned long address; /* in a core file: the offset */
    char mapping[160];     /* its name, and whether it is locked, not dumped, wiped on fork */
};
struct sights {
    size_t total;          /* anywhere */
    size_t guarded;        /* of those, in memory that is locked, kept out of core files and wiped in a forked child */
    size_t searched;       /* bytes */
    struct sight first[8]; /* of those that are not guarded, while there are any, else of all */
    size_t first_count;
};

/* Every readable mapping but the kernel's own, page by page where pages are there. The process must stand still. False
 * when its memory can't be read. */
bool search_process(pid_t process, const struct needles *const *sets, size_t set_count, struct sights *sights);
bool search_file(const char *path, const struct needles *const *sets, size_t set_count, struct sights *sights);
/* On standard error: what was seen and where. */
void search_print(const char *title, const struct sights *sights);

#endif
