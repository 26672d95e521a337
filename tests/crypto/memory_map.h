/* What the kernel says about an address of this process, and children in which something is expected to happen. */
#ifndef BULLA_TESTS_MEMORY_MAP_H
#define BULLA_TESTS_MEMORY_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct test_mapping {
    unsigned long start, end;
    char access[5];  /* "rw-p" */
    char flags[512]; /* the line VmFlags of /proc/self/smaps: "lo" locked, "dd" not dumped, "wf" wiped on fork */
};

/* The mapping that holds `address`; false when there is none. */
bool test_mapping_of(const void *address, struct test_mapping *mapping);

/* Runs `body` in a forked child and returns its wait status; it is killed after 20 seconds. Its standard error goes to
 * `line` (cut to `size`). A body that returns makes the child exit with what it returned. */
int test_in_child(int (*body)(void), char *line, size_t size);

/* In a child that is root: becomes an ordinary user (65534) with this limit of locked memory, so that the limit counts.
 * False when the limit cannot be made to count. */
bool test_limit_locked_memory(size_t bytes);

#endif
