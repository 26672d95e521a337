/* Every function of PKCS#11, called with what a test gives it: a table, a row each, for test_arguments.c. */
#ifndef BULLA_TESTS_FUNCTION_ROWS_H
#define BULLA_TESTS_FUNCTION_ROWS_H

#include "module_fixture.h"

/* What a row is called with. */
struct given {
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE object;
    unsigned null; /* a bit for each pointer that is NULL, in the order of the arguments */
    CK_SLOT_ID slot;
};
enum { EVERY = ~0 }; /* of `null`: all of them */

/* Kinds of functions: what decides their answers. */
enum kind {
    GLOBAL,      /* names no session */
    IN_SLOT,     /* names a slot */
    IN_SESSION,  /* works in a session */
    OPERATION,   /* continues an operation: with none active, CKR_OPERATION_NOT_INITIALIZED whatever else is wrong */
    UNSUPPORTED, /* CKR_FUNCTION_NOT_SUPPORTED */
    LEGACY,      /* CKR_FUNCTION_NOT_PARALLEL */
};

#define NONE (~0UL)
struct row {
    const char *name;
    CK_RV (*call)(const struct given *given);
    enum kind kind;
    CK_RV null;        /* NULL pointers in a live session, the user logged in; ~0: not called */
    CK_RV dead_object; /* live session, pointers, an object that is not there; ~0: names no object */
};
extern const struct row rows[];
extern const size_t rows_count;

/* What the calls are given where it is not NULL: set anew by renew(), but for the mechanism. */
extern CK_MECHANISM mechanism;
extern unsigned char bytes[64];
void renew(void);
extern unsigned taken_pointers; /* a bit for each pointer of the calls since it was 0 */

/* The answer where one pointer alone is NULL. */
CK_RV expected_without(const struct row *row, unsigned pointer);
/* What has to be under way for a function that continues it, as CKF_; a promised verification is
 * C_VerifySignatureInit's. */
enum { PROMISED = 1UL << 40 };
CK_FLAGS operations_of(const struct row *row);
extern const size_t continued_count; /* of those functions */
/* A mechanism of a function that takes one; 0: it takes none. */
CK_MECHANISM_TYPE type_of(const struct row *row);

#endif
