/* Keys to derive from and what is derived, for the tests of derivations. */
#ifndef BULLA_TESTS_DERIVE_FIXTURE_H
#define BULLA_TESTS_DERIVE_FIXTURE_H

#include "module_fixture.h"

#define MECHANISM(type, parameter)                                                                                     \
    (CK_MECHANISM)                                                                                                     \
    {                                                                                                                  \
        (type), &(parameter), sizeof(parameter)                                                                        \
    }

/* A session key of this value that derives; asserted. */
CK_OBJECT_HANDLE derive_base(
    CK_SESSION_HANDLE session, CK_KEY_TYPE type, const void *value, size_t size, bool sensitive, bool extractable);
/* The same, whose value may be read. */
CK_OBJECT_HANDLE derive_open_base(CK_SESSION_HANDLE session, CK_KEY_TYPE type, const void *value, size_t size);
/* C_DeriveKey's code, for a generic secret that may be read (`guarded`: that may not); size 0: the template does not
 * say. *key is 0 where the module did not set it. */
CK_RV derive_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base, CK_ULONG size, bool guarded,
    CK_OBJECT_HANDLE *key);
/* Derives a readable key and compares its value; asserted. `size` as above. */
void derive_expect(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base, CK_ULONG size,
    const void *expected, size_t expected_size);
/* An object's CKA_VALUE; asserted. */
size_t derive_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, unsigned char *value, size_t most);

#endif
