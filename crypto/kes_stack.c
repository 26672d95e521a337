/* libsodium wipes its states, not its frames: BLAKE2b's compiled loop spills words of the seed that it hashes,
 * Ed25519's base multiplication the digits of its scalar. So each function of KES that has touched a secret overwrites,
 * as its last act, the stack below its own frame, which holds pointers alone. What is called from there takes 3.5 KiB,
 * measured to the last byte that it writes (more where the dynamic linker resolves a function and saves wide
 * registers); 8 are wiped, in a tenth of a microsecond. */
#include "arena.h"
#include "kes_inside.h"

/* clang has no noipa; its noinline functions keep to the ABI. */
#if defined(__clang__)
#define OPAQUE noinline
#else
#define OPAQUE noipa
#endif

enum { STACK_USED = 1 << 13 };

__attribute__((OPAQUE)) void bulla_kes_stack_wipe(const void *scope)
{
    uint8_t used[STACK_USED];
    (void)scope;
    bulla_wipe(used, sizeof used);
}
