#include "similarity.h"

#include <math.h>

#include "output.h"

enum { TABLE_LARGEST = 16, TEXT_COLUMNS = 48, SINGLE_SHOWN = 8 };

double bulla_similarity(const struct bulla_matrix *matrix, size_t left, size_t right)
{
    const float *a = matrix->numbers + left * matrix->columns;
    const float *b = matrix->numbers + right * matrix->columns;
    double product = 0;
    double a_length = 0;
    double b_length = 0;
    for (size_t i = 0; i < matrix->columns; i++) {
        product += (double)a[i] * (double)b[i];
        a_length += (double)a[i] * (double)a[i];
        b_length += (double)b[i] * (double)b[i];
    }
    double lengths = sqrt(a_length * b_length);
    return lengths > 0 ? product / lengths : 0;
}

/* Bytes of the text's beginning that fit the columns, cut between code points. */
static size_t text_cut(struct bulla_bytes text)
{
    size_t at = 0;
    for (size_t columns = 0; at < text.size && columns < TEXT_COLUMNS; columns++) {
        at++;
        while (at < text.size && (text.data[at] & 0xc0) == 0x80)
            at++;
    }
    return at;
}

static void table_say(const struct bulla_matrix *matrix, const struct bulla_bytes *texts)
{
    bulla_say("    ");
    for (size_t j = 0; j < matrix->rows; j++)
        bulla_say(" %6zu", j + 1);
    bulla_say("\n");
    for (size_t i = 0; i < matrix->rows; i++) {
        bulla_say("%4zu", i + 1);
        for (size_t j = 0; j < matrix->rows; j++)
            bulla_say(i == j ? BULLA_FAINT " %6.3f" BULLA_PLAIN : " %6.3f", bulla_similarity(matrix, i, j));
        size_t cut = text_cut(texts[i]);
        bulla_say("  %.*s%s\n", (int)cut, (const char *)texts[i].data, cut < texts[i].size ? "…" : "");
    }
}

void bulla_similarity_say(const struct bulla_matrix *matrix, const struct bulla_bytes *texts, bool always)
{
    if (always || (matrix->rows > 1 && matrix->rows <= TABLE_LARGEST)) {
        table_say(matrix, texts);
        return;
    }
    bulla_say("%zu embedding%s of %zu numbers", matrix->rows, bulla_plural(matrix->rows), matrix->columns);
    if (matrix->rows == 1) {
        bulla_say(":");
        for (size_t i = 0; i < matrix->columns && i < SINGLE_SHOWN; i++)
            bulla_say(" %.6f", (double)matrix->numbers[i]);
        bulla_say(" …");
    }
    bulla_say(" (--json prints all)\n");
}

json_t *bulla_similarity_json(const struct bulla_matrix *matrix)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < matrix->rows; i++) {
        json_t *row = json_array();
        for (size_t j = 0; j < matrix->rows; j++)
            (void)json_array_append_new(row, json_real(bulla_similarity(matrix, i, j)));
        (void)json_array_append_new(rows, row);
    }
    return rows;
}

json_t *bulla_matrix_json(const struct bulla_matrix *matrix)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < matrix->rows; i++) {
        json_t *row = json_array();
        for (size_t j = 0; j < matrix->columns; j++)
            (void)json_array_append_new(row, json_real((double)matrix->numbers[i * matrix->columns + j]));
        (void)json_array_append_new(rows, row);
    }
    return rows;
}
