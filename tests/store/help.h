/* What the tests of the store share: a fresh store in a folder of its own, objects, and what a walk found. */
#ifndef BULLA_TESTS_STORE_HELP_H
#define BULLA_TESTS_STORE_HELP_H

#include "support/test.h"

#include <sys/types.h>

#include "store/store.h"
#include "support/folder.h"

struct fixture {
    char base[64];   /* made by tests/support, removed with everything in it */
    char folder[80]; /* the store's, inside */
    struct bulla_store *store;
};

/* cmocka's setup and teardown: a created, open store. */
int store_setup(void **state);
int store_teardown(void **state);

/* The row of object number `number`: its id, class and contents follow from the number. */
struct bulla_store_row store_object(uint32_t number, const uint8_t content[static 64]);
void store_content(uint32_t number, uint8_t content[static 64]);
enum bulla_reason store_put(struct bulla_store *store, uint32_t number) BULLA_MUST_USE;
/* begin, put, commit */
enum bulla_reason store_add(struct bulla_store *store, uint32_t number) BULLA_MUST_USE;
enum bulla_reason store_drop(struct bulla_store *store, uint32_t number) BULLA_MUST_USE;

/* What a reader knows; every row is compared with store_object. */
enum { SEEN_LARGEST = 8192 };
struct seen {
    uint8_t present[SEEN_LARGEST];
    int rows;  /* calls of `each` */
    int gone;  /* calls of `gone` with an id */
    int anew;  /* calls with NULL */
    int wrong; /* rows that are not as they were written */
    uint64_t now;
    uint64_t last; /* generation of the last row: must not go down */
};
enum bulla_reason store_follow(struct bulla_store *store, struct seen *seen) BULLA_MUST_USE;
int store_seen_count(const struct seen *seen);

/* Runs `body` in a forked child; returns its wait status. */
int store_in_child(int (*body)(void *context), void *context);

#endif
