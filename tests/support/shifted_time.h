/* A clock that can be set: this program's time() stands in for libc's, in the module as well, while the TPM's clock and
 * the kernel's own go on as they do. For programs that export their symbols (ENABLE_EXPORTS). */
#ifndef BULLA_TESTS_SHIFTED_TIME_H
#define BULLA_TESTS_SHIFTED_TIME_H

#include <stdint.h>
#include <time.h>

extern int64_t shift; /* of the system's clock, in seconds */

#endif
