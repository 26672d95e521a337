/* The arithmetic of the encoder, once for each kind of processor, behind one table of functions.
 *
 * Weights and keys lie in panels of 16 columns, [panels][depth][16], whatever the processor: a panel is one AVX-512
 * register wide, two of AVX2. Every element of a product is one chain of additions in the order of depth, so its bits
 * do not depend on how rows and panels are shared out among calls, tiles or threads.
 *
 * Nothing is allocated. Sums, a row of a panel and single numbers live in registers; what a compiler spills of them is
 * at most one tile (14 × 32 sums), which the next tile overwrites. Registers and stack are wiped (residue.h) by each
 * thread when a run of tasks ends, not for each tile. */
#ifndef BULLA_INFERENCE_KERNELS_H
#define BULLA_INFERENCE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BULLA_PANEL = 16,         /* columns */
    BULLA_TILE_ROWS_MAX = 16, /* no kernel's `rows` is above it */
};

/* How a number of a weights file is stored, little-endian. */
enum bulla_weight { BULLA_WEIGHT_F32, BULLA_WEIGHT_F16, BULLA_WEIGHT_BF16, BULLA_WEIGHTS };

/* C[rows, 16 · panels] = A[rows, depth] · B + bias. Strides count floats; nothing needs alignment. */
struct bulla_product {
    const float *a;    /* [rows, depth] */
    size_t a_row;      /* from a row to the next */
    const float *b;    /* [panels][depth][16] */
    size_t b_panel;    /* from a panel to the next: depth · 16 when packed, 16 when read from a matrix in rows */
    size_t b_row;      /* from a row to the next within a panel: 16 when packed */
    const float *bias; /* [16 · panels], or NULL for none */
    float *c;          /* [rows, 16 · panels] */
    size_t c_row;
    size_t rows, depth, panels;
};

/* out = (x + residual − mean) / √(variance + epsilon) · weight + bias over `count` numbers. */
struct bulla_norm {
    float *weight; /* [count] */
    float *bias;   /* [count] */
    float epsilon;
};

struct bulla_kernels {
    const char *name;
    bool (*runs_here)(void);
    size_t rows; /* of A that one tile takes: work is best shared out in multiples of it */

    void (*multiply)(const struct bulla_product *product);
    /* x = x · Φ(x), the erf GELU, to 1e-6 */
    void (*gelu)(float *x, size_t count);
    /* x = softmax(scale · x) */
    void (*softmax)(float *x, size_t count, float scale);
    /* residual may be NULL; out may be x or residual */
    void (*normalise)(float *out, const float *x, const float *residual, const struct bulla_norm *norm, size_t count);
    /* sum += x */
    void (*add)(float *sum, const float *x, size_t count);
    /* out[i] = in[i], exactly */
    void (*widen[BULLA_WEIGHTS])(float *out, const uint8_t *in, size_t count);
    /* panel[k][j] = row j's element k for k < depth; columns j ≥ count become 0. `rows` is the first row's first
     * element, `pitch` the bytes from a row to the next, count 1 … 16. */
    void (*pack[BULLA_WEIGHTS])(float *panel, const uint8_t *rows, size_t pitch, size_t count, size_t depth);
};

/* Best first; the last runs everywhere. */
extern const struct bulla_kernels *const bulla_kernel_sets[];
extern const size_t bulla_kernel_sets_count;

/* The best that this machine runs. A build with BULLA_FAULTS heeds BULLA_KERNELS in the environment, if the machine can
 * run what it names. */
const struct bulla_kernels *bulla_kernels(void);

extern const struct bulla_kernels bulla_kernels_scalar;
#if defined(__x86_64__)
extern const struct bulla_kernels bulla_kernels_avx2;
extern const struct bulla_kernels bulla_kernels_avx512f;
#endif

static inline size_t bulla_round_up(size_t value, size_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

#endif
