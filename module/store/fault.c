/* Fault points for the kill tests. SIGKILL, not abort: nothing of the process may run afterwards, as in a real kill. */
#include "store.h"

#ifdef BULLA_FAULTS
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

void bulla_fault_point(const char *name)
{
    const char *wanted = getenv("BULLA_FAULT");
    if (wanted && strcmp(wanted, name) == 0)
        (void)kill(getpid(), SIGKILL);
}
#endif
