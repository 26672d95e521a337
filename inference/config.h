/* The small files of a Hugging Face folder: what the encoder needs to know beside its weights.
 *
 * config.json is needed; sentence_bert_config.json, 1_Pooling/config.json, modules.json, tokenizer_config.json and
 * tokenizer.json are heeded when they are there. What would change the result and is not here is refused by name. Read
 * in place: nothing of them reaches the ordinary heap. */
#ifndef BULLA_INFERENCE_CONFIG_H
#define BULLA_INFERENCE_CONFIG_H

#include "engine.h"

/* The facts that callers see, and what only the encoder needs. The activation is the erf GELU, positions are absolute.
 */
struct bulla_config {
    struct bulla_model_facts facts;
    unsigned token_types; /* rows of token_type_embeddings; sequences are all of type 0 */
    float epsilon;        /* of every layer norm */
};

/* What bulla_model_inspect does, with the rest. Guarantees: every count is at least 1 and below the bounds of config.c,
 * dimension is a multiple of heads, 2 ≤ longest ≤ positions. */
bool bulla_config_read(const struct bulla_model_files *files, struct bulla_config *config,
    struct bulla_inference_error *error) __attribute__((warn_unused_result));

/* The same without the tokeniser's two files: facts.lowercase is false. */
bool bulla_config_read_model(const struct bulla_model_files *files, struct bulla_config *config,
    struct bulla_inference_error *error) __attribute__((warn_unused_result));

/* The file of that name, or NULL. */
const struct bulla_model_file *bulla_model_file_find(const struct bulla_model_files *files, const char *name);

#endif
