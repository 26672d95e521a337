/* What the tests of the module share: libbulla.so loaded as an application loads it, and a token in a fresh folder.
 *
 * The module is one for the process; a fixture initialises it in setup and finalises it in teardown. `p11`, `p11_3`
 * and `p11_32` are its lists, valid from module_load on. */
#ifndef BULLA_TESTS_MODULE_FIXTURE_H
#define BULLA_TESTS_MODULE_FIXTURE_H

#include "support/test.h"

#include <stdbool.h>
#include <string.h>
#include <sys/types.h>

#include "bulla_pkcs11.h"
#include "support/folder.h"

extern CK_FUNCTION_LIST *p11;
extern struct bulla_function_list_3_0 *p11_3;
extern struct bulla_function_list_3_2 *p11_32;
extern void *p11_library;

#define SO_PIN "so-secret"
#define USER_PIN "user-secret"
#define PIN(text) (unsigned char *)(uintptr_t)(text), sizeof(text) - 1

struct module_fixture {
    char folder[64]; /* removed with everything in it */
    char conf[96];   /* bulla.conf, named by BULLA_CONF */
    char token[96];  /* the token's folder; slot 0 */
    CK_SESSION_HANDLE session;
};

/* cmocka's setups: each does what the one before does, and more. */
int module_setup_conf(void **state);   /* folder and bulla.conf; not initialised */
int module_setup_bare(void **state);   /* C_Initialize; the token is not initialised */
int module_setup_public(void **state); /* C_InitToken, C_InitPIN, a read-write session; nobody logged in */
int module_setup(void **state);        /* the user is logged in */
int module_teardown(void **state);     /* C_Finalize where it is initialised */
int module_load(void **state);         /* of the group; a second call does nothing */
void module_conf(const struct module_fixture *fixture, const char *more); /* [token demo], path, `more` */
void module_initialize(void);                                             /* C_Initialize(NULL), asserted */
void module_token_make(CK_SLOT_ID slot, bool user_pin);
CK_SESSION_HANDLE module_session(CK_SLOT_ID slot, CK_FLAGS more);
CK_RV module_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *pin);

#define MODULE_TEST(name) cmocka_unit_test_setup_teardown(name, module_setup, module_teardown)
#define PUBLIC_TEST(name) cmocka_unit_test_setup_teardown(name, module_setup_public, module_teardown)
#define BARE_TEST(name) cmocka_unit_test_setup_teardown(name, module_setup_bare, module_teardown)
#define CONF_TEST(name) cmocka_unit_test_setup_teardown(name, module_setup_conf, module_teardown)

#define assert_rv(call, expected) assert_int_equal((call), (expected))
#define assert_ok(call) assert_int_equal((call), CKR_OK)

/* --- templates --- */
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define ATTRIBUTE(type, value)                                                                                         \
    {                                                                                                                  \
        (type), (void *)(uintptr_t) & (value), sizeof(value)                                                           \
    }
#define TEXT_ATTRIBUTE(type, text)                                                                                     \
    {                                                                                                                  \
        (type), (void *)(uintptr_t)(text), strlen(text)                                                                \
    }
extern CK_BBOOL yes, no;
extern CK_OBJECT_CLASS class_data, class_certificate, class_public, class_private, class_secret;

/* A data object of the token (or session) with label and value; asserted. */
CK_OBJECT_HANDLE module_data(
    CK_SESSION_HANDLE session, bool on_token, bool is_private, const char *label, const char *value);
/* An Ed25519 key pair half or a generic secret that everyday tools could import; returns C_CreateObject's code. */
CK_RV module_secret(CK_SESSION_HANDLE session, bool on_token, bool sensitive, bool extractable, const char *label,
    CK_OBJECT_HANDLE *handle);
/* How many objects match; asserted to work. first: may be NULL. */
unsigned long module_find(
    CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, unsigned long count, CK_OBJECT_HANDLE *first);
unsigned long module_find_label(CK_SESSION_HANDLE session, const char *label, CK_OBJECT_HANDLE *first);
/* Reads one attribute; *size is the capacity, then the size. */
CK_RV module_get(
    CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *value, unsigned long *size);
/* Whether an attribute has exactly this text. */
bool module_has_text(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, const char *text);
/* An attribute that must be there and readable, and of its type: CK_TRUE or CK_FALSE, or a number. Asserted. */
CK_BBOOL module_boolean(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
CK_ULONG module_ulong(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
/* Returns C_CreateObject's code; *handle is 0 where the module did not set it. */
CK_RV module_create(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, size_t count, CK_OBJECT_HANDLE *handle);

/* --- processes --- */
/* Runs body in a forked child; returns what it returned (0 to 255), or 256 + the signal that ended it. A child that
 * does not end within 30 seconds is killed. */
int module_in_child(int (*body)(void *context), void *context);
pid_t module_start_child(int (*body)(void *context), void *context);
int module_wait_child(pid_t child);

#endif
