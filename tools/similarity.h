/* Embeddings as tables: for people and for JSON. */
#ifndef BULLA_TOOLS_SIMILARITY_H
#define BULLA_TOOLS_SIMILARITY_H

#include <jansson.h>
#include <stdbool.h>

#include "crypto/bytes.h"

struct bulla_matrix {
    size_t rows, columns;
    float *numbers; /* [rows, columns] */
};

/* Cosine of two rows; 0 when one has no length. */
double bulla_similarity(const struct bulla_matrix *matrix, size_t left, size_t right);
/* The table of every pair when there are 2 to 16 rows, or any number with `always`; otherwise what there is. */
void bulla_similarity_say(const struct bulla_matrix *matrix, const struct bulla_bytes *texts, bool always);
json_t *bulla_similarity_json(const struct bulla_matrix *matrix);
json_t *bulla_matrix_json(const struct bulla_matrix *matrix);

#endif
