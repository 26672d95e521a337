/* PKCS#11 as bulla speaks it: p11-kit's 2.40 header, and what it lacks of 3.0 to 3.2 (OASIS standard and committee
 * specification: names, numbers and layouts only). */
#ifndef BULLA_PKCS11_H
#define BULLA_PKCS11_H

#include <p11-kit/pkcs11.h>

#include "bulla.h"
#include "bulla_pkcs11_numbers.h"
#include "bulla_pkcs11_structures.h"

#define CKA_UNIQUE_ID 0x04UL
#define CKA_PROFILE_ID 0x601UL
#define CKO_PROFILE 0x09UL
#define CKP_BASELINE_PROVIDER 0x01UL
#define CKR_OPERATION_CANCEL_FAILED 0x202UL
#define CKR_TOKEN_RESOURCE_EXCEEDED 0x201UL
#define CKF_INTERFACE_FORK_SAFE 0x01UL
#define CKF_FIND_OBJECTS 0x40UL /* of C_SessionCancel */
#ifndef CKA_COPYABLE
#define CKA_COPYABLE 0x171UL
#endif
#ifndef CKA_DESTROYABLE
#define CKA_DESTROYABLE 0x172UL
#endif

typedef struct CK_INTERFACE {
    unsigned char *pInterfaceName;
    void *pFunctionList;
    CK_FLAGS flags;
} CK_INTERFACE;

/* The functions that 3.0 adds, in the order of CK_FUNCTION_LIST_3_0: name and parameters. */
#define BULLA_FUNCTIONS_3_0(F)                                                                                         \
    F(C_GetInterfaceList, (CK_INTERFACE *, unsigned long *))                                                           \
    F(C_GetInterface, (unsigned char *, CK_VERSION *, CK_INTERFACE **, CK_FLAGS))                                      \
    F(C_LoginUser, (CK_SESSION_HANDLE, CK_USER_TYPE, unsigned char *, unsigned long, unsigned char *, unsigned long))  \
    F(C_SessionCancel, (CK_SESSION_HANDLE, CK_FLAGS))                                                                  \
    F(C_MessageEncryptInit, (CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE))                                     \
    F(C_EncryptMessage, (CK_SESSION_HANDLE, void *, unsigned long, unsigned char *, unsigned long, unsigned char *,    \
                            unsigned long, unsigned char *, unsigned long *))                                          \
    F(C_EncryptMessageBegin, (CK_SESSION_HANDLE, void *, unsigned long, unsigned char *, unsigned long))               \
    F(C_EncryptMessageNext, (CK_SESSION_HANDLE, void *, unsigned long, unsigned char *, unsigned long,                 \
                                unsigned char *, unsigned long *, CK_FLAGS))                                           \
    F(C_MessageEncryptFinal, (CK_SESSION_HANDLE))                                                                      \
    F(C_MessageDecryptInit, (CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE))                                     \
    F(C_DecryptMessage, (CK_SESSION_HANDLE, void *, unsigned long, unsigned char *, unsigned long, unsigned char *,    \
                            unsigned long, unsigned char *, unsigned long *))                                          \
    F(C_DecryptMessageBegin, (CK_SESSION_HANDLE, void *, unsigned long, unsigned char *, unsigned long))               \
    F(C_DecryptMessageNext, (CK_SESSION_HANDLE, void *, unsigned long, unsigned char *, unsigned long,                 \
                                unsigned char *, unsigned long *, CK_FLAGS))                                           \
    F(C_MessageDecryptFinal, (CK_SESSION_HANDLE))                                                                      \
    F(C_MessageSignInit, (CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE))                                        \
    F(C_SignMessage,                                                                                                   \
        (CK_SESSION_HANDLE, void *, unsigned long, unsigned char *, unsigned long, unsigned char *, unsigned long *))  \
    F(C_SignMessageBegin, (CK_SESSION_HANDLE, void *, unsigned long))                                                  \
    F(C_SignMessageNext,                                                                                               \
        (CK_SESSION_HANDLE, void *, unsigned long, unsigned char *, unsigned long, unsigned char *, unsigned long *))  \
    F(C_MessageSignFinal, (CK_SESSION_HANDLE))                                                                         \
    F(C_MessageVerifyInit, (CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE))                                      \
    F(C_VerifyMessage,                                                                                                 \
        (CK_SESSION_HANDLE, void *, unsigned long, unsigned char *, unsigned long, unsigned char *, unsigned long))    \
    F(C_VerifyMessageBegin, (CK_SESSION_HANDLE, void *, unsigned long))                                                \
    F(C_VerifyMessageNext,                                                                                             \
        (CK_SESSION_HANDLE, void *, unsigned long, unsigned char *, unsigned long, unsigned char *, unsigned long))    \
    F(C_MessageVerifyFinal, (CK_SESSION_HANDLE))

/* The functions that 3.2 adds, in the order of CK_FUNCTION_LIST_3_2. */
#define BULLA_FUNCTIONS_3_2(F)                                                                                         \
    F(C_EncapsulateKey, (CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE, CK_ATTRIBUTE *, unsigned long,           \
                            unsigned char *, unsigned long *, CK_OBJECT_HANDLE *))                                     \
    F(C_DecapsulateKey, (CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE, CK_ATTRIBUTE *, unsigned long,           \
                            unsigned char *, unsigned long, CK_OBJECT_HANDLE *))                                       \
    F(C_VerifySignatureInit, (CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE, unsigned char *, unsigned long))    \
    F(C_VerifySignature, (CK_SESSION_HANDLE, unsigned char *, unsigned long))                                          \
    F(C_VerifySignatureUpdate, (CK_SESSION_HANDLE, unsigned char *, unsigned long))                                    \
    F(C_VerifySignatureFinal, (CK_SESSION_HANDLE))                                                                     \
    F(C_GetSessionValidationFlags, (CK_SESSION_HANDLE, CK_SESSION_VALIDATION_FLAGS_TYPE, CK_FLAGS *))                  \
    F(C_AsyncComplete, (CK_SESSION_HANDLE, unsigned char *, CK_ASYNC_DATA *))                                          \
    F(C_AsyncGetID, (CK_SESSION_HANDLE, unsigned char *, unsigned long *))                                             \
    F(C_AsyncJoin, (CK_SESSION_HANDLE, unsigned char *, unsigned long, unsigned char *, unsigned long))                \
    F(C_WrapKeyAuthenticated, (CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE, CK_OBJECT_HANDLE, unsigned char *, \
                                  unsigned long, unsigned char *, unsigned long *))                                    \
    F(C_UnwrapKeyAuthenticated,                                                                                        \
        (CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE, unsigned char *, unsigned long, CK_ATTRIBUTE *,          \
            unsigned long, unsigned char *, unsigned long, CK_OBJECT_HANDLE *))

#define BULLA_DECLARE(name, parameters) CK_RV name parameters;
BULLA_FUNCTIONS_3_0(BULLA_DECLARE)
BULLA_FUNCTIONS_3_2(BULLA_DECLARE)
#undef BULLA_DECLARE

/* CK_FUNCTION_LIST_3_0 and _3_2: the older list, then the new members. The standard lays them out in one structure; a
 * structure that begins with the older one has the same layout. */
#define BULLA_MEMBER(name, parameters) CK_RV(*name) parameters;
struct bulla_function_list_3_0 {
    CK_FUNCTION_LIST base;
    BULLA_FUNCTIONS_3_0(BULLA_MEMBER)
};
struct bulla_function_list_3_2 {
    struct bulla_function_list_3_0 base;
    BULLA_FUNCTIONS_3_2(BULLA_MEMBER)
};
#undef BULLA_MEMBER

#endif
