/* bulla: a client of its own token, and the offline side of it. */
#include <signal.h>
#include <stdlib.h>

#include "commands.h"
#include "crypto/arena.h"
#include "interrupt.h"
#include "wiped_memory.h"

int main(int argc, char **argv)
{
    (void)bulla_openssl_memory_wipe(); /* the first thing: nothing of OpenSSL ran yet */
    int status = bulla_command_line(argc - 1, argv + 1);
    bulla_arena_close();
    bulla_interrupt_repeat();
    return status;
}
