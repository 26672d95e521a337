/* The kernels written once for every width of vector; kernels_avx2.c and kernels_avx512.c include it after they have
 * defined, for their registers:
 *
 *   KERNEL                  attributes of every function here: static and the processor's target
 *   vector, WIDTH           a register of floats and how many it holds (16 is a multiple of it)
 *   TILE_ROWS, TILE_PANELS  the tile of sums that fits into the registers; EACH_TILE(X) is X(rows, panels) for each
 *   vector_set(x), vector_load(p), vector_store(p, v), vector_load_part(p, n), vector_store_part(p, v, n): n < WIDTH
 *                           elements, the others read as 0
 *   vector_fma(a, b, c) = a · b + c, vector_max, vector_round (to the nearest), vector_exponent(n) = 2^n,
 *   vector_absolute, vector_choose(condition, a, b) = condition ≥ 0 ? a : b, vector_sum, vector_maximum → float
 *   vector_widen_f32/f16/bf16(p)   WIDTH stored numbers as floats
 *   vector_interleave(a, b, &low, &high): a0 b0 a1 b1 …
 *
 * GELU. With q(x) = ½ erfc(|x|/√2), the upper tail of the normal distribution, x·Φ(x) is x − x·q for x ≥ 0 and x·q
 * below, so nothing cancels in the negative tail. q = exp(−x²/2) · P(t), t = 1/(1 + |x|/4), where P is the polynomial
 * of degree 7 that interpolates q·exp(x²/2) at the Chebyshev points of t(9) … t(0) = 1: relative error 3e-7, no branch.
 *
 * exp. x = n·ln 2 + r with |r| ≤ ½ ln 2; e^r by Taylor to the 7th power (5e-9), ln 2 in two parts so that r is exact.
 *
 * Transposition. 16 rows become a panel by interleaving row i with row i + WIDTH/2, log2(WIDTH) times: each round
 * rotates the bits of (row, column) by one, and after all of them the two have changed places. */
#ifndef BULLA_INFERENCE_KERNELS_VECTOR_H
#define BULLA_INFERENCE_KERNELS_VECTOR_H

#include <math.h>
#include <string.h>

#include "kernels.h"

#define INLINE KERNEL inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")
#define PANEL_VECTORS (BULLA_PANEL / WIDTH)

/* ---- C = A · B ---- */

/* A tile whose size the compiler knows, so that the sums live in registers. */
INLINE void multiply_tile(
    const struct bulla_product *p, size_t row, size_t panel, const size_t rows, const size_t panels)
{
    vector sum[TILE_ROWS][TILE_PANELS * PANEL_VECTORS];
    const size_t vectors = panels * PANEL_VECTORS;
    const float *a = p->a + row * p->a_row;
    const float *b = p->b + panel * p->b_panel;
    UNROLL for (size_t j = 0; j < vectors; j++)
    {
        vector start = p->bias ? vector_load(p->bias + panel * BULLA_PANEL + j * WIDTH) : vector_set(0);
        UNROLL for (size_t i = 0; i < rows; i++) sum[i][j] = start;
    }
    for (size_t k = 0; k < p->depth; k++, b += p->b_row) {
        vector column[TILE_PANELS * PANEL_VECTORS];
        UNROLL for (size_t j = 0; j < vectors; j++) column[j] =
            vector_load(b + j / PANEL_VECTORS * p->b_panel + j % PANEL_VECTORS * WIDTH);
        UNROLL for (size_t i = 0; i < rows; i++)
        {
            vector x = vector_set(a[i * p->a_row + k]);
            UNROLL for (size_t j = 0; j < vectors; j++) sum[i][j] = vector_fma(x, column[j], sum[i][j]);
        }
    }
    float *c = p->c + row * p->c_row + panel * BULLA_PANEL;
    UNROLL for (size_t i = 0; i < rows; i++)
    {
        UNROLL for (size_t j = 0; j < vectors; j++) vector_store(c + i * p->c_row + j * WIDTH, sum[i][j]);
    }
}

#define TILE(rows, panels)                                                                                             \
    KERNEL void multiply_##rows##x##panels(const struct bulla_product *p, size_t row, size_t panel)                    \
    {                                                                                                                  \
        multiply_tile(p, row, panel, rows, panels);                                                                    \
    }
EACH_TILE(TILE)
#undef TILE

typedef void tile_function(const struct bulla_product *p, size_t row, size_t panel);
#define TILE(rows, panels) [(panels)-1][(rows)-1] = multiply_##rows##x##panels,
static tile_function *const tile_functions[TILE_PANELS][TILE_ROWS] = {EACH_TILE(TILE)};
#undef TILE

/* Panels outside, rows inside: a panel stays in the near caches while all rows pass by it. Tiles are of equal height,
 * as nearly as can be: 16 rows are 8 + 8, not 14 + 2. */
KERNEL void multiply(const struct bulla_product *p)
{
    size_t tiles = (p->rows + TILE_ROWS - 1) / TILE_ROWS;
    for (size_t panel = 0; panel < p->panels;) {
        size_t panels = p->panels - panel < TILE_PANELS ? p->panels - panel : TILE_PANELS;
        for (size_t tile = 0; tile < tiles; tile++) {
            size_t row = tile * p->rows / tiles;
            size_t rows = (tile + 1) * p->rows / tiles - row;
            tile_functions[panels - 1][rows - 1](p, row, panel);
        }
        panel += panels;
    }
}

/* ---- functions of one number ---- */

INLINE vector vector_exp(vector x)
{
    /* e^−87 is still a normal number; larger than 0 never occurs by much. vector_max gives its second operand where one
     * of them is NaN: in this order an x that is NaN stays it, and what overflowed shows. */
    x = vector_max(vector_set(-87.0F), x);
    vector n = vector_round(x * vector_set(0x1.715476p+0F));
    vector r = vector_fma(n, vector_set(-0x1.62ep-1F), x);
    r = vector_fma(n, vector_set(-0x1.0bfbe8p-15F), r);
    static const float taylor[] = {1 / 720.F, 1 / 120.F, 1 / 24.F, 1 / 6.F, 1 / 2.F, 1.F, 1.F};
    vector sum = vector_set(1 / 5040.F);
    UNROLL for (size_t i = 0; i < 7; i++) sum = vector_fma(sum, r, vector_set(taylor[i]));
    return sum * vector_exponent(n);
}

INLINE vector vector_gelu(vector x)
{
    static const float tail[] = {0.000309690945F, 0.0948493756F, 0.132880277F, -0.0324644944F, 0.372761447F,
        -0.352075236F, 0.384294971F, -0.100556061F};
    vector size = vector_absolute(x);
    vector t = vector_set(1) / vector_fma(size, vector_set(0.25F), vector_set(1));
    vector sum = vector_set(tail[7]);
    UNROLL for (size_t i = 7; i-- > 0;) sum = vector_fma(sum, t, vector_set(tail[i]));
    vector part = x * (vector_exp(size * size * vector_set(-0.5F)) * sum);
    return vector_choose(x, x - part, part);
}

KERNEL void gelu(float *x, size_t count)
{
    size_t i = 0;
    for (; i + WIDTH <= count; i += WIDTH)
        vector_store(x + i, vector_gelu(vector_load(x + i)));
    if (i < count)
        vector_store_part(x + i, vector_gelu(vector_load_part(x + i, count - i)), count - i);
}

/* ---- functions of a row ---- */

KERNEL float row_maximum(const float *x, size_t count)
{
    float rest = -INFINITY;
    vector most = vector_set(-INFINITY);
    size_t i = 0;
    for (; i + WIDTH <= count; i += WIDTH)
        most = vector_max(most, vector_load(x + i));
    for (; i < count; i++)
        rest = x[i] > rest ? x[i] : rest;
    float whole = vector_maximum(most);
    return rest > whole ? rest : whole;
}

KERNEL void row_scale(float *x, size_t count, float factor)
{
    size_t i = 0;
    for (; i + WIDTH <= count; i += WIDTH)
        vector_store(x + i, vector_load(x + i) * vector_set(factor));
    for (; i < count; i++)
        x[i] *= factor;
}

KERNEL void softmax(float *x, size_t count, float scale)
{
    vector factor = vector_set(scale);
    vector most = vector_set(row_maximum(x, count));
    vector sum = vector_set(0);
    size_t i = 0;
    for (; i + WIDTH <= count; i += WIDTH) {
        vector e = vector_exp((vector_load(x + i) - most) * factor);
        vector_store(x + i, e);
        sum += e;
    }
    if (i < count) {
        vector_store_part(x + i, vector_exp((vector_load_part(x + i, count - i) - most) * factor), count - i);
        sum += vector_load_part(x + i, count - i);
    }
    row_scale(x, count, 1 / vector_sum(sum));
}

/* out = x + residual; returns the sum. */
KERNEL float row_add(float *out, const float *x, const float *residual, size_t count)
{
    vector sum = vector_set(0);
    size_t i = 0;
    for (; i + WIDTH <= count; i += WIDTH) {
        vector v = vector_load(x + i) + (residual ? vector_load(residual + i) : vector_set(0));
        vector_store(out + i, v);
        sum += v;
    }
    if (i < count) {
        size_t n = count - i;
        vector v = vector_load_part(x + i, n) + (residual ? vector_load_part(residual + i, n) : vector_set(0));
        vector_store_part(out + i, v, n);
        sum += v;
    }
    return vector_sum(sum);
}

KERNEL float row_squares(const float *x, size_t count, float mean)
{
    vector sum = vector_set(0);
    float rest = 0;
    size_t i = 0;
    for (; i + WIDTH <= count; i += WIDTH) {
        vector v = vector_load(x + i) - vector_set(mean);
        sum = vector_fma(v, v, sum);
    }
    for (; i < count; i++)
        rest += (x[i] - mean) * (x[i] - mean);
    return vector_sum(sum) + rest;
}

KERNEL void normalise(float *out, const float *x, const float *residual, const struct bulla_norm *norm, size_t count)
{
    float mean = row_add(out, x, residual, count) / (float)count;
    float variance = row_squares(out, count, mean) / (float)count;
    float inverse = 1 / sqrtf(variance + norm->epsilon);
    size_t i = 0;
    for (; i + WIDTH <= count; i += WIDTH) {
        vector v = (vector_load(out + i) - vector_set(mean)) * vector_set(inverse);
        vector_store(out + i, vector_fma(v, vector_load(norm->weight + i), vector_load(norm->bias + i)));
    }
    for (; i < count; i++)
        out[i] = (out[i] - mean) * inverse * norm->weight[i] + norm->bias[i];
}

KERNEL void add(float *sum, const float *x, size_t count)
{
    size_t i = 0;
    for (; i + WIDTH <= count; i += WIDTH)
        vector_store(sum + i, vector_load(sum + i) + vector_load(x + i));
    for (; i < count; i++)
        sum[i] += x[i];
}

/* ---- weights ---- */

/* The numbers after the last whole vector go through the plain kernel. */
#define WIDEN(type, index, bytes)                                                                                      \
    KERNEL void widen_##type(float *out, const uint8_t *in, size_t count)                                              \
    {                                                                                                                  \
        size_t i = 0;                                                                                                  \
        for (; i + WIDTH <= count; i += WIDTH)                                                                         \
            vector_store(out + i, vector_widen_##type(in + i * (bytes)));                                              \
        bulla_kernels_scalar.widen[index](out + i, in + i * (bytes), count - i);                                       \
    }
WIDEN(f32, BULLA_WEIGHT_F32, 4)
WIDEN(f16, BULLA_WEIGHT_F16, 2)
WIDEN(bf16, BULLA_WEIGHT_BF16, 2)

INLINE void transpose(vector square[WIDTH])
{
    UNROLL for (size_t round = 1; round < WIDTH; round *= 2)
    {
        vector next[WIDTH];
        UNROLL for (size_t i = 0; i < WIDTH / 2; i++)
            vector_interleave(square[i], square[i + WIDTH / 2], &next[2 * i], &next[2 * i + 1]);
        memcpy(square, next, sizeof next);
    }
}

/* Squares of WIDTH × WIDTH for whole groups of rows and columns; the plain kernel does the rest. */
#define PACK(type, index, bytes)                                                                                       \
    KERNEL void pack_##type(float *panel, const uint8_t *rows, size_t pitch, size_t count, size_t depth)               \
    {                                                                                                                  \
        size_t k = 0;                                                                                                  \
        for (; count == BULLA_PANEL && k + WIDTH <= depth; k += WIDTH) {                                               \
            for (size_t first = 0; first < BULLA_PANEL; first += WIDTH) {                                              \
                vector square[WIDTH];                                                                                  \
                UNROLL for (size_t i = 0; i < WIDTH; i++) square[i] =                                                  \
                    vector_widen_##type(rows + (first + i) * pitch + k * (bytes));                                     \
                transpose(square);                                                                                     \
                UNROLL for (size_t i = 0; i < WIDTH; i++)                                                              \
                    vector_store(panel + (k + i) * BULLA_PANEL + first, square[i]);                                    \
            }                                                                                                          \
        }                                                                                                              \
        bulla_kernels_scalar.pack[index](panel + k * BULLA_PANEL, rows + k * (bytes), pitch, count, depth - k);        \
    }
PACK(f32, BULLA_WEIGHT_F32, 4)
PACK(f16, BULLA_WEIGHT_F16, 2)
PACK(bf16, BULLA_WEIGHT_BF16, 2)

#define KERNELS(set, label)                                                                                            \
    const struct bulla_kernels set = {                                                                                 \
        .name = (label),                                                                                               \
        .runs_here = runs_here,                                                                                        \
        .rows = TILE_ROWS,                                                                                             \
        .multiply = multiply,                                                                                          \
        .gelu = gelu,                                                                                                  \
        .softmax = softmax,                                                                                            \
        .normalise = normalise,                                                                                        \
        .add = add,                                                                                                    \
        .widen = {widen_f32, widen_f16, widen_bf16},                                                                   \
        .pack = {pack_f32, pack_f16, pack_bf16},                                                                       \
    }

#endif
