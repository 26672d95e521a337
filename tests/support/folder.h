/* Folders that a test works in and leaves nothing of. */
#ifndef BULLA_TESTS_FOLDER_H
#define BULLA_TESTS_FOLDER_H

#include <stddef.h>

/* Makes a fresh folder (0700) below $TMPDIR or /tmp; path: at least 64 bytes. Aborts the test program on failure. */
void test_folder_make(char *path, size_t size);
/* Removes it with everything inside. */
void test_folder_remove(const char *path);
/* "folder/name" in `path`. */
void test_folder_join(char *path, size_t size, const char *folder, const char *name);

/* The whole of a file, malloc'd with a zero after it; NULL when it can't be read. */
unsigned char *test_file_read(const char *path, size_t *size);
void test_file_write(const char *path, const void *data, size_t size);

/* Says what is missing and returns 77 for main to return; with CI=true it fails instead. */
int test_skip(const char *what);

#endif
