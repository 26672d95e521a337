/* The ABI lets any call change every vector register, so a caller expects nothing of them afterwards; noipa keeps a
 * compiler from knowing better. VZEROALL reaches the first 16 registers whole, the other 16 are AVX-512's. */
#include "residue.h"

#include <string.h>

/* clang has no noipa; its noinline functions keep to the ABI. */
#if defined(__clang__)
#define OPAQUE noinline
#else
#define OPAQUE noipa
#endif

enum { STACK_USED = 1 << 13 }; /* above what a kernel's frames take: a tile of 14 × 32 sums is 1.75 KiB */

__attribute__((OPAQUE)) static void wipe_stack(void)
{
    char used[STACK_USED];
    explicit_bzero(used, sizeof used);
}

#if defined(__x86_64__)
__attribute__((OPAQUE, target("avx512f"))) static void wipe_upper_registers(void)
{
#define WIPE(number) "vpxord %%zmm" #number ", %%zmm" #number ", %%zmm" #number "\n\t"
    __asm__ volatile(WIPE(16) WIPE(17) WIPE(18) WIPE(19) WIPE(20) WIPE(21) WIPE(22) WIPE(23) WIPE(24) WIPE(25) WIPE(26)
                         WIPE(27) WIPE(28) WIPE(29) WIPE(30) WIPE(31)::
                             : "memory");
#undef WIPE
}

__attribute__((OPAQUE, target("avx"))) static void wipe_lower_registers(void)
{
    __asm__ volatile("vzeroall" ::: "memory");
}

static void wipe_registers(void)
{
    if (__builtin_cpu_supports("avx512f"))
        wipe_upper_registers();
    if (__builtin_cpu_supports("avx"))
        wipe_lower_registers();
}
#else
static void wipe_registers(void)
{
}
#endif

void bulla_residue_wipe(void)
{
    wipe_stack();
    wipe_registers();
}

void bulla_residue_wipe_registers(void)
{
    wipe_registers();
}
