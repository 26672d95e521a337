/* Every set of kernels that this machine runs against plain arithmetic in double precision (libm's exp, erf), at sizes
 * that are no multiple of anything. */
#include "inference/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

enum { COUNT_MAX = 600 };

static uint64_t generator = 7;

static float number(float spread)
{
    generator = generator * 6364136223846793005U + 1442695040888963407U;
    return ((float)(generator >> 40) / 8388608.0F - 1) * spread;
}

static float *numbers(size_t count, float spread)
{
    float *values = malloc((count + 1) * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++)
        values[i] = number(spread);
    return values;
}

static void for_each_set(void (*check)(const struct bulla_kernels *kernels))
{
    for (size_t i = 0; i < bulla_kernel_sets_count; i++)
        if (bulla_kernel_sets[i]->runs_here())
            check(bulla_kernel_sets[i]);
}

/* Every column beyond those of a row of C keeps this. */
static const float untouched = 12345;

static void check_product(const struct bulla_kernels *kernels, size_t rows, size_t depth, size_t panels, bool with_bias)
{
    size_t columns = panels * BULLA_PANEL;
    size_t a_row = depth + 3, c_row = columns + 5;
    float *a = numbers(rows * a_row, 1);
    float *b = numbers(panels * depth * BULLA_PANEL, 1);
    float *bias = numbers(columns, 1);
    float *c = malloc(rows * c_row * sizeof *c);
    assert_non_null(c);
    for (size_t i = 0; i < rows * c_row; i++)
        c[i] = untouched;
    struct bulla_product product = {
        a, a_row, b, depth * BULLA_PANEL, BULLA_PANEL, with_bias ? bias : NULL, c, c_row, rows, depth, panels};
    kernels->multiply(&product);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            double sum = with_bias ? bias[j] : 0;
            for (size_t k = 0; k < depth; k++)
                sum += (double)a[i * a_row + k] * b[(j / BULLA_PANEL * depth + k) * BULLA_PANEL + j % BULLA_PANEL];
            assert_true(fabs(c[i * c_row + j] - sum) < 1e-5 * sqrt((double)depth + 1));
        }
        for (size_t j = columns; j < c_row; j++)
            assert_true(c[i * c_row + j] == untouched);
    }
    free(c);
    free(bias);
    free(b);
    free(a);
}

static void check_products(const struct bulla_kernels *kernels)
{
    for (size_t rows = 1; rows <= 31; rows++)
        for (size_t panels = 1; panels <= 5; panels += 2)
            check_product(kernels, rows, 37, panels, rows % 2);
    check_product(kernels, 3, 0, 1, true);
    check_product(kernels, 29, 1, 4, true);
    check_product(kernels, 17, 1536, 2, true);
}

static void products_are_right_for_every_tile(void **state)
{
    (void)state;
    for_each_set(check_products);
}

/* The values of attention lie in rows of a wider matrix, not in panels. */
static void check_strided(const struct bulla_kernels *kernels)
{
    enum { ROWS = 9, DEPTH = 23, WIDE = 77 };
    float *a = numbers(ROWS * DEPTH, 1);
    float *b = numbers(DEPTH * WIDE, 1);
    float c[ROWS * 32];
    kernels->multiply(&(struct bulla_product){a, DEPTH, b, BULLA_PANEL, WIDE, NULL, c, 32, ROWS, DEPTH, 2});
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < 32; j++) {
            double sum = 0;
            for (size_t k = 0; k < DEPTH; k++)
                sum += (double)a[i * DEPTH + k] * b[k * WIDE + j];
            assert_true(fabs(c[i * 32 + j] - sum) < 1e-5);
        }
    }
    free(b);
    free(a);
}

static void products_take_a_matrix_that_lies_in_rows(void **state)
{
    (void)state;
    for_each_set(check_strided);
}

/* The same element, whatever else is computed with it. */
static void check_bits(const struct bulla_kernels *kernels)
{
    enum { ROWS = 29, DEPTH = 211, PANELS = 3, COLUMNS = PANELS * BULLA_PANEL };
    float *a = numbers(ROWS * DEPTH, 1);
    float *b = numbers(PANELS * DEPTH * BULLA_PANEL, 1);
    float all[ROWS * COLUMNS];
    float one[BULLA_PANEL];
    kernels->multiply(&(struct bulla_product){
        a, DEPTH, b, DEPTH * BULLA_PANEL, BULLA_PANEL, NULL, all, COLUMNS, ROWS, DEPTH, PANELS});
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < PANELS; j++) {
            kernels->multiply(&(struct bulla_product){a + i * DEPTH, DEPTH, b + j * DEPTH * BULLA_PANEL, 0, BULLA_PANEL,
                NULL, one, BULLA_PANEL, 1, DEPTH, 1});
            assert_memory_equal(one, all + i * COLUMNS + j * BULLA_PANEL, sizeof one);
        }
    }
    free(b);
    free(a);
}

static void a_products_bits_do_not_depend_on_how_it_is_cut(void **state)
{
    (void)state;
    for_each_set(check_bits);
}

static void check_gelu(const struct bulla_kernels *kernels)
{
    static float x[20011];
    for (size_t i = 0; i < 20011; i++)
        x[i] = ((float)i - 10005) / 1000; /* −10 … 10 */
    kernels->gelu(x, 20011);
    for (size_t i = 0; i < 20011; i++) {
        float at = ((float)i - 10005) / 1000;
        double expected = 0.5 * at * (1 + erf(at / sqrt(2)));
        assert_true(fabs(x[i] - expected) < 1e-6);
        if (at > -8) /* the negative tail is small, not lost; 1 + erf would lose it in this check as well */
            assert_true(fabs(x[i] - 0.5 * at * erfc(-at / sqrt(2))) <= 2e-5 * fabs(0.5 * at * erfc(-at / sqrt(2))));
    }
    float far[] = {-1e30F, -100, -0.0F, 0, 100, 1e18F};
    kernels->gelu(far, 6);
    assert_true(fabsf(far[0]) < 1e-6F && fabsf(far[1]) < 1e-30F && far[2] == 0 && far[3] == 0);
    assert_true(far[4] == 100 && far[5] == 1e18F);
}

static void gelu_is_the_erf_gelu_to_a_millionth(void **state)
{
    (void)state;
    for_each_set(check_gelu);
}

static void check_softmax(const struct bulla_kernels *kernels)
{
    for (size_t count = 1; count < 80; count++) {
        float *x = numbers(count + 1, count % 3 ? 4 : 120);
        double expected[80];
        double sum = 0;
        double most = -1e300;
        x[count] = untouched;
        for (size_t i = 0; i < count; i++)
            most = fmax(most, (double)x[i] * 0.25);
        for (size_t i = 0; i < count; i++)
            sum += expected[i] = exp((double)x[i] * 0.25 - most);
        kernels->softmax(x, count, 0.25F);
        for (size_t i = 0; i < count; i++)
            assert_true(fabs(x[i] - expected[i] / sum) < 1e-6);
        assert_true(x[count] == untouched);
        free(x);
    }
}

/* What overflowed stays visible in every number of the row, wherever it stands: whoever looks at the embedding sees it.
 */
static void check_overflow(const struct bulla_kernels *kernels)
{
    static const float wrong[] = {INFINITY, NAN};
    for (size_t count = 1; count <= 40; count++) {
        for (size_t at = 0; at < 2 * count; at++) {
            float *x = numbers(count, 30);
            x[at % count] = wrong[at / count];
            kernels->softmax(x, count, 0.25F);
            for (size_t i = 0; i < count; i++)
                assert_true(isnan(x[i]));
            free(x);
        }
    }
}

static void softmax_of_what_overflowed_is_no_number(void **state)
{
    (void)state;
    for_each_set(check_overflow);
}

static void softmax_is_libms_to_a_millionth(void **state)
{
    (void)state;
    for_each_set(check_softmax);
}

static void check_normalise_size(const struct bulla_kernels *kernels, size_t count, bool with_residual)
{
    float *x = numbers(count + 1, 3), *residual = numbers(count, 3);
    float *weight = numbers(count, 2), *bias = numbers(count, 2);
    double mean = 0, variance = 0;
    double expected[COUNT_MAX];
    for (size_t i = 0; i < count; i++)
        mean += (expected[i] = (double)x[i] + (with_residual ? residual[i] : 0)) / (double)count;
    for (size_t i = 0; i < count; i++)
        variance += (expected[i] - mean) * (expected[i] - mean) / (double)count;
    struct bulla_norm norm = {weight, bias, 0.01F};
    x[count] = untouched;
    kernels->normalise(x, x, with_residual ? residual : NULL, &norm, count); /* in place, as the encoder does it */
    for (size_t i = 0; i < count; i++) {
        double y = (expected[i] - mean) / sqrt(variance + 0.01) * weight[i] + bias[i];
        assert_true(fabs(x[i] - y) < 1e-5);
    }
    assert_true(x[count] == untouched);
    free(bias);
    free(weight);
    free(residual);
    free(x);
}

static void check_normalise(const struct bulla_kernels *kernels)
{
    for (size_t count = 2; count < COUNT_MAX; count += count < 70 ? 1 : 61) {
        check_normalise_size(kernels, count, true);
        check_normalise_size(kernels, count, false);
    }
}

static void norms_are_right_at_every_size(void **state)
{
    (void)state;
    for_each_set(check_normalise);
}

static void check_add(const struct bulla_kernels *kernels)
{
    for (size_t count = 0; count < 70; count++) {
        float *x = numbers(count, 3), *sum = numbers(count + 1, 3), *before = numbers(count, 1);
        memcpy(before, sum, count * sizeof *sum);
        sum[count] = untouched;
        kernels->add(sum, x, count);
        for (size_t i = 0; i < count; i++)
            assert_true(sum[i] == before[i] + x[i]);
        assert_true(sum[count] == untouched);
        free(before);
        free(sum);
        free(x);
    }
}

static void sums_of_rows_are_right(void **state)
{
    (void)state;
    for_each_set(check_add);
}

/* The definitions of the formats, by ldexp. */
static double stored_value(enum bulla_weight type, uint32_t bits)
{
    int width = type == BULLA_WEIGHT_F16 ? 10 : 7; /* of the fraction */
    int bias = type == BULLA_WEIGHT_F16 ? 15 : 127;
    int exponent = (int)((bits & 0x7fff) >> width);
    int fraction = (int)(bits & ((1U << width) - 1));
    double size =
        exponent ? ldexp(fraction + (1 << width), exponent - bias - width) : ldexp(fraction, 1 - bias - width);
    return bits & 0x8000 ? -size : size;
}

/* All 65,536 patterns but infinities and NaN, from an odd address. */
static void check_widen(const struct bulla_kernels *kernels)
{
    for (enum bulla_weight type = BULLA_WEIGHT_F16; type <= BULLA_WEIGHT_BF16; type++) {
        static uint8_t in[1 + 2 * 65536];
        static float out[65536];
        static uint32_t patterns[65536];
        size_t count = 0;
        uint32_t exponent = type == BULLA_WEIGHT_F16 ? 0x7c00 : 0x7f80;
        for (uint32_t bits = 0; bits < 65536; bits++) {
            if ((bits & exponent) == exponent)
                continue;
            patterns[count] = bits;
            in[1 + 2 * count] = (uint8_t)bits;
            in[2 + 2 * count++] = (uint8_t)(bits >> 8);
        }
        kernels->widen[type](out, in + 1, count - 3); /* a count that leaves a rest */
        for (size_t i = 0; i < count - 3; i++)
            assert_true(out[i] == stored_value(type, patterns[i]));
    }
}

static void every_half_and_bfloat_is_widened_exactly(void **state)
{
    (void)state;
    for_each_set(check_widen);
}

static void check_pack_size(const struct bulla_kernels *kernels, enum bulla_weight type, size_t count, size_t depth)
{
    size_t bytes = type == BULLA_WEIGHT_F32 ? 4 : 2;
    size_t pitch = (depth + 1) * bytes;
    uint8_t *rows = malloc(count * pitch + 1);
    float *row = malloc((depth + 1) * sizeof *row);
    float *panel = malloc((depth * BULLA_PANEL + 1) * sizeof *panel);
    assert_true(rows && row && panel);
    for (size_t i = 0; i < count * pitch / bytes; i++) {
        float value = number(2);
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        bits = type == BULLA_WEIGHT_F16    ? (uint32_t)(generator >> 33) & 0xbbff
               : type == BULLA_WEIGHT_BF16 ? bits >> 16
                                           : bits;
        memcpy(rows + 1 + i * bytes, &bits, bytes);
    }
    panel[depth * BULLA_PANEL] = untouched;
    kernels->pack[type](panel, rows + 1, pitch, count, depth);
    for (size_t j = 0; j < BULLA_PANEL; j++) {
        if (j < count)
            bulla_kernels_scalar.widen[type](
                row, rows + 1 + j * pitch, depth); /* itself checked above, and F32 below */
        for (size_t k = 0; k < depth; k++)
            assert_true(panel[k * BULLA_PANEL + j] == (j < count ? row[k] : 0));
    }
    assert_true(panel[depth * BULLA_PANEL] == untouched);
    free(panel);
    free(row);
    free(rows);
}

static void check_pack(const struct bulla_kernels *kernels)
{
    float value = 0;
    const uint8_t one_and_a_half[] = {0, 0, 0xc0, 0x3f};
    kernels->widen[BULLA_WEIGHT_F32](&value, one_and_a_half, 1);
    assert_true(value == 1.5F);
    for (enum bulla_weight type = BULLA_WEIGHT_F32; type < BULLA_WEIGHTS; type++)
        for (size_t count = 1; count <= BULLA_PANEL; count += count < 15 ? 7 : 1)
            for (size_t depth = 1; depth < 70; depth += 3)
                check_pack_size(kernels, type, count, depth);
}

static void packing_turns_rows_into_columns(void **state)
{
    (void)state;
    for_each_set(check_pack);
}

static void a_named_set_is_forced_in_test_builds_only(void **state)
{
    (void)state;
    const struct bulla_kernels *best = bulla_kernels();
    assert_true(best->runs_here());
    (void)setenv("BULLA_KERNELS", "scalar", 1);
#if defined(BULLA_FAULTS)
    assert_string_equal(bulla_kernels()->name, "scalar");
#else
    assert_ptr_equal(bulla_kernels(), best);
#endif
    (void)setenv("BULLA_KERNELS", "no such set", 1);
    assert_true(bulla_kernels()->runs_here());
    (void)unsetenv("BULLA_KERNELS");
    assert_ptr_equal(bulla_kernels(), best);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_right_for_every_tile),
        cmocka_unit_test(products_take_a_matrix_that_lies_in_rows),
        cmocka_unit_test(a_products_bits_do_not_depend_on_how_it_is_cut),
        cmocka_unit_test(gelu_is_the_erf_gelu_to_a_millionth),
        cmocka_unit_test(softmax_is_libms_to_a_millionth),
        cmocka_unit_test(softmax_of_what_overflowed_is_no_number),
        cmocka_unit_test(norms_are_right_at_every_size),
        cmocka_unit_test(sums_of_rows_are_right),
        cmocka_unit_test(every_half_and_bfloat_is_widened_exactly),
        cmocka_unit_test(packing_turns_rows_into_columns),
        cmocka_unit_test(a_named_set_is_forced_in_test_builds_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
