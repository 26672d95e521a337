/* Published vectors: hex strings, and the folder of third-party files that a checkout may have beside it. */
#ifndef BULLA_TESTS_VECTORS_H
#define BULLA_TESTS_VECTORS_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of a hex string into `out`; returns how many. Aborts on a wrong digit or more than `size`. */
size_t test_hex(const char *hex, uint8_t *out, size_t size);
/* The same, malloc'd. */
uint8_t *test_hex_bytes(const char *hex, size_t *size);

/* The whole of vectors/<name>, malloc'd: $BULLA_VECTORS/<name>, else ../shared/vectors/<name> beside the source folder;
 * NULL when there is no such folder: the test then goes on without it. */
unsigned char *test_vector_file(const char *name, size_t *size);

#endif
