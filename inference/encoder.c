/* The forward pass, a group of sequences at a time.
 *
 * Groups. Large products run at the processor's full speed from about a hundred rows on, so a batch is cut into groups
 * of about GROUP tokens, which bounds the workspace and keeps a layer's activations in the caches.
 *
 * Sharing out. A linear map is cut into blocks of rows × columns, attention into (sequence, head), norms into rows. No
 * number is computed from another task's partial result, and a sum's order does not depend on the cut: so the bits are
 * the same on any number of threads, and for a sequence alone or among others.
 *
 * Attention. The keys of a head are turned into panels (kᵀ), the values are read where they lie; a tile of queries at a
 * time passes through q·kᵀ, softmax and ·v, so only a tile's scores ever exist. */
#include "encoder.h"

#include <math.h>
#include <string.h>

enum {
    GROUP = 512, /* tokens, with SEQUENCE_COST for each sequence */
    SEQUENCE_COST = BULLA_PANEL,
    TILES_TOGETHER = 10, /* of rows, in one task of a linear map: their inputs stay in the second-level cache */
    PANELS_TOGETHER = 2, /* of columns */
    ROWS_TOGETHER = 16,  /* in one task of a norm */
    ALIGNMENT = 64,
};

/* Activations: row i begins at data + i · row. */
struct matrix {
    float *data;
    size_t row;
};

/* One group on its way through the layers. */
struct pass {
    const struct bulla_encoder *encoder;
    const struct bulla_kernels *kernels;
    struct bulla_pool *pool;
    const uint32_t *ids;
    const uint32_t *offsets; /* [sequences + 1] */
    size_t sequences, tokens;
    struct matrix hidden;   /* [tokens, dimension] */
    struct matrix change;   /* [tokens, dimension]: what a sub-layer adds to hidden */
    struct matrix context;  /* [tokens, heads × head] */
    struct matrix attended; /* [tokens, 3 × heads × head]: queries, keys, values */
    struct matrix expanded; /* [tokens, intermediate]; in the same place as attended, keys and scores */
    float *keys;            /* [sequence][heads][length / 16][head][16] */
    float *scores;          /* [sequence][heads][tile of queries][length] */
    float *embeddings;      /* [sequences, dimension] */
};

/* ---- workspace ---- */

/* An odd number of cache lines: the rows of a tile then fall into different sets of the first-level cache. */
static size_t row_stride(size_t columns)
{
    size_t lines = (columns + BULLA_PANEL - 1) / BULLA_PANEL;
    return (lines | 1) * BULLA_PANEL;
}

/* The next `count` floats; with base NULL they are only counted. */
static float *carve(char *base, size_t *used, size_t count)
{
    float *at = base ? (float *)(void *)(base + *used) : NULL;
    *used += bulla_round_up(count * sizeof(float), ALIGNMENT);
    return at;
}

static struct matrix carve_matrix(char *base, size_t *used, size_t rows, size_t columns)
{
    size_t row = row_stride(columns);
    return (struct matrix){carve(base, used, rows * row), row};
}

/* Lays the group's matrices out and returns their bytes. `cost`: tokens and SEQUENCE_COST for each sequence. */
static size_t lay_out(struct pass *pass, const struct bulla_encoder *encoder, char *base, size_t cost)
{
    size_t used = 0;
    size_t width = encoder->heads * encoder->head_padded;
    pass->hidden = carve_matrix(base, &used, cost, encoder->dimension);
    pass->change = carve_matrix(base, &used, cost, encoder->dimension);
    pass->context = carve_matrix(base, &used, cost, width);
    size_t shared = used;
    pass->expanded = carve_matrix(base, &used, cost, encoder->intermediate);
    size_t with_expanded = used;
    used = shared;
    pass->attended = carve_matrix(base, &used, cost, 3 * width);
    pass->keys = carve(base, &used, cost * width);
    pass->scores = carve(base, &used, cost * encoder->heads * BULLA_TILE_ROWS_MAX);
    return used > with_expanded ? used : with_expanded;
}

static size_t sequence_cost(const struct bulla_token_batch *batch, size_t sequence)
{
    return (size_t)(batch->offsets[sequence + 1] - batch->offsets[sequence]) + SEQUENCE_COST;
}

/* How many sequences from `first` on go together, at least one; *cost: of all of them. */
static size_t group_size(const struct bulla_token_batch *batch, size_t first, size_t *cost)
{
    size_t count = 1;
    *cost = sequence_cost(batch, first);
    while (first + count < batch->sequences && *cost + sequence_cost(batch, first + count) <= GROUP)
        *cost += sequence_cost(batch, first + count++);
    return count;
}

/* Not the largest group of this very batch: longer sequences can make smaller groups, and a caller who knows no more
 * than how long they may become needs a bound. No group costs more than all sequences, nor more than GROUP unless it is
 * of one. */
size_t bulla_encoder_workspace(const struct bulla_encoder *encoder, const struct bulla_token_batch *batch)
{
    struct pass pass;
    size_t whole = 0, longest = 0;
    for (size_t i = 0; i < batch->sequences; i++) {
        size_t cost = sequence_cost(batch, i);
        whole += cost;
        longest = cost > longest ? cost : longest;
    }
    size_t group = whole < GROUP ? whole : GROUP;
    return lay_out(&pass, encoder, NULL, group > longest ? group : longest);
}

/* ---- embeddings ---- */

static void embed_sequence(void *context, size_t sequence)
{
    const struct pass *pass = context;
    const struct bulla_encoder *encoder = pass->encoder;
    size_t dimension = encoder->dimension;
    size_t bytes = dimension * (encoder->word_type == BULLA_WEIGHT_F32 ? 4 : 2);
    size_t first = pass->offsets[sequence] - pass->offsets[0];
    size_t length = pass->offsets[sequence + 1] - pass->offsets[sequence];
    for (size_t i = 0; i < length; i++) {
        float *x = pass->hidden.data + (first + i) * pass->hidden.row; /* [dimension] */
        pass->kernels->widen[encoder->word_type](x, encoder->words + pass->ids[first + i] * bytes, dimension);
        pass->kernels->normalise(x, x, encoder->places + i * dimension, &encoder->embedded, dimension);
    }
}

/* ---- linear maps ---- */

struct linear_task {
    const struct bulla_kernels *kernels;
    struct bulla_product whole;
    size_t row_blocks, column_blocks;
    bool gelu;
};

static void linear_block(void *context, size_t index)
{
    const struct linear_task *task = context;
    size_t block = index / task->column_blocks;
    size_t panel = index % task->column_blocks * PANELS_TOGETHER;
    struct bulla_product part = task->whole;
    size_t row = block * part.rows / task->row_blocks;
    part.rows = (block + 1) * part.rows / task->row_blocks - row;
    part.panels = part.panels - panel < PANELS_TOGETHER ? part.panels - panel : PANELS_TOGETHER;
    part.a += row * part.a_row;
    part.b += panel * part.b_panel;
    part.bias += panel * BULLA_PANEL;
    part.c += row * part.c_row + panel * BULLA_PANEL;
    task->kernels->multiply(&part);
    for (size_t i = 0; task->gelu && i < part.rows; i++)
        task->kernels->gelu(part.c + i * part.c_row, part.panels * BULLA_PANEL);
}

/* y[tokens, out] = x[tokens, in] · Wᵀ + b, then GELU if asked for */
static void linear(const struct pass *pass, const struct bulla_linear *map, struct matrix x, struct matrix y, bool gelu)
{
    size_t together = TILES_TOGETHER * pass->kernels->rows;
    struct linear_task task = {
        .kernels = pass->kernels,
        .whole = {x.data, x.row, map->weight, map->depth * BULLA_PANEL, BULLA_PANEL, map->bias, y.data, y.row,
            pass->tokens, map->depth, map->panels},
        .row_blocks = (pass->tokens + together - 1) / together,
        .column_blocks = (map->panels + PANELS_TOGETHER - 1) / PANELS_TOGETHER,
        .gelu = gelu,
    };
    bulla_pool_run(pass->pool, task.row_blocks * task.column_blocks, linear_block, &task);
}

/* ---- attention ---- */

/* kᵀ of one head as panels: [length / 16][head][16]. */
static void turn_keys(const struct pass *pass, float *panels, const float *k, size_t length)
{
    size_t head = pass->encoder->head_padded;
    for (size_t i = 0; i < length; i += BULLA_PANEL) {
        size_t count = length - i < BULLA_PANEL ? length - i : BULLA_PANEL;
        pass->kernels->pack[BULLA_WEIGHT_F32](panels + i * head,
            (const uint8_t *)(const void *)(k + i * pass->attended.row), pass->attended.row * sizeof *k, count, head);
    }
}

/* One head of one sequence: context = softmax(q·kᵀ / √head) · v, a tile of queries at a time. */
static void attend_head(void *argument, size_t index)
{
    const struct pass *pass = argument;
    const struct bulla_kernels *kernels = pass->kernels;
    size_t heads = pass->encoder->heads;
    size_t head = pass->encoder->head_padded;
    size_t sequence = index / heads;
    size_t first = pass->offsets[sequence] - pass->offsets[0];
    size_t length = pass->offsets[sequence + 1] - pass->offsets[sequence];
    size_t padded = bulla_round_up(length, BULLA_PANEL);
    /* Where the sequence's own keys and scores begin: its panels and those before it never meet. */
    size_t start = first / BULLA_PANEL * BULLA_PANEL + sequence * SEQUENCE_COST;
    float *keys = pass->keys + (start * heads + index % heads * padded) * head; /* [length / 16][head][16] */
    float *scores = pass->scores + (start * heads + index % heads * padded) * BULLA_TILE_ROWS_MAX; /* [tile, padded] */
    const float *q = pass->attended.data + first * pass->attended.row + index % heads * head;      /* [length, head] */
    const float *k = q + heads * head;
    const float *v = k + heads * head;
    float *context = pass->context.data + first * pass->context.row + index % heads * head; /* [length, head] */
    float scale = 1 / sqrtf((float)pass->encoder->head);
    size_t tiles = (length + kernels->rows - 1) / kernels->rows;

    turn_keys(pass, keys, k, length);
    for (size_t tile = 0; tile < tiles; tile++) {
        size_t row = tile * length / tiles;
        size_t rows = (tile + 1) * length / tiles - row;
        kernels->multiply(&(struct bulla_product){q + row * pass->attended.row, pass->attended.row, keys,
            head * BULLA_PANEL, BULLA_PANEL, NULL, scores, padded, rows, head, padded / BULLA_PANEL});
        for (size_t i = 0; i < rows; i++)
            kernels->softmax(scores + i * padded, length, scale);
        kernels->multiply(&(struct bulla_product){scores, padded, v, BULLA_PANEL, pass->attended.row, NULL,
            context + row * pass->context.row, pass->context.row, rows, length, head / BULLA_PANEL});
    }
}

static void attention(struct pass *pass)
{
    bulla_pool_run(pass->pool, pass->sequences * pass->encoder->heads, attend_head, pass);
}

/* ---- norms ---- */

struct norm_task {
    const struct pass *pass;
    const struct bulla_norm *norm;
};

static void norm_rows(void *context, size_t index)
{
    const struct norm_task *task = context;
    const struct pass *pass = task->pass;
    for (size_t i = index * ROWS_TOGETHER; i < (index + 1) * ROWS_TOGETHER && i < pass->tokens; i++) {
        float *x = pass->hidden.data + i * pass->hidden.row;
        pass->kernels->normalise(x, x, pass->change.data + i * pass->change.row, task->norm, pass->encoder->dimension);
    }
}

/* hidden = norm(hidden + change) */
static void add_and_normalise(const struct pass *pass, const struct bulla_norm *norm)
{
    struct norm_task task = {pass, norm};
    bulla_pool_run(pass->pool, (pass->tokens + ROWS_TOGETHER - 1) / ROWS_TOGETHER, norm_rows, &task);
}

/* ---- pooling ---- */

/* embedding = mean / max(‖mean‖, 1e-12), as PyTorch's normalize does it. */
static void pool_sequence(void *context, size_t sequence)
{
    const struct pass *pass = context;
    size_t dimension = pass->encoder->dimension;
    float *mean = pass->embeddings + sequence * dimension; /* [dimension] */
    size_t first = pass->offsets[sequence] - pass->offsets[0];
    size_t length = pass->offsets[sequence + 1] - pass->offsets[sequence];
    double squares = 0;
    memset(mean, 0, dimension * sizeof *mean);
    for (size_t i = 0; i < length; i++)
        pass->kernels->add(mean, pass->hidden.data + (first + i) * pass->hidden.row, dimension);
    for (size_t i = 0; i < dimension; i++) {
        mean[i] /= (float)length;
        squares += (double)mean[i] * mean[i];
    }
    float norm = (float)fmax(sqrt(squares), 1e-12);
    for (size_t i = 0; i < dimension; i++)
        mean[i] /= norm;
}

/* ---- the pass ---- */

static void forward(struct pass *pass)
{
    const struct bulla_encoder *encoder = pass->encoder;
    bulla_pool_run(pass->pool, pass->sequences, embed_sequence, pass);
    for (size_t i = 0; i < encoder->layers; i++) {
        const struct bulla_layer *layer = &encoder->layer[i];
        linear(pass, &layer->attend, pass->hidden, pass->attended, false);
        attention(pass);
        linear(pass, &layer->project, pass->context, pass->change, false);
        add_and_normalise(pass, &layer->attended);
        linear(pass, &layer->expand, pass->hidden, pass->expanded, true);
        linear(pass, &layer->contract, pass->expanded, pass->change, false);
        add_and_normalise(pass, &layer->contracted);
    }
    bulla_pool_run(pass->pool, pass->sequences, pool_sequence, pass);
}

void bulla_encoder_run(const struct bulla_encoder *encoder, const struct bulla_token_batch *batch, void *workspace,
    struct bulla_pool *pool, float *embeddings)
{
    struct pass pass = {.encoder = encoder, .kernels = encoder->kernels, .pool = pool};
    for (size_t first = 0, cost; first < batch->sequences; first += pass.sequences) {
        pass.sequences = group_size(batch, first, &cost);
        pass.offsets = batch->offsets + first;
        pass.ids = batch->ids + pass.offsets[0];
        pass.tokens = pass.offsets[pass.sequences] - pass.offsets[0];
        pass.embeddings = embeddings + first * encoder->dimension;
        (void)lay_out(&pass, encoder, workspace, cost);
        forward(&pass);
    }
}
