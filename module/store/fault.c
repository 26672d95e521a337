/* Fault points for the kill tests. SIGKILL, not abort: nothing of the process may run afterwards, as in a real kill. */
#include "store.h"

#ifdef BULLA_FAULTS
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* How often the wanted point was passed; one variable will do, for a process is told one point. */
static atomic_uint passes;

void bulla_fault_point(const char *name)
{
    const char *wanted = getenv("BULLA_FAULT");
    size_t size = strlen(name);
    if (!wanted || strncmp(wanted, name, size) != 0 || (wanted[size] != '\0' && wanted[size] != '#'))
        return;
    unsigned long which = wanted[size] ? strtoul(wanted + size + 1, NULL, 10) : 1;
    if (atomic_fetch_add(&passes, 1) + 1 == which)
        (void)kill(getpid(), SIGKILL);
}
#endif
