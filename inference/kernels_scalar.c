/* Kernels in plain C: for processors that have no set of their own, for the rows and columns that the other sets leave
 * over when they pack, and as the one that the others are compared with. */
#include <math.h>
#include <string.h>

#include "kernels.h"

enum { ROWS = 2, QUADS = BULLA_PANEL / 4 };

static bool runs_here(void)
{
    return true;
}

/* What most processors have a register for; compilers split it where there is none. */
typedef float quad __attribute__((vector_size(4 * sizeof(float))));
#define UNROLL _Pragma("GCC unroll 4")

static inline __attribute__((always_inline)) quad load(const float *p)
{
    quad value;
    memcpy(&value, p, sizeof value);
    return value;
}

static inline __attribute__((always_inline)) void multiply_tile(
    const struct bulla_product *p, size_t row, const size_t rows, size_t panel)
{
    quad sum[ROWS][QUADS];
    const float *a = p->a + row * p->a_row;
    const float *b = p->b + panel * p->b_panel;
    UNROLL for (size_t j = 0; j < QUADS; j++)
    {
        quad start = p->bias ? load(p->bias + panel * BULLA_PANEL + 4 * j) : (quad){0};
        UNROLL for (size_t i = 0; i < rows; i++) sum[i][j] = start;
    }
    for (size_t k = 0; k < p->depth; k++, b += p->b_row) {
        UNROLL for (size_t i = 0; i < rows; i++)
        {
            UNROLL for (size_t j = 0; j < QUADS; j++) sum[i][j] += a[i * p->a_row + k] * load(b + 4 * j);
        }
    }
    float *c = p->c + row * p->c_row + panel * BULLA_PANEL;
    UNROLL for (size_t i = 0; i < rows; i++)
    {
        UNROLL for (size_t j = 0; j < QUADS; j++) memcpy(c + i * p->c_row + 4 * j, &sum[i][j], sizeof sum[i][j]);
    }
}

static void multiply(const struct bulla_product *p)
{
    for (size_t panel = 0; panel < p->panels; panel++) {
        size_t row = 0;
        for (; row + ROWS <= p->rows; row += ROWS)
            multiply_tile(p, row, ROWS, panel);
        for (; row < p->rows; row++)
            multiply_tile(p, row, 1, panel);
    }
}

static void gelu(float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] *= 0.5F * erfcf(-x[i] * (float)M_SQRT1_2);
}

static void softmax(float *x, size_t count, float scale)
{
    float most = -INFINITY;
    float sum = 0;
    for (size_t i = 0; i < count; i++)
        most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < count; i++)
        sum += x[i] = expf((x[i] - most) * scale);
    for (size_t i = 0; i < count; i++)
        x[i] /= sum;
}

static void normalise(float *out, const float *x, const float *residual, const struct bulla_norm *norm, size_t count)
{
    float sum = 0;
    float squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += out[i] = x[i] + (residual ? residual[i] : 0);
    float mean = sum / (float)count;
    for (size_t i = 0; i < count; i++)
        squares += (out[i] - mean) * (out[i] - mean);
    float inverse = 1 / sqrtf(squares / (float)count + norm->epsilon);
    for (size_t i = 0; i < count; i++)
        out[i] = (out[i] - mean) * inverse * norm->weight[i] + norm->bias[i];
}

static void add(float *sum, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum[i] += x[i];
}

/* ---- weights ---- */

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static float widen_one_f32(const uint8_t *p)
{
    return from_bits(bits16(p) | bits16(p + 2) << 16);
}

/* Exponent and fraction of a half, moved to where a float has them, are 2^112 too small, subnormal halves included;
 * one exact multiplication mends it. Infinities and NaN do not come here: loading refuses them. */
static float widen_one_f16(const uint8_t *p)
{
    uint32_t bits = bits16(p);
    float size = from_bits((bits & 0x7fff) << 13) * 0x1p112F;
    return bits & 0x8000 ? -size : size;
}

static float widen_one_bf16(const uint8_t *p)
{
    return from_bits(bits16(p) << 16);
}

#define WIDEN_AND_PACK(type, bytes)                                                                                    \
    static void widen_##type(float *out, const uint8_t *in, size_t count)                                              \
    {                                                                                                                  \
        for (size_t i = 0; i < count; i++)                                                                             \
            out[i] = widen_one_##type(in + i * (bytes));                                                               \
    }                                                                                                                  \
    static void pack_##type(float *panel, const uint8_t *rows, size_t pitch, size_t count, size_t depth)               \
    {                                                                                                                  \
        for (size_t k = 0; k < depth; k++)                                                                             \
            for (size_t j = 0; j < BULLA_PANEL; j++)                                                                   \
                panel[k * BULLA_PANEL + j] = j < count ? widen_one_##type(rows + j * pitch + k * (bytes)) : 0;         \
    }
WIDEN_AND_PACK(f32, 4)
WIDEN_AND_PACK(f16, 2)
WIDEN_AND_PACK(bf16, 2)

const struct bulla_kernels bulla_kernels_scalar = {
    .name = "scalar",
    .runs_here = runs_here,
    .rows = ROWS,
    .multiply = multiply,
    .gelu = gelu,
    .softmax = softmax,
    .normalise = normalise,
    .add = add,
    .widen = {widen_f32, widen_f16, widen_bf16},
    .pack = {pack_f32, pack_f16, pack_bf16},
};
