#include "heap.h"

#include <stdlib.h>

enum bulla_reason bulla_heap_allocate(size_t size, const char *what, void **memory)
{
    *memory = calloc(1, size);
    return *memory ? BULLA_OK : bulla_refuse(BULLA_OUT_OF_MEMORY, "%s", what);
}

void bulla_heap_free(void *pointer)
{
    free(*(void **)pointer);
}
