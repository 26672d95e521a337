/* A BertModel small enough to be computed twice: as files in memory for the engine, and as plain numbers in double
 * precision for the reference beside it (tiny_reference). */
#ifndef BULLA_TESTS_TINY_MODEL_H
#define BULLA_TESTS_TINY_MODEL_H

#include "inference/engine.h"

enum { TINY_TENSORS_MAX = 96, TINY_FILES_MAX = 8 };

struct tiny_tensor {
    char name[96];
    char type[8]; /* "F32", "F16", "BF16"; others are written as zeros of that type's size */
    unsigned rank;
    size_t shape[2];
    double *values; /* what the file says once it has been rounded to its type */
};

struct tiny_model {
    size_t layers, heads, dimension, intermediate, vocabulary, positions;
    struct tiny_tensor tensors[TINY_TENSORS_MAX];
    size_t count;
    char config[512];
    char words[512];      /* vocab.txt */
    unsigned char *bytes; /* the safetensors file */
    struct bulla_model_file list[TINY_FILES_MAX];
    struct bulla_model_files files;
};

/* Numbers come from a fixed generator. `prefix` stands before every name ("" or "bert."). */
struct tiny_model *tiny_make(
    size_t layers, size_t heads, size_t dimension, size_t intermediate, const char *type, const char *prefix);
void tiny_free(struct tiny_model *model);
struct tiny_tensor *tiny_tensor(struct tiny_model *model, const char *name);
struct tiny_tensor *tiny_add(struct tiny_model *model, const char *name, const char *type, size_t rows, size_t columns);
void tiny_remove(struct tiny_model *model, const char *name);
/* Writes config.json, vocab.txt and model.safetensors from what the struct holds; again after every change. */
void tiny_write(struct tiny_model *model);

/* embedding: [dimension], computed in double precision, one number at a time, from the paper's formulas. */
void tiny_reference(struct tiny_model *model, const uint32_t *ids, size_t count, double *embedding);

/* Loads into memory of exactly the measured size, which the caller frees; NULL after a refusal. */
const struct bulla_model *tiny_load(
    const struct tiny_model *model, struct bulla_pool *pool, void **memory, struct bulla_inference_error *error);

#endif
