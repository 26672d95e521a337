/* Which set of kernels this machine runs. */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

#include "engine.h"

const struct bulla_kernels *const bulla_kernel_sets[] = {
#if defined(__x86_64__)
    &bulla_kernels_avx512f,
    &bulla_kernels_avx2,
#endif
    &bulla_kernels_scalar,
};
const size_t bulla_kernel_sets_count = sizeof bulla_kernel_sets / sizeof(const struct bulla_kernels *);

static bool is_forced_away(const struct bulla_kernels *set)
{
#if defined(BULLA_FAULTS)
    const char *forced = getenv("BULLA_KERNELS");
    return forced && strcmp(forced, set->name) != 0;
#else
    (void)set;
    return false;
#endif
}

const struct bulla_kernels *bulla_kernels(void)
{
    for (size_t i = 0; i < bulla_kernel_sets_count; i++) {
        const struct bulla_kernels *set = bulla_kernel_sets[i];
        if (set->runs_here() && !is_forced_away(set))
            return set;
    }
    return &bulla_kernels_scalar;
}

const char *bulla_kernels_name(void)
{
    return bulla_kernels()->name;
}
