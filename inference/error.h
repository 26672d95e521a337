/* How this room says no. */
#ifndef BULLA_INFERENCE_ERROR_H
#define BULLA_INFERENCE_ERROR_H

#include "engine.h"

/* Records what was wrong (cut to fit) and returns false, so that a caller writes `return bulla_inference_refuse(…)`.
 * `error` may be NULL. The sentence names files, tensors and numbers, never content of a text. */
bool bulla_inference_refuse(struct bulla_inference_error *error, enum bulla_inference_reason reason, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

#endif
