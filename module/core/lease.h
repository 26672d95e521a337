/* Leases: what was released under an object's own tree is wiped when its time is over, whether anybody calls or not.
 *
 * A thread does it, started with the first release and not by C_Initialize; where the host forbids threads
 * (CKF_LIBRARY_CANT_CREATE_OS_THREADS) the next call that opens something does. */
#ifndef BULLA_CORE_LEASE_H
#define BULLA_CORE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

void bulla_lease_start(bool threads);
/* Something was released until `expires` (CLOCK_MONOTONIC seconds). */
void bulla_lease_note(uint64_t expires);
/* Ends the thread; nothing is wiped by it afterwards. */
void bulla_lease_stop(void);
void bulla_lease_abandon(void);

#endif
