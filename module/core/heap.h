/* Memory of the heap for the scope of a function: ciphertext and what is public, never a secret.
 *
 *     BULLA_HEAP struct bulla_policy *policy = NULL;
 *     BULLA_TRY(bulla_heap_allocate(sizeof *policy, "reading a policy", (void **)&policy));  */
#ifndef BULLA_CORE_HEAP_H
#define BULLA_CORE_HEAP_H

#include "crypto/reason.h"

/* Zeroed. BULLA_OUT_OF_MEMORY, with what it was for. */
enum bulla_reason bulla_heap_allocate(size_t size, const char *what, void **memory) BULLA_MUST_USE;
/* `pointer` is the address of a pointer, as the cleanup attribute has it. */
void bulla_heap_free(void *pointer);
#define BULLA_HEAP __attribute__((cleanup(bulla_heap_free)))

#endif
