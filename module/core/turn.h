/* Turns that processes take at one token: by a lock on a file of its folder, which the kernel gives back when a process
 * dies. */
#ifndef BULLA_CORE_TURN_H
#define BULLA_CORE_TURN_H

#include "crypto/reason.h"

struct bulla_turn {
    int file; /* -1: not taken */
};

/* Waits for the others. BULLA_STORE_BUSY when one of them keeps its turn for half a minute: a process that was stopped
 * must not stop the others for good. BULLA_STORE_READ_ONLY, BULLA_STORE_IO. */
enum bulla_reason bulla_turn_take(const char *folder, const char *name, struct bulla_turn *turn) BULLA_MUST_USE;
void bulla_turn_give(struct bulla_turn *turn);
/* For the scope of a function. */
#define BULLA_TURN __attribute__((cleanup(bulla_turn_give)))

#endif
