#include "tiny_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *need(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* ---- numbers as files store them ---- */

static double unit(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (double)(*state >> 11) / 9007199254740992.0 * 2 - 1;
}

static size_t type_size(const char *type)
{
    static const struct {
        const char *name;
        size_t size;
    } sizes[] = {{"F64", 8}, {"I64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"U8", 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (strcmp(sizes[i].name, type) == 0)
            return sizes[i].size;
    abort();
}

/* IEEE 754 half from the definition: 10 bits of fraction, exponent bias 15, subnormals of 2^-24. */
static uint16_t half_bits(double value)
{
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    if (isnan(value))
        return sign | 0x7e00;
    if (isinf(value))
        return sign | 0x7c00;
    int exponent;
    (void)frexp(value, &exponent); /* value = 0.5…1 · 2^exponent */
    if (exponent < -13)
        return (uint16_t)(sign | (uint16_t)lrint(ldexp(fabs(value), 24)));
    long fraction = lrint(ldexp(fabs(value), 11 - exponent)); /* 1024 … 2048 */
    return (uint16_t)(sign | (uint16_t)(((exponent + 13) << 10) + fraction));
}

static double half_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    int fraction = bits & 1023;
    double size = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
    return bits & 0x8000 ? -size : size;
}

/* Stores a number and returns what is stored. */
static double store(unsigned char *at, const char *type, double value)
{
    float single = (float)value;
    uint32_t bits;
    uint16_t half;
    memcpy(&bits, &single, sizeof bits);
    if (strcmp(type, "F32") == 0) {
        memcpy(at, &bits, 4);
        return single;
    }
    if (strcmp(type, "BF16") == 0) {
        half = (uint16_t)(bits >> 16); /* cut, not rounded: as good a number as another */
        memcpy(at, &half, 2);
        bits &= 0xffff0000;
        memcpy(&single, &bits, sizeof single);
        return single;
    }
    if (strcmp(type, "F16") == 0) {
        half = half_bits(value);
        memcpy(at, &half, 2);
        return half_value(half);
    }
    memset(at, 0, type_size(type));
    return 0;
}

/* ---- tensors ---- */

static size_t elements(const struct tiny_tensor *tensor)
{
    return tensor->rank == 2 ? tensor->shape[0] * tensor->shape[1] : tensor->shape[0];
}

struct tiny_tensor *tiny_add(struct tiny_model *model, const char *name, const char *type, size_t rows, size_t columns)
{
    if (model->count == TINY_TENSORS_MAX)
        abort();
    struct tiny_tensor *tensor = &model->tensors[model->count++];
    (void)snprintf(tensor->name, sizeof tensor->name, "%s", name);
    (void)snprintf(tensor->type, sizeof tensor->type, "%s", type);
    tensor->rank = rows ? 2 : 1;
    tensor->shape[0] = rows ? rows : columns;
    tensor->shape[1] = columns;
    tensor->values = need(calloc(elements(tensor) + 1, sizeof *tensor->values));
    return tensor;
}

struct tiny_tensor *tiny_tensor(struct tiny_model *model, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < model->count; i++) {
        size_t whole = strlen(model->tensors[i].name);
        if (whole >= size && strcmp(model->tensors[i].name + whole - size, name) == 0 &&
            (whole == size || whole == size + strlen("bert.")))
            return &model->tensors[i];
    }
    (void)fprintf(stderr, "no tensor %s\n", name);
    abort();
}

void tiny_remove(struct tiny_model *model, const char *name)
{
    struct tiny_tensor *tensor = tiny_tensor(model, name);
    free(tensor->values);
    *tensor = model->tensors[--model->count];
}

/* around + spread · (−1 … 1) */
static void add_random(struct tiny_model *model, const char *prefix, const char *name, const char *type, size_t rows,
    size_t columns, double around, double spread, uint64_t *state)
{
    char whole[96];
    (void)snprintf(whole, sizeof whole, "%s%s", prefix, name);
    struct tiny_tensor *tensor = tiny_add(model, whole, type, rows, columns);
    for (size_t i = 0; i < elements(tensor); i++)
        tensor->values[i] = around + spread * unit(state);
}

static void add_layer(struct tiny_model *model, const char *prefix, size_t layer, const char *type, uint64_t *state)
{
    const size_t d = model->dimension, inner = model->intermediate;
    const struct {
        const char *name;
        size_t rows, columns;
    } maps[] = {{"attention.self.query", d, d}, {"attention.self.key", d, d}, {"attention.self.value", d, d},
        {"attention.output.dense", d, d}, {"intermediate.dense", inner, d}, {"output.dense", d, inner}};
    char name[80];
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        (void)snprintf(name, sizeof name, "encoder.layer.%zu.%s.weight", layer, maps[i].name);
        add_random(model, prefix, name, type, maps[i].rows, maps[i].columns, 0, 0.5, state);
        (void)snprintf(name, sizeof name, "encoder.layer.%zu.%s.bias", layer, maps[i].name);
        add_random(model, prefix, name, type, 0, maps[i].rows, 0, 0.5, state);
    }
    static const char *const norms[] = {"attention.output.LayerNorm", "output.LayerNorm"};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(name, sizeof name, "encoder.layer.%zu.%s.weight", layer, norms[i]);
        add_random(model, prefix, name, type, 0, d, 1, 0.3, state);
        (void)snprintf(name, sizeof name, "encoder.layer.%zu.%s.bias", layer, norms[i]);
        add_random(model, prefix, name, type, 0, d, 0, 0.3, state);
    }
}

struct tiny_model *tiny_make(
    size_t layers, size_t heads, size_t dimension, size_t intermediate, const char *type, const char *prefix)
{
    uint64_t state = 20;
    struct tiny_model *model = need(calloc(1, sizeof *model));
    *model = (struct tiny_model){.layers = layers,
        .heads = heads,
        .dimension = dimension,
        .intermediate = intermediate,
        .vocabulary = 11,
        .positions = 40};
    add_random(model, prefix, "embeddings.word_embeddings.weight", type, 11, dimension, 0, 1, &state);
    add_random(model, prefix, "embeddings.position_embeddings.weight", type, 40, dimension, 0, 0.5, &state);
    add_random(model, prefix, "embeddings.token_type_embeddings.weight", type, 2, dimension, 0, 0.5, &state);
    add_random(model, prefix, "embeddings.LayerNorm.weight", type, 0, dimension, 1, 0.3, &state);
    add_random(model, prefix, "embeddings.LayerNorm.bias", type, 0, dimension, 0, 0.3, &state);
    for (size_t i = 0; i < layers; i++)
        add_layer(model, prefix, i, type, &state);
    tiny_write(model);
    return model;
}

void tiny_free(struct tiny_model *model)
{
    for (size_t i = 0; i < model->count; i++)
        free(model->tensors[i].values);
    free(model->bytes);
    free(model);
}

/* ---- files ---- */

static void put_file(struct tiny_model *model, const char *name, const void *data, size_t size)
{
    model->list[model->files.count++] = (struct bulla_model_file){name, data, size};
}

static size_t write_tensors(struct tiny_model *model)
{
    size_t header = 1, data = 0, room = 64;
    for (size_t i = 0; i < model->count; i++)
        room += 256 + elements(&model->tensors[i]) * 8;
    free(model->bytes);
    model->bytes = need(calloc(1, room));
    char *text = (char *)model->bytes + 8;
    text[0] = '{';
    for (size_t i = 0; i < model->count; i++) {
        const struct tiny_tensor *tensor = &model->tensors[i];
        size_t size = elements(tensor) * type_size(tensor->type);
        char shape[64];
        (void)snprintf(shape, sizeof shape, tensor->rank == 2 ? "%zu,%zu" : "%zu", tensor->shape[0], tensor->shape[1]);
        header +=
            (size_t)sprintf(text + header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
                i ? "," : "", tensor->name, tensor->type, shape, data, data + size);
        data += size;
    }
    text[header++] = '}';
    uint64_t size = header;
    memcpy(model->bytes, &size, sizeof size);
    unsigned char *at = model->bytes + 8 + header;
    for (size_t i = 0; i < model->count; i++) {
        struct tiny_tensor *tensor = &model->tensors[i];
        for (size_t j = 0; j < elements(tensor); j++, at += type_size(tensor->type))
            tensor->values[j] = store(at, tensor->type, tensor->values[j]);
    }
    return (size_t)(at - model->bytes);
}

void tiny_write(struct tiny_model *model)
{
    size_t size = write_tensors(model);
    (void)snprintf(model->config, sizeof model->config,
        "{\"architectures\":[\"BertModel\"],\"model_type\":\"bert\",\"hidden_act\":\"gelu\",\"num_hidden_layers\":%zu,"
        "\"num_attention_heads\":%zu,\"hidden_size\":%zu,\"intermediate_size\":%zu,\"vocab_size\":%zu,"
        "\"max_position_embeddings\":%zu,\"type_vocab_size\":2,\"layer_norm_eps\":1e-12}",
        model->layers, model->heads, model->dimension, model->intermediate, model->vocabulary, model->positions);
    (void)snprintf(
        model->words, sizeof model->words, "[PAD]\n[UNK]\n[CLS]\n[SEP]\nclay\nseal\n##ed\nto\n##ken\nopen\n.\n");
    model->files = (struct bulla_model_files){model->list, 0};
    put_file(model, "config.json", model->config, strlen(model->config));
    put_file(model, "vocab.txt", model->words, strlen(model->words));
    put_file(model, "model.safetensors", model->bytes, size);
}

const struct bulla_model *tiny_load(
    const struct tiny_model *model, struct bulla_pool *pool, void **memory, struct bulla_inference_error *error)
{
    size_t bytes;
    const struct bulla_model *loaded = NULL;
    *memory = NULL;
    if (!bulla_model_measure(&model->files, &bytes, error))
        return NULL;
    *memory = need(aligned_alloc(64, bytes));
    memset(*memory, 0, bytes);
    return bulla_model_load(&model->files, *memory, bytes, pool, &loaded, error) ? loaded : NULL;
}

/* ---- the reference ---- */

static const double *values(struct tiny_model *model, const char *format, size_t layer)
{
    char name[96];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(name, sizeof name, format, layer);
#pragma GCC diagnostic pop
    return tiny_tensor(model, name)->values;
}

/* y[out] = W[out, in] · x + b */
static void affine(const double *w, const double *b, const double *x, double *y, size_t outputs, size_t inputs)
{
    for (size_t i = 0; i < outputs; i++) {
        y[i] = b[i];
        for (size_t j = 0; j < inputs; j++)
            y[i] += w[i * inputs + j] * x[j];
    }
}

static void layer_norm(double *x, const double *weight, const double *bias, size_t size)
{
    double mean = 0, variance = 0;
    for (size_t i = 0; i < size; i++)
        mean += x[i] / (double)size;
    for (size_t i = 0; i < size; i++)
        variance += (x[i] - mean) * (x[i] - mean) / (double)size;
    for (size_t i = 0; i < size; i++)
        x[i] = (x[i] - mean) / sqrt(variance + 1e-12) * weight[i] + bias[i];
}

/* c[token] = Σ softmax(q·k / √head) v, for every head */
static void attend(
    const struct tiny_model *model, const double *q, const double *k, const double *v, double *c, size_t count)
{
    size_t d = model->dimension, head = d / model->heads;
    double *p = need(calloc(count, sizeof *p));
    for (size_t h = 0; h < model->heads; h++) {
        for (size_t t = 0; t < count; t++) {
            double sum = 0;
            for (size_t s = 0; s < count; s++) {
                double dot = 0;
                for (size_t i = h * head; i < (h + 1) * head; i++)
                    dot += q[t * d + i] * k[s * d + i];
                sum += p[s] = exp(dot / sqrt((double)head));
            }
            for (size_t i = h * head; i < (h + 1) * head; i++) {
                c[t * d + i] = 0;
                for (size_t s = 0; s < count; s++)
                    c[t * d + i] += p[s] / sum * v[s * d + i];
            }
        }
    }
    free(p);
}

static void reference_layer(struct tiny_model *model, size_t layer, double *x, size_t count)
{
    size_t d = model->dimension, inner = model->intermediate;
    double *work = need(calloc(4 * count * d + d + inner, sizeof *work));
    double *q = work, *k = q + count * d, *v = k + count * d, *c = v + count * d, *y = c + count * d, *wide = y + d;
#define OF(name)                                                                                                       \
    values(model, "encoder.layer.%zu." name ".weight", layer), values(model, "encoder.layer.%zu." name ".bias", layer)
    for (size_t t = 0; t < count; t++) {
        affine(OF("attention.self.query"), x + t * d, q + t * d, d, d);
        affine(OF("attention.self.key"), x + t * d, k + t * d, d, d);
        affine(OF("attention.self.value"), x + t * d, v + t * d, d, d);
    }
    attend(model, q, k, v, c, count);
    for (size_t t = 0; t < count; t++) {
        affine(OF("attention.output.dense"), c + t * d, y, d, d);
        for (size_t i = 0; i < d; i++)
            x[t * d + i] += y[i];
        layer_norm(x + t * d, OF("attention.output.LayerNorm"), d);
        affine(OF("intermediate.dense"), x + t * d, wide, inner, d);
        for (size_t i = 0; i < inner; i++)
            wide[i] *= 0.5 * (1 + erf(wide[i] / sqrt(2)));
        affine(OF("output.dense"), wide, y, d, inner);
        for (size_t i = 0; i < d; i++)
            x[t * d + i] += y[i];
        layer_norm(x + t * d, OF("output.LayerNorm"), d);
    }
#undef OF
    free(work);
}

void tiny_reference(struct tiny_model *model, const uint32_t *ids, size_t count, double *embedding)
{
    size_t d = model->dimension;
    double norm = 0;
    double *x = need(calloc(count * d, sizeof *x));
    for (size_t t = 0; t < count; t++) {
        for (size_t i = 0; i < d; i++)
            x[t * d + i] = values(model, "embeddings.word_embeddings.weight", 0)[ids[t] * d + i] +
                           values(model, "embeddings.position_embeddings.weight", 0)[t * d + i] +
                           values(model, "embeddings.token_type_embeddings.weight", 0)[i];
        layer_norm(x + t * d, values(model, "embeddings.LayerNorm.weight", 0),
            values(model, "embeddings.LayerNorm.bias", 0), d);
    }
    for (size_t layer = 0; layer < model->layers; layer++)
        reference_layer(model, layer, x, count);
    for (size_t i = 0; i < d; i++) {
        embedding[i] = 0;
        for (size_t t = 0; t < count; t++)
            embedding[i] += x[t * d + i] / (double)count;
        norm += embedding[i] * embedding[i];
    }
    for (size_t i = 0; i < d; i++)
        embedding[i] /= sqrt(norm);
    free(x);
}
