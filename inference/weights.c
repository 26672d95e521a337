/* What config.json asks for is laid out first, so that measuring and loading count the same; then each tensor is taken
 * by its name, checked and packed. The file's list of tensors stands in the same memory while loading. */
#include "weights.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint.h"
#include "error.h"

enum { ALIGNMENT = 64, ROWS_TOGETHER = 64 };

/* ---- memory ---- */

void *bulla_place_take(struct bulla_place *place, size_t bytes)
{
    void *at = place->base ? place->base + place->used : NULL;
    place->used += bulla_round_up(bytes, ALIGNMENT);
    return at;
}

/* ---- shapes ---- */

/* One side of a matrix: blocks (heads) of `size` numbers, each `padded` from the next one in memory. */
struct axis {
    size_t blocks, size, padded;
};

static struct axis plain(size_t size)
{
    return (struct axis){1, size, size};
}

static struct axis in_heads(const struct bulla_encoder *encoder)
{
    return (struct axis){encoder->heads, encoder->head, encoder->head_padded};
}

static void place_linear(struct bulla_place *place, struct bulla_linear *linear, size_t outputs, size_t depth)
{
    linear->depth = depth;
    linear->panels = (outputs + BULLA_PANEL - 1) / BULLA_PANEL;
    linear->weight = bulla_place_take(place, linear->panels * depth * BULLA_PANEL * sizeof(float));
    linear->bias = bulla_place_take(place, linear->panels * BULLA_PANEL * sizeof(float));
}

static void place_norm(struct bulla_place *place, struct bulla_norm *norm, size_t size, float epsilon)
{
    norm->weight = bulla_place_take(place, size * sizeof(float));
    norm->bias = bulla_place_take(place, size * sizeof(float));
    norm->epsilon = epsilon;
}

static void place_layer(struct bulla_place *place, const struct bulla_encoder *encoder, struct bulla_layer *layer)
{
    size_t dimension = encoder->dimension;
    size_t width = encoder->heads * encoder->head_padded;
    place_linear(place, &layer->attend, 3 * width, dimension);
    place_linear(place, &layer->project, dimension, width);
    place_norm(place, &layer->attended, dimension, encoder->embedded.epsilon);
    place_linear(place, &layer->expand, encoder->intermediate, dimension);
    place_linear(place, &layer->contract, dimension, encoder->intermediate);
    place_norm(place, &layer->contracted, dimension, encoder->embedded.epsilon);
}

/* Everything but the words, whose type only the file knows. */
static void place_encoder(struct bulla_place *place, const struct bulla_config *config, struct bulla_encoder *encoder)
{
    const struct bulla_model_facts *facts = &config->facts;
    size_t head = facts->dimension / facts->heads;
    *encoder = (struct bulla_encoder){
        .kernels = bulla_kernels(),
        .layers = facts->layers,
        .heads = facts->heads,
        .dimension = facts->dimension,
        .intermediate = facts->intermediate,
        .head = head,
        .head_padded = bulla_round_up(head, BULLA_PANEL),
    };
    encoder->layer = bulla_place_take(place, facts->layers * sizeof *encoder->layer);
    encoder->places = bulla_place_take(place, (size_t)facts->positions * facts->dimension * sizeof(float));
    place_norm(place, &encoder->embedded, facts->dimension, config->epsilon);
    for (size_t i = 0; i < facts->layers; i++) {
        struct bulla_layer layer;
        place_layer(place, encoder, &layer);
        if (encoder->layer)
            encoder->layer[i] = layer;
    }
}

static bool load_vector(struct bulla_checkpoint *file, const char *name, float *out, struct axis axis)
{
    struct bulla_stored stored;
    if (!bulla_checkpoint_take(file, name, 0, axis.blocks * axis.size, &stored))
        return false;
    if (file->header_only)
        return true;
    size_t bytes = bulla_weight_bytes(stored.type);
    if (!bulla_weight_finite(stored.type, stored.data, stored.columns * bytes))
        return bulla_checkpoint_refuse_numbers(file, &stored);
    for (size_t i = 0; i < axis.blocks; i++)
        bulla_kernels()->widen[stored.type](out + i * axis.padded, stored.data + i * axis.size * bytes, axis.size);
    return true;
}

struct packing {
    struct bulla_stored stored;
    struct axis outputs, inputs;
    float *panels; /* [outputs / 16][inputs][16] */
    const struct bulla_kernels *kernels;
    atomic_bool bad;
};

static void pack_panel(void *context, size_t index)
{
    struct packing *packing = context;
    const struct bulla_stored *stored = &packing->stored;
    struct axis outputs = packing->outputs;
    struct axis inputs = packing->inputs;
    size_t bytes = bulla_weight_bytes(stored->type);
    size_t pitch = stored->columns * bytes;
    size_t within = index * BULLA_PANEL % bulla_round_up(outputs.padded, BULLA_PANEL);
    size_t block = index * BULLA_PANEL / bulla_round_up(outputs.padded, BULLA_PANEL);
    size_t count = outputs.size - within < BULLA_PANEL ? outputs.size - within : BULLA_PANEL;
    const uint8_t *rows = stored->data + (block * outputs.size + within) * pitch;
    float *panel = packing->panels + index * inputs.blocks * inputs.padded * BULLA_PANEL;
    if (!bulla_weight_finite(stored->type, rows, count * pitch))
        atomic_store(&packing->bad, true);
    for (size_t i = 0; i < inputs.blocks; i++)
        packing->kernels->pack[stored->type](
            panel + i * inputs.padded * BULLA_PANEL, rows + i * inputs.size * bytes, pitch, count, inputs.size);
}

static bool pack_panels(struct bulla_checkpoint *file, struct bulla_pool *pool, struct packing *packing)
{
    struct axis outputs = packing->outputs;
    size_t panels = outputs.blocks * bulla_round_up(outputs.padded, BULLA_PANEL) / BULLA_PANEL;
    bulla_pool_run(pool, panels, pack_panel, packing);
    return !atomic_load(&packing->bad) || bulla_checkpoint_refuse_numbers(file, &packing->stored);
}

/* Packs `name`.weight and .bias from panel `first` of the linear map on. */
static bool load_linear(struct bulla_checkpoint *file, struct bulla_pool *pool, const char *name,
    struct bulla_linear *linear, size_t first, struct axis outputs, struct axis inputs)
{
    char whole[BULLA_TENSOR_NAME_MAX + 1];
    float *bias = NULL;
    struct packing packing = {.outputs = outputs, .inputs = inputs, .kernels = bulla_kernels()};
    (void)snprintf(whole, sizeof whole, "%s.weight", name);
    if (!bulla_checkpoint_take(
            file, whole, outputs.blocks * outputs.size, inputs.blocks * inputs.size, &packing.stored))
        return false;
    if (!file->header_only) {
        packing.panels = linear->weight + first * linear->depth * BULLA_PANEL;
        bias = linear->bias + first * BULLA_PANEL;
        if (!pack_panels(file, pool, &packing))
            return false;
    }
    (void)snprintf(whole, sizeof whole, "%s.bias", name);
    return load_vector(file, whole, bias, outputs);
}

static bool load_norm(struct bulla_checkpoint *file, const char *name, const struct bulla_norm *norm, size_t size)
{
    char whole[BULLA_TENSOR_NAME_MAX + 1];
    (void)snprintf(whole, sizeof whole, "%s.weight", name);
    if (!load_vector(file, whole, norm->weight, plain(size)))
        return false;
    (void)snprintf(whole, sizeof whole, "%s.bias", name);
    return load_vector(file, whole, norm->bias, plain(size));
}

/* ---- the encoder ---- */

struct copying {
    const struct bulla_stored *stored;
    uint8_t *out;
    atomic_bool bad;
};

static void copy_rows(void *context, size_t index)
{
    struct copying *copying = context;
    const struct bulla_stored *stored = copying->stored;
    size_t pitch = stored->columns * bulla_weight_bytes(stored->type);
    size_t first = index * ROWS_TOGETHER;
    size_t count = stored->rows - first < ROWS_TOGETHER ? stored->rows - first : ROWS_TOGETHER;
    memcpy(copying->out + first * pitch, stored->data + first * pitch, count * pitch);
    if (!bulla_weight_finite(stored->type, stored->data + first * pitch, count * pitch))
        atomic_store(&copying->bad, true);
}

static bool load_words(struct bulla_checkpoint *file, const struct bulla_config *config, struct bulla_place *place,
    struct bulla_pool *pool, struct bulla_encoder *encoder)
{
    struct bulla_stored stored;
    if (!bulla_checkpoint_take(
            file, "embeddings.word_embeddings.weight", config->facts.vocabulary, config->facts.dimension, &stored))
        return false;
    if (file->header_only)
        return true;
    struct copying copying = {.stored = &stored};
    size_t bytes = stored.rows * stored.columns * bulla_weight_bytes(stored.type);
    /* Not so when the memory is as large as measured; and there is a place unless the header alone is looked at.
     * NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    if (bytes > place->size - place->used)
        return bulla_inference_refuse(
            file->error, BULLA_INFERENCE_ARGUMENT, "%s: no memory for %s", file->file->name, stored.name);
    copying.out = bulla_place_take(place, bytes);
    bulla_pool_run(pool, (stored.rows + ROWS_TOGETHER - 1) / ROWS_TOGETHER, copy_rows, &copying);
    if (atomic_load(&copying.bad))
        return bulla_checkpoint_refuse_numbers(file, &stored);
    encoder->word_type = stored.type;
    encoder->words = copying.out;
    return true;
}

/* places = position_embeddings + token_type_embeddings[0]; `type` has room for one row. */
static bool load_places(
    struct bulla_checkpoint *file, const struct bulla_config *config, float *type, const struct bulla_encoder *encoder)
{
    const struct bulla_kernels *kernels = encoder->kernels;
    size_t dimension = encoder->dimension;
    struct bulla_stored positions;
    struct bulla_stored types;
    if (!bulla_checkpoint_take(
            file, "embeddings.position_embeddings.weight", config->facts.positions, dimension, &positions) ||
        !bulla_checkpoint_take(file, "embeddings.token_type_embeddings.weight", config->token_types, dimension, &types))
        return false;
    if (file->header_only)
        return true;
    size_t size = positions.rows * dimension;
    size_t bytes = bulla_weight_bytes(positions.type);
    if (!bulla_weight_finite(positions.type, positions.data, size * bytes))
        return bulla_checkpoint_refuse_numbers(file, &positions);
    if (!bulla_weight_finite(types.type, types.data, types.rows * dimension * bulla_weight_bytes(types.type)))
        return bulla_checkpoint_refuse_numbers(file, &types);
    kernels->widen[types.type](type, types.data, dimension);
    kernels->widen[positions.type](encoder->places, positions.data, size);
    for (size_t i = 0; i < positions.rows; i++)
        kernels->add(encoder->places + i * dimension, type, dimension);
    return true;
}

static bool load_layer(
    struct bulla_checkpoint *file, struct bulla_pool *pool, const struct bulla_encoder *encoder, size_t index)
{
    struct bulla_layer nowhere = {.attend = {0}};
    struct bulla_layer *layer = encoder->layer ? &encoder->layer[index] : &nowhere; /* of a header alone */
    struct axis heads = in_heads(encoder);
    struct axis dimension = plain(encoder->dimension);
    struct axis intermediate = plain(encoder->intermediate);
    size_t third = layer->attend.panels / 3;
    const struct {
        const char *name;
        struct bulla_linear *linear;
        size_t first;
        struct axis outputs, inputs;
    } maps[] = {
        {"attention.self.query", &layer->attend, 0, heads, dimension},
        {"attention.self.key", &layer->attend, third, heads, dimension},
        {"attention.self.value", &layer->attend, 2 * third, heads, dimension},
        {"attention.output.dense", &layer->project, 0, dimension, heads},
        {"intermediate.dense", &layer->expand, 0, intermediate, dimension},
        {"output.dense", &layer->contract, 0, dimension, intermediate},
    };
    char name[BULLA_TENSOR_NAME_MAX / 2];
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        (void)snprintf(name, sizeof name, "encoder.layer.%zu.%s", index, maps[i].name);
        if (!load_linear(file, pool, name, maps[i].linear, maps[i].first, maps[i].outputs, maps[i].inputs))
            return false;
    }
    (void)snprintf(name, sizeof name, "encoder.layer.%zu.attention.output.LayerNorm", index);
    if (!load_norm(file, name, &layer->attended, encoder->dimension))
        return false;
    (void)snprintf(name, sizeof name, "encoder.layer.%zu.output.LayerNorm", index);
    return load_norm(file, name, &layer->contracted, encoder->dimension);
}

/* Everything that the encoder is made of, by its name. */
static bool load_all(struct bulla_checkpoint *file, const struct bulla_config *config, struct bulla_place *place,
    struct bulla_pool *pool, float *type, struct bulla_encoder *encoder)
{
    if (!load_places(file, config, type, encoder) ||
        !load_norm(file, "embeddings.LayerNorm", &encoder->embedded, encoder->dimension))
        return false;
    for (size_t i = 0; i < encoder->layers; i++)
        if (!load_layer(file, pool, encoder, i))
            return false;
    return load_words(file, config, place, pool, encoder);
}

/* ---- checking, measuring and loading ---- */

static bool check_header(
    struct bulla_checkpoint *file, const struct bulla_config *config, struct bulla_encoder *encoder)
{
    file->header_only = true;
    bool good = load_all(file, config, NULL, NULL, NULL, encoder) && bulla_checkpoint_finish(file);
    file->header_only = false;
    return good;
}

static bool open_list(struct bulla_checkpoint *file, struct bulla_place *place)
{
    size_t tensors;
    if (!bulla_safetensors_count(file->file, &tensors, file->error))
        return false;
    return bulla_checkpoint_open(file, bulla_place_take(place, tensors * BULLA_CHECKPOINT_ENTRY), tensors);
}

bool bulla_weights_check_measure(
    const struct bulla_model_file *file, struct bulla_place *place, struct bulla_inference_error *error)
{
    size_t tensors;
    if (!bulla_safetensors_count(file, &tensors, error))
        return false;
    (void)bulla_place_take(place, tensors * BULLA_CHECKPOINT_ENTRY);
    return true;
}

bool bulla_weights_check(const struct bulla_model_file *file, const struct bulla_config *config,
    struct bulla_place *place, struct bulla_inference_error *error)
{
    struct bulla_place nowhere = {.base = NULL};
    struct bulla_encoder encoder;
    struct bulla_checkpoint checkpoint = {.file = file, .error = error};
    place_encoder(&nowhere, config, &encoder);
    return open_list(&checkpoint, place) && check_header(&checkpoint, config, &encoder);
}

/* Numbers of all tensors that the encoder is made of, but for the words. */
static size_t numbers_beside_words(const struct bulla_config *config)
{
    const struct bulla_model_facts *facts = &config->facts;
    size_t dimension = facts->dimension, intermediate = facts->intermediate;
    size_t attention = 4 * dimension * (dimension + 1);
    size_t expansion = 2 * dimension * intermediate + dimension + intermediate;
    size_t layer = attention + expansion + 4 * dimension; /* and two norms */
    return facts->layers * layer + ((size_t)facts->positions + config->token_types + 2) * dimension;
}

/* No number takes less than two bytes, so the words have what the file leaves them, and none of them more than F32's
 * four. They are loaded last, when the others have been found to be there. */
static bool measure_words(const struct bulla_model_file *file, const struct bulla_config *config, size_t *most,
    struct bulla_inference_error *error)
{
    size_t others = 2 * numbers_beside_words(config);
    size_t words = (size_t)config->facts.vocabulary * config->facts.dimension;
    if (file->size < others + 2 * words)
        return bulla_inference_refuse(error, BULLA_INFERENCE_MISMATCH,
            "%s: %zu bytes; by config.json its tensors have %zu at least", file->name, file->size, others + 2 * words);
    size_t left = file->size - others, wide = words * sizeof(float);
    *most = left < wide ? left : wide;
    return true;
}

bool bulla_weights_measure(const struct bulla_model_file *file, const struct bulla_config *config,
    struct bulla_place *place, struct bulla_inference_error *error)
{
    size_t words = 0;
    struct bulla_encoder encoder;
    if (!bulla_weights_check_measure(file, place, error) || !measure_words(file, config, &words, error))
        return false;
    (void)bulla_place_take(place, config->facts.dimension * sizeof(float));
    place_encoder(place, config, &encoder);
    (void)bulla_place_take(place, words);
    return true;
}

bool bulla_weights_load(const struct bulla_model_file *file, const struct bulla_config *config,
    struct bulla_place *place, struct bulla_pool *pool, struct bulla_encoder *encoder,
    struct bulla_inference_error *error)
{
    struct bulla_checkpoint checkpoint = {.file = file, .error = error};
    if (!open_list(&checkpoint, place))
        return false;
    float *type = bulla_place_take(place, config->facts.dimension * sizeof *type);
    place_encoder(place, config, encoder);
    return check_header(&checkpoint, config, encoder) && load_all(&checkpoint, config, place, pool, type, encoder);
}
