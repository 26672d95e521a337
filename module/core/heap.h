/* Memory of the heap for the scope of a function: ciphertext and what is public, never a secret. */
#ifndef BULLA_CORE_HEAP_H
#define BULLA_CORE_HEAP_H

#include <stdlib.h>

static inline void bulla_heap_free(void *pointer)
{
    free(*(void **)pointer);
}
#define BULLA_HEAP __attribute__((cleanup(bulla_heap_free)))

#endif
