/* A module under a benchmark: loaded by its path, with a token of its own in a folder of its own. Whatever fails ends
 * the program with its name. */
#ifndef BULLA_TESTS_ENGINE_H
#define BULLA_TESTS_ENGINE_H

#include <stdbool.h>

#include "bulla_pkcs11.h"

struct engine {
    const char *name;
    CK_FUNCTION_LIST *p11;
    CK_SLOT_ID slot;
};

double bench_now(void); /* seconds */
void bench_must(const char *what, CK_RV code);
void bench_give_up(const char *what, unsigned long code) __attribute__((noreturn));
/* Configures by the environment, loads, makes a token and logs in; the session that holds the login is returned. */
CK_SESSION_HANDLE bench_bulla_open(struct engine *engine, const char *module, const char *folder);
/* The same with what keeps its key, a line of bulla.conf: "release = passphrase", "tcti = swtpm:path=…". */
CK_SESSION_HANDLE bench_bulla_open_kept(
    struct engine *engine, const char *module, const char *folder, const char *keeper);
CK_SESSION_HANDLE bench_softhsm_open(struct engine *engine, const char *module, const char *folder);
CK_SESSION_HANDLE bench_session(const struct engine *engine);

#endif
