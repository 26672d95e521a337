/* The weights of a model folder as they may lie in memory: needles of them. */
#ifndef BULLA_TESTS_WEIGHTS_NEEDLES_H
#define BULLA_TESTS_WEIGHTS_NEEDLES_H

#include <stdbool.h>

#include "needles.h"

/* Each tensor of the file as it is there; as f32 in the same order; and, for matrices, as f32 by columns, which is how
 * rows of a packed panel lie. F16 files. False when the file can't be read as one. */
bool weights_add(struct needles *set, const char *path);
/* Frees what the needles point to; after them. */
void weights_release(void);

#endif
