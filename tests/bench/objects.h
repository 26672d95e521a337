/* What the parts of bench_objects share: a module under test, its token and the objects in it, all through PKCS#11.
 * Whatever can't be done ends the benchmark. */
#ifndef BULLA_TESTS_BENCH_OBJECTS_H
#define BULLA_TESTS_BENCH_OBJECTS_H

#include <time.h>

#include "bulla_pkcs11.h"

struct engine {
    const char *name, *module, *variable; /* of the environment: where its configuration is */
    char conf[128];
    unsigned long objects;
    double made; /* seconds that making the objects took */
};

/* Seconds. */
double bench_seconds(clockid_t clock);
double bench_now(void);
void bench_give_up(const char *what, unsigned long code) __attribute__((noreturn));
void bench_must(const char *what, CK_RV code);

/* --- the module and its token --- */
#define PIN(text) (text), sizeof(text) - 1
extern unsigned char user_pin[15];
extern CK_FUNCTION_LIST *p11;
extern CK_SLOT_ID slot, other_slot; /* bulla has a second, empty token beside */
void bench_load(const char *path);
void bench_initialize(void);
CK_SESSION_HANDLE bench_open_session(void);
/* Makes the slot the one that is used. */
CK_SESSION_HANDLE bench_log_in(CK_SLOT_ID where);
void bench_make_token(void);

/* --- its objects: a quarter each of data objects, certificates, public keys and secret keys, labelled "object N" ---
 */
extern CK_BBOOL yes;
extern CK_OBJECT_CLASS secret_key;
CK_OBJECT_HANDLE bench_create(CK_SESSION_HANDLE session, unsigned long number);
CK_ULONG bench_find(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count);
/* What is timed, again and again; `number` ascends. */
typedef void step(CK_SESSION_HANDLE session, unsigned long number, unsigned long objects);
void bench_find_label(CK_SESSION_HANDLE session, unsigned long number, unsigned long objects);

/* --- objects_beside.c --- */
/* What one call costs a reader, in seconds of its own processor time, slice by slice, while another process writes to
 * the same token and while it writes to another one. */
enum { SLICES = 100, READERS = 2 };
struct beside {
    double each[READERS][2][SLICES / 2];
    double walled;
    unsigned long written;
};
/* In a process of its own; `result` is a struct beside. */
void bench_beside_apart(const struct engine *engine, void *result);
void bench_print_beside(const struct engine *engine, const struct beside *beside);

#endif
