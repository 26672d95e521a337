/* safetensors, read in place from the caller's memory.
 *
 *   u64 little-endian n | n bytes of JSON: {"name": {"dtype", "shape", "data_offsets": [begin, end]}, …} | data
 *
 * The whole header is checked before the first tensor is given out. Refused: what the reference library refuses (a
 * hole, an overlap, bytes after the last tensor, a first offset that is not 0, end < begin, size ≠ shape × type, a
 * shape that overflows, a header above 100,000,000 bytes or beyond the file, no UTF-8, anything but spaces after the
 * JSON, metadata that is not text, an unknown type), and what it lets pass: a name twice, two tensors that begin at one
 * offset (an empty one hides behind the other), unknown or repeated keys, bytes before the `{`. Also over a bound of
 * ours: tensors, rank. */
#ifndef BULLA_INFERENCE_SAFETENSORS_H
#define BULLA_INFERENCE_SAFETENSORS_H

#include "engine.h"

enum {
    BULLA_TENSORS_MAX = 4096, /* of one file */
    BULLA_TENSOR_RANK_MAX = 8,
    BULLA_TENSOR_NAME_MAX = 255, /* bytes */
};

enum bulla_tensor_type {
    BULLA_TENSOR_BOOL,
    BULLA_TENSOR_U8,
    BULLA_TENSOR_I8,
    BULLA_TENSOR_F8_E4M3,
    BULLA_TENSOR_F8_E5M2,
    BULLA_TENSOR_I16,
    BULLA_TENSOR_U16,
    BULLA_TENSOR_F16,
    BULLA_TENSOR_BF16,
    BULLA_TENSOR_I32,
    BULLA_TENSOR_U32,
    BULLA_TENSOR_F32,
    BULLA_TENSOR_I64,
    BULLA_TENSOR_U64,
    BULLA_TENSOR_F64,
};

/* A view of the header; where the data lies has no alignment: read it through memcpy. */
struct bulla_tensor {
    const char *name; /* name_size bytes, no zero after them */
    size_t name_size;
    enum bulla_tensor_type type;
    unsigned rank; /* 0: a scalar */
    uint64_t shape[BULLA_TENSOR_RANK_MAX];
    size_t offset; /* of its data, from the file's start */
    size_t size;   /* bytes: shape × type */
};

/* Both functions read the header and nothing behind it: of a file of `size` bytes the first bulla_weights_header(…)
 * need be there. */
/* The number of tensors that the header lists (checks its JSON and the bound, not the tensors). `file` is the name for
 * refusals. */
bool bulla_safetensors_count(const struct bulla_model_file *file, size_t *count, struct bulla_inference_error *error)
    __attribute__((warn_unused_result));
/* Checks everything and fills tensors[0 … count - 1], sorted by name. `capacity`: as counted, or more. */
bool bulla_safetensors_open(const struct bulla_model_file *file, struct bulla_tensor *tensors, size_t capacity,
    size_t *count, struct bulla_inference_error *error) __attribute__((warn_unused_result));
/* The tensor of that name, or NULL. */
const struct bulla_tensor *bulla_safetensors_find(const struct bulla_tensor *tensors, size_t count, const char *name);
/* "F32"; bytes of one element. */
const char *bulla_tensor_type_name(enum bulla_tensor_type type);
size_t bulla_tensor_type_size(enum bulla_tensor_type type);

#endif
