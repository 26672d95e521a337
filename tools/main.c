/* bulla: a client of its own token, and the offline side of it. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"
#include "crypto/arena.h"
#include "exit.h"
#include "interrupt.h"
#include "wiped_memory.h"

/* A standard file that is closed must not become the next one that is opened: what is printed would go into that, and
 * be called written. It is held the wrong way round, so that using it fails. */
static bool standard_files_hold(void)
{
    static const int modes[] = {[STDIN_FILENO] = O_WRONLY, [STDOUT_FILENO] = O_RDONLY, [STDERR_FILENO] = O_RDONLY};
    for (int file = STDIN_FILENO; file <= STDERR_FILENO; file++)
        if (fcntl(file, F_GETFD) < 0 && open("/dev/null", modes[file]) != file)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    (void)bulla_openssl_memory_wipe(); /* the first thing: nothing of OpenSSL ran yet */
    if (!standard_files_hold())
        return BULLA_EXIT_FAILED;
    int status = bulla_command_line(argc - 1, argv + 1);
    bulla_arena_close();
    bulla_interrupt_repeat();
    return status;
}
