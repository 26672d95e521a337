/* A token of the built libbulla.so, as an application has one: loaded with dlopen and reached through its function list
 * only, in a folder of its own, on a software TPM where a test wants one.
 *
 *     flow_begin(FLOW_TPM, "lease = 1\n");     initialised, and logged in as the user
 *     assert_refused(flow_infer(key, …), CKR_FUNCTION_REJECTED, "tpm-pcr-changed");
 *     flow_end();                              checks that the TPM holds nothing of the token
 *
 * Whatever a helper of this file expects and does not get fails the test. */
#ifndef BULLA_TESTS_FLOW_H
#define BULLA_TESTS_FLOW_H

#include "support/test.h"

#include <stdbool.h>

#include "bulla_pkcs11.h"
#include "crypto/bytes.h"
#include "support/folder.h"
#include "support/swtpm.h"

#define FLOW_PIN "user-pin"
#define FLOW_SO_PIN "so-pin-12"

enum flow_kind { FLOW_PLAIN, FLOW_TPM, FLOW_ENDORSED }; /* the last: a TPM with its maker's certificates */

struct flow {
    CK_FUNCTION_LIST *p11;
    char folder[64], token[96], models[112], log[96];
    enum flow_kind kind;
    struct test_swtpm tpm;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session;
    bool ready; /* between C_Initialize and C_Finalize */
};
extern struct flow flow;

/* Whether the module was built with fault points (BULLA_FAULTS). */
bool flow_has_faults(void);
/* Long versions of tests: BULLA_TEST_LONG is set (make check-full). */
bool flow_is_long(void);

/* The functions of PKCS#11 3.0, once flow_begin has loaded the module. */
const struct bulla_function_list_3_0 *flow_functions_3(void);
const struct bulla_function_list_3_2 *flow_functions_32(void);

/* Writes bulla.conf with these settings behind the usual ones; it is read by the next flow_open. */
void flow_configure(const char *settings);
void flow_begin(enum flow_kind kind, const char *settings);
void flow_end(void);

/* C_Initialize and a session; C_Finalize. */
void flow_open(void);
void flow_close(void);
/* flow_open and the user's login; the same after flow_close. */
void flow_resume(void);
void flow_reopen(void);
CK_RV flow_login(const char *pin);
/* Logs out and in again: everything that was opened is closed. */
void flow_relogin(void);
/* A passphrase for release trees, by C_Login(CKU_CONTEXT_SPECIFIC). */
CK_RV flow_passphrase(const char *passphrase);

/* --- why something was refused --- */
struct flow_refusal {
    uint64_t line; /* of the audit log; 0: nothing was refused yet */
    char reason[64], detail[768], remedy[512];
};
/* The last entry of the "why" object. */
void flow_why(struct flow_refusal *refusal);
/* The call gives this code, and a new entry of "why" gives this reason (a stable code). */
#define assert_refused(call, code, reason)                                                                             \
    do {                                                                                                               \
        struct flow_refusal before_;                                                                                   \
        flow_why(&before_);                                                                                            \
        CK_RV rv_ = (call);                                                                                            \
        flow_assert_refused(&before_, rv_, (code), (reason), __FILE__, __LINE__);                                      \
    } while (0)
void flow_assert_refused(
    const struct flow_refusal *before, CK_RV rv, CK_RV code, const char *reason, const char *file, int line);
#define assert_ok(call) flow_assert_ok((call), #call, __FILE__, __LINE__)
void flow_assert_ok(CK_RV rv, const char *call, const char *file, int line);
/* The reason that the module last gave in its log (BULLA_LOG), for calls before there is a session. */
void flow_assert_logged(const char *reason);
/* CKA_VALUE of the object "status" or "why", malloc'd. */
char *flow_status(const char *label);

/* No transient object and no session is left in the TPM. */
void flow_assert_nothing_loaded(void);
/* Flushes what a process that was killed in the middle of a command left there. */
void flow_flush_loaded(void);
/* The TPM forgets the wrong tries that it counted. */
void flow_reset_lockout(void);

/* --- folders --- */
void flow_copy_folder(const char *from, const char *to);
void flow_remove_folder(const char *path);
/* The token's file of this name becomes that of the folder, or is gone where that has none. */
void flow_put_file(const char *folder, const char *name);
/* Puts the folder at `path` in the token's place, and the token's there, between flow_close and flow_resume. */
void flow_exchange_folder(const char *path);

/* --- objects --- */
CK_OBJECT_HANDLE flow_find(CK_OBJECT_CLASS object_class, const char *label); /* 0: none; label NULL: any */
CK_ULONG flow_ulong(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
bool flow_bool(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
size_t flow_bytes(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, uint8_t *value, size_t capacity);

/* A user beside the owner. */
void flow_add_user(const char *name, const char *pin);

/* Runs `body` in a child process that starts without the module's state; gives its wait status. */
int flow_in_child(void (*body)(void *context), void *context);

#endif
