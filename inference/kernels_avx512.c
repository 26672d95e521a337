/* Kernels for AVX-512F: 32 registers of 16 floats; a tile of 14 rows × 2 panels leaves one for each panel's row and one
 * for the element of A. */
#include "kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))
#define KERNEL TARGET static
#define WIDTH 16
#define TILE_ROWS 14
#define TILE_PANELS 2
/* clang-format off */
#define EACH_TILE(X) \
    X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) \
    X(8, 1) X(9, 1) X(10, 1) X(11, 1) X(12, 1) X(13, 1) X(14, 1) \
    X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2) X(7, 2) \
    X(8, 2) X(9, 2) X(10, 2) X(11, 2) X(12, 2) X(13, 2) X(14, 2)
/* clang-format on */
#define OPERATION KERNEL inline __attribute__((always_inline))

typedef __m512 vector;

OPERATION vector vector_set(float x)
{
    return _mm512_set1_ps(x);
}

OPERATION vector vector_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

OPERATION void vector_store(float *p, vector v)
{
    _mm512_storeu_ps(p, v);
}

OPERATION vector vector_load_part(const float *p, size_t count)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1U << count) - 1), p);
}

OPERATION void vector_store_part(float *p, vector v, size_t count)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1U << count) - 1), v);
}

OPERATION vector vector_fma(vector a, vector b, vector c)
{
    return _mm512_fmadd_ps(a, b, c);
}

OPERATION vector vector_max(vector a, vector b)
{
    return _mm512_max_ps(a, b);
}

OPERATION vector vector_round(vector x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

OPERATION vector vector_exponent(vector n)
{
    return _mm512_scalef_ps(_mm512_set1_ps(1), n);
}

OPERATION vector vector_absolute(vector x)
{
    return _mm512_abs_ps(x);
}

OPERATION vector vector_choose(vector condition, vector a, vector b)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(condition, _mm512_setzero_ps(), _CMP_GE_OQ), b, a);
}

OPERATION float vector_sum(vector v)
{
    return _mm512_reduce_add_ps(v);
}

OPERATION float vector_maximum(vector v)
{
    return _mm512_reduce_max_ps(v);
}

OPERATION vector vector_widen_f32(const uint8_t *p)
{
    return _mm512_loadu_ps(p);
}

OPERATION vector vector_widen_f16(const uint8_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

OPERATION vector vector_widen_bf16(const uint8_t *p)
{
    __m512i bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
}

OPERATION void vector_interleave(vector a, vector b, vector *low, vector *high)
{
    const __m512i first = _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    *low = _mm512_permutex2var_ps(a, first, b);
    *high = _mm512_permutex2var_ps(a, _mm512_add_epi32(first, _mm512_set1_epi32(8)), b);
}

static bool runs_here(void)
{
    return __builtin_cpu_supports("avx512f");
}

#include "kernels_vector.h"

KERNELS(bulla_kernels_avx512f, "avx512f");
#endif
