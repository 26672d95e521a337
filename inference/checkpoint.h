/* A weights file as the encoder's loader sees it: tensors taken by name, each with the shape that config.json asks for.
 *
 * Names are those of BertModel, with "bert." before them when the file came from a model that has one inside. The
 * pooler (mean pooling has no use for it) and position_ids (0, 1, 2 …) are ignored; any other tensor that was not asked
 * for means that the file is not what config.json says. */
#ifndef BULLA_INFERENCE_CHECKPOINT_H
#define BULLA_INFERENCE_CHECKPOINT_H

#include "engine.h"
#include "kernels.h"
#include "safetensors.h"

struct bulla_checkpoint {
    const struct bulla_model_file *file;
    struct bulla_inference_error *error;
    struct bulla_tensor *tensors; /* [count], sorted by name */
    bool *taken;                  /* [count] */
    size_t count;
    const char *prefix; /* of every name */
    bool header_only;   /* tensors are held against config.json, and nothing behind the file's header is there */
};

/* A tensor that was found and has the type and shape asked for. */
struct bulla_stored {
    const char *name;
    const uint8_t *data; /* [rows, columns], or [columns] when rows is 0; NULL of a header alone */
    enum bulla_weight type;
    size_t rows, columns;
};

enum { BULLA_CHECKPOINT_ENTRY = sizeof(struct bulla_tensor) + sizeof(bool) }; /* bytes of memory for each tensor */

/* `file` and `error` are set; memory: count · BULLA_CHECKPOINT_ENTRY bytes, count as bulla_safetensors_count says. */
bool bulla_checkpoint_open(struct bulla_checkpoint *checkpoint, void *memory, size_t count)
    __attribute__((warn_unused_result));
/* The tensor `name` (without prefix) of the shape [rows, columns]; rows 0: a vector of `columns`. */
bool bulla_checkpoint_take(struct bulla_checkpoint *checkpoint, const char *name, size_t rows, size_t columns,
    struct bulla_stored *stored) __attribute__((warn_unused_result));
/* Refuses tensors that nobody took. */
bool bulla_checkpoint_finish(const struct bulla_checkpoint *checkpoint) __attribute__((warn_unused_result));

/* Returns false: the tensor holds an infinity or NaN. */
bool bulla_checkpoint_refuse_numbers(const struct bulla_checkpoint *checkpoint, const struct bulla_stored *stored);
/* Whether no number stored there is an infinity or NaN. */
bool bulla_weight_finite(enum bulla_weight type, const uint8_t *data, size_t size);
size_t bulla_weight_bytes(enum bulla_weight type);

#endif
