/* What engine.h promises, from the parts: the struct stands at the start of the caller's memory, then the vocabulary,
 * the weights and, last, the words. */
#include <string.h>

#include "checkpoint.h"
#include "config.h"
#include "encoder.h"
#include "engine.h"
#include "error.h"
#include "tokenizer.h"
#include "tokenizer_file.h"
#include "vocabulary.h"
#include "weights.h"

enum { ALIGNMENT = 64 };

struct bulla_model {
    struct bulla_config config;
    const struct bulla_vocabulary *vocabulary;
    struct bulla_encoder encoder;
};

/* What measuring and loading both begin with. */
struct parts {
    struct bulla_config config;
    const struct bulla_model_file *weights;
    struct bulla_vocabulary_file vocabulary;
};

static bool find_parts(const struct bulla_model_files *files, struct parts *parts, struct bulla_inference_error *error)
{
    bool *lowercase = &parts->config.facts.lowercase;
    return bulla_config_read_model(files, &parts->config, error) &&
           bulla_model_weights(files, &parts->weights, error) &&
           bulla_vocabulary_open(files, &parts->vocabulary, error) &&
           bulla_tokenizer_agrees(files, bulla_vocabulary_tokenizer(&parts->vocabulary), lowercase, error);
}

static bool measure_check(const struct parts *parts, size_t *bytes, struct bulla_inference_error *error)
{
    struct bulla_place place = {0};
    (void)bulla_place_take(&place, bulla_vocabulary_bytes(&parts->vocabulary));
    if (!bulla_weights_check_measure(parts->weights, &place, error))
        return false;
    *bytes = place.used;
    return true;
}

bool bulla_model_check_measure(
    const struct bulla_model_files *files, size_t *bytes, struct bulla_inference_error *error)
{
    struct parts parts;
    return find_parts(files, &parts, error) && measure_check(&parts, bytes, error);
}

static bool refuse_memory(struct bulla_inference_error *error, const char *what, size_t needed, size_t given)
{
    return bulla_inference_refuse(error, BULLA_INFERENCE_ARGUMENT, "%s needs %zu bytes, aligned to %d; given are %zu",
        what, needed, (int)ALIGNMENT, given);
}

bool bulla_model_check(const struct bulla_model_files *files, void *memory, size_t bytes,
    struct bulla_model_facts *facts, struct bulla_inference_error *error)
{
    size_t needed;
    struct parts parts;
    const struct bulla_vocabulary *vocabulary;
    struct bulla_place place = {.base = memory, .size = bytes};
    if (!find_parts(files, &parts, error) || !measure_check(&parts, &needed, error))
        return false;
    if (bytes < needed || (uintptr_t)memory % ALIGNMENT != 0)
        return refuse_memory(error, "the check", needed, bytes);
    size_t room = bulla_vocabulary_bytes(&parts.vocabulary);
    void *pieces = bulla_place_take(&place, room);
    *facts = parts.config.facts;
    return bulla_vocabulary_fill(&parts.vocabulary, facts->vocabulary, pieces, room, &vocabulary) &&
           bulla_weights_check(parts.weights, &parts.config, &place, error);
}

static bool measure_parts(const struct parts *parts, size_t *bytes, struct bulla_inference_error *error)
{
    struct bulla_place place = {0};
    (void)bulla_place_take(&place, sizeof(struct bulla_model));
    (void)bulla_place_take(&place, bulla_vocabulary_bytes(&parts->vocabulary));
    if (!bulla_weights_measure(parts->weights, &parts->config, &place, error))
        return false;
    *bytes = place.used;
    return true;
}

bool bulla_model_measure(const struct bulla_model_files *files, size_t *bytes, struct bulla_inference_error *error)
{
    struct parts parts;
    return find_parts(files, &parts, error) && measure_parts(&parts, bytes, error);
}

bool bulla_model_load(const struct bulla_model_files *files, void *memory, size_t bytes, struct bulla_pool *pool,
    const struct bulla_model **result, struct bulla_inference_error *error)
{
    size_t needed;
    struct parts parts;
    struct bulla_place place = {.base = memory, .size = bytes};
    if (!find_parts(files, &parts, error) || !measure_parts(&parts, &needed, error))
        return false;
    if (bytes < needed || (uintptr_t)memory % ALIGNMENT != 0)
        return refuse_memory(error, "the model", needed, bytes);
    struct bulla_model *model = bulla_place_take(&place, sizeof *model);
    size_t room = bulla_vocabulary_bytes(&parts.vocabulary);
    void *pieces = bulla_place_take(&place, room);
    model->config = parts.config;
    if (!bulla_vocabulary_fill(&parts.vocabulary, parts.config.facts.vocabulary, pieces, room, &model->vocabulary) ||
        !bulla_weights_load(parts.weights, &parts.config, &place, pool, &model->encoder, error))
        return false;
    *result = model;
    return true;
}

const struct bulla_model_facts *bulla_model_facts(const struct bulla_model *model)
{
    return &model->config.facts;
}

size_t bulla_tokenize_scratch(size_t text_size)
{
    (void)text_size; /* a text passes through a window of fixed size */
    return bulla_tokenizer_scratch();
}

bool bulla_tokenize(const struct bulla_model *model, const char *text, size_t size, unsigned longest, void *scratch,
    uint32_t *ids, unsigned *count, struct bulla_inference_error *error)
{
    const struct bulla_model_facts *facts = &model->config.facts;
    if (longest == 0)
        longest = facts->longest;
    if (longest < 2 || longest > facts->longest)
        return bulla_inference_refuse(
            error, BULLA_INFERENCE_ARGUMENT, "a sequence may have 2 to %u tokens, not %u", facts->longest, longest);
    return bulla_tokenizer_run(model->vocabulary, facts->lowercase, text, size, longest, scratch, ids, count, error);
}

size_t bulla_model_workspace(const struct bulla_model *model, const struct bulla_token_batch *batch)
{
    return bulla_encoder_workspace(&model->encoder, batch);
}

static bool check_batch(
    const struct bulla_model_facts *facts, const struct bulla_token_batch *batch, struct bulla_inference_error *error)
{
    for (size_t i = 0; i < batch->sequences; i++) {
        uint32_t first = batch->offsets[i];
        uint32_t end = batch->offsets[i + 1];
        if (end <= first || end - first > facts->positions)
            return bulla_inference_refuse(error, BULLA_INFERENCE_ARGUMENT,
                "sequence %zu runs from token %u to %u; it may have 1 to %u", i, first, end, facts->positions);
        for (uint32_t token = first; token < end; token++)
            if (batch->ids[token] >= facts->vocabulary)
                return bulla_inference_refuse(error, BULLA_INFERENCE_ARGUMENT,
                    "sequence %zu: token %u is beyond the vocabulary of %u", i, token - first, facts->vocabulary);
    }
    return true;
}

/* Weights may be finite and their products not. x − x is 0 for every other number. */
static bool check_finite(const float *embeddings, size_t count, struct bulla_inference_error *error)
{
    bool finite = true;
    for (size_t i = 0; i < count; i++)
        finite &= embeddings[i] - embeddings[i] == 0;
    if (!finite)
        return bulla_inference_refuse(error, BULLA_INFERENCE_MALFORMED, "the model's numbers overflow");
    return true;
}

bool bulla_model_embed(const struct bulla_model *model, const struct bulla_token_batch *batch, void *workspace,
    size_t workspace_bytes, struct bulla_pool *pool, float *embeddings, struct bulla_inference_error *error)
{
    if (!check_batch(&model->config.facts, batch, error))
        return false;
    size_t needed = bulla_encoder_workspace(&model->encoder, batch);
    if (workspace_bytes < needed || (uintptr_t)workspace % ALIGNMENT != 0)
        return bulla_inference_refuse(error, BULLA_INFERENCE_ARGUMENT,
            "the batch needs %zu bytes of workspace, aligned to %d; given are %zu", needed, ALIGNMENT, workspace_bytes);
    bulla_encoder_run(&model->encoder, batch, workspace, pool, embeddings);
    return check_finite(embeddings, batch->sequences * model->encoder.dimension, error);
}
