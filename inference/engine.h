/* The inference engine: a Hugging Face folder in memory becomes a model that turns texts into embeddings.
 *
 * The engine allocates nothing, opens no file and starts no thread: the caller measures, gives locked memory, and wipes
 * it. It includes nothing of the other rooms. Weights, activations, token ids and texts are secrets: they are only in
 * the memory that the caller gave; what the engine keeps on its stack is named where it does.
 *
 *   files → bulla_model_check (weights: their header) → the facts, or why not
 *   files → bulla_model_measure → bytes needed → bulla_model_load → struct bulla_model (in that memory)
 *   texts → bulla_tokenize_batch … → bulla_model_embed (workspace of bulla_model_workspace bytes) → f32 [texts,
 * dimension] */
#ifndef BULLA_INFERENCE_ENGINE_H
#define BULLA_INFERENCE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pool.h"

enum bulla_inference_reason {
    BULLA_INFERENCE_OK = 0,
    BULLA_INFERENCE_MALFORMED,   /* a file is not what its format says */
    BULLA_INFERENCE_UNSUPPORTED, /* well formed, but not an architecture, type or setting that is here */
    BULLA_INFERENCE_MISSING,     /* a file or a tensor is not there */
    BULLA_INFERENCE_MISMATCH,    /* config.json and the tensors disagree */
    BULLA_INFERENCE_TOO_LARGE,   /* over a stated bound */
    BULLA_INFERENCE_NOT_TEXT,    /* not UTF-8 */
    BULLA_INFERENCE_ARGUMENT,    /* token id out of range, too little memory */
};

/* What was wrong with what, for a person; names of files and tensors, numbers, never content of a text. */
struct bulla_inference_error {
    enum bulla_inference_reason reason;
    char text[256];
};

/* One file of the folder; the name is relative ("model.safetensors", "1_Pooling/config.json"). Views of the caller's.
 */
struct bulla_model_file {
    const char *name;
    const uint8_t *data;
    size_t size;
};
struct bulla_model_files {
    const struct bulla_model_file *files;
    size_t count;
};

enum { BULLA_POSITIONS_MAX = 65536 }; /* tokens of a sequence, of any model */

struct bulla_model; /* at the start of the memory given to bulla_model_load */

/* What can be said of a model without its weights, from config.json and the other small files. */
struct bulla_model_facts {
    char architecture[64]; /* "BertModel" */
    unsigned layers, heads, dimension, intermediate, vocabulary, positions;
    unsigned longest; /* tokens: max_seq_length of sentence_bert_config.json, else 256; at most positions */
    bool lowercase;
    bool pooling_declared; /* false: no 1_Pooling/config.json, and mean is assumed */
    char pooling[16];      /* "mean" */
};

/* Reads config.json (and the small files when they are there) and refuses what is not supported, by name. Works on an
 * incomplete folder: neither weights nor a vocabulary need be there. */
bool bulla_model_inspect(const struct bulla_model_files *files, struct bulla_model_facts *facts,
    struct bulla_inference_error *error) __attribute__((warn_unused_result));

/* Whether `name` is a file that the engine reads (config.json, vocab.txt, tokenizer.json, *.safetensors …). */
bool bulla_model_wants(const char *name);
/* Whether it is that of a weights file: "*.safetensors" at the top of the folder or in its folder model/. */
bool bulla_model_file_is_weights(const char *name);
/* The one weights file: model.safetensors, else the sole one. Looks at names alone. */
bool bulla_model_weights(const struct bulla_model_files *files, const struct bulla_model_file **weights,
    struct bulla_inference_error *error) __attribute__((warn_unused_result));
/* Bytes of a weights file's header, from its first eight: what bulla_model_check looks at of it. */
enum { BULLA_WEIGHTS_BEGIN = 8 };
uint64_t bulla_weights_header(const uint8_t begin[static BULLA_WEIGHTS_BEGIN]);

/* Whether bulla_model_load will take the model: all that it checks, but for numbers that are not finite. Of the weights
 * file `size` bytes are promised, and only its header need be there. Memory: aligned to 64, of as many bytes as the
 * first function says; holds pieces and names of tensors afterwards, for the caller to wipe. */
bool bulla_model_check_measure(const struct bulla_model_files *files, size_t *bytes,
    struct bulla_inference_error *error) __attribute__((warn_unused_result));
bool bulla_model_check(const struct bulla_model_files *files, void *memory, size_t bytes,
    struct bulla_model_facts *facts, struct bulla_inference_error *error) __attribute__((warn_unused_result));

/* Bytes of memory, 64-byte aligned, that bulla_model_load needs for packed f32 weights and the vocabulary. Refuses a
 * config.json that asks for more than a file of the weights' size can hold: little memory is asked for little. */
bool bulla_model_measure(const struct bulla_model_files *files, size_t *bytes, struct bulla_inference_error *error)
    __attribute__((warn_unused_result));
/* Loads and packs into `memory` (zeroed); the files may be wiped afterwards. `pool` may be NULL. The result points into
 * `memory`, which stays the caller's to wipe. After a refusal nothing of it may be used. */
bool bulla_model_load(const struct bulla_model_files *files, void *memory, size_t bytes, struct bulla_pool *pool,
    const struct bulla_model **model, struct bulla_inference_error *error) __attribute__((warn_unused_result));
const struct bulla_model_facts *bulla_model_facts(const struct bulla_model *model);

/* UTF-8 → token ids with [CLS] and [SEP], cut to `longest` (2…facts.longest; 0: facts.longest). ids has room for
 * `longest` (facts.longest when 0) entries. Memory: `scratch` of bulla_tokenize_scratch(size) bytes. */
size_t bulla_tokenize_scratch(size_t text_size);
bool bulla_tokenize(const struct bulla_model *model, const char *text, size_t size, unsigned longest, void *scratch,
    uint32_t *ids, unsigned *count, struct bulla_inference_error *error) __attribute__((warn_unused_result));

/* Sequences one after the other: ids of sequence i are ids[offsets[i]] … ids[offsets[i + 1] - 1]. */
struct bulla_token_batch {
    const uint32_t *ids;
    const uint32_t *offsets; /* sequences + 1 entries */
    size_t sequences;
};
/* Bytes, 64-byte aligned, that bulla_model_embed needs for this batch, or for one of as many sequences that are no
 * longer; bounded whatever the number of sequences, because they are computed in groups. Reads no ids. */
size_t bulla_model_workspace(const struct bulla_model *model, const struct bulla_token_batch *batch);
/* embeddings: f32 [sequences, dimension], L2-normalised. The same bits on any number of threads. */
bool bulla_model_embed(const struct bulla_model *model, const struct bulla_token_batch *batch, void *workspace,
    size_t workspace_bytes, struct bulla_pool *pool, float *embeddings, struct bulla_inference_error *error)
    __attribute__((warn_unused_result));

/* Kernels of the running machine: "avx512f", "avx2", "scalar". BULLA_KERNELS in the environment of a test build forces
 * one that the machine can run. */
const char *bulla_kernels_name(void);

#endif
