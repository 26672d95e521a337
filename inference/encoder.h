/* The BERT encoder: token ids → one L2-normalised vector for each sequence.
 *
 *   x  = norm(word[id] + place[position])                                      place: position and token type 0
 * together for each layer: q, k, v = x·Wqᵀ + bq, x·Wkᵀ + bk, x·Wvᵀ + bv                           split into heads c =
 * softmax(q·kᵀ / √head)·v                                            for each head x = norm(x + c·Woᵀ + bo) x = norm(x
 * + gelu(x·Wiᵀ + bi)·Wcᵀ + bc) embedding = mean(x) / ‖mean(x)‖
 *
 * Sequences lie one after the other without padding; linear maps and norms see one matrix of all tokens, attention one
 * sequence and head at a time. A head's width is rounded up to whole panels; the columns added are zeros from the
 * weights on, so they change nothing. */
#ifndef BULLA_INFERENCE_ENCODER_H
#define BULLA_INFERENCE_ENCODER_H

#include "engine.h"
#include "kernels.h"

/* y = x · Wᵀ + b */
struct bulla_linear {
    size_t depth;  /* numbers of x that it reads */
    size_t panels; /* numbers of y, in panels of 16 */
    float *weight; /* [panels][depth][16] */
    float *bias;   /* [16 · panels] */
};

struct bulla_layer {
    struct bulla_linear attend;  /* dimension → query, key, value: 3 × heads × head */
    struct bulla_linear project; /* heads × head → dimension */
    struct bulla_norm attended;
    struct bulla_linear expand;   /* dimension → intermediate */
    struct bulla_linear contract; /* intermediate → dimension */
    struct bulla_norm contracted;
};

struct bulla_encoder {
    const struct bulla_kernels *kernels;
    size_t layers, heads, dimension, intermediate;
    size_t head;        /* dimension / heads */
    size_t head_padded; /* to whole panels: how far a head's columns lie from the next one's */
    enum bulla_weight word_type;
    const uint8_t *words; /* [vocabulary, dimension] as the file stores them: only the rows looked up are widened */
    float *places;        /* f32 [positions, dimension] */
    struct bulla_norm embedded;
    struct bulla_layer *layer; /* [layers] */
};

/* Bytes of workspace for these sequences, or for as many that are no longer; bounded whatever their number. */
size_t bulla_encoder_workspace(const struct bulla_encoder *encoder, const struct bulla_token_batch *batch);

/* batch: checked by the caller (ids, lengths from 1 to the number of positions). workspace: 64-byte aligned, of that
 * many bytes; holds activations afterwards, for the caller to wipe. embeddings: f32 [sequences, dimension]. */
void bulla_encoder_run(const struct bulla_encoder *encoder, const struct bulla_token_batch *batch, void *workspace,
    struct bulla_pool *pool, float *embeddings);

#endif
