/* OpenSSL's readers of PEM and DER free copies of a private key without wiping them, and have no other way to be told.
 * A module in a host's process can't change the host's allocator; a program of our own can. */
#include "wiped_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/arena.h"

static void *wiped_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size ? malloc(size) : NULL;
}

static void wiped_free(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    if (memory)
        bulla_wipe(memory, malloc_usable_size(memory));
    free(memory);
}

/* Never in place: what realloc() leaves behind is not wiped either. */
static void *wiped_realloc(void *memory, size_t size, const char *file, int line)
{
    void *moved = wiped_malloc(size, file, line);
    if (size && !moved)
        return NULL;
    size_t before = memory ? malloc_usable_size(memory) : 0;
    if (moved && memory)
        memcpy(moved, memory, before < size ? before : size);
    wiped_free(memory, file, line);
    return moved;
}

bool bulla_openssl_memory_wipe(void)
{
    return CRYPTO_set_mem_functions(wiped_malloc, wiped_realloc, wiped_free) == 1;
}
