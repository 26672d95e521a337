/* Kernels for AVX2 with FMA and F16C: 16 registers of 8 floats; a tile of 6 rows × 1 panel leaves two for the panel's
 * row and one for the element of A. */
#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma,f16c")))
#define KERNEL TARGET static
#define WIDTH 8
#define TILE_ROWS 6
#define TILE_PANELS 1
#define EACH_TILE(X) X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1)
#define OPERATION KERNEL inline __attribute__((always_inline))

typedef __m256 vector;

OPERATION vector vector_set(float x)
{
    return _mm256_set1_ps(x);
}

OPERATION vector vector_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

OPERATION void vector_store(float *p, vector v)
{
    _mm256_storeu_ps(p, v);
}

/* All ones in the first `count` lanes. */
OPERATION __m256i first_lanes(size_t count)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

OPERATION vector vector_load_part(const float *p, size_t count)
{
    return _mm256_maskload_ps(p, first_lanes(count));
}

OPERATION void vector_store_part(float *p, vector v, size_t count)
{
    _mm256_maskstore_ps(p, first_lanes(count), v);
}

OPERATION vector vector_fma(vector a, vector b, vector c)
{
    return _mm256_fmadd_ps(a, b, c);
}

OPERATION vector vector_max(vector a, vector b)
{
    return _mm256_max_ps(a, b);
}

OPERATION vector vector_round(vector x)
{
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

OPERATION vector vector_exponent(vector n)
{
    __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
}

OPERATION vector vector_absolute(vector x)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), x);
}

OPERATION vector vector_choose(vector condition, vector a, vector b)
{
    return _mm256_blendv_ps(b, a, _mm256_cmp_ps(condition, _mm256_setzero_ps(), _CMP_GE_OQ));
}

OPERATION float vector_sum(vector v)
{
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

OPERATION float vector_maximum(vector v)
{
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}

OPERATION vector vector_widen_f32(const uint8_t *p)
{
    return _mm256_loadu_ps((const float *)(const void *)p);
}

OPERATION vector vector_widen_f16(const uint8_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

OPERATION vector vector_widen_bf16(const uint8_t *p)
{
    __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
}

OPERATION void vector_interleave(vector a, vector b, vector *low, vector *high)
{
    vector even = _mm256_unpacklo_ps(a, b); /* within each half */
    vector odd = _mm256_unpackhi_ps(a, b);
    *low = _mm256_permute2f128_ps(even, odd, 0x20);
    *high = _mm256_permute2f128_ps(even, odd, 0x31);
}

static bool runs_here(void)
{
    unsigned a, b, c = 0, d; /* clang's builtin does not know F16C */
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __get_cpuid(1, &a, &b, &c, &d) &&
           (c & bit_F16C);
}

#include "kernels_vector.h"

KERNELS(bulla_kernels_avx2, "avx2");
#endif
