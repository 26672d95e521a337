/* What OpenSSL frees in this program is wiped. */
#ifndef BULLA_TOOLS_WIPED_MEMORY_H
#define BULLA_TOOLS_WIPED_MEMORY_H

#include <stdbool.h>

/* For a program of our own, before anything of OpenSSL ran in it: false when it is too late, and nothing is changed. */
bool bulla_openssl_memory_wipe(void);

#endif
